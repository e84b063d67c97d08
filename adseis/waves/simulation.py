"""From a medium, a survey and a grid to gathers: the part that all wave equations share.

A wave equation is a `SweptEquation` on an extended grid that also says how a medium becomes coefficients and what its fields
are. `simulate` checks the input, turns positions into points and time functions into samples at the scheme's instants, marches,
and brings the records onto t = k dt.
"""

import abc
import dataclasses
import difflib
import warnings
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, PyTree

from adseis.equation import Injection, Points, Probe, State, SweptEquation
from adseis.parallel.devices import domains_of
from adseis.parallel.halo import AXIS
from adseis.parallel.shots import on_every_host, over_shots
from adseis.timeloop import AutoDiff, ReverseSweep, Strategy, march
from adseis.waves import faults, interpolation, stability
from adseis.waves.boundary import Boundary, Extended
from adseis.waves.free_surface import mirror
from adseis.waves.grid import Grid
from adseis.waves.medium import Medium
from adseis.waves.override import current_adjoint
from adseis.waves.sources import Emission
from adseis.waves.stencils import check_order, stencils
from adseis.waves.survey import Survey


class Field(NamedTuple):
    """What an equation's field is, on the staggered cell.

    Attributes:
        stagger: Offset from the nodes per axis [cells].
        odd: Whether it continues oddly above a free surface.
        injected: When a step n wants its source, in steps after n dt: 0 or 1/2.
        recorded: When the field is right after step n, in steps after n dt: 1, or 1/2 at the half steps.
        source: The kind and axis of emission that enters it: ("volume", None), ("force", 0), ...
        along: Axes of the field that it is differentiated along; None for all.
    """

    stagger: tuple[float, ...]
    odd: bool
    injected: float
    recorded: float
    source: tuple[str, int | None]
    along: tuple[int, ...] | None = None


class WaveEquation(SweptEquation):
    """An equation on an extended grid.

    Attributes:
        name: What error messages call it.
        staggered: Whether its CFL limit is that of staggered first differences, or of second ones.
        extended: The grid that is computed on.
        stencils: Differences per axis.
        damping: What `Boundary.damping` says, where this device computes.
    """

    name: ClassVar[str]
    staggered: ClassVar[bool] = True

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        self.extended = extended
        self.stencils = tuple(stencils(extended.order, h) for h in extended.grid.spacing)
        self._damping = boundary.damping(extended)

    @property
    def damping(self) -> np.ndarray | Array | None:
        """What `Boundary.damping` says, where this device computes."""
        split = self.extended.split
        return self._damping if split is None or self._damping is None else split.slab(self._damping)

    @classmethod
    @abc.abstractmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """The fields of the equation.

        Args:
            axes: 2 or 3.

        Returns:
            Name -> what it is.
        """

    @abc.abstractmethod
    def coefficients(self, medium: Any) -> PyTree:
        """The arrays that a step multiplies by, with the time step folded in.

        Args:
            medium: Earth parameters on the model's nodes, JAX arrays of one precision.

        Returns:
            One array or a pytree of them, each `(1, *haloed)`.
        """

    def filled(self, name: str, field: Array) -> Array:
        """A field whose halo will be read: with its images above a free surface, and its neighbours' values at cuts.

        Args:
            name: Which field, or its adjoint.
            field: Its values, `(shot, *haloed)`.

        Returns:
            The field with its halo rewritten along the axes that it is differentiated along.
        """
        kind, extended = self.fields(len(self.extended.core))[name], self.extended
        along = extended.axes if kind.along is None else kind.along
        if extended.free_surface and 1 in along:
            field = mirror(field, extended.halo, odd=kind.odd)
        return extended.split.exchange(field) if extended.split is not None and AXIS in along else field

    def snapshot(self, before: State, after: State) -> dict[str, Array]:
        """Fields on the model's nodes at t = n dt; those of the half steps are averaged."""
        kinds = self.fields(len(self.extended.core))
        at = {k: (before.fields[k] + after.fields[k]) / 2 if kinds[k].recorded == 0.5 else v for k, v in before.fields.items()}
        return {k: self.extended.crop(v) for k, v in at.items()}


class Options(eqx.Module):
    """The settings that every simulation shares.

    Attributes:
        boundary: What surrounds the model.
        free_surface: Whether the top face is a free surface.
        order: Spatial accuracy.
        record: Field or fields to record.
        adjoint: How the time loop is differentiated.
        probe: What is computed from the fields on the way, or None.
        probe_every: Steps between its calls.
    """

    boundary: Boundary
    free_surface: bool = eqx.field(static=True)
    order: int = eqx.field(static=True)
    record: str | tuple[str, ...] = eqx.field(static=True)
    adjoint: Strategy
    probe: Probe | None
    probe_every: int = eqx.field(static=True)

    @property
    def names(self) -> tuple[str, ...]:
        """The recorded fields, as a tuple."""
        return (self.record,) if isinstance(self.record, str) else self.record


class _Plan(eqx.Module):
    """What must be known while tracing: per field, along which axes points are nodal; and the devices of the shots."""

    sources: tuple[tuple[str, tuple[tuple[bool, ...], ...]], ...] = eqx.field(static=True)
    receivers: tuple[tuple[bool, ...], ...] = eqx.field(static=True)
    mesh: Mesh | None = eqx.field(static=True)


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
    cut = extended.divided(domains_of(survey.mesh)).split
    if cut is not None and options.probe is not None:
        raise ValueError(
            f"A `probe` sees the whole grid, which `survey.mesh` cuts into {cut.parts} domains; use a device mesh of one domain, "
            "or leave the probe out."
        )
    kinds = equation.fields(len(grid.shape))
    groups = _grouped(equation, kinds, survey.emissions(grid))
    shots = next(iter(groups.values()))[0].position.shape[0]
    receivers = survey.receiver_positions(shots, grid)

    mesh = survey.mesh if options.probe is None else None  # a probe sees all shots at once
    medium = _checked_medium(equation, medium, grid, options.order, mesh)
    receivers = faults.inside(receivers, "receivers", grid, mesh)
    groups = {k: [e._replace(position=faults.inside(e.position, "position", grid, mesh)) for e in v] for k, v in groups.items()}
    _warn_of_dispersion(medium, groups, grid, options.order)

    plan = _Plan(
        tuple((k, tuple(interpolation.on_nodes(e.position, kinds[k].stagger, extended) for e in v)) for k, v in groups.items()),
        tuple(interpolation.on_nodes(receivers, kinds[k].stagger, extended) for k in options.names),
        mesh,
    )
    return _simulate(equation, medium, groups, receivers, grid, options, plan)


@eqx.filter_jit
def _simulate(
    equation_type: type[WaveEquation], medium: Medium, groups: dict[str, list[Emission]], receivers: Any, grid: Grid,
    options: Options, plan: _Plan,
) -> Any:  # fmt: skip
    whole = options.boundary.extend(grid, options.order, options.free_surface)
    extended = whole.divided(domains_of(plan.mesh))
    equation = equation_type(extended, options.boundary)
    kinds = equation.fields(len(grid.shape))
    dtype = jnp.result_type(*jax.tree.leaves(medium), *(e.samples for v in groups.values() for e in v))
    medium = on_every_host(jax.tree.map(lambda x: jnp.asarray(x, dtype), medium), plan.mesh)
    coefficients = equation_type(whole, options.boundary).coefficients(medium)

    def points(position: Any, name: str, nodal: tuple[bool, ...]) -> Points:
        kind = kinds[name]
        points = interpolation.points(position, kind.stagger, whole, nodal=nodal, odd=kind.odd, dtype=dtype)
        return points if extended.split is None else extended.split.points(points, whole.haloed)

    nodal = dict(plan.sources)
    cell = float(np.prod(grid.spacing))

    def run(coefficients: PyTree, shots: Any) -> Any:
        emitted, receivers = shots
        injections = {
            name: Injection(
                _joined([points(position, name, at) for (position, _), at in zip(parts, nodal[name], strict=True)]),
                jnp.concatenate([_at_instants(jnp.asarray(samples, dtype), kinds[name]) for _, samples in parts], 2) / cell,
            )
            for name, parts in emitted.items()
        }
        recordings = {name: points(receivers, name, at) for name, at in zip(options.names, plan.receivers, strict=True)}
        records, probed = march(
            equation, coefficients, injections, recordings, grid.nt,
            adjoint=options.adjoint, probe=options.probe, probe_every=options.probe_every,
        )  # fmt: skip
        return tuple(jnp.moveaxis(_at_samples(records[name], kinds[name]), 0, 1) for name in options.names), probed

    emitted = {name: [(e.position, e.samples) for e in emissions] for name, emissions in groups.items()}
    gathers, probed = over_shots(run, plan.mesh, coefficients, (emitted, receivers), split=extended.split)
    gather = gathers[0] if isinstance(options.record, str) else gathers
    return gather if options.probe is None else (gather, probed)


def _joined(parts: list[Points]) -> Points:
    """Points of several sources of one field as one set; shorter lists of taps are filled up with weight 0."""
    taps = max(p.nodes.shape[-1] for p in parts)
    fill = lambda x: jnp.pad(x, ((0, 0), (0, 0), (0, taps - x.shape[-1])))  # noqa: E731
    return Points(*(jnp.concatenate([fill(x) for x in xs], 1) for xs in zip(*parts, strict=True)))


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


def _at_samples(record: Array, kind: Field) -> Array:
    """Values after each step to values at t = k dt: a step later, or the average of two half steps."""
    before = jnp.pad(record, [(1, 0), (0, 0), (0, 0)])[:-1]
    return (before + record) / 2 if kind.recorded == 0.5 else before


def _grouped(equation: type[WaveEquation], kinds: dict[str, Field], emissions: list[Emission]) -> dict[str, list[Emission]]:
    """Emissions by the field that they enter."""
    takes = {kind.source: name for name, kind in kinds.items()}
    groups: dict[str, list[Emission]] = {}
    for e in emissions:
        if (e.kind, e.axis) not in takes:
            raise TypeError(
                f"`source` emits a {e.kind}, which the {equation.name} equation does not take; it takes: "
                f"{sorted({k for k, _ in takes})}."
            )
        groups.setdefault(takes[e.kind, e.axis], []).append(e)
    if not groups:
        raise ValueError("`source` emits nothing: every component of `direction` is zero.")
    return groups


def _check_structure(equation: type[WaveEquation], medium: Medium, grid: Grid, options: Options) -> None:
    check_order(options.order)
    if medium.shape != grid.shape:
        raise ValueError(f"`medium` is sampled on {medium.shape}, `grid.shape` is {grid.shape}; they must be the same.")
    if not isinstance(options.boundary, Boundary):
        raise TypeError(f"`boundary` = {options.boundary!r} must be ads.CPML(...), ads.Sponge(...) or ads.Rigid().")
    if not isinstance(options.adjoint, AutoDiff | ReverseSweep):
        raise TypeError(f"`adjoint` = {options.adjoint!r} must be ads.ReverseSweep() or ads.AutoDiff().")
    if options.free_surface and grid.shape[0] <= options.order:
        raise ValueError(
            f"A free surface of order {options.order} needs more than {options.order} rows; `grid.shape` is {grid.shape}."
        )
    if options.probe_every < 1 or options.probe_every != int(options.probe_every):
        raise ValueError(f"`probe_every` = {options.probe_every} must be a whole number of steps, at least 1.")
    known = list(equation.fields(len(grid.shape)))
    for name in options.names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            raise ValueError(
                f"`record` = {name!r} is no field of the {equation.name} equation; use {known}."
                + (f" Did you mean {near[0]!r}?" if near else "")
            )
    if not options.names or len(set(options.names)) != len(options.names):
        raise ValueError(f"`record` = {options.record!r} must name each field once; use some of {known}.")


def _checked_medium(equation: type[WaveEquation], medium: Medium, grid: Grid, order: int, mesh: Mesh | None) -> Medium:
    """The medium with every value checked: finite, positive, and slow enough for the time step."""
    for name in vars(medium):
        values = faults.positive(getattr(medium, name), f"medium.{name}", mesh)
        if name == "vp":
            values = faults.stable(values, grid, order, staggered=equation.staggered, mesh=mesh)
        medium = eqx.tree_at(lambda m, name=name: getattr(m, name), medium, values)
    return medium


def _warn_of_dispersion(medium: Medium, groups: dict[str, list[Emission]], grid: Grid, order: int) -> None:
    """Warn, where the values are known, if the shortest wavelength has too few points."""
    vp = faults.known(medium.vp)
    emitted = [faults.known(e.samples) for v in groups.values() for e in v]
    samples = [s for s in emitted if s is not None]
    if vp is None or len(samples) < len(emitted):
        return
    frequency = max(stability.highest_frequency(s, grid.dt) for s in samples)
    if frequency == 0:
        return
    wavelength = float(vp.min()) / frequency
    points = wavelength / max(grid.spacing)
    wanted = stability.POINTS_PER_WAVELENGTH[order]
    if points < 0.999 * wanted:
        warnings.warn(
            f"{points:.1f} points per shortest wavelength ({vp.min():.0f} m/s at {frequency:.3g} Hz) are few for order {order}: "
            f"the waves will be dispersed numerically. {wanted:g} or more are advised: a spacing of {wavelength / wanted:.3g} m, "
            "a lower frequency or a higher order.",
            stacklevel=4,
        )
