"""The azimuthal basis, by NumPy's FFT and by itself."""

import jax.numpy as jnp
import numpy as np
import pytest

from adseis import sphere
from adseis.sphere.azimuthal import azimuths, basis, orders, seen, transform, turned

each = pytest.mark.parametrize("order", [0, 1, 5])


@each
def test_transform_is_orthogonal(order):
    """To rounding; and the basis at the azimuths over the root of their number."""
    to = transform(order)
    np.testing.assert_allclose(to.T @ to, np.eye(2 * order + 1), atol=1e-14)
    at = basis(jnp.asarray(azimuths(order)), order) / np.sqrt(2 * order + 1)
    np.testing.assert_allclose(at, to, atol=1e-15)


@each
def test_coefficients(order):
    """u = Re[c_0 + 2 sum c_a exp(i a phi)]: values at the azimuths, and the c_a of NumPy's FFT, to rounding."""
    count = 2 * order + 1
    field = np.random.default_rng(order).normal(size=(3, count))
    values = np.sqrt(count) * field @ transform(order).T
    found = np.asarray(sphere.coefficients(jnp.asarray(field)))
    assert found.shape == (3, order + 1)
    np.testing.assert_allclose(found, np.fft.fft(values)[:, : order + 1] / count, atol=1e-14)
    waves = np.exp(1j * np.outer(np.arange(order + 1), azimuths(order)))
    np.testing.assert_allclose((2 * found @ waves - found[:, :1]).real, values, atol=1e-14)


@each
def test_turned(order):
    """The components of a field's derivative by azimuth, against differences at 1e-3 rad; skew."""
    phi, field, h = np.linspace(0, 6, 7), np.random.default_rng(1).normal(size=2 * order + 1), 1e-3
    at = lambda phi: np.asarray(basis(jnp.asarray(phi), order)) @ field  # noqa: E731
    difference = (8 * (at(phi + h) - at(phi - h)) - at(phi + 2 * h) + at(phi - 2 * h)) / 12 / h
    np.testing.assert_allclose(basis(jnp.asarray(phi), order) @ (turned(order) @ field), difference, atol=1e-8)
    np.testing.assert_array_equal(turned(order), -turned(order).T)


def test_orders_near_the_axis():
    """3 + 1.3 k s and lower, both the cosine and the sine."""
    np.testing.assert_array_equal(orders(2), [0, 1, 1, 2, 2])
    kept = seen(np.array([0.0, 10.0, 1000.0]), 8, 0.1)
    np.testing.assert_array_equal(kept.sum(1), [7, 9, 17])  # up to 3, 4.3 and all


def test_energy_by_order():
    """Of z + 2 x / R z + c (x^2 - y^2), whose squares over a ball are R^5, 4 R^5 / 7 and 4 c^2 R^7 / 7 times 4 pi / 15."""
    mesh = sphere.ball(1000.0, 1.0, 1.0, (900.0, 1100.0), azimuthal_order=3)
    s, z = mesh.elements.coordinates.T
    field = np.zeros(mesh.shape)
    field[:, 0], field[:, 1], field[:, 3] = z, 2 * s / 1000 * z / np.sqrt(2), 5e-4 * s**2 / np.sqrt(2)
    squares = np.array([1, 4 / 7, 1 / 7, 0])
    expected = squares / squares.sum()
    np.testing.assert_allclose(sphere.energy_by_order(jnp.asarray(field), mesh), expected, rtol=1e-6, atol=1e-12)
    vector = np.stack([field, 0 * field, field], 1)
    np.testing.assert_allclose(sphere.energy_by_order(jnp.asarray(vector[None, None]), mesh), expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(sphere.energy_by_order(jnp.zeros(mesh.shape), mesh), 0)
    with pytest.raises(ValueError, match=r"`field` \(3, 7\) must end with"):
        sphere.energy_by_order(jnp.zeros((3, 7)), mesh)
