"""Swin-U-Net: every shot is seen by one Swin encoder, the shots are averaged, and a convolutional decoder draws the map."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from adseis.networks.blocks import GROUPS, ResidualBlock, gelu, resize, sample, split, spread_channels
from adseis.networks.swin_v2 import SwinV2


class ShotConvolution(eqx.nn.Conv2d):
    """A convolution of all shots at once: (shot, channel, z, x)."""

    def __init__(self, before: int, after: int, kernel: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights; there is no bias.

        Args:
            before: Channels that come in.
            after: Channels that go out.
            kernel: Rows and columns, odd.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        super().__init__(before, after, kernel, padding=kernel // 2, use_bias=False, dtype=dtype, key=key)

    def __call__(
        self, x: Float[Array, "shot before z x"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "shot after z x"]:
        """Convolve.

        Args:
            x: Channels of every shot.
            key: Not used.

        Returns:
            Channels of every shot.
        """
        return jax.lax.conv_general_dilated(x, self.weight, self.stride, self.padding)


class Stem(eqx.Module):
    """Two 3x3 convolutions with GroupNorm and GELU, then a 1x1 one to three channels, all without bias; shot by shot.

    Attributes:
        convolutions: Three.
        norms: After the first two.
    """

    convolutions: tuple[ShotConvolution, ShotConvolution, ShotConvolution]
    norms: tuple[eqx.nn.GroupNorm, eqx.nn.GroupNorm]

    def __init__(self, width: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            width: Channels in between.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        keys = jax.random.split(key, 3)
        self.convolutions = (
            ShotConvolution(1, width, 3, key=keys[0], dtype=dtype),
            ShotConvolution(width, width, 3, key=keys[1], dtype=dtype),
            ShotConvolution(width, 3, 1, key=keys[2], dtype=dtype),
        )
        self.norms = (eqx.nn.GroupNorm(GROUPS, width, dtype=dtype), eqx.nn.GroupNorm(GROUPS, width, dtype=dtype))

    def __call__(self, gathers: Float[Array, "shot z x"]) -> Float[Array, "shot 3 z x"]:
        """Make images of three channels.

        Args:
            gathers: One channel a shot.

        Returns:
            Three channels a shot.
        """
        x = gathers[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=False):
            x = gelu(jax.vmap(norm)(convolution(x)))
        return self.convolutions[-1](x)


class Enlargement(eqx.Module):
    """A map twice as fine, joined by the encoder's of that size, and two residual blocks with a shortcut of their own.

    3x3 convolution to four times the channels -> pixel shuffle -> GroupNorm -> GELU -> concatenation; of this by 1x1 convolution
    -> GroupNorm -> GELU -> two residual blocks, to which a 1x1 convolution of the concatenation is added. No bias in any.

    Attributes:
        enlarge: Convolution before the pixel shuffle.
        enlarged: Norm after it.
        reduce: 1x1 convolution.
        reduced: Norm after it.
        blocks: Two.
        shortcut: 1x1 convolution around the blocks.
    """

    enlarge: eqx.nn.Conv2d
    enlarged: eqx.nn.GroupNorm
    reduce: eqx.nn.Conv2d
    reduced: eqx.nn.GroupNorm
    blocks: tuple[ResidualBlock, ResidualBlock]
    shortcut: eqx.nn.Conv2d

    def __init__(
        self,
        before: int,
        skip: int,
        after: int,
        *,
        key: Key[Array, ""],
        dropout: float = 0.2,
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            before: Channels of the coarser map.
            skip: Channels of the encoder's map, 0 for none.
            after: Channels that go out.
            key: Of the random numbers.
            dropout: In the residual blocks.
            dtype: Of the weights.
        """
        keys = jax.random.split(key, 5)
        options = {"use_bias": False, "dtype": dtype}
        self.enlarge = eqx.nn.Conv2d(before, 4 * before, 3, padding=1, key=keys[0], **options)
        self.enlarged = eqx.nn.GroupNorm(GROUPS, before, dtype=dtype)
        self.reduce = eqx.nn.Conv2d(before + skip, after, 1, key=keys[1], **options)
        self.reduced = eqx.nn.GroupNorm(GROUPS, after, dtype=dtype)
        first, second = (ResidualBlock(after, after, key=k, dropout=dropout, excited=True, dtype=dtype) for k in keys[2:4])
        self.blocks = (first, second)
        self.shortcut = eqx.nn.Conv2d(before + skip, after, 1, key=keys[4], **options)

    def __call__(
        self, x: Float[Array, "before z x"], skip: Float[Array, "skip z2 x2"] | None, *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "after z2 x2"]:
        """Enlarge.

        Args:
            x: The coarser map.
            skip: The encoder's, twice as fine.
            key: Of what is left out in training.

        Returns:
            Channels.
        """
        x = gelu(self.enlarged(spread_channels(self.enlarge(x))))
        x = x if skip is None else jnp.concatenate([x, skip])
        y = gelu(self.reduced(self.reduce(x)))
        for block, one in zip(self.blocks, split(key, 2), strict=True):
            y = block(y, key=one)
        return y + self.shortcut(x)


class SwinUNet(eqx.Module):
    """Stem -> SwinV2 encoder, shot by shot -> mean over shots -> three enlargements -> 70 x 70 -> residual block -> one channel.

    75,106,410 weights as published, of which 27,576,618 are the encoder's: this is made by default. `eqx.nn.inference_mode(net,
    value=False)` turns on what is left out at random in training. Since shots are averaged it does not know which one came
    from where, but by what is seen in it.

    Attributes:
        stem: One channel to three.
        encoder: Swin.
        decoder: Enlargements, coarsest first.
        block: Of the map of 70 x 70.
        last: 3x3 convolution.
        norm: After it.
        out: To one channel.
        shape: Of the gathers.

    References:
        Khanal (2025), a Swin-U-Net on OpenFWI; no weights are included
        Liu, Z. et al. (2022), arXiv:2111.09883
    """

    stem: Stem
    encoder: SwinV2
    decoder: tuple[Enlargement, ...]
    block: ResidualBlock
    last: eqx.nn.Conv2d
    norm: eqx.nn.GroupNorm
    out: eqx.nn.Conv2d
    shape: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        *,
        key: Key[Array, ""],
        shape: tuple[int, int, int] = (5, 72, 72),
        stem: int = 32,
        encoder: SwinV2 | None = None,
        channels: tuple[int, ...] = (512, 256, 128),
        last: int = 64,
        dropout: float = 0.2,
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            key: Of the random numbers.
            shape: Shots, samples and receivers of the gathers.
            stem: Channels within the stem.
            encoder: Of images of three channels, to whose side gathers are interpolated; SwinV2-Tiny by default.
            channels: After each enlargement; those beyond the encoder's maps go on without them.
            last: Channels before the last convolution.
            dropout: In the residual blocks; half of it in the last one.
            dtype: Of the weights.

        Raises:
            ValueError: If there are fewer enlargements than the encoder has maps to be joined, or it wants other images.
        """
        keys = jax.random.split(key, len(channels) + 5)
        encoder = SwinV2(key=keys[0], dtype=dtype) if encoder is None else encoder
        found = [stage.blocks[0].norm1.shape[0] for stage in encoder.layers]
        if len(channels) < len(found) - 1 or encoder.image[0] != 3:
            raise ValueError(
                f"`channels` = {channels} must be at least {len(found) - 1}, one for each map of the encoder but the coarsest, "
                f"and the encoder's images ({encoder.image[0]} channels) must have 3."
            )
        self.shape, self.encoder = shape, encoder
        self.stem = Stem(stem, key=keys[1], dtype=dtype)
        before, skips, decoder = found[-1], [*found[-2::-1], *[0] * len(channels)], []
        for after, skip, one in zip(channels, skips, keys[5:], strict=False):
            decoder.append(Enlargement(before, skip, after, key=one, dropout=dropout, dtype=dtype))
            before = after
        self.decoder = tuple(decoder)
        self.block = ResidualBlock(before, before, key=keys[2], dropout=dropout / 2, excited=True, dtype=dtype)
        self.last = eqx.nn.Conv2d(before, last, 3, padding=1, use_bias=False, dtype=dtype, key=keys[3])
        self.norm = eqx.nn.GroupNorm(GROUPS, last, dtype=dtype)
        out = eqx.nn.Conv2d(last, 1, 1, dtype=dtype, key=keys[4])
        self.out = eqx.tree_at(lambda one: one.bias, out, jnp.full((1, 1, 1), 0.5, dtype))  # the middle of what it is to say

    @classmethod
    def small(cls, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32) -> "SwinUNet":
        """A network whose encoder takes gathers of 72 x 72 as they are, to be trained in minutes.

        Args:
            key: Of the random numbers.
            dtype: Of the weights.

        Returns:
            A network of 1,673,404 weights.
        """
        first, second = jax.random.split(key)
        options = {
            "image": (3, 72),
            "patch": 6,
            "embedding": 48,
            "depths": (2, 4),
            "heads": (2, 4),
            "window": 6,
            "drop_path": 0.0,
        }
        encoder = SwinV2(key=first, dtype=dtype, **options)
        return cls(key=second, stem=8, encoder=encoder, channels=(96, 32, 16), last=16, dropout=0.0, dtype=dtype)

    def __call__(self, gathers: Float[Array, "..."], *, key: Key[Array, ""] | None = None) -> Float[Array, "1 70 70"]:
        """Predict.

        Args:
            gathers: (shot, time, receiver), of zero mean and unit variance.
            key: Of what is left out in training.

        Returns:
            Velocity, scaled to about 0 to 1.

        Raises:
            ValueError: If `gathers` have another shape.
        """
        x = self.stem(sample(self, gathers, self.shape))
        shots, rest = split(key, 2)
        side = self.encoder.image[1]
        images = jax.vmap(lambda image: resize(image, (side, side)))(x)
        keys = None if shots is None else jax.random.split(shots, self.shape[0])
        *skips, x = (jnp.mean(maps, 0) for maps in jax.vmap(lambda image, key: self.encoder(image, key=key))(images, keys))
        *keys, last = split(rest, len(self.decoder) + 1)
        for enlargement, one in zip(self.decoder, keys, strict=True):
            x = enlargement(x, skips.pop() if skips else None, key=one)
        x = self.block(resize(x, (70, 70)), key=last)
        return self.out(gelu(self.norm(self.last(x))))
