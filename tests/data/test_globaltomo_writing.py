"""Files in GlobalTomo's layout: as its published loader reads them, what they say, joined, and never half of one."""

import json
import time

import h5py
import numpy as np
import pytest
from globaltomo_files import elements, recording, rows, tiny

from adseis.data import globaltomo
from adseis.data.globaltomo_files import Handles

FAR = [1, 2]
"""Models, as the published loader asks for several at once."""


def write_all(folder, tier, made, said=None):
    """Every file of a tier in one."""
    said = said or recording(tier)
    globaltomo.write_seismograms(folder / "seis.h5", made["harmonics"], made["seismogram"], said)
    globaltomo.write_slices(folder / "wf_slice.h5", made["harmonics"], made["slices"], said)
    globaltomo.write_fourier(folder / "wf_fourier.h5", made["harmonics"], made["fourier"], said)
    if tier.source:
        globaltomo.write_sources(folder / tier.file("source"), made["source"], said)


@pytest.mark.parametrize("name", ["acoustic", "elastic", "earth", "acoustic-small"])
def test_files_as_the_published_loader_reads_them(tmp_path, name):
    """Keys, shapes and types; every array that it indexes by models has them as its first axis; and our own reader agrees."""
    tier = globaltomo.TIERS["acoustic"] if name == "acoustic" else tiny(name)
    made = rows(tier, 3)
    write_all(tmp_path, tier, made)
    with h5py.File(tmp_path / "wf_slice.h5") as file:
        assert set(file) == {"harmonics", tier.field, "element_coords_cartesian", "timestep"}
        assert ("X" in file) == (not tier.vector)
        assert file["element_coords_cartesian"][:, :, :].shape == (16, 12, 3)
        np.testing.assert_array_equal(file[tier.field][FAR][:, [1, 3, 13]], made["slices"][FAR][:, [1, 3, 13]])
        np.testing.assert_array_equal(file["harmonics"][FAR], made["harmonics"][FAR])
        wanted = recording(tier).beside("timestep").astype("float32")
        np.testing.assert_array_equal(file["timestep"][FAR], [wanted, wanted])
    with h5py.File(tmp_path / "wf_fourier.h5") as file:
        assert set(file) == {"harmonics", "X_coef", "element_coords_sz"}
        np.testing.assert_array_equal(file["element_coords_sz"][:, :], elements())
        np.testing.assert_array_equal(file["X_coef"][FAR], made["fourier"][FAR])
        assert file["X_coef"].attrs.get("order") == ("number component" if tier.vector else None)
    with h5py.File(tmp_path / "seis.h5") as file:
        assert set(file) == {"disp", "harmonics", "time", "station_coords_spherical", "station_coords_cartesian"}
        np.testing.assert_array_equal(file["disp"][FAR][..., 2, 0:5], made["seismogram"][FAR][..., 2, 0:5])
        np.testing.assert_allclose(file["time"][FAR][:, 0:5], tier.dt * np.arange(5)[None].repeat(2, 0), rtol=1e-6)
        r, theta, phi = np.moveaxis(file["station_coords_spherical"][FAR], -1, 0)
        assert (r.shape, r.max()) == ((2, *tier.stations), tier.radius)
        x = file["station_coords_cartesian"][FAR][..., 0]
        np.testing.assert_allclose(x, r * np.sin(theta) * np.cos(phi), atol=1e-3 * tier.radius)
        assert all(array.dtype == "float32" and array.fletcher32 for array in file.values())
    if tier.source:
        with h5py.File(tmp_path / f"{name}_source.h5") as file:
            np.testing.assert_array_equal(file["source"][FAR], made["source"][FAR])
    if tier.samples_per_file is None:
        data = globaltomo.Dataset(tmp_path, tier)
        for sample, slices in zip(data, made["slices"], strict=True):
            np.testing.assert_array_equal(sample.slices, slices)


def test_what_files_say(tmp_path):
    """Frame, source time function, low-pass, station grid and versions, for whoever reads them in a year."""
    tier = tiny("acoustic-small")
    made = rows(tier, 2)
    write_all(tmp_path, tier, made, recording(tier, lowpass=None, frame="R T Z", more={"source_depth": 200.0}))
    told = globaltomo.Dataset(tmp_path, tier).attributes("seismogram")
    assert (told["frame"], told["units"], told["lowpass"], told["source_depth"]) == ("R T Z", "m", "none", 200.0)
    assert (told["source_time_function"], told["tier"]) == ("exp(-(30 t)^2)", "acoustic-small")
    assert told["station_grid"].startswith("latitude -90 to 90, 5 values")
    assert json.loads(told["versions"]).keys() >= {"adseis", "h5py", "jax"}
    assert globaltomo.Dataset(tmp_path, tier).attributes("slices")["units"] == "Pa s^2"


@pytest.mark.parametrize("name", ["acoustic-small", "elastic"])
def test_complex_series_are_cut(tmp_path, name):
    """Of twelve orders nine are stored; what that leaves out is returned, and said in the file."""
    tier = tiny(name)
    rng = np.random.default_rng(4)
    shape = (2, 15, 12, *((3,) if tier.vector else ()), 12)
    series = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype("complex64")
    series[..., 0].imag = 0
    path = tmp_path / tier.shard("fourier", 0, 2)
    left = globaltomo.write_fourier(path, rows(tier, 2)["harmonics"], series, recording(tier))
    assert left == pytest.approx(globaltomo.left_out(series), rel=1e-12)
    assert 0.2 < left < 0.4  # 3.5 of 11.5 orders
    data = globaltomo.Dataset(tmp_path, tier)
    assert data.attributes("fourier")["energy_left_out"] == left
    stored = globaltomo.by_component(data[:].fourier) if tier.vector else data[:].fourier
    np.testing.assert_array_equal(stored, globaltomo.pack(series))
    assert globaltomo.write_fourier(path, rows(tier, 2)["harmonics"], rows(tier, 2)["fourier"], recording(tier)) is None


def test_bytes_do_not_tell_the_time(tmp_path):
    """The same samples a second later are the same file, as HDF5 keeps times in seconds where it is let to."""
    tier = tiny("elastic")
    made = rows(tier, 2)
    for name in ("one", "two"):
        write_all(tmp_path / name, tier, made)
        time.sleep(1.05 if name == "one" else 0)
    for path in sorted((tmp_path / "one").glob("*.h5")):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def shards(folder, tier, count=5, size=2, said=None):
    """Files of ranges."""
    made = rows(tier, count)
    rng = np.random.default_rng(1)
    made["series"] = rng.standard_normal((count, 15, 12, 11)) + 1j * rng.standard_normal((count, 15, 12, 11))
    for first in range(0, count, size):
        part = {name: values[first : first + size] for name, values in made.items()}
        number, structures = len(part["harmonics"]), part["harmonics"]
        kept = said(first) if said else recording(tier)
        globaltomo.write_seismograms(folder / tier.shard("seismogram", first, number), structures, part["seismogram"], kept)
        globaltomo.write_slices(folder / tier.shard("slices", first, number), structures, part["slices"], kept)
        globaltomo.write_fourier(folder / tier.shard("fourier", first, number), structures, part["series"], kept)
    return made


def test_files_of_ranges_are_joined(tmp_path, monkeypatch):
    """All rows, what stands beside them, and attributes; a killed join leaves nothing, and the next one the same bytes."""
    tier = tiny("acoustic-small")
    made = shards(tmp_path, tier)
    made["fourier"] = globaltomo.pack(made["series"]).astype("float32")
    before = globaltomo.Dataset(tmp_path, tier)
    paths = globaltomo.join(tmp_path, tier)
    assert [path.name for path in paths] == ["seis.h5", "wf_slice.h5", "wf_fourier.h5"]
    bytes_of = [path.read_bytes() for path in paths]
    data = globaltomo.Dataset(tmp_path, tier)
    assert data._columns["slices"].parts[0].file.path == tmp_path / "wf_slice.h5"
    for number in range(5):
        for name in ("harmonics", "seismogram", "slices", "fourier"):
            np.testing.assert_array_equal(getattr(data[number], name), made[name][number])
            np.testing.assert_array_equal(getattr(before[number], name), made[name][number])
    with h5py.File(tmp_path / "seis.h5") as file, h5py.File(tmp_path / "seis/seis_00000_00002.h5") as part:
        assert dict(file.attrs) == dict(part.attrs)
        assert dict(file["disp"].attrs) == dict(part["disp"].attrs)
        assert file["time"].shape == (5, 6)
        np.testing.assert_array_equal(file["station_coords_spherical"][4], part["station_coords_spherical"][0])
    said = data.attributes("fourier")["energy_left_out"]
    assert said == pytest.approx(globaltomo.left_out(made["series"]), rel=1e-12)
    for path in paths:
        path.unlink()
    calls = []

    def killed(*arguments, copy=Handles.copy):
        calls.append(arguments)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return copy(*arguments)

    monkeypatch.setattr("adseis.data.globaltomo_joining.Handles.copy", killed)
    with pytest.raises(KeyboardInterrupt):
        globaltomo.join(tmp_path, tier)
    monkeypatch.undo()
    assert [path.exists() for path in paths] == [True, False, False]
    assert not list(tmp_path.glob(".*partial*"))
    assert [path.read_bytes() for path in globaltomo.join(tmp_path, tier)] == bytes_of


def test_files_that_cannot_be_joined(tmp_path):
    """Gaps, other places, other words, nothing: no file is written."""
    tier = tiny("acoustic-small")
    with pytest.raises(
        FileNotFoundError, match=r"has nothing to join for tier 'acoustic-small'; looked for files in seis/, wf_slice/"
    ):
        globaltomo.join(tmp_path, tier)
    shards(tmp_path, tier, said=lambda first: recording(tier, frame="x y z" if first < 4 else "R T Z"))
    with pytest.raises(
        ValueError, match=r"seis_00004_00005.h5` and seis_00000_00002.h5 say other things of `frame`: 'R T Z' and 'x y z'"
    ):
        globaltomo.join(tmp_path, tier)
    shards(tmp_path, tier, said=lambda first: recording(tier, elements=elements() + np.float32(first)))
    with pytest.raises(
        ValueError, match=r"wf_slice_00002_00004.h5` and wf_slice_00000_00002.h5 differ in `element_coords_cartesian`"
    ):
        globaltomo.join(tmp_path, tier, what=("slices",))
    (tmp_path / "seis/seis_00002_00004.h5").unlink()
    with pytest.raises(ValueError, match=r"seis_00004_00005.h5` begins at id 4, and ids 2 to 3 are missing"):
        globaltomo.join(tmp_path, tier)
    assert not list(tmp_path.glob("*.h5"))
    with pytest.raises(FileNotFoundError, match=r"nothing to join for tier 'elastic'; looked for files in source/"):
        globaltomo.join(tmp_path, "elastic")


def test_sources_of_ranges_are_joined(tmp_path):
    """The elastic tier keeps waves in files of ranges, and sources in one."""
    tier = tiny("elastic")
    made = rows(tier, 3)
    for first, count in ((0, 2), (2, 1)):
        globaltomo.write_sources(
            tmp_path / tier.shard("source", first, count), made["source"][first : first + count], recording(tier)
        )
    assert globaltomo.join(tmp_path, tier) == [tmp_path / "elastic_source.h5"]
    with h5py.File(tmp_path / "elastic_source.h5") as file:
        np.testing.assert_array_equal(file["source"], made["source"])


def test_wrong_samples(tmp_path):
    """Shapes, numbers that are none or too large for float32, counts; nothing stays."""
    tier = tiny("acoustic-small")
    made, said, path = rows(tier, 2), recording(tier), tmp_path / "seis.h5"
    with pytest.raises(ValueError, match=r"`harmonics` are of 2 samples, seismogram of 1"):
        globaltomo.write_seismograms(path, made["harmonics"], made["seismogram"][:1], said)
    with pytest.raises(ValueError, match=r"`disp` \(5, 7, 3, 5\) of sample 0 must be \(5, 7, 3, 6\) for tier 'acoustic-small'"):
        globaltomo.write_seismograms(path, made["harmonics"], made["seismogram"][..., :-1], said)
    with pytest.raises(ValueError, match=r"`harmonics` \(124,\) of sample 0 must be \(125,\)"):
        globaltomo.write_seismograms(path, made["harmonics"][:, 1:], made["seismogram"], said)
    large = made["seismogram"].astype(float)
    large[1, 0, 0, 0, 0] = 1e39
    with pytest.raises(ValueError, match=r"`disp` of sample 1 is not finite in float32"):
        globaltomo.write_seismograms(path, made["harmonics"], large, said)
    with pytest.raises(ValueError, match=r"`elements` is None: wavefields need the places"):
        globaltomo.write_slices(path, made["harmonics"], made["slices"], recording(tier, elements=None))
    late = globaltomo.Recording(tiny("earth"), "x y z", "a step", elements=elements())
    with (
        pytest.raises(ValueError, match=r"`snapshots` of tier 'earth' are not published: give their times"),
        globaltomo.rows_written(path, "slices", 1, late),
    ):
        pass
    with pytest.raises(ValueError, match=r"`timestep` \(3,\) must be finite numbers \(15,\)"):
        globaltomo.write_slices(path, made["harmonics"], made["slices"], recording(tier, snapshots=np.arange(3.0)))
    with pytest.raises(ValueError, match=r"`what` = 'source' is nothing of tier 'acoustic-small'; there is seismogram"):
        globaltomo.write_sources(path, np.zeros((1, 6)), said)
    with (
        pytest.raises(ValueError, match=r"`count` = 2 samples were announced, and 1 were added"),
        globaltomo.rows_written(path, "slices", 2, said) as file,
    ):
        file.add(made["harmonics"][0], made["slices"][0])
    with (
        pytest.raises(ValueError, match=r"`count` = 1 samples are in the file already"),
        globaltomo.rows_written(path, "slices", 1, said) as file,
    ):
        [file.add(made["harmonics"][row], made["slices"][row]) for row in range(2)]
    assert list(tmp_path.iterdir()) == []
