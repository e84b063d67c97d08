"""Dividing files into parts, such as for training and validation, and keeping the division as text.

Whole files are dealt out: samples of one file may come from one draw of the generator, and must not stand on both sides.
"""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from adseis.data.openfwi_dataset import Dataset
from adseis.files import written_whole

FRACTIONS = {"train": 0.8, "validation": 0.2}


def split(data: Dataset, fractions: Mapping[str, float] | None = None, *, seed: int = 0) -> dict[str, str]:
    """Deal out the pairs of files, in the same proportions within each subset.

    A pair is never divided. Every part gets a pair of every subset that has as many as there are parts. What a subset's files are
    dealt to depends on the seed and on that subset alone, not on which others are there.

    Args:
        data: The dataset.
        fractions: Name of a part -> its share; by default four fifths for "train", the rest for "validation".
        seed: Another one gives another division.

    Returns:
        Name of a pair (`data.pairs[k].name`) -> part, for `data.part(name, division)` and `write_split`.

    Raises:
        ValueError: If a share is not positive, the shares do not add up to 1, or the name of a part holds blanks.

    Example:
        >>> division = openfwi.split(data, {"train": 0.8, "validation": 0.2}, seed=0)  # doctest: +SKIP
        >>> openfwi.write_split("split.txt", division)  # doctest: +SKIP
        >>> training = data.part("train", openfwi.read_split("split.txt"))  # doctest: +SKIP
    """
    shares = FRACTIONS if fractions is None else dict(fractions)
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"`fractions` = {shares} must be positive and add up to 1.")
    for name in shares:
        if len(name.split()) != 1 or name.startswith("#"):
            raise ValueError(f"`fractions` names a part {name!r}; a name is one word.")
    division = {}
    for subset in data.counts():
        files = sorted(pair.name for pair in data.pairs if pair.subset.name == subset)
        shuffled = np.random.default_rng([seed, zlib.crc32(subset.encode())]).permutation(files)
        parts = np.repeat(list(shares), _dealt(len(files), list(shares.values())))
        division |= dict(zip(map(str, shuffled), map(str, parts), strict=True))
    return {pair.name: division[pair.name] for pair in data.pairs}


def write_split(path: str | os.PathLike[str], division: Mapping[str, str]) -> None:
    """Write a division as text, one file a line behind its part: `train CurveFault_B/seis6_1_0.npy`.

    Args:
        path: File to write.
        division: Name of a pair -> part.

    Raises:
        ValueError: If a name cannot be a line of its own.
        OSError: If the file cannot be written.
    """
    for name, part in division.items():
        if len(part.split()) != 1 or part.startswith("#") or not name.strip() or len(name.splitlines()) != 1:
            raise ValueError(f"`division` holds {name!r}: {part!r}, which is no file and a part of one word.")
    with written_whole(path) as partial:
        partial.write_text("".join(f"{part} {name}\n" for name, part in division.items()), encoding="utf-8")


def read_split(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a division that `write_split`, or a hand, has written; empty lines and those that begin with # are passed over.

    Args:
        path: File to read.

    Returns:
        Name of a pair -> part.

    Raises:
        ValueError: If a line is not a part and a file, or a file stands in two lines.
        OSError: If the file cannot be read.
    """
    division: dict[str, str] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        part, _, name = line.partition(" ")
        if not part or not name.strip():
            raise ValueError(f"`{path}`, line {number}: {line!r} is not a part and a file.")
        if name in division:
            raise ValueError(f"`{path}`, line {number}: {name} stands there twice. Each file is of one part.")
        division[name] = part
    return division


def _dealt(count: int, shares: list[float]) -> list[int]:
    """How many of some files each part gets: at least one if there are enough, then by largest remainder."""
    least = int(count >= len(shares))
    exact = np.array(shares) * count
    dealt = np.maximum(np.floor(exact).astype(int), least)
    while dealt.sum() != count:
        behind = exact - dealt
        if dealt.sum() < count:
            dealt[np.argmax(behind)] += 1
        else:
            dealt[np.argmin(np.where(dealt > least, behind, np.inf))] -= 1
    return dealt.tolist()
