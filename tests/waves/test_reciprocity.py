"""Symmetries of the discrete equations: reciprocity, and the energy of a closed box."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.waves.stencils import difference, pad, stencils_of

DT = 1e-3
SIZES = {2: ((19, 22), (10.0, 9.0)), 3: ((13, 12, 14), (10.0, 9.0, 11.0))}
LAYERS = ads.CPML(5)


def uneven(shape, low, high, dtype=float, seed=0):
    return (low + (high - low) * np.random.default_rng(seed).random(shape)).astype(dtype)


def places(axes, off_nodes):
    """Two places, four cells or more from every face: the taps of off-node points stay clear of the layers."""
    shape, spacing = SIZES[axes]
    cells = np.array([[5.0] * axes, [n - 6.0 for n in shape]]) + (np.array([[0.31], [-0.42]]) if off_nodes else 0)
    return cells * np.array(spacing)


@pytest.mark.parametrize(
    ("axes", "boundary", "off_nodes", "free_surface", "dtype", "tolerance"),
    [
        (2, LAYERS, True, True, float, 1e-10),
        pytest.param(2, ads.Sponge(5), False, False, float, 1e-10, marks=pytest.mark.slow),
        (3, ads.Rigid(), True, True, float, 1e-10),
        (2, LAYERS, False, False, np.float32, 1e-4),
        pytest.param(2, LAYERS, True, False, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, ads.Sponge(5), False, True, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(3, ads.Rigid(), True, False, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, LAYERS, False, True, np.float32, 1e-4, marks=pytest.mark.slow),
    ],
)
def test_scalar(axes, boundary, off_nodes, free_surface, dtype, tolerance):
    """Row 9: u at B from A is u at A from B in an uneven medium; the operator is symmetric, so rounding: 1e-10 of the peak
    (float32: 1e-4)."""
    shape, spacing = SIZES[axes]
    grid = ads.Grid(shape, spacing, DT, 120)
    at = places(axes, off_nodes)
    s = np.broadcast_to(ads.wavelets.ricker(25.0, grid.nt, DT), (2, 1, grid.nt)).astype(dtype)
    survey = ads.Survey(ads.Explosion(at[:, None], s), at[::-1, None])
    medium = ads.ScalarMedium(uneven(shape, 1500, 3500, dtype))
    u = ads.simulate_scalar(medium, survey, grid, boundary=boundary, free_surface=free_surface)[..., 0]
    assert u.dtype == dtype
    np.testing.assert_allclose(u[0], u[1], rtol=0, atol=tolerance * np.abs(u).max())


@pytest.mark.parametrize(
    ("axes", "boundary", "free_surface", "dtype", "tolerance"),
    [
        (2, LAYERS, True, float, 1e-10),
        pytest.param(3, LAYERS, False, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, LAYERS, False, np.float32, 1e-4, marks=pytest.mark.slow),
        pytest.param(2, LAYERS, False, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, ads.Sponge(5), False, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, ads.Sponge(5), True, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(3, LAYERS, True, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, LAYERS, True, np.float32, 1e-4, marks=pytest.mark.slow),
    ],
)
def test_acoustic(axes, boundary, free_surface, dtype, tolerance):
    """Row 9, variable density, off the nodes, with layers, whose stretched differences are symmetric too: pressure of volume
    sources, and vx by a vertical force against vz by a horizontal one. Rounding."""
    shape, spacing = SIZES[axes]
    grid = ads.Grid(shape, spacing, DT, 120)
    at = places(axes, True)
    s = np.broadcast_to(ads.wavelets.ricker(25.0, grid.nt, DT), (4, 1, grid.nt)).astype(dtype)
    pushed = np.zeros((4, 1, axes), dtype)
    pushed[2, 0, 0] = pushed[3, 0, -1] = 1  # down at A, sideways at B
    twice = np.concatenate([at, at])[:, None]
    volume, force = s * np.array([1, 1, 0, 0], dtype)[:, None, None], s * np.array([0, 0, 1, 1], dtype)[:, None, None]
    survey = ads.Survey(
        (ads.Explosion(twice, volume), ads.Force(twice, force, pushed)), np.concatenate([at[::-1], at[::-1]])[:, None]
    )
    medium = ads.AcousticMedium(uneven(shape, 1500, 3500, dtype), uneven(shape, 1000, 2500, dtype, 1))
    options = {"boundary": boundary, "free_surface": free_surface, "record": ("p", "vz", "vx")}
    p, vz, vx = ads.simulate_acoustic(medium, survey, grid, **options)
    for a, b in ((p[0], p[1]), (vx[2], vz[3])):
        peak = np.abs(a).max()
        assert peak > 0
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * peak)


def uneven_solid(shape, dtype=float, water=0):
    """A strongly uneven elastic medium whose first rows may be a fluid."""
    vs = uneven(shape, 600, 1700, dtype, 2)
    vs[:water] = 0
    return ads.ElasticMedium(uneven(shape, 2000, 3500, dtype), vs, uneven(shape, 1000, 2500, dtype, 1))


def responses(simulate, medium, at, directions, grid, **options):
    """Velocities at places by forces at the same places: `(place and direction, time, place and component)`."""
    dtype, count = medium.vp.dtype, len(directions)
    s = np.asarray(ads.wavelets.ricker(25.0, grid.nt, DT), dtype)[None, None]
    forces = ads.Force(np.repeat(at, count, 0)[:, None], s, np.tile(np.array(directions, dtype), (len(at), 1))[:, None])
    run = jax.jit(lambda: simulate(medium, ads.Survey(forces, at), grid, **options))
    velocities = jnp.stack(jax.tree.leaves(run()), -1)
    assert velocities.dtype == dtype
    return velocities.reshape(len(at) * count, grid.nt, -1)


def assert_symmetric(response, tolerance):
    """By a force i at A, component j at B; by a force j at B, component i at A; each pair over its own peak."""
    for a, b in itertools.combinations(range(len(response)), 2):
        peak = np.abs(response[a, :, b]).max()
        assert peak > 0
        np.testing.assert_allclose(response[a, :, b], response[b, :, a], rtol=0, atol=tolerance * peak, err_msg=f"{a}, {b}")


@pytest.mark.parametrize(
    ("axes", "order", "boundary", "free_surface", "water", "dtype", "tolerance"),
    [
        (2, 4, LAYERS, True, 0, float, 1e-10),
        (2, 2, LAYERS, True, 4, float, 1e-10),
        pytest.param(2, 4, LAYERS, True, 0, np.float32, 1e-4, marks=pytest.mark.slow),
        pytest.param(2, 2, LAYERS, False, 0, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, 4, ads.Sponge(5), True, 4, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(2, 8, ads.Rigid(), True, 0, float, 1e-10, marks=pytest.mark.slow),
        pytest.param(3, 4, LAYERS, True, 0, float, 1e-10, marks=pytest.mark.slow),
    ],
)
def test_elastic(axes, order, boundary, free_surface, water, dtype, tolerance):
    """Row 9 for forces of every direction, off the nodes; under a free surface one place lies less than half a cell below it,
    where differences and interpolation are one-sided. The scheme sums by parts, so rounding (float32: 1e-4)."""
    shape, spacing = SIZES[axes]
    grid, at = ads.Grid(shape, spacing, DT, 120), places(axes, True)
    if free_surface:
        at[0, 0] = 4.0
    options = {"boundary": boundary, "free_surface": free_surface, "order": order}
    response = responses(ads.simulate_elastic, uneven_solid(shape, dtype, water), at, np.eye(axes), grid, **options)
    assert_symmetric(response, tolerance)


@pytest.mark.parametrize(
    ("boundary", "order", "free_surface"),
    [
        (LAYERS, 4, True),
        pytest.param(LAYERS, 2, False, marks=pytest.mark.slow),
        pytest.param(ads.Sponge(5), 8, True, marks=pytest.mark.slow),
    ],
)
def test_sh(boundary, order, free_surface):
    """Row 9: vy at B by a force along y at A is that at A by one at B. Rounding."""
    shape, spacing = SIZES[2]
    grid, at = ads.Grid(shape, spacing, DT, 120), places(2, True)
    if free_surface:
        at[0, 0] = 4.0
    options = {"boundary": boundary, "free_surface": free_surface, "order": order}
    assert_symmetric(responses(ads.simulate_sh, uneven_solid(shape), at, [[0, 1, 0]], grid, **options), 1e-10)


@pytest.mark.parametrize("free_surface", [pytest.param(False, marks=pytest.mark.slow), True])
def test_moments_and_forces(free_surface):
    """vx at B by a moment rate r I at A is the divergence at A by a force along x at B whose time function is the integral of r:
    the sum of its values at half steps, where the scheme injects moments and has them from r by a cubic. Rounding."""
    shape, spacing = SIZES[2]
    grid, (a, b) = ads.Grid(shape, spacing, DT, 120), places(2, True)
    a = a + [30.0, 0.0]  # the divergence is that of the scheme where differences are not one-sided
    r = np.asarray(ads.wavelets.ricker(25.0, grid.nt, DT))
    padded = np.concatenate([[0.0], r, r[-1:], r[-1:]])
    halfway = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
    integral = DT * np.concatenate([[0.0], np.cumsum(halfway)[:-1]])
    first, second = np.array([1.0, 0.0])[:, None, None], np.array([0.0, 1.0])[:, None, None]
    moment = ads.MomentTensor(np.array([[a], [a]]), r * first, np.eye(2)[None, None])
    force = ads.Force(np.array([[b], [b]]), integral * second, np.array([[[0.0, 1.0]]]))
    survey = ads.Survey((moment, force), np.array([[b], [a]]))
    options = {"boundary": LAYERS, "free_surface": free_surface, "record": ("vx", "divergence")}
    vx, divergence = ads.simulate_elastic(uneven_solid(shape), survey, grid, **options)
    peak = np.abs(vx[0]).max()
    assert peak > 0
    np.testing.assert_allclose(vx[0], divergence[1], rtol=0, atol=1e-10 * peak)


def fields_after_the_source(simulate, medium, grid, quiet, order):
    """All fields at every step after the source has ended."""
    rate = jnp.where(jnp.arange(grid.nt) < quiet - 2, ads.wavelets.ricker(30.0, grid.nt, DT), 0)
    middle = np.array([[[(n // 2) * h for n, h in zip(grid.shape, grid.spacing, strict=True)]]])
    survey = ads.Survey(ads.Explosion(middle, rate[None, None]), middle[0])
    fields = simulate(medium, survey, grid, boundary=ads.Rigid(), order=order, probe=lambda fields: fields)[1]
    return {k: v[quiet:, 0] for k, v in fields.items()}


def assert_constant(energy):
    """Row 8: 1e-10 of the initial energy per step; without a drift of its own a conserved sum only collects rounding."""
    assert energy[0] > 0
    assert np.max(np.abs(energy - energy[0])) < 1e-10 * energy[0] * len(energy)


@pytest.mark.parametrize(("axes", "order"), [(2, 4), (3, 8)])
def test_scalar_energy(axes, order):
    """Kinetic energy at half steps and <u, -L u> of the steps on either side is what leapfrog conserves in a closed box."""
    shape, spacing = SIZES[axes]
    grid, quiet = ads.Grid(shape, spacing, DT, 300), 110
    vp = uneven(shape, 1500, 3000)
    u = fields_after_the_source(ads.simulate_scalar, ads.ScalarMedium(vp), grid, quiet, order)["u"]
    halo = order // 2
    laplacian = sum(difference(stencils_of(order, h).second, pad(u, halo), i + 1, halo) for i, h in enumerate(spacing))
    space = tuple(range(1, axes + 1))
    energy = jnp.sum(((u[1:] - u[:-1]) / (vp * DT)[None]) ** 2 - u[1:] * laplacian[:-1], space)
    assert_constant(np.asarray(energy))


@pytest.mark.parametrize(("axes", "order"), [(2, 4), (3, 8)])
def test_acoustic_energy(axes, order):
    """p^2 / kappa at whole steps and the product of rho v half a step before and after: with w their mean, w^2 - (dt grad p /
    (2 rho))^2."""
    shape, spacing = SIZES[axes]
    grid, quiet = ads.Grid(shape, spacing, DT, 300), 110
    vp, rho = uneven(shape, 1500, 3000), uneven(shape, 1000, 2500, seed=1)
    fields = fields_after_the_source(ads.simulate_acoustic, ads.AcousticMedium(vp, rho), grid, quiet, order)
    space, halo = tuple(range(1, axes + 1)), order // 2
    energy = jnp.sum(fields["p"] ** 2 / (rho * vp**2)[None], space)
    for axis, name in enumerate(("vz", "vx") if axes == 2 else ("vz", "vy", "vx")):
        ahead = np.take(rho, [*range(1, shape[axis]), shape[axis] - 1], axis)
        between = ((rho + ahead) / 2)[None]
        slope = difference(stencils_of(order, spacing[axis]).forward, pad(fields["p"], halo), axis + 1, halo)
        energy += jnp.sum(between * fields[name] ** 2 - (DT * slope / 2) ** 2 / between, space)
    assert_constant(np.asarray(energy))
