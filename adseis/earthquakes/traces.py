"""Traces as they come from files: what is a record of numbers, what belongs together, what overlaps."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

ROUNDING = 1e-5
"""Relative difference below which two sampling rates are one: headers keep six or seven digits."""


def without_text(stream: Any) -> Any:
    """A stream without the channels that hold text: logs of instruments, which some files keep beside the seismograms.

    Args:
        stream: An `obspy.Stream`, which is left as it is.

    Returns:
        A stream of the others, with a warning that names what was left out.

    Raises:
        ValueError: If nothing is left.
    """
    named = sorted({trace.id for trace in stream if _is_text(trace)})
    if not named:
        return stream
    listed = ", ".join(named[:6]) + (", ..." if len(named) > 6 else "")
    kept = [trace for trace in stream if not _is_text(trace)]
    if not kept:
        raise ValueError(f"`waveforms` holds nothing but text, in {listed}: these are logs. Give seismograms.")
    warnings.warn(f"{listed}: text, no samples; left out. Remove the channel from `waveforms` to silence this.", stacklevel=3)
    return type(stream)(kept)


def check_samples(trace: Any) -> None:
    """Raise unless the samples of a trace are there and are numbers.

    Args:
        trace: An `obspy.Trace`.

    Raises:
        ValueError: If it is empty, text, masked (a filled gap) or not finite, or has no sampling rate; the message names it.
    """
    if trace.stats.npts < 2:
        raise ValueError(f"{trace.id} has {trace.stats.npts} samples: it is no record. Remove it from the stream.")
    if np.asarray(trace.data).dtype.kind not in "iufb":
        raise ValueError(f"{trace.id} holds {np.asarray(trace.data).dtype}, not real numbers. Remove it from the stream.")
    if not 0 < trace.stats.sampling_rate < np.inf:
        raise ValueError(f"{trace.id} has a sampling rate of {trace.stats.sampling_rate} Hz. Correct it, or remove the trace.")
    if np.ma.is_masked(trace.data):
        masked = np.ma.count_masked(trace.data)
        raise ValueError(f"{trace.id} has gaps: {masked} samples are masked. Split it by `stream.split()`.")
    finite = np.isfinite(np.asarray(trace.data, "float64"))
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(
            f"{trace.id}: {int((~finite).sum())} of {finite.size} samples are NaN or infinite, the first at "
            f"{trace.stats.starttime + first * trace.stats.delta}. Repair or remove the trace."
        )


def joined(stream: Any) -> Any:
    """A stream in which pieces of a channel that continue each other are one.

    Sampling rates (and `calib`) of its pieces may differ by the rounding of headers: the longest piece's is taken for all.

    Args:
        stream: An `obspy.Stream` of one type of numbers, whose headers may be changed.

    Returns:
        The stream.

    Raises:
        ValueError: If the pieces of a channel are not sampled alike, or differ in `calib`; the message names it.
    """
    pieces: dict[str, list[Any]] = {}
    for trace in stream:
        pieces.setdefault(trace.id, []).append(trace)
    for traces in pieces.values():
        longest = max(traces, key=lambda trace: trace.stats.npts)
        for trace in traces:
            _require_alike(trace, longest)
            trace.stats.sampling_rate, trace.stats.calib = longest.stats.sampling_rate, longest.stats.calib
    try:
        return stream.merge(-1)
    except Exception as error:  # of many kinds, and without the name of the trace
        raise ValueError(f"pieces of {', '.join(pieces)} cannot be joined ({error}). Give one piece of each channel.") from error


def check_overlaps(stream: Iterable[Any]) -> None:
    """Raise if a trace is recorded twice at a time.

    Args:
        stream: An `obspy.Stream`.

    Raises:
        ValueError: If pieces of one channel overlap; the message names it.
    """
    pieces = sorted(stream, key=lambda trace: (trace.id, trace.stats.starttime))
    for one, two in zip(pieces, pieces[1:], strict=False):
        if one.id == two.id and two.stats.starttime <= one.stats.endtime:
            raise ValueError(
                f"{one.id}: a piece until {one.stats.endtime} and another from {two.stats.starttime} on overlap. Remove one, or "
                "cut them."
            )


def _is_text(trace: Any) -> bool:
    return np.asarray(trace.data).dtype.kind in "SU"


def _require_alike(trace: Any, other: Any) -> None:
    for name, title, unit in (("sampling_rate", "sampling rate", " Hz"), ("calib", "`calib`", "")):
        one, two = float(trace.stats[name]), float(other.stats[name])
        if abs(one - two) > ROUNDING * max(abs(one), abs(two)):
            raise ValueError(
                f"{trace.id}: its piece from {trace.stats.starttime} on has a {title} of {one:.9g}{unit}, that from "
                f"{other.stats.starttime} on {two:.9g}{unit}. Read them one by one, bring them to one, or remove a piece."
            )
