"""Coefficients of pyshtools, against it where it is installed and by its definitions where it is not."""

import numpy as np
import pytest
from scipy.special import lpmv

from adseis.harmonics import degrees_orders, evaluate, from_shtools, power, to_shtools

DEGREE = 6
rng = np.random.default_rng(3)
C = rng.normal(size=(DEGREE + 1) ** 2)
LAT, LON = rng.uniform(-90, 90, 9), rng.uniform(0, 360, 9)
CASES = [(normalization, csphase) for normalization in ("4pi", "ortho", "schmidt", "unnorm") for csphase in (1, -1)]


@pytest.mark.parametrize(("normalization", "csphase"), CASES)
def test_round_trip(normalization, csphase):
    """There and back, to rounding, from either convention."""
    for convention in ("orthonormal", "globaltomo"):
        options = {"normalization": normalization, "csphase": csphase, "convention": convention}
        array = to_shtools(C, **options)
        assert array.shape == (2, DEGREE + 1, DEGREE + 1)
        np.testing.assert_allclose(from_shtools(array, **options), C, rtol=1e-14)


def test_unnormalised():
    """sum of (C_lm cos m lon + S_lm sin m lon) P_lm with SciPy's P_lm, which have the phase: the definition, to rounding."""
    cosine, sine = np.asarray(to_shtools(C, normalization="unnorm", csphase=-1))
    found = np.zeros(LAT.size)
    for ell, m in zip(*degrees_orders(DEGREE), strict=True):
        if m >= 0:
            wave = cosine[ell, m] * np.cos(m * np.radians(LON)) + sine[ell, m] * np.sin(m * np.radians(LON))
            found += lpmv(m, ell, np.sin(np.radians(LAT))) * wave
    np.testing.assert_allclose(found, evaluate(C, LAT, LON), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("normalization", "csphase"), CASES)
def test_against_pyshtools(normalization, csphase):
    """Values at points, and the power spectrum, of pyshtools, to rounding."""
    pyshtools = pytest.importorskip("pyshtools")
    array = np.asarray(to_shtools(C, normalization=normalization, csphase=csphase))
    theirs = pyshtools.SHCoeffs.from_array(array, normalization=normalization, csphase=csphase)
    np.testing.assert_allclose(theirs.expand(lat=LAT, lon=LON), evaluate(C, LAT, LON), rtol=0, atol=1e-12)
    if normalization != "unnorm":  # of which pyshtools has no spectrum
        np.testing.assert_allclose(theirs.spectrum(), power(C), rtol=1e-12)
    given = theirs.to_array(normalization="4pi", csphase=1)
    np.testing.assert_allclose(from_shtools(given), C, rtol=1e-12)


def test_errors():
    """What is wrong, and what would be right."""
    with pytest.raises(ValueError, match="`normalization` = 'full' is unknown; use one of 4pi, ortho, schmidt, unnorm"):
        to_shtools(C, normalization="full")
    with pytest.raises(ValueError, match="`csphase` = 0 must be 1"):
        from_shtools(np.zeros((2, 3, 3)), csphase=0)
    with pytest.raises(ValueError, match=r"`array` \(2, 3, 4\) must be \(2, L \+ 1, L \+ 1\)"):
        from_shtools(np.zeros((2, 3, 4)))
