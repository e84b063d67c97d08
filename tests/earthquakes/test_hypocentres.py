"""Where and when events were: QuakeML, SAC headers, and what may be missing."""

import warnings

import pytest
from events import START, make_event, make_trace

from adseis.earthquakes.hypocentres import Hypocentre, read_hypocentres

obspy = pytest.importorskip("obspy")


def test_catalogue(tmp_path):
    """QuakeML keeps numbers as they are; the preferred origin counts, the first where none is preferred."""
    one, two = make_event(depth=3000.0), make_event(depth=7000.0)
    two.origins.append(make_event(depth=8000.0).origins[0])
    two.preferred_origin_id = two.origins[1].resource_id
    obspy.Catalog([one, two]).write(str(tmp_path / "events.xml"), format="QUAKEML")
    found = read_hypocentres(tmp_path / "events.xml", None)
    assert [shock.depth for shock in found] == [3000.0, 8000.0]
    assert found[0] == Hypocentre(obspy.UTCDateTime(START), 11.65, 48.12, 3000.0)


def event_of(magnitude, depth):
    event = make_event(depth=depth)
    event.magnitudes = [obspy.core.event.Magnitude(mag=magnitude), obspy.core.event.Magnitude(mag=1.0)]
    return event


@pytest.mark.parametrize(("magnitude", "depth"), [(9.1, 29.0), (8.0, 700.0), (6.0, 35.0), (5.0, 10.0), (4.0, 10.0)])
def test_depth_in_kilometres(magnitude, depth):
    """29 m for a great earthquake were meant as km: the warning names event, magnitude and depth; the value is left."""
    with pytest.warns(UserWarning, match=rf"event smi:\S+ of magnitude {magnitude} lies only {depth:g} m deep: were these km"):
        (found,) = read_hypocentres(event_of(magnitude, depth), None)
    assert found.depth == depth


@pytest.mark.parametrize(
    ("magnitude", "depth"), [(9.1, 29000.0), (9.1, 900.0), (9.1, 0.0), (5.0, 500.0), (3.0, 100.0), (1.5, 29.0), (6.0, -800.0)]
)
def test_depth_that_is_possible(magnitude, depth):
    """Depths beyond any in km, at the surface or above it, of bombs, of mines: nothing is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = read_hypocentres(event_of(magnitude, depth), None)
    assert found.depth == depth


def header(**changes):
    trace = make_trace("XX.STA..EHZ", [0.0, 1.0])
    trace.stats.sac = {"evla": 48.0, "evlo": 11.0, "evdp": 5.0, "o": -2.5, "b": 0.5} | changes
    return trace


def test_sac_headers():
    """Depth in km below the event's elevation; `b` and `o` count from one reference. What agrees to rounding is one event."""
    first, same, later = header(), header(evla=48.000001), header(o=30.0, evel=200.0)
    found = read_hypocentres(None, obspy.Stream([later, first, same]))
    start = first.stats.starttime
    assert found == [Hypocentre(start - 3.0, 11.0, 48.0, 5000.0), Hypocentre(start + 29.5, 11.0, 48.0, 4800.0)]


def test_given():
    """A hypocentre passes through, its time made ObsPy's."""
    shock = Hypocentre("2020-01-01T00:00:00", 11.0, 48.0, 1e3)
    assert (
        read_hypocentres(shock, None) == read_hypocentres([shock], None) == [shock._replace(time=obspy.UTCDateTime(2020, 1, 1))]
    )


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (make_event(origin=False), r"event smi:\S+ has no origin"),
        (make_event(depth=None), r"origin of event smi:\S+ lacks depth"),
        (make_event(time=None, latitude=None), r"lacks time, latitude"),
        (make_event(depth=29e6), r"event smi:\S+ lies 2.9e\+07 m deep; events lie from -10 to 800 km"),
        (make_event(latitude=95.0), r"event smi:\S+ lies at longitude 11.65, latitude 95"),
    ],
)
def test_faults(event, message):
    with pytest.raises(ValueError, match=message):
        read_hypocentres(obspy.Catalog([event]), None)


def test_header_faults():
    with pytest.raises(ValueError, match=r"XX\.STA\.\.EHZ: without `events` the SAC header must have evla, evlo, evdp, o"):
        read_hypocentres(None, obspy.Stream([make_trace("XX.STA..EHZ", [0.0, 1.0])]))
    with pytest.raises(ValueError, match=r"XX\.STA\.\.EHZ: the SAC header `evdp` = 5000 is a depth in km"):
        read_hypocentres(None, obspy.Stream([header(evdp=5000.0)]))
