"""SEG-Y and SU files made byte by byte, by the standard and without adseis."""

import struct

import numpy as np

FORMS = {1: "B", 2: "h", 4: "i"}
WIDE = {5, 9, 37, 41, 45, 49, 73, 77, 81, 85}  # trace header words of four bytes; all others that are used have two


def trace(words, samples, order=">", extensions=()):
    """A trace: a dictionary of first byte -> number, its samples as bytes or floats, and extensions of 240 bytes."""
    header = bytearray(240)
    for byte, value in words.items():
        form = "i" if byte in WIDE else "H" if byte in (115, 117) else "h"
        struct.pack_into(order + form, header, byte - 1, value)
    data = samples if isinstance(samples, bytes) else np.asarray(samples, order + "f4").tobytes()
    return bytes(header) + b"".join(extensions) + data


def extension(words, order=">"):
    """The first trace header extension of revision 2: first byte -> double, or a whole number of four bytes at 137."""
    header = bytearray(240)
    header[232:] = b"SEG00001"
    for byte, value in words.items():
        struct.pack_into(order + ("I" if byte == 137 else "d"), header, byte - 1, value)
    return bytes(header)


def segy(path, traces, words, order=">", cards=(), trailer=b""):
    """A SEG-Y file: first byte -> (format of struct, number) of the binary header, cards of extended text, traces."""
    binary = bytearray(400)
    for byte, (form, value) in words.items():
        struct.pack_into(order + form, binary, byte - 3201, value)
    path.write_bytes("C 1".ljust(3200).encode("cp500") + bytes(binary) + b"".join(cards) + b"".join(traces) + trailer)
    return path


def card(text, code="cp500"):
    """An extended textual header."""
    return text.ljust(3200).encode(code)
