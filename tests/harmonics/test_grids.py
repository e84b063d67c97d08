"""Quadrature, rotation and power against orthonormality, evaluation and the mean square."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes
from scipy.spatial.transform import Rotation

from adseis.harmonics import analyse, directions, evaluate, evaluate_at, gauss_grid, harmonics, power, rotate

DEGREE = 12
rng = np.random.default_rng(2)
C = rng.normal(size=((DEGREE + 1) ** 2, 2))
GRID = gauss_grid(DEGREE)
LAT, LON = np.meshgrid(GRID.latitude, GRID.longitude, indexing="ij")
TURN = Rotation.from_rotvec([0.3, -1.1, 2.0]).as_matrix()


def test_orthonormal():
    """The quadrature is exact for products of two harmonics: 1e-12, rounding."""
    y = np.asarray(harmonics(LAT, LON, DEGREE))
    product = np.einsum("jkh,jki,j->hi", y, y, GRID.weight)
    np.testing.assert_allclose(product, np.eye(len(C)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("convention", ["orthonormal", "globaltomo"])
def test_analysis_undoes_evaluation(convention):
    """To rounding, for all degrees of the grid and for fewer, which others do not leak into."""
    values = evaluate(C, LAT, LON, convention=convention)
    np.testing.assert_allclose(analyse(values, convention=convention), C, rtol=0, atol=1e-13)
    np.testing.assert_allclose(analyse(values[..., 0], 5, convention=convention), C[:36, 0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("convention", ["orthonormal", "globaltomo"])
def test_rotation(convention):
    """What the function had in n the turned one has in R n: rounding of a sum of 169 terms."""
    n = np.asarray(directions(rng.uniform(-90, 90, 20), rng.uniform(0, 360, 20)))
    before = evaluate_at(C, n, convention=convention)
    turned = rotate(C, TURN, convention=convention)
    np.testing.assert_allclose(evaluate_at(turned, n @ TURN.T, convention=convention), before, rtol=0, atol=1e-12)
    np.testing.assert_allclose(rotate(turned, TURN.T, convention=convention), C, rtol=0, atol=1e-12)
    np.testing.assert_allclose(power(turned), power(C), rtol=1e-12)  # degrees do not mix


def test_gradient_by_the_angle():
    """Taylor slope 2 by the coefficients and the angle of a rotation."""

    def objective(parts):
        c, angle = parts
        cosine, sine, zero = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle)
        turn = jnp.stack([cosine, zero, sine, zero, zero + 1, zero, -sine, zero, cosine]).reshape(3, 3)
        return jnp.sum(rotate(c, turn)[:8] ** 2)

    at = (jnp.asarray(C[:16, 0]), jnp.asarray(0.4))
    slopes = taylor_slopes(objective, at, (jnp.asarray(C[16:32, 0]), jnp.asarray(1.0)), 2.0 ** -np.arange(7, 13))
    np.testing.assert_allclose(slopes, [1, 2], atol=0.1)


def test_power():
    """Its sum is the mean square over the sphere, to rounding."""
    values = np.asarray(evaluate(C, LAT, LON))
    mean = np.einsum("jkc,j->c", values**2, GRID.weight) / (4 * np.pi)
    assert power(C).shape == (DEGREE + 1, 2)
    np.testing.assert_allclose(np.sum(power(C), 0), mean, rtol=1e-12)
    np.testing.assert_allclose(power(C[:4, 0])[1], np.sum(C[1:4, 0] ** 2) / (4 * np.pi), rtol=1e-15)


def test_single_precision_and_batches():
    """Single precision stays; a batch is as its parts, to rounding."""
    values = np.asarray(evaluate(C, LAT, LON), "float32")
    found = analyse(values)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, C, rtol=0, atol=1e-5)
    assert power(found).dtype == "float32"
    batched = jax.jit(jax.vmap(rotate, (None, 0)))(C[:9], jnp.stack([jnp.eye(3), TURN]))
    np.testing.assert_allclose(batched[0], C[:9], rtol=0, atol=1e-14)
    np.testing.assert_allclose(batched[1], rotate(C[:9], TURN), rtol=0, atol=1e-14)


def test_errors():
    """What is wrong, and what would be right."""
    with pytest.raises(ValueError, match=r"`values` \(5, 8\) lie on no Gauss grid: 5 latitudes go with 9 longitudes"):
        analyse(np.zeros((5, 8)))
    with pytest.raises(ValueError, match=r"`degree` = 6 is above that of the grid, 4. Use `gauss_grid\(6\)`"):
        analyse(np.zeros((5, 9)), 6)
    with pytest.raises(ValueError, match="`degree` = -1 must not be negative"):
        gauss_grid(-1)
