"""adseis beside other engines on one problem: forward, gradient, memory, and whether their gathers agree.

    python benchmarks/install_peers.py                          # once: the peers, each in a virtual environment of its own
    python benchmarks/peers.py                                  # all cases, on a machine that does nothing else
    python benchmarks/peers.py --cases A E --equations scalar
    python benchmarks/peers.py --shrink 4 --repeats 1           # every engine at toy size

Every engine runs in a process of its own, on the CPU, with the threads that it takes by default, in float32, order 4, with
absorbing layers of 20 cells. The processes stay alive and take turns, one timed run each, so that a machine that slows down
slows them all; a pause between runs lets idle threads fall asleep. Reported are medians; JSON has the fastest and all runs. The
gradient is that of half the sum of the squared gathers. Before timing, gathers are compared with adseis', each engine's sources
being scaled and timed as its documentation says, and nothing fitted. Gradients are compared 15 nodes and more from the faces,
and so from sources and receivers: some engines do not differentiate how a source's amplitude depends on vp.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from engines.problem import BY_ALL, BY_VP, BY_VP_RHO, FORWARD, UnavailableError
from matplotlib.figure import Figure
from peer_cases import CASES, EQUATIONS, Case
from peer_session import ENGINES, Session
from reporting import bars, markdown, now, processor_name, table, write, write_text

from adseis.viz.figures import new_figure

REFERENCE, YARDSTICK = "adseis", "Deepwave"
AGREE = 0.02  # relative L2
MARGIN = 15  # nodes at the faces where gradients are not compared
NAMES = {FORWARD: "forward", BY_VP: "gradient", BY_VP_RHO: "gradient vp, rho", BY_ALL: "gradient vp, vs, rho"}


@dataclass(frozen=True)
class Benchmark:
    """Time adseis and its peers."""

    cases: tuple[str, ...] = tuple(CASES)
    """A to F: 2D 400 x 400, 600 x 600, 1000 x 1000; 16 models of 70 x 70; 3D 80 x 80 x 80, 120 x 120 x 120."""
    equations: tuple[str, ...] = EQUATIONS
    """scalar, acoustic, elastic."""
    engines: tuple[str, ...] = tuple(ENGINES)
    """Which engines, by the names in the table; adseis always runs."""
    repeats: int = 5
    """Timed runs of every task of every engine, after one that compiles."""
    pause: float = 0.3
    """Seconds between runs."""
    patience: float = 1800.0
    """Seconds after which a run is given up."""
    shrink: int = 1
    """Divide the nodes along every axis, and the models, by this."""
    root: Path = Path("runs/peers")
    """Folder of the peers' virtual environments."""
    output: Path = Path("runs/benchmarks/peers")
    """Where to write, without extension: .json, .png and .md."""


@dataclass
class Contestant:
    """An engine in one case and equation, and what is known of it.

    Attributes:
        first: Seconds of the first run of every task, compiling included.
        differs: Relative L2 difference from adseis, per task; the largest over the parameters.
        runs: Seconds of the timed runs.
        peak: Peak memory of the process [MB] after the first run of a task, and those before it.
    """

    name: str
    session: Session
    versions: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    first: dict[str, float] = field(default_factory=dict)
    differs: dict[str, float] = field(default_factory=dict)
    runs: dict[str, list[float]] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)


def measure(case: Case, letter: str, equation: str, settings: Benchmark) -> tuple[list[Contestant], dict[str, str]]:
    """Engines that could do one case in one equation, and why the others could not."""
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        problem = scratch / "problem.npz"
        case.problem(equation).write(problem)
        racing: list[Contestant] = []
        for i, (name, entry) in enumerate(ENGINES.items()):
            if name not in (REFERENCE, *settings.engines):
                continue
            try:
                if letter not in entry.cases:
                    raise UnavailableError(f"only cases {', '.join(entry.cases)} are asked of it")
                session = stack.enter_context(Session(entry, settings.root, scratch / str(i), settings.patience))
                racing.append(first_runs(Contestant(name, session), problem, len(case.shape), racing))
                print(f"  {name}: {said_of(racing[-1])}", flush=True)
            except UnavailableError as why:
                if name == REFERENCE:
                    raise SystemExit(f"{name}, which the others are compared with: {why}") from None
                left_out[name] = str(why)
                print(f"  {name}: left out, {why}", flush=True)
        for _ in range(settings.repeats):
            for task in NAMES:
                for one in [c for c in racing if task in c.tasks]:
                    time.sleep(settings.pause)
                    try:
                        one.runs.setdefault(task, []).append(one.session.ask(do="run", task=task)["seconds"])
                    except UnavailableError as why:
                        racing.remove(one)
                        left_out[one.name] = str(why)
                        print(f"  {one.name}: left out, {why}", flush=True)
        return racing, left_out


def first_runs(one: Contestant, problem: Path, axes: int, racing: Sequence[Contestant]) -> Contestant:
    """Prepare an engine, run its tasks once, and compare what they find with the reference, which is the first that races."""
    prepared = one.session.ask(do="prepare", problem=str(problem))
    one.versions, one.remarks, one.tasks = prepared["versions"], prepared["remarks"], prepared["tasks"]
    for task in one.tasks:
        name = "".join(c if c.isalnum() else "-" for c in task)
        reference, found = (problem.with_name(f"{who}-{name}.npz") for who in ("reference", "found"))
        answer = one.session.ask(do="first", task=task, save=str(found if racing else reference))
        one.first[task], one.peak[task] = answer["seconds"], answer["peak_MB"]
        one.differs[task] = difference(found, reference, 0 if task == FORWARD else axes) if racing else 0.0
    return one


def difference(found: Path, reference: Path, axes: int) -> float:
    """The largest relative L2 difference of stored arrays, away from the faces of their last axes."""
    largest = 0.0
    with np.load(found, allow_pickle=False) as ours, np.load(reference, allow_pickle=False) as theirs:
        if ours.files != theirs.files:
            raise UnavailableError(f"it returned {len(ours.files)} arrays in place of {len(theirs.files)}")
        for k in theirs.files:
            a, b = (np.asarray(x[k], float)[(..., *[slice(MARGIN, -MARGIN)] * axes)] for x in (ours, theirs))
            if a.shape != b.shape:
                raise UnavailableError(f"it returned {ours[k].shape} in place of {theirs[k].shape}")
            largest = max(largest, float(np.linalg.norm(a - b) / np.linalg.norm(b)))
    return largest


def said_of(one: Contestant) -> str:
    """How an engine's gathers and gradients compare, for the screen and the remarks."""
    if one.name == REFERENCE:
        return "the reference"
    gather, *gradients = [100 * one.differs[task] for task in one.tasks]
    verdict = "gathers agree" if gather <= 100 * AGREE else "gathers DIFFER"
    shown = f"{verdict}: by {gather:.2g} %"
    return shown + (f"; gradients by {', '.join(f'{g:.2g}' for g in gradients)} %" if gradients else "; no gradient")


def rows_of(letter: str, equation: str, racing: Sequence[Contestant]) -> list[dict[str, Any]]:
    """One row per engine."""
    medians = {c.name: {task: statistics.median(runs) for task, runs in c.runs.items()} for c in racing}
    rows = []
    for one in racing:
        mine, yardstick = medians[one.name], medians.get(YARDSTICK, {})
        row: dict[str, Any] = {"case": letter, "equation": equation, "engine": one.name}
        row |= {f"{NAMES[task]} [s]": seconds for task, seconds in mine.items()}
        row |= {f"{NAMES[task]} / forward": seconds / mine[FORWARD] for task, seconds in mine.items() if task != FORWARD}
        row |= {f"{NAMES[task]} / {YARDSTICK}": s / yardstick[task] for task, s in mine.items() if task in yardstick}
        row["peak [MB]"] = max(one.peak.values())
        row |= {f"first {NAMES[task]} [s]": seconds for task, seconds in one.first.items() if task in (FORWARD, BY_VP)}
        row |= {f"{NAMES[task]} differs [%]": float(f"{100 * d:.2g}") for task, d in one.differs.items()}
        differs = [f"differs by {100 * one.differs[FORWARD]:.2g} %"] if one.differs.get(FORWARD, 0) > AGREE else []
        row["remarks"] = "; ".join(differs + one.remarks)
        row["runs"] = [
            {"task": task, "fastest": min(runs), "seconds": runs, "peak_MB": one.peak[task]} for task, runs in one.runs.items()
        ]
        rows.append(row)
    return rows


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Seconds of a forward and of a gradient, a row of bars per case and equation."""
    groups = list(dict.fromkeys((row["case"], row["equation"]) for row in rows))
    colors = {name: f"C{i}" for i, name in enumerate(ENGINES)}
    figure = new_figure(11.0, 0.4 + 0.28 * len(rows) + 0.7 * len(groups))
    heights = [0.7 + 0.28 * sum((row["case"], row["equation"]) == group for row in rows) for group in groups]
    panels = figure.subplots(len(groups), 2, squeeze=False, height_ratios=heights)
    for axes, group in zip(panels, groups, strict=True):
        of_group = [row for row in rows if (row["case"], row["equation"]) == group]
        for panel, task in zip(axes, (FORWARD, BY_VP), strict=True):
            name = f"{NAMES[task]} [s]"
            shown = [row for row in of_group if panel is axes[0] or name in row]
            labels = [row["engine"] for row in shown]
            bars(panel, labels, [row.get(name, 0.0) for row in shown], [colors[label] for label in labels], name)
            panel.set_title(f"{group[0]}, {group[1]}", fontsize="medium")
            panel.tick_params(labelleft=True, labelbottom=True)
            panel.set_xlabel(name)
    return figure


def report(record: dict[str, Any]) -> str:
    """The tables in Markdown."""
    settings = record["settings"]
    lines = [
        f"{record['device']}, {record['date']}; medians of {settings['repeats']} run(s), by `python benchmarks/peers.py`"
        + (f" with `--shrink {settings['shrink']}`" if settings["shrink"] > 1 else "") + ".",
        "",
        ", ".join(f"{engine}: " + " ".join(f"{k} {v}" for k, v in found.items()) for engine, found in record["versions"].items())
        + ".",
    ]  # fmt: skip
    for case in record["cases"]:
        rows = [{k: v for k, v in row.items() if k not in ("case", "equation")} for row in case["rows"]]
        lines += ["", f"**{case['case']}, {case['equation']}**: {case['size']}", "", markdown(rows)]
        lines += [""] * bool(case["left_out"]) + [f"- {name}: left out, {why}" for name, why in case["left_out"].items()]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write after every case."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    for chosen, known in ((settings.cases, CASES), (settings.equations, EQUATIONS), (settings.engines, ENGINES)):
        if unknown := set(chosen) - set(known):
            raise SystemExit(f"unknown: {sorted(unknown)}; there are {list(known)}")
    shown = {k: v for k, v in asdict(settings).items() if k not in ("root", "output")}
    record: dict[str, Any] = {"date": now(), "device": processor_name(), "settings": shown, "versions": {}, "cases": []}
    if hasattr(os, "getloadavg"):
        record["load_before"] = os.getloadavg()
        print(f"{record['device']}, load {os.getloadavg()[0]:.2g} before the start (should be 0)", flush=True)
    for letter in settings.cases:
        case = CASES[letter].shrunk(settings.shrink) if settings.shrink > 1 else CASES[letter]
        for equation in settings.equations:
            print(f"{letter}, {equation}: {case}", flush=True)
            racing, left_out = measure(case, letter, equation, settings)
            record["versions"] |= {c.name: c.versions for c in racing}
            rows = rows_of(letter, equation, racing)
            record["cases"].append({"case": letter, "equation": equation, "size": str(case), "rows": rows, "left_out": left_out})
            print(table(rows), flush=True)
            write(record, picture([row for c in record["cases"] for row in c["rows"]]), settings.output)
            write_text(report(record), settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
