"""Swin-U-Net: counts part by part as published, shots that may come in any order, what is left out in training."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_weights import draw
from network_checks import KEY, count, drawn, half, run

from adseis.networks import SwinUNet, SwinV2, parameters

GATHERS = (5, 72, 72)


@pytest.fixture(scope="module")
def network():
    return drawn(SwinUNet.small)


@pytest.fixture(scope="module")
def gathers():
    return jnp.asarray(draw("gathers", GATHERS))


def tiny(key=KEY, **options):
    encoder = SwinV2(key=key, image=(3, 16), patch=2, embedding=8, depths=(1, 1), heads=(2, 2), window=4, drop_path=0.3)
    return SwinUNet(key=key, shape=(2, 12, 12), stem=8, encoder=encoder, channels=(8,), last=8, **options)


def test_counts():
    """In all and of encoder, stem and decoder, as published."""
    whole = eqx.filter_eval_shape(lambda key: SwinUNet(key=key), KEY)
    assert parameters(whole) == 75_106_410
    assert parameters(whole.encoder) == 27_576_618
    assert parameters(whole.stem) == 9_728
    assert parameters((whole.decoder, whole.block, whole.last, whole.norm, whole.out)) == 47_520_064
    assert count(SwinUNet.small) == 1_673_404


@pytest.mark.slow
def test_every_weight_is_trained(network, gathers):
    velocity, gradient = run(network, gathers)
    assert velocity.shape == (1, 70, 70)
    assert velocity.dtype == np.float32
    assert all(np.isfinite(g) and g > 0 for g in gradient.values()), gradient


def test_the_published_one_fits():
    """Traced, not run: shapes on the way from 72 x 72 by 256 x 256 to 70 x 70."""
    velocity = eqx.filter_eval_shape(lambda key, x: jax.vmap(SwinUNet(key=key))(x), KEY, jnp.zeros((2, *GATHERS), jnp.float32))
    assert velocity.shape == (2, 1, 70, 70)


@pytest.mark.slow
def test_shots_have_no_order():
    """They are averaged: single precision of another order of sums."""
    network, x = tiny(), jnp.asarray(draw("gathers", (2, 12, 12)))
    there = eqx.filter_jit(network)
    np.testing.assert_allclose(there(x[::-1]), there(x), atol=1e-6)
    assert float(jnp.abs(there(x.at[0].set(x[1])) - there(x)).max()) > 1e-3


def test_what_is_left_out_depends_on_the_key():
    """Made for inference, it needs no key; in training the same key leaves out the same, in every sample of a batch its own."""
    network, x = drawn(tiny), jnp.asarray(draw("gathers", (2, 12, 12)))
    there = eqx.filter_jit(lambda network, x, key: network(x, key=key))
    np.testing.assert_allclose(there(network, x, None), there(network, x, KEY), atol=1e-6)
    training = eqx.nn.inference_mode(network, value=False)
    keys = jax.random.split(KEY, 3)[jnp.array([0, 1, 0])]
    y = eqx.filter_jit(jax.vmap(lambda x, key: training(x, key=key), axis_name="batch"))(jnp.stack([x, x, x]), keys)
    np.testing.assert_allclose(y[0], y[2], atol=1e-6)
    assert float(jnp.abs(y[0] - y[1]).max()) > 1e-3
    with pytest.raises((ValueError, RuntimeError), match="key"):
        eqx.filter_eval_shape(training, x)


@pytest.mark.slow
def test_half_precision(network, gathers):
    """Within some percent of the largest: bfloat16 has 8 bits."""
    y, coarse = eqx.filter_jit(network)(gathers), eqx.filter_jit(half(network))(gathers)
    assert coarse.dtype == jnp.bfloat16
    np.testing.assert_allclose(coarse.astype(jnp.float32), y, atol=0.15 * float(jnp.abs(y).max()))


def test_errors(network):
    with pytest.raises(ValueError, match=r"`gathers` \(5, 1000, 70\) must be one sample of \(5, 72, 72\), which this SwinUNet"):
        network(jnp.zeros((5, 1000, 70), jnp.float32))
    with pytest.raises(ValueError, match=r"`channels` = \(\) must be at least 1"):
        SwinUNet(key=KEY, encoder=drawn(tiny).encoder, channels=())
