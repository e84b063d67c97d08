"""The rows of `validation.py`, topic by topic: what is compared, how well it has to agree, and why."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from validation_measures import (
    Row,
    case,
    cost_of_layers,
    dot,
    echo,
    fluid_ball,
    fluid_ball_in_a_box,
    grazed,
    green_3d,
    module,
    plane,
    same,
    slopes,
    solid_ball,
    taylor,
    worst,
)

NAMES = {"scalar": "scalar", "acoustic": "acoustic", "elastic": "elastic", "sh": "SH"}


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


def balls() -> Iterator[Row]:
    """Fluid and solid ones."""
    for name, resolution, most in (("planned", None, 1e-2), ("finer", 2.0, 1e-3)):
        setting = f"fluid ball, 20 Hz, {resolution or 1.3} elements for the shortest wavelength: pressure, displacement"
        why = "elements of degree 4"
        yield Row(f"ball-fluid-{name}", setting, "series of Bessel functions", fluid_ball(resolution), most, why)
    setting = "fluid ball, 6 Hz, structure of degree 4 and 10 %, 12 orders, until the surface answers"
    yield Row("ball-box", setting, "`simulate_scalar` in a box", fluid_ball_in_a_box, 2e-2, "sincs and time step of the box")
    for mechanism in ("moment", "force"):
        setting = f"solid ball, 2 Hz, a {mechanism}{' tensor' if mechanism == 'moment' else ''}: up, north, east at four stations"
        yield Row(f"ball-solid-{mechanism}", setting, "spheroidal and toroidal series", solid_ball(mechanism), 1e-2, "elements")


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


TOPICS = (point_sources, convergence, elastic, balls, boundaries, layers_of_solids, symmetries, gradients)
