"""Points in the half plane: found wherever they lie, with the weights of an interpolant that is exact for s and z."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.sphere.ball_elements import ball_elements
from adseis.sphere.locate import locate

RADIUS = 1000.0
ELEMENTS = ball_elements(RADIUS, 3, 2, 4)
S, Z = ELEMENTS.coordinates.T


@pytest.fixture(scope="module")
def find():
    """Compiled once, for 400 traced points."""
    found = jax.jit(lambda s, z: locate(ELEMENTS, s, z))

    def call(s, z):
        s, z = (np.resize(np.asarray(x, float), 400) for x in (s, z))
        return found(jnp.asarray(s), jnp.asarray(z)), s, z

    return call


def random_points():
    rng = np.random.default_rng(1)
    r, colatitude = RADIUS * rng.uniform(0, 1, 400) ** (1 / 3), np.arccos(rng.uniform(-1, 1, 400))
    return r * np.sin(colatitude), r * np.cos(colatitude)


def everywhere():
    """The middle of every element, every corner and a point of the rim; in all elements more than once."""
    middles = ELEMENTS.points.mean((1, 2))
    assert 2 * len(middles) < 400
    return np.concatenate([middles, ELEMENTS.points[:, 0, 0], ELEMENTS.points[:, -1, 2], ELEMENTS.points[:, 1, 1]]).T


def special():
    """On the axis and near it, the centre, the surface from pole to pole, and between."""
    angle = np.linspace(0, np.pi, 100)
    r = np.linspace(-RADIUS, RADIUS, 101)
    s = np.concatenate([0 * r, RADIUS * np.sin(angle), [0, 1e-8, 1e-3, 1.0], 0 * r + 1e-3])
    z = np.concatenate([r, RADIUS * np.cos(angle), [0, 0, 0, 0], r * 0.999999])
    return np.abs(s), z


@pytest.mark.parametrize("places", [random_points, everywhere, special])
def test_found(find, places):
    """Weights of nodes that surround the point: they sum to one, and give s and z and their slopes to rounding."""
    at, s, z = find(*places())
    near = lambda weights, values: np.einsum("ap,ap->a", weights, values[at.nodes])  # noqa: E731
    np.testing.assert_allclose(at.value.sum(1), 1, rtol=0, atol=1e-12)
    # The surface's elements are polynomials: they leave the sphere by 1e-4 of an element between nodes.
    np.testing.assert_allclose(near(at.value, S), s, rtol=0, atol=1e-9 * RADIUS)
    np.testing.assert_allclose(near(at.value, Z), z, rtol=0, atol=1e-9 * RADIUS)
    for weights, of_s, of_z in [(at.by_s, 1, 0), (at.by_z, 0, 1)]:
        np.testing.assert_allclose(near(weights, S), of_s, rtol=0, atol=1e-10)
        np.testing.assert_allclose(near(weights, Z), of_z, rtol=0, atol=1e-10)
        np.testing.assert_allclose(weights.sum(1) * RADIUS, 0, rtol=0, atol=1e-10)
    np.testing.assert_allclose(near(at.over_s, S), 1, rtol=0, atol=1e-9)
    assert np.abs(at.value).max() < 1.5  # no extrapolation


def test_inside_the_element(find):
    """Points lie within the bounds of the nodes of their elements, but for how far these are curved."""
    at, s, z = find(*random_points())
    box = ELEMENTS.coordinates[at.nodes]
    slack = 0.02 * RADIUS
    for i, x in enumerate((s, z)):
        assert (x > box[..., i].min(1) - slack).all()
        assert (x < box[..., i].max(1) + slack).all()


def test_gradient_by_position():
    """The weights' derivatives by s and by z are the slopes that are returned."""
    field = jnp.asarray(np.cos(S / 300) * np.sin(Z / 200 + 1))
    s, z = (jnp.asarray(x[:7]) for x in random_points())

    def value(s, z):
        at = locate(ELEMENTS, s, z)
        return jnp.sum(at.value * field[at.nodes], 1)

    at, backward = jax.jit(lambda s, z: (locate(ELEMENTS, s, z), jax.grad(lambda *at: jnp.sum(value(*at)), (0, 1))(s, z)))(s, z)
    by_s, by_z = (np.einsum("ap,ap->a", w, field[at.nodes]) for w in (at.by_s, at.by_z))
    np.testing.assert_allclose(backward, np.stack([by_s, by_z]), rtol=0, atol=1e-11 * np.abs(by_s).max())


@pytest.mark.parametrize("ball", [(2, 1, 2), pytest.param((5, 3, 8), marks=pytest.mark.slow)])
def test_other_meshes(ball):
    """Coarsest and finest degrees: s and z at points everywhere, to rounding."""
    elements = ball_elements(1.0, *ball)
    s, z = (x[:60] / RADIUS for x in random_points())
    at = jax.jit(lambda s, z: locate(elements, s, z))(jnp.asarray(s), jnp.asarray(z))
    found = np.einsum("ap,apc->ac", at.value, elements.coordinates[at.nodes])
    np.testing.assert_allclose(found, np.stack([s, z], 1), rtol=0, atol=1e-12)


def test_over_s_in_single_precision():
    """Of a field that vanishes on the axis, wherever a rounded place is: 1e-4 of what float64 has (measured: 1e-5; 5 to 50 % when
    micrometres from the axis were divided by)."""
    s = np.array([0.0, 3e-6, 3e-5, 1e-3, 5e-3, 0.02, 0.3, 3.0, 30.0])
    field = S * np.cos(Z / 300 + 1) * np.exp(-S / 500)

    def value(dtype):
        at = jax.jit(lambda s, z: locate(ELEMENTS, s, z))(jnp.asarray(s, dtype), jnp.full(len(s), 800.3, dtype))
        return np.einsum("ap,ap->a", np.asarray(at.over_s, float), field[at.nodes])

    np.testing.assert_allclose(value("float32"), value("float64"), rtol=1e-4)
