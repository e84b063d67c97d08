"""Bounded L-BFGS: SciPy's, on the host in float64, in unknowns scaled so that iterates do not depend on units."""

from typing import Any

import equinox as eqx
import numpy as np
import scipy

from adseis.optimizers.evaluations import Exhausted
from adseis.optimizers.path import FLAT, STAGNANT, Descent, Method, length

IN_WORDS = {
    "ITERATIONS": "the number of iterations is reached",
    "PGTOL": FLAT,
    "FACTR": STAGNANT,
    "ABNORMAL": "no step along the search direction lowers the objective",
}
"""Part of what SciPy says -> why a run ended."""


class LBFGSB(Method):
    """L-BFGS-B: curvature from the last few steps, within bounds.

    Use it for any smooth objective of any number of unknowns, at about one gradient an iteration: the default. Do not use it for
    an objective that changes from call to call, by batches or random encoding: that is for `minimize_stochastic`.

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

    def walk(self, descent: Descent, iterations: int, first_step: float | None) -> tuple[str, bool]:
        """By SciPy, through y: x = start + stretch y, and a scaled objective factor f(x)."""
        space = descent.space
        stretch, factor = _scales(descent, first_step)
        low, high = ((bound - space.start) / stretch for bound in (space.low, space.high))

        def unscaled(y: np.ndarray) -> np.ndarray:
            return np.clip(space.start + stretch * y, space.low, space.high)

        def scaled(y: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = descent.evaluate(unscaled(y))
            return factor * value, factor * stretch * gradient

        def accept(intermediate_result: scipy.optimize.OptimizeResult) -> None:
            if descent.accept(unscaled(intermediate_result.x)):
                raise StopIteration

        # stagnation is judged by the descent, relative to the value: SciPy's `ftol` turns absolute below one
        options: Any = {"maxiter": iterations, "maxfun": np.iinfo(np.int32).max, "ftol": 0.0, "gtol": 1e-9, "maxcor": self.memory}
        bounds = scipy.optimize.Bounds(low, high) if np.isfinite([low, high]).any() else None
        try:
            outcome = scipy.optimize.minimize(
                scaled, np.zeros_like(space.start), jac=True, method="L-BFGS-B", bounds=bounds, callback=accept, options=options
            )
        except Exhausted as end:
            return str(end), False
        succeeded = bool(outcome.success)
        if not descent.stopped and not succeeded and descent.stagnant(1):  # at the rounding of values no line search succeeds
            descent.stopped = STAGNANT
        if descent.stopped:
            return descent.stopped, descent.stopped == STAGNANT
        said = str(outcome.message)
        return next((words for part, words in IN_WORDS.items() if part in said.upper()), said), succeeded


def _scales(descent: Descent, first_step: float | None) -> tuple[float, float]:
    """Factors of x and f after which the projected gradient at the start has norm one, the length of the first trial step."""
    space, (_, gradient) = descent.space, descent.evaluate(descent.space.start)
    slope = np.abs(descent.steepest(space.start, gradient))
    largest, norm = float(np.max(slope)), length(slope)
    if norm == 0:
        return 1.0, 1.0
    reach = first_step or 1e-2 * space.magnitude or largest / norm
    stretch = reach * norm / largest
    return stretch, 1 / (stretch * norm)
