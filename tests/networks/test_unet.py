"""The plain U-Net: sizes, every weight trained, and that it sees where along the line a thing was."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_weights import draw
from network_checks import KEY, count, drawn, half, run

from adseis.networks import UNet


def test_counts():
    """About 33 million, as the one it stands beside; the small one between one and three."""
    assert count(UNet) == 32_600_993
    assert count(UNet.small) == 1_116_081


def test_every_weight_is_trained():
    velocity, gradient = run(drawn(UNet.small), jnp.asarray(draw("gathers", (5, 72, 72))))
    assert velocity.shape == (1, 70, 70)
    assert velocity.dtype == np.float32
    assert all(np.isfinite(g) and g > 0 for g in gradient.values()), gradient


def test_long_records():
    """1,000 samples are halved until a square can be made of them; the line of 70 is extended by 5 and cut again."""
    network = UNet(key=KEY, shorten=(8, 8), channels=(8, 16))
    x = jnp.asarray(draw("gathers", (5, 1000, 70)))
    velocity = eqx.filter_jit(network)(x)
    assert velocity.shape == (1, 70, 70)
    y = eqx.filter_jit(network)(x[:, :, ::-1])
    assert float(jnp.abs(y - velocity).max()) > 1e-3
    assert eqx.filter_eval_shape(lambda key, x: UNet(key=key)(x), KEY, x).shape == (1, 70, 70)


def test_where_along_the_line():
    """With kernels made symmetric the mirrored gathers give the mirrored map: resizing, cutting and skips are centred. Single
    precision: 1e-3 of maps of the order of one."""
    network = drawn(UNet, shorten=(8,), shape=(5, 200, 70), channels=(8, 16))

    def symmetric(leaf):
        return (leaf + leaf[..., ::-1]) / 2 if eqx.is_inexact_array(leaf) and leaf.ndim == 4 else leaf

    network = jax.tree.map(symmetric, network)
    weight = network.enlargements[0].weight.reshape(-1, 2, 2, 16, 1, 1)  # the two columns of a spread pixel alike
    weight = (weight + weight[:, :, ::-1]) / 2
    bias = network.enlargements[0].bias.reshape(-1, 2, 2, 1, 1)
    bias = (bias + bias[:, :, ::-1]) / 2
    network = eqx.tree_at(
        lambda n: (n.enlargements[0].weight, n.enlargements[0].bias),
        network,
        (weight.reshape(network.enlargements[0].weight.shape), bias.reshape(network.enlargements[0].bias.shape)),
    )
    x = jnp.asarray(draw("gathers", (5, 200, 70)))
    there = eqx.filter_jit(network)
    np.testing.assert_allclose(there(x[:, :, ::-1])[..., ::-1], there(x), atol=1e-3)


def test_half_precision():
    """Within some percent of the largest: bfloat16 has 8 bits."""
    network, x = drawn(UNet.small), jnp.asarray(draw("gathers", (5, 72, 72)))
    y, coarse = eqx.filter_jit(network)(x), eqx.filter_jit(half(network))(x)
    assert coarse.dtype == jnp.bfloat16
    np.testing.assert_allclose(coarse.astype(jnp.float32), y, atol=0.1 * float(jnp.abs(y).max()))


def test_errors():
    with pytest.raises(ValueError, match=r"`gathers` \(5, 70, 72\) must be one sample of \(5, 72, 72\), which this UNet"):
        UNet.small(key=KEY)(jnp.zeros((5, 70, 72), jnp.float32))
    with pytest.raises(ValueError, match=r"`side` = 72 must be even, divisible by 2\^4"):
        UNet(key=KEY, side=72)
    with pytest.raises(ValueError, match="and at least 70 and the 90 receivers"):
        UNet(key=KEY, shape=(5, 1000, 90))
