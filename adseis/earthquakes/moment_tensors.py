"""Moment tensors of catalogues: QuakeML, CMTSOLUTION (SPECFEM) and NDK (Global CMT) on the axes of a grid."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.earthquakes.hypocentres import Hypocentre, origin_of, preferred_origin
from adseis.earthquakes.seismic_files import read_events
from adseis.experiment.mechanisms import scalar_moment

COMPONENTS = ("m_rr", "m_tt", "m_pp", "m_rt", "m_rp", "m_tp")
"""Of a tensor in a catalogue, as ObsPy calls them."""


class CentroidMomentTensor(NamedTuple):
    """A moment tensor as catalogues have it, in SI units.

    Attributes:
        moment: M on the axes (r, theta, phi), which point up, south and east [N m]; `Frame.moment_tensor` turns it onto a grid.
        centroid: When and where the moment was released on average, which `on_grid` takes as an event. The hypocentre, where the
            rupture began, is `adseis.earthquakes.hypocentres.read_hypocentres`'.
        half_duration: Of the moment-rate function, which is symmetric about the centroid time [s]; None where it is not told.
        scalar_moment: M0 as the catalogue has it, norm(M) / sqrt(2) where it has none [N m].
        name: Of the event.
    """

    moment: Float[np.ndarray, "3 3"]
    centroid: Hypocentre
    half_duration: float | None
    scalar_moment: float
    name: str


def read_moment_tensors(events: Any) -> list[CentroidMomentTensor]:
    """Moment tensors of the events of a catalogue.

    Of every event the preferred mechanism counts, or else the first that has a tensor; its centroid is the origin that the tensor
    was derived with, or else one that calls itself a centroid, or else the preferred one.

    Args:
        events: A path (QuakeML, CMTSOLUTION, NDK), or an `obspy.Catalog` or event.

    Returns:
        One for each event, in the order of the catalogue.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or of no known format, an event has no whole tensor or no origin, or its tensor and
            scalar moment contradict each other; the message names the event.
        ImportError: If ObsPy is not installed.

    Example:
        >>> event = read_moment_tensors("CMTSOLUTION")[0]  # doctest: +SKIP
        >>> frame = Frame(event.centroid.longitude, event.centroid.latitude, azimuth=30.0)  # doctest: +SKIP
        >>> moment = frame.moment_tensor(event.moment)[None, None]  # (shot, source, axis, axis)  # doctest: +SKIP

    References:
        Dziewonski, A. M., Chou, T.-A. & Woodhouse, J. H. (1981), J. Geophys. Res. 86, 2825-2852, doi:10.1029/JB086iB04p02825
        Ekström, G., Nettles, M. & Dziewoński, A. M. (2012), PEPI 200-201, 1-9, doi:10.1016/j.pepi.2012.04.002
    """
    return [_of_event(event, events) for event in read_events(events)]


def _of_event(event: Any, events: Any) -> CentroidMomentTensor:
    name = str(event.resource_id)
    mechanisms = [event.preferred_focal_mechanism(), *event.focal_mechanisms]
    tensors = [m.moment_tensor for m in mechanisms if m is not None and m.moment_tensor is not None]
    found = next((tensor for tensor in tensors if tensor.tensor is not None), None)
    if found is None:
        raise ValueError(f"event {name} has no moment tensor. Add one, or remove the event from the catalogue.")
    missing = [component for component in COMPONENTS if getattr(found.tensor, component) is None]
    if missing:
        raise ValueError(f"the moment tensor of event {name} lacks {', '.join(missing)}. Complete it.")
    rr, tt, pp, rt, rp, tp = (float(getattr(found.tensor, component)) for component in COMPONENTS)
    moment = np.array([[rr, rt, rp], [rt, tt, tp], [rp, tp, pp]])
    size = float(scalar_moment(moment))
    stated = found.scalar_moment
    if not 0 < size < np.inf:
        raise ValueError(f"the moment tensor of event {name} is of size {size:g} N m. Correct it, or remove the event.")
    if stated and not 0.5 < stated / size < 2:
        raise ValueError(
            f"event {name}: its moment tensor is of {size:.3g} N m, its scalar moment is {stated:.3g} N m. One of them may be in "
            "dyne cm (1e-7 N m): correct it."
        )
    function = found.source_time_function
    duration = None if function is None else function.duration
    return CentroidMomentTensor(
        moment=moment,
        centroid=origin_of(event, _centroid(event, found), events),
        half_duration=None if duration is None else 0.5 * float(duration),
        scalar_moment=float(stated or size),
        name=_called(event, name),
    )


def _centroid(event: Any, tensor: Any) -> Any:
    """The origin that belongs to a tensor."""
    derived = [origin for origin in event.origins if tensor.derived_origin_id and origin.resource_id == tensor.derived_origin_id]
    centroids = [origin for origin in event.origins if origin.origin_type == "centroid"]
    return next(iter(derived + centroids), None) or preferred_origin(event)


def _called(event: Any, name: str) -> str:
    """What the catalogue calls an event: CMTSOLUTION and NDK have a name, QuakeML may have one."""
    called = [d.text for d in event.event_descriptions if d.type == "earthquake name" and d.text]
    return called[0] if called else name
