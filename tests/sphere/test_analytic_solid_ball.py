"""The exact solid ball of `analytic_solid_ball.py`: against published values, yspec and other methods written here."""

from pathlib import Path

import numpy as np
import pytest
from analytic import relative_l2
from analytic_solid_ball import (
    SolidBall,
    solid_ball,
    solid_ball_stations,
    spheroidal_eigenfrequencies,
    toroidal_eigenfrequencies,
)
from numpy.polynomial.legendre import leggauss, legval
from scipy.linalg import eigh

BALL = SolidBall(1000.0, 1500.0, 1000.0, 1000.0)
MOMENT, FORCE = (0.8e10, -0.3e10, -0.5e10, 0.4e10, -0.6e10, 0.2e10), (2e7, -1e7, 1.5e7)


def ricker(peak, delay, duration, dt):
    x = np.pi * peak * (np.arange(round(duration / dt)) * dt - delay)
    return (1 - 2 * x**2) * np.exp(-(x**2))


@pytest.mark.parametrize(
    ("found", "published"),
    [
        (toroidal_eigenfrequencies(2, 12.0), [0.7961, 2.2715, 3.3469]),
        (toroidal_eigenfrequencies(3, 9.0), [1.2302, 2.6881]),
        (spheroidal_eigenfrequencies(0, 11.0, ratio=np.sqrt(3)) / np.sqrt(3), [0.8160, 1.9285]),
        (spheroidal_eigenfrequencies(2, 5.0, ratio=np.sqrt(3)), [0.8403, 1.5487]),
    ],
    ids=["nT2", "nT3", "nS0", "nS2"],
)
def test_eigenfrequencies_as_published(found, published):
    """x / pi of Lamb (1882) and of Sato & Usami (1962) for a Poisson solid (radial modes in units of vp), to their last digit."""
    np.testing.assert_allclose(found / np.pi, published, rtol=0, atol=6e-5)


def test_radial_eigenfrequencies():
    """x cot x = 1 - (vp / vs)^2 x^2 / 4 with x = w a / vp: to rounding."""
    ratio = 1.5
    x = spheroidal_eigenfrequencies(0, 20.0, ratio=ratio) / ratio
    assert x.size >= 3
    np.testing.assert_allclose(x / np.tan(x), 1 - (ratio * x / 2) ** 2, rtol=1e-8)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 11])
def test_eigenfrequencies_minimise_the_energy(degree):
    """Rayleigh's quotient over polynomials U, V, W of the radius, which knows nothing of potentials or of the surface: 1e-8."""
    ratio, modes, size = 1.5, degree * (degree + 1), 22
    nodes, weights = leggauss(60)
    r, weights = (nodes + 1) / 2, weights / 2
    basis = np.array([legval(nodes, row) for row in np.eye(size)])
    slopes = np.array([2 * legval(nodes, np.polynomial.legendre.legder(row)) for row in np.eye(size)])

    def product(a, b):
        return (a * weights * r**2) @ b.T

    def frequencies(stiffness, mass):
        x = np.sqrt(np.maximum(eigh(stiffness, mass, eigvals_only=True), 0))
        return x[(x > 0.5) & (x < 15.0)]

    zero = np.zeros_like(basis)
    du, u, v = (np.concatenate(pair) for pair in ((slopes, zero), (basis, zero), (zero, basis)))
    dv = np.concatenate([zero, slopes])
    lateral = (2 * u - modes * v) / r
    shear = dv + (u - v) / r
    energy = (ratio**2 - 2) * product(du + lateral, du + lateral) + 2 * product(du, du) + product(lateral, lateral)
    energy = energy + modes * product(shear, shear) + modes * (modes - 2) * product(v / r, v / r)
    mass = product(u, u) + modes * product(v, v)
    kept = slice(None) if degree else slice(size)
    np.testing.assert_allclose(
        spheroidal_eigenfrequencies(degree, 15.0, ratio=ratio), frequencies(energy[kept, kept], mass[kept, kept]), rtol=1e-8
    )
    if degree:
        shear, w = slopes - basis / r, basis / r
        energy = product(shear, shear) + (modes - 2) * product(w, w)
        np.testing.assert_allclose(toroidal_eigenfrequencies(degree, 15.0), frequencies(energy, product(basis, basis)), rtol=1e-8)


@pytest.mark.parametrize("source", [{"moment": MOMENT}, {"force": FORCE}], ids=["moment", "force"])
def test_nothing_moves_before_the_first_arrival(source):
    """Each degree of what the surface reflects is acausal by itself; 1e-8 of the peak is the pulse's own foot."""
    rate, dt, delay = ricker(4.0, 0.5, 1.3, 0.01), 0.01, 0.5
    radius, gamma = np.array([1000.0, 700.0]), np.array([1.0, 2.0])
    u = solid_ball(rate, dt, BALL, source_radius=800.0, receivers=(radius, gamma, np.array([0.5, 4.0])), **source)
    gap = np.sqrt(radius**2 + 800.0**2 - 1600.0 * radius * np.cos(gamma))
    for trace, arrival in zip(u, gap / BALL.vp, strict=True):
        early = np.arange(rate.size) * dt < arrival + delay - 0.4
        assert early.sum() > 40
        assert np.abs(trace[:, early]).max() < 1e-8 * np.abs(trace).max()


def test_reciprocity():
    """What a force f at one place moves along g at another, g moves along f there: 1e-9 of the peak."""
    rate, dt = ricker(3.0, 0.6, 1.5, 0.01), 0.01
    here, there = (20.0, 10.0, 800.0), (-35.0, 80.0, 950.0)
    f, g = (2.0, -1.0, 1.5), (0.7, 1.0, -2.0)  # r, theta, phi

    def moved(source, station, force, along):
        place = tuple(np.array([x]) for x in station)
        u = solid_ball_stations(rate, dt, BALL, source=source, stations=place, force=force)[0]
        return along[0] * u[0] - along[1] * u[1] + along[2] * u[2]

    forth, back = moved(here, there, f, g), moved(there, here, g, f)
    assert np.abs(forth).max() > 0
    np.testing.assert_allclose(forth, back, rtol=0, atol=1e-9 * np.abs(forth).max())


def test_moment_is_a_pair_of_forces():
    """M_rr is a force 1 / d at r0 + d / 2 and its opposite at r0 - d / 2, up to (d / wavelength)^2: 1e-5 of the peak."""
    dt, d, peak, delay = 0.01, 0.5, 3.0, 0.6
    t = np.arange(150) * dt - delay
    rate, integral = ricker(peak, delay, 1.5, dt), t * np.exp(-((np.pi * peak * t) ** 2))
    receivers = np.array([1000.0, 600.0]), np.array([0.9, 2.0]), np.array([0.3, 2.5])
    moment = solid_ball(rate, dt, BALL, source_radius=800.0, receivers=receivers, moment=(1e10, 0, 0, 0, 0, 0))
    pair = sum(
        sign * solid_ball(integral, dt, BALL, source_radius=800.0 + sign * d / 2, receivers=receivers, force=(1e10 / d, 0, 0))
        for sign in (1, -1)
    )
    np.testing.assert_allclose(pair, moment, rtol=0, atol=1e-5 * np.abs(moment).max())


@pytest.mark.parametrize("name", ["explosion", "double_couple", "force"])
def test_solid_ball_equals_yspec(name):
    """Z N E at four stations, one of them inside, against a method that integrates in radius: no fitted factor.

    yspec lacks the zero frequency, which forces feel most, and its start is muted: 0.2 % of a trace at worst, 0.02 % of many.
    """
    kept = np.load(Path(__file__).with_name("yspec_solid_ball.npz"))
    strength = {"force" if name == "force" else "moment": kept[name]}
    u = solid_ball_stations(kept["rate"], kept["dt"], BALL, source=kept["source"], stations=kept["stations"], **strength)
    for station, expected in zip(u, kept[f"{name}_150"], strict=True):
        for trace, other in zip(station, expected, strict=True):
            assert relative_l2(trace, other) < 0.003
