"""Encoded shots: linear, unbiased, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import adseis as ads
from adseis.inversion.shots import encode_gathers, encode_survey, random_signs

GRID = ads.Grid(shape=(14, 16), spacing=10.0, dt=1.5e-3, nt=90)
SHOTS = np.array([[[20.0, 20.0]], [[100.0, 30.0]], [[60.0, 25.0]], [[30.0, 120.0]]])
RECEIVERS = np.array([[10.0, 130.0], [70.0, 140.0], [120.0, 130.0]])
VP = 2000.0 + 30 * np.random.default_rng(0).standard_normal(GRID.shape)


def simulate(vp, survey):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, GRID, boundary=ads.Rigid())


@pytest.fixture(scope="module")
def survey():
    return ads.Survey(ads.Explosion(SHOTS, ads.wavelets.ricker(16.0, GRID.nt, GRID.dt)[None, None]), RECEIVERS)


@pytest.mark.parametrize("source", ["explosion", "force"])
def test_data_are_linear_in_the_sources(survey, source):
    """The encoded survey records the encoded gathers: rounding."""
    run = simulate
    if source == "force":
        force = ads.Force(SHOTS, ads.wavelets.ricker(16.0, GRID.nt, GRID.dt)[None, None], np.array([[[0.6, 0.8]]]))
        survey = ads.Survey((force, survey.source), RECEIVERS)
        medium = ads.AcousticMedium(VP, np.full(GRID.shape, 1500.0))
        run = lambda vp, survey: ads.simulate_acoustic(medium, survey, GRID, boundary=ads.Rigid())  # noqa: E731
    weights = np.random.default_rng(1).standard_normal((2, 4))
    together, apart = run(VP, encode_survey(survey, weights)), encode_gathers(run(VP, survey), weights)
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-12 * np.abs(apart).max())


@pytest.mark.parametrize("draws", [0, pytest.param(200, marks=pytest.mark.slow)])
def test_the_mean_over_all_codes_is_the_whole_gradient(survey, draws):
    """Over an orthogonal set of codes exactly, over many random ones within three standard errors.

    200 random draws: the norm of the mean's error is compared with the standard error that the draws themselves show.
    """
    observed = simulate(VP + 40, survey)

    def encoded_misfit(vp, weights):
        return 0.5 * jnp.sum((simulate(vp, encode_survey(survey, weights)) - encode_gathers(observed, weights)) ** 2)

    whole = jax.jit(jax.grad(lambda vp: 0.5 * jnp.sum((simulate(vp, survey) - observed) ** 2)))(VP)
    gradient = jax.jit(jax.grad(encoded_misfit))
    orthogonal = scipy.linalg.hadamard(4) / 2.0
    np.testing.assert_allclose(gradient(VP, orthogonal), whole, rtol=0, atol=1e-10 * np.abs(whole).max())
    if not draws:
        return
    codes = jnp.stack([random_signs(key, 1, 4) for key in jax.random.split(jax.random.key(1), draws)])
    draws = np.stack([np.asarray(gradient(VP, code)) for code in codes])
    error = np.linalg.norm(draws.mean(0) - whole)
    expected = np.sqrt(np.sum(draws.var(0, ddof=1)) / len(draws))
    assert error < 3 * expected
    assert expected < 0.5 * np.linalg.norm(whole)
    assert np.linalg.norm(draws[0] - whole) > 3 * expected  # a single draw does not do


def test_random_signs():
    """Of unit variance over the encoded shots, and fixed by the key."""
    signs = random_signs(jax.random.key(0), 2, 50)
    np.testing.assert_allclose(np.abs(signs), 1 / np.sqrt(2))
    np.testing.assert_array_equal(signs, random_signs(jax.random.key(0), 2, 50))
    assert abs(float(signs.sum())) < 30


def test_errors(survey):
    apart = ads.Survey(survey.source, np.broadcast_to(RECEIVERS, (4, 3, 2)))
    with pytest.raises(ValueError, match="differ from shot to shot"):
        encode_survey(apart, np.ones((1, 4)))
    with pytest.raises(ValueError, match="the source has 4 shots"):
        simulate(VP, encode_survey(survey, np.ones((1, 3))))
