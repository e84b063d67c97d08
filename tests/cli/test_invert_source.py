"""`adseis invert --problem location|rupture|moment-tensor`: what a run leaves, resuming, and options that belong elsewhere."""

import tomllib

import h5py
import numpy as np
import pytest

from adseis.cli.main import COMMANDS, main, parse
from adseis.cli.runs import RunFolder
from adseis.data import read_gathers
from adseis.files import read_json_lines

SMALL = ["--spacing", "100", "100", "--width", "6", "--stations.surface", "8", "--stations.boreholes", "3"]
FLUID = ["--problem", "rupture", "--physics", "acoustic", "--rupture.points", "2"]
PROBLEMS = {
    "location": ["--problem", "location", "--bands", "0.8", "--band-iterations", "8", "--location.start", "500", "800"],
    "history": [*FLUID, "--noise", "0.05"],
    "gaussian": [*FLUID, "--rupture.form", "gaussian", "--order", "2"],
    "moment-tensor": ["--problem", "moment-tensor", "--bands", "0.5", "--band-iterations", "6"],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Speeds that rise with depth, 14 x 20 nodes."""
    path = tmp_path_factory.mktemp("model") / "vp.npy"
    np.save(path, (np.linspace(2000, 2600, 14)[:, None] * np.ones((1, 20))).astype("float32"))
    return path


def words(model, name, output, *more):
    return ["invert", "--model", str(model), *SMALL, *PROBLEMS[name], "--output", str(output), *more]


def arrays(folder):
    with h5py.File(folder / "result.h5") as file:
        return {name: (data[()], dict(data.attrs)) for name, data in file.items()}


PICTURES = {"gathers.png", "misfit.png"}


def check_folder(out, capsys, within, unit, pictures=PICTURES):
    """Every file of a run; errors in metrics and report, the last below the first and within bounds; units and axes; `info`."""
    files = {p.name for p in out.iterdir()}
    assert {"config.toml", "versions.json", "metrics.jsonl", "result.h5", "report.md"} | pictures <= files
    records, report = read_json_lines(out / "metrics.jsonl"), (out / "report.md").read_text()
    assert [r["iteration"] for r in records] == list(range(1, len(records) + 1))
    for error, bound in within.items():
        assert records[-1][error] < records[0][error]
        assert records[-1][error] < bound
        assert f"| {records[-1][error]:.6g} |" in report
    stored = arrays(out)
    for array, expected in unit.items():
        values, attributes = stored[array]
        assert attributes["units"] == expected
        assert len(attributes["axes"].split()) == values.ndim
    assert main(["info", str(out)]) == 0
    assert "finished" in capsys.readouterr().out
    return tomllib.loads((out / "config.toml").read_text())


@pytest.mark.parametrize(
    ("name", "iterations", "within", "unit", "physics"),
    [
        pytest.param(
            "history",
            12,
            {"history_error": 25},
            {"rate_found": "1/s", "pressure_observed": "Pa"},
            "acoustic",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "location", 12, {"position_error": 0.2}, {"position_found": "m", "u_observed": "1"}, "scalar", marks=pytest.mark.slow
        ),
        pytest.param(
            "moment-tensor", 6, {"position_error": 2}, {"moment_found": "N", "vx_found": "m/s"}, "elastic", marks=pytest.mark.slow
        ),
    ],
)
def test_a_run_says_how_near_it_came(model, tmp_path, capsys, name, iterations, within, unit, physics):
    """Few iterations come this near: half of the bounds was measured, a cell of four for the moment tensor."""
    out = tmp_path / "run"
    code = main(words(model, name, out, "--iterations", str(iterations)))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert "it/s" in captured.err  # the progress bar
    resolved = check_folder(out, capsys, within, unit)
    assert resolved["physics"] == physics  # which was asked for of the rupture alone


@pytest.mark.slow
def test_an_interrupted_run_resumes_to_the_same(model, tmp_path, monkeypatch, capsys):
    """Bit for bit: the second of two minimizations is stopped; both journals replay, and the rest is computed alike."""
    folders = [tmp_path / which for which in ("stopped", "whole")]
    record, count = RunFolder.record, []

    def stopping(self, **values):
        record(self, **values)
        count.append(values["iteration"])
        if len(count) == 43:
            raise KeyboardInterrupt

    command = [words(model, "gaussian", folder, "--iterations", "6", "--noise", "0.1") for folder in folders]
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "record", stopping)
        assert main(command[0]) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert not (folders[0] / "report.md").exists()
    before = (folders[0] / "metrics.jsonl").read_text()
    with monkeypatch.context() as patch:  # pictures take as long as all else; the long runs above draw them
        patch.setattr(RunFolder, "save_picture", lambda *args, **options: None)
        assert main(command[0]) == 0
        assert main(command[1]) == 0
    found = read_gathers(folders[1] / "result.h5", name="pressure_found")
    assert (found.field, found.unit, found.source_positions.shape) == ("p", "Pa", (1, 2, 2))
    stopped, whole = map(arrays, folders)
    assert stopped.keys() == whole.keys()
    for key, (values, _) in whole.items():
        np.testing.assert_array_equal(stopped[key][0], values)
    assert (folders[0] / "metrics.jsonl").read_text().startswith(before)
    with_seconds = [read_json_lines(folder / "metrics.jsonl") for folder in folders]
    a, b = ([{k: v for k, v in r.items() if k != "seconds"} for r in records] for records in with_seconds)
    assert a == b
    within = {"history_error": 5, "amount_error": 5, "time_error": 1}
    check_folder(folders[0], capsys, within, {"time_found": "s", "amount_found": "1"}, set())


def test_options_from_a_file(tmp_path):
    """A group is a table; flags override it."""
    toml = tmp_path / "run.toml"
    toml.write_text('problem = "location"\nseed = 3\n[location]\nposition = [800, 700]\n[stations]\nboreholes = 2')
    _, config = parse(["invert", "--config", str(toml), "--stations.boreholes", "1"], COMMANDS)
    assert (config.problem, config.seed, config.location.position) == ("location", 3, (800.0, 700.0))
    assert (config.stations.surface, config.stations.boreholes) == (24, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ["--problem", "location", "--smooth", "100"],
            "is of no use to --problem location; it belongs to velocity",
        ),
        (["--problem", "rupture", "--initial", "vp.npy"], "belongs to velocity"),
        (["--problem", "moment-tensor", "--shots", "3"], "--shots 3 is of no use to --problem moment-tensor"),
        (["--problem", "location", "--rupture.points", "3"], "it belongs to rupture"),
        (["--location.width", "5"], "is of no use to --problem velocity; it belongs to location"),
        (["--problem", "moment-tensor", "--physics", "acoustic"], "knows no moment tensors"),
        (["--problem", "location", "--noise", "-1"], "must not be negative"),
        (["--problem", "location", "--location.width", "-1"], "--location.width -1.0 m"),
        (
            ["--problem", "location", "--location.start", "5", "800"],
            "--location.start (5.0, 800.0) m must lie within z from 200 to",
        ),
        (["--problem", "rupture", "--rupture.points", "0"], "--rupture.points 0"),
        (["--problem", "rupture", "--rupture.ends", "0", "0", "500", "9000"], "leave the model"),
        (["--problem", "rupture", "--rupture.speed", "100"], "raise --duration or --rupture.speed"),
        (["--problem", "rupture", "--rupture.speed", "-1"], "must be positive"),
        (["--problem", "moment-tensor", "--moment-tensor.moment", "0", "0", "0"], "there is nothing to find"),
        (["--problem", "location", "--depth", "5000"], "is not within the model"),
        (["--problem", "earthquake"], "earthquake"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_what_cannot_be_right_is_one_line_and_nothing_is_written(model, tmp_path, capsys, change, said):
    out = tmp_path / "out"
    common = ["--stations.surface", "8"] if "--problem" in change else []
    assert main(["invert", "--model", str(model), "--spacing", "100", "100", *common, *change, "--output", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not out.exists()


def test_no_station(model, tmp_path, capsys):
    silent = ["--stations.surface", "0", "--stations.boreholes", "0", "--output", str(tmp_path / "out")]
    assert main(["invert", "--model", str(model), "--spacing", "100", "100", "--problem", "location", *silent]) == 2
    assert "at least one must record" in capsys.readouterr().err


def test_help_names_the_problems(capsys):
    """A group of options for each."""
    assert main(["invert", "--help"]) == 0
    printed = capsys.readouterr().out
    groups = ("model", "survey", "physics", "inversion", "output", "data", "headers", "stations", "location", "rupture",
              "moment-tensor")  # fmt: skip
    places = [printed.index(f" {group} options ") for group in groups]
    assert places == sorted(places)
    for piece in ("--problem {velocity,location,rupture,moment-tensor,openfwi,globe}", "--location.start FLOAT FLOAT",
                  "--rupture.form {history,gaussian}", "--moment-tensor.moment", "--stations.surface", ".segy or .sgy",
                  "examples:\n  adseis invert "):  # fmt: skip
        assert piece in printed
    assert "None" not in printed
    assert "(default: )" not in printed
