"""Files are whole or absent, whatever happens while they are written."""

import os

import numpy as np
import pytest

from adseis.files import check_writable, discard_partial, written_whole


def test_success_replaces_the_file_and_leaves_nothing_else(tmp_path):
    """The suffix is kept, since numpy and matplotlib choose the format by it; parents are made."""
    path = tmp_path / "new" / "model.npy"
    for value in (1.0, 2.0):
        with written_whole(path) as partial:
            assert partial.suffix == ".npy"
            assert partial.parent == path.parent
            np.save(partial, np.full(3, value), allow_pickle=False)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), np.full(3, 2.0))
    assert os.listdir(path.parent) == ["model.npy"]


def test_failure_keeps_the_former_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail():
        with written_whole(path) as partial:
            partial.write_text("half")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_leftovers_of_killed_writers_go_and_other_files_stay(tmp_path):
    for name in (".run.0a1b2c3d.partial.h5", ".run2.0a1b2c3d.partial.h5", "run.h5"):
        (tmp_path / name).touch()
    discard_partial(tmp_path / "run.h5")
    assert sorted(os.listdir(tmp_path)) == [".run2.0a1b2c3d.partial.h5", "run.h5"]


def test_check_writable_creates_nothing(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []


def test_unwritable_places_raise_before_work(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match=r"cannot write to .*file/runs: .*Choose another directory"):
        check_writable(file / "runs")

    def write_into_a_file():
        with written_whole(file / "runs" / "result.h5"):
            pytest.fail("the block ran")

    def write_over_a_directory():
        with written_whole(tmp_path):
            pytest.fail("the block ran")

    def write_nothing():
        with written_whole(tmp_path / "empty.h5"):
            pass

    with pytest.raises(OSError, match="cannot write to"):
        write_into_a_file()
    with pytest.raises(OSError, match="is a directory"):
        write_over_a_directory()
    with pytest.raises(OSError, match="nothing was written for"):
        write_nothing()
