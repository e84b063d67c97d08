"""How much each trace, and each part of it, is to count: dead and noisy ones are found, mutes follow lines of moveout."""

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from adseis.data.gathers import Gathers

LOUD = 3.0
"""Times its neighbours' size from which on a trace counts as noisy."""
FAINT = 0.1
"""Of its neighbours' size: below that a trace counts as dead."""
NEIGHBOURS = 12
"""Traces of like distance on either side that one is compared with."""
FEWEST = 8
"""Traces that tell what is usual."""


class Fault(NamedTuple):
    """A trace that counts less than others.

    Attributes:
        shot: Its shot, counted from 0.
        trace: Its number in the shot, counted from 0.
        weight: What it counts, below 1.
        why: What is wrong, a sentence.
    """

    shot: int
    trace: int
    weight: float
    why: str


def judge_traces(gathers: Gathers) -> tuple[Float[np.ndarray, "shot receiver"], list[Fault]]:
    """A weight for every trace: 0 of those dead or not finite, 1 / ratio^2 of those that are `LOUD` times as large as others.

    Traces are compared by their root mean square, after a power law of the distance between source and receiver is taken off,
    with the median of those of like distance, whatever their shot.

    Args:
        gathers: The recorded data.

    Returns:
        Weights in [0, 1], 0 of what is not live, and the live traces that have less than 1.
    """
    data, live = gathers.data, gathers.live
    finite = np.asarray(np.isfinite(data).all(1))
    rms = np.sqrt(np.mean(np.square(np.where(finite[:, None], data, 0), dtype="float64"), 1))
    alive = live & finite & (rms > 0)
    ratios = _ratios(rms, gathers, alive)
    weights, faults = alive.astype("float64"), []
    for shot, trace in np.argwhere(live).tolist():
        ratio, why = ratios[shot, trace], ""
        if not finite[shot, trace]:
            sample = int(np.argmin(np.isfinite(data[shot, :, trace])))
            why = f"not finite at sample {sample}, t = {gathers.times[sample]:.6g} s"
        elif not rms[shot, trace]:
            why = "zero throughout"
        elif ratio < FAINT:
            weights[shot, trace], why = 0.0, f"as good as dead, {ratio:.2g} times as large as traces of like offset"
        elif ratio > LOUD:
            weights[shot, trace], why = ratio**-2.0, f"noisy, {ratio:.3g} times as large as traces of like offset"
        if why:
            faults.append(Fault(shot, trace, float(weights[shot, trace]), _sentence(gathers, shot, trace, why, weights)))
    return weights, faults


def _sentence(gathers: Gathers, shot: int, trace: int, why: str, weights: np.ndarray) -> str:
    weight = weights[shot, trace]
    done = "left out" if weight == 0 else f"counts {weight:.2g}"
    return f"shot {shot} (record {gathers.records[shot]}) trace {trace} (counted from 0) is {why}: {done}"


def _ratios(rms: np.ndarray, gathers: Gathers, alive: np.ndarray) -> np.ndarray:
    """Size of every trace over that of its neighbours; 1 where too few are left to compare."""
    ratios = np.ones(rms.shape)
    if alive.sum() < FEWEST:
        return ratios
    away = gathers.receiver_positions - gathers.source_positions[:, :1]
    distance = np.broadcast_to(np.linalg.norm(away, axis=-1), rms.shape)[alive]
    nearest = distance[distance > 0].min() if (distance > 0).any() else 1.0
    order = np.argsort(distance, kind="stable")
    along, size = np.log(np.maximum(distance, nearest))[order], np.log(rms[alive])[order]
    usual = np.ones(size.size, bool)
    rest = size
    for _ in range(3):  # without what is not usual
        slope = np.polyfit(along[usual], size[usual], 1) if np.ptp(along[usual]) > 0 else np.array([0.0, np.median(size)])
        rest = size - np.polyval(slope, along)
        usual = np.abs(rest - np.median(rest)) < np.log(LOUD)
        if usual.sum() < FEWEST:
            break
    window = min(2 * NEIGHBOURS + 1, size.size)
    found = np.empty(size.size)
    found[order] = np.exp(rest - scipy.ndimage.median_filter(rest, window, mode="nearest"))
    ratios[alive] = found
    return ratios


def moveout_mute(
    gathers: Gathers, speed: float, delay: float, *, taper: float, keep: str = "after"
) -> Float[np.ndarray, "shot time receiver"]:
    """Weights that keep what arrives after, or before, the line t = delay + offset / speed.

    Args:
        gathers: The data, for their offsets and instants.
        speed: Of the line [m/s], positive.
        delay: Its instant at no offset [s].
        taper: Length of the cosine flank on the side that is kept [s].
        keep: "after" or "before".

    Returns:
        Weights in [0, 1].

    Raises:
        ValueError: If `speed` is not positive, `taper` is negative, or `keep` is neither.
    """
    if not (speed > 0 and taper >= 0 and np.isfinite(delay)):
        raise ValueError(f"`speed` = {speed} m/s must be positive, `taper` = {taper} s not negative, `delay` = {delay} s finite.")
    if keep not in ("after", "before"):
        raise ValueError(f'`keep` = {keep!r} must be "after" or "before".')
    line = delay + gathers.offsets[:, None] / speed
    inside = (gathers.times[None, :, None] - line) * (1 if keep == "after" else -1)
    return np.sin(0.5 * np.pi * np.clip(inside / max(taper, 1e-9 * gathers.dt), 0, 1)) ** 2


def without(gathers: Gathers, weights: Float[np.ndarray, "shot receiver"]) -> tuple[Gathers, Float[np.ndarray, "kept receiver"]]:
    """The gathers without the traces that count nothing, and without the shots of which nothing is left.

    Args:
        gathers: The data.
        weights: Of their traces.

    Returns:
        The gathers, all receivers kept, and the weights of the shots that are left.

    Raises:
        ValueError: If nothing is left.
    """
    live = gathers.live & (weights > 0)
    rows = np.flatnonzero(live.any(1))
    if not rows.size:
        raise ValueError("no trace is left: all are dead, not finite, or outside `offsets`.")
    where = gathers.receiver_positions
    kept = dataclasses.replace(
        gathers,
        data=gathers.data[rows],
        source_positions=gathers.source_positions[rows],
        receiver_positions=where if where.ndim == 2 else where[rows],
        live=live[rows],
        records=gathers.records[rows],
    )
    return kept, weights[rows]
