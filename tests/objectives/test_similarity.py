"""Structural similarity against its definition in loops, and what it is for maps that can be worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.objectives.similarity import structural_similarity


def by_loops(one, other, window=11, deviation=1.5):
    """The definition node by node, zeros around both maps."""
    half = window // 2
    gauss = np.array([np.exp(-((i - half) ** 2) / (2 * deviation**2)) for i in range(window)])
    weights = np.outer(gauss, gauss) / gauss.sum() ** 2
    a, b = (np.pad(x, half) for x in (one, other))
    total = 0.0
    for z in range(one.shape[0]):
        for x in range(one.shape[1]):
            p, q = (m[z : z + window, x : x + window] for m in (a, b))
            mean_p, mean_q = np.sum(weights * p), np.sum(weights * q)
            var_p, var_q = np.sum(weights * p * p) - mean_p**2, np.sum(weights * q * q) - mean_q**2
            both = np.sum(weights * p * q) - mean_p * mean_q
            total += ((2 * mean_p * mean_q + 1e-4) * (2 * both + 9e-4)) / (
                (mean_p**2 + mean_q**2 + 1e-4) * (var_p + var_q + 9e-4)
            )
    return total / one.size


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    one = rng.random((14, 19))
    return one, np.clip(one + 0.2 * rng.standard_normal(one.shape), 0, 1)


@pytest.mark.parametrize("options", [{}, {"window": 5, "deviation": 0.8}], ids=["OpenFWI", "another window"])
def test_against_loops(maps, options):
    """Rounding of sums of 121 terms: 1e-12."""
    assert float(structural_similarity(*maps, **options)) == pytest.approx(by_loops(*maps, **options), abs=1e-12)


def test_bounds(maps):
    """1 of equal maps; less of others, by either order alike; also for maps smaller than the window."""
    one, other = maps
    assert float(structural_similarity(one, one)) == pytest.approx(1, abs=1e-12)
    value = float(structural_similarity(one, other))
    assert value < 0.99
    assert float(structural_similarity(other, one)) == pytest.approx(value, abs=1e-12)
    assert float(structural_similarity(one[:4, :3], other[:4, :3])) == pytest.approx(by_loops(one[:4, :3], other[:4, :3]))


def test_gradient(maps):
    """Zero where maps are equal, the largest value; against a central difference, of second order in 1e-5, elsewhere."""
    one, other = (jnp.asarray(m) for m in maps)
    slope = jax.grad(structural_similarity)
    assert float(jnp.abs(slope(one, one)).max()) < 1e-12
    way = jnp.asarray(np.random.default_rng(1).standard_normal(one.shape))
    central = (structural_similarity(one + 1e-5 * way, other) - structural_similarity(one - 1e-5 * way, other)) / 2e-5
    assert float(jnp.sum(slope(one, other) * way)) == pytest.approx(float(central), rel=1e-6)


def test_errors(maps):
    with pytest.raises(ValueError, match="must be maps of one shape"):
        structural_similarity(maps[0], maps[1][1:])
    with pytest.raises(ValueError, match="`window` = 10 must be odd"):
        structural_similarity(*maps, window=10)
