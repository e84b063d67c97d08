"""Kaggle's "Geophysical Waveform Inversion": gathers without maps, one sample a file, and the table that is handed in.

The training set of that competition is read by `openfwi.Dataset`.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, SupportsIndex, overload

import numpy as np
from jaxtyping import Array, Float, Real

from adseis.data.openfwi_checks import OnCorrupt, believable_gathers, opened_all
from adseis.data.openfwi_files import ArrayFile, DamagedFile, RowReader, examine
from adseis.data.openfwi_layout import GATHERS, MAP
from adseis.data.openfwi_rows import Rows
from adseis.files import written_whole

COLUMNS = tuple(range(1, MAP[1], 2))
"""Of a map that are handed in."""
HEADER = ",".join(["oid_ypos", *(f"x_{column}" for column in COLUMNS)])


class KaggleSample(NamedTuple):
    """Gathers whose map is asked for.

    Attributes:
        gathers: `(5, 1000, 70)`.
        oid: Name of the sample, that of its file.
    """

    gathers: Float[np.ndarray, "5 1000 70"]
    oid: str


class KaggleBatch(NamedTuple):
    """Several of them.

    Attributes:
        gathers: `(sample, 5, 1000, 70)`.
        oid: Names of the samples.
    """

    gathers: Float[np.ndarray, "sample 5 1000 70"]
    oid: tuple[str, ...]


class KaggleTest:
    """Kaggle's test set: `data[7]` is a `KaggleSample`, `data[10:20]` and `data.batch(indices)` are a `KaggleBatch`.

    Args:
        folder: The folder of the files `<oid>.npy`; it may be that of the competition, which holds it as `test`.
        on_corrupt: "raise" for the first damaged file; "skip" leaves it out and warns, but a table that is handed in wants all.
        validate: "headers" (shapes, types, sizes of files) or "all" (every value).
        retries: How often an `OSError` is answered by another try.

    Attributes:
        folder: Where the files are.
        oids: Names of the samples, sorted.
        skipped: What was left out: `.file` and `.reason` of each.

    Raises:
        FileNotFoundError: If there are no files.
        ValueError: If a file is damaged.
        OSError: If a file cannot be read.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        on_corrupt: OnCorrupt = "raise",
        validate: Literal["headers", "all"] = "headers",
        retries: int = 3,
    ):
        self.folder = Path(folder, "test") if Path(folder, "test").is_dir() else Path(folder)
        paths = sorted(p for p in self.folder.glob("*.npy") if not p.name.startswith("."))
        if not paths:
            raise FileNotFoundError(f"`{folder}` holds no files such as test/000039dca2.npy. Unpack the download of Kaggle.")
        reader = RowReader(mapped=False, retries=retries)

        def opened(path: Path) -> ArrayFile:
            file = examine(path, retries)
            if file.shape != GATHERS:
                raise DamagedFile(f"`{path}` holds {file.shape}, where {GATHERS} is wanted. Is it of the test set?")
            one = file._replace(shape=(1, *GATHERS))
            if validate == "all":
                believable_gathers(one, [0], reader)
            return one

        files, self.skipped = opened_all(paths, lambda path: path.name, opened, on_corrupt)
        self.oids = tuple(file.path.stem for file in files)
        self._rows = Rows([(file,) for file in files], (GATHERS,), reader)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: SupportsIndex) -> KaggleSample: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> KaggleBatch: ...
    def __getitem__(self, index: Any) -> KaggleSample | KaggleBatch:
        if isinstance(index, slice | Sequence) or np.ndim(index):
            return self.batch(index)
        which, row = self._rows.at(index)
        return KaggleSample(self._rows.read(which, row)[0], self.oids[which])

    def batch(self, indices: slice | Sequence[int] | np.ndarray) -> KaggleBatch:
        """Several samples, stacked.

        Args:
            indices: Their numbers, in any order; a slice, or a mask.

        Returns:
            The samples, in the order of `indices`.

        Raises:
            IndexError: If a number is out of range.
        """
        places = [self._rows.at(number) for number in self._rows.numbers(indices)]
        return KaggleBatch(self._rows.read_many(places)[0], tuple(self.oids[which] for which, _ in places))


def write_submission(
    path: str | os.PathLike[str],
    predictions: Mapping[str, Real[Array | np.ndarray, "70 70"]] | Iterable[tuple[str, Real[Array | np.ndarray, "70 70"]]],
    *,
    digits: int = 2,
) -> int:
    """Write predicted maps as the table that Kaggle takes, whole or not at all: of each row, every second column.

    Maps are taken one by one, so that an iterator need not hold all.

    Args:
        path: File to write, `.csv`.
        predictions: Name of the sample -> map [m/s] `(70, 70)`, or pairs of them.
        digits: Decimals that are kept.

    Returns:
        How many maps were written.

    Raises:
        ValueError: If a map has another shape or holds what is not finite, or a name comes twice.
        OSError: If the file cannot be written.

    Example:
        >>> test = openfwi.KaggleTest("waveform-inversion")  # doctest: +SKIP
        >>> openfwi.write_submission("submission.csv", ((s.oid, predict(s.gathers)) for s in test))  # doctest: +SKIP
    """
    form = ",".join([f"%.{digits}f"] * len(COLUMNS))
    seen = set()
    with written_whole(path) as partial, partial.open("w", encoding="ascii", newline="\n") as file:
        file.write(HEADER + "\n")
        for oid, predicted in predictions.items() if isinstance(predictions, Mapping) else predictions:
            values = np.asarray(predicted)
            if values.shape != MAP or not np.isfinite(values).all():
                raise ValueError(f"the map of {oid} {values.shape} must be (70, 70), of finite numbers.")
            if oid in seen:
                raise ValueError(f"{oid} comes twice; each sample has one map.")
            seen.add(oid)
            file.writelines(f"{oid}_y_{y},{form % tuple(row)}\n" for y, row in enumerate(values[:, COLUMNS].tolist()))
    return len(seen)


def read_submission(path: str | os.PathLike[str]) -> dict[str, Float[np.ndarray, "70 35"]]:
    """Read such a table.

    Args:
        path: File to read.

    Returns:
        Name of the sample -> the columns 1, 3, ..., 69 of its map [m/s].

    Raises:
        ValueError: If a column, a line or a row of a map is missing or cannot be read.
        OSError: If the file cannot be read.
    """
    rows: dict[str, dict[int, list[float]]] = {}
    with Path(path).open(encoding="ascii") as file:
        if file.readline().strip() != HEADER:
            raise ValueError(f"`{path}` does not begin with the columns oid_ypos, x_1, x_3, ..., x_69.")
        for number, line in enumerate(file, 2):
            try:
                name, *values = line.strip().split(",")
                oid, y = name.rsplit("_y_", 1)
                numbers = [float(value) for value in values]
            except ValueError:
                oid, y, numbers = "", "", []
            if len(numbers) != len(COLUMNS) or not y.isdecimal():
                raise ValueError(f"`{path}`, line {number}: {line.strip()[:40]!r} is not a row of a map.")
            rows.setdefault(oid, {})[int(y)] = numbers
    for oid, found in rows.items():
        if sorted(found) != list(range(MAP[0])):
            raise ValueError(f"`{path}`: {oid} has {len(found)} rows, not y_0 to y_69.")
    return {oid: np.array([found[y] for y in range(MAP[0])]) for oid, found in rows.items()}
