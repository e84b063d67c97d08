"""What a row of `validation.py` is, and how the figures are taken from the tests that measure them."""

import contextlib
import functools
import importlib
import inspect
import itertools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import jax
import numpy as np

import adseis as ads

module = importlib.import_module


class Row(NamedTuple):
    """One comparison.

    Attributes:
        name: What is looked for by `--only`.
        setting: What is simulated.
        reference: What it is compared with.
        measure: Runs it; the figure, and all that it is the worst of.
        tolerance: What the figure must not exceed.
        why: What the tolerance consists of.
    """

    name: str
    setting: str
    reference: str
    measure: Callable[[], "Found"]
    tolerance: float
    why: str


class Found(NamedTuple):
    """What a row measured: figures, the worst of which counts, and what failed besides."""

    figures: list[float]
    failed: str = ""


def drift(energy: Any) -> float:
    """How far an energy is from what it is at first."""
    energy = np.asarray(energy)
    return float(np.max(np.abs(energy / energy[0] - 1)))


def difference(actual: Any, desired: Any) -> float:
    """Largest difference, over the largest value."""
    return float(np.max(np.abs(np.asarray(actual, float) - np.asarray(desired))) / np.max(np.abs(np.asarray(desired))))


def known(place: str, arguments: dict[str, Any]) -> None:
    """Complain where there is no test `module.function` of these arguments."""
    name, function = place.split(".")
    inspect.signature(getattr(module(name), function)).bind(**arguments)


def measured(place: str, arguments: dict[str, Any]) -> dict[str, list[Any]]:
    """Run the test `module.function` and note what its oracles found, under their names."""
    test, name = module(place.split(".")[0]), place.split(".")[1]
    found: dict[str, list[Any]] = defaultdict(list)
    watched: list[tuple[Any, str, Callable[..., Any]]] = [
        (module("analytic"), "relative_l2", lambda result, *_: result),
        (np.testing, "assert_allclose", lambda _, actual, desired: difference(actual, desired)),
        (test, "convergence_order", lambda result, *_: result),
        (test, "echoes", lambda result, *_: result),
        (test, "energies", lambda result, *_: drift(result[25:])),
        (test, "assert_constant", lambda _, energy: drift(energy)),
        (test, "grazing", lambda result, *_: result),
        (test, "peaks", lambda result, *_: float(np.max(result[:, -1] / np.maximum(result[:, 8:11].max(1), 1e-4)))),
    ]

    def noting(function: Callable[..., Any], key: str, note: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **named: Any) -> Any:
            if key.startswith("assert"):  # noted even where it then fails
                found[key].append(note(None, *args))
                return function(*args, **named)
            result = function(*args, **named)
            found[key].append(note(result, *args))
            return result

        return noted

    with contextlib.ExitStack() as stack:
        for owner, key, note in watched:
            if hasattr(owner, key):
                stack.enter_context(mock.patch.object(owner, key, noting(getattr(owner, key), key, note)))
        try:
            getattr(test, name)(**arguments)
        except AssertionError as error:
            found["failed"].append(f"{place}: {str(error).splitlines()[0] if str(error) else 'failed'}")
    return found


def worst(place: str, *, of: str = "relative_l2", part: slice = slice(None), **arguments: Any) -> Callable[[], Found]:
    """The figures of an oracle in a test, or a part of them."""
    known(place, arguments)

    def measure() -> Found:
        found = measured(place, arguments)
        return Found([float(x) for x in found[of][part]], "; ".join(found["failed"]))

    return measure


def same(place: str, **arguments: Any) -> Callable[[], Found]:
    """Differences over peaks."""
    return worst(place, of="assert_allclose", **arguments)


def slopes(place: str, cases: dict[int, dict[str, Any]]) -> Callable[[], Found]:
    """How far slopes are from orders, relatively: order -> arguments of the test."""
    for arguments in cases.values():
        known(place, arguments)

    def measure() -> Found:
        figures, failed = [], []
        for order, arguments in cases.items():
            found = measured(place, arguments)
            figures += [abs(slope / order - 1) for slope in found["convergence_order"]]
            failed += found["failed"]
        return Found(figures, "; ".join(failed))

    return measure


def taylor(physics: str) -> Callable[[], Found]:
    """How far Taylor slopes are from 1 and 2, of every input."""

    def measure() -> Found:
        found = measured("test_adjoint.test_taylor", {"case": case(physics)})
        orders = zip(found["convergence_order"], [1, 2] * len(found["convergence_order"]), strict=False)
        return Found([abs(slope / order - 1) for slope, order in orders], "; ".join(found["failed"]))

    return measure


def dot(physics: str) -> Callable[[], Found]:
    """abs(<Jx, y> - <x, J'y>) / (norm(Jx) norm(y)), of every input."""

    def measure() -> Found:
        test, inner = module("test_adjoint"), module("helpers").inner
        x, y, _, _, pushed = test.programs(case(physics))
        (_, gradient), _ = test.gradients(case(physics))
        figures = []
        for name in x:
            dx = test.perturbation(x, name)
            forward = pushed(x, dx)
            norm = np.sqrt(inner(forward, forward) * inner(y, y))
            figures.append(abs(inner(forward, y) - inner(dx, gradient)) / norm)
        return Found(figures)

    return measure


def echo(place: str, *, near: bool, **arguments: Any) -> Callable[[], Found]:
    """Echoes [dB] at the receivers near the normal, or at those beyond."""
    known(place, arguments)

    def measure() -> Found:
        found = measured(place, arguments)
        parts = [levels[:2] if near else levels[2:] for levels in found["echoes"]]
        return Found([float(x) for x in np.concatenate(parts)], "; ".join(found["failed"]))

    return measure


def green_3d(order: int) -> Callable[[], Found]:
    """Three wavelengths in 3D, in float32."""

    def measure() -> Found:
        trace, exact = module("test_scalar").point_source((24, 0, 0), 0.15, order, np.float32)
        return Found([module("analytic").relative_l2(trace, exact)])

    return measure


def fluid_ball(resolution: float | None) -> Callable[[], Found]:
    """A fluid ball of 1 km at 20 Hz, pressure and displacement."""

    def measure() -> Found:
        mesh = ads.sphere.ball(1000.0, 20.0, 2.5, (1000.0, 1000.0), azimuthal_order=0, resolution=resolution)
        pressure, motion, _ = module("test_fluid_ball").errors(mesh, 30.0)
        return Found([*pressure, *motion])

    return measure


def fluid_ball_in_a_box() -> Found:
    """A structure of degree 4, by both solvers."""
    return Found(module("test_fluid_ball_structure").compared(6.0, 12, 4, 25.0, 3, ads.CPML(8))[0])


def solid_ball(mechanism: str) -> Callable[[], Found]:
    """Every component at every station of a solid ball of 1 km at 2 Hz, over the station's motion."""

    def measure() -> Found:
        test = module("test_solid_ball")
        return Found(test.errors({"moment": test.MOMENT, "force": test.FORCE}[mechanism]).ravel().tolist())

    return measure


def plane(shot: int) -> Callable[[], Found]:
    """A shot of the elastic plane, whose three shots are simulated once."""

    def measure() -> Found:
        return worst("test_elastic.test_velocity_and_displacement", plane=_plane(), shot=shot)()

    return measure


@functools.cache
def _plane() -> Any:
    return module("test_elastic").plane.__wrapped__()


def case(physics: str, axes: int = 2) -> Any:
    """A case of the tests of gradients: free surface, CPML, all that is recorded."""
    test = module("test_adjoint")
    return getattr(test, physics.upper()) if axes == 2 else test.Case(physics, 3, test.LAYERS, True, 2)


def grazed(place: str, part: int, **arguments: Any) -> Callable[[], Found]:
    """The loss of all traces, or of the worst."""
    known(place, arguments)

    def measure() -> Found:
        found = _grazed(place, tuple(arguments.items()))
        return Found([found["grazing"][0][part]], "; ".join(found["failed"]))

    return measure


@functools.cache
def _grazed(place: str, arguments: tuple[tuple[str, Any], ...]) -> dict[str, list[Any]]:
    return measured(place, dict(arguments))


def cost_of_layers() -> Found:
    """The two take turns."""
    test, times = module("test_layers_of_solids"), {}
    media = [np.full((400, 400), value, "float32") for value in (3000.0, 1700.0, 2200.0)]
    grid = ads.Grid((400, 400), 10.0, 9e-4, 100)
    source = ads.Force([[[2000.0, 2000.0]]], np.hanning(100)[None, None].astype("float32"), [[[1.0, 0.0]]])
    survey = ads.Survey(source, [[100.0, 100.0]])
    runs = {
        name: jax.jit(lambda vp, boundary=boundary: ads.simulate_elastic(
            ads.ElasticMedium(vp, *media[1:]), survey, grid, boundary=boundary, record="vz"
        ))
        for name, boundary in {"ours": ads.CPML(), "plain": test.PLAIN}.items()
    }  # fmt: skip
    for turn, (name, run) in itertools.product(range(8), runs.items()):
        begun = time.perf_counter()
        jax.block_until_ready(run(media[0]))
        if turn:  # the first compiles
            times.setdefault(name, []).append(time.perf_counter() - begun)
    return Found([float(np.median(times["ours"]) / np.median(times["plain"]))])
