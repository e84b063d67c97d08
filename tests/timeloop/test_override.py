"""Within an override every simulation uses its adjoint, compiled code around it included; outside of it nothing has changed."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.timeloop.override import adjoint_override

GRID = ads.Grid((9, 10), 10.0, 1e-3, 12)
VP = jnp.full(GRID.shape, 2000.0)


def energy(vp):
    survey = ads.Survey(ads.Explosion(np.array([[[30.0, 40.0]]]), np.ones((1, 1, GRID.nt))), np.array([[40.0, 60.0]]))
    return jnp.sum(ads.simulate_scalar(ads.ScalarMedium(vp), survey, GRID, boundary=ads.CPML(2), order=2) ** 2)


def twice(vp):
    return energy(vp) + jax.lax.fori_loop(0, 2, lambda _, total: total + energy(vp), 0.0)


@pytest.mark.parametrize(
    "wrap",
    [jax.jit, pytest.param(lambda f: f, marks=pytest.mark.slow), pytest.param(eqx.filter_jit, marks=pytest.mark.slow)],
    ids=["jit", "plain", "filter_jit"],
)
def test_reaches_compiled_functions(wrap):
    """Forward derivatives exist within it and nowhere else, although the function was traced before; they are <gradient, dx> to
    rounding."""
    run = wrap(energy)
    gradient = jax.grad(run)(VP)
    with adjoint_override(ads.AutoDiff()) as override:
        _, forward = jax.jvp(run, (VP,), (VP,))
    assert override.simulations == 1
    assert float(forward) == pytest.approx(float(jnp.vdot(gradient, VP)), rel=1e-12)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(run, (VP,), (VP,))


@pytest.mark.slow
def test_counts_each_simulation_once():
    """A loop traces its body once, however often it runs; a function without a simulation counts none. Nested, the inner override
    rules, and an exception ends both."""
    met = []

    def fail():
        with adjoint_override(ads.AutoDiff()) as inner:
            met.append(inner)
            jax.jit(twice)(VP)
            raise ZeroDivisionError

    with adjoint_override(ads.ReverseSweep()) as outer:
        with pytest.raises(ZeroDivisionError):
            fail()
        jax.jit(jnp.sum)(VP)
        assert (outer.simulations, met[0].simulations) == (0, 2)
        energy(VP)
        assert outer.simulations == 1
    energy(VP)
    assert outer.simulations == 1
