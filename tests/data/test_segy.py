"""SEG-Y and SU: real files, what the headers mean, round trips, and one clear error for every fault."""

from pathlib import Path

import numpy as np
import pytest

from adseis.data.gather_files import Gathers, read_gathers, write_gathers
from adseis.data.models import read_model
from adseis.data.segy import read_segy, read_su, write_segy, write_su

segyio = pytest.importorskip("segyio", reason="makes the files")
T = segyio.TraceField
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
RNG = np.random.default_rng(0)
DATA = RNG.standard_normal((3, 20, 4)).astype("float32")
SOURCES = np.array([[[8.123, 30.5]], [[8.25, 80.75]], [[9.0, 131.875]]])
RECEIVERS = np.stack([np.array([2.0, -1.5, 0.0, 4.001]), np.array([0.0, 40.125, 80.25, 120.002])], -1)
LIVE = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [0, 0, 1, 1]], bool)
STREAMER = RECEIVERS[None] + np.array([[[0.0, 0.0]], [[0.0, 25.0]], [[0.0, 50.0]]])


def made(**changes):
    given = {"data": DATA, "dt": 2e-3, "source_positions": SOURCES, "receiver_positions": RECEIVERS} | changes
    return Gathers(**given)


def traces(path, headers, *, samples=6, interval=2000, form=5, endian="big", **reel):
    """A SEG-Y file whose trace i holds i, with one dictionary of headers a trace."""
    spec = segyio.spec()
    spec.samples, spec.tracecount, spec.format, spec.endian = np.arange(samples), len(headers), form, endian
    with segyio.create(str(path), spec) as file:
        file.bin.update(hdt=interval, **reel)
        for i, given in enumerate(headers):
            file.header[i] = {T.FieldRecord: 1, T.GroupX: 10 * i, T.TRACE_SAMPLE_INTERVAL: interval} | given
            file.trace[i] = np.full(samples, i + 1).astype(file.dtype)
    return path


def assert_alike(back, gathers, *, rtol=0.0):
    """Data to the precision of the format, positions to the millimetre they are written with."""
    np.testing.assert_allclose(back.data, gathers.data, rtol=rtol, atol=0)
    np.testing.assert_allclose(back.source_positions, gathers.source_positions, rtol=0, atol=0.5e-3)
    np.testing.assert_array_equal(back.live, gathers.live)
    where = np.broadcast_to(gathers.receiver_positions, (*gathers.live.shape, gathers.source_positions.shape[-1]))
    found = np.broadcast_to(back.receiver_positions, where.shape)
    np.testing.assert_allclose(found[gathers.live], where[gathers.live], rtol=0, atol=0.5e-3)
    np.testing.assert_array_equal(back.records, gathers.records)
    assert (back.dt, back.start, back.field) == (pytest.approx(gathers.dt), pytest.approx(gathers.start), gathers.field)


def test_a_real_line():
    """Viking: four shots 25 m apart, 120 hydrophones behind each, 262 to 3237 m away, sources 6 m and receivers 10 m deep.

    Its trace headers tell of 1500 samples where there are 600, and of degrees where there are metres: both are read as they are.
    """
    path = SHARED / "viking_small.segy"
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside this checkout")
    gathers = read_gathers(path)
    assert gathers.data.shape == (4, 600, 120)
    assert (gathers.dt, gathers.start, gathers.field) == (4e-3, 0.0, "p")
    np.testing.assert_array_equal(gathers.source_positions[:, 0], [[6, 3237], [6, 3262], [6, 3287], [6, 3312]])
    np.testing.assert_array_equal(gathers.receiver_positions[1, :2], [[10, 25], [10, 50]])
    np.testing.assert_array_equal(gathers.offsets[2], np.arange(3237, 261, -25))
    assert gathers.records.tolist() == [3, 4, 5, 6]
    gathers.check()
    with segyio.open(str(path), ignore_geometry=True) as file:
        np.testing.assert_array_equal(gathers.data[2, :, 7], file.trace[247])
    finer = gathers.resampled(1e-3)
    np.testing.assert_allclose(finer.data[:, ::4], gathers.data, rtol=0, atol=1e-6 * np.abs(gathers.data).max())


@pytest.mark.parametrize("name", ["one_trace_year_99.sgy", "one_trace_year_11.su"])
def test_files_of_obspy(name):
    """A borehole gun recorded from 100 ms before the shot on: the same samples as ObsPy reads, the delay kept."""
    obspy = pytest.importorskip("obspy", reason="its own test files are read")
    path = Path(obspy.__file__).parent / "io" / "segy" / "tests" / "data" / name
    if not path.is_file():
        pytest.skip("this ObsPy comes without its test files")
    gathers = read_gathers(path)
    np.testing.assert_array_equal(gathers.data[0, :, 0], obspy.read(str(path))[0].data)
    assert (gathers.dt, gathers.start) == (2.5e-4, -0.1)
    np.testing.assert_array_equal(gathers.receiver_positions, [[0, 3]])
    np.testing.assert_allclose(gathers.resampled(2.5e-4).data[0, :, 0], gathers.data[0, 400:, 0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"live": LIVE}, {"receiver_positions": STREAMER}], ids=["fixed", "missing", "streamer"])
@pytest.mark.parametrize(("floats", "endian"), [("ibm", "big"), ("ieee", "big"), ("ieee", "little")])
def test_round_trip(tmp_path, floats, endian, changes):
    """IEEE floats are exact, IBM floats keep 21 bits; the byte order is found."""
    gathers = made(**changes, start=0.1, field="vz", unit="m/s", records=[7, 9, 8])
    write_segy(tmp_path / "a.segy", gathers, floats=floats, endian=endian)
    back = read_segy(tmp_path / "a.segy")
    assert_alike(back, gathers, rtol=2.0**-20 if floats == "ibm" else 0.0)
    assert back.unit == "m/s"
    assert back.receiver_positions.ndim == gathers.receiver_positions.ndim
    assert [path.name for path in tmp_path.iterdir()] == ["a.segy"]


@pytest.mark.parametrize("endian", ["big", "little"])
def test_su_round_trip(tmp_path, endian):
    """Seismic Unix files are IEEE in either byte order, which is found; ObsPy reads the same numbers."""
    gathers = made(live=LIVE, start=0.1)
    write_su(tmp_path / "a.su", gathers, endian=endian)
    assert_alike(read_su(tmp_path / "a.su"), gathers)
    obspy = pytest.importorskip("obspy", reason="reads SU independently")
    stream = obspy.read(str(tmp_path / "a.su"), format="SU", byteorder={"big": ">", "little": "<"}[endian])
    np.testing.assert_array_equal([trace.data for trace in stream], [DATA[s, :, r] for s, r in np.argwhere(LIVE)])
    assert stream[0].stats.delta == pytest.approx(2e-3)
    (tmp_path / "cut.su").write_bytes((tmp_path / "a.su").read_bytes()[:-30])
    with pytest.raises(ValueError, match="is truncated, or its traces differ"):
        read_su(tmp_path / "cut.su", endian=endian)


def test_by_suffix(tmp_path):
    """`read_gathers` and `write_gathers` know the three suffixes, and what is given overrides the headers."""
    for name in ("a.segy", "a.sgy", "a.SU"):
        write_gathers(tmp_path / name, made())
        assert_alike(read_gathers(tmp_path / name), made(), rtol=2.0**-20)
    other = read_gathers(tmp_path / "a.segy", dt=1e-3, receiver_positions=STREAMER, unit="m")
    assert (other.dt, other.unit, other.receiver_positions.shape) == (1e-3, "m", (3, 4, 2))
    with pytest.raises(ValueError, match="`name` and `axes` mean nothing in a file of traces"):
        read_gathers(tmp_path / "a.segy", name="p")


def test_fields_without_a_code(tmp_path):
    """Trace headers have no word for a strain rate; the textual header of what we write has."""
    write_segy(tmp_path / "a.segy", made(field="strain_rate", unit="1/s"))
    back = read_gathers(tmp_path / "a.segy")
    assert (back.field, back.unit) == ("strain_rate", "1/s")
    assert read_segy(tmp_path / "a.segy", field="vz", unit="m").unit == "m"


def test_ragged_shots_are_padded(tmp_path):
    """Shots of 4, 3 and 2 traces at places of their own: the rest is zero, not live, and stands where the last trace stands."""
    write_segy(tmp_path / "a.segy", made(receiver_positions=STREAMER, live=LIVE))
    back = read_segy(tmp_path / "a.segy")
    np.testing.assert_array_equal(back.live, [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]])
    assert not back.data[1, :, 3].any()
    np.testing.assert_allclose(back.data[1, :, :3], DATA[1][:, LIVE[1]], rtol=2.0**-20)
    np.testing.assert_allclose(back.receiver_positions[1, 3], STREAMER[1, 3], atol=0.5e-3)
    np.testing.assert_allclose(back.receiver_positions[2, 1:], np.broadcast_to(STREAMER[2, 3], (3, 2)), atol=0.5e-3)
    back.check()


@pytest.mark.parametrize(("scalar", "factor"), [(-100, 0.01), (-1, 1.0), (0, 1.0), (1, 1.0), (10, 10.0)])
def test_header_scalars(tmp_path, scalar, factor):
    """Negative scalars divide, positive multiply; elevations have their own; z = -elevation + source depth, from the datum."""
    given = {
        T.SourceX: 1234,
        T.SourceGroupScalar: scalar,
        T.ElevationScalar: -10,
        T.SourceSurfaceElevation: 500,
        T.SourceDepth: 65,
    }
    gathers = read_segy(traces(tmp_path / "a.segy", [given | {T.ReceiverGroupElevation: 400}] * 2), datum=100.0)
    np.testing.assert_allclose(gathers.source_positions, [[[100 - 50 + 6.5, 1234 * factor]]])
    np.testing.assert_allclose(gathers.receiver_positions, [[60, 0], [60, 10 * factor]])


def test_units_of_coordinates(tmp_path):
    """Feet by header or by option; degrees are refused where they may be degrees."""
    path = traces(tmp_path / "feet.segy", [{T.SourceX: 1000}], mfeet=2)
    np.testing.assert_allclose(read_segy(path).source_positions[0, 0, 1], 304.8)
    np.testing.assert_allclose(read_segy(path, length_unit="m").source_positions[0, 0, 1], 1000)
    path = traces(tmp_path / "degrees.segy", [{T.SourceX: 12, T.SourceY: 45, T.CoordinateUnits: 3}])
    with pytest.raises(ValueError, match=r"degrees.segy`: its coordinates are angles \(CoordinateUnits = \[3\]\)"):
        read_segy(path)
    assert read_segy(path, length_unit="m").source_positions.shape == (1, 1, 3)


def test_three_dimensions(tmp_path):
    """Where y varies positions are (z, y, x), and come back so; "zx" would lose it."""
    flat = made()
    wide = lambda p: np.insert(p, 1, 3.0 * p[..., 1], -1)  # noqa: E731
    gathers = made(source_positions=wide(SOURCES), receiver_positions=wide(RECEIVERS))
    write_segy(tmp_path / "a.segy", gathers)
    back = read_segy(tmp_path / "a.segy")
    assert_alike(back, gathers, rtol=2.0**-20)
    line, farthest = back.projected()
    assert farthest < 2e-3
    np.testing.assert_allclose(line.receiver_positions[:, 1], np.sqrt(10) * flat.receiver_positions[:, 1], atol=2e-3)
    with pytest.raises(ValueError, match=r"y varies, so that `axes` = \"zx\" would lose it"):
        read_segy(tmp_path / "a.segy", axes="zx")
    write_segy(tmp_path / "flat.segy", flat)
    assert read_segy(tmp_path / "flat.segy", axes="zyx").source_positions.shape == (3, 1, 3)


def test_large_coordinates_are_written_in_centimetres(tmp_path):
    """A UTM northing of 6,500 km does not fit 32 bits in millimetres."""
    far = np.array([0.0, 6.5e6])
    write_segy(tmp_path / "a.segy", made(source_positions=SOURCES + far[None, None], receiver_positions=RECEIVERS + far[None]))
    np.testing.assert_allclose(read_segy(tmp_path / "a.segy").source_positions - far[None, None], SOURCES, rtol=0, atol=0.5001e-2)


def test_components_and_dead_traces(tmp_path):
    """Codes of the traces: 11-14 are components, 2 is dead, 8 (water break) is no data."""
    codes = [14, 12, 12, 2, 8]
    path = traces(tmp_path / "a.segy", [{T.TraceIdentificationCode: code} for code in codes])
    with pytest.raises(ValueError, match="holds several components: vz, vx. Choose one of them by `field`"):
        read_segy(path)
    gathers = read_segy(path, field="vz")
    assert gathers.field == "vz"
    np.testing.assert_array_equal(gathers.data[0, 0], [2, 3, 0])
    assert gathers.live.tolist() == [[True, True, False]]
    gathers.check()
    with pytest.raises(ValueError, match=r"no traces of `field` = 'vy': its TraceIdentificationCodes are \[2, 8, 12, 14\]"):
        read_segy(path, field="vy")
    assert read_segy(traces(tmp_path / "b.segy", [{T.TraceIdentificationCode: 1}]), field="vx").field == "vx"


def test_shots_by_record_or_by_source(tmp_path):
    """A file whose records are all alike is told apart by its sources; asking for records names the first trace that differs."""
    path = traces(tmp_path / "a.segy", [{T.SourceX: x} for x in (5, 5, 9, 9)])
    gathers = read_segy(path)
    np.testing.assert_array_equal(gathers.data[:, 0], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(gathers.source_positions[:, 0, 1], [5, 9])
    with pytest.raises(ValueError, match=r"record 1 has several sources: trace 2 has .* Use `shots_by=\"source\"`"):
        read_segy(path, shots_by="FieldRecord")
    path = traces(tmp_path / "b.segy", [{T.FieldRecord: r, T.SourceX: 5} for r in (4, 2, 4)])
    assert read_segy(path).records.tolist() == [4, 2]  # two shots at one place, in the order of the file
    assert read_segy(path, shots_by="source").data.shape == (1, 6, 3)


def test_integers_and_delays(tmp_path):
    """16-bit integers become floats; a delay has its own scalar."""
    given = {T.DelayRecordingTime: 125, T.ScalarTraceHeader: -10}
    gathers = read_segy(traces(tmp_path / "a.segy", [given] * 2, form=3))
    assert gathers.data.dtype == np.float32
    assert gathers.start == pytest.approx(12.5e-3)
    write_segy(tmp_path / "b.segy", made(start=-12.5e-3))
    assert read_segy(tmp_path / "b.segy").start == pytest.approx(-12.5e-3)


@pytest.mark.parametrize(
    ("headers", "interval", "message"),
    [
        (
            [{}, {T.TRACE_SAMPLE_INTERVAL: 4000}],
            2000,
            r"trace 1 \(from 0\) has an interval of 4000 us, trace 0 of 2000 us; 1 of 2",
        ),
        ([{}, {}, {T.TRACE_SAMPLE_COUNT: 5}], 2000, r"trace 2 \(from 0\) has a length of 5 samples, trace 0 of 0 samples"),
        ([{}, {T.DelayRecordingTime: 8}], 2000, r"trace 1 \(from 0\) has a delay of 8 ms, trace 0 of 0 ms"),
        ([{T.TRACE_SAMPLE_INTERVAL: 4000}], 2000, r"is 2000 us in the binary header and 4000 us .* Give `dt`"),
        ([{}], 0, r"is 0 us in the binary header and 0 us in those of the traces. Give `dt`"),
        ([{T.TraceIdentificationCode: 8}], 2000, r"holds no seismic traces: its TraceIdentificationCodes are \[8\]"),
    ],
)
def test_headers_that_disagree(tmp_path, headers, interval, message):
    with pytest.raises(ValueError, match=f"a.segy`.*{message}"):
        read_segy(traces(tmp_path / "a.segy", headers, interval=interval))


def test_extended_textual_headers_are_passed_over(tmp_path):
    spec = segyio.spec()
    spec.samples, spec.tracecount, spec.format, spec.ext_headers = np.arange(6), 2, 5, 2
    with segyio.create(str(tmp_path / "a.segy"), spec) as file:
        file.text[1] = file.text[2] = segyio.tools.create_text_header({1: "MORE"})
        for i in range(2):
            file.header[i], file.trace[i] = {T.GroupX: i}, np.full(6, i + 1, "float32")
    np.testing.assert_array_equal(read_segy(tmp_path / "a.segy").data[0, 0], [1, 2])


def test_the_interval_may_be_given(tmp_path):
    assert read_segy(traces(tmp_path / "a.segy", [{}], interval=0), dt=3e-3).dt == 3e-3
    assert read_segy(traces(tmp_path / "b.segy", [{T.TRACE_SAMPLE_INTERVAL: 4000}]), dt=3e-3).dt == 3e-3
    assert read_segy(traces(tmp_path / "c.segy", [{T.TRACE_SAMPLE_INTERVAL: 0}])).dt == 2e-3


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (0, "it has 0 bytes; its headers alone need 3600"),
        (3600, "it has 3600 bytes; its headers alone need 3600"),
        (3700, "it has 3700 bytes; 0 or 1 traces of 320 bytes after 3600 need 3600 or 3920"),
        (5000, "it has 5000 bytes; 4 or 5 traces of 320 bytes after 3600 need 4880 or 5200"),
        (4880, "it has 4880 bytes and 4 traces; its header tells of 12 traces, which need 7440 bytes"),
    ],
)
def test_truncated(tmp_path, keep, message):
    """Cut within a trace or between two, the error names the file, its size and the size it should have."""
    path = tmp_path / "a.segy"
    write_segy(path, made())
    assert path.stat().st_size == 7440
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"a.segy` is truncated.*{message}"):
        read_segy(path)


def test_what_is_no_segy(tmp_path):
    (tmp_path / "a.segy").write_bytes(bytes(5000))
    with pytest.raises(ValueError, match="a.segy` is no SEG-Y file, or damaged: its format code is 0, not one of 1, 2"):
        read_segy(tmp_path / "a.segy")
    (tmp_path / "a.su").write_bytes(bytes(5000))
    with pytest.raises(ValueError, match="a.su` is truncated, or its traces differ in length"):
        read_su(tmp_path / "a.su")
    with pytest.raises(FileNotFoundError, match="no file of gathers at `.*absent.segy`"):
        read_segy(tmp_path / "absent.segy")
    write_segy(tmp_path / "b.segy", made())
    for options, message in (
        ({"field": "vw"}, "`field` = 'vw' must be one of p, vz, vy, vx"),
        ({"axes": "xz"}, "`axes` = 'xz' must be one of zx, zyx"),
        ({"shots_by": "x"}, "one of FieldRecord, source"),
        ({"length_unit": "km"}, "one of m, ft"),
        ({"endian": "middle"}, "one of big, little"),
        ({"endian": "little"}, "Check `endian`"),
    ):
        with pytest.raises(ValueError, match=message):
            read_segy(tmp_path / "b.segy", **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dt": 1.2345678e-3}, r"`dt` = 0.0012345678 s is no whole number of microseconds .* Use `resampled\(0.001235\)`"),
        ({"source_positions": np.repeat(SOURCES, 2, 1)}, "room for one source; the shots have 2"),
        ({"window": (0.0, 0.01)}, "no room for the `window`"),
        ({"start": 1e-7}, "`start` = 1e-07 s is no small whole number of microseconds"),
        ({"live": np.zeros((3, 4), bool)}, "no trace is live"),
        ({"source_positions": SOURCES + 3e9}, r"positions reach 3e\+09 m, more than headers hold. Use `moved"),
    ],
)
def test_what_headers_cannot_hold(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"a.segy`: .*{message}"):
        write_segy(tmp_path / "a.segy", made(**changes))
    assert not (tmp_path / "a.segy").exists()


def test_more_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match='`floats` = \'ieee8\' must be "ibm" or "ieee"'):
        write_segy(tmp_path / "a.segy", made(), floats="ieee8")
    with pytest.raises(ValueError, match='`endian` = \'middle\' must be "big" or "little"'):
        write_su(tmp_path / "a.su", made(), endian="middle")
    with pytest.raises(ValueError, match="`start` = 0.0005 s is no small whole number of milliseconds"):
        write_su(tmp_path / "a.su", made(start=5e-4))
    with pytest.raises(ValueError, match="65536 samples are more than the 65535"):
        write_su(tmp_path / "a.su", made(data=np.zeros((3, 65536, 4), "float32")))


def test_a_model_in_segy(tmp_path):
    """A section of one trace for every x is a model; IBM floats keep 21 bits. Its spacing is asked for."""
    vp = (1500 + RNG.uniform(0, 1e3, (7, 5))).astype("float32")  # (z, x)
    spec = segyio.spec()
    spec.samples, spec.tracecount, spec.format = np.arange(7), 5, 1
    with segyio.create(str(tmp_path / "vp.segy"), spec) as file:
        for i in range(5):
            file.header[i] = {T.CDP: i + 1}
            file.trace[i] = np.ascontiguousarray(vp[:, i])
    model = read_model(tmp_path / "vp.segy", spacing=(5.0, 12.5))
    np.testing.assert_allclose(model.values, vp, rtol=2.0**-20)
    assert model.spacing == (5.0, 12.5)
    with pytest.raises(ValueError, match="give `spacing`"):
        read_model(tmp_path / "vp.segy")
