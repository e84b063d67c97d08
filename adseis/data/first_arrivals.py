"""When waves first arrive, by the energy of what follows an instant over that of all that came before."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class FirstArrivals(NamedTuple):
    """Picks of every trace.

    Attributes:
        times: Instants after the first sample [s]; NaN where nothing can be picked.
        contrast: Energy after over energy before, about 1 of noise alone.
    """

    times: Float[np.ndarray, "shot receiver"]
    contrast: Float[np.ndarray, "shot receiver"]


def pick_first_arrivals(
    data: Float[np.ndarray, "shot time receiver"], dt: float, window: float, *, contrast: float = 10.0, floor: float = 1e-4
) -> FirstArrivals:
    """The earliest instant at which the energy in a window after it far exceeds all that came before it.

    The pick is the top, within a window, of the first peak of r(t) = E(t, t + window) / (E(0, t) window / t + floor max E) that
    reaches `contrast`, so that a later, stronger arrival is not taken for the first.

    Args:
        data: Gathers, of one band.
        dt: Sampling interval [s].
        window: Length of the windows [s], about a period.
        contrast: Least r of a pick.
        floor: Share of the trace's largest windowed energy that counts as noise.

    Returns:
        Picks; NaN where r stays below `contrast`.

    Raises:
        ValueError: If `window` or `dt` is not positive, or the record is shorter than two windows.

    References:
        Allen, R. V. (1978), Automatic earthquake recognition and timing from single traces, Bull. Seismol. Soc. Am. 68, 1521-1532
    """
    if not (dt > 0 and window > 0):
        raise ValueError(f"`dt` = {dt} s and `window` = {window} s must be positive.")
    length, nt = max(2, round(window / dt)), data.shape[1]
    if nt < 2 * length:
        raise ValueError(f"a record of {nt} samples is shorter than two windows of {length}. Use a shorter `window`.")
    energy = np.square(np.asarray(data, "float64"))
    summed = np.concatenate([np.zeros_like(energy[:, :1]), np.cumsum(energy, 1)], 1)
    at = np.arange(nt)
    after = summed[:, np.minimum(at + length, nt)] - summed[:, at]
    before = summed[:, at] * (length / np.maximum(at, 1))[None, :, None]
    largest = after.max(1, keepdims=True)
    alive = largest > 0
    ratio = np.where(alive, after / (before + floor * np.where(alive, largest, 1)), 0)
    ratio[:, :length] = 0  # too little has come before
    first = np.argmax(ratio >= contrast, axis=1)
    # from there to the top of that peak
    reach = np.minimum(first[:, None] + np.arange(length)[None, :, None], nt - 1)
    top = first + np.argmax(np.take_along_axis(ratio, reach, 1), axis=1)
    height = np.take_along_axis(ratio, np.minimum(top, nt - 1)[:, None], 1)[:, 0]
    return FirstArrivals(np.where(height >= contrast, dt * top, np.nan), height)
