"""j-Wave by Fourier collocation, as it is mostly used: its derivatives are of no finite order.

It solves the first-order acoustic system inside a box that holds the absorbing layers, and adds 2 m / (c dx) to the rate of
density, m being a mass source: p_t = c^2 (2 m / (c dx) - rho div v). So m = rho c dx q / (2 cell), with q at half steps, and what
it records after step k is at t = (k + 1) dt. The scalar equation is the acoustic one with rho = 1 and q = integral of s, whose
difference over a step is then s dt. How m depends on c and rho is not differentiated.

Its finite differences are not timed: in 0.2.1 their gradient is not the derivative of their energy. They index the pressure's one
component by the axis; JAX clamps that index in the forward and drops its cotangent in the transpose.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxdf import FourierSeries  # pyright: ignore[reportMissingImports]
from jwave import geometry  # pyright: ignore[reportMissingImports]
from jwave.acoustics.time_varying import (  # pyright: ignore[reportMissingImports]
    TimeWavePropagationSettings,
    simulate_wave_propagation,
)

from engines.problem import BY_VP, BY_VP_RHO, FORWARD, Engine, Problem, UnavailableError, a_step_later, as_arrays


def prepare(problem: Problem) -> Engine:
    problem.one_model()
    if problem.equation == "elastic":
        raise UnavailableError("it has no elastic equation")
    scalar = problem.equation == "scalar"
    shape = tuple(n + 2 * problem.layer for n in problem.shape)
    domain = geometry.Domain(shape, (problem.spacing,) * problem.axes)
    times = geometry.TimeAxis(problem.dt, (problem.steps - 0.5) * problem.dt)  # rounded up to `steps`
    rho = 1.0 if scalar else problem.rho[tuple(problem.sources.T)]
    rates = np.cumsum(problem.wavelet) * problem.dt if scalar else problem.wavelet_between
    masses = (rho * problem.speeds_of_sources)[:, None] * problem.spacing * rates / (2 * problem.cell)
    sources = jnp.asarray(problem.sources + problem.layer)
    signals = jnp.asarray(masses, jnp.float32)
    fastest = float(problem.vp.max())
    settings = TimeWavePropagationSettings(c_ref=lambda medium: fastest)  # its default is part of the gradient
    sensors = geometry.Sensors(tuple(tuple(int(i) for i in along) for along in (problem.receivers + problem.layer).T))

    def on_grid(values) -> Any:
        return FourierSeries(jnp.pad(values, problem.layer, mode="edge")[..., None], domain)

    def gathers(vp, rho=None):
        density = 1.0 if rho is None else on_grid(rho)
        medium = geometry.Medium(domain=domain, sound_speed=on_grid(vp), density=density, pml_size=float(problem.layer))

        def shot(position, signal):
            source = geometry.Sources(tuple(position[:, None]), signal[None], problem.dt, domain)
            return simulate_wave_propagation(medium, times, sources=source, sensors=sensors, settings=settings)

        return jax.vmap(shot)(sources, signals)

    medium = (jnp.asarray(problem.vp),) if scalar else (jnp.asarray(problem.vp), jnp.asarray(problem.rho))

    def task(function):
        program = jax.jit(function)
        return lambda: jax.block_until_ready(program(*medium))

    def energy(*medium):
        return 0.5 * jnp.sum(gathers(*medium)[:, :-1] ** 2)  # the last is of an instant beyond the problem's

    tasks = {FORWARD: task(gathers), BY_VP: task(jax.grad(energy))}
    if not scalar:
        tasks[BY_VP_RHO] = task(jax.grad(energy, (0, 1)))

    def gather(record):
        return a_step_later(np.asarray(record)[..., 0])

    return Engine(tasks, gather, as_arrays, ("jwave", "jaxdf", "jax"), ["Fourier collocation"])
