"""Where and when earthquakes were, from a catalogue or from the headers of SAC files."""

import os
import warnings
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
        ValueError: If an origin is missing, incomplete or deeper than any earthquake; the message names the event or trace.
            A depth that is small for the magnitude gives a warning: it may have been meant in km.
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
    return [origin_of(event, preferred_origin(event), events) for event in read_events(events)]


def origin_of(event: Any, origin: Any, events: Any = None) -> Hypocentre:
    """An origin of an event, checked.

    A depth that is less than a tenth of the radius of an earthquake of that magnitude, and would be a possible one in km, gives a
    warning: QuakeML counts in metres, and some that write it do not. The radius is that of a circular crack, (7 M0 / 16 s)^(1/3),
    for a stress drop s of 3 MPa: 57 km for a magnitude of 8, 0.6 km for one of 4.

    Args:
        event: An `obspy.core.event.Event`.
        origin: One of its origins, or None.
        events: Where the event is from, for messages: a path counts.

    Returns:
        The hypocentre.

    Raises:
        ValueError: If the origin is missing, incomplete, not on Earth or deeper than any earthquake.

    References:
        Eshelby, J. D. (1957), Proc. R. Soc. Lond. A 241, 376-396, doi:10.1098/rspa.1957.0133
    """
    name = f"event {event.resource_id}" + (f" of `{events}`" if isinstance(events, str | os.PathLike) else "")
    if origin is None:
        raise ValueError(f"{name} has no origin. Add one, or remove the event from the catalogue.")
    missing = [field for field in ("time", "longitude", "latitude", "depth") if getattr(origin, field) is None]
    if missing:
        raise ValueError(f"the origin of {name} lacks {', '.join(missing)}. Complete it.")
    check_place(origin.longitude, origin.latitude, f"event {event.resource_id}")
    depth = float(origin.depth)
    if not -1e4 < depth < 1e3 * DEEPEST:
        raise ValueError(f"{name} lies {depth:g} m deep; events lie from -10 to {DEEPEST:g} km. Correct `origin.depth` [m].")
    magnitude = _magnitude(event)
    if magnitude is not None and 0 < depth < min(DEEPEST, 0.1 * _radius(magnitude)):
        warnings.warn(
            f"{name} of magnitude {magnitude:.1f} lies only {depth:g} m deep: were these km? QuakeML counts in metres; multiply "
            "`origin.depth` by 1000 if so.",
            stacklevel=3,
        )
    return Hypocentre(origin.time, float(origin.longitude), float(origin.latitude), depth)


def preferred_origin(event: Any) -> Any:
    """The origin that a catalogue prefers, or else the first.

    Args:
        event: An `obspy.core.event.Event`.

    Returns:
        An `obspy.core.event.Origin`, or None where there is none.
    """
    return event.preferred_origin() or (event.origins[0] if event.origins else None)


def _magnitude(event: Any) -> float | None:
    """The preferred magnitude, or else the largest."""
    preferred = event.preferred_magnitude()
    known = [m.mag for m in ([preferred] if preferred else event.magnitudes) if m.mag is not None]
    return max(known, default=None)


def _radius(magnitude: float) -> float:
    """Of a circular crack with a stress drop of 3 MPa [m]."""
    return (7 / 16 * 10 ** (1.5 * magnitude + 9.1) / 3e6) ** (1 / 3)


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
