"""GlobalTomo's files read: every tier as it was published, every way in which a file may be wrong, processes and threads.

Fields are random numbers on 12 elements; files are written by h5py alone, as theirs.
"""

import multiprocessing
import os
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from globaltomo_files import elements, folder_of, recording, rows, tiny, write_plainly

from adseis.data import globaltomo, globaltomo_files

FIELDS = ("harmonics", "seismogram", "slices", "fourier", "source")


def agree(sample, made, row):
    """Every field of a sample is the row that was written, in float32."""
    for name in FIELDS:
        stored = getattr(sample, name)
        if name not in made:
            assert stored is None
            continue
        assert stored.dtype == "float32"
        np.testing.assert_array_equal(stored, made[name][row])


def test_the_acoustic_tier(tmp_path):
    """Three files; failed ids are passed over, and the stations, times and places of the first sample that did not are told."""
    tier = globaltomo.TIERS["acoustic"]
    made = folder_of(tmp_path, tier, 4)
    with h5py.File(tmp_path / "seis.h5", "r+") as file:  # rows of failed runs were never written in theirs
        for key in file:
            file[key][0] = 0
    data = globaltomo.Dataset(tmp_path, tier="acoustic", failed=(0, 2, 9000))
    assert (len(data), data.ids.tolist(), data.what) == (2, [1, 3], ("seismogram", "slices", "fourier"))
    for sample, row in zip(data, (1, 3), strict=True):
        agree(sample, made, row)
        assert sample.id == row
    assert data[0].seismogram.shape == (37, 37, 3, 150)
    assert data[-1].slices.shape == (15, 16, 12)
    assert data[-1].fourier.shape == (15, 12, 16)
    np.testing.assert_allclose(data.times, 0.02 * np.arange(150), atol=1e-6)
    np.testing.assert_allclose(data.snapshots, 0.0744022 + 0.1996616 * np.arange(15), atol=1e-6)
    np.testing.assert_allclose(data.stations.latitude[:, 0], np.arange(-90, 91, 5), atol=1e-4)
    np.testing.assert_array_equal(data.fourier_points, elements())
    np.testing.assert_allclose(data.slice_points[0][:, [0, 2]], elements(), rtol=1e-6)
    assert "2 samples of tier 'acoustic': harmonics, seismogram, slices, fourier" in repr(data)
    with pytest.raises(IndexError, match="there is no sample 2 of 2"):
        data[2]


@pytest.mark.parametrize(("name", "per_file"), [("elastic", 2), ("earth", 3), ("acoustic-small", None)])
def test_other_tiers(tmp_path, name, per_file):
    """Files of ranges of ids, sources beside them; the number of stations and samples follows the tier."""
    tier = tiny(name, samples_per_file=per_file)
    made = folder_of(tmp_path, tier, 5, per_file)
    data = globaltomo.Dataset(tmp_path, tier, failed=[3])
    assert data.ids.tolist() == [0, 1, 2, 4]
    for sample, row in zip(data, (0, 1, 2, 4), strict=True):
        agree(sample, made, row)
    assert (data.stations.radius.mean() == tier.radius, len(data.times)) == (True, 6)


def test_some_of_the_files(tmp_path):
    """What is not there is None; what is not asked for is not opened; a part of a download has the ids of its names."""
    tier = tiny("elastic")
    made = folder_of(tmp_path, tier, 6, 2, whats=("seismogram", "source"))
    data = globaltomo.Dataset(tmp_path, tier)
    assert (data[5].slices, data[5].fourier, data.slice_points) == (None, None, None)
    agree(data[5], {name: made[name] for name in ("harmonics", "seismogram", "source")}, 5)
    (tmp_path / "seis/seis_00000_00002.h5").unlink()
    data = globaltomo.Dataset(tmp_path, tier, what=("seismogram",))
    assert (data.ids.tolist(), data[0].source) == ([2, 3, 4, 5], None)
    np.testing.assert_array_equal(data[0].seismogram, made["seismogram"][2])
    (tmp_path / "seis/seis_00002_00004.h5").unlink()
    (tmp_path / "seis/notes.h5").write_text("not one of theirs")
    assert globaltomo.Dataset(tmp_path, tier).ids.tolist() == [4, 5]


def test_many_at_once(tmp_path):
    """Slices, numbers in any order, masks; only what is asked for; epochs that depend on seed and number alone."""
    tier = tiny("acoustic-small")
    made = folder_of(tmp_path, tier, 7)
    data = globaltomo.Dataset(tmp_path, tier, failed=(1,))
    for asked, ids in [(slice(1, None, 2), [2, 4, 6]), ([5, 0, -1], [6, 0, 6]), (data.ids > 4, [5, 6]), ([], [])]:
        batch = data[asked]
        assert batch.ids.tolist() == ids
        np.testing.assert_array_equal(batch.slices, made["slices"][ids])
        np.testing.assert_array_equal(batch.harmonics, made["harmonics"][ids])
    some = data.batch([0], what=("slices", "harmonics"))
    assert (some.seismogram, some.fourier, some.slices.shape) == (None, None, (1, 15, 16, 12))
    epoch = [batch.ids.tolist() for batch in data.batches(4, seed=3, epoch=1, what=("harmonics",), incomplete=True)]
    assert [len(ids) for ids in epoch] == [4, 2]
    assert sorted(sum(epoch, [])) == [0, 2, 3, 4, 5, 6]
    again = [batch.ids.tolist() for batch in data.batches(4, seed=3, epoch=1, what=("harmonics",))]
    assert again == epoch[:1] != [batch.ids.tolist() for batch in data.batches(4, seed=3, what=("harmonics",))]
    assert next(data.batches(2)).ids.tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"`size` = 7 of a batch must lie between 1 and the 6 samples"):
        data.batches(7)
    with pytest.raises(ValueError, match=r"names 'source'; there is harmonics, seismogram, slices, fourier"):
        data.batches(2, what=("source",))


def test_division(tmp_path):
    """The first tenth of all ids, failed ones counted; of a part of a download, of as many as one says."""
    folder_of(tmp_path, tiny("acoustic-small"), 30, whats=("fourier",))
    data = globaltomo.Dataset(tmp_path, tiny("acoustic-small"), failed=(0, 29))
    train, test = globaltomo.split(data)
    assert (test.ids.tolist(), train.ids.tolist()) == ([1, 2], list(range(3, 29)))
    np.testing.assert_array_equal(test[1].fourier, data[1].fourier)
    assert globaltomo.split(data, models=100).test.ids.tolist() == list(range(1, 10))
    with pytest.raises(ValueError, match=r"`models` = 29 must be more than the last id that is here, 29"):
        globaltomo.split(data, models=29)
    with pytest.raises(ValueError, match=r"`fraction` = 1.5"):
        globaltomo.split(data, fraction=1.5)


def test_order_of_numbers_and_components(tmp_path):
    """48 numbers with the component slow are turned if the file says so; an axis of components is taken as it is; other words are
    refused."""
    tier = tiny("elastic")
    made = rows(tier, 2)
    series = made["fourier"].reshape(2, 15, 12, 16, 3)
    path = tmp_path / tier.shard("fourier", 0, 2)
    slow = np.moveaxis(series, -1, -2).reshape(made["fourier"].shape)
    write_plainly(path, tier, "fourier", {**made, "fourier": slow}, order="component number")
    np.testing.assert_array_equal(globaltomo.Dataset(tmp_path, tier)[1].fourier, made["fourier"][1])
    np.testing.assert_array_equal(globaltomo.Dataset(tmp_path, tier)[:].fourier, made["fourier"])
    write_plainly(path, tier, "fourier", {**made, "fourier": series})
    with h5py.File(path, "r+") as file:
        file.move("X_coef", "disp_coef")
    found = globaltomo.Dataset(tmp_path, tier)[1].fourier
    np.testing.assert_array_equal(found, made["fourier"][1])
    np.testing.assert_array_equal(globaltomo.by_component(found)[..., 1, :], series[1, ..., 1])
    write_plainly(path, tier, "fourier", made, order="fast")
    with pytest.raises(ValueError, match=r"wf_fourier_00000_00002.h5`: attribute of `X_coef`: `order` = 'fast'"):
        globaltomo.Dataset(tmp_path, tier)


def test_coordinates_that_stand_once(tmp_path):
    """One of the published scripts writes times and stations once a file; a file without snapshot times is of the tier's."""
    tier = tiny("acoustic-small")
    folder_of(tmp_path, tier, 2)
    with h5py.File(tmp_path / "seis.h5", "r+") as file:
        for key in ("time", "station_coords_spherical", "station_coords_cartesian"):
            once = file[key][1]
            del file[key]
            file[key] = once
    with h5py.File(tmp_path / "wf_slice.h5", "r+") as file:
        del file["timestep"]
    data = globaltomo.Dataset(tmp_path, tier)
    np.testing.assert_allclose(data.times, 0.04 * np.arange(6), atol=1e-6)
    np.testing.assert_allclose(data.stations.longitude[0], np.linspace(-180, 180, 7), atol=1e-4)
    np.testing.assert_array_equal(data.snapshots, tier.snapshot_times)


def changed(path, key, change):
    """Replace an array by another, or take it away."""
    with h5py.File(path, "r+") as file:
        values = file[key][...]
        del file[key]
        if change is not None:
            file[key] = change(values)


FAULTS = {
    "no data": ("seis.h5", "disp", None, r"seis.h5` lacks `disp`; it holds harmonics, station_coords_cartesian"),
    "no harmonics": ("wf_slice.h5", "harmonics", None, r"wf_slice.h5` lacks `harmonics`"),
    "no places": ("wf_fourier.h5", "element_coords_sz", None, r"wf_fourier.h5` lacks `element_coords_sz`"),
    "a station less": (
        "seis.h5",
        "disp",
        lambda v: v[:, 1:],
        r"`disp` has shape \(3, 4, 7, 3, 6\), where \(samples, 5, 7, 3, 6\)",
    ),
    "no axis": ("wf_slice.h5", "X", lambda v: v[..., 0], r"`X` has shape .* where \(samples, 15, 16, elements\) is wanted"),
    "no elements": ("wf_slice.h5", "X", lambda v: v[..., :0], r"`X` has shape \(3, 15, 16, 0\)"),
    "other elements": (
        "wf_fourier.h5",
        "element_coords_sz",
        lambda v: v[1:],
        r"shape \(11, 2\), where \(12, 2\) or \(3, 12, 2\)",
    ),
    "whole numbers": ("wf_fourier.h5", "X_coef", lambda v: v.astype(int), r"`X_coef` is int64, where an array of floating-point"),
    "fewer harmonics": ("seis.h5", "harmonics", lambda v: v[1:], r"`harmonics` is of 2 samples, `disp` of 3"),
    "another tier": ("seis.h5", "harmonics", lambda v: np.zeros((3, 405)), r"has shape \(3, 405\).*tier=\"acoustic\""),
    "other structures": ("wf_slice.h5", "harmonics", lambda v: v[::-1], r"wf_slice.h5` and .* other `harmonics` of id 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_files(tmp_path, fault):
    """One line that names the file and what is wrong, before anything is read."""
    tier = tiny("acoustic-small")
    folder_of(tmp_path, tier, 3)
    name, key, change, message = FAULTS[fault]
    changed(tmp_path / name, key, change)
    with pytest.raises(ValueError, match=message):
        globaltomo.Dataset(tmp_path, tier)


def test_files_that_do_not_belong_together(tmp_path):
    """Other numbers of samples, ranges that lack or overlap, names that lie, other elements, other folders."""
    tier = tiny("acoustic-small", samples_per_file=2)
    made = folder_of(tmp_path, tier, 4, 2)
    gone = tmp_path / "wf_slice/wf_slice_00002_00004.h5"
    gone.rename(tmp_path / "kept.h5")
    with pytest.raises(ValueError, match=r"there is no slices of 2 samples \(id 2 is the first\).*what=\(\"seismogram\",\)"):
        globaltomo.Dataset(tmp_path, tier)
    write_plainly(gone, tier, "slices", rows(tier, 2, count=11))
    with pytest.raises(ValueError, match=r"wf_slice_00002_00004.h5` has 11 elements, wf_slice_00000_00002.h5 12"):
        globaltomo.Dataset(tmp_path, tier)
    (tmp_path / "kept.h5").rename(gone)
    write_plainly(tmp_path / "seis/seis_00003_00005.h5", tier, "seismogram", {name: v[:2] for name, v in made.items()})
    with pytest.raises(ValueError, match=r"seis_00003_00005.h5` and seis_00002_00004.h5 hold the same ids"):
        globaltomo.Dataset(tmp_path, tier)
    (tmp_path / "seis/seis_00003_00005.h5").rename(tmp_path / "seis/seis_00004_00007.h5")
    with pytest.raises(ValueError, match=r"seis_00004_00007.h5` holds 2 samples, where its name tells of 3"):
        globaltomo.Dataset(tmp_path, tier)
    with pytest.raises(
        FileNotFoundError, match=r"has no file of tier 'acoustic'; looked for seis.h5 or seis/seis_00000_01000.h5"
    ):
        globaltomo.Dataset(tmp_path / "seis")
    with pytest.raises(FileNotFoundError, match="There is no such folder"):
        globaltomo.Dataset(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"`what` = \('waves',\) names 'waves'; there is harmonics, seismogram, slices, fourier"):
        globaltomo.Dataset(tmp_path, tier, what=("waves",))
    with pytest.raises(TypeError, match=r"ids are whole numbers"):
        globaltomo.Dataset(tmp_path, tier, failed=(1.5,))


def test_damaged_files(tmp_path):
    """Cut off, no HDF5, damaged after it was opened, and numbers that are none; the sample beside them is read."""
    tier = tiny("acoustic-small")
    folder_of(tmp_path, tier, 3, whats=("seismogram", "slices"))
    path = tmp_path / "seis.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(ValueError, match=rf"seis.h5`, of {len(whole) - 1000} bytes, is truncated, damaged or no HDF5 file"):
        globaltomo.Dataset(tmp_path, tier)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"seis.h5`, of 14 bytes, is truncated, damaged or no HDF5 file"):
        globaltomo.Dataset(tmp_path, tier)
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        file["disp"][1, 0, 0, 0, 0] = np.nan
    data = globaltomo.Dataset(tmp_path, tier)
    with pytest.raises(ValueError, match=r"seis.h5`: row 1 of `disp` is not finite.*id 1 failed, list it: failed=\(1,\)"):
        data[1]
    assert np.isfinite(data[2].seismogram).all()
    data = globaltomo.Dataset(tmp_path, tier, failed=(1,))
    assert [sample.id for sample in data] == [0, 2]
    (tmp_path / "wf_slice.h5").unlink()
    later = pickle.loads(pickle.dumps(data))
    with pytest.raises(ValueError, match=r"wf_slice.h5`: row 0 of `X` cannot be read"):
        later[0]


def test_a_flipped_bit_is_found(tmp_path):
    """Files of ours carry checksums: one bit of a chunk is an error that names file, row and array."""
    tier = tiny("acoustic-small")
    made = rows(tier, 2, count=1200)  # a snapshot takes 77 kB: a chunk of its own
    path = tmp_path / "wf_slice.h5"
    globaltomo.write_slices(path, made["harmonics"], made["slices"], recording(tier, elements=elements(1200)))
    stored = made["slices"][1].tobytes()[:64]
    raw = bytearray(path.read_bytes())
    raw[raw.index(stored)] ^= 1
    path.write_bytes(raw)
    data = globaltomo.Dataset(tmp_path, tier)
    agree(data[0], {name: made[name] for name in ("harmonics", "slices")}, 0)
    with pytest.raises(ValueError, match=r"wf_slice.h5`: row 1 of `X` cannot be read, the file is damaged"):
        data[1]


def read(data, number):
    """What a worker does."""
    return os.getpid(), data[number].slices.sum()


@pytest.mark.filterwarnings("ignore:os.fork")  # JAX warns of its own threads; the forked process does not use it
def test_threads_and_processes(tmp_path, monkeypatch):
    """A dataset that has open files is read by threads, by a forked process and by one that it is sent to; each process opens
    files of its own, and no more at a time than it may."""
    monkeypatch.setattr(globaltomo_files, "OPEN", 2)
    tier = tiny("acoustic-small", samples_per_file=1)
    made = folder_of(tmp_path, tier, 6, 1, whats=("slices", "fourier"))
    data = globaltomo.Dataset(tmp_path, tier)
    assert data[0].id == 0
    wanted = made["slices"].sum((1, 2, 3))
    with ThreadPoolExecutor(4) as pool:
        sums = [total for _, total in pool.map(lambda number: read(data, number % 6), range(48))]
    np.testing.assert_allclose(sums, np.tile(wanted, 8), rtol=1e-3)
    assert len(data._handles._files) <= 2
    handles = data._handles
    monkeypatch.setattr(globaltomo_files.os, "getpid", lambda: -1)  # as in a fork, whose lock another thread may hold for ever
    handles._lock.acquire()
    np.testing.assert_array_equal(data[4].slices, made["slices"][4])
    monkeypatch.undo()
    again = pickle.loads(pickle.dumps(data))
    assert len(again._handles._files) == 0
    np.testing.assert_array_equal(again[5].fourier, made["fourier"][5])
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=lambda: there.send(read(data, 3)))
    process.start()
    assert here.poll(60)
    other, total = here.recv()
    process.join()
    assert other == process.pid
    np.testing.assert_allclose(total, wanted[3], rtol=1e-3)


def test_what_files_say(tmp_path):
    """Attributes of ours; nothing is made up for theirs."""
    tier = tiny("acoustic-small")
    folder_of(tmp_path, tier, 2)
    assert globaltomo.Dataset(tmp_path, tier).attributes("slices") == {}
    with pytest.raises(ValueError, match=re.escape("`what` = ('source',) names 'source'")):
        globaltomo.Dataset(tmp_path, tier).attributes("source")
