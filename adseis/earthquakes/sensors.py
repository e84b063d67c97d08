"""Seismometers and hydrophones: where they stand, which way channels point, and how channels combine to any component."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.earthquakes.geography import Frame, check_place, distance_azimuth

ALIGNED = 0.05
"""Sine of the angle, 3 degrees, within which a channel alone stands for a direction."""

LARGEST_WEIGHT = 10.0
"""Of a channel in a component: beyond, channels are too nearly parallel to be told apart."""


class Sensor(NamedTuple):
    """The channels of one instrument.

    Attributes:
        name: Network, station, location, band and instrument code: "BW.RJOB..EH"; of pressure, the channel: "3F.MRO01..HDH".
        place: Longitude, latitude [degrees] and elevation of the sensor itself [m].
        depth: Below the ground [m].
        traces: Trace id -> its pieces, `obspy.Trace`s.
        directions: Trace id -> which way it points, a unit vector (up, north, east); empty for pressure.
    """

    name: str
    place: tuple[float, float, float]
    depth: float
    traces: dict[str, list[Any]]
    directions: dict[str, np.ndarray]


def sensors_of(stream: Any, inventory: Any, *, pressure: bool = False) -> list[Sensor]:
    """The sensors of a stream, in the order in which they appear.

    Args:
        stream: An `obspy.Stream`.
        inventory: An `obspy.Inventory`, or None for the headers of SAC: `stla`, `stlo`, `stel`, `stdp` (zero where they are not
            set), `cmpaz` and `cmpinc`.
        pressure: Whether channels are of pressure: each is a sensor then, and points nowhere.

    Returns:
        The sensors.

    Raises:
        ValueError: If a position or an orientation is not known; the message names the trace.
    """
    grouped: dict[str, dict[str, list[Any]]] = {}
    for trace in stream:
        name = trace.id[:-1] if trace.stats.channel and not pressure else trace.id
        grouped.setdefault(name, {}).setdefault(trace.id, []).append(trace)
    sensors = []
    for name, traces in grouped.items():
        first = [pieces[0] for pieces in traces.values()]
        longitude, latitude, elevation, depth = _place(first[0], inventory)
        check_place(longitude, latitude, first[0].id)
        directions = {} if pressure else {trace.id: _direction(trace, inventory) for trace in first}
        sensors.append(Sensor(name, (longitude, latitude, elevation), depth, traces, directions))
    return sensors


def component_names(components: str, unit: str, frame: Frame) -> tuple[str, ...]:
    """What components are called.

    Args:
        components: "grid", letters of "ZNE" or "ZRT", or "p".
        unit: Of the records, which decides between "vz" (the default), "uz" [m], "az" [m/s^2] and "p" [Pa].
        frame: Of the grid.

    Returns:
        The names.

    Raises:
        ValueError: If `components` is none of these, or not of this unit.
    """
    if (unit == "Pa" and components not in ("grid", "p")) or (components == "p" and unit not in ("Pa", "unknown")):
        raise ValueError(f'`components` = {components!r} does not fit records in {unit}: pressure is "p", and "p" pressure.')
    if unit == "Pa" or components == "p":
        return ("p",)
    if components == "grid":
        return tuple({"m": "u", "m/s^2": "a"}.get(unit, "v") + axis for axis in frame.axes)
    letters = tuple(components)
    if not letters or len(set(letters)) < len(letters) or not (set(letters) <= set("ZNE") or set(letters) <= set("ZRT")):
        raise ValueError(f'`components` = {components!r} must be "grid", "p", or different letters of "ZNE" or of "ZRT".')
    return letters


def component_vectors(components: str, frame: Frame, sensor: Sensor, epicentre: tuple[float, float]) -> Float[np.ndarray, "c 3"]:
    """Which way components point at a station.

    Args:
        components: As of `component_names`.
        frame: Of the grid.
        sensor: The station.
        epicentre: Longitude and latitude of the event [degrees].

    Returns:
        Unit vectors (up, north, east).
    """
    if components == "grid":
        return frame.directions()
    away = 0.0
    if set(components) & set("RT"):
        away = np.deg2rad(180 + distance_azimuth(*sensor.place[:2], *epicentre)[1])
    sin, cos = np.sin(away), np.cos(away)
    vectors = {"Z": (1, 0, 0), "N": (0, 1, 0), "E": (0, 0, 1), "R": (0, cos, sin), "T": (0, -sin, cos)}
    return np.array([vectors[letter] for letter in components], float)


def combination(channels: Float[np.ndarray, "channel 3"], wanted: Float[np.ndarray, "3"]) -> Float[np.ndarray, " channel"] | None:
    """How channels add up to motion along a direction: the least w with sum_i w_i a_i = c.

    Args:
        channels: Unit vectors a of the channels.
        wanted: Unit vector c.

    Returns:
        w, or None where these channels do not tell.
    """
    if not len(channels):
        return None
    weights = np.linalg.lstsq(channels.T, wanted, rcond=1e-6)[0]
    off = np.linalg.norm(weights @ channels - wanted)
    return weights if off < ALIGNED and np.abs(weights).max() < LARGEST_WEIGHT else None


def _place(trace: Any, inventory: Any) -> tuple[float, float, float, float]:
    """Longitude, latitude, elevation of the sensor and its depth below the ground."""
    if inventory is None:
        header = trace.stats.get("sac", {})
        missing = [name for name in ("stla", "stlo") if name not in header]
        if missing:
            raise ValueError(
                f"{trace.id}: without `stations` the SAC header must have {' and '.join(missing)}. Set it, or give `stations`."
            )
        depth = float(header.get("stdp", 0.0))
        return float(header["stlo"]), float(header["stla"]), float(header.get("stel", 0.0)) - depth, depth
    try:
        found = inventory.get_coordinates(trace.id, trace.stats.starttime)
    except Exception as error:  # ObsPy raises a bare Exception
        known = sorted(set(inventory.get_contents()["channels"]))
        raise ValueError(
            f"{trace.id} is not in `stations` at {trace.stats.starttime}; they hold {', '.join(known[:6]) or 'no channel'}"
            f"{', ...' if len(known) > 6 else ''}. Add it, or remove the trace."
        ) from error
    return found["longitude"], found["latitude"], found["elevation"], found["local_depth"]


def _direction(trace: Any, inventory: Any) -> np.ndarray:
    """Which way a channel points: by its azimuth and dip (down from the horizontal), or else by its letter Z, N or E."""
    if inventory is None:
        header = trace.stats.get("sac", {})
        azimuth, dip = header.get("cmpaz"), header["cmpinc"] - 90 if "cmpinc" in header else None
    else:
        found = inventory.get_orientation(trace.id, trace.stats.starttime)
        azimuth, dip = found["azimuth"], found["dip"]
    if dip is not None and azimuth is None and abs(abs(dip) - 90) < 1e-3:
        azimuth = 0.0
    if azimuth is None or dip is None:
        azimuth, dip = {"Z": (0.0, -90.0), "N": (0.0, 0.0), "E": (90.0, 0.0)}.get(trace.stats.channel[-1:], (None, None))
    if azimuth is None or dip is None:
        raise ValueError(
            f"{trace.id}: its orientation is not known. Give azimuth and dip in `stations` (`cmpaz`, `cmpinc` in the header of "
            "SAC), or name the channel by Z, N or E."
        )
    azimuth, dip = np.deg2rad([float(azimuth), float(dip)])
    return np.array([-np.sin(dip), np.cos(dip) * np.cos(azimuth), np.cos(dip) * np.sin(azimuth)])
