"""OpenFWI's operator in adseis, with a device per core; its maps are the models of a scalar `Problem`."""

import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis.data import openfwi
from engines.problem import BY_VP, FORWARD, Engine, Problem, as_arrays


def prepare(problem: Problem) -> Engine:
    """Maps one after the other on each device."""
    ads.parallel.use_cores()
    devices = ads.parallel.device_mesh()
    samples = np.asarray(problem.wavelet, "float32")
    vp = jnp.asarray(problem.vp)

    def simulate(vp):
        return openfwi.simulate_maps(
            vp, time_function=samples, sources=problem.sources, receivers=problem.receivers, devices=devices
        )

    def task(function):
        program = jax.jit(function)
        return lambda: jax.block_until_ready(program(vp))

    gradient = task(jax.grad(lambda vp: 0.5 * jnp.sum(simulate(vp) ** 2)))
    return Engine({FORWARD: task(simulate), BY_VP: gradient}, as_arrays, as_arrays, ("adseis", "jax"))
