"""The decoder: any grid, any precision, smooth shapes first."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import taylor_slopes
from scipy.ndimage import gaussian_filter

from adseis.networks.decoder import Decoder

KEY = jax.random.key(0)


def small(shape, **options):
    return Decoder(shape, key=KEY, **{"latent": 4, "channels": (8, 8, 4)} | options)


def rms(a):
    return float(np.sqrt(np.mean(np.asarray(a) ** 2)))


@pytest.mark.slow
def test_smooth_shapes_come_before_rough_ones():
    """The prior that a network is used for: of two targets of one size, the smooth one is drawn, white noise is not.

    After 100 steps of Adam 18 % of the smooth one and 95 % of the noise were left.
    """
    weights, rest = eqx.partition(small((24, 37), dtype=jnp.float64), eqx.is_array)
    optimizer = optax.adam(1e-2)

    @jax.jit
    def left(target):
        def step(carry, _):
            weights, state = carry
            gradient = jax.grad(lambda w: jnp.mean((eqx.combine(w, rest)() - target) ** 2))(weights)
            updates, state = optimizer.update(gradient, state)
            return (optax.apply_updates(weights, updates), state), None

        (found, _), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), length=100)
        return jnp.sqrt(jnp.mean((eqx.combine(found, rest)() - target) ** 2))

    noise = np.random.default_rng(0).standard_normal((24, 37))
    smooth = gaussian_filter(noise, 4.0)
    with jax.numpy_dtype_promotion("standard"):  # Optax raises numbers to the power of a count
        assert left(smooth / rms(smooth)) < 0.4
        assert left(noise / rms(noise)) > 0.8


def test_gradients():
    """Taylor slopes 1 and 2 along a random direction of all weights: within 10 % for steps this short."""
    weights, rest = eqx.partition(small((12, 10), activation=jax.nn.silu, dtype=jnp.float64), eqx.is_array)
    rng = np.random.default_rng(0)
    direction = jax.tree.map(lambda w: jnp.asarray(1e-3 * rng.standard_normal(w.shape)), weights)
    first, second = taylor_slopes(lambda w: jnp.sum(jnp.sin(10 * eqx.combine(w, rest)())), weights, direction)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("shape", [(17, 23), *[pytest.param(shape, marks=pytest.mark.slow) for shape in ((1,), (5, 6, 7))]])
def test_any_grid(shape):
    """Images have the shape that was asked for and are finite; every weight takes part in them."""
    network = small(shape)
    image, gradient = eqx.filter_jit(lambda net: (net(), eqx.filter_grad(lambda net: jnp.sum(net() ** 2))(net)))(network)
    assert image.shape == shape
    assert bool(np.all(np.isfinite(image)))
    gradient = jax.tree.leaves(gradient)
    assert len(gradient) == 1 + 2 * (2 + len(network.convolutions))  # the latent vector, weights and biases
    assert all(np.abs(g).max() > 0 for g in gradient)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_precision(dtype):
    """Image and every weight are of the precision asked for; single by default, here where double is enabled."""
    network = small((12, 10), dtype=dtype)
    assert network().dtype == dtype
    assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(eqx.filter(network, eqx.is_array)))
    assert small((12, 10))().dtype == jnp.float32


def test_the_key_decides():
    """The same key gives the same image bit for bit, another key another image; compiled, the same to rounding."""
    np.testing.assert_array_equal(small((12, 10))(), small((12, 10))())
    other = Decoder((12, 10), key=jax.random.key(1), latent=4, channels=(8, 8, 4))
    assert float(jnp.abs(other() - small((12, 10))()).max()) > 0
    network = small((12, 10), dtype=jnp.float64)
    np.testing.assert_allclose(eqx.filter_jit(network)(), network(), rtol=0, atol=1e-14)


def test_the_first_image_is_small():
    """The image is linear in the last weights, so that `amplitude` scales it: to rounding."""
    full = small((12, 10), amplitude=1.0, dtype=jnp.float64)()
    np.testing.assert_allclose(small((12, 10), amplitude=0.01, dtype=jnp.float64)(), 0.01 * full, rtol=1e-12)
    assert 0 < float(jnp.abs(small((12, 10))()).max()) < 0.1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"shape": (4, 4, 4, 4)}, r"`shape` = \(4, 4, 4, 4\) must be one to three"),
        ({"shape": (4, 0)}, r"`shape` = \(4, 0\)"),
        ({"channels": ()}, r"`channels` = \(\)"),
        ({"channels": (8, 0)}, r"`channels` = \(8, 0\)"),
        ({"latent": 0}, "`latent` = 0"),
        ({"kernel": 4}, "`kernel` = 4 positive and odd"),
    ],
)
def test_errors(options, match):
    with pytest.raises(ValueError, match=match):
        Decoder(**{"shape": (8, 8), "key": KEY} | options)
