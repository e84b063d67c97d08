"""E-FWI's files: four that belong together, under several names, and what is told when one is missing or odd."""

import numpy as np
import pytest

from adseis.data import openfwi


def written(folder, numbers, names=("vx", "vz", "vp", "vs"), samples=2):
    """Four files of random numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(names[0]))
    gathers = rng.standard_normal((2, samples, 5, 1000, 70), dtype="float32")
    vp = rng.uniform(1500, 4500, (samples, 1, 70, 70)).astype("float32")
    arrays = (*gathers, vp, vp / 2)
    for name, array in zip(names, arrays, strict=True):
        np.save(folder / f"{name}{numbers}.npy", array)
    return arrays


def test_samples(tmp_path):
    """Of two subsets, under two names, in the order of subsets: every value."""
    fault = written(tmp_path / "E_CurveFault_B", "6_1_0", ("data_x", "data_z", "vp", "vs"))
    vel = written(tmp_path / "EFVA", "_3")
    data = openfwi.ElasticDataset(tmp_path)
    assert (len(data), data.skipped) == (4, ())
    for number, (arrays, subset) in enumerate([(vel, "flat-vel-a")] * 2 + [(fault, "curve-fault-b")] * 2):
        sample = data[number]
        assert (sample.subset, sample.row) == (subset, number % 2)
        for found, array in zip(sample[:4], arrays, strict=True):
            np.testing.assert_array_equal(found, array[number % 2].reshape(found.shape))
    batch = data[1:3]
    assert (batch.subset, batch.file[0].name) == (("flat-vel-a", "curve-fault-b"), "vx_3.npy")
    np.testing.assert_array_equal(batch.vs, np.stack([vel[3][1, 0], fault[3][0, 0]]))
    assert batch.vz.shape == (2, 5, 1000, 70)


def test_other_names(tmp_path):
    """Given by the user."""
    written(tmp_path / "FlatVel_A", "1", ("horizontal", "vertical", "vp", "vs"), 1)
    with pytest.raises(ValueError, match="vx, vz. Download these too, or give `names`"):
        openfwi.ElasticDataset(tmp_path)
    assert len(openfwi.ElasticDataset(tmp_path, names={"vx": "horizontal", "vz": "vertical"})) == 1
    with pytest.raises(ValueError, match="`names` = {'v': 'a'} must name some of vx, vz, vp, vs"):
        openfwi.ElasticDataset(tmp_path, names={"v": "a"})
    with pytest.raises(FileNotFoundError, match="holds no files such as vx1.npy"):
        openfwi.ElasticDataset(tmp_path, names={role: f"other_{role}" for role in ("vx", "vz", "vp", "vs")})


def test_damaged_files(tmp_path):
    """Told, or left out and told."""
    written(tmp_path / "FlatVel_A", "1", samples=1)
    written(tmp_path / "FlatVel_B", "1", samples=1)
    for damage, said in [
        (np.full((1, 1, 70, 70), -1.0), "vs1.npy`: the map of row 0 holds -1 to -1, which cannot be"),
        (np.ones((2, 1, 70, 70)), "vs1.npy` holds 2 samples, but vx1.npy 1"),
    ]:
        np.save(tmp_path / "FlatVel_A" / "vs1.npy", damage)
        with pytest.raises(ValueError, match=said):
            openfwi.ElasticDataset(tmp_path)
    with pytest.warns(UserWarning, match="1 of 2(?s:.*)FlatVel_A, 1: `.*vs1.npy` holds 2 samples"):
        data = openfwi.ElasticDataset(tmp_path, on_corrupt="skip")
    assert (len(data), data[0].subset) == (1, "flat-vel-b")
    (tmp_path / "FlatVel_B").rename(tmp_path / "unknown")
    with pytest.raises(ValueError, match="is of no known subset. Name its folder so, such as EFVA"):
        openfwi.ElasticDataset(tmp_path / "unknown")
