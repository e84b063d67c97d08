"""Whether a miniSEED file is whole: its records walked one by one, each by its own length.

ObsPy leaves out an incomplete last record without a word. Records of one file may differ in length, and noise records and control
headers may stand between them, so that the size of the file alone tells nothing.
"""

import bz2
import gzip
import os
import re
import struct
from pathlib import Path

HEADER = 48
"""Length of the fixed header of a data record [bytes]."""

STEP = 64
"""Where no record is recognised, the next is looked for so many bytes on; records begin at multiples of it."""

LENGTHS = tuple(2**k for k in range(7, 21))
"""That a record may have [bytes]."""

_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
_DATA = re.compile(rb"[0-9 \0]{6}[DRQM][ \0]")
_CONTROL = re.compile(rb"[0-9]{6}[VAST][ *]")


def check_records(path: str | os.PathLike[str]) -> None:
    """Raise if the last record of a miniSEED file is cut off.

    Args:
        path: Of the file, which may be compressed by gzip or bzip2.

    Raises:
        ValueError: If it is; the message names the file, the record and both sizes.

    References:
        SEED Reference Manual, version 2.4 (2012), chapter 8; noise records and blockette 1000 likewise.
    """
    with open(path, "rb") as file:
        opener = _COMPRESSED.get(file.read(2), open)
    with opener(path, "rb") as file:
        content = file.read()
    cut = find_cut(content)
    if cut is not None:
        begin, length = cut
        has = f"is of {length} bytes" if length else "is not whole"
        raise ValueError(
            f"`{Path(path)}` is truncated: its record at byte {begin} {has}, the file ends {len(content) - begin} bytes later. "
            "Fetch it again."
        )


def find_cut(content: bytes) -> tuple[int, int] | None:
    """The record of which the end is missing.

    What is no data record (noise, control headers, padding) is passed over; of a record without blockette 1000 the length is
    where the next one begins.

    Args:
        content: Of a miniSEED file.

    Returns:
        Where the record begins and how long it is, zero if that is not told [bytes]; None if the records are whole, or if there
        are none.
    """
    begin, size = 0, len(content)
    strange = None  # where what is no record of data begins
    while size - begin >= HEADER:
        if not _is_record(content, begin):
            strange = begin if strange is None else strange
            begin += STEP
            continue
        length = _stated_length(content, begin) or _length_by_next(content, begin)
        if not length or begin + length > size:
            return begin, length
        begin, strange = begin + length, None
    begin = begin if strange is None else strange
    blank = not content[begin:].strip(b"0123456789 \0\r\n")
    return None if begin == 0 or blank or _CONTROL.match(content, begin) else (begin, 0)


def _is_record(content: bytes, at: int) -> bool:
    """Whether the fixed header of a data record begins here: its quality, and hour, minute and second that there are."""
    return _DATA.match(content, at) is not None and content[at + 24] < 24 and content[at + 25] < 60 and content[at + 26] < 61


def _stated_length(content: bytes, begin: int) -> int:
    """Of blockette 1000, zero where there is none."""
    year, day = struct.unpack_from(">HH", content, begin + 20)
    order = ">" if 1900 <= year <= 2100 and 1 <= day <= 366 else "<"
    (at,) = struct.unpack_from(order + "H", content, begin + 46)
    last = 0
    while at > last and begin + at + 8 <= len(content):
        kind, following = struct.unpack_from(order + "HH", content, begin + at)
        if kind == 1000:
            return 2 ** content[begin + at + 6]
        at, last = following, at
    return 0


def _length_by_next(content: bytes, begin: int) -> int:
    """To the next header (of data, or of noise, which is blank) or to the end of the file; zero where neither fits."""
    for length in LENGTHS:
        end = begin + length
        if end == len(content):
            return length
        if end + HEADER <= len(content) and (_is_record(content, end) or not content[end + 6 : end + HEADER].strip(b" ")):
            return length
    return 0
