"""Products with J, J' and J'J against the matrices themselves, and what Born modelling leaves out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import convergence_order
from jax.flatten_util import ravel_pytree

import adseis as ads
from adseis.objectives.composite import Composite
from adseis.objectives.curvature import born, curvature_diagonal, curvature_product, gauss_newton_product, migrate
from adseis.timeloop.override import adjoint_override

GRID = ads.Grid(shape=(5, 6), spacing=10.0, dt=1.5e-3, nt=40)
RECEIVERS = np.array([[10.0, 50.0], [40.0, 40.0], [30.0, 10.0]])
SOURCE = ads.Explosion(np.array([[[20.0, 20.0]], [[30.0, 30.0]]]), ads.wavelets.ricker(20.0, GRID.nt, GRID.dt)[None, None])
SURVEY = ads.Survey(SOURCE, RECEIVERS)
RNG = np.random.default_rng(0)
VP = 2000.0 + 50 * RNG.standard_normal(GRID.shape)
RHO = 2200.0 + 50 * RNG.standard_normal(GRID.shape)


def scalar(vp):
    return ads.simulate_scalar(ads.ScalarMedium(vp), SURVEY, GRID, boundary=ads.Sponge(width=2))


def elastic(m):
    medium = ads.ElasticMedium(m["vp"], m["vp"] / 1.8, m["rho"])
    return ads.simulate_elastic(medium, SURVEY, GRID, boundary=ads.Sponge(width=2))


PROBLEMS = {"scalar": (scalar, jnp.asarray(VP)), "elastic": (elastic, {"vp": jnp.asarray(VP), "rho": jnp.asarray(RHO)})}


@pytest.mark.parametrize("name", ["scalar", pytest.param("elastic", marks=pytest.mark.slow)])
def test_product_against_the_dense_matrix(name):
    """J' J v with J written out, a column per unknown: 1e-10 (rounding; about 1e-15 measured). J is of plain JAX, both ways."""
    forward, x = PROBLEMS[name]
    flat, tree = ravel_pytree(x)
    data = lambda y: ravel_pytree(forward(tree(y)))[0]  # noqa: E731
    with adjoint_override(ads.AutoDiff()):
        jacobian = np.asarray(jax.jit(jax.jacfwd(data))(flat))
    v = RNG.standard_normal(flat.size)
    product = jax.jit(lambda v: gauss_newton_product(forward, x, tree(v)))(v)
    expected = jacobian.T @ (jacobian @ v)
    np.testing.assert_allclose(ravel_pytree(product)[0], expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    image = jax.jit(lambda d: migrate(forward, x, d))(jax.jit(forward)(x))
    expected = jacobian.T @ np.asarray(data(flat))
    np.testing.assert_allclose(ravel_pytree(image)[0], expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_born_misses_the_second_order():
    """F(m + h dm) - F(m) falls as h, and as h^2 once h J dm is taken off (Taylor slopes 1 and 2)."""
    direction = 20 * RNG.standard_normal(GRID.shape)
    before, scattered = jax.jit(lambda v: born(scalar, jnp.asarray(VP), v))(direction)
    steps = 2.0 ** -np.arange(1, 7)
    change = [np.asarray(scalar(VP + h * direction) - before) for h in steps]
    assert convergence_order(steps, [np.linalg.norm(c) for c in change]) == pytest.approx(1, abs=0.1)
    rest = [np.linalg.norm(c - h * np.asarray(scattered)) for c, h in zip(change, steps, strict=True)]
    assert convergence_order(steps, rest) == pytest.approx(2, abs=0.1)


@pytest.mark.slow
def test_curvature_of_any_objective():
    """A composite's product is Gauss-Newton's plus its regularizer's; a plain function's is that of the whole Hessian.

    At zero residual both are one, to rounding: the part that Gauss-Newton leaves out is multiplied by the residual.
    """
    observed = scalar(jnp.asarray(VP))
    loss = lambda d: ads.misfits.l2(d, observed)  # noqa: E731
    penalty = lambda m: 1e-12 * ads.regularizers.tikhonov(m, 10.0)  # noqa: E731
    objective = Composite(scalar, loss, penalty)
    v = jnp.asarray(RNG.standard_normal(GRID.shape))
    there, away = jnp.asarray(VP), jnp.asarray(VP + 100)
    product = jax.jit(lambda x: curvature_product(objective, x, v))
    exact = jax.jit(lambda x: curvature_product(lambda m: objective(m), x, v))
    peak = float(jnp.abs(exact(there)).max())
    np.testing.assert_allclose(product(there), exact(there), rtol=0, atol=1e-10 * peak)
    assert float(jnp.abs(product(away) - exact(away)).max()) > 1e-3 * peak
    assert float(objective.after(lambda y: 2 * y)(away / 2)) == pytest.approx(float(objective(away)), rel=1e-12)


def test_curvature_diagonal():
    """Of a known matrix, by 4,000 random data sets: each entry within five standard deviations, sqrt(2 / 4000) of itself each.

    Of 12 normal numbers one is further off once in 150,000 draws; the key is fixed besides.
    """
    matrix = jnp.asarray(RNG.standard_normal((9, 12)) * np.logspace(0, 3, 12))
    forward = lambda x: {"a": matrix[:4] @ x, "b": (matrix[4:] @ x)[None]}  # noqa: E731
    found = curvature_diagonal(forward, jnp.zeros(12), key=jax.random.key(0), samples=4000)
    np.testing.assert_allclose(found, jnp.sum(matrix**2, 0), rtol=5 * np.sqrt(2 / 4000))
    with pytest.raises(ValueError, match="`samples` = 0 must be at least 1"):
        curvature_diagonal(forward, jnp.zeros(12), key=jax.random.key(0), samples=0)
