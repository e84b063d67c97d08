"""The loss of a network that is told the maps: augmentations, transforms, prediction, comparison."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from adseis.training.augmentation import Augmentation, augment
from adseis.training.deformation import Resimulated
from adseis.training.losses import MapLoss, total
from adseis.training.prediction import predict
from adseis.training.samples import Batch
from adseis.training.state import Instant
from adseis.training.transforms import Transforms


class Compared(NamedTuple):
    """What a loss compares.

    Attributes:
        gathers: Pressure that the network was given, after augmentation.
        predicted: What it says, in its own unit, `(sample, z, x)`.
        true: What it should say.
        weights: Of each sample.
    """

    gathers: Array
    predicted: Array
    true: Array
    weights: Array


class Supervised(eqx.Module):
    """A loss for `fit`, of batches of gathers and maps.

    Attributes:
        loss: Of predicted and true maps.
        transforms: Before and behind the network.
        augmentations: Of each sample.
        resimulated: Deforms maps and simulates them again, or None.
    """

    loss: MapLoss
    transforms: Transforms = eqx.field(static=True)
    augmentations: tuple[Augmentation, ...] = ()
    resimulated: Resimulated | None = None

    def __call__(self, network: Any, batch: Batch, instant: Instant) -> tuple[Array, Mapping[str, Array]]:
        """The loss of a batch.

        Args:
            network: In training.
            batch: Samples in physical units.
            instant: Of the training.

        Returns:
            The loss, and its terms.
        """
        terms = self.loss(*self.compared(network, batch, instant)[1:])
        return total(terms), terms

    def compared(self, network: Any, batch: Batch, instant: Instant) -> Compared:
        """Prediction and truth.

        Args:
            network: In training.
            batch: Samples.
            instant: Of the training.

        Returns:
            Both, with the gathers and weights.
        """
        gathers, velocity = self.transforms.sized(jnp.asarray(batch.gathers)), jnp.asarray(batch.velocity)
        keys = jax.random.split(instant.key, 3)
        if self.resimulated is not None:
            gathers, velocity = self.resimulated(gathers, velocity, keys[0], instant.strength)
        gathers, velocity = augment(self.augmentations, gathers, velocity, keys[1], instant.strength)
        predicted = predict(network, self.transforms.gathers(gathers), key=keys[2])
        return Compared(gathers, predicted[:, 0], self.transforms.speeds(velocity), jnp.asarray(batch.weight))
