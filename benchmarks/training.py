"""A step of training of each preset: samples per second, seconds, time to compile, memory, by size of the batch.

    python benchmarks/training.py                                            # the small presets
    python benchmarks/training.py --presets unet swin-unet --batches 64 256 --precision bfloat16 --largest

A step is what `fit` does with a batch that is there: loss, gradient, optimizer, average; reading and validating are left out. Its
time is the mean over steps after the first, five at least, since a critic's generator moves in one of five. Each case has a
process of its own. Memory is the most that the device had in use, or on a processor the process. `--largest` doubles the batch
of each preset until the device, of whose memory JAX takes three quarters, has not enough. Writes JSON, a picture and a page.
"""

import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import tyro
from matplotlib.figure import Figure
from reporting import alone, bars, device_name, markdown, now, peak_megabytes, table, write, write_text

from adseis.cli.runs import versions
from adseis.data.openfwi_layout import GATHERS, SHRUNK
from adseis.networks.adapters import counts, trainable
from adseis.training.presets import PRESETS, preset_of
from adseis.training.samples import Batch
from adseis.training.steps import Steps
from adseis.viz.figures import new_figure

SMALL = tuple(name for name in PRESETS if name.endswith("-small"))


@dataclass(frozen=True)
class Benchmark:
    """Time steps of training."""

    presets: tuple[str, ...] = SMALL
    """Which."""
    batches: tuple[int, ...] = (16,)
    """Samples of a step."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the weights within a step."""
    steps: int = 10
    """Timed steps, after one that compiles; rounded up to a multiple of five."""
    largest: bool = False
    """Go on with twice the largest batch until the device has not enough memory."""
    output: Path = Path("runs/benchmarks/training")
    """Where to write, without extension: .json, .png and .md."""


def measured(name: str, batch: int, precision: str, steps: int) -> dict[str, Any]:
    """A row; meant for a process of its own."""
    preset = preset_of(name)
    network = preset.network(0)
    random = np.random.default_rng(0)
    gathers = random.normal(size=(batch, *(SHRUNK if preset.transforms.small else GATHERS))).astype("float32")
    velocity = random.uniform(1500, 4500, (batch, 70, 70)).astype("float32")
    given = Batch(gathers, velocity, np.ones(batch, "float32"))
    training = Steps(
        network, preset.whole_loss(preset.supervised()), preset.optimizer(1000), trained=trainable(network), seed=0,
        average=0.99, accumulate=1, precision=None if precision == "float32" else precision, devices=None,
    )  # fmt: skip
    state, told, taken = training.start, {}, []
    for count in (1, -(-steps // 5) * 5):
        begun = time.perf_counter()
        for _ in range(count):
            state, told = training.step(state, given, 1.0)
        jax.block_until_ready((state, told))
        taken.append((time.perf_counter() - begun) / count)
    if not np.isfinite(float(told["loss"])):
        raise FloatingPointError(f"the loss of {name} is {told['loss']}")
    return {
        "preset": name,
        "parameters": counts(network)[1],
        "batch": batch,
        "samples / s": batch / taken[1],
        "s a step": taken[1],
        "compile [s]": taken[0] - taken[1],
        "peak [MB]": peak_megabytes(),
    }


def row_of(settings: Benchmark, name: str, batch: int) -> dict[str, Any] | None:
    """A row, or None where memory is not enough."""
    try:
        return alone(measured, name, batch, settings.precision, settings.steps)
    except BrokenProcessPool:  # ended by the system
        return None
    except Exception as error:  # of XLA's own class, which processes hand on by name only
        if "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower():
            return None
        raise


def measure(settings: Benchmark) -> list[dict[str, Any]]:
    """A row for each preset and batch."""
    rows = []
    for name in settings.presets:
        batches = sorted(settings.batches)
        for batch in batches:
            row = row_of(settings, name, batch)
            if row is None:
                print(f"{name}: a batch of {batch} does not fit", flush=True)
                break
            rows.append(row)
            print(table([row]), flush=True)
            if settings.largest and batch == batches[-1]:
                batches.append(2 * batch)
    return rows


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Samples per second and memory."""
    figure = new_figure(10.0, 1.2 + 0.35 * len(rows))
    labels = [f"{row['preset']}, {row['batch']}" for row in rows]
    for panel, name in zip(figure.subplots(1, 2), ("samples / s", "peak [MB]"), strict=True):
        bars(panel, labels, [row[name] for row in rows], [f"C{list(PRESETS).index(row['preset'])}" for row in rows], name)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    for name in settings.presets:
        preset_of(name)
    device = alone(device_name)
    if settings.largest and alone(jax.default_backend) == "cpu":
        raise SystemExit("--largest is for accelerators: a processor does not say when it has not enough memory.")
    print(device, flush=True)
    rows = measure(settings)
    if not rows:
        raise SystemExit("no batch fits. Take smaller --batches.")
    print(table(rows), flush=True)
    shown = {k: v for k, v in asdict(settings).items() if k != "output"}
    record = {"date": now(), "device": device, "settings": shown, "versions": versions(), "rows": rows}
    write(record, picture(rows), settings.output)
    text = f"{device}, {record['date']}, {settings.precision}; by `python benchmarks/training.py`.\n\n{markdown(rows)}\n"
    write_text(text, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
