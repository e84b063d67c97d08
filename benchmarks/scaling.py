"""How a gradient speeds up over 1, 2, 4, ... devices: shots distributed over CPU cores or GPUs.

    python benchmarks/scaling.py                             # all devices; on a CPU every core is one
    python benchmarks/scaling.py --devices 1 2 --shots 4     # these counts only, another number of shots

Strong scaling divides `shots` shots among the devices; weak scaling gives each device `shots_each`. Efficiency is the speed per
device over that at the smallest count. Each count runs in a process of its own; on a CPU it is bound to as many cores as it has
devices, where the system allows, and the same problem is timed on one device as well, whose kernels XLA splits over these cores.
Times are medians over repeats after one run that is not timed. Prints a table and writes a JSON file and a picture.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from reporting import alone, device_name, now, table, write

import adseis as ads
from adseis.cli.runs import versions
from adseis.experiment.moduli import gardner_density
from adseis.viz.figures import new_figure


@dataclass(frozen=True)
class Benchmark:
    """Time gradients over growing numbers of devices."""

    devices: tuple[int, ...] = ()
    """Numbers of devices; none: 1, 2, 4, ... and all."""
    shape: tuple[int, int] = (300, 300)
    """Nodes of the model along z and x."""
    steps: int = 200
    """Time steps."""
    shots: int = 8
    """Shots in all, for strong scaling."""
    shots_each: int = 4
    """Shots of each device, for weak scaling."""
    equation: str = "acoustic"
    """acoustic or scalar."""
    repeats: int = 5
    """Timed runs, after one that is not timed."""
    output: Path = Path("runs/benchmarks/scaling")
    """Where to write, without extension."""


def gradient(size: Benchmark, shots: int, devices: Sequence[Any] | None) -> Callable[[], Any]:
    """The gradient by vp of the energy of the data, compiled; over the devices, or as JAX has it."""
    grid = ads.Grid(size.shape, spacing=10.0, dt=1e-3, nt=size.steps)
    vp = jnp.asarray(2000 + 1000 * np.linspace(0, 1, size.shape[0])[:, None] * np.ones(size.shape), jnp.float32)
    across = 10 * np.round(grid.extent[1] * (np.arange(shots) + 1) / (shots + 1) / 10)
    sources = np.stack([np.full(shots, 20.0), across], axis=-1)[:, None, :]
    receivers = np.stack([np.full(size.shape[1], 10.0), grid.coordinates(1)], axis=-1)
    survey = ads.Survey(ads.Explosion(sources, ads.wavelets.ricker(12.0, grid.nt, grid.dt)[None, None, :]), receivers)
    if devices is not None:
        survey = ads.parallel.shard_shots(survey, ads.parallel.device_mesh(devices))

    def energy(vp: jax.Array) -> jax.Array:
        if size.equation == "scalar":
            return jnp.sum(ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid) ** 2)
        return jnp.sum(ads.simulate_acoustic(ads.AcousticMedium(vp, gardner_density(vp)), survey, grid) ** 2)

    program = jax.jit(jax.grad(energy)).lower(vp).compile()
    (sharding,) = program.input_shardings[0]
    placed = jax.device_put(vp, sharding)
    return lambda: program(placed)


def seconds(run: Callable[[], Any], repeats: int) -> list[float]:
    """How long each run took."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        jax.block_until_ready(run())
        taken.append(time.perf_counter() - start)
    return taken[1:]


def bind(cores: int) -> None:
    """Keep this process, which has not started JAX, to some cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def found() -> tuple[str, int, str]:
    """The platform, how many devices it can have, and their name; meant for a process of its own."""
    platform = jax.default_backend()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return platform, cores if platform == "cpu" else jax.device_count(), device_name()


def distributed(size: Benchmark, platform: str, count: int) -> dict[int, list[float]]:
    """Seconds by number of shots, over `count` devices; meant for a process of its own."""
    if platform == "cpu":
        bind(count)
        ads.parallel.use_cores(count)
    devices = jax.devices()[:count]
    return {shots: seconds(gradient(size, shots, devices), size.repeats) for shots in {size.shots, size.shots_each * count}}


def split_by_xla(size: Benchmark, count: int) -> dict[int, list[float]]:
    """Seconds by number of shots, on one device of `count` cores; meant for a process of its own."""
    bind(count)
    ads.parallel.use_cores(1)
    return {shots: seconds(gradient(size, shots, None), size.repeats) for shots in {size.shots, size.shots_each * count}}


def measure(size: Benchmark, platform: str, counts: Sequence[int]) -> list[dict[str, Any]]:
    """One row per kind of scaling and number of devices."""
    rows: list[dict[str, Any]] = []
    over = {count: alone(distributed, size, platform, count) for count in counts}
    whole = {count: alone(split_by_xla, size, count) for count in counts} if platform == "cpu" else {}
    for scaling, shots_of in {"strong": lambda _: size.shots, "weak": lambda count: size.shots_each * count}.items():
        each = {count: statistics.median(over[count][shots_of(count)]) * count / shots_of(count) for count in counts}
        for count in counts:
            shots, single = shots_of(count), each[counts[0]]
            row = {"scaling": scaling, "devices": count, "shots": shots, "seconds": statistics.median(over[count][shots])}
            row |= {"runs_s": over[count][shots], "speedup": count * single / each[count], "efficiency": single / each[count]}
            if whole:
                row |= {"one_device_s": statistics.median(whole[count][shots]), "one_device_runs_s": whole[count][shots]}
            rows.append(row)
    return rows


def picture(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """Speed-up beside the ideal one."""
    figure = new_figure(5.0, 4.2)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize="medium")
    counts = [row["devices"] for row in rows if row["scaling"] == "strong"]
    axes.plot(counts, counts, color="0.7", linestyle="--", label="ideal")
    for scaling, shots in {"strong": "the same shots", "weak": "as many shots per device"}.items():
        speedup = [row["speedup"] for row in rows if row["scaling"] == scaling]
        axes.plot(counts, speedup, marker="o", label=f"{scaling}: {shots}")
    for scale, set_ticks in ((axes.set_xscale, axes.set_xticks), (axes.set_yscale, axes.set_yticks)):
        scale("log", base=2)
        set_ticks(counts, [str(n) for n in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("devices")
    axes.set_ylabel("shots per second, relative to one device")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    size = tyro.cli(Benchmark, args=argv, description=__doc__)
    platform, most, device = alone(found)
    counts = sorted(set(size.devices)) or sorted({1, most, *(2**k for k in range(most.bit_length()))})
    if counts[0] < 1 or counts[-1] > most:
        raise SystemExit(f"--devices {' '.join(map(str, counts))}: there are 1 to {most} here.")
    rows = measure(size, platform, counts)
    settings = {k: v for k, v in asdict(size).items() if k != "output"}
    date = now()
    record = {"date": date, "device": device, "settings": settings, "versions": versions(), "rows": rows}
    title = f"{size.equation}, gradient by vp, {size.shape[0]} x {size.shape[1]}, {size.steps} steps, float32"
    print(f"{title}\n{device}, jax {jax.__version__}, {date}\n{table(rows)}")
    write(record, picture(rows, title), size.output)


if __name__ == "__main__":
    main()
