"""Conjugate gradients for a matrix that is known by its products: the inner loop of Newton's method and of linear imaging.

Written out here, not taken from SciPy: a journal replays the products of Newton's method bit for bit, so that every vector that
is asked for must follow from recorded numbers by arithmetic that no library's next version changes; and negative curvature must
end it in a direction of descent.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.optimizers.path import STOPPED, Callback, stop_asked

Vector = Float[np.ndarray, "n"]


class Solution(NamedTuple):
    """What conjugate gradients arrived at.

    Attributes:
        x: Approximate solution of A x = b, a descent direction of x' A x / 2 - b' x.
        residual: b - A x.
        iterations: Products spent.
        message: Why it ended.
    """

    x: Vector
    residual: Vector
    iterations: int
    message: str


def conjugate_gradients(
    product: Callable[[Vector], Vector],
    b: Vector,
    *,
    iterations: int,
    tolerance: float = 0.0,
    callback: Callback | None = None,
) -> Solution:
    """Minimize x' A x / 2 - b' x for a symmetric A, from zero.

    A direction of negative curvature ends it: what was found until then is a descent direction, and if it was the first, b is.

    Args:
        product: v -> A v, on flat vectors.
        b: Right-hand side.
        iterations: Most products.
        tolerance: Ends once norm(b - A x) <= tolerance norm(b).
        callback: `callback(iteration, x, value)` after each iteration, of x' A x / 2 - b' x; ends it as in `minimize`.

    Returns:
        The solution.

    References:
        Hestenes, M. R. & Stiefel, E. (1952), J. Res. Natl. Bur. Stand. 49, 409-436, doi:10.6028/jres.049.044
        Steihaug, T. (1983), SIAM J. Numer. Anal. 20, 626-637, doi:10.1137/0720042
    """
    b = np.asarray(b, float)
    x, residual, direction = np.zeros_like(b), b.copy(), b.copy()
    power = start = float(residual @ residual)
    for done in range(iterations):
        if power <= tolerance**2 * start or power == 0:
            return Solution(x, residual, done, "converged")
        curved = np.asarray(product(direction), float)
        curvature = float(direction @ curved)
        if curvature <= 0:
            return Solution(x if done else b.copy(), residual, done + 1, "negative curvature")
        step = power / curvature
        x, residual = x + step * direction, residual - step * curved
        power, before = float(residual @ residual), power
        direction = residual + (power / before) * direction
        # with r = b - A x the value is -(b + r)' x / 2
        if callback is not None and stop_asked(callback, done + 1, x, -0.5 * float((b + residual) @ x)):
            return Solution(x, residual, done + 1, STOPPED)
    return Solution(x, residual, iterations, "the number of iterations is reached")
