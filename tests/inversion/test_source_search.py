"""What searches for sources share."""

import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.source_search import linear_scale, search_room

GRID = ads.Grid(shape=(11, 21), spacing=10.0, dt=1e-3, nt=3, origin=(100.0, 0.0))
PLACE = np.array([[[150.0, 90.0]]])


def test_linear_scale_of_a_multiple_of_the_identity():
    """The exact factor."""
    data = jnp.asarray([1.0, -2.0, 4.0])
    assert linear_scale(lambda x: 8 * x, data, jnp.zeros(3)) == pytest.approx(0.5)


def test_linear_scale_of_a_matrix():
    """The step to the minimum along steepest descent, times its largest element: rounding."""
    rng = np.random.default_rng(0)
    matrix, data = jnp.asarray(rng.standard_normal((7, 4))), jnp.asarray(rng.standard_normal(7))
    gradient = matrix.T @ data
    step = gradient @ gradient / jnp.sum((matrix @ gradient) ** 2)
    split = lambda x: (x[:3], x[3:])  # noqa: E731
    found = linear_scale(lambda x: split(matrix @ x), split(data), jnp.zeros(4))
    assert found == pytest.approx(float(step * jnp.max(jnp.abs(gradient))), rel=1e-12)


def test_linear_scale_in_single_precision():
    """Velocities of 1e-6 m/s from moments of 1e16 N m: squares and products of these leave the range of float32."""
    data = jnp.asarray([1e-6, -2e-6], jnp.float32)
    assert linear_scale(lambda x: 2e-22 * x, data, jnp.zeros(2, jnp.float32)) == pytest.approx(1e16, rel=1e-5)


def test_nothing_to_fit():
    for forward, data in ((lambda x: 0 * x, jnp.ones(3)), (lambda x: x, jnp.zeros(3))):
        with pytest.raises(ValueError, match="`observed` is zero, or does not depend on what is sought"):
            linear_scale(forward, data, jnp.zeros(3))


def test_room():
    """The grid but for the margin; an axis without reach has no bounds to keep."""
    room = search_room(PLACE, GRID, 5.0, 20.0)
    for found, expected in zip(room, ([5, 5], [120, 20], [180, 180]), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(search_room(np.array([[[150.0, 1.0]]]), GRID, (5.0, 0.0), 20.0).reach, [5, 0])


@pytest.mark.parametrize(
    ("reach", "margin", "match"),
    [
        (0.0, 0.0, "`reach` = 0.0 m must be positive"),
        ((0.0, 0.0), 0.0, r"`reach` = \(0.0, 0.0\) m must be positive"),
        ((5.0, -1.0), 0.0, "must be positive"),
        ((5.0, 5.0, 5.0), 0.0, r"`reach` = \(5.0, 5.0, 5.0\) m must be a number, or one for each of 2 axes"),
        (5.0, 95.0, "`position` starts off the grid, or within `margin` = 95.0 m"),
    ],
)
def test_errors(reach, margin, match):
    with pytest.raises(ValueError, match=match):
        search_room(PLACE, GRID, reach, margin)
