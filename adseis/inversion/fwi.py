"""Full waveform inversion: recover a model, or anything else that gathers depend on, by minimizing their misfit.

    min_m  misfit(forward(m), observed) / misfit(0, observed)  +  regularizer(m)        low <= m <= high

The misfit is relative: 1 for a model that predicts nothing, 0 for one that explains all; where silence counts nothing, as with
shifts of traces, it is taken as it is. `forward` is any JAX function from a model to gathers; `Update` says what of the model may
change and how strongly, `Band`s say which frequencies are fitted first.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from adseis.inversion.multiscale import descend_bands
from adseis.inversion.parametrizations import ChangeOfVariables, Parametrization
from adseis.objectives.bands import Band
from adseis.objectives.composite import Composite, Forward, relative_objective
from adseis.objectives.misfits import l2
from adseis.optimizers.path import Result
from adseis.optimizers.run import Run


@dataclass(frozen=True)
class Fit(Run):
    """How gathers are fitted: what of them is compared, what is added, and how the minimization is run.

    Attributes:
        misfit: `misfit(predicted, observed)`, not negative.
        regularizer: `regularizer(model)`, added to the relative misfit, or None.
    """

    misfit: Callable[[Array, Array], Any] = l2
    regularizer: Callable[[PyTree], Any] | None = None


class Update(eqx.Module):
    """What an inversion may change.

    Attributes:
        weight: Weights on the grid: 0 keeps the initial model, larger values move more (a mask, times mutes near sources and
            receivers, times an illumination weight); None for 1 everywhere. Of a pytree, a pytree of arrays or numbers: by how
            much each unknown is expected to move.
        low: Lower bound of the model: a number or an array on the grid [unit of the model], or None; of a pytree, one of such.
        high: Upper bound, likewise.
        parametrization: What the optimizer works on in place of the model; `weight` is then on the grid of its variables.

    Example:
        >>> below_the_water = np.where(np.arange(11)[:, None] < 4, 0.0, 1.0) * np.ones(21)  # four rows are known
        >>> update = ads.Update(weight=below_the_water, low=1500.0, high=4500.0)
        >>> update.weight.shape
        (11, 21)
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
    bounds: tuple[PyTree, PyTree] | None = None,
    iterations: int | None = None,
    misfit: Callable[[Array, Array], Any] = l2,
    regularizer: Callable[[PyTree], Any] | None = None,
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
        bounds: `(low, high)` of the model where there is one band: short for `Update(low=low, high=high)`.
        iterations: Most iterations where there is one band: short for `Band(iterations=iterations)`.
        misfit: `misfit(predicted, observed)`, not negative.
        regularizer: `regularizer(model)`, added to the relative misfit.
        options: `method`, `evaluations`, `first_step` [change over weight; by default 1 %], `journal`, `progress` and `callback`
            of `minimize`: `callback(iteration, model, value)` after each iteration; a true return value or StopIteration ends the
            run.

    Returns:
        The result, whose `x` is the recovered model; values in its history are of the band they belong to.

    Raises:
        ValueError: If shapes disagree, `observed` is not finite, `bounds` or `iterations` is given twice or for several bands, or
            as `minimize` does.
        TypeError: If there is no such option.

    References:
        Tarantola, A. (1984), Geophysics 49, 1259-1266, doi:10.1190/1.1441754
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751

    Example:
        >>> template = ads.wavelets.ricker(10.0, 300, 1e-3)[None, :, None]  # (shot, time, receiver)
        >>> forward = lambda strength: strength[:, None, None] * template  # or what is simulated in a medium
        >>> found = ads.invert(forward, 3 * template, np.ones(1), dt=1e-3, bounds=(0.0, 9.0), iterations=9, progress=False)
        >>> round(float(found.x[0]), 2)
        3.0
    """
    fit = Fit.gathered("invert", options | {"misfit": misfit, "regularizer": regularizer})
    update = _with_bounds(update or Update(), bounds, bands)
    return recover(forward, observed, initial, dt=dt, update=update, bands=_with_iterations(bands, iterations), fit=fit)


def recover(
    forward: Forward,
    observed: PyTree,
    initial: PyTree,
    *,
    dt: float,
    update: Update,
    bands: Sequence[Band],
    fit: Fit,
) -> Result:
    """What `invert` does, its options in one.

    Args:
        forward: The model's gathers.
        observed: Gathers to explain.
        initial: Starting model.
        dt: Sampling interval of the gathers [s].
        update: What may change, and within which bounds.
        bands: Low-pass bands in their order.
        fit: What is compared, and how it is run.

    Returns:
        The result, whose `x` is the recovered model.

    Raises:
        ValueError: As `invert`.
    """
    initial, observed = jax.tree.map(jnp.asarray, (initial, observed))
    for gather in jax.tree.leaves(observed):
        finite, peak = jax.device_get(_extent(gather))
        if not finite:
            bad = tuple(int(i) for i in np.argwhere(~np.isfinite(np.asarray(gather)))[0])
            raise ValueError(f"`observed` is not finite at (shot, time, receiver) = {bad}; repair or zero the trace.")
        numbers = jnp.finfo(gather.dtype)
        least = float(numbers.tiny) / float(numbers.eps)
        if 0 < peak < least:
            raise ValueError(
                f"`observed` reaches {peak:.3g}; {gather.dtype} holds such numbers with few digits or none (from {least:.3g} "
                "on it holds all). Multiply sources and data by a number."
            )
    mapped = update.parametrization
    variables = initial if mapped is None else jax.tree.map(jnp.asarray, mapped.to_variables(initial))
    change = ChangeOfVariables(variables, _weights(update, variables))

    def to_model(y: PyTree) -> PyTree:
        return change.to_model(y) if mapped is None else mapped.to_model(change.to_model(y))

    compiled = jax.jit(to_model)  # it may be shown after each iteration

    def found(y: PyTree) -> PyTree:
        return jax.tree.map(np.asarray, compiled(y))

    def make_objective(band: Band) -> Composite:
        composite = relative_objective(forward, observed, band, dt, misfit=fit.misfit, regularizer=fit.regularizer)
        return composite.after(to_model)

    def report(iteration: int, y: PyTree, value: float) -> Any:
        return fit.callback(iteration, found(y), value) if fit.callback else None

    # In y the starting point is zero, which says nothing of the scale of a first step.
    largest = [[float(np.max(np.abs(x), initial=0)) for x in jax.tree.leaves(tree)] for tree in (variables, change.weight)]
    reaches = [value / weight for value, weight in zip(*largest, strict=True) if value > 0 and weight > 0]
    run = dataclasses.replace(fit.starting_with(0.01 * min(reaches, default=1.0)), callback=report)
    limits = (update.low, update.high) if mapped is None else mapped.bounds(update.low, update.high)
    start = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), variables)
    result = descend_bands(make_objective, start, bands, bounds=change.bounds(*limits), run=run)
    return dataclasses.replace(result, x=found(result.x))


def _with_bounds(update: Update, bounds: tuple[PyTree, PyTree] | None, bands: Sequence[Band]) -> Update:
    """The update within the bounds of a single band."""
    if bounds is None:
        return update
    if len(bands) > 1:
        raise ValueError(f"`bounds` is for one band, and `bands` has {len(bands)}: give `update=Update(low=..., high=...)`.")
    if update.low is not None or update.high is not None:
        raise ValueError("`bounds` and `update` both bound the model: leave out one of them.")
    if len(bounds) != 2:
        raise ValueError(f"`bounds` has {len(bounds)} items; give `(low, high)`.")
    return dataclasses.replace(update, low=bounds[0], high=bounds[1])


def _with_iterations(bands: Sequence[Band], iterations: int | None) -> Sequence[Band]:
    """A single band with its number of iterations."""
    if iterations is None:
        return bands
    if len(bands) > 1:
        raise ValueError(
            f"`iterations` = {iterations} is for one band, and `bands` has {len(bands)}: give each its own, "
            "`Band(corner, iterations)`."
        )
    return [dataclasses.replace(band, iterations=iterations) for band in bands]


def _weights(update: Update, variables: PyTree) -> PyTree:
    """The update's weights, one array for every leaf of the variables."""
    weights = jax.tree.broadcast(1.0 if update.weight is None else update.weight, variables)

    def full(weight: Any, values: Array) -> np.ndarray:
        weight = np.asarray(weight, values.dtype)
        if weight.shape not in ((), values.shape):
            name = "`initial`" if update.parametrization is None else "the variables of `update.parametrization`"
            raise ValueError(f"`update.weight` {weight.shape} and {name} {values.shape} must share one grid.")
        return np.broadcast_to(weight, values.shape)

    return jax.tree.map(full, weights, variables)


@jax.jit
def _extent(gather: Array) -> tuple[Array, Array]:
    """Whether a gather is finite, and its largest sample."""
    return jnp.all(jnp.isfinite(gather)), jnp.max(jnp.abs(gather), initial=0)
