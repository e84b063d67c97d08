"""Acoustic waves against exact solutions: pressure and velocity of volume sources and forces, a step in density, convergence."""

import analytic
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import convergence_order

import adseis as ads

SPEED, DENSITY, SPACING, POINTS = 2000.0, 1300.0, 10.0, 8
FREQUENCY = SPEED / (POINTS * SPACING) / 2.5


def closed_box(offset, courant, frequency=FREQUENCY):
    """Source [m], grid and Ricker wavelet of a box whose walls echo after the end of the record at `offset` [cells]."""
    offset = np.array(offset)
    distance, pulse = np.linalg.norm(offset), 3 / frequency * SPEED / SPACING
    wall = np.ceil((np.sqrt((distance + pulse) ** 2 - distance**2 + offset**2) - np.abs(offset)) / 2).astype(int) + 3
    dt, nt = courant * SPACING / SPEED, int((distance + pulse) / courant)
    grid = ads.Grid((np.abs(offset) + 2 * wall + 1).tolist(), SPACING, dt, nt)
    return wall * SPACING, grid, np.asarray(ads.wavelets.ricker(frequency, nt, dt))


def constant(grid, dtype=np.float64):
    return ads.AcousticMedium(np.full(grid.shape, SPEED, dtype), np.full(grid.shape, DENSITY, dtype))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pressure_2d(dtype):
    """Row 2: p = rho dq/dt convolved with G, ten shortest wavelengths away along 3 : 4: 1e-2 at order 4 is dispersion, in
    float32 too."""
    offset = np.array([48, 64])
    at, grid, s = closed_box(offset, 0.1)
    survey = ads.Survey(ads.Explosion(at[None, None], s[None, None].astype(dtype)), (at + offset * SPACING)[None])
    p = ads.simulate_acoustic(constant(grid, dtype), survey, grid, boundary=ads.Rigid())
    assert p.dtype == dtype
    exact = analytic.acoustic_2d(s, grid.dt, SPEED, DENSITY, 80 * SPACING)
    assert analytic.relative_l2(p[0, :, 0], exact) < 1e-2


@pytest.mark.parametrize(
    "offset", [pytest.param((9, 12), id="2d"), pytest.param((4, 2, 4), id="3d", marks=[pytest.mark.optimised, pytest.mark.slow])]
)
def test_volume_source_and_force(offset):
    """Pressure and every velocity of a volume source and of an oblique force, off the nodes, two or so wavelengths away (in 3D
    three quarters of the shortest one). 1e-2: dispersion of order 4 over that distance, the time step, and the interpolation
    (0.1 %)."""
    offset, axes = np.array(offset), len(offset)
    at, grid, s = closed_box(offset, 0.15)
    at, direction = at + 3.3, np.array([0.6, -0.5, 0.4])[:axes]
    names = ("p", "vz", "vx") if axes == 2 else ("p", "vz", "vy", "vx")
    two = np.broadcast_to(at[None, None], (2, 1, axes))
    silent = np.stack([s, 0 * s])[:, None]
    sources = (ads.Explosion(two, silent), ads.Force(two, silent[::-1], direction[None, None]))
    survey = ads.Survey(sources, (at + offset * SPACING)[None])
    p, *v = ads.simulate_acoustic(constant(grid), survey, grid, boundary=ads.Rigid(), record=names)
    away = offset * SPACING
    oracle = analytic.acoustic_2d if axes == 2 else analytic.acoustic_3d
    exact_p = oracle(s, grid.dt, SPEED, DENSITY, np.linalg.norm(away))
    exact_v = analytic.acoustic_velocity(s, grid.dt, SPEED, away)
    assert analytic.relative_l2(p[0, :, 0], exact_p) < 1e-2
    assert analytic.relative_l2(jnp.stack(v)[:, 0, :, 0], exact_v) < 1e-2
    assert analytic.relative_l2(p[1, :, 0], analytic.force_pressure(s, grid.dt, SPEED, away, direction)) < 1e-2


def test_reflection_and_transmission_at_a_density_step():
    """Row 2: with one speed on both sides the image source is exact at every angle. The step of the grid lies halfway between
    two rows; what remains is dispersion, 1e-2 at order 4."""
    at, grid, s = closed_box((20, 20), 0.15)
    at = at.astype(float)
    row = int(at[0] / SPACING) + 12
    rho = np.where(np.arange(grid.shape[0]) <= row, 1000.0, 2400.0)[:, None] * np.ones(grid.shape)
    receivers = at[None, :] + SPACING * np.array([[4, 20], [20, 10]])
    survey = ads.Survey(ads.Explosion(at[None, None], s[None, None]), receivers)
    p = ads.simulate_acoustic(ads.AcousticMedium(np.full(grid.shape, SPEED), rho), survey, grid, boundary=ads.Rigid())[0]
    depth = (row + 0.5) * SPACING
    for k, receiver in enumerate(receivers):
        exact = analytic.density_step(s, grid.dt, SPEED, (1000.0, 2400.0), at, receiver, depth=depth)
        direct = analytic.acoustic_2d(s, grid.dt, SPEED, 1000.0, np.linalg.norm(receiver - at))
        assert analytic.relative_l2(exact, direct) > 0.2  # the step is heard
        assert analytic.relative_l2(p[:, k], exact) < 1e-2


@pytest.mark.parametrize(
    ("order", "points"),
    [(4, (16, 13, 10)), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((2, (24, 20, 16)), (8, (10, 8, 7))))],
)
def test_convergence_in_space(order, points):
    """Row 3, at a fixed number of wavelengths. The exact solution is taken at the scheme's own frequencies, (2/dt) sin(w dt/2),
    and with the response of its injection (a cubic between samples): what is left falls with the order, within the 10 % of
    higher terms."""
    errors = []
    for n in points:
        at, grid, s = closed_box((0, 3 * n), 0.3, SPEED / (n * SPACING) / 2.5)
        survey = ads.Survey(
            ads.Explosion(at[None, None].astype(float), s[None, None]), at[None] + np.array([[0, 3 * n * SPACING]])
        )
        p = ads.simulate_acoustic(constant(grid), survey, grid, boundary=ads.Rigid(), order=order)[0, :, 0]

        def transfer(w, n=n, dt=grid.dt):
            theta = w * dt / 2
            own, cubic = np.sin(theta) / theta * w, (9 * np.cos(theta) - np.cos(3 * theta)) / 8
            return 1j * own * cubic * DENSITY * analytic.green(own, SPEED, 3 * n * SPACING, 2)

        errors.append(analytic.relative_l2(p, analytic.convolved(s, grid.dt, transfer)))
    assert convergence_order(1 / np.array(points), errors) == pytest.approx(order, rel=0.1)


def test_convergence_in_time():
    """Row 3: halving dt on one grid quarters the change of pressure and velocity: slope 2 within 10 %."""
    shape, dt, nt = (41, 41), 1.6e-3, 121
    traces = []
    for refine in (1, 2, 4):
        grid = ads.Grid(shape, SPACING, dt / refine, (nt - 1) * refine + 1)
        s = ads.wavelets.ricker(FREQUENCY, grid.nt, grid.dt)[None, None]
        survey = ads.Survey(ads.Explosion(np.array([[[200.0, 150.0]]]), s), np.array([[230.0, 300.0]]))
        p, vx = ads.simulate_acoustic(constant(grid), survey, grid, boundary=ads.Rigid(), record=("p", "vx"))
        traces.append((p[0, ::refine, 0], vx[0, ::refine, 0]))
    for field in zip(*traces, strict=True):
        changes = [float(np.linalg.norm(a - b)) for a, b in zip(field, field[1:], strict=False)]
        assert convergence_order([2, 1], changes) == pytest.approx(2, rel=0.1)


@pytest.mark.slow
def test_constant_density_is_the_scalar_equation():
    """p of q is u of rho dq/dt, on one grid and in a medium with structure: both schemes of order 8 at 10 points per shortest
    wavelength, 1 %."""
    grid = ads.Grid((61, 61), SPACING, 5e-4, 700)
    rng = np.random.default_rng(0)
    vp = 2000 + 300 * np.sin(np.arange(61) / 6)[:, None] * np.cos(np.arange(61) / 5 + rng.random())[None, :]
    a = ads.wavelets.ricker(8.0, grid.nt, grid.dt)
    rate = jnp.gradient(a, grid.dt)
    at, receivers = np.array([[[200.0, 300.0]]]), np.array([[400.0, 420.0], [100.0, 130.0]])
    u = ads.simulate_scalar(
        ads.ScalarMedium(vp), ads.Survey(ads.Explosion(at, DENSITY * rate[None, None]), receivers), grid, order=8
    )
    medium = ads.AcousticMedium(vp, np.full(vp.shape, DENSITY))
    p = ads.simulate_acoustic(medium, ads.Survey(ads.Explosion(at, a[None, None]), receivers), grid, order=8)
    assert analytic.relative_l2(p, u) < 1e-2
