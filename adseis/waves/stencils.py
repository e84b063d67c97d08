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

ORDERS = (2, 4, 6, 8)


class Term(NamedTuple):
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
    terms: tuple[Term, ...]


class Stencils(NamedTuple):
    """The differences of one order along one axis, divided by the spacing.

    Attributes:
        forward: First derivative at i + 1/2.
        backward: First derivative at i - 1/2; the negative transpose of `forward`.
        first: First derivative at i.
        second: Second derivative at i; symmetric.
    """

    forward: Stencil
    backward: Stencil
    first: Stencil
    second: Stencil


def check_order(order: int) -> int:
    """The order, if there is one like that.

    Args:
        order: Spatial accuracy.

    Returns:
        `order`.

    Raises:
        ValueError: If it is none of `ORDERS`.
    """
    if order not in ORDERS:
        raise ValueError(f"`order` = {order!r} is not available; use one of {ORDERS}.")
    return order


def staggered_weights(order: int) -> np.ndarray:
    """c with f'(x) = sum_k c[k-1] (f(x + k - 1/2) - f(x - k + 1/2)), by matching Taylor terms.

    Args:
        order: Spatial accuracy.

    Returns:
        Weights for a spacing of 1, `(order / 2,)`.

    Raises:
        ValueError: If `order` is none of `ORDERS`.

    References:
        Fornberg, B. (1988), Math. Comp. 51, 699-706, doi:10.1090/S0025-5718-1988-0935077-0
    """
    half = check_order(order) // 2
    k = np.arange(1, half + 1) - 0.5
    powers = 2 * np.arange(half) + 1
    return np.linalg.solve(2 * k[None, :] ** powers[:, None], (powers == 1).astype(float))


def central_weights(order: int) -> tuple[np.ndarray, np.ndarray]:
    """First- and second-derivative weights of f(x + k) -/+ f(x - k), k = 1 ... order/2 (the second's centre: -2 sum).

    Args:
        order: Spatial accuracy.

    Returns:
        Weights of the first and of the second derivative for a spacing of 1, each `(order / 2,)`.

    Raises:
        ValueError: If `order` is none of `ORDERS`.
    """
    half = check_order(order) // 2
    k = np.arange(1, half + 1.0)
    odd, even = 2 * np.arange(half) + 1, 2 * np.arange(half) + 2
    first = np.linalg.solve(2 * k[None, :] ** odd[:, None], (odd == 1).astype(float))
    second = np.linalg.solve(2 * k[None, :] ** even[:, None], 2.0 * (even == 2))
    return first, second


def stencils(order: int, spacing: float) -> Stencils:
    """All differences of one order along one axis.

    Args:
        order: Spatial accuracy.
        spacing: Distance of nodes [m].

    Returns:
        The stencils, in 1/m and (`second`) 1/m^2.

    Raises:
        ValueError: If `order` is none of `ORDERS`.
    """
    c = staggered_weights(order) / spacing
    first, second = central_weights(order)
    first, second = first / spacing, second / spacing**2
    terms = enumerate(zip(c, first, second, strict=True), start=1)
    rows = [(float(s), float(f), float(d), k) for k, (s, f, d) in terms]
    return Stencils(
        forward=Stencil(0.0, tuple(Term(s, k, 1 - k, -1) for s, _, _, k in rows)),
        backward=Stencil(0.0, tuple(Term(s, k - 1, -k, -1) for s, _, _, k in rows)),
        first=Stencil(0.0, tuple(Term(f, k, -k, -1) for _, f, _, k in rows)),
        second=Stencil(-2.0 * math.fsum(second), tuple(Term(d, k, -k, 1) for _, _, d, k in rows)),
    )


def difference(stencil: Stencil, field: Array, axis: int, halo: int, start: int = 0, width: int | None = None) -> Array:
    """Apply a stencil along `axis` (1, 2, ... as in the field) to the core of a haloed field.

    Args:
        stencil: What to apply.
        field: `(shot, *haloed grid)`.
        axis: Axis of the derivative.
        halo: Cells around the core.
        start: First core index along `axis`.
        width: How many indices along `axis` (default: all).

    Returns:
        `(shot, *core)`, of `width` along `axis`.
    """
    low = [0] + [halo] * (field.ndim - 1)
    high = [field.shape[0]] + [n - halo for n in field.shape[1:]]
    if width is not None:
        low[axis], high[axis] = halo + start, halo + start + width

    def shifted(k: int) -> Array:
        return lax.slice(
            field, [a + k * (i == axis) for i, a in enumerate(low)], [b + k * (i == axis) for i, b in enumerate(high)]
        )

    return _combine(stencil, shifted)


def difference_of_strip(stencil: Stencil, strip: Array, axis: int, halo: int) -> Array:
    """Apply a stencil along `axis` to a strip that is zero beyond its ends.

    Args:
        stencil: What to apply.
        strip: `(shot, *space)`, without a halo.
        axis: Axis of the derivative.
        halo: How far the stencil reaches.

    Returns:
        The strip's derivative, `halo` longer than the strip at either end of `axis`.
    """
    widths = [(0, 0)] * strip.ndim
    widths[axis] = (2 * halo, 2 * halo)
    padded = jnp.pad(strip, widths)
    length = strip.shape[axis] + 2 * halo
    return _combine(stencil, lambda k: lax.slice_in_dim(padded, halo + k, halo + k + length, axis=axis))


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
