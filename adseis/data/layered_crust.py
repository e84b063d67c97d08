"""The embedded default problem: a layered crust with four elliptical inclusions, drawn by formula on any grid."""

import numpy as np
from jaxtyping import Float

SPEEDS = (4000.0, 4500.0, 5000.0, 5500.0, 6000.0)
INTERFACES = (0.18, 0.38, 0.60, 0.82)
ELLIPSES = (  # depth and distance as fractions of the section; half axes as fractions of its depth; dip [degrees]; sign
    (0.30, 0.20, 0.08, 0.20, 20.0, +1.0),
    (0.34, 0.62, 0.08, 0.18, -15.0, -1.0),
    (0.66, 0.36, 0.09, 0.22, -20.0, -1.0),
    (0.62, 0.82, 0.10, 0.18, 10.0, +1.0),
)


def layered_crust(
    *,
    shape: tuple[int, int] = (64, 128),
    spacing: float | tuple[float, float] = 250.0,
    speeds: tuple[float, ...] = SPEEDS,
    interfaces: tuple[float, ...] = INTERFACES,
    anomaly: float = 0.08,
    ellipses: tuple[tuple[float, float, float, float, float, float], ...] = ELLIPSES,
    dtype: str = "float32",
) -> tuple[Float[np.ndarray, "z x"], Float[np.ndarray, "z x"]]:
    r"""A layered crust with elliptical inclusions, and the same crust without them.

    Within an ellipse, in coordinates (a, b) along its tilted axes,

        vp = vp_layer (1 + sign anomaly)   where   (a / half_a)^2 + (b / half_b)^2 <= 1.

    Args:
        shape: Nodes along (z, x).
        spacing: Distance between nodes, or (dz, dx) [m].
        speeds: P-wave speed of each layer, from the top [m/s].
        interfaces: Depth of each interface as a fraction of the depth of the section, increasing; one fewer than `speeds`.
        anomaly: Relative change of speed within an ellipse; between 0 and 1.
        ellipses: Rows of (depth, distance, half thickness, half length, dip, sign): centre as fractions of the section, half
            axes as fractions of its depth, dip in degrees towards +x and +z, sign +1 for fast and -1 for slow.
        dtype: Precision of the returned arrays.

    Returns:
        (true, initial): P-wave speed with and without the ellipses [m/s], each (z, x).

    Raises:
        ValueError: If layers and interfaces do not match, or a speed would not be positive.

    References:
        After the test of Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751,
        doi:10.1016/j.cageo.2021.104751; the numbers are ours.
    """
    if len(interfaces) != len(speeds) - 1 or list(interfaces) != sorted(interfaces):
        raise ValueError(f"{len(speeds)} `speeds` need {len(speeds) - 1} increasing `interfaces`, not {interfaces}.")
    if min(speeds) <= 0 or not 0 <= anomaly < 1:
        raise ValueError(f"`speeds` = {speeds} must be positive and `anomaly` = {anomaly} within [0, 1).")
    if len(shape) != 2 or min(shape) < 2:
        raise ValueError(f"`shape` = {shape} must be (z, x), at least two nodes each.")
    dz, dx = np.broadcast_to(spacing, 2)
    depth, width = dz * (shape[0] - 1), dx * (shape[1] - 1)
    z, x = np.meshgrid(dz * np.arange(shape[0]), dx * np.arange(shape[1]), indexing="ij")
    initial = np.asarray(speeds)[np.searchsorted(interfaces, z / depth, side="right")]
    change = np.zeros(shape)
    for z0, x0, half_thickness, half_length, dip, sign in ellipses:
        down, along = z - z0 * depth, x - x0 * width
        cos, sin = np.cos(np.deg2rad(dip)), np.sin(np.deg2rad(dip))
        across, lengthwise = cos * down - sin * along, sin * down + cos * along
        inside = (across / half_thickness) ** 2 + (lengthwise / half_length) ** 2 <= depth**2
        change = np.where(inside, sign * anomaly, change)
    return (initial * (1 + change)).astype(dtype), initial.astype(dtype)
