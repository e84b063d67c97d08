"""Gathers alone teach an encoder: what is hidden is told from what is shown; and adapters are fitted to waveforms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.networks import SwinUNet, SwinV2
from adseis.networks.weights import fingerprint
from adseis.training import Plan, fit
from adseis.training.masked import Filler, Masked, with_encoder
from adseis.training.samples import Batch
from adseis.training.schedules import adamw
from adseis.training.trained_network import Inverter
from adseis.training.transforms import SpeedRange, Transforms, ZScore
from adseis.training.waveform_fitting import fitted_to

TRANSFORMS = Transforms(ZScore(), SpeedRange(0.0, 1.0), small=True)


def network(seed=0):
    keys = jax.random.split(jax.random.key(seed))
    encoder = SwinV2(key=keys[0], image=(3, 72), patch=6, embedding=16, depths=(1, 1), heads=(1, 2), window=6, drop_path=0.0)
    return SwinUNet(key=keys[1], stem=8, encoder=encoder, channels=(16, 8), last=8, dropout=0.0)


def batch(step):
    """Stripes of one phase a sample: the shown half tells the hidden one."""
    phase = np.random.default_rng(step).uniform(0, 6, (2, 1, 1, 1))
    stripes = np.sin(phase + np.arange(72)[:, None] / 4 + np.zeros((2, 5, 72, 72))).astype("float32")
    return Batch(stripes, np.zeros((2, 70, 70), "float32"), np.ones(2, "float32"))


@pytest.mark.slow
def test_what_is_hidden_is_learned():
    filler = Filler(network(), key=jax.random.key(2))
    assert filler(jnp.zeros((5, 72, 72), jnp.float32)).shape == (5, 72, 72)
    found = fit(filler, Masked(TRANSFORMS), batch, optimizer=adamw(3e-3), plan=Plan(40, log=1, progress=False))
    losses = [line["loss"] for line in found.history]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
    begun = with_encoder(network(1), found.x)
    assert fingerprint(begun.encoder) == fingerprint(found.x.network.encoder)
    assert fingerprint(begun.decoder) == fingerprint(network(1).decoder)


@pytest.mark.slow
def test_patches_return_to_their_places():
    """A head that says the number of its output: each square of the gather counts its samples row by row."""
    filler = Filler(network(), key=jax.random.key(2))
    numbers = jnp.arange(filler.side**2, dtype=jnp.float32)
    filler = eqx.tree_at(lambda f: (f.head.weight, f.offset), filler, (0 * filler.head.weight, numbers))
    found = filler(jnp.ones((5, 72, 72), jnp.float32))
    np.testing.assert_array_equal(found[3, :12, 12:24], numbers.reshape(12, 12))


def test_an_encoder_of_enlarged_gathers_is_refused():
    encoder = SwinV2(key=jax.random.key(0), image=(3, 96), patch=4, embedding=16, depths=(1, 1), heads=(1, 2), window=6)
    network = SwinUNet(key=jax.random.key(1), encoder=encoder, channels=(16, 8), last=8)
    with pytest.raises(ValueError, match="images of 96 samples a side, gathers have 72"):
        Filler(network, key=jax.random.key(2))


class Constant(eqx.Module):
    """A map of one speed, by one dense layer."""

    layer: eqx.nn.Linear

    def __call__(self, gathers, *, key=None):
        return jnp.broadcast_to(self.layer(jnp.ones(2, gathers.dtype)), (1, 70, 70))


@pytest.mark.slow
@pytest.mark.optimised
def test_a_network_is_fitted_to_waveforms():
    """Gathers of 2,600 m/s tell a network that says 2,500 which way to go, and its own weights stay."""
    layer = eqx.nn.Linear(2, 1, key=jax.random.key(0), dtype=jnp.float32)
    layer = eqx.tree_at(
        lambda one: (one.weight, one.bias), layer, (jnp.zeros((1, 2), jnp.float32), jnp.array([1000 / 3000], jnp.float32))
    )
    inverter = Inverter(Constant(layer), TRANSFORMS)
    gathers = np.asarray(openfwi.shrink(openfwi.simulate(jnp.full((70, 70), 2600.0, jnp.float32))))
    found, (before, after) = fitted_to(inverter, gathers, steps=16, rate=0.02, rank=1, progress=False)
    assert after < 0.5 * before
    assert abs(float(found(gathers[None])[0, 0, 0]) - 2600) < 70
    still, (before, after) = fitted_to(inverter, gathers, steps=1, rate=1e-12, rank=1, progress=False)
    assert still is inverter or after < before
