"""Swin Transformer V2 as an encoder: attention within windows that are shifted from block to block, on maps ever coarser.

Names are those of timm's weights but for a few (`timm_weights.py`), so that weights trained elsewhere can be loaded.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from adseis.networks.blocks import gelu, sample
from adseis.networks.window_attention import Attention, apart, linear, rows


class Perceptron(eqx.Module):
    """Linear -> GELU -> linear, four times as wide in between.

    Attributes:
        fc1: To the wider.
        fc2: Back.
    """

    fc1: eqx.nn.Linear
    fc2: eqx.nn.Linear

    def __init__(self, channels: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            channels: Length of the vectors.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        first, second = jax.random.split(key)
        self.fc1, self.fc2 = linear(channels, 4 * channels, first, dtype), linear(4 * channels, channels, second, dtype)

    def __call__(self, x: Float[Array, "*places channel"]) -> Float[Array, "*places channel"]:
        """Transform every vector.

        Args:
            x: Vectors.

        Returns:
            The same shape.
        """
        return rows(self.fc2, gelu(rows(self.fc1, x)))


def silent(channels: int, dtype: DTypeLike) -> eqx.nn.LayerNorm:
    """A norm whose scale is zero, to begin with.

    Args:
        channels: Length of the vectors.
        dtype: Of the weights.

    Returns:
        The norm.
    """
    norm = eqx.nn.LayerNorm(channels, dtype=dtype)
    return eqx.tree_at(lambda n: n.weight, norm, jnp.zeros(channels, dtype))


class SwinBlock(eqx.Module):
    """x + norm(attention(x)), then x + norm(perceptron(x)): normalised after the layer, before it is added (res-post-norm).

    The norms begin with a scale of zero, and so the block as the identity. Windows are not larger than the map; where one is the
    whole map it is not shifted.

    Attributes:
        attention: Within windows.
        norm1: Of what it gives.
        mlp: Of every vector.
        norm2: Of what that gives.
        shift: By how many places the map is rolled before it is cut into windows.
    """

    attention: Attention
    norm1: eqx.nn.LayerNorm
    mlp: Perceptron
    norm2: eqx.nn.LayerNorm
    shift: int = eqx.field(static=True)

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        side: int,
        window: int,
        shifted: bool,
        key: Key[Array, ""],
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            channels: Length of the vectors.
            heads: Of the attention.
            side: Of the map.
            window: Places along a side.
            shifted: Whether by half a window.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        first, second = jax.random.split(key)
        self.shift = window // 2 if shifted and side > window else 0
        self.attention = Attention(channels, heads, min(window, side), key=first, dtype=dtype)
        self.mlp = Perceptron(channels, key=second, dtype=dtype)
        self.norm1, self.norm2 = silent(channels, dtype), silent(channels, dtype)

    def __call__(self, x: Float[Array, "z x channel"], kept: Float[Array, " two"] | None = None) -> Float[Array, "z x channel"]:
        """Attend and transform.

        Args:
            x: Map of vectors.
            kept: Factors of the two things added, in training.

        Returns:
            The same shape.
        """
        side, _, channels = x.shape
        window, shift = self.attention.window, self.shift
        across = side // window
        y = jnp.roll(x, (-shift, -shift), (0, 1)) if shift else x
        y = y.reshape(across, window, across, window, channels).transpose(0, 2, 1, 3, 4).reshape(across**2, window**2, channels)
        y = self.attention(y, apart(side, window, shift) if shift else None)
        y = y.reshape(across, across, window, window, channels).transpose(0, 2, 1, 3, 4).reshape(side, side, channels)
        y = jnp.roll(y, (shift, shift), (0, 1)) if shift else y
        y = rows(self.norm1, y)
        x = x + (y if kept is None else y * kept[0])
        y = rows(self.norm2, self.mlp(x))
        return x + (y if kept is None else y * kept[1])


class Merging(eqx.Module):
    """Four neighbours to one vector of twice the length, normalised.

    Attributes:
        reduction: Linear, without bias, of the four.
        norm: After it.
    """

    reduction: eqx.nn.Linear
    norm: eqx.nn.LayerNorm

    def __init__(self, channels: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            channels: Length of the vectors.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        self.reduction = linear(4 * channels, 2 * channels, key, dtype, use_bias=False)
        self.norm = eqx.nn.LayerNorm(2 * channels, dtype=dtype)

    def __call__(self, x: Float[Array, "z x channel"]) -> Float[Array, "z2 x2 channel2"]:
        """Merge.

        Args:
            x: Map of vectors, of even sides.

        Returns:
            Map of half the side.
        """
        side, _, channels = x.shape
        x = x.reshape(side // 2, 2, side // 2, 2, channels).transpose(0, 2, 3, 1, 4)  # columns before rows, as it was published
        return rows(self.norm, rows(self.reduction, x.reshape(side // 2, side // 2, 4 * channels)))


class Stage(eqx.Module):
    """Blocks on maps of one size, every second one shifted, after a merging but in the first stage.

    Attributes:
        downsample: Merging, or None.
        blocks: One after the other.
    """

    downsample: Merging | None
    blocks: tuple[SwinBlock, ...]

    def __init__(
        self,
        channels: int,
        heads: int,
        depth: int,
        *,
        side: int,
        window: int,
        merged: bool,
        key: Key[Array, ""],
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            channels: Length of the vectors after the merging.
            heads: Of the attention.
            depth: Blocks.
            side: Of the map after the merging.
            window: Places along a side.
            merged: Whether the map comes from a finer one.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        keys = jax.random.split(key, depth + 1)
        self.downsample = Merging(channels // 2, key=keys[0], dtype=dtype) if merged else None
        options = {"side": side, "window": window, "dtype": dtype}
        self.blocks = tuple(SwinBlock(channels, heads, shifted=i % 2 == 1, key=key, **options) for i, key in enumerate(keys[1:]))

    def __call__(self, x: Float[Array, "z x channel"], kept: Float[Array, "block two"] | None = None) -> Array:
        """Encode.

        Args:
            x: Map of vectors.
            kept: Factors of what every block adds, in training.

        Returns:
            Map of vectors (z, x, channel).
        """
        x = x if self.downsample is None else self.downsample(x)
        for i, block in enumerate(self.blocks):
            x = block(x, None if kept is None else kept[i])
        return x


class PatchEmbedding(eqx.Module):
    """Every patch of the image to one vector, normalised: a convolution whose stride is its kernel.

    Attributes:
        projection: Its weights, as a convolution's.
        bias: Of the vectors.
        norm: After it.
    """

    projection: Float[Array, "vector channel patch patch"]
    bias: Float[Array, " vector"]
    norm: eqx.nn.LayerNorm

    def __init__(self, channels: int, vector: int, patch: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            channels: Of the image.
            vector: Length of the vectors.
            patch: Side of a patch.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        drawn = eqx.nn.Conv2d(channels, vector, patch, patch, dtype=dtype, key=key)
        self.projection, self.bias = drawn.weight, jnp.ravel(jnp.asarray(drawn.bias))
        self.norm = eqx.nn.LayerNorm(vector, dtype=dtype)

    def __call__(self, image: Float[Array, "channel z x"]) -> Float[Array, "z2 x2 vector"]:
        """Embed.

        Args:
            image: Channels, its sides multiples of a patch's.

        Returns:
            Map of vectors.
        """
        vector, channels, patch, _ = self.projection.shape
        across = image.shape[1] // patch
        x = image.reshape(channels, across, patch, across, patch).transpose(1, 3, 0, 2, 4).reshape(across, across, -1)
        x = jnp.einsum("zxi,vi->zxv", x, self.projection.reshape(vector, -1)) + self.bias[None, None]
        return rows(self.norm, x)


class SwinV2(eqx.Module):
    """Image -> patches -> stages of blocks, each on maps half as fine, of vectors twice as long; gives what every stage gives.

    By default SwinV2-Tiny for images of 256 x 256, of 27,576,618 weights (without the norm and the head of a classifier), equal
    to timm's `swinv2_tiny_window8_256` with `features_only`; `load_timm` reads its weights. In training whole branches are left
    out (stochastic depth), the more the deeper.

    Attributes:
        patch_embed: First layer.
        layers: Stages.
        inference: Whether nothing is left out.
        image: Channels and side of the image.
        drop_path: Probability that the last block's branches are left out.

    References:
        Liu, Z. et al. (2022), Swin Transformer V2, arXiv:2111.09883
        Huang, G. et al. (2016), arXiv:1603.09382 (stochastic depth)
    """

    patch_embed: PatchEmbedding
    layers: tuple[Stage, ...]
    inference: bool
    image: tuple[int, int] = eqx.field(static=True)
    drop_path: float = eqx.field(static=True)

    def __init__(
        self,
        *,
        key: Key[Array, ""],
        image: tuple[int, int] = (3, 256),
        patch: int = 4,
        embedding: int = 96,
        depths: tuple[int, ...] = (2, 2, 6, 2),
        heads: tuple[int, ...] = (3, 6, 12, 24),
        window: int = 8,
        drop_path: float = 0.1,
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            key: Of the random numbers.
            image: Channels and side.
            patch: Side of a patch, the place of the first stage.
            embedding: Length of the vectors of the first stage.
            depths: Blocks of each stage.
            heads: Of each stage's attention.
            window: Places along the side of a window.
            drop_path: Probability that the last block's branches are left out in training; it grows from 0 in the first.
            dtype: Of the weights.

        Raises:
            ValueError: If patches, windows or heads do not divide what they should.
        """
        if len(depths) != len(heads) or not depths:
            raise ValueError(f"`depths` = {depths} and `heads` = {heads} must be as many, one number each for every stage.")
        sides = [image[1] // (patch * 2**i) for i in range(len(depths))]
        if image[1] % (patch * 2 ** (len(depths) - 1)) or any(side % min(window, side) for side in sides):
            raise ValueError(
                f"`image` = {image} cannot be divided: {len(depths)} stages of patches of {patch} make maps of {sides} places, "
                f"which must be whole numbers and multiples of `window` = {window}, or smaller than it."
            )
        channels = [embedding * 2**i for i in range(len(depths))]
        if any(c % h for c, h in zip(channels, heads, strict=True)):
            raise ValueError(f"`heads` = {heads} must divide the channels of the stages, {channels}.")
        keys = jax.random.split(key, len(depths) + 1)
        self.image, self.drop_path, self.inference = image, drop_path, True
        self.patch_embed = PatchEmbedding(image[0], embedding, patch, key=keys[0], dtype=dtype)
        self.layers = tuple(
            Stage(c, h, depth, side=side, window=window, merged=i > 0, key=key, dtype=dtype)
            for i, (c, h, depth, side, key) in enumerate(zip(channels, heads, depths, sides, keys[1:], strict=True))
        )

    def __call__(
        self, image: Float[Array, "..."], *, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array, "channel z x"], ...]:
        """Encode.

        Args:
            image: Channels (channel, z, x).
            key: Of the branches that are left out in training.

        Returns:
            Of every stage, finest first, channels (channel, z, x).

        Raises:
            ValueError: If `image` has another shape, or there is no `key` in training.
        """
        x = self.patch_embed(sample(self, image, (self.image[0], self.image[1], self.image[1]), "image"))
        kept = self._kept(key)
        features, before = [], 0
        for stage in self.layers:
            after = before + len(stage.blocks)
            x = stage(x, None if kept is None else kept[before:after].astype(x.dtype))
            features.append(x.transpose(2, 0, 1))
            before = after
        return tuple(features)

    def _kept(self, key: Key[Array, ""] | None) -> Float[Array, "block two"] | None:
        if self.inference or not self.drop_path:
            return None
        if key is None:
            raise ValueError("a SwinV2 in training leaves branches out at random: pass `key`, or drop_path=0 when it is made.")
        blocks = sum(len(stage.blocks) for stage in self.layers)
        chance = 1 - np.linspace(0, self.drop_path, blocks)[:, None].repeat(2, 1)
        chance = jnp.asarray(chance, jnp.float32)
        return jax.random.bernoulli(key, chance).astype(chance.dtype) / chance
