"""`adseis invert --problem globe`: what the folder holds, going on after an interruption, data of a file, bad input.

Waves are replaced by a linear function of the speed at some places; `tests/inversion/test_tomography.py` has the real ones.
"""

import dataclasses
import functools

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure

from adseis.cli import invert_globe
from adseis.cli.main import main
from adseis.files import read_json_lines
from adseis.inversion.tomography import invert_structure
from adseis.sphere.medium import FluidMedium
from adseis.sphere.structure import Positions, perturbation

SMALL = ["--globe.frequency", "0.6", "--globe.azimuthal-order", "1", "--globe.degree", "1", "--globe.stations", "6"]
PICTURES = {"structure.png", "meridian.png", "records.png", "misfit.png"}


def waves(medium, sources, stations, mesh, *, record, probe=None, probe_every=1):
    """Speeds at forty places, each with a phase of its own: the same function of time on every mesh."""
    assert record == "z"
    rng = np.random.default_rng(0)
    at = rng.uniform(200, 1000, 40), rng.uniform(-80, 80, 40), rng.uniform(-180, 180, 40)
    speeds = medium.vp(*(x.astype("float32") for x in at))
    count = len(sources) if isinstance(sources, list) else 1
    turns = rng.uniform(0.5, 2, (count, len(np.asarray(stations.radius)), 1, 40))
    through = np.sin(turns * mesh.times[:, None] * 2 + 7 * turns).astype("float32") * 1e-9
    made = through @ (speeds - 900.0)
    if probe is None:
        return made if isinstance(sources, list) else made[0]
    field = np.ones((1, *mesh.shape), "float32")
    return made[0], np.stack([np.asarray(probe({"chi": field}))] * 3)


@pytest.fixture
def quick(monkeypatch):
    """The inversion through that function."""

    def inverted(observed, sources, stations, mesh, **options):
        radii = tuple(mesh.radius * x for x in invert_globe.LEVELS)
        speed = lambda c: lambda r, lat, lon: 1000.0 * (1 + perturbation(c, Positions(r, lat, lon), radii=radii))  # noqa: E731
        through = lambda c: waves(FluidMedium(speed(c), 1000.0), sources, stations, mesh, record="z")  # noqa: E731
        return invert_structure(observed, sources, stations, mesh, through=through, **options)

    monkeypatch.setattr(invert_globe, "simulate_fluid_ball", waves)
    monkeypatch.setattr(invert_globe, "invert_structure", inverted)
    # drawn in other tests, and slow
    for name in ("plot_depth_slices", "plot_meridian"):
        monkeypatch.setattr(invert_globe, name, functools.partial(getattr(invert_globe, name), pixels=16))


@pytest.fixture
def blank(monkeypatch):
    """No pictures."""
    for name in ("plot_depth_slices", "plot_meridian", "plot_record_section", "plot_coefficients"):
        monkeypatch.setattr(invert_globe, name, lambda *_, **__: Figure())
    monkeypatch.setattr(invert_globe, "report_inversion", functools.partial(_without_curves, invert_globe.report_inversion))


def _without_curves(report, folder, findings, result, *, begun):
    report(folder, dataclasses.replace(findings, curves={}), result, begun=begun)


TONE = np.sin(2 * np.pi * 3.0 * 0.01 * np.arange(301)) * np.ones((1, 2, 1))
"""3 Hz, where the mesh carries 0.6."""


def words(out, *more):
    small = SMALL[:-2] if "--data" in more else SMALL  # stations are the file's
    return ["invert", "--problem", "globe", *small, "--output", str(out), *map(str, more)]


def test_a_run(quick, tmp_path, capsys):
    """All files; the structure comes near the one that was drawn, and the report tells how near, by degree; a second call leaves
    it."""
    out = tmp_path / "run"
    assert main(words(out, "--iterations", 25)) == 0
    files = {path.name for path in out.iterdir()}
    assert {"config.toml", "versions.json", "metrics.jsonl", "result.h5", "report.md", "coefficients.png", *PICTURES} <= files
    records = read_json_lines(out / "metrics.jsonl")
    assert records[-1]["correlation"] > 0.98
    report = (out / "report.md").read_text()
    for piece in ("| correlation R | ", "| correlation R, degree 1 | ", "4 harmonics on 5 levels", "![meridian](meridian.png)"):
        assert piece in report
    table = str(invert_globe.ball(1000.0, 0.6, 3.0, (900.0, 1100.0), azimuthal_order=1))
    assert f"```\n{table}\n```" in report
    assert table in capsys.readouterr().out
    with h5py.File(out / "result.h5") as file:
        assert file["structure_found"].shape == (4, 5)
        assert file["structure_true"].attrs["axes"] == "harmonic level"
    assert main(words(out, "--iterations", 25)) == 0
    assert "finished already" in capsys.readouterr().out


def test_a_killed_run_goes_on(quick, blank, tmp_path, monkeypatch):
    """Killed after three iterations and started again, it ends with the same numbers."""
    assert main(words(tmp_path / "whole", "--iterations", 6)) == 0
    record = invert_globe.RunFolder.record

    def killed(folder, **values):
        record(folder, **values)
        if values["iteration"] == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(invert_globe.RunFolder, "record", killed)
        main(words(tmp_path / "torn", "--iterations", 6))
    assert len(read_json_lines(tmp_path / "torn" / "metrics.jsonl")) == 3
    assert main(words(tmp_path / "torn", "--iterations", 6)) == 0
    whole, torn = (h5py.File(tmp_path / name / "result.h5")["structure_found"][()] for name in ("whole", "torn"))
    np.testing.assert_array_equal(torn, whole)


@pytest.fixture
def data(tmp_path):
    """A file of zeros that fits."""
    arrays = {
        "observed": np.zeros((1, 2, 301)), "dt": 0.01, "time_function": np.zeros(301),
        "sources": [[800.0, 10.0, 20.0]], "stations": [[1000.0, 0.0, 0.0], [1000.0, 50.0, 70.0]],
    }  # fmt: skip
    np.savez(tmp_path / "data.npz", **arrays)
    return tmp_path / "data.npz", arrays


def test_data_of_a_file(quick, blank, data, tmp_path, monkeypatch):
    """Records at other instants are brought to the mesh's; there is no truth to compare with."""
    path, arrays = data
    np.savez(path, **arrays | {"observed": np.cos(np.arange(301) * 0.01) * np.ones((1, 2, 1)) * 1e-6})
    asked = []
    inner = invert_globe.invert_structure
    monkeypatch.setattr(
        invert_globe, "invert_structure", lambda observed, *a, **k: asked.append((observed, a)) or inner(observed, *a, **k)
    )
    assert main(words(tmp_path / "run", "--data", path, "--iterations", 1)) == 0
    (observed, (sources, stations, mesh)), *_ = asked
    np.testing.assert_allclose(observed[0, 1], 1e-6 * np.cos(np.minimum(mesh.times, 3.0)), rtol=0, atol=1e-11)
    assert float(sources[0].radius) == 800.0
    assert np.asarray(stations.longitude).tolist() == [0.0, 70.0]
    assert not (tmp_path / "run" / "coefficients.png").exists()
    assert "noise over data" not in (tmp_path / "run" / "report.md").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": None}, "holds no dt; it needs observed, dt"),
        ({"observed": np.zeros((2, 2, 301))}, "`observed` (2, 2, 301) must be (source, station, time) = (1, 2, 301)"),
        ({"dt": 0.005}, "ends at 1.5 s, before --globe.duration"),
        ({"dt": -0.01}, "`dt` must be one positive number [s]"),
        ({"stations": np.array([["a", "b", "c"]] * 2)}, "`stations` is <U1, where numbers are wanted"),
        ({"observed": np.full((1, 2, 301), np.nan)}, "`observed` is not finite at [0, 0, 0]"),
        ({"time_function": np.array([0, np.inf] + [0] * 299)}, "`time_function` is not finite at [1]"),
        ({"observed": TONE}, "lie above --globe.frequency, which the mesh does not carry. Low-pass `observed`"),
    ],
)
def test_files_that_do_not_fit(data, tmp_path, capsys, change, message):
    path, arrays = data
    np.savez(path, **{name: value for name, value in (arrays | change).items() if value is not None})
    assert main(words(tmp_path / "run", "--data", path)) == 2
    assert message in capsys.readouterr().err


def test_a_truncated_file(data, tmp_path, capsys):
    """One line, which names it."""
    path, _ = data
    path.write_bytes(path.read_bytes()[:-200])
    assert main(words(tmp_path / "run", "--data", path)) == 2
    told = capsys.readouterr().err
    assert f"`{path}`, of {path.stat().st_size} bytes, is truncated, damaged or no .npz archive" in told
    assert told.count("\n") == 1


def test_the_frequency_that_is_advised(data, tmp_path, capsys):
    """Is that of the tone, but for what a record of 3 s can tell; with it, the mesh takes the file."""
    path, arrays = data
    np.savez(path, **arrays | {"observed": TONE})
    main(words(tmp_path / "run", "--data", path))
    advised = float(capsys.readouterr().err.split("say --globe.frequency ")[1].rstrip(".\n"))
    assert 3 <= advised < 4
    mesh = invert_globe.ball(1000.0, advised, 3.0, (900.0, 1100.0), azimuthal_order=1)
    assert invert_globe._read(path, mesh).observed.shape == (1, 2, mesh.nt)


@pytest.mark.parametrize("more", [("--noise", "0.05"), ("--globe.stations", "7"), ("--globe.amplitude", "0.01")])
def test_options_of_what_is_drawn(data, tmp_path, capsys, more):
    """Are refused beside data of a file."""
    assert main(words(tmp_path / "run", "--data", data[0], *more)) == 2
    assert f"{more[0]} {more[1]} is of what is simulated, and --data are recorded. Leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--data", "none.npz"], "no data file at `none.npz`"),
        (["--data", "a.npz", "b.npz"], "give one .npz"),
        (["--globe.amplitude", "-1"], "--globe.amplitude -1 must be positive"),
        (["--spacing", "3"], "--spacing 3 is of no use to --problem globe"),
        (["--noise", "-1"], "--noise"),
        (["--globe.frequency", "0"], "--globe.frequency 0 must be positive"),
    ],
)
def test_refusals(tmp_path, capsys, more, message):
    assert main(words(tmp_path / "run", *more)) == 2
    assert message in capsys.readouterr().err


def test_options_of_balls_belong_to_them(tmp_path, capsys):
    """A velocity model has no use for them."""
    assert main(["invert", "--globe.degree", "2", "--output", str(tmp_path)]) == 2
    assert "--globe.degree 2 is of no use to --problem velocity; it belongs to globe" in capsys.readouterr().err
