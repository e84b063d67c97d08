"""A sum over shots whose gradient is made shot by shot: memory does not grow with the number of shots."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, PyTree


def one_by_one(part: Callable[[PyTree, PyTree], Float[Any, ""]], shots: PyTree) -> Callable[[PyTree], Float[Array, ""]]:
    """The mean f(x) = 1/n sum_s part(x, shot_s), one shot after the other.

    A gradient of a sum goes forth through all shots before it comes back through any, and holds what each needs for that. Here
    the gradient of a shot is made before the next begins: only gradients are added up. For first derivatives alone.

    Args:
        part: From x and one shot to a number.
        shots: A pytree of arrays, `(shot, ...)`.

    Returns:
        f, to be differentiated by `jax.grad` or `jax.value_and_grad`.
    """
    count = jax.tree.leaves(shots)[0].shape[0]

    @jax.custom_vjp
    def mean(x: PyTree) -> Array:
        return jnp.mean(lax.map(lambda shot: part(x, shot), shots))

    def forth(x: PyTree) -> tuple[Array, PyTree]:
        def body(sums: PyTree, shot: PyTree) -> tuple[PyTree, None]:
            return jax.tree.map(jnp.add, sums, jax.value_and_grad(part)(x, shot)), None

        like = jax.eval_shape(jax.value_and_grad(part), x, jax.tree.map(lambda s: s[0], shots))
        sums, _ = lax.scan(body, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), like), shots)
        return jax.tree.map(lambda s: s / count, sums)

    def back(gradient: PyTree, given: Array) -> tuple[PyTree]:
        return (jax.tree.map(lambda g: given * g, gradient),)

    mean.defvjp(forth, back)
    return mean
