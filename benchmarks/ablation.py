r"""What an option of `adseis train openfwi` is worth: the same training with it and without, by several seeds.

    adseis synthesize openfwi --family flat-vel-a,curve-vel-a,flat-fault-a,style-a --samples 1000 --samples-per-file 100 \
        --output data/
    python benchmarks/ablation.py --data data --preset swin-unet-small --variants plain masked --steps 600
    python benchmarks/ablation.py --data data --preset unet-small --weights runs/unet/best.safetensors \
        --variants plain physics --steps 400 --rate 3e-4

Told are errors of what is held back, and how well its waveforms are explained by the predicted maps: what the operator makes of
these, against the gathers. Each training is the command itself in a process of its own, its run folder is kept in that of the
output, and one that was killed goes on.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from matplotlib.figure import Figure
from reporting import alone, device_name, markdown, now, only_these, options_of, table, write, write_text

from adseis.cli.main import main as adseis
from adseis.cli.runs import versions
from adseis.cli.training_runs import inverter_of
from adseis.data import openfwi
from adseis.files import read_json_lines
from adseis.training.evaluation import data_misfit, evaluate
from adseis.training.keeping import METRICS
from adseis.viz.figures import new_figure

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "plain": (),
    "masked": ("--masked", "1000"),
    "physics": ("--physics", "0.1"),
    "operator": ("--physics", "0.1", "--operator"),
    "mirror": ("--augment", "mirror"),
    "noise": ("--augment", "noise"),
    "deform": ("--augment", "deform"),
}
FIGURES = ("MAE", "RMSE", "SSIM", "misfit", "misfit, median", "seconds")


@dataclass(frozen=True)
class Benchmark:
    """Train with an option, and without."""

    data: Path
    """Folder of samples."""
    variants: tuple[str, ...] = ("plain", "physics")
    """Which: plain, masked (1,000 steps of it, before), physics (of the proxy), operator, mirror, noise, deform."""
    preset: str = "unet-small"
    """Of all of them."""
    weights: Path | None = None
    """File of weights to begin with; by default random ones."""
    steps: int = 400
    """Of a training."""
    rate: float | None = None
    """Greatest learning rate; by default the preset's."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of first weights and order."""
    simulated: int = 64
    """Maps held back whose waveforms are simulated, spread evenly."""
    output: Path = Path("runs/benchmarks/ablation")
    """Where to write, without extension: .json, .png and .md; a folder of that name holds what is finished."""


def trained(settings: Benchmark, variant: str, seed: int) -> dict[str, Any]:
    """A training and what came of it; meant for a process of its own."""
    folder = settings.output / f"{variant}-{seed}"
    options = {
        "preset": settings.preset,
        "data": settings.data,
        "steps": settings.steps,
        "every": max(1, settings.steps // 4),
        "seed": seed,
        "weights": settings.weights,
        "rate": settings.rate,
        "output": folder,
    }
    given = [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
    masked = () if "masked" in variant else ("--masked", "0")
    if adseis(["train", "openfwi", *given, *masked, *VARIANTS[variant]]):
        raise RuntimeError(f"the training of {variant}, seed {seed}, did not end well: see {folder}")
    inverter, _ = inverter_of(folder)
    data = openfwi.Dataset(settings.data)
    held = data.part("validation", openfwi.split(data))
    errors = evaluate(inverter.in_batches, held)
    some = held.batch(np.linspace(0, len(held) - 1, min(settings.simulated, len(held))).astype(int))
    misfits = data_misfit(inverter.in_batches(some.gathers), some.gathers)
    seconds = sum(
        max(line["seconds"] for line in read_json_lines(path / METRICS) if line["kind"] == "step")
        for path in (folder, folder / "masked")
        if (path / METRICS).exists()
    )
    return {
        "variant": variant,
        "seed": seed,
        **{name: errors["mean"][name] for name in ("MAE", "RMSE", "SSIM")},
        "misfit": float(misfits.mean()),
        "misfit, median": float(np.median(misfits)),
        "seconds": seconds,
        "errors": [errors],
    }


def measure(settings: Benchmark) -> list[dict[str, Any]]:
    """A row for each variant and seed, the seeds of all variants before the next."""
    rows = []
    for seed in settings.seeds:
        for variant in settings.variants:
            path = settings.output / f"{variant}-{seed}.json"
            if not path.exists():
                write_text(json.dumps(alone(trained, settings, variant, seed), indent=2) + "\n", path)
            rows.append(json.loads(path.read_text(encoding="utf-8")))
            print(table(rows[-1:]), flush=True)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over seeds, and the spreads of error and misfit."""
    lines = []
    for variant in dict.fromkeys(row["variant"] for row in rows):
        some = [row for row in rows if row["variant"] == variant]
        line: dict[str, Any] = {"variant": variant, "seeds": len(some)}
        for name in FIGURES:
            values = [row[name] for row in some]
            line[name] = statistics.mean(values)
            if name in ("MAE", "misfit"):
                line[f"+- {name}"] = statistics.stdev(values) if len(values) > 1 else 0.0
        lines.append(line)
    return lines


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Error and misfit of every training, a line for each seed."""
    figure = new_figure(8.0, 3.4)
    names = list(dict.fromkeys(row["variant"] for row in rows))
    for panel, name, label in zip(
        figure.subplots(1, 2), ("MAE", "misfit"), ("MAE [m/s]", "misfit of the waveforms"), strict=True
    ):
        for seed in dict.fromkeys(row["seed"] for row in rows):
            some = {row["variant"]: row[name] for row in rows if row["seed"] == seed}
            panel.plot(list(some), list(some.values()), marker="o", linewidth=1.0, label=f"seed {seed}")
        panel.set_ylabel(label)
        panel.set_xlim(-0.5, len(names) - 0.5)
        panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize="small")
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    unknown = [name for name in settings.variants if name not in VARIANTS]
    if unknown:
        raise SystemExit(f"--variants {' '.join(unknown)} are not known; there are {', '.join(VARIANTS)}.")
    only_these(settings, settings.output, free=("variants", "seeds"))
    device = alone(device_name)
    rows = measure(settings)
    lines = summary(rows)
    print(table(lines), flush=True)
    record = {"date": now(), "device": device, "settings": options_of(settings), "versions": versions(), "rows": rows}
    write(record | {"summary": lines}, picture(rows), settings.output)
    begun = "random weights" if settings.weights is None else f"the weights of {settings.weights.parent.name}"
    told = f"{device}, {record['date']}; {settings.preset}, {settings.steps} steps from {begun}; means over seeds."
    write_text(f"{told}\n\n{markdown(lines)}\n", settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
