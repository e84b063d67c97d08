"""A generator against a critic: each moves by its own loss, and in its own steps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from adseis.networks.weights import fingerprint
from adseis.training import Plan, fit
from adseis.training.adversarial import Adversarial, Pair, adversarial_optimizer, is_turn
from adseis.training.losses import Distance
from adseis.training.samples import Batch
from adseis.training.schedules import adamw
from adseis.training.state import Instant
from adseis.training.supervised import Supervised
from adseis.training.transforms import SpeedRange, Transforms, ZScore


class Generator(eqx.Module):
    weight: jax.Array

    def __call__(self, gathers, *, key=None):
        return self.weight[None] * jnp.mean(gathers**2)


class Linear(eqx.Module):
    weight: jax.Array

    def __call__(self, maps):
        return jnp.sum(self.weight * maps[0])


PAIR = Pair(Generator(jnp.ones((4, 4))), Linear(jax.random.normal(jax.random.key(0), (4, 4), jnp.float64)))
LOSS = Adversarial(Supervised(Distance(), Transforms(ZScore(), SpeedRange())))
BATCH = Batch(
    np.random.default_rng(0).normal(size=(3, 2, 6, 5)),
    np.random.default_rng(1).uniform(1500, 4500, (3, 4, 4)),
    np.ones(3),
)


def loss(step, pair=PAIR):
    return LOSS(pair, BATCH, Instant(jnp.int32(step), jax.random.key(0), jnp.ones(())))


def test_a_linear_critic_has_the_slope_of_its_weights():
    """mean D(fake) - mean D(true), and 10 (|w| - 1)^2, written out."""
    total, terms = loss(0)
    weight = np.asarray(PAIR.critic.weight)
    true = (BATCH.velocity - 3000) / 1500
    np.testing.assert_allclose(terms["critic"], weight.sum() - (weight * true).sum((1, 2)).mean(), rtol=1e-10)
    np.testing.assert_allclose(terms["penalty"], 10 * (np.linalg.norm(weight) - 1) ** 2, rtol=1e-6)
    assert terms["opinion"] == terms["absolute"] == 0
    np.testing.assert_allclose(total, terms["critic"] + terms["penalty"], rtol=1e-12)


def test_each_has_its_own_loss():
    before, turn = (eqx.filter_grad(lambda pair, s=s: loss(s, pair)[0])(PAIR) for s in (0, 4))
    assert float(jnp.abs(before.generator.weight).max()) == 0
    true = (BATCH.velocity - 3000) / 1500
    wanted = np.sign(1 - true).mean(0) / 16 - np.asarray(PAIR.critic.weight)
    np.testing.assert_allclose(turn.generator.weight, wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(turn.critic.weight, before.critic.weight, rtol=1e-12)
    assert [step for step in range(12) if is_turn(step)] == [4, 9]


def test_the_generator_stands_still_until_its_turn():
    hashes = []
    for steps in (4, 5, 9):
        plan = Plan(steps, average=0.0, progress=False)
        found = fit(PAIR, LOSS, lambda _: BATCH, optimizer=adversarial_optimizer(adamw(1e-2), adamw(1e-2)), plan=plan)
        hashes.append((fingerprint(found.x.generator), fingerprint(found.x.critic)))
    assert hashes[0][0] == fingerprint(PAIR.generator)
    assert hashes[0][0] != hashes[1][0] == hashes[2][0]
    assert len({critic for _, critic in hashes}) == 3
