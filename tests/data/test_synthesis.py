"""Synthesis: the mechanics by a generator that costs nothing; OpenFWI-style data by a simulator that costs nothing."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock

from adseis.data import openfwi, synthesis
from adseis.data.model_crops import Crops
from adseis.data.models import Model
from adseis.data.openfwi_families import FAMILIES, draw, key_of
from adseis.data.openfwi_synthesis import AMPLITUDES, OpenFwi, facts_of
from adseis.data.synthesis import Task, read_manifest, receipts, synthesize
from adseis.files import written_whole


@dataclass
class Squares:
    """Files of a number each."""

    count: int = 4
    seed: int = 3
    fail_at: int | None = None
    made: int = 0
    name: str = "squares"

    def settings(self):
        return {"seed": self.seed, "samples": self.count}

    def tasks(self):
        return [Task(f"square-{i}", (f"squares/{i}.txt",), 1, 10, i) for i in range(self.count)]

    def make(self, task, folder, told):
        if task.what == self.fail_at:
            raise KeyboardInterrupt
        self.made += 1
        with written_whole(folder / task.files[0]) as partial:
            partial.write_text(f"{self.seed * task.what**2}\n")
        told(1)
        return {"square": task.what**2}


def contents(folder):
    """Every file that a run leaves, its lock aside."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != ".lock"}


def test_manifest_says_what_was_made(tmp_path):
    """Settings, versions, and the SHA-256 of each file; every file is where it says."""
    assert synthesize(Squares(), tmp_path, progress=False) == tmp_path / "manifest.json"
    manifest = read_manifest(tmp_path)
    assert manifest["generator"] == "squares"
    assert manifest["settings"] == {"seed": 3, "samples": 4}
    assert manifest["versions"].keys() >= {"adseis", "jax", "numpy"}
    assert manifest["done"] == 4
    assert {name: facts["sha256"] for name, facts in manifest["files"].items()} == {
        f"squares/{i}.txt": synthesis.digest(tmp_path / f"squares/{i}.txt") for i in range(4)
    }
    assert [receipt["facts"]["square"] for receipt in receipts(Squares(), tmp_path)] == [0, 1, 4, 9]


def test_a_run_that_stopped_goes_on(tmp_path):
    """What is done is not done again, and in the end all bytes are those of a run that was left alone."""
    synthesize(Squares(), tmp_path / "whole", progress=False)
    for fail_at in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            synthesize(Squares(fail_at=fail_at), tmp_path / "stopped", progress=False)
        assert read_manifest(tmp_path / "stopped")["done"] == fail_at
    (tmp_path / "stopped/squares/.3.abcd.partial.txt").write_text("torn")
    last = Squares()
    synthesize(last, tmp_path / "stopped", progress=False)
    assert last.made == 1
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    again = Squares()
    synthesize(again, tmp_path / "whole", progress=False)
    assert again.made == 0


def test_files_that_are_gone_are_made_again(tmp_path):
    """And a manifest or a receipt that is gone too."""
    synthesize(Squares(), tmp_path, progress=False)
    before = contents(tmp_path)
    for lost in ("squares/2.txt", "manifest.json", "tasks/square-1.json"):
        (tmp_path / lost).unlink()
        synthesize(Squares(), tmp_path, progress=False)
        assert contents(tmp_path) == before


def tampered(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_disagreements_are_told(tmp_path):
    """Of a file and its manifest, from either side; of settings; a manifest that is none. Nothing is touched."""
    synthesize(Squares(), tmp_path, progress=False)
    whole = contents(tmp_path)
    (tmp_path / "squares/2.txt").write_text("13\n")
    changed = r"manifest.json` says that squares/2.txt has the SHA-256 \w{12}..., the file has \w{12}.*Remove .*squares/2.txt"
    with pytest.raises(ValueError, match=changed):
        synthesize(Squares(), tmp_path, progress=False)
    (tmp_path / "squares/2.txt").unlink()
    synthesize(Squares(), tmp_path, progress=False)
    assert contents(tmp_path) == whole
    tampered(tmp_path / "manifest.json", read_manifest(tmp_path)["files"]["squares/1.txt"]["sha256"], 64 * "0")
    with pytest.raises(ValueError, match=r"squares/1.txt has the SHA-256 000000000000..., its receipt has"):
        synthesize(Squares(), tmp_path, progress=False)
    (tmp_path / "squares/1.txt").unlink()
    synthesize(Squares(), tmp_path, progress=False)
    assert contents(tmp_path) == whole
    with pytest.raises(FileExistsError, match=r"manifest.json says seed: 3 there, 4 here; samples: 4 there, 5 here"):
        synthesize(Squares(count=5, seed=4), tmp_path, progress=False)
    assert contents(tmp_path) == whole
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest.json` is damaged"):
        synthesize(Squares(), tmp_path, progress=False)


def test_folders_of_others_are_left_alone(tmp_path):
    """What no manifest tells of, and what another process works in."""
    (tmp_path / "squares").mkdir()
    with pytest.raises(FileExistsError, match=r"has squares already, and no manifest.json"):
        synthesize(Squares(), tmp_path, progress=False)
    assert contents(tmp_path) == {}
    with FileLock(tmp_path / "busy/.lock"), pytest.raises(BlockingIOError, match=r"busy is in use by another process"):
        synthesize(Squares(), tmp_path / "busy", progress=False)


def test_full_disks_and_forbidden_folders(tmp_path, monkeypatch):
    """One line: before anything is computed where the space is known not to do, else when a file does not fit; no part stays."""
    huge = Squares()
    monkeypatch.setattr(huge, "tasks", lambda: [Task("huge", ("huge.bin",), 1, 10**18)], raising=False)
    with pytest.raises(OSError, match=r"takes 1e\+09 GB more, and its disk has .* GB left"):
        synthesize(huge, tmp_path / "huge", progress=False)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adseis.files.os.replace", full)
    with pytest.raises(OSError, match=r"No space left on device"):
        synthesize(Squares(), tmp_path / "full", progress=False)
    assert contents(tmp_path / "full") == {}
    monkeypatch.undo()
    free = iter([10**9, 0])
    monkeypatch.setattr(synthesis.shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    monkeypatch.setattr(Squares, "make", lambda *_: (_ for _ in ()).throw(OSError("700 requested and 22 written")))
    with pytest.raises(OSError, match=r"cannot write squares/0.txt to .*full: no space is left. What is finished stays"):
        synthesize(Squares(), tmp_path / "full", progress=False)
    monkeypatch.undo()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write to .*file"):
        synthesize(Squares(), tmp_path / "file", progress=False)


def test_other_versions_are_told(tmp_path, monkeypatch):
    """And which file they made."""
    synthesize(Squares(), tmp_path, progress=False)
    (tmp_path / "squares/0.txt").unlink()
    now = {**synthesis.versions(), "jax": "99.0"}
    monkeypatch.setattr(synthesis, "versions", lambda: now)
    with pytest.warns(UserWarning, match=r"was begun with jax .*, now 99.0: the last bits of new files may differ"):
        synthesize(Squares(), tmp_path, progress=False)
    files = read_manifest(tmp_path)["files"]
    assert [name for name, facts in files.items() if "versions" in facts] == ["squares/0.txt"]


def cheap(maps):
    """Gathers that are none: their amplitude tells the map."""
    return np.broadcast_to(maps.mean((1, 2))[:, None, None, None] / 100, (len(maps), 5, 1000, 70))


TINY = OpenFwi(("curve-fault-b", "Style_A"), samples=3, samples_per_file=2, seed=5, simulate=cheap)


def test_openfwi_style_files(tmp_path):
    """They are read as OpenFWI's, hold the maps that their seed, family and number give, with the layers of the file's name; and
    their extremes and histograms are told."""
    synthesize(TINY, tmp_path, progress=False)
    names = ["CurveFault_B/seis6_1_0.npy", "CurveFault_B/seis7_1_0.npy", "Style_A/data/data1.npy", "Style_A/data/data2.npy"]
    assert sorted(name for name in read_manifest(tmp_path)["files"] if "seis" in name or "data" in name) == names
    data = openfwi.Dataset(tmp_path)
    assert data.counts() == {"curve-fault-b": 3, "style-a": 3}
    six = FAMILIES["curve-fault-b"]._replace(layers=(6, 6))
    np.testing.assert_array_equal(np.squeeze(data[1].velocity), draw(six, key_of(six, 5, 1)))
    np.testing.assert_array_equal(np.squeeze(data[5].velocity), draw(FAMILIES["style-a"], key_of(FAMILIES["style-a"], 5, 2)))
    facts = facts_of(receipts(TINY, tmp_path))
    assert {name: found["samples"] for name, found in facts.items()} == {"curve-fault-b": 3, "style-a": 3}
    assert facts["style-a"]["speeds"].sum() == 3 * 70 * 70
    means = np.array([data[i].velocity.mean() for i in range(3)]) / 100
    np.testing.assert_allclose(facts["curve-fault-b"]["amplitude"], [means.min(), means.max()], rtol=1e-5)
    assert facts["curve-fault-b"]["amplitudes"][np.searchsorted(AMPLITUDES, means[0]) - 1] >= 5 * 1000 * 70


def test_samples_do_not_depend_on_the_size_of_files(tmp_path):
    """But for the layers that names of Fault files count."""
    one, two = replace(TINY, families=("style-a",)), replace(TINY, families=("style-a",), samples_per_file=3)
    for generator, name in ((one, "one"), (two, "two")):
        synthesize(generator, tmp_path / name, progress=False)
    of_two, of_one = (openfwi.Dataset(tmp_path / name) for name in ("one", "two"))
    assert all((of_two[i].velocity == of_one[i].velocity).all() for i in range(3))


def model(values, spacing):
    return Model(values, spacing, "vp", "m/s", Path("earth.h5"))


DEPTHS = np.broadcast_to(1500.0 + 2.0 * 25 * np.arange(121)[:, None], (121, 401)).astype("float32")


@pytest.mark.parametrize("between", [None, (1500.0, 4500.0)])
def test_windows_of_a_model(between):
    """Of a speed that grows with depth by 2 m/s a metre, so that every row of a window tells its depth: to the smoothing within
    half a node's distance, which is exact but at the edges."""
    crops = Crops(model(DEPTHS, (25.0, 25.0)), (70, 70), between)
    spacings = []
    for sample in range(8):
        crop = crops.draw(0, sample)
        assert crop.values.shape == (70, 70)
        scale = 1.0 if between is None else 3000 / 6000
        depth = crop.corner[0] + crop.spacing * np.arange(70)
        np.testing.assert_allclose(crop.values[:, 0], 1500 + scale * 2 * depth, atol=scale * 2 * 25)
        np.testing.assert_allclose(crop.values[10:60, 0], 1500 + scale * 2 * depth[10:60], rtol=1e-5)
        assert (crop.values == crop.values[:, :1]).all()
        assert depth[-1] <= 3000 * 1.000001
        spacings.append(crop.spacing)
    assert 3000 / 69 / 3 <= min(spacings) < max(spacings) <= 3000 / 69
    again = crops.draw(0, 7)
    np.testing.assert_array_equal(again.values, crop.values)


def test_windows_of_a_volume():
    """Are sections along x or along y; their corner has three coordinates."""
    x = np.broadcast_to(1500 + np.arange(40.0), (30, 40, 40)).astype("float32")
    crops = Crops(model(x, (10.0, 10.0, 10.0)), (70, 70))
    drawn = [crops.draw(0, sample) for sample in range(8)]
    along_x = [len(np.unique(crop.values.round())) > 1 for crop in drawn]
    assert {True, False} == set(along_x)
    assert all(len(crop.corner) == 3 for crop in drawn)
    flat = next(crop for crop, varies in zip(drawn, along_x, strict=True) if not varies)
    np.testing.assert_allclose(flat.values, 1500 + flat.corner[2] / 10, rtol=1e-6)


def test_windows_are_written(tmp_path):
    """In files of Vel's names, which a reader takes for the subset that it is told; the manifest says which model and how."""
    generator = replace(TINY, families=(), crops=Crops(model(DEPTHS, (25.0, 25.0)), (70, 70), (1500.0, 4500.0)))
    synthesize(generator, tmp_path, progress=False)
    told = read_manifest(tmp_path)["settings"]["crops"]
    assert (told["model"], told["speeds"], told["model_speeds"]) == ("earth.h5", "stretched to 1500-4500 m/s", [1500.0, 7500.0])
    assert len(receipts(generator, tmp_path)[0]["facts"]["windows"]) == 2
    assert len(openfwi.Dataset(tmp_path / "Crops", subsets="flat-vel-a")) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "`samples` = 0 must be at least 1"),
        ({"samples_per_file": -1}, "`samples_per_file` = -1"),
        ({"seed": -1}, "`seed` = -1 must lie between"),
        ({"families": ()}, "no `family` is named"),
        ({"families": ("salt",)}, "no family 'salt'"),
        ({"crops": Crops(model(DEPTHS, (25.0, 25.0)), (70, 70))}, r"earth.h5 reaches 7500 m/s; OpenFWI's grid carries 6124"),
        ({"crops": Crops(model(DEPTHS[:4], (25.0, 25.0)), (70, 70))}, r"has \(4, 401\) nodes"),
        ({"crops": Crops(model(0 * DEPTHS + 1, (25.0, 25.0)), (70, 70), (1.0, 2.0))}, "has one speed alone"),
    ],
)
def test_what_cannot_be_right(options, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **options)


KILLED = """
import os, signal, sys
import numpy as np
from adseis.data.openfwi_synthesis import OpenFwi
from adseis.data.synthesis import synthesize

calls = 0
def simulate(maps):
    global calls
    calls += 1
    if calls > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return np.broadcast_to(maps.mean((1, 2))[:, None, None, None] / 100, (len(maps), 5, 1000, 70))

synthesize(OpenFwi(("curve-fault-b", "Style_A"), 3, 2, 5, simulate=simulate), sys.argv[1], progress=False)
"""


@pytest.mark.slow
def test_killed_twice(tmp_path):
    """By a signal that no process hears, within a file: the same bytes as without, manifest and receipts included."""
    for calls, code in ((1, -signal.SIGKILL), (3, -signal.SIGKILL), (99, 0)):
        words = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(calls)]
        assert subprocess.run(words, env={**os.environ, "JAX_PLATFORMS": "cpu"}, check=False).returncode == code
    subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "whole"), "99"], env={**os.environ, "JAX_PLATFORMS": "cpu"}, check=True
    )
    assert json.loads((tmp_path / "whole/manifest.json").read_text())["done"] == 6
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
