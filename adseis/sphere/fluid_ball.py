"""Seismograms of a fluid ball."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, PyTree

from adseis.experiment.checks import Samples, known
from adseis.signals.arithmetic import einsum, matmul
from adseis.sphere.azimuthal import basis, transform, turned
from adseis.sphere.checks import checked_source, checked_stations, stepped, warn_if_near, warn_if_sharp, within
from adseis.sphere.fluid import FluidBall, VaryingFluidBall, stiffness_of
from adseis.sphere.fourth_order import Coefficients, FourthOrder
from adseis.sphere.locate import locate
from adseis.sphere.medium import FluidMedium, axisymmetric, on_all
from adseis.sphere.mesh import SURFACE, BallMesh
from adseis.sphere.records import Quantity, Rings, recording, value_at
from adseis.sphere.simulation import (
    Placed,
    each_or_one,
    fields_of,
    marched,
    one_precision,
    paired,
    placed,
    rings_of_all,
)
from adseis.sphere.sources import BallSource, PressureSource, Stations
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import Points, Probe
from adseis.timeloop.override import current_adjoint

DERIVATIVES = {"p": 2, "chi": 0, "z": 1, "displacement": 1}
"""Of the time function by time, as each record has it far from the source."""


def simulate_fluid_ball(
    medium: FluidMedium | Sequence[FluidMedium],
    source: BallSource | Sequence[BallSource],
    stations: Stations,
    mesh: BallMesh,
    *,
    record: str | None = None,
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008 - an immutable setting
    probe: Probe | None = None,
    probe_every: int = 1,
    devices: Mesh | None = None,
) -> Any:
    r"""Waves in a fluid ball of any 3D structure, recorded at stations.

    Solves, with chi = 0 on the surface,

        chi_tt / kappa - div(grad chi / rho) = s(t) delta(x - xs),    kappa = rho vp^2,

    by spectral elements in the half plane that turns around the source's axis, a Fourier series around it, and a fourth-order
    step. Pressure is p = -chi_tt, displacement is grad chi / rho. Compiles under `jax.jit`, batches under `jax.vmap`, and has the
    exact gradient by the medium, by where the source and stations are, and by the time function.

    Args:
        medium: P-wave speed [m/s] and density [kg/m^3]; for several sources one for all (numbers, radial values or functions of
            place) or a list.
        source: A `PressureSource`; a list of several is simulated one after the other.
        stations: Where is recorded.
        mesh: From `sphere.ball`.
        record: "p", pressure [Pa], `(station, time)`; "chi", likewise [Pa s^2]; "z", displacement upwards [m], `(station, time)`;
            "displacement" [m], the components that the stations name, up, north and east by default, `(station, time,
            component)`. By default pressure, or "z" where all stations are known to lie on the surface, where there is none.
        adjoint: How the time loop is differentiated.
        probe: Called with {"chi": `(1, node, component)`} every `probe_every` steps; what it returns is stacked and returned
            too. `sphere.coefficients` has the Fourier series of it.
        probe_every: Steps from one to the next, the first at t = 0.
        devices: A device mesh over which several sources are distributed.

    Returns:
        At t = k dt, `(station, time)` or `(station, time, component)`; of a list of sources `(source, ...)`. With a probe, that
        and the stacked probes, `(instant, ...)` for t = k `probe_every` dt within the record, of a list `(source, instant, ...)`.

    Raises:
        ValueError: If a shape or an option cannot be right, a known value is out of range, a known density jumps more than the
            time step can take, or "p" or "chi" is asked for on the surface alone.
        TypeError: If a source is not a `PressureSource`.
        RuntimeError: If a value is out of range (also under `jit`).

    References:
        Leng, K., Nissen-Meyer, T. and van Driel, M. (2016), Geophys. J. Int. 207, 1125-1142, doi:10.1093/gji/ggw330

    Example:
        >>> from adseis import sphere
        >>> mesh = sphere.ball(1000.0, 2.0, 2.0, (1000.0, 1000.0), azimuthal_order=0)
        >>> source = sphere.PressureSource(700.0, 90.0, 0.0, np.exp(-((3 * (mesh.times - 1.2)) ** 2)))
        >>> stations = sphere.Stations([10.0, -40.0], [0.0, 50.0], [900.0, 500.0])
        >>> ads.simulate_fluid_ball(sphere.FluidMedium(1000.0, 1000.0), source, stations, mesh).shape == (2, mesh.nt)
        True
    """
    media, sources, several = paired(medium, source)
    if not isinstance(sources[0], PressureSource):
        raise TypeError(f"`source` is a {type(sources[0]).__name__}; a fluid takes a `PressureSource`.")
    sources = [checked_source(s, mesh) for s in sources]
    stations = checked_stations(stations, mesh)
    warn_if_near(sources, stations, mesh)
    record = _recorded(record, stations, mesh)
    warn_if_sharp(sources, DERIVATIVES[record], mesh)
    fields = fields_of(media, sources, mesh, ("vp", "rho"))
    fields = [(within(vp, "vp", mesh.speeds[0], mesh), stepped(rho, mesh)) for vp, rho in fields]
    rings = rings_of_all(sources, stations, mesh)
    fields, sources, stations = one_precision(fields, sources, stations)
    adjoint = current_adjoint(adjoint)

    def run(fields: PyTree, source: BallSource) -> tuple[Array, PyTree]:
        return _simulate(mesh, record, adjoint, rings, fields, source, stations, probe, probe_every)

    return each_or_one(run, fields, sources, several=several, probed=probe is not None, devices=devices)


@eqx.filter_jit
def _simulate(
    mesh: BallMesh,
    record: str,
    adjoint: Adjoint,
    rings: Rings | None,
    fields: tuple[Array, Array],
    source: BallSource,
    stations: Stations,
    probe: Probe | None = None,
    probe_every: int = 1,
) -> tuple[Array, PyTree]:
    equation, coefficients, light = _equation(mesh, fields)
    system = equation.system
    where = placed(source, stations, mesh)
    quantities, turn = _quantities(record, where, light, stations.components, mesh)
    read = recording(quantities, where.located.nodes, system.shape, rings, system.to)
    made, probed = marched(
        equation, coefficients, _taps(source, mesh, system), source, read, mesh, 2 if record == "p" else 0, adjoint, probe,
        probe_every,
    )  # fmt: skip
    if record == "p":
        return -made[:, 0], probed
    return made[:, 0] if turn is None else einsum("sij,sjt->sti", turn, made), probed


def _equation(mesh: BallMesh, fields: tuple[Array, Array]) -> tuple[FourthOrder[FluidBall], Coefficients, Array]:
    """The scheme, its coefficients, and 1 / rho."""
    vp, rho = fields
    elements, dtype = mesh.elements, vp.dtype
    free = mesh.kept & ~mesh.surface[:, None]
    free[elements.coordinates[:, 0] == 0, 1:] = False
    varies = not (axisymmetric(vp) and axisymmetric(rho))
    shape = mesh.shape if varies else (mesh.shape[0], 1)
    mass = on_all(rho, shape, dtype) * on_all(vp, shape, dtype) ** 2 / jnp.asarray(elements.mass, dtype)[:, None]
    if axisymmetric(rho):
        light = 1 / on_all(rho, mesh.shape[:1], dtype)
        # XLA would spend seconds on folding the products of a number that it knows.
        stiffness = stiffness_of(elements, jax.lax.optimization_barrier(light))
        system = FluidBall(elements, mesh.azimuthal_order, free, varies)
    else:
        light = 1 / rho
        system = VaryingFluidBall(elements, mesh.azimuthal_order, free, varies)
        stiffness = system.blocks.weighted(light)
    coefficients = Coefficients(mass, stiffness)
    return FourthOrder(system, mesh.dt, jax.eval_shape(lambda: coefficients)), coefficients, light


def _taps(source: BallSource, mesh: BallMesh, system: FluidBall) -> Points:
    """A source on the axis: order 0 alone, over 2 pi."""
    dtype = source.time_function.dtype
    at = locate(mesh.elements, jnp.zeros((1,), dtype), jnp.asarray(source.radius, dtype)[None])
    along = np.flatnonzero(system.to[:, 0])
    weights = at.value[..., None] * jnp.asarray(system.to[None, None, along, 0] / (2 * np.pi), dtype)
    nodes = (at.nodes * mesh.shape[1])[..., None] + along[None, None]
    return Points(nodes.reshape(1, 1, -1), weights.reshape(1, 1, -1))


def _quantities(record: str, where: Placed, light: Array, components: str, mesh: BallMesh) -> tuple[list[Quantity], Array | None]:
    """What is read at stations, and the rotation of three quantities to the stations' components."""
    at, located, order = where.at, where.located, mesh.azimuthal_order
    waves = basis(at.phi, order)
    if record in ("p", "chi"):
        return [Quantity(0, located.value, waves)], None
    slowness = value_at(light, located, waves, jnp.asarray(transform(order), light.dtype))[:, None]
    by_s, by_z = located.by_s * slowness, located.by_z * slowness
    if record == "z":  # up has no part along phi
        up = where.turn("Z")[:, 0]
        return [Quantity(0, by_s * up[:, :1] + by_z * up[:, 2:], waves)], None
    around = matmul(waves, jnp.asarray(turned(order), waves.dtype))
    quantities = [Quantity(0, by_s, waves), Quantity(0, located.over_s * slowness, around), Quantity(0, by_z, waves)]
    return quantities, where.turn(components)


def _recorded(record: str | None, stations: Stations, mesh: BallMesh) -> str:
    """What is recorded, by default too."""
    now: Samples | None = known(stations.radius)
    outside = now is not None and bool((np.asarray(now) > mesh.radius * (1 - SURFACE)).all())
    if record is None:
        return "z" if outside else "p"
    if record not in DERIVATIVES:
        raise ValueError(f"`record` = {record!r} must be one of {', '.join(DERIVATIVES)}.")
    if outside and record in ("p", "chi"):
        raise ValueError(f'`record` = "{record}" is zero on the surface, where all stations lie: record "z" or "displacement".')
    return record
