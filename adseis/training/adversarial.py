"""A generator against a critic: maps that are right on the average and look like maps, as VelocityGAN is trained."""

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from adseis.networks.normalization import BATCH
from adseis.training.losses import total
from adseis.training.samples import Batch
from adseis.training.state import Instant
from adseis.training.supervised import Supervised

TURNS = 5
"""Steps of the critic for each of the generator."""


class Pair(eqx.Module):
    """A generator and its critic; called, it is the generator.

    Attributes:
        generator: From gathers to a map.
        critic: From a map to a number, greater for what looks true.
    """

    generator: Any
    critic: Any

    def __call__(self, gathers: Float[Array, "shot time receiver"], *, key: Key[Array, ""] | None = None) -> Array:
        """What the generator says.

        Args:
            gathers: Of one sample.
            key: Of its dropout.

        Returns:
            Its map.
        """
        return self.generator(gathers, key=key)


class Adversarial(eqx.Module):
    r"""Wasserstein's distance with a penalty on the critic's slope, beside the distance of the maps.

        critic:     mean D(G(d)) - mean D(v) + 10 mean (|grad D(e G(d) + (1 - e) v)| - 1)^2
        generator:  distance(G(d), v) - mean D(G(d)),    in one step of five

    Attributes:
        supervised: Distance of the maps, and what stands before it.
        penalty: Weight of the critic's slope.
        weight: Of the critic's opinion in the generator's loss.

    References:
        Zhang, Z. & Lin, Y. (2020), IEEE TGRS 58, 6900-6913, arXiv:1809.10262
        Gulrajani, I. et al. (2017), NeurIPS, arXiv:1704.00028
    """

    supervised: Supervised
    penalty: float = eqx.field(static=True, default=10.0)
    weight: float = eqx.field(static=True, default=1.0)

    def __call__(self, network: Pair, batch: Batch, instant: Instant) -> tuple[Array, Mapping[str, Array]]:
        """The losses of both, summed: each has its own weights.

        Args:
            network: In training.
            batch: Samples.
            instant: Of the training.

        Returns:
            The sum, and its terms; those of the generator are zero where it is not its turn.
        """
        still = _fixed(network.generator)
        key, own = jax.random.split(instant.key)
        instant = dataclasses.replace(instant, key=own)
        _, fake, true, _ = self.supervised.compared(still, batch, instant)
        scores = jax.vmap(network.critic, axis_name=BATCH)
        distance = jnp.mean(scores(fake[:, None])) - jnp.mean(scores(true[:, None]))
        mixing = jax.random.uniform(key, (len(true), 1, 1), true.dtype)
        slopes = jax.grad(lambda maps: jnp.sum(scores(maps[:, None])))(mixing * fake + (1 - mixing) * true)
        steepness = jnp.sqrt(jnp.sum(slopes**2, (-2, -1)) + 1e-12)
        critic = {"critic": distance, "penalty": self.penalty * jnp.mean((steepness - 1) ** 2)}

        def of_generator() -> Mapping[str, Array]:
            found = self.supervised.compared(network.generator, batch, instant)
            opinion = jnp.mean(jax.vmap(_fixed(network.critic), axis_name=BATCH)(found.predicted[:, None]))
            return {**self.supervised.loss(*found[1:]), "opinion": -self.weight * opinion}

        def of_none() -> Mapping[str, Array]:
            return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(of_generator))

        terms = {**critic, **jax.lax.cond(is_turn(instant.step), of_generator, of_none)}
        return total(terms), terms


def is_turn(step: Any, **_: Any) -> Any:
    """Whether the generator moves in a step: in the last of five.

    Args:
        step: Number of the step, from zero.
        _: What else optax tells, and does not matter.

    Returns:
        True or False.
    """
    return step % TURNS == TURNS - 1


def adversarial_optimizer(
    generator: optax.GradientTransformation, critic: optax.GradientTransformation
) -> optax.GradientTransformation:
    """One optimizer for a `Pair`, whose generator stands still while it is not its turn.

    Args:
        generator: Rule of its weights.
        critic: Rule of its weights.

    Returns:
        The optimizer.
    """
    rules: dict[Hashable, Any] = {"generator": optax.transforms.conditionally_mask(generator, is_turn), "critic": critic}

    def labels(weights: PyTree) -> PyTree:
        return Pair(jax.tree.map(lambda _: "generator", weights.generator), jax.tree.map(lambda _: "critic", weights.critic))

    return optax.partition(rules, labels)


def _fixed(network: Any) -> Any:
    """The same, held."""
    held, rest = eqx.partition(network, eqx.is_inexact_array)
    return eqx.combine(jax.lax.stop_gradient(held), rest)
