"""From the clock of a record to another: which samples there will be, of which something was recorded, and what is lost."""

import math
import warnings

import numpy as np
from jaxtyping import Bool, Float

from adseis.experiment.grid import Grid

LOST = 0.01
"""Share of the energy above the new Nyquist frequency from which on resampling warns."""
SLACK = 1e-6
"""Of a sampling interval: instants nearer than that are the same."""


def wanted_clock(onto: Grid | float, nt: int | None, recorded: tuple[float, float], *, pad: bool) -> tuple[float, int]:
    """The interval and the number of samples of a new record.

    Args:
        onto: The grid whose clock is wanted, or the interval [s].
        nt: Number of samples, with an interval; by default as many as were recorded.
        recorded: First and last instant of the recorded data, after the shot [s].
        pad: Whether the new record may end later.

    Returns:
        The interval [s] and the number.

    Raises:
        ValueError: If the interval is not positive, `nt` does not fit, or the new record ends too late.
    """
    dt = onto.dt if isinstance(onto, Grid) else float(onto)
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"`onto` = {dt} s must be positive.")
    if isinstance(onto, Grid) and nt is not None:
        raise ValueError(f"`nt` = {nt} is the grid's; leave it out.")
    start, last = recorded
    most = math.floor(last / dt + SLACK) + 1
    if most < 1:
        raise ValueError(f"the record ends at {last:.6g} s, before the shot; check `start` = {start} s.")
    nt = onto.nt if isinstance(onto, Grid) else most if nt is None else nt
    if nt < 1:
        raise ValueError(f"`nt` = {nt} must be at least 1.")
    if nt > most and not pad:
        raise ValueError(
            f"the new record ends at {(nt - 1) * dt:.6g} s ({nt} samples of {dt:.6g} s), the recorded one at {last:.6g} s. "
            f"Use nt <= {most}, or `pad=True`, which gives no weight to what is missing."
        )
    return dt, nt


def within(window: tuple[float, float], times: Float[np.ndarray, " time"], dt: float) -> Bool[np.ndarray, " time"]:
    """Which samples lie in a window.

    Args:
        window: First and last instant [s].
        times: Of the samples [s].
        dt: Their interval [s].

    Returns:
        True where one does.
    """
    return (times >= window[0] - SLACK * dt) & (times <= window[1] + SLACK * dt)


def recorded_part(window: tuple[float, float], dt: float, nt: int) -> tuple[float, float] | None:
    """The part of a new record, from the shot on, of which something was recorded.

    Args:
        window: First and last instant recorded [s].
        dt: The new interval [s].
        nt: The new number of samples.

    Returns:
        First and last instant [s]; None for the whole record.
    """
    first, final = window
    whole = first <= SLACK * dt and (nt - 1) * dt <= final + SLACK * dt
    return None if whole else (max(first, 0.0), final)


def warn_of_loss(data: Float[np.ndarray, "shot time receiver"], dt: float, coarser: float) -> None:
    """Warn the caller's caller where a coarser clock removes energy that counts.

    Args:
        data: Gathers.
        dt: Their interval [s].
        coarser: The interval that is wanted [s].
    """
    above = np.fft.rfftfreq(data.shape[1], dt) >= 0.5 / coarser
    total = lost = 0.0
    for gather in data:
        power = np.sum(np.abs(np.fft.rfft(gather, axis=0)) ** 2, 1)
        total, lost = total + power[1:].sum(), lost + power[above].sum()
    if lost > LOST * total:
        warnings.warn(
            f"{100 * lost / total:.2g} % of the data's energy lies above {0.5 / coarser:.6g} Hz and is removed: {coarser:.6g} s "
            f"is a coarser clock than the {dt:.6g} s of the data. Filter first, or use a finer `dt`.",
            stacklevel=3,
        )
