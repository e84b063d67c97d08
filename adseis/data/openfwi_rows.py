"""Rows of many files, numbered through: the n-th row of all, read from those of several files that belong together."""

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from adseis.data.openfwi_files import ArrayFile, RowReader
from adseis.data.row_numbers import row_number, row_numbers


class Rows:
    """Rows of sets of files, one after the other.

    Args:
        files: Sets of as many rows each, such as gathers and velocities.
        shapes: Of a row, as it is returned, one for each file of a set.
        reader: Which reads them.
    """

    def __init__(self, files: Sequence[tuple[ArrayFile, ...]], shapes: Sequence[tuple[int, ...]], reader: RowReader):
        self.files, self.shapes, self.reader = tuple(files), tuple(shapes), reader
        self.ends = np.cumsum([group[0].shape[0] for group in files], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def at(self, index: SupportsIndex) -> tuple[int, int]:
        """The number of a set, and of the row in it.

        Args:
            index: Number of the row in all; negative ones count from the end.

        Returns:
            Set and row.

        Raises:
            IndexError: If there is none.
        """
        number = row_number(index, len(self))
        which = int(np.searchsorted(self.ends, number, "right"))
        return which, number - int(self.ends[which]) + self.files[which][0].shape[0]

    def numbers(self, indices: Any) -> np.ndarray:
        """What a slice, a sequence of numbers or a mask stands for.

        Args:
            indices: It.

        Returns:
            Numbers, `(sample,)`.

        Raises:
            TypeError: If it is none of them.
        """
        return row_numbers(indices, len(self))

    def read(self, which: int, row: int) -> tuple[np.ndarray, ...]:
        """A row.

        Args:
            which: Number of the set.
            row: Number of the row in it.

        Returns:
            Its arrays, float32.
        """
        arrays = tuple(np.empty(shape, np.float32) for shape in self.shapes)
        for file, array in zip(self.files[which], arrays, strict=True):
            self.reader.copy(file, row, array)
        return arrays

    def read_many(self, places: Sequence[tuple[int, int]]) -> tuple[np.ndarray, ...]:
        """Rows, stacked; each file is visited once, and from its beginning to its end.

        Args:
            places: Set and row of each.

        Returns:
            Arrays `(sample, *shape)`, float32.
        """
        stacks = tuple(np.empty((len(places), *shape), np.float32) for shape in self.shapes)
        for number in sorted(range(len(places)), key=lambda n: places[n]):
            which, row = places[number]
            for file, stack in zip(self.files[which], stacks, strict=True):
                self.reader.copy(file, row, stack[number])
        return stacks
