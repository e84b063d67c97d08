"""Elements of a ball: what they cover, how they are numbered, and slopes of polynomials."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.sphere.ball_elements import ball_elements
from adseis.sphere.elements import Elements
from adseis.sphere.quadrature import lobatto

BALLS = [(2, 1, 2), (3, 2, 4), (2, 2, 7)]
each = pytest.mark.parametrize("elements", [ball_elements(1000.0, *ball) for ball in BALLS], ids=map(str, BALLS))
RANDOM = np.random.default_rng(0)


@each
def test_numbering(elements):
    """Points share a node if and only if they are at one place; they are numbered as the elements come."""
    local, points = elements.local.reshape(-1), elements.points.reshape(-1, 2)
    assert sorted(set(local)) == list(range(len(elements.coordinates)))
    np.testing.assert_allclose(elements.coordinates[local], points, rtol=0, atol=1e-4)
    gap = np.linalg.norm(elements.coordinates[:, None] - elements.coordinates, axis=-1)
    assert gap[~np.eye(len(gap), dtype=bool)].min() > 1.0
    first = np.unique(local, return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_count():
    """2 n^2 + 4 n m elements; their nodes by Euler's formula, which no crack and no overlap would leave."""
    for across, shells, degree in BALLS:
        elements = ball_elements(1000.0, across, shells, degree)
        count = 2 * across**2 + 4 * across * shells
        assert len(elements.points) == count
        rim = 4 * across + 2 * (across + shells)  # edges of the half disc: the surface and the axis
        edges = (4 * count + rim) // 2
        corners = 1 - count + edges
        assert len(elements.coordinates) == corners + edges * (degree - 1) + count * (degree - 1) ** 2


@each
def test_axial_elements_come_first(elements):
    """Their first row is on the axis, at s = 0 exactly, and no other point of the mesh is."""
    s = elements.points[..., 0]
    assert (s[: elements.axial, 0] == 0).all()
    assert (s[: elements.axial, 1:] > 0).all()
    assert (s[elements.axial :] > 0).all()


def test_volume():
    """4 / 3 pi a^3, and its moment about the equator, to the 1e-9 that curved elements of degree 6 leave."""
    elements = ball_elements(1000.0, 4, 2, 6)
    assert elements.weights.min() > 0
    assert 2 * np.pi * elements.mass.sum() == pytest.approx(4 / 3 * np.pi * 1e9, rel=1e-9)
    z2 = elements.coordinates[:, 1] ** 2
    assert 2 * np.pi * (elements.mass @ z2) == pytest.approx(4 / 15 * np.pi * 1e15, rel=1e-9)


@each
def test_spread_and_summed(elements):
    """The values at every element's points; the transpose sums them, to rounding."""
    field = RANDOM.normal(size=(len(elements.coordinates), 3))
    values = np.asarray(jax.jit(elements.spread)(jnp.asarray(field)))
    np.testing.assert_array_equal(values, field[elements.local.reshape(len(elements.local), -1)])
    other = RANDOM.normal(size=values.shape)
    summed = np.zeros_like(field)
    np.add.at(summed, elements.local.ravel(), other.reshape(-1, 3))
    np.testing.assert_allclose(jax.jit(elements.summed)(jnp.asarray(other)), summed, rtol=0, atol=1e-13)


def plate():
    """Two elements of degree 4 with straight sides, from the axis outwards."""
    across = [(1 + lobatto(4, axial=True).points) / 2, (3 + lobatto(4).points) / 2]
    return Elements(np.stack([np.stack(np.meshgrid(s, lobatto(4).points, indexing="ij"), -1) for s in across[::-1]]))


def test_slopes():
    """Exact for polynomials of degree 4 in each of s and z where sides are straight, to rounding; for s and z in every mesh."""
    for elements, powers in [(plate(), [(4, 3), (1, 4), (0, 0)]), (ball_elements(1.0, 3, 2, 6), [(1, 0), (0, 1)])]:
        s, z = np.moveaxis(elements.points.reshape(len(elements.points), -1, 2), -1, 0)
        for i, j in powers:
            expected = np.stack([i * s ** max(i - 1, 0) * z**j, j * s**i * z ** max(j - 1, 0)])
            slope = np.einsum("depq,eq->dep", elements.slopes, s**i * z**j)
            np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-12 if powers[0][0] == 4 else 1e-11)


def test_over_s():
    """s^3 z over s, on the axis too, to rounding."""
    elements = plate()
    s, z = np.moveaxis(elements.points.reshape(2, -1, 2), -1, 0)
    for i in (1, 2, 4):
        np.testing.assert_allclose(np.einsum("epq,eq->ep", elements.over_s, s**i * z), s ** (i - 1) * z, rtol=0, atol=1e-12)


def test_spacing():
    """The shortest gap of two neighbours, by hand."""
    s, z = np.meshgrid([0.0, 2.0, 5.0], [0.0, 1.5, 3.0], indexing="ij")
    assert Elements(np.stack([s, z], -1)[None]).spacing == 1.5
