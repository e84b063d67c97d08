"""Elastic waves against exact solutions in a full space: forces, moments, explosions; all that is recorded; convergence."""

import analytic
import numpy as np
import pytest
from analytic_elastic import force_displacement, line_force_2d, line_moment_2d, moment_tensor_3d, point_force_3d
from helpers import convergence_order
from problems import solid

import adseis as ads

VS, DENSITY, SPACING, POINTS = 1500.0, 2000.0, 10.0, 10
VP = VS * np.sqrt(3)
SOLID = (VP, VS, DENSITY)
FREQUENCY = VS / (POINTS * SPACING) / 2.5  # 10 points per shortest S wavelength, at 2.5 times the peak of the Ricker wavelet
EVERY = 8  # exact solutions are sampled as coarsely as their spectrum allows


def ricker_and_integral(frequency, nt, dt):
    """A Ricker wavelet and its integral: v of the one is dv/dt of the other, so what the integral moves is the displacement."""
    since = np.arange(nt) * dt - 1.5 / frequency
    return np.asarray(ads.wavelets.ricker(frequency, nt, dt)), since * np.exp(-((np.pi * frequency * since) ** 2))


def separately(*time_functions):
    """The n-th time function in the n-th shot and silence in others: `(shot, 1, time)` for each source."""
    together = np.zeros((len(time_functions), len(time_functions), 1, len(time_functions[0])))
    for n, s in enumerate(time_functions):
        together[n, n, 0] = s
    return together


# In 2D: shot 0 is a force, 1 a moment, 2 an explosion. The first receiver is eight shortest S wavelengths away, the last one and
# a half; nothing lies on nodes but the moment.
DIRECTION, MOMENT = np.array([0.6, -0.8]), 1e6 * np.array([[1.0, 0.7], [0.7, -0.4]])
FIBRE = ads.Fibre((2.0, -1.0), 37.0)
SOURCES = np.array([[83.3, 76.1], [80.0, 80.0], [77.2, 81.9]])
RECEIVERS = np.array([[563.7, 716.2], [120.0, 645.0], [63.1, 214.7]])
RECORD = ("vz", "vx", "uz", "ux", "szz", "sxx", "szx", "p", "divergence", "curl", FIBRE)
AWAY = RECEIVERS[None] - SOURCES[:, None]


@pytest.fixture(scope="module")
def plane():
    """What is recorded of the three shots, every eighth sample of it, and the time functions at these."""
    dt = 1.15e-3
    nt = int((80 * SPACING / VS + 3 / FREQUENCY) / dt)
    s, integral = ricker_and_integral(FREQUENCY, nt, dt)
    force, moment, explosion = separately(s, s, 1e-3 * s)
    at = [np.broadcast_to(x, (3, 1, 2)) for x in SOURCES]
    sources = (
        ads.Force(at[0], force, DIRECTION[None, None]),
        ads.MomentTensor(at[1], moment, MOMENT[None, None]),
        ads.Explosion(at[2], explosion),
    )
    grid = ads.Grid((64, 79), SPACING, dt, nt)
    gathers = ads.simulate_elastic(solid(grid.shape, *SOLID), ads.Survey(sources, RECEIVERS), grid, record=RECORD)
    recorded = {name: np.asarray(g)[:, ::EVERY] for name, g in zip(RECORD, gathers, strict=True)}
    return recorded, s[::EVERY], integral[::EVERY], dt * EVERY


def exact(shot, time_function, dt, offset):
    """Velocities (*receiver, axis, time) of a shot in the plane."""
    if shot == 0:
        return line_force_2d(time_function, dt, *SOLID, offset, DIRECTION)
    moment, strength = (MOMENT, 1.0) if shot == 1 else (DENSITY * VP**2 * np.eye(2), 1e-3)
    return line_moment_2d(strength * time_function, dt, *SOLID, offset, moment)


def exact_gradient(shot, time_function, dt):
    """d v_k / d x_m at the receivers, (m, receiver, k, time), by differences of fourth order over 4 m."""
    around = AWAY[shot][None, None] + np.array([-2, -1, 1, 2.0])[:, None, None, None] * np.eye(2)[None, :, None]
    return np.tensordot([1 / 12, -2 / 3, 2 / 3, -1 / 12], exact(shot, time_function, dt, around), 1)


def together(recorded, names, shot):
    """Several gathers of a shot, (receiver, name, time)."""
    return np.moveaxis(np.stack([recorded[name][shot] for name in names]), (0, 2), (1, 0))


@pytest.mark.parametrize("shot", [0, 1, 2], ids=["force", "moment", "explosion"])
def test_velocity_and_displacement(plane, shot):
    """Row 4: both components together, no fitted scale or shift: 2 % at every receiver, for dispersion of order 4 at 10 points
    per shortest S wavelength, the time step, and the interpolation off the nodes."""
    recorded, s, integral, dt = plane
    for names, time_function in ((("vz", "vx"), s), (("uz", "ux"), integral)):
        got, wanted = together(recorded, names, shot), exact(shot, time_function, dt, AWAY[shot])
        for k in range(len(RECEIVERS)):
            assert analytic.relative_l2(got[k], wanted[k]) < 2e-2


def test_explosion_moves_a_solid_like_a_fluid(plane):
    """It is a volume injection rate there too, and no S wave leaves it: the acoustic velocity of the speed vp. 1 %: P waves have
    17 points per wavelength."""
    recorded, s, _, dt = plane
    for k, offset in enumerate(AWAY[2]):
        wanted = analytic.acoustic_velocity(1e-3 * s, dt, VP, offset)
        assert analytic.relative_l2(together(recorded, ("vz", "vx"), 2)[k], wanted) < 1e-2
    curl, divergence = (np.abs(recorded[name][2]).max() for name in ("curl", "divergence"))
    assert curl < 1e-2 * divergence


@pytest.mark.parametrize("shot", [0, 1], ids=["force", "moment"])
def test_stress_and_strain(plane, shot):
    """Stresses of the gradient of the exact displacement, divergence and curl of that of the velocity: 2 % of all stresses and of
    both rates together, as above; p is minus the mean of the recorded normal stresses."""
    recorded, s, integral, dt = plane
    mu = DENSITY * VS**2
    strain, rate = (exact_gradient(shot, f, dt) for f in (integral, s))
    spread = mu * (strain[0, :, 0] + strain[1, :, 1])  # lambda = mu
    stresses = [spread + 2 * mu * strain[0, :, 0], spread + 2 * mu * strain[1, :, 1], mu * (strain[0, :, 1] + strain[1, :, 0])]
    rates = [rate[0, :, 0] + rate[1, :, 1], rate[0, :, 1] - rate[1, :, 0]]
    for names, wanted in ((("szz", "sxx", "szx"), stresses), (("divergence", "curl"), rates)):
        got = together(recorded, names, shot)
        for k in range(len(RECEIVERS)):
            assert analytic.relative_l2(got[k], np.stack(wanted, 1)[k]) < 2e-2
    mean = -(recorded["szz"] + recorded["sxx"]) / 2
    np.testing.assert_allclose(recorded["p"], mean, rtol=0, atol=1e-12 * np.abs(mean).max())


def test_fibre(plane):
    """The difference of the exact velocities at the ends of the gauge length, along the fibre and over its length: 2 % as above,
    and none of it would survive a point measurement (the gauge is a third of the shortest S wavelength)."""
    recorded, s, _, dt = plane
    d = np.array([2.0, -1.0]) / np.sqrt(5)
    ends = [exact(0, s, dt, AWAY[0] + side * 37.0 / 2 * d) for side in (1.0, -1.0)]
    wanted = np.einsum("k,rkt->rt", d, ends[0] - ends[1]) / 37.0
    for k in range(len(RECEIVERS)):
        assert analytic.relative_l2(recorded[FIBRE][0, :, k], wanted[k]) < 2e-2


@pytest.mark.parametrize("shots", [1, pytest.param(2, marks=pytest.mark.slow)], ids=["together", "apart"])
def test_three_dimensions(shots):
    """Row 4 in 3D: a double couple (shot 0) and an oblique force (shot 1), off the nodes, at six azimuths and depths, one
    shortest S wavelength and more away, near field included: 2 % of the three components together (one alone may be nodal).
    Where both are in one shot, whose waves are of like size, 1 % of their sum, for the one dilutes the errors of the other."""
    dt, radius = 1.5e-3, 10 * SPACING
    nt = int((radius / VS + 2.4 / FREQUENCY) / dt)
    s, _ = ricker_and_integral(FREQUENCY, nt, dt)
    moment = np.asarray(ads.double_couple(25.0, 60.0, 110.0, 1e9))
    direction, at = 5e5 * np.array([0.5, -0.7, 0.3]), np.array([53.3, 114.1, 107.6])
    grid = ads.Grid((11, 23, 23), SPACING, dt, nt)
    where = np.broadcast_to(at, (shots, 1, 3))
    couple, force = separately(s, s) if shots == 2 else (s[None, None], s[None, None])
    sources = (ads.MomentTensor(where, couple, moment[None, None]), ads.Force(where, force, direction[None, None]))
    azimuth = np.deg2rad(20 + 60 * np.arange(6))
    away = np.stack([np.linspace(-45, 40, 6), radius * np.sin(azimuth), radius * np.cos(azimuth)], -1)
    v = np.stack(ads.simulate_elastic(solid(grid.shape, *SOLID), ads.Survey(sources, at + away), grid, boundary=ads.CPML(8)))
    got, s, dt = np.moveaxis(v, (0, 3), (2, 1))[..., ::EVERY], s[::EVERY], dt * EVERY
    for k in range(6):
        wanted = moment_tensor_3d(s, dt, *SOLID, away[k], moment), point_force_3d(s, dt, *SOLID, away[k], direction)
        for shot, exact in enumerate(wanted if shots == 2 else [sum(wanted)]):
            assert analytic.relative_l2(got[shot, k], exact) < 1e-2 * shots


@pytest.mark.slow
def test_a_fluid_is_acoustic():
    """Where vs = 0 everywhere, pressure and velocities are those of the acoustic equation, in a random medium and its layers (of
    one profile in both), of an explosion and of a force: the same sums in another order, so rounding. All normal stresses are
    minus p, and none is shear."""
    grid, rng = ads.Grid((26, 28), SPACING, 2e-3, 250), np.random.default_rng(0)
    vp, rho = 1500 + 500 * rng.random(grid.shape), 1000 + 1000 * rng.random(grid.shape)
    s = np.asarray(ads.wavelets.ricker(12.0, grid.nt, grid.dt))[None, None]
    sources = (ads.Explosion([[[93.3, 81.2]]], s), ads.Force([[[170.0, 200.0]]], 1e6 * s, [[[0.6, -0.8]]]))
    survey = ads.Survey(sources, np.array([[200.0, 60.0], [43.0, 222.0]]))
    names = ("p", "vz", "vx")
    options = {"order": 2, "boundary": ads.CPML(reflection=1e-6, multiaxial=0.1)}  # order 2 compiles faster
    record = (*names, "szz", "sxx", "szx")
    elastic = ads.simulate_elastic(ads.ElasticMedium(vp, 0 * vp, rho), survey, grid, record=record, **options)
    acoustic = ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, grid, record=names, **options)
    p = np.asarray(acoustic[0])
    for got, wanted in zip(elastic, (*acoustic, -p, -p, 0 * p), strict=True):
        peak = np.abs(wanted).max() or np.abs(p).max()
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 * peak)


@pytest.mark.optimised
@pytest.mark.parametrize(
    ("order", "points"),
    [(4, (11, 9, 8)), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((2, (14, 12, 10)), (8, (8, 7, 6))))],
)
def test_convergence_in_space(order, points):
    """Row 3: a force and its P and S waves. One grid serves all: waves n times longer on it are the same waves on a grid n times
    finer. The exact solution is taken at the scheme's own frequencies, (2/dt) sin(w dt/2), and averaged over two half steps: what
    is left falls with the order, within the 10 % of higher terms."""
    dt, most, length = 0.3 * SPACING / VP, max(points), lambda n: int((np.sqrt(5) + 6) * n * VP / VS / 0.3)
    wall = int(0.15 * length(most)) + 6
    grid = ads.Grid((2 * wall + most, 2 * wall + 2 * most), SPACING, dt, length(most))
    frequencies = [VS / (n * SPACING) / 2.5 for n in points]
    s = np.stack([ads.wavelets.ricker(f, grid.nt, dt, delay=1.3 / f) for f in frequencies])
    at = (wall + np.array([0.5, 0.0])) * SPACING  # a node of vz
    away = SPACING * np.array([[n, 2 * n] for n in points])
    force = ads.Force(np.broadcast_to(at, (3, 1, 2)), s[:, None], np.array([[[1.0, 0.0]]]))
    survey = ads.Survey(force, (at + away)[:, None])
    vz = ads.simulate_elastic(solid(grid.shape, *SOLID), survey, grid, boundary=ads.Rigid(), order=order, record="vz")[..., 0]
    errors = []
    for k, n in enumerate(points):

        def transfer(w, k=k):
            own = 2 / dt * np.sin(w * dt / 2)
            return 1j * own * np.cos(w * dt / 2) * force_displacement(own, *SOLID, away[k], (1.0, 0.0))[0]

        errors.append(analytic.relative_l2(vz[k, : length(n)], analytic.convolved(s[k, : length(n)], dt, transfer)))
    assert convergence_order(1 / np.array(points), errors) == pytest.approx(order, rel=0.1)


def test_convergence_in_time():
    """Row 3: halving the step quarters the change of velocity and stress: slope 2 within 10 %. Where speeds are halved instead,
    all is twice as slow, the velocity of a force twice as large, and its stress the same: the step is half as long."""
    grid = ads.Grid((31, 31), SPACING, 2e-3, 401)
    traces = []
    for slower in (1, 2, 4):
        s = np.asarray(ads.wavelets.ricker(12.0 / slower, grid.nt, grid.dt, delay=0.11 * slower))
        survey = ads.Survey(
            ads.Force([[[145.0, 110.0]]], s[None, None], [[[1.0, 0.0]]]), np.array([[170.0, 200.0], [175.0, 200.0]])
        )
        medium = solid(grid.shape, VP / slower, VS / slower, DENSITY)
        stress, velocity = ads.simulate_elastic(medium, survey, grid, boundary=ads.Rigid(), record=("sxx", "vz"))
        traces.append((stress[0, ::slower, 0][:101], velocity[0, ::slower, 1][:101] / slower))
    for field in zip(*traces, strict=True):
        changes = [float(np.linalg.norm(a - b)) for a, b in zip(field, field[1:], strict=False)]
        assert convergence_order([2, 1], changes) == pytest.approx(2, rel=0.1)


def test_names_of_what_is_recorded():
    """Stresses are symmetric in name too; in 3D the curl has three components, and an unknown name is told what there is."""
    grid = ads.Grid((9, 10), SPACING, 1e-3, 5)
    survey = ads.Survey(ads.Explosion([[[40.0, 50.0]]], np.ones((1, 1, 5))), np.array([[50.0, 60.0]]))
    run = lambda record: ads.simulate_elastic(solid(grid.shape, *SOLID), survey, grid, boundary=ads.Rigid(), record=record)  # noqa: E731
    one, other = run(("szx", "sxz"))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"`record` = 'curl_y' is no field of the elastic equation; use .*'curl'"):
        run("curl_y")
