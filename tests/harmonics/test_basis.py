"""Harmonics against SciPy, the addition theorem and Laplace's equation; sums against the basis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes
from scipy.special import eval_legendre, sph_harm_y

from adseis.harmonics import degrees_orders, directions, evaluate, harmonics, harmonics_at
from adseis.harmonics.basis import blockwise, rows

rng = np.random.default_rng(0)
LAT = np.concatenate([[90.0, -90.0, 89.99, 0.0], np.degrees(np.arcsin(rng.uniform(-1, 1, 36)))])
LON = rng.uniform(-180, 360, LAT.size)


def of_scipy(lat, lon, degree):
    """SciPy's are complex and have the Condon-Shortley phase."""
    ell, m = degrees_orders(degree)
    theta, phi = np.radians(90 - np.asarray(lat, float))[:, None], np.radians(np.asarray(lon, float))[:, None]
    y = sph_harm_y(ell, np.abs(m), theta, phi) * (-1.0) ** m
    return np.where(m == 0, y.real, np.sqrt(2) * np.where(m > 0, y.real, y.imag))


@pytest.mark.parametrize("degree", [0, 1, 100])
def test_against_scipy(degree):
    """SciPy's three-term recursion loses some 1e-16 L^2 near the poles, where a harmonic changes like L^2 (1 - z)."""
    expected = of_scipy(LAT, LON, degree)
    np.testing.assert_allclose(harmonics(LAT, LON, degree), expected, rtol=0, atol=1e-15 + 2e-16 * degree**2)


@pytest.mark.parametrize("degree", [100, 400])
def test_single_precision(degree):
    """Whatever underflows on the way, a sectoral harmonic of order 130 at 68 degrees say: what is left is what 6e-8 of the angle
    makes of a harmonic, 6e-8 L of the largest, which is sqrt((2 L + 1) / 4 pi)."""
    lat, lon = np.array([0.0, 45.0, 68.0, 80.0, 90.0, -89.9, -70.0], "float32"), np.linspace(-180, 160, 7, dtype="float32")
    found = harmonics(lat, lon, degree)
    assert found.dtype == "float32"
    expected = harmonics(lat.astype(float), lon.astype(float), degree)
    np.testing.assert_allclose(found, expected, rtol=0, atol=6e-8 * degree * np.sqrt((2 * degree + 1) / 4 / np.pi))
    np.testing.assert_allclose(expected[2], of_scipy(lat[2:3], lon[2:3], degree)[0], rtol=0, atol=2e-16 * degree**2)


def test_a_high_degree():
    """Beyond the degree, some 1,900, from which sectoral harmonics that matter underflow in float64: the squares of those of one
    degree add up to (2 l + 1) / (4 pi), to 1e-12 after 2,500 steps."""
    degree = 2500
    y = np.asarray(rows(directions(np.array([80.0]), np.array([33.0])), degree))[:, 0]
    ell = np.arange(degree + 1)
    np.testing.assert_allclose(np.add.reduceat(y**2, ell**2), (2 * ell + 1) / (4 * np.pi), rtol=1e-12)


def test_gradients_of_a_high_degree():
    """By directions at poles and elsewhere, of powers that are lifted, float32: finite, and as in float64 to 1e-5."""
    degree = 150
    weight = rng.normal(size=(degree + 1) ** 2)

    def slopes(dtype):
        n = directions(np.array([90.0, -90.0, 89.0, 0.0, 68.0], dtype), np.linspace(0, 200, 5, dtype=dtype))
        east, zero = np.cross([0.0, 0.6, 0.8], n).astype(dtype), jnp.zeros(5, dtype)
        return jax.grad(lambda t: jnp.sum(harmonics_at(n + t[:, None] * east, degree) @ weight.astype(dtype)))(zero)

    found, expected = np.asarray(slopes("float32")), np.asarray(slopes("float64"))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_globaltomo():
    """(-1)^m times the cosine harmonic, minus the sine one: exact."""
    m = degrees_orders(4)[1]
    plain = np.asarray(harmonics(LAT, LON, 4))
    np.testing.assert_array_equal(harmonics(LAT, LON, 4, convention="globaltomo"), plain * np.where(m < 0, -1, (-1.0) ** m))


def test_addition_theorem():
    """sum over m of Y_lm(a) Y_lm(b) = (2 l + 1) / (4 pi) P_l(a . b), to rounding."""
    degree = 20
    ell = degrees_orders(degree)[0]
    n = np.asarray(directions(LAT, LON))
    y = np.asarray(harmonics_at(n, degree))
    for wanted in (0, 1, 7, degree):
        expected = (2 * wanted + 1) / (4 * np.pi) * eval_legendre(wanted, np.clip(n @ n.T, -1, 1))
        np.testing.assert_allclose(y[:, ell == wanted] @ y[:, ell == wanted].T, expected, rtol=0, atol=1e-12)


def test_laplace():
    """-l (l + 1) Y is the Laplacian: the second derivative along two arcs through a point, by forward differentiation; at the
    pole too. 1e-9 of the largest, L^2: rounding of second derivatives."""
    degree = 6
    ell = degrees_orders(degree)[0]

    def bent(n, along):
        def moved(t):
            return harmonics_at(jnp.cos(t) * n + jnp.sin(t) * along, degree)

        return jax.jacfwd(jax.jacfwd(moved))(0.0)

    bent = jax.jit(bent)
    for lat, lon in ((90.0, 0.0), (-90.0, 77.0), (37.0, -120.0), (0.0, 0.0)):
        n = np.asarray(directions(lat, lon))
        east = np.array([-np.sin(np.radians(lon)), np.cos(np.radians(lon)), 0.0])
        total = np.asarray(bent(n, east)) + np.asarray(bent(n, np.cross(n, east)))
        np.testing.assert_allclose(total, -ell * (ell + 1) * np.asarray(harmonics_at(n, degree)), rtol=0, atol=1e-9)


def test_derivatives_by_latitude_and_longitude():
    """Derivatives per degree at poles and elsewhere, against central differences of SciPy's with the step 1e-3 degrees, whose
    error is (1e-3 pi / 180 L)^2 / 6 = 4e-9 of the largest derivative, which is L pi / 180 times 1; 1e-8 with rounding."""
    degree, lon, h = 8, 21.0, 1e-3
    lats = np.array([90.0, -90.0, 35.0])
    by_lat, by_lon = jax.jit(jax.vmap(jax.jacfwd(lambda x, y: harmonics(x, y, degree), (0, 1)), (0, None)))(lats, lon)
    for i, lat in enumerate(lats):
        # beyond the pole lie smaller latitudes of the opposite meridian
        north, south = ((at, lon) if abs(at) <= 90 else (np.sign(at) * 180 - at, lon + 180) for at in (lat + h, lat - h))
        rise = (of_scipy([north[0]], [north[1]], degree) - of_scipy([south[0]], [south[1]], degree))[0] / (2 * h)
        turn = (of_scipy([lat], [lon + h], degree) - of_scipy([lat], [lon - h], degree))[0] / (2 * h)
        np.testing.assert_allclose(by_lat[i], rise, rtol=0, atol=1e-8)
        np.testing.assert_allclose(by_lon[i], turn, rtol=0, atol=1e-8)


def test_evaluate():
    """The product with the basis, to rounding, for one function and for several, however the points are shaped."""
    c = rng.normal(size=(81, 3))
    y = np.asarray(harmonics(LAT, LON, 8))
    np.testing.assert_allclose(evaluate(c, LAT, LON), y @ c, rtol=0, atol=1e-13)
    folded = evaluate(c[:, 0], LAT.reshape(4, 10), LON.reshape(4, 10))
    np.testing.assert_allclose(folded, (y @ c[:, 0]).reshape(4, 10), rtol=0, atol=1e-13)
    sign = np.asarray(harmonics(LAT, LON, 8, convention="globaltomo"))
    np.testing.assert_allclose(evaluate(c, LAT, LON, convention="globaltomo"), sign @ c, rtol=0, atol=1e-13)


def test_transformations():
    """Compiled, batched by functions and by points: the same to rounding."""
    c = rng.normal(size=(5, 16))
    plain = c @ np.asarray(harmonics(LAT, LON, 3)).T
    np.testing.assert_allclose(jax.jit(jax.vmap(evaluate, (0, None, None)))(c, LAT, LON), plain, rtol=0, atol=1e-13)
    by_point = jax.jit(jax.vmap(evaluate, (None, 0, 0)))(c[0], LAT, LON)
    np.testing.assert_allclose(by_point, plain[0], rtol=0, atol=1e-13)


def test_gradient():
    """Taylor slope 2 by coefficients and points together."""
    at = (jnp.asarray(rng.normal(size=16)), jnp.asarray(LAT), jnp.asarray(LON))
    along = (jnp.asarray(rng.normal(size=16)), jnp.asarray(rng.normal(size=LAT.size)), jnp.asarray(rng.normal(size=LAT.size)))
    slopes = taylor_slopes(lambda parts: jnp.sum(evaluate(*parts) ** 2), at, along)
    np.testing.assert_allclose(slopes, [1, 2], atol=0.1)


def test_blocks():
    """Blocks that do not divide the points evenly give the same bits as all at once, and the same gradient to rounding."""
    x = jnp.asarray(rng.normal(size=(11, 2)))

    def tripled(part):
        return 3 * jnp.sin(part[:, 0])

    np.testing.assert_array_equal(blockwise(tripled, x, size=4), tripled(x))
    found = jax.jit(jax.grad(lambda x: jnp.sum(blockwise(tripled, x, size=4))))(x)
    np.testing.assert_allclose(found[:, 0], 3 * np.cos(x[:, 0]), rtol=1e-15)
    np.testing.assert_array_equal(found[:, 1], 0 * x[:, 1])


def test_no_points():
    """Nowhere there is nothing, of the right shape."""
    assert harmonics(np.zeros((2, 0)), np.zeros((2, 0)), 3).shape == (2, 0, 16)
    assert evaluate(np.zeros((4, 5)), np.zeros(0), np.zeros(0)).shape == (0, 5)


def test_errors():
    """What is wrong, and what would be right."""
    with pytest.raises(ValueError, match="`degree` = -1 must not be negative"):
        harmonics(LAT, LON, -1)
    with pytest.raises(ValueError, match="`convention` = 'schmidt' is unknown; use one of orthonormal, globaltomo"):
        harmonics(LAT, LON, 2, convention="schmidt")
    with pytest.raises(ValueError, match=r"80 harmonics belong to no degree.* such as 81 for L = 8"):
        evaluate(np.zeros(80), LAT, LON)
