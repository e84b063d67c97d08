"""SWEEP's JAX path, with its default memory strategy (checkpoints every 100 steps), jitted as its documentation advises.

Conventions, from its source: the raw sample k is added to the field after step k, and the field is recorded after that, at
t = (k + 1) dt. So a scalar source is s(k dt) (vp dt)^2 / cell, an acoustic one kappa dt q((k + 1/2) dt) / cell, with the medium
at the source; both are constants to its gradient. Node indices are given x first.
"""

import jax
import jax.numpy as jnp
import numpy as np
from sweep import equations  # pyright: ignore[reportMissingImports]
from sweep.propagator.jax import PropJax  # pyright: ignore[reportMissingImports]

from engines.problem import BY_VP, BY_VP_RHO, FORWARD, Engine, Problem, UnavailableError, a_step_later, as_arrays


def prepare(problem: Problem) -> Engine:
    problem.one_model()
    if problem.equation == "acoustic" and problem.axes == 3:
        raise UnavailableError("its first-order acoustic equation is 2D")

    scalar = problem.equation == "scalar"
    speeds = problem.speeds_of_sources[:, None]
    if scalar:
        kind = equations.Acoustic if problem.axes == 2 else equations.Acoustic3D
        samples = (speeds * problem.dt) ** 2 * problem.wavelet / problem.cell
        medium = [jnp.asarray(problem.vp)]
    else:
        kind = equations.Acoustic1st
        density = problem.rho[tuple(problem.sources.T)][:, None]
        samples = density * speeds**2 * problem.dt * problem.wavelet_between / problem.cell
        medium = [jnp.asarray(problem.vp), jnp.asarray(problem.rho)]
    propagator = PropJax(
        kind(spatial_order=problem.order, backend="jax"),
        shape=problem.shape, abcn=problem.layer, dh=problem.spacing, dt=problem.dt,
    )  # fmt: skip
    shots = len(problem.sources)
    survey = samples.astype(np.float32), problem.sources[:, ::-1], np.tile(problem.receivers[:, ::-1], (shots, 1, 1))
    layers = {"max_vel": float(problem.vp.max()), "pml_freq": problem.frequency}

    def energy(*medium):
        record = propagator(*survey, models=list(medium), **layers)
        return 0.5 * jnp.sum(record[:, :-1] ** 2)  # the last is of an instant beyond the problem's

    def task(function):
        program = jax.jit(function)
        return lambda: jax.block_until_ready(program(*medium))

    forward = task(lambda *medium: propagator.__call_forward__(*survey, models=list(medium), **layers))
    tasks = {FORWARD: forward, BY_VP: task(jax.grad(energy))}
    if not scalar:
        tasks[BY_VP_RHO] = task(jax.grad(energy, (0, 1)))
    remarks = [] if scalar else ["density not averaged between nodes"]
    return Engine(tasks, lambda record: a_step_later(np.asarray(record)[..., 0]), as_arrays, ("sweep-solver", "jax"), remarks)
