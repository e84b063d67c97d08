"""Convolutions as JAX's own operation, which goes into ONNX where equinox's layers do not: mapped within, and padded by edges."""

from typing import Literal, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from adseis.networks.places import replaced

MODES: dict[str, Literal["reflect", "edge", "wrap"]] = {"REFLECT": "reflect", "REPLICATE": "edge", "CIRCULAR": "wrap"}
Sides = tuple[tuple[int, int], ...]


class PlainConvolution(eqx.Module):
    """Called like the layer, and gives the same.

    Attributes:
        layer: A convolution, or a transposed one whose padding is told in numbers.
    """

    layer: eqx.nn.Conv | eqx.nn.ConvTranspose

    def __call__(self, x: Float[Array, "channel *grid"], *, key: Key[Array, ""] | None = None) -> Float[Array, "out *nodes"]:
        """Convolve.

        Args:
            x: Channels of one sample.
            key: Not used.

        Returns:
            As the layer.
        """
        layer, ones = self.layer, (1,) * (x.ndim - 1)
        if isinstance(layer, eqx.nn.ConvTranspose):
            reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
            sides = zip(reach, cast(Sides, layer.padding), layer.output_padding, strict=True)
            padding = [(r - before, r - after + more) for r, (before, after), more in sides]
            stride, enlarged = ones, layer.stride
        else:
            padding, stride, enlarged = layer.padding, layer.stride, ones
            if layer.padding_mode != "ZEROS":
                x, padding = self._padded(x), "VALID"
        y = jax.lax.conv_general_dilated(
            x[None],
            layer.weight,
            stride,
            padding,
            lhs_dilation=enlarged,
            rhs_dilation=layer.dilation,
            feature_group_count=layer.groups,
        )[0]
        return y if layer.bias is None else y + layer.bias

    def _padded(self, x: Array) -> Array:
        """By indices: `jnp.pad` knows no batch of unknown size there."""
        layer = self.layer
        width = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        sides = layer.padding
        if isinstance(sides, str):
            sides = jax.lax.padtype_to_pads(x.shape[1:], width, layer.stride, sides)
        for axis, (n, side) in enumerate(zip(x.shape[1:], sides, strict=True), start=1):
            x = jnp.take(x, np.pad(np.arange(n), side, mode=MODES[layer.padding_mode]), axis=axis)
        return x


def with_plain_convolutions(network: PyTree) -> PyTree:
    """A network whose convolutions are JAX's own operation.

    Args:
        network: Any.

    Returns:
        One that gives the same; layers that compute themselves, and transposed convolutions whose padding is told by a word,
        stay as they are.
    """

    def change(_: str, node: PyTree) -> PyTree:
        if not isinstance(node, eqx.nn.Conv | eqx.nn.ConvTranspose) or not type(node).__module__.startswith("equinox."):
            return node
        told = isinstance(node, eqx.nn.Conv) or not isinstance(node.padding, str)
        return PlainConvolution(node) if told else node

    return replaced(network, change)
