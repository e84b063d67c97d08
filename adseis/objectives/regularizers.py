"""Regularizers: prior preference for smooth or blocky models, as one number to add to a misfit.

Sums are weighted by the cell volume and differences divided by the spacing, so that a value approximates an integral over the
model, and a weight chosen on one grid holds on a finer one. Models are sampled on 1D, 2D or 3D grids.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.experiment.grid import PerAxis


def tikhonov(
    model: Float[ArrayLike, "*grid"],
    spacing: PerAxis = 1.0,
    *,
    order: int = 1,
    reference: Float[ArrayLike, "*grid"] | None = None,
) -> Float[Array, ""]:
    """Squared derivatives of the deviation d = model - reference.

    1/2 sum_axes integral (d^k d / dx^k)^2 dV with k = `order`, by k-th differences of neighbours: order 0 penalises size (once,
    not per axis), order 1 roughness, order 2 curvature. Nothing is assumed beyond the edges, so constants (order 1) and linear
    trends (order 2) cost nothing.

    Use it for smooth models, or to hold unknowns that data do not see. Do not use it for models with interfaces, which it smears:
    `total_variation` keeps them.

    Args:
        model: Values on the grid, any unit.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        order: 0, 1 or 2.
        reference: Preferred model, zero by default.

    Returns:
        The penalty [unit^2 m^(ndim - 2 order)].

    Raises:
        ValueError: If `order`, `spacing` or the shape of `reference` does not fit.

    References:
        Tikhonov, A. N. & Arsenin, V. Y. (1977), Solutions of Ill-posed Problems, Winston & Sons.

    Example:
        >>> flat = np.full((5, 6), 2000.0)
        >>> float(ads.regularizers.tikhonov(flat, 10.0))
        0.0
    """
    deviation = jnp.asarray(model)
    spacings = cell_lengths(spacing, deviation.ndim)
    if order not in (0, 1, 2):
        raise ValueError(f"`order` = {order} must be 0, 1 or 2.")
    if reference is not None:
        reference = jnp.asarray(reference)
        if reference.shape != deviation.shape:
            raise ValueError(f"`reference` {reference.shape} and `model` {deviation.shape} must share one grid.")
        deviation = deviation - reference
    axes = range(deviation.ndim) if order else (0,)
    terms = [jnp.sum((jnp.diff(deviation, order, axis=axis) / spacings[axis] ** order) ** 2) for axis in axes]
    return 0.5 * math.prod(spacings) * jnp.sum(jnp.stack(terms))


def total_variation(model: Float[ArrayLike, "*grid"], spacing: PerAxis = 1.0, *, epsilon: float = 1e-3) -> Float[Array, ""]:
    """Isotropic total variation, smoothed where the model is flat.

    integral (sqrt(|grad m|^2 + epsilon^2) - epsilon) dV by forward differences, zero beyond the last node of an axis: it is zero
    for a constant model, tends to the integral of |grad m| as epsilon -> 0, and is differentiable everywhere.

    Use it for models of blocks with sharp boundaries, salt or faults. Do not use it for gradual ones, of which it makes stairs,
    or with an `epsilon` so small that an optimizer sees kinks.

    Args:
        model: Values on the grid, any unit.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        epsilon: Gradient [unit per m] below which the penalty turns quadratic, positive.

    Returns:
        The penalty [unit m^(ndim - 1)].

    Raises:
        ValueError: If `spacing` does not fit or `epsilon` is not positive.

    References:
        Rudin, L., Osher, S. & Fatemi, E. (1992), Physica D 60, 259-268, doi:10.1016/0167-2789(92)90242-F

    Example:
        >>> step = np.where(np.arange(6) < 3, 2000.0, 2500.0) * np.ones((5, 1))
        >>> float(ads.regularizers.total_variation(step, 10.0)) > 0
        True
    """
    if not epsilon > 0:
        raise ValueError(f"`epsilon` = {epsilon} must be positive: at zero the gradient of a flat model is undefined.")
    along, volume = slopes(model, spacing)
    squared = jnp.sum(jnp.stack(along) ** 2, axis=0)
    # the same as sqrt(squared + epsilon^2) - epsilon, without its cancellation in single precision
    return volume * jnp.sum(squared / (jnp.sqrt(squared + epsilon**2) + epsilon))


def slopes(model: Float[ArrayLike, "*grid"], spacing: PerAxis = 1.0) -> tuple[list[Float[Array, "*grid"]], float]:
    """Forward differences along every axis [unit per m], zero beyond the last node, and the volume of a cell [m^ndim].

    Args:
        model: Values on the grid, any unit.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.

    Returns:
        One array per axis, and the volume.

    Raises:
        ValueError: If `spacing` does not fit.
    """
    model = jnp.asarray(model)
    spacings = cell_lengths(spacing, model.ndim)
    last = [jnp.take(model, jnp.array([-1]), axis=axis) for axis in range(model.ndim)]
    every = [jnp.diff(model, axis=axis, append=last[axis]) / spacings[axis] for axis in range(model.ndim)]
    return every, math.prod(spacings)


def cell_lengths(spacing: PerAxis, ndim: int) -> tuple[float, ...]:
    """One positive spacing per axis.

    Args:
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        ndim: Number of axes: 1, 2 or 3.

    Returns:
        The spacings [m].

    Raises:
        ValueError: If `spacing` is not positive or does not fit the axes.
    """
    each = np.asarray(spacing, float)  # numbers of files are NumPy's, or arrays without axes
    spacings = (float(each),) * ndim if each.ndim == 0 else tuple(float(h) for h in each)
    if ndim not in (1, 2, 3):
        raise ValueError(f"`model` has {ndim} axes; regularizers know 1D, 2D and 3D grids.")
    if len(spacings) != ndim or min(spacings) <= 0:
        raise ValueError(f"`spacing` = {spacing} must be positive, a number or one per axis of the {ndim}D model.")
    return spacings
