r"""A layer whose weights are frozen, beside a product of two thin matrices that is learned.

    y = layer(x) + scale B A x,    A of r rows, B of r columns, zero at first

A is a layer like the one beside it (dense, convolution or transposed convolution, of its stride, padding, dilation and groups)
with r outputs, B a dense layer or a convolution of one node; of G groups each has its own A and B. As both are linear, the layer
with the weights W + scale B A does the same.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

Layer = eqx.nn.Linear | eqx.nn.Conv | eqx.nn.ConvTranspose


class LowRank(eqx.Module):
    """Called like the layer that it is put in the place of.

    Attributes:
        base: The layer.
        down: A, to `rank` outputs for every group.
        up: B, to the outputs of the layer.
        scale: Factor on B A.

    References:
        Hu, E. J., et al. (2021), arXiv:2106.09685
    """

    base: Layer
    down: Layer
    up: Layer
    scale: float = eqx.field(static=True)

    def __call__(self, x: Float[Array, "..."], *, key: Key[Array, ""] | None = None) -> Float[Array, "..."]:
        """Apply.

        Args:
            x: What the layer takes.
            key: Handed on; these layers draw nothing.

        Returns:
            What the layer gives.
        """
        return self.base(x, key=key) + self.scale * self.up(self.down(x))

    @property
    def update(self) -> Float[Array, "..."]:
        """Scale B A, of the shape of the layer's weights and of full precision on every device."""
        wanted, groups = self.base.weight.shape, getattr(self.base, "groups", 1)
        up = self.up.weight.reshape(groups, wanted[0] // groups, -1)
        down = self.down.weight.reshape(groups, up.shape[2], -1)
        return self.scale * jnp.matmul(up, down, precision=jax.lax.Precision.HIGHEST).reshape(wanted)

    @property
    def weight(self) -> Float[Array, "..."]:
        """W + scale B A."""
        return self.base.weight + self.update

    @property
    def bias(self) -> Float[Array, "..."] | None:
        """Of the layer."""
        return self.base.bias

    def merged(self) -> Layer:
        """One layer that does the same.

        Returns:
            The layer, its weights W + scale B A.
        """
        return with_weight(self.base, self.weight)


def with_weight(layer: Layer, weight: Float[Array, "..."]) -> Layer:
    """A layer of other weights.

    Args:
        layer: Any.
        weight: As many as it has.

    Returns:
        The layer.
    """
    return eqx.tree_at(lambda one: one.weight, layer, weight)


def is_layer(node: PyTree) -> bool:
    """Whether something is a layer that `low_rank` can work beside.

    Args:
        node: Anything.

    Returns:
        True of equinox's dense layers, convolutions and transposed convolutions; not of those that take or give a scalar, and not
        of subclasses that are called otherwise.
    """
    kind = next((kind for kind in (eqx.nn.Linear, eqx.nn.Conv, eqx.nn.ConvTranspose) if isinstance(node, kind)), None)
    if kind is None or type(node).__call__ is not kind.__call__:
        return False
    return not isinstance(node, eqx.nn.Linear) or "scalar" not in (node.in_features, node.out_features)


def outputs(layer: Layer) -> int:
    """How many numbers, or channels, a layer gives.

    Args:
        layer: Any for which `is_layer` holds.

    Returns:
        The number.
    """
    return int(layer.out_features if isinstance(layer, eqx.nn.Linear) else layer.out_channels)


def low_rank(layer: Layer, rank: int, scale: float, *, key: Key[Array, ""]) -> LowRank:
    """Put a product of two thin matrices beside a layer: A uniform as Kaiming has it, B zero, so that nothing changes at first.

    Args:
        layer: A dense layer or a convolution.
        rank: Columns of B, for every group; no more than its matrix has rows and columns.
        scale: Factor on B A.
        key: Of the random numbers.

    Returns:
        Both.

    Raises:
        ValueError: If the layer is a stack of layers, whose weights have axes more.
    """
    dense = isinstance(layer, eqx.nn.Linear)
    axes = 2 if dense else 2 + layer.num_spatial_dims
    if layer.weight.ndim != axes:
        raise ValueError(
            f"a {type(layer).__name__} has weights of {layer.weight.shape}: a stack of layers, of which adapters know nothing. "
            "Keep the layers in a tuple."
        )
    dtype, groups = layer.weight.dtype, getattr(layer, "groups", 1)
    rank = min(rank, outputs(layer) // groups, math.prod(layer.weight.shape[1:]))
    if dense:
        down = eqx.nn.Linear(layer.in_features, rank, use_bias=False, dtype=dtype, key=key)
        up = eqx.nn.Linear(rank, layer.out_features, use_bias=False, dtype=dtype, key=key)
    else:
        transposed = isinstance(layer, eqx.nn.ConvTranspose)
        settings = ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode", *["output_padding"] * transposed)
        like = {name: getattr(layer, name) for name in settings}
        kind = eqx.nn.ConvTranspose if transposed else eqx.nn.Conv
        n, middle = layer.num_spatial_dims, groups * rank
        down = kind(n, layer.in_channels, middle, use_bias=False, dtype=dtype, key=key, **like)
        up = eqx.nn.Conv(n, middle, layer.out_channels, 1, groups=groups, use_bias=False, dtype=dtype, key=key)
    return LowRank(layer, down, with_weight(up, jnp.zeros_like(up.weight)), scale)
