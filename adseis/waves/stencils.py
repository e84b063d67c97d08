"""Finite differences of any even order on haloed arrays, in 1 to 3 dimensions.

Fields are `(shot, *extended grid)`, surrounded on every spatial side by a halo of `order / 2` cells that holds zeros (or,
above a free surface, images). A difference reads the halo and returns the core; `pad` puts the halo back. Order and
dimension are data: a stencil is a tuple of terms.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from adseis.experiment.sampling import second_weights, staggered_weights


class Difference(NamedTuple):
    """weight * (f[i + right] + sign * f[i + left]).

    Attributes:
        weight: Weight of the pair.
        right: Offset of the node on the right.
        left: Offset of the node on the left.
        sign: 1 or -1.
    """

    weight: float
    right: int
    left: int
    sign: int


class Stencil(NamedTuple):
    """A difference along one axis: weight of f[i] itself, and symmetric or antisymmetric pairs around it.

    Attributes:
        centre: Weight of f[i]; 0 if it takes no part.
        terms: The pairs, from the nearest on.
    """

    centre: float
    terms: tuple[Difference, ...]


class Stencils(NamedTuple):
    """The differences of one order along one axis, divided by the spacing.

    Attributes:
        forward: First derivative at i + 1/2.
        backward: First derivative at i - 1/2; the negative transpose of `forward`.
        second: Second derivative at i; symmetric.
        ahead: First derivative a little beyond i + 1/2, a factor of `second`: behind(ahead(f)) = second(f).
        behind: The negative transpose of `ahead`.
    """

    forward: Stencil
    backward: Stencil
    second: Stencil
    ahead: Stencil
    behind: Stencil


def factor_weights(order: int) -> np.ndarray:
    """t with which the second difference of f is that of g[i] = sum_m t[m] (f[i + 1 - m] - f[i - m]), summed backwards likewise.

    The second difference is minus a non-negative symmetric operator, so it has a real factor (Fejer and Riesz): of its symbol's
    roots, which come as z and 1/z, those within the unit circle and one of the two at 1.

    Args:
        order: Spatial accuracy.

    Returns:
        Weights for a spacing of 1, from m = 0 on, `(order / 2,)`.

    Raises:
        ValueError: If `order` is none of `ORDERS`.
    """
    second = second_weights(order)
    symbol = np.concatenate([second[::-1], [-2 * math.fsum(second)], second])
    rest = np.polydiv(symbol, [1.0, -2.0, 1.0])[0]  # without the two roots at 1
    t = np.atleast_1d(np.poly([z for z in np.roots(rest) if abs(z) < 1])).real
    return t / t.sum()  # first derivatives are exact for f = x


def factor_offset(order: int) -> float:
    """How far beyond node i the factor of the second difference takes its derivative, in cells: its first moment.

    Args:
        order: Spatial accuracy.

    Returns:
        1/2 for order 2, a little more for others.
    """
    t = factor_weights(order)
    return float(t @ (0.5 - np.arange(len(t))))


def stencils_of(order: int, spacing: float) -> Stencils:
    """All differences of one order along one axis.

    Args:
        order: Spatial accuracy.
        spacing: Distance of nodes [m].

    Returns:
        The stencils, in 1/m and (`second`) 1/m^2.

    Raises:
        ValueError: If `order` is none of `ORDERS`.
    """
    first, second = staggered_weights(order) / spacing, second_weights(order) / spacing**2
    rows = [(float(f), float(d), k) for k, (f, d) in enumerate(zip(first, second, strict=True), start=1)]
    factor = [(float(t), m) for m, t in enumerate(factor_weights(order) / spacing)]
    return Stencils(
        forward=Stencil(0.0, tuple(Difference(f, k, 1 - k, -1) for f, _, k in rows)),
        backward=Stencil(0.0, tuple(Difference(f, k - 1, -k, -1) for f, _, k in rows)),
        second=Stencil(-2.0 * math.fsum(second), tuple(Difference(d, k, -k, 1) for _, d, k in rows)),
        ahead=Stencil(0.0, tuple(Difference(t, 1 - m, -m, -1) for t, m in factor)),
        behind=Stencil(0.0, tuple(Difference(t, m, m - 1, -1) for t, m in factor)),
    )


def difference(stencil: Stencil, field: Array, axis: int, halo: int) -> Array:
    """Apply a stencil along `axis` (1, 2, ... as in the field) to the core of a haloed field.

    Args:
        stencil: What to apply.
        field: `(shot, *haloed grid)`.
        axis: Axis of the derivative.
        halo: Cells around the core.

    Returns:
        `(shot, *core)`.
    """
    low = [0] + [halo] * (field.ndim - 1)
    high = [field.shape[0]] + [n - halo for n in field.shape[1:]]

    def shifted(k: int) -> Array:
        return lax.slice(
            field, [a + k * (i == axis) for i, a in enumerate(low)], [b + k * (i == axis) for i, b in enumerate(high)]
        )

    return _combine(stencil, shifted)


def difference_along(stencil: Stencil, x: Array, axis: int, halo: int) -> Array:
    """Apply a stencil along `axis` to a part of a field, whatever the part holds along the other axes.

    Args:
        stencil: What to apply.
        x: `(shot, *space)`, with a halo along `axis`.
        axis: Axis of the derivative.
        halo: How far the stencil reaches.

    Returns:
        The derivative, `halo` shorter than `x` at either end of `axis`.
    """
    length = x.shape[axis] - 2 * halo
    return _combine(stencil, lambda k: lax.slice_in_dim(x, halo + k, halo + k + length, axis=axis))


def _combine(stencil: Stencil, shifted: Callable[[int], Array]) -> Array:
    total = None if stencil.centre == 0 else stencil.centre * shifted(0)
    for weight, right, left, sign in stencil.terms:
        pair = weight * (shifted(right) + shifted(left) if sign > 0 else shifted(right) - shifted(left))
        total = pair if total is None else total + pair
    assert total is not None
    return total


def pad(core: Array, halo: int) -> Array:
    """Surround a field by a halo of zeros.

    Args:
        core: `(shot, *core)`.
        halo: Cells on every side of the spatial axes.

    Returns:
        `(shot, *haloed)`.
    """
    return jnp.pad(core, [(0, 0)] + [(halo, halo)] * (core.ndim - 1))


def core_of(field: Array, halo: int) -> Array:
    """What `pad` surrounded.

    Args:
        field: `(shot, *haloed)`.
        halo: Cells on every side of the spatial axes.

    Returns:
        `(shot, *core)`.
    """
    inner = [(halo, n - halo) for n in field.shape[1:]]
    return lax.slice(field, [0, *(a for a, _ in inner)], [field.shape[0], *(b for _, b in inner)])
