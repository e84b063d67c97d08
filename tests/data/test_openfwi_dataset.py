"""OpenFWI's files, found and read: both naming schemes, every way in which a file may be damaged, and disks that fail.

Gathers are random numbers; most are of the small kind, 72 x 72.
"""

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

from adseis.data import openfwi_files
from adseis.data.openfwi_compare import compare
from adseis.data.openfwi_dataset import Dataset
from adseis.data.openfwi_layout import GATHERS, SHRUNK, SUBSETS
from adseis.data.openfwi_shrinking import write_shrunk
from adseis.data.openfwi_writing import shard_paths

SEEDS = itertools.count()


def shard(folder, subset, index, samples=3, shape=SHRUNK):
    """A pair of files of random numbers, as they were written (without waiting for the disk, as `write_shard` does)."""
    rng = np.random.default_rng(next(SEEDS))
    gathers = rng.standard_normal((samples, *shape), dtype="float32")
    velocity = rng.integers(1500, 4500, (samples, 70, 70)).astype("float32")
    for path, values in zip(shard_paths(folder, subset, index), (gathers, velocity[:, None]), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
    return gathers, velocity


def test_all_ten_subsets_in_a_folder(tmp_path):
    """As the download unpacks them: order, names, families, parts, and every value."""
    written = {name: shard(tmp_path, name, 0) for name in reversed(SUBSETS)}
    (tmp_path / "Style_B").rename(tmp_path / "style-b")
    (tmp_path / "FlatVel_A").rename(tmp_path / "flatvel_a")
    data = Dataset(tmp_path, validate="all")
    assert list(data.counts()) == list(SUBSETS)
    assert (len(data), data.skipped) == (30, ())
    assert "flat-vel-a 3" in repr(data)
    for number, sample in enumerate(data):
        gathers, velocity = written[sample.subset]
        np.testing.assert_array_equal(sample.gathers, gathers[sample.row])
        np.testing.assert_array_equal(sample.velocity, velocity[sample.row])
        assert (sample.row, sample.family) == (number % 3, SUBSETS[sample.subset].family)
        assert sample.file.name == ("seis2_1_0.npy" if sample.subset.endswith("fault-a") else sample.file.name)
    assert set(Dataset(tmp_path, subsets=["SA", "flat-vel-a"]).counts()) == {"style-a", "flat-vel-a"}
    assert Dataset(tmp_path / "style-b").counts() == {"style-b": 3}


def test_samples_of_full_size(tmp_path):
    """Types and shapes of a sample; the file's own may be float64 and the map without its channel."""
    gathers, velocity = shard(tmp_path, "curve-vel-a", 0, 2, GATHERS)
    paths = shard_paths(tmp_path, "curve-vel-a", 0)
    np.save(paths.gathers, gathers.astype(float))
    np.save(paths.velocity, velocity.astype("int32"))
    for mapped in (True, False):
        sample = Dataset(tmp_path, mapped=mapped)[1]
        assert (sample.gathers.dtype, sample.velocity.dtype) == ("float32", "float32")
        np.testing.assert_array_equal(sample.gathers, gathers[1])
        np.testing.assert_array_equal(sample.velocity, velocity[1])


def test_many_at_once(tmp_path):
    """Slices, numbers in any order and twice, masks; the order is that of the asking."""
    for index in range(3):
        shard(tmp_path, "flat-fault-b", index, 2 + index)
    data = Dataset(tmp_path)
    singly = list(data)
    assert len(singly) == len(data) == 9
    assert [sample.row for sample in singly] == [0, 1, 0, 1, 2, 0, 1, 2, 3]
    for asked, numbers in [
        (slice(1, None, 3), [1, 4, 7]),
        ([8, 0, -1, 3], [8, 0, 8, 3]),
        (np.arange(9) > 6, [7, 8]),
        ([], []),
    ]:
        batch = data[asked]
        assert batch.gathers.shape == (len(numbers), *SHRUNK)
        assert batch.subset == ("flat-fault-b",) * len(numbers)
        for k, number in enumerate(numbers):
            np.testing.assert_array_equal(batch.gathers[k], singly[number].gathers)
            np.testing.assert_array_equal(batch.velocity[k], singly[number].velocity)
            assert (batch.file[k], batch.row[k]) == (singly[number].file, singly[number].row)
    with pytest.raises(IndexError, match="no sample 9 of 9"):
        data[9]
    with pytest.raises(TypeError, match=r"`indices` \(2,\) of float64"):
        data.batch(np.array([0.5, 1.0]))


def test_gathers_without_maps(tmp_path):
    """Where none has one, if that is asked for; their speeds are no numbers. Small ones are written so, too."""
    gathers, _ = shard(tmp_path, "style-a", 0, 2, GATHERS)
    whole = Dataset(tmp_path, maps=None)
    assert (whole.maps, np.isnan(whole[:].velocity).any()) == (True, False)
    assert np.isnan(Dataset(tmp_path, maps=False)[0].velocity).all()
    shard_paths(tmp_path, "style-a", 0).velocity.unlink()
    with pytest.raises(ValueError, match="without their velocities"):
        Dataset(tmp_path)
    data = Dataset(tmp_path, maps=None).part("train")
    assert (data.maps, data[1].velocity.shape, data[:].velocity.shape) == (False, (70, 70), (2, 70, 70))
    np.testing.assert_array_equal(data[:].gathers, gathers)
    assert np.isnan(data[[1]].velocity).all()
    with pytest.raises(ValueError, match="has no maps to simulate"):
        compare(data)
    shard(tmp_path / "maps", "style-a", 0, 2)
    shard_paths(tmp_path / "maps", "style-a", 0).gathers.unlink()
    with pytest.raises(FileNotFoundError, match="holds no files"):
        Dataset(tmp_path / "maps", maps=False)
    assert write_shrunk(data, tmp_path / "small") == 1
    assert Dataset(tmp_path / "small", maps=None)[1].gathers.shape == SHRUNK


def test_other_layouts(tmp_path):
    """Files side by side with their subset before the name; a folder that tells nothing; Kaggle's, with its test set beside."""
    shard(tmp_path / "made", "CFA", 0)
    shard(tmp_path / "made", "CVB", 1)
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in (tmp_path / "made").rglob("*.npy"):
        (flat / f"{path.relative_to(tmp_path / 'made').parts[0]}_{path.name}").write_bytes(path.read_bytes())
    assert Dataset(flat).counts() == {"curve-vel-b": 3, "curve-fault-a": 3}
    (tmp_path / "made" / "CurveVel_B").rename(tmp_path / "unknown")
    assert Dataset(tmp_path / "unknown", subsets="CVB").counts() == {"curve-vel-b": 3}
    for folder, subsets in ((tmp_path / "unknown", None), (tmp_path, "CFA")):  # the second holds others that are told
        with pytest.raises(ValueError, match="of no known subset. Name its folder so, such as CurveFault_B, or give `subsets`"):
            Dataset(folder, subsets=subsets)
    kaggle = tmp_path / "waveform-inversion"
    (kaggle / "test").mkdir(parents=True)
    (tmp_path / "made").rename(kaggle / "train_samples")
    np.save(kaggle / "test" / "000039dca2.npy", np.ones(GATHERS, "float32"))
    (kaggle / "train_samples" / "linked").symlink_to(tmp_path / "flat")
    assert Dataset(kaggle).counts() == {"curve-vel-b": 3, "curve-fault-a": 6}
    with pytest.raises(FileNotFoundError, match="holds no files such as .*`KaggleTest`"):
        Dataset(kaggle / "test")
    with pytest.raises(FileNotFoundError, match="no files of Style-A such"):
        Dataset(kaggle, subsets="SA")
    with pytest.raises(FileNotFoundError, match="is no folder"):
        Dataset(tmp_path / "absent")


class Trap:
    """What makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def changed(path, change):
    """A file saved anew, its array changed."""
    values = np.load(path)
    np.save(path, change(values))


def poisoned(values, row, value):
    values[row] = value
    return values


DAMAGE = {
    "cut off": (lambda g, v: g.write_bytes(g.read_bytes()[:-1]), r"seis2_1_0.npy` is cut off: 311167 bytes, where 311168"),
    "too long": (lambda g, v: v.write_bytes(v.read_bytes() + b"x"), "vel2_1_0.npy` is too long"),
    "header cut off": (lambda g, v: g.write_bytes(g.read_bytes()[:20]), "seis2_1_0.npy` is no .npy file"),
    "empty": (lambda g, v: g.write_bytes(b""), "seis2_1_0.npy` is empty. Download it again"),
    "a page": (lambda g, v: v.write_bytes(b"<!DOCTYPE html><p>Quota"), "vel2_1_0.npy` is no .npy file.*begins with b'<!DOCTYPE"),
    "pickled": (
        lambda g, v: np.save(g, np.array([Trap(g.with_name("sprung"))]), allow_pickle=True),
        "holds object, no plain numb",
    ),
    "text": (lambda g, v: np.save(v, np.array(["a"])), "vel2_1_0.npy` holds <U1, no plain numbers"),
    "columns first": (lambda g, v: changed(v, np.asfortranarray), "vel2_1_0.npy` is stored column by column"),
    "shape of gathers": (lambda g, v: changed(g, lambda x: x[..., :9]), r"holds \(3, 5, 72, 9\), where \(samples, 5, 1000, 70\)"),
    "shape of maps": (lambda g, v: changed(v, lambda x: x[0]), r"vel2_1_0.npy` holds \(1, 70, 70\), where|holds 1 samples"),
    "no maps": (lambda g, v: v.unlink(), "seis2_1_0.npy` holds gathers without their velocities, vel2_1_0.npy"),
    "no gathers": (lambda g, v: g.unlink(), "vel2_1_0.npy` holds velocities without their gathers, seis2_1_0.npy"),
    "no pair": (lambda g, v: changed(g, lambda x: x[:2]), "vel2_1_0.npy` holds 3 samples, but seis2_1_0.npy 2"),
    "NaN": (lambda g, v: changed(v, lambda x: poisoned(x, 2, np.nan)), "vel2_1_0.npy`: the map of row 2 is not finite"),
    "km/s": (lambda g, v: changed(v, lambda x: x / 1000), "vel2_1_0.npy`: the map of row 0 holds 1.5.* to 4.*, or in km/s"),
    "no speeds": (lambda g, v: changed(v, lambda x: 1e3 * x), "vel2_1_0.npy`: the map of row 0 holds .* cannot be velocity"),
    "infinite": (lambda g, v: changed(g, lambda x: poisoned(x, 1, np.inf)), "seis2_1_0.npy`: the gathers of row 1 are not fin"),
    "not fetched": (lambda g, v: changed(g, lambda x: poisoned(x, 2, 0)), "seis2_1_0.npy`: the gathers of row 2 are all zero"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files(tmp_path, damage):
    """Told by name, fault and repair; or left out, which is told too, and the others are read."""
    do, said = DAMAGE[damage]
    whole = shard(tmp_path, "flat-fault-a", 1)
    shard(tmp_path, "flat-fault-a", 0)
    do(*shard_paths(tmp_path, "flat-fault-a", 0))
    with pytest.raises(ValueError, match=said) as raised:
        Dataset(tmp_path)
    assert '`on_corrupt="skip"` leaves damaged files out' in str(raised.value)
    with pytest.warns(UserWarning, match=f"1 of 2 pairs of files are left out:\n(?s:.*){said}"):
        data = Dataset(tmp_path, on_corrupt="skip")
    assert [Path(file).name[-9:] for file, _ in data.skipped] == ["2_1_0.npy"]
    assert "1 left out" in repr(data)
    np.testing.assert_array_equal(data[:].gathers, whole[0])
    assert not list(tmp_path.rglob("sprung"))


def test_how_much_is_looked_at(tmp_path):
    """Headers alone find no NaN, three rows no NaN between them."""
    shard(tmp_path, "style-a", 0, 5)
    path = shard_paths(tmp_path, "style-a", 0).gathers
    changed(path, lambda x: poisoned(x, 1, np.nan))
    assert len(Dataset(tmp_path, validate="headers")) == len(Dataset(tmp_path)) == 5
    with pytest.raises(ValueError, match="data1.npy`: the gathers of row 1 are not finite"):
        Dataset(tmp_path, validate="all")


def test_several_damaged_files(tmp_path):
    """The first is told, and how many more; a folder of which nothing is left is empty."""
    for index in range(3):
        shard(tmp_path, "flat-vel-a", index)
        shard_paths(tmp_path, "flat-vel-a", index).velocity.write_bytes(b"")
    (tmp_path / "FlatVel_A" / "seis2_1_0.npy").touch()
    with pytest.raises(ValueError, match="`.*seis2_1_0.npy` is no name.* 3 more are damaged"):
        Dataset(tmp_path)
    with pytest.warns(UserWarning, match="4 of 4(?s:.*)seis2_1_0.npy` is no name of a file of FlatVel-A, such as data/data1.npy"):
        data = Dataset(tmp_path, on_corrupt="skip")
    assert (len(data), len(data.skipped), data[:].gathers.shape) == (0, 4, (0, *GATHERS))


@pytest.mark.parametrize("mapped", [True, False])
def test_disks_that_fail_at_times(tmp_path, monkeypatch, mapped):
    """Two failures are overcome, when files are examined and when they are read; too many name the file."""
    gathers, _ = shard(tmp_path, "flat-vel-b", 0)
    left = {"failures": 0}

    def failing(call):
        def called(*args, **options):
            if left["failures"]:
                left["failures"] -= 1
                raise OSError(116, "Stale file handle")
            return call(*args, **options)

        return called

    monkeypatch.setattr(openfwi_files, "PAUSE", 0)
    monkeypatch.setattr(Path, "open", failing(Path.open))
    monkeypatch.setattr(np, "load", failing(np.load))
    left["failures"] = 2
    data = Dataset(tmp_path, mapped=mapped, retries=2, validate="headers")
    left["failures"] = 2
    np.testing.assert_array_equal(data[2].gathers, gathers[2])
    assert left["failures"] == 0
    left["failures"] = 99
    with pytest.raises(OSError, match=r"data1.npy` cannot be read, 3 times \(Stale file handle\)"):
        Dataset(tmp_path, mapped=mapped, retries=2)
    left["failures"] = 99
    with pytest.warns(UserWarning, match="1 of 1 pairs"):
        assert len(Dataset(tmp_path, on_corrupt="skip", retries=0)) == 0


def test_sent_to_processes_and_few_files_open(tmp_path, monkeypatch):
    """Pickled, it opens its files anew; no more are held than allowed, and a map that was let go is opened again."""
    monkeypatch.setattr(openfwi_files, "OPEN", 1)
    for index in range(2):
        shard(tmp_path, "flat-vel-b", index)
    data = Dataset(tmp_path)
    expected = data[[4, 0, 5, 1]]
    assert len(data.reader._maps) == 1
    again = pickle.loads(pickle.dumps(data))
    assert len(again.reader._maps) == 0
    np.testing.assert_array_equal(again[[4, 0, 5, 1]].gathers, expected.gathers)
    assert (again.folder, again.skipped) == (data.folder, data.skipped)


def test_cut_off_while_it_is_open(tmp_path):
    """Read plainly, or mapped afterwards, that is an error; a map that is held would end the process."""
    shard(tmp_path, "flat-vel-b", 0)
    data, later = Dataset(tmp_path, mapped=False), Dataset(tmp_path)
    path = shard_paths(tmp_path, "flat-vel-b", 0).gathers
    path.write_bytes(path.read_bytes()[:-1])
    assert data[1].row == 1
    with pytest.raises(ValueError, match="data1.npy` was cut off while it was open"):
        data[2]
    with pytest.raises(ValueError, match="data1.npy` has changed since it was examined"):
        later[0]


def test_errors(tmp_path):
    """Of options, and of two sizes of gathers in one folder."""
    shard(tmp_path, "flat-vel-b", 0)
    with pytest.raises(ValueError, match="`retries` = -1: must be"):
        Dataset(tmp_path, retries=-1)
    with pytest.raises(ValueError, match="'salt' is none of OpenFWI's subsets"):
        Dataset(tmp_path, subsets="salt")
    shard(tmp_path, "flat-vel-a", 0, 1, GATHERS)
    with pytest.raises(ValueError, match="FlatVel_A/data/data1.npy and FlatVel_B/data/data1.npy hold gathers of two sizes"):
        Dataset(tmp_path)
