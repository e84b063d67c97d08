"""The fourth-order step on small dense systems: its order, its energy, its limit, and its gradients by both adjoints."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same, convergence_order

import adseis as ads
from adseis.sphere.fourth_order import LIMIT, Coefficients, FourthOrder
from adseis.timeloop.equation import Injection, Points
from adseis.timeloop.loop import Loop
from adseis.timeloop.march import march

COUNT = 5
RANDOM = np.random.default_rng(3)
ROOT = RANDOM.normal(size=(COUNT, COUNT))
K, MASS = jnp.asarray(ROOT @ ROOT.T), jnp.asarray(RANDOM.uniform(0.5, 2, COUNT))


@dataclasses.dataclass(frozen=True, eq=False)
class Springs:
    """Masses and a matrix of springs."""

    shape: tuple = (COUNT,)
    name = "x"

    def moved(self, mass, force):
        return mass * force

    def resisted(self, stiffness, field):
        return stiffness @ field


def system(dt):
    coefficients = Coefficients(MASS, K)
    return FourthOrder(Springs(), dt, jax.eval_shape(lambda: coefficients)), coefficients


def modes():
    """Frequencies and shapes, w^2 and V with D K V = V w^2."""
    root = np.sqrt(np.asarray(MASS))
    square, shape = np.linalg.eigh(root[:, None] * np.asarray(K) * root)
    return np.sqrt(square), root[:, None] * shape


def marched(dt, steps, field, before):
    equation, coefficients = system(dt)
    state = equation.initial_state(1, jnp.dtype(float))
    state = state._replace(fields={"x": field[None]}, memory=state.memory._replace(before=before[None]))

    def step(state, _):
        after = equation.step(coefficients, state, lambda name, field: field)
        return after, after.fields["x"][0]

    return jax.jit(lambda: jax.lax.scan(step, state, length=steps)[1])()


def test_order_in_time():
    """Free oscillations from rest, cos(w t), over half of the shortest period: the error falls with dt^4."""
    w, shape = modes()
    first, errors = jnp.asarray(shape.sum(1)), []
    for count in (8, 16, 32):
        dt = np.pi / w.max() / count
        found = marched(dt, count, first, jnp.asarray(shape @ np.cos(w * dt)))
        errors.append(np.abs(found[-1] - shape @ np.cos(w * dt * count)).max())
    assert convergence_order([1, 1 / 2, 1 / 4], errors) == pytest.approx(4, abs=0.1)


def test_energy_and_the_limit():
    """1/2 v M v + 1/2 u' (K - dt^2 / 12 K D K) u is kept to rounding just below the limit dt^2 w^2 = 12; above it fields grow."""
    w, _ = modes()
    k, inverse = np.asarray(K), 1 / np.asarray(MASS)
    some = jnp.asarray(RANDOM.normal(size=COUNT))
    dt = 0.999 * np.sqrt(LIMIT) / w.max()
    x = np.asarray(marched(dt, 400, some, some))
    held = k - dt**2 / 12 * k * np.asarray(MASS) @ k
    v = np.diff(x, axis=0) / dt
    energy = (v**2 @ inverse + np.einsum("ti,ij,tj->t", x[1:], held, x[:-1])) / 2
    np.testing.assert_allclose(energy, energy[0], rtol=1e-10)
    assert np.abs(marched(1.01 / 0.999 * dt, 400, some, some)).max() > 1e6 * np.abs(x).max()


@pytest.mark.parametrize("fixed", [(), *(pytest.param((x,), marks=pytest.mark.slow) for x in ("mass", "stiffness"))], ids=str)
def test_gradients(fixed):
    """By mass, stiffness, samples and weights: the sweep and plain differentiation agree to rounding, 1e-10; also where only
    some are differentiated and less is remembered."""
    equation, coefficients = system(0.3)
    taps = jnp.asarray([[[0, 3]]])
    inputs = {
        "mass": MASS,
        "stiffness": K,
        "samples": jnp.asarray(RANDOM.normal(size=(12, 1, 1))),
        "weights": jnp.asarray([[[0.3, 1.2]]]),
    }

    def misfit(some, adjoint):
        x = inputs | some
        injection = Injection(Points(taps, x["weights"]), x["samples"])
        reading = {"x": Points(taps, x["weights"])}
        records, _ = march(equation, Coefficients(x["mass"], x["stiffness"]), {"x": injection}, reading, 12, adjoint=adjoint)
        return jnp.sum(jnp.sin(records["x"]))

    free = {name: x for name, x in inputs.items() if name not in fixed}
    adjoints = (ads.AutoDiff(), *(ads.ReverseSweep(levels=levels) for levels in (0, 1, 2)))
    plain, *swept = (jax.jit(jax.grad(lambda x, a=a: misfit(x, a)))(free) for a in adjoints)
    for gradient in swept:
        assert_same(gradient, plain, 1e-10)


def test_what_is_stored():
    """Segments start from two fields; the three that a step keeps besides stand in a segment's history alone."""
    equation, coefficients = system(0.3)
    keeping = equation.sparing(jax.tree.map(lambda _: True, coefficients))
    sizes = [ads.ReverseSweep().sizes(Loop(e, 12), coefficients, 1) for e in (equation, keeping)]
    field = COUNT * MASS.dtype.itemsize
    assert [x.state for x in sizes] == [2 * field] * 2
    assert [x.trace for x in sizes] == [0, 4 * field]
