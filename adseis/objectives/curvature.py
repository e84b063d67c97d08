"""Curvature without a matrix: products with the Gauss-Newton or the full Hessian, from derivatives of the same simulation.

For an objective phi(F(x)) + R(x) with J = dF/dx,

    H v  =  J' phi'' J v  +  R'' v  (+ the second derivative of F, which Gauss-Newton leaves out),

J v is Born modelling, and J' w reverse time migration. Left out, H is never negative where phi and R are convex.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import PRNGKeyArray, PyTree

from adseis.objectives.composite import Composite
from adseis.timeloop.adjoints import AutoDiff
from adseis.timeloop.override import adjoint_override


def curvature_product(objective: Callable[[PyTree], Any], x: PyTree, v: PyTree) -> PyTree:
    """H v: of a `Composite` the Gauss-Newton product, of any other objective the product with the exact Hessian.

    Args:
        objective: Scalar function of a pytree.
        x: Where.
        v: Direction, like `x`.

    Returns:
        The product, like `x`.
    """
    if not isinstance(objective, Composite):
        return _hessian_product(objective, x, v)
    product = gauss_newton_product(objective.forward, x, v, loss=objective.loss)
    if objective.regularizer is None:
        return product
    return jax.tree.map(lambda a, b: a + b, product, _hessian_product(objective.regularizer, x, v))


def gauss_newton_product(
    forward: Callable[[PyTree], PyTree], x: PyTree, v: PyTree, *, loss: Callable[[PyTree], Any] | None = None
) -> PyTree:
    """J' phi'' J v.

    It takes a Born simulation beside a gradient. To be called under `jax.jit`.

    Args:
        forward: F, with any adjoint: J v is taken with `ads.AutoDiff()`, J' by the adjoint it asks for.
        x: Where J is taken.
        v: Direction, like `x`.
        loss: phi; by default phi'' = 1: a sum of squares, halved.

    Returns:
        The product, like `x`.

    References:
        Pratt, R. G., Shin, C. & Hicks, G. J. (1998), Geophys. J. Int. 133, 341-362, doi:10.1046/j.1365-246X.1998.00498.x
    """
    predicted, scattered = born(forward, x, v)
    if loss is not None:
        scattered = _hessian_product(loss, predicted, scattered)
    return migrate(forward, x, scattered)


def born(forward: Callable[[PyTree], PyTree], x: PyTree, v: PyTree) -> tuple[PyTree, PyTree]:
    """Data and singly scattered waves: F(x) and J v.

    Args:
        forward: F, with any adjoint.
        x: Background.
        v: Perturbation, like `x`.

    Returns:
        Both, like the data.
    """
    with adjoint_override(AutoDiff()):
        return jax.jvp(forward, (x,), (v,))


def migrate(forward: Callable[[PyTree], PyTree], x: PyTree, data: PyTree) -> PyTree:
    """Reverse time migration J' d.

    Args:
        forward: F.
        x: Background.
        data: d, like the data of `forward`.

    Returns:
        The image, like `x`.
    """
    return jax.vjp(forward, x)[1](data)[0]


def curvature_diagonal(forward: Callable[[PyTree], PyTree], x: PyTree, *, key: PRNGKeyArray | Array, samples: int = 6) -> PyTree:
    """Diagonal of J' J, estimated: how strongly data depend on each unknown.

        diag(J' J) = E[(J' r)^2],    r white noise of unit variance in place of data

    What receivers see counts as much as what sources light. A sample is off by a factor of its own (a relative standard deviation
    of sqrt(2 / samples)): smooth the estimate over neighbours.

    Args:
        forward: F.
        x: Where J is taken.
        key: Of the random data.
        samples: Number of random data sets; each costs a gradient.

    Returns:
        The estimate, like `x`.

    Raises:
        ValueError: If `samples` is not positive.

    References:
        Hutchinson, M. F. (1989), Commun. Stat. Simul. Comput. 18, 1059-1076, doi:10.1080/03610918908812806
    """
    images = images_of_noise(forward, x, key=key, samples=samples)
    squares = (jax.tree.map(lambda g: g**2 / samples, image) for image in images)
    return functools.reduce(lambda a, b: jax.tree.map(jnp.add, a, b), squares)


def images_of_noise(
    forward: Callable[[PyTree], PyTree], x: PyTree, *, key: PRNGKeyArray | Array, samples: int
) -> Iterator[PyTree]:
    """J' r of random data r, one by one: what `curvature_diagonal` is the mean square of.

    Args:
        forward: F.
        x: Where J is taken.
        key: Of the random data.
        samples: Number of random data sets.

    Yields:
        An image, like `x`, in the unit of the data over that of `x`.

    Raises:
        ValueError: If `samples` is not positive.
    """
    if samples < 1:
        raise ValueError(f"`samples` = {samples} must be at least 1.")
    like = jax.eval_shape(forward, x)
    leaves, tree = jax.tree.flatten(like)

    @jax.jit
    def image(key: Array) -> PyTree:
        keys = jax.random.split(key, len(leaves))
        noise = [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
        return migrate(forward, x, jax.tree.unflatten(tree, noise))

    yield from map(image, jax.random.split(key, samples))


def _hessian_product(function: Callable[[PyTree], Any], x: PyTree, v: PyTree) -> PyTree:
    return jax.jvp(jax.grad(function), (x,), (v,))[1]
