"""Attenuation in the mechanism that is there: SH waves in a standard linear solid, a prototype of test size.

s' = mu (1 + phi) e + r,  tau r' = -(r + phi mu e): the complex modulus is mu (1 + phi i w tau / (1 + i w tau)).
"""

import analytic
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from analytic_elastic import sh_line_force
from helpers import taylor_slopes

import adseis as ads
from adseis.timeloop.equation import Equation, Injection, Points, State
from adseis.timeloop.march import march
from adseis.waves import interpolation
from adseis.waves.sh import AntiplaneShear

SPEED, DENSITY, SPACING, FREQUENCY = 2000.0, 2000.0, 10.0, 10.0
PHI, TAU = 0.3, 1 / (2 * np.pi * FREQUENCY)  # Q about 7 at the peak frequency


class Attenuating(Equation):
    """SH waves whose stresses relax: the lossless equation takes the step, a memory variable per stress is all that is added."""

    def __init__(self, elastic):
        self.elastic = elastic

    def initial_state(self, shots, dtype):
        state = self.elastic.initial_state(shots, dtype)
        relaxing = {name: jnp.zeros_like(state.fields[name]) for name in self.elastic.slopes}
        return State(state.fields, (state.memory, relaxing))

    def injection_gain(self, coefficients):
        return self.elastic.injection_gain(coefficients[0])

    def step(self, coefficients, state, inject):
        elastic, phi = coefficients
        memory, relaxing = state.memory
        after = self.elastic.step(elastic, State(state.fields, memory), inject)
        dt, fields, relaxed = self.elastic.extended.grid.dt, dict(after.fields), {}
        decay, drive = (2 * TAU - dt) / (2 * TAU + dt), 2 / (2 * TAU + dt)
        for name in relaxing:
            strained = after.fields[name] - state.fields[name]  # mu e dt
            relaxed[name] = decay * relaxing[name] - drive * phi * strained
            fields[name] = fields[name] + phi * strained + dt / 2 * (relaxing[name] + relaxed[name])
        return State(fields, (after.memory, relaxed))


def simulated(phi, time_function, dt, away, adjoint):
    """Velocity `away` [cells] from a line force, layers around."""
    grid = ads.Grid((61, 61), SPACING, dt, len(time_function))
    extended = ads.CPML(15).extend(grid, 8, free_surface=False)
    elastic = AntiplaneShear(extended, ads.CPML(15))
    constant = jnp.full(grid.shape, 1.0)
    coefficients = elastic.coefficients(ads.ElasticMedium(2 * SPEED * constant, SPEED * constant, DENSITY * constant))
    at = np.array([[[200.0, 200.0]]])

    def points(position):
        nodal = interpolation.on_nodes(position, (0.0, 0.0), extended)
        return Points(*interpolation.points(position, (0.0, 0.0), extended, nodal=nodal, image=None, dtype=jnp.dtype(float)))

    force = Injection(points(at), jnp.asarray(time_function)[:, None, None] / SPACING**2)
    receivers = {"vy": points(at + SPACING * np.asarray(away)[None, None])}
    records, _ = march(Attenuating(elastic), (coefficients, phi), {"vy": force}, receivers, grid.nt, adjoint=adjoint)
    record = records["vy"][:, 0, 0]
    return (jnp.concatenate([jnp.zeros(1), record[:-1]]) + record) / 2


@pytest.mark.optimised
def test_amplitude_and_dispersion():
    """Three wavelengths away the wave has lost most of itself, and agrees with the exact solution of a complex modulus to 2 %:
    dispersion of order 8 at 8 points per shortest wavelength, and the time step."""
    dt, nt = 1e-3, 700
    s = np.asarray(ads.wavelets.ricker(FREQUENCY, nt, dt), float)
    away = (24, 24)
    distance = SPACING * np.hypot(*away)

    def transfer(w):
        modulus = DENSITY * SPEED**2 * (1 + PHI * 1j * w * TAU / (1 + 1j * w * TAU))
        speed = np.sqrt(modulus / DENSITY)
        return 1j * w / modulus * analytic.green(w, speed, distance, 2)

    exact = analytic.convolved(s, dt, transfer)
    lossless = sh_line_force(s, dt, SPEED, DENSITY, distance)
    assert np.abs(exact).max() < 0.7 * np.abs(lossless).max()
    found = simulated(jnp.asarray(PHI), s, dt, away, ads.AutoDiff())
    assert analytic.relative_l2(found, exact) < 0.02


@pytest.mark.slow
def test_gradient():
    """By the strength of the attenuation: the generic sweep and AutoDiff agree to rounding; Taylor slopes 1 and 2."""
    dt, nt = 1e-3, 200
    s = np.asarray(ads.wavelets.ricker(2 * FREQUENCY, nt, dt), float)

    def objective(phi, adjoint=None):
        return 1e12 * jnp.sum(simulated(phi, s, dt, (6, 8), adjoint or ads.ReverseSweep()) ** 2)

    swept, plain = (
        float(jax.jit(jax.grad(lambda p, a=a: objective(p, a)))(jnp.asarray(PHI))) for a in (ads.ReverseSweep(), ads.AutoDiff())
    )
    assert swept == pytest.approx(plain, rel=1e-10)
    assert taylor_slopes(objective, jnp.asarray(PHI), jnp.asarray(0.05)) == pytest.approx((1, 2), rel=0.1)
