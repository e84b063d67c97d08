"""Masks, mutes, illumination weights and the change of variables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.inversion.parametrizations import ChangeOfVariables
from adseis.inversion.weights import illumination_weight, masked, mute_near
from adseis.optimizers.minimize import minimize


def test_masked_values_and_gradients_are_exact():
    """Where the mask is zero the reference stays bit for bit and the gradient is zero; where it is one, neither changes."""
    model, reference = {"vp": jnp.array([1.1, 2.2, 3.3])}, {"vp": np.array([0.7, 0.8, 0.9])}
    mask = np.array([1.0, 0.0, 1.0])
    np.testing.assert_array_equal(masked(model, reference, mask)["vp"], [1.1, 0.8, 3.3])
    gradient = jax.jit(jax.grad(lambda m: jnp.sum(masked(m, reference, mask)["vp"] ** 2)))(model)["vp"]
    np.testing.assert_array_equal(gradient, [2.2, 0.0, 6.6])
    assert masked(jnp.ones(3, jnp.float32), np.zeros(3), mask).dtype == jnp.float32


def test_mute_near_is_the_cosine_of_the_distance():
    """Against the formula at every node by brute force: rounding."""
    positions = np.array([[[20.0, 30.0], [20.0, 30.0]], [[60.0, 55.0], [0.0, 90.0]]])
    weight = np.asarray(mute_near(positions, (8, 10), (10.0, 12.0), 25.0, origin=(0.0, -6.0)))
    z, x = np.arange(8)[:, None] * 10.0, np.arange(10)[None, :] * 12.0 - 6.0
    distance = np.min([np.hypot(z - a, x - b) for a, b in positions.reshape(-1, 2)], axis=0)
    np.testing.assert_allclose(weight, np.where(distance < 25, 0.5 - 0.5 * np.cos(np.pi * distance / 25), 1), rtol=0, atol=1e-14)
    assert weight[2, 3] == 0
    assert mute_near(positions.astype(np.float32), (8, 10), 10.0, 25.0).dtype == jnp.float32
    assert mute_near(np.zeros((1, 3)), (2, 3, 4), 10.0, 5.0).shape == (2, 3, 4)


def test_illumination_weight():
    """Its square undoes the damped energy up to a constant, and the darkest node has weight one: rounding."""
    energy = jnp.array([[4.0, 1.0], [0.25, 1e-3]])
    weight = illumination_weight(energy, damping=1e-2)
    np.testing.assert_allclose(weight[1, 1], 1, rtol=1e-15)
    np.testing.assert_allclose(weight**2 * (energy / 4 + 1e-2), jnp.full((2, 2), 1e-3 / 4 + 1e-2), rtol=1e-14)
    np.testing.assert_array_equal(illumination_weight(jnp.zeros(3)), np.ones(3))


def test_change_of_variables_there_and_back():
    """Inverse of each other but for one rounding each; where the weight is zero the reference stays and nothing bounds y."""
    change = ChangeOfVariables({"vp": jnp.array([2.0, 3.0, 4.0])}, jnp.array([0.5, 0.0, 2.0]))
    model = {"vp": jnp.array([2.7, 3.0, 3.1])}
    np.testing.assert_allclose(change.to_model(change.to_variables(model))["vp"], model["vp"], rtol=1e-15)
    low, high = change.bounds(1.5, None)
    np.testing.assert_array_equal(low["vp"], [-1.0, -np.inf, -1.25])
    np.testing.assert_array_equal(high["vp"], [np.inf] * 3)


def test_preconditioned_minimization_finds_the_same_minimum_in_fewer_evaluations():
    """A quadratic with curvatures from 1 to 1e4: the exact diagonal weight makes it a sphere, solved in a few evaluations."""
    curvature = jnp.logspace(0, 4, 30)

    def objective(x):
        return 0.5 * jnp.sum(curvature * (x - 1) ** 2)

    x0 = jnp.zeros(30)
    plain = minimize(objective, x0, progress=False)
    change = ChangeOfVariables(x0, 1 / jnp.sqrt(curvature))
    bounds = change.bounds(-2.0, 2.0)
    result = minimize(lambda y: objective(change.to_model(y)), change.to_variables(x0), bounds=bounds, progress=False)
    np.testing.assert_allclose(change.to_model(result.x), jnp.ones(30), rtol=1e-6)  # gradient fallen by 1e9 over 1e2 of scale
    assert result.evaluations < plain.evaluations / 3


def test_errors():
    with pytest.raises(ValueError, match="`radius` = 0.0 m must be positive"):
        mute_near(np.zeros((1, 2)), (3, 3), 1.0, 0.0)
    with pytest.raises(ValueError, match=r"`positions` \(4, 3\) must end with the 2 coordinates"):
        mute_near(np.zeros((4, 3)), (3, 3), 1.0, 1.0)
    with pytest.raises(ValueError, match="`damping` = 0.0 must be positive"):
        illumination_weight(jnp.ones(3), damping=0.0)
