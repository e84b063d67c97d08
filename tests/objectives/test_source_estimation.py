"""Time functions by least squares, and misfits that do not depend on them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

import adseis as ads
from adseis.objectives.source_estimation import apply_filter, estimate_filter, with_estimated_source

GRID = ads.Grid(shape=(24, 26), spacing=10.0, dt=1.5e-3, nt=260)
SHOTS = np.array([[[30.0, 40.0]], [[120.0, 40.0]], [[200.0, 60.0]]])
RECEIVERS = np.stack([np.linspace(20, 210, 12), np.full(12, 220.0)], -1)


def forward(vp, wavelet):
    survey = ads.Survey(ads.Explosion(SHOTS, wavelet[None, None]), RECEIVERS)
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, GRID, boundary=ads.CPML(width=10), order=2)


class Gathers(NamedTuple):
    """Two time functions and what is recorded of them in the same medium."""

    vp: jax.Array
    right: jax.Array
    wrong: jax.Array
    observed: jax.Array
    predicted: jax.Array


@pytest.fixture(scope="module")
def gathers():
    vp = jnp.full(GRID.shape, 2000.0)
    right = ads.wavelets.ricker(11.0, GRID.nt, GRID.dt) * 3
    wrong = ads.wavelets.ricker(13.0, GRID.nt, GRID.dt, delay=0.08)
    return Gathers(vp, right, wrong, forward(vp, right), forward(vp, wrong))


@pytest.mark.parametrize("shared", [False, True])
def test_the_filter_turns_one_time_function_into_the_other(gathers, shared):
    """Within 2 % of the peak: damping holds back where the wrong one has no power (0.5 % measured)."""
    _, right, wrong, observed, predicted = gathers
    response = estimate_filter(predicted, observed, damping=1e-6, shared=shared)
    assert response.shape[0] == (1 if shared else 3)
    found = apply_filter(jnp.asarray(wrong)[None, None], response, axis=2)
    np.testing.assert_allclose(found[0, 0], right, rtol=0, atol=0.02 * np.abs(right).max())
    np.testing.assert_allclose(apply_filter(predicted, response), observed, rtol=0, atol=0.02 * np.abs(observed).max())


def test_the_misfit_forgets_the_time_function(gathers):
    """A wrong one costs nothing (1e-4 of silence), wrong traces do."""
    vp, _, wrong, observed, predicted = gathers
    misfit = with_estimated_source(ads.misfits.l2, damping=1e-6)
    silence = float(misfit(jnp.zeros_like(observed), observed))
    assert silence == pytest.approx(float(ads.misfits.l2(jnp.zeros_like(observed), observed)))
    assert float(misfit(predicted, observed)) < 1e-4 * silence
    away = vp.at[8:14, 10:16].add(200.0)
    assert float(misfit(forward(away, wrong), observed)) > 1e-3 * silence


@pytest.mark.slow
def test_taylor_slopes_of_the_misfit(gathers):
    """By the model: 1 and 2."""
    vp, _, wrong, observed, _ = gathers
    misfit, away = with_estimated_source(ads.misfits.l2, damping=1e-6), vp.at[8:14, 10:16].add(200.0)
    direction = 50 * jnp.asarray(np.random.default_rng(0).standard_normal(GRID.shape))
    first, second = taylor_slopes(lambda v: misfit(forward(v, wrong), observed), away, direction)
    assert first == pytest.approx(1, abs=0.1)
    assert second == pytest.approx(2, abs=0.1)


def test_under_jit_and_errors(gathers):
    *_, observed, predicted = gathers
    misfit = with_estimated_source(ads.misfits.l2)
    assert float(jax.jit(misfit)(predicted, observed)) == pytest.approx(float(misfit(predicted, observed)))
    with pytest.raises((ValueError, TypeError), match="must have the same shape|receiver"):
        estimate_filter(predicted[..., :1], observed)
    with pytest.raises(ValueError, match="`damping` = 0"):
        estimate_filter(predicted, observed, damping=0.0)
