"""Points, weights and derivatives on the reference interval [-1, 1]: Gauss-Lobatto-Legendre, and -Jacobi at the axis.

An element of degree N has N + 1 points along each direction. Elements that touch the axis have, across it, the points that belong
to the weight 1 + x, which stands for the distance from the axis.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import roots_jacobi


class Rule(NamedTuple):
    """Points of an element along a direction.

    Attributes:
        points: From -1 to 1, both included, `(point,)`.
        weights: Of the integral of f(x), or of f(x) (1 + x), `(point,)`; exact to degree 2 N - 1.
        derivative: From values to the slopes of their interpolant, `(point, point)`.
    """

    points: Float[np.ndarray, " point"]
    weights: Float[np.ndarray, " point"]
    derivative: Float[np.ndarray, "point point"]


@lru_cache(maxsize=32)
def lobatto(degree: int, *, axial: bool = False) -> Rule:
    """Gauss-Lobatto quadrature for the weight 1, or 1 + x.

    Args:
        degree: N, at least 1.
        axial: Whether the weight is 1 + x: Gauss-Lobatto-Jacobi (0, 1), for the direction away from the axis.

    Returns:
        N + 1 points, their weights, and the derivative of the interpolant through them.

    Raises:
        ValueError: If the degree is under 1.

    References:
        Nissen-Meyer, T. et al. (2007), Geophys. J. Int. 168, 1051-1066, doi:10.1111/j.1365-246X.2006.03121.x
    """
    if degree < 1:
        raise ValueError(f"`degree` = {degree} must be at least 1.")
    inner = roots_jacobi(degree - 1, 1, 2 if axial else 1)[0] if degree > 1 else np.empty(0)
    points = np.r_[-1.0, inner, 1.0]
    # Lagrange polynomials are of degree N: their integrals by Gauss-Legendre points are exact.
    x, w = np.polynomial.legendre.leggauss(degree + 2)
    weights = (w * (1 + x if axial else 1)) @ _lagrange(points[None], x, np)
    differences = points[:, None] - points + np.eye(degree + 1)
    scale = differences.prod(1)
    derivative = scale[:, None] / (scale * differences)
    np.fill_diagonal(derivative, 0.0)
    np.fill_diagonal(derivative, -derivative.sum(1))
    return Rule(points, weights, derivative)


def lagrange(points: Float[Any, "*at point"], x: Float[Array, "*at"]) -> Float[Array, "*at point"]:
    """The polynomials that are 1 at one of the points and 0 at the others.

    Args:
        points: Of a rule, for each place.
        x: Where; differentiable.

    Returns:
        Their values. Their slopes are these times `Rule.derivative`.
    """
    return _lagrange(points, x, jnp)


def _lagrange(points: Any, x: Any, xp: Any) -> Any:
    same = np.eye(points.shape[-1], dtype=bool).reshape(*[1] * np.ndim(x), points.shape[-1], -1)
    others = points[..., None, :]
    factors = (x[..., None, None] - others) / xp.where(same, 1.0, points[..., None] - others)
    return xp.prod(xp.where(same, 1.0, factors), -1)
