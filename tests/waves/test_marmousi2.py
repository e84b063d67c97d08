"""Elastic waves over Marmousi2 with its water layer, read in place: they stay finite, and the gradient is right."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

import adseis as ads
from adseis.data.models import read_model
from adseis.experiment.moduli import gardner_density

MODEL = Path(__file__).resolve().parents[3] / "shared" / "data" / "marmousi2-model-true.mat"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not MODEL.exists(), reason=f"no {MODEL.name} in shared/data")]


def experiment(nt, dtype):
    """vp of the file, vs by the mudrock line (Castagna et al. 1985), density by Gardner; one shot in the water, free surface."""
    model = read_model(MODEL, name="vp")
    vp = model.values.astype(dtype)
    water = vp < 1520
    vs = np.where(water, 0, np.maximum((vp - 1360) / 1.16, 250)).astype(dtype)
    rho = np.where(water, 1000, gardner_density(vp)).astype(dtype)
    grid = ads.Grid(vp.shape, model.spacing, 0.5 * min(model.spacing) / float(vp.max()), nt)
    rate = np.asarray(ads.wavelets.ricker(3.0, nt, grid.dt), dtype)[None, None]
    position = np.array([[[2 * model.spacing[0], grid.extent[1] / 3]]], dtype)
    x = grid.coordinates(1)[5:-5:7]
    receivers = np.concatenate([np.stack([np.full_like(x, d * model.spacing[0]), x], -1) for d in (2, 25)]).astype(dtype)
    return grid, ads.ElasticMedium(vp, vs, rho), ads.Survey(ads.Explosion(position, rate), receivers)


def test_stays_finite():
    """20,000 steps in float32 (110 s of waves): what rings on in the water fades, to 1 % of the first arrival."""
    grid, medium, survey = experiment(20_000, "float32")
    vz = ads.simulate_elastic(medium, survey, grid, free_surface=True, record="vz")
    peak = np.abs(vz).max()
    assert peak > 0
    parts = jnp.max(jnp.abs(vz[0]).reshape(10, -1), axis=1)
    assert jnp.all(np.isfinite(parts))
    assert float(parts[-1]) < 0.02 * peak
    assert float(parts[-1]) < 0.7 * float(parts[4])


def test_gradient():
    """Row 11, by vp, vs and rho together in float64: slopes 1 and 2 within 10 %. vs is moved where it is not zero."""
    grid, medium, survey = experiment(260, "float64")

    def objective(x):
        v = ads.simulate_elastic(ads.ElasticMedium(**x), survey, grid, free_surface=True)
        return 1e9 * sum(jnp.sum(component**2) for component in v)

    x = {name: jnp.asarray(getattr(medium, name)) for name in ("vp", "vs", "rho")}
    rng = np.random.default_rng(0)
    direction = {name: jnp.asarray(0.002 * rng.random(grid.shape)) * value for name, value in x.items()}
    assert jax.tree.all(jax.tree.map(lambda d: jnp.any(d != 0), direction))
    assert taylor_slopes(objective, x, direction) == pytest.approx((1, 2), rel=0.1)
