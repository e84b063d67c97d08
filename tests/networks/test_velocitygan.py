"""The critic: as published, in a batch, with the penalty of its gradient."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_weights import draw
from network_checks import KEY, count, drawn, run

from adseis.networks import Critic


def test_counts():
    assert count(Critic) == 1_180_003
    assert count(Critic.small) == 75_547


def test_every_weight_is_trained():
    score, gradient = run(drawn(Critic.small), jnp.asarray(draw("velocity", (1, 70, 70))))
    assert score.shape == ()
    assert all(np.isfinite(g) for g in gradient.values())


def test_scores_of_a_batch_are_relative():
    """The last norm, too, is over the batch: before the last bend scores have zero mean, and a shift of all maps is not seen
    where it is far from the edges."""
    network = eqx.nn.inference_mode(Critic.small(key=KEY), value=False)
    maps = jnp.asarray(draw("velocity", (6, 1, 70, 70)))
    scores = jax.jit(jax.vmap(network, axis_name="batch"))(maps)
    straight = jnp.where(scores < 0, scores / 0.2, scores)
    assert scores.shape == (6,)
    np.testing.assert_allclose(jnp.mean(straight), 0, atol=1e-5)
    np.testing.assert_allclose(jnp.mean(straight**2), 1, atol=0.05)


def test_the_penalty_of_the_gradient_is_differentiated():
    """WGAN-GP: the gradient by the weights of how steep scores are by the maps, against a central difference: steps of 1e-6 stay
    between the bends, and leave some 1e-8."""
    network = eqx.nn.inference_mode(Critic(key=KEY, channels=(2, 2, 2, 2), dtype=jnp.float64), value=False)
    maps = jnp.asarray(draw("velocity", (4, 1, 70, 70)), jnp.float64)

    def penalty(weight):
        moved = eqx.tree_at(lambda n: n.blocks[2].convolution.weight, network, weight)
        slopes = jax.grad(lambda x: jnp.sum(jax.vmap(moved, axis_name="batch")(x) ** 2))(maps)
        return jnp.mean((jnp.sqrt(jnp.sum(slopes**2, (1, 2, 3))) - 1) ** 2)

    weight = network.blocks[2].convolution.weight
    direction = jnp.asarray(draw("direction.weight", weight.shape), jnp.float64)
    both = jax.jit(jax.value_and_grad(penalty))
    difference = (both(weight + 1e-6 * direction)[0] - both(weight - 1e-6 * direction)[0]) / 2e-6
    np.testing.assert_allclose(jnp.vdot(both(weight)[1], direction), difference, rtol=1e-5)


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match=r"`velocity` \(70, 70\) must be one sample of \(1, 70, 70\), which this Critic"):
        Critic.small(key=KEY)(jnp.zeros((70, 70), jnp.float32))
    with pytest.raises(ValueError, match="`channels` = .* must be four"):
        Critic(key=KEY, channels=(8, 8, 0, 8))
