"""A grid: what it covers, and what is suggested for two speeds and a frequency."""

import warnings

import numpy as np
import pytest

import adseis as ads
from adseis.experiment.clock import Clock
from adseis.experiment.sampling import fastest_speed

GRID = ads.Grid(shape=(11, 21), spacing=(10.0, 5.0), dt=1e-3, nt=5, origin=(100.0, -20.0))


def test_outside():
    """Edges belong to the grid, as does a ten-thousandth of a cell beyond; a margin takes away from each side; NaN is nowhere."""
    corners = np.array([[100.0, -20.0], [200.0, 80.0]])
    assert GRID.outside(corners) is None
    assert GRID.outside(corners + [[0, -4e-4], [0, 4e-4]]) is None
    assert GRID.outside(corners + [[0, 0], [0, 6e-4]]) == (1,)
    assert GRID.outside(corners[None], margin=1.0) == (0, 0)
    assert GRID.outside([[150.0, np.nan]]) == (0,)
    assert GRID.ranges(margin=10.0) == "z from 110 to 190, x from -10 to 70"


def test_suggested_of_speeds():
    """The same as of a medium of these speeds; a shape and a spacing that are given are kept, and only dt is sought."""
    shape, speeds = (12, 14), (1500.0, 3000.0)
    vp = np.full(shape, speeds[0])
    vp[0] = speeds[1]
    assert ads.Grid.suggest(speeds=speeds, frequency=10.0, shape=shape) == ads.Grid.suggest(ads.ScalarMedium(vp), 10.0)
    kept = ads.Grid.suggest(speeds=speeds, shape=shape, spacing=(4.0, 5.0), duration=0.5, order=8)
    assert (kept.shape, kept.spacing) == (shape, (4.0, 5.0))
    assert fastest_speed(kept.spacing, kept.dt, 8) == pytest.approx(speeds[1] / 0.7)
    assert kept.times[-1] == pytest.approx(0.5, abs=kept.dt)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"frequency": 10.0, "shape": (3, 4)}, "give either a `medium` or `speeds`"),
        ({"speeds": (2000.0, 1500.0), "frequency": 10.0, "shape": (3, 4)}, "`speeds` are wave speeds from 2000.0 to 1500.0 m/s"),
        ({"speeds": (1500.0, 2000.0), "shape": (3, 4)}, "`frequency` .* is needed"),
        ({"speeds": (1500.0, 2000.0), "frequency": 10.0}, "`speeds` do not say how large the model is"),
        ({"speeds": (1500.0, 2000.0), "frequency": 10.0, "shape": (3, 4), "extent": (9.0, 9.0)}, "say the same"),
    ],
)
def test_too_little_or_too_much(options, text):
    with pytest.raises(ValueError, match=text):
        ads.Grid.suggest(**options)


@pytest.mark.parametrize(
    ("dt", "nt", "text"), [(0.0, 5, "`dt` = 0.0 s must be positive"), (1e-3, 2.5, "`nt` = 2.5 must be a whole number")]
)
def test_clock(dt, nt, text):
    with pytest.raises(ValueError, match=text):
        Clock(dt, nt)


def test_a_spacing_that_is_too_coarse_is_warned_of():
    """12.5 m at order 4 carry a Ricker wavelet of 2000 / 12.5 / 5 / 2.5 = 12.8 Hz; the spacing stays as it was given."""
    medium = ads.ScalarMedium(np.full((81, 161), 2000.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ads.Grid.suggest(medium, 12.8, spacing=12.5).spacing == (12.5, 12.5)
        assert ads.Grid.suggest(medium, 12.8).spacing == (12.5, 12.5)
    with pytest.warns(UserWarning, match=r"`spacing` = 12.5 m is too coarse for `frequency` = 25.6 Hz: .* Use 6.25 m"):
        assert ads.Grid.suggest(medium, 25.6, spacing=12.5).spacing == (12.5, 12.5)
    with pytest.warns(UserWarning, match=r"runs 2 m/s: are the speeds in km/s\?"):
        ads.Grid.suggest(speeds=(1.5, 2.0), shape=(3, 4), spacing=10.0)
