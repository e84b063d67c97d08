"""E-FWI, OpenFWI's elastic sibling: two components of particle velocity, and maps of P- and S-wave speed."""

import os
import re
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
from adseis.data.openfwi_discovery import walk
from adseis.data.openfwi_files import ArrayFile, DamagedFile, RowReader
from adseis.data.openfwi_layout import GATHERS, MAP, SUBSETS, Subset, subset_called
from adseis.data.openfwi_rows import Rows

ROLES = ("vx", "vz", "vp", "vs")
NAMES: dict[str, tuple[str, ...]] = {
    "vx": ("vx", "data_x", "data_vx"),
    "vz": ("vz", "data_z", "data_vz"),
    "vp": ("vp", "model_vp"),
    "vs": ("vs", "model_vs"),
}
"""What stands before the numbers of a file's name: `vx7.npy`, `vx_7.npy`, `vx6_1_0.npy`."""


class ElasticSample(NamedTuple):
    """Maps and their gathers.

    Attributes:
        vx: Horizontal component, `(5, 1000, 70)`: shot, time, receiver.
        vz: Vertical component.
        vp: P-wave speed [m/s], `(70, 70)`: z, x.
        vs: S-wave speed [m/s].
        subset: Such as "curve-fault-b".
        file: The file of vx.
        row: Number of the sample in the file.
    """

    vx: Float[np.ndarray, "5 1000 70"]
    vz: Float[np.ndarray, "5 1000 70"]
    vp: Float[np.ndarray, "70 70"]
    vs: Float[np.ndarray, "70 70"]
    subset: str
    file: Path
    row: int


class ElasticBatch(NamedTuple):
    """Several samples, stacked: the fields of `ElasticSample`."""

    vx: Float[np.ndarray, "sample 5 1000 70"]
    vz: Float[np.ndarray, "sample 5 1000 70"]
    vp: Float[np.ndarray, "sample 70 70"]
    vs: Float[np.ndarray, "sample 70 70"]
    subset: tuple[str, ...]
    file: tuple[Path, ...]
    row: Int[np.ndarray, " sample"]


class _Group(NamedTuple):
    """Files of the same folder and number."""

    name: str
    subset: Subset | None
    paths: dict[str, Path]


class ElasticDataset:
    """Samples of E-FWI's files: `data[7]` is an `ElasticSample`, `data[10:20]` and `data.batch(indices)` are an `ElasticBatch`.

    Four files belong together: of the same numbers in their names, below one folder of a subset (`EFVA` or `E_FlatVel_A`).

    Args:
        folder: The folder of a subset, or of folders of subsets.
        names: How files are called where it is not as in `NAMES`: "vx", "vz", "vp", "vs" -> what stands before the numbers.
        on_corrupt: As of `openfwi.Dataset`.
        validate: Likewise.
        mapped: Likewise.
        retries: Likewise.

    Attributes:
        folder: Where it is.
        skipped: What was left out: `.file` and `.reason` of each set of files.

    Raises:
        FileNotFoundError: If the folder holds no such files.
        ValueError: If a file is damaged or missing, or holds what cannot be.
        OSError: If a file cannot be read.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        names: Mapping[str, str] | None = None,
        on_corrupt: OnCorrupt = "raise",
        validate: Validation = "rows",
        mapped: bool = True,
        retries: int = 3,
    ):
        spelled = {**NAMES, **{role: (name,) for role, name in (names or {}).items()}}
        if set(spelled) != set(ROLES):
            raise ValueError(f"`names` = {names} must name some of {', '.join(ROLES)}.")
        self.folder, reader = Path(folder), RowReader(mapped=mapped, retries=retries)
        groups = _groups(self.folder, spelled)
        if not groups:
            raise FileNotFoundError(
                f"`{folder}` holds no files such as vx1.npy, vz1.npy, vp1.npy, vs1.npy. Unpack the download, or give `names`."
            )
        plain = RowReader(mapped=False, retries=retries)
        opened, self.skipped = opened_all(groups, lambda g: g.name, lambda g: _opened(g, validate, plain), on_corrupt)
        self._subsets = [subset.name for subset, _ in opened]
        self._rows = Rows([files for _, files in opened], (GATHERS, GATHERS, MAP, MAP), reader)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: SupportsIndex) -> ElasticSample: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> ElasticBatch: ...
    def __getitem__(self, index: Any) -> ElasticSample | ElasticBatch:
        if isinstance(index, slice | Sequence) or np.ndim(index):
            return self.batch(index)
        which, row = self._rows.at(index)
        vx, vz, vp, vs = self._rows.read(which, row)
        return ElasticSample(vx, vz, vp, vs, self._subsets[which], self._rows.files[which][0].path, row)

    def batch(self, indices: slice | Sequence[int] | np.ndarray) -> ElasticBatch:
        """Several samples, stacked.

        Args:
            indices: Their numbers, in any order; a slice, or a mask.

        Returns:
            The samples, in the order of `indices`.

        Raises:
            IndexError: If a number is out of range.
        """
        places = [self._rows.at(number) for number in self._rows.numbers(indices)]
        vx, vz, vp, vs = self._rows.read_many(places)
        subsets = tuple(self._subsets[which] for which, _ in places)
        files = tuple(self._rows.files[which][0].path for which, _ in places)
        return ElasticBatch(vx, vz, vp, vs, subsets, files, np.array([row for _, row in places], int))


def _groups(folder: Path, names: Mapping[str, tuple[str, ...]]) -> list[_Group]:
    """Sets of files, in the order of subsets and numbers."""
    roles = {name.lower(): role for role, spelled in names.items() for name in spelled}
    pattern = re.compile(rf"({'|'.join(map(re.escape, roles))})_?(\d+(?:_\d+)*)\.npy", re.IGNORECASE)
    root, order = folder.absolute(), list(SUBSETS.values())
    if not root.is_dir():
        raise FileNotFoundError(f"`{folder}` is no folder; give that of E-FWI's files, or of its subsets.")
    sets: dict[tuple[Path, tuple[int, ...]], _Group] = {}
    for path in walk(root):
        told = pattern.fullmatch(path.name)
        if told is not None:
            home, subset = _home(path.parent, root)
            number = tuple(map(int, told[2].split("_")))
            group = sets.setdefault((home, number), _Group(f"{home.relative_to(root.parent)}, {told[2]}", subset, {}))
            group.paths[roles[told[1].lower()]] = path
    return [
        group
        for _, group in sorted(
            sets.items(), key=lambda item: (order.index(item[1].subset) if item[1].subset else len(order), *item[0])
        )
    ]


def _home(folder: Path, root: Path) -> tuple[Path, Subset | None]:
    """The folder of a subset, below which its files stand."""
    for home in (folder, *folder.parents):
        subset = subset_called(home.name) or subset_called(home.name.lower().removeprefix("e"))
        if subset is not None or home == root:
            return home, subset
    return folder, None


def _opened(group: _Group, validate: Validation, reader: RowReader) -> tuple[Subset, tuple[ArrayFile, ...]]:
    """A set of files that passed."""
    some = next(iter(group.paths.values()))
    missing = [role for role in ROLES if role not in group.paths]
    if missing:
        raise DamagedFile(f"`{some}` is there, but not its {', '.join(missing)}. Download these too, or give `names`.")
    if group.subset is None:
        raise DamagedFile(f"`{some}` is of no known subset. Name its folder so, such as EFVA or E_FlatVel_A.")
    shapes = {role: (GATHERS,) if role in ("vx", "vz") else ((1, *MAP), MAP) for role in ROLES}
    files = tuple(opened_as(group.paths[role], shapes[role], reader.retries) for role in ROLES)
    same_length(files)
    vx, vz, vp, vs = files
    rows = list(rows_of(vx.shape[0], validate))
    believable_velocity(vp, rows, reader)
    believable_velocity(vs, rows, reader, slowest=0.0)
    for file in (vx, vz):
        believable_gathers(file, rows, reader)
    return group.subset, files
