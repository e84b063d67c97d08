"""Files that ObsPy reads: round trips, and one clear error for every fault."""

import sys

import pytest

from adseis.earthquakes.seismic_files import obspy_module, read_events, read_stations, read_waveforms

obspy = pytest.importorskip("obspy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """ObsPy's examples in each format."""
    folder = tmp_path_factory.mktemp("files")
    stream = obspy.read()
    for trace in stream:
        del trace.stats.response
        trace.write(str(folder / f"{trace.stats.channel}.sac"), format="SAC")
    stream.write(str(folder / "all.mseed"), format="MSEED")
    obspy.read_inventory().write(str(folder / "stations.xml"), format="STATIONXML")
    event = obspy.core.event.Event(origins=[obspy.core.event.Origin(time=obspy.UTCDateTime(0), latitude=1, longitude=2, depth=3)])
    obspy.Catalog([event]).write(str(folder / "events.xml"), format="QUAKEML")
    return folder


def test_what_is_read(folder):
    """Patterns, lists and objects give the same traces; stations and events come whole."""
    for given in (folder / "all.mseed", str(folder / "*.sac"), [folder / f"EH{c}.sac" for c in "ZNE"], obspy.read()):
        stream = read_waveforms(given)
        assert sorted(trace.id for trace in stream) == ["BW.RJOB..EHE", "BW.RJOB..EHN", "BW.RJOB..EHZ"]
        assert all(trace.stats.npts == 3000 for trace in stream)
    assert len(read_waveforms(obspy.read()[0])) == 1
    assert read_stations(folder / "stations.xml") == read_stations(obspy.read_inventory(str(folder / "stations.xml")))
    assert read_events(folder / "events.xml")[0].origins[0].depth == 3
    assert len(read_events(read_events(folder / "events.xml")[0])) == 1


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, 0.95, -1])
@pytest.mark.parametrize(
    ("name", "reader"),
    [("all.mseed", read_waveforms), ("EHZ.sac", read_waveforms), ("stations.xml", read_stations), ("events.xml", read_events)],
)
def test_truncated(folder, tmp_path, name, reader, keep):
    """Wherever a file is cut (but for miniSEED between two records, and for XML in its last newline) it is an error naming it."""
    content = (folder / name).read_bytes().rstrip(b"\n")
    length = int(keep * len(content)) if isinstance(keep, float) else keep
    length += 100 if name == "all.mseed" and isinstance(keep, float) else 0
    (tmp_path / name).write_bytes(content[:length])
    with pytest.raises(ValueError, match=f"{name}`.* (is damaged|is truncated)"):
        reader(tmp_path / name)


def test_faults(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of seismograms at .*absent.sac"):
        read_waveforms(tmp_path / "absent.sac")
    with pytest.raises(FileNotFoundError, match="no file of seismograms matches"):
        read_waveforms(tmp_path / "*.sac")
    with pytest.raises(FileNotFoundError, match="no file of stations at"):
        read_stations(tmp_path / "absent.xml")
    with pytest.raises(TypeError, match="events are given as a path or as ObsPy's own objects, not as int"):
        read_events(5)
    with pytest.raises(ValueError, match="holds no trace"):
        read_waveforms(obspy.Stream())
    with pytest.raises(ValueError, match="holds no event"):
        read_events(obspy.Catalog())


def test_without_obspy(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "obspy", None)
    with pytest.raises(ImportError, match=r"pip install 'adseis\[seismo\]'"):
        obspy_module()
