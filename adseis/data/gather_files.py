"""Gathers in and out of files: HDF5, NumPy, MATLAB, SEG-Y, Seismic Unix.

Our own files (`.h5`, `.npz`, `.mat`) hold the same arrays: the data under the name of their field, `dt`, `start`,
`source_positions`, `receiver_positions`, `live`, `records`. Files of others may lack all but the data; the caller gives the rest.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from numpy.typing import ArrayLike

from adseis.data.arrays import StoredArray, opened_h5, read_mat, read_npy, read_npz, require_file, write_arrays
from adseis.data.gathers import Gathers
from adseis.data.segy import read_segy, read_su, write_segy, write_su
from adseis.files import written_whole

OURS = ("shot", "time", "receiver")
BESIDE = ("dt", "start", "window", "source_positions", "receiver_positions", "live", "records", "unit")
"""Names of what is stored beside the data."""


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
) -> Gathers:
    """Gathers from an `.h5`, `.npz`, `.npy`, `.mat`, `.segy`, `.sgy` or `.su` file.

    What is given overrides what the file says. For more to say about SEG-Y and SU there are `adseis.data.segy.read_segy` and
    `read_su`.

    Args:
        path: The file.
        name: Name of the data in the file; by default the only array that is none of geometry and clock.
        axes: Order of the axes in the file, such as "time receiver shot", or "time receiver" of a single shot; by default
            "shot time receiver".
        dt: Sampling interval [s].
        source_positions: `(shot, source, axis)` [m].
        receiver_positions: `(shot, receiver, axis)` or `(receiver, axis)` [m].
        unit: Unit of the data; by default "Pa".
        dtype: Precision of the data.

    Returns:
        The gathers, not looked at for dead traces and NaN yet: see `Gathers.check`.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a SEG-Y or SU file is read without segyio.
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
                f"`{path}`: `name` and `axes` mean nothing in a file of traces. Use `read_segy` or `read_su` for options."
            )
        read = TRACES[suffix][0](path, dt=dt, dtype=dtype)
        found: dict[str, Any] = {key: getattr(read, key) for key in BESIDE} | {read.field: read.data}
    else:
        found = READERS[suffix](path)
    field = name or _only_name(path, found)
    if field not in found:
        raise ValueError(f"`{path}` holds no `{field}`; it holds {', '.join(sorted(found))}. Choose one of them by `name`.")
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
        label = str(np.asarray(known.pop("unit", "Pa")).item())
        data = _ordered(np.asarray(found[field]), axes).astype(dtype)
        return Gathers(data, **scalars, **known, window=window, field=field, unit=label)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{path}`: {error}") from error


def write_gathers(path: str | Path, gathers: Gathers) -> None:
    """Write gathers, whole or not at all; `read_gathers` reads them back.

    Args:
        path: File to write: `.h5` (with checksums), `.npz`, `.mat`, `.segy`, `.sgy`, `.su`; `.npy` takes the bare data.
        gathers: What to write.

    Raises:
        ImportError: If a SEG-Y or SU file is written without segyio.
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
        return write_arrays(path, _arrays(gathers))
    if suffix == ".npy" and not (gathers.live.all() and gathers.start == 0 and gathers.window is None):
        raise ValueError(f"`{path}` would lose which traces are live and when they start. Use .npz or .h5.")
    stored = {name: array.values for name, array in _arrays(gathers).items()} | {"unit": np.array(gathers.unit)}
    with written_whole(path) as temporary:
        if suffix == ".npy":
            np.save(temporary, gathers.data)
        elif suffix == ".npz":
            np.savez(temporary, **stored)  # pyright: ignore[reportArgumentType]
        else:
            scipy.io.savemat(temporary, stored, do_compression=True)  # with a checksum: SciPy may crash on damaged bare arrays
    return None


def _arrays(gathers: Gathers) -> dict[str, StoredArray]:
    """What our files hold."""
    receivers = gathers.receiver_positions
    window = {} if gathers.window is None else {"window": StoredArray(np.array(gathers.window), "s", "end")}
    return window | {
        gathers.field: StoredArray(gathers.data, gathers.unit, " ".join(OURS)),
        "dt": StoredArray(np.array(gathers.dt), "s", ""),
        "start": StoredArray(np.array(gathers.start), "s", ""),
        "source_positions": StoredArray(gathers.source_positions, "m", "shot source axis"),
        "receiver_positions": StoredArray(receivers, "m", "receiver axis" if receivers.ndim == 2 else "shot receiver axis"),
        "live": StoredArray(gathers.live.astype("uint8"), "1", "shot receiver"),
        "records": StoredArray(gathers.records, "1", "shot"),
    }


def _read_h5(path: Path) -> dict[str, Any]:
    with opened_h5(path) as file:
        data = {key: item for key, item in file.items() if isinstance(item, h5py.Dataset)}
        units = [str(item.attrs["units"]) for key, item in data.items() if key not in BESIDE and "units" in item.attrs]
        return {key: item[()] for key, item in data.items()} | {"unit": units[0] if len(set(units)) == 1 else None}


def _read_mat(path: Path) -> dict[str, Any]:
    stored = read_mat(path)
    if {"start", "source_positions"} <= stored.keys() and "unit" not in stored:  # which we write last
        raise ValueError(f"`{path}` is truncated: its last array is missing. Fetch it again.")
    return stored


def _only_name(path: Path, found: dict[str, Any]) -> str:
    names = sorted(key for key in found if key not in BESIDE)
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


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".h5": _read_h5,
    ".npz": read_npz,
    ".npy": lambda path: {"p": read_npy(path)},
    ".mat": _read_mat,
}
TRACES = {".segy": (read_segy, write_segy), ".sgy": (read_segy, write_segy), ".su": (read_su, write_su)}
