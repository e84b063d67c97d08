"""Earthquake records as a simulation has them: gathers on the grid's clock, stations and sources in the grid's metres.

`read_ground_motion` makes counts to metres per second, `on_grid` brings them to a grid, `to_stream` takes gathers back to ObsPy,
from where SAC or miniSEED is written.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float

from adseis.earthquakes.geography import Frame
from adseis.earthquakes.hypocentres import Hypocentre, read_hypocentres
from adseis.earthquakes.seismic_files import obspy_module, read_stations, read_waveforms
from adseis.earthquakes.sensors import Sensor, combination, component_names, component_vectors, sensors_of
from adseis.earthquakes.traces import check_overlaps, check_samples, without_text
from adseis.experiment.grid import Grid
from adseis.resampling import sample_at


class StationRecords(NamedTuple):
    """Records of events at stations, as `invert` and `Survey` want them.

    Attributes:
        data: A gather for each component, `(event, time, receiver)` [unit]; zero where nothing was recorded.
        components: Their names: "vz", "vx", ... along the axes of the grid, "Z", "N", "E", "R", "T" (Z up), or "p".
        unit: Of the data: "m/s", "m", "m/s^2", "Pa", or "unknown".
        receivers: Positions of the stations [m], `(receiver, axis)`.
        sources: Positions of the events [m], `(event, 1, axis)`.
        live: Where there is a record, `(component, event, receiver)`.
        stations: Names of the sensors, such as "BW.RJOB..EH"; of pressure, of the channels.
        starts: Time of sample 0 of each event, an `obspy.UTCDateTime`.
        off_profile: How far stations are to the right of the x axis [m], `(receiver,)`; in 2D they are projected onto it.
        sources_off_profile: Likewise of the events, `(event,)`.
        directions: Unit vectors (up, north, east) of the components, `(component, event, receiver, 3)`; zero for pressure.
        places: Longitude, latitude [degrees] and elevation [m] of the sensors, `(receiver, 3)`.
        events: Origin times and hypocentres.
    """

    data: tuple[Float[np.ndarray, "event time receiver"], ...]
    components: tuple[str, ...]
    unit: str
    receivers: Float[np.ndarray, "receiver axis"]
    sources: Float[np.ndarray, "event 1 axis"]
    live: Bool[np.ndarray, "component event receiver"]
    stations: tuple[str, ...]
    starts: tuple[Any, ...]
    off_profile: Float[np.ndarray, " receiver"]
    sources_off_profile: Float[np.ndarray, " event"]
    directions: Float[np.ndarray, "component event receiver 3"]
    places: Float[np.ndarray, "receiver 3"]
    events: tuple[Hypocentre, ...]


def on_grid(
    waveforms: Any,
    stations: Any,
    events: Any,
    grid: Grid,
    frame: Frame,
    *,
    components: str = "grid",
    start: float = 0.0,
    missing: str = "error",
) -> StationRecords:
    """Records at the instants, along the directions and at the positions of a grid.

    Sample k of an event is at its origin time + `start` + k dt. The shift is band-limited and need not be a whole sample; what
    the grid's clock cannot hold is filtered out (`adseis.resampling`). Channels of any orientation are combined to the
    components asked for. One sensor (network, station, location, band and instrument) is one receiver. Of records of pressure
    [Pa] every channel is one, and the gather is "p", as simulations record it. Channels of text are left out with a warning.

    Args:
        waveforms: Seismograms in their final unit, as `read_ground_motion` returns them: an `obspy.Stream` or paths.
        stations: A path or an `obspy.Inventory` with positions and orientations; None takes both from the headers of SAC files.
        events: A path, an `obspy.Catalog`, or a list of `Hypocentre`; None takes them from the headers of SAC files.
        grid: Space-time sampling: 3D for a frame of axes "zyx", 2D for a profile.
        frame: Where the grid lies on the Earth.
        components: "grid" for velocities (or displacements) along the axes of the grid, z down; or letters of "ZNE" or of
            "ZRT": Z up, R away from the epicentre, T to the right of R; "p" for pressure, which is what "grid" means for
            records in Pa.
        start: Of the grid's clock, after the origin time [s]; negative before it.
        missing: What happens where a sensor does not record a component over the whole time: "error"; "dead" leaves it out of
            `live`; "pad" takes what there is, and zero before and after. Gaps inside are always an error.

    Returns:
        The records.

    Raises:
        ValueError: If a trace does not cover the time, has gaps or NaN or is dead; if a station or an origin is unknown or off
            the grid; the message names it.
        FileNotFoundError: If there is no such file.
        ImportError: If ObsPy is not installed.
    """
    if len(grid.shape) != len(frame.axes):
        raise ValueError(f'`frame.axes` = "{frame.axes}" does not fit `grid.shape` = {grid.shape}: "zyx" is 3D, "zx" a profile.')
    if missing not in ("error", "dead", "pad"):
        raise ValueError(f'`missing` = {missing!r} must be "error", "dead" or "pad".')
    stream = without_text(read_waveforms(waveforms))
    for trace in stream:
        check_samples(trace)
    check_overlaps(stream)
    unit = _common_unit(stream)
    names = component_names(components, unit, frame)
    sensors = sensors_of(stream, None if stations is None else read_stations(stations), pressure=names == ("p",))
    shocks = read_hypocentres(events, stream)

    places = np.array([sensor.place for sensor in sensors])
    receivers, off = frame.positions(*places.T)
    if frame.flat:
        receivers[:, 0] = [sensor.depth for sensor in sensors]
    sources, sources_off = frame.positions(*np.array([(s.longitude, s.latitude, -s.depth) for s in shocks]).T)
    _require_inside(receivers, [f"station {sensor.name}" for sensor in sensors], grid)
    _require_inside(sources, [f"the event of {shock.time}" for shock in shocks], grid)

    data = np.zeros((len(names), len(shocks), grid.nt, len(sensors)))
    live = np.zeros((len(names), len(shocks), len(sensors)), bool)
    directions = np.zeros((*live.shape, 3))
    for i, shock in enumerate(shocks):
        for k, sensor in enumerate(sensors):
            sampled = _sampled(sensor, shock.time + start, grid, missing)
            if names == ("p",):
                data[0, i, :, k], live[0, i, k] = next(iter(sampled.values()), 0.0), bool(sampled)
            else:
                directions[:, i, k] = component_vectors(components, frame, sensor, shock[1:3])
                data[:, i, :, k], live[:, i, k] = _motion(sensor, sampled, directions[:, i, k], grid.nt)
            if missing == "error" and not live[:, i, k].all():
                unseen = names[int(np.argmin(live[:, i, k]))]
                raise ValueError(
                    f"{sensor.name} does not record {unseen}; there is {', '.join(sampled)}. Add the other channels, ask for "
                    'other `components`, or set `missing` = "dead".'
                )
    silent = [name for name, alive in zip(names, live, strict=True) if not alive.any()]
    if silent:
        raise ValueError(f"no station records {', '.join(silent)} of any event: ask for other `components` than {components!r}.")
    return StationRecords(
        data=tuple(data),
        components=names,
        unit=unit,
        receivers=receivers,
        sources=sources[:, None],
        live=live,
        stations=tuple(sensor.name for sensor in sensors),
        starts=tuple(shock.time + start for shock in shocks),
        off_profile=off,
        sources_off_profile=sources_off,
        directions=directions,
        places=places,
        events=tuple(shocks),
    )


def to_stream(records: StationRecords, dt: float, *, data: Sequence[Array | np.ndarray] | None = None) -> Any:
    """Gathers as an `obspy.Stream` with SAC headers; `to_stream(records, grid.dt).write("event.mseed", "MSEED")` writes them.

    Args:
        records: Stations, events and components.
        dt: Sampling interval [s].
        data: Other gathers of the same components and shapes, such as simulated ones; those of the records by default.

    Returns:
        A trace for every live record. Motion along z is turned up and named Z; horizontal components are named N, E, R, T, or 1
        and 2 along the x and y of the grid. The headers `cmpaz` and `cmpinc` say where each points. Pressure keeps the name of
        its channel.

    Raises:
        ValueError: If `data` does not fit the records.
        ImportError: If ObsPy is not installed.
    """
    obspy = obspy_module()
    gathers = [np.asarray(gather) for gather in (records.data if data is None else data)]
    shapes, wanted = ([gather.shape for gather in set_] for set_ in (gathers, records.data))
    if shapes != wanted:
        raise ValueError(f"`data` has shapes {shapes}; the records have {wanted}: give a gather for each component.")
    stream = obspy.Stream()
    for c, i, k in np.argwhere(records.live):
        shock, (longitude, latitude, elevation) = records.events[i], records.places[k]
        up, north, east = records.directions[c, i, k]
        scalar = records.components[c] == "p"
        sign, letter = (
            (np.sign(up), "Z") if abs(up) > 0.5 else (1.0, "" if scalar else _letter(records.components[c], north, east))
        )
        trace = obspy.Trace(sign * np.ascontiguousarray(gathers[c][i, :, k]))
        network, station, location, channel = records.stations[k].split(".")
        trace.stats.update({"network": network, "station": station, "location": location, "channel": channel + letter})
        trace.stats.update({"delta": dt, "starttime": records.starts[i], "unit": records.unit})
        after = 1e-6 * (records.starts[i].microsecond % 1000)  # SAC's reference time has whole milliseconds
        trace.stats.sac = {
            "stla": latitude, "stlo": longitude, "stel": elevation, "evla": shock.latitude, "evlo": shock.longitude,
            "evdp": 1e-3 * shock.depth, "b": after, "o": shock.time - records.starts[i] + after,
        }  # fmt: skip
        if records.components[c] != "p":
            trace.stats.sac.update(
                {
                    "cmpaz": np.rad2deg(np.arctan2(east, north)) % 360,
                    "cmpinc": np.rad2deg(np.arccos(sign * up)),
                }
            )
        stream.append(trace)
    return stream


def _letter(component: str, north: float, east: float) -> str:
    """The last letter of a horizontal channel; of pressure the name is whole."""
    if component == "p":
        return ""
    if component.isupper():
        return component
    return "N" if north > 1 - 1e-6 else "E" if east > 1 - 1e-6 else {"x": "1", "y": "2"}[component[-1]]


def _common_unit(stream: Any) -> str:
    units = {trace.stats.get("unit", "unknown"): trace.id for trace in stream}
    if len(units) > 1:
        named = ", ".join(f"{name} in {unit}" for unit, name in units.items())
        raise ValueError(f"the traces differ in their units: {named}. Prepare them alike by `read_ground_motion`.")
    return next(iter(units))


def _require_inside(positions: Float[np.ndarray, "point axis"], names: Sequence[str], grid: Grid) -> None:
    found = grid.outside(positions)
    if found is not None:
        where = ", ".join(f"{value:.0f}" for value in positions[found])
        raise ValueError(
            f"{names[found[0]]} lies at ({where}) m, off the grid, which covers {grid.ranges()} m. Move the frame or the grid's "
            "origin, or put stations onto its top by Frame(flat=True)."
        )


def _sampled(sensor: Sensor, begin: Any, grid: Grid, missing: str) -> dict[str, np.ndarray]:
    """The channels of a sensor that record from `begin` on, at the instants of the grid."""
    sampled = {}
    end = begin + (grid.nt - 1) * grid.dt
    for name, pieces in sensor.traces.items():
        present = [trace for trace in pieces if trace.stats.starttime < end and trace.stats.endtime > begin]
        if len(present) > 1:
            between = f"{present[0].stats.endtime} to {present[1].stats.starttime}"
            raise ValueError(f"{name} has a gap from {between}, within {begin} to {end}. Fill it, or remove the trace.")
        half = 0.5 * min(pieces[0].stats.delta, grid.dt)
        covers = present and present[0].stats.starttime <= begin + half and present[0].stats.endtime >= end - half
        if missing == "error" and not covers:
            spans = ", ".join(f"{trace.stats.starttime} to {trace.stats.endtime}" for trace in pieces)
            raise ValueError(
                f"{name} is recorded from {spans}; {begin} to {end} was asked for. Change `start` or grid.nt, or set `missing` = "
                '"pad" or "dead".'
            )
        if not present or not (covers or missing == "pad"):
            continue
        trace = present[0]
        samples = sample_at(trace.data, trace.stats.delta, begin - trace.stats.starttime, grid.dt, grid.nt)
        if np.ptp(trace.data) > 0 and np.any(samples):
            sampled[name] = samples
        elif missing == "error":
            raise ValueError(f'{name} is dead: its samples are all the same. Remove it, or set `missing` = "dead".')
    return sampled


def _motion(
    sensor: Sensor, sampled: dict[str, np.ndarray], directions: Float[np.ndarray, "component 3"], nt: int
) -> tuple[Float[np.ndarray, "component time"], Bool[np.ndarray, " component"]]:
    """Channels combined to components, and which of these they tell."""
    motion, live = np.zeros((len(directions), nt)), np.zeros(len(directions), bool)
    channels = np.array([sensor.directions[name] for name in sampled]).reshape(-1, 3)
    for c, direction in enumerate(directions):
        weights = combination(channels, direction)
        if weights is not None:
            motion[c], live[c] = weights @ np.array(list(sampled.values())), True
    return motion, live
