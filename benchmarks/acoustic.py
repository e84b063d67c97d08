"""How fast, and in how much memory: scalar and acoustic waves in 2D, forward and gradient.

    python benchmarks/acoustic.py                # 440 x 440, 400 steps, 4 shots, order 4, float32
    python benchmarks/acoustic.py --long         # one gradient of 1000 x 1000, 4,000 steps, 1 shot, and its process's peak memory
    python benchmarks/acoustic.py --repeats 0    # compile only: memory, no times

Prints a table and writes a JSON file and a picture. A point is a node of the model at one step of one shot; the nodes of the
absorbing layers are computed too, but not counted. Times are medians over repeats in which the cases alternate, so that a machine
that slows down slows them all. A wavefield is one field of all shots on the model's nodes; temporary memory is what XLA plans.
"""

import math
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from matplotlib.figure import Figure
from reporting import bars, device_name, now, table, write

import adseis as ads
from adseis.cli.runs import versions
from adseis.experiment.moduli import gardner_density
from adseis.viz.figures import new_figure


@dataclass(frozen=True)
class Benchmark:
    """Time simulations and gradients, and count their memory."""

    shape: tuple[int, int] = (440, 440)
    """Nodes of the model along z and x."""
    steps: int = 400
    """Time steps."""
    shots: int = 4
    """Shots, simulated together."""
    order: int = 4
    """Spatial accuracy."""
    repeats: int = 5
    """Timed runs of every case, after one that is not timed; 0 measures the memory alone."""
    long: bool = False
    """One gradient by vp per equation at 1000 x 1000, 4,000 steps, 1 shot, each in a process of its own."""
    output: Path = Path("runs/benchmarks/acoustic")
    """Where to write, without extension."""


class Case(NamedTuple):
    """One thing to time: a function of the medium's arrays."""

    name: str
    equation: str
    run: Callable[..., Any]
    arguments: tuple[jax.Array, ...]


def cases(size: Benchmark) -> list[Case]:
    """Forward, and gradients of the energy of the data, of both equations over the same layers."""
    grid = ads.Grid(size.shape, spacing=10.0, dt=1e-3, nt=size.steps)
    depth = np.linspace(0, 1, size.shape[0])[:, None]
    vp = jnp.asarray(np.broadcast_to(np.select([depth < 0.3, depth < 0.6], [2000.0, 2600.0], 3400.0), size.shape), jnp.float32)
    rho = gardner_density(vp)

    across = grid.extent[1] * (np.arange(size.shots) + 1) / (size.shots + 1)
    sources = np.stack([np.full(size.shots, 20.0), 10 * np.round(across / 10)], axis=-1)[:, None, :]
    receivers = np.stack([np.full(size.shape[1], 10.0), grid.coordinates(1)], axis=-1)
    survey = ads.Survey(ads.Explosion(sources, ads.wavelets.ricker(12.0, grid.nt, grid.dt)[None, None, :]), receivers)

    def scalar(vp: jax.Array) -> jax.Array:
        return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, order=size.order)

    def acoustic(vp: jax.Array, rho: jax.Array) -> jax.Array:
        return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, grid, order=size.order)

    def gradient(simulate: Callable[..., jax.Array], by: int | tuple[int, ...]) -> Callable[..., Any]:
        return jax.grad(lambda *medium: 0.5 * jnp.sum(simulate(*medium) ** 2), by)

    return [
        Case("forward", "scalar", scalar, (vp,)),
        Case("gradient by vp", "scalar", gradient(scalar, 0), (vp,)),
        Case("forward", "acoustic", acoustic, (vp, rho)),
        Case("gradient by vp", "acoustic", gradient(acoustic, 0), (vp, rho)),
        Case("gradient by vp, rho", "acoustic", gradient(acoustic, (0, 1)), (vp, rho)),
    ]


def measure(chosen: Sequence[Case], nodes: int, steps: int, repeats: int) -> list[dict[str, Any]]:
    """One row per case; nodes are those of all shots."""
    compiled, rows = [], []
    wavefield = nodes * np.dtype(np.float32).itemsize
    for case in chosen:
        start = time.perf_counter()
        compiled.append(jax.jit(case.run).lower(*case.arguments).compile())
        temporary = compiled[-1].memory_analysis().temp_size_in_bytes
        row = {"equation": case.equation, "case": case.name, "compile_s": time.perf_counter() - start}
        rows.append(row | {"temporary_MB": temporary / 1e6, "wavefields": temporary / wavefield})
    taken: list[list[float]] = [[] for _ in chosen]
    for repeat in range(repeats and repeats + 1):
        for case, program, seconds in zip(chosen, compiled, taken, strict=True):
            start = time.perf_counter()
            jax.block_until_ready(program(*case.arguments))
            if repeat > 0:
                seconds.append(time.perf_counter() - start)
    points = nodes * steps
    forward: dict[str, float] = {}
    for row, seconds in zip(rows, taken, strict=True):
        if seconds:
            median = statistics.median(seconds)
            forward.setdefault(row["equation"], median)  # the forward comes first
            row |= {"seconds": median, "runs_s": seconds, "Mpoints_per_s": points / median / 1e6}
            row |= {"over_forward": median / forward[row["equation"]]}
    return rows


def long_gradient(name: str, size: Benchmark) -> dict[str, Any]:
    """One gradient by vp, timed once; meant for a process of its own, whose peak memory it reports."""
    case = next(c for c in cases(size) if (c.equation, c.name) == (name, "gradient by vp"))
    start = time.perf_counter()
    jax.block_until_ready(jax.jit(case.run)(*case.arguments))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    points = size.shots * size.shape[0] * size.shape[1] * size.steps
    row = {"equation": name, "case": case.name, "seconds_with_compiling": seconds, "Mpoints_per_s": points / seconds / 1e6}
    return row | {"peak_process_MB": peak / 1e6}


def picture(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """Bars: speed and memory."""
    figure = new_figure(9.0, 1.2 + 0.42 * len(rows))
    figure.suptitle(title, fontsize="medium")
    labels = [f"{row['equation']}, {row['case']}" for row in rows]
    quantities = {
        "Mpoints_per_s": "million points per second",
        "wavefields": "temporary memory [wavefields of all shots]",
        "peak_process_MB": "peak memory of the process [MB]",
    }
    shown = [name for name in quantities if name in rows[0]]
    for i, name in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), i + 1)
        colors = ["C0" if row["equation"] == "scalar" else "C1" for row in rows]
        bars(axes, labels, [row[name] for row in rows], colors, quantities[name])
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    size = tyro.cli(Benchmark, args=argv, description=__doc__)
    if size.long:
        size = Benchmark((1000, 1000), 4000, 1, size.order, 1, long=True, output=size.output)
        rows = []
        for name in ("scalar", "acoustic"):  # a fresh process each: peak memory is a process's
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                rows.append(pool.submit(long_gradient, name, size).result())
    else:
        rows = measure(cases(size), size.shots * math.prod(size.shape), size.steps, size.repeats)
    settings = {k: v for k, v in asdict(size).items() if k != "output"}
    date, device = now(), device_name()
    record = {"date": date, "device": device, "settings": settings, "versions": versions(), "rows": rows}
    title = f"{size.shape[0]} x {size.shape[1]}, {size.steps} steps, {size.shots} shot(s), order {size.order}, float32"
    print(f"{title}\n{device}, jax {jax.__version__}, {date}\n{table(rows)}")
    write(record, picture(rows, title), size.output)


if __name__ == "__main__":
    main()
