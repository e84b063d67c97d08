"""Augmentations: what they change and what not, how often, and that mirrored and deformed samples agree with the operator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.training.augmentation import Amplitude, DeadReceivers, Mirror, Noise, augment
from adseis.training.deformation import Elastic, Fault, Resimulated, Scaling, Smoothing

GATHERS = jax.random.normal(jax.random.key(0), (200, 5, 6, 12), jnp.float64)
MAPS = jnp.linspace(1500, 4500, 200 * 12 * 10).reshape(200, 12, 10)
ONE = jnp.ones(())


def augmented(one, strength=1.0):
    return augment((one,), GATHERS, MAPS, jax.random.key(3), jnp.asarray(strength))


def test_noise_is_of_the_gathers_strength():
    gathers, maps = augmented(Noise(0.1))
    np.testing.assert_allclose(jnp.std(gathers - GATHERS), 0.1 * jnp.std(GATHERS), rtol=0.02)
    np.testing.assert_array_equal(maps, MAPS)
    np.testing.assert_allclose(augmented(Noise(0.1), 0.5)[0] - GATHERS, 0.5 * (gathers - GATHERS), rtol=1e-6, atol=1e-9)


def test_amplitudes_and_dead_receivers_happen_as_often_as_said():
    """Two hundred draws: within three deviations of the share."""
    factor = augmented(Amplitude(0.1, 0.3))[0] / GATHERS
    changed = jnp.abs(factor[:, 0, 0, 0] - 1) > 1e-9
    assert abs(float(changed.mean()) - 0.3) < 3 * np.sqrt(0.3 * 0.7 / 200)
    shots, receivers = factor[:, :, :1, :1], factor[:, :1, :1, :]
    gains = jnp.broadcast_to(shots * receivers / factor[:, :1, :1, :1], factor.shape)  # constant in time
    np.testing.assert_allclose(factor, gains, rtol=1e-12)
    assert 0.17 < float(jnp.abs(factor - 1).max()) <= 0.21
    dead = (augmented(DeadReceivers(5, 0.5))[0] == 0).all((1, 2)).sum(1)
    assert set(np.unique(dead)) == {0, 1, 2, 3, 4, 5}
    assert abs(float((dead > 0).mean()) - 0.5) < 3 * 0.5 / np.sqrt(200)
    assert not (augmented(DeadReceivers(5, 0.5), 0.0)[0] == 0).any()


def test_the_mirror_image_is_what_the_operator_says_of_four_shots():
    """Sources at columns 0, 17, 34, 52, 69 of 70: to rounding for all but the middle one, whose place is ten metres off."""
    vp = jnp.asarray(np.random.default_rng(1).uniform(1500, 4500, (70, 70)))
    short = {"time_function": openfwi.wavelet(nt=200)}
    straight = openfwi.simulate(vp, **short)
    gathers, maps = Mirror(1.0)(straight, vp, jax.random.key(0), ONE)
    again = openfwi.simulate(maps, **short)
    peak = float(jnp.abs(again).max())
    for shot in (0, 1, 3, 4):
        np.testing.assert_allclose(gathers[shot], again[shot], rtol=0, atol=1e-12 * peak)
    assert float(jnp.abs(gathers[2] - again[2]).max()) > 1e-3 * peak


@pytest.mark.parametrize("deform", [Elastic(), Fault(), Scaling(), Smoothing()], ids=lambda one: type(one).__name__)
def test_deformed_maps_hold_the_speeds_of_the_old_ones(deform):
    vp = jnp.asarray(np.random.default_rng(1).uniform(2000, 4000, (30, 40)))
    new = deform(vp, jax.random.key(0))
    assert new.shape == vp.shape
    assert float(jnp.abs(new - vp).max()) > 10
    assert float(new.min()) >= 0.9 * float(vp.min())
    assert float(new.max()) <= 1.1 * float(vp.max())
    np.testing.assert_array_equal(new, deform(vp, jax.random.key(0)))
    if isinstance(deform, Fault):  # one side is as it was, the other moved as a whole
        still = np.asarray(new == vp).all(0)
        assert 0 < still.sum() < 40


@pytest.mark.optimised
@pytest.mark.slow
def test_a_deformed_sample_has_the_gathers_of_its_map():
    """Of a batch of two, the first is made anew, in the size of the others; the second stays."""
    vp = jnp.asarray(np.random.default_rng(1).uniform(2000, 4000, (2, 70, 70)), jnp.float32)
    gathers = jnp.zeros((2, 5, 72, 72), jnp.float32)
    fresh = Resimulated((Scaling(share=1.0),), samples=1)
    found, maps = fresh(gathers, vp, jax.random.key(0), jnp.ones((), jnp.float32))
    np.testing.assert_array_equal(maps[1], vp[1])
    assert float(jnp.abs(found[1]).max()) == 0
    wanted = openfwi.shrink(openfwi.simulate(maps[0]))
    np.testing.assert_allclose(found[0], wanted, rtol=0, atol=1e-5 * float(jnp.abs(wanted).max()))
    assert float(jnp.abs(maps[0] / vp[0] - maps[0, 0, 0] / vp[0, 0, 0]).max()) < 1e-5
