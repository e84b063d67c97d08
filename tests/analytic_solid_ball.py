"""Exact waves and eigenfrequencies of a homogeneous solid ball: NumPy and SciPy in float64, no JAX and nothing of adseis.

At the source r points up, theta south and phi east. In the source's own frame a receiver has a radius, an angular distance gamma
from the source and a longitude phi counted from the source's south over its east: pi - azimuth.
"""

from typing import NamedTuple

import numpy as np
from analytic import convolved
from analytic_ball import roots, spectral_band, spherical_ratios
from scipy.special import spherical_jn


class SolidBall(NamedTuple):
    """Radius [m], speeds [m/s] and density [kg/m^3]."""

    radius: float
    vp: float
    vs: float
    rho: float


def solid_ball_stations(rate, dt, ball, *, source, stations, moment=None, force=None):
    """`solid_ball` as (station, component, time) in Z (up), N, E.

    Args:
        rate, dt, ball, moment, force: As there.
        source: Latitude and longitude [degrees, geocentric], radius [m].
        stations: The same of every station, each (station,).
    """
    (up, south, east), (outward, southward, eastward) = (_axes(*place[:2]) for place in (source, stations))
    along = np.stack([outward @ south, outward @ east], 1)
    gamma, phi = np.arctan2(np.linalg.norm(along, axis=1), outward @ up), np.arctan2(along[:, 1], along[:, 0])
    receivers = np.asarray(stations[2], float), gamma, phi
    u = solid_ball(rate, dt, ball, source_radius=source[2], receivers=receivers, moment=moment, force=force)
    horizontal = np.cos(phi)[:, None] * south + np.sin(phi)[:, None] * east
    away = np.cos(gamma)[:, None] * horizontal - np.sin(gamma)[:, None] * up
    aside = np.cos(phi)[:, None] * east - np.sin(phi)[:, None] * south
    ground = u[:, 1, None] * away[..., None] + u[:, 2, None] * aside[..., None]  # Cartesian, horizontal
    north, to_east = (np.einsum("ni,nif->nf", axis, ground) for axis in (-southward, eastward))
    return np.stack([u[:, 0], north, to_east], 1)


def _axes(latitude, longitude):
    lat, lon = np.radians(latitude), np.radians(longitude)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)
    south = np.stack([np.sin(lat) * np.cos(lon), np.sin(lat) * np.sin(lon), -np.cos(lat)], -1)
    return up, south, np.stack([-np.sin(lon), np.cos(lon), 0 * lat], -1)


def toroidal_eigenfrequencies(degree, highest):
    """x = w a / vs of the toroidal modes nT_l, l > 0, (l - 1) j_l(x) = x j_{l+1}(x), up to `highest`; rigid rotation left out."""
    return roots(lambda x: (degree - 1) * spherical_jn(degree, x) - x * spherical_jn(degree + 1, x), 0.5, highest, 0.05)


def spheroidal_eigenfrequencies(degree, highest, *, ratio):
    """x = w a / vs of the spheroidal modes nS_l, up to `highest`, for ratio = vp / vs; rigid translation left out.

    Without gravity: P and S waves, regular at the centre, that leave the surface free of traction (radial ones need P alone).
    """
    unit = SolidBall(1.0, ratio, 1.0, 1.0)
    modes = degree * (degree + 1)

    def bessel(k):
        value, slope = spherical_jn(degree, k), k * spherical_jn(degree, k, derivative=True)
        return value, slope, -2 * slope + (modes - k**2) * value

    def determinant(x):
        value, slope, curvature = bessel(x / ratio)
        p = _traction(modes, unit, slope, value, curvature, slope - value)
        if degree == 0:
            return p[0]
        s = _traction(modes, unit, *_shear(modes, 1.0, *bessel(x)))
        return (p[0] * s[1] - p[1] * s[0]) / np.hypot(*p) / np.hypot(*s)

    return roots(determinant, 0.5, highest, 0.01)


class _Part(NamedTuple):
    """A source's part of azimuthal order m: what it makes of the fields at its place, and its two turns about the axis."""

    order: int
    spheroidal: np.ndarray  # (kind, frequency)
    toroidal: np.ndarray | float
    along: np.ndarray  # (receiver, 1): factor of u_r and u_gamma
    across: np.ndarray  # factor of u_phi


def solid_ball(rate, dt, ball, *, source_radius, receivers, moment=None, force=None):
    r"""Displacement [m] of a point source in a homogeneous solid ball with a free surface and no gravity.

    To the wave of the unbounded solid (Aki & Richards 2002, eq. 4.23 and 4.29, in frequency) each degree adds what the surface
    reflects: regular P and S waves that cancel its traction there, two by two, and regular SH waves. Degrees end where
    (r r0 / a^2)^l has fallen to 1e-14 beyond l = w a / vs, frequencies where the spectrum of s has fallen to 1e-11.

    Args:
        rate: (time,) s(t) at t = k dt; it must vanish at both ends and be band-limited, its integral need not be zero.
        dt: Time step [s].
        ball: Of what it is made.
        source_radius: 0 < r0 < a [m].
        receivers: Radius [m], distance gamma [rad], longitude phi [rad], each (receiver,).
        moment: rr, tt, pp, rt, rp, tp [N m]: the moment's rate is s(t) times this.
        force: r, t, p [N]: the force is s(t) times this.

    Returns:
        (receiver, component, time), along r (up), gamma (away from the source) and phi (counterclockwise seen from above it).
    """
    r, gamma, phi = (np.asarray(x, float) for x in receivers)
    r = np.maximum(r, 1e-6 * ball.radius)
    band = spectral_band(rate, dt)

    def transfer(w):
        kept = w.real <= band
        total = np.zeros((r.size, 3, w.size), complex)
        for tensor, is_moment in ((moment, True), (force, False)):
            if tensor is None:
                continue
            tensor = np.asarray(tensor, float)
            field = _unbounded(w[kept], ball, source_radius, (r, gamma, phi), tensor)
            field += _reflected(w[kept], ball, source_radius, (r, gamma, phi), tensor)
            total[..., kept] += field / (1j * w[kept]) if is_moment else field
        return total

    return convolved(rate, dt, transfer)


def _unbounded(w, ball, r0, receivers, tensor):
    """Of a unit step's spectrum left out: the moment tensor (6,) or force (3,) is constant in frequency."""
    r, gamma, phi = (x[:, None] for x in receivers)
    away = np.concatenate([np.sin(gamma) * np.cos(phi), np.sin(gamma) * np.sin(phi), np.cos(gamma)], 1)  # south, east, up
    turned = np.concatenate([np.cos(gamma) * np.cos(phi), np.cos(gamma) * np.sin(phi), -np.sin(gamma)], 1)
    aside = np.concatenate([-np.sin(phi), np.cos(phi), 0 * phi], 1)
    x = r * away - [0, 0, r0]
    gap = np.linalg.norm(x, axis=1)[:, None]
    ka, kb = w / ball.vp, w / ball.vs
    p, s = _slopes(ka, gap), _slopes(kb, gap)
    a, b, c = (s[n] - p[n] for n in (1, 2, 3))
    x = x[:, :, None]
    if tensor.size == 3:
        f = tensor[[1, 2, 0]]
        u = (kb**2 * s[0] + a)[:, None] * f[:, None] + (b * (x[:, :, 0] @ f)[:, None])[:, None] * x
    else:
        rr, tt, pp, rt, rp, tp = tensor
        m = np.array([[tt, tp, rt], [tp, pp, rp], [rt, rp, rr]])
        mx = np.einsum("ij,njk->nik", m, x)
        u = -((kb**2 * s[1] + 2 * b)[:, None] * mx + (np.trace(m) * b + c * (x * mx).sum(1))[:, None] * x)
    u = u / (4 * np.pi * ball.rho * w**2)
    return np.stack([np.einsum("ni,nif->nf", e, u) for e in (away, turned, aside)], 1)


def _slopes(k, gap):
    """(1/R d/dR)^n of e^{-ikR} / R for n = 0..3."""
    z, wave = 1j * k * gap, np.exp(-1j * k * gap)
    polynomials = (1.0, -(z + 1), z**2 + 3 * z + 3, -(z**3 + 6 * z**2 + 15 * z + 15))
    return [wave * polynomial / gap ** (2 * n + 1) for n, polynomial in enumerate(polynomials)]


def _reflected(w, ball, r0, receivers, tensor):
    r, gamma, phi = (x[:, None] for x in receivers)
    a = ball.radius
    degrees = int(np.abs(w).max() * a / ball.vs + 32 / -np.log(r.max() * r0 / a**2) + 30)
    distinct, of = np.unique(r[:, 0], return_inverse=True)
    radii = np.concatenate([distinct, [r0, a]])
    waves = [_Waves(degrees, w / speed, radii) for speed in (ball.vp, ball.vs)]
    legendre = _legendre(degrees, np.cos(gamma))
    sine, cosine = np.sin(gamma), np.cos(gamma)
    radii = radii[:, None]
    total = np.zeros((3, r.shape[0], w.size), complex)
    for degree in range(degrees):
        p, s = (wave.advance(degree) for wave in waves)
        modes = degree * (degree + 1)
        fields = _spheroidal(modes, radii, p, s)  # kind: U, V, dU, dV (radius, frequency)
        reflected = _reflection(degree, w, ball, p, s, [[f[-1] for f in kind] for kind in fields])
        twist = s.value, s.slope - s.value / radii  # W and W' - W / r
        d0, d1, d2, d3 = legendre[degree]
        angular = {
            0: (d0, -sine * d1, 0.0),
            1: (sine * d1, cosine * d1 - sine**2 * d2, d1),
            2: (sine**2 * d2, 2 * sine * cosine * d2 - sine**3 * d3, 2 * sine * d2),
        }  # p, dp / dgamma, m p / sin gamma
        for part in _parts(tensor, modes, r0, fields, twist, phi):
            if degree < part.order:
                continue
            y, along, across = angular[part.order]
            first, second = (reflected[0] * part.spheroidal).sum(1)
            u, v = ((first * fields[0][n][:-2] + second * fields[1][n][:-2])[of] for n in (0, 1))
            t = (reflected[1] * part.toroidal * twist[0][:-2])[of]
            weight = (2 * degree + 1) / (4 * np.pi)
            total[0] += weight * part.along * y * u
            total[1] += weight * part.along * along * v + weight * part.along * across * t
            total[2] += weight * part.across * across * v + weight * part.across * along * t
    return total.swapaxes(0, 1)


class _Waves:
    """j_l(k r) / j_l(k a), its slope and curvature, and what is outgoing at a, degree by degree; the last radius is a."""

    def __init__(self, degrees, k, radii):
        self.k, self.r, self.a = k, radii[:, None], radii[-1]
        self.ratio = spherical_ratios(degrees, self.r * k)
        z = k * self.a
        self.value = np.sin(k * self.r) / (k * self.r) / (np.sin(z) / z)
        self.product = np.sin(z) / z * 1j * np.exp(-1j * z) / z  # j_l(k a) h_l(k a)
        self.growth = 1j  # h_l / h_{l-1}

    def advance(self, degree):
        if degree:
            step = self.ratio[degree]
            self.value = self.value * step / step[-1]
            self.product = self.product * step[-1] * self.growth
        else:
            self.growth = np.full(self.k.shape, 1j)
        modes, k = degree * (degree + 1), self.k
        self.growth = (2 * degree + 1) / (k * self.a) - 1 / self.growth
        self.slope = self.value * (degree / self.r - k * self.ratio[degree + 1])
        self.curvature = -2 / self.r * self.slope + (modes / self.r**2 - k**2) * self.value
        self.out_slope = degree / self.a - k * self.growth
        self.out_curvature = -2 / self.a * self.out_slope + modes / self.a**2 - k**2
        return self


def _spheroidal(modes, r, p, s):
    """U, V, U', V' of grad(j Y) and curl curl(r j Y)."""
    first = p.slope, p.value / r, p.curvature, p.slope / r - p.value / r**2
    return first, _shear(modes, r, s.value, s.slope, s.curvature)


def _shear(modes, r, value, slope, curvature):
    bend = slope / r - value / r**2
    return modes * value / r, value / r + slope, modes * bend, bend + curvature


def _traction(modes, ball, u, v, du, dv):
    mu = ball.rho * ball.vs**2
    lam = ball.rho * ball.vp**2 - 2 * mu
    a = ball.radius
    return lam * (du + (2 * u - modes * v) / a) + 2 * mu * du, mu * (dv + (u - v) / a)


def _reflection(degree, w, ball, p, s, regular):
    """What regular waves of kind a answer to outgoing ones of kind b: (2, 2, frequency), and of SH (frequency,)."""
    a, mu, modes = ball.radius, ball.rho * ball.vs**2, degree * (degree + 1)
    strength = -1j / (ball.rho * w**2) * np.array([p.k * p.product, s.k * s.product / max(modes, 1)])
    out = (
        (p.out_slope, np.full_like(w, 1 / a), p.out_curvature, p.out_slope / a - 1 / a**2),
        _shear(modes, a, np.ones_like(w), s.out_slope, s.out_curvature),
    )
    inward = [_traction(modes, ball, *kind) for kind in regular]
    outward = [_traction(modes, ball, *kind) for kind in out]
    answer = np.zeros((2, 2, w.size), complex)
    if degree == 0:
        answer[0, 0] = -outward[0][0] / inward[0][0] * strength[0]
        return answer, np.zeros_like(w)
    determinant = inward[0][0] * inward[1][1] - inward[1][0] * inward[0][1]
    for kind in range(2):
        normal, shear = outward[kind]
        answer[0, kind] = -(normal * inward[1][1] - inward[1][0] * shear) / determinant * strength[kind]
        answer[1, kind] = -(inward[0][0] * shear - normal * inward[0][1]) / determinant * strength[kind]
    sh = -(s.out_slope - 1 / a) / (s.slope[-1] - 1 / a) * -1j * s.k * s.product / (mu * modes)
    return answer, sh


def _parts(tensor, modes, r0, fields, twist, phi):
    """Contraction of the source with displacement or strain of the waves on the axis, in units of (2 l + 1) / 4 pi."""
    u, v, du, dv = (np.array([kind[n][-2] for kind in fields]) for n in range(4))
    w, shear = (field[-2] for field in twist)
    one, two = (np.cos(phi), np.sin(phi)), (np.cos(2 * phi), np.sin(2 * phi))
    if tensor.size == 3:
        up, south, east = tensor
        return [
            _Part(0, up * u, 0.0, np.ones_like(phi), 0 * phi),
            _Part(1, v, w, south * one[0] + east * one[1], east * one[0] - south * one[1]),
        ]
    rr, tt, pp, rt, rp, tp = tensor
    return [
        _Part(0, rr * du + (tt + pp) * (u - modes / 2 * v) / r0, 0.0, np.ones_like(phi), 0 * phi),
        _Part(1, dv + (u - v) / r0, shear, rt * one[0] + rp * one[1], rp * one[0] - rt * one[1]),
        _Part(2, v / r0 / 2, w / r0 / 2, (tt - pp) * two[0] + 2 * tp * two[1], 2 * tp * two[0] - (tt - pp) * two[1]),
    ]


def _legendre(degrees, x):
    """P_l and its first three derivatives for l = 0..degrees: (degree, derivative, receiver, 1)."""
    p = np.zeros((degrees + 1, 4, *x.shape))
    p[0, 0], p[1, 0], p[1, 1] = 1, x, 1
    for n in range(1, degrees):
        p[n + 1, 0] = ((2 * n + 1) * x * p[n, 0] - n * p[n - 1, 0]) / (n + 1)
        p[n + 1, 1:] = p[n - 1, 1:] + (2 * n + 1) * p[n, :-1]
    return p
