"""A slowly moving average of weights, which is what is validated, kept and exported."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree


def moved_average(average: PyTree, weights: PyTree, step: Array, decay: float) -> PyTree:
    r"""The exponential moving average after one more step.

        a <- d a + (1 - d) w,    d = min(decay, (1 + k) / (10 + k))

    so that the average of a young network does not hold on to its first weights.

    Args:
        average: a, a pytree of arrays.
        weights: w, one like it.
        step: k, steps made before.
        decay: Its final d; 0 follows the weights.

    Returns:
        The average.
    """
    k = jnp.asarray(step, jnp.float32)
    d = jnp.minimum(jnp.float32(decay), (1 + k) / (10 + k))
    return jax.tree.map(lambda a, w: (d.astype(a.dtype) * a + (1 - d).astype(a.dtype) * w).astype(a.dtype), average, weights)
