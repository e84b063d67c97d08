"""What networks of gathers are built of: convolution and residual blocks, resizing by fixed matrices, a check of the input."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key, PyTree

from adseis.networks.normalization import BatchNorm

GROUPS = 8
"""Groups of channels that a GroupNorm takes together."""


def sample(network: PyTree, x: Float[Array, "..."], shape: tuple[int, ...], name: str = "gathers") -> Float[Array, "..."]:
    """One sample, of the shape that a network was made for, in the precision of its weights.

    Args:
        network: Whose weights tell the precision.
        x: The sample.
        shape: That it must have.
        name: Of the argument, for the message.

    Returns:
        The sample.

    Raises:
        ValueError: If it has another shape.
    """
    if x.shape != shape:
        raise ValueError(
            f"`{name}` {x.shape} must be one sample of {shape}, which this {type(network).__name__} was made for: map a batch by "
            "jax.vmap(network), resample data of another size, or make the network for it."
        )
    return x.astype(jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))[0].dtype)


def split(key: Key[Array, ""] | None, count: int) -> list[Key[Array, ""] | None]:
    """Keys for layers, or as many times none.

    Args:
        key: To be split.
        count: How many.

    Returns:
        The keys.
    """
    return [None] * count if key is None else list(jax.random.split(key, count))


@lru_cache
def interpolation(before: int, after: int) -> np.ndarray:
    """Matrix of linear interpolation between cell centres, constant beyond the outermost; nothing is smoothed on the way down.

    Args:
        before: Cells of a line.
        after: Cells of the same line divided anew.

    Returns:
        Weights (after, before), whose rows add up to one.
    """
    where = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    left = np.minimum(where.astype(int), max(before - 2, 0))
    right = np.minimum(left + 1, before - 1)
    matrix = np.zeros((after, before))
    rows = np.arange(after)
    np.add.at(matrix, (rows, left), 1 - (where - left))
    np.add.at(matrix, (rows, right), where - left)
    return matrix


def transform(
    x: Float[Array, "channel z x"], rows: np.ndarray | None, columns: np.ndarray | None
) -> Float[Array, "channel _z _x"]:
    """Fixed matrices applied along rows and columns.

    Args:
        x: Channels.
        rows: Matrix (rows wanted, rows), or None.
        columns: Matrix (columns wanted, columns), or None.

    Returns:
        Channels.
    """
    if rows is not None:
        x = jnp.einsum("ab,cbx->cax", jnp.asarray(rows, x.dtype), x)
    return x if columns is None else jnp.einsum("ab,czb->cza", jnp.asarray(columns, x.dtype), x)


def resize(x: Float[Array, "channel z x"], shape: tuple[int, int]) -> Float[Array, "channel _z _x"]:
    """Bilinear interpolation onto another number of cells.

    Args:
        x: Channels.
        shape: Rows and columns wanted.

    Returns:
        Channels of that shape.
    """
    matrices = [None if n == wanted else interpolation(n, wanted) for n, wanted in zip(x.shape[1:], shape, strict=True)]
    return transform(x, *matrices)


def framed(x: Float[Array, "channel z x"]) -> Float[Array, "channel _z _x"]:
    """A zero on every side, joined on rather than padded: jax2onnx 0.17 does not pad a batch of unknown length.

    Args:
        x: Channels.

    Returns:
        Channels, two rows and two columns more.
    """
    for axis in (1, 2):
        zeros = jnp.zeros_like(jax.lax.slice_in_dim(x, 0, 1, axis=axis))
        x = jnp.concatenate([zeros, x, zeros], axis)
    return x


def spread_channels(x: Float[Array, "channels z x"]) -> Float[Array, "channel z2 x2"]:
    """Four channels of one map to one channel of a map twice as fine (pixel shuffle).

    Args:
        x: 4 C channels; those of one new channel lie together, row by row.

    Returns:
        C channels.

    References:
        Shi, W. et al. (2016), arXiv:1609.05158
    """
    channels, rows, columns = x.shape
    x = x.reshape(channels // 4, 2, 2, rows, columns).transpose(0, 3, 1, 4, 2)
    return x.reshape(channels // 4, 2 * rows, 2 * columns)


def gelu(x: Array) -> Array:
    """x Phi(x), with the error function itself.

    Args:
        x: Any.

    Returns:
        The same shape.
    """
    return jax.nn.gelu(x, approximate=False)


class Doubling(eqx.nn.ConvTranspose2d):
    """A transposed convolution of 4x4, stride 2 and padding 1, from a map to one twice as fine.

    Computed as a convolution of 2x2 to four times the channels and a pixel shuffle: the same numbers, but compilers for
    processors have no fast gradient of the usual form.
    """

    def __init__(self, before: int, after: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            before: Channels that come in.
            after: Channels that go out.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        super().__init__(before, after, 4, stride=2, padding=1, dtype=dtype, key=key)

    def __call__(self, x: Float[Array, "before z x"], *, key: Key[Array, ""] | None = None) -> Float[Array, "after z2 x2"]:
        """Enlarge.

        Args:
            x: Channels.
            key: Not used.

        Returns:
            Channels of twice the sides.
        """
        after, before = self.weight.shape[:2]
        kernel = self.weight.reshape(after, before, 2, 2, 2, 2)[:, :, :, ::-1, :, ::-1].transpose(0, 3, 5, 1, 2, 4)
        kernel = kernel.reshape(4 * after, before, 2, 2)
        y = jax.lax.conv_general_dilated(framed(x)[None], kernel, (1, 1), "VALID")[0]  # its own padding has a slow gradient
        return spread_channels(y)[:, 1:-1, 1:-1] + jnp.asarray(self.bias)


class ConvolutionBlock(eqx.Module):
    """Convolution -> BatchNorm -> LeakyReLU(0.2).

    Attributes:
        convolution: With bias, transposed or not.
        norm: Of its channels.
    """

    convolution: eqx.nn.Conv2d | eqx.nn.ConvTranspose2d
    norm: BatchNorm

    def __init__(self, convolution: eqx.nn.Conv2d | eqx.nn.ConvTranspose2d):
        """Follow a convolution.

        Args:
            convolution: With bias.
        """
        self.convolution = convolution
        self.norm = BatchNorm(convolution.out_channels, dtype=convolution.weight.dtype)

    def __call__(self, x: Float[Array, "before z x"]) -> Float[Array, "after _z _x"]:
        """Convolve, normalise, bend.

        Args:
            x: Channels.

        Returns:
            Channels.
        """
        return jax.nn.leaky_relu(self.norm(self.convolution(x)), 0.2)


class Excitation(eqx.Module):
    """Channels weighed by what they hold on average, and places by what the channels hold there: x (c + s), both within 0 and 1.

    Attributes:
        squeeze: Means of channels to a `reduction`th of them, at least 4.
        expand: Back to as many, of which the sigmoid is c.
        place: Channels to one, of which the sigmoid is s.

    References:
        Roy, A. G., Navab, N. & Wachinger, C. (2018), arXiv:1803.02579
    """

    squeeze: eqx.nn.Linear
    expand: eqx.nn.Linear
    place: eqx.nn.Conv2d

    def __init__(self, channels: int, reduction: int = 16, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            channels: Of the map.
            reduction: Of the channels, in between.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        keys, few = jax.random.split(key, 3), max(channels // reduction, 4)
        self.squeeze = eqx.nn.Linear(channels, few, dtype=dtype, key=keys[0])
        self.expand = eqx.nn.Linear(few, channels, dtype=dtype, key=keys[1])
        self.place = eqx.nn.Conv2d(channels, 1, 1, dtype=dtype, key=keys[2])

    def __call__(self, x: Float[Array, "channel z x"]) -> Float[Array, "channel z x"]:
        """Weigh.

        Args:
            x: Channels.

        Returns:
            Channels.
        """
        by_channel = jax.nn.sigmoid(self.expand(jax.nn.relu(self.squeeze(jnp.mean(x, (1, 2))))))
        return x * (by_channel[:, None, None] + jax.nn.sigmoid(self.place(x)))


class ResidualBlock(eqx.Module):
    """3x3 convolution -> GroupNorm -> GELU -> dropout -> 3x3 convolution -> GroupNorm -> + input -> GELU [-> excitation].

    Convolutions have no bias. Where the channels change, the input is added by way of a 1x1 convolution.

    Attributes:
        first: Convolution.
        second: Convolution.
        norms: After each.
        dropout: Between them.
        shortcut: 1x1 convolution of the input, or None.
        excitation: At the end, or None.
    """

    first: eqx.nn.Conv2d
    second: eqx.nn.Conv2d
    norms: tuple[eqx.nn.GroupNorm, eqx.nn.GroupNorm]
    dropout: eqx.nn.Dropout
    shortcut: eqx.nn.Conv2d | None
    excitation: Excitation | None

    def __init__(
        self,
        before: int,
        after: int,
        *,
        key: Key[Array, ""],
        dropout: float = 0.0,
        excited: bool = False,
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            before: Channels that come in.
            after: Channels that go out, a multiple of 8.
            key: Of the random numbers.
            dropout: Probability that a number is left out in training.
            excited: Whether there is an excitation.
            dtype: Of the weights.
        """
        keys = jax.random.split(key, 4)
        self.first = eqx.nn.Conv2d(before, after, 3, padding=1, use_bias=False, dtype=dtype, key=keys[0])
        self.second = eqx.nn.Conv2d(after, after, 3, padding=1, use_bias=False, dtype=dtype, key=keys[1])
        self.norms = (eqx.nn.GroupNorm(GROUPS, after, dtype=dtype), eqx.nn.GroupNorm(GROUPS, after, dtype=dtype))
        self.dropout = eqx.nn.Dropout(dropout, inference=True)
        self.shortcut = None
        if before != after:
            self.shortcut = eqx.nn.Conv2d(before, after, 1, use_bias=False, dtype=dtype, key=keys[2])
        self.excitation = Excitation(after, dtype=dtype, key=keys[3]) if excited else None

    def __call__(self, x: Float[Array, "before z x"], *, key: Key[Array, ""] | None = None) -> Float[Array, "after z x"]:
        """Add what the convolutions make of the input.

        Args:
            x: Channels.
            key: Of what is left out in training.

        Returns:
            Channels.
        """
        y = self.dropout(gelu(self.norms[0](self.first(x))), key=key)
        y = self.norms[1](self.second(y))
        y = gelu(y + (x if self.shortcut is None else self.shortcut(x)))
        return y if self.excitation is None else self.excitation(y)
