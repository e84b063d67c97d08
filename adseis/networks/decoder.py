"""A convolutional decoder: from a few numbers to an image on any grid.

Enlarging by interpolation and smoothing by convolution, level after level, draws large smooth shapes sooner than fine rough ones;
where the weights are the unknowns of an inversion this is a prior without a penalty.
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key


class Decoder(eqx.Module):
    """Latent vector -> dense -> levels of (enlarge twice, convolve, activate) -> convolve -> image.

    It takes no input: the latent vector is a weight among the others. The last convolution starts small, so that the first image
    is close to zero: a perturbation that is still to be learned.

    Attributes:
        latent: Latent vector.
        dense: To the coarsest image.
        convolutions: One for every level.
        last: From the channels of the finest level to one.
        shape: Of the image.
        activation: Function of one number, after every level.

    References:
        Zhu, W., Xu, K., Darve, E., Biondi, B. & Beroza, G. C. (2022), Geophysics 87, R93-R109, doi:10.1190/geo2020-0933.1
        Odena, A., Dumoulin, V. & Olah, C. (2016), Distill, doi:10.23915/distill.00003 (interpolation, not transposed convolution)
    """

    latent: Float[Array, " latent"]
    dense: eqx.nn.Linear
    convolutions: tuple[eqx.nn.Conv, ...]
    last: eqx.nn.Conv
    shape: tuple[int, ...] = eqx.field(static=True)
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        key: Key[Array, ""],
        latent: int = 16,
        channels: tuple[int, ...] = (64, 64, 32, 16),
        kernel: int = 3,
        amplitude: float = 0.1,
        activation: Callable[[Array], Array] = jax.nn.leaky_relu,
        dtype: DTypeLike = jnp.float32,
    ):
        """Draw the weights.

        Args:
            shape: Nodes of the image per axis, one to three axes of any length.
            key: Of the random numbers.
            latent: Length of the latent vector.
            channels: Of the coarsest image and after every level but the last, which keeps them: as many levels as numbers, each
                twice as fine as the one before.
            kernel: Nodes of the convolutions along every axis, odd.
            amplitude: Factor on the first weights of the last convolution.
            activation: Function of arrays, pointwise.
            dtype: Of the weights, and so of the image.

        Raises:
            ValueError: If `shape`, `latent`, `channels` or `kernel` cannot be right.
        """
        if not 1 <= len(shape) <= 3 or min(shape) < 1:
            raise ValueError(f"`shape` = {shape} must be one to three positive numbers of nodes.")
        if not channels or min(*channels, latent) < 1 or kernel < 1 or kernel % 2 == 0:
            raise ValueError(
                f"`channels` = {channels} and `latent` = {latent} must be positive, `kernel` = {kernel} positive and odd."
            )
        levels = len(channels)
        keys = jax.random.split(key, levels + 3)
        coarse = tuple(-(-n // 2**levels) for n in shape)

        def convolution(before: int, after: int, key: Key[Array, ""]) -> eqx.nn.Conv:
            return eqx.nn.Conv(len(shape), before, after, kernel, padding="SAME", padding_mode="REPLICATE", dtype=dtype, key=key)

        self.shape, self.activation = shape, activation
        self.latent = jax.random.normal(keys[0], (latent,), dtype)
        self.dense = eqx.nn.Linear(latent, channels[0] * math.prod(coarse), dtype=dtype, key=keys[1])
        pairs = zip(channels, (*channels[1:], channels[-1]), keys[3:], strict=True)
        self.convolutions = tuple(convolution(before, after, key) for before, after, key in pairs)
        last = convolution(channels[-1], 1, keys[2])
        self.last = jax.tree.map(lambda w: amplitude * w, last)

    def __call__(self) -> Float[Array, "*grid"]:
        """Draw.

        Returns:
            The image, of `shape`.
        """
        levels = len(self.convolutions)
        coarse = tuple(-(-n // 2**levels) for n in self.shape)
        image = self.activation(self.dense(self.latent)).reshape(-1, *coarse)
        for convolution in self.convolutions:
            image = jax.image.resize(image, (image.shape[0], *(2 * n for n in image.shape[1:])), "linear")
            image = self.activation(convolution(image))
        surplus = [n - wanted for n, wanted in zip(image.shape[1:], self.shape, strict=True)]
        window = tuple(slice(extra // 2, extra // 2 + n) for extra, n in zip(surplus, self.shape, strict=True))
        return self.last(image)[(0, *window)]
