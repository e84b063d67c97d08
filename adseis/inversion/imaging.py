"""Least-squares migration: the perturbation of a model whose singly scattered waves explain data.

    min_dm  |J dm - d|^2 / 2      by conjugate gradients, J = dF/dm at the background

J is Born modelling, its transpose reverse time migration, both derivatives of the simulation itself (`gauss_newton.born`,
`gauss_newton.migrate`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from tqdm import tqdm

from adseis.objectives.curvature import gauss_newton_product, migrate
from adseis.objectives.space import Space
from adseis.optimizers.conjugate_gradients import conjugate_gradients


class Migrated(NamedTuple):
    """An image with its history.

    Attributes:
        image: dm, like the background.
        residual: |J dm - d| / |d| before the first iteration (1) and after each.
    """

    image: PyTree
    residual: tuple[float, ...]


def least_squares_migration(
    forward: Callable[[PyTree], PyTree],
    background: PyTree,
    scattered: PyTree,
    *,
    iterations: int = 20,
    weight: PyTree | None = None,
    progress: bool = True,
    callback: Callable[[int, PyTree, float], Any] | None = None,
) -> Migrated:
    """Image scatterers by least squares.

    Args:
        forward: Gathers of a model, with any adjoint.
        background: The model that is kept, which explains what is not scattered: an array on the grid, or a pytree of arrays.
        scattered: d, data minus `forward(background)`, like the gathers.
        iterations: Conjugate gradients; each takes a Born simulation and a gradient.
        weight: Preconditioner w on the grid: the unknown is dm / w. `fwi.illumination` evens out depths; zero keeps a node.
        progress: Whether to show a progress bar.
        callback: `callback(iteration, image, residual)` after each iteration.

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
    flat = lambda tree: space.flat([np.asarray(leaf) for leaf in jax.tree.leaves(tree)])  # noqa: E731
    b = w * flat(jax.jit(lambda d: migrate(forward, background, d))(scattered))
    if not np.any(b):
        raise ValueError("`scattered` does not depend on the model where `weight` is not zero.")
    residual = [1.0]
    with tqdm(total=iterations, desc="migrate", disable=not progress) as bar:

        def report(x: np.ndarray, r: np.ndarray) -> None:
            # |J x - d|^2 = |d|^2 - (b + r) x with r = b - J'J x: no simulation is needed to know it
            residual.append(float(np.sqrt(max(power - (b + r) @ x, 0.0) / power)))
            bar.update()
            bar.set_postfix(residual=f"{residual[-1]:.3g}")
            if callback is not None:
                callback(len(residual) - 1, space.tree(w * x), residual[-1])

        solution = conjugate_gradients(lambda v: w * flat(product(space.tree(w * v))), b, iterations=iterations, callback=report)
    return Migrated(jax.tree.map(np.asarray, space.tree(w * solution.x)), tuple(residual))
