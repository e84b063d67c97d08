"""Exact solutions with one plane interface, by integration over wavenumbers: Lamb's problem and a fluid over a solid.

Sampling, signs and axes are those of `analytic` and `analytic_elastic`. The solid fills z > 0; its displacement as e^{i(wt + kx)}
is a sum of P and S waves with vertical derivatives +-p and +-s (+ upgoing, - downgoing),

    u_P = (+-p, ik) e^{+-pz},    u_S = (-ik, +-s) e^{+-sz},    p, s = sqrt(k^2 - w^2 / v^2).

What the source radiates directly is the closed form of the full space; only what comes from the interface is integrated. With k
it decays over the way to the interface and back, which must therefore not vanish: where that is below a wavelength, the cost is
inversely proportional to it. Frequencies at which the source is below `accuracy` times its peak, and what decays further, are
left out.

References:
    Lamb, H. (1904), Phil. Trans. R. Soc. A 203, 1-42, doi:10.1098/rsta.1904.0013
    Bouchon, M., Aki, K. (1977), Bull. Seismol. Soc. Am. 67, 259-277 (the discrete wavenumbers)
"""

import numpy as np
from analytic import acoustic_2d, convolved
from analytic_elastic import line_force_2d, point_force_3d
from scipy.fft import rfft
from scipy.special import j0, j1


def half_space(force, dt, vp, vs, rho, source_depth, receivers, direction, *, accuracy=1e-8):
    """P-SV velocity below a free surface z = 0, of a buried line force: Lamb's problem, exact.

    Args:
        force: (time,) force [N/m].
        dt: Time step [s].
        vp: P-wave speed [m/s].
        vs: S-wave speed [m/s].
        rho: Density [kg/m^3].
        source_depth: Depth of the source > 0 [m].
        receivers: Positions (receiver, 2), (z, x - xs), z >= 0 [m].
        direction: (d_z, d_x) of the force.
        accuracy: What is left out, relative to the peak.

    Returns:
        (receiver, axis, time) velocities (v_z, v_x) [m/s].
    """
    receivers = np.asarray(receivers, float)
    solid, separation = (vp, vs, rho), source_depth + receivers[:, 0].min()

    def spectrum(w, k):
        return _downgoing(w, k, solid, _incident(w, k, solid, source_depth, direction))

    quadrature = _plane_waves(force, dt, vp, receivers[:, 1])
    waves = _integrated(force, dt, receivers[:, 0], vs, separation, quadrature, spectrum, accuracy)
    return convolved(force, dt, waves) + line_force_2d(force, dt, vp, vs, rho, receivers - [source_depth, 0.0], direction)


def half_space_3d(force, dt, vp, vs, rho, source_depth, receivers, *, accuracy=1e-8):
    """Velocity below a free surface z = 0, of a buried vertical point force [N] (positive down): 2D turned about the z axis.

    Args: As for `half_space`, with receivers (receiver, 3), (z, y - ys, x - xs).

    Returns:
        (receiver, axis, time) velocities (v_z, v_y, v_x) [m/s].
    """
    receivers = np.asarray(receivers, float)
    solid, separation = (vp, vs, rho), source_depth + receivers[:, 0].min()
    radius = np.linalg.norm(receivers[:, 1:], axis=1)

    def spectrum(w, k):
        return _downgoing(w, k, solid, _incident(w, k, solid, source_depth, (1.0, 0.0)))

    waves = _integrated(force, dt, receivers[:, 0], vs, separation, _cylindrical_waves(vp, radius), spectrum, accuracy)
    back = convolved(force, dt, waves)
    radial = receivers[:, 1:] / np.where(radius > 0, radius, 1.0)[:, None]
    back = np.concatenate([back[:, :1], radial[:, :, None] * back[:, 1:]], axis=1)
    return back + point_force_3d(force, dt, vp, vs, rho, receivers - [source_depth, 0.0, 0.0], (1.0, 0.0, 0.0))


def fluid_over_solid(rate, dt, fluid, solid, height, hydrophones=(), geophones=(), *, accuracy=1e-8):
    """Pressure in a fluid half-space z < 0 and velocity in the solid below it, of an explosive line source in the fluid: exact.

    Normal velocity and traction are continuous, the shear traction is zero: refracted, leaky Rayleigh and Scholte waves included.

    Args:
        rate: (time,) volume injection rate q [m^2/s], p_t = kappa (q - div v).
        dt: Time step [s].
        fluid: (speed, density) [m/s, kg/m^3].
        solid: (vp, vs, density) [m/s, kg/m^3].
        height: Height of the source above the interface > 0 [m].
        hydrophones: Positions (receiver, 2) in the fluid, (z, x - xs), z <= 0 [m].
        geophones: Positions (receiver, 2) in the solid, (z, x - xs), z >= 0 [m].
        accuracy: What is left out, relative to the peak.

    Returns:
        (hydrophone, time) pressures [Pa] and (geophone, axis, time) velocities (v_z, v_x) [m/s].
    """
    (speed, rho), fastest = fluid, max(fluid[0], solid[0])
    hydrophones, geophones = (np.reshape(np.asarray(at, float), (-1, 2)) for at in (hydrophones, geophones))

    def interface(w, k):
        """Vertical derivative f in the fluid, its impedance rho w^2 / f, and the incident pressure per q on the interface."""
        f = np.sqrt(k**2 - (w / speed) ** 2)
        return f, rho * w**2 / f, 1j * w * rho * np.exp(-f * height) / (2 * f)

    def pressure(w, k):
        f, load, incident = interface(w, k)
        u_z = _downgoing(w, k, solid, (0.0, 0.0), load, incident)(0.0)[0] / (1j * w)
        reflected = incident + load * u_z
        return lambda z: (reflected * np.exp(f * z))[None]

    def velocity(w, k):
        return _downgoing(w, k, solid, (0.0, 0.0), *interface(w, k)[1:])

    def waves(receivers, spectrum):
        quadrature = _plane_waves(rate, dt, fastest, receivers[:, 1])
        return convolved(rate, dt, _integrated(rate, dt, receivers[:, 0], speed, height, quadrature, spectrum, accuracy))

    direct = acoustic_2d(rate, dt, speed, rho, np.linalg.norm(hydrophones + [height, 0.0], axis=1))
    return waves(hydrophones, pressure)[:, 0] + direct, waves(geophones, velocity)


def _incident(w, k, solid, depth, direction):
    """Amplitudes on z = 0 of the P and S waves that go up from a force: the Green tensor with gX = e^{-x|z|} / (2x)."""
    (p, s), (d_z, d_x) = _vertical(w, k, solid), direction
    scale = -0.5 / (solid[2] * w**2)
    return scale * (d_z + 1j * k * d_x / p) * np.exp(-p * depth), scale * (d_x - 1j * k * d_z / s) * np.exp(-s * depth)


def _downgoing(w, k, solid, upgoing, load=0.0, pressure=0.0):
    """Velocity (axis, frequency, wavenumber), as a function of depth, of the waves that leave the interface downwards.

    Boundary conditions: sigma_zz + load u_z = -2 pressure and sigma_zx = 0. A fluid above is a load rho w^2 / f (f its vertical
    derivative) and doubles the incident pressure; without it the surface is free.
    """
    (p, s), mu = _vertical(w, k, solid), solid[2] * solid[1] ** 2
    b = 2 * mu * k**2 - solid[2] * w**2  # sigma_zz of a P wave, sigma_zx of an S wave

    def normal(sign):
        return b + load * sign * p, -1j * k * (2 * mu * sign * s + load)

    def shear(sign):
        return 2j * mu * k * sign * p, b

    right_normal = -2 * pressure - sum(a * up for a, up in zip(normal(1), upgoing, strict=True))
    right_shear = -sum(a * up for a, up in zip(shear(1), upgoing, strict=True))
    (n_p, n_s), (t_p, t_s) = normal(-1), shear(-1)
    scale = 1j * w / (n_p * t_s - n_s * t_p)
    down_p, down_s = scale * (right_normal * t_s - n_s * right_shear), scale * (n_p * right_shear - right_normal * t_p)

    def velocity(z):
        at_p, at_s = down_p * np.exp(-p * z), down_s * np.exp(-s * z)
        return np.stack([-p * at_p - 1j * k * at_s, 1j * k * at_p - s * at_s])

    return velocity


def _vertical(w, k, solid):
    return tuple(np.sqrt(k**2 - (w / speed) ** 2) for speed in solid[:2])  # below the real axis Im > 0, so Re > 0: decay


def _plane_waves(time_function, dt, fastest, x):
    """Wavenumbers with the spacing 2 pi / L and weights e^{ikx} / L: exact, but for the images of the source at a distance L.

    L is such that the record ends before they arrive.
    """
    length = fastest * len(time_function) * dt + np.abs(x).max(initial=0.0)

    def quadrature(largest, damping, accuracy):
        n = int(np.ceil(largest * length / (2 * np.pi)))
        k = 2 * np.pi / length * np.arange(-n, n + 1)
        return k, np.exp(1j * np.outer(k, x))[None] / length

    return quadrature


def _cylindrical_waves(fastest, radius):
    """Wavenumbers k >= 0 with the weights k J0(kr) dk / (2 pi) of v_z and ik J1(kr) dk / (2 pi) of v_r.

    The substitution k = a log(1 + e^{t/a}) sends the end of the range to minus infinity, and the trapezoidal rule in t converges
    like e^{-2 pi a / dt}: the poles are at least a, the damping over the fastest speed, away from the real axis.
    """

    def quadrature(largest, damping, accuracy):
        a, digits = damping / fastest, -np.log(accuracy)
        step = 2 * np.pi * a / (digits + 4)
        t = np.arange(-digits * a, largest, step)
        k = a * np.logaddexp(0.0, t / a)
        phase = np.outer(k, radius)
        return k, (k * step / (1 + np.exp(-t / a)) / (2 * np.pi))[:, None] * np.stack([j0(phase), 1j * j1(phase)])

    return quadrature


def _integrated(time_function, dt, depths, slowest, separation, quadrature, spectrum, accuracy):
    """Transfer function (receiver, 2, frequency): the sum over wavenumbers of spectrum(w, k)(depth) times the weights.

    Args:
        time_function: (time,) samples, for the frequencies that matter.
        dt: Time step [s].
        depths: (receiver,) z of the receivers [m].
        slowest: Slowest speed on the way between the source and the interface [m/s].
        separation: Shortest way from the source to the interface and to a receiver, on the source's side [m].
        quadrature: Function of the largest wavenumber, the damping and the accuracy: k and its weights (1 or 2, k, receiver).
        spectrum: Function of w (frequency, 1) and k: a function of depth that returns (1 or 2, frequency, k).
        accuracy: What is left out, relative to the peak.
    """
    if separation <= 0:
        raise ValueError("the way from the source to the interface and to the receivers must be longer than 0.")

    def largest(w):
        return np.hypot(w.real / slowest, np.log(accuracy) / separation)

    def transfer(w):
        damping, n = -w[0].imag, round(2 * np.pi / (w[1].real * dt))
        source = np.abs(rfft(np.asarray(time_function) * np.exp(-damping * np.arange(len(time_function)) * dt), n))
        loud = np.flatnonzero(source >= accuracy * source.max())
        k, weights = quadrature(largest(w[loud[-1]]), damping, accuracy)
        total = np.zeros((2, w.size, depths.size), complex)
        for part in np.array_split(loud, 1 + loud.size * k.size // 200_000):
            inside = np.abs(k) <= largest(w[part[-1]])
            fields = spectrum(w[part, None], k[inside])
            for z in np.unique(depths):
                at = np.flatnonzero(depths == z)
                total[:, part[:, None], at] = fields(z) @ weights[:, inside][:, :, at]
        return np.moveaxis(total, 2, 0)

    return transfer
