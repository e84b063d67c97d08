"""Bounded L-BFGS: SciPy's, on the host in float64, in unknowns scaled so that iterates do not depend on units."""

from typing import Any

import equinox as eqx
import numpy as np
import scipy.optimize

from adseis.optimizers.evaluations import Exhausted
from adseis.optimizers.path import STAGNANT, Method, Path


class LBFGSB(Method):
    """L-BFGS-B: curvature from the last few steps, within bounds.

    Attributes:
        memory: How many steps are remembered. In ill-conditioned problems many (100) go further; they cost memory of the size of
            the model each.

    Raises:
        ValueError: If `memory` is not positive.

    References:
        Byrd, R. H., Lu, P., Nocedal, J. & Zhu, C. (1995), SIAM J. Sci. Comput. 16, 1190-1208, doi:10.1137/0916069
        Morales, J. L. & Nocedal, J. (2011), ACM Trans. Math. Softw. 38, 7, doi:10.1145/2049662.2049669
    """

    memory: int = eqx.field(default=20, static=True)

    def __check_init__(self) -> None:
        if self.memory < 1:
            raise ValueError(f"`memory` = {self.memory} must be at least 1.")

    def walk(self, path: Path, iterations: int, first_step: float | None) -> tuple[str, bool]:
        """By SciPy, through y: x = start + stretch y, and a scaled objective factor f(x)."""
        space = path.space
        stretch, factor = _scales(path, first_step)
        low, high = ((bound - space.start) / stretch for bound in (space.low, space.high))
        unscaled = lambda y: np.clip(space.start + stretch * y, space.low, space.high)  # noqa: E731

        def scaled(y: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = path.evaluate(unscaled(y))
            return factor * value, factor * stretch * gradient

        def accept(intermediate_result: scipy.optimize.OptimizeResult) -> None:
            if path.accept(unscaled(intermediate_result.x)):
                raise StopIteration

        # stagnation is judged by the path, relative to the value: SciPy's `ftol` turns absolute below one
        options: Any = {"maxiter": iterations, "maxfun": np.iinfo(np.int32).max, "ftol": 0.0, "gtol": 1e-9, "maxcor": self.memory}
        bounds = scipy.optimize.Bounds(low, high) if np.isfinite([low, high]).any() else None
        try:
            outcome = scipy.optimize.minimize(
                scaled, np.zeros_like(space.start), jac=True, method="L-BFGS-B", bounds=bounds, callback=accept, options=options
            )
        except Exhausted as end:
            return str(end), False
        if not path.stopped and not outcome.success and path.stagnant(1):  # at the rounding of values no line search succeeds
            path.stopped = STAGNANT
        return path.stopped or str(outcome.message), path.stopped == STAGNANT or (not path.stopped and bool(outcome.success))


def _scales(path: Path, first_step: float | None) -> tuple[float, float]:
    """Factors of x and f after which the projected gradient at the start has norm one, the length of the first trial step."""
    space, (_, gradient) = path.space, path.evaluate(path.space.start)
    descent = np.abs(path.descent(space.start, gradient))
    largest, norm = float(np.max(descent)), float(np.linalg.norm(descent))
    if norm == 0:
        return 1.0, 1.0
    reach = first_step or 1e-2 * space.magnitude or largest / norm
    stretch = reach * norm / largest
    return stretch, 1 / (stretch * norm)
