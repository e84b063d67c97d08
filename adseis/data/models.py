"""Media from files: MATLAB, HDF5, NumPy, SEG-Y and raw binary, with explicit axes and units.

Every reader ends in the same place: an array with axes (z, x) or (z, y, x), z down, in SI units, checked to be finite and
positive, so that nothing further on asks where a model came from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Array, Float

from adseis.data.arrays import StoredArray, opened_h5, read_mat, read_npy, require_file, write_arrays
from adseis.data.segy import read_traces

TO_SI: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "m/s": ("m/s", lambda v: v),
    "km/s": ("m/s", lambda v: 1e3 * v),
    "s2/km2": ("m/s", lambda m: 1e3 / np.sqrt(m)),
    "s2/m2": ("m/s", lambda m: 1 / np.sqrt(m)),
    "kg/m3": ("kg/m3", lambda rho: rho),
    "g/cm3": ("kg/m3", lambda rho: 1e3 * rho),
}
"""Unit of a file -> SI unit and conversion."""

JUDI_NAMES = {"vp": "m", "vp0": "m0", "m": "m", "m0": "m0"}
"""Our name -> JUDI's: `m` is the true and `m0` the initial slowness squared."""


@dataclass(frozen=True)
class Model:
    """One parameter of a medium, sampled on a grid.

    Attributes:
        values: Axes (z, x) or (z, y, x), in `unit`.
        spacing: Distance between nodes along each axis of `values` [m].
        name: Parameter, such as "vp".
        unit: "m/s" or "kg/m3".
        source_file: Where it was read.
    """

    values: Float[np.ndarray, "*grid"]
    spacing: tuple[float, ...]
    name: str
    unit: str
    source_file: Path


@dataclass(frozen=True)
class _Found:
    """What a format's reader found, before axes, units and values are checked."""

    values: np.ndarray
    axes: str | None = None
    spacing: Sequence[float] | None = None
    unit: str | None = None


def read_model(
    path: str | Path,
    *,
    name: str = "vp",
    axes: str | None = None,
    spacing: float | tuple[float, ...] | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: str = "float32",
    unit: str | None = None,
) -> Model:
    """One parameter of a medium from a `.mat`, `.h5`, `.npy`, `.segy`, `.sgy` or `.bin` file.

    Args:
        path: MATLAB v5 as ADSeismic writes it (axes "xz"), HDF5 as `write_model` or JUDI write it, NumPy, a section in SEG-Y
            (a trace for every x), or raw little-endian float32.
        name: Variable or dataset to read. In a JUDI file "vp" is `m` and "vp0" is `m0`.
        axes: Order of the axes in the file: "zx", "xz", "zyx", ... Raw files need it; the default of `.npy` is "zx" or "zyx".
        spacing: Distance between nodes in the order z, x or z, y, x [m], or one number; needed by `.npy`, `.segy` and `.bin`, and
            where given it overrides the file's.
        shape: Shape in the file's own order; raw files only, which need it.
        dtype: Precision of the returned values.
        unit: Unit of the numbers in a file that does not name it: m/s (kg/m3 for "rho"), km/s, s2/km2, s2/m2 or g/cm3.

    Returns:
        Model with axes (z, x) or (z, y, x), spacing [m] in that order and values in m/s or kg/m3.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, lacks `name`, or its shape, axes, spacing, unit or values cannot be right.

    Example:
        >>> np.save("vp.npy", np.full((11, 21), 2000.0))  # (z, x)
        >>> model = ads.read_model("vp.npy", spacing=10.0)
        >>> model.values.shape, model.spacing, model.unit
        ((11, 21), (10.0, 10.0), 'm/s')
    """
    path = Path(path)
    if path.suffix not in READERS:
        raise ValueError(f"`{path}`: no model format {path.suffix or 'without extension'!r}; use one of {', '.join(READERS)}.")
    if shape is not None and path.suffix != ".bin":
        raise ValueError(f"`shape` = {shape} is for raw .bin files; `{path}` knows its own shape. Leave it out.")
    require_file(path, "model file")
    found = READERS[path.suffix](path, name, shape)
    values = found.values
    if values.ndim not in (2, 3):
        raise ValueError(f"`{path}`: `{name}` has shape {values.shape}; a model has two or three axes.")
    ours = "zx" if values.ndim == 2 else "zyx"
    axes = axes or found.axes or (ours if path.suffix == ".npy" else None)
    if axes is None or sorted(axes) != sorted(ours):
        raise ValueError(f"`{path}`: `axes` = {axes!r} does not name the axes of {values.shape}; give an order of {ours!r}.")
    unit = found.unit or unit or ("kg/m3" if name == "rho" else "m/s")
    if unit not in TO_SI:
        raise ValueError(f"`{path}`: unknown `unit` = {unit!r}; use one of {', '.join(TO_SI)}.")
    _check_values(values, name, path)
    si, convert = TO_SI[unit]
    values = convert(values.transpose([axes.index(axis) for axis in ours]).astype("float64"))
    return Model(
        np.ascontiguousarray(values, dtype),
        _spacing(found.spacing if spacing is None else spacing, ours, path),
        {"m": "vp", "m0": "vp0"}.get(name, name),
        si,
        path,
    )


def write_model(
    path: str | Path,
    values: Float[Array | np.ndarray, "*grid"],
    *,
    spacing: float | tuple[float, ...],
    name: str = "vp",
    unit: str = "m/s",
) -> None:
    """Write one parameter of a medium as HDF5, whole or not at all; `read_model` reads it back.

    Args:
        path: File to write, `.h5`.
        values: Axes (z, x) or (z, y, x), in `unit`.
        spacing: Distance between nodes along each axis, or one number [m].
        name: Name of the dataset.
        unit: Unit of `values`, such as "m/s" or "kg/m3".

    Raises:
        ValueError: If `values` is no model, or `spacing` does not fit it.
    """
    values = np.asarray(values)
    if values.ndim not in (2, 3):
        raise ValueError(f"`values` has shape {values.shape}; a model has two or three axes.")
    if unit not in TO_SI:
        raise ValueError(f"unknown `unit` = {unit!r}; use one of {', '.join(TO_SI)}.")
    axes = "zx" if values.ndim == 2 else "zyx"
    _check_values(values, name, Path(path))
    write_arrays(path, {name: StoredArray(values, unit, " ".join(axes), _spacing(spacing, axes, Path(path)))})


def names_in(path: str | Path) -> tuple[str, ...]:
    """Names of the arrays that a file holds.

    Args:
        path: A `.mat` or `.h5` file; the other formats hold one array without a name.

    Returns:
        The names, sorted; none for other formats.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged.
    """
    path = Path(path)
    require_file(path, "model file")
    if path.suffix == ".mat":
        return tuple(sorted(read_mat(path)))
    if path.suffix != ".h5":
        return ()
    with opened_h5(path) as file:
        return tuple(sorted(file.keys()))


def _read_mat(path: Path, name: str, shape: tuple[int, ...] | None) -> _Found:
    stored = read_mat(path)
    values = np.asarray(_pick(stored, name, path))
    steps = [key for key in ("dy", "dx") if key in stored] if values.ndim == 2 else []
    return _Found(values, "xz", tuple(float(stored[key].item()) for key in steps) or None)


def _read_h5(path: Path, name: str, shape: tuple[int, ...] | None) -> _Found:
    with opened_h5(path) as file:
        judi = {"d", "n"} <= file.keys()
        key = JUDI_NAMES.get(name, name) if judi and name not in file else name
        data = _pick(file, key, path)
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"`{path}`: `{key}` is a group; name an array in it, such as `{key}/{next(iter(data), 'vp')}`.")
        if judi:  # Julia's order reversed: the array is (z, x), `d` is (dx, dz)
            return _Found(data[()], "zyx" if data.ndim == 3 else "zx", _pick(file, "d", path)[()].tolist()[::-1], "s2/km2")
        axes, unit, spacing = (data.attrs.get(key) for key in ("axes", "units", "spacing"))
        return _Found(
            data[()],
            None if axes is None else str(axes).replace(" ", ""),
            None if spacing is None else tuple(np.ravel(spacing).tolist()),
            None if unit is None else str(unit),
        )


def _read_npy(path: Path, name: str, shape: tuple[int, ...] | None) -> _Found:
    return _Found(read_npy(path))


def _read_bin(path: Path, name: str, shape: tuple[int, ...] | None) -> _Found:
    if shape is None:
        raise ValueError(f"`{path}` is raw: give its `shape`, `axes` and `spacing`.")
    size, expected = path.stat().st_size, 4 * int(np.prod(shape))
    if size != expected:
        raise ValueError(f"`{path}` holds {size} bytes; `shape` = {shape} in float32 needs {expected}. Correct `shape`.")
    return _Found(np.fromfile(path, "<f4").reshape(shape))


def _read_segy(path: Path, name: str, shape: tuple[int, ...] | None) -> _Found:
    return _Found(read_traces(path), "xz")  # the unit of the "time" axis of a depth section is a matter of habit: ask for spacing


READERS = {".mat": _read_mat, ".h5": _read_h5, ".npy": _read_npy, ".bin": _read_bin, ".segy": _read_segy, ".sgy": _read_segy}


def _pick(stored: Any, name: str, path: Path) -> Any:
    if name not in stored:
        names = ", ".join(sorted(stored))
        raise ValueError(f"`{path}` holds no `{name}`; it holds {names}. Choose one of them by `name`.")
    return stored[name]


def _check_values(values: np.ndarray, name: str, path: Path) -> None:
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ValueError(f"`{path}`: `{name}` is of type {values.dtype}; a model is made of real numbers.")
    if values.size == 0:
        raise ValueError(f"`{path}`: `{name}` is empty, of shape {values.shape}.")
    bad = int(values.size - np.isfinite(values).sum())
    if bad:
        raise ValueError(f"`{path}`: `{name}` has {bad} values that are NaN or infinite of {values.size}. Fill them first.")
    low = float(values.min())
    if low < 0 or (low == 0 and name != "vs"):  # a fluid has no shear speed
        raise ValueError(f"`{path}`: `{name}` goes down to {low:g}; it must be positive everywhere. Fill the gaps first.")


def _spacing(spacing: float | Sequence[float] | None, axes: str, path: Path) -> tuple[float, ...]:
    if spacing is None:
        raise ValueError(f"`{path}` does not say how far apart its nodes are: give `spacing` [m] in the order {', '.join(axes)}.")
    steps = np.ravel(np.asarray(spacing, "float64"))
    steps = np.repeat(steps, len(axes)) if steps.size == 1 else steps
    if steps.size != len(axes) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(f"`{path}`: `spacing` = {spacing} must be one positive number [m], or one for each of {axes!r}.")
    return tuple(steps.tolist())
