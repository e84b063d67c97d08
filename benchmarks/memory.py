"""How much memory a gradient takes, and how long, against the number of steps: what a reverse sweep may store.

    python benchmarks/memory.py                      # one shot, 300 x 300, up to 4,000 steps
    python benchmarks/memory.py --volume             # one shot, 200 x 200 x 200, 1,000 steps, within 8 GB

Every gradient runs in a process of its own, whose peak memory is the operating system's; on a GPU it is the device's own figure.
Beside it stand what `ads.estimate_memory` says, what XLA plans, and how far the gradient is from the exact one. Prints a table,
writes a JSON file and a picture.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from equations import EQUATIONS, medium, simulate
from matplotlib.figure import Figure
from reporting import device_name, now, table, write

import adseis as ads
from adseis.cli.runs import versions
from adseis.viz.figures import new_figure

SWEEPS = {
    "one level": {},
    "two levels": {"levels": 2},
    "three levels": {"levels": 3},
    "bfloat16": {"store": "bfloat16"},
    "every 4th": {"stride": 4},
    "every 4th, bfloat16": {"stride": 4, "store": "bfloat16"},
}


@dataclass(frozen=True)
class Benchmark:
    """Measure the memory and the time of gradients."""

    shape: tuple[int, int] = (300, 300)
    """Nodes of the model along z and x."""
    steps: tuple[int, ...] = (250, 500, 1000, 2000, 4000)
    """Numbers of time steps."""
    equation: str = "acoustic"
    """scalar, acoustic or elastic."""
    volume: bool = False
    """One shot in 200 x 200 x 200 nodes, 1,000 steps, within `budget`, instead."""
    budget: str = "7.1 GB"
    """What `volume` allows the sweep; the process holds about 0.7 GB more."""
    output: Path = Path("runs/benchmarks/memory")
    """Where to write, without extension."""


def gradient(shape: tuple[int, ...], steps: int, equation: str, sweep: dict[str, Any]) -> dict[str, Any]:
    """One gradient by vp; meant for a process of its own."""
    spacing = 10.0
    grid = ads.Grid(shape, spacing, dt=1e-3, nt=steps)
    depth = np.linspace(0, 1, shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    vp = np.broadcast_to(np.select([depth < 0.3, depth < 0.6], [2000.0, 2600.0], 3400.0), shape).astype(np.float32)
    middle = [spacing * (n // 2) for n in shape[1:]]
    source = ads.Explosion(
        np.array([[[20.0, *middle]]]), ads.wavelets.ricker(12.0, steps, grid.dt)[None, None].astype(np.float32)
    )
    receivers = np.stack([np.full(50, 10.0), *(np.full(50, m) for m in middle[:-1]), spacing * np.arange(50)], -1)
    survey, adjoint = ads.Survey(source, receivers), ads.ReverseSweep(**sweep)

    def energy(vp: jax.Array) -> jax.Array:
        return 0.5 * jnp.sum(simulate(equation, vp, survey, grid, adjoint=adjoint) ** 2)

    estimate = ads.estimate_memory(EQUATIONS[equation], medium(equation, jnp.asarray(vp)), survey, grid, adjoint=adjoint)
    start = time.perf_counter()
    program = jax.jit(jax.grad(energy)).lower(jnp.asarray(vp)).compile()
    compiled = time.perf_counter()
    planned = program.memory_analysis()
    assert planned is not None
    result = np.asarray(program(jnp.asarray(vp)))
    seconds = time.perf_counter() - compiled
    statistics = jax.devices()[0].memory_stats() or {}
    peak = statistics.get("peak_bytes_in_use")
    if peak is None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "steps": steps, "seconds": seconds, "compile_s": compiled - start, "estimate_MB": estimate.bytes / 1e6,
        "planned_MB": planned.temp_size_in_bytes / 1e6, "peak_MB": peak / 1e6,
        "segments": " x ".join(map(str, estimate.schedule.segments)), "history": estimate.schedule.blocks, "gradient": result,
    }  # fmt: skip


def measure(cases: Sequence[tuple[str, int, dict[str, Any]]], shape: tuple[int, ...], equation: str) -> list[dict[str, Any]]:
    """One row per case, each from a fresh process; the first of every number of steps is the exact one."""
    rows, exact = [], {}
    for name, steps, sweep in cases:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            row = pool.submit(gradient, shape, steps, equation, sweep).result()
        result = row.pop("gradient")
        reference = exact.setdefault(steps, result)
        error = float(np.linalg.norm(result - reference) / np.linalg.norm(reference))
        rows.append({"sweep": name} | row | {"off_by": error})
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    return rows


def picture(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """Peak memory and time against the number of steps."""
    figure = new_figure(9.0, 3.6)
    figure.suptitle(title, fontsize="medium")
    for i, (name, label) in enumerate((("peak_MB", "peak memory of the process [MB]"), ("seconds", "time of a gradient [s]"))):
        axes = figure.add_subplot(1, 2, i + 1)
        for sweep in dict.fromkeys(row["sweep"] for row in rows):
            mine = [row for row in rows if row["sweep"] == sweep]
            axes.plot([row["steps"] for row in mine], [row[name] for row in mine], "o-", markersize=3, label=sweep)
        axes.set(xlabel="time steps", ylabel=label, ylim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="small", frameon=False)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    size = tyro.cli(Benchmark, args=argv, description=__doc__)
    if size.volume:
        shape, cases = (200, 200, 200), [(f"within {size.budget}", 1000, {"memory": size.budget})]
    else:
        shape, cases = size.shape, [(name, steps, sweep) for steps in size.steps for name, sweep in SWEEPS.items()]
    rows = measure(cases, shape, size.equation)
    settings = {k: v for k, v in asdict(size).items() if k != "output"}
    date, device = now(), device_name()
    title = f"{size.equation}, {' x '.join(map(str, shape))}, one shot, order 4, float32"
    print(f"{title}\n{device}, jax {jax.__version__}, {date}\n{table(rows)}")
    record = {"date": date, "device": device, "settings": settings, "versions": versions(), "rows": rows}
    write(record, picture(rows, title), size.output)


if __name__ == "__main__":
    main()
