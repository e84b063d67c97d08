"""`adseis synthesize globaltomo`: data, page and configuration of a solver that costs nothing; complaints."""

import logging
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from globaltomo_files import recording, tiny

from adseis.cli.farm import ClusterOptions, synthesize_by_jobs
from adseis.cli.globaltomo_statistics import maps_of
from adseis.cli.main import main
from adseis.data import globaltomo
from adseis.data.globaltomo_solvers import SOLVERS
from adseis.data.synthesis import read_manifest, synthesize
from adseis.harmonics import evaluate

TIER = tiny("acoustic-small")


@dataclass(frozen=True)
class Cheap:
    """Waves that are none; a structure whose first number is large is not taken."""

    seed: int = 0
    recording: ClassVar = recording(TIER)

    def settings(self):
        return {"mesh": "none"}

    def __call__(self, harmonics, index):
        if harmonics[0] > 0.01:
            raise globaltomo.DrawAgain("too fast")
        ramp = np.linspace(-1, 1, 15)
        return globaltomo.Simulated(
            np.broadcast_to(ramp[:6], (*TIER.stations, 3, 6)),
            np.broadcast_to(ramp[:, None, None], (15, 16, 12)),
            np.broadcast_to(ramp[:, None, None] + 0j, (15, 12, 9)),
        )


@pytest.fixture
def adseis(capsys, monkeypatch, tmp_path):
    """Run a command line in a folder of its own; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SOLVERS, "acoustic-small", Cheap())

    def call(*argv):
        code = main(["synthesize", "globaltomo", *(str(word) for word in argv)])
        return code, *capsys.readouterr()

    yield call
    logging.getLogger("jax._src.callback").setLevel(logging.NOTSET)


WORDS = ("--tier", "acoustic-small", "--samples", 5, "--samples-per-file", 3, "--seed", 2)


def test_data_and_configuration(adseis, tmp_path, monkeypatch):
    """A second time nothing is made; the configuration that is left makes the same."""
    monkeypatch.setattr("adseis.cli.synthesize.write_ball_statistics", lambda generator, folder: folder)
    code, out, err = adseis(*WORDS, "--output", "made")
    assert code == 0, err
    assert "5 samples of tier acoustic-small: " in out
    assert len(globaltomo.Dataset("made", TIER)) == 5
    manifest = read_manifest("made")
    assert manifest["settings"]["draw"] == "LatinHypercube"
    times = {file: (tmp_path / "made" / file).stat().st_mtime_ns for file in manifest["files"]}
    assert adseis("--config", "made/config.toml")[0] == 0
    assert times == {file: (tmp_path / "made" / file).stat().st_mtime_ns for file in manifest["files"]}


def test_jobs(tmp_path, monkeypatch):
    """Leave what one process leaves."""
    pytest.importorskip("submitit", reason="jobs are sent by submitit, of the extra farm")
    monkeypatch.setitem(SOLVERS, "acoustic-small", Cheap())
    generator = globaltomo.maker("acoustic-small", 3, 2)
    synthesize_by_jobs(generator, tmp_path / "jobs", ClusterOptions(), cluster="debug", progress=False)
    synthesize(generator, tmp_path / "here", progress=False)
    assert read_manifest(tmp_path / "jobs") == read_manifest(tmp_path / "here")


@pytest.mark.slow  # draws pictures
def test_page(adseis, tmp_path):
    code, _, err = adseis(*WORDS)
    assert code == 0, err
    page = (tmp_path / "data/globaltomo/statistics.md").read_text()
    redrawn = read_manifest("data/globaltomo")["redrawn"]
    assert f"{len(redrawn)} structures were drawn again. The first: too fast." in page
    assert "| displacement at stations [m] | 1 | 0.688 |" in page
    assert "Solver: mesh none." in page
    for name in ("maps", "perturbations", "section", "snapshots"):
        assert f"({name}.png)" in page
        assert (tmp_path / f"data/globaltomo/{name}.png").stat().st_size > 10_000


def test_maps():
    """Of the first property, north up, at the places of the grid."""
    tier = tiny("elastic", degree=2)
    rows = np.random.default_rng(0).uniform(-1, 1, (3, tier.coefficients))
    maps = maps_of(tier, rows)
    assert maps.shape == (3, 5, 37, 73)
    there = evaluate(rows.reshape(3, 9, 3, 5)[1, :, 0, 4], np.array([60.0]), np.array([-90.0]), convention="globaltomo")
    np.testing.assert_allclose(maps[1, 4, 6, 18], there[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--samples", 0), "--samples 0 must be at least 1"),
        (("--samples-per-file", 0), "--samples-per-file 0 must be at least 1"),
        (("--family", "style-a"), "--family style-a is of no use to globaltomo: it is an option of openfwi. Leave it out"),
        (("--model", "vp.h5"), "--model vp.h5 is of no use to globaltomo"),
        (("--output", "theirs"), "--output theirs has seis already, and no manifest.json"),
    ],
)
def test_complaints(adseis, tmp_path, words, message):
    """One line, exit code 2, nothing written."""
    (tmp_path / "theirs/seis").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    code, _, err = adseis(*words)
    assert code == 2
    assert err.startswith("adseis: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
