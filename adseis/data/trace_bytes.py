"""The bytes of a trace of SEG-Y or Seismic Unix: where its header words stand, and what its samples are.

A file of traces of one length is one NumPy array of records, `(trace,)`, whose fields are the words and `data`.
"""

import numpy as np
from numpy.typing import DTypeLike

HEADER = 240
"""Bytes of a trace header, and of each of its extensions."""

WORDS = {
    "TRACE_SEQUENCE_LINE": (1, "i4"),
    "TRACE_SEQUENCE_FILE": (5, "i4"),
    "FieldRecord": (9, "i4"),
    "TraceNumber": (13, "i4"),
    "EnergySourcePoint": (17, "i4"),
    "TraceIdentificationCode": (29, "i2"),
    "offset": (37, "i4"),
    "ReceiverGroupElevation": (41, "i4"),
    "SourceSurfaceElevation": (45, "i4"),
    "SourceDepth": (49, "i4"),
    "ElevationScalar": (69, "i2"),
    "SourceGroupScalar": (71, "i2"),
    "SourceX": (73, "i4"),
    "SourceY": (77, "i4"),
    "GroupX": (81, "i4"),
    "GroupY": (85, "i4"),
    "CoordinateUnits": (89, "i2"),
    "DelayRecordingTime": (109, "i2"),
    "TRACE_SAMPLE_COUNT": (115, "u2"),
    "TRACE_SAMPLE_INTERVAL": (117, "u2"),
    "TraceValueMeasurementUnit": (203, "i2"),
    "ScalarTraceHeader": (215, "i2"),
}
"""Header word -> first byte, counted from 1, and type. Counts and intervals have no sign, in SEG-Y and in SU."""

EXTENDED = {
    "ReceiverGroupElevation": (33, "f8"),
    "SourceSurfaceElevation": (49, "f8"),
    "SourceDepth": (57, "f8"),
    "SourceX": (97, "f8"),
    "SourceY": (105, "f8"),
    "GroupX": (113, "f8"),
    "GroupY": (121, "f8"),
    "offset": (129, "f8"),
    "TRACE_SAMPLE_COUNT": (137, "u4"),
    "TRACE_SAMPLE_INTERVAL": (145, "f8"),
}
"""The same of the first extension of revision 2, whose words need no scalar and stand where they are not zero."""
EXTENSION_NAME = b"SEG00001"
"""What bytes 233-240 of that extension say."""

IBM = 1
SAMPLES = {
    IBM: "u4",
    2: "i4",
    3: "i2",
    5: "f4",
    6: "f8",
    7: "3u1",
    8: "i1",
    9: "i8",
    10: "u4",
    11: "u2",
    12: "u8",
    15: "3u1",
    16: "u1",
}
"""Format code of the binary header -> type of a sample. 4, fixed point with a gain, has been obsolete since revision 1."""


def sample_bytes(code: int) -> int:
    """Bytes of a sample.

    Args:
        code: Format code of the binary header, of `SAMPLES`.

    Returns:
        Their number.
    """
    return np.dtype(SAMPLES[code]).itemsize


def record_type(code: int, samples: int, endian: str, extensions: int = 0) -> np.dtype:
    """A trace as a NumPy record.

    Args:
        code: Format code.
        samples: Number of samples.
        endian: "big" or "little".
        extensions: Number of header extensions.

    Returns:
        The type: the fields of `WORDS`, `data`, and with extensions those of `EXTENDED` with a prime, and `extension`.
    """
    fields = {name: (byte - 1, form) for name, (byte, form) in WORDS.items()}
    if extensions:
        fields |= {f"{name}'": (HEADER + byte - 1, form) for name, (byte, form) in EXTENDED.items()}
        fields["extension"] = (HEADER + 232, "S8")
    begin = HEADER * (1 + extensions)
    order = ">" if endian == "big" else "<"
    formats = [np.dtype(form).newbyteorder(order) for _, form in fields.values()]
    sample = np.dtype(SAMPLES[code])
    data = (sample.base.newbyteorder(order), (samples, *sample.shape))
    return np.dtype(
        {
            "names": [*fields, "data"],
            "formats": [*formats, data],
            "offsets": [*(offset for offset, _ in fields.values()), begin],
            "itemsize": begin + sample.itemsize * samples,
        }
    )


def decoded(stored: np.ndarray, code: int, endian: str, dtype: DTypeLike) -> np.ndarray:
    """Samples as floats.

    Args:
        stored: As a record holds them, `(..., sample)`, or `(..., sample, 3)` bytes of the integers that NumPy has no type for.
        code: Their format code.
        endian: "big" or "little".
        dtype: Of the floats.

    Returns:
        Numbers, `(..., sample)`.
    """
    if code == IBM:
        words = stored.astype("u4")
        with np.errstate(over="ignore"):  # the largest of 7e75 are infinite in float32, which `Gathers.check` names
            size = np.ldexp((words & 0xFFFFFF).astype("f8"), 4 * (words >> 24 & 0x7F).astype("i4") - 280)
            return np.where(words >> 31 == 1, -size, size).astype(dtype)
    if code in (7, 15):
        high, middle, low = (stored[..., i].astype("i4") for i in ((0, 1, 2) if endian == "big" else (2, 1, 0)))
        values = high << 16 | middle << 8 | low
        return np.where((values >= 1 << 23) & (code == 7), values - (1 << 24), values).astype(dtype)
    with np.errstate(over="ignore"):
        return stored.astype(dtype)


def encoded_ibm(values: np.ndarray) -> np.ndarray:
    """Numbers as IBM floats, rounded to the nearest: a sign, a power of 16, and 24 bits of which 21 to 24 count.

    Args:
        values: Finite numbers, of the size of a float32.

    Returns:
        Words, of type uint32.
    """
    size = np.abs(values.astype("f8"))
    power = -(-np.frexp(size)[1] // 4)
    mantissa = np.round(np.ldexp(size, 24 - 4 * power)).astype("i8")
    full = mantissa >> 24  # 0.ffffff8 rounds up to 1
    power, mantissa = power + full, np.where(full, mantissa >> 4, mantissa)
    words = np.signbit(values).astype("i8") << 31 | (power + 64).astype("i8") << 24 | mantissa
    return np.where(mantissa == 0, 0, words).astype("u4")
