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
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from scipy.ndimage import gaussian_filter

from adseis.experiment.grid import Grid
from adseis.experiment.medium import Medium
from adseis.experiment.sources import Emission, Source
from adseis.experiment.survey import Survey
from adseis.inversion.gauss_newton import Composite, curvature_diagonal
from adseis.inversion.misfits import l2
from adseis.inversion.multiscale import Band, filter_band, minimize_bands
from adseis.inversion.optimizers import Result
from adseis.inversion.parametrizations import Parametrization
from adseis.inversion.preconditioning import ChangeOfVariables, illumination_weight

Forward = Callable[[Any], Any]


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


def relative_objective(
    forward: Forward,
    observed: PyTree,
    band: Band,
    dt: float,
    *,
    misfit: Callable[[Array, Array], Any] = l2,
    regularizer: Callable[[PyTree], Any] | None = None,
) -> Composite:
    """The function of the model that an inversion minimizes in one band: relative misfit plus regularizer.

    Args:
        forward: From a model to gathers.
        observed: Gathers to explain, `(shot, time, receiver)`; of a tuple of them the relative misfits are averaged.
        band: Frequencies to fit.
        dt: Sampling interval of the gathers [s].
        misfit: `misfit(predicted, observed)`.
        regularizer: `regularizer(model)`, or None.

    Returns:
        `objective(model)`, 1 for a model that predicts nothing (without regularizer), unless the misfit of that is zero.
    """
    filtered = lambda gathers: [filter_band(g, band, dt) for g in jax.tree.leaves(gathers)]  # noqa: E731
    targets = filtered(observed)
    silences = [misfit(jnp.zeros_like(target), target) for target in targets]
    scales = [len(targets) * jnp.where(silence > 0, silence, 1) for silence in silences]

    def loss(predicted: list[Array]) -> Array:
        if len(predicted) != len(targets):
            raise ValueError(f"`forward` returns {len(predicted)} gathers, `observed` has {len(targets)}.")
        terms = [misfit(p, o) / scale for p, o, scale in zip(predicted, targets, scales, strict=True)]
        return jnp.sum(jnp.stack(terms))

    return Composite(lambda model: filtered(forward(model)), loss, regularizer)


def illumination(
    simulate: Callable[..., Any],
    medium: Medium,
    survey: Survey,
    grid: Grid,
    *,
    damping: float = 1e-2,
    every: int = 4,
    pseudo_hessian: bool = False,
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
        pseudo_hessian: Take the energy of the second time derivative over speed^6, the power of what a change of speed radiates:
            d/dvp (u_tt / vp^2) = -2 u_tt / vp^3. Fast and deep nodes then move more.
        options: Other options of `simulate`.

    Returns:
        `illumination_weight` of the wavefield's energy, summed over time and shots: in (0, 1], on the grid.

    Raises:
        ValueError: If `damping` is not positive, or as `simulate` does.

    References:
        Shin, C., Jang, S. & Min, D.-J. (2001), Geophysical Prospecting 49, 592-606, doi:10.1046/j.1365-2478.2001.00279.x
    """
    if pseudo_hessian:  # of time functions differentiated twice the wavefield is, too
        survey = Survey(_Twice(survey.source), survey.receivers, devices=survey.devices)

    def energy_of(fields: dict[str, Array]) -> Array:
        pressure = [fields[name] for name in ("u", "p", "szz", "syy", "sxx") if name in fields]
        return jnp.sum((sum(pressure[1:], start=pressure[0]) / len(pressure)) ** 2, 0)

    _, energy = simulate(medium, survey, grid, probe=energy_of, probe_every=every, **options)
    energy = jnp.sum(energy, 0)
    if pseudo_hessian:
        energy = energy / jnp.asarray(medium.vp, energy.dtype) ** 6
    return illumination_weight(energy, damping=damping)


def sensitivity(
    forward: Forward,
    model: PyTree,
    *,
    key: PRNGKeyArray | Array,
    mask: PyTree = None,
    samples: int = 6,
    smooth: float = 2.0,
    damping: float = 1e-3,
) -> PyTree:
    """Weight that evens out how strongly the data depend on each node: sources, receivers, filters and gains all count.

        w = 1 / sqrt(d / max(d) + damping),    d = diag(J' J) from random data, smoothed

    Args:
        forward: From a model to gathers, as of `invert`; filter and weigh the gathers inside as the inversion does.
        model: Where J is taken: an array on the grid, or a pytree of such, each of which is evened out for itself.
        key: Of the random data.
        mask: 1 where the model may change: an array, or a pytree like `model`; the weight is zero elsewhere.
        samples: Random data sets; each costs a gradient.
        smooth: Standard deviation of the smoothing [nodes].
        damping: Share of the largest d below which nothing is amplified further.

    Returns:
        Weights like `model`, at most one, for `Update(weight=...)`.

    Raises:
        ValueError: If `samples` or `damping` is not positive, or a mask is of another shape.
    """
    model = jax.tree.map(jnp.asarray, model)

    def even(mask: Any, values: Array, diagonal: Array) -> Array:
        free = np.asarray(np.asarray(mask) > 0, float)
        if free.shape not in ((), values.shape):
            raise ValueError(f"`mask` {free.shape} and `model` {values.shape} must share one grid.")
        free = np.broadcast_to(free, values.shape)
        share = np.where(free > 0, gaussian_filter(free, smooth), 1)  # what is kept must not bleed into its neighbours
        energy = free * gaussian_filter(free * np.asarray(diagonal, float), smooth) / share
        weight = free * np.asarray(illumination_weight(energy, damping=damping))
        return jnp.asarray(weight / max(weight.max(), np.finfo(float).tiny), values.dtype)

    masks = jax.tree.broadcast(1.0 if mask is None else mask, model)
    return jax.tree.map(even, masks, model, curvature_diagonal(forward, model, key=key, samples=samples))


class _Twice(Source):
    """A source whose time functions are differentiated twice, by central differences."""

    source: Source | tuple[Source, ...]

    def emissions(self, grid: Grid) -> list[Emission]:
        """Second differences of what it emits."""
        every = Survey(self.source, np.zeros((0, len(grid.shape)))).emissions(grid)
        slope = lambda samples: jnp.stack(jnp.gradient(samples, grid.dt, axis=(-1,)))[0]  # noqa: E731
        return [e._replace(samples=slope(slope(jnp.asarray(e.samples)))) for e in every]
