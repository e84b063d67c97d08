"""Headers of traces that are absent, impossible or contradictory: positions, scalars, components, units; and SU's byte order."""

import numpy as np
import pytest
from trace_files import segy, trace

from adseis.data.gather_files import read_gathers, write_gathers
from adseis.data.gathers import Gathers
from adseis.data.segy import read_segy, read_su, write_segy, write_su
from adseis.experiment.grid import Grid

FIRST = {3217: ("H", 2000), 3221: ("H", 6), 3225: ("h", 5), 3501: ("B", 1)}
OFFSETS = 5 * np.arange(1, 25)


def line(path, *headers):
    """A file of revision 1 with a dictionary of header words for every trace."""
    basis = {9: 1, 29: 1, 115: 6, 117: 2000}
    return segy(path, [trace(basis | words, np.full(6, i + 1.0)) for i, words in enumerate(headers)], FIRST)


@pytest.mark.parametrize("scalar", [82, -3, 20, 30000])
def test_scalars_that_do_not_exist(tmp_path, scalar):
    """A scalar of 82 made 41,110 km of 501 km; what is meant can be said. Where nothing is scaled it does not matter."""
    words = {71: scalar, 73: 501351, 81: 501400}
    path = line(tmp_path / "a.segy", words, words | {81: 501410})
    message = rf"SourceGroupScalar \(bytes 71-72\) of trace 0 \(from 0\) is {scalar}, .* 2 of 2 .*`coordinate_scalar`"
    with pytest.raises(ValueError, match=message):
        read_segy(path)
    np.testing.assert_array_equal(read_segy(path, coordinate_scalar=1).receiver_positions[:, 1], [501400, 501410])
    np.testing.assert_allclose(read_gathers(path, coordinate_scalar=-10).source_positions[0, 0], [0, 50135.1])
    words = {81: 10, 69: scalar}
    assert read_segy(line(tmp_path / "b.segy", words)).source_positions.tolist() == [[[0, 0]]]
    path = line(tmp_path / "c.segy", words | {41: 5})
    with pytest.raises(ValueError, match=r"ElevationScalar \(bytes 69-70\) .* `elevation_scalar`"):
        read_segy(path)
    assert read_segy(path, elevation_scalar=-10).receiver_positions[0, 0] == -0.5
    with pytest.raises(ValueError, match="ScalarTraceHeader .bytes 215-216. of trace 0"):
        read_segy(line(tmp_path / "d.segy", {81: 10, 109: 4, 215: scalar}))
    with pytest.raises(ValueError, match="`coordinate_scalar` = 0 must multiply"):
        read_segy(path, coordinate_scalar=0)


def test_impossible_positions(tmp_path):
    for words, message in (
        ({73: 501351, 81: 501400, 71: 1000}, r"the source of trace 0 \(from 0\) lies at .* impossible"),
        ({73: 501351, 81: 501400, 71: 100}, r"the source of trace 0 \(from 0\) lies at .* impossible"),
        ({73: -200000, 81: 200000, 71: 100}, r"trace 0 \(from 0\) is 4e\+07 m from its source, which is impossible"),
        ({81: 10, 41: -501351}, r"the receiver of trace 0 \(from 0\) lies at \(z, y, x\) = \(501351, 0, 10\) m"),
    ):
        with pytest.raises(ValueError, match=message):
            read_segy(line(tmp_path / "a.segy", words))


@pytest.mark.parametrize("suffix", [".segy", ".su"])
def test_no_coordinates(tmp_path, suffix):
    """24 traces with offsets and zeros at 73-88 stand nowhere, until one says that they stand on a line, or where."""
    words = [{9: 1, 29: 1, 37: int(offset), 115: 6, 117: 2000} for offset in OFFSETS]
    traces = [trace(each, np.full(6, i + 1.0)) for i, each in enumerate(words)]
    path = tmp_path / f"a{suffix}"
    segy(path, traces, FIRST) if suffix == ".segy" else path.write_bytes(b"".join(traces))
    with pytest.raises(ValueError, match=r"holds no coordinates \(bytes 73-88 .*none but offsets.*`geometry`"):
        read_gathers(path)
    gathers = read_gathers(path, geometry="offsets")
    np.testing.assert_array_equal(gathers.receiver_positions, np.stack([0 * OFFSETS, OFFSETS], -1))
    np.testing.assert_array_equal(gathers.offsets[0], OFFSETS)
    where = np.stack([np.full(24, 2.0), 6.0 * np.arange(24)], -1)
    given = read_gathers(path, source_positions=[[[1.0, 50.0]]], receiver_positions=where)
    np.testing.assert_array_equal(given.receiver_positions, where)
    np.testing.assert_array_equal(given.data[0, 0], np.arange(1, 25))
    given.check(Grid((3, 17), 10.0, 2e-3, 6))


def test_no_positions_at_all(tmp_path):
    """Neither coordinates nor offsets nor depths; a single trace at the origin, or a well there, is possible."""
    with pytest.raises(ValueError, match="no coordinates .*no offsets or elevations either"):
        read_segy(line(tmp_path / "a.segy", {}, {}))
    assert read_segy(line(tmp_path / "b.segy", {}, {41: -10})).receiver_positions.tolist() == [[0, 0], [10, 0]]
    with pytest.raises(ValueError, match="sources of its 2 records stand"):
        read_segy(line(tmp_path / "c.segy", {37: 5}, {9: 2, 37: 5}), geometry="offsets")


def test_some_positions_are_absent(tmp_path):
    """Zeros among UTM coordinates, or for all receivers of a shot, are no positions; a source at the origin is one."""
    utm = {73: 501000, 77: 6500000, 85: 6500000}
    path = line(tmp_path / "a.segy", utm | {81: 501010}, utm | {81: 0, 85: 0}, utm | {81: 501030})
    with pytest.raises(ValueError, match=r"GroupX and GroupY of trace 1 \(from 0\) are zero, far from all .* 1 of 3 traces"):
        read_segy(path)
    with pytest.raises(ValueError, match=r"\(bytes 81-88\) of all 2 traces of record 1 are zero"):
        read_segy(line(tmp_path / "b.segy", {73: 50}, {73: 50}))
    assert read_segy(line(tmp_path / "c.segy", {73: 50}, {73: 50, 41: -5})).data.shape == (1, 6, 2)  # a well
    assert read_segy(line(tmp_path / "d.segy", {73: 50}, {73: 60})).data.shape == (2, 6, 1)  # one receiver of two shots
    assert read_segy(line(tmp_path / "e.segy", {81: 500}, {81: 503})).data.shape == (1, 6, 2)


def test_offsets_against_coordinates(tmp_path):
    """The distance is told twice: a scalar that was forgotten, and a trace without coordinates, are seen."""
    told = [{37: -int(x), 71: -10, 73: 10000, 77: 500000, 81: 10000 + 10 * int(x), 77 + 8: 500000} for x in OFFSETS]
    gathers = read_segy(line(tmp_path / "a.segy", *told))
    np.testing.assert_allclose(gathers.offsets[0], OFFSETS)
    path = line(tmp_path / "b.segy", *(words | {71: 1} for words in told))
    with pytest.raises(
        ValueError, match=r"trace 2 \(from 0\) is 150 from its source by the coordinates, 15 by its offset .* 22 of 24"
    ):
        read_segy(path)
    assert read_segy(path, geometry="coordinates").offsets.max() == 1200
    np.testing.assert_allclose(read_segy(path, geometry="offsets").offsets[0], OFFSETS)
    told[7] |= {81: 0, 85: 0}
    with pytest.raises(ValueError, match=r"trace 7 \(from 0\) is .* 1 of 24 traces"):
        read_segy(line(tmp_path / "c.segy", *told))
    told[7] |= {29: 2}  # a dead trace may lie anywhere
    assert read_segy(line(tmp_path / "d.segy", *told)).live.sum() == 23


def test_depths_for_elevations(tmp_path):
    """JUDI writes depths, positive down, where the standard has elevations."""
    path = line(tmp_path / "a.segy", {41: 30, 45: 5, 81: 10})
    assert read_segy(path).receiver_positions[0, 0] == -30
    gathers = read_gathers(path, elevations="down", datum=2.0)
    assert (gathers.source_positions[0, 0, 0], gathers.receiver_positions[0, 0]) == (3, 28)


def test_rotated_components(tmp_path):
    """A turned vertical component is vertical; transverse and radial ones are along no axis of a grid."""
    words = [{29: code, 81: 10 * i} for i in range(6) for code in (15, 16, 17)]
    path = line(tmp_path / "a.segy", *words)
    gathers = read_segy(path)
    assert (gathers.field, gathers.unit, gathers.data.shape) == ("vz", "m/s", (1, 6, 6))
    np.testing.assert_array_equal(gathers.data[0, 0], np.arange(1, 19, 3))
    with pytest.raises(ValueError, match=r"no traces of `field` = 'vx': its TraceIdentificationCodes are \[15, 16, 17\]"):
        read_segy(path, field="vx")
    for code in (16, 17, -1, 3, 14 + 9, -7):
        with pytest.raises(ValueError, match=r"no seismic traces: its TraceIdentificationCodes are .*have to be turned"):
            read_segy(line(tmp_path / "b.segy", {29: code, 81: 10}))
    assert read_segy(line(tmp_path / "c.segy", {29: -1, 81: 10}), field="vx").field == "vx"
    with pytest.raises(ValueError, match="holds vz twice, as recorded and turned"):
        read_segy(line(tmp_path / "d.segy", {29: 12, 81: 10}, {29: 15, 81: 10}))
    mixed = line(tmp_path / "e.segy", {29: 11, 81: 10}, {29: 1, 81: 20})
    with pytest.raises(ValueError, match="several components: p and traces without a component"):
        read_segy(mixed)
    assert read_segy(mixed, field="p").data.shape == (1, 6, 1)


def test_units_fit_the_field(tmp_path):
    """What the header leaves open is Pa of a pressure and m/s of a velocity; a velocity is no pressure."""
    for words, options, unit in (
        ({29: 12}, {}, "m/s"),
        ({29: 11}, {}, "Pa"),
        ({29: 1}, {"field": "vx"}, "m/s"),
        ({29: 12, 203: 7}, {}, "m/s2"),
        ({29: 12, 203: 300}, {"unit": "counts"}, "counts"),
    ):
        assert read_segy(line(tmp_path / "a.segy", words | {81: 10}), **options).unit == unit
    for headers, message in (
        ([{29: 1, 203: 6}], r"its unit is m/s, which is no pressure. Say what was recorded"),
        (
            [{203: 300}],
            r"TraceValueMeasurementUnit \(bytes 203-204\) of trace 0 \(from 0\) is 300, but none of 1 to 9. Give `unit`",
        ),
        ([{203: 1}, {203: 3}], r"of trace 1 \(from 0\) is 3, but 1 in trace 0"),
    ):
        with pytest.raises(ValueError, match=message):
            read_segy(line(tmp_path / "b.segy", *(words | {81: 10 * (i + 1)} for i, words in enumerate(headers))))
    np.savez(tmp_path / "a.npz", vz=np.ones((1, 4, 2)))
    geometry = {"dt": 1e-3, "source_positions": [[[0.0, 0.0]]], "receiver_positions": [[0.0, 1.0], [0.0, 2.0]]}
    assert read_gathers(tmp_path / "a.npz", **geometry).unit == "m/s"


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize(
    ("nt", "dt", "traces"), [(2048, 1e-3, 3), (8, 1e-3, 93), (257, 1e-3, 2), (256, 256e-6, 5), (50001, 1e-3, 1)]
)
def test_su_byte_orders_are_weighed(tmp_path, nt, dt, traces, endian):
    """2048 samples read backwards are 8, and any number of such traces is a whole number of the short ones."""
    rng = np.random.default_rng(0)
    where = np.stack([np.zeros(traces), 5.0 * np.arange(traces)], -1)
    gathers = Gathers(rng.standard_normal((1, nt, traces)).astype("float32"), dt, [[[10.0, 0.0]]], where)
    write_su(tmp_path / "m.su", gathers, endian=endian)
    for options in ({}, {"endian": endian}):
        back = read_gathers(tmp_path / "m.su", **options)
        np.testing.assert_array_equal(back.data, gathers.data)
        assert back.dt == pytest.approx(dt)


def test_options_of_traces_are_for_traces(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1, 4, 2)))
    with pytest.raises(ValueError, match="a.npy`: `endian` of SEG-Y and SU mean nothing here"):
        read_gathers(tmp_path / "a.npy", endian="big")


def test_long_traces_of_su(tmp_path):
    """Counts have no sign: three traces of 50,001 floats, as SPECFEM writes them, of an interval that no header can hold."""
    traces = [trace({9: 1, 81: 10 * i, 115: 50001}, np.full(50001, i + 1.0), "<") for i in range(3)]
    (tmp_path / "a.su").write_bytes(b"".join(traces))
    gathers = read_su(tmp_path / "a.su", dt=1e-7)
    assert gathers.data.shape == (1, 50001, 3)
    assert gathers.dt == 1e-7
    with pytest.raises(ValueError, match="Give `dt`"):
        read_su(tmp_path / "a.su")


def test_segyio_reads_what_we_write(tmp_path):
    """An independent reader finds the same samples, words and revision."""
    segyio = pytest.importorskip("segyio", reason="reads SEG-Y independently")
    data = np.random.default_rng(1).standard_normal((2, 30, 3)).astype("float32")
    gathers = Gathers(data, 2e-3, [[[4.0, 10.5]], [[5.0, 20.0]]], [[1.0, 0.0], [1.0, 10.0], [1.0, 20.25]], field="vz", unit="m/s")
    for floats, tolerance in (("ibm", 2.0**-20), ("ieee", 0.0)):
        write_segy(tmp_path / "a.segy", gathers, floats=floats)
        with segyio.open(str(tmp_path / "a.segy"), ignore_geometry=True) as file:
            np.testing.assert_allclose(file.trace.raw[:], data.transpose(0, 2, 1).reshape(6, 30), rtol=tolerance)
            assert file.header[5][segyio.TraceField.GroupX] == 20250
            assert file.header[5][segyio.TraceField.SourceGroupScalar] == -1000
            assert "WRITTEN BY ADSEIS" in bytes(file.text[0]).decode()
            assert (file.bin[3217], file.bin[3221]) == (2000, 30)
        assert (tmp_path / "a.segy").read_bytes()[3500:3504] == b"\x01\x00\x00\x01"
    write_gathers(tmp_path / "a.su", gathers)
    with segyio.su.open(str(tmp_path / "a.su"), ignore_geometry=True, endian="little") as file:
        np.testing.assert_array_equal(file.trace.raw[4], data[1, :, 1])
