"""Normalization over a batch, whose running statistics are leaves of the network like its weights, and learned with them.

JAX has no hidden state: what a batch tells of means and variances has to leave the call. Here it leaves it as a gradient. The
"gradient" of a running statistic is by how much it is off the batch's, so that a plain descent with the rate 0.1 is the usual
running average; `training.fit` does so, and `statistics` says which leaves these are.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

BATCH = "batch"
"""Name of the axis over which a network in training is mapped: `jax.vmap(network, axis_name=BATCH)`."""


def full(dtype: DTypeLike) -> DTypeLike:
    """Precision in which sums and differences of many numbers are taken.

    Args:
        dtype: Of the numbers.

    Returns:
        Single for half, else its own.
    """
    return jnp.float64 if dtype == jnp.float64 else jnp.float32


class BatchNorm(eqx.Module):
    r"""Channels brought to zero mean and unit variance, then scaled and shifted.

        y = weight (x - m) / sqrt(v + 1e-5) + bias

    In training m and v are the mean and variance over the grid and over the samples of the batch; in inference, which is how a
    layer is made, the running ones. `eqx.nn.inference_mode(network, value=False)` changes all layers of a network.

    Attributes:
        weight: Scale of each channel.
        bias: Shift of each.
        mean: Running mean.
        variance: Running variance, unbiased.
        inference: Whether the running statistics are used.

    Raises:
        ValueError: If it is called in training outside of `jax.vmap(..., axis_name="batch")`.

    References:
        Ioffe, S. & Szegedy, C. (2015), arXiv:1502.03167
    """

    weight: Float[Array, " channel"]
    bias: Float[Array, " channel"]
    mean: Float[Array, " channel"]
    variance: Float[Array, " channel"]
    inference: bool

    def __init__(self, channels: int, *, dtype: DTypeLike = jnp.float32):
        """Begin with the identity of standardised input.

        Args:
            channels: How many.
            dtype: Of weights and statistics.
        """
        self.weight, self.bias = jnp.ones(channels, dtype), jnp.zeros(channels, dtype)
        self.mean, self.variance = jnp.zeros(channels, dtype), jnp.ones(channels, dtype)
        self.inference = True

    def __call__(self, x: Float[Array, "channel *grid"]) -> Float[Array, "channel *grid"]:
        """Normalise.

        Args:
            x: Channels of one sample.

        Returns:
            The same shape.
        """
        mean, variance = (self.mean, self.variance) if self.inference else self._of_batch(x)
        dtype = full(x.dtype)
        scale = self.weight.astype(dtype) * jax.lax.rsqrt(variance.astype(dtype) + 1e-5)
        wide = (slice(None), *(None,) * (x.ndim - 1))
        y = (x.astype(dtype) - mean[wide].astype(dtype)) * scale[wide] + self.bias[wide].astype(dtype)
        return y.astype(x.dtype)

    def _of_batch(self, x: Float[Array, "channel *grid"]) -> tuple[Array, Array]:
        grid = tuple(range(1, x.ndim))
        x = x.astype(full(x.dtype))
        try:
            count = jax.lax.psum(1, BATCH) * x[0].size
            mean = jax.lax.pmean(jnp.mean(x, grid), BATCH)
        except NameError as error:
            raise ValueError(
                f'a BatchNorm in training needs the other samples: call jax.vmap(network, axis_name="{BATCH}"), or the network '
                "in inference, by eqx.nn.inference_mode(network)."
            ) from error
        away = x - mean[(slice(None), *(None,) * len(grid))]
        variance = jax.lax.pmean(jnp.mean(away * away, grid), BATCH)
        unbiased = variance * (count / max(count - 1, 1))
        return _noticed(self.mean, mean, mean), _noticed(self.variance, variance, unbiased)


@jax.custom_vjp
def _noticed(running: Array, used: Array, seen: Array) -> Array:
    """`used`; and by the way back, `running` hears how far it is from `seen`."""
    return used


def _forward(running: Array, used: Array, seen: Array) -> tuple[Array, Array]:
    return used, running - seen.astype(running.dtype)


def _backward(off: Array, cotangent: Array) -> tuple[Array, Array, Array]:
    return off, cotangent, jnp.zeros_like(cotangent)


_noticed.defvjp(_forward, _backward)


def statistics(network: PyTree) -> PyTree:
    """Which leaves are running statistics.

    Args:
        network: Any network.

    Returns:
        A pytree like it, True in the place of a running mean or variance and False elsewhere.
    """

    def marked(node: PyTree) -> PyTree:
        if not isinstance(node, BatchNorm):
            return False
        none = jax.tree.map(lambda _: False, node)
        return eqx.tree_at(lambda n: (n.mean, n.variance), none, (True, True))

    return jax.tree.map(marked, network, is_leaf=lambda node: isinstance(node, BatchNorm))
