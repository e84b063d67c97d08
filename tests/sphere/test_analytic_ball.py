"""The exact solutions of `analytic_ball.py`, against each other and against published values."""

import numpy as np
import pytest
from analytic_ball import fluid_ball, fluid_eigenfrequencies
from scipy.special import eval_legendre, spherical_jn

BALL = {"radius": 1000.0, "speed": 1000.0, "rho": 900.0, "source_radius": 800.0}
RADII, DISTANCES = np.array([500.0, 1000.0, 900.0]), np.array([0.7, 1.2, 2.9])


def pulse(t, f):
    return np.exp(-((f * t) ** 2)) * f / np.sqrt(np.pi)


def trace(f, delay, duration, dt):
    t = np.arange(round(duration / dt)) * dt
    return t, fluid_ball(pulse(t - delay, f), dt, receiver_radius=RADII, distance=DISTANCES, **BALL)


def test_fluid_ball_is_unbounded_until_the_surface_answers():
    """p = -rho s''(t - R / c) / (4 pi R) and u_r = chi_r / rho, no fitted factor.

    Nothing but rounding is truncated: 1e-9 of the peak. The surface answers some 0.8 s after the source.
    """
    f, delay, c, rho = 60.0, 0.1, BALL["speed"], BALL["rho"]
    t, ball = trace(f, delay, 1.0, 1e-3)
    r, gamma = RADII[0], DISTANCES[0]
    gap = np.sqrt(r**2 + 800.0**2 - 2 * r * 800.0 * np.cos(gamma))
    early, late = t < 0.75, t - delay - gap / c
    second = (4 * f**4 * late**2 - 2 * f**2) * pulse(late, f)
    expected = -rho * second / (4 * np.pi * gap)
    np.testing.assert_allclose(ball.pressure[0][early], expected[early], rtol=0, atol=1e-9 * np.abs(expected).max())
    slope = (2 * f**2 * late / c - 1 / gap) * pulse(late, f) / (4 * np.pi * gap)
    for component, along in [(ball.radial, r - 800 * np.cos(gamma)), (ball.colatitudinal, 800 * np.sin(gamma))]:
        expected = slope * along / gap
        np.testing.assert_allclose(component[0][early], expected[early], rtol=0, atol=1e-9 * np.abs(expected).max())


def test_fluid_ball_equals_its_sum_of_modes():
    """chi = kappa / (2 pi a^3) sum (2 l + 1) P_l j_l(k r) j_l(k r0) / j_{l+1}(k a)^2 (response of an oscillator of frequency w).

    Where the pulse is over each mode rings freely, Im(e^{iwt} s^(w)) / w, and what modes beyond k a = 60 add is below the 1e-9 of
    the pulse's spectrum there.
    """
    f, delay, a, c = 6.0, 1.0, BALL["radius"], BALL["speed"]
    t, ball = trace(f, delay, 4.0, 0.01)
    free = t > 2 * delay
    sums = np.zeros((4, RADII.size, t.size))
    for degree in range(60):
        x = fluid_eigenfrequencies(degree, 60.0)
        w = x * c / a
        response = np.exp(-((w / (2 * f)) ** 2)) * np.sin(np.outer(t - delay, w)) / w
        weight = BALL["rho"] * c**2 * (2 * degree + 1) / (2 * np.pi * a**3) / spherical_jn(degree + 1, x) ** 2
        weight = weight * spherical_jn(degree, 0.8 * x)
        ratio = np.outer(RADII / a, x)
        shape, slope = spherical_jn(degree, ratio), spherical_jn(degree, ratio, derivative=True) * x / a
        legendre = eval_legendre(degree, np.cos(DISTANCES))
        previous = eval_legendre(degree - 1, np.cos(DISTANCES)) if degree else 0.0
        turned = -degree * (previous - np.cos(DISTANCES) * legendre) / np.sin(DISTANCES) / RADII  # dP / dgamma / r
        sums[0] += (weight * shape * legendre[:, None]) @ response.T
        sums[1] += (weight * w**2 * shape * legendre[:, None]) @ response.T
        sums[2] += ((weight * slope * legendre[:, None]) @ response.T) / BALL["rho"]
        sums[3] += ((weight * shape * turned[:, None]) @ response.T) / BALL["rho"]
    for trace_, mode_sum in zip(ball, sums, strict=True):
        np.testing.assert_allclose(mode_sum[:, free], trace_[:, free], rtol=0, atol=1e-9 * np.abs(trace_[:, free]).max())


def test_fluid_ball_does_not_depend_on_the_time_step():
    """A band-limited pulse is summed exactly at every step: 1e-10 of the peak. At the surface only u_r is left."""
    _, coarse = trace(40.0, 0.15, 2.4, 2e-3)
    _, fine = trace(40.0, 0.15, 2.4, 1e-3)
    for a, b in zip(coarse, fine, strict=True):
        np.testing.assert_allclose(a, b[:, ::2], rtol=0, atol=1e-10 * np.abs(b).max())
    assert np.abs(fine.pressure[1]).max() < 1e-10 * np.abs(fine.pressure[0]).max()
    assert np.abs(fine.colatitudinal[1]).max() < 1e-10 * np.abs(fine.radial[1]).max()


@pytest.mark.parametrize(
    ("degree", "first"), [(0, [np.pi, 2 * np.pi]), (1, [4.493409458, 7.725251837]), (2, [5.763459197, 9.095011330])]
)
def test_fluid_eigenfrequencies(degree, first):
    """Zeros of spherical Bessel functions as tabulated (Abramowitz & Stegun, table 10.6), to their last digit."""
    np.testing.assert_allclose(fluid_eigenfrequencies(degree, 10.0)[:2], first, rtol=0, atol=1e-8)
