"""Full waveform inversion: recover a velocity model from gathers by minimizing their misfit.

    min_m  misfit(forward(m), observed) / misfit(0, observed)  +  regularizer(m)        low <= m <= high

The misfit is relative: 1 for a model that predicts nothing, 0 for one that explains all; where silence counts nothing, as with
shifts of traces, it is taken as it is. `forward` is any JAX function from a model to gathers; `Update` says what of the model may
change and how strongly, `Band`s say which frequencies are fitted first.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.inversion.misfits import l2
from adseis.inversion.multiscale import Band, filter_band, minimize_bands
from adseis.inversion.optimizers import Result
from adseis.inversion.parametrizations import Parametrization
from adseis.inversion.preconditioning import ChangeOfVariables, illumination_weight
from adseis.waves.grid import Grid
from adseis.waves.medium import Medium, Samples
from adseis.waves.survey import Survey

Forward = Callable[[Array], Array]


class Update(eqx.Module):
    """What an inversion may change.

    Attributes:
        weight: Weights on the grid: 0 keeps the initial model, larger values move more (a mask, times mutes near sources and
            receivers, times an illumination weight); None for 1 everywhere.
        low: Lower bound of the model: a number or an array on the grid [unit of the model], or None.
        high: Upper bound, likewise.
        parametrization: What the optimizer works on in place of the model; `weight` is then on the grid of its variables.
    """

    weight: Array | np.ndarray | None = None
    low: Any = None
    high: Any = None
    parametrization: Parametrization | None = None


def invert(
    forward: Forward,
    observed: Float[Samples, "shot time receiver"],
    initial: Float[Samples, "*grid"],
    *,
    dt: float,
    update: Update | None = None,
    bands: Sequence[Band] = (Band(),),
    misfit: Callable[[Array, Array], Any] = l2,
    regularizer: Callable[[Array], Any] | None = None,
    callback: Callable[[int, np.ndarray, float], Any] | None = None,
    **options: Any,
) -> Result:
    """Recover a model from gathers by bounded L-BFGS, band after band.

    Args:
        forward: The model's gathers: any JAX-differentiable function, such as
            `lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)`.
        observed: Gathers to explain, in the units of `forward`.
        initial: Starting model.
        dt: Sampling interval of the gathers [s], for the bands' filters.
        update: What may change, and within which bounds.
        bands: Low-pass bands in their order; by default one, the full band.
        misfit: `misfit(predicted, observed)`, not negative.
        regularizer: `regularizer(model)`, added to the relative misfit.
        callback: `callback(iteration, model, value)` after each iteration; a true return value ends the run.
        options: `evaluations`, `first_step` [unit of the model, or of its variables], `journal`, `progress` of `minimize`.

    Returns:
        The result, whose `x` is the recovered model; values in its history are of the band they belong to.

    Raises:
        ValueError: If shapes disagree, `observed` is not finite, or as `minimize` does.

    References:
        Tarantola, A. (1984), Geophysics 49, 1259-1266, doi:10.1190/1.1441754
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    update = update or Update()
    initial, observed = jnp.asarray(initial), jnp.asarray(observed)
    if not bool(jnp.all(jnp.isfinite(observed))):
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(np.asarray(observed)))[0])
        raise ValueError(f"`observed` is not finite at (shot, time, receiver) = {bad}; repair or zero the trace.")
    mapped = update.parametrization
    variables = initial if mapped is None else jnp.asarray(mapped.to_variables(initial))
    weight = jnp.ones_like(variables) if update.weight is None else jnp.asarray(update.weight, variables.dtype)
    if weight.shape != variables.shape:
        name = "`initial`" if mapped is None else "the variables of `update.parametrization`"
        raise ValueError(f"`update.weight` {weight.shape} and {name} {variables.shape} must share one grid.")
    change = ChangeOfVariables(variables, weight)

    def to_model(y: Array) -> Array:
        return change.to_model(y) if mapped is None else mapped.to_model(change.to_model(y))

    def make_objective(band: Band) -> Callable[[Array], Array]:
        objective = relative_objective(forward, observed, band, dt, misfit=misfit, regularizer=regularizer)
        return lambda y: objective(to_model(y))

    def report(iteration: int, y: Array, value: float) -> Any:
        return callback(iteration, np.asarray(to_model(jnp.asarray(y))), value) if callback else None

    # In y the starting point is zero, which says nothing of the scale of a first step.
    options.setdefault("first_step", 0.01 * (float(jnp.max(jnp.abs(variables))) or 1.0))
    limits = (update.low, update.high) if mapped is None else mapped.bounds(update.low, update.high)
    result = minimize_bands(
        make_objective, jnp.zeros_like(variables), bands, bounds=change.bounds(*limits), callback=report, **options
    )
    return dataclasses.replace(result, x=np.asarray(to_model(jnp.asarray(result.x))))


def relative_objective(
    forward: Forward,
    observed: Float[Samples, "shot time receiver"],
    band: Band,
    dt: float,
    *,
    misfit: Callable[[Array, Array], Any] = l2,
    regularizer: Callable[[Array], Any] | None = None,
) -> Callable[[Array], Array]:
    """The function of the model that an inversion minimizes in one band: relative misfit plus regularizer.

    Args:
        forward: From a model to gathers.
        observed: Gathers to explain.
        band: Frequencies to fit.
        dt: Sampling interval of the gathers [s].
        misfit: `misfit(predicted, observed)`.
        regularizer: `regularizer(model)`, or None.

    Returns:
        `objective(model)`, 1 for a model that predicts nothing (without regularizer), unless the misfit of that is zero.
    """
    target = filter_band(observed, band, dt)
    silence = misfit(jnp.zeros_like(target), target)
    scale = jnp.where(silence > 0, silence, 1)

    def objective(model: Array) -> Array:
        value = misfit(filter_band(forward(model), band, dt), target) / scale
        return value if regularizer is None else value + regularizer(model)

    return objective


def illumination(
    simulate: Callable[..., Any],
    medium: Medium,
    survey: Survey,
    grid: Grid,
    *,
    damping: float = 1e-2,
    every: int = 4,
    **options: Any,
) -> Float[Array, "*grid"]:
    """Weight that evens out how strongly the sources light up the model.

    Args:
        simulate: `ads.simulate_scalar`, `ads.simulate_acoustic` or `ads.simulate_elastic`.
        medium: Where the waves run.
        survey: Sources (receivers are not used).
        grid: Space-time sampling.
        damping: Share of the largest energy below which nothing is amplified further.
        every: Steps between the summed snapshots.
        options: Other options of `simulate`.

    Returns:
        `illumination_weight` of the wavefield's energy, summed over time and shots: in (0, 1], on the grid.

    Raises:
        ValueError: If `damping` is not positive, or as `simulate` does.

    References:
        Shin, C., Jang, S. & Min, D.-J. (2001), Geophysical Prospecting 49, 592-606, doi:10.1046/j.1365-2478.2001.00279.x
    """

    def energy_of(fields: dict[str, Array]) -> Array:
        pressure = [fields[name] for name in ("u", "p", "szz", "syy", "sxx") if name in fields]
        return jnp.sum((sum(pressure[1:], start=pressure[0]) / len(pressure)) ** 2, 0)

    _, energy = simulate(medium, survey, grid, probe=energy_of, probe_every=every, **options)
    return illumination_weight(jnp.sum(energy, 0), damping=damping)
