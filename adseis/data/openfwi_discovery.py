"""Which pairs of OpenFWI's files a folder holds, of both naming schemes, wherever a download has unpacked them."""

import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from adseis.data.openfwi_layout import SUBSETS, Named, Subset, file_names, index_of, named, subset_called

DEPTH = 5
"""Folders below the one that is searched."""


class Found(NamedTuple):
    """A pair of files, or what there is of it.

    Attributes:
        name: Of the gathers, relative to the folder that was searched.
        subset: Of which subset; None where no folder tells.
        index: Number of the pair in its subset; None where it has no file of this name.
        gathers: The file of gathers.
        velocity: That of velocities.
    """

    name: str
    subset: Subset | None
    index: int | None
    gathers: Path | None
    velocity: Path | None


def walk(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Files in a folder and below, links to folders followed, hidden ones left out.

    Args:
        folder: Where to begin.
        depth: How many folders deep.

    Yields:
        Paths, in no order.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if depth:
                    yield from walk(Path(entry.path), depth - 1)
            else:
                yield Path(entry.path)


def find_pairs(folder: Path, subsets: Collection[Subset] | None = None) -> list[Found]:
    """The pairs of files in a folder and below.

    Gathers and velocities stand side by side, or in neighbours `data` and `model`. The nearest folder whose name is that of a
    subset tells which it is, or what stands before the name of the file; where none of all is told so, a single one of `subsets`.

    Args:
        folder: Where to search.
        subsets: Those that are wanted; None for all.

    Returns:
        Pairs in the order of `SUBSETS` and of their numbers, and halves of pairs.
    """
    root = folder.absolute()
    alone = next(iter(subsets)) if subsets is not None and len(subsets) == 1 else None
    halves: dict[tuple[Path, str, str, tuple[int, ...]], dict[str, Path]] = {}
    for path in walk(root):
        told = named(path.name)
        if told is not None:
            halves.setdefault((_home(path, told), told.prefix, told.scheme, told.number), {})[told.holds] = path
    told_by = {key: subset_called(key[1]) or _subset_of(key[0], root) for key in halves}
    otherwise = None if any(told_by.values()) else alone
    found = []
    for key, pair in halves.items():
        subset = told_by[key] or otherwise
        if subset is None or subsets is None or subset in subsets:
            path = pair["gathers"] if "gathers" in pair else pair["velocity"]
            index = None if subset is None else index_of(subset, key[3])
            name = path.relative_to(root).as_posix()
            found.append(Found(name, subset, index, pair.get("gathers"), pair.get("velocity")))
    order = list(SUBSETS.values())
    return sorted(found, key=lambda f: (len(order) if f.subset is None else order.index(f.subset), *_order(f)))


def fault_of(found: Found, *, maps: bool = True) -> str | None:
    """Why what was found is no pair of files of a known subset.

    Args:
        found: What was found.
        maps: Whether gathers alone are a fault.

    Returns:
        The fault and its repair; None where there is none.
    """
    path = found.gathers or found.velocity
    if found.subset is None:
        return f"`{path}` is of no known subset. Name its folder so, such as CurveFault_B, or give `subsets` = one name."
    if found.index is None:
        example = file_names(found.subset, 0).gathers.as_posix()
        return f"`{path}` is no name of a file of {found.subset.long}, such as {example}. Put it where it belongs."
    if found.gathers is None or (maps and found.velocity is None):
        there, missing = ("velocities", "gathers") if found.gathers is None else ("gathers", "velocities")
        partner = file_names(found.subset, found.index)[missing == "velocities"].name
        return f"`{path}` holds {there} without their {missing}, {partner}. Download that file too."
    return None


def _home(path: Path, told: Named) -> Path:
    """The folder which both files of a pair share."""
    inner = {"gathers": "data", "velocity": "model"}[told.holds]
    return path.parent.parent if told.scheme == "vel" and path.parent.name.lower() == inner else path.parent


def _subset_of(home: Path, root: Path) -> Subset | None:
    """Told by the nearest folder, that of the search being the last."""
    while True:
        subset = subset_called(home.name)
        if subset is not None or home == root or home == home.parent:
            return subset
        home = home.parent


def _order(found: Found) -> tuple[str, int, list[int], str]:
    parent = found.name.rpartition("/")[0]
    numbers = [int(number) for number in re.findall(r"\d+", found.name.rpartition("/")[2])]
    return parent, sys.maxsize if found.index is None else found.index, numbers, found.name
