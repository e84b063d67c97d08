"""GlobalTomo's files in a folder: one of all samples, or some of ranges of ids, and which ids they hold."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from adseis.data.globaltomo_files import RowFile, examine
from adseis.data.globaltomo_layout import layout_of
from adseis.data.globaltomo_tiers import KINDS, WAVES, Tier, What


class Part(NamedTuple):
    """A file, and the id of its first row."""

    first: int
    file: RowFile

    @property
    def end(self) -> int:
        """The id after its last."""
        return self.first + self.file.samples


class Column:
    """What is stored of all samples, such as their seismograms.

    Args:
        parts: Its files, by id.
    """

    def __init__(self, parts: Sequence[Part]):
        self.parts = tuple(parts)
        self._firsts = np.array([part.first for part in parts])

    @property
    def ids(self) -> Int[np.ndarray, " sample"]:
        """Of all samples, failed ones too."""
        return np.concatenate([np.arange(part.first, part.end) for part in self.parts])

    def at(self, number: int) -> tuple[RowFile, int]:
        """Where a sample is.

        Args:
            number: Its id, one of `ids`.

        Returns:
            File and row.
        """
        part = self.parts[int(np.searchsorted(self._firsts, number, "right")) - 1]
        return part.file, number - part.first


def columns_of(folder: Path, tier: Tier, whats: Sequence[What]) -> dict[What, Column]:
    """The files of a tier.

    Args:
        folder: Where they are.
        tier: Which.
        whats: What is looked for.

    Returns:
        What there is.

    Raises:
        FileNotFoundError: If there are no seismograms and no wavefields.
        ValueError: If a file is not what it should be, or two do not hold the same samples.
    """
    columns: dict[What, Column] = {}
    for what in whats:
        parts = parts_of(folder, tier, what)
        if parts:
            columns[what] = Column(parts)
    waves: list[What] = [what for what in WAVES if what in columns]
    if not waves:
        looked = ", ".join(f"{tier.file(what)} or {tier.shard(what, 0, tier.samples_per_file or 1000)}" for what in WAVES)
        hint = "" if folder.is_dir() else " There is no such folder."
        raise FileNotFoundError(f"`folder` = {folder} has no file of tier {tier.name!r}; looked for {looked}.{hint}")
    for what, column in columns.items():
        _same_ids(waves[0], columns[waves[0]], what, column)
    return columns


def parts_of(folder: Path, tier: Tier, what: What, *, shards: bool = False) -> list[Part]:
    """The files that hold one thing, examined.

    A file of all samples, such as `seis.h5`, stands for all of them, whatever is in the folder `seis/` beside it.

    Args:
        folder: Where they are.
        tier: Which.
        what: What they hold.
        shards: Pass over the file of all samples.

    Returns:
        By id; nothing if there are none.

    Raises:
        ValueError: If a file is not what it should be, its name tells another number of samples, two hold the same ids, files
            differ in their number of elements, or go beyond the file of all samples.
    """
    layout, whole = layout_of(tier, what), folder / tier.file(what)
    ranges = _ranges(folder, what)
    if whole.is_file() and not shards:
        part, last = Part(0, examine(whole, layout)), max((end for *_, end in ranges), default=0)
        if last > part.end:
            raise ValueError(
                f"`{whole}` holds ids 0 to {part.end - 1}, and the files in {KINDS[what]}/ go on to id {last - 1}. Join them "
                f"anew (`globaltomo.join`), or move {whole.name} elsewhere."
            )
        return [part]
    parts = []
    for path, first, end in ranges:
        part = Part(first, examine(path, layout))
        if part.end != end:
            raise ValueError(
                f"`{path}` holds {part.file.samples} samples, where its name tells of {end - part.first}. Fetch or make it again."
            )
        parts.append(part)
    parts.sort(key=lambda part: part.first)
    for before, part in zip(parts, parts[1:], strict=False):
        if part.first < before.end:
            raise ValueError(f"`{part.file.path}` and {before.file.path.name} hold the same ids. Remove one of them.")
        if part.file.elements != before.file.elements:
            raise ValueError(
                f"`{part.file.path}` has {part.file.elements} elements, {before.file.path.name} {before.file.elements}: they are "
                "of two data sets. Keep them in two folders."
            )
    return parts


def _ranges(folder: Path, what: What) -> list[tuple[Path, int, int]]:
    """Files of ranges by their names: path, the first id, and that after the last."""
    paths = sorted((folder / KINDS[what]).glob("*.h5"))
    named = [(path, re.fullmatch(rf"{KINDS[what]}_(\d+)_(\d+)\.h5", path.name)) for path in paths]
    return [(path, int(found[1]), int(found[2])) for path, found in named if found is not None]


def _same_ids(first: What, one: Column, second: What, other: Column) -> None:
    """Refuse samples of which there is one thing and not the other; sources may be there of more."""
    ours, theirs = one.ids, other.ids
    absent = np.setdiff1d(ours, theirs)
    more = np.setdiff1d(theirs, ours) if second != "source" else absent[:0]
    for ids, what, column in ((absent, second, other), (more, first, one)):
        if len(ids):
            there = second if what == first else first
            raise ValueError(
                f"`{column.parts[-1].file.path}`: there is no {what} of {len(ids)} samples (id {ids[0]} is the first) of which "
                f'there is {there}. Fetch what is missing, or leave one out: what=("{there}",).'
            )
