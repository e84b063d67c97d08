"""Places seen from a source and back; rotations that are rotations; poles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.sphere.frames import Cylindrical, cylindrical_axes, in_frame, local_axes, on_globe

SOURCES = [(90.0, 0.0), (-90.0, 40.0), (0.0, 0.0), (37.0, -122.0), (-12.0, 350.0)]
each = pytest.mark.parametrize("source", SOURCES, ids=str)
LATITUDE, LONGITUDE, RADIUS = np.array([10.0, -80, 90, 45]), np.array([20.0, -170, 0, 300]), np.array([1.0, 2, 3, 0.5])


def up_of(latitude, longitude):
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)


def seen(source):
    axes = local_axes(jnp.asarray(LATITUDE), jnp.asarray(LONGITUDE))
    return in_frame(local_axes(*map(jnp.asarray, source)), jnp.asarray(RADIUS), axes[:, 2])


def test_local_axes():
    """South, east and up, by hand on the equator at 90 degrees east and at the north pole; a rotation everywhere, to rounding."""
    np.testing.assert_allclose(local_axes(jnp.zeros(()), jnp.asarray(90.0)), [[0, 0, -1], [-1, 0, 0], [0, 1, 0]], atol=1e-15)
    np.testing.assert_allclose(local_axes(jnp.asarray(90.0), jnp.zeros(())), np.eye(3), atol=1e-15)
    axes = np.asarray(local_axes(jnp.asarray(LATITUDE), jnp.asarray(LONGITUDE)))
    np.testing.assert_allclose(axes @ axes.swapaxes(1, 2), np.broadcast_to(np.eye(3), axes.shape), atol=1e-15)
    np.testing.assert_allclose(np.linalg.det(axes), 1, rtol=1e-14)
    np.testing.assert_allclose(axes[:, 2], up_of(LATITUDE, LONGITUDE), atol=1e-15)


@each
def test_distance_and_azimuth(source):
    """s and z are those of the angle to the source; phi runs from its south to its east, as bearings say it."""
    at = seen(source)
    (lat, lon), up = np.radians(source), up_of(LATITUDE, LONGITUDE)
    cosine = up @ up_of(*source)
    np.testing.assert_allclose(at.z, RADIUS * cosine, atol=1e-14)
    np.testing.assert_allclose(at.s, RADIUS * np.sqrt(1 - cosine**2), atol=1e-7)
    if abs(source[0]) < 90:
        to, by = np.radians(LATITUDE), np.radians(LONGITUDE) - lon
        bearing = np.arctan2(np.sin(by) * np.cos(to), np.cos(lat) * np.sin(to) - np.sin(lat) * np.cos(to) * np.cos(by))
        np.testing.assert_allclose(np.exp(1j * np.asarray(at.phi)), np.exp(1j * (np.pi - bearing)), atol=1e-14)


@each
def test_there_and_back(source):
    """Radius, latitude, and longitude where there is one, to rounding."""
    radius, latitude, longitude = on_globe(local_axes(*map(jnp.asarray, source)), seen(source))
    np.testing.assert_allclose(radius, RADIUS, rtol=1e-14)
    np.testing.assert_allclose(up_of(np.asarray(latitude), np.asarray(longitude)), up_of(LATITUDE, LONGITUDE), atol=1e-14)


def test_cylindrical_axes():
    """Along s, phi and z, by hand; a grid of places at azimuths of their own."""
    np.testing.assert_allclose(cylindrical_axes(jnp.asarray(np.pi / 2)), [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], atol=1e-15)


def test_gradients_at_the_poles_and_the_centre():
    """Finite and, where they are not defined, zero; the distance from the axis at places off it is right."""

    def place(source, latitude, longitude, radius):
        axes = local_axes(latitude, longitude)
        at = in_frame(local_axes(*source), radius, axes[2])
        return at.s + at.z + at.phi, on_globe(local_axes(*source), Cylindrical(at.s, at.z, at.phi))[0]

    jacobian = jax.jit(jax.jacobian(place, argnums=(0, 1, 2, 3)))
    ninety, zero, one = (jnp.asarray(x) for x in (90.0, 0.0, 1.0))
    for args in [((ninety, zero), ninety, zero, one), ((zero, zero), zero, zero, one), ((ninety, zero), -ninety, zero, zero)]:
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(jacobian(*args)))
    (_, by_latitude, _, by_radius), (_, _, _, of_radius) = jacobian((ninety, zero), jnp.asarray(30.0), zero, one)
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    np.testing.assert_allclose([by_latitude, by_radius, of_radius], [np.radians(c - s), c + s, 1], rtol=1e-12)
