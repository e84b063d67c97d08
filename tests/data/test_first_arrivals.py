"""First arrivals that are known."""

import numpy as np
import pytest

import adseis as ads
from adseis.data.first_arrivals import pick_first_arrivals

DT, NT = 2e-3, 1000


@pytest.fixture
def gather():
    """A weak first arrival, and 0.3 s later one twelve times as strong: Ricker wavelets of 10 Hz, which begin 0.1 s before
    their peak."""
    onsets = np.linspace(0.3, 1.2, 30)
    time = DT * np.arange(NT)[:, None]
    pulse = lambda a: (1 - 2 * (np.pi * 10 * a) ** 2) * np.exp(-((np.pi * 10 * a) ** 2))  # noqa: E731
    return onsets, (pulse(time - onsets - 0.1) + 12 * pulse(time - onsets - 0.4))[None]


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_the_first_not_the_strongest(gather, noise):
    """Within half a period of where the pulse begins, noise or not; and all in the same way, to a fifth of a period."""
    onsets, clean = gather
    data = clean + noise * np.random.default_rng(0).standard_normal(clean.shape)
    data = np.asarray(ads.signals.lowpass(data, DT, 25.0, axis=1))
    found = pick_first_arrivals(data, DT, 0.1).times[0]
    assert np.abs(found - onsets).max() < 0.05
    assert np.std(found - onsets) < 0.02


def test_noise_and_silence_have_none():
    """Neither a dead trace nor one of noise alone is picked."""
    data = np.stack([np.zeros(NT), np.random.default_rng(0).standard_normal(NT)], -1)[None]
    picks = pick_first_arrivals(data, DT, 0.1)
    assert np.isnan(picks.times).all()
    assert picks.contrast[0, 0] == 0


def test_what_cannot_be_right():
    with pytest.raises(ValueError, match="must be positive"):
        pick_first_arrivals(np.ones((1, 100, 2)), DT, 0.0)
    with pytest.raises(ValueError, match="shorter than two windows"):
        pick_first_arrivals(np.ones((1, 100, 2)), DT, 0.15)
