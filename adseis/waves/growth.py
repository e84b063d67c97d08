"""Do records grow after their sources have ended? Energy that does comes from nowhere: something is unstable.

Looked at is what has been recorded, by NumPy: nothing is compiled for it, and nothing in a program waits for it. For a
certificate, whose records are traced, the same is computed by JAX, and the answer told.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

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
    """Warn of records that grow where they are known; within an `adjoint_override` that watches, where they are traced, tell it.

    Args:
        gathers: `(shot, time, receiver)` each.
        medium: Earth parameters.
        emitted: What the sources emit.
        receivers: Positions [m], `(shot, receiver, axis)`.
        grid: Space-time sampling.
    """
    if grid.nt < SHORTEST or not gathers or receivers.shape[1] == 0:
        return
    speeds = [getattr(medium, name) for name in ("vp", "vs") if hasattr(medium, name)]
    sources = [(e.position, e.samples) for e in emitted]
    inputs, override = (list(gathers), speeds, sources, receivers), current_override()
    if override is not None:
        if override.watching:  # a program that hands over more than a flag may wait for itself
            jax.debug.callback(override.note_growth, grows(*inputs, grid, jnp))
        return
    known = [checks.known(x) for x in jax.tree.leaves(inputs)]
    if any(x is None or not getattr(x, "is_fully_addressable", True) for x in known):
        return
    gathers, speeds, sources, receivers = jax.tree.unflatten(jax.tree.structure(inputs), known)
    if grows(gathers, speeds, sources, receivers, grid):
        warnings.warn(
            "the records grow at their end, long after their sources: energy comes from nowhere, and gradients through it mean "
            "nothing. Layers do this around solids in strong contrasts: try ads.Sponge(), or a wider ads.CPML(); if it grows "
            "within ads.Rigid() too, the medium or the time step is at fault.",
            stacklevel=4,
        )


def grows(
    gathers: Sequence[Samples],
    speeds: Sequence[Samples],
    sources: Sequence[tuple[Samples, Samples]],
    receivers: Samples,
    grid: Grid,
    numpy: Any = np,
) -> Any:
    """Whether records end louder than waves can be that were sent out long before.

    Looked at is what comes after the slowest direct wave has passed the farthest receiver. A record grows if its last part is
    the loudest of all, or if it is a tenth as loud and each of the last three parts at least twice as loud as the one before:
    less may be an echo that comes out of a silence.

    Args:
        gathers: `(shot, time, receiver)` each.
        speeds: Of the medium [m/s]; zero where there is no such wave.
        sources: Positions [m], `(shot, source, axis)`, and samples, `(shot, source, time)`.
        receivers: Positions [m], `(shot, receiver, axis)`.
        grid: Space-time sampling, of at least `SHORTEST` samples.
        numpy: What computes: NumPy, or `jax.numpy`.

    Returns:
        Whether any of the gathers does.
    """
    real = lambda x: numpy.asarray(x, float)  # noqa: E731
    times = real(grid.dt * np.arange(grid.nt))
    after, length = real(0.0), grid.nt // PARTS
    slowest = real(np.inf)
    for speed in map(numpy.asarray, speeds):
        slowest = numpy.minimum(slowest, real(numpy.min(numpy.where(speed > 0, speed, np.inf))))
    for position, samples in sources:
        loud = numpy.abs(numpy.asarray(samples)).max((0, 1))
        ends = numpy.max(numpy.where(loud > 1e-3 * loud.max(), times, 0.0))
        away = real(position)[:, :, None] - real(receivers)[:, None]
        after = numpy.maximum(after, ends + numpy.sqrt(numpy.max(numpy.sum(away**2, -1))) / slowest)
    begins = real(grid.dt * (grid.nt - length * np.arange(PARTS, 0, -1)))
    found = numpy.asarray(False)
    for gather in gathers:
        last = numpy.abs(numpy.asarray(gather)[:, grid.nt - PARTS * length :])
        peaks = last.reshape(len(last), PARTS, -1).max((0, 2))
        loudest = (peaks[-1] > peaks[:-1].max()) & (begins[-1] > after)
        doubling = numpy.all(peaks[-3:] >= 2 * peaks[-4:-1]) & (begins[-4] > after) & (peaks[-1] > 0.1 * peaks.max())
        found = found | ~numpy.isfinite(peaks[-1]) | loudest | doubling
    return found
