"""adseis, on one device, and with a device per core."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis.timeloop.adjoints import Adjoint
from engines.problem import FORWARD, Engine, Problem, UnavailableError, as_arrays

EQUATIONS = {
    "scalar": (ads.simulate_scalar, ads.ScalarMedium),
    "acoustic": (ads.simulate_acoustic, ads.AcousticMedium),
    "elastic": (ads.simulate_elastic, ads.ElasticMedium),
}


def prepare(problem: Problem, *, cores: bool = False, adjoint: Adjoint | None = None) -> Engine:
    """The default: XLA splits every kernel over the cores."""
    grid = ads.Grid(problem.shape, problem.spacing, problem.dt, problem.steps)
    position = problem.positions(problem.sources)[:, None, :]
    samples = jnp.asarray(problem.wavelet, jnp.float32)[None, None, :]
    options: dict[str, Any] = {"boundary": ads.CPML(width=problem.layer), "order": problem.order}
    if adjoint is not None:
        options["adjoint"] = adjoint
    if problem.equation == "elastic":
        source = ads.Force(position, samples, np.eye(problem.axes)[:1, None])
        options["record"] = "vz"
    else:
        source = ads.Explosion(position, samples)
    survey = ads.Survey(source, problem.positions(problem.receivers))
    if cores:
        survey = ads.parallel.shard_shots(survey, ads.parallel.device_mesh())
    simulator, medium_of = EQUATIONS[problem.equation]

    def simulate(*medium):
        return simulator(medium_of(*medium), survey, grid, **options)

    gathers = jax.vmap(simulate) if problem.batched else simulate
    medium = [jnp.asarray(m) for m in problem.medium]

    def task(function):
        program = jax.jit(function)
        return lambda: jax.block_until_ready(program(*medium))

    def energy(*medium):
        return 0.5 * jnp.sum(gathers(*medium) ** 2)

    gradients = {name: task(jax.grad(energy, tuple(range(by)))) for name, by in problem.gradients.items()}
    return Engine({FORWARD: task(gathers), **gradients}, as_arrays, as_arrays, ("adseis", "jax"))


def prepare_kept(problem: Problem) -> Engine:
    """The history of a gradient is kept, as others do, and nothing is computed twice."""
    return prepare(problem, adjoint=ads.ReverseSweep(levels=0))


def prepare_cores(problem: Problem) -> Engine:
    """One XLA device per core, the shots distributed over them."""
    if len(problem.sources) < 2:
        raise UnavailableError("one shot cannot be distributed")
    if getattr(ads, "parallel", None) is None:
        raise UnavailableError("this adseis has no adseis.parallel")
    if ads.parallel.use_cores() < 2:
        raise UnavailableError("the machine has one core")
    return prepare(problem, cores=True)
