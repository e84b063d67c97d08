"""Gathers in SEG-Y and Seismic Unix files, by segyio (`pip install "adseis[seismo]"`); `adseis.data.trace_headers` says what of
the headers is used.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adseis.data import trace_headers
from adseis.data.arrays import require_file
from adseis.data.gathers import Gathers
from adseis.files import written_whole

REEL = 3600
"""Bytes of the textual and the binary header, before the first trace."""
SAMPLE_BYTES = {1: 4, 2: 4, 3: 2, 5: 4, 6: 8, 8: 1, 10: 4, 11: 2, 16: 1}
"""Format code of the binary header -> bytes of a sample, of the formats that segyio reads."""
UNITS = {1: "Pa", 2: "V", 3: "mV", 4: "A", 5: "m", 6: "m/s", 7: "m/s2", 8: "N", 9: "W"}
"""TraceValueMeasurementUnit -> unit."""
LENGTHS = {"m": 1.0, "ft": trace_headers.FOOT}
FEET = 2  # MeasurementSystem
COUNTED = "TRACES IN THIS FILE"


@dataclass(frozen=True)
class _Options:
    """What `read_segy` is asked for."""

    dt: float | None = None
    field: str | None = None
    shots_by: str | None = None
    length_unit: str | None = None
    datum: float = 0.0
    axes: str | None = None
    endian: str | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        allowed = {
            "field": trace_headers.FIELDS.values(),
            "shots_by": ("FieldRecord", "source"),
            "length_unit": LENGTHS,
            "axes": ("zx", "zyx"),
            "endian": ("big", "little"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in (None, *values):
                raise ValueError(f"`{name}` = {getattr(self, name)!r} must be one of {', '.join(values)}, or None.")


def read_segy(
    path: str | Path,
    *,
    dt: float | None = None,
    field: str | None = None,
    shots_by: str | None = None,
    length_unit: str | None = None,
    datum: float = 0.0,
    axes: str | None = None,
    endian: str | None = None,
    dtype: str = "float32",
) -> Gathers:
    """Gathers of a SEG-Y file. Shots with fewer traces than others are padded with traces that are not live.

    Args:
        path: SEG-Y file of revision 0 or 1, IBM or IEEE floats or integers.
        dt: Sampling interval [s], where the headers lack it or contradict each other.
        field: What was recorded: "p", "vz", "vy" or "vx". Chooses among the components that the headers name, or names what they
            leave open; by default "p".
        shots_by: "FieldRecord" or "source": the traces of a shot share that header, or the position of their source. By default
            the record, unless some record has several sources.
        length_unit: "m" or "ft" of the coordinates; by default as the headers say.
        datum: Elevation of z = 0 [m].
        axes: "zx" or "zyx" of the positions; by default "zx" where all y are the same.
        endian: "big" or "little"; by default whichever fits.
        dtype: Precision of the data.

    Returns:
        The gathers, not looked at for dead traces and NaN yet: see `Gathers.check`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If segyio is not installed.
        ValueError: If the file is truncated or damaged, traces differ in their sampling, or headers contradict each other.
    """
    return _read(path, _Options(dt, field, shots_by, length_unit, datum, axes, endian, dtype), su=False)


def read_su(path: str | Path, **options: Any) -> Gathers:
    """Gathers of a Seismic Unix file: SEG-Y's trace headers and IEEE floats, without headers of the reel.

    Args:
        path: SU file.
        options: As of `read_segy`.

    Returns:
        The gathers; the file does not tell the unit, which is taken to be Pa, nor whether traces are missing at its end.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If segyio is not installed.
        ValueError: As `read_segy` does.
    """
    return _read(path, _Options(**options), su=True)


def write_segy(path: str | Path, gathers: Gathers, *, floats: str = "ibm", endian: str = "big") -> None:
    """Write gathers as SEG-Y, whole or not at all; `read_segy` reads them back.

    Positions are rounded to millimetres (centimetres where one lies beyond 2,147 km, as UTM northings do), data to 24 bits, or 21
    of an IBM float. Traces that are not live are left out. The textual header says how many traces there are, so that
    `read_segy` misses those that are cut off.

    Args:
        path: File to write.
        gathers: One source a shot.
        floats: "ibm" or "ieee".
        endian: "big", as the standard has it, or "little".

    Raises:
        ImportError: If segyio is not installed.
        ValueError: If a shot has several sources, or `dt`, `start`, `window` or the number of samples does not fit the headers.
    """
    if floats not in ("ibm", "ieee"):
        raise ValueError(f'`floats` = {floats!r} must be "ibm" or "ieee".')
    headers = _written_headers(path, gathers, su=False)
    with written_whole(path) as temporary:
        _write(temporary, gathers, headers, floats, endian)


def write_su(path: str | Path, gathers: Gathers, *, endian: str = "little") -> None:
    """Write gathers as a Seismic Unix file, whole or not at all; `read_su` reads them back.

    Args:
        path: File to write.
        gathers: One source a shot; positions are rounded and traces left out as by `write_segy`.
        endian: "little", or "big", which Seismic Unix reads where it was built with XDR.

    Raises:
        ImportError: If segyio is not installed.
        ValueError: As `write_segy` does.
    """
    headers = _written_headers(path, gathers, su=True)
    with written_whole(path) as temporary, tempfile.TemporaryDirectory(dir=temporary.parent) as folder:
        reel = Path(folder) / "gathers.segy"  # SU is SEG-Y without the headers of the reel
        _write(reel, gathers, headers, "ieee", endian)
        with reel.open("rb") as source, temporary.open("wb") as target:
            source.seek(REEL)
            shutil.copyfileobj(source, target)


def read_traces(path: str | Path, *, endian: str | None = None) -> np.ndarray:
    """The samples of a SEG-Y file as they stand.

    Args:
        path: SEG-Y file.
        endian: "big" or "little"; by default whichever fits.

    Returns:
        Axes (trace, sample).

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If segyio is not installed.
        ValueError: If the file is truncated or damaged.
    """
    with _opened(Path(path), endian, su=False) as file:
        return file.trace.raw[:]


def _read(path: str | Path, options: _Options, *, su: bool) -> Gathers:
    path = Path(path)
    with _opened(path, options.endian, su=su) as file:
        fields = _segyio().TraceField
        headers = {name: np.asarray(file.attributes(getattr(fields, name))[:], int) for name in trace_headers.HEADERS}
        interval, feet = (0, False) if su else (int(file.bin[3217]) & 0xFFFF, int(file.bin[3255]) == FEET)
        traces = file.trace.raw[:]
    if su:  # which has other words there
        headers["TraceValueMeasurementUnit"][:] = headers["ScalarTraceHeader"][:] = 0
    dt, start = trace_headers.clock(path, headers, interval, options.dt)
    kept, field = trace_headers.component(path, headers, options.field)
    headers = {name: values[kept] for name, values in headers.items()}
    unit = None if options.length_unit is None else LENGTHS[options.length_unit]
    sources, receivers = trace_headers.positions(path, headers, unit=unit, feet=feet, datum=options.datum, axes=options.axes)
    shot, records = trace_headers.shots(path, headers["FieldRecord"], sources, options.shots_by)
    column, receivers = trace_headers.columns(shot, receivers)
    shape = (records.size, receivers.shape[-2])
    data, live = np.zeros((shape[0], traces.shape[1], shape[1]), options.dtype), np.zeros(shape, bool)
    data[shot, :, column] = traces[kept]
    live[shot, column] = headers["TraceIdentificationCode"] != trace_headers.DEAD
    sources = sources[np.unique(shot, return_index=True)[1], None]
    unit = UNITS.get(int(headers["TraceValueMeasurementUnit"][0]), "Pa")
    return Gathers(data, dt, sources, receivers, live=live, start=start, field=field, unit=unit, records=records)


@contextmanager
def _opened(path: Path, endian: str | None, *, su: bool) -> Iterator[Any]:
    """The file, opened by segyio once its size has been checked."""
    segyio = _segyio()
    require_file(path, "file of gathers")
    endian, size_of_trace = _layout(path, endian, su=su)
    try:
        file = (segyio.su.open if su else segyio.open)(str(path), ignore_geometry=True, endian=endian)
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"`{path}` is damaged, or no {'SU' if su else 'SEG-Y'} file ({error}). Fetch or write it again."
        ) from error
    with file:
        said = None if su else re.search(rf"{COUNTED}: *(\d+)", bytes(file.text[0]).decode("ascii", "replace"))
        if said and int(said[1]) != file.tracecount:
            raise ValueError(
                f"`{path}` is truncated: it has {path.stat().st_size} bytes and {file.tracecount} traces; its header tells of "
                f"{said[1]} traces, which need {REEL + int(said[1]) * size_of_trace} bytes. Fetch or write it again."
            )
        yield file


def _layout(path: Path, endian: str | None, *, su: bool) -> tuple[str, int]:
    """Byte order and bytes of a trace, of a file that holds whole traces."""
    size, head = path.stat().st_size, 240 if su else REEL
    if size <= head:
        raise ValueError(f"`{path}` is truncated: it has {size} bytes; its headers alone need {head}. Fetch or write it again.")
    with path.open("rb") as file:
        first = file.read(REEL)

    def number(byte: int, order: Any) -> int:
        return int.from_bytes(first[byte - 1 : byte + 1], order)

    orders = ("big", "little") if endian is None else (endian,)
    if su:
        begin, sizes = 0, {order: 240 + 4 * number(115, order) for order in orders}
        whole = [order for order in orders if sizes[order] > 240 and size % sizes[order] == 0]
        order = whole[0] if whole else min(orders, key=lambda order: number(115, order) * number(117, order))
        size_of_trace = sizes[order]
    else:
        known = [order for order in orders if number(3225, order) in SAMPLE_BYTES]
        if not known:
            raise ValueError(
                f"`{path}` is no SEG-Y file, or damaged: its format code is {number(3225, orders[0])}, not one of "
                f"{', '.join(map(str, SAMPLE_BYTES))}. Check `endian`, or fetch it again."
            )
        order = known[0]
        begin = REEL + 3200 * number(3505, order)
        size_of_trace = 240 + SAMPLE_BYTES[number(3225, order)] * number(3221, order)
    if (size - begin) % size_of_trace or size_of_trace == 240 or size <= begin:
        traces = max(size - begin, 0) // size_of_trace
        raise ValueError(
            f"`{path}` is truncated, or its traces differ in length: it has {size} bytes; {traces} or {traces + 1} traces of "
            f"{size_of_trace} bytes after {begin} need {begin + traces * size_of_trace} or {begin + (traces + 1) * size_of_trace}"
            ". Fetch or write it again."
        )
    return order, size_of_trace


def _written_headers(path: str | Path, gathers: Gathers, *, su: bool) -> dict[str, np.ndarray]:
    """The headers of all live traces, name -> `(trace,)`, checked to hold what they must."""
    _segyio()
    interval, most = round(1e6 * gathers.dt), 32767 if su else 65535
    if gathers.source_positions.shape[1] != 1:
        raise ValueError(f"`{path}`: trace headers have room for one source; the shots have {gathers.source_positions.shape[1]}.")
    if abs(1e6 * gathers.dt - interval) > 1e-3 or not 1 <= interval <= 65535:
        repair = 1e-6 * min(max(interval, 1), 65535)
        raise ValueError(
            f"`{path}`: `dt` = {gathers.dt:.9g} s is no whole number of microseconds up to 65,535. Use `resampled({repair:.6g})`."
        )
    if gathers.nt > most:
        raise ValueError(f"`{path}`: {gathers.nt} samples are more than the {most} that headers count to. Use .h5.")
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
    codes, units = ({name: code for code, name in names.items()} for names in (trace_headers.FIELDS, UNITS))
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


def _write(path: Path, gathers: Gathers, headers: dict[str, np.ndarray], floats: str, endian: str) -> None:
    """The live traces, shot by shot, as SEG-Y."""
    segyio = _segyio()
    if endian not in ("big", "little"):
        raise ValueError(f'`endian` = {endian!r} must be "big" or "little".')
    spec = segyio.spec()
    spec.samples, spec.tracecount = np.arange(gathers.nt), headers["FieldRecord"].size
    spec.format, spec.endian = (1 if floats == "ibm" else 5), endian
    words = {getattr(segyio.TraceField, name): values.tolist() for name, values in headers.items()}
    with segyio.create(str(path), spec) as file:
        told = {1: "WRITTEN BY ADSEIS", 2: f"{gathers.field.upper()} [{gathers.unit}]", 3: f"{COUNTED}: {spec.tracecount}"}
        file.text[0] = segyio.tools.create_text_header({**told, 4: "DEPTHS AND COORDINATES IN METRES, TIMES FROM THE SHOT"})
        most, interval = min(int(gathers.live.sum(1).max()), 32767), int(headers["TRACE_SAMPLE_INTERVAL"][0])
        file.bin.update(ntrpr=most, nart=0, hdt=interval, dto=interval, mfeet=1, rev=1, trflag=1)
        for i, (shot, receiver) in enumerate(np.argwhere(gathers.live)):
            file.header[i] = {word: values[i] for word, values in words.items()}
            file.trace[i] = np.ascontiguousarray(gathers.data[shot, :, receiver], "float32")


def _segyio() -> Any:
    try:
        import segyio  # noqa: PLC0415
        import segyio.su  # noqa: PLC0415
    except ImportError as error:
        raise ImportError('SEG-Y and SU files need segyio: pip install "adseis[seismo]".') from error
    return segyio
