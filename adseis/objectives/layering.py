"""Layers of a model: which way they dip, and a penalty that lets a model change across them and keeps it along them.

    P(m) = integral sqrt(|grad m|^2 + (r^2 - 1) (t . grad m)^2 + epsilon^2) - epsilon  dV

n is normal to the layers, t along them, both from the structure tensor of a model that is already known roughly.
"""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from adseis.experiment.grid import PerAxis
from adseis.objectives.regularizers import cell_lengths, slopes


class Layering(eqx.Module):
    """Directions of the layers of a 2D model.

    Attributes:
        normal: Unit vectors (z, x) across the layers, `(2, z, x)`; their sign means nothing.
        coherence: 1 where all changes nearby are across one direction, 0 where no direction stands out.
    """

    normal: Float[np.ndarray, "2 z x"]
    coherence: Float[np.ndarray, "z x"]


def layering(model: Float[ArrayLike, "z x"], spacing: PerAxis = 1.0, *, smooth: float = 2.5) -> Layering:
    """Directions of layers by the structure tensor: the mean of grad m grad m' nearby, whose largest eigenvector is the normal.

    Args:
        model: Values on the grid, any unit; they are smoothed by one node before slopes are taken.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        smooth: Standard deviation of the mean [nodes].

    Returns:
        Normals, and the coherence (l1 - l2) / (l1 + l2) of the eigenvalues, which is small where the model hardly changes.

    Raises:
        ValueError: If `model` is not 2D or not finite, or `spacing` or `smooth` is not positive.

    References:
        Fehmers, G. C. & Hocker, C. F. W. (2003), Geophysics 68, 1286-1293, doi:10.1190/1.1598121
    """
    values = np.asarray(model, float)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"`model` {values.shape} must be a finite 2D section (z, x).")
    if not smooth > 0:
        raise ValueError(f"`smooth` = {smooth} nodes must be positive.")
    blurred = functools.partial(scipy.ndimage.gaussian_filter, mode="nearest")
    down, right = np.gradient(blurred(values, 1.0), *cell_lengths(spacing, 2))
    zz, zx, xx = (blurred(product, smooth) for product in (down * down, down * right, right * right))
    energy, difference = zz + xx, np.hypot(zz - xx, 2 * zx)
    angle = np.arctan2(2 * zx, zz - xx) / 2
    floor = max(1e-3 * energy.mean(), np.finfo(float).tiny)
    return Layering(np.stack([np.cos(angle), np.sin(angle)]), difference / (energy + floor))


def layered_variation(
    model: Float[ArrayLike, "z x"],
    layers: Layering,
    spacing: PerAxis = 1.0,
    *,
    ratio: float = 12.0,
    epsilon: float = 1e-3,
) -> Float[Array, ""]:
    """Total variation that counts changes along layers more than changes across them: for models as smooth as data leave them.

    Use it for sediments whose layers a first inversion shows. Do not use it for salt or sharp dipping boundaries, of which a grid
    makes steps that count as changes along them: `total_variation` suits such models better.

    Args:
        model: Values on the grid, any unit.
        layers: Of a similar model, on the same grid.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        ratio: r where layers are coherent; where they are not r is 1, and the penalty is `total_variation`.
        epsilon: Gradient [unit per m] below which the penalty turns quadratic, positive.

    Returns:
        The penalty [unit m].

    Raises:
        ValueError: If the grids disagree, `ratio` is less than one, or `spacing` or `epsilon` is not positive.
    """
    model = jnp.asarray(model)
    if model.shape != layers.coherence.shape:
        raise ValueError(f"`model` {model.shape} and `layers` {layers.coherence.shape} must share one grid.")
    if not (ratio >= 1 and epsilon > 0):
        raise ValueError(f"`ratio` = {ratio} must be one at least and `epsilon` = {epsilon} positive.")
    (down, right), volume = slopes(model, spacing)
    normal = jnp.asarray(layers.normal, model.dtype)
    excess = jnp.asarray((1 + (ratio - 1) * layers.coherence**2) ** 2 - 1, model.dtype)
    # beyond the last node there is no difference: the one before it says how the layers go on
    along = normal[0] * right.at[:, -1].set(right[:, -2]) - normal[1] * down.at[-1].set(down[-2])
    squared = down**2 + right**2 + excess * along**2
    return volume * jnp.sum(squared / (jnp.sqrt(squared + epsilon**2) + epsilon))
