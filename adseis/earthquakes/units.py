"""What an instrument says it measures: spellings such as "NM/S", "um/s**2" or "hPa" as a quantity and a scale to SI."""

import re
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of ground motion or of pressure.

    Attributes:
        quantity: "displacement", "velocity", "acceleration" or "pressure".
        scale: How many m, m/s, m/s^2 or Pa one of it is.
    """

    quantity: str
    scale: float


PREFIXES: dict[str, float] = {
    "n": 1e-9, "nano": 1e-9, "u": 1e-6, "micro": 1e-6, "m": 1e-3, "milli": 1e-3, "c": 1e-2, "centi": 1e-2, "": 1.0,
    "h": 1e2, "hecto": 1e2, "k": 1e3, "kilo": 1e3, "mega": 1e6,
}  # fmt: skip
"""Prefix of a unit, in small letters -> its factor."""

_MOTION = re.compile(
    r"(?P<prefix>n|nano|u|micro|m|milli|c|centi|k|kilo)?(m|met(er|re)s?)"
    r"(?P<per>/(s|sec|seconds?)|[*.]s\^?-1|(?P<twice>/(s|sec|seconds?)(\^?2|/(s|sec|seconds?))|[*.]s\^?-2))?"
)
_PRESSURE = re.compile(r"(?P<prefix>n|nano|u|micro|m|milli|h|hecto|k|kilo|mega)?(pa|pascals?)")


def parse_unit(text: str | None) -> Unit | None:
    """The unit that a name means.

    Names are those of StationXML and SEED, which come in capitals as often as not: "M/S", "nm/s", "M/(S**2)", "um/sec/sec",
    "micrometres per second", "m s-2", "PA", "hPa". Milli- and megapascal differ in nothing but the case of the prefix: "mPa" is
    one, "MPa" the other, and of "MPA" or "mpa", which may be either, nothing is said.

    Args:
        text: Name of a unit, in any case.

    Returns:
        The unit, or None where it is no ground motion's and no pressure's, or not told.

    Example:
        >>> parse_unit("NM/S**2")
        Unit(quantity='acceleration', scale=1e-09)
    """
    if not text:
        return None
    given = text.split(" - ")[0].strip()  # "M/S - Velocity in Meters Per Second", in RESP files
    plain = given.lower()
    for sign, spelt in (("µ", "u"), ("μ", "u"), ("⁻²", "-2"), ("⁻¹", "-1"), ("²", "^2"), ("·", "*")):
        plain = plain.replace(sign, spelt)
    plain = re.sub(r"[()]", "", plain).replace("**", "^")
    plain = re.sub(r"\s*(/|\^|\bper\b)\s*", lambda found: found[1].replace("per", "/"), plain)
    plain = re.sub(r"\s*([*.])\s*|\s+", lambda found: found[1] or "*", plain)
    motion, pressure = _MOTION.fullmatch(plain), _PRESSURE.fullmatch(plain)
    if motion:
        quantity = "acceleration" if motion["twice"] else "velocity" if motion["per"] else "displacement"
        return Unit(quantity, PREFIXES[motion["prefix"] or ""])
    if pressure:
        prefix = pressure["prefix"] or ""
        if prefix == "m" and not given.endswith("Pa"):
            return None
        return Unit("pressure", 1e6 if given.startswith("M") and prefix == "m" else PREFIXES[prefix])
    return None
