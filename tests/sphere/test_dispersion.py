"""A pair of matrices takes the time step's dispersion away: a mode of known frequency answers as in continuous time."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from adseis.sphere.dispersion import correction

NT = 200


def oscillator(w, samples):
    """x'' + w^2 x = f with the fourth-order step, dt = 1, from rest; the record after each step, as stations have it."""
    x = before = 0.0
    found = [0.0]
    for f in samples:
        acceleration = f - w**2 * x
        x, before = 2 * x - before + acceleration - w**2 * acceleration / 12, x
        found.append(x)
    return np.array(found[:-1])


def exact(w, f):
    """x'' + w^2 x = f(t) from rest."""
    run = solve_ivp(lambda t, x: [x[1], f(t) - w**2 * x[0]], (0, NT - 1), [0, 0], "DOP853", np.arange(NT), rtol=1e-12, atol=1e-12)
    return run.y[0]


@pytest.mark.parametrize(("w", "tolerance"), [(0.1, 1e-6), (0.6, 1e-6), (1.1, 6e-4)])
def test_a_mode_is_exact(w, tolerance):
    """Up to the end of the record a mode that has been struck rings as in continuous time, to 1e-6, of the tails of the blow's
    spectrum beyond the band; at w dt = 1.1, half a width below the band's edge, to 6e-4. While it is struck some w^2 / 30 of the
    blow itself is added, which stays where the source is. Without the matrices the fastest mode is off by 4 %."""

    def blow(t):
        return np.cos(w * (t - 60)) * np.exp(-(((t - 60) / 9) ** 2))

    mended = correction(NT)
    found, expected = mended.record @ oscillator(w, mended.source @ blow(np.arange(NT))), exact(w, blow)
    peak, free = np.abs(expected).max(), np.arange(NT) > 105
    np.testing.assert_allclose(found[free], expected[free], rtol=0, atol=tolerance * peak)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * peak + 5 * w**2 / 144)
    if w > 1:
        assert np.abs(oscillator(w, blow(np.arange(NT))) - expected).max() > 0.04 * peak


def test_derivatives_of_the_record():
    """The second derivative of a free oscillation is -w^2 x, 1e-6 of its peak, up to the record's end."""
    w = 0.5
    mended, record = correction(NT, 2), correction(NT).record
    found = oscillator(w, mended.source @ np.exp(-(((np.arange(NT) - 60) / 6) ** 2)))
    free = slice(95, None)
    expected = -(w**2) * (record @ found)[free]
    np.testing.assert_allclose((mended.record @ found)[free], expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_the_integral_of_a_rate():
    """A rate and its integral are the same source, to the 1e-6 of the spectrum beyond the band."""
    rate = np.exp(-(((np.arange(NT) - 60) / 6) ** 2))
    whole = np.cumsum(np.exp(-(((np.arange(64 * NT) / 64 - 60) / 6) ** 2)))[::64] / 64 - rate / 128
    mended = correction(NT, integrated=True)
    assert mended.source.shape == (mended.steps, NT)
    w = 0.4
    found, expected = (oscillator(w, c @ x)[:NT] for c, x in ((mended.source, rate), (correction(NT).source, whole)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_size():
    """More steps than samples, never fewer."""
    mended = correction(NT)
    assert mended.source.shape == (mended.steps, NT)
    assert mended.record.shape == (NT, mended.steps)
    assert mended.steps > NT
