"""Headers and traces as SEG-Y and SU files take them, and what does not fit into them."""

from pathlib import Path
from typing import IO, Any

import numpy as np

from adseis.data.gathers import Gathers
from adseis.data.trace_bytes import IBM, encoded_ibm, record_type
from adseis.data.trace_headers import UNITS
from adseis.data.trace_layout import CARDS, REEL
from adseis.data.trace_options import FIELDS

MOST = 65535
"""What a header word of two bytes counts to."""


def reel(told: dict[int, str], words: dict[int, int], code: int, endian: Any) -> bytes:
    """The textual and the binary header of a file of revision 1.

    Args:
        told: Number of the card, from 1 -> text.
        words: First byte in the file, counted from 1 -> number of two bytes.
        code: Format code of the samples.
        endian: "big" or "little".

    Returns:
        The bytes.
    """
    cards = {39: "SEG Y REV1", 40: "END TEXTUAL HEADER", **told}
    text = "".join(f"C{i:2d} {cards.get(i, '')}"[:80].ljust(80) for i in range(1, 41))
    binary = bytearray(REEL - CARDS)
    fixed = {3225: code, 3255: 1, 3503: 1}  # in metres, traces of one length
    for byte, value in (fixed | words).items():
        binary[byte - CARDS - 1 : byte - CARDS + 1] = value.to_bytes(2, endian)
    binary[300] = 1  # the revision; its minor number is 0
    return text.encode("cp500", "replace") + bytes(binary)


def written_headers(path: str | Path, gathers: Gathers, *, su: bool) -> dict[str, np.ndarray]:
    """The headers of all live traces, checked to hold what they must.

    Args:
        path: File, for errors.
        gathers: What is to be written.
        su: Whether to Seismic Unix, which has neither a unit nor a scalar of times.

    Returns:
        Name -> `(trace,)`, shot by shot.

    Raises:
        ValueError: If something does not fit.
    """
    interval = round(1e6 * gathers.dt)
    if gathers.source_positions.shape[1] != 1:
        raise ValueError(f"`{path}`: trace headers have room for one source; the shots have {gathers.source_positions.shape[1]}.")
    if abs(1e6 * gathers.dt - interval) > 1e-3 or not 1 <= interval <= 65535:
        repair = 1e-6 * min(max(interval, 1), 65535)
        raise ValueError(
            f"`{path}`: `dt` = {gathers.dt:.9g} s is no whole number of microseconds up to 65,535. Use `resampled({repair:.6g})`."
        )
    if gathers.nt > MOST:
        raise ValueError(f"`{path}`: {gathers.nt} samples are more than the {MOST} that headers count to. Use .h5.")
    if gathers.window is not None:
        raise ValueError(f"`{path}`: headers have no room for the `window` {gathers.window} s. Use .h5, or fewer samples.")
    powers = [p for p in (1, 10, 100, 1000) if abs(1e3 * p * gathers.start - round(1e3 * p * gathers.start)) < 1e-6]
    if not powers or abs(1e3 * powers[0] * gathers.start) > 32767 or (su and powers[0] > 1):
        what = "milliseconds" if su else "microseconds"
        raise ValueError(f"`{path}`: `start` = {gathers.start} s is no small whole number of {what}. Use `resampled(dt)`.")
    shot, receiver = np.nonzero(gathers.live)
    if shot.size == 0:
        raise ValueError(f"`{path}`: no trace is live, so that there is nothing to write.")
    source = gathers.source_positions[shot, 0]
    group = np.broadcast_to(gathers.receiver_positions, (*gathers.live.shape, source.shape[-1]))[shot, receiver]
    high = max(float(np.abs(p[:, 0]).max()) for p in (source, group))
    wide = max(float(np.abs(p[:, 1:]).max()) for p in (source, group))
    up, along = (next((p for p in (1000, 100, 10, 1) if p * largest < 2**31), 0) for largest in (high, wide))
    if not up or not along:
        raise ValueError(f"`{path}`: positions reach {max(high, wide):.6g} m, more than headers hold. Use `moved(by)`.")
    depth = np.round(up * source[:, 0])
    codes, units = ({name: code for code, name in names.items()} for names in (FIELDS, UNITS))
    headers = {
        "TRACE_SEQUENCE_LINE": np.arange(1, shot.size + 1),
        "TRACE_SEQUENCE_FILE": np.arange(1, shot.size + 1),
        "FieldRecord": gathers.records[shot],
        "TraceNumber": receiver + 1,
        "EnergySourcePoint": shot + 1,
        "TraceIdentificationCode": codes.get(gathers.field, 1),
        "offset": np.round(np.linalg.norm(group[:, 1:] - source[:, 1:], axis=-1)),
        "ReceiverGroupElevation": -np.round(up * group[:, 0]),
        "SourceSurfaceElevation": np.maximum(-depth, 0),
        "SourceDepth": np.maximum(depth, 0),
        "ElevationScalar": -up if up > 1 else 1,
        "SourceGroupScalar": -along if along > 1 else 1,
        "SourceX": np.round(along * source[:, -1]),
        "SourceY": np.round(along * source[:, 1]) if source.shape[-1] == 3 else 0,
        "GroupX": np.round(along * group[:, -1]),
        "GroupY": np.round(along * group[:, 1]) if source.shape[-1] == 3 else 0,
        "CoordinateUnits": 1,
        "DelayRecordingTime": round(1e3 * powers[0] * gathers.start),
        "TRACE_SAMPLE_COUNT": gathers.nt,
        "TRACE_SAMPLE_INTERVAL": interval,
    }
    if not su:
        headers["TraceValueMeasurementUnit"] = units.get(gathers.unit, -1)
        headers["ScalarTraceHeader"] = -powers[0] if powers[0] > 1 else 1
    return {name: np.broadcast_to(np.asarray(values, int), shot.shape) for name, values in headers.items()}


def write_records(file: IO[bytes], gathers: Gathers, headers: dict[str, np.ndarray], code: int, endian: str) -> None:
    """Write the live traces, shot by shot.

    Args:
        file: Where to.
        gathers: What.
        headers: Of `written_headers`.
        code: Format code of the samples, 1 or 5.
        endian: "big" or "little".
    """
    first = 0
    for shot, live in enumerate(gathers.live):
        records = np.zeros(int(live.sum()), record_type(code, gathers.nt, endian))
        for name, values in headers.items():
            records[name] = values[first : first + records.size]
        data = np.ascontiguousarray(gathers.data[shot][:, live].T, "float32")
        records["data"] = encoded_ibm(data) if code == IBM else data
        records.tofile(file)
        first += records.size
