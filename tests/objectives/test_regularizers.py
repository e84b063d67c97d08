"""Regularizers: values known by hand, Taylor tests, grid independence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.weights import depth_weight, mute_near
from adseis.objectives.layering import layering
from adseis.objectives.regularizers import tikhonov, total_variation

SHAPES = [(9,), (6, 5), (4, 3, 5)]


def test_tikhonov_by_hand():
    """Small integers: exact."""
    model = jnp.array([[0.0, 1.0, 4.0], [2.0, 1.0, 0.0]])
    assert tikhonov(model, order=0) == 0.5 * (0 + 1 + 16 + 4 + 1 + 0)
    assert tikhonov(model) == 0.5 * ((4 + 0 + 16) + (1 + 9 + 1 + 1))
    assert tikhonov(model, order=2) == 0.5 * (4 + 0)
    assert tikhonov(model, (2.0, 0.5)) == 0.5 * ((4 + 0 + 16) / 4 + (1 + 9 + 1 + 1) / 0.25)
    assert tikhonov(model, reference=model - 7.0) == 0


@pytest.mark.parametrize("shape", SHAPES, ids=["1d", "2d", "3d"])
def test_what_costs_nothing(shape):
    """Constants cost nothing, nor do linear trends at order 2: zero but for the rounding of values of order ten, squared."""
    trend = sum(np.meshgrid(*(np.arange(float(n)) for n in shape), indexing="ij"))
    assert tikhonov(jnp.full(shape, 3.0)) == 0
    assert total_variation(jnp.full(shape, 3.0)) == 0
    assert tikhonov(trend, order=2) < 1e-25


def test_total_variation_of_an_edge_is_its_length_times_its_jump():
    """A jump of 3 along a side of 4 nodes of 10 m; epsilon = 1e-9 of the slope rounds it by as much."""
    model = jnp.where(jnp.arange(6)[None, :] < 3, 1.0, 4.0) * jnp.ones((4, 1))
    np.testing.assert_allclose(total_variation(model, 10.0, epsilon=3e-10), 3.0 * 40.0, rtol=2e-9)


def test_total_variation_is_isotropic():
    """A slope along the diagonal has |grad m| = sqrt(2), not 2, wherever both differences exist; epsilon as above."""
    z, x = np.meshgrid(np.arange(5.0), np.arange(5.0), indexing="ij")
    expected = 16 * np.sqrt(2) + 8  # 4 by 4 inner nodes, and two edges with one difference each
    np.testing.assert_allclose(total_variation(z + x, epsilon=1e-10), expected, rtol=1e-9)


def test_values_are_integrals():
    """Twice finer, the same function: the integrals over sin 2 x agree to the error of the grid, O(h) at its edge."""
    values = []
    for n in (400, 800):
        h = np.pi / n
        model = np.sin(2 * h * np.arange(n + 1))
        values.append([float(tikhonov(model, h)), float(tikhonov(model, h, order=2)), float(total_variation(model, h))])
    np.testing.assert_allclose(values[0], values[1], rtol=5e-3)
    np.testing.assert_allclose(values[1], [np.pi, 4 * np.pi, 4.0], rtol=5e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=["1d", "2d", "3d"])
@pytest.mark.parametrize(
    "penalty",
    [
        lambda m: tikhonov(m, 2.0, order=0, reference=0.1 * m**2),
        lambda m: tikhonov(m**2, 2.0),
        lambda m: tikhonov(m**2, 2.0, order=2),
        lambda m: total_variation(m, 2.0, epsilon=0.3),
    ],
    ids=["order0", "order1", "order2", "tv"],
)
def test_taylor(penalty, shape):
    """f(m + h d) - f(m) - h <g, d> falls as h^2: slope 2 within 10 %, the share of the third order at these h."""
    rng = np.random.default_rng(len(shape))
    model, direction = jnp.asarray(rng.normal(size=shape)), jnp.asarray(0.1 * rng.normal(size=shape))
    value, gradient = jax.jit(jax.value_and_grad(penalty))(model)
    steps = 0.5 ** np.arange(1, 8)
    values = jax.jit(jax.vmap(lambda h: penalty(model + h * direction)))(steps)
    rest = np.abs(values - value - steps * np.vdot(gradient, direction))
    slope = np.polyfit(np.log(steps), np.log(rest), 1)[0]
    assert abs(slope - 2) < 0.2


def test_single_precision_stays_and_flat_models_have_a_gradient():
    model = jnp.full((4, 4), 3000.0, jnp.float32)
    for penalty in (tikhonov, total_variation):
        assert penalty(model, 10.0).dtype == jnp.float32
        np.testing.assert_array_equal(jax.jit(jax.grad(lambda m, f=penalty: f(m, 10.0)))(model), np.zeros((4, 4), np.float32))


def test_errors():
    model = jnp.ones((3, 3))
    with pytest.raises(ValueError, match="`order` = 3 must be 0, 1 or 2"):
        tikhonov(model, order=3)
    with pytest.raises(ValueError, match=r"`spacing` = \(1.0, 2.0, 3.0\) must be positive"):
        tikhonov(model, (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match="`epsilon` = 0.0 must be positive"):
        total_variation(model, epsilon=0.0)
    with pytest.raises(ValueError, match="4 axes"):
        total_variation(jnp.ones((2, 2, 2, 2)))
    with pytest.raises(ValueError, match=r"`reference` \(3, 1\) and `model` \(3, 3\)"):
        tikhonov.__wrapped__(model, reference=jnp.ones((3, 1)))


@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64, np.array, jnp.float32, jnp.asarray])
def test_spacings_from_files(number):
    """They come as NumPy's numbers or as arrays without axes, and mean what a float means, wherever a spacing is asked for."""
    model, at = np.random.default_rng(0).random((5, 6)), np.array([[9.0, 9.0]])
    assert ads.regularizers.tikhonov(model, number(10)) == ads.regularizers.tikhonov(model, 10.0)
    assert ads.regularizers.total_variation(model, number(10)) == ads.regularizers.total_variation(model, 10.0)
    np.testing.assert_array_equal(layering(model, number(10)).normal, layering(model, 10.0).normal)
    assert ads.Grid((5, 6), number(10), 1e-3, 5, number(20)) == ads.Grid((5, 6), 10.0, 1e-3, 5, 20.0)
    assert ads.Grid((5, 6), np.array([10, 5]), 1e-3, 5).spacing == (10, 5)
    np.testing.assert_array_equal(mute_near(at, (5, 6), number(10), 20.0), mute_near(at, (5, 6), 10.0, 20.0))
    np.testing.assert_array_equal(depth_weight((5, 6), number(10)), depth_weight((5, 6), 10.0))
