"""Signals on another clock: band-limited values at any regular instants, an anti-alias filter included.

`sample_whole` is exact for records that begin and end in silence, as gathers of shots do; it sees the whole of each. `sample_at`
is for pieces cut out of continuous records: its filter is short, so that their ends do not ring through all of them.
"""

import numpy as np
import scipy
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


def sample_whole(
    gather: Float[np.ndarray, "sample trace"], dt: float, start: float, dt_new: float, nt: int
) -> Float[np.ndarray, "time trace"]:
    """Records at k dt_new, of samples at start + n dt: the trigonometric interpolant of each followed by zeros, by a chirp-z
    transform, which takes any ratio and any start.

    What lies above the Nyquist frequency of the coarser of both clocks is removed; the rest is exact.

    Args:
        gather: Samples.
        dt: Their interval [s].
        start: Instant of the first [s].
        dt_new: Interval wanted [s].
        nt: Number of samples wanted.

    Returns:
        The records on the new clock, zero outside of the recorded time.

    References:
        Rabiner, L. R., Schafer, R. W. & Rader, C. M. (1969), Bell Syst. Tech. J. 48, 1249-1292,
        doi:10.1002/j.1538-7305.1969.tb04268.x
    """
    recorded = gather.shape[0]
    n = scipy.fft.next_fast_len(2 * recorded, real=True)
    spectrum = scipy.fft.rfft(gather.astype("float64"), n, axis=0)
    share = np.where(np.fft.rfftfreq(n, dt) < 0.5 / dt_new * (1 - 1e-9), 2.0 / n, 0.0)  # of the pair at +-f
    share[0] /= 2
    if n % 2 == 0 and dt_new <= dt * (1 + 1e-9):
        share[-1] = 1 / n
    turn = 2j * np.pi / (n * dt)
    values = scipy.signal.czt(spectrum * share[:, None], nt, np.exp(turn * dt_new), np.exp(turn * start), axis=0).real
    since = dt_new * np.arange(nt) - start
    inside = (since > -1e-6 * dt) & (since < (recorded - 1 + 1e-6) * dt)
    return values * inside[:, None]
