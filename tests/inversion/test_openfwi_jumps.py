"""The penalty of jumps: of a step whatever its size, and the quadratic function above it."""

import numpy as np
import pytest

from adseis.inversion.openfwi_jumps import Jumps


def test_a_jump_costs_by_its_length():
    """log(1 + (jump / scale)^2) for every pair of neighbours across it, over all pairs."""
    vp = np.full((6, 8), 2000.0)
    vp[:, 3:] += 300.0
    assert Jumps((6, 8), 10.0).value(vp) == pytest.approx(6 * np.log(1 + 30.0**2) / (5 * 8 + 6 * 7))
    assert Jumps((6, 8), 10.0).value(np.full((6, 8), 1.0)) == 0


def test_the_quadratic_function_above():
    """It touches the penalty at a map, and lies above it elsewhere."""
    rng = np.random.default_rng(0)
    jumps = Jumps((6, 8), 10.0)
    vp = 2000 + 30 * rng.standard_normal((6, 8))
    matrix = jumps.curvature(vp)
    offset = jumps.value(vp) - vp.reshape(-1) @ (matrix @ vp.reshape(-1))
    for size in (0.1, 10.0, 300.0):
        other = vp + size * rng.standard_normal((6, 8))
        assert offset + other.reshape(-1) @ (matrix @ other.reshape(-1)) > jumps.value(other)
    slope = 2 * matrix @ vp.reshape(-1)
    h = 1e-4
    for node in (0, 13, 47):
        away = np.zeros(48)
        away[node] = h
        found = (jumps.value(vp + away.reshape(6, 8)) - jumps.value(vp - away.reshape(6, 8))) / (2 * h)
        assert found == pytest.approx(slope[node], rel=1e-5)
