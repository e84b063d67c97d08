"""Our misfits against those of ott-jax, where it is installed (`pip install ott-jax`)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.objectives import transport, warping

costs = pytest.importorskip("ott.geometry.costs")
pointcloud = pytest.importorskip("ott.geometry.pointcloud")
linear_problem = pytest.importorskip("ott.problems.linear.linear_problem")
univariate = pytest.importorskip("ott.solvers.linear.univariate")


@pytest.fixture(autouse=True)
def looser_shapes():
    """ott-jax lets arrays of unlike rank meet."""
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.parametrize("smoothing", [0.05, 1.0])
def test_soft_dtw(smoothing):
    """The divergence and its gradient: rounding."""
    rng = np.random.default_rng(0)
    p, o = (jnp.asarray(rng.standard_normal(25)) for _ in range(2))
    theirs = costs.SoftDTW(smoothing, debiased=True)
    ours = jax.value_and_grad(lambda p: warping.divergence(p, o, smoothing, None))(p)
    value, gradient = jax.value_and_grad(lambda p: theirs(p, o))(p)
    assert float(ours[0]) == pytest.approx(float(value), rel=1e-9)
    np.testing.assert_allclose(ours[1], gradient, atol=1e-9 * np.abs(gradient).max())


def test_wasserstein():
    """Densities of 1,600 samples against as many points: 1e-4. Of 40 samples our two quantiles each leave 0.6 %; 1 % allowed."""
    nt, dt, parts = 40, 0.1, 40
    rng = np.random.default_rng(0)
    p, o = (np.exp(rng.standard_normal(nt)) for _ in range(2))
    times = jnp.asarray(dt * (np.arange(nt * parts) + 0.5) / parts)[:, None]
    fine = [jnp.asarray(np.repeat(x / x.sum() / parts, parts)) for x in (p, o)]
    geometry = pointcloud.PointCloud(times, times, cost_fn=costs.SqEuclidean())
    problem = linear_problem.LinearProblem(geometry, *fine)
    theirs = float(univariate.quantile_solver(problem, return_transport=False).ot_costs[0])
    assert float(transport.wasserstein_2(*fine, dt / parts)) == pytest.approx(theirs, rel=1e-4)
    assert float(transport.wasserstein_2(jnp.asarray(p), jnp.asarray(o), dt)) == pytest.approx(theirs, rel=1e-2)
