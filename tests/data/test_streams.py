"""Shots that ObsPy has read: SEG-2, SAC, miniSEED."""

from pathlib import Path

import numpy as np
import pytest

from adseis.data.streams import gathers_of_streams

obspy = pytest.importorskip("obspy", reason="shots are its streams")
TIME = obspy.UTCDateTime(2020, 1, 1)


def shot(source, receivers, *, nt=20, words=None, **stats):
    """A stream as ObsPy reads it from SEG-2: channel k holds k + 1 counts of 0.5 mV."""
    traces = []
    for k, place in enumerate(receivers):
        header = {"SOURCE_LOCATION": source, "RECEIVER_LOCATION": place, "UNITS": "METERS", "DELAY": "-0.010"}
        header |= {"DESCALING_FACTOR": "0.5", **(words or {})}
        known = {"seg2": obspy.core.AttribDict(header), "delta": 1e-3, "calib": 0.5, "station": f"{k}", "starttime": TIME} | stats
        traces.append(obspy.Trace(np.full(nt, k + 1, "i4"), known))
    return obspy.Stream(traces)


def test_seg2():
    """Locations of one number are x; samples are descaled to millivolts; the delay is the start; short shots are padded."""
    gathers = gathers_of_streams([shot("10", ["0", "5.5", "11"]), shot("20", ["0", "5.5"])], field="vz")
    assert (gathers.dt, gathers.start, gathers.field, gathers.unit) == (1e-3, -0.01, "vz", "mV")
    np.testing.assert_array_equal(gathers.source_positions, [[[0, 10]], [[0, 20]]])
    np.testing.assert_array_equal(gathers.receiver_positions, [[0, 0], [0, 5.5], [0, 11]])
    np.testing.assert_array_equal(gathers.data[:, 3], [[0.5, 1, 1.5], [0.5, 1, 0]])
    np.testing.assert_array_equal(gathers.live, [[1, 1, 1], [1, 1, 0]])
    gathers.check()


def test_locations_of_three_numbers():
    """x, y and elevation, in the file's unit, become (z, y, x) in metres; y goes where it does not vary."""
    crooked = gathers_of_streams(shot("1 2 3", ["4,5,6", "7,8,9"], words={"UNITS": "FEET"}), field="vz")
    np.testing.assert_allclose(crooked.source_positions, 0.3048 * np.array([[[-3, 2, 1]]]))
    np.testing.assert_allclose(crooked.receiver_positions, 0.3048 * np.array([[-6, 5, 4], [-9, 8, 7]]))
    straight = gathers_of_streams(shot("1 2 3", ["4 2 6", "7 2 9"]), field="vz")
    np.testing.assert_array_equal(straight.receiver_positions, [[-6, 4], [-9, 7]])
    given = gathers_of_streams(shot("1 2 3", ["x", "x"]), field="vz", receiver_positions=[[0.0, 1.0], [0.0, 2.0]])
    np.testing.assert_array_equal(given.source_positions, [[[-3, 1]]])


def test_dead_and_auxiliary_traces():
    stream = shot("10", ["0", "5", "10", "15"])
    stream[1].stats.seg2["TRACE_TYPE"], stream[3].stats.seg2["TRACE_TYPE"] = "DEAD", "UPHOLE_DATA"
    gathers = gathers_of_streams(stream, field="vz")
    np.testing.assert_array_equal(gathers.live, [[1, 0, 1]])


def test_a_real_file():
    """A SmartSeis: one channel 4 m from the source, 10 ms before the shot on."""
    path = Path(obspy.__file__).parent / "io" / "seg2" / "tests" / "data" / "20180307_031245000.0.seg2"
    if not path.is_file():
        pytest.skip("this ObsPy comes without its test files")
    gathers = gathers_of_streams(path, field="vz")
    assert (gathers.dt, gathers.start, gathers.data.shape, gathers.unit) == (1.25e-4, -0.01, (1, 2048, 1), "mV")
    np.testing.assert_array_equal(gathers.offsets, [[4.0]])


def test_sac_and_miniseed():
    """Others tell no metres: positions are given; the shot is at `o` of SAC, at `origins` or `start` of the rest."""
    geometry = {"source_positions": [[[0.0, 5.0]]], "receiver_positions": [[0.0, 0.0], [0.0, 10.0]], "field": "vz"}
    plain = obspy.Stream([obspy.Trace(np.arange(20.0), {"delta": 1e-2, "channel": "HHZ", "starttime": TIME}) for _ in range(2)])
    gathers = gathers_of_streams([plain], origins=[TIME + 0.25], **geometry)
    assert (gathers.start, gathers.unit) == (-0.25, "m/s")
    for trace in plain:
        trace.stats.sac = {"b": 1.0, "o": 3.0}
    assert gathers_of_streams(plain, **geometry).start == -2.0
    assert gathers_of_streams(plain, start=0.5, unit="m", **geometry).unit == "m"


def changed(**stats):
    stream = shot("10", ["0", "5"])
    for key, value in stats.items():
        if key == "data":
            stream[1].data = value
        else:
            stream[1].stats.seg2[key] = value
    return stream


@pytest.mark.parametrize(
    ("stream", "options", "message"),
    [
        (
            changed(RECEIVER_LOCATION="here"),
            {},
            r"trace 1 of shot 0 \(.1..\) tells no RECEIVER_LOCATION .*'here'. Give `receiver_pos",
        ),
        (changed(SOURCE_LOCATION="11"), {}, "trace 1 of shot 0 .* has another SOURCE_LOCATION"),
        (changed(UNITS="NONE"), {}, r"does not tell the unit of its SOURCE_LOCATION \(UNITS = 'NONE'\). Give `length_unit`"),
        (changed(DELAY="0.01"), {}, "trace 1 of shot 0 .* starts 0.01 s after its shot, the first trace -0.01 s"),
        (shot("0", ["0", "0"]), {}, "all receivers of shot 0 have the RECEIVER_LOCATION of trace 0"),
        (changed(data=np.ma.masked_less(np.arange(20), 3)), {}, "trace 1 of shot 0 .* has gaps"),
        (changed(data=np.full(20, b"E", "S1")), {}, "trace 1 of shot 0 .* holds .S1, no real numbers"),
        (changed(data=np.ones(21)), {}, "has 21 samples of 0.001 s, the first trace 20"),
        (shot("0", ["1", "2"]), {"field": "vw"}, "`field` = 'vw' must be one of p, vz, vy, vx"),
        (shot("0", ["1", "2"]), {"origins": []}, "`origins` are 0 times for 1 shots"),
        (shot("0", ["1"])[0], {}, "holds the trace .0.., where a stream is wanted|'Trace'"),
        ([], {}, "`shots` is empty"),
        (shot("0", ["1"], words={"TRACE_TYPE": "TEST_DATA"}), {}, "shot 0 holds no seismic trace"),
    ],
)
def test_faults_name_the_trace(stream, options, message):
    with pytest.raises(ValueError, match=message):
        gathers_of_streams([stream] if isinstance(stream, obspy.Trace) else stream, **{"field": "vz"} | options)


def test_faults_of_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of a shot"):
        gathers_of_streams(tmp_path / "absent.seg2", field="vz")
    (tmp_path / "a.seg2").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a.seg2` is damaged, or of no format that ObsPy reads"):
        gathers_of_streams(tmp_path / "a.seg2", field="vz")
    three = obspy.Stream([obspy.Trace(np.ones(5), {"channel": code, "starttime": TIME}) for code in ("HHZ", "HHN")])
    with pytest.raises(ValueError, match="several components, N, Z"):
        gathers_of_streams(three, field="vz")
    with pytest.raises(ValueError, match="trace 0 of shot 0 .* does not tell the time of the shot. Give `origins`, or `start`"):
        gathers_of_streams(three.select(component="Z"), field="vz")
