"""Where sources and receivers of SEG-Y and SU traces stand: coordinates, elevations, and offsets, which must not contradict them.

z = datum - elevation + source depth, down. Absent headers are zeros, and zeros are a position as well: what tells them apart is
that the distance of source and receiver is written twice, in the coordinates and in `offset`.
"""

from pathlib import Path

import numpy as np

from adseis.data.trace_headers import DEAD, Headers, checked_scalars, extended, scaled
from adseis.data.trace_options import FOOT, LENGTHS, HeaderOptions

DEGREES = 3
"""CoordinateUnits of decimal degrees; 1 are lengths, 2 and 4 other angles."""
CONTRADICTION = 0.1
"""Of the longest distance in the file: coordinates and offsets that differ by more contradict each other."""
FARTHEST = 4.6e7
"""No coordinate is larger [m]: Gauss-Krueger eastings with the number of their zone before them go so far."""
HALF_WAY_ROUND = 2.004e7
"""No receiver is farther from its source [m]."""
STRAY = 1e5
"""Zeros farther than that from all other positions [m], and than ten times the extent of those, are absent headers."""
HIGHEST = 2e4
"""No elevation or depth is larger [m]."""
ACROSS = ("SourceX", "SourceY", "GroupX", "GroupY")
HEIGHTS = ("ReceiverGroupElevation", "SourceSurfaceElevation", "SourceDepth")


def positions(path: Path, headers: Headers, options: HeaderOptions, *, feet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the source and the receiver of every trace.

    Args:
        path: File, for errors.
        headers: Of the traces.
        options: What overrules them.
        feet: Whether the binary header says feet.

    Returns:
        Sources and receivers, `(trace, axis)` [m].

    Raises:
        ValueError: If the coordinates are angles, absent, impossible or not those of the offsets, a scalar is none of the
            standard's, or `axes` is "zx" and y varies.
    """
    if options.geometry == "none":
        return np.zeros((len(headers["offset"]), 2)), np.zeros((len(headers["offset"]), 2))
    across = _scaled(path, headers, "SourceGroupScalar", ACROSS, options.coordinate_scalar)
    heights = _scaled(path, headers, "ElevationScalar", HEIGHTS, options.elevation_scalar)
    if options.length_unit is None:
        _require_lengths(path, headers, across)
    across = _from_offsets(path, headers, across) if options.geometry == "offsets" else across
    if options.geometry is None:
        _require_agreement(path, headers, across, heights)
    unit = (FOOT if feet else 1.0) if options.length_unit is None else LENGTHS[options.length_unit]
    up, datum = (-1.0, -options.datum) if options.elevations == "down" else (1.0, options.datum)
    group, surface, depth = (unit * heights[name] for name in HEIGHTS)
    sources = np.stack([datum - up * surface + depth, unit * across["SourceY"], unit * across["SourceX"]], -1)
    receivers = np.stack([datum - up * group, unit * across["GroupY"], unit * across["GroupX"]], -1)
    _require_possible(path, headers, sources - [datum, 0, 0], receivers - [datum, 0, 0])
    straight = np.ptp(np.concatenate([sources[:, 1], receivers[:, 1]])) == 0
    if options.axes == "zyx" or (options.axes is None and not straight):
        return sources, receivers
    if not straight:
        raise ValueError(f'`{path}`: y varies, so that `axes` = "zx" would lose it. Leave `axes` out and use `projected()`.')
    return sources[:, [0, 2]], receivers[:, [0, 2]]


def _scaled(path: Path, headers: Headers, name: str, wanted: tuple[str, ...], scalar: int | None) -> Headers:
    """Headers in their own unit, of the extension where it has them."""
    option = "coordinate_scalar" if name == "SourceGroupScalar" else "elevation_scalar"
    if scalar is None:
        repair = f"Repair the header, or give `{option}` (1 takes the numbers as they stand)."
        scalars = checked_scalars(path, headers, name, wanted, repair)
    else:
        scalars = np.full(len(headers[name]), scalar)
    found = {}
    for each in wanted:
        values, finer = scaled(headers[each], scalars), headers.get(f"{each}'")
        found[each] = values if finer is None else np.where(finer != 0, finer, values)
    return found


def _require_lengths(path: Path, headers: Headers, across: Headers) -> None:
    units = sorted(set(headers["CoordinateUnits"].tolist()))
    if {2, DEGREES, 4}.isdisjoint(units):
        return
    largest = max(float(np.abs(values).max()) for values in across.values())
    if units != [DEGREES] or largest <= 360:  # larger numbers are no degrees, whatever the header says
        raise ValueError(
            f"`{path}`: its coordinates are angles (CoordinateUnits = {units}). Project them onto metres and write them "
            'again, or give `length_unit="m"` where the header is wrong.'
        )


def _from_offsets(path: Path, headers: Headers, across: Headers) -> Headers:
    """Receivers on a straight line along x, at their offsets from sources that stand where they are said to."""
    records = headers["FieldRecord"]
    if not (across["SourceX"].any() or across["SourceY"].any()) and (records != records[0]).any():
        raise ValueError(
            f"`{path}`: nothing tells where the sources of its {len(set(records.tolist()))} records stand, so that offsets do "
            "not tell where receivers stand. Give `source_positions` and `receiver_positions` to `read_gathers`."
        )
    return across | {"GroupX": across["SourceX"] + extended(headers, "offset"), "GroupY": across["SourceY"]}


def _require_agreement(path: Path, headers: Headers, across: Headers, heights: Headers) -> None:
    """Refuse coordinates that are absent, or not those of the offsets."""
    offsets, live = np.abs(extended(headers, "offset")), headers["TraceIdentificationCode"] != DEAD
    repair = (
        'Repair the headers, or say by `geometry` which to believe: "coordinates", or "offsets" along a straight line. '
        "`read_gathers` takes `source_positions` and `receiver_positions` as well."
    )
    if not any(values[live].any() for values in across.values()):
        nowhere = not any(values[live].any() for values in heights.values()) and live.sum() > 1
        if offsets[live].any() or nowhere:
            told = "none but offsets" if offsets[live].any() else "no offsets or elevations either"
            raise ValueError(f"`{path}` holds no coordinates (bytes 73-88 are zero in every trace), and {told}. {repair}")
    _require_all(path, across, heights, headers["FieldRecord"], live, repair)
    if not offsets[live].any():
        return
    distance = np.hypot(across["GroupX"] - across["SourceX"], across["GroupY"] - across["SourceY"])
    longest = max(float(distance[live].max()), float(offsets[live].max()))
    odd = np.flatnonzero(live & (np.abs(distance - offsets) > 1 + CONTRADICTION * longest))
    if odd.size:
        trace = odd[0]
        raise ValueError(
            f"`{path}`: trace {trace} (from 0) is {distance[trace]:.6g} from its source by the coordinates, {offsets[trace]:.6g} "
            f"by its offset (bytes 37-40), and so with {odd.size} of {live.sum()} traces. {repair}"
        )


def _require_all(path: Path, across: Headers, heights: Headers, record: np.ndarray, live: np.ndarray, repair: str) -> None:
    """Refuse zeros among positions that are none: far from all others, or shared by all receivers of a shot."""
    ends = {name: np.stack([across[f"{name}X"], across[f"{name}Y"]], -1) for name in ("Source", "Group")}
    rest = np.concatenate([points[live & points.any(-1)] for points in ends.values()])
    for name, points in ends.items():
        zero = np.flatnonzero(live & ~points.any(-1))
        if zero.size and len(rest) and np.linalg.norm(rest, axis=-1).min() > max(STRAY, 10 * float(np.ptp(rest, axis=0).max())):
            raise ValueError(
                f"`{path}`: {name}X and {name}Y of trace {zero[0]} (from 0) are zero, far from all other positions, and so of "
                f"{zero.size} of {live.sum()} traces. {repair}"
            )
    group = np.concatenate([ends["Group"], heights["ReceiverGroupElevation"][:, None]], -1)
    for number in np.unique(record[live]):
        its = np.flatnonzero(live & (record == number))
        if its.size > 1 and not group[its, :2].any() and np.ptp(group[its, 2]) == 0 and len(rest):
            same = (ends["Source"][its] == ends["Source"][its[0]]).all()  # else one receiver of many shots
            if same:
                raise ValueError(
                    f"`{path}`: GroupX and GroupY (bytes 81-88) of all {its.size} traces of record {number} are zero: their "
                    f"receivers stand in one place. {repair}"
                )


def _require_possible(path: Path, headers: Headers, sources: np.ndarray, receivers: np.ndarray) -> None:
    """Refuse what lies nowhere on the Earth."""
    live = headers["TraceIdentificationCode"] != DEAD
    apart = np.linalg.norm((receivers - sources)[:, 1:], axis=-1)
    far = np.flatnonzero(live & (apart > HALF_WAY_ROUND))
    if far.size:
        raise ValueError(
            f"`{path}`: trace {far[0]} (from 0) is {apart[far[0]]:.6g} m from its source, which is impossible. Check "
            "the scalars (`coordinate_scalar`) and `length_unit`."
        )
    for name, points in (("source", sources), ("receiver", receivers)):
        beyond = np.flatnonzero(live & (np.abs(points) > [HIGHEST, FARTHEST, FARTHEST]).any(-1))
        if beyond.size:
            place = ", ".join(f"{value:.6g}" for value in points[beyond[0]])
            raise ValueError(
                f"`{path}`: the {name} of trace {beyond[0]} (from 0) lies at (z, y, x) = ({place}) m, which is impossible. Check "
                "the scalars (`coordinate_scalar`, `elevation_scalar`) and `length_unit`."
            )
