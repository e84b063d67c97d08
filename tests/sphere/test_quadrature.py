"""Points, weights and slopes on the reference interval: exact for the polynomials that they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import Polynomial

from adseis.sphere.quadrature import lagrange, lobatto

each = pytest.mark.parametrize("axial", [False, True])
DEGREES = range(1, 9)


@each
def test_integrals_are_exact(axial):
    """Of x^n to n = 2 N - 1, with the weight 1 or 1 + x, to rounding; not beyond."""
    weight = Polynomial([1, 1] if axial else [1])
    for degree in DEGREES:
        rule = lobatto(degree, axial=axial)
        assert rule.points[0] == -1
        assert rule.points[-1] == 1
        error = []
        for n in range(2 * degree + 1):
            whole = (Polynomial([0] * n + [1]) * weight).integ()
            error.append(abs(rule.weights @ rule.points**n - (whole(1) - whole(-1))))
        assert max(error[:-1]) < 1e-14
        assert error[-1] > 1e-6


@each
def test_derivative(axial):
    """Exact for polynomials of degree N, rounding grown by the N^2 of the largest slope."""
    for degree in DEGREES:
        rule = lobatto(degree, axial=axial)
        some = Polynomial(np.random.default_rng(degree).normal(size=degree + 1))
        np.testing.assert_allclose(rule.derivative @ some(rule.points), some.deriv()(rule.points), rtol=0, atol=1e-12)


def test_published_points():
    """Of degree 4: 0, sqrt(3 / 7), 1 and 32/45, 49/90, 1/10 without a weight (Abramowitz & Stegun, table 25.6)."""
    rule = lobatto(4)
    np.testing.assert_allclose(rule.points[2:], [0, np.sqrt(3 / 7), 1], rtol=0, atol=1e-15)
    np.testing.assert_allclose(rule.weights[2:], [32 / 45, 49 / 90, 1 / 10], rtol=0, atol=1e-15)


def test_lagrange():
    """Ones and zeros at the points; values and slopes of a polynomial anywhere, at the points too, to rounding."""
    rule, some = lobatto(5, axial=True), Polynomial([1, -2, 0.5, 3, -1, 0.7])
    np.testing.assert_array_equal(lagrange(np.broadcast_to(rule.points, (6, 6)), jnp.asarray(rule.points)), np.eye(6))
    x = jnp.asarray([-1.0, -0.3, rule.points[2], 1.0, 1.2])
    at = lambda x: lagrange(rule.points, x) @ some(rule.points)  # noqa: E731
    value, slope = jax.vmap(jax.value_and_grad(at))(x)
    np.testing.assert_allclose(value, some(np.asarray(x)), rtol=0, atol=1e-13)
    np.testing.assert_allclose(slope, some.deriv()(np.asarray(x)), rtol=0, atol=1e-12)
    by_rule = jax.vmap(lambda x: lagrange(rule.points, x) @ rule.derivative @ some(rule.points))(x)
    np.testing.assert_allclose(by_rule, slope, rtol=0, atol=1e-12)


def test_no_degree():
    with pytest.raises(ValueError, match="`degree` = 0 must be at least 1"):
        lobatto(0)
