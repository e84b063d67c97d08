"""Point sources to line sources, against the exact waves of both."""

import numpy as np
import pytest
from analytic import relative_l2, scalar_2d, scalar_3d

from adseis.data.spreading import as_line_source

SPEED, FREQUENCY, DT, DELAY = 2000.0, 10.0, 2e-3, 0.15
WAVELENGTH = SPEED / FREQUENCY
AWAY = np.array([2.0, 5.0, 10.0, 20.0])
"""Wavelengths."""


def ricker(nt):
    a = (np.pi * FREQUENCY * (DT * np.arange(nt) - DELAY)) ** 2
    return (1 - 2 * a) * np.exp(-a)


def test_a_point_becomes_a_line():
    """Scale and phase of a Ricker wavelet against the exact wave, 2, 5, 10 and 20 wavelengths away: 5.9, 2.3, 1.2 and 0.6 % in
    relative l2. That is sqrt(t) along the pulse, whose share falls with distance, so that the tolerance does.
    """
    point, line = (wave(ricker(1300), DT, SPEED, WAVELENGTH * AWAY) for wave in (scalar_3d, scalar_2d))
    found = as_line_source(point, DT, SPEED, start=-DELAY, axis=-1)
    errors = [relative_l2(a, b) for a, b in zip(found, line, strict=True)]
    assert np.all(errors < 0.13 / AWAY), errors


def test_time_lies_on_any_axis_and_begins_at_the_shot():
    """Gathers (shot, time, receiver) of single precision stay such; what was recorded before the shot is left out."""
    point = scalar_3d(ricker(400), DT, SPEED, np.array([300.0, 500.0])).astype("float32")
    expected = as_line_source(point, DT, SPEED, axis=-1)
    early = np.concatenate([np.ones((2, 50), "float32"), point], -1)
    found = as_line_source(np.stack([early.T, 2 * early.T]), DT, SPEED, start=-50 * DT)
    assert found.dtype == "float32"
    assert not found[:, :51].any()
    np.testing.assert_allclose(found[1, 51:], 2 * expected.T[1:], rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("dt", "speed"), [(0.0, 2000.0), (2e-3, -1.0)])
def test_what_must_be_positive(dt, speed):
    with pytest.raises(ValueError, match=f"`dt` = {dt} s and `speed` = {speed} m/s must be positive"):
        as_line_source(np.ones((1, 9, 1)), dt, speed)
