"""adseis, on one device, and with a device per core."""

from typing import Any

import jax
import jax.numpy as jnp

import adseis as ads
from engines.problem import BY_VP, BY_VP_RHO, FORWARD, Engine, Problem, UnavailableError, as_arrays


def prepare(problem: Problem, *, cores: bool = False) -> Engine:
    """The default: XLA splits every kernel over the cores."""
    grid = ads.Grid(problem.shape, problem.spacing, problem.dt, problem.steps)
    position = problem.sources[:, None, :] * problem.spacing
    source = ads.Explosion(position, jnp.asarray(problem.wavelet, jnp.float32)[None, None, :])
    survey = ads.Survey(source, problem.receivers * problem.spacing)
    if cores:
        survey = ads.parallel.shard_shots(survey, ads.parallel.device_mesh())
    options: dict[str, Any] = {"boundary": ads.CPML(width=problem.layer), "order": problem.order}

    def simulate(vp, rho):
        if problem.equation == "scalar":
            return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, **options)
        return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, grid, **options)

    gathers = jax.vmap(simulate) if problem.batched else simulate
    medium = jnp.asarray(problem.vp), jnp.asarray(problem.rho)

    def task(function):
        program = jax.jit(function)
        return lambda: jax.block_until_ready(program(*medium))

    def energy(vp, rho):
        return 0.5 * jnp.sum(gathers(vp, rho) ** 2)

    tasks = {FORWARD: task(gathers), BY_VP: task(jax.grad(energy))}
    if problem.equation == "acoustic":
        tasks[BY_VP_RHO] = task(jax.grad(energy, (0, 1)))
    return Engine(tasks, as_arrays, as_arrays, ("adseis", "jax"))


def prepare_cores(problem: Problem) -> Engine:
    """One XLA device per core, the shots distributed over them."""
    if len(problem.sources) < 2:
        raise UnavailableError("one shot cannot be distributed")
    if getattr(ads, "parallel", None) is None:
        raise UnavailableError("this adseis has no adseis.parallel")
    if ads.parallel.use_cores() < 2:
        raise UnavailableError("the machine has one core")
    return prepare(problem, cores=True)
