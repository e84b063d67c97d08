"""SWEEP's JAX path, with its default memory strategy (checkpoints every 100 steps), jitted as its documentation advises.

Conventions, from its source: the raw sample k is added to the field after step k, and the field is recorded after that, a
pressure or u at t = (k + 1) dt. So a scalar source is s(k dt) (vp dt)^2 / cell, an acoustic one kappa dt q((k + 1/2) dt) / cell,
with the medium at the source; both are constants to its gradient. Node indices are given x first.

Its elastic grid is that of adseis, vz half a cell below its node. Step k ends with vz at (k + 1/2) dt; a force added then is felt
by the stresses of step k + 1, as if it had acted in that step, at t = (k + 1) dt. So sample k is dt f((k + 1) dt) / (rho cell),
and the mean of what is recorded after two steps is vz on the instant between them. Density and mu are those of the nodes, where
adseis and Deepwave take means: its gradients by vs and rho are those of parameters half a cell off, and differ by tens of %.
"""

import jax
import jax.numpy as jnp
import numpy as np
from sweep import equations  # pyright: ignore[reportMissingImports]
from sweep.propagator.jax import PropJax  # pyright: ignore[reportMissingImports]

from engines.problem import FORWARD, Engine, Problem, UnavailableError, as_arrays


def prepare(problem: Problem) -> Engine:
    problem.one_model()
    if problem.equation == "acoustic" and problem.axes == 3:
        raise UnavailableError("its first-order acoustic equation is 2D")

    elastic = problem.equation == "elastic"
    speeds, density = (m[tuple(problem.sources.T)][:, None] for m in (problem.vp, problem.rho))
    kind, samples, remarks = {
        "scalar": ("Acoustic", (speeds * problem.dt) ** 2 * problem.wavelet, []),
        "acoustic": ("Acoustic1st", density * speeds**2 * problem.dt * problem.wavelet_between, ["density not averaged"]),
        "elastic": ("Elastic", problem.dt / density * np.append(problem.wavelet[1:], 0), ["density and mu not averaged"]),
    }[problem.equation]
    propagator = PropJax(
        getattr(equations, kind + "3D" * (problem.axes == 3))(spatial_order=problem.order, backend="jax"),
        shape=problem.shape, abcn=problem.layer, dh=problem.spacing, dt=problem.dt,
        **({"source_type": ["vz"], "receiver_type": ["vz"]} if elastic else {}),
    )  # fmt: skip
    shots = len(problem.sources)
    samples = (samples / problem.cell).astype(np.float32)
    survey = samples, problem.sources[:, ::-1], np.tile(problem.receivers[:, ::-1], (shots, 1, 1))
    layers = {"max_vel": float(problem.vp.max()), "pml_freq": problem.frequency}
    medium = [jnp.asarray(m) for m in problem.medium]

    def gathers(record):
        before = jnp.pad(record[..., 0], [(0, 0), (1, 0), (0, 0)])[:, :-1]
        return (before + record[..., 0]) / 2 if elastic else before

    def energy(*medium):
        return 0.5 * jnp.sum(gathers(propagator(*survey, models=list(medium), **layers)) ** 2)

    def task(function):
        program = jax.jit(function)
        return lambda: jax.block_until_ready(program(*medium))

    forward = task(lambda *medium: propagator.__call_forward__(*survey, models=list(medium), **layers))
    gradients = {name: task(jax.grad(energy, tuple(range(by)))) for name, by in problem.gradients.items()}
    tasks = {FORWARD: forward, **gradients}
    return Engine(tasks, lambda record: np.asarray(gathers(record)), as_arrays, ("sweep-solver", "jax"), remarks)
