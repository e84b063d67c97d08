"""Do records grow after their sources have ended? Energy that does comes from nowhere: something is unstable."""

import functools
import warnings
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from adseis.experiment import checks
from adseis.experiment.checks import Samples
from adseis.experiment.grid import Grid
from adseis.experiment.medium import Medium
from adseis.experiment.sources import Emission
from adseis.timeloop.override import current_override

PARTS = 20
"""Of a record, whose peaks are compared."""
SHORTEST = 5 * PARTS
"""Records of fewer samples are not looked at."""


def watch_growth(gathers: Sequence[Array], medium: Medium, emitted: Sequence[Emission], receivers: Samples, grid: Grid) -> None:
    """Warn of records that grow where they are known; within an `adjoint_override`, where they are traced, tell it.

    Args:
        gathers: `(shot, time, receiver)` each.
        medium: Earth parameters.
        emitted: What the sources emit.
        receivers: Positions [m], `(shot, receiver, axis)`.
        grid: Space-time sampling.
    """
    override, leaves = current_override(), jax.tree.leaves((gathers, medium, emitted, receivers))
    if override is not None:
        jax.debug.callback(override.note_growth, grows(gathers, medium, emitted, receivers, grid))
    elif all(checks.known(x) is not None for x in leaves) and _grow_now(gathers, medium, emitted, receivers, grid):
        warnings.warn(
            "the records grow at their end, long after their sources: energy comes from nowhere, and gradients through it mean "
            "nothing. Layers do this around solids in strong contrasts: try ads.Sponge(), or a wider ads.CPML(); if it grows "
            "within ads.Rigid() too, the medium or the time step is at fault.",
            stacklevel=4,
        )


def _grow_now(gathers: Sequence[Array], medium: Medium, emitted: Sequence[Emission], receivers: Samples, grid: Grid) -> bool:
    """Of values that are known, if only behind the tracers of an eager `jax.grad`."""
    gathers, medium, emitted, receivers = jax.tree.map(checks.known, (gathers, medium, emitted, receivers))
    return bool(grows(gathers, medium, emitted, receivers, grid))


def grows(
    gathers: Sequence[Array], medium: Medium, emitted: Sequence[Emission], receivers: Samples, grid: Grid
) -> Bool[Array, ""]:
    """Whether records end louder than waves can be that were sent out long before.

    Looked at is what comes after the slowest direct wave has passed the farthest receiver. A record grows if its last part is
    the loudest of all, or if each of the last three parts is at least twice as loud as the one before.

    Args:
        gathers: `(shot, time, receiver)` each.
        medium: Earth parameters.
        emitted: What the sources emit.
        receivers: Positions [m], `(shot, receiver, axis)`.
        grid: Space-time sampling.

    Returns:
        Whether any of the gathers does; False where a record is too short to tell.
    """
    if grid.nt < SHORTEST or not gathers or receivers.shape[1] == 0:
        return jnp.asarray(False)
    length = grid.nt // PARTS
    speeds = [jnp.where(x > 0, x, jnp.inf).min() for x in _speeds(medium)]
    slowest = functools.reduce(jnp.minimum, speeds)
    ends = [_end(e, grid) + (_farthest(e, receivers) / slowest.astype(receivers.dtype)).astype(e.samples.dtype) for e in emitted]
    after = functools.reduce(jnp.maximum, ends)
    begins = [grid.dt * (grid.nt - length * k) for k in range(PARTS, 0, -1)]
    found = []
    for gather in gathers:
        last = jnp.abs(jax.lax.stop_gradient(gather))[:, grid.nt - PARTS * length :]
        peaks = jnp.max(last.reshape(last.shape[0], PARTS, -1), (0, 2))
        loudest = (peaks[-1] > jnp.max(peaks[:-1])) & (begins[-1] > after)
        doubling = jnp.all(peaks[-3:] >= 2 * peaks[-4:-1]) & (begins[-4] > after) & (peaks[-1] > 1e-3 * jnp.max(peaks))
        found.append(loudest | doubling | ~jnp.isfinite(peaks[-1]))
    return jnp.any(jnp.stack(found))


def _speeds(medium: Medium) -> list[Array]:
    return [jnp.asarray(getattr(medium, name)) for name in ("vp", "vs") if hasattr(medium, name)]


def _end(emission: Emission, grid: Grid) -> Array:
    """When a thousandth of the peak is last exceeded [s]."""
    loud = jnp.max(jnp.abs(jax.lax.stop_gradient(jnp.asarray(emission.samples))), (0, 1))
    return grid.dt * jnp.max(jnp.where(loud > 1e-3 * jnp.max(loud), jnp.arange(loud.size), 0)).astype(loud.dtype)


def _farthest(emission: Emission, receivers: Samples) -> Array:
    """From a source to a receiver of the same shot [m]."""
    away = jnp.asarray(emission.position, receivers.dtype)[:, :, None] - jnp.asarray(receivers)[:, None]
    return jnp.max(jnp.sqrt(jnp.sum(jax.lax.stop_gradient(away) ** 2, -1)))
