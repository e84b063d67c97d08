"""The mesher of a ball: a square on the axis, bulged outwards, within shells.

The half disc is cut into n x 2 n elements of the square and 4 n x m of shells, which go on from the square's rim to the surface.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from adseis.sphere.elements import Elements
from adseis.sphere.quadrature import lobatto

HALF, BULGE, ROUND = 0.58, 0.4, 1.2
"""Half the side of the square over the radius, how far its rim is drawn towards a circle, and that circle's radius over half a
side. Of some 350 that were tried, the ones whose time step times elements is cheapest for a given largest element."""


@lru_cache(maxsize=8)
def ball_elements(radius: float, across: int, shells: int, degree: int) -> Elements:
    """Elements of a ball.

    Args:
        radius: Of the ball [m].
        across: n, elements of the square from the axis to its side.
        shells: m, elements from the square to the surface.
        degree: Polynomial degree of an element.

    Returns:
        2 n^2 + 4 n m elements.
    """
    plain, axial = ((lobatto(degree, axial=axial).points + 1) / 2 for axial in (False, True))
    found = []
    for i in range(across):
        for j in range(2 * across):
            a, b = (i + (axial if i == 0 else plain)) / across, (j + plain) / across - 1
            edged = _square(*np.meshgrid(a, b, indexing="ij"))
            found.append(_filled(edged, axial if i == 0 else plain, plain))
    last = 4 * across - 1
    for k in range(4 * across):
        # From the north pole to the south pole; the last shell is counted backwards, from the axis.
        t = last + 1 - axial if k == last else k + (axial if k == 0 else plain)
        inside = _square(*_rim(t / across))[:, None]
        angle = np.pi * t / (4 * across)
        outside = np.stack([np.sin(angle), np.cos(angle)], -1)[:, None]
        for j in range(shells):
            g = (j + plain)[:, None] / shells
            found.append((1 - g) * inside + g * outside)
    return Elements(radius * np.stack(found))


def _square(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "*points 2"]:
    """Points of the square |a|, |b| <= 1, bulged in proportion to the distance from the centre."""
    most, far = np.maximum(np.abs(a), np.abs(b)), np.hypot(a, b)
    ratio = np.where(far > 0, most / np.where(far > 0, far, 1.0), 1.0)
    scale = HALF * ((1 - BULGE * most) + BULGE * ROUND * most * ratio)
    return np.stack([a * scale, b * scale], -1)


def _filled(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "a b 2"]:
    """An element's points between its four edges, which alone are kept.

    The bulge has a kink along the square's diagonals, and an element that is not smooth has no spectral accuracy.
    """
    a, b = a[:, None, None], b[None, :, None]
    across = (1 - a) * points[:1] + a * points[-1:]
    along = (1 - b) * (points - across)[:, :1] + b * (points - across)[:, -1:]
    return across + along


def _rim(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square's rim from the north pole, t = 0, to the south pole, t = 4."""
    return np.where(t < 1, t, np.where(t < 3, 1.0, 4 - t)), np.where(t < 1, 1.0, np.where(t < 3, 2 - t, -1.0))
