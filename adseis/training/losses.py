"""How far a predicted map is from the true one, as networks are trained: each a function of two batches of maps.

A loss of maps is called as `loss(predicted, true, weights)` and returns its terms by name; their sum is what is minimized.
"""

import functools
import operator
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

Maps = Float[Array, "sample z x"]
Weights = Float[Array, " sample"]


@runtime_checkable
class MapLoss(Protocol):
    """What a loss of maps is called with."""

    def __call__(self, predicted: Maps, true: Maps, weights: Weights) -> Mapping[str, Array]:
        """The terms of a batch.

        Args:
            predicted: What the network says, in its own unit.
            true: What it should say.
            weights: Of each sample.

        Returns:
            Name -> scalar, to be summed.
        """
        ...


class Distance(eqx.Module):
    """Mean absolute and mean square difference, as InversionNet (absolute alone) and VelocityGAN are trained.

    Attributes:
        absolute: Weight of the mean absolute difference.
        square: Weight of the mean square.
    """

    absolute: float = eqx.field(static=True, default=1.0)
    square: float = eqx.field(static=True, default=0.0)

    def __call__(self, predicted: Maps, true: Maps, weights: Weights) -> Mapping[str, Array]:
        """The terms.

        Args:
            predicted: What the network says.
            true: What it should say.
            weights: Of each sample.

        Returns:
            "absolute" and "square", those that count.
        """
        away = predicted - true
        terms = {"absolute": (self.absolute, jnp.abs(away)), "square": (self.square, away**2)}
        return {name: weight * _mean(values, weights) for name, (weight, values) in terms.items() if weight}


class Hybrid(eqx.Module):
    r"""Values, edges and smoothness together, as Khanal's Swin-U-Net is trained.

        0.4 Huber(p - t) + 0.55 mean(|Sx p - Sx t| + |Sz p - Sz t|) + 0.05 mean(|dx p| + |dz p|)

    Sx and Sz are Sobel's differences, with zeros outside of the map; the last term, total variation, is of the prediction alone.

    Attributes:
        value: Weight of Huber's loss.
        edges: Weight of the difference of gradients.
        variation: Weight of the total variation.
        delta: Where Huber's loss turns from square to linear.

    References:
        Khanal (2025), Swin-U-Net for OpenFWI; Huber, P. J. (1964), doi:10.1214/aoms/1177703732
    """

    value: float = eqx.field(static=True, default=0.4)
    edges: float = eqx.field(static=True, default=0.55)
    variation: float = eqx.field(static=True, default=0.05)
    delta: float = eqx.field(static=True, default=1.0)

    def __call__(self, predicted: Maps, true: Maps, weights: Weights) -> Mapping[str, Array]:
        """The terms.

        Args:
            predicted: What the network says.
            true: What it should say.
            weights: Of each sample.

        Returns:
            "value", "edges" and "variation".
        """
        huber = _mean(optax.losses.huber_loss(predicted, true, delta=self.delta), weights)
        across, down = _sobel(predicted - true)
        edges = _mean(jnp.abs(across), weights) + _mean(jnp.abs(down), weights)
        variation = _mean(jnp.abs(jnp.diff(predicted, axis=-2)), weights) + _mean(jnp.abs(jnp.diff(predicted, axis=-1)), weights)
        return {"value": self.value * huber, "edges": self.edges * edges, "variation": self.variation * variation}


def total(terms: Mapping[str, Array]) -> Array:
    """What is minimized.

    Args:
        terms: Of a loss, one at least.

    Returns:
        Their sum.
    """
    return functools.reduce(operator.add, terms.values())


def class_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Weights of classes that make up for their numbers: inverse to them, the rarest has 1.

    Args:
        counts: Class -> number of its samples.

    Returns:
        Class -> weight.

    Raises:
        ValueError: If a class has no samples.

    Example:
        >>> class_weights({"vel": 100, "fault": 200})
        {'vel': 1.0, 'fault': 0.5}
    """
    if not counts or min(counts.values()) < 1:
        raise ValueError(f"`counts` = {dict(counts)} must name classes with a sample each.")
    rarest = min(counts.values())
    return {name: rarest / count for name, count in counts.items()}


def _mean(values: Maps, weights: Weights) -> Array:
    """Over nodes and samples; weights keep their scale, so that a batch of rare samples counts more."""
    return jnp.mean(jnp.mean(values, (-2, -1)) * weights)


def _sobel(maps: Maps) -> tuple[Maps, Maps]:
    """Differences across and down, each smoothed along the other axis, with zeros outside."""
    padded = jnp.pad(maps, ((0, 0), (1, 1), (1, 1)))
    upper, lower = padded[:, :-2], padded[:, 2:]
    smoothed, difference = upper + 2 * padded[:, 1:-1] + lower, lower - upper
    across = smoothed[:, :, 2:] - smoothed[:, :, :-2]
    return across, difference[:, :, :-2] + 2 * difference[:, :, 1:-1] + difference[:, :, 2:]
