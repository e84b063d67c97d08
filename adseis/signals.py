"""Filters, tapers, envelopes, resampling and spectra of sampled signals.

Plain differentiable JAX on any axis of any array. Sampling intervals [s] and corner frequencies [Hz] are static numbers. Filters
are the digital Butterworth filters of `scipy.signal`, applied as products in the frequency domain on zero-padded signals.
"""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are loaded when first used: scipy.signal takes a second
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Complex, Float


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


def analytic(x: Float[ArrayLike, "*shape"], *, axis: int = -1) -> Complex[Array, "*shape"]:
    """Analytic signal x + i H(x), H the Hilbert transform of the periodic signal.

    Args:
        x: Signal of any unit and shape; taper it first where its ends do not meet.
        axis: Time axis of `x`.

    Returns:
        Complex signal, of the shape of `x`.

    References:
        Gabor, D. (1946), J. Inst. Electr. Eng. 93, 429-441, doi:10.1049/ji-3-2.1946.0074
    """
    x = _floating(x)
    nt = x.shape[axis]
    frequency = np.fft.fftfreq(nt)
    twice = np.where(frequency > 0, 2.0, np.where(frequency == 0, 1.0, 0.0))
    if nt % 2 == 0:
        twice[nt // 2] = 1.0
    spectrum = jnp.fft.fft(x, axis=axis)
    return jnp.fft.ifft(spectrum * _along(twice, axis, spectrum), axis=axis)


def divide(numerator: ArrayLike, denominator: ArrayLike, fallback: ArrayLike = 0.0) -> Array:
    """a / b where b > 0, something else where it is not; the gradient is never a NaN.

    Args:
        numerator: a.
        denominator: b, of a shape that broadcasts with it.
        fallback: What stands where b is not positive.

    Returns:
        The quotient, in the precision of a and b.
    """
    a, b = jnp.asarray(numerator), jnp.asarray(denominator)
    positive = b > 0
    divisor = jnp.where(positive, b, 1)
    return jnp.where(positive, a / (divisor.astype(a.dtype) if jnp.iscomplexobj(a) else divisor), fallback)


def phasor(phase: Float[ArrayLike, "*shape"]) -> Complex[Array, "*shape"]:
    """exp(i phase) in the precision of the phase.

    Args:
        phase: Of any shape [rad].

    Returns:
        Complex numbers of size one, like `phase`.
    """
    phase = jnp.asarray(phase)
    return jnp.exp(lax.complex(jnp.zeros_like(phase), phase))


def envelope(x: Float[ArrayLike, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Envelope |x + i H(x)|, H the Hilbert transform of the periodic signal; its gradient is zero where the envelope vanishes.

    Args:
        x: Signal of any unit and shape; taper it first where its ends do not meet.
        axis: Time axis of `x`.

    Returns:
        Envelope, like `x`.
    """
    x = _floating(x)

    def size(x: Array) -> Array:
        signal = analytic(x, axis=axis)
        power = signal.real**2 + signal.imag**2
        alive = power > 0
        return jnp.where(alive, jnp.sqrt(jnp.where(alive, power, 1)), 0)

    return homogeneous(size, 1)(unit_of(x, axis=axis), x)


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
    x = _floating(x)
    spectrum = np.abs(np.fft.rfft(np.asarray(wavelet, float), 2 * x.shape[axis]))
    if not (damping > 0 and dt > 0 and (corner is None or corner > 0)):
        raise ValueError(f"`damping` = {damping}, `dt` = {dt} s and `corner` = {corner} Hz must be positive.")
    if not spectrum.max() > 0:
        raise ValueError("`wavelet` is zero: it has no spectrum to divide by.")
    response = (1 + damping) / (spectrum / spectrum.max() + damping)
    if corner is not None:
        response = response / (1 + (np.fft.rfftfreq(2 * x.shape[axis], dt) / corner) ** 8)
    filtered = jnp.fft.rfft(x, 2 * x.shape[axis], axis)
    filtered = jnp.fft.irfft(filtered * _along(response, axis, filtered), 2 * x.shape[axis], axis)
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
    x = _floating(x)
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
    x = _floating(x)
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
    spectrum = jnp.take(spectrum, np.arange(kept), axis=axis) * _along(weight, axis, spectrum)
    resampled = jnp.fft.irfft(spectrum, m, axis=axis) * (m / n)
    return jnp.take(resampled, np.arange((nt - 1) * up // down + 1), axis=axis)


def peak(x: Float[ArrayLike, "*shape"], *, axis: int = -1) -> Float[Array, "*peaks"]:
    """Largest sample along an axis, which stays with one element: jnp.max with a derivative that is safe in compiled code.

    The derivative of `jnp.max` looks for samples that equal the result; where the compiler computes them twice and rounds them
    differently it finds none, and divides by zero.

    Args:
        x: Signal of any unit and shape.
        axis: Axis along which the largest sample is sought.

    Returns:
        Peaks, like `x` but for that axis.
    """
    x = _floating(x)
    return jnp.take_along_axis(x, jnp.argmax(lax.stop_gradient(x), axis, keepdims=True), axis)


def unit_of(x: Float[ArrayLike, "*shape"], *, axis: int | tuple[int, ...] | None = None) -> Float[Array, "*units"]:
    """A power of two near the largest sample, by which signals are divided before they are squared.

    Squares of data in physical units leave the range of single precision: of 1e-20 nothing remains, of 1e20 infinity. Division by
    a power of two rounds nothing.

    Args:
        x: Signal of any unit and shape.
        axis: Along which axes the largest sample is sought, None for all.

    Returns:
        The unit, with length 1 along `axis`; 1 where all samples are zero or one is not finite. It is a constant for derivatives.
    """
    x = lax.stop_gradient(_floating(x))
    largest = jnp.max(jnp.abs(x), axis, keepdims=True, initial=0)
    numbers = jnp.finfo(x.dtype)
    whole = jnp.dtype(f"int{numbers.bits}")
    exponent = lax.bitcast_convert_type(jnp.asarray(jnp.inf, x.dtype), whole)  # all bits of the exponent, none of the mantissa
    below = lax.bitcast_convert_type(lax.bitcast_convert_type(largest, whole) & exponent, x.dtype)
    low, high = (jnp.asarray(4 * x, x.dtype) for x in (numbers.tiny, 1 / numbers.tiny / 64))
    return jnp.where((largest > 0) & jnp.isfinite(largest), jnp.clip(below, low, high), 1)


def over(x: Float[ArrayLike, "*shape"], unit: Float[ArrayLike, "..."]) -> Float[Array, "*shape"]:
    """x / unit, kept from the compiler, which would square the two apart, (x x) / (unit unit), and lose them.

    Args:
        x: Signal.
        unit: From `unit_of`.

    Returns:
        The quotient.
    """
    return lax.optimization_barrier(x / jnp.asarray(unit))


def homogeneous(f: Callable[..., Array], degree: int) -> Callable[..., Array]:
    """A function that is computed near 1, f(a x) = a^degree f(x), and whose derivative leaves the range of numbers only where it
    is itself beyond that: it is not multiplied by the unit to the power of `degree` and divided by the unit again.

    Args:
        f: Function of arrays, to an array.
        degree: Its degree, at least 1.

    Returns:
        `(unit, *arrays) -> unit^degree f(*(x / unit for x in arrays))`; `unit` is a constant that broadcasts with all of them.
    """

    @jax.custom_jvp
    def scaled(unit: Array, *x: Array) -> Array:
        return unit**degree * f(*(over(each, unit) for each in x))

    @scaled.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
        unit, *x = primals
        value, change = jax.jvp(f, tuple(over(each, unit) for each in x), tuple(tangents[1:]))
        return unit**degree * value, unit ** (degree - 1) * change

    return scaled


def amplitude_spectrum(
    x: Float[ArrayLike, "*shape"], dt: float, *, axis: int = -1
) -> tuple[Float[Array, " frequency"], Float[Array, "*spectrum"]]:
    """Amplitude spectrum |X(f)|, X(f) = sum_k x_k exp(-2 pi i f k dt) dt.

    Args:
        x: Signal of any unit and shape.
        dt: Sampling interval [s].
        axis: Time axis of `x`.

    Returns:
        Frequencies [Hz], nt // 2 + 1 of them, and the amplitudes [unit of x times s] with the frequencies on `axis`.
    """
    x = _floating(x)
    frequencies = jnp.asarray(np.fft.rfftfreq(x.shape[axis], dt), x.dtype)
    return frequencies, jnp.abs(jnp.fft.rfft(x, axis=axis)) * dt


def add_time_dispersion(x: Float[ArrayLike, "*shape"], dt: float, *, axis: int = -1) -> Float[Array, "*shape"]:
    r"""What second-order time stepping makes of a signal: each frequency w takes the place of (2 / dt) sin(w dt / 2).

    Steps of dt answer at w as the exact equation does at W = (2 / dt) sin(w dt / 2), however long waves travel. A source time
    function that is given this dispersion before the simulation, and records from which it is removed after it, are those of
    infinitely small steps (errors in space are another matter):

        out(w) = x(W(w))

    Args:
        x: Signal that begins and ends at rest, such as a source time function.
        dt: Time step of the simulation, and interval of the signal [s].
        axis: Time axis of `x`.

    Returns:
        The dispersed signal, like `x`.

    Raises:
        ValueError: If `dt` is not positive.

    References:
        Koene, E. F. M., Robertsson, J. O. A., Broggini, F. & Andersson, F. (2018), Geophys. J. Int. 213, 169-187,
        doi:10.1093/gji/ggx550

    Example:
        >>> wavelet = ads.wavelets.ricker(10.0, 300, 2e-3)
        >>> there_and_back = ads.signals.remove_time_dispersion(ads.signals.add_time_dispersion(wavelet, 2e-3), 2e-3)
        >>> bool(jnp.allclose(there_and_back, wavelet, atol=1e-3))
        True
    """
    return _at_frequencies(x, dt, axis, lambda half: np.sin(half))


def remove_time_dispersion(x: Float[ArrayLike, "*shape"], dt: float, *, axis: int = -1) -> Float[Array, "*shape"]:
    r"""Records as infinitely small steps would have made them, of simulations by second-order time stepping.

        out(w) = x((2 / dt) arcsin(w dt / 2)),    0 where w dt > 2

    `add_time_dispersion` says what the source needs. Velocities of staggered equations are averages of half steps, which has an
    effect of its own: use pressures, displacements or stresses, or divide by cos(w dt / 2).

    Args:
        x: Record at t = k dt, of at least `grid.nt` samples.
        dt: Time step of the simulation, and interval of the record [s].
        axis: Time axis of `x`.

    Returns:
        The record without time dispersion, like `x`.

    Raises:
        ValueError: If `dt` is not positive.

    References:
        Koene, E. F. M., Robertsson, J. O. A., Broggini, F. & Andersson, F. (2018), Geophys. J. Int. 213, 169-187,
        doi:10.1093/gji/ggx550

    Example:
        >>> gather = jnp.zeros((2, 300, 5))  # (shot, time, receiver)
        >>> ads.signals.remove_time_dispersion(gather, 2e-3, axis=1).shape
        (2, 300, 5)
    """
    return _at_frequencies(x, dt, axis, lambda half: np.arcsin(np.where(half <= 1, half, np.nan)))


def _at_frequencies(x: ArrayLike, dt: float, axis: int, moved: Callable[[np.ndarray], np.ndarray]) -> Array:
    """The signal whose spectrum at w is that of `x` at (2 / dt) moved(w dt / 2); 0 where that is NaN. Its spectrum off the FFT's
    frequencies is summed as it stands, in blocks of frequencies so that no large matrix is needed.
    """
    if not dt > 0:
        raise ValueError(f"`dt` = {dt} s must be positive.")
    x = jnp.moveaxis(_floating(x), axis, -1)
    nt, length = x.shape[-1], 4 * x.shape[-1]  # what dispersion delays or advances does not come round to the other end
    half = np.pi * np.fft.rfftfreq(length)  # w dt / 2
    phase = 2 * moved(half)  # of a step
    known = np.isfinite(phase)
    blocks = -(-len(phase) // 64)
    padded = np.zeros(64 * blocks)
    padded[: len(phase)] = np.where(known, phase, 0)
    steps = jnp.arange(nt, dtype=x.dtype)

    def spectrum(phases: Array) -> Array:
        return jnp.einsum("...t,ft->...f", lax.complex(x, jnp.zeros_like(x)), phasor(-phases[:, None] * steps[None, :]))

    found = lax.map(spectrum, jnp.asarray(padded.reshape(blocks, 64), x.dtype))  # (block, ..., 64)
    found = jnp.moveaxis(found, 0, -2).reshape(*x.shape[:-1], -1)[..., : len(phase)]
    found = found * jnp.asarray(known.reshape([1] * (found.ndim - 1) + [-1]), found.dtype)
    return jnp.moveaxis(jnp.fft.irfft(found, length)[..., :nt], -1, axis)


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
    x = _floating(x)
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
    filtered = jnp.fft.irfft(spectrum * _along(response, axis, spectrum), n, axis=axis)
    return lax.slice_in_dim(filtered, 0, x.shape[axis], axis=axis)


def _floating(x: ArrayLike) -> Array:
    """An array of floats: its own precision when it has one, JAX's default for integers."""
    x = jnp.asarray(x)
    return x.astype(jnp.result_type(x, 1.0))


def _along(values: np.ndarray | Array, axis: int, x: Array) -> Array:
    """`values` laid along one axis of `x`, in its type."""
    shape = [1] * x.ndim
    shape[axis] = values.size
    return jnp.asarray(values.reshape(shape), x.dtype)
