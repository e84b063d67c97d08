"""The equation that the documentation shows: examples/own_equation.py."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes
from scipy.special import exp1

import adseis as ads

PATH = Path(__file__).resolve().parents[2] / "examples" / "own_equation.py"
SPACING, DT = 20.0, 60.0


@pytest.fixture(scope="module")
def simulate_diffusion():
    spec = importlib.util.spec_from_file_location("own_equation", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.simulate_diffusion


def test_short():
    """The documentation promises less than 80 lines."""
    assert len(PATH.read_text().splitlines()) < 80


def test_theis(simulate_diffusion):
    """A well that injects at a constant rate q: p = q / (4 pi D) E1(r^2 / (4 D t)) (Theis 1935).

    Ten nodes from the well, of second order: 0.2 % measured, hence 1 %. The edges, 2.7 sqrt(4 D t) away, are not felt.
    """
    steps, d, r = 400, 0.5, 10
    diffusivity = np.full((61, 61), d)
    rate = np.ones((steps, 1))
    wells, monitors = np.array([[30, 30]]), np.array([[30, 30 + r], [30 - r, 30]])
    p = simulate_diffusion(diffusivity, rate, wells, monitors, spacing=SPACING, dt=DT)
    expected = exp1((r * SPACING) ** 2 / (4 * d * steps * DT)) / (4 * np.pi * d)
    np.testing.assert_allclose(p[-1], [expected, expected], rtol=1e-2)


@pytest.fixture
def last_pressures(simulate_diffusion):
    def last_pressures(inputs, adjoint):
        diffusivity, rate = inputs
        wells, monitors = np.array([[4, 3], [9, 9]]), np.array([[2, 8], [10, 4]])
        records = simulate_diffusion(diffusivity, rate, wells, monitors, spacing=SPACING, dt=DT, adjoint=adjoint)
        return jnp.sum(records[-5:] ** 2)

    return last_pressures


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.uniform(0.5, 1.5, (12, 14))), jnp.asarray(rng.uniform(0.5, 1.5, (30, 2)))


def test_strategies_agree(last_pressures, inputs):
    """Both differentiate the same discrete march: rounding, 1e-12 of the peak."""
    swept, plain = (jax.jit(jax.grad(lambda x, a=a: last_pressures(x, a)))(inputs) for a in (ads.ReverseSweep(), ads.AutoDiff()))
    for a, b in zip(swept, plain, strict=True):
        peak = np.abs(b).max()
        assert peak > 0
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * peak)


def test_taylor(last_pressures, inputs):
    """Slopes 1 and 2 within 10 %: steps are small against the diffusivity and large against rounding."""
    direction = jax.tree.map(lambda x: 0.1 * jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape), inputs)
    first, second = taylor_slopes(lambda x: last_pressures(x, ads.ReverseSweep()), inputs, direction)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)
