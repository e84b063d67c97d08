"""From positions to nodes and weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.waves import interpolation

GRID = ads.Grid((30, 32), (10.0, 8.0), 1e-3, 2, origin=(100.0, -50.0))
EXTENDED = ads.CPML(5).extend(GRID, 4, False)
SURFACE = ads.CPML(5).extend(GRID, 4, True)


def sampled(function, extended, stagger=(0.0, 0.0)):
    """A function of (z, x) on the haloed grid."""
    axes = [
        origin + (np.arange(n) - low - extended.halo + shift) * h
        for origin, n, low, h, shift in zip(GRID.origin, extended.haloed, extended.low, GRID.spacing, stagger, strict=True)
    ]
    return jnp.asarray(function(*np.meshgrid(*axes, indexing="ij")))


def taken(field, position, extended=EXTENDED, stagger=(0.0, 0.0), nodal=(False, False), image=-1):
    points = interpolation.points(position, stagger, extended, nodal=nodal, image=image, dtype=jnp.dtype(float))
    return jnp.sum(field.reshape(-1)[points.nodes] * points.weights, -1)


@pytest.mark.parametrize("stagger", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_sinc_is_accurate(stagger):
    """Down to four points per wavelength Hicks's window is good to 0.1 % an axis (0.3 % for both together and the worst
    place)."""
    wave = lambda z, x: np.cos(2 * np.pi * z / 40.0 + 0.3) * np.cos(2 * np.pi * x / 32.0 - 0.2)  # noqa: E731
    position = np.array([[[z, x] for z in np.linspace(180, 190, 7) for x in np.linspace(60, 68, 7)]])
    got = taken(sampled(wave, EXTENDED, stagger), position, stagger=stagger)
    np.testing.assert_allclose(got, wave(position[..., 0], position[..., 1]), atol=3e-3)


def test_on_a_node_the_sinc_is_the_node():
    """The slow path at nodes equals the fast one: sinc of whole numbers vanishes, to rounding."""
    field = sampled(lambda z, x: np.sin(z / 7) + x**2 / 900, EXTENDED)
    position = np.array([[[150.0, 30.0], [390.0, 198.0], [100.0, -50.0]]])
    assert interpolation.on_nodes(position, (0.0, 0.0), EXTENDED) == (True, True)
    fast = taken(field, position, nodal=(True, True))
    np.testing.assert_allclose(fast[0], np.sin(position[0, :, 0] / 7) + position[0, :, 1] ** 2 / 900, rtol=1e-14)
    np.testing.assert_allclose(taken(field, position), fast, atol=1e-12)


def test_which_axes_are_nodal():
    on = interpolation.on_nodes
    assert on(np.array([[[150.0, 31.0]]]), (0.0, 0.0), EXTENDED) == (True, False)
    assert on(np.array([[[155.0, 30.0]]]), (0.5, 0.0), EXTENDED) == (True, True)
    assert on(np.array([[[150.0, 30.0], [150.5, 30.0]]]), (0.0, 0.0), EXTENDED) == (False, True)
    assert on(np.array([[[100 + 29 * 10.0, -50 + 31 * 8.0]]], np.float32), (0.0, 0.0), EXTENDED) == (True, True)
    assert jax.jit(lambda p: jnp.array(on(p, (0.0, 0.0), EXTENDED)))(np.array([[[150.0, 30.0]]])).tolist() == [False, False]


def test_derivative_by_position():
    """The derivative of the weights is that of the wave, to 2 % at six points per wavelength, also on nodes; and that of the
    weights themselves, by central differences off the nodes (their own error, 1e-6; on a node the last tap changes over, and
    with it 1 % of the derivative)."""
    wave = lambda z, x: np.sin(2 * np.pi * z / 60.0) + np.cos(2 * np.pi * x / 48.0)  # noqa: E731
    field = sampled(wave, EXTENDED)
    value = lambda at: taken(field, at[None, None])[0, 0]  # noqa: E731
    for at in (jnp.array([203.7, 61.9]), jnp.array([200.0, 70.0])):
        slope = 2 * np.pi * np.array([np.cos(2 * np.pi * at[0] / 60.0) / 60, -np.sin(2 * np.pi * at[1] / 48.0) / 48])
        gradient = jax.grad(value)(at)
        np.testing.assert_allclose(gradient, slope, atol=0.02 * np.max(np.abs(slope)))
    at = jnp.array([203.7, 61.9])
    numeric = [(value(at + d) - value(at - d)) / 2e-4 for d in 1e-4 * np.eye(2)]
    np.testing.assert_allclose(jax.grad(value)(at), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("stagger", "odd"), [((0.0, 0.0), True), ((0.5, 0.0), False)], ids=["odd on nodes", "even at half cells"]
)
def test_images_above_a_free_surface(stagger, odd):
    """Close to the surface the taps above it are its images: an odd or even wave is interpolated as if the grid went on. 0.3 %,
    the sinc's own."""
    part = np.sin if odd else np.cos
    wave = lambda z, x: part(2 * np.pi * (z - 100.0) / 40.0) * np.cos(x / 20)  # noqa: E731
    field = sampled(wave, SURFACE, stagger).at[:2].set(99.0)  # the halo is not to be read
    position = np.array([[[100.0, 33.3], [103.3, 33.3], [117.0, 33.3]]])
    got = taken(field, position, SURFACE, stagger, image=-1 if odd else 1)
    np.testing.assert_allclose(got, wave(position[..., 0], position[..., 1]), atol=3e-3)


def test_points_at_the_rim():
    """Taps beyond the computed grid weigh nothing, and no index leaves it."""
    bare = ads.Rigid().extend(GRID, 4, False)
    position = np.array([[[100.0, -50.0], [390.0, 198.0], [100.4, 197.0]]])
    points = interpolation.points(position, (0.0, 0.0), bare, nodal=(False, False), image=-1, dtype=jnp.dtype(float))
    rows, columns = np.unravel_index(np.asarray(points.nodes), bare.haloed)
    for index, n in ((rows, 30), (columns, 32)):
        assert np.all((index >= 2) & (index < 2 + n))
    assert np.all(np.isfinite(points.weights))
    np.testing.assert_allclose(jnp.sum(points.weights[0, :2], -1), 1, atol=1e-12)
