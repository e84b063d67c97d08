"""A plain U-Net: time is shortened to the width of the line of receivers, and what follows is image to image."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from adseis.networks.blocks import GROUPS, ResidualBlock, gelu, resize, sample, spread_channels, transform


class Shortening(eqx.Module):
    """Convolution along time with a stride of 2 -> GroupNorm -> GELU.

    Attributes:
        convolution: Without bias.
        norm: After it.
    """

    convolution: eqx.nn.Conv2d
    norm: eqx.nn.GroupNorm

    def __init__(self, before: int, after: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            before: Channels that come in.
            after: Channels that go out.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        self.convolution = eqx.nn.Conv2d(before, after, (7, 3), (2, 1), (3, 1), use_bias=False, dtype=dtype, key=key)
        self.norm = eqx.nn.GroupNorm(GROUPS, after, dtype=dtype)

    def __call__(self, x: Float[Array, "before time receiver"]) -> Float[Array, "after time2 receiver"]:
        """Shorten.

        Args:
            x: Channels.

        Returns:
            Channels of half the samples.
        """
        return gelu(self.norm(self.convolution(x)))


class UNet(eqx.Module):
    """Shortening of time -> interpolation to a square -> residual blocks, halving, and back with skips -> the inner 70 x 70.

    32,600,993 weights by default: a baseline of the size of GFI's UNet-33M, of an architecture that is ours. Halving is a mean
    of four neighbours, enlarging a 1x1 convolution with a pixel shuffle; nothing is random in training. Unlike InversionNet it
    has skips, and so knows where along the line a thing was seen.

    Attributes:
        shortenings: Convolutions along time.
        down: Residual blocks, finest first; the last is at the bottom.
        enlargements: 1x1 convolutions, coarsest first.
        up: Residual blocks, coarsest first.
        last: To one channel.
        shape: Of the gathers.
        side: Of the square.

    References:
        Ronneberger, O., Fischer, P. & Brox, T. (2015), arXiv:1505.04597
        Gupta, N. et al. (2024), arXiv:2410.11247 (figures of UNet-33M)
    """

    shortenings: tuple[Shortening, ...]
    down: tuple[ResidualBlock, ...]
    enlargements: tuple[eqx.nn.Conv2d, ...]
    up: tuple[ResidualBlock, ...]
    last: eqx.nn.Conv2d
    shape: tuple[int, int, int] = eqx.field(static=True)
    side: int = eqx.field(static=True)

    def __init__(
        self,
        *,
        key: Key[Array, ""],
        shape: tuple[int, int, int] = (5, 1000, 70),
        shorten: tuple[int, ...] = (32, 64, 64),
        channels: tuple[int, ...] = (64, 128, 256, 512, 1024),
        side: int = 80,
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            key: Of the random numbers.
            shape: Shots, samples and receivers of the gathers.
            shorten: Channels after every halving of time, multiples of 8.
            channels: Of maps of `side`, half of it, a quarter, ...; multiples of 8.
            side: Of the square, at least 70; the surplus is cut off at the end.
            dtype: Of the weights.

        Raises:
            ValueError: If `side` cannot be halved so often.
        """
        halvings = len(channels) - 1
        if halvings < 0 or side % 2 ** max(halvings, 1) or side < max(70, shape[2]):
            raise ValueError(
                f"`side` = {side} must be even, divisible by 2^{halvings} for `channels` = {channels}, and at least 70 and the "
                f"{shape[2]} receivers of `shape`."
            )
        keys = iter(jax.random.split(key, len(shorten) + 3 * len(channels) + 1))
        self.shape, self.side = shape, side
        before, shortenings, down, enlargements, up = shape[0], [], [], [], []
        for after in shorten:
            shortenings.append(Shortening(before, after, key=next(keys), dtype=dtype))
            before = after
        for after in channels:
            down.append(ResidualBlock(before, after, key=next(keys), dtype=dtype))
            before = after
        for after in channels[-2::-1]:
            enlargements.append(eqx.nn.Conv2d(before, 4 * after, 1, dtype=dtype, key=next(keys)))
            up.append(ResidualBlock(2 * after, after, key=next(keys), dtype=dtype))
            before = after
        self.shortenings, self.down, self.enlargements, self.up = tuple(shortenings), tuple(down), tuple(enlargements), tuple(up)
        self.last = eqx.nn.Conv2d(before, 1, 1, dtype=dtype, key=next(keys))

    @classmethod
    def small(cls, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32) -> "UNet":
        """A network for gathers of (5, 72, 72), to be trained in minutes.

        Args:
            key: Of the random numbers.
            dtype: Of the weights.

        Returns:
            A network of 1,116,081 weights.
        """
        return cls(key=key, shape=(5, 72, 72), shorten=(), channels=(16, 48, 96, 192), side=72, dtype=dtype)

    def __call__(self, gathers: Float[Array, "..."], *, key: Key[Array, ""] | None = None) -> Float[Array, "1 70 70"]:
        """Predict.

        Args:
            gathers: (shot, time, receiver), of zero mean and unit variance or otherwise of the order of one.
            key: Not used; every network takes one.

        Returns:
            Velocity, in the scale that it was trained for.

        Raises:
            ValueError: If `gathers` have another shape.
        """
        x = sample(self, gathers, self.shape)
        for shortening in self.shortenings:
            x = shortening(x)
        edge, skips = (self.side - x.shape[2]) // 2, []
        across = np.eye(x.shape[2])[np.clip(np.arange(-edge, self.side - edge), 0, x.shape[2] - 1)]  # outermost ones repeated
        x = transform(resize(x, (self.side, x.shape[2])), None, across if len(across) > x.shape[2] else None)
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
            x = halve(x)
        x = self.down[-1](x)
        for enlarge, block in zip(self.enlargements, self.up, strict=True):
            x = block(jnp.concatenate([spread_channels(enlarge(x)), skips.pop()]))
        edge = (self.side - 70) // 2
        return self.last(x[:, edge : edge + 70, edge : edge + 70])


def halve(x: Float[Array, "channel z x"]) -> Float[Array, "channel z2 x2"]:
    """Mean of two by two neighbours.

    Args:
        x: Channels, of even sides.

    Returns:
        Channels of half the sides.
    """
    channels, rows, columns = x.shape
    return jnp.mean(x.reshape(channels, rows // 2, 2, columns // 2, 2), (2, 4))
