"""Full waveform inversion: recover a model, or anything else that gathers depend on, by minimizing their misfit.

    min_m  misfit(forward(m), observed) / misfit(0, observed)  +  regularizer(m)        low <= m <= high

The misfit is relative: 1 for a model that predicts nothing, 0 for one that explains all; where silence counts nothing, as with
shifts of traces, it is taken as it is. `forward` is any JAX function from a model to gathers; `Update` says what of the model may
change and how strongly, `Band`s say which frequencies are fitted first.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from adseis.inversion.multiscale import minimize_bands
from adseis.inversion.parametrizations import ChangeOfVariables, Parametrization
from adseis.objectives.bands import Band
from adseis.objectives.composite import Composite, Forward, relative_objective
from adseis.objectives.misfits import l2
from adseis.optimizers.minimize import Result


class Update(eqx.Module):
    """What an inversion may change.

    Attributes:
        weight: Weights on the grid: 0 keeps the initial model, larger values move more (a mask, times mutes near sources and
            receivers, times an illumination weight); None for 1 everywhere. Of a pytree, a pytree of arrays or numbers: by how
            much each unknown is expected to move.
        low: Lower bound of the model: a number or an array on the grid [unit of the model], or None; of a pytree, one of such.
        high: Upper bound, likewise.
        parametrization: What the optimizer works on in place of the model; `weight` is then on the grid of its variables.
    """

    weight: Any = None
    low: Any = None
    high: Any = None
    parametrization: Parametrization | None = None


def invert(
    forward: Forward,
    observed: PyTree,
    initial: PyTree,
    *,
    dt: float,
    update: Update | None = None,
    bands: Sequence[Band] = (Band(),),
    misfit: Callable[[Array, Array], Any] = l2,
    regularizer: Callable[[PyTree], Any] | None = None,
    callback: Callable[[int, PyTree, float], Any] | None = None,
    **options: Any,
) -> Result:
    """Recover a model from gathers by bounded L-BFGS (or Gauss-Newton: `method="newton-cg"`), band after band.

    Args:
        forward: The model's gathers: any JAX-differentiable function, such as
            `lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)`.
        observed: Gathers to explain, `(shot, time, receiver)`, in the units of `forward`; a tuple if it returns one.
        initial: Starting model: an array on the grid, or a pytree of arrays, such as `{"vp": vp, "rho": rho}`, or a source's
            position and time function.
        dt: Sampling interval of the gathers [s], for the bands' filters.
        update: What may change, and within which bounds.
        bands: Low-pass bands in their order; by default one, the full band.
        misfit: `misfit(predicted, observed)`, not negative.
        regularizer: `regularizer(model)`, added to the relative misfit.
        callback: `callback(iteration, model, value)` after each iteration; a true return value ends the run.
        options: `method`, `evaluations`, `first_step` [change over weight; by default 1 %], `journal`, `progress` of `minimize`.

    Returns:
        The result, whose `x` is the recovered model; values in its history are of the band they belong to.

    Raises:
        ValueError: If shapes disagree, `observed` is not finite, or as `minimize` does.

    References:
        Tarantola, A. (1984), Geophysics 49, 1259-1266, doi:10.1190/1.1441754
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    update = update or Update()
    initial, observed = jax.tree.map(jnp.asarray, (initial, observed))
    for gather in jax.tree.leaves(observed):
        if not bool(jnp.all(jnp.isfinite(gather))):
            bad = tuple(int(i) for i in np.argwhere(~np.isfinite(np.asarray(gather)))[0])
            raise ValueError(f"`observed` is not finite at (shot, time, receiver) = {bad}; repair or zero the trace.")
    mapped = update.parametrization
    variables = initial if mapped is None else jax.tree.map(jnp.asarray, mapped.to_variables(initial))
    change = ChangeOfVariables(variables, _weights(update, variables))

    def to_model(y: PyTree) -> PyTree:
        return change.to_model(y) if mapped is None else mapped.to_model(change.to_model(y))

    def found(y: PyTree) -> PyTree:
        return jax.tree.map(np.asarray, to_model(jax.tree.map(jnp.asarray, y)))

    def make_objective(band: Band) -> Composite:
        return relative_objective(forward, observed, band, dt, misfit=misfit, regularizer=regularizer).after(to_model)

    def report(iteration: int, y: PyTree, value: float) -> Any:
        return callback(iteration, found(y), value) if callback else None

    # In y the starting point is zero, which says nothing of the scale of a first step.
    largest = [[float(jnp.max(jnp.abs(x), initial=0)) for x in jax.tree.leaves(tree)] for tree in (variables, change.weight)]
    reaches = [value / weight for value, weight in zip(*largest, strict=True) if value > 0 and weight > 0]
    options.setdefault("first_step", 0.01 * min(reaches, default=1.0))
    limits = (update.low, update.high) if mapped is None else mapped.bounds(update.low, update.high)
    start = jax.tree.map(jnp.zeros_like, variables)
    result = minimize_bands(make_objective, start, bands, bounds=change.bounds(*limits), callback=report, **options)
    return dataclasses.replace(result, x=found(result.x))


def _weights(update: Update, variables: PyTree) -> PyTree:
    """The update's weights, one array for every leaf of the variables."""
    weights = jax.tree.broadcast(1.0 if update.weight is None else update.weight, variables)

    def full(weight: Any, values: Array) -> Array:
        weight = jnp.asarray(weight, values.dtype)
        if weight.shape not in ((), values.shape):
            name = "`initial`" if update.parametrization is None else "the variables of `update.parametrization`"
            raise ValueError(f"`update.weight` {weight.shape} and {name} {values.shape} must share one grid.")
        return jnp.broadcast_to(weight, values.shape)

    return jax.tree.map(full, weights, variables)
