"""Parametrizations: there and back, gradients, bounds; the depth weight."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

from adseis.inversion.parametrizations import Bounded, Logarithm, Slowness, Splines
from adseis.inversion.weights import depth_weight

SHAPE = (12, 15)
MODEL = jnp.asarray(np.random.default_rng(0).uniform(1500, 4000, SHAPE))
POINTWISE = {"slowness": Slowness(), "logarithm": Logarithm(2000.0), "bounded": Bounded(1000.0, 5000.0)}


@pytest.mark.parametrize("name", POINTWISE)
def test_there_and_back(name):
    """Rounding; in float32 too, and leaf by leaf."""
    p = POINTWISE[name]
    np.testing.assert_allclose(p.to_model(p.to_variables(MODEL)), MODEL, rtol=1e-13)
    both = p.to_model(p.to_variables({"vp": MODEL.astype(jnp.float32), "vs": MODEL / 1.4}))
    assert both["vp"].dtype == jnp.float32
    np.testing.assert_allclose(both["vs"], MODEL / 1.4, rtol=1e-13)


@pytest.mark.parametrize("p", [*POINTWISE.values(), Splines(SHAPE, (4, 6))])
def test_gradients(p):
    """Taylor slopes 1 and 2 of a function of the model: within 10 %."""
    y = p.to_variables(MODEL)
    direction = 0.01 * jnp.abs(y) * jnp.asarray(np.random.default_rng(1).standard_normal(y.shape))
    first, second = taylor_slopes(lambda y: jnp.sum(jnp.sin(p.to_model(y) / 700)), y, direction)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("p", [Slowness(), Logarithm(1000.0), Splines(SHAPE, (5, 4))])
def test_bounds_are_those_of_the_model(p):
    """Anything within the bounds of the variables lies within those of the model."""
    low, high = p.bounds(1400.0, 4100.0)
    rng = np.random.default_rng(0)
    y = jnp.asarray(rng.uniform(low, high, p.to_variables(MODEL).shape))
    model = p.to_model(y)
    assert float(model.min()) >= 1400 * (1 - 1e-12)
    assert float(model.max()) <= 4100 * (1 + 1e-12)
    assert p.bounds() in ((None, None), (0.0, None))


def test_sigmoid_never_leaves_its_bounds():
    p = Bounded(np.full(SHAPE, 1000.0), 5000.0)
    model = p.to_model(jnp.linspace(-1e3, 1e3, 180).reshape(SHAPE))
    assert float(model.min()) >= 1000
    assert float(model.max()) <= 5000
    assert p.bounds() == (None, None)


def test_splines():
    """They sum to one, reproduce cubics, and what they cannot reproduce is projected: a second time changes nothing."""
    p = Splines(SHAPE, (5, 6))
    np.testing.assert_allclose(p.to_model(jnp.ones((5, 6))), 1, rtol=1e-13)
    z, x = np.meshgrid(np.linspace(0, 1, 12), np.linspace(0, 1, 15), indexing="ij")
    cubic = jnp.asarray(1 + z - 3 * z**2 * x**3 + x**2)
    np.testing.assert_allclose(p.to_model(p.to_variables(cubic)), cubic, atol=1e-11)
    once = p.to_model(p.to_variables(MODEL))
    np.testing.assert_allclose(p.to_model(p.to_variables(once)), once, rtol=1e-11)
    assert float(np.linalg.norm(once - MODEL)) < float(np.linalg.norm(MODEL - jnp.mean(MODEL)))
    volume = Splines((6, 7, 8), (4, 4, 5))
    assert volume.to_model(jnp.ones((4, 4, 5))).shape == (6, 7, 8)


def test_depth_weight():
    """(1/2)^2 half way down, zero above the start, one at the bottom."""
    weight = depth_weight((11, 3), 10.0, power=2.0)
    np.testing.assert_allclose(weight[:, 0], (np.arange(11) / 10) ** 2)
    muted = depth_weight((11, 3), (10.0, 5.0), power=0.0, start=25.0)
    np.testing.assert_array_equal(muted[:, 1], np.arange(11) > 2)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Slowness().to_variables(-MODEL), "the model must be positive everywhere for Slowness"),
        (lambda: Logarithm().to_variables(0 * MODEL), "positive everywhere for Logarithm"),
        (lambda: Bounded(2000.0, 3000.0).to_variables(MODEL), "must lie strictly between `low` and `high` of Bounded"),
        (lambda: Bounded(2000.0, 3000.0).bounds(1.0), "Bounded has its own `low` and `high`"),
        (
            lambda: Splines(SHAPE, (3, 5)),
            r"`knots` = \(3, 5\) must be one number per axis, from 4 to the nodes there: \(12, 15\)",
        ),
        (lambda: Splines(SHAPE, (5,)), "must be one number per axis"),
        (lambda: Splines(SHAPE, (5, 5)).to_variables(MODEL[1:]), r"the model \(11, 15\) does not fit `shape` = \(12, 15\)"),
        (lambda: depth_weight(SHAPE, 10.0, power=-1.0), "`power` = -1.0 must not be negative"),
        (lambda: depth_weight(SHAPE, 10.0, start=110.0), "lie above the last row, 110.0 m"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_under_jit():
    """`to_model` compiles; checks of values are for `to_variables`, which runs once."""
    p = Bounded(1000.0, 5000.0)
    np.testing.assert_allclose(jax.jit(p.to_model)(p.to_variables(MODEL)), MODEL, rtol=1e-13)
