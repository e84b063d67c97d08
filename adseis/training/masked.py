"""An encoder that learns from gathers alone: half of the patches of each shot are hidden, and it has to say what they held.

    loss = mean |d - prediction| over what was hidden

The weights then begin a training with labels. It is for sets of gathers that are larger than those with maps.
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from adseis.networks import SwinUNet
from adseis.training.samples import Batch
from adseis.training.state import Instant
from adseis.training.transforms import Transforms


class Filler(eqx.Module):
    """The stem and encoder of a Swin-U-Net, and one dense layer from each of the encoder's coarsest places to what it covers.

    Attributes:
        network: Whose decoder is not used.
        head: From the encoder's vector to the samples of a patch.
        offset: Added to these.
        side: Samples along a patch.

    References:
        Xie, Z. et al. (2022), SimMIM, CVPR, arXiv:2111.09886
    """

    network: SwinUNet
    head: eqx.nn.Linear
    offset: Float[Array, " samples"]
    side: int = eqx.field(static=True)

    def __init__(self, network: SwinUNet, *, key: Key[Array, ""]):
        """Draw the weights of the head.

        Args:
            network: To be pre-trained.
            key: Of the random numbers.

        Raises:
            ValueError: If its encoder does not take gathers as they are.
        """
        shot = network.shape[1]
        image = jax.ShapeDtypeStruct((3, *(network.encoder.image[1],) * 2), network.out.weight.dtype)
        channels, places, _ = jax.eval_shape(eqx.nn.inference_mode(network.encoder), image)[-1].shape
        if network.encoder.image[1] != shot or shot % places:
            raise ValueError(
                f"the encoder takes images of {network.encoder.image[1]} samples a side, gathers have {shot}: take a Swin-U-Net "
                "that takes them as they are, such as SwinUNet.small."
            )
        self.network, self.side = network, shot // places
        self.head = eqx.nn.Linear(channels, self.side**2, use_bias=False, key=key, dtype=network.out.weight.dtype)
        self.offset = jnp.zeros(self.side**2, network.out.weight.dtype)

    def __call__(self, gathers: Float[Array, "shot time receiver"], *, key: Key[Array, ""] | None = None) -> Array:
        """Say what gathers are, of which parts are zero.

        Args:
            gathers: Standardised.
            key: Of the branches that are left out in training.

        Returns:
            Gathers.
        """
        images = self.network.stem(gathers)
        keys = None if key is None else jax.random.split(key, len(images))
        encoder = self.network.encoder
        found = jax.vmap(lambda image, one: encoder(image, key=one)[-1])(images, keys)
        patches = jnp.einsum("sczx,oc->szxo", found, self.head.weight) + self.offset[None, None, None]
        shots, rows, columns, _ = patches.shape
        squares = patches.reshape(shots, rows, columns, self.side, self.side)
        return squares.transpose(0, 1, 3, 2, 4).reshape(gathers.shape)


class Masked(eqx.Module):
    """The loss of a `Filler`, for `fit`.

    Attributes:
        transforms: Before the network.
        share: Of the patches that are hidden.
        patch: Samples along a patch that is hidden.
    """

    transforms: Transforms = eqx.field(static=True)
    share: float = eqx.field(static=True, default=0.5)
    patch: int = eqx.field(static=True, default=6)

    def __call__(self, network: Filler, batch: Batch, instant: Instant) -> tuple[Array, Mapping[str, Array]]:
        """The loss of a batch; its maps are not looked at.

        Args:
            network: In training.
            batch: Samples.
            instant: Of the training.

        Returns:
            The loss, and no terms.
        """
        gathers = self.transforms.gathers(self.transforms.sized(jnp.asarray(batch.gathers)))
        samples, shots, times, receivers = gathers.shape
        keys = jax.random.split(instant.key)
        shape = (samples, shots, -(-times // self.patch), -(-receivers // self.patch))
        hidden = jax.random.uniform(keys[0], shape, jnp.float32) < self.share
        hidden = jnp.repeat(jnp.repeat(hidden, self.patch, 2), self.patch, 3)[:, :, :times, :receivers]
        shown = jnp.where(hidden, jnp.zeros_like(gathers), gathers)
        found = jax.vmap(lambda d, key: network(d, key=key))(shown, jax.random.split(keys[1], samples))
        away = jnp.where(hidden, jnp.abs(found.astype(gathers.dtype) - gathers), jnp.zeros_like(gathers))
        return jnp.sum(away) / jnp.maximum(jnp.sum(hidden), 1).astype(gathers.dtype), {}


def with_encoder(network: SwinUNet, filler: Any) -> SwinUNet:
    """A Swin-U-Net that begins with the pre-trained stem and encoder.

    Args:
        network: With any weights.
        filler: As `fit` has left it.

    Returns:
        The network.
    """
    pretrained = (filler.network.stem, filler.network.encoder)
    return eqx.tree_at(lambda net: (net.stem, net.encoder), network, pretrained)
