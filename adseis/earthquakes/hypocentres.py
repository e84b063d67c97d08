"""Where and when earthquakes were, from a catalogue or from the headers of SAC files."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from adseis.earthquakes.geography import check_place
from adseis.earthquakes.seismic_files import obspy_module, read_events

DEEPEST = 800.0
"""No earthquake is deeper [km]."""


class Hypocentre(NamedTuple):
    """An event.

    Attributes:
        time: Origin time, an `obspy.UTCDateTime`.
        longitude: Of the epicentre [degrees].
        latitude: Of the epicentre [degrees].
        depth: Below sea level [m].
    """

    time: Any
    longitude: float
    latitude: float
    depth: float


def read_hypocentres(events: Any, stream: Any) -> list[Hypocentre]:
    """The origins of events.

    Args:
        events: A `Hypocentre` or several, a path or an `obspy.Catalog` (of each event its preferred origin, or else the first);
            None for the SAC headers `evla`, `evlo`, `evdp` [km] and `o` of the stream, of which every other origin is an event.
        stream: An `obspy.Stream`.

    Returns:
        One for each event: in the order of the catalogue, or of time where they are from headers.

    Raises:
        ValueError: If an origin is missing or incomplete; the message names the event or trace.
    """
    if events is None:
        found = sorted((_of_header(trace) for trace in stream), key=lambda shock: shock.time)
        return [shock for k, shock in enumerate(found) if not k or not _same(shock, found[k - 1])]
    if isinstance(events, Hypocentre):
        events = [events]
    if isinstance(events, Sequence) and not isinstance(events, str) and all(isinstance(e, Hypocentre) for e in events):
        for shock in events:
            check_place(shock.longitude, shock.latitude, f"the event of {shock.time}")
        return [shock._replace(time=obspy_module().UTCDateTime(shock.time)) for shock in events]
    return [_of_event(event, events) for event in read_events(events)]


def _of_event(event: Any, events: Any) -> Hypocentre:
    origin = event.preferred_origin() or (event.origins[0] if event.origins else None)
    where = f" of `{events}`" if isinstance(events, str | os.PathLike) else ""
    if origin is None:
        raise ValueError(f"event {event.resource_id}{where} has no origin. Add one, or remove the event from the catalogue.")
    missing = [name for name in ("time", "longitude", "latitude", "depth") if getattr(origin, name) is None]
    if missing:
        raise ValueError(f"the origin of event {event.resource_id}{where} lacks {', '.join(missing)}. Complete it.")
    check_place(origin.longitude, origin.latitude, f"event {event.resource_id}")
    return Hypocentre(origin.time, float(origin.longitude), float(origin.latitude), float(origin.depth))


def _of_header(trace: Any) -> Hypocentre:
    header = trace.stats.get("sac", {})
    missing = [name for name in ("evla", "evlo", "evdp", "o") if name not in header]
    if missing:
        raise ValueError(f"{trace.id}: without `events` the SAC header must have {', '.join(missing)}. Set it, or give `events`.")
    depth = float(header["evdp"])
    if not -10 < depth < DEEPEST:
        raise ValueError(
            f"{trace.id}: the SAC header `evdp` = {depth:g} is a depth in km, at most {DEEPEST:g}. Correct its unit."
        )
    longitude, latitude = float(header["evlo"]), float(header["evla"])
    check_place(longitude, latitude, f"the event of {trace.id}")
    time = trace.stats.starttime - float(header.get("b", 0.0)) + float(header["o"])
    return Hypocentre(time, longitude, latitude, 1e3 * depth - float(header.get("evel", 0.0)))


def _same(one: Hypocentre, two: Hypocentre) -> bool:
    """Whether two headers mean one event: single precision, and clocks of a millisecond."""
    near = [abs(a - b) < 1e-4 * max(1.0, abs(a)) for a, b in zip(one[1:], two[1:], strict=True)]
    return abs(one.time - two.time) < 2e-3 and all(near)
