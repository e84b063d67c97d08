"""Differences of every order: exact on the polynomials they are made for, convergent as claimed, and each other's transposes."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import convergence_order

from adseis.experiment.sampling import ORDERS, check_order
from adseis.waves.stencils import difference, difference_along, pad, stencils_of

NAMES = ("forward", "backward", "second")
SHIFT = {"forward": 0.5, "backward": -0.5, "second": 0.0}


def applied(name, order, h, f, n=5):
    """The difference of f at n points around x = 0.3, and where it is taken."""
    halo = order // 2
    x = 0.3 + h * (np.arange(n + 2 * halo) - halo)
    d = difference(getattr(stencils_of(order, h), name), jnp.asarray(f(x))[None], 1, halo)[0]
    return np.asarray(d), x[halo : halo + n] + SHIFT[name] * h


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", NAMES)
def test_exact_on_polynomials(order, name):
    """The error begins with the derivative of degree order + 1 (second: order + 2): up to there polynomials are exact, to
    rounding, and not beyond."""
    derivative = 2 if name == "second" else 1
    degree = order + derivative
    for power, exact in ((degree - 1, True), (degree, False)):
        d, x = applied(name, order, 0.5, lambda x, power=power: x**power)
        wanted = np.prod(np.arange(power, power - derivative, -1)) * x ** (power - derivative)
        assert bool(np.max(np.abs(d - wanted)) < 1e-11 * np.max(np.abs(wanted))) == exact


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", NAMES)
def test_convergence(order, name):
    """Error of the derivative of exp at one point: slope = order; the steps are large for the sake of order 8, which leaves 3
    %."""
    hs = np.array([0.4, 0.3, 0.2])
    errors = [abs(d[0] / np.exp(x[0]) - 1) for d, x in (applied(name, order, h, np.exp, 1) for h in hs)]
    assert convergence_order(hs, errors) == pytest.approx(order, rel=0.03)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_transposes(axis):
    """(D+)' = -D-, D1' = -D1, D2' = D2 on fields that vanish outside: the identities that the reverse sweep stands on.
    Rounding."""
    halo, rng = 3, np.random.default_rng(axis)
    u, w = (jnp.asarray(rng.standard_normal((2, 7, 8, 9))) for _ in range(2))
    s = stencils_of(6, 2.0)
    d = lambda name, x: difference(getattr(s, name), pad(x, halo), axis, halo)  # noqa: E731
    for name, transpose, sign in (("forward", "backward", -1), ("second", "second", 1)):
        a, b = jnp.vdot(d(name, u), w), sign * jnp.vdot(u, d(transpose, w))
        assert float(a) == pytest.approx(float(b), rel=1e-12)


def test_strips_see_what_the_whole_field_sees():
    """The difference of a part of a field is that part of the whole's: equal bits."""
    halo, rng = 2, np.random.default_rng(0)
    s = stencils_of(4, 1.0).forward
    core = jnp.asarray(rng.standard_normal((1, 12, 5)))
    whole = difference(s, pad(core, halo), 1, halo)
    part = difference_along(s, pad(core, halo)[:, 3 : 7 + 2 * halo, halo:-halo], 1, halo)
    np.testing.assert_array_equal(part, whole[:, 3:7])


def test_unknown_order():
    with pytest.raises(ValueError, match=r"`order` = 3 is not available; use one of \(2, 4, 6, 8\)"):
        check_order(3)
