"""GlobalTomo-style data by a solver that costs nothing: resumed, listed, the same bytes."""

import pickle

import numpy as np
import pytest
from globaltomo_files import recording, tiny

from adseis.data import globaltomo
from adseis.data.synthesis import digest, read_manifest, receipts, synthesize

TIER = tiny("acoustic-small")


def simulate(harmonics, index, tier=TIER):
    """Waves that tell the structure and the number; structures whose first number is large are not taken."""
    if harmonics[0] > 0.01:
        raise globaltomo.DrawAgain(f"the first is {harmonics[0]:.3f}")
    components = (3,) if tier.vector else ()
    return globaltomo.Simulated(
        np.full((*tier.stations, 3, tier.samples), harmonics.sum()),
        np.full((15, 16, 12, *components), harmonics[1] + index),
        np.full((15, 12, *components, 10), harmonics[2] + 1j),
        np.full(6, index, "float32") if tier.source else None,
    )


class Killed:
    """The solver, killed as it makes a sample."""

    def __init__(self, at):
        self.at = at

    def __call__(self, harmonics, index):
        if index == self.at:
            raise KeyboardInterrupt
        return simulate(harmonics, index)


OPTIONS = {"samples": 7, "samples_per_file": 3, "seed": 2, "solver": {"mesh": "12 x 12"}, "progress": False}


def contents(folder):
    """Every file that a run leaves, its lock aside."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"
    }


def test_a_run_that_was_killed_twice_goes_on(tmp_path):
    """And leaves the same bytes as one that was left alone: shards, receipts, manifest, and the files joined of them."""
    globaltomo.synthesize_shards(simulate, tmp_path / "whole", recording(TIER), **OPTIONS)
    for at, done in ((4, 3), (6, 6)):
        with pytest.raises(KeyboardInterrupt):
            globaltomo.synthesize_shards(Killed(at), tmp_path / "killed", recording(TIER), **OPTIONS)
        assert read_manifest(tmp_path / "killed")["done"] == done
        assert not list((tmp_path / "killed").rglob("*partial*"))
    globaltomo.synthesize_shards(simulate, tmp_path / "killed", recording(TIER), **OPTIONS)
    for name in ("whole", "killed"):
        globaltomo.join(tmp_path / name, TIER)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert len([name for name in contents(tmp_path / "whole") if name.endswith(".h5")]) == 3 * 3 + 3


def test_an_unfinished_run_is_not_joined(tmp_path):
    """Nor one whose last files are gone; shards beyond a joined file are not hidden by it."""
    with pytest.raises(KeyboardInterrupt):
        globaltomo.synthesize_shards(Killed(4), tmp_path, recording(TIER), **OPTIONS)
    with pytest.raises(ValueError, match=r"holds 3 of 7 samples \(manifest.json\). Repeat the command .* Then join"):
        globaltomo.join(tmp_path, TIER)
    assert not (tmp_path / "seis.h5").exists()
    globaltomo.synthesize_shards(simulate, tmp_path, recording(TIER), **OPTIONS)
    (tmp_path / "seis/seis_00006_00007.h5").rename(tmp_path / "held.h5")
    with pytest.raises(ValueError, match=r"seis_00003_00006.h5` is the last, ends at id 5, and manifest.json tells of 7 samples"):
        globaltomo.join(tmp_path, TIER)
    (tmp_path / "manifest.json").unlink()
    globaltomo.join(tmp_path, TIER, what=("seismogram",))
    (tmp_path / "held.h5").rename(tmp_path / "seis/seis_00006_00007.h5")
    with pytest.raises(ValueError, match=r"seis.h5` holds ids 0 to 5, and the files in seis/ go on to id 6. Join them anew"):
        globaltomo.Dataset(tmp_path, TIER)
    globaltomo.join(tmp_path, TIER)
    assert len(globaltomo.Dataset(tmp_path, TIER)) == 7


@pytest.mark.parametrize("name", ["seis.h5", "wf_slice", "elastic_source.h5"])
def test_files_of_theirs_are_left_alone(tmp_path, name):
    """A folder with downloaded files is refused before work: they would go before what is made."""
    tier = tiny("elastic")
    (tmp_path / name).write_bytes(b"theirs")
    generator = globaltomo.GlobalTomo(simulate, recording(tier), 3)
    with pytest.raises(FileExistsError, match=rf"has {name} already, and no manifest.json"):
        synthesize(generator, tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_made(tmp_path):
    """Samples by seed and number alone; what was drawn again stands in the manifest with its reason, energies in the receipts."""
    manifest = globaltomo.synthesize_shards(simulate, tmp_path, recording(TIER), **OPTIONS)
    told = read_manifest(tmp_path)
    assert manifest == tmp_path / "manifest.json"
    assert (told["generator"], told["settings"]["seed"], told["settings"]["solver"]) == ("globaltomo", 2, {"mesh": "12 x 12"})
    assert told["settings"]["recording"]["frame"] == "x y z"
    assert all(facts["sha256"] == digest(tmp_path / name) for name, facts in told["files"].items())
    data = globaltomo.Dataset(tmp_path, TIER)
    assert data.ids.tolist() == list(range(7))
    again = {sample: 0 for sample in range(7)}
    for draw in told["redrawn"]:
        assert draw["attempt"] == again[draw["sample"]]
        assert draw["why"].startswith("the first is 0.0")
        again[draw["sample"]] += 1
    assert sum(again.values()) > 0
    for number, sample in enumerate(data):
        drawn = globaltomo.draw_uniform(TIER, 2, number, again[number])
        np.testing.assert_array_equal(sample.harmonics, drawn)
        assert np.abs(drawn).max() <= 1 / 40
        np.testing.assert_array_equal(sample.slices, np.float32(drawn[1] + number))
        np.testing.assert_array_equal(sample.fourier[0, 0, [1, 2, 15]], np.float32([drawn[2], 1, drawn[2]]))
    generator = globaltomo.GlobalTomo(simulate, recording(TIER), 7, 3, 2, solver={"mesh": "12 x 12"})
    facts = [receipt["facts"] for receipt in receipts(generator, tmp_path)]
    assert facts[0]["largest"]["slices"] == pytest.approx(np.abs(data[:3].slices).max(), rel=1e-6)
    assert 0 < facts[0]["energy_left_out"] < 1
    other = globaltomo.synthesize_shards(simulate, tmp_path / "other", recording(TIER), **{**OPTIONS, "samples_per_file": 7})
    np.testing.assert_array_equal(globaltomo.Dataset(other.parent, TIER)[6].harmonics, data[6].harmonics)


def test_the_elastic_tier(tmp_path):
    """Sources too, in files of ranges until they are joined; and no more than what is asked for."""
    tier = tiny("elastic")

    def solved(harmonics, index):
        return simulate(harmonics, index, tier)

    generator = globaltomo.GlobalTomo(solved, recording(tier), 3, 2, what=("source", "fourier"))
    synthesize(generator, tmp_path, progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "manifest.json", "source", "tasks", "wf_fourier"}
    assert globaltomo.Dataset(tmp_path, tier)[2].source.tolist() == [2] * 6
    globaltomo.join(tmp_path, tier)
    sample = globaltomo.Dataset(tmp_path, tier)[2]
    assert (sample.source.tolist(), sample.fourier.shape, sample.slices) == ([2] * 6, (15, 12, 48), None)
    sizes = [task.size for task in generator.tasks()]
    held = sum(path.stat().st_size for path in (tmp_path / "wf_fourier").iterdir())
    assert 0.8 < sum(sizes) / held < 1.2


def test_settings_that_cannot_be_right(tmp_path):
    """Before anything is made; a folder of other settings is left alone; a solver that takes nothing is told."""
    said = recording(TIER)
    with pytest.raises(ValueError, match=r"`samples` = 0 must be at least 1"):
        globaltomo.synthesize_shards(simulate, tmp_path, said, samples=0)
    with pytest.raises(ValueError, match=r"`seed` = -1 must lie between"):
        globaltomo.synthesize_shards(simulate, tmp_path, said, samples=1, seed=-1)
    with pytest.raises(ValueError, match=r"`what` names 'source'; tier 'acoustic-small' has seismogram, slices, fourier"):
        globaltomo.synthesize_shards(simulate, tmp_path, said, samples=1, what=("source",))
    with pytest.raises(ValueError, match=r"`elements` is None"):
        globaltomo.synthesize_shards(simulate, tmp_path, recording(TIER, elements=None), samples=1)
    assert list(tmp_path.iterdir()) == []
    one = globaltomo.GlobalTomo(simulate, said, 1)
    synthesize(one, tmp_path / "one", progress=False)
    moved = globaltomo.GlobalTomo(simulate, recording(TIER, elements=said.elements + 1), 1)
    with pytest.raises(FileExistsError, match=r"holds what other settings made .*elements: \w+ there, \w+ here"):
        synthesize(moved, tmp_path / "one", progress=False)

    def picky(harmonics, index):
        raise globaltomo.DrawAgain("too fast")

    with pytest.raises(RuntimeError, match=r"none of 1000 structures of sample 0 suits the solver \(too fast\)"):
        synthesize(globaltomo.GlobalTomo(picky, said, 1), tmp_path / "two", progress=False)
    assert not list((tmp_path / "two").rglob("*.h5"))
    nothing = globaltomo.GlobalTomo(lambda *_: globaltomo.Simulated(), said, 1)
    with pytest.raises(ValueError, match=r"`disp` None of sample 0 must be"):
        synthesize(nothing, tmp_path / "three", progress=False)


def test_generators_travel():
    """To the jobs of a cluster, pickled."""
    generator = pickle.loads(pickle.dumps(globaltomo.GlobalTomo(simulate, recording(TIER), 4)))
    assert generator.settings() == globaltomo.GlobalTomo(simulate, recording(TIER), 4).settings()
    assert [task.files[0] for task in generator.tasks()] == ["seis/seis_00000_00004.h5"]
