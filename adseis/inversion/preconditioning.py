"""Masks, mutes and preconditioning: what an update may touch, and how strongly.

L-BFGS-B knows no metric, so a diagonal preconditioner is a change of variables m = r + w y: steepest descent in y is descent by
w^2 times the gradient in m. Weights are arrays over the grid; models may be arrays or pytrees of them.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, PyTree
from scipy.spatial import cKDTree


def masked(model: PyTree, reference: PyTree, mask: PyTree) -> PyTree:
    """Model where the mask is one, reference where it is zero: mask model + (1 - mask) reference.

    The gradient with respect to `model` is multiplied by the mask: exactly zero where the reference is kept. None reaches the
    reference.

    Args:
        model: Array on the grid, or a pytree of such.
        reference: Values to keep, like `model`; finite everywhere.
        mask: Weights in [0, 1]: an array on the grid for all leaves, or a pytree like `model`.

    Returns:
        The blend, like `model`.
    """

    def blend(weight: ArrayLike, value: ArrayLike, kept: ArrayLike) -> Array:
        value = jnp.asarray(value)
        weight = jnp.asarray(weight, value.dtype)
        return weight * value + (1 - weight) * jax.lax.stop_gradient(jnp.asarray(kept, value.dtype))

    return jax.tree.map(blend, jax.tree.broadcast(mask, model), model, reference)


def mute_near(
    positions: Float[ArrayLike, "*points axis"],
    grid_shape: tuple[int, ...],
    spacing: float | tuple[float, ...],
    radius: float,
    *,
    origin: float | tuple[float, ...] = 0.0,
) -> Float[Array, "*grid"]:
    """Weight that is zero at sources or receivers, where gradients are singular, and one beyond `radius` of all of them.

    (1 - cos(pi d / radius)) / 2 with d the distance to the nearest position, 1 for d >= radius.

    Args:
        positions: Sources or receivers [m], any leading axes.
        grid_shape: Nodes of the grid per axis.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        radius: Distance [m] at which the weight has grown to one, positive.
        origin: Position of the first node [m], a number or one per axis.

    Returns:
        Weight in [0, 1] on the grid.

    Raises:
        ValueError: If `radius` is not positive, or `positions` have not one coordinate per axis.
    """
    ndim = len(grid_shape)
    positions = np.asarray(positions)
    if not radius > 0:
        raise ValueError(f"`radius` = {radius} m must be positive.")
    if positions.ndim == 0 or positions.shape[-1] != ndim:
        raise ValueError(f"`positions` {positions.shape} must end with the {ndim} coordinates of the grid {grid_shape}.")
    step, start = (np.broadcast_to(np.asarray(value, float), (ndim,)) for value in (spacing, origin))
    nodes = np.stack(np.meshgrid(*(np.arange(n) for n in grid_shape), indexing="ij"), axis=-1) * step + start
    nearest, _ = cKDTree(np.unique(positions.reshape(-1, ndim), axis=0)).query(nodes)
    weight = 0.5 * (1 - np.cos(np.pi * np.minimum(nearest / radius, 1)))
    return jnp.asarray(weight, jnp.result_type(positions.dtype, 1.0))


def illumination_weight(energy: Float[ArrayLike, "*grid"], *, damping: float = 1e-2) -> Float[Array, "*grid"]:
    """Weight that evens out illumination: 1 / sqrt(energy / max(energy) + damping), scaled to a maximum of one.

    Used as the weight of a `ChangeOfVariables` its square multiplies the gradient: division by the damped energy, the diagonal
    (pseudo-Hessian) preconditioner.

    Args:
        energy: Energy of the wavefield at each node, summed over time and shots; non-negative, any unit.
        damping: Share of the largest energy below which nothing is amplified further, positive.

    Returns:
        Weight in (0, 1], one where the energy is smallest.

    Raises:
        ValueError: If `damping` is not positive.

    References:
        Shin, C., Jang, S. & Min, D.-J. (2001), Geophysical Prospecting 49, 592-606, doi:10.1046/j.1365-2478.2001.00279.x
    """
    if not damping > 0:
        raise ValueError(f"`damping` = {damping} must be positive, or nodes without energy would get infinite weight.")
    energy = jnp.asarray(energy)
    peak = jnp.max(energy)
    relative = energy / jnp.where(peak > 0, peak, 1) + damping
    return jnp.sqrt(jnp.min(relative) / relative)


class ChangeOfVariables(eqx.Module):
    """Model m = reference + weight y, so that an optimizer working on y is preconditioned by weight^2.

    Where the weight is zero the model stays at the reference. To use it, minimize `lambda y: objective(change.to_model(y))` from
    `change.to_variables(x0)` within `change.bounds(low, high)`, and read the model from `change.to_model(result.x)`.

    Attributes:
        reference: Model at y = 0: an array, or a pytree of arrays, any unit.
        weight: Non-negative weights: an array on the grid for all leaves, or a pytree like `reference`.
    """

    reference: PyTree
    weight: PyTree

    def to_model(self, variables: PyTree) -> PyTree:
        """The model reference + weight y.

        Args:
            variables: y, like the reference.

        Returns:
            The model, like the reference.
        """
        return jax.tree.map(lambda r, w, y: r + w * y, self.reference, self._weights(), variables)

    def to_variables(self, model: PyTree) -> PyTree:
        """The variables (model - reference) / weight; zero where the weight is zero.

        Args:
            model: Model, like the reference.

        Returns:
            y, like the reference.
        """
        return jax.tree.map(lambda r, w, m: _divide(m - r, w, 0.0), self.reference, self._weights(), model)

    def bounds(self, low: PyTree = None, high: PyTree = None) -> tuple[PyTree, PyTree]:
        """Bounds of the model turned into bounds of the variables; none where the weight is zero.

        Args:
            low: Lower bound of the model: a number, None, or a pytree like the reference.
            high: Upper bound, likewise.

        Returns:
            The bounds `(low, high)` of y, pytrees like the reference.
        """

        def turn(bound: Any, unbounded: float) -> PyTree:
            bounds = jax.tree.broadcast(unbounded if bound is None else bound, self.reference)
            return jax.tree.map(lambda r, w, b: _divide(b - r, w, unbounded), self.reference, self._weights(), bounds)

        return turn(low, -jnp.inf), turn(high, jnp.inf)

    def _weights(self) -> PyTree:
        return jax.tree.broadcast(self.weight, self.reference)


def _divide(numerator: Array, weight: ArrayLike, otherwise: float) -> Array:
    """Quotient where the weight is positive, `otherwise` elsewhere."""
    weight = jnp.asarray(weight)
    return jnp.where(weight > 0, numerator / jnp.where(weight > 0, weight, 1), otherwise)
