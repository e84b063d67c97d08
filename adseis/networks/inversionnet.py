"""InversionNet: gathers to one vector, and the vector to a map of velocity."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from adseis.networks.blocks import ConvolutionBlock, Doubling, sample
from adseis.networks.normalization import BatchNorm

Layer = tuple[tuple[int, int], tuple[int, int], int]

PUBLISHED: tuple[Layer, ...] = (
    ((7, 1), (2, 1), 32),
    ((3, 1), (2, 1), 64),
    ((3, 1), (1, 1), 64),
    ((3, 1), (2, 1), 64),
    ((3, 1), (1, 1), 64),
    ((3, 1), (2, 1), 128),
    ((3, 1), (1, 1), 128),
    ((3, 3), (2, 2), 128),
    ((3, 3), (1, 1), 128),
    ((3, 3), (2, 2), 256),
    ((3, 3), (1, 1), 256),
    ((3, 3), (2, 2), 256),
    ((3, 3), (1, 1), 256),
)
"""Kernel, stride and channels of every convolution of the encoder as published: along time alone, until that is as short as the
line of receivers."""

SMALL: tuple[Layer, ...] = (
    ((5, 5), (2, 2), 24),
    ((3, 3), (2, 2), 48),
    ((3, 3), (1, 1), 48),
    ((3, 3), (2, 2), 96),
    ((3, 3), (1, 1), 96),
)


class InversionNet(eqx.Module):
    """Convolutions down to a vector, transposed convolutions up to 80 x 80, 5 cut off each side, tanh.

    24,409,123 weights as published, which is what is made by default. Every convolution but the last is followed by BatchNorm and
    LeakyReLU(0.2); the last by BatchNorm and tanh. All that is known of where things are goes through the vector: layers
    are drawn well, sharp faults are blurred.

    Attributes:
        encoder: Blocks, the last of which takes all that is left of time and receivers.
        decoder: Blocks, two for each size.
        last: Convolution to one channel.
        norm: Of that channel.
        shape: Of the gathers.

    References:
        Wu, Y. & Lin, Y. (2020), IEEE Trans. Comput. Imaging 6, 419-433, doi:10.1109/TCI.2019.2956866
        Deng, C. et al. (2022), OpenFWI, arXiv:2111.02926
    """

    encoder: tuple[ConvolutionBlock, ...]
    decoder: tuple[ConvolutionBlock, ...]
    last: eqx.nn.Conv2d
    norm: BatchNorm
    shape: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        *,
        key: Key[Array, ""],
        shape: tuple[int, int, int] = (5, 1000, 70),
        layers: tuple[Layer, ...] = PUBLISHED,
        channels: tuple[int, ...] = (512, 256, 128, 64, 32),
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            key: Of the random numbers.
            shape: Shots, samples and receivers of the gathers.
            layers: Kernel, stride and channels of the encoder's convolutions but the last, kernels odd.
            channels: Length of the vector, which is also the channels of the maps of 5 x 5; then those of 10, 20, 40 and 80.
            dtype: Of the weights.

        Raises:
            ValueError: If `channels` are not five.
        """
        if len(channels) != 5 or min(channels) < 1:
            raise ValueError(f"`channels` = {channels} must be five positive numbers, for maps of 5, 10, 20, 40 and 80 squared.")
        keys = iter(jax.random.split(key, len(layers) + 2 * len(channels) + 2))
        self.shape = shape
        before, left, encoder, decoder = shape[0], shape[1:], [], []
        for kernel, stride, after in layers:
            padding = (kernel[0] // 2, kernel[1] // 2)
            encoder.append(eqx.nn.Conv2d(before, after, kernel, stride, padding, dtype=dtype, key=next(keys)))
            before, left = after, tuple(-(-n // s) for n, s in zip(left, stride, strict=True))
        encoder.append(eqx.nn.Conv2d(before, channels[0], left, dtype=dtype, key=next(keys)))
        decoder.append(eqx.nn.ConvTranspose2d(channels[0], channels[0], 5, dtype=dtype, key=next(keys)))
        for before, after in zip(channels, (*channels[1:], 0), strict=True):
            decoder.append(eqx.nn.Conv2d(before, before, 3, padding=1, dtype=dtype, key=next(keys)))
            if after:
                decoder.append(Doubling(before, after, dtype=dtype, key=next(keys)))
        self.encoder, self.decoder = tuple(map(ConvolutionBlock, encoder)), tuple(map(ConvolutionBlock, decoder))
        self.last = eqx.nn.Conv2d(channels[-1], 1, 3, padding=1, dtype=dtype, key=next(keys))
        self.norm = BatchNorm(1, dtype=dtype)

    @classmethod
    def small(cls, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32) -> "InversionNet":
        """A network for gathers of (5, 72, 72), to be trained in minutes.

        Args:
            key: Of the random numbers.
            dtype: Of the weights.

        Returns:
            A network of 2,181,587 weights.
        """
        return cls(key=key, shape=(5, 72, 72), layers=SMALL, channels=(128, 96, 64, 32, 16), dtype=dtype)

    def __call__(self, gathers: Float[Array, "..."], *, key: Key[Array, ""] | None = None) -> Float[Array, "1 70 70"]:
        """Predict.

        Args:
            gathers: (shot, time, receiver), scaled to within -1 and 1.
            key: Not used; every network takes one.

        Returns:
            Velocity, scaled to within -1 and 1.

        Raises:
            ValueError: If `gathers` have another shape.
        """
        x = sample(self, gathers, self.shape)
        for block in (*self.encoder, *self.decoder):
            x = block(x)
        return jnp.tanh(self.norm(self.last(x[:, 5:-5, 5:-5])))
