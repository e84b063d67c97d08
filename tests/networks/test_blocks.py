"""Blocks: resizing is linear interpolation, and shuffled pixels are where a transposed convolution puts them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.networks.blocks import Doubling, ResidualBlock, interpolation, resize, sample, spread_channels

KEY = jax.random.key(0)


@pytest.mark.parametrize(("before", "after"), [(72, 256), (64, 70), (125, 80), (1, 3), (5, 5)])
def test_interpolation(before, after):
    """A straight line stays straight between the outermost centres, and a constant one: to rounding."""
    matrix = interpolation(before, after)
    centres = (np.arange(after) + 0.5) * before / after
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-14)
    np.testing.assert_allclose(matrix @ (np.arange(before) + 0.5), np.clip(centres, 0.5, before - 0.5), atol=1e-12)


def test_resize_is_bilinear():
    """As JAX's own without antialiasing: to rounding."""
    x = jax.random.normal(KEY, (2, 9, 6), jnp.float64)
    wanted = jax.image.resize(x, (2, 7, 11), "linear", antialias=False)
    np.testing.assert_allclose(resize(x, (7, 11)), wanted, atol=1e-14)
    np.testing.assert_array_equal(resize(x, (9, 6)), x)


def test_pixels_are_spread_in_order():
    x = np.arange(8 * 3 * 5).reshape(8, 3, 5)
    y = np.asarray(spread_channels(jnp.asarray(x, jnp.float32)))
    for channel, row, column in np.ndindex(2, 6, 10):
        assert y[channel, row, column] == x[4 * channel + 2 * (row % 2) + column % 2, row // 2, column // 2]


def test_doubling_is_a_transposed_convolution():
    """Equinox's own, which is computed in another way, also in its gradient: to rounding."""
    layer = Doubling(3, 5, key=KEY, dtype=jnp.float64)
    plain = eqx.nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1, key=KEY, dtype=jnp.float64)
    x = jax.random.normal(KEY, (3, 6, 7), jnp.float64)
    np.testing.assert_allclose(layer(x), plain(x), atol=1e-13)

    def moved(layer):
        return jnp.sum(jnp.sin(layer(x)))

    found, wanted = eqx.filter_grad(moved)(layer), eqx.filter_grad(moved)(plain)
    np.testing.assert_allclose(found.weight, wanted.weight, atol=1e-12)


def test_a_residual_block_adds():
    """Where the last scale is zero the block is GELU of its input, which it takes by a 1x1 convolution where channels change."""
    x = jax.random.normal(KEY, (8, 4, 4), jnp.float64)
    block = ResidualBlock(8, 8, key=KEY, dtype=jnp.float64)
    block = eqx.tree_at(lambda b: b.norms[1].weight, block, jnp.zeros(8, jnp.float64))
    np.testing.assert_allclose(block(x), jax.nn.gelu(x, approximate=False), atol=1e-15)
    assert ResidualBlock(8, 16, key=KEY, dtype=jnp.float64)(x).shape == (16, 4, 4)


def test_a_sample_is_cast_and_checked():
    assert sample(Doubling(1, 1, key=KEY), jnp.zeros((2, 3), jnp.float64), (2, 3)).dtype == jnp.float32
    with pytest.raises(ValueError, match=r"`map` \(2, 3\) must be one sample of \(2, 4\), which this Doubling was made for"):
        sample(Doubling(1, 1, key=KEY), jnp.zeros((2, 3)), (2, 4), "map")
