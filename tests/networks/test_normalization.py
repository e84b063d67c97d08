"""Batch normalization: unit variance over batch and grid; running statistics learned by what they are off."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.networks.normalization import BATCH, BatchNorm, statistics


class Small(eqx.Module):
    convolution: eqx.nn.Conv2d
    norm: BatchNorm

    def __init__(self):
        self.convolution = eqx.nn.Conv2d(2, 3, 3, key=jax.random.key(0), dtype=jnp.float64)
        self.norm = BatchNorm(3, dtype=jnp.float64)

    def __call__(self, x):
        return self.norm(self.convolution(x))


def batch(count=5, shift=0.0):
    return shift + jax.random.normal(jax.random.key(1), (count, 2, 6, 7), jnp.float64)


def test_training_standardises_and_inference_follows():
    """The running statistics, moved by their gradient, come to those of the batch: within 0.9^400 of what they were off."""
    net = eqx.nn.inference_mode(Small(), value=False)
    x = batch(shift=3.0)
    y = jax.vmap(net, axis_name=BATCH)(x)
    np.testing.assert_allclose(jnp.mean(y, (0, 2, 3)), 0, atol=1e-12)
    raw = jax.vmap(net.convolution)(x)
    wanted = jnp.var(raw, (0, 2, 3)) / (jnp.var(raw, (0, 2, 3)) + 1e-5)
    np.testing.assert_allclose(jnp.var(y, (0, 2, 3)), wanted, rtol=1e-10)

    def loss(net):
        return jnp.mean(jax.vmap(net, axis_name=BATCH)(x) ** 3)

    marks = statistics(net)
    step = eqx.filter_jit(lambda net: jax.tree.map(
        lambda w, g, m: w - 0.1 * g if m else w, net, eqx.combine(eqx.filter_grad(loss)(net), net), marks,
        is_leaf=lambda v: not eqx.is_array(v) and not isinstance(v, eqx.Module),
    ))  # fmt: skip
    for _ in range(400):
        net = step(net)
    still = eqx.nn.inference_mode(net)
    np.testing.assert_allclose(still.norm.mean, jnp.mean(raw, (0, 2, 3)), rtol=1e-10)
    np.testing.assert_allclose(still.norm.variance, jnp.var(raw, (0, 2, 3), ddof=1), rtol=1e-10)
    np.testing.assert_allclose(still(x[0]), y[0], rtol=0, atol=0.02)  # unbiased against biased: 1 / (2 * 100)


def test_weights_have_their_own_gradient():
    """A finite difference of the loss: statistics of the batch are differentiated, not held."""
    net, x = eqx.nn.inference_mode(Small(), value=False), batch(3)

    def loss(weight):
        moved = eqx.tree_at(lambda n: n.convolution.weight, net, weight)
        return jnp.sum(jnp.sin(jax.vmap(moved, axis_name=BATCH)(x)))

    weight = net.convolution.weight
    direction = jax.random.normal(jax.random.key(2), weight.shape, weight.dtype)
    h = 1e-5
    difference = (loss(weight + h * direction) - loss(weight - h * direction)) / (2 * h)
    np.testing.assert_allclose(jnp.vdot(jax.grad(loss)(weight), direction), difference, rtol=1e-7)


def test_statistics_are_marked():
    marks = statistics(Small())
    assert marks.norm.mean is marks.norm.variance is True
    assert marks.norm.weight is marks.convolution.weight is False


def test_training_needs_a_batch():
    with pytest.raises(ValueError, match="axis_name"):
        eqx.nn.inference_mode(Small(), value=False)(batch()[0])
