"""`adseis invert --data`: recorded gathers to a model, what the folder holds, resuming, and what cannot be used."""

import contextlib
import dataclasses
import io
import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import scipy.signal

import adseis as ads
from adseis.cli.configuration import dump, load
from adseis.cli.main import main
from adseis.cli.recorded_data import read_recording
from adseis.cli.recorded_files import RecordedOptions
from adseis.cli.runs import RunFolder
from adseis.data.gather_files import Gathers, read_gathers, read_time_function, write_gathers
from adseis.data.models import read_model, write_model
from adseis.data.spreading import as_line_source
from adseis.files import read_json_lines

SHAPE, SPACING, DT = (15, 25), 20.0, 4e-3
PICTURES = ("qc", "models", "gathers", "source", "misfit_by_shot", "misfit")
SMALL = ["--order", "2", "--width", "6", "--bands", "8", "--iterations", "4", "--low", "1700", "--high", "2600"]


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """Three shots near the top, receivers near the bottom, a pulse that nobody knows, and a starting model without the lens."""
    folder = tmp_path_factory.mktemp("line")
    grid = ads.Grid(SHAPE, SPACING, 2e-3, 351)
    z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    start = np.full(SHAPE, 2000, "float32")
    true = (start + 250 * np.exp(-((z - 140) ** 2 + (x - 240) ** 2) / 4e3)).astype("float32")
    sources = np.stack([np.full(3, 20.0), np.array([80.0, 240.0, 400.0])], -1)[:, None]
    gallery = np.stack([np.full(21, 260.0), np.linspace(40, 440, 21)], -1)
    wells = [np.stack([np.linspace(40, 240, 8), np.full(8, place)], -1) for place in (40.0, 440.0)]
    receivers = np.concatenate([gallery, *wells])
    pulse = ads.wavelets.ricker(6.0, grid.nt, grid.dt, delay=0.2) - 0.5 * ads.wavelets.ricker(5.0, grid.nt, grid.dt, delay=0.28)
    survey = ads.Survey(ads.Explosion(sources, np.asarray(pulse)[None, None]), receivers)
    data = np.array(ads.simulate_scalar(ads.ScalarMedium(true.astype(float)), survey, grid, order=2, boundary=ads.CPML(width=6)))
    gathers = Gathers(data.astype("float32"), grid.dt, sources, receivers).resampled(DT)
    write_gathers(folder / "line.segy", gathers)
    write_model(folder / "start.h5", start, spacing=SPACING)
    write_model(folder / "true.h5", true, spacing=SPACING)
    np.savetxt(folder / "pulse.txt", np.asarray(pulse)[::2])
    return folder


@pytest.fixture(scope="module")
def whole(line, tmp_path_factory):
    """A run from beginning to end: its folder, and what it printed."""
    out, printed, complaints = tmp_path_factory.mktemp("whole") / "run", io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
        code = main(words(line, out))
    assert code == 0, complaints.getvalue()
    return out, printed.getvalue(), complaints.getvalue()


def words(line, out, *more, data=None):
    start = ["--data", str(data or line / "line.segy"), "--initial", str(line / "start.h5")]
    return ["invert", *start, *SMALL, *more, "--output", str(out)]


def arrays(folder):
    with h5py.File(folder / "result.h5") as file:
        return {name: (data[()], dict(data.attrs)) for name, data in file.items()}


def error_of(vp, line):
    return float(np.sqrt(np.mean((vp - read_model(line / "true.h5").values) ** 2)))


def test_a_line_becomes_a_model(line, whole, capsys):
    """The error falls by half at least (from 51.2 to 16.6 m/s when measured). Every file is there, quality control first."""
    out, printed, complaints = whole
    assert "3 shots, 111 of 111 traces" in printed
    assert "resampled from 4 to" in printed
    assert "the start is near enough" in printed
    assert "it/s" in complaints  # the progress bar
    files = {"config.toml", "versions.json", "metrics.jsonl", "result.h5", "report.md", "model.h5", "model.segy"}
    assert files | {f"{name}.png" for name in PICTURES} <= {path.name for path in out.iterdir()}
    report = (out / "report.md").read_text()
    order = [report.index(f"![{name}]") for name in PICTURES]
    assert order == sorted(order)
    assert "| record | 8 Hz, before | 8 Hz, after |" in report
    stored = arrays(out)
    assert stored["vp_inverted"][1]["units"] == "m/s"
    predicted = read_gathers(out / "result.h5", name="gather_after")
    assert (predicted.field, predicted.data.shape[2]) == ("p", 37)
    assert predicted.start == pytest.approx(-predicted.dt * np.sum(stored["source_times"][0] < -predicted.dt / 2))
    assert read_time_function(out / "result.h5").shape == (predicted.nt,)
    for row in ("| physics | scalar |", "| vp within (m/s) | 1700 to 2600 |", "| bands below (Hz) | 8 |", "| dt (s) | "):
        assert row in report
    for values, attributes in stored.values():
        assert len(attributes["axes"].split()) == values.ndim
    found = read_model(out / "model.h5").values
    np.testing.assert_array_equal(found, read_model(out / "model.segy", spacing=SPACING).values)
    np.testing.assert_array_equal(found, stored["vp_inverted"][0])
    first = read_model(line / "start.h5").values
    assert error_of(found, line) < 0.5 * error_of(first, line), error_of(found, line)
    assert np.all(stored["misfit_after"][0] < stored["misfit_before"][0])
    assert main(["info", str(out)]) == 0


@pytest.fixture(scope="module")
def spoilt(line, tmp_path_factory):
    """One dead trace, one with a NaN, one thirty times too loud; an array with a file of positions, along a line from 5 km on."""
    folder, gathers = tmp_path_factory.mktemp("spoilt"), read_gathers(line / "line.segy")
    data = gathers.data.copy()
    data[0, :, 3], data[1, 57, 10] = 0, np.nan
    data[2, :, 5] *= 30
    np.save(folder / "bare.npy", data)
    away = [places + np.array([0.0, 5000.0]) for places in (gathers.source_positions, gathers.receiver_positions)]
    np.savez(folder / "positions.npz", dt=gathers.dt, source_positions=away[0], receiver_positions=away[1])
    return folder


FAULTS = (
    "shot 0 (record 1) trace 3 (counted from 0) is zero throughout: left out",
    "shot 1 (record 2) trace 10 (counted from 0) is not finite at sample 57, t = 0.228 s: left out",
    "shot 2 (record 3) trace 5 (counted from 0) is noisy, ",
)


def test_traces_that_count_less_are_named(line, spoilt):
    """By a line each, which the report repeats; what they count is zero, or next to nothing."""
    config = RecordedOptions(data=(spoilt / "bare.npy",), geometry=spoilt / "positions.npz", start=5000.0, order=2)
    with pytest.warns(UserWarning, match="shot") as told:
        recording = read_recording(config, read_model(line / "start.h5"), (1700.0, 2600.0), 2000.0)
    assert len(told) == 3
    for said, warning in zip(FAULTS, told, strict=True):
        assert str(warning.message).startswith(said)
        assert str(warning.message) in recording.notes
    counted = recording.weights.max(1)
    assert (counted[0, 3], counted[1, 10]) == (0, 0)
    assert counted[2, 5] < 0.01
    assert np.sum(counted == 1) == counted.size - 3
    assert not recording.gathers.data[0, :, 3].any()


@pytest.mark.slow
def test_a_known_wavelet_a_mute_and_another_misfit(line, spoilt, tmp_path, capsys):
    """The error falls below half in spite of the bad traces (51 to 20 m/s was measured); they are named on the terminal too."""
    out, geometry = tmp_path / "run", ["--geometry", str(spoilt / "positions.npz"), "--start", "5000"]
    more = ["--wavelet", str(line / "pulse.txt"), "--misfit", "l1", "--offsets", "20", "350", "--mute-after", "1500", "0.5"]
    assert main(words(line, out, *geometry, *more, "--iterations", "6", data=spoilt / "bare.npy")) == 0
    complaints = capsys.readouterr().err
    for said in FAULTS:
        assert f"adseis: note: {said}" in complaints
        assert said in (out / "report.md").read_text()
    assert error_of(arrays(out)["vp_inverted"][0], line) < 0.5 * error_of(read_model(line / "start.h5").values, line)


def check_resumed(command, stopped, whole, monkeypatch, capsys, after):
    """Interrupt a run after so many iterations, go on, and compare all that it found."""
    record = RunFolder.record

    def stopping(self, **values):
        record(self, **values)
        if values["iteration"] == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "record", stopping)
        assert main(command) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert not (stopped / "report.md").exists()
    assert main(command) == 0
    found, expected = map(arrays, (stopped, whole))
    assert found.keys() == expected.keys()
    for key, (values, _) in expected.items():
        np.testing.assert_array_equal(found[key][0], values)
    assert len(read_json_lines(stopped / "metrics.jsonl")) == len(read_json_lines(whole / "metrics.jsonl"))
    assert main(command) == 0
    assert "finished already" in capsys.readouterr().out


def test_an_interrupted_run_resumes_to_the_same(line, whole, tmp_path, monkeypatch, capsys):
    """Bit for bit: the journal replays, and the rest is computed alike."""
    check_resumed(words(line, tmp_path / "run"), tmp_path / "run", whole[0], monkeypatch, capsys, after=2)


@pytest.mark.slow
def test_an_interrupted_run_of_several_files_resumes_to_the_same(line, whole, tmp_path, monkeypatch, capsys):
    """SEG-Y of the first shot and HDF5 of the others, each with a flag of its own: bit for bit what the line as one file gives
    without interruption. Files in another order are another run.
    """
    gathers, first, others = read_gathers(line / "line.segy"), tmp_path / "first.segy", tmp_path / "others.h5"
    write_gathers(first, gathers.select(shots=[0]))
    write_gathers(others, gathers.select(shots=[1, 2]))
    command = words(line, tmp_path / "run", "--data", str(others), data=first)
    check_resumed(command, tmp_path / "run", whole[0], monkeypatch, capsys, after=2)
    assert main(words(line, tmp_path / "run", "--data", str(first), data=others)) == 2
    assert "holds another run (--data" in capsys.readouterr().err


@pytest.mark.slow
def test_two_bands_of_hdf5_resume_to_the_same(line, tmp_path, monkeypatch, capsys):
    """Interrupted in the second. All pictures are drawn."""
    write_gathers(tmp_path / "line.h5", read_gathers(line / "line.segy"))
    more = ["--bands", "5", "8", "--band-iterations", "2"]
    stopped, unbroken = (words(line, tmp_path / name, *more, data=tmp_path / "line.h5") for name in ("stopped", "whole"))
    assert main(unbroken) == 0
    check_resumed(stopped, tmp_path / "stopped", tmp_path / "whole", monkeypatch, capsys, after=4)
    for name in PICTURES:
        assert (tmp_path / "stopped" / f"{name}.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same(line, tmp_path):
    """Bit for bit, by SIGKILL once the second band has begun."""

    def begin(out):
        command = [sys.executable, "-m", "adseis.cli.main", *words(line, out, "--bands", "5", "8", "--band-iterations", "2")]
        return subprocess.Popen(command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, stderr=subprocess.PIPE, text=True)

    process, deadline = begin(tmp_path / "killed"), time.monotonic() + 240
    while not (tmp_path / "killed" / "journal-band1.h5").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (tmp_path / "killed" / "report.md").exists()
    for name in ("killed", "whole"):
        process = begin(tmp_path / name)
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
    killed, whole = (arrays(tmp_path / name) for name in ("killed", "whole"))
    for key, (values, _) in whole.items():
        np.testing.assert_array_equal(killed[key][0], values)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--start", "100"], "source 0 of shot 0 (record 1) lies at z = 20, x = 80 m, outside the model: the data cover z 20 to "
                             "260, x 40 to 440 m, the model z 0 to 280, x 100 to 580 m. Give --start"),
        (["--offsets", "900", "950"], "no trace has an offset within --offsets 900 to 950 m; they run from 0 to 360 m"),
        (["--offsets", "300", "200"], "no trace has an offset"),
        (["--bands", "30"], "--bands reach 30 Hz; nodes 20 m apart carry 10 Hz at 2000 m/s (order 2). Lower them"),
        (["--depth", "10"], "--depth 10.0 m is for data without depths"),
        (["--duration", "9"], "--duration 9 s must be positive and within the records, which end at 0.7 s"),
        (["--mute-before", "1e6", "5"], "the mutes leave nothing of shot 0"),
        (["--mute-after", "0", "5"], "--mute-after (0.0, 5.0): its speed must be positive"),
        (["--low", "2100"], "must enclose the initial model, 2000 to 2000 m/s"),
        (["--noise", "0.1"], "--noise 0.1 is of what is simulated"),
        (["--model", "true.h5"], "--model true.h5 is of what is simulated"),
        (["--wavelet", "none.txt"], "no wavelet at"),
        (["--geometry", "none.npz"], "no file of geometry at"),
        (["--problem", "location"], "is of no use to --problem location"),
        (["--data", "a.segy", "./a.segy"], "--data names a.segy twice, whose shots would count twice"),
        (["--data", "a.npy", "b.npy", "--geometry", __file__], "is that of one file, and --data names 3. Leave it out"),
        (["--high-pass", "8"], "--high-pass 8 Hz must be below the lowest corner of the bands, 8 Hz. Lower it"),
        (["--high-pass", "-3"], "--high-pass -3 Hz must be positive, and below the lowest corner"),
        (["--keep-above", "900"], "--keep-above 900 m leaves nothing to change"),
        (["--physics", "elastic"], "holds `p`; a solid's velocity is compared. Use --physics acoustic"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)  # fmt: skip
def test_what_cannot_be_right_is_one_line_and_nothing_is_written(line, tmp_path, capsys, more, said):
    out = tmp_path / "out"
    assert main(words(line, out, *more)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not out.exists()


@pytest.mark.parametrize(
    "samples", [[1.0] * 100, [0.0] * 176, [np.nan] * 176, [[1.0, 2.0]] * 176], ids=["short", "zero", "NaN", "two"]
)
def test_a_wavelet_that_does_not_fit(line, tmp_path, capsys, samples):
    """The records have 176 samples."""
    path = tmp_path / "pulse.npy"
    np.save(path, samples)
    assert main(words(line, tmp_path / "out", "--wavelet", str(path))) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "the records have 176 samples of 4 ms" in error or "is zero or not finite" in error


def test_data_without_a_model_or_a_trace(line, tmp_path, capsys):
    """Options of recorded data without them, data without a start, a line of silence, an array without its geometry."""
    out = tmp_path / "out"
    gathers = read_gathers(line / "line.segy")
    silent = tmp_path / "silent.segy"
    write_gathers(silent, dataclasses.replace(gathers, data=0 * gathers.data))
    np.save(tmp_path / "bare.npy", gathers.data)
    for command, said in (
        (["invert", "--offsets", "0", "100"], "--offsets 0 100 belongs to recorded data"),
        (["invert", "--data", str(line / "line.segy")], "needs --initial"),
        (words(line, out, data=silent), "no trace is left"),
        (words(line, out, data=tmp_path / "bare.npy"), "does not tell `dt`, `source_positions`, `receiver_positions`"),
    ):
        assert main([*command, "--output", str(out)]) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


def test_depths_that_the_file_lacks(line, tmp_path, capsys):
    """Given, they are those of sources and receivers; on a free surface they must be."""
    gathers = read_gathers(line / "line.segy")
    flat = [places * np.array([0.0, 1.0]) for places in (gathers.source_positions, gathers.receiver_positions)]
    path = tmp_path / "flat.h5"
    write_gathers(path, dataclasses.replace(gathers, source_positions=flat[0], receiver_positions=flat[1]))
    assert main(words(line, tmp_path / "out", "--free-surface", data=path)) == 2
    assert "the sources and receivers lie on the free surface, where pressure is zero. Give" in capsys.readouterr().err
    config = RecordedOptions(data=(path,), depth=40.0, order=2)
    recording = read_recording(config, read_model(line / "start.h5"), (1700.0, 2600.0), 2000.0)
    assert np.all(recording.gathers.source_positions[..., 0] == 40)
    assert np.all(recording.gathers.receiver_positions[..., 0] == 40)
    assert "sources and receivers put at 40 m" in recording.notes


def test_bands_are_what_data_and_grid_carry(line):
    """The grid carries 10 Hz, so that a band ends at 10 / 1.3; the data hold 2 Hz and more."""
    recording = read_recording(
        RecordedOptions(data=(line / "line.segy",), order=2), read_model(line / "start.h5"), (1700.0, 2600.0), 2000.0
    )
    assert recording.carried == pytest.approx(10)
    assert recording.corners == (3.85, 7.69)
    finer = dataclasses.replace(read_model(line / "start.h5"), spacing=(5.0, 25.0))
    with pytest.raises(ValueError, match="outside the model"):
        read_recording(RecordedOptions(data=(line / "line.segy",)), finer, (1700.0, 2600.0), 2000.0)


def recorded(line, **options):
    """What the options make of the line, by default in the band below 8 Hz."""
    config = RecordedOptions(**{"data": (line / "line.segy",), "order": 2, "bands": (8.0,)} | options)
    return read_recording(config, read_model(line / "start.h5"), (1700.0, 2600.0), 2000.0)


def test_several_files_are_one_line(line, tmp_path):
    """SEG-Y of one shot and HDF5 of two of which one has fewer traces: the same data as those of one file, but for what lacks.
    The options survive TOML.
    """
    gathers = read_gathers(line / "line.segy")
    paths = tmp_path / "first.segy", tmp_path / "others.h5"
    write_gathers(paths[0], gathers.select(shots=[0]))
    write_gathers(paths[1], gathers.select(shots=[1, 2], receivers=range(30)))
    whole, joined = recorded(line), recorded(line, data=paths)
    np.testing.assert_array_equal(joined.gathers.data[0], whole.gathers.data[0])
    np.testing.assert_array_equal(joined.gathers.data[1:, :, :30], whole.gathers.data[1:, :, :30])
    assert joined.gathers.live.sum(1).tolist() == [37, 30, 30]
    assert not joined.weights[1:, :, 30:].any()
    assert joined.gathers.records.tolist() == [1, 2, 3]
    assert joined.notes[0] == "3 shots, 97 of 97 traces, offsets 0 to 360 m"
    assert f"{paths[0]}: shot 0 (record 1), 176 samples of 4 ms from 0 s on" in joined.notes
    assert f"{paths[1]}: shots 1 to 2 (records 2 to 3), 176 samples of 4 ms from 0 s on" in joined.notes
    config = RecordedOptions(data=paths)
    dump(config, tmp_path / "config.toml")
    assert load(RecordedOptions, tmp_path / "config.toml") == config
    write_gathers(paths[1], gathers.resampled(8e-3))
    with pytest.raises(ValueError, match=f"sampling interval .* it is 0.004 in {paths[0]} and 0.008 in {paths[1]}. Bring both"):
        recorded(line, data=paths)


def test_a_high_pass_removes_the_same_from_data_and_source(line):
    """SciPy's Butterworth filter, forth and back, of what there is without: to 1e-3 of the peak, as the means of traces, which
    are 1e-4 of it, are taken off before. The bands stay above.
    """
    pulse = line / "pulse.txt"
    plain, passed = recorded(line, wavelet=pulse), recorded(line, wavelet=pulse, high_pass=3.0)
    lead, dt = passed.lead, plain.gathers.dt
    assert (plain.lead, lead) == (0, int(0.5 / dt) + 1)
    sections = scipy.signal.butter(4, 3.0, "highpass", fs=1 / dt, output="sos")
    for before, after in (
        (plain.gathers.data[0], passed.gathers.data[0]),
        (plain.time_function[:, None], passed.time_function[:, None]),
    ):
        padded = np.pad(before.astype(float), [(lead + 2000, 2000), (0, 0)])
        exact = scipy.signal.sosfiltfilt(sections, padded, axis=0)[2000:-2000]
        np.testing.assert_allclose(after, exact, rtol=0, atol=1e-3 * np.abs(exact).max())
    assert "what lies below 3 Hz removed from data and source" in passed.notes
    assert recorded(line, bands=(), high_pass=3.0).corners == (4.5, 7.69)
    with pytest.raises(ValueError, match=r"`high_pass` = 7.8 Hz must be below the lowest corner of the bands, 7.69 Hz"):
        recorded(line, bands=(), high_pass=7.8)


def test_point_sources_become_line_sources(line):
    """Before the data are resampled, by the mean speed of the start, 2000 m/s; the order matters only to rounding."""
    plain, turned = recorded(line), recorded(line, point_source=True)
    lead = plain.lead
    expected = as_line_source(plain.gathers.data[:, lead:], plain.gathers.dt, 2000.0)
    found = turned.gathers.data[:, lead:]
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3 * np.abs(expected).max())
    assert "from point sources to line sources, for waves of 2000 m/s" in turned.notes
