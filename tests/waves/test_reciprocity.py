"""Symmetries of the discrete equations: reciprocity, and the energy of a closed box."""

import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.waves.stencils import difference, pad, stencils

DT = 1e-3
pytestmark = pytest.mark.filterwarnings("ignore:.*points per shortest wavelength")
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
    ("axes", "boundary", "off_nodes", "dtype", "tolerance"),
    [
        (2, LAYERS, True, float, 1e-10),
        (2, ads.Sponge(5), False, float, 1e-10),
        (3, ads.Rigid(), True, float, 1e-10),
        (2, LAYERS, False, np.float32, 1e-4),
    ],
)
@pytest.mark.parametrize("free_surface", [False, True])
def test_scalar(axes, boundary, off_nodes, dtype, tolerance, free_surface):
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
    np.testing.assert_allclose(u[0], u[1], rtol=0, atol=tolerance * float(jnp.max(jnp.abs(u))))


@pytest.mark.parametrize(
    ("axes", "boundary", "dtype", "tolerance"),
    [(2, LAYERS, float, 1e-10), (2, ads.Sponge(5), float, 1e-10), (3, LAYERS, float, 1e-10), (2, LAYERS, np.float32, 1e-4)],
)
@pytest.mark.parametrize("free_surface", [False, True])
def test_acoustic(axes, boundary, dtype, tolerance, free_surface):
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
        peak = float(jnp.max(jnp.abs(a)))
        assert peak > 0
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * peak)


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
    laplacian = sum(difference(stencils(order, h).second, pad(u, halo), i + 1, halo) for i, h in enumerate(spacing))
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
        slope = difference(stencils(order, spacing[axis]).forward, pad(fields["p"], halo), axis + 1, halo)
        energy += jnp.sum(between * fields[name] ** 2 - (DT * slope / 2) ** 2 / between, space)
    assert_constant(np.asarray(energy))
