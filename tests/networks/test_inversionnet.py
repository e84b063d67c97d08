"""InversionNet: as published, weight by weight, and one that is trained in minutes."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_weights import draw, glimpse
from network_checks import KEY, count, drawn, half, run

from adseis.networks import InversionNet

TORCH = np.load(Path(__file__).with_name("parity.npz"))


@pytest.mark.optimised
@pytest.mark.parametrize(
    ("make", "shape", "label"),
    [(InversionNet, (5, 1000, 70), "inversionnet"), (InversionNet.small, (5, 72, 72), "inversionnet_small")],
    ids=["published", "small"],
)
def test_torch_gives_the_same(make, shape, label):
    """A transcription in torch with the same weights (parity_with_torch.py): 1e-5 is ten times what single precision left."""
    velocity = eqx.filter_jit(drawn(make))(jnp.asarray(draw("gathers", shape)))
    assert velocity.shape == (1, 70, 70)
    assert velocity.dtype == jnp.float32
    assert float(jnp.abs(velocity).max()) <= 1
    np.testing.assert_allclose(glimpse(velocity), TORCH[label], rtol=1e-5, atol=1e-5)


def test_counts():
    """The first as published: weights and biases, running statistics left out."""
    assert count(InversionNet) == 24_409_123
    assert count(InversionNet.small) == 2_181_587


def test_every_weight_is_trained():
    _, gradient = run(drawn(InversionNet.small), jnp.asarray(draw("gathers", (5, 72, 72))))
    assert all(np.isfinite(g) and g > 0 for g in gradient.values()), gradient


def test_training_uses_the_batch():
    """Means over the batch: one sample's map depends on the others, and running statistics hear of them."""
    network = eqx.nn.inference_mode(drawn(InversionNet.small), value=False)
    x = jnp.asarray(draw("batch", (3, 5, 72, 72)))

    @eqx.filter_jit
    def both(network, x):
        def loss(network):
            y = jax.vmap(network, axis_name="batch")(x)
            return jnp.mean(y**2), y

        (_, y), gradient = eqx.filter_value_and_grad(loss, has_aux=True)(network)
        return y, gradient.encoder[0].norm.mean

    y, off = both(network, x)
    other, _ = both(network, x.at[2].multiply(3.0))
    assert y.shape == (3, 1, 70, 70)
    assert float(jnp.abs(y[0] - other[0]).max()) > 1e-3
    assert float(jnp.abs(off).max()) > 0


def test_half_precision():
    """Within some percent: bfloat16 has 8 bits, and the norms are computed in single precision."""
    network, x = drawn(InversionNet.small), jnp.asarray(draw("gathers", (5, 72, 72)))
    y, coarse = eqx.filter_jit(network)(x), eqx.filter_jit(half(network))(x)
    assert coarse.dtype == jnp.bfloat16
    np.testing.assert_allclose(coarse.astype(jnp.float32), y, atol=0.1)


@pytest.mark.parametrize("shape", [(5, 70, 70), (1, 5, 72, 72), (72, 72)])
def test_other_gathers_are_refused(shape):
    with pytest.raises(ValueError, match=r"one sample of \(5, 72, 72\), which this InversionNet was made for: map a batch"):
        eqx.filter_eval_shape(lambda x: InversionNet.small(key=KEY)(x), jnp.zeros(shape, jnp.float32))


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"`channels` = \(8, 8\) must be five"):
        InversionNet(key=KEY, channels=(8, 8))
