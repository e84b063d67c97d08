"""How alike two maps look: the structural similarity that OpenFWI reports."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

FIRST, SECOND = 0.01**2, 0.03**2
"""What keeps means and variances of nearly nothing from being divided by."""


def structural_similarity(
    one: Float[Array | np.ndarray, "z x"],
    other: Float[Array | np.ndarray, "*z_x"],
    *,
    window: int = 11,
    deviation: float = 1.5,
) -> Float[Array, ""]:
    r"""Mean structural similarity of two maps within [0, 1], as OpenFWI reports it: 1 for equal ones, 0 for strangers.

        SSIM = mean  (2 a b + c1) (2 s_ab + c2) / ((a^2 + b^2 + c1) (s_a^2 + s_b^2 + c2)),    c1 = 0.01^2, c2 = 0.03^2,

    a and b being means by a Gaussian window about each node, s_a^2, s_b^2 and s_ab (co)variances likewise; outside of the map
    there are zeros, which count. Packages that leave the edges out, or scale each map by its own extremes, give other numbers.

    Args:
        one: A map, of OpenFWI's speeds (v - 1500 m/s) / (3000 m/s).
        other: Another of the same shape, scaled alike.
        window: Nodes of the window along each axis, odd.
        deviation: Standard deviation of its Gaussian [nodes].

    Returns:
        The similarity; differentiable by both.

    Raises:
        ValueError: If shapes differ, or the window is even.

    References:
        Wang, Z. et al. (2004), IEEE Trans. Image Process. 13, 600-612, doi:10.1109/TIP.2003.819861
    """
    if one.shape != other.shape:
        raise ValueError(f"`one` {one.shape} and `other` {other.shape} must be maps of one shape.")
    if window < 1 or window % 2 == 0:
        raise ValueError(f"`window` = {window} must be odd, so that it has a node in its middle.")
    a, b = jnp.asarray(one), jnp.asarray(other)
    down, across = (jnp.asarray(_averaging(n, window, deviation), a.dtype) for n in a.shape)

    def local(values: Array) -> Array:
        return down @ values @ across.T

    mean_a, mean_b = local(a), local(b)
    spread_a, spread_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    shared = local(a * b) - mean_a * mean_b
    like = (2 * mean_a * mean_b + FIRST) * (2 * shared + SECOND)
    return jnp.mean(like / ((mean_a**2 + mean_b**2 + FIRST) * (spread_a + spread_b + SECOND)))


def _averaging(nodes: int, window: int, deviation: float) -> np.ndarray:
    """Rows of a Gaussian window about each node, cut at the edges and not made up for."""
    away = np.arange(window) - window // 2
    gauss = np.exp(-0.5 * (away / deviation) ** 2)
    apart = np.subtract.outer(np.arange(nodes), np.arange(nodes))
    inside = np.abs(apart) <= window // 2
    return np.where(inside, (gauss / gauss.sum())[np.clip(window // 2 - apart, 0, window - 1)], 0.0)
