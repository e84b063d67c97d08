"""Waves of points as waves of lines: the Earth's sources are points in 3D, those of a simulated section are lines across it."""

import numpy as np
import scipy
from jaxtyping import Float

WRAPPED = 1e8
"""By how much what comes round the end of the padded record is damped."""


def as_line_source(
    data: Float[np.ndarray, "*gathers"], dt: float, speed: float, *, start: float = 0.0, axis: int = 1
) -> Float[np.ndarray, "*gathers"]:
    r"""Traces of point sources as line sources along y would have made them, for waves of one speed.

    In a homogeneous medium, with k = w / c and time as exp(iwt), a point and a line answer at a distance r by

        G3 = exp(-ikr) / (4 pi r),    G2 = -(i/4) H0^(2)(kr) ~ exp(-ikr - i pi/4) / sqrt(8 pi k r),    kr >> 1,

    so that, as what arrives at t has come r = ct,

        G2 / G3 = c sqrt(2 pi t) / sqrt(iw):

    samples are integrated by half, which is a convolution with 1 / sqrt(pi t), and multiplied by c sqrt(2 pi t). A wave is
    delayed in phase by 45 degrees, and falls off with 1 / sqrt(r) in place of 1 / r.

    It tends to the exact wave far away (kr >> 1) in a homogeneous medium, where pulses are short against their travel time: a
    Ricker wavelet comes out within 6 % (relative l2) two wavelengths away, 2.3 % five, 0.6 % twenty. Reflections count as waves
    from an image of the source. `speed` only scales everything. It is not meant for the nearest two wavelengths; for surface
    waves, whose time does not tell how far they have come (Forbriger et al. scale those by offset); nor for speeds that grow
    much with depth, where rays spread otherwise. What drifts below the signal's frequencies grows: filter it first.

    Args:
        data: Gathers `(shot, time, receiver)`, or anything sampled at start + k dt along `axis`, at rest before it begins.
        dt: Sampling interval [s].
        speed: c [m/s].
        start: Time of the first sample after the shot [s]; of pulses with a delay, after the instant of their middle: one of
            1.5 periods that is overlooked makes 14 % of error five wavelengths away.
        axis: Time axis of `data`.

    Returns:
        Traces of a line that gives off per metre what the point does, in the unit of `data` times m; zero up to the shot.

    Raises:
        ValueError: If `dt` or `speed` is not positive.

    References:
        Forbriger, T., Groos, L. & Schaefer, M. (2014), Geophys. J. Int. 198, 1387-1404, doi:10.1093/gji/ggu142
    """
    if not (dt > 0 and speed > 0):
        raise ValueError(f"`dt` = {dt} s and `speed` = {speed} m/s must be positive.")
    data = np.asarray(data)
    nt = data.shape[axis]
    n = scipy.fft.next_fast_len(2 * nt, real=True)
    decay = np.log(WRAPPED) / (n * dt)  # frequencies below the real axis: the tail never ends, and w = 0 is no special case
    along = tuple(-1 if each == axis % data.ndim else 1 for each in range(data.ndim))
    steps = dt * np.arange(nt)
    after = (start + steps > 0).reshape(along)
    damping = np.exp(-decay * steps).reshape(along)
    half = np.sqrt(decay + 2j * np.pi * scipy.fft.rfftfreq(n, dt)).reshape(along)
    spectrum = scipy.fft.rfft(np.where(after, data, 0) * damping, n, axis)
    found = np.take(scipy.fft.irfft(spectrum / half, n, axis), np.arange(nt), axis) / damping
    spread = speed * np.sqrt(2 * np.pi * np.maximum(start + steps, 0)).reshape(along)
    return (spread * found).astype(data.dtype)
