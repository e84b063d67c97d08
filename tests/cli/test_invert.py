"""`adseis invert` and `adseis simulate` as a user runs them: results, resuming after a kill, one clear line for bad input."""

import os
import random
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from adseis.cli.main import main
from adseis.data import read_gathers
from adseis.data.gather_files import read_time_function
from adseis.files import read_json_lines

OPTIONS = ["--spacing", "25", "25", "--shots", "2", "--width", "6", "--frequency", "5", "--duration", "0.6"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A layered model of 20 x 30 nodes with a lens."""
    vp = np.linspace(1800, 2600, 20)[:, None] * np.ones((1, 30))
    vp[8:12, 10:20] += 250
    path = tmp_path_factory.mktemp("model") / "vp.npy"
    np.save(path, vp.astype("float32"))
    return path


def command(*words):
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    return subprocess.Popen([sys.executable, "-m", "adseis.cli.main", *map(str, words)], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def inverted(folder):
    with h5py.File(folder / "result.h5") as file:
        assert dict(file["vp_inverted"].attrs)["units"] == "m/s"
        return file["vp_inverted"][()]


def test_invert_leaves_a_run_folder(model, tmp_path, capsys):
    """The error falls, and every file of a run is there."""
    out = tmp_path / "run"
    more = "--iterations 2 --bands 5 --band-iterations 2 --precondition illumination --mute-radius 40 --total-variation 1e-3"
    more += " --noise 0.02"
    code = main(["invert", "--model", str(model), *OPTIONS, *more.split(), "--output", str(out)])
    assert code == 0, capsys.readouterr().err
    names = {p.name for p in out.iterdir()}
    assert {
        "config.toml",
        "versions.json",
        "metrics.jsonl",
        "result.h5",
        "report.md",
        "models.png",
        "gathers.png",
        "misfit.png",
    } <= names
    records = read_json_lines(out / "metrics.jsonl")
    assert [r["iteration"] for r in records] == list(range(1, 5))
    with h5py.File(out / "result.h5") as file:
        true, initial, final = (file[f"vp_{k}"][()] for k in ("true", "initial", "inverted"))
    observed = read_gathers(out / "result.h5", name="gather_observed")
    assert observed.survey(read_time_function(out / "result.h5")).receivers.shape == (30, 2)
    report = (out / "report.md").read_text()
    assert "| vp within (m/s) | 1" in report
    assert "| ended because | the number of iterations is reached |" in report
    places = [report.index(f"![{name}]") for name in ("models", "gathers", "misfit", "error")]
    assert places == sorted(places)
    assert np.std(final - true) < np.std(initial - true)
    assert main(["info", str(out)]) == 0
    assert "vp_inverted" in capsys.readouterr().out


def test_acoustic_simulation(model, tmp_path):
    """Gardner's density where the file has none."""
    out = tmp_path / "waves"
    assert (
        main(["simulate", "--model", str(model), *OPTIONS, "--physics", "acoustic", "--free-surface", "--output", str(out)]) == 0
    )
    with h5py.File(out / "result.h5") as file:
        gather = file["gather"]
        assert gather.attrs["units"] == "Pa"
        assert gather.shape[0] == 2
        assert np.abs(gather[()]).max() > 0


def killed_and_resumed(model, folder, kills, seed):
    """Kill the command at random instants until `kills` is reached, then let it finish."""
    words = ["invert", "--model", model, *OPTIONS, "--iterations", "12", "--output", folder]
    draw = random.Random(seed)
    for _ in range(kills):
        process = command(*words)
        journal, deadline = folder / "journal-band0.h5", time.monotonic() + 120
        size = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None and time.monotonic() < deadline:  # let it record at least one more evaluation
            if journal.exists() and journal.stat().st_size > size:
                time.sleep(draw.uniform(0, 0.3))
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for path in folder.glob("[!.]*.h5"):
            with h5py.File(path) as file:
                assert len(file) > 0
    process = command(*words)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return inverted(folder)


def check_kills(model, tmp_path, kills):
    whole = command("invert", "--model", model, *OPTIONS, "--iterations", "12", "--output", tmp_path / "whole")
    _, error = whole.communicate(timeout=300)
    assert whole.returncode == 0, error
    resumed = killed_and_resumed(model, tmp_path / "killed", kills, seed=kills)
    np.testing.assert_array_equal(resumed, inverted(tmp_path / "whole"))
    counts = [len(read_json_lines(tmp_path / name / "metrics.jsonl")) for name in ("whole", "killed")]
    assert counts[0] == counts[1]


@pytest.mark.slow
@pytest.mark.optimised
def test_a_killed_inversion_resumes_to_the_same_result(model, tmp_path):
    """Bit for bit: the journal replays what was computed, and the rest is computed alike."""
    check_kills(model, tmp_path, kills=1)


@pytest.mark.optimised
@pytest.mark.slow
def test_a_dozen_kills(model, tmp_path):
    """Row 15 of the oracles: no file is ever corrupt, and the result is that of the uninterrupted run."""
    check_kills(model, tmp_path, kills=12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--model", "nowhere.npy"], "no model file at"),
        (["--order", "5"], "--order 5 is not available"),
        (["--depth", "5000"], "is not within the model"),
        (["--width", "0"], "at least 1"),
        (["--spacing", "-25", "25"], "spacing"),
        (["--noise", "-1"], "must not be negative"),
        (["--physics", "plastic"], "plastic"),
        (["--fequency", "5"], "frequency"),
    ],
    ids=lambda x: x[0] if isinstance(x, list) else "",
)
def test_bad_options_are_one_line_and_nothing_is_written(model, tmp_path, capsys, change, said):
    words = ["invert", "--model", str(model), *OPTIONS, "--output", str(tmp_path / "out"), *change]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [("nan", "NaN"), ("negative", "positive|negative"), ("truncated", "damaged"), ("wrong shape", "sampled alike")],
)
def test_bad_models_are_one_line_and_nothing_is_written(model, tmp_path, capsys, fault, said):
    vp = np.load(model)
    path = tmp_path / "bad.npy"
    if fault == "nan":
        vp[3, 4] = np.nan
    elif fault == "negative":
        vp[3, 4] = -vp[3, 4]
    np.save(path, vp[:, :-1] if fault == "wrong shape" else vp)
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    words = ["invert", "--model", str(model), "--initial", str(path), *OPTIONS, "--output", str(tmp_path / "out")]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert any(word in error for word in said.split("|"))
    assert not (tmp_path / "out").exists()


def test_an_unknown_key_in_the_toml(model, tmp_path, capsys):
    """The nearest name is suggested."""
    path = tmp_path / "run.toml"
    path.write_text(f'model = "{model}"\niteratoins = 3\n')
    assert main(["invert", "--config", str(path), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "iteratoins" in error
    assert "iterations" in error
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file(model, tmp_path, capsys):
    path = tmp_path / "taken"
    path.write_text("mine")
    assert main(["invert", "--model", str(model), *OPTIONS, "--output", str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert path.read_text() == "mine"
