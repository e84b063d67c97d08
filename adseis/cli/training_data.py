"""The two parts of the data of a training, from the folders and the division that a user names."""

import zlib
from pathlib import Path
from typing import NamedTuple

import jax

from adseis.cli.training_options import FolderOfData
from adseis.data import openfwi
from adseis.training.presets import Preset

TRAIN, VALIDATION = "train", "validation"
SPLIT = "split.txt"
HELD = 2e9
"""Bytes of samples that are kept in memory."""


class Parts(NamedTuple):
    """Data that teach, and data that judge.

    Attributes:
        train: Samples to learn from.
        validation: Samples that are held back.
        division: File -> part, of the folder that both are from; nothing where they are of two folders.
    """

    train: openfwi.Dataset
    validation: openfwi.Dataset
    division: dict[str, str]


def read_parts(options: FolderOfData, *, labels: bool = True) -> Parts:
    """Open the data, and divide them by files.

    Args:
        options: Where they are.
        labels: Whether maps are needed; if not, gathers may stand alone, and waveforms then judge what is predicted of them.

    Returns:
        Both parts.

    Raises:
        FileNotFoundError: If a folder or file does not exist.
        ValueError: If files are damaged, or a part would be empty.
    """
    data = opened(options.data, options.subsets, labels=labels)
    if options.validation is not None:
        if options.split is not None:
            raise ValueError("`validation` and `split` both say what is held back. Give one of them.")
        return Parts(data, opened(options.validation, options.subsets, labels=labels), {})
    division = openfwi.split(data) if options.split is None else openfwi.read_split(options.split)
    given = {division.get(pair.name) for pair in data.pairs}
    for name in (TRAIN, VALIDATION):
        if name not in given:
            raise ValueError(
                f"nothing is left for {name}: `{options.data}` holds {len(data.pairs)} pair(s) of files, and whole files are "
                "dealt out. Make smaller files (adseis synthesize openfwi --samples-per-file), or name a folder by --validation."
            )
    return Parts(data.part(TRAIN, division), data.part(VALIDATION, division), division)


def opened(folder: Path, subsets: tuple[str, ...] = (), *, labels: bool = True) -> openfwi.Dataset:
    """A dataset.

    Args:
        folder: Where it is.
        subsets: Those to take; all if there are none.
        labels: Whether it has to have maps.

    Returns:
        It.

    Raises:
        FileNotFoundError: If there are no files.
        ValueError: If a file is damaged.
    """
    return openfwi.Dataset(folder, subsets=subsets or None, maps=True if labels else None)


def identity(data: openfwi.Dataset) -> str:
    """What tells one set of samples from another: names and lengths of its files.

    Args:
        data: The set.

    Returns:
        A short word.
    """
    text = ";".join(f"{pair.name}:{pair.samples}" for pair in data.pairs)
    return f"{len(data)} samples, {zlib.crc32(text.encode()):08x}"


def check_sizes(preset: Preset, data: openfwi.Dataset, samples: int | None = None) -> None:
    """See before a training that what it is judged by can be predicted.

    Args:
        preset: What is trained.
        data: What is held back.
        samples: How many of it are to be predicted; None for all.

    Raises:
        ValueError: If there are none, or gathers are of another size than the network takes.
    """
    if samples is not None and samples < 1:
        raise ValueError(f"`validate` = {samples} must be at least 1, or left out for all that is held back.")
    given = jax.ShapeDtypeStruct((1, *data.pairs[0].gathers.shape[1:]), "float32")
    jax.eval_shape(preset.transforms.sized, given)


def fits(data: openfwi.Dataset, *, small: bool, count: int | None = None) -> bool:
    """Whether all samples may be kept in memory.

    Args:
        data: The set.
        small: Whether as small gathers.
        count: How many of them are used; None for all.

    Returns:
        Whether they take less than `HELD`.
    """
    each = 4 * (5 * 72 * 72 if small else 5 * 1000 * 70) + 4 * 70 * 70
    return each * (len(data) if count is None else min(count, len(data))) < HELD
