"""Seismograms of a solid ball."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, PyTree

from adseis.experiment.checks import finite, module_of, shear
from adseis.signals.arithmetic import einsum, matmul
from adseis.sphere.azimuthal import basis, turned
from adseis.sphere.checks import checked_source, checked_stations, stepped, warn_if_near, warn_if_sharp, within
from adseis.sphere.fourth_order import Coefficients, FourthOrder
from adseis.sphere.locate import Located, locate
from adseis.sphere.medium import SolidMedium, axisymmetric, on_all
from adseis.sphere.mesh import BallMesh
from adseis.sphere.records import Quantity, Rings, recording
from adseis.sphere.simulation import (
    each_or_one,
    fields_of,
    marched,
    one_precision,
    paired,
    placed,
    rings_of_all,
)
from adseis.sphere.solid import Lame, SolidBall, around, strain
from adseis.sphere.sources import BallSource, ForceSource, MomentTensorSource, Stations
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import Points, Probe
from adseis.timeloop.override import current_adjoint

DERIVATIVES = {"displacement": 0, "velocity": 1, "acceleration": 2}


def simulate_solid_ball(
    medium: SolidMedium | Sequence[SolidMedium],
    source: BallSource | Sequence[BallSource],
    stations: Stations,
    mesh: BallMesh,
    *,
    record: str = "displacement",
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008 - an immutable setting
    probe: Probe | None = None,
    probe_every: int = 1,
    devices: Mesh | None = None,
) -> Any:
    r"""Waves in an isotropic solid ball of any 3D structure, recorded at stations.

    Solves, with no traction on the surface,

        rho u_tt = div sigma + f,    sigma = rho (vp^2 - 2 vs^2) tr(e) I + 2 rho vs^2 e,

    by spectral elements in the half plane that turns around the source's axis, a Fourier series around it, and a fourth-order
    step. Compiles under `jax.jit`, batches under `jax.vmap`, and has the exact gradient by the medium, by where the source and
    stations are, by the moment or force, and by the time function. Without gravity, rotation and attenuation.

    Args:
        medium: P- and S-wave speed [m/s] and density [kg/m^3]; for several sources one for all (numbers, radial values or
            functions of place) or a list.
        source: A `MomentTensorSource` or a `ForceSource`; a list of several of one kind is simulated one after the other.
        stations: Where is recorded.
        mesh: From `sphere.ball`, planned for the slowest S wave and the fastest P wave; its azimuthal order is at least 2 for a
            moment tensor, 1 for a force.
        record: "displacement" [m], "velocity" [m/s] or "acceleration" [m/s^2].
        adjoint: How the time loop is differentiated.
        probe: Called with {"u": `(1, node, 3, component)`}, displacement along s, phi and z, every `probe_every` steps; what it
            returns is stacked and returned too. `sphere.coefficients` has the Fourier series of it.
        probe_every: Steps from one to the next, the first at t = 0.
        devices: A device mesh over which several sources are distributed.

    Returns:
        Up, north and east, or the components that the stations name, at t = k dt, `(station, time, component)`; of a list of
        sources `(source, ...)`. With a probe, that and the stacked probes, `(instant, ...)` for t = k `probe_every` dt within
        the record, of a list `(source, instant, ...)`.

    Raises:
        ValueError: If a shape or an option cannot be right, a known value is out of range, a known density jumps more than the
            time step can take, or the azimuthal order is too low.
        TypeError: If a source is none of the two.
        RuntimeError: If a value is out of range (also under `jit`).

    References:
        Leng, K., Nissen-Meyer, T., van Driel, M., Hosseini, K. and Al-Attar, D. (2019), Geophys. J. Int. 217, 2125-2146,
        doi:10.1093/gji/ggz092

    Example:
        >>> from adseis import sphere
        >>> mesh = sphere.ball(1000.0, 2.0, 2.0, (1000.0, 1500.0), azimuthal_order=1)
        >>> source = sphere.ForceSource(700.0, 90.0, 0.0, np.exp(-((3 * (mesh.times - 1.2)) ** 2)), np.array([1.0, 0.0, 1.0]))
        >>> stations = sphere.Stations([10.0, -40.0], [0.0, 50.0], [1000.0, 500.0])
        >>> medium = sphere.SolidMedium(1500.0, 1000.0, 1000.0)
        >>> ads.simulate_solid_ball(medium, source, stations, mesh).shape == (2, mesh.nt, 3)
        True
    """
    media, sources, several = paired(medium, source)
    sources = [_checked_mechanism(checked_source(s, mesh), mesh) for s in sources]
    stations = checked_stations(stations, mesh)
    warn_if_near(sources, stations, mesh)
    if record not in DERIVATIVES:
        raise ValueError(f"`record` = {record!r} must be one of {', '.join(DERIVATIVES)}.")
    warn_if_sharp(sources, DERIVATIVES[record], mesh)
    fields = [_checked_medium(vp, vs, rho, mesh) for vp, vs, rho in fields_of(media, sources, mesh, ("vp", "vs", "rho"))]
    rings = rings_of_all(sources, stations, mesh)
    fields, sources, stations = one_precision(fields, sources, stations)
    adjoint, derivative = current_adjoint(adjoint), DERIVATIVES[record]

    def run(fields: PyTree, source: BallSource) -> tuple[Array, PyTree]:
        return _simulate(mesh, derivative, adjoint, rings, fields, source, stations, probe, probe_every)

    return each_or_one(run, fields, sources, several=several, probed=probe is not None, devices=devices)


@eqx.filter_jit
def _simulate(
    mesh: BallMesh,
    derivative: int,
    adjoint: Adjoint,
    rings: Rings | None,
    fields: tuple[Array, Array, Array],
    source: BallSource,
    stations: Stations,
    probe: Probe | None = None,
    probe_every: int = 1,
) -> tuple[Array, PyTree]:
    equation, coefficients = _equation(mesh, fields)
    where = placed(source, stations, mesh)
    waves = basis(where.at.phi, mesh.azimuthal_order)
    quantities = [Quantity(part, where.located.value, waves) for part in range(3)]
    system = equation.system
    read = recording(quantities, where.located.nodes, system.shape, rings, system.to)
    made, probed = marched(
        equation, coefficients, _taps(source, mesh, system), source, read, mesh, derivative, adjoint, probe, probe_every
    )
    return einsum("sij,sjt->sti", where.turn(stations.components), made), probed


def _equation(mesh: BallMesh, fields: tuple[Array, Array, Array]) -> tuple[FourthOrder[SolidBall], Coefficients]:
    """The scheme and its coefficients."""
    vp, vs, rho = fields
    elements, dtype = mesh.elements, vp.dtype
    flat = all(axisymmetric(x) for x in fields)
    shape = mesh.shape[:1] if flat else mesh.shape
    vp, vs, rho = (on_all(x, shape, dtype) for x in fields)
    mass = jnp.asarray(elements.mass, dtype).reshape(-1, *[1] * (len(shape) - 1))
    system = SolidBall(elements, mesh.azimuthal_order, mesh.kept, not flat)
    coefficients = Coefficients(1 / (rho * mass), system.moduli(Lame(rho * (vp**2 - 2 * vs**2), rho * vs**2)))
    return FourthOrder(system, mesh.dt, jax.eval_shape(lambda: coefficients)), coefficients


def _taps(source: BallSource, mesh: BallMesh, system: SolidBall) -> Points:
    """A source on the axis, in its orders, over 2 pi: what it does to the motion of every node."""
    dtype = source.time_function.dtype
    at = locate(mesh.elements, jnp.zeros((1,), dtype), jnp.asarray(source.radius, dtype)[None])
    order = min(2, mesh.azimuthal_order)
    components = 2 * order + 1
    work = _work_of_moment if isinstance(source, MomentTensorSource) else _work_of_force
    still = jnp.zeros((at.nodes.shape[1], 3, components), dtype)
    weights = jax.grad(lambda motion: work(source, at, motion, order))(still)
    along = np.flatnonzero(system.to[:, :components].any(1))
    weights = matmul(weights, jnp.asarray(system.to[along, :components].T, dtype))
    nodes = (3 * at.nodes[0][:, None, None] + np.arange(3)[None, :, None]) * mesh.shape[1] + along[None, None]
    return Points(nodes.reshape(1, 1, -1), weights.reshape(1, 1, -1) / (2 * np.pi))


def _work_of_moment(source: Any, at: Located, motion: Float[Array, "point 3 component"], order: int) -> Array:
    """M : e, averaged over the azimuths from which the axis is reached."""
    parts = [motion[:, part] for part in range(3)]
    turn = jnp.asarray(turned(order).T, motion.dtype)
    found = strain(
        [matmul(at.by_s[0], x) for x in parts],
        [matmul(at.by_z[0], x) for x in parts],
        [matmul(at.over_s[0], x) for x in around(parts, [matmul(x, turn) for x in parts])],
    )
    (zz, xz, yz), (_, xx, xy), (_, _, yy) = source.moment
    both, half, root = (xx + yy) / 2, (xx - yy) / 2, np.sqrt(2).astype(motion.dtype)
    zero = jnp.zeros_like(zz)
    rows = [  # of e_ss, e_pp, e_zz, 2 e_sp, 2 e_pz, 2 e_sz: order 0, cosine and sine of 1 and of 2
        [both, zero, zero, half / root, xy / root],
        [both, zero, zero, -half / root, -xy / root],
        [zz, zero, zero, zero, zero],
        [zero, zero, zero, xy / root, -half / root],
        [zero, yz / root, -xz / root, zero, zero],
        [zero, xz / root, yz / root, zero, zero],
    ]
    shares = jnp.stack([jnp.stack(row[: 2 * order + 1]) for row in rows])
    return jnp.sum(shares * jnp.stack(found))


def _work_of_force(source: Any, at: Located, motion: Float[Array, "point 3 component"], order: int) -> Array:
    """F . u, averaged likewise."""
    z, x, y = source.force
    root, zero = np.sqrt(2).astype(motion.dtype), jnp.zeros_like(z)
    rows = [[zero, x / root, y / root], [zero, y / root, -x / root], [z, zero, zero]]
    shares = jnp.stack([jnp.stack(row[: 2 * order + 1]) for row in rows])
    return jnp.sum(shares * einsum("p,pck->ck", at.value[0], motion)[:, : shares.shape[1]])


def _checked_mechanism(source: Any, mesh: BallMesh) -> Any:
    """A source that a solid takes, and that the mesh has orders for."""
    if not isinstance(source, MomentTensorSource | ForceSource):
        raise TypeError(
            f"`source` is a {type(source).__name__}; a solid takes a `MomentTensorSource` or a `ForceSource`: an explosion is "
            "a multiple of the unit tensor."
        )
    needed, values = (2, source.moment) if isinstance(source, MomentTensorSource) else (1, source.force)
    finite(values, "moment" if needed == 2 else "force", ("component",) * values.ndim)
    if mesh.azimuthal_order < needed:
        raise ValueError(
            f"`azimuthal_order` = {mesh.azimuthal_order} of the mesh is too low for a {type(source).__name__}, which acts in "
            f"orders 0 to {needed}: plan the mesh with at least {needed}."
        )
    return source


def _checked_medium(vp: Any, vs: Any, rho: Any, mesh: BallMesh) -> tuple[Any, Any, Any]:
    """Fields that a solid may have and the mesh carries."""
    vp, vs = within(vp, "vp", mesh.speeds[0], mesh), within(vs, "vs", mesh.speeds[0], mesh)
    rank, module = max(np.ndim(vp), np.ndim(vs)), module_of(vp, vs)
    # Radial values beside 3D ones get an axis of azimuths.
    slow, fast = module.broadcast_arrays(*(x[:, None] if np.ndim(x) == 1 and rank == 2 else x for x in (vs, vp)))
    vs = shear(slow.reshape(slow.shape or (1,)), fast.reshape(fast.shape or (1,))).reshape(slow.shape)
    return vp, vs, stepped(rho, mesh)
