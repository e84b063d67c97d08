"""Recorded gathers: onto the grid's clock, what is live, in and out of files, and one clear error for every fault."""

import dataclasses
import functools
import warnings

import h5py
import jax
import numpy as np
import pytest
import scipy.io

import adseis as ads
from adseis.data.arrays import StoredArray, write_arrays
from adseis.data.gather_files import Gathers, read_gathers, read_time_function, stored_gathers, write_gathers

SOURCES = np.array([[[20.0, 30.0]], [[20.0, 80.0]], [[20.0, 130.0]]])
RECEIVERS = np.stack([np.full(5, 100.0), 20.0 + 30 * np.arange(5)], -1)
DATA = np.random.default_rng(0).standard_normal((3, 40, 5))
GRID = ads.Grid((13, 17), 10.0, 2e-3, 40)


def made(**changes):
    given = {"data": DATA, "dt": 2e-3, "source_positions": SOURCES, "receiver_positions": RECEIVERS} | changes
    return Gathers(**given)


def with_traces(value, *traces):
    data = DATA.copy()
    for shot, receiver in traces:
        data[shot, :, receiver] = value
    return data


def ricker(t):
    """20 Hz: at 125 Hz, the Nyquist frequency of 4 ms, its spectrum has fallen by 16 orders of magnitude."""
    a = (np.pi * 20 * (t - 0.3)) ** 2
    return (1 - 2 * a) * np.exp(-a)


def recorded(dt, start, nt):
    """A Ricker wavelet of each trace's own size, sampled at start + k dt."""
    size = 1 + np.arange(15).reshape(3, 1, 5)
    return made(data=size * ricker(start + dt * np.arange(nt))[None, :, None], dt=dt, start=start)


@pytest.mark.parametrize("dt", [1e-3, 4e-3, np.sqrt(2) * 1e-3, 1.9e-3, 4.7e-3])
@pytest.mark.parametrize("start", [0.0, 0.012, 0.0137, -0.0211])
def test_the_clock_is_exact_for_band_limited_data(dt, start):
    """Any interval below Nyquist and any start, whole samples or not, give the wavelet's values at k dt, to rounding.

    The chirp-z transform of 400 samples keeps 1e-11 of the peak; the wavelet is below that at both ends of the record.
    """
    gathers = recorded(4e-3, start, 200).resampled(dt)
    assert gathers.dt == dt
    assert gathers.start == 0
    exact = recorded(dt, 0.0, gathers.nt).data
    np.testing.assert_allclose(gathers.data, exact, rtol=0, atol=1e-11 * exact.max())
    assert 0 <= start + 0.796 - gathers.times[-1] < dt


@pytest.mark.parametrize("dt", [0.8e-3, 1e-3, 5e-3])
def test_rough_data_as_in_signals(dt):
    """White noise, above the new Nyquist frequency too, comes out as `adseis.signals.resample` makes it, to rounding.

    At these ratios both pad the record to the same 80 samples.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gathers = made().resampled(dt)
    np.testing.assert_allclose(gathers.data, ads.signals.resample(DATA, 2e-3, dt, axis=1), rtol=0, atol=1e-11)


def test_nothing_aliases_and_the_loss_is_told():
    """A burst at 150 Hz, recorded at 500 Hz, is not there at 200 Hz (aliased it would be as strong at 50 Hz).

    What is left, 1e-6, is the tail of the burst's spectrum below 100 Hz.
    """
    t = 1e-3 * np.arange(600)
    burst = np.exp(-(((t - 0.3) / 0.05) ** 2)) * np.cos(2 * np.pi * 150 * t)
    gathers = made(data=np.broadcast_to(burst[None, :, None], (3, 600, 5)), dt=1e-3)
    with pytest.warns(UserWarning, match=r"1e\+02 % of the data's energy lies above 100 Hz and is removed"):
        assert np.abs(gathers.resampled(5e-3).data).max() < 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gathers.resampled(2e-3)


def test_a_longer_grid_is_refused_or_padded_without_weight():
    """What was not recorded, before the first sample or after the last, is zero and has weight 0."""
    gathers = made(start=0.01)  # to 0.088 s
    with pytest.raises(
        ValueError, match=r"ends at 0.198 s \(100 samples of 0.002 s\), the recorded one at 0.088 s. Use nt <= 45"
    ):
        gathers.resampled(2e-3, 100)
    padded = gathers.resampled(2e-3, 100, pad=True)
    assert padded.window == (0.01, pytest.approx(0.088))
    np.testing.assert_array_equal(padded.weights[0, :, 0], [0.0] * 5 + [1.0] * 40 + [0.0] * 55)
    np.testing.assert_allclose(padded.data[:, 5:45], DATA, rtol=0, atol=1e-11)
    assert not padded.data[padded.weights == 0].any()
    again = padded.select(shots=[0]).resampled(1e-3)
    assert again.window == padded.window
    assert again.weights.shape == (1, 199, 5)
    assert made().weights.shape == (3, 1, 5)


def test_dead_traces_do_not_reach_the_gradient():
    """A misfit of weighted predictions has the gradient that it has without the dead receiver, to rounding."""
    grid = ads.Grid((13, 17), 10.0, 2e-3, 110)
    wavelet = np.asarray(ads.wavelets.ricker(15.0, grid.nt, grid.dt))
    survey = ads.Survey(ads.Explosion(SOURCES, wavelet[None, None]), RECEIVERS)
    simulate = functools.partial(ads.simulate_scalar, grid=grid, boundary=ads.CPML(width=6))
    observed = np.array(simulate(ads.ScalarMedium(np.full(grid.shape, 2000.0)), survey))
    observed[:, :, 2] = 0
    gathers = made(data=observed)
    gathers = gathers.without_dead()
    assert gathers.data.shape == (3, 110, 4)
    one = observed.copy()
    one[1, :, 0] = 0
    masked, dropped = made(data=one).without_dead(), gathers.select(receivers=[1, 2, 3])
    assert masked.live.sum() == 11

    def gradient(some):
        def misfit(vp):
            predicted = some.weights * simulate(ads.ScalarMedium(vp), some.survey(wavelet))
            return ads.misfits.l2(predicted, some.data)

        return jax.grad(misfit)(np.full(grid.shape, 2100.0))

    parts = gradient(masked.select(shots=[1])), gradient(dropped.select(shots=[1]))
    np.testing.assert_allclose(*parts, rtol=0, atol=1e-10 * np.abs(parts[1]).max())
    assert np.abs(parts[1]).max() > 0


def test_dead_traces_are_named():
    made().check(GRID)
    silent = made(data=with_traces(0.0, (0, 1), (2, 4)))
    with pytest.raises(
        ValueError, match=r"shot 0 trace 1, shot 2 trace 4 \(counted from 0\) are zero throughout.*`without_dead\(\)`"
    ):
        silent.check()
    with pytest.raises(ValueError, match="shot 0 trace 1"):
        silent.survey(np.zeros(40))
    silent.without_dead().check(GRID)
    many = made(data=np.where(np.arange(5)[None, None] < 4, 0.0, DATA))
    with pytest.raises(ValueError, match=r"and 4 more \(counted from 0\) are"):
        many.check()
    shot = made(data=with_traces(0.0, *((1, r) for r in range(5))), records=[11, 12, 13])
    with pytest.raises(ValueError, match=r"every trace is zero in shot 1 \(record 12\)"):
        shot.check()
    left = shot.without_dead()
    assert left.records.tolist() == [11, 13]
    np.testing.assert_array_equal(left.source_positions, SOURCES[[0, 2]])
    with pytest.raises(ValueError, match="nothing is left: every trace is dead"):
        made(data=0 * DATA).without_dead()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(value):
    data = DATA.copy()
    data[2, 7:, 3] = value
    with pytest.raises(ValueError, match=r"shot 2 trace 3 \(counted from 0\) is not finite, the first at sample 7, t = 0.014 s"):
        made(data=data).check()
    left = made(data=data).without_dead()
    left.check()
    assert not left.live[2, 3]
    assert left.live.sum() == 14
    assert not left.data[2, :, 3].any()


@pytest.mark.parametrize(
    ("changes", "grid", "message"),
    [
        ({"dt": 4e-3}, GRID, r"a sample every 0.004 s; the grid starts at 0 s with `dt` = 0.002 s. Use `resampled\(grid\)`"),
        ({"start": 0.1}, GRID, r"start at 0.1 s .* Use `resampled"),
        ({}, ads.Grid((13, 17), 10.0, 2e-3, 41), r"40 samples, the grid `nt` = 41. Use `resampled"),
        ({}, ads.Grid((13, 5, 17), 10.0, 2e-3, 40), "positions have 2 axes, the grid has 3"),
        ({}, ads.Grid((9, 17), 10.0, 2e-3, 40), r"receiver 0 of shot 0 \(record 1\) lies at \(z, x\) = \(100, 20\) m, outside"),
        (
            {"source_positions": SOURCES + 500},
            GRID,
            r"source 0 of shot 0 .* covers z from 0 to 120, x from 0 to 160 m. Use `moved\(by\)`",
        ),
    ],
)
def test_the_grid_must_fit(changes, grid, message):
    with pytest.raises(ValueError, match=message):
        made(**changes).check(grid)


def test_a_dead_receiver_may_lie_anywhere():
    """A column without a trace has no place of its own; that it stands outside the grid is no fault."""
    receivers = RECEIVERS.copy()
    receivers[4] = 9e3
    live = np.ones((3, 5), bool)
    live[:, 4] = False
    made(receiver_positions=receivers, live=live).check(GRID)


def test_selections():
    """Shots, receivers and offsets pick the data they name, with their positions; what no shot has left is dropped."""
    gathers = made(receiver_positions=RECEIVERS[None] + np.array([0.0, 5.0])[None, None] * np.arange(3)[:, None, None])
    some = gathers.select(shots=slice(1, None), receivers=[4, 0])
    np.testing.assert_array_equal(some.data, DATA[1:][:, :, [4, 0]])
    np.testing.assert_array_equal(some.receiver_positions, gathers.receiver_positions[1:][:, [4, 0]])
    assert some.records.tolist() == [2, 3]
    np.testing.assert_array_equal(gathers.select(shots=np.array([True, False, True])).data, DATA[[0, 2]])
    near = made().select(offsets=(0.0, 40.0))
    np.testing.assert_array_equal(near.live, np.abs(SOURCES[:, :, 1] - RECEIVERS[None, :, 1]) <= 40)
    assert not near.data[:, 0][~near.live].any()
    assert made().select(shots=1, offsets=(0.0, 40.0)).data.shape == (1, 40, 3)
    with pytest.raises(ValueError, match=r"`offsets` = \(200.0, 300.0\) m; they run from 0 to 110 m"):
        made().select(offsets=(200.0, 300.0))
    with pytest.raises(ValueError, match=r"`shots` = \[3\] does not fit: there are 3"):
        made().select(shots=[3])


def test_positions_on_a_line():
    """A line at 30 degrees, one receiver 7 m off it: distances along it are kept, and the 7 m are told."""
    along, across = np.array([np.sin(np.pi / 6), np.cos(np.pi / 6)]), np.array([-np.cos(np.pi / 6), np.sin(np.pi / 6)])

    def place(p):
        return np.concatenate([p[..., :1], 1e6 + p[..., 1:] * along.reshape((1,) * (p.ndim - 1) + (2,))], -1)

    receivers = place(RECEIVERS)
    receivers[3, 1:] += 7 * across
    gathers = made(source_positions=place(SOURCES), receiver_positions=receivers)
    start, end = 1e6 + 0 * along, 1e6 + 100 * along
    onto, farthest = gathers.projected(tuple(start), tuple(end))
    np.testing.assert_allclose(onto.source_positions, SOURCES, atol=1e-8)
    np.testing.assert_allclose(onto.receiver_positions, RECEIVERS, atol=1e-8)
    assert farthest == pytest.approx(7.0, abs=1e-8)
    straight = made(source_positions=place(SOURCES), receiver_positions=place(RECEIVERS))
    onto, farthest = straight.projected()
    np.testing.assert_allclose(onto.receiver_positions, RECEIVERS - [[0, 20]], atol=1e-7)  # x = 0 at the first receiver, at 20 m
    assert farthest < 1e-8
    backwards = straight.projected(tuple(end), tuple(start))[0]
    np.testing.assert_allclose(backwards.source_positions[..., 1], 100 - SOURCES[..., 1], atol=1e-8)
    np.testing.assert_allclose(onto.moved((5.0, 20.0)).source_positions, SOURCES + [[[5, 0]]], atol=1e-7)
    for arguments, message in (((tuple(start), None), "both, or neither"), ((tuple(start), tuple(start)), "the same point")):
        with pytest.raises(ValueError, match=message):
            straight.projected(*arguments)
    with pytest.raises(ValueError, match="nothing to project"):
        made().projected()
    with pytest.raises(ValueError, match="one number for each of 2 axes"):
        made().moved((1.0,))
    with pytest.raises(ValueError, match=r"3 axes, the grid has 2. Use `projected\(\)`"):
        straight.check(GRID)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": DATA[0]}, r"`data` \(40, 5\) must be \(shot, time, receiver\)"),
        ({"data": DATA[:, :0]}, "with at least one of each"),
        ({"data": DATA + 1j}, "real numbers"),
        ({"dt": 0.0}, "`dt` = 0.0 s must be positive"),
        (
            {"source_positions": SOURCES[:2]},
            r"`source_positions` \(2, 1, 2\) must be \(shot, source, axis\) = \(3, any, 2 or 3\)",
        ),
        ({"receiver_positions": RECEIVERS[:4]}, r"`receiver_positions` \(4, 2\) must be \(receiver, axis\) = \(5, 2\)"),
        ({"receiver_positions": RECEIVERS * np.nan}, "must be finite numbers in metres"),
        ({"live": np.ones((3, 4), bool)}, r"`live` \(3, 4\) must be \(shot, receiver\) = \(3, 5\)"),
    ],
)
def test_shapes_must_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_faults_of_resampling():
    for arguments, message in (
        ((-1.0,), "`onto` = -1.0 s must be positive"),
        ((GRID, 40), "`nt` = 40 is the grid's"),
        ((1e-3, 0), "`nt` = 0 must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            made().resampled(*arguments)
    with pytest.raises(ValueError, match="ends at -0.922 s, before the shot"):
        made(start=-1.0).resampled(1e-3)
    with pytest.raises(ValueError, match=r"`time_function` \(3, 40\) must be \(time,\) or"):
        made().survey(np.zeros((3, 40)))


def test_a_part_is_replaced():
    """What is not named stays, and the whole is checked again; gathers are frozen."""
    gathers = made(records=[4, 5, 6], unit="m/s", start=0.1)
    later = dataclasses.replace(gathers, start=0.2, live=[[True, False, True, True, True]] * 3)
    assert (later.start, later.unit, later.records.tolist()) == (0.2, "m/s", [4, 5, 6])
    assert not later.data[:, :, 1].any()
    with pytest.raises(ValueError, match=r"`records` \(2,\)"):
        dataclasses.replace(gathers, records=[1, 2])
    with pytest.raises(dataclasses.FrozenInstanceError):
        gathers.start = 0.0


LIVE = np.ones((3, 5), bool)
LIVE[1, 2:4] = False
FULL = {"live": LIVE, "start": 0.004, "window": (0.01, 0.05), "field": "vz", "unit": "m/s", "records": [7, 9, 8]}


@pytest.mark.parametrize(
    "changes",
    [FULL, {"receiver_positions": np.broadcast_to(RECEIVERS, (3, 5, 2))}, {"data": DATA[:1], "source_positions": SOURCES[:1]}],
)
@pytest.mark.parametrize("suffix", [".h5", ".npz", ".mat", ".H5", ".NPZ", ".MAT"])
def test_round_trip(tmp_path, suffix, changes):
    """Whatever a bundle holds comes back bit for bit; nothing but the file is left."""
    gathers = made(**changes)
    write_gathers(tmp_path / f"a{suffix}", gathers)
    back = read_gathers(tmp_path / f"a{suffix}", dtype="float64")
    for name in ("data", "source_positions", "receiver_positions", "live", "records"):
        np.testing.assert_array_equal(getattr(back, name), getattr(gathers, name))
    for name in ("dt", "start", "window", "field", "unit"):
        assert getattr(back, name) == getattr(gathers, name)
    assert read_gathers(tmp_path / f"a{suffix}").data.dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_hdf5_tells_units_and_axes(tmp_path):
    """A file that explains itself, every array with a checksum: one flipped bit is noticed."""
    write_gathers(tmp_path / "a.h5", made())
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["p"].attrs["axes"] == "shot time receiver"
        assert (file["p"].attrs["units"], file["receiver_positions"].attrs["units"], file["dt"].attrs["units"]) == (
            "Pa",
            "m",
            "s",
        )
        assert file["p"].fletcher32
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[content.index(DATA[0, :2].tobytes()) + 5] ^= 1
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.h5`, of \d+ bytes, is truncated, damaged"):
        read_gathers(tmp_path / "a.h5")


def test_gathers_among_other_arrays(tmp_path):
    """The result of a run: models and a time function beside the gathers, which the axes tell apart."""
    pulse = np.arange(40.0)
    gathers = made(field="vz", unit="m/s")
    model = StoredArray(np.ones((13, 17)), "m/s", "z x", (10.0, 10.0))
    arrays = stored_gathers(gathers, time_function=pulse, time_function_unit="m3/s") | {"vp": model}
    write_arrays(tmp_path / "result.h5", arrays)
    back = read_gathers(tmp_path / "result.h5", dtype="float64")
    np.testing.assert_array_equal(back.data, DATA)
    assert (back.field, back.unit, back.dt) == ("vz", "m/s", 2e-3)
    np.testing.assert_array_equal(back.receiver_positions, RECEIVERS)
    np.testing.assert_array_equal(read_time_function(tmp_path / "result.h5"), pulse)
    assert h5py.File(tmp_path / "result.h5")["time_function"].attrs["units"] == "m3/s"
    predicted = StoredArray(2 * DATA.transpose(0, 2, 1), "m/s", "shot receiver time", field="vz")
    write_arrays(tmp_path / "two.h5", arrays | {"gather_predicted": predicted})
    with pytest.raises(ValueError, match="two.h5` holds gather_predicted, vz; choose the data by `name`"):
        read_gathers(tmp_path / "two.h5")
    chosen = read_gathers(tmp_path / "two.h5", name="gather_predicted", dtype="float64")
    np.testing.assert_array_equal(chosen.data, 2 * DATA)
    assert chosen.field == "vz"
    write_gathers(tmp_path / "none.h5", gathers)
    with pytest.raises(ValueError, match="none.h5` holds no `time_function`; it holds"):
        read_time_function(tmp_path / "none.h5")
    with pytest.raises(ValueError, match="no time function in .segy"):
        read_time_function(tmp_path / "none.segy")


def test_files_of_others(tmp_path):
    """Bare arrays in any order of axes, with what the file lacks given by the caller."""
    geometry = {"source_positions": SOURCES, "receiver_positions": RECEIVERS}
    np.save(tmp_path / "a.npy", DATA)
    gathers = read_gathers(tmp_path / "a.npy", dt=2e-3, unit="m/s", dtype="float64", **geometry)
    np.testing.assert_array_equal(gathers.data, DATA)
    assert (gathers.dt, gathers.unit) == (2e-3, "m/s")
    np.save(tmp_path / "one.npy", DATA[0])
    one = read_gathers(tmp_path / "one.npy", axes="time receiver", dt=2e-3, **geometry | {"source_positions": SOURCES[:1]})
    assert one.data.shape == (1, 40, 5)
    scipy.io.savemat(tmp_path / "a.mat", {"shots": DATA.transpose(1, 2, 0), "dt": 2e-3, "other": np.ones(3)})
    asked = {"name": "shots", "axes": "time receiver shot", "dtype": "float64"} | geometry
    np.testing.assert_array_equal(read_gathers(tmp_path / "a.mat", **asked).data, DATA)
    write_gathers(tmp_path / "b.npy", made())
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), DATA)
    with pytest.raises(ValueError, match="b.npy` would lose which traces are live"):
        write_gathers(tmp_path / "b.npy", made(start=0.1))
    for options, message in (
        ({"dt": 2e-3}, "does not tell `source_positions`, `receiver_positions`: give what is missing"),
        (geometry, "does not tell `dt`"),
        (
            {"dt": 2e-3, "axes": "time shot"} | geometry,
            r"a.npy`: `axes` = \"time shot\" does not name the axes of data \(3, 40, 5\)",
        ),
        ({"dt": 2e-3, "name": "vz"} | geometry, "holds no `vz`; it holds p"),
        (
            {"dt": 2e-3, "source_positions": SOURCES[:2], "receiver_positions": RECEIVERS},
            r"a.npy`: `source_positions` \(2, 1, 2\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            read_gathers(tmp_path / "a.npy", **options)
    with pytest.raises(ValueError, match="a.mat` holds other, shots; choose the data by `name`"):
        read_gathers(tmp_path / "a.mat", **geometry)


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, 0.98])
@pytest.mark.parametrize("suffix", [".h5", ".npz", ".npy", ".mat"])
def test_truncated(tmp_path, suffix, keep):
    """Whatever a file is cut to, the reader names it and its size."""
    path = tmp_path / f"a{suffix}"
    write_gathers(path, made())
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ValueError, match=rf"a{suffix}`, of {path.stat().st_size} bytes.* is truncated, damaged or no") as raised:
        read_gathers(path, dt=2e-3, source_positions=SOURCES, receiver_positions=RECEIVERS)
    assert suffix != ".npy" or not isinstance(keep, float) or f"its header tells of {len(content)}" in str(raised.value)


def test_faults_of_files(tmp_path):
    with pytest.raises(ValueError, match=r"no format of gathers '.xyz'; use one of .h5, .npz, .npy, .mat, .segy, .sgy, .su"):
        read_gathers(tmp_path / "a.xyz")
    with pytest.raises(ValueError, match="no format of gathers 'without extension'"):
        write_gathers(tmp_path / "a", made())
    with pytest.raises(FileNotFoundError, match="no file of gathers at `.*absent.h5`"):
        read_gathers(tmp_path / "absent.h5")
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="no plain .npy array"):
        read_gathers(tmp_path / "pickle.npy")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(ValueError, match="empty.h5` holds no data; choose"):
        read_gathers(tmp_path / "empty.h5")
