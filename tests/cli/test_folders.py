"""Which folder a run takes: another run's is never touched."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from adseis.cli.folders import choose
from adseis.cli.runs import RunFolder


@dataclass(frozen=True)
class Job:
    """A configuration."""

    iterations: int = 3
    evaluations: int | None = None
    low: float = 1500.0
    output: Path | None = None
    overwrite: bool = False


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def started(job):
    """Its folder, with something in it that took time."""
    folder = RunFolder(choose(job, "waves"), job)
    folder.record(iteration=1, misfit=0.5)
    return folder.path


def test_each_run_has_its_own(capsys):
    """The first takes the plain name, others the next free one, and are told; each is found again, and so is a longer one."""
    assert started(Job()) == Path("runs/waves")
    assert capsys.readouterr().err == ""
    assert started(Job(low=1400.0)) == Path("runs/waves-2")
    assert (
        "runs/waves holds another run (--low: 1500.0 there, 1400.0 here); this one goes to runs/waves-2"
        in capsys.readouterr().err
    )
    assert started(Job(iterations=2)) == Path("runs/waves-3")
    assert choose(Job(low=1400.0), "waves") == Path("runs/waves-2")
    assert choose(Job(iterations=9), "waves") == Path("runs/waves")
    assert choose(Job(evaluations=9), "waves") == Path("runs/waves-4")  # which may end sooner


def test_a_named_folder():
    """It is taken by what it is the folder of; anything else is refused, or told to give it up, and only its files go."""
    place = Path("mine")
    started(Job(output=place))
    (place / "notes.txt").write_text("mine")
    assert choose(Job(iterations=4, output=place), "waves") == place
    for shorter in (Job(iterations=2, output=place), Job(evaluations=2, output=place)):
        with pytest.raises(FileExistsError, match="`output` = mine holds another run .* --overwrite"):
            choose(shorter, "waves")
    other = Job(low=1400.0, output=place, overwrite=True)
    assert choose(other, "waves") == place
    with RunFolder(place, Job(output=place)), pytest.raises(BlockingIOError, match="in use"):  # it is still at work
        RunFolder(place, other, overwrite=True)
    assert (place / "metrics.jsonl").stat().st_size > 0
    RunFolder(place, other, overwrite=True)
    assert (place / "metrics.jsonl").stat().st_size == 0
    assert (place / "notes.txt").read_text() == "mine"


def test_a_folder_of_unknown_results():
    """Results without a configuration are nobody's to overwrite."""
    Path("mine").mkdir()
    Path("mine/result.h5").write_bytes(b"something")
    with pytest.raises(FileExistsError, match="it has no config.toml"):
        choose(Job(output=Path("mine")), "waves")
