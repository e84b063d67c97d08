"""Models from files: real files, round trips, and one clear error for every fault."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from adseis.data.adseismic import read_adseismic_survey
from adseis.data.arrays import StoredArray, write_arrays
from adseis.data.models import names_in, read_model, write_model

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
VP = 1500 + np.arange(12.0).reshape(3, 4)  # (z, x)


def shared(name):
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside this checkout")
    return path


@pytest.fixture
def judi(tmp_path):
    with h5py.File(tmp_path / "judi.h5", "w") as file:
        file.update({"m": (1e6 / VP**2).astype("f4"), "m0": np.full((3, 4), 0.25)})
        file.update({"d": [20.0, 10.0], "n": [4, 3], "o": [0.0, 0.0]})
    return tmp_path / "judi.h5"


@pytest.fixture
def mat(tmp_path):
    def write(**entries):
        scipy.io.savemat(tmp_path / "model.mat", {"vp": VP.T, "dx": 20.0, "dy": 10.0} | entries)
        return tmp_path / "model.mat"

    return write


def device(ix, iy, vec=None):
    entry = np.empty((1, 1), [(name, object) for name in (("ix", "iy") if vec is None else ("ix", "iy", "vec"))])
    entry[0, 0] = (np.array([ix]), np.array([iy])) if vec is None else (np.array([ix]), np.array([iy]), vec)
    return entry


def structures(*devices):
    cells = np.empty((1, len(devices)), object)
    for i, entry in enumerate(devices):
        cells[0, i] = entry
    return cells


SOURCE = structures(device([2], [3], np.ones((1, 5))), device([4], [3], np.ones((1, 5))))
SURVEY = {"dt": 0.01, "nt": 5, "f0": 3, "source": SOURCE}


def test_marmousi():
    """The published error of the initial model, 381.8 m/s (tolerance: its rounding), pins values, order and units."""
    true, initial = (read_model(shared(f"marmousi2-model-{kind}.mat"), dtype="float64") for kind in ("true", "smooth"))
    assert true.values.shape == (68, 202)
    assert true.unit == "m/s"
    np.testing.assert_allclose(true.spacing, 52.222, atol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.mean((true.values - initial.values) ** 2)), 381.8, atol=0.05)


def test_marmousi_survey():
    """Eight shots and 183 receivers in the water, symmetric to a node about the section; the Ricker source peaks at f0.

    The peak frequency is that of a padded spectrum, resolved to 1 / (8 nt dt) = 0.02 Hz.
    """
    survey = read_adseismic_survey(shared("marmousi2-model-smooth.mat"))
    assert survey.source_positions.shape == (8, 1, 2)
    assert survey.receiver_positions.shape == (183, 2)
    assert survey.mask.shape == (68, 202)
    nodes = survey.receiver_positions / survey.spacing
    np.testing.assert_allclose(nodes[[0, -1]], [[9, 9], [9, 191]], atol=1e-9)
    np.testing.assert_allclose(survey.source_positions[0, 0] / survey.spacing, [9, 19], atol=1e-9)
    spectrum = np.abs(np.fft.rfft(survey.source_time_functions[0, 0], 8 * survey.nt))
    assert abs(spectrum.argmax() / (8 * survey.nt * survey.dt) - survey.f0) < 0.02


def test_overthrust():
    """Slowness squared becomes speed: the overthrust model runs from 1500 to 5500 m/s, to the float32 it is stored in."""
    model = read_model(shared("overthrust_model.h5"))
    assert model.values.shape == (121, 401)
    assert model.spacing == (25.0, 25.0)
    np.testing.assert_allclose([model.values.min(), model.values.max()], [1500, 5500], rtol=1e-6)


def test_mat_axes(mat):
    """ADSeismic stores (x, z) and names its depth y; transposition and spacing are exact."""
    model = read_model(mat(), dtype="float64")
    np.testing.assert_array_equal(model.values, VP)
    assert model.spacing == (10.0, 20.0)
    np.testing.assert_array_equal(read_model(mat(vp=VP), axes="zx", dtype="float64").values, VP)


def test_judi(judi):
    """JUDI's spacing is (x, z), its values s2/km2 in float32, hence the tolerance."""
    model = read_model(judi)
    np.testing.assert_allclose(model.values, VP, rtol=1e-6)
    assert model.spacing == (10.0, 20.0)
    initial = read_model(judi, name="m0")
    assert initial.name == "vp0"
    np.testing.assert_allclose(initial.values, 2000.0)


@pytest.mark.parametrize("axes", ["zyx", "xyz", "yxz"])
def test_raw_volume(tmp_path, axes):
    """A raw volume in any order of axes comes back (z, y, x); whole numbers are exact in float32."""
    volume = 2000 + np.arange(24.0).reshape(2, 3, 4)
    stored = volume.transpose(["zyx".index(axis) for axis in axes])
    stored.astype("<f4").tofile(tmp_path / "model.bin")
    model = read_model(tmp_path / "model.bin", axes=axes, shape=stored.shape, spacing=(5.0, 10.0, 20.0))
    np.testing.assert_array_equal(model.values, volume)
    assert model.spacing == (5.0, 10.0, 20.0)
    assert model.values.flags.c_contiguous


def test_units_and_dtype(tmp_path):
    """km/s and g/cm3 are multiplied by 1000 before rounding, so float64 agrees to the last digit but one."""
    np.save(tmp_path / "model.npy", VP / 1e3)
    model = read_model(tmp_path / "model.npy", unit="km/s", spacing=10.0, dtype="float64")
    np.testing.assert_allclose(model.values, VP, rtol=1e-15)
    assert model.spacing == (10.0, 10.0)
    assert read_model(tmp_path / "model.npy", unit="km/s", spacing=10.0).values.dtype == np.float32
    assert read_model(tmp_path / "model.npy", name="rho", unit="g/cm3", spacing=10.0).unit == "kg/m3"


def test_write_model_round_trip(tmp_path):
    """What is written in km/s comes back in m/s; nothing but the file is left."""
    write_model(tmp_path / "model.h5", VP / 1e3, spacing=(10.0, 20.0), unit="km/s")
    model = read_model(tmp_path / "model.h5", dtype="float64")
    np.testing.assert_allclose(model.values, VP, rtol=1e-15)
    assert (model.spacing, model.name, model.unit) == ((10.0, 20.0), "vp", "m/s")
    assert [path.name for path in tmp_path.iterdir()] == ["model.h5"]


def test_arrays_are_checksummed(tmp_path):
    """One flipped bit of the data is noticed, and named."""
    write_model(tmp_path / "model.h5", VP, spacing=10.0)
    content = bytearray((tmp_path / "model.h5").read_bytes())
    content[content.index(VP.tobytes()) + 5] ^= 1
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(ValueError, match=r"model.h5`, of \d+ bytes, is truncated, damaged"):
        read_model(tmp_path / "model.h5")


def test_write_arrays_takes_scalars_and_names_axes(tmp_path):
    scalar, empty = StoredArray(np.array(3.0), "m/s", ""), StoredArray(np.zeros((0, 2)), "1", "a b")
    write_arrays(tmp_path / "a.h5", {"rmse": scalar, "none": empty})
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["rmse"][()] == 3.0
        assert file["none"].attrs["axes"] == "a b"
    with pytest.raises(ValueError, match="`axes` = 'z' does not name"):
        write_arrays(tmp_path / "b.h5", {"vp": StoredArray(VP, "m/s", "z")})
    assert not (tmp_path / "b.h5").exists()


def test_survey_of_shots_with_their_own_receivers(mat):
    """Index 1 is the first node: (ix, iy) = (2, 3) at 20 m and 10 m lies at z = 20 m, x = 20 m."""
    own = {"receiver": structures(device([1, 2], [1, 1]), device([3, 4], [1, 1]))}
    survey = read_adseismic_survey(mat(**SURVEY, **own))
    np.testing.assert_array_equal(survey.source_positions, [[[20.0, 20.0]], [[20.0, 60.0]]])
    np.testing.assert_array_equal(survey.receiver_positions, [[[0, 0], [0, 20]], [[0, 40], [0, 60]]])
    assert survey.mask is None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "stores no survey: it lacks dt, f0, nt, receiver, source"),
        (SURVEY | {"receiver": structures(device([1], [1]), device([1, 2], [1, 1]))}, "differ in their numbers"),
        (SURVEY | {"receiver": np.ones(3)}, "no structures"),
        (SURVEY | {"receiver": structures(device([1], [1]))}, "1 given"),
        (SURVEY | {"nt": 6, "receiver": structures(device([1], [1]), device([1], [1]))}, r"must be \(shot, source, nt\)"),
    ],
)
def test_survey_faults(mat, entries, message):
    with pytest.raises(ValueError, match=message):
        read_adseismic_survey(mat(**entries))


@pytest.mark.parametrize("keep", [0, 3, 200, 0.5, 0.95])
@pytest.mark.parametrize("suffix", [".mat", ".h5", ".npy"])
def test_truncated(tmp_path, mat, suffix, keep):
    """Whatever a file is cut to, the reader says that this file is damaged."""
    path = tmp_path / f"model{suffix}"
    big = np.full((60, 50), 2000.0)
    mat(vp=big)
    np.save(tmp_path / "model.npy", big)
    write_model(tmp_path / "model.h5", big, spacing=1.0)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ValueError, match=rf"model{suffix}`(, of \d+ bytes.* is truncated, damaged or no| holds no `vp`)"):
        read_model(path, spacing=1.0)


def with_value(value):
    return np.where(VP[1, 1] == VP, value, VP)


@pytest.mark.parametrize(
    ("vp", "options", "message"),
    [
        (with_value(np.nan), {}, "1 values that are NaN or infinite of 12"),
        (with_value(np.inf), {}, "NaN or infinite"),
        (with_value(0.0), {}, "goes down to 0; it must be positive"),
        (with_value(-5.0), {}, "goes down to -5"),
        (VP[0], {}, "two or three axes"),
        (VP[:0], {}, "is empty"),
        (VP + 1j, {}, "real numbers"),
        (VP, {"axes": "zy"}, "`axes` = 'zy' does not name"),
        (VP, {"spacing": (1.0, 2.0, 3.0)}, "must be one positive number"),
        (VP, {"spacing": -1.0}, "must be one positive number"),
        (VP, {"spacing": None}, "give `spacing`"),
        (VP, {"unit": "mph"}, "unknown `unit` = 'mph'"),
        (VP, {"shape": (3, 4)}, "is for raw .bin"),
    ],
)
def test_faults_name_file_and_repair(tmp_path, vp, options, message):
    np.save(tmp_path / "model.npy", vp)
    with pytest.raises(ValueError, match=message):
        read_model(tmp_path / "model.npy", **{"spacing": 10.0} | options)


def test_shear_speed_may_vanish(mat):
    """Water has no shear speed: zero is a fault of vp, not of vs."""
    assert read_model(mat(vs=VP.T * 0), name="vs").values.max() == 0


def test_file_faults(tmp_path, mat, judi):
    with pytest.raises(FileNotFoundError, match="no model file at .*absent.mat"):
        read_model(tmp_path / "absent.mat")
    with pytest.raises(FileNotFoundError, match="no model file at"):
        read_adseismic_survey(tmp_path / "absent.mat")
    with pytest.raises(ValueError, match=r"no model format '.xyz'; use one of .mat, .h5"):
        read_model(tmp_path / "model.xyz")
    with pytest.raises(ValueError, match="holds no `vq`; it holds dx, dy, vp"):
        read_model(mat(), name="vq")
    with pytest.raises(ValueError, match="holds no `vq`; it holds d, m, m0, n, o"):
        read_model(judi, name="vq")
    np.zeros(5, "f4").tofile(tmp_path / "model.bin")
    with pytest.raises(ValueError, match="give its `shape`"):
        read_model(tmp_path / "model.bin")
    with pytest.raises(ValueError, match="20 bytes.* needs 48"):
        read_model(tmp_path / "model.bin", shape=(3, 4), axes="zx", spacing=1.0)
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="no plain .npy array"):
        read_model(tmp_path / "pickle.npy")


@pytest.mark.parametrize("suffix", [".npy", ".NPY", ".segy", ".SGY", ".bin", ".h5", ".H5"])
def test_what_other_tools_read(tmp_path, suffix):
    """Bare formats hold SI units and come back with what they do not say; whole numbers are exact in float32."""
    path = tmp_path / f"model{suffix}"
    write_model(path, VP / 1e3, spacing=(10.0, 20.0), unit="km/s")
    given = {"shape": VP.shape, "axes": "zx"} if suffix == ".bin" else {}
    model = read_model(path, spacing=(10.0, 20.0), **given)
    np.testing.assert_allclose(model.values, VP, rtol=1e-7)
    assert (model.values.shape, model.unit, model.spacing) == ((3, 4), "m/s", (10.0, 20.0))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert names_in(path) == (("vp",) if suffix.lower() == ".h5" else ())
    if suffix == ".npy":
        np.testing.assert_allclose(np.load(path), VP, rtol=1e-15)


def test_sections_for_other_tools(tmp_path):
    """A trace for every x, its interval the spacing in depth [mm], as segyio reads it."""
    segyio = pytest.importorskip("segyio", reason="reads SEG-Y independently")
    write_model(tmp_path / "vp.segy", VP, spacing=(12.5, 20.0))
    with segyio.open(str(tmp_path / "vp.segy"), ignore_geometry=True) as file:
        np.testing.assert_array_equal(file.trace.raw[:], VP.T)
        assert file.bin[3217] == 12500
    with pytest.raises(ValueError, match=r"holds sections \(z, x\) here, not \(1, 3, 4\). Write .h5, .npy or .bin"):
        write_model(tmp_path / "vp.segy", VP[None], spacing=10.0)


@pytest.mark.parametrize("suffix", [".xyz", "", ".mat"])
def test_models_are_not_written_under_other_names(tmp_path, suffix):
    with pytest.raises(ValueError, match="models are not written as .*; use one of .h5, .npy, .segy, .sgy, .bin"):
        write_model(tmp_path / f"model{suffix}", VP, spacing=10.0)
    assert not list(tmp_path.iterdir())


def test_byte_order_of_raw_models(tmp_path):
    """Read backwards, speeds are numbers of every size and sign: refused, with the order in which they are speeds."""
    write_model(tmp_path / "model.bin", VP + 0.37, spacing=10.0, endian="big")
    given = {"shape": VP.shape, "axes": "zx", "spacing": 10.0}
    np.testing.assert_allclose(read_model(tmp_path / "model.bin", endian="big", **given).values, VP + 0.37, rtol=1e-7)
    for values in (VP + 0.37, VP, np.full((3, 4), 2000.0)):
        values.astype(">f4").tofile(tmp_path / "model.bin")
        with pytest.raises(ValueError, match=r'impossible numbers in little-endian order.*run from .*Give `endian="big"`'):
            read_model(tmp_path / "model.bin", **given)
    with pytest.raises(ValueError, match="`endian` = 'middle' must be"):
        read_model(tmp_path / "model.bin", endian="middle", **given)
    np.save(tmp_path / "model.npy", VP)
    with pytest.raises(ValueError, match="is for .bin, .segy, .sgy files"):
        read_model(tmp_path / "model.npy", endian="big", spacing=10.0)


def test_kilometres_per_second_are_doubted(tmp_path):
    """A file that names no unit and goes up to 2.4: told once, and read as it stands; where the unit is named nothing is said."""
    np.save(tmp_path / "model.npy", VP / 1e3)
    with pytest.warns(UserWarning, match=r"model.npy`: `vp` goes up to 1.511 m/s, which is very little. In km/s\? Give `unit`"):
        assert read_model(tmp_path / "model.npy", spacing=10.0).values.max() < 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_model(tmp_path / "model.npy", spacing=10.0, unit="km/s")
        read_model(tmp_path / "model.npy", spacing=10.0, unit="m/s")
