"""What elastic waves cost beside acoustic ones, on one grid: forward, gradient by everything, memory, in 2D and in 3D.

    python benchmarks/elastic.py                 # 440 x 440, 400 steps, 4 shots, and 80 x 80 x 80, 100 steps, 1 shot
    python benchmarks/elastic.py --repeats 0     # compile only: memory, no times

Times are medians over repeats in which the cases alternate. A step updates every field at every node; "ns per update" is the time
over that number, the absorbing layers' nodes counted too, so that it tells whether elastic steps are as fast as acoustic ones.
Prints tables, writes a JSON file and a picture.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from acoustic import Case, measure
from matplotlib.figure import Figure
from reporting import bars, device_name, now, table, write

import adseis as ads
from adseis.cli.runs import versions
from adseis.experiment.moduli import gardner_density, poisson_shear
from adseis.viz.figures import new_figure

FIELDS = {("acoustic", 2): 3, ("elastic", 2): 5, ("acoustic", 3): 4, ("elastic", 3): 9}
LAYER = 20


@dataclass(frozen=True)
class Benchmark:
    """Time simulations and gradients, and count their memory."""

    shape: tuple[int, int] = (440, 440)
    """Nodes of the 2D model along z and x."""
    steps: int = 400
    """Time steps in 2D."""
    shots: int = 4
    """Shots in 2D, simulated together."""
    nodes: int = 80
    """Nodes of the 3D model along every axis; 0 leaves it out."""
    steps_3d: int = 100
    """Time steps of its one shot."""
    repeats: int = 5
    """Timed runs of every case, after one that is not timed; 0 measures the memory alone."""
    output: Path = Path("runs/benchmarks/elastic")
    """Where to write, without extension."""


def cases(shape: Sequence[int], steps: int, shots: int) -> list[Case]:
    """Forward, and the gradient of the energy of the data by all parameters, of both equations over the same layers."""
    grid = ads.Grid(shape, spacing=10.0, dt=1e-3, nt=steps)
    depth = np.linspace(0, 1, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    layers = np.broadcast_to(np.select([depth < 0.3, depth < 0.6], [2000.0, 2600.0], 3400.0), tuple(shape))
    vp = jnp.asarray(layers, jnp.float32)
    vs, rho = poisson_shear(vp), gardner_density(vp)
    across = grid.extent[-1] * (np.arange(shots) + 1) / (shots + 1)
    middle = [np.full(shots, n // 2 * 10.0) for n in shape[1:-1]]
    sources = np.stack([np.full(shots, 20.0), *middle, 10 * np.round(across / 10)], axis=-1)[:, None, :]
    along = grid.coordinates(len(shape) - 1)
    receivers = np.stack([np.full(len(along), 10.0), *[np.full(len(along), n // 2 * 10.0) for n in shape[1:-1]], along], axis=-1)
    survey = ads.Survey(ads.Explosion(sources, ads.wavelets.ricker(12.0, grid.nt, grid.dt)[None, None, :]), receivers)

    def acoustic(vp: jax.Array, rho: jax.Array) -> jax.Array:
        return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, grid, record="vz")

    def elastic(vp: jax.Array, vs: jax.Array, rho: jax.Array) -> jax.Array:
        return ads.simulate_elastic(ads.ElasticMedium(vp, vs, rho), survey, grid, record="vz")

    def gradient(simulate: Callable[..., jax.Array], count: int) -> Callable[..., Any]:
        return jax.grad(lambda *medium: 0.5 * jnp.sum(simulate(*medium) ** 2), tuple(range(count)))

    return [
        Case("forward", "acoustic", acoustic, (vp, rho)),
        Case("gradient", "acoustic", gradient(acoustic, 2), (vp, rho)),
        Case("forward", "elastic", elastic, (vp, vs, rho)),
        Case("gradient", "elastic", gradient(elastic, 3), (vp, vs, rho)),
    ]


def rows_of(shape: Sequence[int], steps: int, shots: int, repeats: int) -> list[dict[str, Any]]:
    """One row per case, with the time of an update of a field at a node."""
    axes = len(shape)
    rows = measure(cases(shape, steps, shots), shots * math.prod(shape), steps, repeats)
    updates = shots * math.prod(n + 2 * LAYER for n in shape) * steps
    for row in rows:
        row["axes"] = axes
        if "seconds" in row:
            row["ns per update"] = 1e9 * row["seconds"] / (updates * FIELDS[row["equation"], axes])
    return rows


def picture(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """Bars: time of an update, and memory."""
    figure = new_figure(9.0, 1.2 + 0.42 * len(rows))
    figure.suptitle(title, fontsize="medium")
    labels = [f"{row['axes']}D {row['equation']}, {row['case']}" for row in rows]
    shown = [name for name in ("ns per update", "temporary_MB") if name in rows[0]]
    colors = ["C1" if row["equation"] == "acoustic" else "C2" for row in rows]
    for i, name in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), i + 1)
        bars(axes, labels, [row[name] for row in rows], colors, name.replace("_", " memory, "))
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    rows = rows_of(settings.shape, settings.steps, settings.shots, settings.repeats)
    if settings.nodes:
        rows += rows_of((settings.nodes,) * 3, settings.steps_3d, 1, settings.repeats)
    print(table(rows))
    shown = {k: v for k, v in asdict(settings).items() if k != "output"}
    record = {"date": now(), "device": device_name(), "versions": versions(), "settings": shown, "rows": rows}
    write(record, picture(rows, f"{device_name()}, {record['date']}"), settings.output)


if __name__ == "__main__":
    main()
