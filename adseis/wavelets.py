r"""Source time functions, sampled at t = k dt, k = 0 ... nt - 1.

Wavelets (`ricker`, `gaussian`, `gaussian_derivative`, `ormsby`) have unit peak and are centred on `delay`; moment-rate functions
(`brune`, `triangle`) have unit area and begin at `delay`. All are differentiable in their frequency or duration (but for the
corners of `ormsby`, which are fixed numbers) and in their delay. Where all is known, a record that ends before the wavelet has
fallen to a hundredth of its peak is warned of.
"""

import warnings
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Float, ScalarLike


def ricker(
    frequency: ScalarLike, nt: int, dt: float, *, delay: ScalarLike | None = None, dtype: DTypeLike | None = None
) -> Float[Array, " time"]:
    r"""Ricker wavelet, the second derivative of a Gaussian.

        s(t) = (1 - 2a) exp(-a),    a = (pi f (t - t0))^2.

    Args:
        frequency: f, where the amplitude spectrum peaks [Hz].
        nt: Number of samples.
        dt: Time step [s].
        delay: t0, where s = 1 [s]; 1.5 / f by default, so that s starts at 1e-8.
        dtype: Of the samples; that of `frequency` and `delay` by default.

    Returns:
        Samples (time,), without unit.

    Raises:
        ValueError: If `nt` or `dt` is not positive.
        RuntimeError: If `frequency` is not positive.

    References:
        Ricker, N. (1953), Geophysics 18, 10-40, doi:10.1190/1.1437843

    Example:
        >>> wavelet = ads.wavelets.ricker(10.0, nt=500, dt=1e-3)  # delayed by 1.5 / 10 Hz
        >>> int(jnp.argmax(wavelet)), round(float(wavelet.max()), 3)
        (150, 1.0)
    """
    frequency, tau = _prepared("frequency", frequency, nt, dt, delay, dtype)
    a = (jnp.pi * frequency * tau) ** 2
    return _whole((1 - 2 * a) * jnp.exp(-a), tau, 1.0)


def gaussian(
    frequency: ScalarLike, nt: int, dt: float, *, delay: ScalarLike | None = None, dtype: DTypeLike | None = None
) -> Float[Array, " time"]:
    r"""Gaussian pulse.

        s(t) = exp(-a^2 / 2),    a = 2 pi f (t - t0).

    Args:
        frequency: f, where the amplitude spectrum has fallen to exp(-1/2) of its value at zero [Hz].
        nt: Number of samples.
        dt: Time step [s].
        delay: t0, where s = 1 [s]; 1.5 / f by default.
        dtype: Of the samples; that of `frequency` and `delay` by default.

    Returns:
        Samples (time,), without unit.

    Raises:
        ValueError: If `nt` or `dt` is not positive.
        RuntimeError: If `frequency` is not positive.
    """
    frequency, tau = _prepared("frequency", frequency, nt, dt, delay, dtype)
    return _whole(jnp.exp(-0.5 * (2 * jnp.pi * frequency * tau) ** 2), tau, 1.0)


def gaussian_derivative(
    frequency: ScalarLike, nt: int, dt: float, *, delay: ScalarLike | None = None, dtype: DTypeLike | None = None
) -> Float[Array, " time"]:
    r"""First derivative of `gaussian`, scaled to unit peak: it rises to +1, then falls to -1.

        s(t) = -a exp((1 - a^2) / 2),    a = 2 pi f (t - t0).

    Args:
        frequency: f, where the amplitude spectrum peaks [Hz].
        nt: Number of samples.
        dt: Time step [s].
        delay: t0, where s = 0 between the peaks [s]; 1.5 / f by default.
        dtype: Of the samples; that of `frequency` and `delay` by default.

    Returns:
        Samples (time,), without unit.

    Raises:
        ValueError: If `nt` or `dt` is not positive.
        RuntimeError: If `frequency` is not positive.
    """
    frequency, tau = _prepared("frequency", frequency, nt, dt, delay, dtype)
    a = 2 * jnp.pi * frequency * tau
    return _whole(-a * jnp.exp(0.5 * (1 - a**2)), tau, 1.0)


def ormsby(
    corners: tuple[float, float, float, float],
    nt: int,
    dt: float,
    *,
    delay: ScalarLike | None = None,
    dtype: DTypeLike | None = None,
) -> Float[Array, " time"]:
    r"""Ormsby wavelet: zero phase, amplitude spectrum a trapezoid over the four corner frequencies.

        s(t) = [g(f4, f3) - g(f2, f1)] / (f4 + f3 - f2 - f1),
        g(b, a) = (b^2 sinc^2(b tau) - a^2 sinc^2(a tau)) / (b - a),    tau = t - t0,    sinc(x) = sin(pi x) / (pi x).

    Args:
        corners: f1 < f2 < f3 < f4 [Hz]: zero up to f1 and from f4, flat between f2 and f3.
        nt: Number of samples.
        dt: Time step [s].
        delay: t0, where s = 1 [s]; 2 / (f2 - f1) by default. The side lobes die out slowly, as 1 / tau^2.
        dtype: Of the samples; that of `delay` by default.

    Returns:
        Samples (time,), without unit.

    Raises:
        ValueError: If `nt` or `dt` is not positive, or the corners do not increase from zero or above.

    References:
        Ryan, H. (1994), CSEG Recorder 19(7), "Ricker, Ormsby, Klauder, Butterworth - a choice of wavelets"
    """
    f1, f2, f3, f4 = corners
    if not 0 <= f1 < f2 < f3 < f4:
        raise ValueError(f"`corners` {corners} Hz must satisfy 0 <= f1 < f2 < f3 < f4.")
    delay = 2 / (f2 - f1) if delay is None else delay
    tau = _since(delay, nt, dt, dtype or jnp.result_type(float, delay))

    def ramp(high, low):
        return ((high * jnp.sinc(high * tau)) ** 2 - (low * jnp.sinc(low * tau)) ** 2) / (high - low)

    return _whole((ramp(f4, f3) - ramp(f2, f1)) / (f4 + f3 - f2 - f1), tau, 1.0)


def brune(
    corner: ScalarLike, nt: int, dt: float, *, delay: ScalarLike = 0.0, dtype: DTypeLike | None = None
) -> Float[Array, " time"]:
    r"""Brune's omega-square moment-rate function, of unit area.

        r(t) = w^2 tau exp(-w tau) for tau = t - t0 >= 0, else 0,    w = 2 pi fc,    abs(R(f)) = 1 / (1 + (f / fc)^2).

    Args:
        corner: Corner frequency fc [Hz].
        nt: Number of samples.
        dt: Time step [s].
        delay: Origin time t0 [s].
        dtype: Of the samples; that of `corner` and `delay` by default.

    Returns:
        Samples (time,) [1/s]; times a moment they are a moment rate.

    Raises:
        ValueError: If `nt` or `dt` is not positive.
        RuntimeError: If `corner` is not positive.

    References:
        Brune, J. N. (1970), J. Geophys. Res. 75, 4997-5009, doi:10.1029/JB075i026p04997
    """
    corner, tau = _prepared("corner", corner, nt, dt, delay, dtype)
    w, since = 2 * jnp.pi * corner, jnp.maximum(tau, 0)
    return _whole(w**2 * since * jnp.exp(-w * since), tau, w / jnp.e)


def triangle(
    duration: ScalarLike, nt: int, dt: float, *, delay: ScalarLike = 0.0, dtype: DTypeLike | None = None
) -> Float[Array, " time"]:
    r"""Isosceles triangle of unit area, the simplest moment-rate function of a given duration.

        r(t) = (2 / T) max(0, 1 - abs(2 (t - t0) / T - 1)).

    Args:
        duration: T, from first to last motion [s].
        nt: Number of samples.
        dt: Time step [s].
        delay: Origin time t0 [s].
        dtype: Of the samples; that of `duration` and `delay` by default.

    Returns:
        Samples (time,) [1/s]; times a moment they are a moment rate.

    Raises:
        ValueError: If `nt` or `dt` is not positive.
        RuntimeError: If `duration` is not positive.

    Example:
        >>> rate = ads.wavelets.triangle(0.2, nt=500, dt=1e-3)
        >>> round(float(rate.sum()) * 1e-3, 3)  # of unit area
        1.0
    """
    duration, tau = _prepared("duration", duration, nt, dt, delay, dtype)
    return _whole(2 / duration * jnp.maximum(1 - jnp.abs(2 * tau / duration - 1), 0), tau, 2 / duration)


def _prepared(
    name: str, value: ScalarLike, nt: int, dt: float, delay: ScalarLike | None, dtype: DTypeLike | None
) -> tuple[Any, Any]:
    """A positive frequency or duration, and the times since `delay`, 1.5 / value by default, in one dtype.

    Where they are known they are NumPy's: nothing need be compiled.
    """
    dtype = dtype or jnp.result_type(float, value, 0.0 if delay is None else delay)
    message = f"`{name}` must be positive."
    if isinstance(value, Tracer):
        value = jnp.asarray(value, dtype)
        value = eqx.error_if(value, ~(value > 0), message)
    elif not (value := np.asarray(value, dtype)) > 0:
        raise RuntimeError(message)
    return value, _since(1.5 / value if delay is None else delay, nt, dt, dtype)


def _whole(samples: Any, tau: Any, largest: Any) -> Array:
    """The samples, with a warning where they are known, and the record ends while more than a hundredth of the peak is left."""
    if any(isinstance(x, Tracer) for x in (samples, tau, largest)):
        return samples
    last, first, end, largest = (float(x) for x in (np.asarray(samples)[-1], tau[0], tau[-1], largest))
    left = 1.0 if end < 0 else abs(last) / largest
    if left > 0.01:
        what = "its delay is not reached" if end < 0 else f"it is still at {100 * left:.0f} % of its peak"
        warnings.warn(
            f"The record cuts the wavelet: after `nt` = {len(samples)} samples, at {end - first:.4g} s, {what}, and a cut widens "
            "the spectrum. Use more samples, or a smaller `delay`.",
            stacklevel=3,
        )
    return samples


def _since(delay: ScalarLike, nt: int, dt: float, dtype: DTypeLike) -> Any:
    """Times of the samples from `delay` on; the instants are rounded once, so float32 keeps them over long records."""
    if nt < 1 or not dt > 0:
        raise ValueError(f"`nt` = {nt} and `dt` = {dt} s must both be positive.")
    module = jnp if isinstance(delay, Tracer) else np
    return module.asarray(np.arange(nt) * dt, dtype) - module.asarray(delay, dtype)
