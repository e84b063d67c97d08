"""Structure of a ball against its own formula in NumPy, the exactness of its gradients, and the bound on its extremes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

from adseis import sphere
from adseis.harmonics import harmonics, rotate

rng = np.random.default_rng(1)
RADII = (1000.0, 800.0, 600.0, 400.0, 200.0)
MODEL = rng.uniform(-1 / 40, 1 / 40, 405).astype("float32").astype(float).reshape(81, 5)  # as GlobalTomo's files hold it


def positions(count=50, low=0.0):
    latitude = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    return sphere.Positions(rng.uniform(low, 1000, count), latitude, rng.uniform(-180, 360, count))


def by_hand(model, points, radii):
    """np.interp harmonic by harmonic; below the innermost level all but degree 0 go to zero."""
    basis = np.asarray(harmonics(points.latitude, points.longitude, 8, convention="globaltomo"))
    r, innermost = np.asarray(points.radius), min(radii)
    order = np.argsort(radii)
    value = np.zeros(r.size)
    for i, levels in enumerate(model):
        at = np.interp(r, np.asarray(radii)[order], levels[order])
        value += basis[:, i] * at * (1 if i == 0 else np.minimum(r / innermost, 1))
    return value


def test_against_numpy():
    """GlobalTomo's layout: harmonic slow, depth fast, 0 to 800 m of 1 km. To rounding."""
    points = positions()
    found = sphere.perturbation(MODEL, points, radii=RADII)
    np.testing.assert_allclose(found, by_hand(MODEL, points, RADII), rtol=0, atol=1e-15)


def test_order_of_levels():
    """Outwards or inwards: the same."""
    points = positions()
    turned = sphere.perturbation(MODEL[:, ::-1], points, radii=RADII[::-1])
    np.testing.assert_array_equal(turned, sphere.perturbation(MODEL, points, radii=RADII))


def test_centre_and_outside():
    """One value at the centre, the mean of the innermost level; constant above the outermost level; one level suffices."""
    lat, lon = np.array([90.0, -20.0, 3.0]), np.array([0.0, 10.0, 250.0])
    centre = sphere.perturbation(MODEL, sphere.Positions(np.zeros(3), lat, lon), radii=RADII)
    np.testing.assert_allclose(centre, MODEL[0, -1] / np.sqrt(4 * np.pi), rtol=1e-15)
    top, above = (sphere.perturbation(MODEL, sphere.Positions(np.full(3, r), lat, lon), radii=RADII) for r in (1000.0, 1200.0))
    np.testing.assert_array_equal(above, top)
    alone = sphere.perturbation(MODEL[:, :1], sphere.Positions(np.full(3, 700.0), lat, lon), radii=[500.0])
    np.testing.assert_allclose(alone, top, rtol=0, atol=1e-16)


def test_call_of_the_contract():
    """No structure: the ball's own speed."""
    points = sphere.Positions(*(np.ones((4, 3)) * x for x in (900.0, 10.0, 20.0)))
    vp = 1000.0 * (1 + sphere.perturbation(np.zeros((9, 2)), points, radii=(600.0, 1000.0)))
    np.testing.assert_array_equal(vp, np.full((4, 3), 1000.0))


def test_turned_structure_at_turned_points():
    """A structure and the points turned together: the same values, to rounding."""
    angle = 0.7
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1.0, 0], [-np.sin(angle), 0, np.cos(angle)]])
    points = positions()
    lat, lon = np.radians(points.latitude), np.radians(points.longitude)
    x, y, z = turn @ np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    moved = sphere.Positions(points.radius, np.degrees(np.arcsin(z)), np.degrees(np.arctan2(y, x)))
    turned = rotate(MODEL, turn, convention="globaltomo")
    expected = sphere.perturbation(MODEL, points, radii=RADII)
    np.testing.assert_allclose(sphere.perturbation(turned, moved, radii=RADII), expected, rtol=0, atol=1e-14)


def test_gradient():
    """Taylor slope 2 by coefficients, radius, latitude and longitude together; between levels, for the slope changes there."""
    points = sphere.Positions(np.array([100.0, 500.0, 700.0]), np.array([90.0, -40.0, 10.0]), np.array([20.0, 100.0, -60.0]))
    model = jnp.asarray(40 * MODEL[:9])
    along = (jnp.asarray(rng.normal(size=(9, 5))), jax.tree.map(lambda x: 0 * x + jnp.asarray([3.0, -4.0, 5.0]), points))

    def objective(parts):
        return jnp.sum(sphere.perturbation(*parts, radii=RADII) ** 2)

    slopes = taylor_slopes(objective, (model, points), along, 2.0 ** -np.arange(5, 11))
    np.testing.assert_allclose(slopes, [1, 2], atol=0.1)


def test_gradient_at_poles_centre_and_levels():
    """Finite; at a level the mean of both sides' slopes, to rounding."""
    points = sphere.Positions(np.array([0.0, 600.0, 1000.0]), np.array([90.0, -90.0, 90.0]), np.array([0.0, 50.0, 0.0]))
    found = jax.jit(jax.grad(lambda p: jnp.sum(sphere.perturbation(MODEL, p, radii=RADII))))
    gradient = found(points)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))
    assert float(jnp.abs(gradient.latitude[1])) > 1e-6
    np.testing.assert_allclose(gradient.longitude, 0, atol=1e-18)

    at, below, above = np.asarray(
        found(sphere.Positions(np.array([600.0, 599.0, 601.0]), np.full(3, -90.0), np.full(3, 50.0))).radius
    )
    np.testing.assert_allclose(at, (below + above) / 2, rtol=1e-12)


def test_blocks():
    """More points than a block holds: the same values and gradients, to rounding."""
    count = 2 * 2**20 // 81 // 3
    points = positions(count + 17)
    some = jax.tree.map(lambda x: x[:100], points)
    value = sphere.perturbation(MODEL, points, radii=RADII)
    np.testing.assert_allclose(value[:100], sphere.perturbation(MODEL, some, radii=RADII), rtol=0, atol=1e-16)
    np.testing.assert_allclose(value[-50:], by_hand(MODEL, points, RADII)[-50:], rtol=0, atol=1e-15)


def test_precision_and_transformations():
    """Single precision stays, doubles win; compiled and batched models are those one by one, to rounding."""
    points = positions()
    single = jax.tree.map(lambda x: x.astype("float32"), points)
    assert sphere.perturbation(MODEL.astype("float32"), single, radii=RADII).dtype == "float32"
    found = sphere.perturbation(MODEL, single, radii=RADII)
    assert found.dtype == "float64"
    models = jnp.stack([MODEL, -2 * MODEL])
    batched = jax.jit(jax.vmap(lambda c: sphere.perturbation(c, points, radii=RADII)))(models)
    plain = np.asarray(sphere.perturbation(MODEL, points, radii=RADII))
    np.testing.assert_allclose(batched, np.stack([plain, -2 * plain]), rtol=0, atol=1e-15)


def test_extremes():
    """Not passed by 2,000 points of the whole ball, and within the 1 % that is promised of samples three times as dense."""
    model = MODEL[:16]
    low, high = (float(x) for x in sphere.extremes(model))
    inside = np.asarray(sphere.perturbation(model, positions(2000), radii=RADII))
    assert low < inside.min() < inside.max() < high
    finer = np.array([float(x) for x in sphere.extremes(model, oversampling=48)])  # contains the samples of 16
    assert finer[0] <= low
    assert finer[1] >= high
    np.testing.assert_allclose([low, high], finer, rtol=0, atol=0.01 * np.abs(finer).max())


@pytest.mark.parametrize("order", [0, 3, -3])
def test_checkerboard(order):
    """Its extremes are its amplitude, within the 1 % of their sampling; signs alternate; all else is zero."""
    board = sphere.checkerboard(4, order, 3, amplitude=0.1, up_to=5)
    assert board.shape == (36, 3)
    assert np.count_nonzero(board) == 3
    np.testing.assert_array_equal(np.sign(board[16 + 4 + order]), [1, -1, 1])
    np.testing.assert_allclose(np.abs([float(x) for x in sphere.extremes(board)]).max(), 0.1, rtol=0.01)
    assert len(set(sphere.checkerboard(4, order, 2, alternate=False)[20 + order])) == 1


def test_errors():
    """What is wrong, and what would be right."""
    points = positions(3)
    with pytest.raises(ValueError, match=r"`radius` \(2,\).*`longitude` \(3,\) must share one shape"):
        sphere.Positions(np.zeros(2), np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match=r"`coefficients` \(81, 5\) and `radii` \(2,\) must share the axis of levels"):
        sphere.perturbation(MODEL, points, radii=(600.0, 1000.0))
    for radii in ([0.0, 1.0], [1.0, 1.0], [1.0, 3.0, 2.0]):
        with pytest.raises(ValueError, match="must be positive and all increase, or all decrease"):
            sphere.perturbation(np.zeros((9, len(radii))), points, radii=radii)
    with pytest.raises(ValueError, match="80 harmonics belong to no degree"):
        sphere.perturbation(np.zeros((80, 1)), points, radii=[1.0])
    with pytest.raises(ValueError, match="`convention` = 'plain' is unknown"):
        sphere.perturbation(MODEL, points, radii=RADII, convention="plain")
    with pytest.raises(TypeError, match="`radii` are traced; they must be known numbers"):
        jax.jit(lambda r: sphere.perturbation(MODEL, points, radii=r))(jnp.asarray(RADII))
    with pytest.raises(ValueError, match="`oversampling` = 0 must be 1 at least"):
        sphere.extremes(MODEL, oversampling=0)
    with pytest.raises(ValueError, match=r"`order` = 3, `degree` = 2 and `up_to` = 2 must satisfy \|order\| <= degree <= up_to"):
        sphere.checkerboard(2, 3, 1)
    with pytest.raises(ValueError, match="`levels` = 0 must be 1 at least"):
        sphere.checkerboard(2, 1, 0)
