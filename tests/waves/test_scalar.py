"""Scalar waves against the exact field of a point source, and their convergence.

Geometry of the oracles: a closed box whose walls are so far that nothing comes back within the record, 8 points per shortest
wavelength (2.5 times the peak frequency of the Ricker wavelet), a distance of ten such wavelengths.
"""

import analytic
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import convergence_order

import adseis as ads

SPEED, SPACING, POINTS = 2000.0, 10.0, 8
FREQUENCY = SPEED / (POINTS * SPACING) / 2.5
CLOSED = ads.Rigid()


def point_source(offset, courant, order, dtype=np.float64, frequency=FREQUENCY):
    """Trace at `offset` [cells] from a point source, and the exact one."""
    offset = np.array(offset)
    distance, pulse = np.linalg.norm(offset), 3 / frequency * SPEED / SPACING
    echo = np.sqrt((distance + pulse) ** 2 - distance**2 + offset**2)  # along an axis, by way of its walls: too late to be seen
    wall = np.ceil((echo - np.abs(offset)) / 2).astype(int) + 2
    shape = tuple((np.abs(offset) + 2 * wall + 1).tolist())
    dt = courant * SPACING / SPEED
    nt = int((distance + pulse) / courant)
    s = np.asarray(ads.wavelets.ricker(frequency, nt, dt))
    at = wall * SPACING
    survey = ads.Survey(
        ads.Explosion(at[None, None].astype(dtype), s[None, None].astype(dtype)), (at + offset * SPACING)[None].astype(dtype)
    )
    grid = ads.Grid(shape, SPACING, dt, nt)
    u = ads.simulate_scalar(ads.ScalarMedium(np.full(shape, SPEED, dtype)), survey, grid, boundary=CLOSED, order=order)
    oracle = analytic.scalar_2d if len(shape) == 2 else analytic.scalar_3d
    return u[0, :, 0], oracle(s, dt, SPEED, distance * SPACING)


@pytest.mark.parametrize(("order", "courant", "tolerance"), [(2, 0.1, 1.2e-1), (4, 0.05, 1e-2), (6, 0.05, 1e-3), (8, 0.04, 1e-3)])
def test_green_2d(order, courant, tolerance):
    """Row 1: ten wavelengths away in a generic direction (3 : 4), no fitted scale or shift. The tolerances are dispersion over
    that distance (order 2: 0.10 measured); the time step makes its own error, of second order, a part of them."""
    u, exact = point_source((48, 64), courant, order)
    assert analytic.relative_l2(u, exact) < tolerance


def test_green_2d_float32():
    """The same in float32, order 4: rounding over 3,000 steps is small against the dispersion, so row 1's tolerance holds."""
    u, exact = point_source((48, 64), 0.05, 4, np.float32)
    assert u.dtype == jnp.float32
    assert analytic.relative_l2(u, exact) < 1e-2


@pytest.mark.optimised
def test_green_3d():
    """Row 1 in 3D over three wavelengths in float32: a third of the distance and half of that for the time step leave 1e-2."""
    u, exact = point_source((24, 0, 0), 0.15, 4, np.float32)
    assert analytic.relative_l2(u, exact) < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize(("order", "courant", "tolerance"), [(2, 0.15, 1.2e-1), (4, 0.06, 1e-2), (8, 0.04, 1e-3)])
def test_green_3d_far(order, courant, tolerance):
    """Row 1 in 3D, ten wavelengths away (direction 4 : 4 : 7), in float32, whose rounding over 3,000 steps stays below 1e-4."""
    u, exact = point_source((36, 36, 63), courant, order, np.float32)
    assert analytic.relative_l2(u, exact) < tolerance


@pytest.mark.parametrize(("order", "points"), [(2, (24, 20, 16)), (4, (16, 13, 10)), (6, (12, 10, 8)), (8, (10, 8, 7))])
def test_convergence_in_space(order, points):
    """Row 3: the spacing varies, at a fixed number of wavelengths. Against the exact solution at the scheme's own frequencies,
    (2/dt) sin(w dt/2), which takes the error of the time step away, the error falls with the order of the stencil: within 10 %,
    what higher terms leave."""
    errors = []
    for n in points:
        frequency = SPEED / (n * SPACING) / 2.5
        u, _ = point_source((0, 4 * n), 0.3, order, frequency=frequency)
        dt = 0.3 * SPACING / SPEED
        s = np.asarray(ads.wavelets.ricker(frequency, u.size, dt))
        exact = analytic.convolved(
            s, dt, lambda w, n=n, dt=dt: analytic.green(2 / dt * np.sin(w * dt / 2), SPEED, 4 * n * SPACING, 2)
        )
        errors.append(analytic.relative_l2(u, exact))
    assert convergence_order(1 / np.array(points), errors) == pytest.approx(order, rel=0.1)


def test_convergence_in_time():
    """Row 3: halving dt on one grid quarters the change of the trace: slope 2 within 10 %."""
    grid = ads.Grid((41, 41), SPACING, 2e-3, 121)
    traces = []
    for refine in (1, 2, 4, 8):
        fine = ads.Grid(grid.shape, SPACING, grid.dt / refine, (grid.nt - 1) * refine + 1)
        s = ads.wavelets.ricker(FREQUENCY, fine.nt, fine.dt)[None, None]
        survey = ads.Survey(ads.Explosion(np.array([[[200.0, 150.0]]]), s), np.array([[200.0, 300.0]]))
        traces.append(
            ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, SPEED)), survey, fine, boundary=CLOSED)[0, ::refine, 0]
        )
    changes = [float(np.linalg.norm(a - b)) for a, b in zip(traces, traces[1:], strict=False)]
    assert convergence_order([4, 2, 1], changes) == pytest.approx(2, rel=0.1)


def test_amplitude_is_independent_of_the_spacing():
    """A point source is spread as 1 / cell volume: unequal spacings and an off-node source give the field of the exact one. 2
    %: dispersion of order 8 at 5 points per shortest wavelength along z and 10 along x."""
    spacing, shape, dt = (16.0, 8.0), (81, 161), 1e-3
    s = np.asarray(ads.wavelets.ricker(10.0, 450, dt))
    at, receivers = np.array([643.3, 641.7]), np.array([[900.0, 800.0], [640.0, 900.0], [820.0, 640.0]])
    survey = ads.Survey(ads.Explosion(at[None, None], s[None, None]), receivers)
    u = ads.simulate_scalar(ads.ScalarMedium(np.full(shape, SPEED)), survey, ads.Grid(shape, spacing, dt, s.size), order=8)
    exact = analytic.scalar_2d(s, dt, SPEED, np.linalg.norm(receivers - at[None, :], axis=1))
    assert analytic.relative_l2(u[0].T, exact) < 0.02


def test_batch_of_media():
    """A batch of media is a loop over them, in float64 and jitted as a whole: rounding."""
    grid = ads.Grid((12, 14), SPACING, 1e-3, 30)
    s = ads.wavelets.ricker(20.0, grid.nt, grid.dt)[None, None]
    survey = ads.Survey(ads.Explosion(np.array([[[50.0, 60.0]]]), s), np.array([[20.0, 30.0]]))
    run = lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.CPML(4))  # noqa: E731
    many = jnp.asarray(1500.0 + 500 * np.random.default_rng(0).random((3, 12, 14)))
    looped = jnp.stack([run(vp) for vp in many])
    np.testing.assert_allclose(jax.jit(jax.vmap(run))(many), looped, rtol=0, atol=1e-13 * np.abs(looped).max())
