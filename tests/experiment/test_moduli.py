"""Moduli: there and back, finite derivatives in fluids too, and what stands between two nodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.experiment import moduli

VP = np.array([[3000.0, 1500.0], [2000.0, 5000.0]])
VS = np.array([[VP[0, 0] / np.sqrt(3), 0.0], [700.0, 2900.0]])  # a Poisson solid, a fluid, ...
RHO = np.array([[2300.0, 1000.0], [1900.0, 2700.0]])
MEDIUM = ads.ElasticMedium(VP, VS, RHO)
BACK = [lambda m: moduli.from_moduli(*moduli.moduli(m)), lambda m: moduli.from_impedances(*moduli.impedances(m), m.rho)]


@pytest.mark.parametrize("there_and_back", BACK, ids=["moduli", "impedances"])
def test_round_trip(there_and_back):
    """Rounding; a fluid stays one exactly."""
    back = there_and_back(MEDIUM)
    for name in ("vp", "vs", "rho"):
        np.testing.assert_allclose(getattr(back, name), getattr(MEDIUM, name), rtol=1e-14)


def test_values():
    """Moduli written out by hand: lambda = mu in a Poisson solid, mu = 0 and K = lambda = rho vp^2 in a fluid. Rounding."""
    lam, mu, buoyancy = moduli.moduli(MEDIUM)
    np.testing.assert_allclose(lam[0], [2300 * 3000**2 / 3, 1000 * 1500**2], rtol=1e-14)
    np.testing.assert_allclose(mu[0], [2300 * 3000**2 / 3, 0.0], rtol=1e-14)
    np.testing.assert_allclose(buoyancy, 1 / RHO, rtol=1e-15)
    np.testing.assert_allclose(moduli.bulk_modulus(MEDIUM), lam + 2 / 3 * mu, rtol=1e-14)
    ratio = moduli.poisson_ratio(MEDIUM)
    np.testing.assert_allclose(ratio[0], [0.25, 0.5], rtol=1e-14)
    np.testing.assert_allclose(ratio, lam / (2 * (lam + mu)), rtol=1e-14)


@pytest.mark.parametrize("there_and_back", BACK, ids=["moduli", "impedances"])
def test_derivatives_of_a_round_trip(there_and_back):
    """The derivative of what comes back by what went in is 1, and nothing else depends on it; where mu = 0 it is finite, though
    that of its root is not: 0 by convention."""
    through_root = there_and_back is BACK[0]
    for name in ("vp", "vs", "rho"):

        def back(values, name=name):
            medium = there_and_back(ads.ElasticMedium(**{**vars(MEDIUM), name: values}))
            return jnp.stack([medium.vp, medium.vs, medium.rho])

        slopes = jax.jvp(back, (jnp.asarray(getattr(MEDIUM, name)),), (jnp.ones_like(VP),))[1]
        wanted = np.zeros((3, 2, 2))
        wanted[("vp", "vs", "rho").index(name)] = 1.0
        if name == "vs" and through_root:
            wanted[1][VS == 0] = 0.0
        np.testing.assert_allclose(slopes, wanted, atol=1e-11)
        assert np.all(np.isfinite(jax.grad(lambda x: jnp.sum(jnp.sin(back(x))))(jnp.asarray(getattr(MEDIUM, name)))))  # noqa: B023


def test_derivatives_in_a_fluid():
    """Everything that is made of vs or mu has a finite gradient where they vanish."""
    for made in (moduli.moduli, moduli.poisson_ratio, moduli.bulk_modulus, moduli.impedances):
        total = lambda vs, made=made: sum(jnp.sum(x) for x in jax.tree.leaves(made(ads.ElasticMedium(VP, vs, RHO))))  # noqa: E731
        assert np.all(np.isfinite(jax.grad(total)(jnp.asarray(VS))))
    mean = jax.grad(lambda mu: jnp.sum(moduli.harmonic_mean(mu, 0, 1)))(jnp.asarray(RHO * VS**2))
    assert np.all(np.isfinite(mean))


def test_arithmetic_mean():
    """Of two neighbours; at the far edge the edge itself."""
    x = np.random.default_rng(0).random((3, 4, 5))
    for axis in range(3):
        after = np.concatenate([x.take(range(1, x.shape[axis]), axis), x.take([-1], axis)], axis)
        np.testing.assert_allclose(moduli.arithmetic_mean(jnp.asarray(x), axis), (x + after) / 2, rtol=1e-15)


def test_harmonic_mean():
    """Of two neighbours along one axis and of four along two, beyond the edge its own value; 0 next to a fluid. Its derivative
    against central differences: 1e-6, their own error."""
    x = 1 + np.random.default_rng(1).random((4, 5))
    one, two = moduli.harmonic_mean(jnp.asarray(x), 0), moduli.harmonic_mean(jnp.asarray(x), 0, 1)
    edged = np.pad(x, (0, 1), mode="edge")
    four = np.stack([edged[a : a + 4, b : b + 5] for a in (0, 1) for b in (0, 1)])
    np.testing.assert_allclose(one, 2 / (1 / edged[:-1, :-1] + 1 / edged[1:, :-1]), rtol=1e-14)
    np.testing.assert_allclose(two, 4 / np.sum(1 / four, axis=0), rtol=1e-14)

    x[2, 3] = 0.0
    beside = np.zeros((4, 5), bool)
    beside[1:3, 2:4] = True
    np.testing.assert_array_equal(np.asarray(moduli.harmonic_mean(jnp.asarray(x), 0, 1)) == 0, beside)

    weights = np.random.default_rng(2).random((4, 5))
    total = lambda x: jnp.sum(weights * moduli.harmonic_mean(x, 0, 1))  # noqa: E731
    x[2, 3], direction, h = 1.2, weights.T.reshape(4, 5) - 0.5, 1e-4
    numeric = (total(jnp.asarray(x + h * direction)) - total(jnp.asarray(x - h * direction))) / (2 * h)
    np.testing.assert_allclose(jnp.vdot(jax.grad(total)(jnp.asarray(x)), direction), numeric, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_density_and_shear_speed_of_vp(make, dtype):
    """Gardner's relation by hand, vp / sqrt(3) above the speed of water and 0 up to it; arrays keep their kind. Rounding."""
    vp = make(np.array([1500.0, 1520.0, 1600.0, 5000.0], dtype))
    rho, vs = moduli.gardner_density(vp), moduli.poisson_shear(vp)
    assert type(rho) is type(vs) is type(vp)
    assert rho.dtype == vs.dtype == dtype
    tolerance = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(rho, 310 * np.array([1500.0, 1520.0, 1600.0, 5000.0]) ** 0.25, rtol=tolerance)
    np.testing.assert_allclose(vs, np.array([0, 0, 1600.0, 5000.0]) / np.sqrt(3), rtol=tolerance)
    np.testing.assert_allclose(moduli.poisson_shear(vp, water=0.0)[0], 1500 / np.sqrt(3), rtol=tolerance)
