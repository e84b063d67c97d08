"""Names of units: spellings that files have, and what is none of ours."""

import pytest

from adseis.earthquakes.units import Unit, parse_unit


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("M", "m", "meter", "Metres"), Unit("displacement", 1.0)),
        (("NM", "nm", "nanometers"), Unit("displacement", 1e-9)),
        (("um", "µm", "UM", "micrometre"), Unit("displacement", 1e-6)),
        (("mm", "MM"), Unit("displacement", 1e-3)),
        (("cm", "CM"), Unit("displacement", 1e-2)),
        (("M/S", "m/s", "M/SEC", " m / s ", "m s-1", "m*s**-1", "meters per second"), Unit("velocity", 1.0)),
        (("M/S - Velocity in Meters Per Second",), Unit("velocity", 1.0)),
        (("NM/S", "nm/sec", "nanometers/second"), Unit("velocity", 1e-9)),
        (("mm/s", "MM/S"), Unit("velocity", 1e-3)),
        (("M/S**2", "m/s^2", "M/(S**2)", "M/SEC**2", "M/(SEC**2)", "m/s/s", "m/s2", "m.s-2", "m s⁻²"), Unit("acceleration", 1.0)),
        (("NM/(S**2)", "nm/s/s"), Unit("acceleration", 1e-9)),
        (("CM/S**2", "cm/s²"), Unit("acceleration", 1e-2)),
        (("PA", "Pa", "pascals"), Unit("pressure", 1.0)),
        (("HPA", "hPa"), Unit("pressure", 100.0)),
        (("mPa",), Unit("pressure", 1e-3)),
        (("MPa",), Unit("pressure", 1e6)),
        (("COUNTS", "V", "M/M", "T", "ms", "M/S**3", "MPA", "mpa", "C", "m/v", "", None), None),
    ],
)
def test_names(names, unit):
    """Exact; what may be milli or mega is neither."""
    assert [parse_unit(name) for name in names] == [unit] * len(names)
