"""How a file of traces is laid out: its revision, its byte order, where traces begin, and how long they are.

All of it is said by headers, which are read by the standard and the revision that they name (SEG-Y 0, 1, 2.0 and 2.1). The size
of the file is compared with what they say, and never taken for an answer.
"""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adseis.data.trace_bytes import HEADER, SAMPLES, record_type, sample_bytes

REEL = 3600
"""Bytes of the textual and the binary header, before the first trace."""
CARDS = 3200
"""Bytes of a textual header."""
FEET = 2
"""MeasurementSystem of feet."""
OURS = "WRITTEN BY ADSEIS"
COUNTED = "TRACES IN THIS FILE"
"""What we write into the textual header before the number of traces."""
RECORDED = "RECORDED"
"""What we write into it before the field and its unit, as trace headers have no words for some."""
BYTE_ORDER = 0x01020304
END_OF_TEXT = re.compile(r"\(\(\s*SEG\s*:\s*EndText\s*\)\)", re.IGNORECASE)
MOST_EXTENSIONS = 0xFFFF


@dataclass(frozen=True)
class Layout:
    """What the headers of a file say of its traces.

    Attributes:
        endian: "big" or "little".
        begin: Bytes before the first trace.
        traces: Their number.
        samples: Of each trace.
        code: Format code of the samples.
        extensions: Trace header extensions, of 240 bytes each.
        interval: Between samples [us]; 0 where the file's header does not say.
        feet: Whether lengths are said to be in feet.
        revision: (major, minor) of SEG-Y; None for Seismic Unix.
        recorded: Field and unit, of a SEG-Y file that we have written.
    """

    endian: str
    begin: int
    traces: int
    samples: int
    code: int = 5
    extensions: int = 0
    interval: float = 0.0
    feet: bool = False
    revision: tuple[int, int] | None = None
    recorded: tuple[str, str] | None = None

    @property
    def record(self) -> np.dtype:
        """Type of a trace."""
        return record_type(self.code, self.samples, self.endian, self.extensions)


class _Words:
    """Numbers in the headers of a file, by their first byte counted from 1."""

    def __init__(self, content: bytes, endian: Any):
        self.content, self.endian = content, endian

    def integer(self, byte: int, size: int = 2, *, signed: bool = False) -> int:
        return int.from_bytes(self.content[byte - 1 : byte - 1 + size], self.endian, signed=signed)

    def double(self, byte: int) -> float:
        return float(np.frombuffer(self.content, "f8", 1, byte - 1).view(f"{'>' if self.endian == 'big' else '<'}f8")[0])


def segy_layout(path: Path, endian: str | None) -> Layout:
    """The layout of a SEG-Y file.

    Args:
        path: The file, which exists.
        endian: "big" or "little"; None for what the headers say.

    Returns:
        The layout, of which the file holds all.

    Raises:
        ValueError: If the file is truncated or damaged, or its headers say what their revision rules out.
    """
    size = path.stat().st_size
    if size <= REEL:
        raise _too_short(path, size, REEL)
    with path.open("rb") as file:
        head = file.read(REEL)
        first = file.read(HEADER)  # of the first trace, or of a textual header
    revision = _revision(path, head)
    order = _byte_order(path, head, revision, endian)
    words, modern = _Words(head, order), revision[0] == 2
    code, interval, samples = words.integer(3225), float(words.integer(3217)), words.integer(3221)
    extensions, told, trailers, begin = 0, 0, 0, 0
    if modern:
        extended, finer = words.integer(3269, 4, signed=True), words.double(3273)
        if extended < 0 or not (np.isfinite(finer) and finer >= 0):
            raise ValueError(
                f"`{path}`: revision {_dotted(revision)} has a sample count of {extended} (bytes 3269-3272) or an interval of "
                f"{finer:g} us (3273-3280), which cannot be. Repair its binary header."
            )
        samples, interval = extended or samples, finer or interval
        extensions = _extensions(path, words, revision)
        told, begin, trailers = words.integer(3513, 8), words.integer(3521, 8), words.integer(3529, 4, signed=True)
    begin = begin or REEL + CARDS * _textual_headers(path, words, revision)
    if samples == 0:  # which the standard does not allow, but for which every trace has its own word
        samples = _Words(_piece(path, begin, HEADER, first), order).integer(115)
    long = HEADER * (1 + extensions) + sample_bytes(code) * samples
    laid = (
        f"SEG-Y of revision {_dotted(revision)}, {extensions} header extensions, {samples} samples of {sample_bytes(code)} bytes"
    )
    end = size - CARDS * max(trailers, 0)
    if trailers < 0 and not told:
        raise ValueError(f"`{path}` ends in an unknown number of data trailers (bytes 3529-3532). Write it again without them.")
    if told and trailers < 0:
        end = min(end, begin + told * long)
    traces = _whole_traces(path, size, begin, end, long, samples, laid)
    text = _our_text(head)
    counted, recorded = re.search(rf"{COUNTED}: *(\d+)", text), re.search(rf"{RECORDED}: *(\S+) *\[(.*?)\]", text)
    told = told or (int(counted[1]) if counted else traces)
    if told != traces:
        raise ValueError(
            f"`{path}` is truncated, or its headers are wrong: it has {size} bytes and {traces} traces; its header tells of "
            f"{told} traces, which need {begin + told * long + size - end} bytes ({laid}). Fetch or write it again."
        )
    said = (recorded[1], recorded[2]) if recorded else None
    return Layout(order, begin, traces, samples, code, extensions, interval, words.integer(3255) == FEET, revision, said)


def su_layout(path: Path, endian: str | None) -> Layout:
    """The layout of a Seismic Unix file, which says nothing of its byte order: both readings are weighed.

    The one is taken in which more of the trace headers tell of the first trace's number of samples and of its interval; of two as
    good, the one whose header words are smaller, as a number read backwards is large.

    Args:
        path: The file, which exists.
        endian: "big" or "little"; None for whichever fits better.

    Returns:
        The layout.

    Raises:
        ValueError: If no reading has whole traces.
    """
    size = path.stat().st_size
    if size <= HEADER:
        raise _too_short(path, size, HEADER)
    head = _piece(path, 0, HEADER)
    orders = ("big", "little") if endian is None else (endian,)
    samples = {order: _Words(head, order).integer(115) for order in orders}
    whole = [order for order in orders if samples[order] and size % (HEADER + 4 * samples[order]) == 0]
    if not whole:
        order = min(orders, key=lambda order: samples[order] * _Words(head, order).integer(117))
        long = HEADER + 4 * samples[order]
        _whole_traces(
            path, size, 0, size, long, samples[order], f"Seismic Unix in {order}-endian order, {samples[order]} samples"
        )
    found = [Layout(order, 0, size // (HEADER + 4 * samples[order]), samples[order]) for order in whole]
    return found[0] if len(found) == 1 else max(found, key=lambda layout: _plausibility(path, layout))


def _plausibility(path: Path, layout: Layout) -> tuple[float, float]:
    """How alike the headers of all traces are in what must be the same, and how small their numbers are."""
    traces = np.memmap(path, layout.record, "r", shape=(layout.traces,))
    counts, intervals = traces["TRACE_SAMPLE_COUNT"], traces["TRACE_SAMPLE_INTERVAL"]
    alike = float(np.mean((counts == counts[0]) & (intervals == intervals[0])))
    some = traces[: 1000 : max(1, layout.traces // 1000)]
    names = [name for name in layout.record.names or () if name != "data"]
    return alike, -sum(float(np.log1p(np.abs(some[name].astype("f8"))).mean()) for name in names)


def _revision(path: Path, head: bytes) -> tuple[int, int]:
    """Major and minor number; (0, 1) and (0, 2), which do not exist, are 1 and 2 as a number of two bytes."""
    major, minor = head[3500], head[3501]
    if major == 0:
        return (minor, 0) if minor in (1, 2) else (0, 0)
    if major > 2:
        warnings.warn(
            f"`{path}` tells of SEG-Y revision {major}.{minor} (bytes 3501-3502), which does not exist; it is read as revision "
            "0. Repair its binary header.",
            stacklevel=2,
        )
        return 0, 0
    return major, minor


def _byte_order(path: Path, head: bytes, revision: tuple[int, int], endian: str | None) -> str:
    orders = ("big", "little") if endian is None else (endian,)
    marked = _Words(head, "big").integer(3297, 4) if revision[0] == 2 else 0
    if marked and endian is None:
        orders = tuple(order for order in orders if _Words(head, order).integer(3297, 4) == BYTE_ORDER)
        if not orders:
            raise ValueError(
                f"`{path}`: the mark of the byte order (bytes 3297-3300) is {marked:#010x}, neither order of 0x01020304. "
                'Swap the bytes back, or give `endian` = "big" or "little".'
            )
    known = [order for order in orders if _Words(head, order).integer(3225) in SAMPLES]
    if not known:
        raise ValueError(
            f"`{path}` is no SEG-Y file, or damaged: its format code is {_Words(head, orders[0]).integer(3225)}, not one of "
            f"{', '.join(map(str, SAMPLES))}. Check `endian`, or fetch it again."
        )
    return known[0]


def _extensions(path: Path, words: _Words, revision: tuple[int, int]) -> int:
    """Header extensions of every trace: four bytes in revision 2.0, of which 2.1 has given two away."""
    count = words.integer(3507, 4, signed=True) if revision[1] == 0 else words.integer(3507, 2, signed=True)
    if count > MOST_EXTENSIONS:  # a file of 2.1 that calls itself 2.0
        count = words.integer(3507, 2, signed=True)
    if count < 0:
        raise ValueError(f"`{path}` tells of {count} trace header extensions (bytes 3507-3510). Repair its binary header.")
    return count


def _textual_headers(path: Path, words: _Words, revision: tuple[int, int]) -> int:
    """Extended textual headers; where their number is not told, they go on to the one with ((SEG: EndText))."""
    count = words.integer(3505, signed=True)
    if count >= 0:
        return count
    where = f"`{path}` (revision {_dotted(revision)}) tells of {count} extended textual headers (bytes 3505-3506)"
    if count < -1:
        raise ValueError(f"{where}; -1, of an unknown number, is the least there is. Repair its binary header.")
    with path.open("rb") as file:
        file.seek(REEL)
        walked = 0
        while len(card := file.read(CARDS)) == CARDS:
            walked += 1
            if any(END_OF_TEXT.search(card.decode(code, "replace")) for code in ("ascii", "cp500")):
                return walked
    raise ValueError(
        f"{where}, an unknown number, but none holds the ((SEG: EndText)) that ends them. Add it, or write their number there."
    )


def _our_text(head: bytes) -> str:
    """The textual header of a file that we have written, else nothing."""
    texts = (head[:CARDS].decode(code, "replace") for code in ("cp500", "ascii"))
    return next((text for text in texts if OURS in text), "")


def _whole_traces(path: Path, size: int, begin: int, end: int, long: int, samples: int, laid: str) -> int:
    traces, rest = divmod(max(end - begin, 0), long)
    if samples == 0 or traces == 0 or rest or end <= begin:
        raise ValueError(
            f"`{path}` is truncated, or its traces differ in length: it has {size} bytes; {traces} or {traces + 1} traces of "
            f"{long} bytes after {begin} need {begin + traces * long} or {begin + (traces + 1) * long} ({laid}). "
            "Fetch or write it again."
        )
    return traces


def _piece(path: Path, begin: int, size: int, known: bytes | None = None) -> bytes:
    if known is not None and begin == REEL:
        return known
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(size)


def _too_short(path: Path, size: int, need: int) -> ValueError:
    return ValueError(f"`{path}` is truncated: it has {size} bytes; its headers alone need {need}. Fetch or write it again.")


def _dotted(revision: tuple[int, int]) -> str:
    return f"{revision[0]}.{revision[1]}"
