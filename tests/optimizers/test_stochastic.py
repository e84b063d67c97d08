"""optax over mini-batches: batches, bounds, resuming."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import adseis as ads
from adseis.inversion.shots import select_shots, shot_batches
from adseis.optimizers.stochastic import minimize_stochastic

GRID = ads.Grid(shape=(16, 16), spacing=20.0, dt=4e-3, nt=90)
SHOTS = np.stack([np.linspace(40, 280, 4), np.full(4, 40.0)], -1)[:, None]
RECEIVERS = np.stack([GRID.coordinates(0), np.full(16, 260.0)], -1)
TRUE = np.full(GRID.shape, 2000.0)
TRUE[6:10, 6:10] = 2200.0


def simulate(vp, survey):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, GRID, boundary=ads.Rigid())


@pytest.fixture(scope="module")
def survey():
    return ads.Survey(ads.Explosion(SHOTS, ads.wavelets.ricker(8.0, GRID.nt, GRID.dt)[None, None]), RECEIVERS)


@pytest.fixture(scope="module")
def observed(survey):
    return simulate(TRUE, survey)


@pytest.fixture(scope="module")
def objective(survey, observed):
    """Of a model and the numbers of the shots: their misfit, 1 for silence."""

    def misfit(vp, shots):
        some = observed[shots]
        return ads.misfits.l2(simulate(vp, select_shots(survey, shots)), some) / ads.misfits.l2(jnp.zeros_like(some), some)

    return misfit


def run(objective, steps, **options):
    batches = shot_batches(jax.random.key(0), 4, 2)
    start = np.full(GRID.shape, 2000.0)
    return minimize_stochastic(
        objective, start, optax.adam(10.0), batches=batches, steps=steps, bounds=(1950.0, 2060.0), progress=False, **options
    )


def test_adam_lowers_the_misfit_within_bounds(objective):
    """Twenty epochs of two batches: the misfit of all shots falls to a tenth, and the box holds exactly."""
    found = run(objective, 40)
    everything = jnp.arange(4)
    assert float(objective(found.x, everything)) < 0.1 * float(objective(jnp.full(GRID.shape, 2000.0), everything))
    assert float(found.x.max()) == 2060
    assert float(found.x.min()) >= 1950
    assert found.values.shape == (40,)


def test_selected_shots_record_what_all_do(survey, observed):
    """Points on nodes, chosen by traced numbers, pass the interpolation: the window's taps are exact there."""
    chosen = jax.jit(lambda shots: simulate(TRUE, select_shots(survey, shots)))(jnp.array([3, 1]))
    np.testing.assert_allclose(chosen, observed[jnp.array([3, 1])], rtol=0, atol=1e-10 * np.abs(observed).max())
    apart = ads.Survey(survey.source, np.stack([RECEIVERS + 1.0 * k for k in range(4)]))
    assert select_shots(apart, jnp.array([2])).receivers.shape == (1, 16, 2)
    np.testing.assert_array_equal(select_shots(apart, jnp.array([2])).receivers[0], RECEIVERS + 2.0)


def test_every_epoch_sees_every_shot_once():
    batch = shot_batches(jax.random.key(3), 6, 2)
    epochs = [np.concatenate([np.asarray(batch(3 * e + k)) for k in range(3)]) for e in range(4)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(6))
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize("killed", [3, pytest.param(5, marks=pytest.mark.slow)])
def test_a_killed_run_resumes_to_the_same_iterate(tmp_path, objective, killed):
    """What was done after the last checkpoint is done again, to the same bits."""
    whole = run(objective, 8)

    def kill(step, x, value):
        if step == killed:
            raise KeyboardInterrupt

    path = tmp_path / "state.h5"
    with pytest.raises(KeyboardInterrupt):
        run(objective, 8, checkpoint=path, every=2, callback=kill)
    steps = []
    resumed = run(objective, 8, checkpoint=path, every=2, callback=lambda step, x, value: steps.append(step))
    np.testing.assert_array_equal(resumed.x, whole.x)
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert steps[0] == killed // 2 * 2 + 1
    with pytest.raises(ValueError, match="belongs to another"):
        minimize_stochastic(
            objective, np.full(GRID.shape, 2001.0), optax.adam(10.0), batches=shot_batches(jax.random.key(0), 4, 2), steps=9,
            bounds=(1950.0, 2060.0), checkpoint=path, progress=False,
        )  # fmt: skip
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="truncated or damaged"):
        run(objective, 8, checkpoint=path)


def test_errors(objective):
    with pytest.raises(ValueError, match="`size` = 3 must divide the 4 shots"):
        shot_batches(jax.random.key(0), 4, 3)
    with pytest.raises(ValueError, match="`steps` = 0"):
        run(objective, 0)
    with pytest.raises(FloatingPointError, match="not finite at step 1"):
        minimize_stochastic(
            lambda x, _: jnp.sum(jnp.sqrt(x)), -np.ones(2), optax.sgd(1.0), batches=lambda _: 0, steps=2, progress=False
        )
