"""Filters, tapers and resampling of sampled signals.

Plain differentiable JAX on any axis of any array. Sampling intervals [s] and corner frequencies [Hz] are static numbers. Filters
are the digital Butterworth filters of `scipy.signal`, applied as products in the frequency domain on zero-padded signals.
"""

import functools
import math
from fractions import Fraction
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are loaded when first used: scipy.signal takes a second
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.signals.arithmetic import along, floating


def lowpass(
    x: Float[ArrayLike, "*shape"], dt: float, corner: float, *, order: int = 4, axis: int = -1, zero_phase: bool = True
) -> Float[Array, "*shape"]:
    """Butterworth low-pass filter.

    The magnitude is 1 / sqrt(1 + (f / corner)^(2 order)) (bilinear, prewarped); with `zero_phase` it is applied forth and back,
    so its square acts, -6 dB at the corner, without any shift. The signal counts as zero outside its samples.

    Args:
        x: Signal of any unit and shape.
        dt: Sampling interval [s].
        corner: Corner frequency [Hz], below the Nyquist frequency.
        order: Order of the filter, at least 1.
        axis: Time axis of `x`.
        zero_phase: Whether to filter forth and back; otherwise the filter is causal and delays the signal.

    Returns:
        Filtered signal, like `x`.

    Raises:
        ValueError: If `corner` does not lie between zero and the Nyquist frequency.

    References:
        Butterworth, S. (1930), On the theory of filter amplifiers, Wireless Engineer 7, 536-541.

    Example:
        >>> fast = np.sin(2 * np.pi * 80.0 * 1e-3 * np.arange(500))  # 80 Hz
        >>> float(jnp.abs(ads.signals.lowpass(fast, 1e-3, 10.0)).max()) < 0.1
        True
    """
    return _butterworth(x, dt, {"corner": corner}, "lowpass", order, axis, zero_phase)


def bandpass(
    x: Float[ArrayLike, "*shape"],
    dt: float,
    low: float,
    high: float,
    *,
    order: int = 4,
    axis: int = -1,
    zero_phase: bool = True,
) -> Float[Array, "*shape"]:
    """Butterworth band-pass filter.

    The filter of `lowpass` under f / corner -> (f^2 - low high) / (f (high - low)): 1 / sqrt(2) at `low` and `high`, or 1/2 with
    `zero_phase`.

    Args:
        x: Signal of any unit and shape.
        dt: Sampling interval [s].
        low: Lower corner frequency [Hz].
        high: Upper corner frequency [Hz], below the Nyquist frequency.
        order: Order of the low-pass prototype, at least 1.
        axis: Time axis of `x`.
        zero_phase: Whether to filter forth and back; otherwise the filter is causal and delays the signal.

    Returns:
        Filtered signal, like `x`.

    Raises:
        ValueError: If not 0 < low < high < Nyquist frequency.

    References:
        Butterworth, S. (1930), On the theory of filter amplifiers, Wireless Engineer 7, 536-541.
    """
    return _butterworth(x, dt, {"low": low, "high": high}, "bandpass", order, axis, zero_phase)


def taper(nt: int, *, fraction: float = 0.05, side: str = "both") -> Float[Array, " nt"]:
    """Cosine taper: w = (1 - cos(pi k / m)) / 2 over the first m = fraction (nt - 1) samples, mirrored at the end, 1 between.

    Args:
        nt: Number of samples.
        fraction: Share of the signal that each tapered end takes, 0 to 0.5.
        side: "left", "right" or "both" ends.

    Returns:
        Weights in [0, 1].

    Raises:
        ValueError: If `fraction` or `side` is none of these.
    """
    if not 0 <= fraction <= 0.5:
        raise ValueError(f"`fraction` = {fraction} must lie between 0 and 0.5.")
    if side not in ("left", "right", "both"):
        raise ValueError(f'`side` = {side!r} must be "left", "right" or "both".')
    window = scipy.signal.windows.tukey(nt, 2 * fraction)
    half = np.arange(nt) < nt / 2
    flat = {"left": ~half, "right": half, "both": np.zeros(nt, bool)}[side]
    return jnp.asarray(np.where(flat, 1.0, window))


def flatten(
    x: Float[ArrayLike, "*shape"],
    dt: float,
    wavelet: Float[ArrayLike, " nt"],
    *,
    damping: float = 0.02,
    corner: float | None = None,
    axis: int = -1,
) -> Float[Array, "*shape"]:
    """Flatten the spectrum that a wavelet gave to data, so that low and high frequencies count as much as its peak.

    The zero-phase filter (1 + damping) max|S| / (|S| + damping max|S|) / (1 + (f / corner)^8), which is one at the peak of the
    wavelet's spectrum S (below the corner) and amplifies what the wavelet has little of by 1/damping at most.

    Args:
        x: Data of any unit and shape; the record is followed by as many zeros.
        dt: Sampling interval [s].
        wavelet: Time function s of the source, sampled alike.
        damping: Share of the largest amplitude at which amplification ends; of noisy data, about the noise's share.
        corner: Frequency above which nothing is kept [Hz], or None.
        axis: Time axis of `x`.

    Returns:
        Filtered data, like `x`.

    Raises:
        ValueError: If `damping`, `dt` or `corner` is not positive, or the wavelet is zero.
    """
    x = floating(x)
    spectrum = np.abs(np.fft.rfft(np.asarray(wavelet, float), 2 * x.shape[axis]))
    if not (damping > 0 and dt > 0 and (corner is None or corner > 0)):
        raise ValueError(f"`damping` = {damping}, `dt` = {dt} s and `corner` = {corner} Hz must be positive.")
    if not spectrum.max() > 0:
        raise ValueError("`wavelet` is zero: it has no spectrum to divide by.")
    response = (1 + damping) / (spectrum / spectrum.max() + damping)
    if corner is not None:
        response = response / (1 + (np.fft.rfftfreq(2 * x.shape[axis], dt) / corner) ** 8)
    filtered = jnp.fft.rfft(x, 2 * x.shape[axis], axis)
    filtered = jnp.fft.irfft(filtered * along(response, axis, filtered), 2 * x.shape[axis], axis)
    return jnp.take(filtered, np.arange(x.shape[axis]), axis)


def keep_fast(
    x: Float[ArrayLike, "*shape"], dt: float, spacing: float, slowest: float, *, taper: float = 0.25
) -> Float[Array, "*shape"]:
    """Keep the waves that run along a line of receivers at `slowest` or faster: an f-k filter against surface waves.

    Of every frequency f and wavenumber k the share cos^2(pi/2 q), q = (slowest |k / f| - 1) / taper + 1 within 0 and 1, so that
    what is faster than slowest / (1 - taper) passes whole and what is slower than `slowest` does not. Spatially aliased waves,
    f > speed / (2 spacing), look faster than they are.

    Args:
        x: Gathers `(..., time, receiver)` of any unit, receivers in order along a line; record and line are followed by as
            many zeros.
        dt: Sampling interval [s].
        spacing: Distance of neighbouring receivers [m], everywhere the same.
        slowest: Least apparent speed along the line that is kept [m/s].
        taper: Share of the slownesses below 1 / slowest over which the filter falls, between 0 and 1.

    Returns:
        Filtered gathers, like `x`.

    Raises:
        ValueError: If `dt`, `spacing` or `slowest` is not positive, `taper` not between 0 and 1, or `x` has fewer than two axes.

    References:
        Embree, P., Burg, J. P. & Backus, M. M. (1963), Geophysics 28, 948-974, doi:10.1190/1.1439310
    """
    x = floating(x)
    if not (dt > 0 and spacing > 0 and slowest > 0 and 0 < taper <= 1):
        raise ValueError(
            f"`dt` = {dt} s, `spacing` = {spacing} m and `slowest` = {slowest} m/s must be positive, `taper` = {taper} in (0, 1]."
        )
    if x.ndim < 2:
        raise ValueError(f"`x` {x.shape} must end with the axes (time, receiver).")
    nt, receivers = x.shape[-2:]
    sizes = tuple(scipy.fft.next_fast_len(2 * n) for n in (nt, receivers))
    f, k = np.fft.fftfreq(sizes[0], dt)[:, None], np.fft.rfftfreq(sizes[1], spacing)[None]
    ratio = np.divide(slowest * k, np.abs(f), out=np.where(k > 0, np.inf, np.zeros_like(f * k)), where=f != 0)
    response = np.cos(np.pi / 2 * np.clip((ratio - 1) / taper + 1, 0, 1)) ** 2
    spectrum = jnp.fft.rfft2(x, sizes)
    response = jnp.asarray(response, spectrum.dtype).reshape((1,) * (x.ndim - 2) + response.shape)
    return jnp.fft.irfft2(spectrum * response, sizes)[..., :nt, :receivers]


def resample(x: Float[ArrayLike, "*shape"], dt_from: float, dt_to: float, *, axis: int = -1) -> Float[Array, "*resampled"]:
    """Band-limited resampling to the instants k dt_to that lie within the signal.

    Between samples the signal is the trigonometric interpolant of itself followed by zeros; frequencies from the new Nyquist
    frequency on are removed.

    Args:
        x: Signal of any unit and shape.
        dt_from: Sampling interval of `x` [s].
        dt_to: Sampling interval wanted [s]; dt_from / dt_to must be a ratio of whole numbers up to 10,000.
        axis: Time axis of `x`.

    Returns:
        Signal of floor((nt - 1) dt_from / dt_to) + 1 samples on `axis`.

    Raises:
        ValueError: If an interval is not positive, or their ratio is not a ratio of such numbers.

    Example:
        >>> ads.signals.resample(np.hanning(101), dt_from=2e-3, dt_to=1e-3).shape
        (201,)
    """
    x = floating(x)
    if not (dt_from > 0 and dt_to > 0):
        raise ValueError(f"`dt_from` = {dt_from} s and `dt_to` = {dt_to} s must be positive.")
    ratio = Fraction(dt_from / dt_to).limit_denominator(10_000)
    if ratio.numerator > 10_000 or abs(float(ratio) * dt_to / dt_from - 1) > 1e-9:
        raise ValueError(
            f"`dt_from` = {dt_from} s over `dt_to` = {dt_to} s is no ratio of whole numbers up to 10,000. "
            f"Use a `dt_to` such as {dt_from * max(1, round(1000 * dt_to / dt_from)) / 1000:.6g} s."
        )
    nt = x.shape[axis]
    up, down = ratio.numerator, ratio.denominator
    blocks = scipy.fft.next_fast_len(math.ceil(2 * nt / down), real=True)
    n, m = blocks * down, blocks * up
    spectrum = jnp.fft.rfft(x, n, axis=axis)
    kept = min(n, m) // 2 + 1
    weight = np.ones(kept)
    if min(n, m) % 2 == 0 and n != m:
        weight[-1] = 0.5 if m > n else 0.0  # a Nyquist bin becomes a pair when upsampling, and is ambiguous when downsampling
    spectrum = jnp.take(spectrum, np.arange(kept), axis=axis) * along(weight, axis, spectrum)
    resampled = jnp.fft.irfft(spectrum, m, axis=axis) * (m / n)
    return jnp.take(resampled, np.arange((nt - 1) * up // down + 1), axis=axis)


def _butterworth(
    x: ArrayLike,
    dt: float,
    corners: dict[str, float],
    kind: Literal["lowpass", "bandpass"],
    order: int,
    axis: int,
    zero_phase: bool,
) -> Array:
    """Filter by the response of a digital Butterworth filter, padded until its impulse response has died away."""
    x = floating(x)
    edges = [0.0, *corners.values(), 0.5 / dt]
    if not all(a < b for a, b in zip(edges, edges[1:], strict=False)):
        named = ", ".join(f"`{name}` = {value} Hz" for name, value in corners.items())
        raise ValueError(
            f"{named} must lie, in rising order, between 0 and the Nyquist frequency {edges[-1]:.6g} Hz of `dt` = {dt} s."
        )
    zeros, poles, gain = scipy.signal.butter(order, np.squeeze(list(corners.values())), kind, fs=1 / dt, output="zpk")
    nt = x.shape[axis]
    # the slowest pole sets how long the response rings; the factor covers the double poles of the squared response
    tail = math.ceil(math.log(1e-3 * float(jnp.finfo(x.dtype).eps)) / math.log(float(np.max(np.abs(poles)))))
    n = scipy.fft.next_fast_len(nt + tail, real=True)
    _, response = scipy.signal.freqz_zpk(zeros, poles, np.array([gain]), worN=2 * np.pi * np.arange(n // 2 + 1) / n)
    if zero_phase:
        response = np.abs(response) ** 2
    return _responding(x, response, n, axis)


@functools.partial(jax.jit, static_argnames=("n", "axis"))
def _responding(x: Array, response: np.ndarray | Array, n: int, axis: int) -> Array:
    """What a filter makes of signals, padded to n samples; one program for all filters of that length."""
    spectrum = jnp.fft.rfft(x, n, axis=axis)
    filtered = jnp.fft.irfft(spectrum * along(response, axis, spectrum), n, axis=axis)
    return lax.slice_in_dim(filtered, 0, x.shape[axis], axis=axis)
