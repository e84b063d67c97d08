"""Seismograms, stations and events from files: SAC, miniSEED, StationXML, QuakeML, and whatever else ObsPy reads.

ObsPy is an optional dependency, imported when it is first needed. What is already an ObsPy object passes through unchanged.
"""

import glob
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adseis.earthquakes.miniseed import check_records


def obspy_module() -> Any:
    """ObsPy itself.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import obspy  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("Seismograms and stations are read by ObsPy. Install it: pip install 'adseis[seismo]'.") from error
    return obspy


def read_waveforms(waveforms: Any) -> Any:
    """Seismograms from one file or several.

    Args:
        waveforms: A path or pattern (`"data/*.mseed"`), a sequence of them, or an `obspy.Stream` or `obspy.Trace`.

    Returns:
        An `obspy.Stream` with a trace or more.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is truncated, damaged, empty or of no format that ObsPy knows.
        ImportError: If ObsPy is not installed.

    References:
        Beyreuther, M. et al. (2010), Seismol. Res. Lett. 81, 530-533, doi:10.1785/gssrl.81.3.530
    """
    obspy = obspy_module()
    if isinstance(waveforms, obspy.Trace):
        return obspy.Stream([waveforms])
    if isinstance(waveforms, obspy.Stream):
        stream = waveforms
    else:
        paths = waveforms if isinstance(waveforms, Sequence) and not isinstance(waveforms, str) else [waveforms]
        stream = obspy.Stream()
        for path in paths:
            for file in _matching(path):
                found = _read(file, obspy.read, "seismograms")
                if any(trace.stats.get("_format") == "MSEED" for trace in found):
                    check_records(file)
                stream += found
    if not stream:
        raise ValueError(f"`waveforms` = {waveforms!r} holds no trace: give a stream or files with one or more.")
    return stream


def read_stations(stations: Any) -> Any:
    """Stations, their positions, orientations and responses from a file.

    Args:
        stations: A path (StationXML, dataless SEED, RESP, ...) or an `obspy.Inventory`.

    Returns:
        An `obspy.Inventory`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated, damaged or of no format that ObsPy knows.
        ImportError: If ObsPy is not installed.
    """
    obspy = obspy_module()
    return stations if isinstance(stations, obspy.Inventory) else _read(stations, obspy.read_inventory, "stations")


def read_events(events: Any) -> Any:
    """Events from a file.

    Args:
        events: A path (QuakeML and others), or an `obspy.Catalog` or event.

    Returns:
        An `obspy.Catalog` with one event or more.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated, damaged, empty or of no format that ObsPy knows.
        ImportError: If ObsPy is not installed.
    """
    obspy = obspy_module()
    if isinstance(events, obspy.core.event.Event):
        return obspy.Catalog([events])
    catalog = events if isinstance(events, obspy.Catalog) else _read(events, obspy.read_events, "events")
    if not len(catalog):
        raise ValueError(f"`events` = {events!r} holds no event: give a catalogue with one or more.")
    return catalog


def _matching(path: Any) -> list[Any]:
    """The files that a pattern stands for; what is none, or matches nothing, is left to the reader's own error."""
    if not isinstance(path, str | os.PathLike) or Path(path).is_file():
        return [path]
    return sorted(file for file in glob.glob(str(path)) if Path(file).is_file()) or [path]


def _read(path: Any, reader: Callable[..., Any], content: str) -> Any:
    """What a reader of ObsPy finds in a file; anything it stumbles over is an error that names the file."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{content} are given as a path or as ObsPy's own objects, not as {type(path).__name__}.")
    pattern = any(c in str(path) for c in "*?[")
    if not pattern and not Path(path).is_file():
        raise FileNotFoundError(f"no file of {content} at `{path}`; check the path.")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*([Uu]nexpected end of file|[Cc]orrupt data|Could not determine origin time)")
        try:
            return reader(str(path))
        except FileNotFoundError:
            raise
        except Exception as error:  # a damaged file raises almost anything
            if pattern and "No file matching" in str(error):
                raise FileNotFoundError(f"no file of {content} matches `{path}`; check the pattern.") from error
            raise ValueError(f"`{path}` is damaged, truncated or no file of {content} ({error}). Fetch it again.") from error
