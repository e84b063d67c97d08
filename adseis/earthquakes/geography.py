"""From longitude, latitude and elevation to the metres of a grid: local axes about an origin, or a profile through it."""

from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from adseis.earthquakes.seismic_files import obspy_module


class Frame(eqx.Module):
    """Axes (z, y, x) of a grid on the Earth: x along an azimuth, y to the right of it, z down.

    A point at the geodesic distance d and azimuth a from the origin lies at x = d cos(a - azimuth), y = d sin(a - azimuth)
    (azimuthal equidistant, WGS84). Distances from the origin are exact; across directions lengths are off by d^2 / 6 R^2, 4e-5
    at 100 km.
    With `azimuth` = 0, x points to the north and y to the east, as `ads.double_couple` has them; it takes another azimuth too.

    Attributes:
        longitude: Of the origin [degrees].
        latitude: Of the origin [degrees].
        azimuth: Of the x axis, clockwise from north [degrees].
        elevation: Where z = 0 lies, above sea level [m].
        axes: "zyx", or "zx" for a profile along x: a 2D grid. What lies off it is projected onto it.
        flat: Whether stations are put at their depth below the ground, under z = 0, whatever the elevation of the ground: a grid
            has a flat surface. Events stay where they are, `elevation` + depth.

    Raises:
        ValueError: If a number is out of range, or `axes` is neither.
    """

    longitude: float = eqx.field(static=True, converter=float)
    latitude: float = eqx.field(static=True, converter=float)
    azimuth: float = eqx.field(static=True, default=0.0, converter=float)
    elevation: float = eqx.field(static=True, default=0.0, converter=float)
    axes: str = eqx.field(static=True, default="zyx", kw_only=True)
    flat: bool = eqx.field(static=True, default=False, kw_only=True)

    def __check_init__(self) -> None:
        check_place(self.longitude, self.latitude, "the frame")
        if not np.all(np.isfinite([self.azimuth, self.elevation])):
            raise ValueError(f"`azimuth` = {self.azimuth} degrees and `elevation` = {self.elevation} m must be finite.")
        if self.axes not in ("zyx", "zx"):
            raise ValueError(f'`axes` = {self.axes!r} must be "zyx" (3D) or "zx" (a profile).')

    def horizontal(self, longitude: ArrayLike, latitude: ArrayLike) -> Float[np.ndarray, "point 2"]:
        """Horizontal positions.

        Args:
            longitude: Of every point [degrees], `(point,)`.
            latitude: Likewise.

        Returns:
            (y, x) [m], `(point, 2)`; y is the distance to the right of the profile.

        Raises:
            ValueError: If a place is not on Earth.
            ImportError: If ObsPy is not installed.
        """
        polar = [distance_azimuth(self.longitude, self.latitude, *place) for place in _places(longitude, latitude)]
        distance, azimuth = np.array(polar, float).reshape(-1, 2).T
        angle = np.deg2rad(azimuth - self.azimuth)
        return np.stack([distance * np.sin(angle), distance * np.cos(angle)], -1)

    def positions(
        self, longitude: ArrayLike, latitude: ArrayLike, elevation: ArrayLike
    ) -> tuple[Float[np.ndarray, "point axis"], Float[np.ndarray, " point"]]:
        """Positions on the axes of the frame.

        Args:
            longitude: Of every point [degrees], `(point,)`.
            latitude: Likewise.
            elevation: Of every point itself, not of the ground above it, above sea level [m], `(point,)`.

        Returns:
            Positions [m], `(point, axis)`, and the distance off the profile [m], `(point,)`, to the right of x positive.

        Raises:
            ValueError: If a place is not on Earth.
            ImportError: If ObsPy is not installed.
        """
        yx = self.horizontal(longitude, latitude)
        zyx = np.concatenate([(self.elevation - np.atleast_1d(np.asarray(elevation, float)))[:, None], yx], -1)
        return zyx[:, ["zyx".index(axis) for axis in self.axes]], yx[:, 0]

    def moment_tensor(self, moment: ArrayLike) -> Float[np.ndarray, "*batch axis axis"]:
        """A catalogue's moment tensor on the axes of the frame, as `ads.MomentTensor` takes it.

        With `azimuth` = 0: M_zz = Mrr, M_xx = Mtt, M_yy = Mpp, M_zx = Mrt, M_zy = -Mrp, M_xy = -Mtp; then turned by the azimuth
        about z. Of a profile, what is left in its plane. Up, south and east are those at the origin of the frame: meridians
        converge by sin(latitude) times the difference in longitude.

        Args:
            moment: On the axes (r, theta, phi), which point up, south and east, as catalogues have it [N m], `(..., 3, 3)`.

        Returns:
            On (z, y, x) or (z, x), in the unit of `moment`.

        Raises:
            ValueError: If it is no tensor of three axes.

        Example:
            >>> thrust = np.diag([1e18, -1e18, 0.0])  # up is pulled, south pushed: the fault strikes east
            >>> np.diag(Frame(0.0, 0.0, azimuth=90.0).moment_tensor(thrust)).round() / 1e18 + 0.0  # x east
            array([ 1., -1.,  0.])

        References:
            Aki, K. & Richards, P. G. (2002), Quantitative Seismology, University Science Books, box 4.4
        """
        moment = np.asarray(moment, float)
        if moment.shape[-2:] != (3, 3):
            raise ValueError(f"`moment` {moment.shape} must be (..., 3, 3), on the axes (r, theta, phi): up, south, east.")
        along = self.directions() * [1.0, -1.0, 1.0]  # south is minus north
        return along @ moment @ along.T

    def directions(self) -> Float[np.ndarray, "axis 3"]:
        """Unit vectors of the axes, in (up, north, east)."""
        sin, cos = np.sin(np.deg2rad(self.azimuth)), np.cos(np.deg2rad(self.azimuth))
        vectors = {"z": (-1.0, 0.0, 0.0), "y": (0.0, -sin, cos), "x": (0.0, cos, sin)}
        return np.array([vectors[axis] for axis in self.axes])


def distance_azimuth(longitude: float, latitude: float, other_longitude: float, other_latitude: float) -> tuple[float, float]:
    """How far one place is from another, and in which direction, on the WGS84 ellipsoid.

    Args:
        longitude: Where to stand [degrees].
        latitude: Likewise.
        other_longitude: Where to look [degrees].
        other_latitude: Likewise.

    Returns:
        Geodesic distance [m] and azimuth, clockwise from north [degrees].

    Raises:
        ValueError: If a place is not on Earth.
        ImportError: If ObsPy is not installed.
    """
    check_place(longitude, latitude, "a place")
    check_place(other_longitude, other_latitude, "a place")
    distance, azimuth, _ = obspy_module().geodetics.gps2dist_azimuth(latitude, longitude, other_latitude, other_longitude)
    return float(distance), float(azimuth)


def check_place(longitude: float, latitude: float, name: str) -> None:
    """Raise unless a place is on Earth.

    Args:
        longitude: Its longitude [degrees].
        latitude: Its latitude [degrees].
        name: What it is, for the message.

    Raises:
        ValueError: If not.
    """
    if not (-180 <= longitude <= 360 and -90 <= latitude <= 90):
        raise ValueError(
            f"{name} lies at longitude {longitude}, latitude {latitude}; they must be degrees within [-180, 360] and [-90, 90]."
        )


def _places(longitude: ArrayLike, latitude: ArrayLike) -> Sequence[tuple[float, float]]:
    pairs = np.broadcast_arrays(np.atleast_1d(np.asarray(longitude, float)), np.atleast_1d(np.asarray(latitude, float)))
    return [(float(a), float(b)) for a, b in zip(*pairs, strict=True)]
