"""A penalty for maps of few jumps: it hardly grows with the size of a jump, so that it shrinks none."""

import numpy as np
import scipy
from jaxtyping import Float


class Jumps:
    r"""The mean of log(1 + (d / scale)^2) over the differences d of neighbours.

    Use it with Gauss-Newton steps at the end of a search, for maps of blocks: it has many minima. Not far from the truth, where
    it holds on to jumps at the wrong place, and not for smooth maps.

    Args:
        shape: Nodes along z and x.
        scale: Difference [m/s] below which it is quadratic.
    """

    def __init__(self, shape: tuple[int, int], scale: float) -> None:
        self.scale = scale
        down, across = (scipy.sparse.csr_array(np.diff(np.eye(n), axis=0)) for n in shape)
        same = [scipy.sparse.csr_array(np.eye(n)) for n in shape]
        both = [scipy.sparse.kron(down, same[1]), scipy.sparse.kron(same[0], across)]
        self.differences = scipy.sparse.csr_array(scipy.sparse.vstack(both))

    def value(self, vp: Float[np.ndarray, "z x"]) -> float:
        """The penalty.

        Args:
            vp: A map [m/s].
        """
        return float(np.mean(np.log1p((self._of(vp) / self.scale) ** 2)))

    def curvature(self, vp: Float[np.ndarray, "z x"]) -> scipy.sparse.csr_array:
        """The matrix A of a quadratic function v^T A v + c that touches the penalty at a map and is nowhere below it.

        Args:
            vp: The map [m/s].
        """
        weight = 1 / (self.scale**2 + self._of(vp) ** 2) / self.differences.shape[0]
        return scipy.sparse.csr_array(self.differences.T @ self.differences.multiply(weight[:, None]))

    def _of(self, vp: np.ndarray) -> np.ndarray:
        """Differences of neighbours."""
        return self.differences @ np.asarray(vp, float).reshape(-1)
