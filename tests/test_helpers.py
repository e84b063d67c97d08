"""The measures measure: each accepts the right answer and rejects a wrong one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import convergence_order, dot_test, taylor_slopes

X = {"a": jnp.array([0.3, -1.2, 0.7]), "b": jnp.array(0.4)}
D = {"a": jnp.array([0.2, 0.1, -0.4]), "b": jnp.array(-0.3)}


def smooth(x):
    return jnp.sum(jnp.sin(x["a"]) * jnp.exp(x["b"])) + x["b"] ** 2


@jax.custom_vjp
def wrong(x):
    """`smooth` with a gradient 1 % too large."""
    return smooth(x)


wrong.defvjp(lambda x: (smooth(x), x), lambda x, g: (jax.tree.map(lambda d: 1.01 * g * d, jax.grad(smooth)(x)),))


def field(x):
    return jnp.outer(jnp.tanh(x["a"]), x["a"]) * x["b"]


def test_convergence_order():
    """A pure power law is fitted exactly, so the tolerance is rounding."""
    hs = np.array([0.4, 0.2, 0.1])
    assert convergence_order(hs, 3.0 * hs**4) == pytest.approx(4.0, abs=1e-12)
    assert np.isnan(convergence_order(hs, np.array([1.0, 0.1, 0.0])))


def test_taylor_slopes():
    """Slopes 1 and 2 within the 10 % that the solvers are held to; a gradient wrong by 1 % leaves slope 2 well behind."""
    assert taylor_slopes(smooth, X, D) == pytest.approx((1.0, 2.0), rel=0.1)
    assert taylor_slopes(wrong, X, D)[1] < 1.8


def test_dot_test():
    """Transposes agree to rounding; a vjp wrong by 1 % is seen, and `jvp_of` supplies the jvp that it lacks."""
    y = jnp.arange(9.0).reshape(3, 3) - 2.0
    assert dot_test(field, X, D, y) < 1e-15
    assert dot_test(wrong, X, D, jnp.array(1.0), jvp_of=smooth) == pytest.approx(0.01, rel=1e-6)
