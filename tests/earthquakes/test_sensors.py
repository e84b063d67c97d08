"""Channels of any orientation combined to components, against a motion that is known and against ObsPy."""

import numpy as np
import pytest
from events import PLACE, make_inventory, make_trace

from adseis.earthquakes.geography import Frame
from adseis.earthquakes.sensors import combination, component_names, component_vectors, sensors_of

obspy = pytest.importorskip("obspy")
rotate = pytest.importorskip("obspy.signal.rotate")

NAME = "XX.STA.00.HH"
MOTION = np.random.default_rng(3).standard_normal((3, 50))  # up, north, east
FRAME = Frame(11.6, 48.1, azimuth=33.0)
SYMMETRIC = {c: {"azimuth": a, "dip": -35.264} for c, a in zip("UVW", (90.0, 210.0, 330.0), strict=True)}
SKEW = {"1": {"azimuth": 12.0, "dip": 3.0}, "2": {"azimuth": 100.0, "dip": -5.0}, "Z": {"azimuth": 40.0, "dip": -86.0}}


def recorded(channels):
    """What channels record of `MOTION`: its part along each (dip is down from the horizontal)."""
    stream = obspy.Stream()
    for letter, way in channels.items():
        azimuth, dip = np.deg2rad([way["azimuth"], way["dip"]])
        along = np.array([-np.sin(dip), np.cos(dip) * np.cos(azimuth), np.cos(dip) * np.sin(azimuth)])
        stream.append(make_trace(NAME + letter, along @ MOTION))
    return stream, make_inventory({NAME + letter: way for letter, way in channels.items()})


def combined(stream, inventory, components, epicentre=(11.9, 48.3)):
    (sensor,) = sensors_of(stream, inventory)
    channels = np.array(list(sensor.directions.values()))
    data = np.array([pieces[0].data for pieces in sensor.traces.values()])
    return [
        None if weights is None else weights @ data
        for weights in (combination(channels, way) for way in component_vectors(components, FRAME, sensor, epicentre))
    ]


@pytest.mark.parametrize("channels", [SYMMETRIC, SKEW], ids=["symmetric triaxial", "askew"])
def test_known_motion(channels):
    """Three channels give back the motion to rounding, also as ObsPy rotates them, and along the axes of the grid."""
    stream, inventory = recorded(channels)
    np.testing.assert_allclose(combined(stream, inventory, "ZNE"), MOTION, rtol=0, atol=1e-12)
    of_obspy = rotate.rotate2zne(
        *(x for trace, way in zip(stream, channels.values(), strict=True) for x in (trace.data, way["azimuth"], way["dip"]))
    )
    np.testing.assert_allclose(combined(stream, inventory, "ZNE"), of_obspy, rtol=0, atol=1e-12)
    up, north, east = MOTION
    sin, cos = np.sin(np.deg2rad(33.0)), np.cos(np.deg2rad(33.0))
    exact = [-up, -sin * north + cos * east, cos * north + sin * east]
    np.testing.assert_allclose(combined(stream, inventory, "grid"), exact, rtol=0, atol=1e-12)


def test_radial_and_transverse():
    """As ObsPy rotates by the back azimuth: R away from the epicentre, T to the right of R."""
    stream, inventory = recorded(SKEW)
    back = obspy.geodetics.gps2dist_azimuth(PLACE["latitude"], PLACE["longitude"], 48.3, 11.9)[1]
    radial, transverse = rotate.rotate_ne_rt(MOTION[1], MOTION[2], back)
    np.testing.assert_allclose(combined(stream, inventory, "ZRT"), [MOTION[0], radial, transverse], rtol=0, atol=1e-12)


def test_some_channels_only():
    """A vertical channel tells Z alone; two horizontal ones tell all but Z; one askew by 4 degrees nothing."""
    for letters, told in (("Z", [True, False, False]), ("NE", [False, True, True])):
        ways = {"Z": {"azimuth": 0.0, "dip": -90.0}, "N": {"azimuth": 0.0, "dip": 0.0}, "E": {"azimuth": 90.0, "dip": 0.0}}
        found = combined(*recorded({letter: ways[letter] for letter in letters}), "ZNE")
        assert [component is not None for component in found] == told
    assert combined(*recorded({"Z": {"azimuth": 0.0, "dip": -86.0}}), "Z") == [None]


def test_orientation_by_letter_and_header():
    """Z, N and E stand for themselves where azimuth and dip are not given; SAC counts the inclination from the vertical."""
    (sensor,) = sensors_of(
        obspy.Stream([make_trace(NAME + c, [0.0, 1.0]) for c in "ZNE"]), make_inventory({NAME + c: {} for c in "ZNE"})
    )
    np.testing.assert_allclose(list(sensor.directions.values()), np.eye(3), atol=1e-15)
    trace = make_trace(NAME + "Q", [0.0, 1.0])
    trace.stats.sac = {"stla": 48.1, "stlo": 11.6, "stel": 500.0, "stdp": 30.0, "cmpaz": 90.0, "cmpinc": 60.0}
    (sensor,) = sensors_of(obspy.Stream([trace]), None)
    np.testing.assert_allclose(sensor.directions[trace.id], [0.5, 0, np.sqrt(0.75)], atol=1e-15)
    assert (sensor.place, sensor.depth) == ((11.6, 48.1, 470.0), 30.0)


def test_names():
    assert component_names("grid", "m/s", FRAME) == ("vz", "vy", "vx")
    assert component_names("grid", "m", Frame(0, 0, axes="zx")) == ("uz", "ux")
    assert component_names("ZT", "m/s", FRAME) == ("Z", "T")
    for wrong in ("", "ZZ", "NR", "vz"):
        with pytest.raises(ValueError, match=f"`components` = '{wrong}' must be"):
            component_names(wrong, "m/s", FRAME)


def test_faults():
    stream = obspy.Stream([make_trace(NAME + "1", [0.0, 1.0])])
    with pytest.raises(ValueError, match=r"XX\.STA\.00\.HH1: its orientation is not known"):
        sensors_of(stream, make_inventory({NAME + "1": {}}))
    with pytest.raises(ValueError, match=r"XX\.STA\.00\.HH1 is not in `stations` at .*; they hold XX\.STA\.00\.HHZ"):
        sensors_of(stream, make_inventory({NAME + "Z": {}}))
    with pytest.raises(ValueError, match=r"XX\.STA\.00\.HH1: without `stations` the SAC header must have stla and stlo"):
        sensors_of(stream, None)
