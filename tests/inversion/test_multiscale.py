"""Frequency bands: one after the other, each journalled, and worth the trouble."""

import os

import jax.numpy as jnp
import numpy as np
import pytest

from adseis.inversion.multiscale import minimize_bands
from adseis.objectives.bands import Band, filter_band
from adseis.objectives.misfits import l2
from adseis.optimizers.minimize import minimize
from adseis.signals import lowpass

DT, NT = 0.01, 300


def gather(delay):
    """A 6 Hz Ricker pulse at `delay` [s], as a gather of one shot and one receiver."""
    a = (jnp.pi * 6.0 * (DT * np.arange(NT) - delay[0])) ** 2
    return ((1 - 2 * a) * jnp.exp(-a))[None, :, None]


def objective_of(band):
    observed = filter_band(gather(jnp.array([1.5])), band, DT)
    return lambda delay: l2(filter_band(gather(delay), band, DT), observed)


BANDS = [Band(1.0, 20), Band(2.5, iterations=20), Band()]


def test_low_frequencies_first_avoid_the_skipped_cycle():
    """From a delay wrong by 0.2 s, more than a cycle, the full band ends in a side minimum; from 1 Hz on the pulse is found.

    One micro-second is what a gradient fallen by 1e9 leaves of a delay, with room.
    """
    x0, options = np.array([1.3]), {"progress": False, "first_step": 0.02}
    assert abs(float(minimize(objective_of(Band()), x0, **options).x[0]) - 1.5) > 0.05
    result = minimize_bands(objective_of, x0, BANDS, **options)
    assert abs(float(result.x[0]) - 1.5) < 1e-6
    assert result.history[-1].evaluations <= result.evaluations
    spent = [iterate.evaluations for iterate in result.history]
    assert spent == sorted(spent)


def test_filter_band():
    data = np.random.default_rng(0).normal(size=(2, 50, 3))
    np.testing.assert_array_equal(filter_band(data, Band(3.0), DT), lowpass(data, DT, 3.0, axis=1))
    np.testing.assert_array_equal(filter_band(data, Band(), DT), data)


def test_journals_resume_and_the_cap_is_shared(tmp_path):
    """Stopped by the cap in the second band, then repeated without: as if never stopped, bit for bit."""
    x0, options = np.array([1.4]), {"progress": False, "bounds": (0.5, 2.5)}
    whole = minimize_bands(objective_of, x0, BANDS, **options)
    first = minimize(objective_of(BANDS[0]), x0, iterations=20, **options)
    cap = first.evaluations + 2
    capped = minimize_bands(objective_of, x0, BANDS, evaluations=cap, journal=tmp_path / "run.h5", **options)
    assert capped.evaluations == cap
    assert sorted(os.listdir(tmp_path)) == ["run-band0.h5", "run-band1.h5"]
    resumed = minimize_bands(objective_of, x0, BANDS, journal=tmp_path / "run.h5", **options)
    assert resumed.history == whole.history
    np.testing.assert_array_equal(resumed.x, whole.x)
    exact = minimize_bands(objective_of, x0, BANDS, evaluations=first.evaluations, **options)
    assert exact.evaluations == first.evaluations


def test_callback_counts_through_and_ends_all_bands():
    numbers = []

    def watch(iteration, x, value):
        numbers.append(iteration)
        return iteration == 4

    bands = [Band(1.0, 2), Band(2.5, 3), Band()]
    result = minimize_bands(objective_of, np.array([1.4]), bands, callback=watch, progress=False)
    assert numbers == [1, 2, 3, 4]
    assert result.message == "stopped by the callback"


def test_errors():
    with pytest.raises(ValueError, match="`bands` is empty"):
        minimize_bands(objective_of, np.zeros(1), [])
    with pytest.raises(ValueError, match="`corner` = -1.0 Hz"):
        Band(-1.0)
    with pytest.raises(ValueError, match="`iterations` = 0"):
        Band(2.0, 0)


def test_a_time_window_keeps_what_comes_before_its_end():
    """Untouched until nine tenths of it, zero behind it; along any axis; a band may have both filters."""
    data = np.ones((2, 200, 3))
    windowed = filter_band(data, Band(until=0.5), 0.005)
    np.testing.assert_array_equal(windowed[:, :91], 1)
    np.testing.assert_allclose(windowed[:, 101:], 0, atol=1e-30)
    assert np.all(np.diff(windowed[0, 91:101, 0]) < 0)
    np.testing.assert_array_equal(filter_band(data.swapaxes(1, 2), Band(until=0.5), 0.005, axis=-1), windowed.swapaxes(1, 2))
    both = filter_band(data, Band(10.0, until=0.5), 0.005)
    np.testing.assert_allclose(both, filter_band(data, Band(10.0), 0.005) * windowed, atol=1e-12)
    with pytest.raises(ValueError, match="`until` = 0"):
        Band(until=0.0)
