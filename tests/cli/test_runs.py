"""What a run leaves, and what survives a kill."""

import json
from dataclasses import dataclass

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from adseis.cli.info import Info, describe_installation, describe_run, run
from adseis.cli.invert import Invert
from adseis.cli.runs import RunFolder
from adseis.cli.source_setting import Stations
from adseis.data.arrays import StoredArray
from adseis.files import read_json_lines


@dataclass(frozen=True)
class Job:
    """A configuration."""

    iterations: int = 3
    name: str | None = None


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "toy", Job(), seed=7)
    folder.record(iteration=0, misfit=2.0)
    folder.record(iteration=1, misfit=jnp.asarray(0.5), step=np.float64("nan"))
    folder.write_result({"vp": StoredArray(np.full((3, 4), 2000.0), "m/s", "z x", (10.0, 10.0))})
    folder.save_picture("misfit", Figure())
    folder.save_picture("error", Figure())
    folder.write_report("Toy", {"misfit": 0.123456789, "iterations": 2}, text="A toy.", setting={"dt (s)": 0.5})
    return folder


def test_contents(folder):
    """A run folder holds exactly what design section 6 lists, and nothing temporary."""
    names = ["config.toml", "error.png", "metrics.jsonl", "misfit.png", "report.md", "result.h5", "versions.json"]
    assert sorted(path.name for path in folder.path.glob("[!.]*")) == names
    records = read_json_lines(folder.path / "metrics.jsonl")
    assert records == [{"iteration": 0, "misfit": 2.0}, {"iteration": 1, "misfit": 0.5, "step": None}]
    versions = json.loads((folder.path / "versions.json").read_text())
    assert versions["seed"] == 7
    assert {"python", "adseis", "jax", "jaxlib", "numpy", "scipy", "platform", "device"} <= versions.keys()
    report = (folder.path / "report.md").read_text()
    assert "# Toy\n\nA toy." in report
    assert "| result | |\n|---|---|\n| misfit | 0.123457 |" in report
    assert "| made with | |\n|---|---|\n| dt (s) | 0.5 |" in report
    assert "![misfit](misfit.png)" in report
    with h5py.File(folder.path / "result.h5") as file:
        assert file["vp"].fletcher32
        assert dict(file["vp"].attrs)["units"] == "m/s"
        assert file["vp"].attrs["axes"] == "z x"


@pytest.mark.parametrize("torn", ['{"iteration": 2, "mis', '{"iteration": 2', "\x00\x00"])
def test_resume_after_a_kill(folder, torn):
    """The replay of a resumed run repeats its records: the file ends as if nothing had happened, torn line gone."""
    with (folder.path / "metrics.jsonl").open("a") as file:
        file.write(torn)
    (folder.path / ".result.1234abcd.partial.h5").write_bytes(b"half")
    (folder.path / "report.md").unlink()
    resumed = RunFolder(folder.path, Job())
    assert resumed.resumed
    for iteration, misfit in enumerate([2.0, 0.5, 0.25]):
        resumed.record(iteration=iteration, misfit=misfit)
    assert [record["iteration"] for record in read_json_lines(folder.path / "metrics.jsonl")] == [0, 1, 2]
    assert not list(folder.path.glob(".*.partial*"))


@pytest.mark.parametrize("finished", [True, False])
def test_another_run_is_refused(folder, finished):
    """What was computed there stays as it is, finished or not."""
    if not finished:
        (folder.path / "report.md").unlink()
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(FileExistsError, match=r"holds another run \(--name: none there, other here\)"):
        RunFolder(folder.path, Job(name="other"))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_the_same_run_again(folder):
    """A finished one is left alone; to be longer, it goes on, and its former report stays under another name."""
    before = (folder.path / "report.md").read_text()
    assert RunFolder(folder.path, Job()).finished
    longer = RunFolder(folder.path, Job(iterations=5))
    assert longer.resumed
    assert not longer.finished
    assert len(read_json_lines(folder.path / "metrics.jsonl")) == 2
    assert not (folder.path / "report.md").exists()
    (kept,) = folder.path.glob("report-before-*.md")
    assert kept.read_text() == before


def test_nothing_computed_is_nothing_lost(tmp_path):
    """A run that failed before its first iteration does not keep its folder from a corrected one."""
    RunFolder(tmp_path, Job(name="mistake"))
    assert not RunFolder(tmp_path, Job()).resumed


def test_one_process_at_a_time(folder):
    with folder, pytest.raises(BlockingIOError, match="in use by another process"):
        RunFolder(folder.path, Job())


def test_a_report_shows_its_own_pictures(folder):
    """Not those that something else left in the folder."""
    (folder.path / "foreign.png").touch()
    folder.write_report("Toy", {})
    assert "foreign" not in (folder.path / "report.md").read_text()


def test_records_of_bands(tmp_path):
    """With a key of two names, iteration 0 of each band is a record of its own."""
    folder = RunFolder(tmp_path, Job(), key=("band", "iteration"))
    for band in (0, 1, 1):
        folder.record(band=band, iteration=0)
    assert len(read_json_lines(tmp_path / "metrics.jsonl")) == 2


def test_faults(tmp_path, folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write to .*file"):
        RunFolder(tmp_path / "file" / "run", Job())
    (folder.path / "metrics.jsonl").write_text('{"iteration": 0\n{"iteration": 1}\n')
    with pytest.raises(ValueError, match="metrics.jsonl`: line 1 is damaged"):
        read_json_lines(folder.path / "metrics.jsonl")


def test_info(folder, capsys):
    """The summary begins with the result; pictures are in the order of the report, arrays have units, options are as typed."""
    assert run(Info(folder.path)) == 0
    text = capsys.readouterr().out
    pieces = ("toy (finished)", "misfit      0.123457", "metrics: 2 records", "misfit     0.5", "misfit.png\n  error.png",
              "float64 (z x) = (3, 4) [m/s]", "--iterations 3")  # fmt: skip
    places = [text.index(piece) for piece in pieces]
    assert places == sorted(places)
    assert "none" not in text
    assert "dt" not in text
    (folder.path / "report.md").unlink()
    assert "(not finished: the same command continues it)" in describe_run(folder.path)
    assert "jaxlib" in describe_installation()
    assert run(Info()) == 0


def test_info_tells_no_default(tmp_path):
    """Of a command's configuration only what was asked for."""
    RunFolder(tmp_path, Invert(low=1500.0, bands=(3.0, 5.0), stations=Stations(surface=3)))
    options = describe_run(tmp_path).partition("options other than by default\n")[2].split()
    assert options == ["--bands", "3", "5", "--low", "1500", "--stations.surface", "3"]


def test_info_faults(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="no run folder at"):
        describe_run(tmp_path / "absent")
    with pytest.raises(ValueError, match="is no run folder: it has no config.toml"):
        describe_run(tmp_path)
    (folder.path / "result.h5").write_bytes(b"half")
    with pytest.raises(ValueError, match="result.h5` is damaged"):
        describe_run(folder.path)
