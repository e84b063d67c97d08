"""Seismograms on a grid: the exact motion at its instants, round trips through every format, a clear error for each fault."""

import numpy as np
import pytest
from events import START, make_event, make_inventory, make_trace, pulse

import adseis as ads
from adseis.earthquakes.geography import Frame
from adseis.earthquakes.ground_motion import read_ground_motion
from adseis.earthquakes.hypocentres import Hypocentre
from adseis.earthquakes.stations import on_grid, to_stream

obspy = pytest.importorskip("obspy")

GRID = ads.Grid((12, 9, 10), 1000.0, dt=0.0123, nt=500, origin=(-1000.0, -4000.0, -5000.0))
FRAME = Frame(11.62, 48.11, azimuth=25.0, elevation=600.0)
EVENT = make_event()
ZNE = {"Z": {"azimuth": 0.0, "dip": -90.0}, "N": {"azimuth": 0.0, "dip": 0.0}, "E": {"azimuth": 90.0, "dip": 0.0}}
TILTED = {c: {"azimuth": a, "dip": -35.264} for c, a in zip("UVW", (90.0, 210.0, 330.0), strict=True)}
STATIONS = {
    "XX.ONE..HH": (0.01, -1.0037, ZNE, {}),
    "XX.TWO.10.BH": (0.025, -0.7211, TILTED, {"longitude": 11.63, "elevation": 480.0}),
}
MOTION = np.array([0.3, -0.8, 0.5])  # up, north, east; the same everywhere, at the time of the pulse


def made(*, event=EVENT, length=12.0):
    """Two stations, of different orientation, clock and sampling, that feel one pulse."""
    stream, channels = obspy.Stream(), {}
    for name, (dt, before, ways, place) in STATIONS.items():
        time = before + dt * np.arange(int(length / dt))
        for letter, way in ways.items():
            azimuth, dip = np.deg2rad([way["azimuth"], way["dip"]])
            along = np.array([-np.sin(dip), np.cos(dip) * np.cos(azimuth), np.cos(dip) * np.sin(azimuth)])
            trace = make_trace(name + letter, along @ MOTION * pulse(time), dt, event.origins[0].time + before)
            trace.stats.unit = "m/s"
            stream.append(trace)
            channels[name + letter] = way | place
    return stream, make_inventory(channels)


@pytest.fixture
def stream():
    return made()[0]


INVENTORY = made()[1]


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_the_motion_at_the_instants_of_the_grid(stream, start):
    """Both stations show the pulse, at its time, along the axes of the grid: 1e-5 of the filter, thrice for three channels."""
    records = on_grid(stream, INVENTORY, EVENT, GRID, FRAME, start=start)
    assert records.components == ("vz", "vy", "vx")
    assert records.stations == ("XX.ONE..HH", "XX.TWO.10.BH")
    assert records.unit == "m/s"
    assert records.starts[0] - EVENT.origins[0].time == start
    for gather, direction in zip(records.data, FRAME.directions(), strict=True):
        assert gather.shape == (1, GRID.nt, 2)
        exact = np.repeat((direction @ MOTION) * pulse(GRID.times + start)[None, :, None], 2, axis=2)
        np.testing.assert_allclose(gather, exact, rtol=0, atol=3e-5)
    assert records.live.all()


def test_geometry(stream):
    """Positions are those of the frame; depth and elevation count from its z = 0; on a profile y is what is lost."""
    records = on_grid(stream, INVENTORY, EVENT, GRID, FRAME)
    receivers, off = FRAME.positions([11.6, 11.63], [48.1, 48.1], [520.0, 480.0])
    np.testing.assert_array_equal(records.receivers, receivers)
    np.testing.assert_array_equal(records.off_profile, off)
    np.testing.assert_array_equal(records.sources, FRAME.positions([11.65], [48.12], [-3000.0])[0][:, None])
    assert records.receivers[:, 0].tolist() == [80.0, 120.0]
    assert records.sources[0, 0, 0] == 3600.0
    section = ads.Grid((12, 10), 1000.0, dt=0.0123, nt=500, origin=(-1000.0, -5000.0))
    profile = on_grid(stream, INVENTORY, EVENT, section, Frame(11.62, 48.11, azimuth=25.0, axes="zx", flat=True))
    np.testing.assert_array_equal(profile.receivers, [[0.0, x] for x in receivers[:, 2]])
    np.testing.assert_allclose(profile.sources_off_profile, records.sources[:, 0, 1])
    assert profile.components == ("vz", "vx")


def test_simulation_takes_them(stream):
    """A survey of these sources and receivers runs, and its gathers have the shape of the data."""
    records = on_grid(stream, INVENTORY, EVENT, GRID, FRAME)
    grid = ads.Grid(GRID.shape, GRID.spacing, GRID.dt, 20, GRID.origin)
    rate = ads.wavelets.ricker(1.0, grid.nt, grid.dt, delay=0.0)[None, None]
    survey = ads.Survey(ads.Explosion(records.sources, rate), records.receivers)
    gather = ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, 5000.0)), survey, grid, boundary=ads.Rigid())
    assert gather.shape == (1, 20, 2)


def test_round_trip_by_sac(stream, tmp_path):
    """Through SAC files without any other file: single precision for samples, 2e-7, and headers of 4e-6 degrees, 0.5 m."""
    records = on_grid(stream, INVENTORY, EVENT, GRID, FRAME)
    for k, trace in enumerate(to_stream(records, GRID.dt)):
        trace.write(str(tmp_path / f"{k}.sac"), format="SAC")
    again = on_grid(str(tmp_path / "*.sac"), None, None, GRID, FRAME)
    assert (again.components, again.stations) == (records.components, records.stations)
    np.testing.assert_allclose(again.data, records.data, rtol=0, atol=1e-6)
    np.testing.assert_allclose(again.receivers, records.receivers, atol=0.5)
    np.testing.assert_allclose(again.sources, records.sources, atol=0.5)
    assert abs(again.starts[0] - records.starts[0]) < 1e-5


def test_round_trip_by_miniseed_stationxml_and_quakeml(stream, tmp_path):
    """The files of data centres: the same records as from the objects; QuakeML and StationXML keep doubles, miniSEED too."""
    stream.write(str(tmp_path / "event.mseed"), format="MSEED")
    INVENTORY.write(str(tmp_path / "stations.xml"), format="STATIONXML")
    obspy.Catalog([EVENT]).write(str(tmp_path / "event.xml"), format="QUAKEML")
    files = [tmp_path / name for name in ("event.mseed", "stations.xml", "event.xml")]
    again, records = (
        on_grid(*files, GRID, FRAME, components="ZRT"),
        on_grid(stream, INVENTORY, EVENT, GRID, FRAME, components="ZRT"),
    )
    np.testing.assert_allclose(again.data, records.data, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(again.receivers, records.receivers)
    assert again.events == records.events
    assert again.unit == "unknown"


def test_to_stream_turns_z_up_and_names_channels(stream):
    """Z is up in files; horizontal axes other than north and east are 1 and 2, with their azimuth.

    The peak falls between two samples, which are 3e-3 lower.
    """
    written = to_stream(on_grid(stream, INVENTORY, EVENT, GRID, FRAME), GRID.dt)
    assert [trace.id for trace in written[::2]] == ["XX.ONE..HHZ", "XX.ONE..HH2", "XX.ONE..HH1"]
    peaks = [trace.data[np.abs(trace.data).argmax()] for trace in written[::2]]
    np.testing.assert_allclose(peaks[0], MOTION[0], rtol=5e-3)
    np.testing.assert_allclose([trace.stats.sac["cmpaz"] for trace in written[2::2]], [115.0, 25.0])
    records = on_grid(stream, INVENTORY, EVENT, GRID, Frame(11.62, 48.11), components="grid", missing="dead")
    assert {trace.stats.channel[-1] for trace in to_stream(records, GRID.dt)} == {"Z", "N", "E"}
    with pytest.raises(ValueError, match=r"`data` has shapes \[\(1, 500, 2\)\]; the records have"):
        to_stream(records, GRID.dt, data=records.data[:1])


def test_events_are_shots():
    """Two events, half a minute apart, in one stream with a gap between them: each finds its own piece."""
    second = make_event(time=str(obspy.UTCDateTime(START) + 31.0), depth=5000.0)
    (one, stations), (two, _) = made(), made(event=second)
    records = on_grid(one + two, stations, obspy.Catalog([EVENT, second]), GRID, FRAME)
    np.testing.assert_allclose(records.data[0][1], records.data[0][0], rtol=0, atol=5e-5)
    np.testing.assert_array_equal(records.sources[:, 0, 0], [3600.0, 5600.0])


def test_what_is_missing(stream):
    """Left out or padded where it is asked for: a channel that ends early, one that is dead, a station of Z alone."""
    early = stream.copy()
    early[0].trim(endtime=early[0].stats.starttime + 5.5)
    dead = on_grid(early, INVENTORY, EVENT, GRID, FRAME, components="ZNE", missing="dead")
    np.testing.assert_array_equal(dead.live[:, 0], [[False, True], [True, True], [True, True]])
    assert not dead.data[0][0, :, 0].any()
    padded = on_grid(early, INVENTORY, EVENT, GRID, FRAME, components="ZNE", missing="pad")
    assert padded.live.all()
    np.testing.assert_allclose(padded.data[0][0, :280, 0], MOTION[0] * pulse(GRID.times[:280]), rtol=0, atol=3e-5)
    silent = stream.copy()
    silent[1].data[:] = 4.0
    assert on_grid(silent, INVENTORY, EVENT, GRID, FRAME, components="ZNE", missing="dead").live[:, 0, 0].tolist() == [
        True,
        False,
        True,
    ]
    vertical = on_grid(stream[:1], INVENTORY, EVENT, GRID, FRAME, components="Z")
    assert vertical.live.all()


def test_example_of_obspy():
    """The whole chain on a real record: its P wave comes 4.7 s after the first sample, wherever the grid's clock begins.

    The onset is where 15 % of the peak are passed: within a period of 15 Hz, and on both clocks within a sample of 10 ms.
    """
    stream, stations = obspy.read(), obspy.read_inventory()
    velocity = read_ground_motion(stream, stations, band=(1.0, 20.0))
    grid = ads.Grid((10, 10), 500.0, dt=0.004, nt=1200, origin=(0.0, -2500.0))
    frame = Frame(12.795714, 47.737167, elevation=860.0, axes="zx")
    onsets = []
    for shift in (1.0, 2.3456):
        guess = Hypocentre(stream[0].stats.starttime + shift, 12.80, 47.75, 2000.0)
        vz, vx = on_grid(velocity, stations, guess, grid, frame).data
        assert 1e-7 < np.abs(vx).max() < 1e-5
        onsets.append(shift + grid.dt * np.argmax(np.abs(vz[0, :, 0]) > 0.15 * np.abs(velocity[-1].data).max()))
    np.testing.assert_allclose(onsets, 4.73, atol=0.06)
    assert abs(onsets[0] - onsets[1]) < 0.01


def hydrophones():
    """Two hydrophones at one place that record the pulse, one of them turned."""
    stream, names = obspy.Stream(), ("XX.ONE.00.HDH", "XX.ONE.00.HDO")
    for name, size in zip(names, (2.0, -3.0), strict=True):
        trace = make_trace(name, size * pulse(0.01 * np.arange(1200) - 1), 0.01, EVENT.origins[0].time - 1)
        trace.stats.unit = "Pa"
        stream.append(trace)
    return stream, make_inventory({name: {} for name in names})


@pytest.mark.parametrize("components", ["grid", "p"])
def test_pressure(components):
    """Every channel of pressure is a receiver, sign as recorded, whatever the frame; the gather is that of a simulated "p"."""
    stream, stations = hydrophones()
    records = on_grid(stream, stations, EVENT, GRID, FRAME, components=components)
    assert (records.components, records.unit) == (("p",), "Pa")
    assert records.stations == ("XX.ONE.00.HDH", "XX.ONE.00.HDO")
    exact = pulse(GRID.times)[None, :, None] * [2.0, -3.0]
    np.testing.assert_allclose(records.data[0], exact, rtol=0, atol=3e-5 * 3)
    assert not records.directions.any()


def test_pressure_by_sac(tmp_path):
    """Names, signs and samples of pressure come back from SAC files, which do not keep the unit: "p" asks for it."""
    stream, stations = hydrophones()
    records = on_grid(stream, stations, EVENT, GRID, FRAME)
    for trace in to_stream(records, GRID.dt):
        trace.write(str(tmp_path / f"{trace.id}.sac"), format="SAC")
    again = on_grid(str(tmp_path / "*.sac"), None, None, GRID, FRAME, components="p")
    assert again.stations == records.stations
    np.testing.assert_allclose(again.data, records.data, rtol=0, atol=1e-6)


def test_pressure_is_no_motion(stream):
    with pytest.raises(ValueError, match="`components` = 'ZNE' does not fit records in Pa"):
        on_grid(*hydrophones(), EVENT, GRID, FRAME, components="ZNE")
    with pytest.raises(ValueError, match="`components` = 'p' does not fit records in m/s"):
        on_grid(stream, INVENTORY, EVENT, GRID, FRAME, components="p")


def test_text_is_left_out(stream):
    """A log needs no position and no origin: it is named, and nothing else changes."""
    log = make_trace("XX.ONE..LOG", np.frombuffer(b"Extended response", "|S1"), 1.0)
    with pytest.warns(UserWarning, match=r"XX\.ONE\.\.LOG: text, no samples; left out"):
        records = on_grid(stream + log, INVENTORY, EVENT, GRID, FRAME)
    assert records.stations == tuple(STATIONS)


def with_gap(stream):
    late = stream[0].copy()
    stream[0].trim(endtime=stream[0].stats.starttime + 3)
    stream.append(late.trim(late.stats.starttime + 4))


def with_overlap(stream):
    stream.append(stream[0].copy())


def with_nan(stream):
    stream[0].data[7] = np.nan


def with_death(stream):
    stream[0].data[:] = 3.0


def with_other_unit(stream):
    stream[1].stats.unit = "m"


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (with_gap, {}, r"XX\.ONE\.\.HHZ has a gap from .* to .*, within"),
        (with_overlap, {}, r"XX\.ONE\.\.HHZ: a piece until .* overlap"),
        (with_nan, {}, r"XX\.ONE\.\.HHZ: 1 of 1200 samples are NaN"),
        (with_death, {}, r"XX\.ONE\.\.HHZ is dead"),
        (with_other_unit, {}, r"differ in their units: XX\.\S+ in m/s, XX\.ONE\.\.HHN in m"),
        (None, {"start": 9.0}, r"XX\.ONE\.\.HHZ is recorded from .*; .* was asked for"),
        (None, {"start": -90.0, "missing": "dead"}, "no station records vz, vy, vx of any event"),
        (lambda s: s.pop(1), {}, r"XX\.ONE\.\.HH does not record vy; there is XX\.ONE\.\.HHZ, XX\.ONE\.\.HHE"),
        (None, {"components": "XYZ"}, "`components` = 'XYZ' must be"),
        (None, {"missing": "ignore"}, "`missing` = 'ignore' must be"),
    ],
)
def test_faults(stream, change, options, message):
    if change:
        change(stream)
    with pytest.raises(ValueError, match=message):
        on_grid(stream, INVENTORY, EVENT, GRID, FRAME, **options)


def test_faults_of_geometry(stream):
    with pytest.raises(ValueError, match=r'`frame.axes` = "zx" does not fit `grid.shape` = \(12, 9, 10\)'):
        on_grid(stream, INVENTORY, EVENT, GRID, Frame(11.62, 48.11, axes="zx"))
    with pytest.raises(ValueError, match=r"station XX\.ONE\.\.HH lies at \(-1520, .* off the grid, which covers z from -1000 to"):
        on_grid(stream, INVENTORY, EVENT, GRID, Frame(11.62, 48.11, elevation=-1000.0))
    with pytest.raises(ValueError, match=r"the event of 2020-02-29T23:59:50\.123400Z lies at \(90600, "):
        on_grid(stream, INVENTORY, make_event(depth=90e3), GRID, FRAME)
    with pytest.raises(ValueError, match=r"XX\.ONE\.\.HHZ is not in `stations`"):
        on_grid(stream, make_inventory({"XX.THREE..HHZ": {}}), EVENT, GRID, FRAME)
    with pytest.raises(ValueError, match="has no origin"):
        on_grid(stream, INVENTORY, make_event(origin=False), GRID, FRAME)
