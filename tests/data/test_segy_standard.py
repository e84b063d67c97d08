"""SEG-Y as its revisions have it: layouts, extensions, sample formats; and what they rule out is refused by name."""

import struct

import numpy as np
import pytest
from trace_files import card, extension, segy, trace

from adseis.data.gathers import Gathers
from adseis.data.models import read_model
from adseis.data.segy import read_segy, read_traces, write_segy
from adseis.data.trace_bytes import decoded, encoded_ibm

BASIS = {3217: ("H", 2000), 3221: ("H", 6), 3225: ("h", 5)}
SECOND = BASIS | {3501: ("B", 2), 3502: ("B", 0), 3503: ("h", 1)}
END = "((SEG: EndText))"


def lines(count=3, samples=6, **options):
    """Trace i holds i + 1, and its receiver stands at 10 i m."""
    return [trace({9: 1, 81: 10 * i, 115: samples, 117: 2000}, np.full(samples, i + 1.0), **options) for i in range(count)]


@pytest.mark.parametrize("code", ["ascii", "cp500"])
@pytest.mark.parametrize(("major", "end"), [(0, END), (1, "((seg:ENDTEXT))"), (2, "(( SEG : EndText ))")])
def test_textual_headers_of_unknown_number(tmp_path, code, major, end):
    """-1 at 3505: the headers are walked to the one that ends them, in any revision, spelling and alphabet."""
    cards = [card("((ACME: notes ver 1.0)) (( EndText", code), card("more"), card(end, code)]
    path = segy(tmp_path / "a.segy", lines(), BASIS | {3501: ("B", major), 3505: ("h", -1)}, cards=cards)
    np.testing.assert_array_equal(read_traces(path), np.arange(1.0, 4)[:, None] * np.ones(6))
    np.testing.assert_array_equal(read_segy(path).receiver_positions[:, 1], [0, 10, 20])


@pytest.mark.parametrize(
    ("count", "cards", "message"),
    [
        (-1, [card("no end")], r"\(revision 1.0\) tells of -1 extended textual headers .*none holds the \(\(SEG: EndText\)\)"),
        (-2, [card(END)], "tells of -2 extended textual headers .*-1, of an unknown number, is the least"),
        (2, [card(END)], r"is truncated, or its traces differ in length.*SEG-Y of revision 1.0, 0 header extensions, 6 samples"),
    ],
)
def test_faults_of_textual_headers(tmp_path, count, cards, message):
    path = segy(tmp_path / "a.segy", lines(), BASIS | {3501: ("B", 1), 3505: ("h", count)}, cards=cards)
    with pytest.raises(ValueError, match=message):
        read_traces(path)


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
@pytest.mark.parametrize(("minor", "form"), [(0, "i"), (1, "h")])
def test_header_extensions(tmp_path, minor, form, order):
    """Four traces of 240 + 240 + 60 floats are as long as six of 240 + 60: the header decides, by four bytes in 2.0, two in 2.1.

    Coordinates of the extension are doubles without a scalar, and stand where they are not zero.
    """
    exact = [extension({97: 0.25, 113: 1000.5 + i, 33: -4.75, 137: 60, 145: 2000.0}, order) for i in range(4)]
    words = {9: 1, 71: 10, 73: 7, 81: 3, 115: 60, 117: 2000}
    traces = [trace(words, np.full(60, i + 1.0), order, [exact[i]]) for i in range(4)]
    reel = SECOND | {3221: ("H", 60), 3502: ("B", minor), 3507: (form, 1), 3297: ("i", 0x01020304), 3513: ("Q", 4)}
    path = segy(tmp_path / "a.segy", traces, reel, order)
    assert path.stat().st_size == 3600 + 6 * (240 + 240)
    gathers = read_segy(path)
    np.testing.assert_array_equal(gathers.data[0, 7], [1, 2, 3, 4])
    np.testing.assert_array_equal(gathers.source_positions, [[[0, 0.25]]])
    np.testing.assert_array_equal(gathers.receiver_positions, [[4.75, 1000.5 + i] for i in range(4)])
    np.testing.assert_array_equal(read_traces(path)[:, 0], [1, 2, 3, 4])


def test_large_counts_and_fine_intervals(tmp_path):
    """70,000 samples of 62.5 us do not fit two bytes: revision 2 has them at 3269 and 3273."""
    words = {9: 1, 117: 63, 115: 70000 & 0xFFFF}
    traces = [trace(words | {81: 5 * i}, np.arange(70000) + i) for i in range(2)]
    reel = SECOND | {3221: ("H", 0), 3217: ("H", 63), 3269: ("i", 70000), 3273: ("d", 62.5)}
    gathers = read_segy(segy(tmp_path / "a.segy", traces, reel))
    assert gathers.data.shape == (1, 70000, 2)
    assert gathers.dt == pytest.approx(62.5e-6)
    assert gathers.data[0, -1].tolist() == [69999, 70000]


def test_first_trace_and_trailers(tmp_path):
    """Revision 2 tells where traces begin and what follows them; revision 1 assigns nothing to those bytes."""
    reel = SECOND | {3521: ("Q", 3600 + 3200), 3529: ("i", 1)}
    path = segy(tmp_path / "a.segy", lines(), reel, cards=[card("private")], trailer=card("((SEG: x))"))
    np.testing.assert_array_equal(read_traces(path)[:, 0], [1, 2, 3])
    words = {3269: ("i", 9), 3273: ("d", 1.0), 3507: ("i", 1), 3513: ("Q", 99)}
    first = segy(tmp_path / "b.segy", lines(), BASIS | {3501: ("B", 1)} | words)
    assert read_segy(first).data.shape == (1, 6, 3)
    unknown = segy(tmp_path / "c.segy", lines(), SECOND | {3529: ("i", -1)}, trailer=card("x"))
    with pytest.raises(ValueError, match="unknown number of data trailers"):
        read_traces(unknown)
    told = segy(tmp_path / "d.segy", lines(), SECOND | {3529: ("i", -1), 3513: ("Q", 3)}, trailer=card("x"))
    assert read_traces(told).shape == (3, 6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({3507: ("i", -1)}, "tells of -1 trace header extensions"),
        ({3269: ("i", -5)}, "revision 2.0 has a sample count of -5"),
        ({3273: ("d", np.nan)}, "an interval of nan us"),
        ({3297: ("i", 0x02010403)}, "the mark of the byte order .* is 0x02010403, neither order"),
        ({3513: ("Q", 4)}, "it has 4392 bytes and 3 traces; its header tells of 4 traces, which need 4656 bytes .*revision 2.0"),
        ({3507: ("i", 1)}, "is truncated, or its traces differ in length.*revision 2.0, 1 header extensions"),
    ],
)
def test_faults_of_revision_two(tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        read_traces(segy(tmp_path / "a.segy", lines(), SECOND | words))


def test_traces_of_another_length(tmp_path):
    """An extension that tells of fewer samples than the file's header, and one with a NaN."""
    for words, message in (({137: 5}, "trace 1 .* tells of 5 samples, the file's header of 6"), ({97: np.nan}, "trace 1 .* NaN")):
        each = [extension({}), extension(words)]
        traces = [trace({9: 1, 81: i, 115: 6, 117: 2000}, np.ones(6), extensions=[each[i]]) for i in range(2)]
        with pytest.raises(ValueError, match=message):
            read_segy(segy(tmp_path / "a.segy", traces, SECOND | {3507: ("i", 1)}))


def test_a_revision_that_does_not_exist(tmp_path):
    """Revision 0 leaves bytes 3501-3502 to everybody: told, and read as revision 0. 0.1 is 1 as a number of two bytes."""
    path = segy(tmp_path / "a.segy", lines(), BASIS | {3501: ("B", 37), 3502: ("B", 2)})
    with pytest.warns(UserWarning, match="tells of SEG-Y revision 37.2 .*does not exist; it is read as revision 0"):
        gathers = read_segy(path)
    assert gathers.data.shape == (1, 6, 3)
    words = {9: 1, 109: 8, 115: 6, 117: 2000, 203: 6, 215: -10}
    path = segy(tmp_path / "b.segy", [trace(words, np.ones(6))], BASIS | {3501: ("B", 0), 3502: ("B", 1)})
    gathers = read_segy(path, field="vz")
    assert (gathers.unit, gathers.start) == ("m/s", pytest.approx(0.8e-3))
    words |= {203: 4711, 215: 17}  # of revision 0, where these bytes are anybody's
    gathers = read_segy(segy(tmp_path / "c.segy", [trace(words, np.ones(6))], BASIS))
    assert (gathers.unit, gathers.start) == ("Pa", pytest.approx(8e-3))


def test_the_count_of_the_traces_where_the_file_has_none(tmp_path):
    path = segy(tmp_path / "a.segy", lines(), BASIS | {3221: ("H", 0)})
    assert read_segy(path).data.shape == (1, 6, 3)


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
@pytest.mark.parametrize(
    ("code", "form"), [(2, "i4"), (3, "i2"), (6, "f8"), (8, "i1"), (9, "i8"), (10, "u4"), (11, "u2"), (16, "u1")]
)
def test_sample_formats(tmp_path, code, form, order):
    values = np.array([0, 1, 100, 127, 5, 3]) if form[0] == "u" else np.array([0, -1, 100, -128, 5, 3])
    traces = [trace({9: 1, 115: 6, 117: 2000}, values.astype(order + form).tobytes(), order)]
    path = segy(tmp_path / "a.segy", traces, BASIS | {3225: ("h", code)}, order)
    np.testing.assert_array_equal(read_traces(path)[0], values)


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
def test_integers_of_three_bytes(tmp_path, order):
    raw = [struct.pack(order + "i", value)[1:] if order == ">" else struct.pack("<i", value)[:3] for value in (1, -2, 70000)]
    traces = [trace({9: 1, 115: 3, 117: 2000}, b"".join(raw), order)]
    path = segy(tmp_path / "a.segy", traces, BASIS | {3221: ("H", 3), 3225: ("h", 7)}, order)
    np.testing.assert_array_equal(read_traces(path)[0], [1, -2, 70000])


def test_ibm_floats():
    """The textbook's words, and every exponent of float32 there and back, to the 21 bits that an IBM float has at least."""
    words = np.array([0x41100000, 0xC276A000, 0x00000000, 0x40800000], "u4")
    np.testing.assert_array_equal(decoded(words, 1, "big", "float64"), [1.0, -118.625, 0.0, 0.5])
    np.testing.assert_array_equal(encoded_ibm(np.array([1.0, -118.625, 0.0, 0.5], "f4")), words)
    values = (np.random.default_rng(0).uniform(-1, 1, 4000) * 2.0 ** np.linspace(-125, 127, 4000)).astype("f4")
    values = np.concatenate([values, np.float32([1 - 2**-24, np.finfo("f4").max, np.finfo("f4").tiny])])
    np.testing.assert_allclose(decoded(encoded_ibm(values), 1, "big", "float64"), values, rtol=2.0**-21)


def test_ibm_floats_have_no_nan(tmp_path):
    data = np.full((1, 6, 2), np.nan, "float32")
    gathers = Gathers(data, 2e-3, [[[0.0, 0.0]]], [[0.0, 10.0], [0.0, 20.0]])
    with pytest.raises(ValueError, match='no NaN and no infinity. Use `floats="ieee"`'):
        write_segy(tmp_path / "a.segy", gathers)
    write_segy(tmp_path / "a.segy", gathers, floats="ieee")
    assert np.isnan(read_segy(tmp_path / "a.segy").data).all()


def test_a_model_of_revision_two(tmp_path):
    """A section with header extensions is a model without their bytes among its speeds; its suffix in capitals."""
    traces = [trace({115: 4}, [1500, 1600, 1700, 1800 + i], extensions=[bytes(240)]) for i in range(3)]
    path = segy(tmp_path / "VEL.SGY", traces, SECOND | {3221: ("H", 4), 3507: ("i", 1)})
    assert read_model(path, spacing=10.0).values.tolist()[3] == [1800, 1801, 1802]
