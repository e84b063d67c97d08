"""The journal: killed at any instant, an inversion resumes to bit-identical iterates."""

import json
import os
import subprocess
import sys

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.optimizers.journal import Journal
from adseis.optimizers.minimize import minimize

X0 = {"a": np.linspace(-1.2, 1.0, 12).astype("float32"), "b": np.array(0.3)}


def objective(x):
    a = jnp.append(x["a"], x["b"].astype(jnp.float32))
    return jnp.sum(100 * (a[1:] - a[:-1] ** 2) ** 2 + (1 - a[:-1]) ** 2)


def run(journal=None, **options):
    return minimize(objective, X0, **({"bounds": (-2.0, 2.0), "iterations": 25, "progress": False} | options), journal=journal)


def assert_identical(one, other):
    jax.tree.map(np.testing.assert_array_equal, one.x, other.x)
    assert one.history == other.history
    assert one.evaluations == other.evaluations


# One interpreter imports everything once, then forks the runs that it kills: JAX starts its threads in the children only.
KILLER = """
import json, os, random, signal, sys, time
import h5py, numpy as np
from test_journal import objective, run, X0
path, kills, rng, kept = sys.argv[1], int(sys.argv[2]), random.Random(3), []
for _ in range(kills):
    before = kept[-1] if kept else 0
    child = os.fork()
    if child == 0:
        run(path, callback=lambda *_: time.sleep(0.02))
        os._exit(7)
    while True:  # at least one evaluation more, then anywhere: computing, copying, appending, flushing, renaming, sleeping
        if os.path.exists(path):
            with h5py.File(path) as file:  # opens at every instant
                if len(file["evaluations"]) > before:
                    break
        time.sleep(0.002)
    time.sleep(0.03 * rng.random())
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the run ended before it was killed"
    with h5py.File(path) as file:
        for group in file["evaluations"].values():
            assert all(np.isfinite(data[...]).all() for data in group.values())
        kept.append(len(file["evaluations"]))
print(json.dumps(kept))
"""


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.slow)])
def test_killed_many_times_resumes_to_the_same_iterates(kills, tmp_path):
    """Bit for bit: nothing but the recorded numbers enters the optimizer."""
    path = tmp_path / "run.h5"
    environment = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": os.path.dirname(__file__)}
    killer = subprocess.run(
        [sys.executable, "-c", KILLER, str(path), str(kills)], env=environment, capture_output=True, text=True, check=False
    )
    assert killer.returncode == 0, killer.stderr
    kept = json.loads(killer.stdout)
    assert len(kept) == kills
    uninterrupted = run()
    assert kept[-1] < uninterrupted.evaluations
    assert_identical(run(path), uninterrupted)
    assert os.listdir(tmp_path) == ["run.h5"]


def test_replay_computes_nothing_but_the_first_evaluation(tmp_path):
    """The first evaluation is made anew to see that the objective is still the same."""
    calls = []

    def counted(x):
        jax.debug.callback(lambda _: calls.append(1), x["b"], ordered=True)
        return objective(x)

    options = {"progress": False, "journal": tmp_path / "run.h5"}
    first = minimize(counted, X0, iterations=9, **options)
    jax.effects_barrier()
    assert len(calls) == first.evaluations
    again = minimize(counted, X0, iterations=9, **options)
    jax.effects_barrier()
    assert len(calls) == first.evaluations + 1
    assert_identical(again, first)
    longer = minimize(counted, X0, iterations=12, **options)
    assert longer.history[:10] == first.history
    assert_identical(longer, minimize(objective, X0, iterations=12, progress=False))


def test_what_is_on_file(tmp_path):
    path = tmp_path / "run.h5"
    result = run(path, iterations=2)
    with h5py.File(path) as file:
        assert len(file["evaluations"]) == result.evaluations
        group = file["evaluations/000000"]
        assert [group[f"gradient{i}"].dtype for i in range(2)] == [np.float32, np.float64]
        assert all(data.fletcher32 for data in group.values())
        np.testing.assert_array_equal(group["value"][0], result.history[0].value)


def test_progress_shows_the_replay(tmp_path, capsys):
    run(tmp_path / "run.h5")
    capsys.readouterr()
    run(tmp_path / "run.h5", progress=True)
    assert "replaying" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bounds": (-2.0, 3.0)}, "upper bounds"),
        ({"bounds": None}, "lower bounds, upper bounds"),
        ({"first_step": 0.1}, "first_step"),
    ],
)
def test_another_problem_is_refused_before_work(tmp_path, change, named):
    run(tmp_path / "run.h5", iterations=2)
    with pytest.raises(ValueError, match=rf"run.h5 belongs to another problem: .* another {named}\."):
        run(tmp_path / "run.h5", **change)


def test_another_start_or_objective_is_refused(tmp_path):
    path = tmp_path / "run.h5"
    run(path, iterations=2)
    with pytest.raises(ValueError, match="run.h5 belongs to another problem: .* another x0"):
        minimize(objective, X0 | {"b": np.array(0.4)}, bounds=(-2.0, 2.0), journal=path, progress=False)
    with pytest.raises(ValueError, match="run.h5 belongs to another objective: it has"):
        minimize(lambda x: 2 * objective(x), X0, bounds=(-2.0, 2.0), journal=path, progress=False)


def test_damage_is_recognised(tmp_path):
    path = tmp_path / "run.h5"
    run(path, iterations=3)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not HDF5 at all"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"run.h5 cannot be read: .*Move it away"):
            run(path)
    with h5py.File(path, "w") as file:
        file["vp"] = np.ones(3)
    with pytest.raises(ValueError, match=r"run.h5 cannot be read: .*its format is None"):
        run(path)
    path.write_bytes(whole)
    with h5py.File(path) as file:
        at = file["evaluations/000002/gradient0"].id.get_chunk_info(0).byte_offset
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])  # one flipped bit
    with pytest.raises(ValueError, match=r"run.h5 cannot be read"):
        run(path)


def test_another_path_of_the_optimizer_is_recognised(tmp_path):
    run(tmp_path / "run.h5", iterations=2)
    journal = Journal(tmp_path / "other.h5", {})
    journal.append(np.zeros(2), np.array(1.0), [np.zeros(2)])
    with pytest.raises(ValueError, match="evaluation 0 was made at another point"):
        journal.read(0, np.ones(2))


def test_two_writers_are_refused(tmp_path):
    journals = [Journal(tmp_path / "run.h5", {}) for _ in range(2)]
    journals[0].append(np.zeros(2), np.array(1.0), [np.zeros(2)])
    journals[1].append(np.zeros(2), np.array(1.0), [np.zeros(2)])
    journals[1].append(np.zeros(2), np.array(1.0), [np.zeros(2)])
    with pytest.raises(RuntimeError, match="another process writes to the journal"):
        journals[0].append(np.zeros(2), np.array(1.0), [np.zeros(2)])


def test_unwritable_place_is_refused_before_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write to"):
        run(tmp_path / "file" / "run.h5")
