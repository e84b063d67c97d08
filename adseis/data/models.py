"""Media from files: MATLAB, HDF5, NumPy, SEG-Y and raw binary, with explicit axes and units.

Every reader ends in the same place: an array with axes (z, x) or (z, y, x), z down, in SI units, checked to be finite and
positive, so that nothing further on asks where a model came from.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Array, Float

from adseis.data.arrays import StoredArray, opened_h5, read_mat, read_npy, require_file, write_arrays
from adseis.data.segy import read_traces, write_traces
from adseis.files import written_whole

TO_SI: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "m/s": ("m/s", lambda v: v),
    "km/s": ("m/s", lambda v: 1e3 * v),
    "s2/km2": ("m/s", lambda m: 1e3 / np.sqrt(m)),
    "s2/m2": ("m/s", lambda m: 1 / np.sqrt(m)),
    "kg/m3": ("kg/m3", lambda rho: rho),
    "g/cm3": ("kg/m3", lambda rho: 1e3 * rho),
}
"""Unit of a file -> SI unit and conversion."""

SIZES = {name: (50.0, "km/s") for name in ("vp", "vp0", "vs", "vs0")} | {"rho": (50.0, "g/cm3")}
"""Parameter -> what its largest value should exceed in SI units, and the unit that is probable where it does not."""

SMALLEST, LARGEST = 1e-12, 1e9
"""Between these lies the largest value of any parameter, whatever its unit."""

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


@dataclass(frozen=True)
class _Raw:
    """What a file without a header does not say."""

    shape: tuple[int, ...] | None = None
    endian: str | None = None


def read_model(
    path: str | Path,
    *,
    name: str = "vp",
    axes: str | None = None,
    spacing: float | tuple[float, ...] | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: str = "float32",
    unit: str | None = None,
    endian: str | None = None,
) -> Model:
    """One parameter of a medium from a `.mat`, `.h5`, `.npy`, `.segy`, `.sgy` or `.bin` file.

    Args:
        path: MATLAB v5 as ADSeismic writes it (axes "xz"), HDF5 as `write_model` or JUDI write it, NumPy, a section in SEG-Y
            (a trace for every x), or raw float32; the case of the suffix is of no account.
        name: Variable or dataset to read. In a JUDI file "vp" is `m` and "vp0" is `m0`.
        axes: Order of the axes in the file: "zx", "xz", "zyx", ... Raw files need it; the default of `.npy` is "zx" or "zyx".
        spacing: Distance between nodes in the order z, x or z, y, x [m], or one number; needed by `.npy`, `.segy` and `.bin`, and
            where given it overrides the file's.
        shape: Shape in the file's own order; raw files only, which need it.
        dtype: Precision of the returned values.
        unit: Unit of the numbers in a file that does not name it: m/s (kg/m3 for "rho"), km/s, s2/km2, s2/m2 or g/cm3.
        endian: Byte order, "big" or "little", of `.bin` files (by default little) and SEG-Y (by default as the headers say).

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
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise ValueError(f"`{path}`: no model format {path.suffix or 'without extension'!r}; use one of {', '.join(READERS)}.")
    if shape is not None and suffix != ".bin":
        raise ValueError(f"`shape` = {shape} is for raw .bin files; `{path}` knows its own shape. Leave it out.")
    if endian not in (None, "big", "little") or (endian is not None and suffix not in ORDERED):
        raise ValueError(f'`{path}`: `endian` = {endian!r} must be "big" or "little", and is for {", ".join(ORDERED)} files.')
    require_file(path, "model file")
    found = READERS[suffix](path, name, _Raw(shape, endian))
    values = found.values
    if values.ndim not in (2, 3):
        raise ValueError(f"`{path}`: `{name}` has shape {values.shape}; a model has two or three axes.")
    ours = "zx" if values.ndim == 2 else "zyx"
    axes = axes or found.axes or (ours if suffix == ".npy" else None)
    if axes is None or sorted(axes) != sorted(ours):
        raise ValueError(f"`{path}`: `axes` = {axes!r} does not name the axes of {values.shape}; give an order of {ours!r}.")
    assumed = found.unit is None and unit is None
    unit = found.unit or unit or ("kg/m3" if name == "rho" else "m/s")
    if unit not in TO_SI:
        raise ValueError(f"`{path}`: unknown `unit` = {unit!r}; use one of {', '.join(TO_SI)}.")
    _check_values(values, name, path)
    _check_size(values, name, path, unit if assumed else None)
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
    endian: str = "little",
) -> None:
    """Write one parameter of a medium, whole or not at all; `read_model` reads it back.

    HDF5 holds all of it. The others hold numbers in SI units alone, so that `spacing` (and of `.bin` `shape` and `axes="zx"`)
    have to be given when they are read: `.npy` has the axes of `values`; `.bin` too, in float32, the last axis fastest; SEG-Y,
    which is for sections, a trace of IEEE floats for every x.

    Args:
        path: File to write: `.h5`, `.npy`, `.segy`, `.sgy` or `.bin`.
        values: Axes (z, x) or (z, y, x), in `unit`.
        spacing: Distance between nodes along each axis, or one number [m].
        name: Name of the dataset.
        unit: Unit of `values`, such as "m/s" or "kg/m3".
        endian: Byte order of a `.bin` file.

    Raises:
        ValueError: If `values` is no model, `spacing` does not fit it, or there is no such format.
    """
    path, values = Path(path), np.asarray(values)
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        known = ", ".join(WRITTEN)
        raise ValueError(
            f"`{path}`: models are not written as {path.suffix or 'a file without extension'!r}; use one of {known}."
        )
    if endian not in ("big", "little"):
        raise ValueError(f'`endian` = {endian!r} must be "big" or "little".')
    if values.ndim not in (2, 3):
        raise ValueError(f"`values` has shape {values.shape}; a model has two or three axes.")
    if unit not in TO_SI:
        raise ValueError(f"unknown `unit` = {unit!r}; use one of {', '.join(TO_SI)}.")
    axes = "zx" if values.ndim == 2 else "zyx"
    _check_values(values, name, path)
    steps = _spacing(spacing, axes, path)
    if suffix == ".h5":
        return write_arrays(path, {name: StoredArray(values, unit, " ".join(axes), steps)})
    si, convert = TO_SI[unit]
    values = convert(values.astype(np.result_type(values, "float32")))
    if suffix in (".segy", ".sgy"):
        if values.ndim == 3:
            raise ValueError(f"`{path}`: SEG-Y holds sections (z, x) here, not {values.shape}. Write .h5, .npy or .bin.")
        return write_traces(
            path, values.T, 1e3 * steps[0], told=f"{name.upper()} [{si}], {steps[0]:g} M DOWN, {steps[1]:g} M ALONG"
        )
    with written_whole(path) as temporary, temporary.open("wb") as file:  # NumPy adds a suffix to names in capitals
        if suffix == ".npy":
            np.save(file, values)
        else:
            np.ascontiguousarray(values, _ORDER[endian] + "f4").tofile(file)
    return None


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
    if path.suffix.lower() == ".mat":
        return tuple(sorted(read_mat(path)))
    if path.suffix.lower() != ".h5":
        return ()
    with opened_h5(path) as file:
        return tuple(sorted(file.keys()))


def _read_mat(path: Path, name: str, raw: _Raw) -> _Found:
    stored = read_mat(path)
    values = np.asarray(_pick(stored, name, path))
    steps = [key for key in ("dy", "dx") if key in stored] if values.ndim == 2 else []
    return _Found(values, "xz", tuple(float(stored[key].item()) for key in steps) or None)


def _read_h5(path: Path, name: str, raw: _Raw) -> _Found:
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


def _read_npy(path: Path, name: str, raw: _Raw) -> _Found:
    return _Found(read_npy(path))


def _read_bin(path: Path, name: str, raw: _Raw) -> _Found:
    shape = raw.shape
    if shape is None:
        raise ValueError(f"`{path}` is raw: give its `shape`, `axes` and `spacing`.")
    size, expected = path.stat().st_size, 4 * int(np.prod(shape))
    if size != expected:
        raise ValueError(f"`{path}` holds {size} bytes; `shape` = {shape} in float32 needs {expected}. Correct `shape`.")
    endian = raw.endian or "little"
    values = np.fromfile(path, _ORDER[endian] + "f4").reshape(shape)
    other = values.view(values.dtype.newbyteorder())
    if not _possible(values) and _possible(other):
        swapped = "big" if endian == "little" else "little"
        raise ValueError(
            f"`{path}` holds impossible numbers in {endian}-endian order; in the other they run from {other.min():.6g} to "
            f'{other.max():.6g}. Give `endian="{swapped}"`.'
        )
    return _Found(values)


def _possible(values: np.ndarray) -> bool:
    """Whether numbers may be a parameter's in some unit."""
    return bool(np.isfinite(values).all() and values.min() >= 0 and SMALLEST < values.max() < LARGEST)


def _read_segy(path: Path, name: str, raw: _Raw) -> _Found:
    return _Found(
        read_traces(path, endian=raw.endian), "xz"
    )  # the unit of the "time" axis of a depth section is a matter of habit: ask for spacing


ORDERED = (".bin", ".segy", ".sgy")
WRITTEN = (".h5", ".npy", ".segy", ".sgy", ".bin")
_ORDER = {"big": ">", "little": "<"}
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


def _check_size(values: np.ndarray, name: str, path: Path, assumed: str | None) -> None:
    """Refuse numbers that no unit explains, and doubt those of the unit that was assumed."""
    high = float(np.abs(values).max())
    if high and name in SIZES and not SMALLEST < high < LARGEST:
        raise ValueError(
            f"`{path}`: `{name}` goes up to {high:g}, which is possible in no unit. Give `endian`, or check `shape` and the file."
        )
    if assumed is not None and 0 < high < SIZES.get(name, (0.0, ""))[0]:
        warnings.warn(
            f"`{path}`: `{name}` goes up to {high:.6g} {assumed}, which is very little. In {SIZES[name][1]}? Give `unit`.",
            stacklevel=3,
        )


def _spacing(spacing: float | Sequence[float] | None, axes: str, path: Path) -> tuple[float, ...]:
    if spacing is None:
        wanted = f"give `spacing` [m], one number or those along {', '.join(axes)}"
        raise ValueError(f"`{path}` does not say how far apart its nodes are: {wanted}.")
    steps = np.ravel(np.asarray(spacing, "float64"))
    steps = np.repeat(steps, len(axes)) if steps.size == 1 else steps
    if steps.size != len(axes) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(f"`{path}`: `spacing` = {spacing} must be one positive number [m], or one for each of {axes!r}.")
    return tuple(steps.tolist())
