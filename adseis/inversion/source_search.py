"""What searches for sources share: how large an unknown of which data depend linearly has to be, and where a position may go."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PyTree

from adseis.experiment.checks import Samples
from adseis.experiment.grid import Grid
from adseis.optimizers.path import Result


class FoundSource(Result):
    """The result of a search for sources, with a name for each of the unknowns."""

    @property
    def result(self) -> Result:
        """Itself, as the result of the (last) minimization."""
        return self


class Room(NamedTuple):
    """Where a position may go.

    Attributes:
        reach: How far it is expected to move in a step along each axis [m]; 0 keeps it.
        low: Least coordinates [m].
        high: Greatest.
    """

    reach: Float[np.ndarray, " axis"]
    low: Float[np.ndarray, " axis"]
    high: Float[np.ndarray, " axis"]


def search_room(
    position: Float[Samples, "shot source axis"], grid: Grid, reach: float | Sequence[float], margin: float = 0.0
) -> Room:
    """The grid without a margin, as the room of positions that move.

    Args:
        position: Where they start [m].
        grid: Space-time sampling.
        reach: How far a position is expected to move in a step [m]: a number, or one per axis, 0 along an axis that is kept.
        margin: Least distance from the edges of the grid [m].

    Returns:
        Reach and bounds, one number per axis.

    Raises:
        ValueError: If `reach` is negative or nowhere positive, or a position starts out of the room along an axis that
            it moves on.
    """
    axes = len(grid.shape)
    reaches = np.asarray(reach, float)
    if reaches.shape not in ((), (axes,)):
        raise ValueError(f"`reach` = {reach} m must be a number, or one for each of {axes} axes.")
    if not (np.all(reaches >= 0) and np.any(reaches > 0)):
        raise ValueError(f"`reach` = {reach} m must be positive, or zero along an axis that is kept.")
    reaches, place = np.broadcast_to(reaches, (axes,)), np.asarray(position)
    low, high = np.array(grid.origin) + margin, np.array(grid.origin) + np.array(grid.extent) - margin
    if place.shape[-1] != axes or not np.all((place >= low) & (place <= high) | (reaches == 0)):
        raise ValueError(f"`position` starts off the grid, or within `margin` = {margin} m of its edges: {place}.")
    return Room(reaches, low, high)


def linear_scale(forward: Callable[[Array], Any], observed: PyTree, like: Array) -> float:
    """How large an unknown of which data depend linearly has to be: the first step of steepest descent from zero.

    With G the linear map and d the data, max |a g| of g = G' d and a = |g|^2 / |G g|^2, in numbers of order one: single precision
    has no room for the squares of moments.

    Args:
        forward: G.
        observed: d.
        like: Zeros of the unknown's shape.

    Returns:
        The scale, in the unknown's unit.

    Raises:
        ValueError: If the data are zero, or do not depend on the unknown.
    """
    loud = largest(observed)
    relative = jax.tree.map(lambda gather: jnp.asarray(gather) / (loud or 1), observed)

    def inner(a: PyTree, b: PyTree) -> Any:
        return sum(jnp.vdot(x, y) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))

    gradient = jax.jit(jax.grad(lambda x: inner(forward(x), relative)))(like)
    steep = largest(gradient)
    direction = gradient / (steep or 1)
    predicted = jax.jit(forward)(direction)
    answer = largest(predicted)
    if not (loud > 0 and steep > 0 and answer > 0):
        raise ValueError("`observed` is zero, or does not depend on what is sought: there is nothing to fit.")
    power = sum(float(jnp.sum((gather / answer) ** 2)) for gather in jax.tree.leaves(predicted))
    return loud * steep * float(jnp.sum(direction**2)) / (power * answer**2)


def largest(gathers: PyTree) -> float:
    """Largest absolute value.

    Args:
        gathers: An array, or a pytree of them.

    Returns:
        The value.
    """
    return max(float(jnp.max(jnp.abs(gather))) for gather in jax.tree.leaves(gathers))
