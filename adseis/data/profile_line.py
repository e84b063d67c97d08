"""A vertical section through recorded positions: the line that it follows, and what lies along it and off it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class ProfileLine(NamedTuple):
    """A straight line on the map.

    Attributes:
        origin: (y, x) where the section's x is 0 [m].
        along: Unit vector (y, x) in which the section's x grows.
    """

    origin: Float[np.ndarray, "2"]
    along: Float[np.ndarray, "2"]

    def project(self, positions: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 2"]:
        """Positions dropped onto the section.

        Args:
            positions: (z, y, x) [m].

        Returns:
            (z, x) [m].
        """
        origin = self.origin.reshape((1,) * (positions.ndim - 1) + (2,))
        return np.stack([positions[..., 0], (positions[..., 1:] - origin) @ self.along], -1)

    def farthest(self, points: Float[np.ndarray, "point 2"]) -> float:
        """How far off the line the farthest of some points lies.

        Args:
            points: (y, x) [m].

        Returns:
            Its distance [m].
        """
        across = np.array([-self.along[1], self.along[0]])
        return float(np.abs((points - self.origin[None]) @ across).max())


def fitted_line(points: Float[np.ndarray, "point 2"]) -> ProfileLine:
    """The line that fits points best.

    Args:
        points: (y, x) [m].

    Returns:
        The line, from the end where its x (or y, of a line along it) is smallest.
    """
    centre = points.mean(0)
    along = np.linalg.svd(points - centre[None], full_matrices=False)[2][0]
    along = along * (np.sign(along[np.argmax(np.abs(along) > 1e-6)]) if abs(along[1]) < 1e-6 else np.sign(along[1]))
    return ProfileLine(centre + along * ((points - centre[None]) @ along).min(), along)


def line_between(start: tuple[float, float], end: tuple[float, float]) -> ProfileLine:
    """The line from one point towards another.

    Args:
        start: (y, x) [m].
        end: Likewise.

    Returns:
        The line.

    Raises:
        ValueError: If they are the same point.
    """
    along = np.subtract(end, start)
    if not np.linalg.norm(along) > 0:
        raise ValueError(f"`start` and `end` are the same point, {start} m: they give no direction.")
    return ProfileLine(np.asarray(start, float), along / np.linalg.norm(along))
