"""Time against grid size on processors and on a GPU, and what the GPU gains: the figure of ADSeismic (Zhu et al. 2021, figure 3).

    python benchmarks/cpu_vs_gpu.py                       # every platform that JAX finds here
    python benchmarks/cpu_vs_gpu.py --sizes 100 200 400

Forward and gradient of one shot in n x n nodes. Each platform runs in a process of its own. Times are medians over repeats after
one run that is not timed. Bandwidth is what a step must move at least (each field read and written once, each coefficient read)
over the time it takes, beside the bandwidth of a plain copy on the same device. Prints a table, writes a JSON file and a picture.
"""

import functools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from equations import ARRAYS, EQUATIONS, simulate
from matplotlib.figure import Figure
from reporting import device_name, now, table, write

import adseis as ads
from adseis.cli.runs import versions
from adseis.viz.figures import new_figure


@dataclass(frozen=True)
class Benchmark:
    """Time simulations and gradients on every platform."""

    sizes: tuple[int, ...] = (100, 200, 400, 800, 1600)
    """Nodes of the model along either axis."""
    steps: int = 200
    """Time steps."""
    equations: tuple[str, ...] = tuple(EQUATIONS)
    """scalar, acoustic, elastic."""
    repeats: int = 5
    """Timed runs, after one that is not timed."""
    output: Path = Path("runs/benchmarks/cpu_vs_gpu")
    """Where to write, without extension."""


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Median time of a run."""
    taken = []
    for repeat in range(repeats + 1):
        start = time.perf_counter()
        jax.block_until_ready(run())
        if repeat > 0:
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def copy_bandwidth(repeats: int) -> float:
    """Bytes per second, read and written, of a large copy."""
    x = jnp.zeros(2**27, jnp.float32)
    program = jax.jit(lambda x: x + 1)
    return 2 * x.nbytes / seconds(lambda: program(x), repeats)


def measure(platform: str, size: Benchmark) -> dict[str, Any]:
    """All rows of one platform; meant for a process of its own."""
    jax.config.update("jax_platforms", platform)
    copied, rows = copy_bandwidth(size.repeats), []
    for equation in size.equations:
        for n in size.sizes:
            grid = ads.Grid((n, n), spacing=10.0, dt=1e-3, nt=size.steps)
            vp = jnp.asarray(np.linspace(2000, 3400, n)[:, None] * np.ones((n, n)), jnp.float32)
            source = ads.Explosion(np.array([[[20.0, 10.0 * (n // 2)]]]), ads.wavelets.ricker(12.0, grid.nt, grid.dt)[None, None])
            survey = ads.Survey(source, np.stack([np.full(n, 10.0), grid.coordinates(1)], -1))

            run = functools.partial(simulate, equation, survey=survey, grid=grid)
            forward = jax.jit(run)
            gradient = jax.jit(jax.grad(lambda vp, run=run: 0.5 * jnp.sum(run(vp) ** 2)))
            times = [seconds(lambda f=f, vp=vp: f(vp), size.repeats) for f in (forward, gradient)]
            moved = ARRAYS[equation] * 4 * (n + 40) ** 2 * size.steps
            rows.append(
                {"equation": equation, "n": n, "forward_s": times[0], "gradient_s": times[1], "GB_per_s": moved / times[0] / 1e9}
            )
    return {"platform": platform, "device": device_name(), "copy_GB_per_s": copied / 1e9, "rows": rows}


def picture(results: Sequence[dict[str, Any]], size: Benchmark) -> Figure:
    """Time against size per equation; below, the ratio of the first platform's time to the others'."""
    figure = new_figure(4.5 * len(size.equations), 6.0 if len(results) > 1 else 3.6)
    for i, equation in enumerate(size.equations):
        axes = figure.add_subplot(len(results[:2]), len(size.equations), i + 1)
        for color, result in zip(("C0", "C1", "C2"), results, strict=False):
            mine = [row for row in result["rows"] if row["equation"] == equation]
            for quantity, style in (("forward_s", "o--"), ("gradient_s", "o-")):
                label = f"{quantity.removesuffix('_s')}, {result['device']}"
                axes.loglog([r["n"] for r in mine], [r[quantity] for r in mine], style, color=color, markersize=3, label=label)
        axes.set(title=f"{equation}, {size.steps} steps", xlabel="nodes along an axis", ylabel="time [s]")
        axes.legend(fontsize="x-small", frameon=False)
        if len(results) < 2:
            continue
        axes = figure.add_subplot(2, len(size.equations), len(size.equations) + i + 1)
        base, fast = ([row for row in result["rows"] if row["equation"] == equation] for result in results[:2])
        for quantity, style in (("forward_s", "o--"), ("gradient_s", "o-")):
            ratio = [a[quantity] / b[quantity] for a, b in zip(base, fast, strict=True)]
            axes.semilogx([r["n"] for r in base], ratio, style, color="C2", markersize=3, label=quantity.removesuffix("_s"))
        axes.set(xlabel="nodes along an axis", ylabel="speed-up", ylim=(0, None))
        axes.legend(fontsize="x-small", frameon=False)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    size = tyro.cli(Benchmark, args=argv, description=__doc__)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        default = pool.submit(jax.default_backend).result()
    results = []
    for platform in dict.fromkeys(("cpu", default)):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            results.append(pool.submit(measure, {"gpu": "cuda"}.get(platform, platform), size).result())
    date = now()
    for result in results:
        print(f"{result['device']}, copy {result['copy_GB_per_s']:.1f} GB/s, {date}\n{table(result['rows'])}\n")
    if len(results) == 1:
        print("JAX finds no accelerator here: processors only.")
    settings = {k: v for k, v in asdict(size).items() if k != "output"}
    write({"date": date, "settings": settings, "versions": versions(), "platforms": results}, picture(results, size), size.output)


if __name__ == "__main__":
    main()
