"""Named arrays with units in HDF5 files, and named arrays read from any file that holds some."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy
from jaxtyping import Array, Num

from adseis.data.catalogue import command_for
from adseis.files import written_whole


@dataclass(frozen=True)
class StoredArray:
    """An array as our HDF5 files hold it.

    Attributes:
        values: Any shape.
        unit: Unit, "1" for none.
        axes: One name per axis, separated by spaces: "z x", "shot time receiver".
        spacing: Sampling of every axis, in the axes' own units; None where it means nothing.
        field: What a gather recorded, "p", "vz", ..., where the array has another name.
    """

    values: Num[Array | np.ndarray, "..."]
    unit: str
    axes: str
    spacing: tuple[float, ...] | None = None
    field: str | None = None


def write_arrays(path: str | Path, arrays: Mapping[str, StoredArray]) -> None:
    """Write named arrays as HDF5 with checksums and the attributes `units`, `axes`, `spacing`, `field`, whole or not at all.

    Args:
        path: File to write, `.h5`.
        arrays: Name of the dataset -> array.

    Raises:
        ValueError: If the axes of an array are not as many as its dimensions.
    """
    for name, array in arrays.items():
        if len(array.axes.split()) != np.ndim(array.values):
            raise ValueError(f"`{name}` has shape {np.shape(array.values)}, which `axes` = {array.axes!r} does not name.")
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        for name, array in arrays.items():
            chunked = np.ndim(array.values) > 0 and np.size(array.values) > 0  # only chunks carry checksums
            data = file.create_dataset(name, data=array.values, fletcher32=chunked or None)
            data.attrs.update({"units": array.unit, "axes": array.axes})
            if array.spacing is not None:
                data.attrs["spacing"] = array.spacing
            if array.field is not None:
                data.attrs["field"] = array.field


def require_file(path: Path, what: str) -> None:
    """Refuse a path where there is no file.

    Args:
        path: Where it should be.
        what: What it should be: "model file", "file of gathers", ...

    Raises:
        FileNotFoundError: If there is no file.
    """
    if not path.is_file():
        command = command_for(path)
        raise FileNotFoundError(f"no {what} at `{path}`; check the path{f', or fetch it by `{command}`' if command else ''}.")


@contextmanager
def opened_h5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, read only; every way in which HDF5 finds it damaged becomes one clear error.

    Args:
        path: The file.

    Yields:
        The file.

    Raises:
        ValueError: If it is damaged, or none.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        raise damaged(path, "HDF5 file", error) from error


def read_mat(path: Path) -> dict[str, Any]:
    """All variables of a MATLAB v5 file.

    Args:
        path: The file.

    Returns:
        Name -> array.

    Raises:
        ValueError: If it is damaged, or none.
    """
    try:
        return {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
    except Exception as error:  # a damaged header raises almost anything
        raise damaged(path, "MATLAB v5 file", error) from error


def read_npy(path: Path) -> np.ndarray:
    """The array of an `.npy` file; objects are refused.

    Args:
        path: The file.

    Returns:
        The array.

    Raises:
        ValueError: If it is damaged, or none.
    """
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:  # likewise
        raise damaged(path, "plain .npy array", error, _npy_size(path)) from error


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` archive; objects are refused.

    Args:
        path: The file.

    Returns:
        Name -> array.

    Raises:
        ValueError: If it is damaged, or none.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except Exception as error:  # likewise
        raise damaged(path, ".npz archive", error) from error


def damaged(path: Path, what: str, error: Exception, expected: int | None = None) -> ValueError:
    """The error to raise of a file that cannot be read.

    Args:
        path: The file.
        what: What it should be.
        error: What its reader said.
        expected: Bytes that it should have, if they are known.

    Returns:
        The error, with sizes, reason and repair.
    """
    needs = "" if expected is None else f" where its header tells of {expected}"
    reason = " ".join(str(error).split())
    return ValueError(
        f"`{path}`, of {path.stat().st_size} bytes{needs}, is truncated, damaged or no {what} ({reason}). Fetch it again."
    )


def _npy_size(path: Path) -> int | None:
    """Bytes that a `.npy` file should have, if its header can still be read."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            return file.tell() + dtype.itemsize * int(np.prod(shape))
    except (ValueError, OSError, EOFError):
        return None
