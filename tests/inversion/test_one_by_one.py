"""Sums over shots whose gradients are made one by one."""

import jax
import jax.numpy as jnp
import numpy as np

from adseis.inversion.one_by_one import one_by_one

SHOTS = {"a": jnp.arange(1.0, 13.0).reshape(3, 4), "b": jnp.array([0.5, -1.0, 2.0])}


def part(x, shot):
    return jnp.sum(jnp.sin(shot["a"] * x["u"]) ** 2) + shot["b"] * x["v"] ** 3


def test_value_and_gradient_are_those_of_the_mean():
    """The same arithmetic in another order: to rounding. The factor in front goes through the rule of the chain."""
    x = {"u": jnp.array([0.1, 0.2, -0.3, 0.4]), "v": jnp.array(0.7)}
    mean = one_by_one(part, SHOTS)

    def plain(x):
        return sum(part(x, jax.tree.map(lambda s, k=k: s[k], SHOTS)) for k in range(3)) / 3

    for outer in (lambda y: y, lambda y: 4 * y**2):
        (value, gradient), (expected, right) = (
            jax.jit(jax.value_and_grad(lambda x, inner=inner, outer=outer: outer(inner(x))))(x) for inner in (mean, plain)
        )
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), gradient, right)
    np.testing.assert_allclose(mean(x), plain(x), rtol=1e-13)
