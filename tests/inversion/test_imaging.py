"""Least-squares migration of two reflectors."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.imaging import least_squares_migration
from adseis.inversion.weights import illumination
from adseis.objectives.curvature import born

GRID = ads.Grid(shape=(31, 51), spacing=10.0, dt=1.5e-3, nt=330)
Z, X = np.meshgrid(GRID.coordinates(0), GRID.coordinates(1), indexing="ij")
BACKGROUND = jnp.full(GRID.shape, 2000.0, "float32")
REFLECTORS = jnp.asarray(20.0 * (np.abs(Z - 110 - 0.1 * X) < 8) - 20.0 * (np.abs(Z - 230) < 8), "float32")
SHOTS = np.stack([np.full(5, 20.0), np.linspace(50, 450, 5)], -1)[:, None].astype("float32")
RECEIVERS = np.stack([np.full(51, 20.0), GRID.coordinates(1)], -1).astype("float32")


@functools.cache
def survey():
    return ads.Survey(ads.Explosion(SHOTS, ads.wavelets.ricker(15.0, GRID.nt, GRID.dt, dtype="float32")[None, None]), RECEIVERS)


def forward(vp):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey(), GRID, boundary=ads.CPML(width=10))


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize("weighted", [False, True])
def test_two_reflectors(weighted):
    """The residual falls below 10 %: singly scattered data can be explained. The reported residual is that of a simulation."""
    _, scattered = born(forward, BACKGROUND, REFLECTORS)
    weight = (Z > 60) * 1.0
    if weighted:
        weight = weight * np.asarray(illumination(ads.simulate_scalar, ads.ScalarMedium(BACKGROUND), survey(), GRID))
    found = least_squares_migration(forward, BACKGROUND, scattered, iterations=15, weight=weight, progress=False)
    residual = np.asarray(found.residual)
    assert residual[0] == 1
    assert np.all(np.diff(residual) < 0)
    assert residual[-1] < 0.1
    _, again = born(forward, BACKGROUND, jnp.asarray(found.image))
    assert residual[-1] == pytest.approx(float(np.linalg.norm(again - scattered) / jnp.linalg.norm(scattered)), rel=0.02)
    assert np.all(found.image[Z <= 60] == 0)
    centre = found.image[:, 15:36]
    assert np.corrcoef(centre.ravel(), np.asarray(REFLECTORS)[:, 15:36].ravel())[0, 1] > 0.6


def test_errors():
    nothing = jnp.zeros((5, GRID.nt, 51), "float32")
    with pytest.raises(ValueError, match="must be finite and not zero"):
        least_squares_migration(forward, BACKGROUND, nothing, progress=False)
    with pytest.raises(ValueError, match="where `weight` is not zero"):
        least_squares_migration(forward, BACKGROUND, nothing + 1, weight=0.0, progress=False)
