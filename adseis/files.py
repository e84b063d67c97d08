"""Files that are either whole or absent.

Every result, journal and data file of adseis is written through `written_whole`: whatever kills the process, and whenever, the
name of a file never stands for half of it.
"""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file so that its name always stands for a complete file.

    Yields a temporary path beside `path`, with the same suffix. When the block ends well the temporary is flushed to the disk and
    renamed onto `path` in one atomic step; when it raises, the temporary is removed and `path` keeps its former content.

    Args:
        path: Where the complete file will stand; missing parent directories are made.

    Yields:
        The temporary path to write to (nothing exists there yet).

    Raises:
        OSError: If the place cannot be written (raised before the block runs), or if the block wrote nothing.

    Example:
        >>> with written_whole("model.npy") as partial:  # doctest: +SKIP
        ...     np.save(partial, vp)
    """
    path = Path(path)
    check_writable(path.parent)
    if path.is_dir():
        raise OSError(f"{path} is a directory, where a file is to be written. Choose another name.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        yield partial
        if not partial.exists():
            raise OSError(f"nothing was written for {path}: write to the temporary path that `written_whole` yields.")
        _flush(partial)
        os.replace(partial, path)
        if os.name == "posix":  # elsewhere a directory cannot be opened, and the rename is flushed by the system
            _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def discard_partial(path: str | os.PathLike[str]) -> None:
    """Remove the temporaries that killed writers of `path` left beside it; only for a file with a single writer.

    Args:
        path: The file whose leftovers go.
    """
    path = Path(path)
    if path.parent.is_dir():
        for name in os.listdir(path.parent):
            if name.startswith(f".{path.stem}.") and name.endswith(f".partial{path.suffix}"):
                (path.parent / name).unlink(missing_ok=True)


def check_writable(directory: str | os.PathLike[str]) -> None:
    """Raise unless files can be made in `directory`, or in the nearest parent that exists; leaves nothing behind.

    Args:
        directory: Where results will go; it need not exist yet.

    Raises:
        OSError: If the place is no directory, or the system refuses to write there (rights, read-only or full disk).
    """
    directory = Path(directory).absolute()
    place = next(parent for parent in (directory, *directory.parents) if os.path.lexists(parent))
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OSError(
            f"cannot write to {directory}: {place} refuses new files ({error.strerror or error}). "
            "Choose another directory, or repair its rights or free space."
        ) from error


def _flush(path: Path) -> None:
    """Force a file or directory onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(array: np.ndarray) -> str:
    """SHA-256 of the numbers of an array, as hexadecimal text.

    Args:
        array: Any array; precision and order matter, its shape does not.

    Returns:
        64 hexadecimal digits.
    """
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def read_json_lines(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Records of a file that grows by one line of JSON each; a last line torn by a kill is left out.

    Args:
        path: Such as `metrics.jsonl`; none at all is no record.

    Returns:
        One mapping a line, in order.

    Raises:
        ValueError: If a line other than the last is damaged.
    """
    path = Path(path)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise ValueError(f"`{path}`: line {number} is damaged ({error}). Remove it.") from error
    return records
