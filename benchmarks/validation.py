"""One table of what is validated: what is compared with what, how well the two agree, how well they have to, and why.

python benchmarks/validation.py                  # all rows, half an hour on two cores; exit code 1 if one fails
python benchmarks/validation.py --only lamb      # those whose name holds this

Set-ups, oracles and bounds live in tests/: a row runs a test, and takes the figures that the oracle measured in it. As there,
programs are compiled in haste, which takes longer than running them.
"""

import argparse
import contextlib
import functools
import importlib
import inspect
import itertools
import json
import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import jax
import numpy as np
from reporting import markdown, now, processor_name, table, write_text
from tqdm import tqdm

import adseis as ads

TESTS = Path(__file__).resolve().parents[1] / "tests"
RESULTS = Path(__file__).parent / "results" / "validation"
HASTE = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
NAMES = {"scalar": "scalar", "acoustic": "acoustic", "elastic": "elastic", "sh": "SH"}


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


def point_sources() -> Iterator[Row]:
    """Scalar, acoustic and SH waves of points and lines."""
    hankel, spread = "Hankel function", "dispersion over the distance"
    for order, courant, most in ((2, 0.1, 0.12), (4, 0.05, 1e-2), (8, 0.04, 1e-3)):
        setting = f"scalar, 2D, order {order}: ten shortest wavelengths of 8 points"
        measure = worst("test_scalar.test_green_2d", order=order, courant=courant, tolerance=most)
        yield Row(f"green-2d-order-{order}", setting, hankel, measure, most, spread)
    for order, most in ((2, 0.12), (4, 1e-2), (8, 1e-2)):
        setting = f"scalar, 3D, order {order}: three shortest wavelengths of 8 points, float32"
        why = "the time step" if order == 8 else spread
        yield Row(f"green-3d-order-{order}", setting, "s(t - r / c) / (4 pi r)", green_3d(order), most, why)
    setting = "acoustic, 2D, order 4: pressure of an explosion, ten shortest wavelengths of 8 points"
    measure = worst("test_acoustic.test_pressure_2d", dtype=np.float64)
    yield Row("acoustic-2d", setting, f"rho dq/dt * {hankel}", measure, 1e-2, spread)
    setting = "acoustic, 3D, order 4: pressure and velocities of an explosion and a force"
    measure = worst("test_acoustic.test_volume_source_and_force", offset=(8, 4, 8))
    yield Row("acoustic-3d", setting, "closed form, near field included", measure, 1e-2, "dispersion, interpolation, time step")
    setting = "acoustic, 2D, order 4: above and below a step in density"
    measure = worst("test_acoustic.test_reflection_and_transmission_at_a_density_step", part=slice(1, None, 2))
    yield Row("density-step", setting, "image source", measure, 1e-2, spread)
    setting = "SH, order 4: velocity and displacement of a line force, ten shortest wavelengths of 10 points"
    yield Row("sh-2d", setting, hankel, worst("test_sh.test_line_force"), 1e-2, f"{spread}, layers")
    setting = "SH, order 4: a force on a free surface"
    yield Row("sh-surface", setting, f"{hankel}, and its image", worst("test_sh.test_free_surface", depth=0.0), 1e-2, spread)


def convergence() -> Iterator[Row]:
    """Slopes."""
    left = "within 10 % of the order: higher terms"
    space: dict[str, dict[int, Any]] = {
        "scalar": {2: (24, 20, 16), 4: (16, 13, 10), 8: (10, 8, 7)},
        "acoustic": {2: (24, 20, 16), 4: (16, 13, 10), 8: (10, 8, 7)},
        "elastic": {2: (14, 12, 10), 4: (11, 9, 8), 8: (8, 7, 6)},
        "sh": {2: (20, 16, 13), 4: (14, 11, 9), 8: (9, 7.5, 6.5)},
    }
    for physics, cases in space.items():
        setting = f"{NAMES[physics]}, orders 2, 4, 8: slope of the error over the spacing"
        measure = slopes(
            f"test_{physics}.test_convergence_in_space", {k: {"order": k, "points": points} for k, points in cases.items()}
        )
        yield Row(f"space-{physics}", setting, "the order", measure, 0.1, left)
    for physics in ("scalar", "acoustic", "elastic"):
        setting = f"{NAMES[physics]}: slope of the error over the time step"
        measure = slopes(f"test_{physics}.test_convergence_in_time", {2: {}})
        yield Row(f"time-{physics}", setting, "2", measure, 0.1, left)


def elastic() -> Iterator[Row]:
    """Full space, half space, sea floor."""
    why, integrated = "dispersion, interpolation, time step", "wavenumber integration"
    for shot, what in enumerate(("line force", "moment tensor", "explosion")):
        setting = f"elastic, 2D, order 4: {what}, 10 points per shortest S wavelength"
        yield Row(f"elastic-2d-{what.replace(' ', '-')}", setting, "closed form, full space", plane(shot), 2e-2, why)
    for part, what, where in ((slice(0, None, 2), "double couple", "4.29"), (slice(1, None, 2), "point force", "4.23")):
        setting = f"elastic, 3D, order 4: {what}, six azimuths, near field included"
        measure = worst("test_elastic.test_three_dimensions", shots=2, part=part)
        yield Row(f"elastic-3d-{what.replace(' ', '-')}", setting, f"Aki & Richards {where}", measure, 2e-2, why)
    setting = "elastic, 2D, order 4: Lamb's problem, five Rayleigh wavelengths along the surface"
    measure = worst("test_elastic_boundaries.test_lamb", order=4)
    yield Row("lamb-2d", setting, integrated, measure, 3e-2, "dispersion at 20 points per shortest S wavelength")
    setting = "elastic, 3D, order 4: Lamb's problem, three azimuths"
    measure = worst("test_elastic_boundaries.test_lamb_in_three_dimensions")
    yield Row("lamb-3d", setting, integrated, measure, 3e-2, "dispersion at 14 points per shortest S wavelength")
    setting = "elastic, 2D, order 4: water over sediment, transmitted and Scholte waves"
    measure = worst("test_elastic_boundaries.test_sea_floor")
    yield Row("sea-floor", setting, integrated, measure, 5e-2, "differences that reach across the sea floor")


def boundaries() -> Iterator[Row]:
    """Echoes, and energies of closed boxes."""
    for physics in ("scalar", "acoustic", "elastic"):
        layered = physics == "elastic"
        place = "test_elastic_boundaries.test_layers_absorb" if layered else "test_cpml.test_default_layers_absorb"
        values = {"ratio": 1.73, "far": 100} if layered else {"scalar": physics == "scalar", "slowness": 1.0}
        for near, most, how in ((True, -60.0, "near the normal"), (False, -40.0, "grazing")):
            setting = f"{physics}, 20 cells of CPML, {how}: echo [dB]"
            name = f"cpml-{physics}-{'normal' if near else 'grazing'}"
            yield Row(
                name,
                setting,
                "a domain without echoes",
                echo(place, near=near, order=4, courant=0.95, **values),
                most,
                "what is asked of a layer",
            )
    for physics, place, order, of in (
        ("scalar", "test_reciprocity.test_scalar_energy", 4, "assert_constant"),
        ("acoustic", "test_reciprocity.test_acoustic_energy", 4, "assert_constant"),
        ("elastic", "test_elastic_boundaries.test_energy", 8, "energies"),
    ):
        setting = f"{physics}, random closed box: drift of the energy over the whole record"
        yield Row(f"energy-{physics}", setting, "its value at first", worst(place, of=of, axes=2, order=order), 1e-10, "rounding")


def layers_of_solids() -> Iterator[Row]:
    """What they take of waves that graze them, whether they grow, and what they cost beside layers that do grow."""
    place, bound = "test_layers_of_solids.test_grazing_waves", {"whole": 2e-3, "worst": 2e-2}
    for part, which, most in ((0, "all traces", 5e-3), (1, "the worst trace", 5e-2)):
        setting = f"elastic, 20 cells of CPML: 1.8 km along the top of soft rock on hard, {which}"
        measure = grazed(place, part, soft=True, **bound)
        yield Row(f"layers-grazing-{part}", setting, "a domain without echoes", measure, most, "what decays at the outer end")
    for kind, env in itertools.product(("layers", "blocks"), ("open", "free", "sea")):
        values = {"kind": kind, "env": env, "order": 4, "count": 9}
        setting = f"elastic, nine random media of {kind}, {env}: peak after 20,000 steps over that after 10,000"
        measure = worst("test_layers_of_solids.test_fifty_media", of="peaks", **values)
        yield Row(f"layers-fade-{kind}-{env}", setting, "1", measure, 3.0, "waves trapped in soft layers fade slowly")
    setting = "elastic, 400 x 400, 20 cells of CPML: time of a step over that of layers that only damp across"
    yield Row("layers-cost", setting, "medians of seven runs in turn", cost_of_layers, 1.25, "a product a field")


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


def symmetries() -> Iterator[Row]:
    """Source and receiver exchanged; one device and several."""
    exact = {"dtype": float, "tolerance": 1e-10}
    arguments: dict[str, dict[str, Any]] = {
        "scalar": {"axes": 2, "off_nodes": True, **exact},
        "acoustic": {"axes": 2, **exact},
        "elastic": {"axes": 2, "order": 4, "water": 0, **exact},
        "sh": {"order": 4},
    }
    for physics, values in arguments.items():
        setting = f"{NAMES[physics]}, uneven medium, free surface, CPML, off the nodes"
        measure = same(
            f"test_reciprocity.test_{physics}", boundary=module("test_reciprocity").LAYERS, free_surface=True, **values
        )
        yield Row(f"reciprocity-{physics}", setting, "source and receiver exchanged", measure, 1e-10, "rounding")
    options: dict[str, Any] = {"scalar": {}, "acoustic": {"free_surface": True}}
    options["elastic"] = {"free_surface": True, "record": "vx"}
    for physics, values in options.items():
        setting = f"{physics}: gather and gradient of five shots over four devices"
        equation = getattr(module("test_shots"), physics.upper())
        measure = same("test_shots.test_same_as_one_device", equation=equation, shots=5, dtype="float64", options=values)
        yield Row(f"shots-{physics}", setting, "one device", measure, 1e-12, "sums over shots in another order")
    setting = "acoustic, 3D: gather and gradient of a grid that is cut over four devices"
    names = ("equation", "grid", "shots", "domains", "dtype", "options")
    values = dict(zip(names, module("test_halo").CASES["3d-acoustic"], strict=True))
    measure = same("test_halo.test_same_as_one_device", **values)
    yield Row("domains-acoustic", setting, "one device", measure, 1e-10, "sums in another order")


def gradients() -> Iterator[Row]:
    """Of everything that can be differentiated."""
    for physics in ("scalar", "acoustic", "elastic", "sh"):
        name = NAMES[physics]
        yield Row(f"dot-{physics}", f"{name}: dot test of every input", "the jvp of AutoDiff", dot(physics), 1e-12, "rounding")
        setting = f"{name}: Taylor slopes of every input"
        yield Row(f"taylor-{physics}", setting, "1 and 2", taylor(physics), 0.1, "within 10 %: higher terms")
        for axes in (2, 3) if physics != "sh" else (2,):
            setting = f"{name}, {axes}D: gradient by ReverseSweep of every input, free surface, CPML"
            measure = same("test_adjoint.test_sweep_equals_autodiff", case=case(physics, axes))
            yield Row(f"adjoint-{physics}-{axes}d", setting, "AutoDiff", measure, 1e-10, "the same sums in another order")
        setting = f"{name}: gradient in float32 of every input"
        measure = same("test_adjoint.test_float32", case=case(physics))
        yield Row(f"float32-{physics}", setting, "float64", measure, 1e-4, "thirty steps of rounding")


TOPICS = (point_sources, convergence, elastic, boundaries, layers_of_solids, symmetries, gradients)


def run(row: Row) -> dict[str, Any]:
    """One line of the table."""
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*points per shortest wavelength")
        try:
            found = row.measure()
        except Exception as error:  # a row that breaks fails, and the others go on
            found = Found([], f"{row.name}: {type(error).__name__}: {str(error).splitlines()[0]}")
    figure = max(found.figures, default=float("nan"))
    return {
        "name": row.name,
        "setting": row.setting,
        "reference": row.reference,
        "ours": figure,
        "at most": row.tolerance,
        "why": row.why,
        "passed": "yes" if figure <= row.tolerance and not found.failed else "NO",
        "figures": found.figures,
        "failed": [found.failed] if found.failed else [],
        "seconds": [round(time.perf_counter() - begun, 1)],
    }


def main() -> int:
    """The table, as text, JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name holds this; nothing is written then")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    os.environ["XLA_FLAGS"] = f"{HASTE} {os.environ.get('XLA_FLAGS', '')}"
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", 4)
    sys.path[:0] = [str(TESTS), str(TESTS / "waves"), str(TESTS / "parallel")]
    rows = [row for topic in TOPICS for row in topic()]
    chosen = [row for row in rows if arguments.only in row.name]
    if not chosen:
        sys.exit(f"no row has `--only` = {arguments.only!r} in its name; there are {', '.join(row.name for row in rows)}.")
    lines = [run(row) for row in tqdm(chosen, desc="validation")]
    print(table(lines))
    failures = [text for line in lines for text in line["failed"]]
    print(*failures, sep="\n", end="\n" if failures else "")
    if not arguments.only:
        record = {"date": now(), "processor": processor_name(), "jax": jax.__version__, "rows": lines}
        write_text(json.dumps(record, indent=2) + "\n", arguments.output.with_suffix(".json"))
        write_text(markdown(lines) + "\n", arguments.output.with_suffix(".md"))
    return 1 if any(line["passed"] != "yes" for line in lines) else 0


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
