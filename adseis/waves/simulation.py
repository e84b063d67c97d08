"""From a medium, a survey and a grid to gathers: the part that all wave equations share.

`simulate` checks the input, turns positions into points and time functions into samples at the scheme's instants, marches,
and brings the records onto t = k dt.
"""

import dataclasses
import difflib
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, PyTree

from adseis.experiment import checks, sampling
from adseis.experiment.grid import Grid
from adseis.experiment.medium import Medium, letters
from adseis.experiment.sampling import check_order
from adseis.experiment.sources import Emission
from adseis.experiment.survey import Survey
from adseis.parallel.devices import domains_of, platform_of
from adseis.parallel.shots import on_every_host, over_shots
from adseis.timeloop.adjoints import Adjoint
from adseis.timeloop.equation import Injection, Points, Probe
from adseis.timeloop.march import march
from adseis.timeloop.override import current_adjoint
from adseis.waves import interpolation
from adseis.waves.boundary import Boundary
from adseis.waves.records import Fibre, Quantity, Recordable, combined, joined, shifted
from adseis.waves.wave_equation import Field, WaveEquation


class Options(eqx.Module):
    """The settings that every simulation shares.

    Attributes:
        boundary: What surrounds the model.
        free_surface: Whether the top face is a free surface.
        order: Spatial accuracy.
        record: What to record, or a tuple of it.
        adjoint: How the time loop is differentiated.
        probe: What is computed from the fields on the way, or None.
        probe_every: Steps between its calls.
    """

    boundary: Boundary
    free_surface: bool = eqx.field(static=True)
    order: int = eqx.field(static=True)
    record: Recordable | tuple[Recordable, ...] = eqx.field(static=True)
    adjoint: Adjoint
    probe: Probe | None
    probe_every: int = eqx.field(static=True)

    @property
    def recorded(self) -> tuple[Recordable, ...]:
        """What is recorded, as a tuple."""
        return self.record if isinstance(self.record, tuple) else (self.record,)


class _Plan(eqx.Module):
    """What must be known while tracing: per source and recorded term, along which axes points are nodal; devices."""

    sources: tuple[tuple[str, tuple[tuple[bool, ...], ...]], ...] = eqx.field(static=True)
    receivers: tuple[tuple[tuple[bool, ...], ...], ...] = eqx.field(static=True)
    devices: Mesh | None = eqx.field(static=True)


def simulate(equation: type[WaveEquation], medium: Medium, survey: Survey, grid: Grid, options: Options) -> Any:
    """Check everything, then simulate; `simulate_scalar` and its siblings say more.

    Args:
        equation: The physics.
        medium: Earth parameters on the nodes of `grid`.
        survey: Sources and receivers.
        grid: Space-time sampling.
        options: The settings.

    Returns:
        `(shot, time, receiver)`, a tuple of such if `options.record` is one; with a probe, that and the stacked probes.

    Raises:
        ValueError: If shapes disagree, an option is unknown, or a known value is out of range.
        TypeError: If a source is not one that the equation takes, or an option is of the wrong kind.
        RuntimeError: If a value is out of range (also under `jit`).
    """
    _check_structure(equation, medium, grid, options)
    options = dataclasses.replace(options, adjoint=current_adjoint(options.adjoint))
    extended = options.boundary.extend(grid, options.order, options.free_surface)
    cut = extended.divided(domains_of(survey.devices)).split
    if cut is not None and options.probe is not None:
        raise ValueError(
            f"A `probe` sees the whole grid, which `survey.devices` cuts into {cut.parts} domains; use a device mesh of one "
            "domain, or leave the probe out."
        )
    kinds = equation.fields(len(grid.shape))
    groups = _grouped(equation, kinds, survey.emissions(grid))
    shots = next(iter(groups.values()))[0].position.shape[0]
    receivers = survey.receiver_positions(shots, grid)
    quantities = recorded_quantities(equation, grid, options, receivers.shape[1])

    devices = survey.devices if options.probe is None else None  # a probe sees all shots at once
    medium = _checked_medium(equation, medium, grid, options.order, devices)
    receivers = checks.inside(receivers, "receivers", grid, devices)
    for recorded in options.recorded:
        if isinstance(recorded, Fibre):
            for end in recorded.ends(receivers):
                name = "receivers (an end of a gauge length of the `Fibre`)"
                receivers = checks.inside(end, name, grid, devices, guarding=receivers)
    groups = {
        k: [e._replace(position=checks.inside(e.position, "position", grid, devices)) for e in v] for k, v in groups.items()
    }
    _warn_of_dispersion(medium, groups, grid, options.order)

    plan = _Plan(
        tuple((k, tuple(interpolation.on_nodes(e.position, kinds[k].stagger, extended) for e in v)) for k, v in groups.items()),
        tuple(
            tuple(interpolation.on_nodes(shifted(receivers, term.shift), kinds[term.field].stagger, extended) for term in q.terms)
            for q in quantities
        ),
        devices,
    )
    return _simulate(equation, medium, groups, receivers, grid, options, plan)


@eqx.filter_jit
def _simulate(
    equation_type: type[WaveEquation], medium: Medium, groups: dict[str, list[Emission]], receivers: Any, grid: Grid,
    options: Options, plan: _Plan,
) -> Any:  # fmt: skip
    whole = options.boundary.extend(grid, options.order, options.free_surface)
    extended = whole.divided(domains_of(plan.devices))
    equation = equation_type(extended, options.boundary)
    kinds = equation.fields(len(grid.shape))
    dtype = jnp.result_type(*jax.tree.leaves(medium), *(e.samples for v in groups.values() for e in v))
    medium = on_every_host(jax.tree.map(lambda x: jnp.asarray(x, dtype), medium), plan.devices)
    coefficients = equation_type(whole, options.boundary).coefficients(medium)

    def points(position: Any, name: str, nodal: tuple[bool, ...]) -> Points:
        kind = kinds[name]
        points = interpolation.points(position, kind.stagger, whole, nodal=nodal, image=kind.image, dtype=dtype)
        return points if extended.split is None else extended.split.points(points, whole.haloed)

    nodal = dict(plan.sources)
    emitting = {name: [e.kind for e in emissions] for name, emissions in groups.items()}
    quantities = recorded_quantities(equation_type, grid, options, receivers.shape[1])
    cell = float(np.prod(grid.spacing))

    def run(coefficients: PyTree, shots: Any) -> Any:
        emitted, receivers = shots
        injections = {}
        for name, parts in emitted.items():
            spread = [points(position, name, at) for (position, _), at in zip(parts, nodal[name], strict=True)]
            gains = [equation.source_gain(kind, name, coefficients) for kind in emitting[name]]
            samples = [_at_instants(jnp.asarray(samples, dtype), kinds[name]) for _, samples in parts]
            entering = [i for i, gain in enumerate(gains) if not (isinstance(gain, float) and gain == 0)]
            if entering:
                where = joined([spread[i].scaled(gains[i]) for i in entering])
                injections[name] = Injection(where, jnp.concatenate([samples[i] for i in entering], 2) / cell)
        terms = [
            [
                (t.field, points(shifted(receivers, t.shift), t.field, at).scaled(t.weight))
                for t, at in zip(q.terms, on, strict=True)
            ]
            for q, on in zip(quantities, plan.receivers, strict=True)
        ]
        recordings, recipes = combined(terms)
        records, probed = march(
            equation, coefficients, injections, recordings, grid.nt,
            adjoint=options.adjoint, probe=options.probe, probe_every=options.probe_every, platform=platform_of(plan.devices),
        )  # fmt: skip
        gathers = []
        for quantity, recipe in zip(quantities, recipes, strict=True):
            parts = [_at_samples(records[name][:, :, part], kinds[name], quantity, grid.dt) for name, part in recipe]
            gathers.append(jnp.moveaxis(sum(parts[1:], start=parts[0]), 0, 1))
        return tuple(gathers), probed

    emitted = {name: [(e.position, e.samples) for e in emissions] for name, emissions in groups.items()}
    gathers, probed = over_shots(run, plan.devices, coefficients, (emitted, receivers), split=extended.split)
    gather = gathers if isinstance(options.record, tuple) else gathers[0]
    return gather if options.probe is None else (gather, probed)


def _at_instants(samples: Array, kind: Field) -> Array:
    """Samples (shot, source, time) at t = k dt to (time, shot, source) at the instants at which the scheme injects.

    A pressure is injected halfway between two of its own instants: there the samples are interpolated by a cubic. What
    was before t = 0 is zero.
    """
    s = jnp.moveaxis(samples, -1, 0)
    if kind.injected == 0:
        return s
    before = jnp.pad(s, [(1, 0), (0, 0), (0, 0)])
    padded = jnp.pad(before, [(0, 2), (0, 0), (0, 0)], mode="edge")
    n = s.shape[0]
    return (9 * (padded[1 : n + 1] + padded[2 : n + 2]) - padded[:n] - padded[3 : n + 3]) / 16


def _at_samples(record: Array, kind: Field, quantity: Quantity, dt: float) -> Array:
    """Values after each step to values at t = k dt: a step later, the average of two half steps, or the sum of those before."""
    before = jnp.pad(record, [(1, 0), (0, 0), (0, 0)])[:-1]
    if quantity.integrated:
        return dt * jnp.cumsum(before, 0)
    return (before + record) / 2 if kind.recorded == 0.5 else before


def _grouped(equation: type[WaveEquation], kinds: dict[str, Field], emissions: list[Emission]) -> dict[str, list[Emission]]:
    """Emissions by the field that they enter."""
    takes = sorted({kind for field in kinds.values() for kind in field.sources})
    groups: dict[str, list[Emission]] = {}
    for e in emissions:
        if e.kind not in takes:
            raise TypeError(f"`source` emits a {e.kind}, which the {equation.name} equation does not take; it takes: {takes}.")
        for name, field in kinds.items():
            if e.kind in field.sources:
                groups.setdefault(name, []).append(e)
    if not groups:
        raise ValueError("`source` emits nothing: every component of its direction or moment is zero.")
    return groups


def _check_structure(equation: type[WaveEquation], medium: Medium, grid: Grid, options: Options) -> None:
    check_order(options.order)
    if medium.shape != grid.shape:
        raise ValueError(f"`medium` is sampled on {medium.shape}, `grid.shape` is {grid.shape}; they must be the same.")
    if not isinstance(options.boundary, Boundary):
        raise TypeError(f"`boundary` = {options.boundary!r} must be ads.CPML(...), ads.Sponge(...) or ads.Rigid().")
    if not isinstance(options.adjoint, Adjoint):
        raise TypeError(f"`adjoint` = {options.adjoint!r} must be ads.ReverseSweep(), ads.AutoDiff() or another Adjoint.")
    if options.free_surface and grid.shape[0] <= options.order:
        raise ValueError(
            f"A free surface of order {options.order} needs more than {options.order} rows; `grid.shape` is {grid.shape}."
        )
    if options.probe_every < 1 or options.probe_every != int(options.probe_every):
        raise ValueError(f"`probe_every` = {options.probe_every} must be a whole number of steps, at least 1.")
    known = list(equation.quantities(grid, options.order))
    for name in options.recorded:
        if isinstance(name, Fibre):
            continue
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            raise ValueError(
                f"`record` = {name!r} is no field of the {equation.name} equation; use {known}."
                + (f" Did you mean {near[0]!r}?" if near else "")
            )
    if not options.recorded or len(set(options.recorded)) != len(options.recorded):
        raise ValueError(f"`record` = {options.record!r} must name each field once; use some of {known}.")


def recorded_quantities(equation: type[WaveEquation], grid: Grid, options: Options, receivers: int) -> list[Quantity]:
    """How everything that is recorded is computed from the fields, for a number of receivers."""
    known = equation.quantities(grid, options.order)
    velocities = [f"v{letter}" for letter in letters(len(grid.shape))]
    found = []
    for name in options.recorded:
        if not isinstance(name, Fibre):
            found.append(known[name])
        elif set(velocities) <= set(known):
            found.append(name.quantity(velocities, receivers))
        else:
            raise ValueError(f"`record` has a Fibre, which needs {velocities}; the {equation.name} equation has {list(known)}.")
    return found


def _checked_medium(equation: type[WaveEquation], medium: Medium, grid: Grid, order: int, devices: Mesh | None) -> Medium:
    """The medium with every value checked: finite, positive, and slow enough for the time step."""
    for name in vars(medium):
        values = getattr(medium, name)
        is_shear = name == "vs"
        values = checks.shear(values, medium.vp, devices) if is_shear else checks.positive(values, f"medium.{name}", devices)
        if name == equation.speed:
            values = checks.stable(values, name, grid, order, staggered=equation.staggered, devices=devices)
        medium = eqx.tree_at(lambda m, name=name: getattr(m, name), medium, values)
    return medium


def _warn_of_dispersion(medium: Medium, groups: dict[str, list[Emission]], grid: Grid, order: int) -> None:
    """Warn, where the values are known, if the shortest wavelength has too few points."""
    known = [checks.known(x) for x in jax.tree.leaves(medium)]
    emitted = [checks.known(e.samples) for v in groups.values() for e in v]
    samples = [s for s in emitted if s is not None]
    if any(values is None for values in known) or len(samples) < len(emitted):
        return
    frequency = max(sampling.highest_frequency(s, grid.dt) for s in samples)
    if frequency == 0:
        return
    slowest = jax.tree.unflatten(jax.tree.structure(medium), known).slowest
    wavelength = slowest / frequency
    points = wavelength / max(grid.spacing)
    wanted = sampling.POINTS_PER_WAVELENGTH[order]
    if points < 0.999 * wanted:
        warnings.warn(
            f"{points:.1f} points per shortest wavelength ({slowest:.0f} m/s at {frequency:.3g} Hz) are few for order {order}: "
            f"the waves will be dispersed numerically. {wanted:g} or more are advised: a spacing of {wavelength / wanted:.3g} m, "
            "a lower frequency or a higher order.",
            stacklevel=4,
        )
