"""Geographic coordinates, and the frame in which a source is at the north pole.

The frame's axes are e_x, south, e_y, east, and e_z, up, of the source: those of (theta, phi, r).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from adseis.signals.arithmetic import einsum


class Cylindrical(NamedTuple):
    """Places in a source's frame.

    Attributes:
        s: Distance from the axis [m].
        z: Along it [m].
        phi: Azimuth [rad], from the source's south towards its east.
    """

    s: Float[Array, "*at"]
    z: Float[Array, "*at"]
    phi: Float[Array, "*at"]


def local_axes(latitude: Float[Array, "*at"], longitude: Float[Array, "*at"]) -> Float[Array, "*at 3 3"]:
    """South, east and up of places, as rows of Cartesian coordinates of the globe.

    Args:
        latitude: Geocentric [degrees].
        longitude: [degrees].

    Returns:
        A rotation for each.
    """
    lat, lon = jnp.deg2rad(latitude), jnp.deg2rad(longitude)
    zero = jnp.zeros_like(lat)
    south = [jnp.sin(lat) * jnp.cos(lon), jnp.sin(lat) * jnp.sin(lon), -jnp.cos(lat)]
    east = [-jnp.sin(lon), jnp.cos(lon), zero]
    up = [jnp.cos(lat) * jnp.cos(lon), jnp.cos(lat) * jnp.sin(lon), jnp.sin(lat)]
    return jnp.stack([jnp.stack(jnp.broadcast_arrays(*row), -1) for row in (south, east, up)], -2)


def in_frame(frame: Float[Array, "3 3"], radius: Float[Array, "*at"], up: Float[Array, "*at 3"]) -> Cylindrical:
    """Places of the globe as they are seen from a source.

    Args:
        frame: The source's `local_axes`.
        radius: Of the places [m].
        up: Their directions from the centre, unit vectors of the globe.

    Returns:
        Where they are.
    """
    x, y, z = jnp.moveaxis(radius[..., None] * einsum("ij,...j->...i", frame, up), -1, 0)
    s, phi = polar(x, y)
    return Cylindrical(s, z, phi)


def on_globe(frame: Float[Array, "3 3"], at: Cylindrical) -> tuple[Float[Array, "*at"], Float[Array, "*at"], Float[Array, "*at"]]:
    """Radius [m], latitude and longitude [degrees] of places that are given in a source's frame."""
    seen = jnp.stack(jnp.broadcast_arrays(at.s * jnp.cos(at.phi), at.s * jnp.sin(at.phi), at.z), -1)
    x, y, z = jnp.moveaxis(einsum("ji,...j->...i", frame, seen), -1, 0)
    far, longitude = polar(x, y)
    radius, latitude = polar(far, z)
    return radius, jnp.rad2deg(latitude), jnp.rad2deg(longitude)


def cylindrical_axes(phi: Float[Array, "*at"]) -> Float[Array, "*at 3 3"]:
    """Unit vectors along s, phi and z at azimuths, as rows of the frame's coordinates."""
    zero, one = jnp.zeros_like(phi), jnp.ones_like(phi)
    rows = [jnp.cos(phi), jnp.sin(phi), zero], [-jnp.sin(phi), jnp.cos(phi), zero], [zero, zero, one]
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)


def polar(x: Float[Array, "*at"], y: Float[Array, "*at"]) -> tuple[Float[Array, "*at"], Float[Array, "*at"]]:
    """Distance and angle [rad], whose derivatives at the origin are zero and not NaN."""
    origin = (x == 0) & (y == 0)
    x = jnp.where(origin, 1.0, x)
    return jnp.where(origin, 0.0, jnp.hypot(x, y)), jnp.where(origin, 0.0, jnp.arctan2(y, x))
