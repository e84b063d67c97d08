"""TOML to dataclass and back, every mistake named."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import tyro

from adseis.cli.configuration import dump, dumps, load


@dataclass(frozen=True)
class Band:
    """A nested table."""

    corner: float = 3.0
    passes: int = 1


@dataclass(frozen=True)
class Job:
    """Every kind of field that a configuration uses."""

    model: Path | None = None
    axes: str | None = "xz"
    iterations: int = 10
    bounds: tuple[float, float] = (1500.0, 4700.0)
    angles: tuple[float, ...] = ()
    method: Literal["l-bfgs-b", "adam"] = "l-bfgs-b"
    noise: float | None = None
    gain: int | str | None = 1
    free_surface: Annotated[bool, tyro.conf.arg(help="h")] = False
    band: Band = field(default_factory=Band)
    extra: Any = 0


@dataclass(frozen=True)
class Required:
    """A field without default."""

    model: Path
    n: int = 1


def written(tmp_path, text):
    (tmp_path / "job.toml").write_text(text)
    return tmp_path / "job.toml"


@pytest.mark.parametrize(
    "job",
    [
        Job(),
        Job(Path("a/b.mat"), None, 3, (1.5, 2.0), (-30.0, 30.0), "adam", 0.5, "high", True, Band(1e-3, 2), "x"),
        Job(noise=float("inf"), gain=None),
    ],
)
def test_round_trip(tmp_path, job):
    dump(job, tmp_path / "job.toml")
    assert load(Job, tmp_path / "job.toml") == job
    assert dumps(job).count("=") == 12  # every field of both tables is written out


def test_partial_file(tmp_path):
    """Only what the file names changes; whole numbers serve where floats are wanted."""
    path = written(tmp_path, 'iterations = 3\nbounds = [1, 2]\nmodel = "m.npy"\n[band]\ncorner = 5')
    job = load(Job, path)
    assert job == Job(model=Path("m.npy"), iterations=3, bounds=(1.0, 2.0), band=Band(corner=5.0))
    assert type(job.bounds[0]) is type(job.band.corner) is float
    assert load(Required, written(tmp_path, "n = 2")).model is tyro.MISSING


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("iteration = 3", ValueError, r"job.toml`: unknown key `iteration`; the nearest valid names are iterations"),
        ("free-surface = true", ValueError, "names are free_surface"),
        ("zzz = 3", ValueError, "names are angles, axes, band, bounds"),
        ("[band]\ncorners = 3", ValueError, "`band` unknown key `corners`; the nearest valid names are corner"),
        ("iterations = 3.5", TypeError, "`iterations` = 3.5 is of type float; it must be int"),
        ("iterations = true", TypeError, "of type bool; it must be int"),
        ('noise = "loud"', TypeError, "`noise` = 'loud' is of type str; it must be float"),
        ("gain = [1]", TypeError, r"`gain` = \[1\] must be int or str or 'none'"),
        ("band = 3", TypeError, "it must be Band"),
        ("angles = 3", TypeError, r"`angles` = 3 is of type int; it must be tuple\[float, ...\]"),
        ("angles = ['a']", TypeError, "`angles` = 'a' is of type str"),
        ("bounds = [1.0]", ValueError, r"`bounds` = \[1.0\] must have 2 entries"),
        ('method = "sgd"', ValueError, "must be one of 'l-bfgs-b', 'adam'"),
        ("iterations = = 3", ValueError, "job.toml` is not valid TOML: .*line 1"),
    ],
)
def test_faults(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        load(Job, written(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no configuration file at .*absent.toml"):
        load(Job, tmp_path / "absent.toml")
