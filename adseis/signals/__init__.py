"""Filters, tapers, envelopes, resampling and spectra of sampled signals, and their arithmetic.

Plain differentiable JAX on any axis of any array. Sampling intervals [s] and corner frequencies [Hz] are static numbers.
"""

from adseis.signals.arithmetic import divide, homogeneous, over, peak, phasor, unit_of
from adseis.signals.filters import bandpass, flatten, keep_fast, lowpass, resample, taper
from adseis.signals.spectra import add_time_dispersion, amplitude_spectrum, analytic, envelope, remove_time_dispersion

__all__ = [
    "add_time_dispersion",
    "amplitude_spectrum",
    "analytic",
    "bandpass",
    "divide",
    "envelope",
    "flatten",
    "homogeneous",
    "keep_fast",
    "lowpass",
    "over",
    "peak",
    "phasor",
    "remove_time_dispersion",
    "resample",
    "taper",
    "unit_of",
]
