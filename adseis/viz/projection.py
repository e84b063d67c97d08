"""Mollweide's map of a globe, which shows areas as they are.

Snyder, J. P. (1987), Map projections: a working manual, USGS Professional Paper 1395, doi:10.3133/pp1395
"""

import math

import numpy as np
from numpy.typing import ArrayLike

WIDE, HIGH = 2 * math.sqrt(2), math.sqrt(2)
"""Half axes of the map."""


def mollweide(latitude: float | ArrayLike, longitude: float | ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    r"""Where a place is on Mollweide's map, which shows areas as they are.

        x = 2 sqrt(2) / pi lambda cos(t),    y = sqrt(2) sin(t),    2 t + sin(2 t) = pi sin(phi)

    Args:
        latitude: phi, -90 to 90 [degrees].
        longitude: lambda, taken to -180 to 180 [degrees].

    Returns:
        x, from -2 sqrt(2) to 2 sqrt(2), and y, from -sqrt(2) to sqrt(2).

    References:
        Snyder, J. P. (1987), Map projections: a working manual, USGS Professional Paper 1395, doi:10.3133/pp1395
    """
    phi, along = np.broadcast_arrays(np.radians(np.asarray(latitude, float)), np.asarray(longitude, float))
    # 180 stays on the right edge, -180 on the left
    lam = np.radians(np.where(np.abs(along) <= 180, along, (along + 180) % 360 - 180))
    target = np.pi * np.sin(phi)
    # Halving: Newton's steps fail at the poles, where the slope is zero.
    low, high = np.full(phi.shape, -np.pi / 2), np.full(phi.shape, np.pi / 2)
    for _ in range(52):
        t = (low + high) / 2
        below = 2 * t + np.sin(2 * t) < target
        low, high = np.where(below, t, low), np.where(below, high, t)
    return np.asarray(WIDE / np.pi * lam * np.cos(t)), np.asarray(HIGH * np.sin(t))


def from_mollweide(x: float | ArrayLike, y: float | ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The place of a point of Mollweide's map.

    Args:
        x: From -2 sqrt(2) to 2 sqrt(2).
        y: From -sqrt(2) to sqrt(2).

    Returns:
        Latitude and longitude [degrees]; NaN outside the map.
    """
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    inside = (x / WIDE) ** 2 + (y / HIGH) ** 2 <= 1 + 1e-12
    t = np.arcsin(np.clip(y / HIGH, -1, 1))
    sine, across = np.clip((2 * t + np.sin(2 * t)) / np.pi, -1, 1), np.maximum(np.cos(t), 1e-12)
    longitude = np.clip(180 * x / (WIDE * across), -180, 180)
    return np.where(inside, np.degrees(np.arcsin(sine)), np.nan), np.where(inside, longitude, np.nan)
