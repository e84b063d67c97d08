"""What OpenFWI's files must be before a sample is read: shapes, types and sizes that agree, and values that can be true."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from adseis.data.openfwi_files import ArrayFile, DamagedFile, RowReader, examine

Validation = Literal["headers", "rows", "all"]
OnCorrupt = Literal["raise", "skip"]
SPEEDS = (200.0, 10_000.0)
"""What can be a velocity of rock [m/s]; OpenFWI's are 1500 to 4500."""
WORKERS = 8
"""Files that are opened at a time: on a network each waits for its own answer."""
Item = TypeVar("Item")
Opened = TypeVar("Opened")


class Skipped(NamedTuple):
    """What was left out.

    Attributes:
        file: Its name, relative to the folder.
        reason: Fault and repair.
    """

    file: str
    reason: str


def opened_as(path: Path, shapes: Sequence[tuple[int, ...]], retries: int) -> ArrayFile:
    """A file of rows of one of some shapes.

    Args:
        path: The file.
        shapes: Of a row.
        retries: How often reading is tried again after an OSError.

    Returns:
        The file, examined.

    Raises:
        DamagedFile: If it holds something else.
        OSError: If it cannot be read.
    """
    file = examine(path, retries)
    if file.shape[1:] not in shapes or file.shape[0] == 0:
        wanted = " or ".join(f"(samples, {', '.join(map(str, shape))})" for shape in shapes)
        raise DamagedFile(f"`{path}` holds {file.shape}, where {wanted} is wanted. Is it another data set?")
    return file


def same_length(files: Sequence[ArrayFile]) -> None:
    """Refuse files that belong together but differ in their number of samples.

    Args:
        files: They.

    Raises:
        DamagedFile: If two differ.
    """
    for file in files[1:]:
        if file.shape[0] != files[0].shape[0]:
            raise DamagedFile(
                f"`{file.path}` holds {file.shape[0]} samples, but {files[0].path.name} {files[0].shape[0]}: not a pair. "
                "Download both again."
            )


def rows_of(count: int, validation: Validation) -> Iterable[int]:
    """Rows whose values are looked at.

    Args:
        count: How many there are.
        validation: How much is looked at.

    Returns:
        Their numbers.
    """
    return {"headers": (), "rows": sorted({0, count // 2, count - 1}), "all": range(count)}[validation]


def believable_velocity(file: ArrayFile, rows: Iterable[int], reader: RowReader, slowest: float = SPEEDS[0]) -> None:
    """Refuse velocities that cannot be velocities in m/s.

    Args:
        file: Maps.
        rows: Which are looked at.
        reader: Which reads them.
        slowest: The least that can be [m/s].

    Raises:
        DamagedFile: If a value is not finite or out of range.
        OSError: If it cannot be read.
    """
    values = np.empty(file.shape[1:], np.float32)
    for row in rows:
        reader.copy(file, row, values)
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise DamagedFile(f"`{file.path}`: the map of row {row} is not finite. Download it again.")
        if low < slowest or high > SPEEDS[1]:
            repair = "Is it normalised, or in km/s? Convert it." if high < 20 else "Download it again."
            raise DamagedFile(
                f"`{file.path}`: the map of row {row} holds {low:.4g} to {high:.4g}, which cannot be velocity in m/s. {repair}"
            )


def believable_gathers(file: ArrayFile, rows: Iterable[int], reader: RowReader) -> None:
    """Refuse gathers that are not finite, or zero throughout: what a download leaves of what it has not fetched.

    Args:
        file: Gathers.
        rows: Which are looked at.
        reader: Which reads them.

    Raises:
        DamagedFile: If they are so.
        OSError: If they cannot be read.
    """
    values = np.empty(file.shape[1:], np.float32)
    for row in rows:
        reader.copy(file, row, values)
        if not np.isfinite(values).all():
            raise DamagedFile(f"`{file.path}`: the gathers of row {row} are not finite. Download it again.")
        if not values.any():
            raise DamagedFile(f"`{file.path}`: the gathers of row {row} are all zero, the download is incomplete. Repeat it.")


def opened_all(
    items: Sequence[Item], named: Callable[[Item], str], opened: Callable[[Item], Opened], on_corrupt: OnCorrupt
) -> tuple[list[Opened], tuple[Skipped, ...]]:
    """Open many files at a time, and raise for, or tell of, those that are damaged.

    Args:
        items: What to open.
        named: Its name.
        opened: Which opens it.
        on_corrupt: "raise" or "skip".

    Returns:
        What was opened, in order, and what was left out.

    Raises:
        DamagedFile: For the first that is damaged, if `on_corrupt` is "raise".
        OSError: Likewise, for one that cannot be read.
    """

    def tried(item: Item) -> Opened | DamagedFile | OSError:
        try:
            return opened(item)
        except (DamagedFile, OSError) as error:
            return error

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(tried, items))
    faults = [(item, result) for item, result in zip(items, results, strict=True) if isinstance(result, DamagedFile | OSError)]
    if faults and on_corrupt == "raise":
        first = faults[0][1]
        others = f" {len(faults) - 1} more are damaged." if len(faults) > 1 else ""
        raise type(first)(f'{_said(first)}{others} `on_corrupt="skip"` leaves damaged files out.') from first
    skipped = tuple(Skipped(named(item), _said(error)) for item, error in faults)
    if skipped:
        listed = "\n".join(f"  {file}: {reason}" for file, reason in skipped)
        warnings.warn(f"{len(skipped)} of {len(items)} pairs of files are left out:\n{listed}", stacklevel=3)
    return [result for result in results if not isinstance(result, DamagedFile | OSError)], skipped


def _said(error: DamagedFile | OSError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
