"""The operators of a solid ball: eigenfrequencies, rigid motions, symmetry, the stable time step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from analytic_solid_ball import spheroidal_eigenfrequencies, toroidal_eigenfrequencies

from adseis import sphere
from adseis.sphere.fourth_order import LIMIT
from adseis.sphere.solid import Lame, SolidBall

VP, VS, RHO = 1500.0, 1000.0, 1000.0


def parts(mesh, vp=VP, vs=VS):
    """A ball's system, mass and moduli."""
    system = SolidBall(mesh.elements, mesh.azimuthal_order, mesh.kept, False)
    ones = jnp.ones(mesh.shape[0])
    mass = 1 / (RHO * jnp.asarray(mesh.elements.mass))
    return system, mass, system.moduli(Lame(RHO * (vp**2 - 2 * vs**2) * ones, RHO * vs**2 * ones))


def projected(system, field):
    """The part of a field that may be: what unit masses do with it."""
    return system.moved(jnp.ones(len(field)), field)


def of_order(mesh, order):
    """Square roots of the eigenvalues of one order: those with u_s and u_z as cosine, u_p as sine of it."""
    system, mass, moduli = parts(mesh)
    nodes = mesh.shape[0]
    k = [2 * order - 1, 2 * order, 2 * order - 1] if order else [0, 0, 0]
    place = np.stack([(3 * np.arange(nodes) + c) * mesh.shape[1] + k[c] for c in range(3)], -1).ravel()
    root = np.sqrt(np.repeat(np.asarray(mass), 3))

    @jax.jit
    def column(i):
        whole = jnp.zeros(np.prod(system.shape)).at[jnp.asarray(place)[i]].set(jnp.asarray(root)[i]).reshape(system.shape)
        return projected(system, system.resisted(moduli, projected(system, whole))).ravel()[place] * root

    matrix = np.asarray(jax.lax.map(column, jnp.arange(len(place)), batch_size=64))
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-12 * np.abs(matrix).max())
    values = np.linalg.eigvalsh(matrix)
    assert values.min() > -1e-9 * values.max()  # nothing grows
    return np.sqrt(np.abs(values))


@pytest.mark.optimised
@pytest.mark.parametrize("order", [pytest.param(0, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.slow), 2])
def test_eigenfrequencies(order):
    """Modes of every order are those of the exact ball; the bar is 0.1 %, the mesh has two elements from the axis to the side.

    Order m holds the modes of all degrees from m on; up to w R / vs = 6.5, a wavelength of the ball's radius, five toroidal ones
    have degrees 1 to 5.
    """
    mesh = sphere.ball(1000.0, 1.0, 1.0, (VS, VP), azimuthal_order=2, resolution=1.0, degree=6)
    found = of_order(mesh, order) * 1000.0 / VS
    toroidal = np.concatenate([toroidal_eigenfrequencies(degree, 6.5) for degree in range(max(order, 1), 6)])
    spheroidal = np.concatenate([spheroidal_eigenfrequencies(degree, 6.5, ratio=VP / VS) for degree in range(order, 6)])
    assert len(toroidal) == (5 if order < 2 else 4)
    assert len(spheroidal) >= 5
    exact = np.concatenate([toroidal, spheroidal])
    nearest = np.abs(found[:, None] / exact - 1).min(0)
    assert nearest.max() < 1e-3, nearest.max()


def test_rigid_motions_meet_no_resistance():
    """Translations along and across the axis, and rotations about and across it: to rounding of the moduli."""
    mesh = sphere.ball(1000.0, 1.0, 1.0, (VS, VP), azimuthal_order=2)
    system, _, moduli = parts(mesh)
    s, z = mesh.elements.coordinates.T
    field = np.zeros((5, *system.shape))
    field[0, :, 2, 0] = 1  # along z
    field[1, :, 0, 1], field[1, :, 1, 2] = 1, -1  # along x: u_s = cos, u_p = -sin
    field[2, :, 0, 2], field[2, :, 1, 1] = 1, 1  # along y: u_s = sin, u_p = cos
    field[3, :, 1, 0] = s  # about z
    field[4, :, 0, 1], field[4, :, 1, 2], field[4, :, 2, 1] = z, -z, -s  # about y
    scale = RHO * VS**2 * mesh.radius
    for motion in field:
        motion = motion / np.abs(motion).max()
        np.testing.assert_allclose(projected(system, jnp.asarray(motion)), motion, atol=1e-12)
        np.testing.assert_allclose(system.resisted(moduli, jnp.asarray(motion)), 0, atol=1e-12 * scale)


def test_the_planned_time_step_is_stable():
    """The largest eigenvalue of a solid, by power iteration, is within what the planner found for a fluid of the speed vp."""
    mesh = sphere.ball(1000.0, 2.0, 1.0, (VS, VP), azimuthal_order=3)
    for vs in (0.3 * VP, VS):
        system, mass, moduli = parts(mesh, vs=vs)
        apply = jax.jit(lambda u, system=system, mass=mass, moduli=moduli: system.moved(mass, system.resisted(moduli, u)))
        u = jax.random.normal(jax.random.key(0), system.shape)
        for _ in range(60):
            u = apply(u)
            largest = jnp.linalg.norm(u)
            u = u / largest
        assert 0.5 * LIMIT < mesh.dt**2 * largest < LIMIT
