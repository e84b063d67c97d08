"""Exact waves and eigenfrequencies of homogeneous balls: NumPy and SciPy in float64, no JAX and nothing of adseis.

Sources lie on the axis, at radius r0; a receiver has a radius r and an angular distance gamma from that axis. The radial
component points outward, the colatitudinal one away from the source, along growing gamma.
"""

from typing import NamedTuple

import numpy as np
from analytic import convolved
from scipy.optimize import brentq
from scipy.special import spherical_jn


class BallTraces(NamedTuple):
    """Every field is (*receiver, time)."""

    chi: np.ndarray
    pressure: np.ndarray
    radial: np.ndarray
    colatitudinal: np.ndarray


def fluid_ball(time_function, dt, *, radius, speed, rho, source_radius, receiver_radius, distance):
    r"""Waves of a point source in a homogeneous fluid ball with a pressure-free surface.

    Solves chi_tt / kappa - div(grad chi / rho) = s(t) delta(x - xs), chi(a) = 0; p = -chi_tt, u = grad chi / rho. To the wave
    of the unbounded fluid, chi = rho s(t - R / c) / (4 pi R), each degree adds what the surface reflects (e^{+iwt}, k = w / c),

        i k rho / (4 pi) (2 l + 1) P_l(cos gamma) j_l(k r) j_l(k r0) h_l^(2)(k a) / j_l(k a),

    the closed form of the sum over radial modes. Degrees end where (r r0 / a^2)^l has fallen to 1e-14 beyond l = k a, frequencies
    where the spectrum of s has fallen to 1e-11. As for every exact trace here, s must vanish at both ends and be band-limited.

    Args:
        time_function: (time,) s(t) at t = k dt [m^3].
        dt: Time step [s].
        radius: Of the ball, a [m].
        speed: c [m/s].
        rho: Density [kg/m^3].
        source_radius: r0 < a [m].
        receiver_radius: r <= a [m], any shape.
        distance: gamma [rad], of the same shape.
    """
    shape = np.shape(receiver_radius)
    r, gamma = (np.ravel(np.asarray(x, float)) for x in (receiver_radius, distance))
    r = np.maximum(r, 1e-6 * radius)
    band = spectral_band(time_function, dt)

    def transfer(w):
        kept = w.real <= band
        k = w[kept] / speed
        direct = _unbounded(k, r, source_radius, gamma)
        chi, along_r, along_gamma = (a + b for a, b in zip(direct, _reflected(k, radius, r, source_radius, gamma), strict=True))
        fields = np.zeros((4, r.size, w.size), complex)
        fields[..., kept] = rho * chi, w[kept] ** 2 * rho * chi, along_r, along_gamma
        return fields

    return BallTraces(*(trace.reshape(*shape, -1) for trace in convolved(time_function, dt, transfer)))


def spectral_band(time_function, dt):
    """Angular frequency [rad/s] above which the spectrum stays below 1e-11 of its highest."""
    n = 8 * len(time_function)
    spectrum = np.abs(np.fft.rfft(time_function, n))
    return 2 * np.pi * np.flatnonzero(spectrum > 1e-11 * spectrum.max())[-1] / (n * dt)


def _unbounded(k, r, r0, gamma):
    """e^{-ikR} / (4 pi R), its derivative along r and, over r, along gamma: (receiver, frequency)."""
    gap = np.sqrt((r - r0) ** 2 + 4 * r * r0 * np.sin(gamma / 2) ** 2)[:, None]
    wave = np.exp(-1j * k * gap) / (4 * np.pi * gap)
    slope = -(1j * k + 1 / gap) * wave / gap
    return wave, slope * (r - r0 * np.cos(gamma))[:, None], slope * (r0 * np.sin(gamma))[:, None]


def _reflected(k, a, r, r0, gamma):
    """What the surface adds to `_unbounded`."""
    decay = -np.log(r.max() * r0 / a**2)
    degrees = int(np.abs(k).max() * a + 32 / decay + 30)
    radii, of = np.unique(np.append(r, [r0, a]), return_inverse=True)
    ratio = spherical_ratios(degrees, radii[:, None] * k)
    at_r, at_r0, at_a = ratio[:, of[:-2]], ratio[:, of[-2]], ratio[:, of[-1]]
    z, x = k * a, np.cos(gamma)[:, None]
    outgoing = 1j * np.exp(-1j * z) / z
    amplitude = _j0(k * r[:, None]) * _j0(k * r0) * outgoing / _j0(z)
    previous = np.exp(-1j * z) / z  # h_{-1}
    growth = outgoing / previous
    total = [np.zeros((r.size, k.size), complex) for _ in range(3)]
    legendre, before, slope, slope_before = np.ones_like(x), np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for degree in range(degrees):
        term = (2 * degree + 1) * amplitude
        total[0] += legendre * term
        total[1] += legendre * term * (degree / r[:, None] - k * at_r[degree + 1])
        total[2] += slope * term
        growth = (2 * degree + 1) / z - 1 / growth
        amplitude = amplitude * at_r[degree + 1] * at_r0[degree + 1] * growth / at_a[degree + 1]
        slope, slope_before = slope_before + (2 * degree + 1) * legendre, slope
        legendre, before = ((2 * degree + 1) * x * legendre - degree * before) / (degree + 1), legendre
    total[2] *= -np.sin(gamma)[:, None] / r[:, None]
    return [1j * k / (4 * np.pi) * field for field in total]


def _j0(z):
    return np.sin(z) / z


def spherical_ratios(degrees, z):
    """j_l(z) / j_{l-1}(z) for l = 0..degrees (l = 0 unused), downward from 40 degrees above."""
    ratio, kept = np.zeros_like(z), np.zeros((degrees + 1, *z.shape), complex)
    for degree in range(degrees + 40, 0, -1):
        ratio = 1 / ((2 * degree + 1) / z - ratio)
        if degree <= degrees:
            kept[degree] = ratio
    return kept


def fluid_eigenfrequencies(degree, highest):
    """x = w a / c of the fluid ball's modes of a degree, j_l(x) = 0, up to `highest`."""
    return roots(lambda x: spherical_jn(degree, x), degree + 0.5, highest)


def roots(function, lowest, highest, step=0.2):
    """Of a vectorised function with roots further apart than the step."""
    x = np.arange(lowest, highest + step, step)
    sign = np.sign(function(x))
    brackets = np.flatnonzero(sign[1:] * sign[:-1] < 0)
    roots = [brentq(function, x[i], x[i + 1], xtol=1e-13, rtol=1e-14) for i in brackets]
    return np.array([root for root in roots if root <= highest])
