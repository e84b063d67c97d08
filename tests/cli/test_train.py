"""`adseis train`: what each command leaves, that a repeated one does nothing, and what cannot be right is said in a line."""

import json
import re
import shutil
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from adseis.cli.main import main
from adseis.cli.training_runs import build_of, inverter_of
from adseis.data import openfwi
from adseis.networks import InversionNet, SwinUNet
from adseis.networks.weights import named
from adseis.training import physics, presets
from adseis.training.adversarial import Pair
from adseis.training.evaluation import evaluate, validation_of
from adseis.training.losses import Hybrid
from adseis.training.presets import PRESETS, Preset, preset_of
from adseis.training.transforms import SpeedRange, Transforms, ZScore


class Tiny(eqx.Module):
    """One dense layer of the gathers' means."""

    first: eqx.nn.Linear
    last: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key)
        self.first = eqx.nn.Linear(5 * 12, 8, key=keys[0], dtype="float32")
        self.last = eqx.nn.Linear(8, 70 * 70, key=keys[1], dtype="float32")

    def __call__(self, gathers, *, key=None):
        means = gathers.reshape(5, 12, 6, 72).mean((2, 3)).ravel()
        return self.last(jax.nn.tanh(self.first(means))).reshape(1, 70, 70)


TINY = Preset(
    "tiny", Tiny, Transforms(ZScore(), SpeedRange(0.0, 1.0), small=True), Hybrid(), 1e-2, 4, "for tests", weighted=True,
    low_rank={"**": 2}, bottlenecks={"first": 2},
)  # fmt: skip

WHOLE = replace(TINY, name="whole", transforms=Transforms(ZScore(), SpeedRange(0.0, 1.0)))
RISING = np.linspace(0, 1, 1000, dtype="float32")[:, None]
SMALL = {**PRESETS, "tiny": TINY, "whole": WHOLE}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(presets, "PRESETS", SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Gathers that tell nothing but the mean speed, of two subsets in three files each."""
    path, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for subset in ("flat-vel-a", "style-b"):
        for index in range(3):
            mean = random.uniform(2000, 4000, (4, 1, 1)).astype("float32")
            gathers = np.linspace(0, 1, 72)[:, None] * mean[:, None] / 3000 + random.normal(size=(4, 5, 72, 72)) / 10
            openfwi.write_shard(path, subset, index, gathers.astype("float16"), np.broadcast_to(mean, (4, 70, 70)))
    return path


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presets, "PRESETS", SMALL)
        words = ["--preset", "tiny", "--data", str(folder), "--steps", "12", "--every", "6", "--output", str(path)]
        code = main(["train", "openfwi", *words])
    assert code == 0
    return path


def test_a_training_leaves_what_it_says(run, folder, capsys):
    names = {path.name for path in run.iterdir()}
    assert names >= {
        *("best.safetensors", "last.safetensors", "metrics.jsonl", "log.txt", "split.txt", "config.toml", "versions.json"),
        *("learning.png", "predictions.png", "report.md"),
    }
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["kind"]) for line in lines] == [
        *[(6, "step"), (6, "validation"), (10, "step")],
        *[(12, "step"), (12, "validation")],
    ]
    assert {"loss", "value", "edges", "variation", "gradient", "strength", "seconds"} <= lines[0].keys()
    assert {"MAE", "RMSE", "SSIM", "MAE of flat-vel-a", "SSIM of style-b"} <= lines[1].keys()
    report = (run / "report.md").read_text()
    assert "| flat-vel-a |" in report
    assert "19.7" in report
    assert "![learning](learning.png)" in report
    assert openfwi.read_split(run / "split.txt").keys() == {pair.name for pair in openfwi.Dataset(folder).pairs}
    before = (run / "best.safetensors").read_bytes()
    words = ["--preset", "tiny", "--data", str(folder), "--steps", "12", "--every", "6", "--output", str(run)]
    again = ["train", "openfwi", *words]
    assert main(again) == 0
    assert "finished already" in capsys.readouterr().out
    assert main(["info", str(run)]) == 0
    said = capsys.readouterr().out
    assert "--preset tiny" in said
    assert "--physics" not in said  # it is as by default
    assert (run / "best.safetensors").read_bytes() == before
    assert main([*again, "--seed", "1"]) == 2
    assert "holds another run (--seed: 0 there, 1 here)" in capsys.readouterr().err


def test_without_maps_waveforms_teach_and_judge(folder, tmp_path, monkeypatch, capsys):
    """By an operator that says what the fixture does: its misfit falls, and nothing is said of speeds."""
    says = lambda vp: jnp.broadcast_to(RISING * jnp.mean(vp, 0)[None] / 3000, (5, 1000, 70))  # noqa: E731
    monkeypatch.setattr(physics, "proxy", says)
    monkeypatch.setattr(physics, "simulate", says)
    gathers, out = tmp_path / "gathers", tmp_path / "out"
    shutil.copytree(folder, gathers, ignore=lambda _, names: [name for name in names if name == "model"])
    steps = ["--steps", "20", "--every", "10", "--output", str(out)]
    words = ["train", "openfwi", "--preset", "tiny", "--data", str(gathers), *steps]
    assert main(words) == 2
    assert "holds gathers without their velocities" in capsys.readouterr().err
    assert main([*words, "--physics", "1", "--simulated", "4", "--no-labels"]) == 0
    assert "misfit of the waveforms" in capsys.readouterr().out
    checks = [line for line in map(json.loads, (out / "metrics.jsonl").read_text().splitlines()) if line["kind"] == "validation"]
    assert checks[1]["misfit"] < checks[0]["misfit"]
    assert "MAE" not in checks[0]
    report = (out / "report.md").read_text()
    assert "| misfit of the waveforms, best validation |" in report
    assert "The gathers have no maps" in report
    assert "19.7" not in report
    with pytest.raises(ValueError, match="has no maps to compare with"):
        evaluate(inverter_of(out)[0].in_batches, openfwi.Dataset(gathers, maps=None))
    with pytest.raises(ValueError, match="`samples` = 0 must be at least 1"):
        validation_of(openfwi.Dataset(gathers, maps=None), TINY.inverter, samples=0)


def test_it_is_evaluated_on_what_was_held_back(run, capsys):
    assert main(["train", "evaluate", str(run), "--robust", "4", "--misfit", "0", "--others", str(run)]) == 0
    found = json.loads((run / "evaluation" / "evaluation.json").read_text())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = min(line["MAE"] for line in lines if line["kind"] == "validation")
    assert found["plain"]["mean"]["MAE"] == pytest.approx(best, rel=1e-5)
    assert found["plain"]["mean"]["samples"] == 8
    assert found["ensemble"]["spread"] == 0
    assert len(found["robustness"]["noise"]) == 6
    assert (run / "evaluation" / "robustness.png").stat().st_size > 0
    assert "| style-b |" in capsys.readouterr().out


def test_it_predicts_files(run, folder, tmp_path, capsys):
    file = next(folder.glob("Style_B/data/*.npy"))
    out = tmp_path / "maps"  # a name that is not NumPy's
    assert main(["train", "predict", str(run), "--data", str(file), "--output", str(out), "--mirror"]) == 0
    maps = np.load(out)
    assert maps.shape == (4, 1, 70, 70)
    assert 1500 <= maps.min() <= maps.max() <= 4500
    assert out.with_suffix(".png").exists()
    bad = tmp_path / "bad.npy"
    for array, told in (
        (np.zeros((3, 5, 70, 70)), r"(3, 5, 70, 70)"),
        (np.full((1, 5, 72, 72), np.nan), "no number in sample 0"),
    ):
        np.save(bad, array)
        assert main(["train", "predict", str(run), "--data", str(bad)]) == 2
        assert told in capsys.readouterr().err


SLOW = pytest.mark.slow


@pytest.mark.parametrize("method", ["lora", *(pytest.param(m, marks=SLOW) for m in ("adapter", "head", "full", "scratch"))])
def test_it_is_adapted(run, folder, tmp_path, method, capsys):
    """What the adapted run says, read from its files, is what its validation found; the base is left as it was."""
    out = tmp_path / method
    words = ["--data", str(folder), "--method", method, "--samples", "8", "--old", str(folder), "--output", str(out)]
    assert main(["train", "adapt", str(run), *words, "--steps", "4", "--every", "4"]) == 0
    report = (out / "report.md").read_text()
    assert ("| base left as it was | yes |" in report) == (method in ("lora", "adapter", "head"))
    assert "MAE on the old data, before" in report
    apart = method in ("lora", "adapter", "head")
    assert (out / "adapter.safetensors").exists() == apart
    capsys.readouterr()
    if apart:
        assert main(["train", "adapt", str(out), *words, "--steps", "4", "--output", str(tmp_path / "again")]) == 2
        assert "has been adapted itself" in capsys.readouterr().err
    assert main(["train", "evaluate", str(out), "--robust", "0", "--misfit", "0", "--no-mirror"]) == 0
    found = json.loads((out / "evaluation" / "evaluation.json").read_text())["plain"]["mean"]["MAE"]
    best = min(json.loads(line).get("MAE", np.inf) for line in (out / "metrics.jsonl").read_text().splitlines())
    assert found == pytest.approx(best, rel=1e-5)


@pytest.mark.slow
def test_adapted_runs_are_found_again(run, folder, tmp_path, capsys):
    """Where base and adaptation were moved together; not before the adaptation has ended."""
    out = tmp_path / "old" / "head"
    words = ["--data", str(folder), "--method", "head", "--samples", "8", "--output", str(out)]
    shutil.copytree(run, tmp_path / "old" / "tiny")
    assert main(["train", "adapt", str(tmp_path / "old" / "tiny"), *words, "--steps", "2", "--every", "2"]) == 0
    (tmp_path / "old").rename(tmp_path / "new")
    gathers = np.zeros((1, 5, 72, 72), np.float32)
    inverter, _ = inverter_of(tmp_path / "new" / "head")
    assert inverter.in_batches(gathers).shape == (1, 70, 70)
    (tmp_path / "new" / "head" / "adapter.safetensors").unlink()
    with pytest.raises(ValueError, match="an adaptation that has not ended"):
        inverter_of(tmp_path / "new" / "head")


def test_it_is_exported(run, folder, tmp_path, capsys):
    """Compared on what was held back, with plain weights that another training begins with."""
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    out = tmp_path / "network.onnx"
    assert main(["train", "export", str(run), "--output", str(out), "--int8"]) == 0
    card = (tmp_path / "network-card.md").read_text()
    assert "8 of gathers that were held back" in card
    assert "network-int8.onnx" in card
    weights = str(tmp_path / "network.safetensors")
    words = ["--preset", "tiny", "--data", str(folder), "--steps", "1", "--weights", weights, "--output", str(tmp_path / "on")]
    assert main(["train", "openfwi", *words]) == 0


def test_an_adapted_generator_has_no_critic():
    for about, kind in (({}, Pair), ({"method": "full"}, InversionNet)):
        assert isinstance(eqx.filter_eval_shape(build_of, {"preset": "velocitygan-small", **about}), kind)


@pytest.mark.slow
@pytest.mark.optimised
def test_a_foundation_is_pre_trained(folder, tmp_path, capsys):
    """The encoder's own training stands in a folder of its own; physics and adapters work on what comes of it."""
    out, adapted = tmp_path / "out", tmp_path / "adapted"
    words = ["--data", str(folder), "--batch", "4", "--steps", "3", "--every", "3"]
    options = ["--masked", "3", "--physics", "0.1", "--output", str(out)]
    assert main(["train", "openfwi", "--preset", "foundation", *words, *options]) == 0
    assert "pre-training on masked gathers: 3 steps" in capsys.readouterr().out
    assert (out / "masked" / "best.safetensors").exists()
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["waveform"] > 0
    assert main(["train", "adapt", str(out), *words, "--output", str(adapted)]) == 0
    trained, _, every = re.search(r"\| trained numbers \| ([\d,]+) (of) ([\d,]+)", (adapted / "report.md").read_text()).groups()
    assert int(trained.replace(",", "")) < 0.01 * int(every.replace(",", ""))
    assert main(["train", "openfwi", "--preset", "unet-small", *words, "--masked", "3", "--output", str(tmp_path / "u")]) == 2
    assert "of a Swin-U-Net" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.optimised
def test_it_begins_with_an_encoder_that_is_there(folder, tmp_path):
    """The learning rate of the first step is small: what is kept is near to what was read."""
    encoder = SwinUNet.small(key=jax.random.key(7)).encoder
    path, out = tmp_path / "model.safetensors", tmp_path / "out"
    save_file({name: np.asarray(array) for name, array in named(encoder).items()}, path)
    words = ["--preset", "swin-unet-small", "--data", str(folder), "--batch", "4", "--steps", "1", "--output", str(out)]
    assert main(["train", "openfwi", *words, "--encoder", str(path)]) == 0
    found = named(inverter_of(out)[0].network.encoder)
    for name, array in named(encoder).items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-3)


@pytest.mark.slow
@pytest.mark.optimised
def test_the_demonstration(tmp_path, capsys):
    """Of ten samples of each family, one of which is refined by one gradient; twice with another training, in one folder."""
    words = ["train", "demo", "--samples", "10", "--refined", "1", "--evaluations", "1", "--output", str(tmp_path / "demo")]
    for steps in ("2", "3"):
        assert main([*words, "--steps", steps, "--overwrite"]) == 0
        assert "4 of 4" in capsys.readouterr().out
        report = (tmp_path / "demo" / "report.md").read_text()
        for name in ("data-10/statistics.md", "training/report.md", "training/evaluation/report.md", "refined.png"):
            assert name in report
            assert (tmp_path / "demo" / name).exists()


@pytest.mark.slow
@pytest.mark.optimised
def test_a_sample_is_fitted_by_its_waveforms(run, folder, tmp_path, capsys):
    file = next(folder.glob("Style_B/data/*.npy"))
    one = tmp_path / "one.npy"
    np.save(one, np.load(file)[:1])
    words = ["train", "predict", str(run), "--data", str(one), "--output", str(tmp_path / "maps.npy"), "--fit", "2"]
    assert main(words) == 0
    assert "sample 0: misfit of the waveforms" in capsys.readouterr().out
    found = np.load(tmp_path / "maps.npy")
    assert main(words) == 0  # what is done is not done again
    assert "sample 0: fitted before" in capsys.readouterr().out
    np.testing.assert_array_equal(np.load(tmp_path / "maps.npy"), found)
    assert main([*words[:-1], "3"]) == 0
    assert "sample 0: misfit of the waveforms" in capsys.readouterr().out


def test_what_cannot_be_right_is_said(run, folder, tmp_path, capsys):
    data = ["--data", str(folder)]
    one = tmp_path / "one"
    openfwi.write_shard(one, "style-a", 0, np.ones((2, 5, 72, 72), "float16"), np.full((2, 70, 70), 3000.0))
    for words, told in (
        (["openfwi", *data, "--preset", "large"], "preset 'large' is not known; there are inversionnet"),
        (["openfwi", *data, "--no-labels"], "--no-labels leaves nothing to learn from"),
        (["openfwi", *data, "--preset", "tiny", "--physics", "1", "--augment", "mirror"], "--augment mirror changes what"),
        (["openfwi", *data, "--preset", "tiny", "--validate", "0"], "--validate 0 must be at least 1"),
        (["openfwi", *data, "--preset", "tiny", "--batch", "40"], "--batch 40 is more than the 16 samples"),
        (["openfwi", *data, "--preset", "whole", "--batch", "4"], "small ones, but the network takes those of 1000"),
        (["openfwi", "--data", str(one), "--preset", "tiny"], "nothing is left for validation"),
        (["openfwi", "--data", str(tmp_path / "none")], "is no folder"),
        (["openfwi", *data, "--preset", "tiny", "--weights", str(folder / "none")], "no file"),
        (["openfwi", *data, "--preset", "tiny", "--encoder", str(folder / "none")], "is of a Swin-U-Net, not of --preset tiny"),
        (["evaluate", str(tmp_path)], "holds no trained network"),
        (["demo", "--samples", "5"], "--samples 5 must be at least 10"),
        (["adapt", str(run), *data, "--where", "decoder/**"], "decoder/**"),
    ):
        extra = ["--output", str(tmp_path / "out"), "--overwrite"] if words[0] in ("openfwi", "adapt") else []
        assert main(["train", *words, *extra]) == 2, words
        err = capsys.readouterr().err
        assert told in err, (words, err)
        assert len(err.strip().splitlines()) == 1


def test_a_checkpoint_of_another_network_is_refused(run, folder, tmp_path, capsys):
    words = ["train", "openfwi", "--preset", "unet-small", "--data", str(folder), "--output", str(tmp_path / "out")]
    assert main([*words, "--weights", str(run / "best.safetensors")]) == 2
    assert "of another" in capsys.readouterr().err


def test_presets_are_what_their_names_say():
    for name, preset in PRESETS.items():
        assert preset_of(name) is preset
        assert preset.name == name
        assert preset.transforms.small == ("small" in name or "swin" in name or name == "foundation")
    with pytest.raises(ValueError, match="preset 'x' is not known"):
        preset_of("x")


def test_help_names_the_commands(capsys):
    assert main(["train", "--help"]) == 0
    said = capsys.readouterr().out
    for name in ("openfwi", "evaluate", "adapt", "predict", "export", "demo"):
        assert name in said
    assert main(["--help"]) == 0
    assert "train" in capsys.readouterr().out
    assert main(["--debug", "train", "openfwi", "--help"]) == 0
    assert "adseis train openfwi" in capsys.readouterr().out
    assert main(["train", "opnfwi"]) == 2
    assert "Perhaps you meant openfwi" in capsys.readouterr().err
