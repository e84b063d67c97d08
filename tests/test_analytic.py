"""The oracles against closed forms, against each other and against physics that they do not contain."""

import numpy as np
import pytest
from analytic import (
    acoustic_2d,
    acoustic_3d,
    acoustic_velocity,
    density_step,
    force_pressure,
    half_space_free_surface,
    plane_wave_reflection,
    relative_l2,
    scalar_2d,
    scalar_3d,
)

DT, NT, F, C, RHO = 2e-3, 800, 12.0, 2000.0, 1800.0
T = np.arange(NT) * DT


def ricker(t):
    a = (np.pi * F * (t - 0.15)) ** 2
    return (1 - 2 * a) * np.exp(-a)


def ricker_rate(t):
    """d ricker / dt, in closed form."""
    a = (np.pi * F * (t - 0.15)) ** 2
    return 2 * (np.pi * F) ** 2 * (t - 0.15) * (2 * a - 3) * np.exp(-a)


S = ricker(T)


def line_integral(s, r):
    """2D as 3D summed along a line: u = (1 / 2 pi) int_0^inf s(t - (r/c) cosh a) da; the trapezoid rule converges spectrally."""
    a = np.linspace(0.0, 8.0, 20001)
    weights = np.full(a.size, a[1]) * np.where(a == 0, 0.5, 1.0)
    return np.array([s(t - r / C * np.cosh(a)) @ weights for t in T]) / (2 * np.pi)


@pytest.mark.parametrize("r", [3.0, 517.3, 1500.0])
def test_scalar_2d_is_the_line_integral_of_3d(r):
    """1e-11: the Ricker starts 1e-12 from zero and Nyquist is far, so the damping, 1e-12, is the largest error."""
    assert relative_l2(scalar_2d(S, DT, C, r), line_integral(ricker, r)) < 1e-11


def test_scalar_2d_against_brute_force_convolution():
    """The derivative of s convolved, sum by sum, with the closed-form response to a step, arccosh(ct/r) / (2 pi).

    The square-root front leaves the sums an error of h^1.5: halving the step must more than halve it, from below 1e-3.
    """
    r, errors = 517.3, []
    for refine in (8, 16):
        t = np.arange(refine * NT) * DT / refine
        step = np.arccosh(np.maximum(C * t / r, 1.0)) / (2 * np.pi)
        brute = np.convolve(ricker_rate(t), step)[: t.size] * t[1]
        errors.append(relative_l2(brute[::refine], scalar_2d(S, DT, C, r)))
    assert errors[0] < 1e-3
    assert errors[1] < 0.5 * errors[0]


def test_scalar_3d_is_the_delayed_source():
    """Any delay, not only whole samples: 1e-11, the damping and what the Ricker leaves at t = 0."""
    r = np.array([3.0, 517.3, 1500.0])
    expected = ricker(T[None, :] - r[:, None] / C) / (4 * np.pi * r[:, None])
    assert relative_l2(scalar_3d(S, DT, C, r), expected) < 1e-11


def test_acoustic_is_the_scalar_response_to_rho_dq_dt():
    """The spectral derivative against the closed form, at the tolerance of the scalar solutions."""
    r = 517.3
    assert relative_l2(acoustic_2d(S, DT, C, RHO, r), RHO * line_integral(ricker_rate, r)) < 1e-11
    assert relative_l2(acoustic_3d(S, DT, C, RHO, r), RHO * ricker_rate(T - r / C) / (4 * np.pi * r)) < 1e-11


@pytest.mark.parametrize("offset", [(300.0, -400.0), (300.0, 150.0, -400.0)], ids=["2d", "3d"])
def test_velocity_and_force_are_gradients_of_the_scalar_response(offset):
    """Central differences of G over 0.1 m: their error is (k h)^2 / 6 = 1e-5 at 20 Hz, so 1e-5 of the whole."""
    scalar, h = (scalar_2d if len(offset) == 2 else scalar_3d), 0.1
    steps = h * np.eye(len(offset))
    gradient = [
        (scalar(S, DT, C, np.linalg.norm(offset + e)) - scalar(S, DT, C, np.linalg.norm(offset - e))) / (2 * h) for e in steps
    ]
    assert relative_l2(acoustic_velocity(S, DT, C, offset), -np.array(gradient)) < 1e-5
    direction = np.linspace(0.5, -1.0, len(offset))
    assert relative_l2(force_pressure(S, DT, C, offset, direction), -direction @ np.array(gradient)) < 1e-5


def test_plane_wave_reflection():
    """Normal incidence by hand, energy conserved below the critical angle (41.8 degrees), none transmitted above: rounding."""
    speeds, densities = (2000.0, 3000.0), (1000.0, 2000.0)
    reflected, transmitted = plane_wave_reflection(0.0, speeds, densities)
    assert reflected == pytest.approx(0.5)
    assert transmitted == pytest.approx(1.5)

    angle = np.radians([10.0, 30.0, 41.0])
    reflected, transmitted = plane_wave_reflection(angle, speeds, densities)
    cosine = np.sqrt(1 - (np.sin(angle) * 1.5) ** 2)
    flux = np.abs(transmitted) ** 2 * (2e6 * cosine) / (6e6 * np.cos(angle))
    np.testing.assert_allclose(np.abs(reflected) ** 2 + flux, 1.0, rtol=1e-12)

    reflected, _ = plane_wave_reflection(np.radians([45.0, 70.0]), speeds, densities)
    np.testing.assert_allclose(np.abs(reflected), 1.0, rtol=1e-12)
    assert np.all(reflected.imag > 0)  # the phase advances with e^{+iwt}


def test_grazing_incidence():
    """At 90 degrees every fluid reflects with -1; 1e-9 rad short of it the coefficient is 4e-9 off."""
    reflected, _ = plane_wave_reflection(np.pi / 2 - 1e-9, (2000.0, 3000.0), (1000.0, 2000.0))
    assert reflected == pytest.approx(-1.0, abs=1e-7)


@pytest.mark.parametrize("flat", [(), (70.0,)], ids=["2d", "3d"])
@pytest.mark.parametrize("rho", [None, RHO], ids=["scalar", "acoustic"])
def test_free_surface(flat, rho):
    """Nothing on the surface (rounding), and far below it the direct wave followed by its negative image."""
    source = (200.0, *flat, 100.0)
    peak = np.abs(half_space_free_surface(S, DT, C, source, (210.0, *flat, 100.0), rho=rho)).max()
    surface = half_space_free_surface(S, DT, C, source, (0.0, *flat, 340.0), rho=rho)
    assert np.abs(surface).max() < 1e-12 * peak

    below = half_space_free_surface(S, DT, C, source, (1000.0, *flat, 100.0), rho=rho)
    scalar, acoustic = (scalar_3d, acoustic_3d) if flat else (scalar_2d, acoustic_2d)
    direct, image = (scalar(S, DT, C, r) if rho is None else acoustic(S, DT, C, rho, r) for r in (800.0, 1200.0))
    np.testing.assert_allclose(below, direct - image, rtol=0, atol=1e-12 * peak)


@pytest.mark.parametrize("flat", [(), (70.0,)], ids=["2d", "3d"])
def test_density_step(flat):
    """Pressure and normal velocity are continuous across the step; no step reflects nothing; no mass below is a free surface.

    Velocities are one-sided differences over h = 0.05 m, in error by k h < 0.01 at the highest frequency: 1 % of the peak.
    """
    source, depth, densities = (200.0, *flat, 100.0), 300.0, (1000.0, 2500.0)

    def at(z, densities):
        return density_step(S, DT, C, densities, source, (z, *flat, 340.0), depth=depth)

    peak = np.abs(at(depth, densities)).max()
    np.testing.assert_allclose(at(depth - 1e-9, densities), at(depth, densities), rtol=0, atol=1e-9 * peak)
    above = (at(depth - 1e-9, densities) - at(depth - 0.05, densities)) / densities[0]
    below = (at(depth + 0.05, densities) - at(depth, densities)) / densities[1]
    np.testing.assert_allclose(above, below, rtol=0, atol=0.01 * np.abs(above).max())

    free = acoustic_3d if flat else acoustic_2d
    np.testing.assert_allclose(at(100.0, (RHO, RHO)), free(S, DT, C, RHO, np.hypot(100.0, 240.0)), rtol=0, atol=1e-12 * peak)
    mirrored = half_space_free_surface(S, DT, C, (100.0, *flat, 100.0), (200.0, *flat, 340.0), rho=RHO)
    np.testing.assert_allclose(at(100.0, (RHO, 0.0)), mirrored, rtol=0, atol=1e-12 * peak)
