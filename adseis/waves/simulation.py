"""From a medium, a survey and a grid to gathers: the part that all wave equations share.

`simulate` checks the input, turns positions into points and time functions into samples at the scheme's instants, marches,
and brings the records onto t = k dt.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, PyTree

from adseis.experiment import checks
from adseis.experiment.checks import Samples, widest
from adseis.experiment.grid import Grid
from adseis.experiment.medium import Medium
from adseis.experiment.sources import Emission
from adseis.experiment.survey import Survey
from adseis.parallel.devices import domains_of, platform_of
from adseis.parallel.shots import on_every_host, over_shots
from adseis.timeloop.equation import Injection, Points
from adseis.timeloop.march import march
from adseis.timeloop.override import current_adjoint
from adseis.waves import interpolation
from adseis.waves.boundary import Extended
from adseis.waves.growth import watch_growth
from adseis.waves.options import Options, check_experiment, check_structure, recorded_quantities, warn_of_sampling
from adseis.waves.records import Fibre, Quantity, combined, joined, shifted
from adseis.waves.wave_equation import Field, WaveEquation

Nodal = tuple[tuple[bool, ...], ...]
"""Of several sets of points: along which axes all points of a set lie on nodes."""


class _Setup(eqx.Module):
    """A simulation without its arrays: what is known before it is traced, and what follows from that.

    Attributes:
        equation: The physics.
        grid: Space-time sampling.
        options: The settings.
        devices: Those that it runs on, or None.
        count: Number of receivers.
    """

    equation: type[WaveEquation] = eqx.field(static=True)
    grid: Grid = eqx.field(static=True)
    options: Options
    devices: Mesh | None = eqx.field(static=True)
    count: int = eqx.field(static=True)

    @property
    def whole(self) -> Extended:
        """The extended grid."""
        return self.options.boundary.extend(self.grid, self.options.order, self.options.free_surface)

    @property
    def kinds(self) -> dict[str, Field]:
        """The fields of the equation."""
        return self.equation.fields(len(self.grid.shape))

    @property
    def quantities(self) -> list[Quantity]:
        """How everything that is recorded is computed from the fields."""
        return recorded_quantities(self.equation, self.grid, self.options, self.count)

    def on_nodes(self, position: Any, field: str) -> tuple[bool, ...]:
        """Along which axes all positions are known to lie on nodes of a field."""
        return interpolation.on_nodes(position, self.kinds[field].stagger, self.whole)


class _Devised(NamedTuple):
    """What a device computes with.

    Attributes:
        setup: The simulation.
        extended: What this device holds of the extended grid.
        dtype: Of all arrays.
    """

    setup: _Setup
    extended: Extended
    dtype: Any

    def points(self, position: Any, field: str, nodal: tuple[bool, ...]) -> Points:
        """Positions as weighted nodes of a field."""
        kind, whole = self.setup.kinds[field], self.setup.whole
        points = interpolation.points(position, kind.stagger, whole, nodal=nodal, image=kind.image, dtype=self.dtype)
        return points if self.extended.split is None else self.extended.split.points(points, whole.haloed)


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
    check_experiment(equation, medium, survey, grid)
    check_structure(equation, medium, grid, options)
    options = dataclasses.replace(options, adjoint=current_adjoint(options.adjoint))
    groups = _grouped(equation, equation.fields(len(grid.shape)), survey.emissions(grid))
    shots = next(iter(groups.values()))[0].position.shape[0]
    receivers = survey.receiver_positions(shots, grid)
    devices = survey.devices if options.probe is None else None  # a probe sees all shots at once
    setup = _Setup(equation, grid, options, devices, receivers.shape[1])
    cut = setup.whole.divided(domains_of(survey.devices)).split
    if cut is not None and options.probe is not None:
        raise ValueError(
            f"A `probe` sees the whole grid, which `survey.devices` cuts into {cut.parts} domains; use a device mesh of one "
            "domain, or leave the probe out."
        )
    quantities = setup.quantities

    medium = _checked_medium(setup, medium)
    receivers = _checked_receivers(setup, receivers)
    groups = {name: [_checked_emission(setup, e) for e in emissions] for name, emissions in groups.items()}
    warn_of_sampling(medium, groups, grid, options)
    at_sources = {name: tuple(setup.on_nodes(e.position, name) for e in emissions) for name, emissions in groups.items()}
    at_receivers = tuple(tuple(setup.on_nodes(shifted(receivers, t.shift), t.field) for t in q.terms) for q in quantities)
    # Known values in the precision of now: one program is not to be found again after 64 bit were switched on.
    medium, groups, receivers = jax.tree.map(_canonical, (medium, groups, receivers))
    outputs = _simulate(setup, medium, groups, receivers, tuple(at_sources.items()), at_receivers)
    recorded = outputs if options.probe is None else outputs[0]
    emitted = [e for emissions in groups.values() for e in emissions]
    watch_growth(jax.tree.leaves(recorded), medium, emitted, receivers, grid)
    return outputs


def _canonical(x: Any) -> Any:
    return x.astype(jax.dtypes.canonicalize_dtype(x.dtype), copy=False) if isinstance(x, np.ndarray) else x


@eqx.filter_jit
def _simulate(
    setup: _Setup,
    medium: Medium,
    groups: dict[str, list[Emission]],
    receivers: Any,
    at_sources: tuple[tuple[str, Nodal], ...],
    at_receivers: tuple[Nodal, ...],
) -> Any:
    grid, options, whole = setup.grid, setup.options, setup.whole
    extended = whole.divided(domains_of(setup.devices))
    equation = setup.equation(extended, options.boundary)
    dtype = widest(*jax.tree.leaves(medium), *(e.samples for v in groups.values() for e in v))
    medium = on_every_host(jax.tree.map(lambda x: jnp.asarray(x, dtype), medium), setup.devices)
    coefficients = setup.equation(whole, options.boundary).coefficients(medium)
    devised, quantities = _Devised(setup, extended, dtype), setup.quantities
    emitting = {name: [e.kind for e in emissions] for name, emissions in groups.items()}

    def run(coefficients: PyTree, shots: Any) -> Any:
        emitted, receivers = shots
        injections = {}
        for name, nodal in at_sources:
            gains = [equation.source_gain(kind, name, coefficients) for kind in emitting[name]]
            injection = _injection(devised, name, emitted[name], gains, nodal)
            if injection is not None:
                injections[name] = injection
        recordings, recipes = _recordings(devised, quantities, receivers, at_receivers)
        records, probed = march(
            equation,
            coefficients,
            injections,
            recordings,
            grid.nt,
            adjoint=options.adjoint,
            probe=options.probe,
            probe_every=options.probe_every,
            platform=platform_of(setup.devices),
        )
        gathers = []
        for quantity, recipe in zip(quantities, recipes, strict=True):
            parts = [_at_samples(records[name][:, :, part], setup.kinds[name], quantity, grid.dt) for name, part in recipe]
            gathers.append(jnp.moveaxis(sum(parts[1:], start=parts[0]), 0, 1))
        return tuple(gathers), probed

    emitted = {name: [(e.position, e.samples) for e in emissions] for name, emissions in groups.items()}
    gathers, probed = over_shots(run, setup.devices, coefficients, (emitted, receivers), split=extended.split)
    gather = gathers if isinstance(options.record, tuple) else gathers[0]
    return gather if options.probe is None else (gather, probed)


def _injection(
    devised: _Devised, name: str, emitted: list[tuple[Any, Any]], gains: list[Array | float], nodal: Nodal
) -> Injection | None:
    """Positions and samples of all that enters a field as one injection; None if nothing does after all."""
    spread = [devised.points(position, name, at) for (position, _), at in zip(emitted, nodal, strict=True)]
    samples = [_at_instants(jnp.asarray(samples, devised.dtype), devised.setup.kinds[name]) for _, samples in emitted]
    entering = [i for i, gain in enumerate(gains) if not (isinstance(gain, float) and gain == 0)]
    if not entering:
        return None
    cell = float(np.prod(devised.setup.grid.spacing))
    where = joined([spread[i].scaled(gains[i]) for i in entering])
    return Injection(where, jnp.concatenate([samples[i] for i in entering], 2) / cell)


def _recordings(
    devised: _Devised, quantities: list[Quantity], receivers: Any, at_receivers: tuple[Nodal, ...]
) -> tuple[dict[str, Points], list[list[tuple[str, slice]]]]:
    """Where each field is recorded, and from what records each quantity is summed."""
    terms = [
        [
            (t.field, devised.points(shifted(receivers, t.shift), t.field, at).scaled(t.weight))
            for t, at in zip(quantity.terms, nodal, strict=True)
        ]
        for quantity, nodal in zip(quantities, at_receivers, strict=True)
    ]
    return combined(terms)


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
    takes = {kind for field in kinds.values() for kind in field.sources}
    groups: dict[str, list[Emission]] = {}
    for e in emissions:
        if e.kind not in takes:
            raise TypeError(
                f"`source` emits a {e.kind}, which the {equation.name} equation does not take; it takes: "
                f"{sorted(map(str, takes))}."
            )
        for name, field in kinds.items():
            if e.kind in field.sources:
                groups.setdefault(name, []).append(e)
    if not groups:
        raise ValueError("`source` emits nothing: every component of its direction or moment is zero.")
    return groups


def _checked_medium(setup: _Setup, medium: Medium) -> Medium:
    """The medium with every value checked, by itself, and to be slow enough for the time step."""
    name, staggered = setup.equation.speed, setup.equation.staggered
    medium = medium.checked(setup.devices)
    speed = getattr(medium, name)
    speed = checks.stable(speed, name, setup.grid, setup.options.order, staggered=staggered, devices=setup.devices)
    return eqx.tree_at(lambda m: getattr(m, name), medium, speed)


def _checked_receivers(setup: _Setup, receivers: Samples) -> Samples:
    """Receivers, and the ends of fibres around them, checked to be on the grid."""
    receivers = checks.inside(receivers, "receivers", setup.grid, setup.devices)
    for recorded in setup.options.recorded:
        if isinstance(recorded, Fibre):
            for end in recorded.ends(receivers):
                name = "receivers (an end of a gauge length of the `Fibre`)"
                receivers = checks.inside(end, name, setup.grid, setup.devices, guarding=receivers)
    return receivers


def _checked_emission(setup: _Setup, emission: Emission) -> Emission:
    """A source, checked to be on the grid and to emit numbers."""
    return emission._replace(
        position=checks.inside(emission.position, "position", setup.grid, setup.devices),
        samples=checks.finite(emission.samples, "time_function", ("shot", "source", "time"), setup.devices),
    )
