"""Options of the survey that cannot be right are refused before anything is simulated; what `adseis simulate` leaves."""

import contextlib
import io

import numpy as np
import pytest

from adseis.cli.main import main
from adseis.data import read_gathers, write_gathers
from adseis.data.gather_files import read_time_function


@pytest.mark.parametrize("word", [("--shots", "16"), ("--depth", "300"), ("--duration", "2"), ("--unit", "km/s")])
def test_the_embedded_problem_has_its_own_survey(word, tmp_path, capsys):
    assert main(["simulate", *word, "--output", str(tmp_path / "run")]) == 2
    assert f"{' '.join(word)} is of no use to the embedded problem" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--noise -1", "--noise -1 must not be negative"),
        ("--model marmousi2", "`adseis fetch marmousi2` fetches marmousi2-model-true.mat and marmousi2-model-smooth.mat"),
        ("--model models/BP-model-true.mat", "or fetch it by `adseis fetch bp2004 --output models`"),
        ("--model mine.mat", "no model file at `mine.mat`; check the path."),
    ],
)
def test_what_cannot_be_is_told_in_flags(words, said, tmp_path, monkeypatch, capsys):
    """And how a file of the catalogue is had."""
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *words.split()]) == 2
    assert said in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A model in km/s; the command that simulates waves in it but for the unit, its folder, and what it printed."""
    folder, printed = tmp_path_factory.mktemp("simulated"), io.StringIO()
    np.save(folder / "km.npy", np.linspace(1.5, 2.4, 12 * 14).reshape(12, 14).astype("float32"))
    words = ["simulate", "--model", str(folder / "km.npy"), "--spacing", "10", "--shots", "2", "--width", "4", "--order", "2"]
    words += ["--duration", "0.1", "--noise", "0.5", "--output", str(folder / "run")]
    with contextlib.redirect_stdout(printed):
        assert main([*words, "--unit", "km/s"]) == 0
    return words, folder / "run", printed.getvalue()


def test_kilometres_per_second(simulated, tmp_path, capsys):
    """Refused where they are taken for m/s; with their unit the model is that of m/s, as its size tells at the start."""
    words, folder, printed = simulated
    assert main([*words[:-1], str(tmp_path / "run")]) == 2
    assert "its fastest vp is 2.4 m/s, which no rock is. If it is in km/s, say --unit km/s" in capsys.readouterr().err
    assert printed.startswith("km: 12 x 14 nodes, 110 m deep and 130 m wide, ")
    report = (folder / "report.md").read_text()
    rows = (
        "model | 12 x 14 nodes, 110 m deep and 130 m wide",
        "physics | scalar",
        "spacing (m) | 10 x 10",
        "noise over data | 0.5",
    )
    for row in (*(f"| {row} |" for row in rows), "| frequency (Hz) | ", "| dt (s) | ", "| device | "):
        assert row in report


def test_what_was_simulated_is_read_and_becomes_segy(simulated, tmp_path):
    """With its clock, positions and wavelet."""
    path = simulated[1] / "result.h5"
    gathers = read_gathers(path)
    write_gathers(tmp_path / "line.segy", gathers.resampled(1e-3))
    assert gathers.data.shape == (2, gathers.nt, 14)
    assert (gathers.field, gathers.unit) == ("u", "1")
    np.testing.assert_array_equal(gathers.source_positions[:, 0, 0], [10, 10])
    np.testing.assert_array_equal(gathers.receiver_positions[:, 1], 10 * np.arange(14))
    assert gathers.survey(read_time_function(path)).source.time_function.shape[-1] == gathers.nt
    again = read_gathers(tmp_path / "line.segy")
    assert again.dt == 1e-3
    np.testing.assert_allclose(again.source_positions, gathers.source_positions)
    assert gathers.data[:, 0].std() > 0  # noise alone, before anything has arrived


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("adseis ")
    assert main([]) == 0
    assert "invert" in capsys.readouterr().out
