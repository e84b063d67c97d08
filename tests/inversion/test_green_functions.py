"""Green's functions against the solver that they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.green_functions import green_functions

GRID = ads.Grid(shape=(14, 28), spacing=20.0, dt=4e-3, nt=80)
POINTS = np.stack([np.full(3, 170.0), [150.0, 290.0, 433.0]], -1)[None]
RECEIVERS = np.stack([np.full(5, 50.0), np.linspace(60, 520, 5)], -1)
VP = np.full(GRID.shape, 2000.0)


def acoustic(rate):
    survey = ads.Survey(ads.Explosion(POINTS, rate[None]), RECEIVERS)
    medium = ads.AcousticMedium(*2 * (VP.astype(rate.dtype),))
    return ads.simulate_acoustic(medium, survey, GRID, boundary=ads.Rigid())


def elastic(rate):
    moment = np.broadcast_to(1e9 * np.array([[0.0, 1.0], [1.0, 0.0]]), (1, 3, 2, 2))
    survey = ads.Survey(ads.MomentTensor(POINTS, rate[None], moment), RECEIVERS)
    return ads.simulate_elastic(ads.ElasticMedium(VP, VP / 2, VP), survey, GRID, boundary=ads.Rigid())


@pytest.mark.parametrize("forward", [acoustic, pytest.param(elastic, marks=pytest.mark.slow)])
def test_equal_the_solver(forward):
    """Gathers and gradients of noise as histories: linear and alike at all times, so that only rounding is left (1e-15
    measured); what the first three samples do is left out."""
    green = green_functions(forward, 3, GRID)
    rate = jnp.asarray(np.random.default_rng(0).standard_normal((3, GRID.nt))).at[:, :3].set(0).at[:, -3:].set(0)

    def energy(rate, f):
        gathers = jax.tree.leaves(f(rate))
        return sum(jnp.vdot(g, g) for g in gathers), gathers

    (expected, direct), (found, convolved) = (
        jax.jit(jax.grad(energy, has_aux=True), static_argnums=1)(rate, f) for f in (forward, green)
    )
    for a, b in zip(direct, convolved, strict=True):
        assert np.abs(a).max() > 0
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())
    np.testing.assert_allclose(found[:, 3:-3], expected[:, 3:-3], rtol=0, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_array_equal(*(jax.tree.leaves(green(r))[0] for r in (rate, rate.at[:, :3].set(9.0))))


def test_single_precision():
    """Rounding is of the answer to an impulse, larger than that to smooth histories: 1e-5 of the peak."""
    green = green_functions(acoustic, 3, GRID, dtype="float32")
    rate = np.broadcast_to(ads.wavelets.ricker(8.0, GRID.nt, GRID.dt), (3, GRID.nt)).astype("float32").copy()
    rate[:, :3] = 0
    found, wanted = green(jnp.asarray(rate)), jax.jit(acoustic)(jnp.asarray(rate))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_errors():
    with pytest.raises(ValueError, match="`sources` = 0"):
        green_functions(acoustic, 0, GRID)
    with pytest.raises(ValueError, match="`grid.nt` = 3 steps are too few"):
        green_functions(acoustic, 3, ads.Grid(GRID.shape, 20.0, 4e-3, 3))
    with pytest.raises(ValueError, match=r"`rate` \(2, 80\) must be \(source, time\) = \(3, 80\)"):
        green_functions(acoustic, 3, GRID)(jnp.zeros((2, GRID.nt)))
