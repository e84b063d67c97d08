"""Truncated Newton within bounds: a few conjugate gradients on exact products with the Hessian, then a line search.

Of a `Composite` objective the Gauss-Newton part of the Hessian is used, which is what full waveform inversion asks for. The line
search is written out here, not taken from a library: a journal replays iterates bit for bit, so that every point that is
evaluated must follow from recorded numbers by arithmetic that no library's next version changes.
"""

import equinox as eqx
import numpy as np

from adseis.optimizers.conjugate_gradients import conjugate_gradients
from adseis.optimizers.evaluations import Exhausted
from adseis.optimizers.path import FLAT, STAGNANT, Descent, Method, length

UPHILL = "no step along the Newton direction lowers the objective"
SUFFICIENT, SHORTEST = 1e-4, 2.0**-12


class NewtonCG(Method):
    """Newton's method with directions from conjugate gradients, in the unknowns that no bound holds.

    A product counts as two evaluations.

    Use it for problems whose unknowns trade off or differ in scale (several parameters, illumination, multiple scattering), and
    where an iteration may cost ten to twenty simulations. Do not use it far from the solution, where its steps are no better than
    those of `LBFGSB` and cost more, or for misfits that are not convex in the data.

    Attributes:
        inner: Most conjugate gradients per step; few of them regularize.
        forcing: They also end once the residual is below this share of the gradient.

    Raises:
        ValueError: If `inner` or `forcing` is out of range.

    References:
        Bertsekas, D. P. (1982), SIAM J. Control Optim. 20, 221-246, doi:10.1137/0320018
        Métivier, L., Brossier, R., Virieux, J. & Operto, S. (2013), SIAM J. Sci. Comput. 35, B401-B437, doi:10.1137/120877854
    """

    inner: int = eqx.field(default=10, static=True)
    forcing: float = eqx.field(default=0.1, static=True)

    def __check_init__(self) -> None:
        if self.inner < 1 or not 0 <= self.forcing < 1:
            raise ValueError(f"`inner` = {self.inner} must be at least 1, and `forcing` = {self.forcing} from 0 to below 1.")

    def walk(self, descent: Descent, iterations: int, first_step: float | None) -> tuple[str, bool]:
        """Step after step; curvature gives each its length, so that `first_step` is not needed."""
        flat = None
        for _ in range(iterations):
            _, gradient = descent.evaluate(descent.x)
            steepest = descent.steepest(descent.x, gradient)
            norm = length(steepest)
            flat = 1e-9 * norm if flat is None else flat
            if norm <= flat:
                return FLAT, True
            try:
                step = self._direction(descent, steepest)
                found = _lower_point(descent, step)
            except Exhausted as end:
                return str(end), False
            if found is None:
                value, promised = descent.history[-1].value, float(gradient @ -step)
                if promised <= descent.space.rounding * abs(value):  # less than values can show
                    return STAGNANT, True
                return UPHILL, False
            if descent.accept(found):
                return descent.stopped, descent.stopped == STAGNANT
        return "the number of iterations is reached", False

    def _direction(self, descent: Descent, steepest: np.ndarray) -> np.ndarray:
        """Approximate solution of H s = -g among the unknowns that are free; enough is left for a line search."""
        free, x = steepest != 0, descent.x
        affordable = min(self.inner, (descent.evaluate.left - 3) // 2)
        if affordable < 1:
            raise Exhausted("the cap of evaluations leaves no room for another step")

        def product(v: np.ndarray) -> np.ndarray:
            return np.where(free, descent.evaluate.product(x, v), 0.0)

        return conjugate_gradients(product, steepest, iterations=int(affordable), tolerance=self.forcing).x


def _lower_point(descent: Descent, step: np.ndarray) -> np.ndarray | None:
    """The first point of x + step, x + step/2, ... (nearer by a parabola where it says so) that lowers the objective enough."""
    x, space = descent.x, descent.space
    value, gradient = descent.evaluate(x)
    length = 1.0
    while length >= SHORTEST:
        trial = np.clip(x + length * step, space.low, space.high)
        slope = float(gradient @ (trial - x))
        there, _ = descent.evaluate(trial)
        if slope < 0 and there <= value + SUFFICIENT * slope:
            return trial
        rise = there - value - slope
        length *= float(np.clip(-slope / (2 * rise), 0.1, 0.5)) if rise > 0 else 0.5
    return None
