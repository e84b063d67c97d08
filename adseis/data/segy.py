"""Gathers in SEG-Y and Seismic Unix files. `adseis.data.trace_layout` finds the traces, `adseis.data.trace_headers` and
`adseis.data.trace_positions` say what of the headers is used.
"""

from pathlib import Path
from typing import Any

import numpy as np

from adseis.data import trace_headers
from adseis.data.arrays import require_file
from adseis.data.gathers import Gathers
from adseis.data.trace_bytes import EXTENDED, EXTENSION_NAME, IBM, WORDS, decoded, record_type
from adseis.data.trace_layout import COUNTED, OURS, RECORDED, Layout, segy_layout, su_layout
from adseis.data.trace_options import HeaderOptions
from adseis.data.trace_positions import positions
from adseis.data.trace_writing import MOST, reel, write_records, written_headers
from adseis.files import written_whole

IEEE = 5


def read_segy(path: str | Path, **options: Any) -> Gathers:
    """Gathers of a SEG-Y file. Shots with fewer traces than others are padded with traces that are not live.

    Args:
        path: SEG-Y file of revision 0, 1 or 2, with traces of one length: IBM or IEEE floats or integers, in either byte order.
        options: Fields of `adseis.data.trace_options.HeaderOptions`, which overrule the headers.

    Returns:
        The gathers, not looked at for dead traces and NaN yet: see `Gathers.check`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated or damaged, traces differ in their sampling, or headers contradict each other or
            the standard.
    """
    return _read(path, HeaderOptions(**options), su=False)


def read_su(path: str | Path, **options: Any) -> Gathers:
    """Gathers of a Seismic Unix file: SEG-Y's trace headers and IEEE floats, without headers of the reel.

    Args:
        path: SU file.
        options: As of `read_segy`.

    Returns:
        The gathers; the file does not tell the unit, which is taken to be Pa of a pressure and m/s of a velocity, nor its byte
        order, which is the one that its headers make more sense in, nor whether traces are missing at its end.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read_segy` does.
    """
    return _read(path, HeaderOptions(**options), su=True)


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
        ValueError: If a shot has several sources, or `dt`, `start`, `window` or the number of samples does not fit the headers.
    """
    if floats not in ("ibm", "ieee"):
        raise ValueError(f'`floats` = {floats!r} must be "ibm" or "ieee".')
    headers = written_headers(path, gathers, su=False)
    _require_endian(endian)
    code = IBM if floats == "ibm" else IEEE
    if code == IBM and not np.isfinite(gathers.data).all():
        raise ValueError(f'`{path}`: IBM floats have no NaN and no infinity. Use `floats="ieee"`, or `without_dead()`.')
    with written_whole(path) as temporary, temporary.open("wb") as file:
        most, told = int(gathers.live.sum(1).max()), {1: OURS, 2: f"{RECORDED}: {gathers.field} [{gathers.unit}]"}
        told |= {3: f"{COUNTED}: {len(headers['offset'])}", 4: "DEPTHS AND COORDINATES IN METRES, TIMES FROM THE SHOT"}
        words = {3213: min(most, 32767), 3217: int(headers["TRACE_SAMPLE_INTERVAL"][0]), 3221: gathers.nt}
        file.write(reel(told, words, code, endian))
        write_records(file, gathers, headers, code, endian)


def write_su(path: str | Path, gathers: Gathers, *, endian: str = "little") -> None:
    """Write gathers as a Seismic Unix file, whole or not at all; `read_su` reads them back.

    Args:
        path: File to write.
        gathers: One source a shot; positions are rounded and traces left out as by `write_segy`.
        endian: "little", or "big", which Seismic Unix reads where it was built with XDR.

    Raises:
        ValueError: As `write_segy` does.
    """
    headers = written_headers(path, gathers, su=True)
    _require_endian(endian)
    with written_whole(path) as temporary, temporary.open("wb") as file:
        write_records(file, gathers, headers, IEEE, endian)


def read_traces(path: str | Path, *, endian: str | None = None, dtype: str = "float32") -> np.ndarray:
    """The samples of a SEG-Y file as they stand.

    Args:
        path: SEG-Y file.
        endian: "big" or "little"; by default as the headers say.
        dtype: Of the samples.

    Returns:
        Axes (trace, sample).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated or damaged.
    """
    path = Path(path)
    require_file(path, "SEG-Y file")
    layout = segy_layout(path, endian)
    traces = _records(path, layout)
    return decoded(traces["data"], layout.code, layout.endian, dtype)


def write_traces(path: str | Path, traces: np.ndarray, interval: float, *, told: str = "") -> None:
    """Write samples as they stand as SEG-Y of IEEE floats, whole or not at all; `read_traces` reads them back.

    Args:
        path: File to write.
        traces: Axes (trace, sample).
        interval: Between samples, in the thousandths of their unit that the standard asks for (us, mm); 0 where a whole number of
            them does not tell it.
        told: A line for the textual header.

    Raises:
        ValueError: If the samples are more than the header counts to.
    """
    count, samples = traces.shape
    if samples > MOST:
        raise ValueError(f"`{path}`: {samples} samples of a trace are more than the {MOST} that headers count to. Use .h5.")
    whole = round(interval) if 0 < interval <= MOST and abs(interval - round(interval)) < 1e-6 else 0
    records = np.zeros(count, record_type(IEEE, samples, "big"))
    numbers = np.arange(1, count + 1)
    records["TRACE_SEQUENCE_LINE"] = records["TRACE_SEQUENCE_FILE"] = records["TraceNumber"] = numbers
    records["TraceIdentificationCode"] = 1
    records["TRACE_SAMPLE_COUNT"], records["TRACE_SAMPLE_INTERVAL"] = samples, whole
    records["data"] = traces
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(reel({1: OURS, 2: told, 3: f"{COUNTED}: {count}"}, {3217: whole, 3221: samples}, IEEE, "big"))
        records.tofile(file)


def _records(path: Path, layout: Layout) -> np.ndarray:
    """The traces, left in the file until they are looked at."""
    return np.memmap(path, layout.record, "r", offset=layout.begin, shape=(layout.traces,))


def _headers(path: Path, traces: np.ndarray, layout: Layout) -> trace_headers.Headers:
    """All header words that are read, of the layout's revision."""
    headers = {name: traces[name].astype("i8") for name in WORDS}
    if layout.revision is None:  # Seismic Unix has other words there
        headers["TraceValueMeasurementUnit"][:] = headers["ScalarTraceHeader"][:] = 0
    elif layout.revision == (0, 0):  # which assigns nothing from byte 181 on, where what is no number of revision 1 means nothing
        for name, known in (("TraceValueMeasurementUnit", trace_headers.UNITS), ("ScalarTraceHeader", trace_headers.SCALARS)):
            headers[name][~np.isin(np.abs(headers[name]), list(known))] = 0
    if layout.extensions:
        ours = traces["extension"] == EXTENSION_NAME
        extended = {name: np.where(ours, traces[f"{name}'"], 0).astype("f8") for name in EXTENDED}
        wrong = np.flatnonzero(~np.isfinite([*extended.values()]).all(0))
        if wrong.size:
            raise ValueError(
                f"`{path}`: the header extension of trace {wrong[0]} (from 0) holds a NaN or an infinity. Repair it."
            )
        counts = extended["TRACE_SAMPLE_COUNT"]
        odd = np.flatnonzero((counts != 0) & (counts != layout.samples))
        if odd.size:
            raise ValueError(
                f"`{path}`: the header extension of trace {odd[0]} (from 0) tells of {counts[odd[0]]:g} samples, the "
                f"file's header of {layout.samples}. Split the file by the length of its traces."
            )
        headers |= {f"{name}'": values for name, values in extended.items()}
    return headers


def _read(path: str | Path, options: HeaderOptions, *, su: bool) -> Gathers:
    path = Path(path)
    require_file(path, "file of gathers")
    layout = (su_layout if su else segy_layout)(path, options.endian)
    traces = _records(path, layout)
    headers = _headers(path, traces, layout)
    dt, start = trace_headers.clock(path, headers, layout.interval, options.dt)
    kept, field = trace_headers.component(path, headers, options.field)
    headers = {name: values[kept] for name, values in headers.items()}
    sources, receivers = positions(path, headers, options, feet=layout.feet)
    shot, records = trace_headers.shots(path, headers["FieldRecord"], sources, options.shots_by)
    column, receivers = trace_headers.columns(shot, receivers)
    shape = (records.size, receivers.shape[-2])
    data, live = np.zeros((shape[0], layout.samples, shape[1]), options.dtype), np.zeros(shape, bool)
    codes = headers["TraceIdentificationCode"]
    for some in np.array_split(np.arange(kept.size), max(1, kept.size // 1000)):  # wider numbers of some traces at a time
        data[shot[some], :, column[some]] = decoded(traces["data"][kept[some]], layout.code, layout.endian, options.dtype)
    live[shot, column] = codes != trace_headers.DEAD
    sources = sources[np.unique(shot, return_index=True)[1], None]
    alive = {name: values[codes != trace_headers.DEAD] for name, values in headers.items()}
    named = options.field is not None or not np.isin(alive["TraceIdentificationCode"], trace_headers.UNNAMED).any()
    if layout.recorded is not None and not named:
        field, named = layout.recorded[0], True
    unit = options.unit or trace_headers.unit_of(path, alive, field, named=named)
    if layout.recorded is not None and options.unit is None and alive["TraceValueMeasurementUnit"][0] == trace_headers.OTHER:
        unit = layout.recorded[1]
    return Gathers(data, dt, sources, receivers, live=live, start=start, field=field, unit=unit, records=records)


def _require_endian(endian: str) -> None:
    if endian not in ("big", "little"):
        raise ValueError(f'`endian` = {endian!r} must be "big" or "little".')
