"""When a simulation that makes GlobalTomo-style data begins and how it steps, and how its records become seismograms.

The time step divides the interval of the snapshots, and the simulation begins a whole number of such intervals before the first:
snapshots fall onto steps, and nothing has to be interpolated.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.data.globaltomo_tiers import Tier
from adseis.resampling import sample_whole

AFTER = 5
"""Samples of a seismogram that are simulated behind its end, over which records fade: else a filter made its end ring."""
BLOCK = 256
"""Columns of a matrix that are made at a time: bounds the memory."""


class Timing(NamedTuple):
    """The clock of a simulation.

    Attributes:
        dt: Time step [s].
        lead: How long before t = 0 of the seismograms it begins [s].
        every: Steps from one snapshot to the next.
        first: How many of these intervals lie before the first snapshot.
        duration: Of the simulation [s].
    """

    dt: float
    lead: float
    every: int
    first: int
    duration: float


def timing(tier: Tier, *, longest: float, before: float) -> Timing:
    """The clock of a tier.

    Args:
        tier: Which; its snapshots have published times.
        longest: The longest time step that is stable [s].
        before: How long before t = 0 its source begins, at least [s].

    Returns:
        The clock.

    Raises:
        ValueError: If the times of the tier's snapshots are not known.
    """
    times, interval = tier.snapshot_times, tier.snapshot_interval
    if times is None or interval is None:
        raise ValueError(f"`tier` = {tier.name!r} has no times of snapshots: a time step has to divide their interval.")
    first = max(0, math.ceil((before + times[0]) / interval - 1e-9))
    every = math.ceil(interval / longest - 1e-9)
    lead = first * interval - float(times[0])
    end = max((tier.samples - 1 + AFTER) * tier.dt, float(times[-1]))
    return Timing(interval / every, lead, every, first, lead + end)


@functools.lru_cache(maxsize=4)
def seismogram_of(tier: Tier, clock: Timing, nt: int) -> Float[np.ndarray, "sample time"]:
    """From what is recorded at each step to a seismogram: band-limited, what lies above its Nyquist frequency removed.

    Args:
        tier: Which.
        clock: Of the simulation.
        nt: Its samples.

    Returns:
        A matrix.
    """
    behind = clock.dt * np.arange(nt) - clock.lead - (tier.samples - 1) * tier.dt
    fading = np.cos(np.pi / 2 * np.clip(behind / (AFTER * tier.dt), 0, 1)) ** 2
    made = np.empty((tier.samples, nt))
    for begin in range(0, nt, BLOCK):
        some = slice(begin, min(begin + BLOCK, nt))
        ones = np.zeros((nt, some.stop - begin))
        ones[np.arange(begin, some.stop), np.arange(some.stop - begin)] = fading[some]
        made[:, some] = sample_whole(ones, clock.dt, -clock.lead, tier.dt, tier.samples)
    return made
