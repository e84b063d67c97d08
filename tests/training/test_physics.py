"""The wave equation in the loss: no misfit of the true map, a gradient that leads there, and flags of what is wrong."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.training import physics
from adseis.training.evaluation import data_misfit
from adseis.training.losses import Distance
from adseis.training.physics import WithPhysics, waveform_misfit
from adseis.training.samples import Batch
from adseis.training.state import Instant
from adseis.training.supervised import Supervised
from adseis.training.transforms import SpeedRange, Transforms, ZScore

VP = np.full((1, 70, 70), 2500.0, np.float32)
VP[:, 40:] = 3000.0


class Says(eqx.Module):
    map: jax.Array

    def __call__(self, gathers, *, key=None):
        return self.map[None]


def batch_of(gathers):
    return Batch(np.asarray(gathers), VP, np.ones(1, np.float32)), Instant(
        jnp.int32(0), jax.random.key(0), jnp.ones((), jnp.float32)
    )


def led(loss, batch, instant):
    """Loss and gradient where the lower layer is 100 m/s too slow, and the loss of the true map."""
    speeds = loss.supervised.transforms.speeds
    right = Says(speeds(jnp.asarray(VP[0])))
    wrong = Says(right.map - jnp.where(VP[0] > 2700, 100 / 3000, 0.0))
    (value, terms), gradient = eqx.filter_value_and_grad(lambda n: loss(n, batch, instant), has_aux=True)(wrong)
    return value, terms, gradient.map, loss(right, batch, instant)[0]


def test_the_loss_is_what_is_written(monkeypatch):
    """Of an operator that says the mean slowness of each column at all times: misfit and gradient by hand."""

    def columns(vp):
        return jnp.broadcast_to(jnp.mean(1000 / vp, 0), (5, 72, 70))

    monkeypatch.setattr(physics, "proxy", columns)
    monkeypatch.setattr(physics, "shrink", lambda d: d)
    gathers = columns(jnp.asarray(VP[0]))[None]
    loss = WithPhysics(Supervised(Distance(), Transforms(ZScore(), SpeedRange(0.0, 1.0), small=False)), weight=2.0)
    value, terms, gradient, right = led(loss, *batch_of(gathers))
    true, wrong = (np.mean(1000 / vp[0], 0) for vp in (VP.astype(float), np.where(VP > 2700, 2900.0, VP)))
    np.testing.assert_allclose(terms["waveform"], 2 * np.sum((wrong - true) ** 2) / np.sum(true**2), rtol=1e-3)
    np.testing.assert_allclose(terms["absolute"], 30 / 70 * 100 / 3000, rtol=1e-4)
    np.testing.assert_allclose(value, terms["waveform"] + terms["absolute"], rtol=1e-6)
    np.testing.assert_allclose(right, 0, atol=1e-9)
    assert float(gradient[50, 3]) < 0


def test_what_was_not_recorded_does_not_count(monkeypatch):
    """Dead receivers, and the last sample of whole gathers."""
    monkeypatch.setattr(physics, "proxy", lambda vp: jnp.broadcast_to(jnp.mean(1000 / vp, 0), (5, 9, 70)))
    whole = np.array(physics.proxy(jnp.asarray(VP[0])))[None]
    dead = whole.copy()
    dead[0, :, :, 20:30] = 0
    dead[0, :, -1] = 7.0
    assert float(waveform_misfit(jnp.asarray(VP), jnp.asarray(dead), exact=False)[0]) == 0
    assert float(waveform_misfit(jnp.asarray(VP), jnp.asarray(1.1 * whole), exact=False)[0]) > 1e-3


@pytest.mark.slow
@pytest.mark.optimised
def test_the_operator_knows_what_is_wrong():
    exact = openfwi.shrink(openfwi.simulate(jnp.asarray(VP[0])))[None]
    wrong = np.where(VP > 2700, 3200.0, VP).astype("float32")
    both = data_misfit(np.concatenate([VP, wrong]), np.concatenate([exact, exact]))
    assert both[0] < 1e-10 < 1e-4 < both[1]
    assert 1e-10 < float(waveform_misfit(jnp.asarray(VP), exact, exact=False)[0]) < 0.05  # what the proxy lacks


@pytest.mark.slow
@pytest.mark.optimised
def test_its_gradient_leads_to_the_truth():
    """The gathers alone say so."""
    gathers = openfwi.shrink(openfwi.proxy(jnp.asarray(VP[0])))[None]
    loss = WithPhysics(Supervised(Distance(), Transforms(ZScore(), SpeedRange(0.0, 1.0), small=True)), weight=2.0, labels=False)
    value, terms, gradient, right = led(loss, *batch_of(gathers))
    assert list(terms) == ["waveform"]
    assert float(value) > 2e-5
    assert float(right) < 1e-9  # rounding of both, squared
    assert float(jnp.sum(gradient[40:45])) < 0
