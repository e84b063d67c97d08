"""Shots that take turns give what they give together, however they are differentiated, in less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same

import adseis as ads
from adseis.timeloop import turns

BOUNDARY = {"scalar": ads.Rigid(), "acoustic": ads.CPML(width=2)}
GRID = ads.Grid(shape=(11, 13), spacing=10.0, dt=1e-3, nt=37)


@pytest.mark.parametrize(
    ("shots", "each", "expected"),
    [(1, 1, 1), (8, 500_000, 1), (9, 1_000_000, 3), (7, 2_000_000, 7), (6, 2_000_000, 3), (4, 10**9, 4), (0, 1, 1)],
)
def test_groups_are_small(shots, each, expected):
    """As few as divide the shots and hold 4 MB at most, one shot at least."""
    assert turns.turns_of(shots, each) == expected


def test_other_devices_take_all_shots():
    assert turns.turns_of(4, 10**9, "gpu") == 1


def inputs(shots):
    rng = np.random.default_rng(2)
    x = {
        "vp": rng.uniform(2000, 3000, GRID.shape),
        "rho": rng.uniform(1000, 2000, GRID.shape),
        "position": rng.uniform(20, 90, (shots, 2, 2)),
        "time_function": rng.standard_normal((shots, 2, GRID.nt)),
        "receivers": rng.uniform(10, 100, (shots, 3, 2)),
    }
    return jax.tree.map(jnp.asarray, x)


def gathers(equation, x, adjoint):
    survey = ads.Survey(ads.Explosion(x["position"], x["time_function"]), x["receivers"])
    options = {"boundary": BOUNDARY[equation], "free_surface": True, "adjoint": adjoint}
    if equation == "scalar":
        return (ads.simulate_scalar(ads.ScalarMedium(x["vp"]), survey, GRID, **options),)
    return ads.simulate_acoustic(ads.AcousticMedium(x["vp"], x["rho"]), survey, GRID, record=("p", "vx"), **options)


def energy(equation, adjoint):
    """Of all gathers, and these."""
    scale = {"p": 1.0, "vx": 1e6}

    def measured(x):
        found = gathers(equation, x, adjoint)
        return sum(jnp.sum((s * g) ** 2) for s, g in zip(scale.values(), found, strict=False)), found

    return measured


@pytest.mark.parametrize("hessian", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("equation", "shots", "groups"), [("scalar", 6, 3), pytest.param("acoustic", 3, 3, marks=pytest.mark.slow)]
)
def test_same_as_together(equation, shots, groups, hessian):
    """Gathers, gradients by medium, positions and time functions, and products with the Hessian; `AutoDiff` computes all shots
    together. Rounding."""
    x = inputs(shots)
    medium = ads.AcousticMedium(x["vp"], x["rho"])
    if equation == "scalar":
        medium = ads.ScalarMedium(x["vp"])
        del x["rho"]  # which plays no part
    survey = ads.Survey(ads.Explosion(x["position"], x["time_function"]), x["receivers"])
    options = {"boundary": BOUNDARY[equation], "free_surface": True}
    in_turn = ads.ReverseSweep(turns=groups)
    simulate = ads.simulate_scalar if equation == "scalar" else ads.simulate_acoustic
    assert ads.estimate_memory(simulate, medium, survey, GRID, adjoint=in_turn, **options).sizes.turns == groups
    direction = jax.tree.map(lambda a: a * jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape), x)
    direction |= {"receivers": jnp.zeros_like(x["receivers"]), "position": jnp.zeros_like(x["position"])}

    def results(x, adjoint):
        gradient = jax.grad(energy(equation, adjoint), has_aux=True)
        return jax.jvp(gradient, (x,), (direction,)) if hessian else gradient(x)

    run = jax.jit(results, static_argnums=1)
    assert_same(run(x, in_turn), run(x, ads.AutoDiff()), 1e-11)


@pytest.mark.slow
def test_models_at_once():
    """vmap over media, each of whose shots take turns."""
    x = inputs(4)
    gradient = jax.grad(lambda vp: energy("scalar", ads.ReverseSweep(turns=2))(x | {"vp": vp})[0])
    many = jnp.stack([x["vp"], 1.1 * x["vp"]])
    batch, one = (jax.jit(f) for f in (jax.vmap(gradient), gradient))
    assert_same(batch(many), jnp.stack([one(vp) for vp in many]), 1e-12)


@pytest.mark.slow
def test_plan_of_the_compiler():
    """Eight shots of 0.2 MB, one at a time, in less than half of the memory that they need together; the estimate is within a
    third of the compiler's own figure."""
    grid = ads.Grid(shape=(80, 80), spacing=10.0, dt=1e-3, nt=1000)
    vp, at = jnp.full(grid.shape, 2000.0, jnp.float32), np.full((8, 1, 2), 100.0)
    survey = ads.Survey(ads.Explosion(at, np.ones((1, 1, grid.nt), np.float32)), np.array([[50.0, 50.0]]))

    def planned(turns):
        adjoint = ads.ReverseSweep(turns=turns)
        loss = lambda vp: jnp.sum(ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, adjoint=adjoint) ** 2)  # noqa: E731
        compiled = jax.jit(jax.grad(loss)).lower(vp).compile()
        estimate = ads.estimate_memory(ads.simulate_scalar, ads.ScalarMedium(vp), survey, grid, adjoint=adjoint)
        return compiled.memory_analysis().temp_size_in_bytes, estimate

    in_turn, estimate = planned(8)
    assert estimate.sizes.turns == 8
    assert in_turn == pytest.approx(estimate.bytes, rel=0.33)
    together, estimate = planned(1)
    assert estimate.sizes.turns == 1
    assert in_turn < 0.5 * together


def test_turns_divide_the_shots():
    x = inputs(3)
    with pytest.raises(ValueError, match="`turns` = 2 of ReverseSweep must divide the number of shots, 3"):
        gathers("scalar", x, ads.ReverseSweep(turns=2))
