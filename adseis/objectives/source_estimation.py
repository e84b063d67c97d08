"""The source time function by least squares, on the fly: data are compared after the best filter of the predicted ones.

Data are linear in the time function, so that of a wrong one the right one differs by a filter, found frequency by frequency:

    h(w) = sum_r conj(P_r(w)) O_r(w) / (sum_r |P_r(w)|^2 + damping max_w sum_r |P_r|^2)

As the filter minimizes the l2 misfit, differentiating through it or holding it fixed gives the same gradient (up to damping).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Complex, Float

from adseis.signals import homogeneous, over, peak, unit_of

Gather = Float[ArrayLike, "shot time receiver"]


def estimate_filter(
    predicted: Gather, observed: Gather, *, damping: float = 1e-3, shared: bool = False
) -> Complex[Array, "#shot frequency"]:
    """The filter of predicted data, for each shot, that comes nearest to the observed.

    Args:
        predicted: Gathers of some time function, `(shot, time, receiver)`.
        observed: Gathers, likewise.
        damping: Share of the largest power below which frequencies are held back, positive.
        shared: Whether all shots have one filter.

    Returns:
        h at the frequencies of a record padded to twice its length, `(shot, frequency)`, of one shot if `shared`.

    Raises:
        ValueError: If shapes differ or `damping` is not positive.

    References:
        Pratt, R. G. (1999), Geophysics 64, 888-901, doi:10.1190/1.1444597
    """
    predicted, observed = jnp.asarray(predicted), jnp.asarray(observed)
    if predicted.shape != observed.shape:
        raise ValueError(f"`predicted` {predicted.shape} and `observed` {observed.shape} must have the same shape.")
    if not damping > 0:
        raise ValueError(f"`damping` = {damping} must be positive.")
    of_shot = (0, 1, 2) if shared else (1, 2)
    units = unit_of(predicted, axis=of_shot), unit_of(observed, axis=of_shot)  # products of small data would vanish
    p, o = _spectrum(over(predicted, units[0])), _spectrum(over(observed, units[1]))
    axes = (0, 2) if shared else (2,)
    cross = jnp.sum(jnp.conj(p) * o, axes, keepdims=True)[..., 0]
    power = jnp.sum(jnp.real(p) ** 2 + jnp.imag(p) ** 2, axes, keepdims=True)[..., 0]
    largest = peak(power, axis=1)
    response = cross / (power + damping * jnp.where(largest > 0, largest, 1)).astype(cross.dtype)
    return response * (units[1] / units[0])[..., 0].astype(cross.dtype)


def apply_filter(
    data: Float[ArrayLike, "#shot a b"], response: Complex[ArrayLike, "#shot frequency"], *, axis: int = 1
) -> Float[Array, "shots a b"]:
    """Data, or a time function, after a filter.

    Args:
        data: Gathers `(shot, time, receiver)` or time functions `(shot, source, time)`.
        response: h `(shot, frequency)`; one shot in either serves all of the other.
        axis: Time axis of `data`, 1 or 2 of three.

    Returns:
        Filtered data, of the shots of both.
    """
    data, response = jnp.asarray(data), jnp.asarray(response)
    h = response[:, :, None] if axis % 3 == 1 else response[:, None, :]
    filtered = jnp.fft.irfft(_spectrum(data, axis) * h, 2 * data.shape[axis], axis)
    return jnp.take(filtered, jnp.arange(data.shape[axis]), axis)


def with_estimated_source(
    misfit: Callable[[Array, Array], Any], *, damping: float = 1e-3, shared: bool = False
) -> Callable[[Array, Array], Any]:
    """A misfit that does not depend on the source time function: of predicted data after their best filter.

    Args:
        misfit: `misfit(predicted, observed)`.
        damping: As of `estimate_filter`.
        shared: Whether all shots have one time function.

    Returns:
        The misfit, to be used like any other; silence is compared as it is.
    """

    def filtered(predicted: Array, observed: Array) -> Array:
        return apply_filter(predicted, estimate_filter(predicted, observed, damping=damping, shared=shared))

    def compared(predicted: Array, observed: Array) -> Any:
        predicted, observed = jnp.asarray(predicted), jnp.asarray(observed)
        return misfit(homogeneous(filtered, 1)(unit_of(observed), predicted, observed), observed)

    return functools.wraps(misfit)(compared) if hasattr(misfit, "__name__") else compared


def _spectrum(data: Array, axis: int = 1) -> Array:
    return jnp.fft.rfft(data, 2 * data.shape[axis], axis)
