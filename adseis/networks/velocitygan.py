"""VelocityGAN: InversionNet, taught also by a critic who learns to tell its maps from true ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from adseis.networks.blocks import ConvolutionBlock, sample


class Critic(eqx.Module):
    """A score of a map, high for true ones once trained: pairs of 3x3 convolutions, the first of each halving, then one of 5x5.

    1,180,003 weights as published, which is what is made by default. BatchNorm and LeakyReLU(0.2) follow every convolution,
    the last one too: in training, scores are relative to those of the batch. The generator is `InversionNet`.

    Warning:
        With BatchNorm a penalty of the gradient (WGAN-GP) is one of the batch and not of single maps, as it was published.

    Attributes:
        blocks: Convolutions.

    References:
        Zhang, Z. & Lin, Y. (2020), IEEE Trans. Geosci. Remote Sens. 58, 6900-6913, arXiv:1809.10262 (VelocityGAN)
        Gulrajani, I. et al. (2017), arXiv:1704.00028 (penalty)
        Deng, C. et al. (2022), OpenFWI, arXiv:2111.02926
    """

    blocks: tuple[ConvolutionBlock, ...]

    def __init__(
        self,
        *,
        key: Key[Array, ""],
        channels: tuple[int, ...] = (32, 64, 128, 256),
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            key: Of the random numbers.
            channels: Of maps of 35, 18, 9 and 5 squared.
            dtype: Of the weights.

        Raises:
            ValueError: If `channels` are not four.
        """
        if len(channels) != 4 or min(channels) < 1:
            raise ValueError(f"`channels` = {channels} must be four positive numbers, for maps of 35, 18, 9 and 5 squared.")
        keys = iter(jax.random.split(key, 9))
        blocks, before = [], 1
        for after in channels:
            blocks.append(eqx.nn.Conv2d(before, after, 3, 2, 1, dtype=dtype, key=next(keys)))
            blocks.append(eqx.nn.Conv2d(after, after, 3, 1, 1, dtype=dtype, key=next(keys)))
            before = after
        blocks.append(eqx.nn.Conv2d(before, 1, 5, dtype=dtype, key=next(keys)))
        self.blocks = tuple(map(ConvolutionBlock, blocks))

    @classmethod
    def small(cls, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32) -> "Critic":
        """A critic for `InversionNet.small`.

        Args:
            key: Of the random numbers.
            dtype: Of the weights.

        Returns:
            A critic of 75,547 weights.
        """
        return cls(key=key, channels=(8, 16, 32, 64), dtype=dtype)

    def __call__(self, velocity: Float[Array, "..."], *, key: Key[Array, ""] | None = None) -> Float[Array, ""]:
        """Judge.

        Args:
            velocity: Map (1, 70, 70), scaled to within -1 and 1.
            key: Not used; every network takes one.

        Returns:
            Score.

        Raises:
            ValueError: If `velocity` has another shape.
        """
        x = sample(self, velocity, (1, 70, 70), "velocity")
        for block in self.blocks:
            x = block(x)
        return x[0, 0, 0]
