"""The operator that OpenFWI's gathers were made with, differentiable and batched.

`simulate` is the operator, to rounding; `proxy` the same survey within absorbing layers, for a fraction of the cost.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh
from jaxtyping import Float, Int, ScalarLike

from adseis.data.openfwi_survey import CELLS, DT, SPACING, Lines, around, damping, lines, wavelet
from adseis.experiment.checks import Samples, as_samples, positive, stable
from adseis.experiment.grid import Grid
from adseis.experiment.medium import ScalarMedium
from adseis.experiment.sources import Explosion
from adseis.experiment.survey import Survey
from adseis.parallel.devices import SHOT
from adseis.parallel.shots import over_shots
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import Injection
from adseis.timeloop.march import march
from adseis.waves.cpml import CPML
from adseis.waves.damped_scalar import HALO, Damped, DampedScalar
from adseis.waves.scalar import simulate_scalar


def simulate(
    vp: Float[Samples, "*z_x"],
    *,
    slowest: ScalarLike | None = None,
    time_function: Float[Samples, "*time"] | None = None,
    spacing: float = SPACING,
    dt: float = DT,
    sources: np.ndarray | None = None,
    receivers: np.ndarray | None = None,
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008 - an immutable setting
) -> Float[Array, "shot time receiver"]:
    r"""The gathers that OpenFWI stores of a map of P-wave speed, in its own arithmetic.

    With a = (vp dt / dx)^2 and k = d dt on the map and 120 nodes around it, where it is continued by its edges, each step is

        p' = (2 - 5 a - k) p - (1 - k) p_before + a (4/3 near - 1/12 far),

    near and far being the sums of the four nearest and the four second neighbours; what leaves at one side comes in at the other.
    Then (vp dt)^2 s is added at the shot, and p' is recorded: sample k is the field at t = (k + 1) dt. The damping d grows as the
    square of the distance from the map, and with `slowest`.

    Compiles under `jax.jit`, batches under `jax.vmap`, and has the exact gradient by `vp`, `time_function` and `slowest`.

    Args:
        vp: Speed [m/s], `(z, x)`; OpenFWI's maps are `(70, 70)`.
        slowest: The speed that sets the damping [m/s]; by default the least of the map, through which no gradient passes. As an
            unknown of an inversion, keep it below the least of the map.
        time_function: s at t = k dt, `(time,)`; by default `wavelet()`, 1000 samples of a Ricker wavelet of 15 Hz.
        spacing: dx [m].
        dt: Time step [s].
        sources: Row and column of each shot, `(shot, 2)`; by default five in the second row, from edge to edge.
        receivers: Row and column of each receiver, `(receiver, 2)`; by default every node of the second row.
        adjoint: How the time loop is differentiated.

    Returns:
        Gathers, `(shot, time, receiver)`; `(5, 1000, 70)` of an OpenFWI map.

    Raises:
        ValueError: If a shape or a number cannot be right, or a known speed is out of range.
        RuntimeError: If a speed is not positive, or too fast for the step (also under `jit`).

    References:
        Deng, C. et al. (2022), OpenFWI, NeurIPS 35, arXiv:2111.02926

    Example:
        >>> from adseis.data import openfwi
        >>> openfwi.simulate(np.full((20, 30), 3000.0), time_function=openfwi.wavelet(nt=50)).shape
        (5, 50, 30)
    """
    vp, samples, where = _checked(_one(vp), time_function, spacing, dt, sources, receivers)
    return _gathers(vp, _least(vp, slowest), samples, where, spacing, dt, adjoint)


def simulate_maps(
    vp: Float[Samples, "*map_z_x"],
    *,
    slowest: Float[Samples, " map"] | None = None,
    time_function: Float[Samples, "*time"] | None = None,
    spacing: float = SPACING,
    dt: float = DT,
    sources: np.ndarray | None = None,
    receivers: np.ndarray | None = None,
    adjoint: Adjoint | None = None,
    devices: Mesh | None = None,
) -> Float[Array, "map shot time receiver"]:
    r"""`simulate` of many maps, one after the other on each device: faster than under `jax.vmap`, and within less memory.

    A map with its shots stays within a processor's cache; several maps do not. In a gradient, states of all maps wait for the way
    back, and the history of one: time is cut so that both take as much.

    Args:
        vp: Speeds [m/s], `(map, z, x)`.
        slowest: What sets the damping of each [m/s], `(map,)`; by default the least of each.
        time_function: As of `simulate`.
        spacing: Likewise.
        dt: Likewise.
        sources: Likewise.
        receivers: Likewise.
        adjoint: Likewise; by default a reverse sweep in segments as said.
        devices: A device mesh (`ads.parallel.device_mesh()`), over which the maps are distributed.

    Returns:
        Gathers, `(map, shot, time, receiver)`.

    Raises:
        ValueError: As `simulate`.
        RuntimeError: As `simulate`.

    Example:
        >>> from adseis.data import openfwi
        >>> openfwi.simulate_maps(np.full((2, 20, 30), 3000.0), time_function=openfwi.wavelet(nt=50)).shape
        (2, 5, 50, 30)
    """
    if np.ndim(vp) != 3 or len(vp) == 0:
        raise ValueError(f"`vp` {np.shape(vp)} must be maps (map, z, x); one alone is for `simulate`.")
    vp, samples, where = _checked(vp, time_function, spacing, dt, sources, receivers, devices)
    least = _least(vp, slowest)
    each = 1 if devices is None else devices.shape[SHOT]
    share = -(-len(vp) // each)
    adjoint = ReverseSweep(segment=max(1, round((2 * len(samples) * share) ** 0.5))) if adjoint is None else adjoint

    def one(at: tuple[Array, Array], samples: Array) -> Array:
        return _gathers(*at, samples, where, spacing, dt, adjoint)

    fill = share * each - len(vp)
    filled = tuple(jnp.concatenate([x, jnp.repeat(x[-1:], fill, 0)]) for x in (vp, least))
    run = over_shots(lambda samples, maps: lax.map(lambda at: one(at, samples), maps), devices, samples, filled)
    return run[: len(vp)]


def proxy(
    vp: Float[Samples, "*z_x"],
    *,
    time_function: Float[Samples, "*time"] | None = None,
    spacing: float = SPACING,
    dt: float = DT,
    sources: np.ndarray | None = None,
    receivers: np.ndarray | None = None,
    width: int = 20,
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008
) -> Float[Array, "shot time receiver"]:
    r"""The survey of `simulate` in absorbing layers: `ads.simulate_scalar` on some 110 x 110 nodes instead of 310 x 310.

    Within the map the arithmetic is that of `simulate`. What differs is what comes back from the damping around the map and from
    the other side of the grid, which is missing here: compare data after adding `simulate(vp) - proxy(vp)` at a model nearby.

    Args:
        vp: As of `simulate`.
        time_function: Likewise.
        spacing: Likewise.
        dt: Likewise.
        sources: Likewise.
        receivers: Likewise.
        width: Cells of absorbing layer.
        adjoint: How the time loop is differentiated.

    Returns:
        Gathers, `(shot, time, receiver)`.

    Raises:
        ValueError: As `simulate`.
        RuntimeError: As `simulate`.

    Example:
        >>> from adseis.data import openfwi
        >>> openfwi.proxy(np.full((20, 30), 3000.0), time_function=openfwi.wavelet(nt=50)).shape
        (5, 50, 30)
    """
    vp, samples, where = _checked(_one(vp), time_function, spacing, dt, sources, receivers)
    grid = Grid(vp.shape, spacing, dt, len(samples) + 1)
    padded = jnp.pad(samples, (0, 1)) * jnp.asarray(spacing**2, vp.dtype)
    survey = Survey(Explosion(spacing * where.sources[:, None], padded), spacing * where.receivers)
    gathers = simulate_scalar(ScalarMedium(vp), survey, grid, boundary=CPML(width), adjoint=adjoint)
    return gathers[:, 1:]


def _one(vp: Samples) -> Samples:
    """One map."""
    if np.ndim(vp) != 2:
        raise ValueError(f"`vp` {np.shape(vp)} must be a map (z, x); several are for `simulate_maps`, or `jax.vmap`.")
    return vp


def _checked(
    vp: Samples,
    time_function: Samples | None,
    spacing: float,
    dt: float,
    sources: np.ndarray | None,
    receivers: np.ndarray | None,
    devices: Mesh | None = None,
) -> tuple[Array, Array, Lines]:
    """A map, or several, that the step can carry, the wavelet in their precision, and the lines."""
    vp = as_samples(vp)
    shape = (vp.shape[-2], vp.shape[-1])
    if min(shape) < 2:
        raise ValueError(f"`vp` {vp.shape} must have at least two nodes along z and x.")
    samples = as_samples(wavelet(dt=dt) if time_function is None else time_function)
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"`time_function` {samples.shape} must be (time,).")
    grid = Grid(shape, spacing, dt, len(samples))
    checked = jnp.asarray(stable(positive(vp, "vp", devices), "vp", grid, 4, staggered=False, devices=devices))
    return checked, jnp.asarray(samples, checked.dtype), lines(shape, sources, receivers)


def _least(vp: Array, slowest: ScalarLike | Samples | None) -> Array:
    """What sets the damping of each map, `(*map,)`."""
    each = vp.shape[:-2]
    if slowest is None:
        return lax.stop_gradient(jnp.min(vp, (-2, -1)))
    given = as_samples(slowest)
    if given.shape not in ((), each):
        raise ValueError(f"`slowest` {given.shape} must be one speed, or one for each of the maps {each}.")
    values = jnp.asarray(positive(given.reshape(-1), "slowest"), vp.dtype)
    return jnp.broadcast_to(values.reshape(given.shape), each)


def _gathers(
    vp: Array, slowest: Array, samples: Array, where: Lines, spacing: float, dt: float, adjoint: Adjoint
) -> Float[Array, "shot time receiver"]:
    """The gathers of a checked map."""
    equation, coefficients = _scheme(vp, slowest, spacing, dt)
    shots, count = len(where.sources), len(where.receivers)
    heard = np.broadcast_to(CELLS + where.receivers, (shots, count, 2))
    records, _ = march(
        equation,
        coefficients,
        {"p": _injected(equation, samples, where.sources, spacing)},
        {"p": equation.points(heard, jnp.ones((shots, count), vp.dtype))},
        len(samples),
        adjoint=adjoint,
    )
    return jnp.moveaxis(records["p"], 0, 1)


def fields(
    vp: Float[Array, "z x"],
    slowest: Array,
    time_function: Float[Array, " time"],
    sources: Int[Array, "shot 2"],
    seen: Callable[[Array], Array],
    *,
    every: int,
    spacing: float = SPACING,
    dt: float = DT,
) -> Float[Array, "instant shot *rest"]:
    """What is seen of the fields of `simulate`, on the map and the nodes around it; nothing is checked.

    Args:
        vp: As of `simulate`.
        slowest: Likewise, in the same precision.
        time_function: Likewise.
        sources: Likewise.
        seen: What is kept of a field `(shot, CELLS + z + CELLS, CELLS + x + CELLS)`.
        every: Steps from one to the next.
        spacing: As of `simulate`.
        dt: Likewise.

    Returns:
        At t = 0, every dt, 2 every dt, ...
    """
    equation, coefficients = _scheme(vp, slowest, spacing, dt)
    injected = _injected(equation, time_function, sources, spacing)
    inside = slice(HALO, -HALO)
    probe = lambda fields: seen(fields["p"][:, inside, inside])  # noqa: E731
    nowhere = {"p": equation.points(jnp.zeros((len(sources), 0, 2), int), jnp.ones((len(sources), 0), vp.dtype))}
    return march(equation, coefficients, {"p": injected}, nowhere, len(time_function), probe=probe, probe_every=every)[1]


def _scheme(vp: Array, slowest: Array, spacing: float, dt: float) -> tuple[DampedScalar, Damped]:
    """OpenFWI's step around a map, and its coefficients."""
    alpha = (around(vp) * (dt / spacing)) ** 2
    shape = (vp.shape[0], vp.shape[1])
    return DampedScalar((alpha.shape[0], alpha.shape[1])), Damped.of(alpha, damping(slowest, shape, spacing) * dt)


def _injected(equation: DampedScalar, samples: Array, sources: Any, spacing: float) -> Injection:
    """What shots at some nodes of the map send."""
    shots = len(sources)
    points = equation.points(CELLS + sources[:, None], jnp.full((shots, 1), spacing**2, samples.dtype))
    return Injection(points, jnp.broadcast_to(samples[:, None, None], (len(samples), shots, 1)))
