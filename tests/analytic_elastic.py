"""Exact elastic solutions in a homogeneous full space, near field included: NumPy and SciPy in float64, nothing of adseis.

They solve rho v_t = div sigma + d f(t) delta(x - xs), sigma_t = C : grad v - M r(t) delta(x - xs), in 3D or in 2D plane strain,
and return particle velocities [m/s]. Offsets = receiver - source are (*receiver, axis), depth (down) first, like directions,
moments and velocities: (z, x) or (z, y, x). Sampling and sign conventions are those of `analytic`.

Reference: Aki, K., Richards, P.G. (2002), Quantitative Seismology, equations 4.23 and 4.29.
"""

import numpy as np
from analytic import convolved, green
from scipy.special import hankel2


def point_force_3d(force, dt, vp, vs, rho, offset, direction):
    """Velocity (*receiver, axis, time) of a point force f(t) [N] along d, v = iw f(w) G d: Aki & Richards 4.23.

    rho w^2 G = ks^2 gS I + grad grad (gS - gP), gX the `green` of the speed vX.
    """
    return convolved(force, dt, lambda w: 1j * w * force_displacement(w, vp, vs, rho, _of(3, offset), direction))


def line_force_2d(force, dt, vp, vs, rho, offset, direction):
    """P-SV velocity (*receiver, axis, time) of a line force f(t) [N/m]: the same Green tensor with the 2D functions gX."""
    return convolved(force, dt, lambda w: 1j * w * force_displacement(w, vp, vs, rho, _of(2, offset), direction))


def moment_tensor_3d(rate, dt, vp, vs, rho, offset, moment):
    """Velocity (*receiver, axis, time) of M (3, 3) with the rate r(t): v_n = -r(w) M_pq dG_np/dx_q, Aki & Richards 4.29.

    M r(t) is in N m/s, whichever of the two carries the unit; the displacement follows M times the integral of r.
    """
    return convolved(rate, dt, lambda w: _couple_displacement(w, vp, vs, rho, _of(3, offset), moment))


def line_moment_2d(rate, dt, vp, vs, rho, offset, moment):
    """P-SV velocity (*receiver, axis, time) of M (2, 2) with the rate r(t), M r(t) in N/s: N m/s per metre of line."""
    return convolved(rate, dt, lambda w: _couple_displacement(w, vp, vs, rho, _of(2, offset), moment))


def sh_line_force(force, dt, vs, rho, distance):
    """Antiplane velocity (*distance.shape, time) of a line force f(t) [N/m] along the line: v = iw f(w) g(w) / (rho vs^2)."""
    return convolved(force, dt, lambda w: 1j * w * green(w, vs, distance, 2) / (rho * vs**2))


def _of(ndim, offset):
    offset = np.asarray(offset, float)
    if offset.shape[-1] != ndim:
        raise ValueError(f"`offset` {offset.shape} must end with {ndim} axes.")
    return offset


def force_displacement(w, vp, vs, rho, offset, direction):
    """G d, (*receiver, axis, frequency)."""
    gamma, r, shear, both = _potentials(w, vp, vs, offset)
    d = np.asarray(direction, float)[:, None]
    across = both[1] / r
    along = gamma * np.sum(gamma * d, axis=-2, keepdims=True)
    return ((w / vs) ** 2 * shear[0] * d + along * (both[2] - across) + d * across) / (rho * w**2)


def _couple_displacement(w, vp, vs, rho, offset, moment):
    """-M_pq dG_np/dx_q, (*receiver, axis, frequency), from the third derivatives of gS - gP."""
    gamma, r, shear, both = _potentials(w, vp, vs, offset)
    moment = np.asarray(moment, float)
    across = both[2] / r - both[1] / r**2
    right, left = moment @ gamma, moment.T @ gamma
    along = gamma * np.sum(gamma * right, axis=-2, keepdims=True)
    third = along * (both[3] - 3 * across) + (right + left + np.trace(moment) * gamma) * across
    return -((w / vs) ** 2 * shear[1] * right + third) / (rho * w**2)


def _potentials(w, vp, vs, offset):
    """Unit vectors (..., axis, 1), distances (..., 1, 1), and the derivatives of gS and of gS - gP along r."""
    r = np.linalg.norm(offset, axis=-1, keepdims=True)
    shear, pressure = (_derivatives(w, speed, r, offset.shape[-1]) for speed in (vs, vp))
    return (offset / r)[..., None], r[..., None], shear, [s - p for s, p in zip(shear, pressure, strict=True)]


def _derivatives(w, speed, distance, ndim):
    """`green` and its first three derivatives along r, (*distance, frequency): g'' = -k^2 g - (n - 1) g' / r, and so on."""
    r, k = distance[..., None], w / speed
    g = green(w, speed, distance, ndim)
    first = 0.25j * k * hankel2(1, k * r) if ndim == 2 else -(1 / r + 1j * k) * g
    second = -(k**2) * g - (ndim - 1) * first / r
    third = -(k**2) * first - (ndim - 1) * (second / r - first / r**2)
    return [g, first, second, third]
