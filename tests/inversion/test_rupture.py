"""Ruptures along a line: whole histories, and times with amounts; in a fluid and in a solid, through the solver and by Green's
functions, with and without noise."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

import adseis as ads
from adseis.inversion.green_functions import green_functions
from adseis.inversion.rupture import gaussian_histories, invert_rupture, invert_slip_history
from adseis.objectives.bands import Band

GRID = ads.Grid(shape=(32, 52), spacing=20.0, dt=3e-3, nt=240)
POINTS = np.stack([np.full(5, 310.0), np.linspace(230, 790, 5)], -1)[None]  # 140 m apart, rupturing at 1,750 m/s
WIDTH = 0.03  # of the histories: 3 % are left at 14 Hz, wavelengths of 140 m
TIMES = np.array([0.15, 0.23, 0.31, 0.39, 0.47])
AMOUNTS = np.array([0.6, 1.0, 1.4, 0.8, 0.5])
ALONG, DOWN = np.linspace(60, 960, 10), np.linspace(140, 480, 4)
RECEIVERS = np.concatenate(
    [np.stack([np.full(10, z), ALONG], -1) for z in (60.0, 560.0)] + [np.stack([DOWN, np.full(4, x)], -1) for x in (60.0, 960.0)]
)
TRUE = np.asarray(gaussian_histories(TIMES, AMOUNTS, GRID, width=WIDTH))
OPTIONS = {"boundary": ads.CPML(width=8), "order": 2}  # to compile faster


def acoustic(rate):
    medium = ads.AcousticMedium(np.full(GRID.shape, 2000.0), np.full(GRID.shape, 2000.0))
    return ads.simulate_acoustic(medium, ads.Survey(ads.Explosion(POINTS, rate[None]), RECEIVERS), GRID, **OPTIONS)


def elastic(rate):
    """Slip along the line: a moment zx, and both components of velocity; S waves of 1,700 m/s."""
    medium = ads.ElasticMedium(*(np.full(GRID.shape, v) for v in (2900.0, 1700.0, 2000.0)))
    moment = 1e9 * np.broadcast_to(np.array([[0.0, 1.0], [1.0, 0.0]]), (1, 5, 2, 2))
    survey = ads.Survey(ads.MomentTensor(POINTS, rate[None], moment), RECEIVERS)
    return ads.simulate_elastic(medium, survey, GRID, **OPTIONS)


FORWARD = {"acoustic": acoustic, "elastic": elastic}
each = pytest.mark.parametrize("physics", ["acoustic", pytest.param("elastic", marks=pytest.mark.slow)])


@functools.cache
def green(physics):
    return green_functions(FORWARD[physics], 5, GRID)


def with_noise(gathers):
    """A tenth of each record's peak, which is half of its energy and more."""
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda g: g + 0.1 * jnp.abs(g).max() * rng.standard_normal(g.shape), gathers)


def relative(found):
    return np.linalg.norm(found - TRUE) / np.linalg.norm(TRUE)


@each
def test_histories(physics):
    """From nothing, by the solver's data: to 0.5 % of their norm and amounts to 0.5 %, none negative (0.1 % of both measured:
    what smoothness takes)."""
    observed = FORWARD[physics](jnp.asarray(TRUE))
    found = invert_slip_history(green(physics), observed, 5, GRID, progress=False)
    assert found.rate.min() >= 0
    assert relative(found.rate) < 0.005
    np.testing.assert_allclose(found.rate.sum(1) * GRID.dt, AMOUNTS, rtol=0.005)


@each
def test_histories_with_noise(physics):
    """A tenth of the data's peak as noise: within 15 % of the norm (8 % measured). What is never negative has a mean where there
    was nothing, so that amounts over the whole record come out up to a third too large; their peaks within 15 %."""
    observed = with_noise(green(physics)(jnp.asarray(TRUE)))
    bands = [Band(None, 100)]
    found = invert_slip_history(green(physics), observed, 5, GRID, smooth_time=3 * GRID.dt, bands=bands, progress=False)
    assert relative(found.rate) < 0.15
    np.testing.assert_allclose(found.rate.max(1), TRUE.max(1), rtol=0.15)
    rough = invert_slip_history(green(physics), observed, 5, GRID, bands=bands, progress=False)
    assert relative(found.rate) < 0.7 * relative(rough.rate)


@pytest.mark.slow
def test_through_the_solver():
    """Gradients of the simulation itself, with neighbours held together a little: to 10 % of the norm in 30 iterations (6 %
    measured; Green's functions, which other tests use for speed, give the same gradient: test_green_functions.py)."""
    observed, bands = acoustic(jnp.asarray(TRUE)), [Band(None, 30)]
    found = invert_slip_history(acoustic, observed, 5, GRID, bands=bands, smooth_along=0.01, progress=False)
    assert found.rate.min() >= 0
    assert relative(found.rate) < 0.1


@each
def test_times_and_amounts(physics):
    """Told nothing: times within 0.01 samples, amounts within 0.01 % (1e-6 samples and 1e-7 measured: the fit is exact)."""
    observed = FORWARD[physics](jnp.asarray(TRUE))
    seen = []
    found = invert_rupture(green(physics), observed, 5, GRID, width=WIDTH, progress=False,
                           callback=lambda iteration, x, value: seen.append((iteration, set(x))))  # fmt: skip
    np.testing.assert_allclose(found.time, TIMES, rtol=0, atol=0.01 * GRID.dt)
    np.testing.assert_allclose(found.amount, AMOUNTS, rtol=1e-4)
    np.testing.assert_allclose(found.rate, TRUE, rtol=0, atol=1e-3 * TRUE.max())
    assert seen == [(k + 1, {"time", "amount"}) for k in range(len(seen))]
    assert len(seen) > 40


@each
def test_times_and_amounts_with_noise(physics):
    """A tenth of the data's peak as noise: times within half a sample, amounts within 6 % (0.2 samples, 4 % measured)."""
    observed = with_noise(green(physics)(jnp.asarray(TRUE)))
    found = invert_rupture(green(physics), observed, 5, GRID, width=WIDTH, progress=False)
    np.testing.assert_allclose(found.time, TIMES, rtol=0, atol=0.5 * GRID.dt)
    np.testing.assert_allclose(found.amount, AMOUNTS, rtol=0.06)


def test_a_start_near_the_truth_needs_no_search():
    """Times up to 8 samples off, as a guess of the rupture's speed would be."""
    start = TIMES + GRID.dt * np.array([8, -6, 5, -7, 8])
    found = invert_rupture(
        green("acoustic"), green("acoustic")(jnp.asarray(TRUE)), 5, GRID, width=WIDTH, time=start, progress=False
    )
    np.testing.assert_allclose(found.time, TIMES, rtol=0, atol=0.01 * GRID.dt)
    np.testing.assert_allclose(found.amount, AMOUNTS, rtol=1e-4)


def test_a_repeated_call_resumes_to_the_same(tmp_path):
    """Both minimizations have journals; the second call replays them, bit for bit."""
    observed = with_noise(green("acoustic")(jnp.asarray(TRUE)))
    calls = [
        invert_rupture(green("acoustic"), observed, 5, GRID, width=WIDTH, bands=[Band(None, iterations)],
                       journal=tmp_path / "run.h5", progress=False)
        for iterations in (3, 8)
    ]  # fmt: skip
    fresh = invert_rupture(green("acoustic"), observed, 5, GRID, width=WIDTH, bands=[Band(None, 8)], progress=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run-band0.h5", "run-start-band0.h5"]
    assert calls[0].result.value > calls[1].result.value
    np.testing.assert_array_equal(calls[1].rate, fresh.rate)


def test_taylor_slopes_by_time_and_amount():
    """Through the solver: the gradient of the misfit by times and amounts is exact."""
    observed = acoustic(jnp.asarray(TRUE))
    start = {"time": jnp.asarray(TIMES) + 0.02, "amount": jnp.asarray(AMOUNTS) * 1.2}

    def objective(x):
        return ads.misfits.l2(acoustic(gaussian_histories(x["time"], x["amount"], GRID, width=WIDTH)), observed)

    direction = {"time": 0.01 * jnp.array([1.0, -0.5, 0.3, 0.8, -1.0]), "amount": 0.2 * jnp.array([0.5, 1.0, -1.0, 0.2, 0.7])}
    first, second = taylor_slopes(objective, start, direction)
    assert first == pytest.approx(1, abs=0.1)
    assert second == pytest.approx(2, abs=0.1)


def test_gaussian_histories():
    """The integral is the amount, to rounding: a Gaussian that is sampled ten times a width and ends within the record."""
    np.testing.assert_allclose(TRUE[1:].sum(1) * GRID.dt, AMOUNTS[1:], rtol=1e-12)
    np.testing.assert_array_equal(GRID.times[TRUE.argmax(1)], GRID.times[np.round(TIMES / GRID.dt).astype(int)])


def test_errors():
    observed = np.ones((1, GRID.nt, 28))
    with pytest.raises(ValueError, match="`smooth_along` = -1"):
        invert_slip_history(acoustic, observed, 5, GRID, smooth_along=-1.0)
    with pytest.raises(ValueError, match="`width` = 0.0 s must be positive"):
        invert_rupture(acoustic, observed, 5, GRID, width=0.0)
    with pytest.raises(ValueError, match="within the record"):
        invert_rupture(acoustic, observed, 5, GRID, width=0.1, time=TIMES + 1)
    with pytest.raises(ValueError, match="must be of the 5 `sources`"):
        invert_rupture(acoustic, observed, 5, GRID, width=0.1, time=TIMES[:4])
    with pytest.raises(ValueError, match="nothing to fit"):
        invert_slip_history(lambda r: jnp.zeros((1, GRID.nt, 28)) * jnp.sum(r), 0 * observed, 5, GRID)
