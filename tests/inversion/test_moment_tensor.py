"""Position, moment tensor and moment-rate function together: two earthquakes in 2D, with and without noise, and one in 3D."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

import adseis as ads
from adseis.experiment.mechanisms import kagan_angle, nodal_planes, scalar_moment, similarity
from adseis.inversion.moment_tensor import fit_mechanism, invert_moment_tensor
from adseis.objectives.bands import Band

GRID = ads.Grid((24, 40), 100.0, dt=0.011, nt=190)
DEPTH = GRID.coordinates(0)[:, None] * np.ones(GRID.shape)
VP = np.where(DEPTH < 700, 3200.0, 4800.0)
MEDIUM = ads.ElasticMedium(*(v.astype("float32") for v in (VP, VP / 1.75, np.where(DEPTH < 700, 2200.0, 2600.0))))
RECEIVERS = np.stack([np.zeros(8), np.linspace(150, 3750, 8)], -1).astype("float32")  # on the surface
PLACES = np.array([[[1330.0, 2110.0]], [[1060.0, 1720.0]]], "float32")
STARTS = np.array([[[800.0, 1500.0]], [[1600.0, 2300.0]]], "float32")  # 8 cells away, too shallow and too deep
MOMENTS = 1e12 * np.array([[[[0.9, 0.6], [0.6, -0.7]]], [[[-0.2, 0.8], [0.8, 0.3]]]], "float32")
NOISY = 1  # the event with noise of 10 % of its data's peak


def rates(grid, *bumps):
    """Sums of raised cosines (start, end, weight), of unit area."""
    t = grid.times
    each = [w * np.where((t > a) & (t < b), 1 - np.cos(2 * np.pi * (t - a) / (b - a)), 0) for a, b, w in bumps]
    return (sum(each) / (np.sum(each) * grid.dt)).astype("float32")


RATES = np.stack([rates(GRID, (0.1, 0.5, 1.0), (0.35, 0.7, 0.5)), rates(GRID, (0.1, 0.6, 1.0))])[:, None]


def forward(position, moment, rate):
    survey = ads.Survey(ads.MomentTensor(position, rate, moment), RECEIVERS)
    return ads.simulate_elastic(MEDIUM, survey, GRID, free_surface=True, order=2, boundary=ads.CPML(width=8))


@pytest.fixture(scope="module")
def observed():
    clean = [np.array(v) for v in jax.jit(forward)(PLACES, MOMENTS, RATES)]
    rng = np.random.default_rng(0)
    for v in clean:
        v[NOISY] += 0.1 * np.abs(v[NOISY]).max() * rng.standard_normal(v.shape[1:]).astype("float32")
    return tuple(clean)


def off(found, event, places=PLACES, moments=MOMENTS, rates=RATES, grid=GRID):
    """Distance in cells, and relative errors of moment and rate."""
    relative = lambda a, b: np.linalg.norm(a - b) / np.linalg.norm(b)  # noqa: E731
    moved = np.linalg.norm(found.position[event] - places[event]) / grid.spacing[0]
    return moved, relative(found.moment[event], moments[event]), relative(found.rate[event], rates[event])


@pytest.mark.optimised
@pytest.mark.slow
def test_finds_all_from_afar(observed):
    """From 8 cells away and nothing known of tensor and rate. Without noise 0.001 cells, 0.1 % and 0.7 % are measured, most by
    the smoothness. With noise of 10 % of the peak 0.09 cells, 7 % and 8 %, the tensor's shape to 0.9997: its size grows by the
    noise that a rate which is never negative sums up."""
    bands = [Band(2.5, 25), Band(8.0, 50)]
    found = invert_moment_tensor(
        forward, observed, STARTS, GRID, reach=200.0, margin=200.0, bands=bands, smoothness=3e-3, progress=False
    )
    moved, moment, rate = off(found, 0)
    assert np.linalg.norm(STARTS - PLACES, axis=-1).min() > 750
    assert moved < 0.02
    assert moment < 0.01
    assert rate < 0.03
    moved, moment, rate = off(found, NOISY)
    assert moved < 0.3
    assert similarity(found.moment[NOISY], MOMENTS[NOISY])[0] > 0.99
    assert moment < 0.2
    assert rate < 0.2
    np.testing.assert_allclose(found.rate.sum(-1) * GRID.dt, 1, rtol=1e-5)
    assert found.rate.min() >= 0


@pytest.mark.slow
def test_known_position(observed):
    """Where the position is known a few simulations give the rest, to 1 % without noise (0.1 % measured); two cells deeper the
    misfit is twice that of the noise: the curve of misfit against depth."""
    settings = {"bands": [Band(None, 60)], "progress": False}
    found = fit_mechanism(forward, observed, PLACES, GRID, **settings)
    _, moment, rate = off(found, 0)
    assert moment < 0.01
    assert rate < 0.01
    deeper = fit_mechanism(forward, observed, PLACES + np.array([200.0, 0.0], "float32"), GRID, **settings)
    assert deeper.result.value > 1.5 * found.result.value


SMALL = ads.Grid((18, 22, 22), 100.0, dt=0.01, nt=110)
SOLID = ads.ElasticMedium(*(np.full(SMALL.shape, v, "float32") for v in (4500.0, 2600.0, 2500.0)))
RING = np.deg2rad(np.arange(0, 360, 45.0))
STATIONS = np.stack([0 * RING, 1050 + 850 * np.sin(RING), 1050 + 850 * np.cos(RING)], -1).astype("float32")
PLANE = (30.0, 60.0, 70.0)  # strike, dip, rake


def forward_3d(position, moment, rate):
    survey = ads.Survey(ads.MomentTensor(position, rate, moment), STATIONS)
    return ads.simulate_elastic(SOLID, survey, SMALL, free_surface=True, order=2, boundary=ads.Rigid())  # quick to compile


@pytest.mark.optimised
@pytest.mark.slow
def test_double_couple_in_3d():
    """An oblique reverse fault from 3.7 cells away, in a box whose sides reflect; 45 iterations leave 0.13 cells, 1.4 % of the
    moment, 3.2 % of the rate and planes within 0.3 degrees; bounds are twice that and more."""
    place = np.array([[[860.0, 1130.0, 980.0]]], "float32")
    moment = np.asarray(ads.double_couple(*PLANE, 1e15), "float32")[None, None]
    rate = rates(SMALL, (0.05, 0.4, 1.0))[None, None]
    data = jax.jit(forward_3d)(place, moment, rate)
    start = place + np.array([-300.0, 150.0, -150.0], "float32")
    found = invert_moment_tensor(
        forward_3d, data, start, SMALL, reach=300.0, margin=200.0, bands=[Band(None, 45)], progress=False
    )
    moved, scale, shape = off(found, 0, place, moment, rate, SMALL)
    assert moved < 0.3
    assert scale < 0.03
    assert shape < 0.07
    assert kagan_angle(found.moment, moment)[0, 0] < 1
    assert np.abs(nodal_planes(found.moment)[0, 0] - PLANE).max(-1).min() < 1
    assert scalar_moment(found.moment)[0, 0] == pytest.approx(1e15, rel=0.03)


def toy(position, moment, rate):
    """The radiation of P waves without their travel times: linear in moment and rate, cheap, and smooth in the position."""
    ray = position[:, 0, None] - jnp.asarray(RECEIVERS, position.dtype)[None]
    ray = ray / jnp.sum(ray**2, -1, keepdims=True) ** 0.5 * 100
    return jnp.einsum("sri,sij,srj,st->str", ray, moment[:, 0], ray, rate[:, 0])


def test_what_is_not_free_stays():
    """To the last bit; the depth is found within a metre, the trace is zero to rounding."""
    moment = np.array([[[[0.6, 0.3], [0.3, -0.6]]]], "float32")
    start = PLACES[:1] + np.array([-300.0, 0.0], "float32")
    found = invert_moment_tensor(
        toy,
        toy(PLACES[:1], moment, RATES[:1]),
        start,
        GRID,
        reach=(300.0, 0.0),
        deviatoric=True,
        bands=[Band(None, 40)],
        progress=False,
    )
    assert found.position[0, 0, 1] == start[0, 0, 1]
    assert abs(found.position[0, 0, 0] - PLACES[0, 0, 0]) < 1
    assert abs(np.trace(found.moment[0, 0])) < 1e-6 * np.abs(found.moment).max()


def test_a_rate_of_both_signs():
    """Asked for, it is found, to 2 %; otherwise it is not, and what is left of the data says so."""
    rate = RATES[:1] - 0.4 * np.roll(RATES[:1], 60, -1)
    moment = MOMENTS[:1] / 1e12 / (1 - 0.4)
    settings = {"bands": [Band(None, 100)], "progress": False}
    data = toy(PLACES[:1], moment, rate)
    found = fit_mechanism(toy, data, PLACES[:1], GRID, positive=False, **settings)
    never = fit_mechanism(toy, data, PLACES[:1], GRID, **settings)
    assert np.linalg.norm(found.rate[0] - rate[0] / 0.6) < 0.02 * np.linalg.norm(rate[0] / 0.6)
    assert never.rate.min() >= 0
    assert never.result.value > 0.05 > 100 * found.result.value


def test_a_regularizer_and_a_callback_see_unit_area():
    """Both get position, tensor and a rate of unit area."""
    areas = []

    def regularizer(x):
        return 1e-12 * jnp.sum(x["moment"] ** 2) + 0 * jnp.sum(x["rate"])

    invert_moment_tensor(
        toy, toy(PLACES[:1], MOMENTS[:1] / 1e12, RATES[:1]), PLACES[:1] + 50, GRID, reach=300.0, bands=[Band(None, 3)],
        regularizer=regularizer, callback=lambda i, x, v: areas.append(float(x["rate"].sum() * GRID.dt)), progress=False,
    )  # fmt: skip
    np.testing.assert_allclose(areas, np.ones(3), rtol=1e-5)


def small(grid):
    medium = ads.ElasticMedium(*(jnp.full(grid.shape, v) for v in (4500.0, 2600.0, 2500.0)))

    def run(position, moment, rate):
        survey = ads.Survey(ads.MomentTensor(position, rate, moment), RECEIVERS[:3] / 3)
        return ads.simulate_elastic(medium, survey, grid, free_surface=True, order=2, boundary=ads.Rigid())

    return run


@pytest.mark.slow
def test_taylor_slopes_by_all_together():
    """Position, moment and rate in one direction, from steps of half a cell and a fifth of tensor and rate down: slopes 1 and 2
    within 10 %."""
    grid = ads.Grid((12, 14), 100.0, dt=0.011, nt=60)
    run = small(grid)
    loss = lambda x: 1e10 * sum(jnp.sum(v**2) for v in run(x["position"], x["moment"], x["rate"]))  # noqa: E731
    rng = np.random.default_rng(0)
    x = {"position": jnp.asarray([[[620.0, 710.0]]]), "moment": jnp.asarray(MOMENTS[:1], float)}
    x["rate"] = jnp.asarray(rates(grid, (0.05, 0.35, 1.0)), float)[None, None]
    direction = {"position": jnp.asarray([[[40.0, -30.0]]]), "moment": 2e11 * jnp.asarray([[[[1.0, 0.4], [0.4, -0.3]]]])}
    direction["rate"] = 0.2 * x["rate"] * jnp.asarray(rng.standard_normal(grid.nt))[None, None]
    first, second = taylor_slopes(loss, x, direction)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"reach": 0.0}, "`reach` = 0.0 m must be positive"),
        ({"reach": 50.0, "margin": 1200.0}, "`position` starts off the grid, or within `margin` = 1200.0 m"),
        ({"reach": (50.0, 0.0, 0.0)}, r"`reach` = \(50.0, 0.0, 0.0\) m must be a number, or one for each of 2 axes"),
        ({"reach": 50.0, "smoothness": -1.0}, "`smoothness` = -1.0 must not be negative"),
        ({"reach": 50.0, "bands": ()}, "`bands` is empty"),
    ],
)
def test_errors(observed, options, match):
    with pytest.raises(ValueError, match=match):
        invert_moment_tensor(forward, observed, STARTS, GRID, **options)
    with pytest.raises(ValueError, match="`smoothness` = -1.0 must not be negative"):
        fit_mechanism(forward, observed, PLACES, GRID, smoothness=-1.0)


def test_silence(observed):
    with pytest.raises(ValueError, match="`observed` is zero, or does not depend on a moment tensor"):
        fit_mechanism(forward, jax.tree.map(jnp.zeros_like, observed), PLACES, GRID)
