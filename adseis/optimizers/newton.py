"""Truncated Newton within bounds: a few conjugate gradients on exact products with the Hessian, then a line search.

Of a `Composite` objective the Gauss-Newton part of the Hessian is used, which is what full waveform inversion asks for.
"""

import equinox as eqx
import numpy as np

from adseis.optimizers.conjugate_gradients import conjugate_gradients
from adseis.optimizers.evaluations import Exhausted
from adseis.optimizers.path import FLAT, STAGNANT, Method, Path

UPHILL = "no step along the Newton direction lowers the objective"
SUFFICIENT, SHORTEST = 1e-4, 2.0**-12


class NewtonCG(Method):
    """Newton's method with directions from conjugate gradients, in the unknowns that no bound holds.

    A product counts as two evaluations.

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

    def walk(self, path: Path, iterations: int, first_step: float | None) -> tuple[str, bool]:
        """Step after step; curvature gives each its length, so that `first_step` is not needed."""
        flat = None
        for _ in range(iterations):
            _, gradient = path.evaluate(path.x)
            descent = path.descent(path.x, gradient)
            norm = float(np.linalg.norm(descent))
            flat = 1e-9 * norm if flat is None else flat
            if norm <= flat:
                return FLAT, True
            try:
                step = self._direction(path, descent)
                found = _search(path, step)
            except Exhausted as end:
                return str(end), False
            if found is None:
                value, promised = path.history[-1].value, float(gradient @ -step)
                if promised <= path.space.rounding * abs(value):  # less than values can show
                    return STAGNANT, True
                return UPHILL, False
            if path.accept(found):
                return path.stopped, path.stopped == STAGNANT
        return "the number of iterations is reached", False

    def _direction(self, path: Path, descent: np.ndarray) -> np.ndarray:
        """Approximate solution of H s = -g among the unknowns that are free; enough is left for a line search."""
        free, x = descent != 0, path.x
        affordable = min(self.inner, (path.evaluate.left - 3) // 2)
        if affordable < 1:
            raise Exhausted("the cap of evaluations leaves no room for another step")

        def product(v: np.ndarray) -> np.ndarray:
            return np.where(free, path.evaluate.product(x, v), 0.0)

        return conjugate_gradients(product, descent, iterations=int(affordable), tolerance=self.forcing).x


def _search(path: Path, step: np.ndarray) -> np.ndarray | None:
    """The first point of x + step, x + step/2, ... (nearer by a parabola where it says so) that lowers the objective enough."""
    x, space = path.x, path.space
    value, gradient = path.evaluate(x)
    length = 1.0
    while length >= SHORTEST:
        trial = np.clip(x + length * step, space.low, space.high)
        slope = float(gradient @ (trial - x))
        there, _ = path.evaluate(trial)
        if slope < 0 and there <= value + SUFFICIENT * slope:
            return trial
        rise = there - value - slope
        length *= float(np.clip(-slope / (2 * rise), 0.1, 0.5)) if rise > 0 else 0.5
    return None
