"""What the headers of SEG-Y and SU traces mean: clock, component, unit, shots. `adseis.data.trace_positions` has the positions.

A header value is multiplied by its scalar, or divided by it where the scalar is negative. Every function takes the headers as
numbers, name -> `(trace,)`, and names traces as they are counted from 0 in the file. Words of the first header extension of
revision 2 have a prime (`"SourceX'"`), need no scalar, and count where they are not zero.
"""

from pathlib import Path

import numpy as np

from adseis.data.trace_options import FIELDS

TURNED = {15: "vz"}
"""Likewise of sensors that were turned. Transverse and radial components (16, 17) point elsewhere for every receiver."""
DEAD, UNNAMED, OTHER = 2, (0, 1), -1
"""TraceIdentificationCode of a dead trace, of seismic data without a component, and of what is none of the standard's kinds."""
UNITS = {1: "Pa", 2: "V", 3: "mV", 4: "A", 5: "m", 6: "m/s", 7: "m/s2", 8: "N", 9: "W"}
"""TraceValueMeasurementUnit -> unit."""
MOTION = ("m", "m/s", "m/s2")
SCALARS = (0, 1, 10, 100, 1000, 10000)
"""What the standard allows for a scalar, of either sign; 0 counts as 1."""
BYTES = {"ElevationScalar": "69-70", "SourceGroupScalar": "71-72", "ScalarTraceHeader": "215-216"}

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


def checked_scalars(path: Path, headers: Headers, name: str, scaled: tuple[str, ...], repair: str) -> np.ndarray:
    """The scalars of some headers, refused where the standard has no such scalar and there is something to be scaled.

    Args:
        path: File, for errors.
        headers: Of the traces.
        name: Of the scalar.
        scaled: Headers that it scales.
        repair: What to do where it is wrong.

    Returns:
        The scalars.

    Raises:
        ValueError: If one is none of the standard's.
    """
    scalars = headers[name]
    used = np.any([headers[other] != 0 for other in scaled], axis=0)
    wrong = np.flatnonzero(used & ~np.isin(np.abs(scalars), SCALARS))
    if wrong.size:
        raise ValueError(
            f"`{path}`: {name} (bytes {BYTES[name]}) of trace {wrong[0]} (from 0) is {scalars[wrong[0]]}, and wrong in "
            f"{wrong.size} of {scalars.size} traces; the standard knows 1, 10, 100, 1000 and 10000 of either sign. {repair}"
        )
    return scalars


def clock(path: Path, headers: Headers, interval: float, dt: float | None) -> tuple[float, float]:
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
    intervals, counts = (extended(headers, name) for name in ("TRACE_SAMPLE_INTERVAL", "TRACE_SAMPLE_COUNT"))
    repair = "Repair the header."
    scalars = checked_scalars(path, headers, "ScalarTraceHeader", ("DelayRecordingTime",), repair)
    delays = scaled(headers["DelayRecordingTime"], scalars)
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
    found = [float(value) for value in (interval, intervals[0]) if value]
    whole = 1.0 if interval % 1 else 1e-6  # of 62.5 us the word of a trace holds 62 or 63
    if not found or abs(found[0] - found[-1]) >= whole:
        raise ValueError(
            f"`{path}`: the sampling interval is {interval:g} us in the binary header and {intervals[0]:g} us in those of the "
            "traces. Give `dt` [s]."
        )
    return 1e-6 * found[0], 1e-3 * float(delays[0])


def component(path: Path, headers: Headers, field: str | None) -> tuple[np.ndarray, str]:
    """Which traces to keep, and what they recorded.

    Args:
        path: File, for errors.
        headers: Of all traces.
        field: "p", "vz", "vy", "vx", or None for the only one.

    Returns:
        Numbers of the traces, auxiliary ones left out, and the name of the field.

    Raises:
        ValueError: If there are several components and none is chosen, if the only ones are radial or transverse, or nothing is
            left.
    """
    codes = headers["TraceIdentificationCode"]
    names = {code: name for code, name in {**FIELDS, **TURNED}.items() if (codes == code).any()}
    present = list(dict.fromkeys(names.values()))
    unnamed = bool(np.isin(codes, UNNAMED).any())
    if field is None and (len(present) > 1 or (present and unnamed)):
        kinds = ", ".join(present) + (" and traces without a component (codes 0, 1)" if unnamed else "")
        raise ValueError(f"`{path}` holds several components: {kinds}. Choose one of them by `field`.")
    if present:
        wanted = [code for code, name in names.items() if name == (field or present[0])]
        if len(wanted) > 1:
            raise ValueError(
                f"`{path}` holds {field or present[0]} twice, as recorded and turned (TraceIdentificationCodes {wanted}). "
                "Write one of them to a file of its own."
            )
    else:  # only the user can say what a file of other kinds holds
        wanted = UNNAMED if field is None or unnamed else (OTHER,)
    kept = np.isin(codes, (*wanted, DEAD))
    if not (kept & (codes != DEAD)).any():
        wanted = "seismic traces" if field is None else f"traces of `field` = {field!r}"
        raise ValueError(
            f"`{path}` holds no {wanted}: its TraceIdentificationCodes are {sorted(set(codes.tolist()))}. Read are 0, 1, 11 (p), "
            "12 and 15 (vz), 13 (vy), 14 (vx), and -1 where `field` is given; transverse and radial (16, 17) have to be turned."
        )
    return np.flatnonzero(kept), field or (present[0] if present else "p")


def unit_of(path: Path, headers: Headers, field: str, *, named: bool) -> str:
    """The unit of the data: what the headers say, else Pa for a pressure and m/s for a velocity.

    Args:
        path: File, for errors.
        headers: Of the traces.
        field: What they recorded.
        named: Whether the headers or the user say so.

    Returns:
        The unit.

    Raises:
        ValueError: If traces differ, the code is none of the standard's, or the unit is no pressure and nothing names the field.
    """
    codes = headers["TraceValueMeasurementUnit"]
    odd = np.flatnonzero(codes != codes[0])
    if odd.size or codes[0] not in (OTHER, 0, *UNITS):
        trace = int(odd[0]) if odd.size else 0
        why = f"{codes[0]} in trace 0" if odd.size else f"none of {min(UNITS)} to {max(UNITS)}"
        raise ValueError(
            f"`{path}`: TraceValueMeasurementUnit (bytes 203-204) of trace {trace} (from 0) is {codes[trace]}, but {why}. "
            "Give `unit`."
        )
    unit = UNITS.get(int(codes[0]), "Pa" if field == "p" else "m/s")
    if not named and unit in MOTION:
        raise ValueError(f'`{path}`: its unit is {unit}, which is no pressure. Say what was recorded, such as `field="vz"`.')
    return unit


def extended(headers: Headers, name: str) -> np.ndarray:
    """A header, or its word in the extension where that is not zero.

    Args:
        headers: Of the traces.
        name: Of the header.

    Returns:
        Its values.
    """
    finer = headers.get(f"{name}'")
    return headers[name] if finer is None else np.where(finer != 0, finer, headers[name])


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
