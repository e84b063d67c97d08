"""Divisions by file: whole files, each once, the same shares in every subset, the same again by the same seed; and as text."""

import numpy as np
import pytest

from adseis.data import openfwi
from adseis.data.openfwi_layout import SHRUNK
from adseis.data.openfwi_splits import _dealt

COUNTS = {"flat-vel-a": 10, "curve-fault-b": 6, "style-a": 2, "style-b": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two samples a file."""
    place = tmp_path_factory.mktemp("openfwi")
    for subset, count in COUNTS.items():
        for index in range(count):
            paths = openfwi.shard_paths(place, subset, index)
            for path, shape in zip(paths, (SHRUNK, (1, 70, 70)), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, np.full((2, *shape), 2000.0, "float32"))
    return place


@pytest.fixture(scope="module")
def data(folder):
    return openfwi.Dataset(folder)


def test_files_are_dealt_out_whole_and_evenly(data):
    """Largest remainder of 0.7 and 0.3: 7 + 3, 4 + 2, 1 + 1 (0.6 of a file is one), 1 + 0."""
    division = openfwi.split(data, {"train": 0.7, "validation": 0.3}, seed=1)
    assert list(division) == [pair.name for pair in data.pairs]
    train, validation = (data.part(part, division) for part in ("train", "validation"))
    assert train.counts() == {"flat-vel-a": 14, "curve-fault-b": 8, "style-a": 2, "style-b": 2}
    assert validation.counts() == {"flat-vel-a": 6, "curve-fault-b": 4, "style-a": 2}
    assert not {pair.gathers.path for pair in train.pairs} & {pair.gathers.path for pair in validation.pairs}
    assert len(train) + len(validation) == len(data)


def test_by_seed(data, folder):
    """The same seed, the same division, whatever other subsets are there; another seed, another."""
    division = openfwi.split(data, seed=3)
    assert openfwi.split(openfwi.Dataset(folder), seed=3) == division
    assert openfwi.split(data, seed=4) != division
    alone = openfwi.split(openfwi.Dataset(folder, subsets="FVA"), seed=3)
    assert len(alone) == 10
    assert alone.items() <= division.items()


def test_every_part_gets_a_file():
    """However small its share, where there are enough."""
    assert _dealt(3, [0.98, 0.01, 0.01]) == [1, 1, 1]
    assert _dealt(100, [0.98, 0.01, 0.01]) == [98, 1, 1]
    assert _dealt(4, [0.9, 0.05, 0.05]) == [2, 1, 1]
    assert _dealt(1, [0.5, 0.25, 0.25]) == [1, 0, 0]


def test_as_text(data, tmp_path):
    """Written, read, edited by hand; names may hold blanks."""
    division = openfwi.split(data) | {"other disk/FlatVel_A/data/data77.npy": "train"}
    path = tmp_path / "split.txt"
    openfwi.write_split(path, division)
    assert path.read_text().splitlines()[0] in (f"{part} FlatVel_A/data/data1.npy" for part in ("train", "validation"))
    path.write_text("# by hand\n\n" + path.read_text())
    assert openfwi.read_split(path) == division
    with pytest.warns(UserWarning, match="1 of 16 files of part 'train' are not here: other disk/FlatVel_A/data/data77.npy"):
        data.part("train", division)


def test_the_official_division(data):
    """Of so few files all are for training; 49 and above are not."""
    assert data.part("train").counts() == data.counts()
    with pytest.raises(ValueError, match="is of part 'test'; there is train"):
        data.part("test")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train a.npy\nvalidation a.npy\n", "line 2: a.npy stands there twice"),
        ("train a.npy\nvalidation\n", "line 2: 'validation' is not a part and a file"),
    ],
)
def test_damaged_text(tmp_path, text, said):
    """By line."""
    path = tmp_path / "split.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        openfwi.read_split(path)


def test_errors(data, tmp_path):
    """Shares, and names that are no words."""
    with pytest.raises(ValueError, match="must be positive and add up to 1"):
        openfwi.split(data, {"train": 0.8, "validation": 0.3})
    with pytest.raises(ValueError, match="names a part 'for training'; a name is one word"):
        openfwi.split(data, {"for training": 1.0})
    with pytest.raises(ValueError, match="'a\\\\nb.npy': 'train', which is no file"):
        openfwi.write_split(tmp_path / "split.txt", {"a\nb.npy": "train"})
    with pytest.raises(ValueError, match="no file of .* is of part 'exam'; there is train, validation"):
        data.part("exam", openfwi.split(data))
