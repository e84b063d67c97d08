"""Names of OpenFWI's files: of published ones, there and back, and of what is none."""

import numpy as np
import pytest

from adseis.data import openfwi_layout as layout
from adseis.data.openfwi_dataset import Dataset
from adseis.data.openfwi_writing import shard_paths, write_shard


def test_the_published_files():
    """First and last names, and how many: 470,000 samples in all, 408,000 of them for training."""
    first = {name: layout.file_names(subset, 0).gathers.as_posix() for name, subset in layout.SUBSETS.items()}
    last = {name: layout.file_names(subset, subset.files - 1).velocity.as_posix() for name, subset in layout.SUBSETS.items()}
    assert first["flat-vel-a"] == first["style-b"] == "data/data1.npy"
    assert (first["flat-fault-a"], first["curve-fault-b"]) == ("seis2_1_0.npy", "seis6_1_0.npy")
    assert (last["curve-vel-b"], last["style-a"]) == ("model/model60.npy", "model/model134.npy")
    assert (last["curve-fault-a"], last["flat-fault-b"]) == ("vel4_1_35.npy", "vel8_1_35.npy")
    assert len({subset.abbreviation for subset in layout.SUBSETS.values()}) == 10
    assert [sum(x) for x in zip(*((s.train, s.test) for s in layout.SUBSETS.values()), strict=True)] == [408_000, 62_000]


@pytest.mark.parametrize("subset", layout.SUBSETS.values(), ids=layout.SUBSETS)
def test_names_there_and_back(subset):
    """Each pair is found by its two names, and the official test files are the last numbers."""
    tested = set()
    for index in range(subset.files):
        pair = layout.file_names(subset, index)
        told = [layout.named(path.name) for path in pair]
        assert [name.holds for name in told] == ["gathers", "velocity"]
        assert {layout.index_of(subset, name.number) for name in told} == {index}
        if layout.part_of(subset, index) == "test":
            tested.add(told[0].number[-1])
    assert tested == {"fault": {32, 33, 34, 35}, "vel": set(range(49, 61)), "style": set(range(121, 135))}[subset.family]


def test_spellings():
    """Of folders and of options; and of files."""
    for name in ("CurveFault_B", "curvefault-b", "curve-fault-b", "CFB"):
        assert layout.known_subset(name).long == "CurveFault-B"
    assert layout.subset_called("data") is None
    assert layout.named("CurveFault_A_seis2_1_0.npy") == ("gathers", "fault", (2, 0), "CurveFault_A")
    for name in ("data1.npz", "datax.npy", "seis2_2_0.npy", "000039dca2.npy"):
        assert layout.named(name) is None
    fault, vel = layout.SUBSETS["flat-fault-a"], layout.SUBSETS["flat-vel-a"]
    assert (
        [layout.index_of(fault, n) for n in ((6, 0), (7,))] == [layout.index_of(vel, n) for n in ((0,), (2, 0))] == [None, None]
    )
    with pytest.raises(ValueError, match="'salt' is none of OpenFWI's subsets: flat-vel-a, "):
        layout.known_subset("salt")


def test_a_shard_is_written_as_published(tmp_path):
    """Folder, name, shape and type; and nothing else is left behind."""
    gathers, velocity = np.zeros((2, 5, 1000, 70)), np.full((2, 70, 70), 2000)
    paths = write_shard(tmp_path, "CFB", 4, gathers, velocity)
    assert paths == shard_paths(tmp_path, "curve-fault-b", 4)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == [
        "CurveFault_B/seis7_1_1.npy",
        "CurveFault_B/vel7_1_1.npy",
    ]
    data, maps = (np.load(path) for path in paths)
    assert (data.shape, data.dtype, maps.shape, maps.dtype) == ((2, 5, 1000, 70), "float32", (2, 1, 70, 70), "float32")
    assert np.load(write_shard(tmp_path, "sb", 0, np.zeros((1, 5, 72, 72), "float16"), velocity[:1]).gathers).dtype == "float16"


@pytest.mark.parametrize(
    ("gathers", "velocity", "said"),
    [
        (np.zeros((2, 5, 100, 70)), np.ones((2, 70, 70)), r"`gathers` \(2, 5, 100, 70\) must be \(sample, 5, 1000, 70\)"),
        (np.zeros((2, 5, 1000, 70)), np.ones((1, 70, 70)), r"`velocity` \(1, 70, 70\) must be \(2, 70, 70\)"),
        (np.zeros((2, 5, 72, 72)), np.array([1.0, np.nan])[:, None, None] * np.ones((70, 70)), "`velocity` of sample 1 are not"),
    ],
)
def test_what_is_not_written(tmp_path, gathers, velocity, said):
    """Before a file is touched."""
    with pytest.raises(ValueError, match=said):
        write_shard(tmp_path, "flat-vel-a", 0, gathers, velocity)
    assert list(tmp_path.iterdir()) == []


def test_arrays_stored_by_columns_are_written_by_rows(tmp_path):
    """What a transposition leaves is read again: the reader maps files row by row, and refuses others."""
    gathers, maps = np.ones((2, 5, 72, 72), "float32"), np.full((70, 70, 2), 3000.0, "float32").T
    assert not maps.flags.c_contiguous
    write_shard(tmp_path, "flat-vel-a", 0, gathers, maps)
    np.testing.assert_array_equal(Dataset(tmp_path)[1].velocity, maps[1])
