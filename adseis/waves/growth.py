"""Do records grow after their sources have ended? Energy that does comes from nowhere: something is unstable.

Looked at is what has been recorded, by NumPy: nothing is compiled for it, and nothing in a program waits for it.
"""

import warnings
from collections.abc import Sequence

import jax
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
    """Warn of records that grow where they are known; within an `adjoint_override`, where they are traced, tell it.

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
        jax.debug.callback(lambda g, v, s, r: override.note_growth(grows(g, v, s, r, grid)), *inputs)
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
) -> bool:
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

    Returns:
        Whether any of the gathers does.
    """
    length = grid.nt // PARTS
    slowest = min(float(np.min(x, initial=np.inf, where=np.asarray(x) > 0)) for x in speeds)
    after = max(_end(samples, grid) + _farthest(position, receivers) / slowest for position, samples in sources)
    begins = grid.dt * (grid.nt - length * np.arange(PARTS, 0, -1))
    for gather in gathers:
        last = np.abs(np.asarray(gather)[:, grid.nt - PARTS * length :])
        peaks = last.reshape(len(last), PARTS, -1).max((0, 2))
        if not np.isfinite(peaks[-1]):
            return True
        if peaks[-1] > peaks[:-1].max() and begins[-1] > after:
            return True
        if np.all(peaks[-3:] >= 2 * peaks[-4:-1]) and begins[-4] > after and peaks[-1] > 0.1 * peaks.max():
            return True
    return False


def _end(samples: Samples, grid: Grid) -> float:
    """When a thousandth of the peak is last exceeded [s]."""
    loud = np.abs(np.asarray(samples)).max((0, 1))
    return grid.dt * float(np.flatnonzero(loud > 1e-3 * loud.max()).max(initial=0))


def _farthest(position: Samples, receivers: Samples) -> float:
    """From a source to a receiver of the same shot [m]."""
    away = np.asarray(position, float)[:, :, None] - np.asarray(receivers, float)[:, None]
    return float(np.linalg.norm(away, axis=-1).max())
