"""Signals on another clock: band-limited values at any regular instants, an anti-alias filter included."""

import numpy as np
from jaxtyping import Float

ATTENUATION = 100.0
"""Of what lies above the Nyquist frequency of the coarser clock [dB]; also the accuracy below 0.8 of it, 1e-5."""

BLOCK = 4096
"""Samples that are interpolated at a time: bounds the memory."""


def sample_at(x: Float[np.ndarray, " sample"], dt: float, start: float, dt_new: float, nt: int) -> Float[np.ndarray, " time"]:
    r"""A signal at t_k = start + k dt_new, of samples at t = n dt; it counts as zero outside of them.

        y_k = dt sum_n x_n h(t_k - n dt),    h(t) = 2 f sinc(2 f t) Kaiser(t)

    With F the Nyquist frequency of the coarser of both clocks, the filter h passes what lies below 0.8 F, within 1e-5, and stops
    what lies above F. It reaches 16 / F to either side, so that what begins sharply gets ripples before it: pick onsets first.
    Where both clocks agree, the samples are returned as they are.

    Args:
        x: Samples.
        dt: Their interval [s].
        start: First instant, after the first sample; may be negative [s].
        dt_new: Interval wanted [s].
        nt: Number of samples wanted.

    Returns:
        The signal on the new clock.

    Raises:
        ValueError: If an interval is not positive.

    References:
        Kaiser, J. F. & Schafer, R. W. (1980), IEEE Trans. Acoust. 28, 105-107, doi:10.1109/TASSP.1980.1163349
    """
    if not (dt > 0 and dt_new > 0):
        raise ValueError(f"`dt` = {dt} s and `dt_new` = {dt_new} s must be positive.")
    x = np.asarray(x, float)
    place = (start + dt_new * np.arange(nt)) / dt  # in samples of x
    whole = np.round(place).astype(int)
    if np.abs(place - whole).max(initial=0.0) < 1e-6 and round(dt_new / dt) == 1:
        inside = (whole >= 0) & (whole < x.size)
        return np.where(inside, x[np.clip(whole, 0, x.size - 1)], 0.0)
    nyquist = 0.5 / max(dt, dt_new)
    reach = (ATTENUATION - 8) / (2.285 * 2 * np.pi * 0.2 * nyquist) / 2
    half = int(np.ceil(reach / dt))
    taps = np.arange(-half, half + 1)
    y = np.empty(nt)
    for first in range(0, nt, BLOCK):
        block = slice(first, first + BLOCK)
        nodes = whole[block, None] + taps
        away = dt * (place[block, None] - nodes)
        window = np.i0(0.1102 * (ATTENUATION - 8.7) * np.sqrt(np.clip(1 - (away / reach) ** 2, 0, None)))
        window = np.where(np.abs(away) <= reach, window / np.i0(0.1102 * (ATTENUATION - 8.7)), 0.0)
        weights = dt * 1.8 * nyquist * np.sinc(1.8 * nyquist * away) * window
        inside = (nodes >= 0) & (nodes < x.size)
        y[block] = np.sum(np.where(inside, x[np.clip(nodes, 0, x.size - 1)], 0.0) * weights, -1)
    return y
