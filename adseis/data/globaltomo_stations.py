"""GlobalTomo's stations: a grid of latitudes and longitudes on the surface, and its coordinates."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.data.globaltomo_tiers import Tier

CLOSE = 1e-3
"""How far directions in float32, of degrees or of metres, may differ [1]."""


class Stations(NamedTuple):
    """Places on or within a ball, `(latitude, longitude)`.

    Attributes:
        latitude: From south to north [degrees].
        longitude: From -180 to 180, both there [degrees].
        radius: [m].
    """

    latitude: Float[np.ndarray, "latitude longitude"]
    longitude: Float[np.ndarray, "latitude longitude"]
    radius: Float[np.ndarray, "latitude longitude"]

    @property
    def spherical(self) -> Float[np.ndarray, "latitude longitude 3"]:
        """Radius [m], colatitude theta and longitude phi [rad]."""
        return np.stack([self.radius, np.radians(90 - self.latitude), np.radians(self.longitude)], axis=-1)

    @property
    def cartesian(self) -> Float[np.ndarray, "latitude longitude 3"]:
        """x = r sin theta cos phi, y = r sin theta sin phi, z = r cos theta [m]."""
        radius, theta, phi = np.moveaxis(self.spherical, -1, 0)
        return radius[..., None] * _direction(theta, phi)

    @property
    def told(self) -> str:
        """The grid in words."""
        axes = zip(("latitude", "longitude"), (self.latitude[:, 0], self.longitude[0]), strict=True)
        spans = (f"{name} {values[0]:g} to {values[-1]:g}, {len(values)} values" for name, values in axes)
        return f"{'; '.join(spans)} [degrees]"


def station_grid(tier: Tier) -> Stations:
    """The stations of a tier, both ends included: of 37 x 37, every 5 degrees of latitude and 10 of longitude.

    Args:
        tier: Which.

    Returns:
        The stations.
    """
    latitude, longitude = np.meshgrid(
        np.linspace(-90.0, 90.0, tier.stations[0]), np.linspace(-180.0, 180.0, tier.stations[1]), indexing="ij"
    )
    return Stations(latitude, longitude, np.full(tier.stations, tier.radius))


def stations_of(
    spherical: Float[np.ndarray, "latitude longitude 3"], cartesian: Float[np.ndarray, "latitude longitude 3"]
) -> Stations:
    """Stations by their coordinates: (r, theta, phi) as GlobalTomo tells, or (theta, phi, r) where the Cartesian ones say so.

    Its published scripts write both orders; only one of them agrees with the Cartesian coordinates beside it.

    Args:
        spherical: Radius, colatitude and longitude [rad].
        cartesian: x, y, z, in any unit.

    Returns:
        The stations; radii in the unit of `spherical`.

    Raises:
        ValueError: If neither order agrees.
    """
    values, places = np.asarray(spherical, float), np.asarray(cartesian, float)
    lengths = np.linalg.norm(places, axis=-1, keepdims=True)
    towards = places / np.where(lengths == 0, 1, lengths)
    for r, t, p in ((0, 1, 2), (2, 0, 1)):
        radius, theta, phi = values[..., r], values[..., t], values[..., p]
        if np.abs(np.where(lengths == 0, 0, _direction(theta, phi) - towards)).max() < CLOSE:
            return Stations(90 - np.degrees(theta), np.degrees(phi), radius)
    raise ValueError("`station_coords_spherical` as (r, theta, phi) and `station_coords_cartesian` point to different places.")


def slice_points(
    elements: Float[np.ndarray, "element 2"], azimuths: Float[np.ndarray, " slice"]
) -> Float[np.ndarray, "slice element 3"]:
    """Points of a half plane on meridians: x = s cos phi, y = s sin phi, z.

    Args:
        elements: Distance from the axis s and height z of each [m].
        azimuths: Of the meridians [rad].

    Returns:
        x, y, z [m].
    """
    s, z = np.asarray(elements, float).T
    flat = np.stack([np.cos(azimuths), np.sin(azimuths)], axis=-1)[:, None, :] * s[:, None]
    return np.concatenate([flat, np.broadcast_to(z[:, None], (len(azimuths), len(z), 1))], axis=-1)


def _direction(theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
