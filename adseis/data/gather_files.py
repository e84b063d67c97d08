"""Gathers in and out of files: HDF5, NumPy, MATLAB, SEG-Y, Seismic Unix.

Our own files (`.h5`, `.npz`, `.mat`) hold the same arrays: the data under the name of their field, `dt`, `start`,
`source_positions`, `receiver_positions`, `live`, `records`, and beside them what else belongs there, such as a `time_function` or
models. Files of others may lack all but the data; the caller gives the rest.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy
from numpy.typing import ArrayLike

from adseis.data.arrays import StoredArray, opened_h5, read_mat, read_npy, read_npz, require_file, write_arrays
from adseis.data.gathers import Gathers
from adseis.data.segy import read_segy, read_su, write_segy, write_su
from adseis.files import written_whole

OURS = ("shot", "time", "receiver")
BESIDE = ("dt", "start", "window", "source_positions", "receiver_positions", "live", "records", "unit")
"""Names of what is stored beside the data."""
TIME_FUNCTION = "time_function"
MOTION = ("vz", "vy", "vx")
LABELS = ("axes", "units", "field")

_Read = tuple[dict[str, Any], dict[str, dict[str, str]]]  # arrays by name, and what attributes say of them


def read_gathers(
    path: str | Path,
    *,
    name: str | None = None,
    axes: str | None = None,
    dt: float | None = None,
    source_positions: ArrayLike | None = None,
    receiver_positions: ArrayLike | None = None,
    unit: str | None = None,
    dtype: str = "float32",
    **options: Any,
) -> Gathers:
    """Gathers from an `.h5`, `.npz`, `.npy`, `.mat`, `.segy`, `.sgy` or `.su` file.

    What is given overrides what the file says.

    Args:
        path: The file.
        name: Name of the data in the file; by default the only array that is none of geometry and clock, and in HDF5 has no
            attribute `axes` of something else, such as "z x".
        axes: Order of the axes in the file, such as "time receiver shot", or "time receiver" of a single shot; by default
            as an attribute `axes` says, else "shot time receiver".
        dt: Sampling interval [s].
        source_positions: `(shot, source, axis)` [m].
        receiver_positions: `(shot, receiver, axis)` or `(receiver, axis)` [m].
        unit: Unit of the data; by default as the file says, else m/s of a velocity and Pa of anything else.
        dtype: Precision of the data.
        options: Of SEG-Y and SU, fields of `adseis.data.trace_options.HeaderOptions`: `endian`, `field`, `geometry`, ...

    Returns:
        The gathers, not looked at for dead traces and NaN yet: see `Gathers.check`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the suffix or `name` is unknown, the file is truncated or damaged, `dt` or positions are missing, or shapes
            disagree.

    Example:
        >>> np.save("line.npy", np.zeros((2, 500, 20)))  # (shot, time, receiver)
        >>> shots, spread = [[[20.0, 50.0]], [[20.0, 150.0]]], np.stack([np.full(20, 10.0), 10.0 * np.arange(20)], -1)
        >>> gathers = ads.read_gathers("line.npy", dt=1e-3, source_positions=shots, receiver_positions=spread)
        >>> gathers.data.shape, float(gathers.times[-1])
        ((2, 500, 20), 0.499)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (*READERS, *TRACES):
        known = ", ".join((*READERS, *TRACES))
        raise ValueError(f"`{path}`: no format of gathers {path.suffix or 'without extension'!r}; use one of {known}.")
    require_file(path, "file of gathers")
    if suffix in TRACES:
        if name is not None or axes is not None:
            raise ValueError(
                f"`{path}`: `name` and `axes` mean nothing in a file of traces. `field` chooses a component, and `read_segy` has "
                "`axes` of positions."
            )
        if source_positions is not None and receiver_positions is not None and options.get("shots_by") != "source":
            options = {"geometry": "none"} | options
        read = TRACES[suffix][0](path, dt=dt, unit=unit, dtype=dtype, **options)
        found: dict[str, Any] = {key: getattr(read, key) for key in BESIDE} | {read.field: read.data}
        field = read.field
    else:
        if options:
            raise ValueError(
                f"`{path}`: {', '.join(f'`{key}`' for key in options)} of SEG-Y and SU mean nothing here. Leave them out."
            )
        found, labels = READERS[suffix](path)
        name = name or _only_name(path, found)
        if name not in found:
            raise ValueError(f"`{path}` holds no `{name}`; it holds {', '.join(sorted(found))}. Choose one of them by `name`.")
        label = labels.get(name, {})
        field, axes = label.get("field", name), axes or label.get("axes")
        found = {"unit": label.get("units")} | found | {field: found[name]}
    given = {"dt": dt, "source_positions": source_positions, "receiver_positions": receiver_positions, "unit": unit}
    known = {key: found[key] for key in BESIDE if found.get(key) is not None}
    known |= {key: value for key, value in given.items() if value is not None}
    missing = [key for key in ("dt", "source_positions", "receiver_positions") if key not in known]
    if missing:
        raise ValueError(f"`{path}` does not tell {', '.join(f'`{key}`' for key in missing)}: give what is missing.")
    try:
        scalars = {key: float(np.asarray(known.pop(key)).item()) for key in ("dt", "start") if key in known}
        window = tuple(np.ravel(known.pop("window")).tolist()) if "window" in known else None
        known |= {"records": np.ravel(known["records"])} if "records" in known else {}
        unit = str(np.asarray(known.pop("unit", "m/s" if field in MOTION else "Pa")).item())
        data = _ordered(np.asarray(found[field]), axes).astype(dtype)
        return Gathers(data, **scalars, **known, window=window, field=field, unit=unit)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{path}`: {error}") from error


def write_gathers(path: str | Path, gathers: Gathers) -> None:
    """Write gathers, whole or not at all; `read_gathers` reads them back.

    Args:
        path: File to write: `.h5` (with checksums), `.npz`, `.mat`, `.segy`, `.sgy`, `.su`; `.npy` takes the bare data.
        gathers: What to write.

    Raises:
        ValueError: If the suffix is unknown, or the gathers do not fit the format.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in TRACES:
        return TRACES[suffix][1](path, gathers)
    if suffix not in READERS:
        known = ", ".join((*READERS, *TRACES))
        raise ValueError(f"`{path}`: no format of gathers {path.suffix or 'without extension'!r}; use one of {known}.")
    if suffix == ".h5":
        return write_arrays(path, stored_gathers(gathers))
    if suffix == ".npy" and not (gathers.live.all() and gathers.start == 0 and gathers.window is None):
        raise ValueError(f"`{path}` would lose which traces are live and when they start. Use .npz or .h5.")
    stored = {name: array.values for name, array in stored_gathers(gathers).items()} | {"unit": np.array(gathers.unit)}
    with written_whole(path) as temporary, temporary.open("wb") as file:  # NumPy adds a suffix to names in capitals
        if suffix == ".npy":
            np.save(file, gathers.data)
        elif suffix == ".npz":
            np.savez(file, **stored)  # pyright: ignore[reportArgumentType]
        else:  # compressed, and so with a checksum: SciPy may crash on damaged bare arrays
            scipy.io.savemat(file, stored, do_compression=True)  # pyright: ignore[reportArgumentType]
    return None


def read_time_function(path: str | Path) -> np.ndarray:
    """The time function of the sources that is stored beside gathers.

    Args:
        path: An `.h5`, `.npz` or `.mat` file.

    Returns:
        `(shot, source, time)` or `(time,)`, as `Gathers.survey` takes it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, of another format, or holds none.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise ValueError(
            f"`{path}`: no time function in {suffix or 'a file without extension'}; use one of {', '.join(READERS)}."
        )
    require_file(path, "file of gathers")
    found = READERS[suffix](path)[0]
    if TIME_FUNCTION not in found:
        raise ValueError(f"`{path}` holds no `{TIME_FUNCTION}`; it holds {', '.join(sorted(found))}.")
    values = np.asarray(found[TIME_FUNCTION])
    return values.ravel() if 1 in values.shape and values.ndim == 2 else values  # MATLAB knows no arrays of one axis


def stored_gathers(
    gathers: Gathers, *, name: str | None = None, time_function: ArrayLike | None = None, time_function_unit: str = "1"
) -> dict[str, StoredArray]:
    """The arrays of a file that `read_gathers` reads, for `write_arrays` of more than gathers.

    Args:
        gathers: What is to be stored.
        name: Of the data in the file; by default that of their field.
        time_function: Of the sources, `(shot, source, time)` or `(time,)`, on the clock of `gathers`; `read_time_function`
            reads it.
        time_function_unit: Its unit.

    Returns:
        Name -> array. Others of other names may be added, if their axes are not "shot time receiver"; of several gathers the
        reader has to choose by `name`.
    """
    sources = {}
    if time_function is not None:
        values = np.asarray(time_function)
        axes = "time" if values.ndim == 1 else "shot source time"
        sources = {TIME_FUNCTION: StoredArray(values, time_function_unit, axes)}
    receivers = gathers.receiver_positions
    window = {} if gathers.window is None else {"window": StoredArray(np.array(gathers.window), "s", "end")}
    return (
        window
        | sources
        | {
            name or gathers.field: StoredArray(gathers.data, gathers.unit, " ".join(OURS), field=name and gathers.field),
            "dt": StoredArray(np.array(gathers.dt), "s", ""),
            "start": StoredArray(np.array(gathers.start), "s", ""),
            "source_positions": StoredArray(gathers.source_positions, "m", "shot source axis"),
            "receiver_positions": StoredArray(receivers, "m", "receiver axis" if receivers.ndim == 2 else "shot receiver axis"),
            "live": StoredArray(gathers.live.astype("uint8"), "1", "shot receiver"),
            "records": StoredArray(gathers.records, "1", "shot"),
        }
    )


def _read_h5(path: Path) -> _Read:
    with opened_h5(path) as file:
        data = {key: item for key, item in file.items() if isinstance(item, h5py.Dataset)}
        labels = {key: {name: str(value) for name, value in item.attrs.items() if name in LABELS} for key, item in data.items()}
        ours = {key for key in data if key in (*BESIDE, TIME_FUNCTION) or _is_gather(labels[key].get("axes"))}
        return {key: data[key][()] for key in ours}, {key: labels[key] for key in ours if key not in BESIDE}


def _is_gather(axes: str | None) -> bool:
    """Whether an array's axes, where it tells them, are those of a gather."""
    return axes is None or sorted(axes.split()) in (sorted(OURS), sorted(OURS[1:]))


def _read_mat(path: Path) -> _Read:
    stored = read_mat(path)
    if {"start", "source_positions"} <= stored.keys() and "unit" not in stored:  # which we write last
        raise ValueError(f"`{path}` is truncated: its last array is missing. Fetch it again.")
    return stored, {}


def _only_name(path: Path, found: dict[str, Any]) -> str:
    names = sorted(key for key in found if key not in (*BESIDE, TIME_FUNCTION))
    if len(names) != 1:
        raise ValueError(f"`{path}` holds {', '.join(names) or 'no data'}; choose the data by `name`.")
    return names[0]


def _ordered(data: np.ndarray, axes: str | None) -> np.ndarray:
    """The data with axes (shot, time, receiver)."""
    order = tuple((axes or " ".join(OURS)).split())
    if sorted(order) not in (sorted(OURS), sorted(OURS[1:])) or len(order) != data.ndim:
        raise ValueError(
            f'`axes` = "{" ".join(order)}" does not name the axes of data {data.shape}; give an order of "shot time receiver", '
            'or of "time receiver" for a single shot.'
        )
    data = data if "shot" in order else data[None]
    order = order if "shot" in order else ("shot", *order)
    return np.ascontiguousarray(data.transpose([order.index(axis) for axis in OURS]))


READERS: dict[str, Callable[[Path], _Read]] = {
    ".h5": _read_h5,
    ".npz": lambda path: (read_npz(path), {}),
    ".npy": lambda path: ({"p": read_npy(path)}, {}),
    ".mat": _read_mat,
}
TRACES = {".segy": (read_segy, write_segy), ".sgy": (read_segy, write_segy), ".su": (read_su, write_su)}
