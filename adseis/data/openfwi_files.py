"""Rows of .npy files that may be damaged, and may stand on a file system that fails at times. Nothing is ever unpickled."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

Result = TypeVar("Result")
OPEN = 256
"""Memory maps that are held at a time: each keeps a file descriptor, of which systems allow 1024 by default."""
PAUSE = 0.1
"""Before the second try [s]; twice as long before each further one."""


class DamagedFile(ValueError):
    """A file whose content cannot be what its name says."""


class ArrayFile(NamedTuple):
    """An array in a .npy file, as its header tells.

    Attributes:
        path: The file.
        shape: Of the whole array; its first axis counts rows.
        dtype: Type of the numbers.
        offset: Where they begin [bytes].
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self.shape[1:], dtype=int)) * self.dtype.itemsize


def retried(read: Callable[[], Result], path: Path, retries: int) -> Result:
    """What `read` returns, tried again after an OSError.

    Args:
        read: What may fail.
        path: The file it reads, for the error.
        retries: How many further tries there are.

    Returns:
        What `read` returned at last.

    Raises:
        OSError: If all tries fail.
    """
    for attempt in range(retries + 1):
        try:
            return read()
        except OSError as error:
            if attempt == retries:
                tries = f", {retries + 1} times" if retries else ""
                raise OSError(
                    error.errno, f"`{path}` cannot be read{tries} ({error.strerror or error}). See to its rights and its disk."
                ) from error
            time.sleep(PAUSE * 2**attempt)
    raise ValueError(f"`retries` = {retries} must not be negative.")


def examine(path: Path, retries: int = 0) -> ArrayFile:
    """The header of a .npy file, whose size agrees with it.

    Args:
        path: The file.
        retries: How often reading is tried again after an OSError.

    Returns:
        The array, of which no number was read.

    Raises:
        DamagedFile: If it is no .npy file, is cut off or too long, or holds what is no plain numbers.
        OSError: If it cannot be read.
    """

    def read() -> tuple[bytes, tuple[tuple[int, ...], bool, np.dtype, int] | None, int]:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            begin = file.read(16)
            file.seek(0)
            try:
                version = np.lib.format.read_magic(file)
                header = (np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0)(file)
            except ValueError:
                return begin, None, size
            return begin, (*header, file.tell()), size

    begin, header, size = retried(read, path, retries)
    if header is None:
        what = "is empty" if size == 0 else f"is no .npy file, or its header is damaged (it begins with {begin!r})"
        raise DamagedFile(f"`{path}` {what}. Download it again.")
    shape, fortran, dtype, offset = header
    if dtype.hasobject or dtype.kind not in "fiu":
        raise DamagedFile(f"`{path}` holds {dtype}, no plain numbers; such files are never unpickled. Download it again.")
    if fortran and len(shape) > 1:
        raise DamagedFile(f"`{path}` is stored column by column. Save it again: np.save(path, np.ascontiguousarray(values)).")
    wanted = offset + int(np.prod(shape, dtype=int)) * dtype.itemsize
    if size != wanted:
        fault = "is cut off" if size < wanted else "is too long"
        raise DamagedFile(f"`{path}` {fault}: {size} bytes, where {wanted} are wanted for {shape} of {dtype}. Download it again.")
    return ArrayFile(path, shape, dtype, offset)


class RowReader:
    """Copies rows of files into arrays; may be shared by threads, and sent to processes.

    Args:
        mapped: Read from memory maps, the latest of which are held. Otherwise by plain reads, which may be tried again: a
            memory map whose disk fails ends the process (SIGBUS).
        retries: How often an OSError is answered by another try.
    """

    def __init__(self, *, mapped: bool = True, retries: int = 3):
        self.mapped, self.retries = mapped, retries
        self._maps: OrderedDict[Path, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def copy(self, file: ArrayFile, row: int, out: np.ndarray) -> None:
        """Copy a row, cast to the type of `out`.

        Args:
            file: Where it stands.
            row: Its number.
            out: Where it goes, contiguous and of as many numbers.

        Raises:
            DamagedFile: If the file has changed since it was examined.
            OSError: If it cannot be read.
        """
        if self.mapped:
            np.copyto(out, self.map(file)[row].reshape(out.shape), casting="unsafe")
        else:
            retried(lambda: self._read(file, row, out), file.path, self.retries)

    def map(self, file: ArrayFile) -> np.ndarray:
        """The memory map of a file, read only.

        Args:
            file: The file.

        Returns:
            Its array.

        Raises:
            DamagedFile: If it is not what it was when it was examined.
            OSError: If it cannot be mapped.
        """
        with self._lock:
            if file.path in self._maps:
                self._maps.move_to_end(file.path)
                return self._maps[file.path]
        values = retried(lambda: self._mapped(file), file.path, self.retries)
        with self._lock:
            self._maps[file.path] = values
            if len(self._maps) > OPEN:
                self._maps.popitem(last=False)
            return self._maps[file.path]

    def _mapped(self, file: ArrayFile) -> np.ndarray:
        try:
            return np.asarray(np.load(file.path, mmap_mode="r", allow_pickle=False)).reshape(file.shape)
        except ValueError as error:
            raise DamagedFile(f"`{file.path}` has changed since it was examined ({error}). Download it again.") from error

    def _read(self, file: ArrayFile, row: int, out: np.ndarray) -> None:
        direct = out.dtype == file.dtype and out.flags.c_contiguous
        into = out if direct else np.empty(file.shape[1:], file.dtype)
        with file.path.open("rb", buffering=0) as opened:
            opened.seek(file.offset + row * file.row_bytes)
            bytes_of, done = into.reshape(-1).view(np.uint8).data, 0
            while done < file.row_bytes:
                count = opened.readinto(bytes_of[done:])
                if not count:
                    raise DamagedFile(f"`{file.path}` was cut off while it was open. Download it again.")
                done += count
        if not direct:
            np.copyto(out, into.reshape(out.shape), casting="unsafe")

    def __getstate__(self) -> dict[str, object]:
        return {"mapped": self.mapped, "retries": self.retries}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]
