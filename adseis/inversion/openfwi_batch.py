"""Many maps refined one after the other: each with a journal of its own, none lost by the failure of another."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Array, Float
from tqdm import tqdm

FAILURES = (ValueError, RuntimeError, ArithmeticError)
"""What data of one map can cause, and says nothing of the next; a full disk does."""
Found = TypeVar("Found")


def each_map(
    refine: Callable[..., Any],
    failed: Callable[[np.ndarray, str], Found],
    gathers: Float[np.ndarray | Array, "map shot time receiver"],
    initial: Float[np.ndarray | Array, "*map_z_x"],
    *,
    journal: str | Path | None = None,
    progress: bool = True,
    **options: Any,
) -> tuple[Found, ...]:
    """Refine maps in their order; one that cannot be refined is left as it was, with a warning.

    Args:
        refine: What is called for each and returns such a result, as `adseis.inversion.openfwi.refine` of one map.
        failed: Makes a result of a map that failed, of its start and the reason.
        gathers: `(map, shot, time, receiver)`.
        initial: Where to begin [m/s], `(map, z, x)`.
        journal: "map.h5"; that of the first map is "map-0.h5".
        progress: Whether to tell which map is at work, and show bars.
        options: Further ones of `refine`.

    Returns:
        A result for each map.

    Raises:
        ValueError: If there are not as many maps as gathers.
        Exception: That of the first map, if all fail, as they do where an option is wrong.
    """
    count = len(gathers)
    if np.ndim(initial) != 3 or len(initial) != count or count == 0:
        raise ValueError(
            f"`initial` {np.shape(initial)} must be (map, z, x), one map for each of {count} gathers {np.shape(gathers)}."
        )
    found: list[Found] = []
    failures: list[Exception] = []
    for number, (data, start) in enumerate(zip(gathers, initial, strict=True)):
        if progress:
            tqdm.write(f"map {number} ({number + 1} of {count})", file=sys.stderr)
        try:
            found.append(refine(data, start, journal=journal_of(journal, number), progress=progress, **options))
        except FAILURES as error:
            failures.append(error)
            warnings.warn(f"map {number} is left as it was: {error}", stacklevel=3)
            found.append(failed(np.asarray(start), str(error)))
    if len(failures) == count:
        raise failures[0]
    return tuple(found)


def journal_of(journal: str | Path | None, number: int) -> Path | None:
    """The journal of a map.

    Args:
        journal: That of all, "map.h5".
        number: Of the map.

    Returns:
        "map-3.h5", None of none.
    """
    if journal is None:
        return None
    path = Path(journal)
    return path.with_name(f"{path.stem}-{number}{path.suffix}")
