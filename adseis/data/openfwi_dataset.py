"""OpenFWI's gathers and velocities as one long list of samples, read when they are asked for."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, SupportsIndex, overload

import numpy as np
from jaxtyping import Float, Int

from adseis.data.openfwi_checks import (
    OnCorrupt,
    Validation,
    believable_gathers,
    believable_velocity,
    opened_all,
    opened_as,
    rows_of,
    same_length,
)
from adseis.data.openfwi_discovery import Found, fault_of, find_pairs
from adseis.data.openfwi_files import ArrayFile, DamagedFile, RowReader
from adseis.data.openfwi_layout import GATHERS, MAP, SHRUNK, Subset, known_subset, part_of
from adseis.data.openfwi_rows import Rows


class Sample(NamedTuple):
    """A map and its gathers.

    Attributes:
        gathers: `(5, 1000, 70)`: shot, time, receiver.
        velocity: Speed [m/s], `(70, 70)`: z, x; NaN of a dataset without maps.
        family: "vel", "fault" or "style".
        subset: Such as "curve-fault-b".
        file: The file of the gathers.
        row: Number of the sample in the file.
    """

    gathers: Float[np.ndarray, "5 time receiver"]
    velocity: Float[np.ndarray, "70 70"]
    family: str
    subset: str
    file: Path
    row: int


class Batch(NamedTuple):
    """Several samples, stacked.

    Attributes:
        gathers: `(sample, 5, 1000, 70)`.
        velocity: Speed [m/s], `(sample, 70, 70)`; NaN of a dataset without maps.
        family: Of each.
        subset: Of each.
        file: Of each.
        row: Of each, `(sample,)`.
    """

    gathers: Float[np.ndarray, "sample 5 time receiver"]
    velocity: Float[np.ndarray, "sample 70 70"]
    family: tuple[str, ...]
    subset: tuple[str, ...]
    file: tuple[Path, ...]
    row: Int[np.ndarray, " sample"]


class FilePair(NamedTuple):
    """A pair of files that passed.

    Attributes:
        name: Of the gathers, relative to the folder of the dataset: by this a division names the pair.
        subset: Of which subset.
        part: "train" or "test" of OpenFWI's own division.
        gathers: The file of gathers.
        velocity: That of velocities; None of a dataset without maps.
    """

    name: str
    subset: Subset
    part: str
    gathers: ArrayFile
    velocity: ArrayFile | None

    @property
    def files(self) -> tuple[ArrayFile, ...]:
        """Those that there are."""
        return (self.gathers,) if self.velocity is None else (self.gathers, self.velocity)

    @property
    def samples(self) -> int:
        """How many it holds."""
        return self.gathers.shape[0]


class Dataset:
    """Samples of OpenFWI's files: Vel, Fault and Style, of OpenFWI's download, of Kaggle's training set, or of `write_shard`.

    `data[7]` is a `Sample`; `data[10:20]`, `data[[3, 1, 4]]` and `data.batch(indices)` are a `Batch`. Files are examined when the
    dataset is opened, and read when a sample is asked for; nothing else is kept in memory. It may be shared by threads and sent
    to processes.

    Args:
        folder: The folder of a subset, or of folders of subsets, in any spelling: `CurveFault_B`, `curvefault-b`.
        subsets: Those to read, one or several; by default all that are found. One alone also says what files are
            whose folders tell no subset.
        on_corrupt: "raise" for the first file that is damaged or has no partner; "skip" leaves such pairs out and warns of them.
        validate: What is examined: "headers" (shapes, types, sizes of files, partners), "rows" (also the values of the first,
            middle and last sample of each file), "all" (every value: as long as reading all takes). Headers of all ten subsets
            take a second.
        mapped: Read from memory maps. `False` reads plainly, for file systems that fail at times: a read that fails is repeated,
            where a memory map would end the process.
        retries: How often an `OSError` is answered by another try, after 0.1 s, 0.2 s, 0.4 s, ...
        maps: Whether gathers have to have velocities beside them. None: if none of them has, it is a dataset without maps.

    Attributes:
        folder: Where it is.
        maps: Whether there are velocities.
        pairs: The pairs of files, in order.
        skipped: What was left out: `.file` and `.reason` of each pair.

    Raises:
        FileNotFoundError: If the folder holds no file of OpenFWI's.
        ValueError: If a file is damaged, has no partner, or holds what cannot be gathers or velocity.
        OSError: If a file cannot be read.

    Example:
        >>> data = openfwi.Dataset("openfwi", subsets="curve-fault-b", on_corrupt="skip")  # doctest: +SKIP
        >>> data[0].gathers.shape, data[0].velocity.shape, data[0].family, data[0].file.name  # doctest: +SKIP
        ((5, 1000, 70), (70, 70), 'fault', 'seis6_1_0.npy')
        >>> data.part("train").batch([5, 1, 3]).gathers.shape  # doctest: +SKIP
        (3, 5, 1000, 70)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        subsets: str | Sequence[str] | None = None,
        on_corrupt: OnCorrupt = "raise",
        validate: Validation = "rows",
        mapped: bool = True,
        retries: int = 3,
        maps: bool | None = True,
    ):
        if on_corrupt not in ("raise", "skip") or validate not in ("headers", "rows", "all") or retries < 0:
            raise ValueError(
                f'`on_corrupt` = {on_corrupt!r}, `validate` = {validate!r}, `retries` = {retries}: must be "raise" or "skip", '
                '"headers", "rows" or "all", and not negative.'
            )
        names = [subsets] if isinstance(subsets, str) else subsets
        wanted = None if names is None else [known_subset(name) for name in names]
        self.folder, self.reader = Path(folder), RowReader(mapped=mapped, retries=retries)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"`{folder}` is no folder; give that of OpenFWI's files, or of its subsets.")
        found = find_pairs(self.folder, wanted)
        self.maps = any(one.velocity is not None for one in found) if maps is None else maps
        if not self.maps:
            found = [one._replace(velocity=None) for one in found if one.gathers is not None]
        if not found:
            which = "" if wanted is None else f" of {', '.join(subset.long for subset in wanted)}"
            raise FileNotFoundError(
                f"`{folder}` holds no files{which} such as CurveVel_A/data/data1.npy or CurveFault_A/seis2_1_0.npy. Unpack the "
                "download; Kaggle's test files are for `KaggleTest`, elastic ones for `ElasticDataset`."
            )
        plain = RowReader(mapped=False, retries=retries)
        pairs, self.skipped = opened_all(
            found, lambda f: f.name, lambda f: _opened(f, validate, plain, maps=self.maps), on_corrupt
        )
        self._hold(pairs)

    def _hold(self, pairs: Sequence[FilePair]) -> None:
        self.pairs = tuple(pairs)
        shapes = {pair.gathers.shape[1:] for pair in pairs}
        if len(shapes) > 1:
            odd = next(pair for pair in pairs if pair.gathers.shape[1:] != pairs[0].gathers.shape[1:])
            raise ValueError(f"{pairs[0].name} and {odd.name} hold gathers of two sizes, {sorted(shapes)}. Open them one by one.")
        gathers = shapes.pop() if shapes else GATHERS
        self._rows = Rows([pair.files for pair in pairs], (gathers, MAP)[: 1 + self.maps], self.reader)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        subsets = ", ".join(f"{name} {count}" for name, count in self.counts().items())
        left_out = f", {len(self.skipped)} left out" if self.skipped else ""
        return f"<Dataset of {len(self)} samples in {len(self.pairs)} pairs of files ({subsets}){left_out}>"

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> Batch: ...
    def __getitem__(self, index: Any) -> Sample | Batch:
        if isinstance(index, slice | Sequence) or np.ndim(index):
            return self.batch(index)
        which, row = self._rows.at(index)
        pair = self.pairs[which]
        gathers, velocity = _with_maps(self._rows.read(which, row), MAP)
        return Sample(gathers, velocity, pair.subset.family, pair.subset.name, pair.gathers.path, row)

    def batch(self, indices: slice | Sequence[int] | np.ndarray) -> Batch:
        """Several samples, stacked.

        Args:
            indices: Their numbers, in any order; a slice, or a mask.

        Returns:
            The samples, in the order of `indices`.

        Raises:
            IndexError: If a number is out of range.
        """
        places = [self._rows.at(number) for number in self._rows.numbers(indices)]
        pairs = [self.pairs[which] for which, _ in places]
        gathers, velocity = _with_maps(self._rows.read_many(places), (len(places), *MAP))
        return Batch(
            gathers,
            velocity,
            tuple(pair.subset.family for pair in pairs),
            tuple(pair.subset.name for pair in pairs),
            tuple(pair.gathers.path for pair in pairs),
            np.array([row for _, row in places], int),
        )

    def counts(self) -> dict[str, int]:
        """How many samples there are.

        Returns:
            Name of the subset -> number.
        """
        found: dict[str, int] = {}
        for pair in self.pairs:
            found[pair.subset.name] = found.get(pair.subset.name, 0) + pair.samples
        return found

    def part(self, name: str, division: Mapping[str, str] | None = None) -> "Dataset":
        """The samples of a part.

        Args:
            name: "train" or "test" of OpenFWI's own division, or a part of `division`.
            division: Name of a pair -> its part, of `split` or `read_split`.

        Returns:
            A dataset of the same files, fewer of them.

        Raises:
            ValueError: If there is no such part, or nothing of it is here.
        """
        parts = {pair.name: pair.part for pair in self.pairs} if division is None else dict(division)
        chosen = {file for file, part in parts.items() if part == name}
        here = [pair for pair in self.pairs if pair.name in chosen]
        if not here:
            known = ", ".join(sorted(set(parts.values()))) or "nothing"
            raise ValueError(f"no file of `{self.folder}` is of part {name!r}; there is {known}.")
        absent = chosen - {pair.name for pair in here}
        if absent:
            listed = ", ".join(sorted(absent)[:5]) + (", ..." if len(absent) > 5 else "")
            warnings.warn(f"{len(absent)} of {len(chosen)} files of part {name!r} are not here: {listed}", stacklevel=2)
        fewer = object.__new__(type(self))
        fewer.folder, fewer.reader, fewer.skipped, fewer.maps = self.folder, self.reader, self.skipped, self.maps
        fewer._hold(here)
        return fewer


def _with_maps(arrays: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Gathers, and maps, which are NaN where none were read."""
    return arrays if len(arrays) > 1 else (*arrays, np.full(shape, np.nan, np.float32))


def _opened(found: Found, validate: Validation, reader: RowReader, *, maps: bool) -> FilePair:
    """A pair that passed."""
    fault = fault_of(found, maps=maps)
    if fault is not None:
        raise DamagedFile(fault)
    assert found.subset is not None and found.index is not None and found.gathers is not None  # noqa: PT018
    gathers = opened_as(found.gathers, (GATHERS, SHRUNK), reader.retries)
    velocity = None if found.velocity is None else opened_as(found.velocity, ((1, *MAP), MAP), reader.retries)
    if velocity is not None:
        same_length((gathers, velocity))
        believable_velocity(velocity, rows_of(velocity.shape[0], validate), reader)
    believable_gathers(gathers, rows_of(gathers.shape[0], validate), reader)
    return FilePair(found.name, found.subset, part_of(found.subset, found.index), gathers, velocity)
