"""What the headers of SEG-Y and SU traces mean: clock, component, positions, shots.

A header value is multiplied by its scalar, or divided by it where the scalar is negative; z = datum - elevation + source depth.
Every function takes the headers as integers, name -> `(trace,)`, and names traces as they are counted from 0 in the file.
"""

from pathlib import Path

import numpy as np

HEADERS = (
    *("FieldRecord", "TraceIdentificationCode", "ReceiverGroupElevation", "SourceSurfaceElevation", "SourceDepth"),
    *("ElevationScalar", "SourceGroupScalar", "SourceX", "SourceY", "GroupX", "GroupY", "CoordinateUnits"),
    *("DelayRecordingTime", "TRACE_SAMPLE_COUNT", "TRACE_SAMPLE_INTERVAL", "TraceValueMeasurementUnit", "ScalarTraceHeader"),
)
"""Names of the headers that are read, as segyio spells them."""
FIELDS = {11: "p", 12: "vz", 13: "vy", 14: "vx"}
"""TraceIdentificationCode -> our name: pressure, vertical, cross-line and in-line component."""
DEAD, SEISMIC = 2, (-1, 0, 1, 2, *range(11, 18))
"""TraceIdentificationCode of a dead trace, and of all traces that are not auxiliary."""
DEGREES = 3
"""CoordinateUnits of decimal degrees; 1 are lengths, 2 and 4 other angles."""
FOOT = 0.3048

Headers = dict[str, np.ndarray]


def scaled(values: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    """Header values times their scalars, or over them where those are negative; 0 counts as 1.

    Args:
        values: Integers of the headers.
        scalars: Their scalars, of the same shape.

    Returns:
        Numbers in the headers' unit.
    """
    size = np.where(scalars == 0, 1, np.abs(scalars)).astype(float)
    return np.where(scalars < 0, values / size, values * size)


def clock(path: Path, headers: Headers, interval: int, dt: float | None) -> tuple[float, float]:
    """Sampling interval and time of the first sample, the same for all traces.

    Args:
        path: File, for errors.
        headers: Of all traces.
        interval: That of the binary header [us]; 0 where there is none.
        dt: What the user says instead [s].

    Returns:
        The interval and the start [s].

    Raises:
        ValueError: If a trace differs from the first, or the interval is unknown or contradictory.
    """
    intervals, counts = (headers[name] & 0xFFFF for name in ("TRACE_SAMPLE_INTERVAL", "TRACE_SAMPLE_COUNT"))
    delays = scaled(headers["DelayRecordingTime"], headers["ScalarTraceHeader"])
    facts = {"an interval": (intervals, " us"), "a length": (counts, " samples"), "a delay": (delays, " ms")}
    for what, (values, unit) in facts.items():
        odd = np.flatnonzero(values != values[0])
        if odd.size and not (what == "an interval" and dt is not None):
            raise ValueError(
                f"`{path}`: trace {odd[0]} (from 0) has {what} of {values[odd[0]]:g}{unit}, trace 0 of {values[0]:g}{unit}; "
                f"{odd.size} of {values.size} traces differ from it. Split the file, or repair its headers."
            )
    if dt is not None:
        return dt, 1e-3 * float(delays[0])
    found = {int(value) for value in (interval, intervals[0]) if value}
    if len(found) != 1:
        raise ValueError(
            f"`{path}`: the sampling interval is {interval} us in the binary header and {intervals[0]} us in those of the "
            "traces. Give `dt` [s]."
        )
    return 1e-6 * found.pop(), 1e-3 * float(delays[0])


def component(path: Path, headers: Headers, field: str | None) -> tuple[np.ndarray, str]:
    """Which traces to keep, and what they recorded.

    Args:
        path: File, for errors.
        headers: Of all traces.
        field: "p", "vz", "vy", "vx", or None for the only one.

    Returns:
        Numbers of the traces, auxiliary ones left out, and the name of the field.

    Raises:
        ValueError: If there are several components and none is chosen, or nothing is left.
    """
    codes = headers["TraceIdentificationCode"]
    kept = np.isin(codes, SEISMIC)
    present = [name for code, name in FIELDS.items() if (codes == code).any()]
    if field is not None and present:
        wanted = next(code for code, name in FIELDS.items() if name == field)
        kept &= (codes == wanted) | (codes == DEAD)
    elif len(present) > 1:
        raise ValueError(f"`{path}` holds several components: {', '.join(present)}. Choose one of them by `field`.")
    if not (kept & (codes != DEAD)).any():
        wanted = "seismic traces" if field is None else f"traces of `field` = {field!r}"
        raise ValueError(f"`{path}` holds no {wanted}: its TraceIdentificationCodes are {sorted(set(codes.tolist()))}.")
    return np.flatnonzero(kept), field or (present[0] if present else "p")


def positions(
    path: Path, headers: Headers, *, unit: float | None, feet: bool, datum: float, axes: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the source and the receiver of every trace.

    Args:
        path: File, for errors.
        headers: Of the traces.
        unit: Length of the coordinates' unit [m]; None for what the headers say.
        feet: Whether the binary header says feet.
        datum: Elevation of z = 0 [m].
        axes: "zx", "zyx", or None for "zx" where all y are the same.

    Returns:
        Sources and receivers, `(trace, axis)` [m].

    Raises:
        ValueError: If the coordinates are angles, or `axes` is "zx" and y varies.
    """
    across = {name: scaled(headers[name], headers["SourceGroupScalar"]) for name in ("SourceX", "SourceY", "GroupX", "GroupY")}
    units = sorted(set(headers["CoordinateUnits"].tolist()))
    if unit is None and not {2, DEGREES, 4}.isdisjoint(units):
        largest = max(float(np.abs(values).max()) for values in across.values())
        if units != [DEGREES] or largest <= 360:  # larger numbers are no degrees, whatever the header says
            raise ValueError(
                f"`{path}`: its coordinates are angles (CoordinateUnits = {units}). Project them onto metres and write them "
                'again, or give `length_unit="m"` where the header is wrong.'
            )
    unit = (FOOT if feet else 1.0) if unit is None else unit
    names = ("ReceiverGroupElevation", "SourceSurfaceElevation", "SourceDepth")
    group, surface, depth = (unit * scaled(headers[name], headers["ElevationScalar"]) for name in names)
    sources = np.stack([datum - surface + depth, unit * across["SourceY"], unit * across["SourceX"]], -1)
    receivers = np.stack([datum - group, unit * across["GroupY"], unit * across["GroupX"]], -1)
    straight = np.ptp(np.concatenate([sources[:, 1], receivers[:, 1]])) == 0
    if axes == "zyx" or (axes is None and not straight):
        return sources, receivers
    if not straight:
        raise ValueError(f'`{path}`: y varies, so that `axes` = "zx" would lose it. Leave `axes` out and use `projected()`.')
    return sources[:, [0, 2]], receivers[:, [0, 2]]


def shots(path: Path, record: np.ndarray, sources: np.ndarray, by: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Which shot a trace belongs to.

    Args:
        path: File, for errors.
        record: FieldRecord, `(trace,)`.
        sources: `(trace, axis)` [m].
        by: "FieldRecord", "source" (positions alike to a millimetre), or None: the record, unless one has several sources.

    Returns:
        The shot of every trace, from 0 in the order of the file, and the record of every shot.

    Raises:
        ValueError: If records are asked for and one has several sources.
    """
    shot = numbered(record)
    first = np.unique(shot, return_index=True)[1]
    moved = np.abs(sources - sources[first][shot]).max(-1) > 1e-3
    if by == "FieldRecord" and moved.any():
        odd = int(np.argmax(moved))
        raise ValueError(
            f"`{path}`: record {record[odd]} has several sources: trace {odd} has {sources[odd].tolist()} m, its first trace "
            f'{sources[first][shot[odd]].tolist()} m. Use `shots_by="source"`.'
        )
    if by == "source" or moved.any():
        shot = numbered(np.round(sources, 3))
        first = np.unique(shot, return_index=True)[1]
    return shot, record[first]


def columns(shot: np.ndarray, receivers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a trace stands within its shot.

    Where one shot has all receivers of the file, all shots share them. Else each has its own, in the order of the file, and the
    columns that it lacks stand where its last trace stands.

    Args:
        shot: Of every trace.
        receivers: `(trace, axis)` [m].

    Returns:
        The column of every trace, and the positions of the columns, `(receiver, axis)` or `(shot, receiver, axis)`.
    """
    counts = np.bincount(shot)
    shared = numbered(np.round(receivers, 3))
    distinct = len(set(zip(shot.tolist(), shared.tolist(), strict=True))) == shot.size
    if distinct and shared.max() + 1 == counts.max():
        return shared, receivers[np.unique(shared, return_index=True)[1]]
    own = np.empty(shot.size, int)
    own[np.argsort(shot, kind="stable")] = np.arange(shot.size) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.zeros((counts.size, counts.max(), receivers.shape[-1]))
    places[shot, own] = receivers
    present = np.minimum(np.arange(counts.max())[None], counts[:, None] - 1)
    return own, np.take_along_axis(places, present[..., None], 1)


def numbered(values: np.ndarray) -> np.ndarray:
    """The distinct rows, numbered from 0 in the order in which they come.

    Args:
        values: Numbers, or rows of them.

    Returns:
        The number of every row.
    """
    _, first, which = np.unique(values, axis=0, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which.ravel()]
