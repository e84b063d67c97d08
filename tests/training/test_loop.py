"""`fit`: a killed run goes on to the same bits, devices agree, what is frozen stays, and what cannot go on says so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adseis.files import read_json_lines
from adseis.networks.normalization import BatchNorm
from adseis.networks.weights import fingerprint
from adseis.parallel.devices import device_mesh
from adseis.training import Plan, fit
from adseis.training.keeping import LAST
from adseis.training.prediction import predict
from adseis.training.reading import Order, read_ahead
from adseis.training.schedules import adamw, warm_restarts


class Net(eqx.Module):
    convolution: eqx.nn.Conv1d
    norm: BatchNorm
    dropout: eqx.nn.Dropout
    head: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key)
        self.convolution = eqx.nn.Conv1d(1, 4, 3, padding="SAME", use_bias=False, key=keys[0], dtype=jnp.float32)
        self.norm = BatchNorm(4)
        self.dropout = eqx.nn.Dropout(0.2, inference=True)
        self.head = eqx.nn.Linear(32, 1, key=keys[1], dtype=jnp.float32)

    def __call__(self, x, *, key=None):
        return self.head(self.dropout(jax.nn.relu(self.norm(self.convolution(x[None]))).ravel(), key=key))[0]


SAMPLES = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
ORDER = Order(64, 16)


def batches(step):
    x = SAMPLES[ORDER(step)]
    return {"x": x, "y": np.sin(x).sum(1)}


def loss(network, batch, instant):
    away = predict(network, batch["x"], key=instant.key) - batch["y"]
    return jnp.mean(away**2), {"absolute": jnp.mean(jnp.abs(away))}


def validate(network):
    return {"error": float(jnp.mean(jnp.abs(predict(network, SAMPLES) - np.sin(SAMPLES).sum(1))))}


def trained(steps, **options):
    plan = Plan(steps, every=options.pop("every", 10), log=5, progress=False, **options.pop("plan", {}))
    options = {"validate": validate, "optimizer": adamw(warm_restarts(3e-2, warm_up=5, period=20), clip=None)} | options
    return fit(Net(jax.random.key(0)), loss, batches, plan=plan, **options)


def test_it_learns_and_keeps_what_is_best(tmp_path):
    found = trained(60, folder=tmp_path, plan={"average": 0.9})
    errors = [line["error"] for line in found.history if line["kind"] == "validation"]
    assert len(errors) == 6
    assert found.value == min(errors) < 0.6 * errors[0]
    assert validate(found.x)["error"] == found.value
    assert float(jnp.max(jnp.abs(found.x.norm.mean))) > 0  # the running statistics are learned
    assert read_json_lines(tmp_path / "metrics.jsonl") == list(found.history)
    assert {path.name for path in tmp_path.iterdir()} == {"last.safetensors", "best.safetensors", "metrics.jsonl"}


def test_it_goes_on_to_the_same_bits(tmp_path):
    """In pieces, each from the checkpoint of the one before, and with a line that a kill has torn."""
    whole = trained(40, folder=tmp_path / "whole")
    for steps in (10, 20, 30):
        trained(steps, folder=tmp_path / "parts")
        with (tmp_path / "parts" / "metrics.jsonl").open("a") as file:
            file.write('{"step": 35, "lo')
    parts = trained(40, folder=tmp_path / "parts")
    assert fingerprint(parts.x) == fingerprint(whole.x)
    assert parts.value == whole.value
    last = [(tmp_path / name / LAST) for name in ("whole", "parts")]
    assert fingerprint(_arrays(last[0])) == fingerprint(_arrays(last[1]))
    assert [_timeless(line) for line in parts.history] == [_timeless(line) for line in whole.history]
    again = trained(40, folder=tmp_path / "parts")  # finished: nothing is done
    assert fingerprint(again.x) == fingerprint(whole.x)


SCRIPT = """
import sys, jax
jax.config.update("jax_platforms", "cpu")
sys.path[:0] = [sys.argv[1]]
import test_loop
found = test_loop.trained(200, folder=sys.argv[2])
print(test_loop.fingerprint(found.x), flush=True)
"""


def hash_of_run(folder, *, killed_after=None):
    """What a process prints that trains in a folder; one that is killed once so many validations stand says nothing."""
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    metrics = folder / "metrics.jsonl"
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while killed_after is not None and process.poll() is None:
            if metrics.exists() and metrics.read_text().count("validation") > killed_after:
                process.send_signal(signal.SIGKILL)
                break
        said = process.stdout.read()
    assert process.returncode == (0 if killed_after is None else -signal.SIGKILL)
    return said.strip()


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    """SIGKILL while it runs: the second start prints the hash of a run that was left alone."""
    assert hash_of_run(tmp_path / "killed", killed_after=3) == ""
    assert hash_of_run(tmp_path / "killed") == hash_of_run(tmp_path / "alone")


@pytest.mark.slow
def test_twelve_killed_runs_go_on_to_the_same_bits(tmp_path):
    alone = hash_of_run(tmp_path / "alone")
    for number in range(12):
        hash_of_run(tmp_path / str(number), killed_after=number)
        assert hash_of_run(tmp_path / str(number)) == alone


def test_devices_agree():
    """Sums over samples in another order: 1e-5 of the weights after twenty steps in float32."""
    one = trained(20, plan={"devices": device_mesh(jax.devices()[:1])})
    four = trained(20, plan={"devices": device_mesh(jax.devices()[:4])})
    for a, b in zip(*(jax.tree.leaves(eqx.filter(found.x, eqx.is_array)) for found in (one, four)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * float(jnp.abs(a).max()) + 1e-7)


def test_parts_of_a_batch_give_its_gradient():
    """Without batch statistics and dropout, four quarters are one whole."""

    def plain(network, batch, instant):
        away = jax.vmap(network)(batch["x"])[:, 0] - batch["y"]
        return jnp.mean(away**2), {}

    net = eqx.nn.MLP(8, 1, 16, 1, key=jax.random.key(1), dtype=jnp.float32)
    found = [
        fit(net, plain, batches, optimizer=optax.sgd(0.05), plan=Plan(8, accumulate=parts, progress=False)).x for parts in (1, 4)
    ]
    for a, b in zip(*(jax.tree.leaves(eqx.filter(x, eqx.is_array)) for x in found), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_what_is_frozen_has_no_optimizer(tmp_path):
    net = Net(jax.random.key(0))
    marks = jax.tree.map(lambda _: False, net)
    marks = eqx.tree_at(lambda n: n.head, marks, jax.tree.map(eqx.is_inexact_array, net.head))
    found = trained(10, trained=marks, folder=tmp_path)
    assert fingerprint(found.x.convolution) == fingerprint(net.convolution)
    assert fingerprint(found.x.norm) == fingerprint(net.norm)
    assert fingerprint(found.x.head) != fingerprint(net.head)
    kept = _arrays(tmp_path / LAST)
    assert not [name for name in kept if "convolution" in name or "norm" in name]
    assert [name for name in kept if name.startswith("optimizer") and "head" in name]


def test_patience_and_fading():
    """A rate of nothing never betters the first validation."""
    found = trained(200, optimizer=optax.sgd(0.0), plan={"patience": 4, "average": 0.0})
    assert "patience" in found.message
    assert found.steps == 10 * 5 + 10 * (found.steps > 50)
    strengths = [line["strength"] for line in found.history if "strength" in line]
    assert strengths[0] == 1 > strengths[-1] >= 0.98**4


def test_precision_is_of_the_loss_alone():
    seen = []

    def spying(network, batch, instant):
        seen.append((network.head.weight.dtype, network.norm.mean.dtype))
        return loss(network, batch, instant)

    plan = Plan(4, progress=False, precision="bfloat16")
    found = fit(Net(jax.random.key(0)), spying, batches, optimizer=adamw(1e-3), plan=plan)
    assert seen[0] == (jnp.bfloat16, jnp.float32)
    assert found.x.head.weight.dtype == jnp.float32
    assert found.value == found.history[-1]["loss"]  # there was no validation


def test_a_loss_that_is_no_number_stops(tmp_path):
    def breaking(network, batch, instant):
        value, terms = loss(network, batch, instant)
        return jnp.where(instant.step == 13, jnp.nan, 1.0) * value, terms

    options = {"optimizer": adamw(1e-3), "plan": Plan(30, every=10, log=5, progress=False), "folder": tmp_path}
    with pytest.raises(FloatingPointError, match=r"not finite at step 14. The last good checkpoint is .*last"):
        fit(Net(jax.random.key(0)), breaking, batches, **options)
    assert len(read_json_lines(tmp_path / "metrics.jsonl")) == 2


def test_what_cannot_go_on_says_so(tmp_path):
    trained(10, folder=tmp_path, about={"preset": "small"})
    with pytest.raises(ValueError, match="another training: preset differ"):
        trained(20, folder=tmp_path, about={"preset": "large"})
    path = tmp_path / LAST
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="truncated"):
        trained(20, folder=tmp_path, about={"preset": "small"})
    with pytest.raises(ValueError, match="`steps` = 0"):
        Plan(0)
    with pytest.raises(ValueError, match="`batch` = 65 is more than the 64"):
        Order(64, 65)
    with pytest.raises(ValueError, match="nothing to train"):
        trained(10, trained=jax.tree.map(lambda _: False, Net(jax.random.key(0))))


def test_each_epoch_visits_each_sample_once():
    order = Order(10, 3, seed=4)
    first, second = ([order(step + 3 * epoch) for step in range(3)] for epoch in (0, 1))
    assert len(set(np.concatenate(first))) == 9
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    np.testing.assert_array_equal(Order(10, 3, seed=4)(4), second[1])


def test_reading_ahead_raises_where_it_is_taken():
    def broken(step):
        if step == 3:
            raise OSError("the disk is gone")
        return step

    with read_ahead(broken, 0, 9) as stream:
        assert [next(stream) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(OSError, match="disk"):
            next(stream)


def _arrays(path):
    from safetensors.numpy import load_file  # noqa: PLC0415

    return load_file(path)


def _timeless(line):
    return {name: value for name, value in line.items() if name != "seconds"}
