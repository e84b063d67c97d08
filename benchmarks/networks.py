r"""Presets on the same data: at equal numbers of samples seen, and at equal time; errors, curves, cost.

    adseis synthesize openfwi --family flat-vel-a,curve-vel-a,flat-fault-a,style-a --samples 1000 --samples-per-file 100 \
        --output data/
    python benchmarks/networks.py --data data --seen 48000 --minutes 30 --seeds 0 1 2

At equal samples each preset makes `seen` / batch steps; at equal time as many as fill the minutes, by the time of a step that was
measured first, without compiling and validating. All have the schedule of their preset, over the steps that they are to make;
where both budgets come to the same number of steps, it is one training.
Errors are of the validation's best network, on whole files that are held back. Each training has a process of its own, is kept in
the folder of the output, and has its checkpoints there: the same command goes on.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from matplotlib.figure import Figure
from reporting import alone, device_name, markdown, now, only_these, options_of, table, write, write_text
from training import SMALL, measured

from adseis.cli.runs import versions
from adseis.data import openfwi
from adseis.networks.adapters import counts
from adseis.training import Plan, fit
from adseis.training.evaluation import evaluate, validation_of
from adseis.training.losses import class_weights
from adseis.training.metrics import FIGURES
from adseis.training.presets import preset_of
from adseis.training.samples import Samples
from adseis.viz.figures import new_figure

SAMPLES, TIME = "samples", "time"


@dataclass(frozen=True)
class Benchmark:
    """Compare presets."""

    data: Path
    """Folder of samples."""
    presets: tuple[str, ...] = SMALL
    """Which."""
    seen: int = 48000
    """Samples seen in training, at equal samples; 0 leaves these trainings out."""
    minutes: float = 30.0
    """Of training, at equal time; 0 leaves these out."""
    batch: int = 16
    """Samples of a step."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of first weights and order."""
    validations: int = 10
    """Of each training, the last at its end."""
    finished: bool = False
    """Whether to tell of what is finished, and to train nothing."""
    output: Path = Path("runs/benchmarks/networks")
    """Where to write, without extension: .json, .png and .md; a folder of that name holds what is finished."""


def trained(settings: Benchmark, name: str, seed: int, steps: int, folder: Path) -> dict[str, Any]:
    """A training and what came of it; meant for a process of its own."""
    preset = preset_of(name)
    data = openfwi.Dataset(settings.data)
    division = openfwi.split(data)
    learned, held = data.part("train", division), data.part("validation", division)
    families: dict[str, int] = {}
    for subset, count in learned.counts().items():
        family = openfwi.SUBSETS[subset].family
        families[family] = families.get(family, 0) + count
    samples = Samples(
        learned, settings.batch, seed=seed, weights=class_weights(families) if preset.weighted else None,
        prepare=preset.transforms.sized, held=True,
    )  # fmt: skip
    every = max(1, steps // settings.validations)
    about = {"preset": name, "transforms": preset.transforms.about(), "samples": len(learned), "batch": settings.batch}
    found = fit(
        preset.network(seed), preset.whole_loss(preset.supervised()), samples, optimizer=preset.optimizer(steps),
        plan=Plan(steps, every=every, log=min(10, every), seed=seed), validate=validation_of(held, preset.inverter),
        folder=folder, about={**about, "steps": steps},
    )  # fmt: skip
    inverter = preset.inverter(found.x)
    checks = [line for line in found.history if line["kind"] == "validation"]
    return {
        "preset": name,
        "seed": seed,
        "steps": steps,
        "parameters": counts(inverter.network)[1],
        "errors": evaluate(inverter.in_batches, held),
        "curve": [[line["step"] * settings.batch, line["MAE"]] for line in checks],
    }


def kept(path: Path, function: Any, *arguments: Any) -> dict[str, Any]:
    """What a function finds, from its file if it is finished."""
    if not path.exists():
        write_text(json.dumps(alone(function, *arguments), indent=2) + "\n", path)
    return json.loads(path.read_text(encoding="utf-8"))


def measure(settings: Benchmark) -> list[dict[str, Any]]:
    """A record for each preset, seed and budget."""
    rows = []
    for name in settings.presets:
        step = kept(settings.output / f"{name}-step-{settings.batch}.json", measured, name, settings.batch, "float32", 10)
        budgets = {SAMPLES: settings.seen // settings.batch, TIME: round(60 * settings.minutes / step["s a step"])}
        for budget, steps in budgets.items():
            if not (settings.seen if budget == SAMPLES else settings.minutes):
                continue
            for seed in settings.seeds:
                folder = settings.output / f"{name}-{max(1, steps)}-{seed}"
                if settings.finished and not folder.with_suffix(".json").exists():
                    continue
                found = kept(folder.with_suffix(".json"), trained, settings, name, seed, max(1, steps), folder)
                rows.append({"budget": budget, "s a step": step["s a step"], **found})
                print(f"{name}, equal {budget}, seed {seed}: MAE {found['errors']['mean']['MAE']:.1f} m/s", flush=True)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over seeds, and the spread of the mean error."""
    lines = []
    for budget, name in dict.fromkeys((row["budget"], row["preset"]) for row in rows):
        some = [row for row in rows if (row["budget"], row["preset"]) == (budget, name)]
        errors = [row["errors"]["mean"]["MAE"] for row in some]
        line: dict[str, Any] = {"equal": budget, "preset": name, "parameters": some[0]["parameters"], "steps": some[0]["steps"]}
        line |= {"s a step": some[0]["s a step"], "seeds": len(some)}
        line |= {figure: statistics.mean(row["errors"]["mean"][figure] for row in some) for figure in FIGURES}
        line["+- MAE"] = statistics.stdev(errors) if len(errors) > 1 else 0.0
        for group in some[0]["errors"]:
            if group != "mean":
                line[f"MAE, {group}"] = statistics.mean(row["errors"][group]["MAE"] for row in some)
        lines.append(line)
    return lines


def by_subset(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every figure of every subset, means over seeds."""
    lines = []
    for budget, name in dict.fromkeys((row["budget"], row["preset"]) for row in rows):
        some = [row["errors"] for row in rows if (row["budget"], row["preset"]) == (budget, name)]
        for group in some[0]:
            each = {figure: statistics.mean(errors[group][figure] for errors in some) for figure in FIGURES}
            lines.append({"equal": budget, "preset": name, "subset": group, **each})
    return lines


def picture(rows: Sequence[dict[str, Any]], batch: int) -> Figure:
    """Errors against samples seen and against minutes, by the time of a step; every seed is a line."""
    figure = new_figure(10.0, 4.0)
    names = list(dict.fromkeys(row["preset"] for row in rows))
    for panel, timed, label in zip(figure.subplots(1, 2), (False, True), ("samples seen", "minutes"), strict=True):
        for row in rows:
            unit = row["s a step"] / 60 / batch if timed else 1.0
            at, error = [unit * point[0] for point in row["curve"]], [point[-1] for point in row["curve"]]
            first = row is next(other for other in rows if other["preset"] == row["preset"])
            panel.plot(
                at, error, marker=".", color=f"C{names.index(row['preset'])}", label=row["preset"] if first else None,
                linestyle="-" if row["budget"] == SAMPLES else "--", linewidth=1.2,
            )  # fmt: skip
        panel.set_xlabel(label)
        panel.set_ylabel("MAE [m/s]")
        panel.grid(visible=True, alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize="small", title="full: equal samples, dashed: equal time", title_fontsize="small")
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    if not settings.seen and not settings.minutes:
        raise SystemExit("--seen 0 --minutes 0 leaves nothing to train.")
    for name in settings.presets:
        preset_of(name)
    only_these(settings, settings.output, free=("presets", "seen", "minutes", "seeds", "finished"))
    device = alone(device_name)
    rows = measure(settings)
    if not rows:
        raise SystemExit(f"nothing is finished in {settings.output}: leave `--finished` out.")
    lines = summary(rows)
    print(table(lines), flush=True)
    shown = options_of(settings)
    record = {"date": now(), "device": device, "settings": shown, "versions": versions(), "summary": lines, "rows": rows}
    write(record, picture(rows, settings.batch), settings.output)
    data = openfwi.Dataset(settings.data)
    told = f"{device}, {record['date']}; {len(data)} samples, a fifth held back; means over seeds, errors in m/s."
    page = f"{told}\n\n{markdown(lines)}\n\n{markdown(by_subset(rows))}\n"
    write_text(page, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
