"""Local axes on the Earth, against geodesics."""

import numpy as np
import pytest

from adseis.earthquakes.geography import Frame, distance_azimuth

obspy = pytest.importorskip("obspy")

ORIGIN = {"longitude": 12.8, "latitude": 47.7}
LONGITUDE, LATITUDE = np.array([12.9, 12.1, 12.8, 13.6]), np.array([47.9, 47.2, 47.7, 47.65])


@pytest.mark.parametrize("azimuth", [0.0, 30.0, 250.0])
def test_distance_and_azimuth_from_the_origin(azimuth):
    """Exact by construction: rounding of ellipsoidal geodesics, a micrometre."""
    frame = Frame(**ORIGIN, azimuth=azimuth, elevation=600.0)
    positions, off = frame.positions(LONGITUDE, LATITUDE, np.array([100.0, 700.0, 600.0, -3e3]))
    np.testing.assert_allclose(positions[:, 0], [500.0, -100.0, 0.0, 3600.0])
    for (_, y, x), longitude, latitude in zip(positions, LONGITUDE, LATITUDE, strict=True):
        distance, direction, _ = obspy.geodetics.gps2dist_azimuth(ORIGIN["latitude"], ORIGIN["longitude"], latitude, longitude)
        np.testing.assert_allclose(np.hypot(x, y), distance, atol=1e-6)
        if distance:
            assert abs((np.rad2deg(np.arctan2(y, x)) + azimuth - direction + 180) % 360 - 180) < 1e-9
    np.testing.assert_array_equal(off, positions[:, 1])


def test_distances_between_points():
    """Two points 80 km away in different directions: lengths are off by d^2 / 6 R^2 = 3e-5 at most, as is said."""
    frame = Frame(**ORIGIN)
    positions, _ = frame.positions([13.8, 12.8], [47.7, 48.4], [0.0, 0.0])
    geodesic, _ = distance_azimuth(13.8, 47.7, 12.8, 48.4)
    np.testing.assert_allclose(np.linalg.norm(positions[0] - positions[1]), geodesic, rtol=3e-5)


def test_north_east_down():
    """Azimuth 0: x to the north, y to the east, z down, as `double_couple` has them; directions are (up, north, east)."""
    frame = Frame(**ORIGIN)
    (north, east), _ = frame.positions([12.8, 12.9], [47.8, 47.7], [0.0, 0.0])
    assert north[2] > 11e3
    assert abs(north[1]) < 1e-6
    assert east[1] > 7e3
    np.testing.assert_allclose(frame.directions(), [[-1, 0, 0], [0, 0, 1], [0, 1, 0]], atol=1e-15)
    np.testing.assert_allclose(Frame(**ORIGIN, azimuth=90.0, axes="zx").directions(), [[-1, 0, 0], [0, 0, 1]], atol=1e-15)


def test_profile():
    """On a profile the z and x of three dimensions are kept, and y is what is lost."""
    volume, _ = Frame(**ORIGIN, azimuth=40.0).positions(LONGITUDE, LATITUDE, 0 * LATITUDE)
    profile, off = Frame(**ORIGIN, azimuth=40.0, axes="zx").positions(LONGITUDE, LATITUDE, 0 * LATITUDE)
    np.testing.assert_array_equal(profile, volume[:, [0, 2]])
    np.testing.assert_array_equal(off, volume[:, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latitude": 95.0}, "latitude 95.0; they must be degrees"),
        ({"longitude": float("nan")}, "longitude nan"),
        ({"azimuth": float("inf")}, "`azimuth` = inf"),
        ({"axes": "xz"}, "`axes` = 'xz' must be"),
    ],
)
def test_faults(options, message):
    with pytest.raises(ValueError, match=message):
        Frame(**ORIGIN | options)


def test_places_must_be_on_earth():
    with pytest.raises(ValueError, match=r"latitude 147\.0"):
        Frame(**ORIGIN).positions([12.0], [147.0], [0.0])
