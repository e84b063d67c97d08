"""OpenFWI's operator beside Deepwave: maps in five shots of 1000 steps, gathers and gradient, time and memory.

    python benchmarks/install_peers.py --only deepwave          # once
    python benchmarks/openfwi.py                                # on a machine that does nothing else

adseis runs `openfwi.simulate_maps` with a device per core: 310 x 310 nodes, OpenFWI's own damping. Deepwave runs its scalar
propagator on as many nodes: the map and 100 around it, and 20 cells of its layers; order 4, float32. It keeps every step of every
shot, so it is given a few maps at a time, and its times are added up. Both take turns, a timed run each; reported are medians.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from engines.problem import BY_VP, FORWARD, Problem
from matplotlib.figure import Figure
from peer_session import ENGINES, Entry, Session
from reporting import bars, markdown, now, processor_name, table, write, write_text

from adseis.data import openfwi
from adseis.data.openfwi_survey import DT, FREQUENCY, SPACING
from adseis.viz.figures import new_figure

OURS, YARDSTICK = "adseis", "Deepwave"
AROUND, LAYER = 100, 20


@dataclass(frozen=True)
class Benchmark:
    """Time OpenFWI's operator."""

    maps: int = 16
    """Maps, each in five shots."""
    at_once: int = 4
    """Maps that Deepwave is given at a time; it holds some 2 GB for each."""
    nt: int = 1000
    """Steps."""
    repeats: int = 3
    """Timed runs, after one that compiles."""
    pause: float = 0.3
    """Seconds between runs."""
    patience: float = 1800.0
    """Seconds after which a run is given up."""
    root: Path = Path("runs/peers")
    """Folder of the peers' virtual environments."""
    output: Path = Path("runs/benchmarks/openfwi")
    """Where to write, without extension: .json, .png and .md."""


def problem(settings: Benchmark) -> Problem:
    """Layered maps, each 1 % slower than the one before."""
    depth = np.linspace(0, 1, 70)[:, None] * np.ones(70)
    vp = np.select([depth < 0.3, depth < 0.6], [2000.0, 2600.0], 3400.0)
    maps = np.stack([vp * (1 - 0.01 * i) for i in range(settings.maps)]).astype("float32")
    where, samples = openfwi.lines(), openfwi.wavelet(nt=settings.nt)
    sources, receivers = where.sources, where.receivers
    return Problem("scalar", maps, maps, maps, sources, receivers, samples, samples, SPACING, DT, FREQUENCY, LAYER, 4)


def widened(part: Problem, count: int) -> Problem:
    """The first maps with what stands around them, for an engine that ends its grid by layers."""
    vp = np.pad(part.vp[:count], [(0, 0), (AROUND, AROUND), (AROUND, AROUND)], mode="edge")
    return replace(part, vp=vp, vs=vp, rho=vp, sources=part.sources + AROUND, receivers=part.receivers + AROUND)


def measure(settings: Benchmark) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each engine, and their versions."""
    whole = problem(settings)
    entries = {OURS: Entry("openfwi_engine:prepare", "", "", {}), YARDSTICK: ENGINES[YARDSTICK]}
    asked = {OURS: whole, YARDSTICK: widened(whole, settings.at_once)}
    turns = {OURS: 1, YARDSTICK: -(-settings.maps // settings.at_once)}
    seconds: dict[str, dict[str, list[float]]] = {name: {FORWARD: [], BY_VP: []} for name in entries}
    peak, versions = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sessions = {}
        try:
            for name, entry in entries.items():
                sessions[name] = Session(entry, settings.root, scratch / name, settings.patience)
                file = scratch / f"{name}.npz"
                asked[name].write(file)
                versions[name] = sessions[name].ask(do="prepare", problem=str(file))["versions"]
                for task in (FORWARD, BY_VP):
                    answer = sessions[name].ask(do="first", task=task, save=str(scratch / "found.npz"))
                    peak[name, task] = answer["peak_MB"]
            for _ in range(settings.repeats):
                for task in (FORWARD, BY_VP):
                    for name, session in sessions.items():
                        time.sleep(settings.pause)
                        runs = [session.ask(do="run", task=task)["seconds"] for _ in range(turns[name])]
                        seconds[name][task].append(sum(runs))
        finally:
            for session in sessions.values():
                session.__exit__()
    medians = {name: {task: statistics.median(runs) for task, runs in each.items()} for name, each in seconds.items()}
    rows = []
    for name, each in medians.items():
        row: dict[str, Any] = {"engine": name, "maps at once": settings.maps if name == OURS else settings.at_once}
        for task, label in ((FORWARD, "forward"), (BY_VP, "gradient")):
            row |= {f"{label} [s]": each[task], f"{label} / {YARDSTICK}": each[task] / medians[YARDSTICK][task]}
        row |= {"peak, forward [MB]": peak[name, FORWARD], "peak, gradient [MB]": peak[name, BY_VP]}
        rows.append(row | {"runs": [{"task": task, "seconds": runs} for task, runs in seconds[name].items()]})
    return rows, versions


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Seconds and memory."""
    figure = new_figure(11.0, 2.2)
    for panel, name in zip(figure.subplots(1, 3), ("forward [s]", "gradient [s]", "peak, gradient [MB]"), strict=True):
        bars(panel, [row["engine"] for row in rows], [row[name] for row in rows], [f"C{i}" for i in range(len(rows))], name)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    load = os.getloadavg()
    print(f"{processor_name()}, load {load[0]:.2g} before the start (should be 0)", flush=True)
    rows, versions = measure(settings)
    shown = {k: v for k, v in asdict(settings).items() if k not in ("root", "output")}
    record = {
        "date": now(),
        "device": processor_name(),
        "load_before": load,
        "settings": shown,
        "versions": versions,
        "rows": rows,
    }
    print(table(rows), flush=True)
    write(record, picture(rows), settings.output)
    text = f"{record['device']}, {record['date']}; medians of {settings.repeats} run(s), by `python benchmarks/openfwi.py`.\n\n"
    write_text(text + markdown(rows) + "\n", settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
