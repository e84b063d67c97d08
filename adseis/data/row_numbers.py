"""What an index, a slice, a list of numbers or a mask stands for, of so many samples."""

import operator
from typing import Any, SupportsIndex

import numpy as np
from jaxtyping import Int


def row_number(index: SupportsIndex, count: int) -> int:
    """The number of one sample.

    Args:
        index: Its number; negative ones count from the end.
        count: How many there are.

    Returns:
        Its number, from 0.

    Raises:
        IndexError: If there is none.
    """
    number = operator.index(index)
    if not -count <= number < count:
        raise IndexError(f"there is no sample {number} of {count}.")
    return number % count


def row_numbers(indices: Any, count: int) -> Int[np.ndarray, " sample"]:
    """The numbers that a slice, a sequence of numbers or a mask stands for.

    Args:
        indices: It.
        count: How many samples there are.

    Returns:
        Numbers, negative ones as they were given.

    Raises:
        TypeError: If it is none of them.
    """
    if isinstance(indices, slice):
        return np.arange(*indices.indices(count))
    found = np.asarray(indices)
    if found.dtype == bool and found.shape == (count,):
        return np.flatnonzero(found)
    if found.ndim != 1 or (found.dtype.kind not in "iu" and found.size):
        raise TypeError(f"`indices` {found.shape} of {found.dtype} must be whole numbers (sample,), or a mask ({count},).")
    return found.astype(np.int64)
