"""Double couples against the textbook; finite faults against the sum of their parts, and their derivatives."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same, taylor_slopes

import adseis as ads

GRID = ads.Grid((14, 16), 10.0, 1.5e-3, 70)
MEDIUM = ads.ElasticMedium(*(np.full(GRID.shape, value) for value in (3000.0, 1700.0, 2200.0)))
RECEIVERS = np.array([[20.0, 40.0], [74.0, 113.0]])


def test_double_couple():
    """Aki & Richards (2002), box 4.4, where x is north, y east and z down: our last, middle and first axis. Rounding. Traceless,
    of the size of M0, and the shape before the axes that of the arguments."""
    rng = np.random.default_rng(0)
    strike, dip, rake = 360 * rng.random((5, 1)), 90 * rng.random((1, 4)), 360 * rng.random((5, 4)) - 180
    moment = 3e15
    phi, delta, lam = np.deg2rad(strike), np.deg2rad(dip), np.deg2rad(rake)
    sin, cos = np.sin, np.cos
    xx = -(sin(delta) * cos(lam) * sin(2 * phi) + sin(2 * delta) * sin(lam) * sin(phi) ** 2)
    xy = sin(delta) * cos(lam) * cos(2 * phi) + sin(2 * delta) * sin(lam) * sin(2 * phi) / 2
    xz = -(cos(delta) * cos(lam) * cos(phi) + cos(2 * delta) * sin(lam) * sin(phi))
    yy = sin(delta) * cos(lam) * sin(2 * phi) - sin(2 * delta) * sin(lam) * cos(phi) ** 2
    yz = -(cos(delta) * cos(lam) * sin(phi) - cos(2 * delta) * sin(lam) * cos(phi))
    zz = sin(2 * delta) * sin(lam)
    wanted = moment * np.moveaxis(np.array([[zz + 0 * xx, yz, xz], [yz, yy, xy], [xz, xy, xx]]), (0, 1), (-2, -1))
    got = ads.double_couple(strike, dip, rake, moment)
    assert got.shape == (5, 4, 3, 3)
    np.testing.assert_allclose(got, wanted, atol=1e-14 * moment)
    np.testing.assert_allclose(np.trace(got, axis1=-2, axis2=-1), 0, atol=1e-14 * moment)
    np.testing.assert_allclose(np.linalg.norm(got, axis=(-2, -1)), np.sqrt(2) * moment, rtol=1e-14)


def fault(**changed):
    """Three points, off the nodes, that slip one after the other; anything may be changed."""
    parts = {
        "position": np.array([[[43.0, 52.0], [61.0, 77.0], [70.0, 91.0]]]),
        "slip": np.array([[1.0, 2.0, 0.7]]),
        "rupture_time": np.array([[0.0113, 0.0241, 0.0307]]),
        "rise_time": np.array([[0.0402, 0.0299, 0.0448]]),
        "mechanism": 1e9 * np.array([[[0.3, 1.0], [1.0, -0.3]], [[1.0, 0.2], [0.2, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])[None],
    }
    return ads.FiniteFault(**(parts | changed))


def simulated(source):
    return jnp.stack(ads.simulate_elastic(MEDIUM, ads.Survey(source, RECEIVERS), GRID, boundary=ads.Rigid(), order=2))


def test_is_the_sum_of_its_points():
    """A finite fault is so many moment tensors with its slip rates as moment rates: rounding."""
    whole = fault()
    rate = np.asarray(whole.rate(GRID))
    parts = tuple(
        ads.MomentTensor(whole.position[:, i : i + 1], rate[:, i : i + 1], whole.mechanism[:, i : i + 1]) for i in range(3)
    )
    assert_same(simulated(whole), simulated(parts), 1e-12)


def test_rate_has_unit_area():
    """Slip times 1: the sum over samples is the integral of a raised cosine but for (dt/T)^3 or so, 1e-3; nothing before the
    rupture nor after the rise."""
    source, t = fault(), GRID.times
    rate = np.asarray(source.rate(GRID))[0]
    np.testing.assert_allclose(rate.sum(-1) * GRID.dt, source.slip[0], rtol=1e-3)
    begin, rise = source.rupture_time[0][:, None], source.rise_time[0][:, None]
    np.testing.assert_array_equal(rate > 0, (t > begin) & (t < begin + rise))
    np.testing.assert_allclose(rate.max(-1), 2 * source.slip[0] / source.rise_time[0], rtol=1e-2)


@pytest.mark.parametrize("name", ["slip", "rupture_time", "rise_time", "mechanism"])
def test_gradient_of_the_rates(name):
    """What the fault emits: Taylor slope 2 (slip and mechanism are linear: nothing is left but rounding), steps from a fifth of
    a time step or 2 % down."""
    rng = np.random.default_rng(1)
    at = getattr(fault(), name)
    direction = rng.standard_normal(at.shape) * (2e-4 if name.endswith("time") else 0.02 * np.abs(at).max())
    direction = (direction + np.swapaxes(direction, -1, -2)) / 2 if name == "mechanism" else direction
    weights = rng.standard_normal((3, GRID.nt))

    def loss(values):
        return sum(jnp.sum(weights * e.samples[0] ** 2) for e in fault(**{name: values}).emissions(GRID))

    first, second = taylor_slopes(loss, jnp.asarray(at), jnp.asarray(direction))
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


def test_gradient_through_the_waves():
    """Row 11 for position, slip, rupture time and rise time together, along steps of which each takes a like part of the change:
    slopes 1 and 2 within 10 %."""
    rng = np.random.default_rng(2)
    sizes = {"position": 2.0, "slip": 0.05, "rupture_time": 1.5e-3, "rise_time": 4e-4}
    x = {name: jnp.asarray(getattr(fault(), name)) for name in sizes}
    direction = {name: jnp.asarray(size * rng.standard_normal(x[name].shape)) for name, size in sizes.items()}
    loss = lambda x: jnp.sum(simulated(fault(**x)) ** 2) * 1e-6  # noqa: E731
    first, second = taylor_slopes(loss, x, direction)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"slip": np.ones((1, 2))}, r"`slip` \(1, 2\) does not fit `position` \(1, 3, 2\)|#source"),
        ({"rise_time": np.full((1, 3), 1e-3)}, r"`rise_time` has 0.001 s; below two time steps"),
        ({"mechanism": np.array([[[[0.0, 1.0], [0.0, 0.0]]]])}, r"`moment` of shot 0, source 0 is not symmetric: M\[0, 1\] = 1"),
    ],
    ids=["shape", "rise time", "symmetry"],
)
def test_faults(changed, match):
    with pytest.raises((ValueError, TypeError), match=match):
        simulated(fault(**changed))
