"""Signals on another clock, against the functions that were sampled."""

import numpy as np
import pytest
from events import pulse

from adseis.resampling import sample_at


@pytest.mark.parametrize("dt_new", [0.003, 0.04, 0.05, 0.06], ids=["finer", "a fifth finer", "shifted", "coarser"])
@pytest.mark.parametrize("start", [0.0137, -0.31])
def test_sub_sample_shift(dt_new, start):
    """A pulse, whose spectrum ends at 6 Hz, at instants between its samples.

    0.8 of the Nyquist frequency is 6.7 Hz for the coarsest clock; the filter is designed for 1e-5 below it.
    """
    dt, nt = 0.05, 120
    samples = pulse(dt * np.arange(200))
    times = start + dt_new * np.arange(nt)
    np.testing.assert_allclose(sample_at(samples, dt, start, dt_new, nt), pulse(times), rtol=0, atol=3e-5)


def test_anti_alias():
    """Of a sine above the new Nyquist frequency 1e-4 is left at most (its ends apart), of one below 0.8 of it all but 1e-4."""
    dt, dt_new, nt = 0.01, 0.05, 300
    t, new = dt * np.arange(2000), dt_new * np.arange(nt)
    inner = slice(50, 250)
    aliased = sample_at(np.sin(2 * np.pi * 12.0 * t), dt, 0.0, dt_new, nt)
    assert np.abs(aliased[inner]).max() < 1e-4
    kept = sample_at(np.sin(2 * np.pi * 7.5 * t), dt, 0.0, dt_new, nt)
    np.testing.assert_allclose(kept[inner], np.sin(2 * np.pi * 7.5 * new)[inner], rtol=0, atol=1e-4)


def test_same_clock():
    """Where clocks agree the samples are returned to the bit, and zero beyond both ends."""
    x = np.random.default_rng(0).standard_normal(40)
    np.testing.assert_array_equal(sample_at(x, 0.01, -0.05, 0.01, 50), np.pad(x, (5, 5)))


def test_long_signals_in_blocks():
    """More samples than are interpolated at a time: the same as each half alone, to rounding."""
    x, nt = np.random.default_rng(1).standard_normal(6000), 9000
    whole = sample_at(x, 0.01, 0.003, 0.006, nt)
    half = sample_at(x, 0.01, 0.003 + 0.006 * 4500, 0.006, nt - 4500)
    np.testing.assert_allclose(whole[4500:], half, rtol=0, atol=1e-9)


def test_intervals_must_be_positive():
    with pytest.raises(ValueError, match=r"`dt_new` = 0.0 s must be positive"):
        sample_at(np.ones(5), 0.1, 0.0, 0.0, 3)
