"""Waves in balls at the size of GlobalTomo's tiers: seconds a simulation and a gradient, memory, and how exact the mesh is.

    python benchmarks/globe.py                                  # on a machine that does nothing else
    python benchmarks/globe.py --tiers acoustic --repeats 5

The meshes are those that `adseis synthesize globaltomo` makes the tiers on: balls of 1 km, 20 Hz, 3 s and the source's beginning,
azimuthal order 16; a fluid planned for 800 to 1200 m/s, a solid for 800 to 1800 m/s. How far the fluid's is off the exact waves
of a uniform ball of 1000 m/s is measured too. Structures of degree 8, twenty stations, float32. Each row has a process of its
own; times are medians of runs after it was compiled.
"""

import importlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
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
from adseis.data.globaltomo_solvers import SOLVERS
from adseis.signals.arithmetic import matmul
from adseis.sphere import fluid_ball, solid_ball
from adseis.sphere.blocks import Block
from adseis.sphere.fourth_order import FourthOrder
from adseis.timeloop.equation import State
from adseis.viz.figures import new_figure

TIERS = ("acoustic", "elastic")


@dataclass(frozen=True)
class Benchmark:
    """Time waves in balls."""

    tiers: tuple[str, ...] = ("acoustic", "elastic")
    """Which: acoustic, elastic."""
    frequency: float | None = None
    """The highest [Hz]; by default the tier's."""
    order: int | None = None
    """The largest azimuthal order; by default the tier's."""
    resolution: float | None = None
    """Elements for the shortest wavelength; by default as many as the tier has."""
    gradients: bool = True
    """Whether gradients are timed too."""
    repeats: int = 3
    """Timed runs."""
    output: Path = Path("runs/benchmarks/globe")
    """Where to write, without extension: .json, .png and .md."""


def solver_of(settings: Benchmark, tier: str) -> Any:
    """What makes a tier, but for what was asked for."""
    asked = {"frequency": settings.frequency, "azimuthal_order": settings.order, "resolution": settings.resolution}
    given = {name: value for name, value in asked.items() if value is not None}
    return replace(SOLVERS[tier], setup=replace(SOLVERS[tier].setup, **given))


def fields_of(solver: Any, source: Any) -> list[jax.Array]:
    """vp, or vp, vs and rho, of a structure of degree 8: made smaller if the mesh does not carry it."""
    plan, points = solver.setup, solver.mesh.points(source)
    uniform = (plan.vp, plan.vs, plan.rho) if plan.vs else (plan.vp,)
    radii = tuple(solver.tier.radius - depth for depth in solver.tier.depths)
    drawn = [sphere.perturbation(one, points, radii=radii) for one in sphere.draw_structures(0, 3)[:, 0]]
    for smaller in 0.9 ** np.arange(20):
        fields = [np.asarray(x * (1 + smaller * d), "float32") for x, d in zip(uniform, drawn, strict=False)]
        vp, vs = fields[0], fields[1] if plan.vs else 0.0
        speeds = np.stack(fields[:2])
        if plan.speeds[0] <= speeds.min() and speeds.max() <= plan.speeds[1] and np.min(vp**2 - 4 / 3 * vs**2) > 0:
            break
    return [jnp.asarray(x) for x in fields]


def problem(settings: Benchmark, tier: str) -> tuple[sphere.BallMesh, Callable[[Any], Any], Any]:
    """A mesh, what simulates on it from fields, and the fields."""
    solver = solver_of(settings, tier)
    mesh, width = solver.mesh, 1.5 * solver.setup.frequency
    pulse = (width / np.sqrt(np.pi) * np.exp(-((width * (mesh.times - 5.7 / width)) ** 2))).astype("float32")
    angle = np.linspace(-80, 80, 20)
    stations = sphere.Stations(angle, 4 * angle, np.full(20, 1000.0))
    if tier == "acoustic":
        source = sphere.PressureSource(800.0, 90.0, 0.0, pulse)
        run = lambda vp: ads.simulate_fluid_ball(sphere.FluidMedium(vp, 1000.0), source, stations, mesh)  # noqa: E731
        return mesh, run, fields_of(solver, source)[0]
    moment = np.array([[1.0, 0.4, -0.7], [0.4, 0.3, 0.9], [-0.7, 0.9, -1.3]], "float32")
    source = sphere.MomentTensorSource(800.0, 90.0, 0.0, pulse, moment)
    run = lambda m: ads.simulate_solid_ball(sphere.SolidMedium(*m), source, stations, mesh)  # noqa: E731
    return mesh, run, tuple(fields_of(solver, source))


def measured(settings: Benchmark, tier: str, gradient: bool) -> dict[str, Any]:
    """A row; meant for a process of its own."""
    mesh, run, fields = problem(settings, tier)
    begun = time.perf_counter()
    function = jax.jit(jax.grad(lambda m: jnp.sum((1e6 * run(m)) ** 2)) if gradient else run).lower(fields).compile()
    compiled, taken = time.perf_counter() - begun, []
    for _ in range(settings.repeats):
        begun = time.perf_counter()
        found = jax.block_until_ready(function(fields))
        taken.append(time.perf_counter() - begun)
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(found))
    elements, seconds = len(mesh.elements.points), statistics.median(taken)
    return {
        "tier": tier,
        "what": "gradient" if gradient else "forward",
        "elements": elements,
        "dt [ms]": 1e3 * mesh.dt,
        "steps": mesh.nt,
        "s": seconds,
        "compile [s]": compiled,
        "M element-steps / s x components": elements * mesh.nt * mesh.shape[1] / seconds / 1e6,
        "peak [MB]": peak_megabytes(),
    }


def kernels(settings: Benchmark, tier: str) -> dict[str, float]:
    """Milliseconds of a step, and the part of it [%] in each kernel; meant for a process of its own.

    A step applies K and D twice. Parts that have a function are timed by themselves, and the rest is what is left of the whole:
    less than nothing where parts of the whole run at once, on several cores.
    """
    mesh, _, fields = problem(settings, tier)
    fluid = tier == "acoustic"
    equation, (mass, stiffness) = (
        fluid_ball._equation(mesh, (fields, jnp.float32(1000)))[:2] if fluid else solid_ball._equation(mesh, fields)
    )
    system, elements = equation.system, mesh.elements
    field = jnp.asarray(np.random.default_rng(0).normal(size=system.shape), "float32")
    took = lambda function, *x: _milliseconds(settings, jax.jit(function), *x)  # noqa: E731
    step, resisted = took(_stepped(equation), (mass, stiffness), field), took(system.resisted, stiffness, field)
    moved, local = took(system.moved, mass, field), jax.jit(elements.spread)(field)
    if fluid:
        gather, scatter = took(elements.spread, field), took(elements.summed, local)
        parts = {"gather": gather, "element matrices": resisted - gather - scatter, "scatter": scatter}
    else:
        turn = jnp.asarray(system.turn.T, "float32")

        def blocks(part: Callable[[Block, jax.Array], jax.Array]) -> float:
            work = lambda block, force, _: block.added(force, [part(block, x) for x in block.spread(field)])  # noqa: E731
            return took(lambda moduli, x: system.blocks.summed(work, jnp.zeros_like(x), moduli), stiffness, field)

        passed = blocks(lambda _, x: x)
        products = blocks(lambda block, x: block.unsloped(*block.sloped(x))) - passed
        turned = blocks(lambda _, x: matmul(matmul(x, turn), turn)) - passed
        parts = {"gather and scatter": passed, "element matrices": products, "turning": turned}
    parts = {name: 2 * value for name, value in {**parts, "mass at azimuths": moved}.items()}
    shares = {name: 100 * value / step for name, value in parts.items()}
    return {"ms a step": step, **shares, "update, and the rest": 100 - sum(shares.values())}


def _stepped(equation: FourthOrder[Any]) -> Callable[[Any, Any], Any]:
    def step(coefficients: Any, field: jax.Array) -> Any:
        still = equation.initial_state(1, field.dtype)
        state = State({equation.system.name: field[None]}, still.memory)
        return equation.step(fluid_ball.Coefficients(*coefficients), state, lambda _, force: force).fields

    return step


def _milliseconds(settings: Benchmark, function: Callable[..., Any], *x: Any) -> float:
    jax.block_until_ready(function(*x))
    taken = []
    for _ in range(10 * settings.repeats):
        begun = time.perf_counter()
        jax.block_until_ready(function(*x))
        taken.append(time.perf_counter() - begun)
    return 1e3 * min(taken)  # parts are set against each other: what else the machine did is no part of any


def exactness(settings: Benchmark) -> dict[str, float]:
    """How far the acoustic tier's mesh is off the exact waves of a uniform ball; meant for a process of its own."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where exact waves are
    exact_waves = importlib.import_module("analytic_ball").fluid_ball
    solver = solver_of(settings, "acoustic")
    mesh, width = solver.mesh, 1.5 * solver.setup.frequency
    pulse = lambda t: width / np.sqrt(np.pi) * np.exp(-((width * (t - 5.7 / width)) ** 2))  # noqa: E731
    distance, radius = np.array([0.3, 1.0, 2.5, 0.7, 2.0]), np.array([500.0, 800.0, 300.0, 1000.0, 1000.0])
    fine = np.arange(4 * (mesh.nt + 50)) * mesh.dt / 4
    ball = {"radius": 1000.0, "speed": 1000.0, "rho": 1000.0}
    exact = exact_waves(pulse(fine), mesh.dt / 4, source_radius=800.0, receiver_radius=radius, distance=distance, **ball)
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


def _told(tier: str, parts: dict[str, float]) -> str:
    step, *others = parts.items()
    return f"{tier}, {step[1]:.3g} {step[0]}: " + ", ".join(f"{name} {share:.0f} %" for name, share in others)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    unknown = [tier for tier in settings.tiers if tier not in TIERS]
    if unknown:
        raise SystemExit(f"no tier {', '.join(unknown)}: there are {', '.join(TIERS)}.")
    device = alone(device_name)
    print(device, flush=True)
    rows, shares = [], {}
    for tier in settings.tiers:
        for gradient in (False, True)[: 1 + settings.gradients]:
            rows.append(alone(measured, settings, tier, gradient))
            print(table([rows[-1]]), flush=True)
        shares[tier] = alone(kernels, settings, tier)
        print(_told(tier, shares[tier]), flush=True)
    off = alone(exactness, settings)
    print(off, flush=True)
    shown = {k: v for k, v in asdict(settings).items() if k != "output"}
    record = {"date": now(), "device": device, "settings": shown, "versions": versions(), "rows": rows, "kernels": shares}
    record["exactness"] = off
    write(record, picture(rows), settings.output)
    told = ", ".join(f"{name} {100 * value:.2f} %" for name, value in off.items())
    lines = "\n".join(f"- {_told(tier, parts)}" for tier, parts in shares.items())
    text = (
        f"{device}, {record['date']}; by `python benchmarks/globe.py`.\n\n{markdown(rows)}\n\n{lines}\n\nUniform ball: {told}.\n"
    )
    write_text(text, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
