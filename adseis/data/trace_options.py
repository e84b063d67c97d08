"""What a user may say of SEG-Y and SU headers, which are often wrong."""

import math
from dataclasses import dataclass

FOOT = 0.3048
LENGTHS = {"m": 1.0, "ft": FOOT}
FIELDS = {11: "p", 12: "vz", 13: "vy", 14: "vx"}
"""TraceIdentificationCode -> our name: pressure, vertical, cross-line and in-line component."""


@dataclass(frozen=True)
class HeaderOptions:
    """What overrules the headers of SEG-Y and SU files; without a word they are believed.

    Attributes:
        dt: Sampling interval [s], where the headers lack it or contradict each other.
        field: What was recorded: "p", "vz", "vy" or "vx". Chooses among the components that the headers name, or names what they
            leave open; by default "p".
        unit: Unit of the data; by default as the headers say, else Pa of a pressure and m/s of a velocity.
        shots_by: "FieldRecord" or "source": the traces of a shot share that header, or the position of their source. By default
            the record, unless some record has several sources.
        geometry: Which headers tell the positions: "coordinates" believes bytes 73-88 whatever the offsets say; "offsets" puts
            the receivers along x at their offsets from the sources; "none" leaves every position zero, for those who know them
            better. By default the coordinates, which the offsets must not contradict.
        coordinate_scalar: In place of SourceGroupScalar: multiplies, or divides where it is negative.
        elevation_scalar: In place of ElevationScalar, likewise.
        elevations: "up", the standard's and the default; "down" where bytes 41 and 45 hold depths, as JUDI writes them.
        length_unit: "m" or "ft" of the coordinates.
        datum: Elevation of z = 0 [m]; its depth where `elevations` is "down".
        axes: "zx" or "zyx" of the positions; by default "zx" where all y are the same.
        endian: "big" or "little".
        dtype: Precision of the data.

    Raises:
        ValueError: If one is none of these.
    """

    dt: float | None = None
    field: str | None = None
    unit: str | None = None
    shots_by: str | None = None
    geometry: str | None = None
    coordinate_scalar: int | None = None
    elevation_scalar: int | None = None
    elevations: str | None = None
    length_unit: str | None = None
    datum: float = 0.0
    axes: str | None = None
    endian: str | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        allowed = {
            "field": FIELDS.values(),
            "shots_by": ("FieldRecord", "source"),
            "geometry": ("coordinates", "offsets", "none"),
            "elevations": ("up", "down"),
            "length_unit": LENGTHS,
            "axes": ("zx", "zyx"),
            "endian": ("big", "little"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in (None, *values):
                raise ValueError(f"`{name}` = {getattr(self, name)!r} must be one of {', '.join(values)}.")
        for name in ("coordinate_scalar", "elevation_scalar"):
            if getattr(self, name) == 0:
                raise ValueError(f"`{name}` = 0 must multiply, or divide where it is negative; 1 takes numbers as they stand.")
        if self.dt is not None and not (math.isfinite(self.dt) and self.dt > 0):
            raise ValueError(f"`dt` = {self.dt} s must be positive.")
