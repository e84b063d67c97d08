"""Exact solutions that the solvers are compared with: NumPy and SciPy in float64, no JAX and nothing of adseis.

Every trace is sampled at t = k dt like its time function, which must vanish at both ends and hold no energy at the Nyquist
frequency. Distances may be arrays: traces come out as (*distance.shape, time). Transfer functions follow the convention e^{+iwt}.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import hankel2


def relative_l2(a, b) -> float:
    """norm(a - b) / norm(b): no fitted scale and no shift."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def convolved(time_function, dt, transfer):
    """Response of a causal system to a time function.

    The frequencies run below the real axis, w - i eps: what wraps around is damped by 1e-12 however long the tail of the response
    (in 2D it never ends), and w = 0 is no special case.

    Args:
        time_function: (time,) samples.
        dt: Time step [s].
        transfer: Function of the complex angular frequency (frequency,) [rad/s] that returns (..., frequency).
    """
    s = np.asarray(time_function, float)
    n = next_fast_len(8 * s.size, real=True)
    damping = np.log(1e12) / (n * dt)
    t = np.arange(s.size) * dt
    frequency = 2 * np.pi * np.arange(n // 2 + 1) / (n * dt) - 1j * damping
    response = irfft(transfer(frequency) * rfft(s * np.exp(-damping * t), n), n)
    return response[..., : s.size] * np.exp(damping * t)


def green(w, speed, distance, ndim):
    """G of (1/c^2) u_tt - laplacian(u) = delta: -(i/4) H0^(2)(kr) in 2D, exp(-ikr) / (4 pi r) in 3D, k = w/c."""
    r = np.asarray(distance, float)[..., None]
    k = w / speed
    return -0.25j * hankel2(0, k * r) if ndim == 2 else np.exp(-1j * k * r) / (4 * np.pi * r)


def green_gradient(w, speed, offset):
    """grad G at the receiver, (axis, frequency), for an offset = receiver - source (axis,) of two or three components."""
    offset = np.asarray(offset, float)
    r, k = np.linalg.norm(offset), w / speed
    radial = 0.25j * k * hankel2(1, k * r) if offset.size == 2 else -(1 / r + 1j * k) * green(w, speed, r, 3)
    return (offset / r)[:, None] * radial


def scalar_2d(time_function, dt, speed, distance):
    """u of (1/c^2) u_tt - laplacian(u) = s(t) delta(x - xs) in 2D (a line source)."""
    return convolved(time_function, dt, lambda w: green(w, speed, distance, 2))


def scalar_3d(time_function, dt, speed, distance):
    """u = s(t - r/c) / (4 pi r), the delay exact for a band-limited s."""
    return convolved(time_function, dt, lambda w: green(w, speed, distance, 3))


def acoustic_2d(rate, dt, speed, rho, distance):
    """Pressure [Pa] of a volume injection rate q [m^2/s] in 2D: p = rho dq/dt convolved with G."""
    return convolved(rate, dt, lambda w: 1j * w * rho * green(w, speed, distance, 2))


def acoustic_3d(rate, dt, speed, rho, distance):
    """Pressure [Pa] of a volume injection rate q [m^3/s]: p = rho dq/dt convolved with G."""
    return convolved(rate, dt, lambda w: 1j * w * rho * green(w, speed, distance, 3))


def acoustic_velocity(rate, dt, speed, offset):
    """Particle velocity [m/s], (axis, time), of a volume injection rate: v = -grad G convolved with q; 2D or 3D by the offset."""
    return convolved(rate, dt, lambda w: -green_gradient(w, speed, offset))


def force_pressure(force, dt, speed, offset, direction):
    """Pressure [Pa] of a point force along d, rho v_t = -grad p + d f(t) delta: p = -d . grad G convolved with f; 2D or 3D."""
    return np.asarray(direction, float) @ acoustic_velocity(force, dt, speed, offset)


def plane_wave_reflection(angle, speeds, densities):
    """Pressure reflection and transmission coefficients of a plane wave at the interface of two fluids.

    R = (Z2 - Z1) / (Z2 + Z1), T = 1 + R, Z = rho c / cos(angle), Snell's law. Beyond the critical angle both are complex
    (convention e^{+iwt}, w > 0: the transmitted wave decays away from the interface).

    Args:
        angle: Angle of incidence from the normal [rad], any shape.
        speeds: (incident side, far side) [m/s].
        densities: (incident side, far side) [kg/m^3].
    """
    sine = np.sin(np.asarray(angle, float))
    cosine = np.conj(np.sqrt(1 - (sine * speeds[1] / speeds[0]) ** 2 + 0j))
    near = densities[0] * speeds[0] * cosine
    far = densities[1] * speeds[1] * np.sqrt(1 - sine**2)
    reflected = (far - near) / (far + near)
    return reflected, 1 + reflected


def half_space_free_surface(time_function, dt, speed, source, receiver, *, rho=None):
    """Field below a surface z = 0 where it vanishes: the source minus its mirror image, in 2D or 3D by the positions.

    Args:
        time_function: (time,) source of the scalar equation, or a volume injection rate where `rho` is given.
        dt: Time step [s].
        speed: Speed [m/s].
        source: Position, (axis,), depth first [m].
        receiver: Position, (axis,) [m].
        rho: Density [kg/m^3]: returns the pressure of the acoustic equations; None: the field u of the scalar equation.
    """
    source, receiver = np.asarray(source, float), np.asarray(receiver, float)
    direct, image = (np.linalg.norm(receiver - at) for at in (source, _mirrored(source, 0.0)))

    def transfer(w):
        strength = 1.0 if rho is None else 1j * w * rho
        return strength * (green(w, speed, direct, source.size) - green(w, speed, image, source.size))

    return convolved(time_function, dt, transfer)


def density_step(rate, dt, speed, densities, source, receiver, *, depth):
    """Pressure [Pa] of a volume source above a step in density alone, in 2D or 3D by the positions.

    With one speed the reflection coefficient R = (rho2 - rho1) / (rho2 + rho1) is the same at every angle, so an image source of
    strength R (and 1 + R below the step) is the exact solution, point source and near field included.

    Args:
        rate: (time,) volume injection rate [m^3/s; m^2/s in 2D].
        dt: Time step [s].
        speed: Speed on both sides [m/s].
        densities: (above, below) [kg/m^3].
        source: Position above the step, (axis,), depth first [m].
        receiver: Position on either side, (axis,) [m].
        depth: Depth of the step [m].
    """
    source, receiver = np.asarray(source, float), np.asarray(receiver, float)
    direct, image = (np.linalg.norm(receiver - at) for at in (source, _mirrored(source, depth)))
    reflected = (densities[1] - densities[0]) / (densities[1] + densities[0])

    def transfer(w):
        outgoing = green(w, speed, direct, source.size)
        back = green(w, speed, image, source.size) if receiver[0] < depth else outgoing
        return 1j * w * densities[0] * (outgoing + reflected * back)

    return convolved(rate, dt, transfer)


def _mirrored(position, depth):
    return np.concatenate([[2 * depth - position[0]], position[1:]])
