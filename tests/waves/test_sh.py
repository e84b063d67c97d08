"""SH waves against the exact field of a line force, its image, their scalar twin, and the energy that a closed box keeps."""

import analytic
import jax.numpy as jnp
import numpy as np
import pytest
from analytic_elastic import sh_line_force
from helpers import convergence_order
from problems import solid

import adseis as ads
from adseis.experiment.sampling import fastest_speed

SPEED, DENSITY, SPACING, POINTS = 1500.0, 2000.0, 10.0, 10
SOLID = (2 * SPEED, SPEED, DENSITY)
FREQUENCY = SPEED / (POINTS * SPACING) / 2.5
ACROSS = np.array([[[0.0, 1.0, 0.0]]])


def line_force(at, s):
    return ads.Force(np.reshape(at, (1, 1, 2)), s[None, None], ACROSS)


@pytest.mark.optimised
def test_line_force():
    """Row 4: ten shortest wavelengths away and close by, off the nodes: velocity and displacement within 1e-2, dispersion of
    order 4 at 10 points per shortest wavelength and the layers. The displacement is that of the integrated force."""
    dt = 1.5e-3
    nt = int((100 * SPACING / SPEED + 3 / FREQUENCY) / dt)
    s = np.asarray(ads.wavelets.ricker(FREQUENCY, nt, dt))
    since = np.arange(nt) * dt - 1.5 / FREQUENCY
    integral = since * np.exp(-((np.pi * FREQUENCY * since) ** 2))
    grid, at = ads.Grid((75, 95), SPACING, dt, nt), np.array([83.3, 76.1])
    away = np.array([[600.0, 800.0], [43.0, 90.7]])
    vy, uy = ads.simulate_sh(solid(grid.shape, *SOLID), ads.Survey(line_force(at, s), at + away), grid, record=("vy", "uy"))
    for k, offset in enumerate(away):
        for u, force in ((vy, s), (uy, integral)):
            assert analytic.relative_l2(u[0, :, k], sh_line_force(force, dt, SPEED, DENSITY, np.linalg.norm(offset))) < 1e-2


def test_stresses():
    """syx and szy are mu times the gradient of the displacement, here by central differences of the exact one: 1e-2 as above."""
    grid = ads.Grid((31, 35), SPACING, 2.5e-3, 240)
    s = np.asarray(ads.wavelets.ricker(FREQUENCY, grid.nt, grid.dt))
    since = grid.times - 1.5 / FREQUENCY
    integral = since * np.exp(-((np.pi * FREQUENCY * since) ** 2))
    at, away = np.array([83.3, 76.1]), np.array([120.0, 170.0])
    stresses = ads.simulate_sh(
        solid(grid.shape, *SOLID), ads.Survey(line_force(at, s), (at + away)[None]), grid, record=("szy", "syx")
    )
    for stress, step in zip(stresses, np.eye(2), strict=True):
        ahead, behind = (
            sh_line_force(integral, grid.dt, SPEED, DENSITY, np.linalg.norm(away + side * step)) for side in (1.0, -1.0)
        )
        assert analytic.relative_l2(stress[0, :, 0], DENSITY * SPEED**2 * (ahead - behind) / 2) < 1e-2


@pytest.mark.parametrize("depth", [100.0, 14.0, 0.0], ids=["buried", "within the images' reach", "on the surface"])
def test_free_surface(depth):
    """The field of the source plus that of its mirror image, on the surface and below: 1e-2 for order 4. A force on the surface
    is the one and its own image: it acts on half a cell."""
    grid = ads.Grid((31, 61), SPACING, 2.5e-3, 300)
    s = np.asarray(ads.wavelets.ricker(FREQUENCY, grid.nt, grid.dt))
    at, receivers = np.array([depth, 120.0]), np.array([[0.0, 400.0], [23.0, 448.0], [150.0, 300.0]])
    vy = ads.simulate_sh(solid(grid.shape, *SOLID), ads.Survey(line_force(at, s), receivers), grid, free_surface=True)[0]
    for k, receiver in enumerate(receivers):
        both = [np.linalg.norm(receiver - at * np.array([side, 1.0])) for side in (1.0, -1.0)]
        assert analytic.relative_l2(vy[:, k], sh_line_force(s, grid.dt, SPEED, DENSITY, np.array(both)).sum(0)) < 1e-2


@pytest.mark.parametrize(
    ("order", "points"),
    [(4, (14, 11, 9)), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((2, (20, 16, 13)), (8, (9, 7.5, 6.5))))],
)
def test_convergence_in_space(order, points):
    """Row 3. One grid serves all: waves n times longer on it are the same waves on a grid n times finer. The exact solution is
    taken at the scheme's own frequencies, (2/dt) sin(w dt/2), and averaged over two half steps: what is left falls with the
    order, within the 10 % of higher terms."""
    far, dt = 3 * max(points), 0.3 * SPACING / SPEED
    away = [round(3 * n) for n in points]
    nt = int((far + 7.5 * max(points)) / 0.3)
    wall = int((far + 7.5 * max(points)) / 2) + 8
    grid = ads.Grid((2 * wall + 1, 2 * wall + int(far)), SPACING, dt, nt)
    frequencies = [SPEED / (n * SPACING) / 2.5 for n in points]
    s = np.stack([ads.wavelets.ricker(f, nt, dt) for f in frequencies])
    at = wall * SPACING * np.ones(2)
    force = ads.Force(np.broadcast_to(at, (3, 1, 2)), s[:, None], ACROSS)
    receivers = np.stack([at + [0.0, n * SPACING] for n in away])[:, None]
    vy = ads.simulate_sh(solid(grid.shape, *SOLID), ads.Survey(force, receivers), grid, boundary=ads.Rigid(), order=order)[..., 0]
    errors = []
    for k, n in enumerate(points):
        length = int((away[k] + 7.5 * n) / 0.3)

        def transfer(w, k=k):
            own = 2 / dt * np.sin(w * dt / 2)
            green = analytic.green(own, SPEED, away[k] * SPACING, 2)
            return 1j * own * np.cos(w * dt / 2) * green / (DENSITY * SPEED**2)

        errors.append(analytic.relative_l2(vy[k, :length], analytic.convolved(s[k, :length], dt, transfer)))
    assert convergence_order(1 / np.array(points), errors) == pytest.approx(order, rel=0.1)


def test_is_the_scalar_equation():
    """In a homogeneous solid the displacement of a force f is the scalar field of f / mu. At order 2 both schemes are the same
    sums in another order: rounding, until the walls answer."""
    grid = ads.Grid((61, 61), SPACING, 0.6 * SPACING / SPEED, 60)
    s = np.asarray(ads.wavelets.ricker(2 * FREQUENCY, grid.nt, grid.dt, delay=0.05))
    at, receivers = np.array([[[300.0, 300.0]]]), np.array([[340.0, 310.0], [300.0, 270.0]])
    options = {"boundary": ads.Rigid(), "order": 2}
    force = ads.Survey(ads.Force(at, s[None, None], ACROSS), receivers)
    twin = ads.Survey(ads.Explosion(at, s[None, None] / (DENSITY * SPEED**2)), receivers)
    uy = ads.simulate_sh(solid(grid.shape, *SOLID), force, grid, record="uy", **options)
    u = ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, SPEED)), twin, grid, **options)
    np.testing.assert_allclose(uy, u, rtol=0, atol=1e-12 * np.abs(u).max())


@pytest.mark.parametrize("order", [2, 4, 8])
def test_energy(order):
    """Row 8: a random closed box with a free surface on top keeps sum H (rho v(n-1/2) v(n+1/2) + s^2 / mu) / 2, where the rows on
    the surface count half: 1e-10 of it over the whole record, not per step only."""
    grid = ads.Grid((12, 13), SPACING, 1e-3, 800)
    rng = np.random.default_rng(0)
    speed = 0.95 * fastest_speed(grid.spacing, grid.dt, order) * (0.4 + 0.6 * rng.random(grid.shape))
    rho = 1000 + 1500 * rng.random(grid.shape)
    pulse = np.zeros(grid.nt)
    pulse[:20] = np.hanning(20)
    survey = ads.Survey(line_force([0.0, 40.0], pulse), np.array([[20.0, 30.0]]))
    _, fields = ads.simulate_sh(
        solid(grid.shape, 2 * speed, speed, rho),
        survey,
        grid,
        boundary=ads.Rigid(),
        free_surface=True,
        order=order,
        probe=lambda f: f,
    )
    mean, before = np.asarray(fields["vy"][:, 0]), np.zeros((grid.nt, *grid.shape))
    for n in range(1, grid.nt):
        before[n] = 2 * mean[n - 1] - before[n - 1]  # probes see the mean of two half steps
    mu = rho * speed**2
    half = np.where(np.arange(12) == 0, 0.5, 1.0)[:, None]
    compliance = {"szy": 0.5 * (1 / mu + 1 / np.vstack([mu[1:], mu[-1:]]))}
    compliance["syx"] = half * 0.5 * (1 / mu + 1 / np.hstack([mu[:, 1:], mu[:, -1:]]))
    doubled = (half * rho)[None] * before * (2 * mean - before)
    doubled = doubled + sum(compliance[name][None] * np.asarray(fields[name][:, 0]) ** 2 for name in compliance)
    energy = doubled.sum((1, 2))[25:] / 2
    assert energy[0] > 0
    assert np.max(np.abs(energy / energy[0] - 1)) < 1e-10


def test_only_the_force_across_acts():
    """Of the three components of a direction only y does; a source in the plane is refused."""
    grid = ads.Grid((12, 13), SPACING, 2e-3, 20)
    at, s = np.array([[[50.0, 60.0]]]), np.hanning(20)[None, None]
    run = lambda d: ads.simulate_sh(solid(grid.shape, *SOLID), ads.Survey(ads.Force(at, s, d), at[0]), grid, boundary=ads.CPML(3))  # noqa: E731
    assert float(jnp.abs(run(ACROSS)).max()) > 0
    with pytest.raises(
        TypeError, match=r"`source` emits a force z, which the SH equation does not take; it takes: \['force y'\]"
    ):
        run(np.array([[[1.0, 1.0, 0.0]]]))
