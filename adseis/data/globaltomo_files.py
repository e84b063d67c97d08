"""HDF5 files of rows: examined before they are read, and read by handles that each process has of its own."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from adseis.data.arrays import opened_h5
from adseis.data.globaltomo_layout import HARMONICS, ORDER, Layout, elements_in, tiers_of, told
from adseis.data.globaltomo_packing import COMPONENT_FAST, check_order

OPEN = 128
"""Files that are held open at a time: each keeps a file descriptor, of which systems allow 1024 by default."""


class RowFile(NamedTuple):
    """A file that was examined.

    Attributes:
        path: It.
        layout: What it holds.
        key: Under which name.
        samples: How many rows it has.
        row: Shape of a row, as it is stored.
        elements: How many elements; 0 where there are none.
        order: Which runs fast in a series of displacements, number or component.
    """

    path: Path
    layout: Layout
    key: str
    samples: int
    row: tuple[int, ...]
    elements: int
    order: str = COMPONENT_FAST


def examine(path: Path, layout: Layout) -> RowFile:
    """Look at the keys, shapes and types of a file; no sample is read.

    Args:
        path: The file.
        layout: What it should hold.

    Returns:
        What it holds.

    Raises:
        ValueError: If it is damaged, lacks a key, or holds arrays of other shapes or types.
    """
    with opened_h5(path) as file:
        key = next((key for key in layout.keys if key in file), layout.key)
        array = _array(path, file, key)
        found = [(elements_in(array.shape[1:], shape), shape) for shape in layout.shapes]
        elements = next((count for count, _ in found if count is not None), None)
        samples = array.shape[0] if array.shape else 0
        if layout.harmonics is not None:
            _refuse_others(path, _array(path, file, HARMONICS), samples, key, layout)
        if elements is None or samples == 0 or (None in layout.shape and elements == 0):
            wanted = " or ".join(told(shape) for shape in layout.shapes)
            raise ValueError(f"`{path}`: `{key}` has shape {array.shape}, where {wanted} is wanted. Is it of another tier?")
        for beside in layout.beside:
            if beside.key not in file and not beside.needed:
                continue
            shape = _array(path, file, beside.key).shape
            sized = tuple(elements if size is None else size for size in beside.shape)
            if shape not in (sized, (samples, *sized)):
                raise ValueError(
                    f"`{path}`: `{beside.key}` has shape {shape}, where {sized} or {(samples, *sized)} is wanted beside `{key}` "
                    f"{array.shape}. Fetch or make the file again."
                )
        order = str(array.attrs.get(ORDER, COMPONENT_FAST))
        try:
            check_order(order)
        except ValueError as error:
            raise ValueError(f"`{path}`: attribute of `{key}`: {error}") from error
        if array.shape[1:-1] != layout.sized(elements)[:-1]:  # an axis of components of its own, which comes last
            order = COMPONENT_FAST
        return RowFile(path, layout, key, samples, array.shape[1:], elements, order)


def _array(path: Path, file: h5py.File, key: str) -> h5py.Dataset:
    """An array of floating-point numbers."""
    if key not in file:
        there = ", ".join(file) or "nothing"
        raise ValueError(f"`{path}` lacks `{key}`; it holds {there}. Fetch it again, or see whether it is another file.")
    array = file[key]
    if not isinstance(array, h5py.Dataset) or array.dtype.kind != "f":
        kind = array.dtype if isinstance(array, h5py.Dataset) else "a group"
        raise ValueError(f"`{path}`: `{key}` is {kind}, where an array of floating-point numbers is wanted. Fetch it again.")
    return array


def _refuse_others(path: Path, harmonics: h5py.Dataset, samples: int, key: str, layout: Layout) -> None:
    """Refuse structures of another tier, or of another number of samples."""
    if harmonics.ndim != 2 or harmonics.shape[1:] != layout.harmonics:
        others = tiers_of(harmonics.shape[-1]) if harmonics.ndim == 2 else []
        hint = f' Open it with tier="{others[0]}".' if others else " Is it of another tier?"
        wanted = told(layout.harmonics or ())
        raise ValueError(f"`{path}`: `{HARMONICS}` has shape {harmonics.shape}, where {wanted} is wanted.{hint}")
    if harmonics.shape[0] != samples:
        raise ValueError(
            f"`{path}`: `{HARMONICS}` is of {harmonics.shape[0]} samples, `{key}` of {samples}. Fetch or make the file again."
        )


class Handles:
    """Reads rows of HDF5 files, each opened when it is first read; may be shared by threads, forked, and sent to processes.

    A process never uses a handle of another: HDF5's are not safe there. One row is read at a time, as HDF5 would have it anyway.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._files: OrderedDict[Path, h5py.File] = OrderedDict()
        self._lock = threading.Lock()

    def copy(self, path: Path, key: str, row: int | None, out: np.ndarray) -> None:
        """Copy a row, cast to the type of `out`.

        Args:
            path: The file.
            key: Of the array.
            row: Its number; None for the whole array.
            out: Where it goes, contiguous and of the row's shape.

        Raises:
            ValueError: If it cannot be read.
        """
        try:
            with self._own_lock():
                self._dataset(path, key).read_direct(out, () if row is None else np.s_[row])
        except (OSError, RuntimeError, KeyError, TypeError) as error:
            raise _unreadable(path, key, row, error) from error

    def shape(self, path: Path, key: str) -> tuple[int, ...] | None:
        """The shape of an array.

        Args:
            path: The file.
            key: Of the array.

        Returns:
            It; None if there is no such array.

        Raises:
            ValueError: If it cannot be read.
        """
        try:
            with self._own_lock():
                return self._dataset(path, key).shape if key in self._open(path) else None
        except (OSError, RuntimeError, KeyError) as error:
            raise _unreadable(path, key, None, error) from error

    def attributes(self, path: Path, key: str | None) -> Mapping[str, Any]:
        """Attributes of a file, or of an array in it.

        Args:
            path: The file.
            key: Of the array; None for the file's own.

        Returns:
            Name -> value.

        Raises:
            ValueError: If they cannot be read.
        """
        try:
            with self._own_lock():
                file = self._open(path)
                return dict(file.attrs if key is None else self._dataset(path, key).attrs)
        except (OSError, RuntimeError, KeyError) as error:
            raise _unreadable(path, key or "attributes", None, error) from error

    def _own_lock(self) -> threading.Lock:
        if self._process != os.getpid():  # forked: what the parent has open, and who held its lock, is none of our business
            self._begin()
        return self._lock

    def _open(self, path: Path) -> h5py.File:
        if path in self._files:
            self._files.move_to_end(path)
            return self._files[path]
        self._files[path] = h5py.File(path, "r")
        if len(self._files) > OPEN:
            self._files.popitem(last=False)[1].close()
        return self._files[path]

    def _dataset(self, path: Path, key: str) -> h5py.Dataset:
        found = self._open(path)[key]
        if not isinstance(found, h5py.Dataset):
            raise KeyError("it is no array any more")
        return found

    def __getstate__(self) -> dict[str, object]:
        return {}

    def __setstate__(self, state: dict[str, object]) -> None:
        self._begin()


def _unreadable(path: Path, key: str, row: int | None, error: Exception) -> ValueError:
    where = f"`{key}`" if row is None else f"row {row} of `{key}`"
    reason = " ".join(str(error).split())
    return ValueError(f"`{path}`: {where} cannot be read, the file is damaged or has changed ({reason}). Fetch it again.")
