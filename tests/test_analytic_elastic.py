"""The elastic oracles against closed forms in time, against each other and against physics that they do not contain."""

import numpy as np
import pytest
from analytic import acoustic_2d, acoustic_velocity, density_step, relative_l2
from analytic_elastic import line_force_2d, line_moment_2d, moment_tensor_3d, point_force_3d, sh_line_force
from analytic_layers import fluid_over_solid, half_space, half_space_3d
from scipy.fft import irfft, rfft
from scipy.optimize import brentq
from scipy.signal import hilbert

DT, NT, F, RHO = 4e-3, 250, 12.0, 1800.0
VP, VS = 2000.0, 2000.0 / np.sqrt(3)  # a Poisson solid
T = np.arange(NT) * DT
SOLID = (VP, VS, RHO)


def ricker(t):
    a = (np.pi * F * (t - 0.15)) ** 2
    return (1 - 2 * a) * np.exp(-a)


def ricker_rate(t):
    """d ricker / dt, in closed form."""
    a = (np.pi * F * (t - 0.15)) ** 2
    return 2 * (np.pi * F) ** 2 * (t - 0.15) * (2 * a - 3) * np.exp(-a)


def bell(t):
    """A pulse that leaves an impulse, its integral, behind: sqrt(pi) / (pi F)."""
    return np.exp(-((np.pi * F * (t - 0.15)) ** 2))


S = ricker(T)


def central(field, at, axis, h):
    """Derivative of fourth order of `field` along an axis of the position, over four steps h."""
    e = h * np.eye(len(at))[axis]
    at = np.asarray(at, float)
    return (8 * (field(at + e) - field(at - e)) - field(at + 2 * e) + field(at - 2 * e)) / (12 * h)


def delayed(trace, delay):
    """A trace moved by a fraction of a sample, far from the ends."""
    f = np.fft.rfftfreq(trace.shape[-1], DT)
    return irfft(rfft(trace) * np.exp(-2j * np.pi * f * delay), trace.shape[-1])


def surface_waves(traces, places, speed):
    """Traces (receiver, ..., time) cut 0.16 s to either side of what runs at a speed."""
    time = T[1] * np.arange(traces.shape[-1]) - 0.15 - np.reshape(places, (-1,) + (1,) * (traces.ndim - 1)) / speed
    return traces * np.exp(-((time / 0.16) ** 6))


@pytest.mark.parametrize("offset", [(30.0, 10.0, -20.0), (300.0, 150.0, -400.0)], ids=["near", "far"])
def test_point_force_is_aki_and_richards_in_time(offset):
    """Equation 4.23 with its near-field integral by Gauss-Legendre quadrature: 1e-10, the damping and the w^-2 at w = 0."""
    d = np.array([0.3, -1.0, 0.5])
    r = np.linalg.norm(offset)
    gamma = np.array(offset) / r
    nodes, weights = np.polynomial.legendre.leggauss(60)
    half, middle = (r / VS - r / VP) / 2, (r / VS + r / VP) / 2
    tau = middle + half * nodes
    near = half * (tau * ricker_rate(T[:, None] - tau)) @ weights / r**3
    p, s = ricker_rate(T - r / VP) / (VP**2 * r), ricker_rate(T - r / VS) / (VS**2 * r)
    along = gamma * (gamma @ d)
    expected = (np.outer(3 * along - d, near) + np.outer(along, p) - np.outer(along - d, s)) / (4 * np.pi * RHO)
    assert relative_l2(point_force_3d(S, DT, VP, VS, RHO, offset, d), expected) < 1e-10


def test_point_force_leaves_kelvins_static_displacement():
    """The time integral of u is the impulse times Kelvin's solution once the waves are gone: 1e-9, rounding of the two sums."""
    offset, d, mu = np.array([30.0, 10.0, -20.0]), np.array([0.3, -1.0, 0.5]), RHO * VS**2
    r, poisson = np.linalg.norm(offset), 0.25
    kelvin = ((3 - 4 * poisson) * d + offset * (offset @ d) / r**2) / (16 * np.pi * mu * (1 - poisson) * r)
    velocity = point_force_3d(bell(T), DT, VP, VS, RHO, offset, d)
    displaced = np.cumsum(np.cumsum(velocity, axis=1), axis=1)[:, -1] * DT**2
    assert relative_l2(displaced, kelvin * bell(T).sum() * DT) < 1e-9


@pytest.mark.parametrize("ndim", [2, 3])
def test_moment_is_couples_of_forces(ndim):
    """u_n = M_pq dG_np / d(source)_q by differences of fourth order over h = 0.5 m: (kh)^4 / 30 is 1e-6 at 25 Hz."""
    offset, moment = (30.0, 10.0, -20.0)[-ndim:], np.array([[1.0, 0.4, -0.6], [0.7, -2.0, 0.3], [0.2, -0.5, 1.5]])[:ndim, :ndim]
    force, couple = (line_force_2d, line_moment_2d) if ndim == 2 else (point_force_3d, moment_tensor_3d)
    expected = -sum(central(lambda x, q=q: force(S, DT, VP, VS, RHO, x, moment[:, q]), offset, q, 0.5) for q in range(ndim))
    assert relative_l2(couple(ricker_rate(T), DT, VP, VS, RHO, offset, moment), expected) < 1e-6


def test_explosion_radiates_as_in_a_fluid():
    """M = rho vp^2 I is a volume injection at the rate r, and no S wave leaves it: rounding of the w^-2 at w = 0."""
    for offset, couple in (((30.0, -20.0), line_moment_2d), ((30.0, 10.0, -20.0), moment_tensor_3d)):
        moment = RHO * VP**2 * np.eye(len(offset))
        assert relative_l2(couple(S, DT, VP, VS, RHO, offset, moment), acoustic_velocity(S, DT, VP, offset)) < 1e-9


def test_line_sources_are_integrals_of_point_sources():
    """The trapezoidal rule in y converges spectrally once its step, 15 m, is below the shortest wavelength: 1e-9."""
    y = np.arange(-2100.0, 2101.0, 15.0)
    offsets = np.stack([np.full_like(y, 150.0), y, np.full_like(y, -200.0)], axis=1)

    def summed(field):
        return field.sum(axis=0)[[0, 2]] * 15.0

    line = line_force_2d(S, DT, VP, VS, RHO, (150.0, -200.0), (0.3, -1.0))
    assert relative_l2(summed(point_force_3d(S, DT, VP, VS, RHO, offsets, (0.3, 0.0, -1.0))), line) < 1e-9
    antiplane = point_force_3d(S, DT, VP, VS, RHO, offsets, (0.0, 1.0, 0.0)).sum(axis=0)[1] * 15.0
    assert relative_l2(antiplane, sh_line_force(S, DT, VS, RHO, 250.0)) < 1e-9


def test_half_space_reciprocity():
    """G_ij(a, b) = G_ji(b, a), though direct waves and integrals differ: 1e-7, silent frequencies are left out below 1e-8."""
    a, b, axes = np.array([40.0, 0.0]), np.array([130.0, 300.0]), np.eye(2)
    there = [half_space(S, DT, *SOLID, a[0], [b - [0, a[1]]], d)[0] for d in axes]
    back = [half_space(S, DT, *SOLID, b[0], [a - [0, b[1]]], d)[0] for d in axes]
    np.testing.assert_allclose(there, np.swapaxes(back, 0, 1), rtol=0, atol=1e-7 * np.abs(there).max())


def test_half_space_is_the_full_space_until_the_surface_answers():
    """Before the P wave comes back from the surface, to 1e-7 of the peak; after it, the two differ."""
    at, d = np.array([[250.0, 100.0]]), (0.3, -1.0)
    below = half_space(S, DT, *SOLID, 200.0, at, d)[0]
    free = line_force_2d(S, DT, *SOLID, at[0] - [200.0, 0.0], d)
    early, peak = np.hypot(450.0, 100.0) / VP > T - 0.02, np.abs(free).max()
    np.testing.assert_allclose(below[:, early], free[:, early], rtol=0, atol=1e-7 * peak)
    assert np.abs(below - free).max() > 0.1 * peak


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0)], ids=["vertical", "horizontal"])
def test_half_space_has_a_free_surface(direction):
    """Tractions at z = 0 by differences over 1 m, 1e-5 of those at the depth of the source (the formula continues to z < 0)."""

    def traction(at):
        def velocity(x):
            return half_space(S, DT, *SOLID, 40.0, [x], direction)[0]

        d_z, d_x = (central(velocity, at, axis, 0.5) for axis in range(2))
        return np.array([VP**2 * d_z[0] + (VP**2 - 2 * VS**2) * d_x[1], VS**2 * (d_z[1] + d_x[0])])

    assert np.abs(traction((0.0, 150.0))).max() < 1e-5 * np.abs(traction((40.0, 150.0))).max()


def test_rayleigh_wave():
    """In a Poisson solid it runs at 0.9194 vs, unchanged in 2D; v_x is 0.6812 of v_z, a quarter of a period later (retrograde).

    23 and 34 wavelengths from a source at a quarter of one: 3e-3 for the tails of the P and S waves, 5e-3 for a window that cuts
    the slow ends of Hilbert pairs.
    """
    speed, places = VS * np.sqrt(2 - 2 / np.sqrt(3)), np.array([2000.0, 3000.0])
    force, at = ricker(np.arange(825) * DT), np.stack([np.zeros(2), places], axis=1)
    velocity = half_space(force, DT, *SOLID, 25.0, at, (1.0, 0.0), accuracy=1e-5)
    near, far = surface_waves(velocity, places, speed)
    assert relative_l2(delayed(near, 1000.0 / speed), far) < 3e-3
    assert relative_l2(far[1], 0.6812 * hilbert(far[0]).imag) < 5e-3


def test_half_space_3d_is_the_2d_one_when_summed():
    """A line of vertical point forces is the vertical line force: 1e-7, the quadratures in k."""
    y = np.arange(-1950.0, 1951.0, 15.0)
    at = np.stack([np.full_like(y, 20.0), y, np.full_like(y, -200.0)], axis=1)
    line = half_space(S, DT, *SOLID, 60.0, [[20.0, -200.0]], (1.0, 0.0))[0]
    assert relative_l2(half_space_3d(S, DT, *SOLID, 60.0, at).sum(axis=0)[[0, 2]] * 15.0, line) < 1e-7


def test_half_space_3d_leaves_mindlins_static_displacement():
    """Mindlin (1936), a vertical force below a free surface, axis included: 1e-4, of a tail that falls like t^-2."""
    c, nu, mu = 25.0, 0.25, RHO * VS**2
    at = np.array([[0.0, 0.0, 0.0], [0.0, 15.0, -20.0], [10.0, 15.0, 20.0]])
    pulse = bell(np.arange(2 * NT) * DT)
    velocity = half_space_3d(pulse, DT, *SOLID, c, at)
    displaced = np.cumsum(np.cumsum(velocity, axis=-1), axis=-1)[..., -1] * DT / pulse.sum()

    z, r = at[:, 0], np.linalg.norm(at[:, 1:], axis=1)
    near, far = np.hypot(r, z - c), np.hypot(r, z + c)
    vertical = (3 - 4 * nu) / near + (8 * (1 - nu) ** 2 - 3 + 4 * nu) / far + (z - c) ** 2 / near**3
    vertical += ((3 - 4 * nu) * (z + c) ** 2 - 2 * c * z) / far**3 + 6 * c * z * (z + c) ** 2 / far**5
    slope = (z - c) / near**3 + (3 - 4 * nu) * (z - c) / far**3 + 6 * c * z * (z + c) / far**5
    slope -= 4 * (1 - nu) * (1 - 2 * nu) / (far * (far + z + c))
    mindlin = np.column_stack([vertical, slope * at[:, 1], slope * at[:, 2]]) / (16 * np.pi * mu * (1 - nu))
    assert relative_l2(displaced, mindlin) < 1e-4


@pytest.mark.parametrize("rho", [RHO, 3000.0], ids=["none", "step"])
def test_fluid_over_a_solid_without_shear(rho):
    """vs = 1 m/s, the speed of the fluid: no interface, or a step in density alone. Shear is worth (vs / vp)^2: 1e-6."""
    points, height = np.array([[-80.0, 150.0], [0.0, 150.0]]), 60.0
    pressure, _ = fluid_over_solid(S, DT, (VP, RHO), (VP, 1.0, rho), height, points)

    def step(at):
        return density_step(S, DT, VP, (RHO, rho), (-height, 0.0), at, depth=0.0)

    assert relative_l2(pressure, [step(at) for at in points]) < 1e-6
    if rho == RHO:
        assert relative_l2(pressure[0], acoustic_2d(S, DT, VP, RHO, np.hypot(20.0, 150.0))) < 1e-6
    gradient = np.array([central(step, (70.0, 150.0), axis, 0.5) for axis in (0, 1)])
    moving = fluid_over_solid(ricker_rate(T), DT, (VP, RHO), (VP, 1.0, rho), height, [], [[70.0, 150.0]])[1][0]
    assert relative_l2(moving, -gradient / rho) < 1e-5


def test_fluid_over_solid_meets_at_the_interface():
    """Normal velocity and traction continuous, no shear traction: differences over 1 m, 1e-5 (both formulas continue)."""
    fluid, x = (1500.0, 1000.0), 150.0

    def pressure(at):
        return fluid_over_solid(S, DT, fluid, SOLID, 30.0, [at], [])[0][0]

    def velocity(at):
        return fluid_over_solid(S, DT, fluid, SOLID, 30.0, [], [at])[1][0]

    d_z, d_x = (central(velocity, (0.0, x), axis, 0.5) for axis in range(2))
    normal = RHO * (VP**2 * d_z[0] + (VP**2 - 2 * VS**2) * d_x[1])
    shear = RHO * VS**2 * (d_z[1] + d_x[0])
    rate = fluid_over_solid(ricker_rate(T), DT, fluid, SOLID, 30.0, [[0.0, x]])[0][0]
    peak = np.abs(rate).max()
    np.testing.assert_allclose(normal, -rate, rtol=0, atol=1e-5 * peak)
    np.testing.assert_allclose(shear, 0.0, rtol=0, atol=1e-5 * peak)
    acceleration = fluid_over_solid(ricker_rate(T), DT, fluid, SOLID, 30.0, [], [[0.0, x]])[1][0, 0]
    force = -central(pressure, (0.0, x), 0, 0.5) / fluid[1]
    np.testing.assert_allclose(acceleration, force, rtol=0, atol=1e-5 * np.abs(force).max())


def test_scholte_wave():
    """It runs at the root of its secular equation, below every body wave and unchanged in 2D, on both sides alike.

    15 and 26 wavelengths away: 1e-3, for the tails of the faster waves.
    """
    fluid = (1500.0, 1000.0)

    def secular(c):
        p, s, f = (np.sqrt(1 - (c / v) ** 2) for v in (VP, VS, fluid[0]))
        return (2 - (c / VS) ** 2) ** 2 - 4 * p * s + fluid[1] / RHO * (c / VS) ** 4 * p / f

    speed, places = brentq(secular, 0.3 * VS, 0.9999 * VS), np.array([1200.0, 2000.0])
    rate, at = ricker(np.arange(650) * DT), np.stack([np.zeros(2), places], axis=1)
    pressure, velocity = fluid_over_solid(rate, DT, fluid, SOLID, 20.0, at, at, accuracy=1e-5)
    for traces in (pressure, velocity[:, 0], velocity[:, 1]):
        near, far = surface_waves(traces, places, speed)
        assert relative_l2(delayed(near, 800.0 / speed), far) < 1e-3
        assert np.abs(far).max() > 0.5 * np.abs(traces[1]).max()


def test_errors():
    """Each names what is wrong."""
    with pytest.raises(ValueError, match="must end with 3 axes"):
        point_force_3d(S, DT, *SOLID, (30.0, 40.0), (1.0, 0.0))
    with pytest.raises(ValueError, match="must be longer than 0"):
        half_space(S, DT, *SOLID, 0.0, [[0.0, 30.0]], (1.0, 0.0))
