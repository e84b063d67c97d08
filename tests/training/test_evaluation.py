"""Batches of a dataset, and how good predictions are: by subset, disturbed, mirrored and together."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.networks.adapters import counts, lora
from adseis.training import presets
from adseis.training.evaluation import BARS, by_kind, ensemble, evaluate, noisy, without_receivers
from adseis.training.metrics import FIGURES
from adseis.training.presets import PRESETS
from adseis.training.samples import Samples
from adseis.training.trained_network import Inverter
from adseis.training.transforms import SpeedRange, Transforms, ZScore


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Gathers whose first value is the number of the sample; maps of a constant, 2000 m/s and ten more each."""
    path, number = tmp_path_factory.mktemp("data"), 0
    for subset in ("flat-vel-a", "style-b"):
        for index in range(2):
            gathers = np.random.default_rng(number).normal(size=(3, 5, 72, 72)).astype("float32")
            gathers[:, 0, 0, 0] = number + np.arange(3)
            openfwi.write_shard(path, subset, index, gathers, np.tile(2000 + 10 * (number + np.arange(3.0)), (70, 70, 1)).T)
            number += 3
    return openfwi.Dataset(path)


def test_batches_are_the_samples_of_their_numbers(data):
    held, read, few = (
        Samples(data, 4, seed=1, weights={"vel": 0.5}, held=held, count=count, prepare=lambda d: 2 * d)
        for held, count in ((True, None), (False, None), (True, 5))
    )
    for step in range(4):
        batch, other = held(step), read(step)
        for a, b in zip(batch, other, strict=True):
            np.testing.assert_array_equal(a, b)
        numbers = batch.gathers[:, 0, 0, 0] / 2
        np.testing.assert_allclose(batch.velocity[:, 0, 0], 2000 + 10 * numbers)
        np.testing.assert_array_equal(batch.weight, np.where(numbers < 6, 0.5, 1.0))
    assert len(set(few(0).gathers[:, 0, 0, 0])) == 4
    assert few.order.samples == 5


def test_errors_are_of_each_subset(data):
    """Who says 2000 m/s always is wrong by ten more each sample: 0 to 50 of the first subset, 60 to 110 of the second."""
    found = evaluate(lambda gathers: np.full((len(gathers), 70, 70), 2000.0), data, batch=5)
    assert found["flat-vel-a"]["MAE"] == pytest.approx(25)
    assert found["style-b"]["MAE"] == pytest.approx(85)
    assert found["mean"]["MAE"] == pytest.approx(55)
    few = evaluate(lambda gathers: np.full((len(gathers), 70, 70), 2000.0), data, samples=2)
    assert few["mean"]["samples"] == 2
    assert few["mean"]["MAE"] == pytest.approx(55)


def test_changes_are_of_the_size_they_say():
    gathers = np.random.default_rng(0).normal(size=(6, 5, 40, 50)) * np.arange(1, 7)[:, None, None, None]
    noise = noisy(0.2)(gathers, np.random.default_rng(1)) - gathers
    np.testing.assert_allclose(noise.std((1, 2, 3)), 0.2 * gathers.std((1, 2, 3)), rtol=0.05)
    left = without_receivers(0.2)(gathers, np.random.default_rng(1))
    dead = (left == 0).all((1, 2))
    np.testing.assert_array_equal(dead.sum(1), 10)
    assert len({tuple(row) for row in dead}) == 6


def test_an_ensemble_has_a_mean_and_a_spread():
    both = ensemble([lambda d, s=s: np.full((len(d), 2, 2), s) for s in (1000.0, 3000.0)])
    mean, spread = both(np.zeros((3, 1)))
    np.testing.assert_array_equal(mean, 2000)
    np.testing.assert_array_equal(spread, 1000)


class Leaning(eqx.Module):
    """Says the gather of the first shot at its first times: a map that is not its own mirror image."""

    weight: jax.Array

    def __call__(self, gathers, *, key=None):
        return self.weight * gathers[:1, :70, :70]


def test_maps_are_in_metres_and_mirrored():
    transforms = Transforms(ZScore(), SpeedRange(0.0, 1.0), small=True)
    inverter = Inverter(Leaning(jnp.full((), 0.1, jnp.float32)), transforms)
    gathers = np.random.default_rng(0).normal(size=(5, 5, 72, 72)).astype("float32")
    found = inverter.in_batches(gathers, batch=2)
    scored = np.asarray(transforms.gathers(jnp.asarray(gathers)))
    np.testing.assert_allclose(found, np.clip(1500 + 300 * scored[:, 0, :70, :70], 1500, 4500), rtol=1e-5)
    image = np.clip(1500 + 300 * scored[:, 4, :70, ::-1][:, :, :70], 1500, 4500)[:, :, ::-1]
    np.testing.assert_allclose(inverter.in_batches(gathers, batch=2, mirror=True), (found + image) / 2, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in PRESETS if "small" in name])
def test_low_rank_adapters_are_under_a_hundredth(name):
    preset = presets.preset_of(name)
    network = eqx.filter_eval_shape(preset.network, 0)
    network = getattr(network, "generator", network)
    concrete = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype) if isinstance(s, jax.ShapeDtypeStruct) else s, network)
    trained, every = counts(lora(concrete, where=preset.low_rank, key=jax.random.key(0)))
    assert 0 < trained < 0.01 * every


def test_errors_of_kinds():
    """Over the samples of a kind, then the plain mean over kinds."""
    row = lambda error, samples: {**dict.fromkeys(FIGURES, error), "samples": samples}  # noqa: E731
    found = by_kind({"flat-vel-a": row(10.0, 30), "curve-vel-b": row(50.0, 10), "style-a": row(80.0, 5), "mean": row(1.0, 45)})
    assert found["vel"] == row(20.0, 40)
    assert found["style"] == row(80.0, 5)
    assert found["mean of kinds"] == row(50.0, 45)
    assert not found.keys() & BARS.keys()  # no published figure of subsets beside them


def test_published_bars_are_those_of_the_means():
    for network in BARS["mean"]:
        published = np.mean([row[network] for name, row in BARS.items() if name != "mean"])
        assert published == pytest.approx(BARS["mean"][network], abs=0.1)


def test_schedules_are_those_of_the_preset():
    full, small = presets.preset_of("swin-unet"), presets.preset_of("swin-unet-small")
    published = full.schedule(8 * 44_835)  # samples of Khanal's rise and three cosines, in the preset's batch
    assert float(published(8 * 9555)) == pytest.approx(1.5e-4, rel=1e-4)
    for steps in (700, 30_000, 294_000, 800_000):  # each ends where a cosine does
        assert float(full.schedule(steps)(steps)) == pytest.approx(5e-7, rel=1e-3)
        assert float(full.schedule(steps)(steps - steps // 50)) < 1.5e-5
    assert float(small.schedule(1000)(1000)) == pytest.approx(1e-5)
    assert float(small.schedule(700, restarts=True)(56 + 92)) == pytest.approx(1e-3)
    assert float(full.schedule(1000, restarts=False, rate=1.0)(50)) == pytest.approx(1.0)
