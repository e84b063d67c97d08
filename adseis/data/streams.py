"""Gathers of shots that ObsPy has read: SEG-2 of near-surface crews, SAC, miniSEED.

A shot is an `obspy.Stream`, or a file that ObsPy reads as one. SEG-2 tells where sources and receivers stand; for the others the
caller knows. ObsPy is an optional dependency, imported when a file is given.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from adseis.data.arrays import require_file
from adseis.data.gathers import Gathers
from adseis.data.record_clock import SLACK
from adseis.data.trace_headers import columns
from adseis.data.trace_options import FIELDS, FOOT

LENGTHS = {"METERS": 1.0, "FEET": FOOT, "INCHES": FOOT / 12, "CENTIMETERS": 0.01, "M": 1.0, "FT": FOOT}
"""UNITS of a SEG-2 file, and our own names in capitals -> length [m]."""
SEISMIC, DEAD = "SEISMIC_DATA", "DEAD"
"""TRACE_TYPE of SEG-2 files."""


def gathers_of_streams(
    shots: Any,
    *,
    field: str,
    unit: str | None = None,
    source_positions: ArrayLike | None = None,
    receiver_positions: ArrayLike | None = None,
    start: float | None = None,
    origins: Sequence[Any] | None = None,
    length_unit: str | None = None,
    dtype: str = "float32",
) -> Gathers:
    """The gathers of some shots.

    Samples are multiplied by `trace.stats.calib`, in SEG-2 the DESCALING_FACTOR, which leads to millivolts. Shots with fewer
    traces than others are padded with traces that are not live; dead traces of SEG-2 are not live, auxiliary ones are left out.

    Args:
        shots: An `obspy.Stream` or path for every shot, or one of them; traces of one component and one clock.
        field: What was recorded: "p", "vz", "vy" or "vx". Ours are along the axes, z down; turn the sign of data of "Z" channels.
        unit: Unit of the data; by default mV of SEG-2, else Pa of a pressure and m/s of a velocity.
        source_positions: `(shot, source, axis)` [m]; by default SOURCE_LOCATION of SEG-2: x, x and y, or x, y and elevation.
        receiver_positions: `(shot, receiver, axis)`, or `(receiver, axis)` for all shots [m]; by default RECEIVER_LOCATION.
        start: Time of the first sample after the shot [s]; by default DELAY of SEG-2, or as SAC headers (b, o) or `origins` say.
        origins: Time of every shot, an `obspy.UTCDateTime` each.
        length_unit: "m" or "ft" of the locations in the files; by default as their UNITS say.
        dtype: Precision of the data.

    Returns:
        The gathers, not looked at for dead traces and NaN yet: see `Gathers.check`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a file is given and ObsPy is not installed.
        ValueError: If traces differ in clock or component, have gaps, or do not tell when and where they were recorded; the
            message names the shot and the trace.

    Example:
        >>> gathers = gathers_of_streams(sorted(folder.glob("*.seg2")), field="vz")  # doctest: +SKIP
    """
    if field not in FIELDS.values():
        raise ValueError(f"`field` = {field!r} must be one of {', '.join(FIELDS.values())}.")
    if length_unit not in (None, "m", "ft"):
        raise ValueError(f"`length_unit` = {length_unit!r} must be 'm' or 'ft', or None.")
    if start is not None and origins is not None:
        raise ValueError("`start` and `origins` say the same; give one of them.")
    streams = [_stream(shot) for shot in _listed(shots)]
    if not streams:
        raise ValueError("`shots` is empty: give a stream or a file for every shot.")
    if origins is not None and len(origins) != len(streams):
        raise ValueError(f"`origins` are {len(origins)} times for {len(streams)} shots; give one for each.")
    kept = [[trace for trace in stream if _kind(trace) in (SEISMIC, DEAD)] for stream in streams]
    named = [(shot, trace, f"trace {i} of shot {shot} ({trace.id})") for shot, s in enumerate(kept) for i, trace in enumerate(s)]
    empty = [shot for shot, traces in enumerate(kept) if not traces]
    if empty:
        raise ValueError(f"shot {empty[0]} holds no seismic trace; leave it out of `shots`.")
    dt = _clock(named)
    begin = _start(named, dt, start, origins)
    shot = np.array([number for number, _, _ in named])
    if source_positions is None or receiver_positions is None:
        sources, receivers = _located(named, source_positions, receiver_positions, length_unit)
    else:
        sources, receivers = np.asarray(source_positions), None
    column, where = columns(shot, np.zeros((shot.size, 2)) if receivers is None else receivers)
    column = np.concatenate([np.arange(len(traces)) for traces in kept]) if receivers is None else column
    shape = (len(kept), 1 + int(column.max()))
    data, live = np.zeros((shape[0], named[0][1].stats.npts, shape[1]), dtype), np.zeros(shape, bool)
    for k, (number, trace, _) in enumerate(named):
        data[number, :, column[k]] = trace.data * trace.stats.calib
        live[number, column[k]] = _kind(trace) != DEAD
    where = where if receiver_positions is None else np.asarray(receiver_positions)
    scaled = all("DESCALING_FACTOR" in _seg2(trace) for _, trace, _ in named)
    unit = unit or ("mV" if scaled else "Pa" if field == "p" else "m/s")
    return Gathers(data, dt, sources, where, live=live, start=begin, field=field, unit=unit)


def _listed(shots: Any) -> list[Any]:
    """One stream or path, or several; a stream is a sequence of traces itself."""
    return [shots] if isinstance(shots, str | Path) or hasattr(shots, "traces") else list(shots)


def _stream(shot: Any) -> Any:
    if hasattr(shot, "traces"):
        return shot
    if hasattr(shot, "stats"):
        raise ValueError(
            f"`shots` holds the trace {shot.id}, where a stream is wanted for every shot: obspy.Stream([trace, ...])."
        )
    require_file(Path(shot), "file of a shot")
    try:
        import obspy  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("Shots are read by ObsPy. Install it: pip install 'adseis[seismo]'.") from error
    try:
        with warnings.catch_warnings():  # ObsPy doubts headers of SEG-2, of which we read DELAY and the locations ourselves
            warnings.filterwarnings("ignore", "Non-zero value found in Trace's 'DELAY'|Many companies use custom defined SEG2")
            return obspy.read(str(shot))
    except Exception as error:  # formats raise almost anything
        raise ValueError(f"`{shot}` is damaged, or of no format that ObsPy reads ({' '.join(str(error).split())}).") from error


def _seg2(trace: Any) -> Any:
    return trace.stats.get("seg2", {})


def _kind(trace: Any) -> str:
    words = str(_seg2(trace).get("TRACE_TYPE", SEISMIC)).upper()
    return DEAD if words.startswith(DEAD) else words.strip()


def _clock(named: list[tuple[int, Any, str]]) -> float:
    """The interval that all traces share, which have samples without gaps, and one component."""
    first = named[0][1]
    letters = sorted({trace.stats.channel[-1:] for _, trace, _ in named} - {""})
    if len(letters) > 1:
        raise ValueError(
            f"channels are of several components, {', '.join(letters)}. Choose one by `stream.select(component=...)`."
        )
    for _, trace, name in named:
        if np.ma.is_masked(trace.data):
            raise ValueError(f"{name} has gaps. Fill them, or leave it out.")
        if np.asarray(trace.data).dtype.kind not in "iuf":
            raise ValueError(f"{name} holds {np.asarray(trace.data).dtype}, no real numbers. Leave it out.")
        if trace.stats.npts != first.stats.npts or abs(trace.stats.delta / first.stats.delta - 1) > SLACK:
            raise ValueError(
                f"{name} has {trace.stats.npts} samples of {trace.stats.delta:.6g} s, the first trace {first.stats.npts} of "
                f"{first.stats.delta:.6g} s. Resample and trim the streams to one clock."
            )
    return float(first.stats.delta)


def _start(named: list[tuple[int, Any, str]], dt: float, start: float | None, origins: Sequence[Any] | None) -> float:
    """Time of the first sample after the shot, the same for all."""
    if start is not None:
        return float(start)
    begins = []
    for shot, trace, name in named:
        sac, words = trace.stats.get("sac", {}), _seg2(trace)
        if origins is not None:
            begins.append(float(trace.stats.starttime - origins[shot]))
        elif words:
            begins.append(float(words.get("DELAY", 0.0)))
        elif {"b", "o"} <= set(sac):
            begins.append(float(sac["b"]) - float(sac["o"]))
        else:
            raise ValueError(f"{name} does not tell the time of the shot. Give `origins`, or `start`.")
        if abs(begins[-1] - begins[0]) > max(SLACK, 1e-3) * dt:
            raise ValueError(
                f"{name} starts {begins[-1]:.6g} s after its shot, the first trace {begins[0]:.6g} s. Trim the streams alike."
            )
    return begins[0]


def _located(
    named: list[tuple[int, Any, str]], sources: ArrayLike | None, receivers: ArrayLike | None, length_unit: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions of the sources, `(shot, 1, axis)`, and of the receiver of every trace, as far as they are not given."""
    wanted = [key for key, given in (("SOURCE_LOCATION", sources), ("RECEIVER_LOCATION", receivers)) if given is None]
    found = {key: np.array([_place(trace, name, key, length_unit) for _, trace, name in named]) for key in wanted}
    flat = all((points[:, 1] == points[0, 1]).all() and points[0, 1] == found[wanted[0]][0, 1] for points in found.values())
    given = sources if sources is not None else receivers
    axes = np.shape(given)[-1] if given is not None else 2 if flat else 3
    if axes == 2 and not flat:
        raise ValueError("the locations in the files have a y that varies; give positions (z, y, x), and use `projected()`.")
    kept = [0, 2] if axes == 2 else [0, 1, 2]
    found = {key: points[:, kept] for key, points in found.items()}
    shot = np.array([number for number, _, _ in named])
    _, first = np.unique(shot, return_index=True)
    if "SOURCE_LOCATION" in found:
        points = found["SOURCE_LOCATION"]
        odd = np.flatnonzero((points != points[first][shot]).any(-1))
        if odd.size:
            raise ValueError(
                f"{named[odd[0]][2]} has another SOURCE_LOCATION than the first of its shot. Split the stream by shots."
            )
        sources = points[first][:, None]
    points = found.get("RECEIVER_LOCATION")
    if points is not None:
        for number in range(len(first)):
            if (shot == number).sum() > 1 and (np.ptp(points[shot == number], axis=0) == 0).all():
                raise ValueError(
                    f"all receivers of shot {number} have the RECEIVER_LOCATION of {named[first[number]][2]}, which cannot be. "
                    "Give `receiver_positions`."
                )
    return np.asarray(sources), points


def _place(trace: Any, name: str, key: str, length_unit: str | None) -> tuple[float, float, float]:
    """(z, y, x) [m] of a location of one to three numbers: x, y and elevation."""
    option = f"{key.split('_')[0].lower()}_positions"
    words = _seg2(trace)
    try:
        numbers = [float(word) for word in str(words[key]).replace(",", " ").split()]
        x, y, up = (numbers + [0.0, 0.0])[:3]
        ok = np.isfinite(numbers).all() and len(numbers) <= 3
    except (KeyError, ValueError):
        ok, x, y, up = False, 0.0, 0.0, 0.0
    if not ok:
        raise ValueError(f"{name} tells no {key} of one to three numbers, but {words.get(key)!r}. Give `{option}`.")
    unit = str(length_unit or words.get("UNITS", "")).upper().strip()
    if unit not in LENGTHS:
        raise ValueError(f"{name} does not tell the unit of its {key} (UNITS = {unit or None!r}). Give `length_unit`.")
    return -LENGTHS[unit] * up, LENGTHS[unit] * y, LENGTHS[unit] * x
