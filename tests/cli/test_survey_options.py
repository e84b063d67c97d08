"""Options of the survey that cannot be right are refused before anything is simulated; what a command says of itself."""

import numpy as np
import pytest

from adseis.cli.main import main


@pytest.mark.parametrize("word", [("--shots", "16"), ("--depth", "300"), ("--duration", "2"), ("--unit", "km/s")])
def test_the_embedded_problem_has_its_own_survey(word, tmp_path, capsys):
    assert main(["simulate", *word, "--output", str(tmp_path / "run")]) == 2
    assert f"`{word[0][2:]}` = " in (error := capsys.readouterr().err)
    assert "is of no use to the embedded problem" in error
    assert not (tmp_path / "run").exists()


def test_kilometres_per_second(tmp_path, capsys):
    """Refused where they are taken for m/s; with their unit the model is that of m/s."""
    np.save(tmp_path / "km.npy", np.linspace(1.5, 2.4, 12 * 14).reshape(12, 14).astype("float32"))
    words = ["simulate", "--model", str(tmp_path / "km.npy"), "--spacing", "10", "--shots", "1", "--width", "4", "--order", "2"]
    words += ["--duration", "0.1", "--output", str(tmp_path / "run")]
    assert main(words) == 2
    assert "its fastest vp is 2.4 m/s, which no rock is. If it is in km/s, say --unit km/s" in capsys.readouterr().err
    assert main([*words, "--unit", "km/s"]) == 0
    report = (tmp_path / "run" / "report.md").read_text()
    assert "| model | 12 x 14 nodes, 110 m deep and 130 m wide |" in report
    assert "| physics | scalar |" in report


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("adseis ")
    assert main([]) == 0
    assert "invert" in capsys.readouterr().out
