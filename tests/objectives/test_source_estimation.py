"""Time functions by least squares, and misfits that do not depend on them."""

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
RIGHT = ads.wavelets.ricker(11.0, GRID.nt, GRID.dt) * 3
WRONG = ads.wavelets.ricker(13.0, GRID.nt, GRID.dt, delay=0.08)


def forward(vp, wavelet):
    survey = ads.Survey(ads.Explosion(SHOTS, wavelet[None, None]), RECEIVERS)
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, GRID, boundary=ads.CPML(width=10))


VP = jnp.full(GRID.shape, 2000.0)
OBSERVED, PREDICTED = forward(VP, RIGHT), forward(VP, WRONG)


@pytest.mark.parametrize("shared", [False, True])
def test_the_filter_turns_one_time_function_into_the_other(shared):
    """Within 2 % of the peak: damping holds back where the wrong one has no power (0.5 % measured)."""
    response = estimate_filter(PREDICTED, OBSERVED, damping=1e-6, shared=shared)
    assert response.shape[0] == (1 if shared else 3)
    found = apply_filter(jnp.asarray(WRONG)[None, None], response, axis=2)
    np.testing.assert_allclose(found[0, 0], RIGHT, rtol=0, atol=0.02 * np.abs(RIGHT).max())
    np.testing.assert_allclose(apply_filter(PREDICTED, response), OBSERVED, rtol=0, atol=0.02 * float(jnp.abs(OBSERVED).max()))


def test_the_misfit_forgets_the_time_function():
    """A wrong one costs nothing (1e-4 of silence), wrong traces do; Taylor slopes by the model are 1 and 2."""
    misfit = with_estimated_source(ads.misfits.l2, damping=1e-6)
    silence = float(misfit(jnp.zeros_like(OBSERVED), OBSERVED))
    assert silence == pytest.approx(float(ads.misfits.l2(jnp.zeros_like(OBSERVED), OBSERVED)))
    assert float(misfit(PREDICTED, OBSERVED)) < 1e-4 * silence
    away = VP.at[8:14, 10:16].add(200.0)
    assert float(misfit(forward(away, WRONG), OBSERVED)) > 1e-3 * silence
    direction = 50 * jnp.asarray(np.random.default_rng(0).standard_normal(GRID.shape))
    first, second = taylor_slopes(lambda vp: misfit(forward(vp, WRONG), OBSERVED), away, direction)
    assert first == pytest.approx(1, abs=0.1)
    assert second == pytest.approx(2, abs=0.1)


def test_under_jit_and_errors():
    misfit = with_estimated_source(ads.misfits.l2)
    assert float(jax.jit(misfit)(PREDICTED, OBSERVED)) == pytest.approx(float(misfit(PREDICTED, OBSERVED)))
    with pytest.raises((ValueError, TypeError), match="must have the same shape|receiver"):
        estimate_filter(PREDICTED[..., :1], OBSERVED)
    with pytest.raises(ValueError, match="`damping` = 0"):
        estimate_filter(PREDICTED, OBSERVED, damping=0.0)
