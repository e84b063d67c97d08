"""Truncated Newton within bounds, and conjugate gradients inside it."""

import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.fwi import Update, invert
from adseis.optimizers.conjugate_gradients import conjugate_gradients
from adseis.optimizers.lbfgs import LBFGSB
from adseis.optimizers.minimize import minimize
from adseis.optimizers.newton import NewtonCG

RNG = np.random.default_rng(0)
ROOT = RNG.standard_normal((8, 8))
MATRIX, VECTOR = ROOT @ ROOT.T + np.eye(8), RNG.standard_normal(8)


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_conjugate_gradients_solve():
    """n products solve n equations, to rounding times the condition number."""
    seen = []
    found = conjugate_gradients(
        lambda v: MATRIX @ v, VECTOR, iterations=30, tolerance=1e-12, callback=lambda *told: seen.append(told)
    )
    np.testing.assert_allclose(found.x, np.linalg.solve(MATRIX, VECTOR), rtol=1e-8)
    assert found.message == "converged"
    np.testing.assert_allclose(found.residual, VECTOR - MATRIX @ found.x, atol=1e-10)
    assert [k for k, _, _ in seen] == list(range(1, found.iterations + 1))
    assert found.iterations <= 12
    np.testing.assert_allclose([v for _, _, v in seen], [x @ MATRIX @ x / 2 - VECTOR @ x for _, x, _ in seen], rtol=1e-12)


@pytest.mark.parametrize("sign", [-1.0, 0.0])
def test_negative_curvature_gives_the_right_hand_side(sign):
    """Of no use as a matrix: the first direction is returned, which descends."""
    found = conjugate_gradients(lambda v: sign * v, VECTOR, iterations=5)
    np.testing.assert_array_equal(found.x, VECTOR)
    assert found.message == "negative curvature"


@pytest.mark.parametrize("bounds", [None, (-2.0, 2.0), (None, 0.5)], ids=["free", "boxed", "above"])
def test_rosenbrock(bounds):
    """The minimum of L-BFGS, held by a bound or not; Newton's method is quadratic at its end."""
    x0 = np.array([-1.2, 1.0]).clip(None, 0.5)  # in two dimensions there is one minimum
    ours = minimize(rosenbrock, x0, method="newton-cg", bounds=bounds, iterations=200, progress=False)
    theirs = minimize(rosenbrock, x0, bounds=bounds, iterations=500, progress=False)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=0, atol=1e-5)
    assert ours.converged
    values = [iterate.value for iterate in ours.history]
    assert all(after <= before for before, after in zip(values, values[1:], strict=False))


def test_products_count_twice_and_the_cap_holds():
    """One evaluation at the start, then two per product and one per trial point, of which a line search has one at least."""
    result = minimize(rosenbrock, np.zeros(6), method=NewtonCG(inner=3), iterations=50, evaluations=20, progress=False)
    assert result.evaluations <= 20
    assert len(result.history) > 2
    assert not result.converged
    spent = [iterate.evaluations for iterate in result.history]
    assert spent[0] == 1
    assert np.all(np.diff(spent) >= 3)


@pytest.mark.parametrize("killed", [2, 9, 16])
def test_a_killed_run_resumes_to_the_same_iterates(tmp_path, killed):
    """Products stand in the journal as evaluations do."""
    call = lambda cap, journal: minimize(  # noqa: E731
        rosenbrock, np.zeros(6), method="newton-cg", evaluations=cap, journal=journal, progress=False
    )
    whole = call(40, tmp_path / "whole.h5")
    call(killed, tmp_path / "killed.h5")
    evaluated = []
    resumed = minimize(
        rosenbrock, np.zeros(6), method="newton-cg", evaluations=40, journal=tmp_path / "killed.h5", progress=False,
        callback=lambda *_: evaluated.append(1),
    )  # fmt: skip
    np.testing.assert_array_equal(resumed.x, whole.x)
    assert resumed.history == whole.history
    with pytest.raises(ValueError, match="another method"):
        minimize(rosenbrock, np.zeros(6), journal=tmp_path / "killed.h5", progress=False)


@pytest.mark.slow
def test_gauss_newton_inverts_velocity():
    """A disc between lines of sources and receivers: in 60 evaluations the misfit falls below 1e-3 of its start."""
    grid = ads.Grid(shape=(21, 21), spacing=20.0, dt=3e-3, nt=120)
    z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    true = np.where(np.hypot(z - 200, x - 200) < 70, 2200.0, 2000.0).astype("float32")
    shots = np.stack([np.array([80.0, 200.0, 320.0]), np.full(3, 40.0)], -1)[:, None].astype("float32")
    receivers = np.stack([grid.coordinates(0), np.full(21, 360.0)], -1).astype("float32")
    wavelet = ads.wavelets.ricker(8.0, grid.nt, grid.dt, dtype="float32")[None, None]
    survey = ads.Survey(ads.Explosion(shots, wavelet), receivers)
    forward = lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.Rigid())  # noqa: E731
    update = Update(low=1900.0, high=2300.0)
    result = invert(
        forward, forward(true), np.full(grid.shape, 2000.0, "float32"), dt=grid.dt, update=update, method=NewtonCG(inner=6),
        evaluations=60, progress=False,
    )  # fmt: skip
    assert result.value < 1e-3 * result.history[0].value
    assert 1900 <= result.x.min() < result.x.max() <= 2300


def test_errors():
    with pytest.raises(ValueError, match="`inner` = 0 must be at least 1"):
        NewtonCG(inner=0)
    with pytest.raises(ValueError, match="`memory` = 0 must be at least 1"):
        LBFGSB(memory=0)
    with pytest.raises(ValueError, match="Choose one of: l-bfgs-b, newton-cg"):
        minimize(rosenbrock, np.zeros(3), method="newton", progress=False)
