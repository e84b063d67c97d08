"""What all problems share: results with x, value and history, and callbacks that end a run. Cheap toys stand for waves."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import adseis as ads
from adseis.inversion import (
    Reparametrization,
    fit_mechanism,
    fit_network,
    invert,
    invert_moment_tensor,
    invert_rupture,
    invert_slip_history,
    least_squares_migration,
    locate,
)
from adseis.objectives.bands import Band
from adseis.optimizers import Result, minimize, minimize_stochastic

GRID = ads.Grid((12, 14), 100.0, dt=0.01, nt=60)
BANDS = [Band(8.0, 4), Band(None, 4)]
ALONG = np.linspace(0, 1300, 9)
PLACE = np.array([[[630.0, 710.0]]])
PULSE = np.exp(-0.5 * ((GRID.times - 0.3) / 0.03) ** 2)
MATRIX = np.random.default_rng(0).standard_normal((30, 8))
SEEN = np.random.default_rng(1).standard_normal(8)


def rays(position):
    """From receivers on the surface to the sources, over the square of their distance, `(shot, receiver, axis)` [1/100 m]."""
    ray = position[:, 0, None] - jnp.asarray(np.stack([0 * ALONG, ALONG], -1), position.dtype)[None]
    return 100 * ray / jnp.sum(ray**2, -1, keepdims=True)


def radiated(position, time_function):
    return jnp.einsum("sr,st->str", jnp.sum(rays(position), -1), time_function[:, 0])


def moved(position, moment, rate):
    ray = rays(position)
    return jnp.einsum("sri,sij,srj,st->str", ray, moment[:, 0], ray, rate[:, 0])


def slipped(rate):
    return jnp.einsum("nt,nr->tr", rate, jnp.asarray(MATRIX[: len(rate), :4]))[None]


def scattered(model):
    return jnp.asarray(MATRIX) @ model


SHAPES = np.stack([np.roll(PULSE, shift) for shift in (0, 12)])
MOMENT = np.array([[[[0.6, 0.3], [0.3, -0.6]]]])
RATE = (PULSE / PULSE.sum() / GRID.dt)[None, None]
EARTHQUAKE = moved(PLACE, MOMENT, RATE)
DRAWN = Reparametrization(lambda w: w, jnp.zeros(8), np.zeros(8))


def squares(x, batch=None):
    return jnp.sum((x - jnp.asarray(SEEN)) ** 4)


def fitted(callback):
    return invert(lambda m: (MATRIX @ m)[None, :, None], (MATRIX @ SEEN)[None, :, None], np.zeros(8), dt=0.01, **callback)


PROBLEMS = {
    "minimize": lambda **told: minimize(squares, np.zeros(8), **told),
    "stochastic": lambda **told: minimize_stochastic(
        squares, np.zeros(8), optax.sgd(0.01), batches=lambda step: None, steps=9, **told
    ),
    "invert": lambda **told: fitted(told),
    "migration": lambda **told: least_squares_migration(scattered, np.zeros(8), MATRIX @ SEEN, iterations=8, **told),
    "location": lambda **told: locate(
        radiated, radiated(PLACE, PULSE[None, None]), PLACE + 50, GRID, reach=50.0, bands=BANDS, **told
    ),
    "moment tensor": lambda **told: invert_moment_tensor(moved, EARTHQUAKE, PLACE + 50, GRID, reach=50.0, bands=BANDS, **told),
    "mechanism": lambda **told: fit_mechanism(moved, EARTHQUAKE, PLACE, GRID, bands=BANDS, **told),
    "histories": lambda **told: invert_slip_history(slipped, slipped(jnp.asarray(SHAPES)), 2, GRID, bands=BANDS, **told),
    "rupture": lambda **told: invert_rupture(slipped, slipped(jnp.asarray(SHAPES)), 2, GRID, width=0.03, bands=BANDS, **told),
}
NAMES = {
    "stochastic": ("values",),
    "migration": ("image", "residual"),
    "location": ("position", "time_function", "result"),
    "moment tensor": ("position", "moment", "rate", "result"),
    "mechanism": ("position", "moment", "rate", "result"),
    "histories": ("rate", "result"),
    "rupture": ("time", "amount", "rate", "result"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_results(name):
    """x is what was found, as the callback has it; value the last of the history; each iterate has one."""
    seen = []
    found = PROBLEMS[name](progress=False, callback=lambda *told: seen.append(told))
    assert isinstance(found, Result)
    assert isinstance(found.history, tuple)
    assert all(np.isfinite(iterate.value) for iterate in found.history)
    assert [k for k, _, _ in seen] == list(range(1, len(seen) + 1))
    assert jax.tree.structure(seen[-1][1]) == jax.tree.structure(found.x)
    assert jax.tree.map(np.shape, seen[-1][1]) == jax.tree.map(np.shape, found.x)
    if name != "moment tensor":  # fitted anew in the end
        assert found.value == found.history[-1].value == seen[-1][2]
    assert found.value <= found.history[0].value
    assert all(getattr(found, each) is not None for each in NAMES.get(name, ()))
    assert found.evaluations >= len(found.history) - 1


@pytest.mark.parametrize("by", ["return", "raise"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_callback_ends_a_run(name, by):
    """After two iterations, whichever part of the work they belong to; what was found until then is returned."""
    seen = []

    def second(iteration, x, value):
        seen.append(iteration)
        if iteration == 2 and by == "raise":
            raise StopIteration
        return iteration == 2

    found = PROBLEMS[name](progress=False, callback=second)
    assert seen == [1, 2]
    assert found.message == "stopped by the callback"
    assert not found.converged


@pytest.mark.parametrize("by", ["return", "raise"])
def test_a_callback_ends_training(by):
    """`fit_network` leaves a network, no result."""
    seen = []

    def second(step, weights, value):
        seen.append((step, float(value)))
        if step == 2 and by == "raise":
            raise StopIteration
        return step == 2

    trained = fit_network(DRAWN, SEEN, steps=9, progress=False, callback=second)
    assert [step for step, _ in seen] == [1, 2]
    assert seen[1][1] < seen[0][1]
    assert np.any(trained.weights)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name not in ("minimize", "stochastic", "migration")])
def test_unknown_options_are_refused_by_name(name):
    with pytest.raises(TypeError, match="knows no option `iteratoins`; beside its own arguments it takes"):
        PROBLEMS[name](progress=False, iteratoins=3)
