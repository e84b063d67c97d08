"""Draws: their strata, their independence of company, and the checks of what was drawn."""

import numpy as np
import pytest

from adseis import sphere

PINNED, PINNED_AGAIN = [[0.5694013942211384, 0.5682682820860854]], [[[0.009968810122604838, -0.024825673813857668]]]


def test_strata():
    """Along every axis each n-th of the cube holds one sample; axes are shuffled differently."""
    drawn = sphere.latin_hypercube(3, 50, 7)
    assert drawn.shape == (50, 7)
    strata = np.floor(50 * drawn).astype(int)
    np.testing.assert_array_equal(np.sort(strata, 0), np.broadcast_to(np.arange(50)[:, None], (50, 7)))
    assert len({tuple(column) for column in strata.T}) == 7


def test_independent_of_company():
    """Sample 17 of 50 is the same alone, and its first numbers do not depend on how many follow."""
    drawn = sphere.latin_hypercube(3, 50, 7)
    np.testing.assert_array_equal(sphere.latin_hypercube(3, 50, 7, rows=[17, 4]), drawn[[17, 4]])
    np.testing.assert_array_equal(sphere.latin_hypercube(3, 50, 3), drawn[:, :3])
    assert not np.any(sphere.latin_hypercube(4, 50, 7) == drawn)


def test_the_same_everywhere():
    """Pinned numbers: a new version of NumPy that draws others would break data that are half made."""
    found = sphere.latin_hypercube(0, 4, 2, rows=[1])
    np.testing.assert_allclose(found, PINNED, rtol=1e-12)
    np.testing.assert_allclose(sphere.redraw_structure(0, 1, 1, degree=0, levels=2), PINNED_AGAIN, rtol=1e-12)


def test_structures():
    """GlobalTomo's sizes and range; the mean of uniform numbers is zero within 4 standard errors, A / sqrt(3 n)."""
    fluid = sphere.draw_structures(1, 10)
    assert fluid.shape == (10, 1, 81, 5)
    solid = sphere.draw_structures(1, 10, properties=3, rows=range(2))
    assert solid[0].size == 1215
    assert np.abs(fluid).max() <= 1 / 40
    assert abs(fluid.mean()) < 4 / 40 / np.sqrt(3 * fluid.size)
    other = sphere.redraw_structure(1, 5, 1)
    assert other.shape == (1, 81, 5)
    assert not np.any(other == sphere.redraw_structure(1, 5, 2))
    assert not np.any(other == sphere.redraw_structure(1, 6, 1))
    assert abs(other.mean()) < 4 / 40 / np.sqrt(3 * other.size)


def test_bulk_margin():
    """Degree 0 alone: 1500 (1 + a) - sqrt(4/3) 1000 (1 + b) with a and b on the innermost level, to rounding."""
    vp, vs = np.zeros((4, 2)), np.zeros((4, 2))
    vp[0, 1], vs[0, 1] = -0.1 * np.sqrt(4 * np.pi), 0.2 * np.sqrt(4 * np.pi)
    np.testing.assert_allclose(sphere.least_bulk_margin(vp, vs), 1500 * 0.9 - np.sqrt(4 / 3) * 1200, rtol=1e-12)


def test_errors():
    """What is wrong, and what would be right."""
    with pytest.raises(ValueError, match="`rows` run from 2 to 5; 5 samples are numbered from 0 to 4"):
        sphere.latin_hypercube(0, 5, 2, rows=[2, 5])
    with pytest.raises(ValueError, match="`seed` = -1 must lie between"):
        sphere.draw_structures(-1, 5)
    with pytest.raises(ValueError, match="`samples` = 0 and"):
        sphere.draw_structures(0, 0)
    with pytest.raises(ValueError, match="`levels` = 0 must be 1, 0 and 1 at least"):
        sphere.draw_structures(0, 5, levels=0)
    with pytest.raises(ValueError, match="`attempt` = 0 must be 1 at least"):
        sphere.redraw_structure(0, 1, 0)
    with pytest.raises(ValueError, match=r"`vp` \(4, 2\) and `vs` \(4, 1\) must have the same"):
        sphere.least_bulk_margin(np.zeros((4, 2)), np.zeros((4, 1)))
