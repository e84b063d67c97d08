"""Two thin dense layers after a module that is frozen."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from adseis.networks.low_rank import is_layer, outputs
from adseis.networks.places import nodes


class Bottleneck(eqx.Module):
    r"""Called like the module that it is put in the place of.

        y = x + up(gelu(down(x))),    x = module(...)

    of the features at every node or token: along the first axis where the module ends in a convolution (1 x 1 convolutions,
    then), along the last where it ends in a dense layer.

    Attributes:
        base: The module.
        down: To `width` numbers.
        up: Back; zero at first.
        axis: Along which the features are, 0 or -1.

    References:
        Houlsby, N., et al. (2019), arXiv:1902.00751
    """

    base: eqx.Module
    down: eqx.nn.Linear
    up: eqx.nn.Linear
    axis: int = eqx.field(static=True)

    def __call__(self, *args: Any, **options: Any) -> Float[Array, "..."]:
        """Apply.

        Args:
            *args: What the module takes.
            **options: As well.

        Returns:
            What the module gives.

        Raises:
            ValueError: If the module gives something else than its last layer does.
        """
        x = self.base(*args, **options)  # pyright: ignore[reportCallIssue]
        features = self.up.out_features
        if not eqx.is_array(x) or x.ndim == 0 or x.shape[self.axis] != features:
            given = x.shape if eqx.is_array(x) else type(x).__name__
            raise ValueError(
                f"a {type(self.base).__name__} gives {given}, but its last layer {features} features along axis {self.axis}: "
                "a bottleneck does not know where they are. Let `where` name the layers within it."
            )
        return x + self._dense(self.up, jax.nn.gelu(self._dense(self.down, x), approximate=False))

    def _dense(self, layer: eqx.nn.Linear, x: Array) -> Array:
        product = jnp.tensordot(layer.weight, x, 1) if self.axis == 0 else jnp.tensordot(x, layer.weight, ((-1,), (1,)))
        wide = [1] * x.ndim
        wide[self.axis] = -1
        return product + layer.bias.reshape(wide)  # pyright: ignore[reportOptionalMemberAccess]


def holds_layers(node: PyTree) -> bool:
    """Whether a bottleneck can follow something.

    Args:
        node: Anything.

    Returns:
        True of modules that are called and that are, or have within, a dense layer or a convolution.
    """
    return isinstance(node, eqx.Module) and callable(node) and any(is_layer(part) for _, part in nodes(node))


def bottlenecked(module: eqx.Module, width: int, *, key: Key[Array, ""]) -> Bottleneck:
    """Let a bottleneck follow a module; the last layer within tells how many features there are.

    Args:
        module: One for which `holds_layers` is true.
        width: Of the bottleneck.
        key: Of the random numbers.

    Returns:
        Both.
    """
    last = [part for _, part in nodes(module) if is_layer(part)][-1]
    dtype, features = last.weight.dtype, outputs(last)
    down = eqx.nn.Linear(features, width, dtype=dtype, key=key)
    up = jax.tree.map(jnp.zeros_like, eqx.nn.Linear(width, features, dtype=dtype, key=key))
    return Bottleneck(module, down, up, -1 if isinstance(last, eqx.nn.Linear) else 0)
