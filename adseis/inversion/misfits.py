"""Misfits: how far predicted data are from observed data, as one number to minimize.

Each misfit is a plain differentiable function of arrays of one shape, most often gathers `(shot, time, receiver)`.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float


def l2(
    predicted: Float[ArrayLike, "*data"],
    observed: Float[ArrayLike, "*data"],
    *,
    weights: Float[ArrayLike, "..."] | float | None = None,
) -> Float[Array, ""]:
    """Least-squares misfit 1/2 sum_i w_i (predicted_i - observed_i)^2.

    Its gradient with respect to `predicted` is w (predicted - observed).

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        weights: Non-negative weights: a number, or an array with as many axes as the data, each of their length or of length 1.

    Returns:
        The misfit [unit squared].

    Raises:
        ValueError: If the shapes do not fit.

    References:
        Tarantola, A. (1984), Geophysics 49, 1259-1266, doi:10.1190/1.1441754
    """
    squared = _residual(predicted, observed) ** 2
    if weights is not None:
        squared = squared * _broadcastable(weights, squared)
    return 0.5 * jnp.sum(squared)


def _residual(predicted: ArrayLike, observed: ArrayLike) -> Array:
    """Predicted minus observed, refusing the silent broadcast of unlike shapes."""
    predicted, observed = jnp.asarray(predicted), jnp.asarray(observed)
    if predicted.shape != observed.shape:
        raise ValueError(f"`predicted` {predicted.shape} and `observed` {observed.shape} must have one shape.")
    return predicted - observed


def _broadcastable(weights: ArrayLike, data: Array) -> Array:
    """Weights in the precision of the data, refusing those that would enlarge them."""
    weights = jnp.asarray(weights, data.dtype)
    fits = weights.ndim == data.ndim and all(n in (1, m) for n, m in zip(weights.shape, data.shape, strict=True))
    if weights.ndim and not fits:
        raise ValueError(
            f"`weights` {weights.shape} do not fit the data {data.shape}: give a number, or an array with the same axes, "
            "each of the same length or of length 1."
        )
    return weights
