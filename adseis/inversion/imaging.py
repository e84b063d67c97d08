"""Least-squares migration: the perturbation of a model whose singly scattered waves explain data.

    min_dm  |J dm - d|^2 / 2      by conjugate gradients, J = dF/dm at the background

J is Born modelling, its transpose reverse time migration, both derivatives of the simulation itself (`curvature.born`,
`curvature.migrate`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from tqdm import tqdm

from adseis.objectives.curvature import gauss_newton_product, migrate
from adseis.objectives.space import Space
from adseis.optimizers.conjugate_gradients import conjugate_gradients
from adseis.optimizers.path import Callback, Iterate, Result, stop_asked


@dataclass(frozen=True, eq=False)
class Migrated(Result):
    """An image with its history: `x` is the image, `value` the relative residual; gradient norms are not kept."""

    @property
    def image(self) -> PyTree:
        """dm, like the background."""
        return self.x

    @property
    def residual(self) -> tuple[float, ...]:
        """|J dm - d| / |d| before the first iteration (1) and after each."""
        return tuple(iterate.value for iterate in self.history)


def least_squares_migration(
    forward: Callable[[PyTree], PyTree],
    background: PyTree,
    scattered: PyTree,
    *,
    iterations: int = 20,
    weight: PyTree | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> Migrated:
    """Image scatterers by least squares.

    Use it to see reflectors, evenly lit and sharp, in a background that explains how long waves travel. Do not use it to correct
    that background, which is what `invert` does.

    Args:
        forward: Gathers of a model, with any adjoint.
        background: The model that is kept, which explains what is not scattered: an array on the grid, or a pytree of arrays.
        scattered: d, data minus `forward(background)`, like the gathers.
        iterations: Conjugate gradients; each takes a Born simulation and a gradient.
        weight: Preconditioner w on the grid: the unknown is dm / w. `weights.illumination` evens out depths; zero keeps a node.
        progress: Whether to show a progress bar.
        callback: `callback(iteration, image, residual)` after each iteration; ends the run by a true return value or
            StopIteration.

    Returns:
        The image [unit of the model] and the relative residual.

    Raises:
        ValueError: If the data are zero, not finite, or do not depend on the model.

    References:
        Nemeth, T., Wu, C. & Schuster, G. T. (1999), Geophysics 64, 208-221, doi:10.1190/1.1444517
        Dai, W., Fowler, P. & Schuster, G. T. (2012), Geophysical Prospecting 60, 681-695, doi:10.1111/j.1365-2478.2012.01092.x
    """
    background, scattered = jax.tree.map(jnp.asarray, (background, scattered))
    space = Space(background, None)
    weights = jax.tree.broadcast(1.0 if weight is None else weight, background)
    w = space.flat(
        [np.broadcast_to(np.asarray(a), np.shape(b)) for a, b in zip(*map(jax.tree.leaves, (weights, background)), strict=True)]
    )
    power = float(sum(np.sum(np.asarray(d, float) ** 2) for d in jax.tree.leaves(scattered)))
    if not 0 < power < np.inf:
        raise ValueError("`scattered` must be finite and not zero: there is nothing to image.")
    product = jax.jit(lambda v: gauss_newton_product(forward, background, v))

    def flat(tree: PyTree) -> np.ndarray:
        return space.flat([np.asarray(leaf) for leaf in jax.tree.leaves(tree)])

    b = w * flat(jax.jit(lambda d: migrate(forward, background, d))(scattered))
    if not np.any(b):
        raise ValueError("`scattered` does not depend on the model where `weight` is not zero.")
    history = [Iterate(1.0, float("nan"), 1, 0)]
    with tqdm(total=iterations, desc="migrate", disable=not progress) as bar:

        def report(iteration: int, x: np.ndarray, value: float) -> bool:
            # |J x - d|^2 = |d|^2 + 2 (x' J'J x / 2 - b' x): no simulation is needed to know it
            residual = float(np.sqrt(max(power + 2 * value, 0.0) / power))
            history.append(Iterate(residual, float("nan"), 1 + 2 * iteration, iteration))  # a product counts as two
            bar.update()
            bar.set_postfix(residual=f"{residual:.3g}")
            return callback is not None and stop_asked(callback, iteration, space.tree(w * x), residual)

        solution = conjugate_gradients(lambda v: w * flat(product(space.tree(w * v))), b, iterations=iterations, callback=report)
    image = jax.tree.map(np.asarray, space.tree(w * solution.x))
    spent, done = 1 + 2 * solution.iterations, solution.message == "converged"
    return Migrated(image, history[-1].value, tuple(history), spent, solution.message, done)
