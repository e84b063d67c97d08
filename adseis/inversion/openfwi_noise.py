"""How noisy gathers of OpenFWI's kind are, told from the gathers alone: what lies above the band of their wavelet."""

import numpy as np
from jaxtyping import Array, Float

from adseis.data.openfwi_survey import DT, FREQUENCY

ABOVE = 4.0
"""Peak frequencies of the wavelet beyond which it holds nothing: a Ricker wavelet is down to 5e-6 there."""
FEWEST = 8
"""Frequencies above the band from which noise can be told."""


def estimate_noise(
    gathers: Float[np.ndarray | Array, "*map shot time receiver"], *, frequency: float = FREQUENCY, dt: float = DT
) -> float:
    r"""Standard deviation of white noise in gathers, over that of the gathers: 0 of clean ones.

    Above four times the peak frequency of a Ricker wavelet there is nothing but noise. Of a trace d, tapered by Hann's window w
    so that its ends do not ring,

        |sum_k w_k d_k exp(-2 pi i j k / n)|^2

    is there spread exponentially about s^2 sum_k w_k^2, of which the median is log 2 as much. Medians over frequencies and traces
    leave bursts, hum and a few bad traces out. The result is that of `refine(noise=...)`.

    Args:
        gathers: `(shot, time, receiver)`, on the clock that they were recorded by: resampling to finer steps leaves no noise
            above the old Nyquist frequency.
        frequency: Peak frequency of the wavelet [Hz].
        dt: Sampling interval [s].

    Returns:
        The relative standard deviation; noise that is not white, such as below the wavelet's band, is not seen.

    Raises:
        ValueError: If a value is not finite, all are zero, or records have fewer than eight frequencies above the band.

    Example:
        >>> from adseis.data import openfwi
        >>> rng = np.random.default_rng(0)
        >>> pulse = np.tile(openfwi.wavelet(nt=500)[None, :, None], (1, 1, 30))
        >>> noisy = pulse + 0.1 * pulse.std() * rng.standard_normal(pulse.shape)
        >>> bool(abs(estimate_noise(noisy) - 0.1) < 0.01)
        True
    """
    values = np.asarray(gathers, "float64")
    nt = values.shape[-2]
    if not (np.isfinite(values).all() and values.any()):
        raise ValueError("`gathers` hold a NaN or an infinity, or nothing at all. Repair them.")
    # The last frequency, that of real numbers alone, is spread otherwise and left out.
    above = slice(int(np.ceil(ABOVE * frequency * nt * dt)), (nt - 1) // 2 + 1)
    if above.stop - above.start < FEWEST:
        raise ValueError(
            f"`gathers` of {nt} samples of {1e3 * dt:g} ms hold too little above {ABOVE * frequency:g} Hz to tell noise from. "
            "Give its standard deviation."
        )
    taper = np.hanning(nt + 2)[1:-1]
    power = np.abs(np.fft.rfft(taper[:, None] * values, axis=-2)[..., above, :]) ** 2
    of_trace = np.median(power, axis=-2) / (np.log(2) * np.sum(taper**2))
    return float(np.sqrt(np.median(of_trace) / np.mean(values**2)))
