"""What the compiler must not fuse."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def stored(clock: Float[Array, ""], compute: Callable, *arguments: Any) -> Any:
    """`compute(*arguments)`, with every argument and result written to memory once.

    XLA for processors fuses a small computation into the update of the whole grid that reads it, and then repeats its stencils
    at every point of the grid. A branch stops it: one that is always taken, which a compiler that does not know the clock cannot
    tell. On other platforms nothing is done: a branch would make the device wait for the host. Which platform it is, is asked
    where the program is compiled, not where it is traced.

    Args:
        clock: A non-negative number that changes in the loop around the call.
        compute: A pure function of arrays.
        arguments: Its arguments.

    Returns:
        What `compute` returns.
    """
    result = jax.eval_shape(compute, *arguments)

    def idle(*_: Any) -> Any:
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), result)

    def branched(clock: Array, *arguments: Any) -> Any:
        return lax.cond(clock >= 0, compute, idle, *arguments)

    def plain(clock: Array, *arguments: Any) -> Any:
        del clock
        return compute(*arguments)

    return lax.platform_dependent(clock, *arguments, cpu=branched, default=plain)
