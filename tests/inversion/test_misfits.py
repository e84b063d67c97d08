"""Misfits: exact values, gradients and shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.inversion.misfits import l2


def test_l2_by_hand():
    """Halves and squares of small integers are exact in binary."""
    predicted, observed = jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 2.0], [1.0, 2.0]])
    assert l2(predicted, observed) == 0.5 * (1 + 0 + 4 + 9)
    assert l2(predicted, observed, weights=2.0) == 14
    assert l2(predicted, np.asarray(observed), weights=np.array([[1.0], [0.0]])) == 0.5


def test_l2_gradient_is_the_weighted_residual():
    """Exact but for the order of two factors: one rounding."""
    rng = np.random.default_rng(0)
    predicted, observed, weights = (jnp.asarray(rng.random((2, 5, 3))) for _ in range(3))
    gradient = jax.jit(jax.grad(lambda p: l2(p, observed, weights=weights)))(predicted)
    np.testing.assert_allclose(gradient, weights * (predicted - observed), rtol=1e-15)


def test_l2_keeps_single_precision_and_batches():
    data = jnp.ones((4, 3), jnp.float32)
    assert l2(data, 0 * data, weights=np.full((4, 1), 2.0)).dtype == jnp.float32
    np.testing.assert_array_equal(jax.vmap(l2)(data, 0 * data), np.full(4, 1.5))


def test_l2_refuses_unlike_shapes():
    with pytest.raises(ValueError, match=r"`predicted` \(2, 3\) and `observed` \(1, 3\)"):
        l2.__wrapped__(jnp.ones((2, 3)), jnp.ones((1, 3)))
    with pytest.raises(ValueError, match=r"`weights` \(3,\) do not fit the data \(2, 3\)"):
        l2(jnp.ones((2, 3)), jnp.ones((2, 3)), weights=jnp.ones(3))
