"""The wave equation in the loss: no misfit of the true map, a gradient that leads there, and flags of what is wrong."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.training.evaluation import data_misfit
from adseis.training.losses import Distance
from adseis.training.physics import WithPhysics, waveform_misfit
from adseis.training.samples import Batch
from adseis.training.state import Instant
from adseis.training.supervised import Supervised
from adseis.training.transforms import SpeedRange, Transforms, ZScore

pytestmark = pytest.mark.optimised

VP = np.full((1, 70, 70), 2500.0, np.float32)
VP[:, 40:] = 3000.0


class Says(eqx.Module):
    map: jax.Array

    def __call__(self, gathers, *, key=None):
        return self.map[None]


@pytest.fixture(scope="module")
def gathers():
    return openfwi.shrink(openfwi.proxy(jnp.asarray(VP[0])))[None]


@pytest.mark.slow
def test_the_operator_knows_what_is_wrong():
    exact = openfwi.shrink(openfwi.simulate(jnp.asarray(VP[0])))[None]
    wrong = np.where(VP > 2700, 3200.0, VP).astype("float32")
    both = data_misfit(np.concatenate([VP, wrong]), np.concatenate([exact, exact]))
    assert both[0] < 1e-10 < 1e-4 < both[1]
    assert 1e-10 < float(waveform_misfit(jnp.asarray(VP), exact, exact=False)[0]) < 0.05  # what the proxy lacks


def test_its_gradient_leads_to_the_truth(gathers):
    """Speeds of the lower layer 100 m/s too low: the gathers alone say so."""
    speeds = SpeedRange(0.0, 1.0)
    loss = WithPhysics(Supervised(Distance(), Transforms(ZScore(), speeds, small=True)), weight=2.0, labels=False)
    network = Says(speeds(jnp.asarray(VP[0])) - jnp.where(VP[0] > 2700, 100 / 3000, 0.0))
    batch = Batch(np.asarray(gathers), VP, np.ones(1, np.float32))
    instant = Instant(jnp.int32(0), jax.random.key(0), jnp.ones((), jnp.float32))
    (value, terms), gradient = eqx.filter_value_and_grad(lambda n: loss(n, batch, instant), has_aux=True)(network)
    assert list(terms) == ["waveform"]
    assert float(value) > 2e-5
    right = eqx.tree_at(lambda n: n.map, network, speeds(jnp.asarray(VP[0])))
    assert float(loss(right, batch, instant)[0]) < 1e-9  # rounding of both, squared
    assert float(jnp.sum(gradient.map[40:45])) < 0
