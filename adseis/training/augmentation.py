"""Changes of samples while a network trains, so that it does not learn what will not come again: those that need no simulation.

An augmentation is a function of one sample: its gathers, its map, a key, and the strength that the training has left of it.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

Gathers = Float[Array, "shot time receiver"]
Map = Float[Array, "z x"]
Strength = Float[Array, ""]


@runtime_checkable
class Augmentation(Protocol):
    """What an augmentation is called with."""

    def __call__(self, gathers: Gathers, velocity: Map, key: Key[Array, ""], strength: Strength) -> tuple[Gathers, Map]:
        """Of one sample.

        Args:
            gathers: Pressure.
            velocity: [m/s].
            key: Of what is drawn.
            strength: Factor on what is done, or on how often, 1 at first.

        Returns:
            The same shapes.
        """
        ...


class Noise(eqx.Module):
    """White noise, of so much of the standard deviation of the sample's gathers.

    Attributes:
        level: Its standard deviation over that of the gathers.
    """

    level: float = eqx.field(static=True, default=0.02)

    def __call__(self, gathers: Gathers, velocity: Map, key: Key[Array, ""], strength: Strength) -> tuple[Gathers, Map]:
        """Of one sample.

        Args:
            gathers: Pressure.
            velocity: [m/s], left as it is.
            key: Of the noise.
            strength: Factor on `level`.

        Returns:
            Noisy gathers.
        """
        scale = jnp.asarray(self.level * strength, gathers.dtype) * jnp.std(gathers)
        return gathers + scale * jax.random.normal(key, gathers.shape, gathers.dtype), velocity


class Amplitude(eqx.Module):
    """A factor on each shot and one on each receiver, as of sources and instruments whose strength is not known.

    One on all gathers of a sample would be lost on networks that see standardised gathers.

    Attributes:
        range: Greatest departure of a factor from 1.
        share: How often.
    """

    range: float = eqx.field(static=True, default=0.1)
    share: float = eqx.field(static=True, default=0.2)

    def __call__(self, gathers: Gathers, velocity: Map, key: Key[Array, ""], strength: Strength) -> tuple[Gathers, Map]:
        """Of one sample.

        Args:
            gathers: Pressure.
            velocity: [m/s], left as it is.
            key: Of the factors.
            strength: Factor on `share`.

        Returns:
            Scaled gathers.
        """
        keys = jax.random.split(key, 3)
        shots, _, receivers = gathers.shape
        of_shots, of_receivers = (
            1 + self.range * jax.random.uniform(k, shape, gathers.dtype, -1, 1)
            for k, shape in zip(keys, ((shots, 1, 1), (1, 1, receivers)), strict=False)
        )
        return jnp.where(_happens(keys[2], self.share, strength), gathers * (of_shots * of_receivers), gathers), velocity


class DeadReceivers(eqx.Module):
    """Some receivers record nothing, of all shots.

    Attributes:
        most: How many at most; one to so many, each number as often.
        share: How often.
    """

    most: int = eqx.field(static=True, default=5)
    share: float = eqx.field(static=True, default=0.3)

    def __call__(self, gathers: Gathers, velocity: Map, key: Key[Array, ""], strength: Strength) -> tuple[Gathers, Map]:
        """Of one sample.

        Args:
            gathers: Pressure.
            velocity: [m/s], left as it is.
            key: Of the receivers.
            strength: Factor on `share`.

        Returns:
            Gathers with traces of zeros.
        """
        keys = jax.random.split(key, 3)
        rank = jax.random.permutation(keys[0], gathers.shape[-1])
        dead = rank < jax.random.randint(keys[1], (), 1, self.most + 1)
        return jnp.where(dead & _happens(keys[2], self.share, strength), jnp.zeros_like(gathers), gathers), velocity


class Mirror(eqx.Module):
    """Left and right exchanged: of the map, of the line of receivers, and of the order of shots.

    Warning:
        OpenFWI's sources stand at the columns 0, 17, 34, 52 and 69. The first two and the last two are mirror images of each
        other; the middle one would stand at 35 and is taken for the one at 34, ten metres beside.

    Attributes:
        share: How often.
    """

    share: float = eqx.field(static=True, default=0.5)

    def __call__(self, gathers: Gathers, velocity: Map, key: Key[Array, ""], strength: Strength) -> tuple[Gathers, Map]:
        """Of one sample.

        Args:
            gathers: Pressure.
            velocity: [m/s].
            key: Of whether it is done.
            strength: Of no effect: the mirrored Earth is as good as any.

        Returns:
            Both, mirrored or not.
        """
        flips = _happens(key, self.share, jnp.ones_like(strength))
        return jnp.where(flips, gathers[::-1, :, ::-1], gathers), jnp.where(flips, velocity[:, ::-1], velocity)


def augment(
    augmentations: Sequence[Augmentation],
    gathers: Float[Array, "sample shot time receiver"],
    velocity: Float[Array, "sample z x"],
    key: Key[Array, ""],
    strength: Strength,
) -> tuple[Float[Array, "sample shot time receiver"], Float[Array, "sample z x"]]:
    """All augmentations in turn, each sample by itself.

    Args:
        augmentations: Which.
        gathers: Pressure.
        velocity: [m/s].
        key: Of what is drawn.
        strength: Of the training.

    Returns:
        The changed samples.
    """
    for number, one in enumerate(augmentations):
        keys = jax.random.split(jax.random.fold_in(key, number), len(gathers))
        gathers, velocity = jax.vmap(one, in_axes=(0, 0, 0, None))(gathers, velocity, keys, strength)
    return gathers, velocity


def _happens(key: Key[Array, ""], share: float, strength: Strength) -> Array:
    return jax.random.uniform(key, (), jnp.float32) < share * strength.astype(jnp.float32)
