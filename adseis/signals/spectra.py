"""Analytic signals, envelopes and spectra, and the spectrum that steps of a simulation change."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Complex, Float

from adseis.signals.arithmetic import along, einsum, floating, homogeneous, phasor, unit_of


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
    x = floating(x)
    nt = x.shape[axis]
    frequency = np.fft.fftfreq(nt)
    twice = np.where(frequency > 0, 2.0, np.where(frequency == 0, 1.0, 0.0))
    if nt % 2 == 0:
        twice[nt // 2] = 1.0
    spectrum = jnp.fft.fft(x, axis=axis)
    return jnp.fft.ifft(spectrum * along(twice, axis, spectrum), axis=axis)


def envelope(x: Float[ArrayLike, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Envelope |x + i H(x)|, H the Hilbert transform of the periodic signal; its gradient is zero where the envelope vanishes.

    Args:
        x: Signal of any unit and shape; taper it first where its ends do not meet.
        axis: Time axis of `x`.

    Returns:
        Envelope, like `x`.
    """
    x = floating(x)

    def size(x: Array) -> Array:
        signal = analytic(x, axis=axis)
        power = signal.real**2 + signal.imag**2
        alive = power > 0
        return jnp.where(alive, jnp.sqrt(jnp.where(alive, power, 1)), 0)

    return homogeneous(size, 1)(unit_of(x, axis=axis), x)


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
    x = floating(x)
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
    x = jnp.moveaxis(floating(x), axis, -1)
    nt, length = x.shape[-1], 4 * x.shape[-1]  # what dispersion delays or advances does not come round to the other end
    half = np.pi * np.fft.rfftfreq(length)  # w dt / 2
    phase = 2 * moved(half)  # of a step
    known = np.isfinite(phase)
    blocks = -(-len(phase) // 64)
    padded = np.zeros(64 * blocks)
    padded[: len(phase)] = np.where(known, phase, 0)
    steps = jnp.arange(nt, dtype=x.dtype)

    def spectrum(phases: Array) -> Array:
        return einsum("...t,ft->...f", lax.complex(x, jnp.zeros_like(x)), phasor(-phases[:, None] * steps[None, :]))

    found = lax.map(spectrum, jnp.asarray(padded.reshape(blocks, 64), x.dtype))  # (block, ..., 64)
    found = jnp.moveaxis(found, 0, -2).reshape(*x.shape[:-1], -1)[..., : len(phase)]
    found = found * jnp.asarray(known.reshape([1] * (found.ndim - 1) + [-1]), found.dtype)
    return jnp.moveaxis(jnp.fft.irfft(found, length)[..., :nt], -1, axis)
