"""Files of `adseis invert --data`: gathers on one section at known depths, and the source time function.

What is found out or assumed on the way is a line, which the run prints and the report repeats.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from adseis.cli.flags import changed, flag_of, in_flags
from adseis.cli.invert_velocity import VelocityOptions
from adseis.cli.option_groups import DataOptions
from adseis.data.arrays import read_npy, require_file
from adseis.data.gather_files import READERS, TRACES, read_gathers, read_time_function
from adseis.data.gathers import Gathers
from adseis.data.joined_gathers import join_gathers
from adseis.data.trace_options import HeaderOptions

PLACES = {"sources": "source_positions", "receivers": "receiver_positions"}


@dataclass(frozen=True)
class RecordedOptions(DataOptions, VelocityOptions):
    """What is special to recorded data is added."""

    headers: HeaderOptions = field(default_factory=HeaderOptions)


def read_files(config: RecordedOptions) -> tuple[Gathers, list[str]]:
    """All files as one, on a section.

    Args:
        config: The options.

    Returns:
        The gathers, in the order of the files, and what is to be told of them.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file cannot be read or given depths, or does not fit the others.
    """
    given = _given(config)
    parts = [_read(config, path, given) for path in config.data]
    if config.depth is not None and not any(_without_depths(part) for part in parts):
        raise ValueError(
            f"`depth` = {config.depth} m is for data without depths; `{config.data[0]}` has sources at "
            f"{span(parts[0].source_positions[..., 0])} m and receivers at {span(parts[0].receiver_positions[..., 0])} m. "
            "Leave it out."
        )
    notes, first = [], 0
    for number, (path, part) in enumerate(zip(config.data, parts, strict=True)):
        told = f"{part.nt} samples of {1e3 * part.dt:.6g} ms from {part.start:.6g} s on"
        if len(parts) > 1:
            last = first + len(part.data) - 1
            records = _numbers("record", int(part.records[0]), int(part.records[-1]))
            told = f"{_numbers('shot', first, last)} ({records}), {told}"
            first = last + 1
        parts[number], put = _at_depth(config, path, part)
        notes += [f"{path}: {told}", *put]
    try:
        gathers = join_gathers(parts, names=[str(path) for path in config.data])
    except ValueError as error:
        raise ValueError(in_flags(str(error), _header_flags(*config.data))) from error
    if gathers.source_positions.shape[-1] == 3:
        gathers, away = gathers.projected()
        notes.append(f"projected onto a straight line, {away:.1f} m away at most")
    return gathers, notes


def read_wavelet(config: RecordedOptions, gathers: Gathers) -> np.ndarray | None:
    """The source time function of the file, sampled as the records.

    Args:
        config: The options.
        gathers: The records, as the files hold them.

    Returns:
        The samples; None where no file is given.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not hold as many samples as the records, all finite and some not zero.
    """
    path = config.wavelet
    if path is None:
        return None
    require_file(path, "wavelet")
    if path.suffix.lower() == ".npy":
        samples = np.asarray(read_npy(path))
    elif path.suffix.lower() in (".h5", ".npz", ".mat"):
        samples = np.asarray(read_time_function(path))
    else:
        try:
            samples = np.loadtxt(path, ndmin=1)
        except ValueError as error:
            raise ValueError(f"`wavelet` = {path} must be a text of one number a line ({error}).") from error
    samples = samples.squeeze()
    if samples.ndim != 1 or samples.dtype.kind not in "iuf" or len(samples) != gathers.nt:
        raise ValueError(
            f"`wavelet` = {path} has the shape {samples.shape}; the records have {gathers.nt} samples of "
            f"{1e3 * gathers.dt:.6g} ms. Give one as long and sampled alike; zeros may follow it."
        )
    if not (np.isfinite(samples).all() and samples.any()):
        raise ValueError(f"`wavelet` = {path} is zero or not finite. Repair the file.")
    return samples.astype("float64")


def span(values: np.ndarray) -> str:
    """From the least to the greatest.

    Args:
        values: Any.

    Returns:
        Such as "20 to 260".
    """
    return f"{float(values.min()):.6g} to {float(values.max()):.6g}"


def _numbers(name: str, first: int, last: int) -> str:
    return f"{name} {first}" if first == last else f"{name}s {first} to {last}"


def _given(config: RecordedOptions) -> dict[str, dict[str, Any]]:
    """What the options say in place of the files: "headers" of those that have some, and "geometry"."""
    resolved = [path.resolve() for path in config.data]
    twice = [str(path) for number, path in enumerate(config.data) if resolved[number] in resolved[:number]]
    if twice:
        raise ValueError(f"`data` names {twice[0]} twice, whose shots would count twice. Name it once.")
    standard = HeaderOptions()
    headers = {key: value for key, value in vars(config.headers).items() if value != getattr(standard, key)}
    if headers and not any(path.suffix.lower() in TRACES for path in config.data):
        asked = changed(config, RecordedOptions(), ["headers"])
        raise ValueError(f"{asked[0]} is of SEG-Y and SU files; `{config.data[0]}` is none. Leave it out.")
    if config.geometry is None:
        return {"headers": headers, "geometry": {}}
    require_file(config.geometry, "file of geometry")
    if len(config.data) > 1:
        raise ValueError(
            f"`geometry` = {config.geometry} is that of one file, and `data` names {len(config.data)}. Leave it out, and give "
            "files that hold their own, such as `write_gathers` writes."
        )
    return {"headers": headers, "geometry": _geometry(config.geometry)}


def _read(config: RecordedOptions, path: Path, given: dict[str, dict[str, Any]]) -> Gathers:
    """A file, with what the options say of it."""
    headers = given["headers"] if path.suffix.lower() in TRACES else {}
    try:
        gathers = read_gathers(path, **headers | given["geometry"])
    except ValueError as error:
        repair = " By `geometry`, a file of them." if "does not tell" in str(error) and config.geometry is None else ""
        raise ValueError(f"{in_flags(str(error), _header_flags(path))}{repair}") from error
    if config.physics == "elastic" and not gathers.field.startswith("v"):
        raise ValueError(f"`data` = {path} holds `{gathers.field}`; a solid's velocity is compared. Use --physics acoustic.")
    return gathers


def _header_flags(*paths: Path) -> dict[str, str]:
    """Flags of the options of headers, for complaints about files that have headers."""
    told = any(path.suffix.lower() in TRACES for path in paths)
    return {name: flag_of(f"headers.{name}") for name in vars(HeaderOptions())} if told else {}


def _geometry(path: Path) -> dict[str, Any]:
    if path.suffix.lower() not in READERS or path.suffix.lower() == ".npy":
        raise ValueError(f"`geometry` = {path} must be an .h5, .npz or .mat file.")
    found = READERS[path.suffix.lower()](path)[0]
    wanted = ("dt", "source_positions", "receiver_positions")
    given = {name: np.asarray(found[name]) for name in wanted if name in found}
    if not given:
        raise ValueError(f"`geometry` = {path} holds none of {', '.join(wanted)}; it holds {', '.join(sorted(found))}.")
    return given | ({"dt": float(given["dt"].item())} if "dt" in given else {})


def _without_depths(gathers: Gathers) -> list[str]:
    """Which of sources and receivers have no depth."""
    return [name for name, positions in PLACES.items() if not getattr(gathers, positions)[..., 0].any()]


def _at_depth(config: RecordedOptions, path: Path, gathers: Gathers) -> tuple[Gathers, list[str]]:
    """The gathers of a file, what has no depth in it put at the one that is given."""
    missing = _without_depths(gathers)
    named = " and ".join(missing) + (f" of {path}" if len(config.data) > 1 else "")
    if not missing or (config.depth is None and not config.free_surface):
        return gathers, []
    if config.depth is None:
        raise ValueError(f"the {named} lie on the free surface, where pressure is zero. Give their `depth` [m].")
    flat = {PLACES[name]: getattr(gathers, PLACES[name]) for name in missing}
    deep = {
        name: np.concatenate([np.full_like(places[..., :1], config.depth), places[..., 1:]], -1) for name, places in flat.items()
    }
    return dataclasses.replace(gathers, **deep), [f"{named} put at {config.depth:g} m"]
