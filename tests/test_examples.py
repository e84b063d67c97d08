"""The examples and the benchmark at toy size, most of them in this process, where what is compiled once serves again."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import jax
import jaxtyping
import matplotlib.pyplot as plt
import numpy as np
import pytest

from adseis.data import openfwi

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "data"
FALLS = r"misfit ([\d.e+-]+) before, ([\d.e+-]+) after"


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """What a script prints that is run in an empty folder with the settings of a fresh interpreter; it must end well."""

    def main(script, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        monkeypatch.syspath_prepend((ROOT / script).parent)
        names = "jax_enable_x64", "jax_numpy_rank_promotion", "jax_numpy_dtype_promotion"
        ours = *(getattr(jax.config, name) for name in names), jaxtyping.config.jaxtyping_disable
        try:
            settings(False, "allow", "standard", True)
            runpy.run_path(str(ROOT / script), run_name="__main__")
        finally:
            settings(*ours)
            plt.close("all")
        return capsys.readouterr().out

    return main


def settings(double, rank_promotion, dtype_promotion, unchecked):
    jax.config.update("jax_enable_x64", double)
    jax.config.update("jax_numpy_rank_promotion", rank_promotion)
    jax.config.update("jax_numpy_dtype_promotion", dtype_promotion)
    jaxtyping.config.update("jaxtyping_disable", unchecked)


def run_apart(folder, script, *arguments):
    """The same in an interpreter of its own, as a user runs it."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, ROOT / script, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_drawn(path):
    """A picture that shows something: of a fair size, nothing transparent, and a twentieth of it in fifty shades or more that are
    not the background."""
    image = plt.imread(path)
    assert min(image.shape[:2]) > 200
    shades, counts = np.unique(np.round(255 * image[..., :3]).reshape(-1, 3) @ [65536, 256, 1], return_counts=True)
    assert len(shades) > 50
    assert counts.max() < 0.95 * counts.sum()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("first_gradient", ("--steps", "450"), marks=pytest.mark.slow),
        pytest.param("first_inversion", ("--iterations", "1"), marks=pytest.mark.slow),
        pytest.param("globe_inversion", ("--frequency", "1.5", "--degree", "1", "--orders", "2"), marks=pytest.mark.slow),
        pytest.param("openfwi_refine", ("--evaluations", "30"), marks=[pytest.mark.optimised, pytest.mark.slow]),
        pytest.param("network_as_velocity", ("--iterations", "1"), marks=[pytest.mark.optimised, pytest.mark.slow]),
        pytest.param("flax_network_as_velocity", ("--iterations", "1"), marks=[pytest.mark.optimised, pytest.mark.slow]),
    ],
)
def test_the_misfit_falls(run, tmp_path, name, arguments):
    """Each prints the misfit before and after, and draws."""
    before, after = map(float, re.search(FALLS, run(f"examples/{name}.py", *arguments)).groups())
    assert 0 < after < before
    assert_drawn(tmp_path / f"{name}.png")


def test_first_gather(run, tmp_path):
    """The pressure of an explosion of 1 m^2/s is some 10^4 Pa nearby, and finite."""
    peak = float(re.search(r"peak ([\d.e+-]+) Pa", run("examples/first_gather.py", "--steps", "300"))[1])
    assert 1e3 < peak < 1e6
    assert_drawn(tmp_path / "first_gather.png")


@pytest.mark.slow
def test_fluid_ball(run, tmp_path):
    """The surface of a small ball moves, by what a pulse of 1 m^3 s may move it, and both panels are drawn."""
    printed = run("examples/fluid_ball.py", "--frequency", "1.5", "--orders", "2")
    peak = float(re.search(r"peak ([\d.e+-]+) m", printed)[1])
    assert 1e-8 < peak < 1e-3
    assert_drawn(tmp_path / "fluid_ball.png")


@pytest.mark.slow
def test_ball_kernels(run, tmp_path):
    """A faster ball is early: by what it is along the straight ray, to a half at so low a frequency."""
    printed = run("examples/ball_kernels.py", "--frequency", "2", "--orders", "4")
    for early, alone in re.findall(r"early by ([\d.]+) s; its path of 1221 m alone, by ([\d.]+) s", printed):
        assert float(early) == pytest.approx(float(alone), rel=0.5)
    assert printed.count("early by") == 2
    assert_drawn(tmp_path / "ball_kernels.png")


@pytest.mark.slow
def test_certify_a_problem(run, tmp_path):
    """One objective passes, the careless one fails, for the right reason."""
    printed = run("examples/certify_a_problem.py", "--steps", "90")
    assert len(re.findall("^PASSED: the gradient is right.$", printed, re.MULTILINE)) == 1
    assert len(re.findall("^FAILED: .* contains jax.lax.stop_gradient", printed, re.MULTILINE)) == 1
    assert_drawn(tmp_path / "certify_a_problem.png")


def test_train_your_own(run, tmp_path):
    """Gathers that tell nothing but the mean speed; the network learns from them, better than the mean map."""
    random = np.random.default_rng(0)
    for index in range(3):
        speed = random.uniform(1600, 4400, (4, 1, 1)).astype("float32")
        gathers = np.sin(np.linspace(0, 30, 72)[:, None] * speed[:, None] / 3000) * np.ones((4, 5, 72, 72))
        openfwi.write_shard(
            tmp_path / "data", "flat-vel-a", index, gathers.astype("float16"), np.broadcast_to(speed, (4, 70, 70))
        )
    printed = run("examples/train_your_own.py", "--data", tmp_path / "data", "--steps", "12", "--batch", "4")
    plain, found = map(float, re.search(r"MAE ([\d.]+) m/s of the mean map, ([\d.]+) m/s after 12 steps", printed).groups())
    assert 0 < found < plain
    assert_drawn(tmp_path / "train_your_own.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_implicit_equation(run, tmp_path):
    """At three times the explicit limit Gauss's scheme errs less than half of what the explicit one does at the limit."""
    printed = run("examples/implicit_equation.py", "--seconds", "0.25")
    errors = {
        (name, step): float(e) for name, step, e in re.findall(r"^(\w+) +dt = +(\S+) limits: error (\S+),", printed, re.MULTILINE)
    }
    assert 0 < errors["Gauss", "3.00"] < 0.5 * errors["explicit", "1.00"]
    assert "PASSED: the gradient is right." in printed
    assert_drawn(tmp_path / "implicit_equation.png")


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        pytest.param("das_fibre", ("--steps", "200"), r"strain rate up to ([\d.e+-]+) 1/s", marks=pytest.mark.slow),
        pytest.param("double_couple_ring", ("--nodes", "31"), r"transverse \(S\) ([\d.e+-]+) m/s", marks=pytest.mark.slow),
        pytest.param("elastic_marine", ("--steps", "150"), r"hydrophones: ([\d.e+-]+) Pa", marks=pytest.mark.slow),
        pytest.param("rayleigh_waves", ("--steps", "900"), r"= ([\d.]+) vs", marks=pytest.mark.slow),
    ],
)
def test_elastic(run, tmp_path, name, arguments, said):
    """Each says a number that is finite and not zero, and draws; Rayleigh waves travel with 0.92 vs, 2 % for the short record."""
    number = float(re.search(said, run(f"examples/{name}.py", *arguments))[1])
    assert 0 < number < 1e9
    assert name != "rayleigh_waves" or number == pytest.approx(0.9194, rel=0.02)
    assert_drawn(tmp_path / f"{name}.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_locate_earthquake(run, tmp_path):
    """Far from converged, yet nearer than it began."""
    printed = run("examples/locate_earthquake.py", "--iterations", "2", "--width", "25")
    before, after = map(float, re.search(r"from ([\d.]+) to ([\d.]+) cells", printed).groups())
    assert after < 0.5 * before
    assert_drawn(tmp_path / "locate_earthquake.png")


@pytest.mark.slow
def test_benchmark(run, tmp_path):
    """A table, its JSON and a picture; a gradient by one parameter needs no more memory than by two."""
    toy = ("--shape", "30", "40", "--steps", "20", "--shots", "1", "--repeats", "1", "--output", "toy")
    printed = run("benchmarks/acoustic.py", *toy)
    record = json.loads((tmp_path / "toy.json").read_text())
    assert record["settings"]["shape"] == [30, 40]
    rows = {(row["equation"], row["case"]): row for row in record["rows"]}
    assert len(rows) == 5
    for row in rows.values():
        assert row["equation"] in printed
        assert row["seconds"] > 0
        assert row["wavefields"] == pytest.approx(row["temporary_MB"] * 1e6 / (30 * 40 * 4))
    assert rows["acoustic", "gradient by vp"]["temporary_MB"] <= rows["acoustic", "gradient by vp, rho"]["temporary_MB"]
    assert_drawn(tmp_path / "toy.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_strategies(run, tmp_path):
    """Each of the four ways comes nearer to the true model for what six gradients cost."""
    printed = run("examples/strategies.py", "--gradients", "6")
    errors = [(float(a), float(b)) for a, b in re.findall(r"vp error ([\d.]+) -> ([\d.]+) m/s", printed)]
    assert len(errors) == 4
    assert all(after < before for before, after in errors)
    assert_drawn(tmp_path / "strategies.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_segy_to_model(run, tmp_path):
    """Writes a SEG-Y file with two dead traces, names them, and comes nearer to the true model in two short bands."""
    pytest.importorskip("segyio", reason="SEG-Y needs segyio")
    printed = run("examples/segy_to_model.py", "--iterations", "1")
    assert "shot 2 trace 11, shot 6 trace 30 (counted from 0) are zero throughout" in printed
    for pattern in (FALLS, r"vp error ([\d.]+) -> ([\d.]+) m/s"):
        before, after = map(float, re.search(pattern, printed).groups())
        assert 0 < after < before
    assert (tmp_path / "segy_to_model.h5").is_file()
    assert_drawn(tmp_path / "segy_to_model.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_real_event(run, tmp_path):
    """Far from converged, the misfit falls; P alone leaves depth and origin time apart by a singular value below 0.2."""
    pytest.importorskip("obspy", reason="earthquake records need ObsPy")
    printed = run("examples/real_event.py", "--quick")
    before, after = map(float, re.search(FALLS, printed).groups())
    assert 0 < after < 0.3 * before
    least = float(re.search(r"P alone: .*singular values [\d.]+, [\d.]+, [\d.]+, ([\d.]+);", printed)[1])
    assert least < 0.2
    assert_drawn(tmp_path / "real_event.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_elastic_inversion(run, tmp_path):
    """Three iterations a band: the misfit falls (to 0.16), and so do the errors of vp and vs (density comes later)."""
    printed = run("examples/elastic_inversion.py", "--iterations", "3")
    before, after = map(float, re.search(FALLS, printed).groups())
    assert 0 < after < 0.3 * before
    errors = {name: (float(a), float(b)) for name, a, b in re.findall(r"(v[ps]) error ([\d.]+) -> ([\d.]+) m/s", printed)}
    assert len(errors) == 2
    assert all(found < initial for initial, found in errors.values())
    assert_drawn(tmp_path / "elastic_inversion.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_rupture_history(run, tmp_path):
    """Five iterations: histories nearer to the truth (63 % off) than silence, 100 %; times within a sample (0.34)."""
    printed = run("examples/rupture_history.py", "--iterations", "5", "--physics", "acoustic")
    assert float(re.search(r"histories: relative error ([\d.]+) %", printed)[1]) < 80
    assert float(re.search(r"times within ([\d.]+) samples", printed)[1]) < 1
    assert_drawn(tmp_path / "rupture_history.png")


@pytest.mark.slow
@pytest.mark.optimised
def test_moment_tensor(run, tmp_path):
    """Ten iterations of eighty: 2.6 cells in depth are left of 12.4, and a tenth of the tensor."""
    printed = run("examples/moment_tensor.py", "--iterations", "10", "--depths", "3")
    before, after = map(float, re.search(r"start ([\d.]+) cells off in depth; found ([\d.]+)", printed).groups())
    assert after < 0.5 * before
    assert float(re.search(r"moment tensor within ([\d.]+)%", printed)[1]) < 30
    assert_drawn(tmp_path / "moment_tensor.png")


@pytest.mark.optimised
@pytest.mark.slow
@pytest.mark.skipif(not (MODELS / "marmousi2-model-true.mat").is_file(), reason="no Marmousi2 beside the repository")
@pytest.mark.parametrize(
    ("name", "arguments", "bound"),
    [
        ("velocity_models", ("--models", "marmousi2", "--only", "flat spectrum"), {"vp": 320}),
        ("elastic_models", (), {"vp": 310, "vs": 240, "rho": 75}),
    ],
)
def test_marmousi2_is_approached(tmp_path, name, arguments, bound):
    """Fifty gradients lower the errors, 381.8 and 294.8 m/s and 84.2 kg/m^3, as the documentation says they do."""
    run_apart(tmp_path, f"benchmarks/{name}.py", "--data", MODELS, "--evaluations", "50", "--output", tmp_path, *arguments)
    (found,) = json.loads((tmp_path / f"{name}.json").read_text())["runs"].values()
    errors = found["final_error"] if isinstance(found["final_error"], dict) else {"vp": found["final_error"]}
    assert all(errors[unknown] < most for unknown, most in bound.items()), errors
    assert found["evaluations"] <= 50
