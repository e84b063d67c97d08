"""Waves in balls at the size of GlobalTomo's tiers: seconds a simulation and a gradient, memory, and how exact the mesh is.

    python benchmarks/globe.py                                  # on a machine that does nothing else
    python benchmarks/globe.py --tiers acoustic --repeats 5

The acoustic tier: a fluid ball of 1 km, 20 Hz, 3 s, azimuthal order 16, planned for 800 to 1200 m/s, with `--resolution` elements
for the shortest wavelength: by default as many as are within 1 % of the exact waves of a uniform ball of 1000 m/s, which is
measured too. The elastic tier: vs 900 to 1100, vp up to 1650 m/s. Structures of degree 8, twenty stations, float32. Each row has
a process of its own; times are medians after a run that compiles.
"""

import importlib
import statistics
import sys
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
from reporting import alone, bars, device_name, markdown, now, peak_megabytes, table, write, write_text

import adseis as ads
from adseis import sphere
from adseis.cli.runs import versions
from adseis.viz.figures import new_figure

RADII = (1000.0, 800.0, 600.0, 400.0, 200.0)
SPEEDS = {"acoustic": (800.0, 1200.0), "elastic": (900.0, 1650.0)}


@dataclass(frozen=True)
class Benchmark:
    """Time waves in balls."""

    tiers: tuple[str, ...] = ("acoustic", "elastic")
    """Which: acoustic, elastic."""
    frequency: float = 20.0
    """The highest [Hz]."""
    duration: float = 3.0
    """Of the record [s]."""
    order: int = 16
    """The largest azimuthal order."""
    resolution: float = 1.07
    """Elements for the shortest wavelength of the acoustic tier, and of the elastic one."""
    gradients: bool = True
    """Whether gradients are timed too."""
    repeats: int = 3
    """Timed runs."""
    output: Path = Path("runs/benchmarks/globe")
    """Where to write, without extension: .json, .png and .md."""


def mesh_of(settings: Benchmark, tier: str) -> sphere.BallMesh:
    """The mesh of a tier."""
    return sphere.ball(
        1000.0,
        settings.frequency,
        settings.duration,
        SPEEDS[tier],
        azimuthal_order=settings.order,
        resolution=settings.resolution,
    )


def problem(settings: Benchmark, tier: str) -> tuple[sphere.BallMesh, Callable[[Any], Any], Any]:
    """A mesh, what simulates on it from fields, and the fields."""
    mesh = mesh_of(settings, tier)
    width = 1.5 * settings.frequency
    pulse = (width / np.sqrt(np.pi) * np.exp(-((width * (mesh.times - 5.7 / width)) ** 2))).astype("float32")
    angle = np.linspace(-80, 80, 20)
    stations = sphere.Stations(angle, 4 * angle, np.full(20, 1000.0))
    draws = sphere.draw_structures(0, 3, properties=1)[:, 0] * 0.7  # within the speeds that were planned for
    if tier == "acoustic":
        source = sphere.PressureSource(800.0, 90.0, 0.0, pulse)
        run = lambda vp: ads.simulate_fluid_ball(sphere.FluidMedium(vp, 1000.0), source, stations, mesh)  # noqa: E731
        speeds = (1000.0,)
    else:
        moment = np.array([[1.0, 0.4, -0.7], [0.4, 0.3, 0.9], [-0.7, 0.9, -1.3]], "float32")
        source = sphere.MomentTensorSource(800.0, 90.0, 0.0, pulse, moment)
        run = lambda m: ads.simulate_solid_ball(sphere.SolidMedium(*m), source, stations, mesh)  # noqa: E731
        speeds = (1450.0, 1000.0, 1000.0)
    points = mesh.points(source)
    fields = [
        jnp.asarray(speed * (1 + jnp.clip(sphere.perturbation(d, points, radii=RADII), -0.1, 0.1)), "float32")
        for speed, d in zip(speeds, draws, strict=False)
    ]
    return mesh, run, fields[0] if tier == "acoustic" else tuple(fields)


def measured(settings: Benchmark, tier: str, gradient: bool) -> dict[str, Any]:
    """A row; meant for a process of its own."""
    mesh, run, fields = problem(settings, tier)
    function = jax.jit(jax.grad(lambda m: jnp.sum((1e6 * run(m)) ** 2)) if gradient else run)
    taken = []
    for _ in range(1 + settings.repeats):
        begun = time.perf_counter()
        found = jax.block_until_ready(function(fields))
        taken.append(time.perf_counter() - begun)
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(found))
    elements, seconds = len(mesh.elements.points), statistics.median(taken[1:])
    return {
        "tier": tier,
        "what": "gradient" if gradient else "forward",
        "elements": elements,
        "dt [ms]": 1e3 * mesh.dt,
        "steps": mesh.nt,
        "s": seconds,
        "compile [s]": taken[0] - seconds,
        "M element-steps / s x components": elements * mesh.nt * mesh.shape[1] / seconds / 1e6,
        "peak [MB]": peak_megabytes(),
    }


def exactness(settings: Benchmark) -> dict[str, float]:
    """How far the acoustic tier's mesh is off the exact waves of a uniform ball; meant for a process of its own."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where exact waves are
    fluid_ball = importlib.import_module("analytic_ball").fluid_ball
    mesh = mesh_of(settings, "acoustic")
    width = 1.5 * settings.frequency
    pulse = lambda t: width / np.sqrt(np.pi) * np.exp(-((width * (t - 5.7 / width)) ** 2))  # noqa: E731
    distance, radius = np.array([0.3, 1.0, 2.5, 0.7, 2.0]), np.array([500.0, 800.0, 300.0, 1000.0, 1000.0])
    fine = np.arange(4 * (mesh.nt + 50)) * mesh.dt / 4
    ball = {"radius": 1000.0, "speed": 1000.0, "rho": 1000.0}
    exact = fluid_ball(pulse(fine), mesh.dt / 4, source_radius=800.0, receiver_radius=radius, distance=distance, **ball)
    source = sphere.PressureSource(800.0, 90.0, 0.0, pulse(mesh.times).astype("float32"))
    stations = sphere.Stations(90 - np.rad2deg(distance), np.zeros(5), radius)
    medium = sphere.FluidMedium(np.float32(1000), np.float32(1000))
    found = {}
    for record, true in (("p", exact.pressure[:3]), ("displacement", exact.radial)):
        traces = np.asarray(ads.simulate_fluid_ball(medium, source, stations, mesh, record=record), float)
        traces, true = (traces[:3] if record == "p" else traces[..., 0]), true[:, ::4][:, : mesh.nt]
        off = np.linalg.norm(traces - true, axis=1) / np.linalg.norm(true, axis=1)
        found[f"relative L2, {record}"] = float(off.max())
    return found


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Seconds and memory."""
    figure = new_figure(10.0, 1.2 + 0.35 * len(rows))
    labels = [f"{row['tier']}, {row['what']}" for row in rows]
    for panel, name in zip(figure.subplots(1, 2), ("s", "peak [MB]"), strict=True):
        bars(panel, labels, [row[name] for row in rows], [f"C{int(row['what'] == 'gradient')}" for row in rows], name)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    unknown = [tier for tier in settings.tiers if tier not in SPEEDS]
    if unknown:
        raise SystemExit(f"no tier {', '.join(unknown)}: there are {', '.join(SPEEDS)}.")
    device = alone(device_name)
    print(device, flush=True)
    rows = []
    for tier in settings.tiers:
        for gradient in (False, True)[: 1 + settings.gradients]:
            rows.append(alone(measured, settings, tier, gradient))
            print(table([rows[-1]]), flush=True)
    off = alone(exactness, settings)
    print(off, flush=True)
    shown = {k: v for k, v in asdict(settings).items() if k != "output"}
    record = {"date": now(), "device": device, "settings": shown, "versions": versions(), "rows": rows, "exactness": off}
    write(record, picture(rows), settings.output)
    told = ", ".join(f"{name} {100 * value:.2f} %" for name, value in off.items())
    text = f"{device}, {record['date']}; by `python benchmarks/globe.py`.\n\n{markdown(rows)}\n\nUniform ball: {told}.\n"
    write_text(text, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
