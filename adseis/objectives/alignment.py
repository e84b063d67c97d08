"""How far traces are apart in time: by their correlation, and by the filter that turns one into the other."""

import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array, lax
from jaxtyping import Float

from adseis.signals import divide, over, peak, phasor, unit_of


def shifts(
    p: Float[Array, "*trace time"], o: Float[Array, "*trace time"], dt: float, max_shift: float | None = None
) -> Float[Array, "*trace"]:
    """How much later a trace arrives than another: T = argmax_t integral o(s + t) p(s) ds.

    The largest sample of the correlation is refined by Newton's method on its band-limited interpolant; the last step carries the
    derivative.

    Args:
        p: Trace.
        o: Another, on the same samples.
        dt: Sampling interval [s].
        max_shift: Largest shift that is looked for [s]; None for half of the record.

    Returns:
        T [s]; 0 where a trace is zero.
    """
    nt, (p, o) = p.shape[-1], _near_one(p, o)
    max_shift = nt * dt / 2 if max_shift is None else max_shift
    n = scipy.fft.next_fast_len(2 * nt, real=True)
    spectrum = jnp.fft.rfft(o, n) * jnp.conj(jnp.fft.rfft(p, n))
    lags = dt * np.fft.fftfreq(n, 1 / n)
    correlation = jnp.where(_along_time(np.abs(lags) <= max_shift, p), jnp.fft.irfft(spectrum, n), -jnp.inf)
    omega = _along_time(2 * np.pi * np.fft.rfftfreq(n, dt), p).astype(p.dtype)

    def newton(shift: Array, spectrum: Array) -> Array:
        turned = spectrum * phasor(omega * shift[..., None])
        slope, curvature = -jnp.sum(omega * turned.imag, -1), -jnp.sum(omega**2 * turned.real, -1)
        return shift + jnp.clip(divide(slope, -curvature), -dt, dt)

    shift = jnp.asarray(lags, p.dtype)[jnp.argmax(correlation, -1)]
    for _ in range(4):
        shift = newton(shift, lax.stop_gradient(spectrum))
    return newton(lax.stop_gradient(shift), spectrum)


def filter_spread(p: Float[Array, "*trace time"], o: Float[Array, "*trace time"], damping: float) -> Float[Array, "*trace"]:
    """|T f|^2 / |f|^2 of the Wiener filter f that turns a trace into another, T the lag over the length of the record.

    Args:
        p: Trace.
        o: What it is turned into.
        damping: Share of the largest power of `p` that is added to the denominator.

    Returns:
        The spread [1]; 0 where a trace is zero.
    """
    nt, (p, o) = p.shape[-1], _near_one(p, o)
    n = scipy.fft.next_fast_len(2 * nt, real=True)
    p_spectrum, o_spectrum = jnp.fft.rfft(p, n), jnp.fft.rfft(o, n)
    power = p_spectrum.real**2 + p_spectrum.imag**2
    floor = damping * peak(power)
    wiener = jnp.fft.irfft(divide(jnp.conj(p_spectrum) * o_spectrum, power + floor), n)
    lag = _along_time(np.fft.fftfreq(n, 1 / n) / nt, p).astype(p.dtype)
    return divide(jnp.sum((lag * wiener) ** 2, -1), jnp.sum(wiener**2, -1))


def _near_one(p: Array, o: Array) -> tuple[Array, Array]:
    """Traces whose products are numbers of any precision: neither a shift nor a spread depends on their units."""
    return over(p, unit_of(p, axis=-1)), over(o, unit_of(o, axis=-1))


def _along_time(values: np.ndarray, like: Array) -> Array:
    """Values of the samples of every trace."""
    return jnp.asarray(values).reshape(*[1] * (like.ndim - 1), -1)
