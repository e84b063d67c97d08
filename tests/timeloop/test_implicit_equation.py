"""The implicit equation that the documentation shows: examples/implicit_equation.py."""

import functools
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from helpers import assert_same, convergence_order, taylor_slopes

import adseis as ads
from adseis.experiment.sampling import fastest_speed, second_weights

PATH = Path(__file__).resolve().parents[2] / "examples" / "implicit_equation.py"
SHAPE, SPACING = (9, 11), 10.0
SOURCE, NODES = np.array([2, 3]), np.argwhere(np.ones(SHAPE))
FREQUENCY, SILENT, END = 10.0, 0.32, 0.6  # Hz, s: the source has ended, the records end
VP = 2000 + 1000 * np.random.default_rng(1).random(SHAPE)
LIMIT = fastest_speed((SPACING, SPACING), 1.0, 4, staggered=False) / VP.max()


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("implicit_equation", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def simulate(example):
    """u (time, node) at every node, from a scheme and a time step over the explicit limit."""

    @functools.cache
    def simulate(scheme, times):
        how = {"spacing": SPACING, "dt": times * LIMIT, "scheme": scheme, "tolerance": 1e-12}
        wavelet = source(np.arange(int(END / how["dt"])) * how["dt"])
        return np.asarray(jax.jit(lambda vp: example.simulate_implicit(vp, wavelet, SOURCE, NODES, **how))(VP))

    return simulate


def source(t):
    x = (np.pi * FREQUENCY * (t - 0.12)) ** 2
    return (1 - 2 * x) * np.exp(-x)


@pytest.fixture(scope="module")
def modes():
    """Of u_tt = -vp^2 K u, K the difference -laplacian of order 4, zero outside: squared frequencies, and u from amplitudes."""
    weights = second_weights(4) / SPACING**2
    z, x = (scipy.linalg.toeplitz([2 * weights.sum(), *-weights, *np.zeros(n - 3)]) for n in SHAPE)
    stiffness = np.kron(z, np.eye(SHAPE[1])) + np.kron(np.eye(SHAPE[0]), x)
    speed = VP.ravel()
    squares, vectors = np.linalg.eigh(speed[:, None] * stiffness * speed)
    return SimpleNamespace(squares=squares, shapes=speed[:, None] * vectors)


def exact(modes, dt, count, parts=64):
    """Each mode is an oscillator at rest that the source drives: the integral of sin(omega (t - tau)) / omega source(tau)."""
    omega, tau = np.sqrt(modes.squares), np.arange(count * parts)[:, None] * dt / parts
    driven = np.cumsum(np.exp(-1j * omega * tau) * source(tau), axis=0) * dt / parts
    strength = modes.shapes[np.ravel_multi_index(SOURCE, SHAPE)] / SPACING**2
    return ((np.exp(1j * omega * tau) * driven).imag / omega * strength)[::parts] @ modes.shapes.T


@pytest.mark.parametrize(("name", "order"), [("TRAPEZOIDAL", 2), ("GAUSS", 4)])
def test_order_in_time(example, simulate, modes, name, order):
    """Against the modes of the same grid, at 3 and 1.5 times the explicit limit: only time steps err. Orders within 15 %:
    at 3 limits the trapezoidal rule is 80 % off."""
    times, errors = (3.0, 1.5), []
    for factor in times:
        u = simulate(getattr(example, name), factor)
        expected = exact(modes, factor * LIMIT, len(u))
        errors.append(np.linalg.norm(u - expected) / np.linalg.norm(expected))
    assert convergence_order(times, errors) == pytest.approx(order, rel=0.15)


@pytest.mark.parametrize("name", ["TRAPEZOIDAL", "GAUSS"])
def test_energy_beyond_the_explicit_limit(example, simulate, modes, name):
    """With u' - 2 u + u_before = -G u and 0 <= G <= 4 the sum of (u' - u)(1 - G / 4)(u' - u) and (u' + u) G / 4 (u' + u) over
    vp^2 is kept once the source has ended: to 1e-11 by steps solved to 1e-12. The explicit G, of the same step, is beyond 4."""
    a, b = getattr(example, name)
    u, dt = simulate((a, b), 3.0), 3.0 * LIMIT
    y = dt**2 * modes.squares
    assert y.max() > 4
    g = y / (1 + a * y + b * y**2)
    assert g.max() <= 4
    q = (u / VP.ravel() ** 2) @ modes.shapes
    q = q[int(SILENT / dt) + 1 :]
    energy = ((1 - g / 4) * np.diff(q, axis=0) ** 2 + g / 4 * (q[1:] + q[:-1]) ** 2).sum(1)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-11)


@pytest.fixture(scope="module")
def gradients(example):
    """Of the energy of two late records, by the medium and the source: through both adjoints, compiled, and where."""
    wavelet, receivers = source(np.arange(30) * 3 * LIMIT), np.array([[6, 8], [2, 2]])

    def energy(inputs, adjoint):
        vp, wavelet = inputs
        how = {"spacing": SPACING, "dt": 3 * LIMIT, "tolerance": 1e-13, "adjoint": adjoint}
        return jnp.sum(example.simulate_implicit(vp, wavelet, SOURCE, receivers, **how)[-10:] ** 2)

    compiled = [jax.jit(jax.value_and_grad(lambda x, a=a: energy(x, a))) for a in (ads.ReverseSweep(), ads.AutoDiff())]
    return *compiled, (jnp.asarray(VP), jnp.asarray(wavelet))


def test_transposed_step(gradients):
    """The transposed step written by hand against JAX's derivative of the solve. Solves to 1e-13, hence 1e-11 of the peak."""
    swept, plain, inputs = gradients
    assert_same(swept(inputs)[1], plain(inputs)[1], 1e-11)


def test_taylor(gradients):
    """Slopes 1 and 2 within 10 %: steps are small against vp and large against rounding."""
    swept, _, inputs = gradients
    direction = jax.tree.map(lambda x: 0.05 * x * jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape), inputs)
    first, second = taylor_slopes(None, inputs, direction, compiled=swept)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)
