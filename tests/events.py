"""Seismograms, stations and events made up for the tests of what reads them."""

import warnings

import numpy as np

START = "2020-02-29T23:59:50.123400"
SENSOR = {"zeros": [0j, 0j], "poles": [-4.4 + 4.4j, -4.4 - 4.4j, -180 + 0j], "gain": 3e8, "at": 5.0}
"""A seismometer of 1 Hz: poles and zeros [rad/s], and its sensitivity [counts per m/s] at a frequency [Hz]."""
PLACE = {"longitude": 11.6, "latitude": 48.1, "elevation": 520.0, "depth": 0.0}


def pulse(t):
    """A Ricker wavelet of 1.5 Hz at 4.2 s: below 6 Hz to 1e-6."""
    a = (np.pi * 1.5 * (t - 4.2)) ** 2
    return (1 - 2 * a) * np.exp(-a)


def sensitivity(frequency):
    """Counts per m/s of `SENSOR`, by its definition."""
    s = 2j * np.pi * np.atleast_1d(np.asarray(frequency, float))
    ratio = lambda s: np.prod([s - z for z in SENSOR["zeros"]], 0) / np.prod([s - p for p in SENSOR["poles"]], 0)  # noqa: E731
    return SENSOR["gain"] * ratio(s) / np.abs(ratio(2j * np.pi * np.array([SENSOR["at"]])))


def make_trace(name, data, dt=0.01, start=START):
    """A trace of an id such as "BW.RJOB..EHZ"."""
    import obspy  # noqa: PLC0415 - an optional dependency

    trace = obspy.Trace(np.array(data))
    trace.stats.network, trace.stats.station, trace.stats.location, trace.stats.channel = name.split(".")
    trace.stats.delta, trace.stats.starttime = dt, obspy.UTCDateTime(start)
    return trace


def make_inventory(channels, *, response=True, units="M/S"):
    """Stations: id of a channel -> what differs from `PLACE`, and its `azimuth` and `dip`."""
    from obspy.core import inventory as inv  # noqa: PLC0415

    normal = abs(sensitivity(SENSOR["at"])[0]) / SENSOR["gain"]
    stations = []
    for name, given in channels.items():
        network, station, location, code = name.split(".")
        place = PLACE | given
        where = {key: place[key] for key in ("longitude", "latitude", "elevation")}
        channel = inv.Channel(code, location, depth=place["depth"], azimuth=place.get("azimuth"), dip=place.get("dip"), **where)
        if response:
            sensor = (SENSOR["zeros"], SENSOR["poles"], SENSOR["gain"] * normal, SENSOR["at"])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # ObsPy knows some units only
                channel.response = inv.Response.from_paz(*sensor, input_units=units, output_units="COUNTS")
        stations.append((network, inv.Station(station, channels=[channel], **where)))
    return inv.Inventory([inv.Network(network, [station]) for network, station in stations], source="tests")


def make_event(*, longitude=11.65, latitude=48.12, depth=3000.0, time=START, origin=True):
    """An event; `origin=False` leaves its origin out, None any of its fields."""
    import obspy  # noqa: PLC0415
    from obspy.core.event import Event, Origin  # noqa: PLC0415

    place = {"longitude": longitude, "latitude": latitude, "depth": depth}
    return Event(origins=[Origin(time=None if time is None else obspy.UTCDateTime(time), **place)] if origin else [])
