"""Losses of maps against sums that are written out."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from adseis.training.losses import Distance, Hybrid, class_weights
from adseis.training.metrics import by_group, figures
from adseis.training.schedules import one_cycle, warm_restarts
from adseis.training.transforms import LogScale, SpeedRange, Transforms, ZScore, read_transforms

RANDOM = np.random.default_rng(0)
P, T = RANDOM.normal(size=(2, 3, 9, 8))
W = np.array([1.0, 0.5, 0.25])


def test_hybrid_is_what_is_written():
    """SciPy's Sobel with zeros outside; rounding."""
    terms = Hybrid(delta=0.7)(jnp.asarray(P), jnp.asarray(T), jnp.asarray(W))
    away = P - T
    huber = np.where(np.abs(away) <= 0.7, 0.5 * away**2, 0.7 * (np.abs(away) - 0.35))

    def sobel(maps, axis):
        return np.stack([scipy.ndimage.sobel(m, axis, mode="constant") for m in maps])

    edges = sum(np.abs(sobel(P, axis) - sobel(T, axis)) for axis in (0, 1))
    mean = lambda values: np.mean(values.mean((1, 2)) * W)  # noqa: E731
    variation = mean(np.abs(np.diff(P, axis=1))) + mean(np.abs(np.diff(P, axis=2)))
    wanted = {"value": 0.4 * mean(huber), "edges": 0.55 * mean(edges), "variation": 0.05 * variation}
    assert terms.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-12)


def test_distance():
    terms = Distance(100.0, 10.0)(jnp.asarray(P), jnp.asarray(T), jnp.ones(3))
    np.testing.assert_allclose(terms["absolute"], 100 * np.abs(P - T).mean(), rtol=1e-12)
    np.testing.assert_allclose(terms["square"], 10 * ((P - T) ** 2).mean(), rtol=1e-12)
    assert list(Distance()(jnp.asarray(P), jnp.asarray(T), jnp.ones(3))) == ["absolute"]


def test_class_weights_make_up_for_numbers():
    """Khanal's published weights come from the numbers of samples in his files."""
    found = class_weights({"vel": 120_000, "fault": 216_255, "style": 134_378})
    assert found == {"vel": 1.0, "fault": pytest.approx(0.5549, abs=1e-4), "style": pytest.approx(0.8930, abs=1e-4)}
    with pytest.raises(ValueError, match="`counts`"):
        class_weights({"vel": 0})


def test_restarts_are_where_they_are_published():
    """Warm-up of 3,675 steps, cycles of 5,880 and 11,760: restarts at 9,555 and 21,315."""
    rate = warm_restarts(1.5e-4, warm_up=3675, period=5880)
    assert float(rate(0)) == pytest.approx(1.5e-6)
    for top in (3675, 9555, 21315):
        assert float(rate(top)) == pytest.approx(1.5e-4, rel=1e-5)
        assert float(rate(top - 1)) < (1.5e-4 if top == 3675 else 6e-7)
    assert float(rate(3675 + 2940)) == pytest.approx(0.5 * (1.5e-4 + 5e-7), rel=1e-3)
    assert float(one_cycle(1e-3, 100)(5)) == pytest.approx(1e-3)
    assert float(one_cycle(1e-3, 100)(100)) == pytest.approx(1e-5)
    with pytest.raises(ValueError, match="`peak` = 0"):
        warm_restarts(0.0, warm_up=1, period=2)


def test_transforms_go_there_and_back():
    logs, scores = LogScale(-29.04, 57.03), ZScore()
    middle = -1 + 2 * np.log(30.04) / np.log(30.04 * 58.03)
    np.testing.assert_allclose(logs(jnp.array([[[-29.04, 0.0, 57.03]]]))[0, 0], [-1, middle, 1], rtol=1e-12)
    gathers = jnp.asarray(5 + 3 * RANDOM.normal(size=(2, 2, 6, 5)))
    scored = scores(gathers)
    np.testing.assert_allclose(jnp.std(scored, (1, 2, 3)), 1, rtol=1e-12)
    np.testing.assert_allclose(scores(7e-9 * gathers)[0], 7e-9 * (gathers[0] - gathers[0].mean()) / 1e-6, rtol=1e-9)
    for speeds in (SpeedRange(-1.0, 1.0), SpeedRange(0.0, 1.0)):
        v = jnp.array([1500.0, 2345.0, 4500.0])
        np.testing.assert_allclose(speeds.back(speeds(v)), v, rtol=1e-12)
        assert [float(speeds(v)[k]) for k in (0, 2)] == [speeds.bottom, speeds.top]
    kept = Transforms(logs, SpeedRange(0.0, 1.0), small=True)
    assert read_transforms(kept.about()) == kept
    with pytest.raises(ValueError, match="transform 'Cube' is not known"):
        read_transforms({**kept.about(), "gathers": {"kind": "Cube"}})
    with pytest.raises(ValueError, match="small ones"):
        Transforms(logs, SpeedRange()).sized(jnp.zeros((1, 5, 72, 72)))
    assert kept.sized(jnp.zeros((1, 5, 1000, 70))).shape == (1, 5, 72, 72)


def test_figures_by_group():
    true = 1500 + 3000 * RANDOM.uniform(size=(3, 70, 70))
    found = np.asarray(figures(true + np.array([10.0, -20.0, 0.0])[:, None, None], true))
    np.testing.assert_allclose(found[0], [10, 20, 0], rtol=1e-9)
    np.testing.assert_allclose(found[1], [10, 20, 0], rtol=1e-9)
    assert found[2, 2] == pytest.approx(1)
    assert found[2, 0] < 1
    np.testing.assert_allclose(found[3], 1, rtol=1e-9)  # rescaled, a level does not show
    means = by_group(found, ["a", "b", "b"])
    assert means["b"]["MAE"] == pytest.approx(10)
    assert means["mean"]["MAE"] == pytest.approx(10)
    assert (means["a"]["samples"], means["mean"]["samples"]) == (1, 3)
