"""From positions to nodes and weights.

A point off the nodes is spread over eight nodes per axis by a sinc under a Kaiser window (Hicks 2002, Geophysics 67, 156,
doi:10.1190/1.1451454): exact to about 0.1 % down to four points per wavelength and differentiable by position. Along an axis on
which all points are known, while tracing, to lie on nodes, one node with weight 1 takes its place.
"""

import functools
import operator
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from adseis.experiment.checks import Samples, widest
from adseis.timeloop.equation import Points
from adseis.waves.boundary import Extended

HALF_WIDTH = 4
KAISER_SHAPE = 6.31  # Hicks's optimum for this half width at wavenumbers up to half of Nyquist
_Positions = TypeVar("_Positions", Array, np.ndarray)


def on_nodes(position: Samples, stagger: tuple[float, ...], extended: Extended) -> tuple[bool, ...]:
    """Whether all positions are known to lie on the nodes of a field.

    Args:
        position: `(shot, point, axis)` [m]; if traced, nothing is known.
        stagger: Offset of the field from the model's nodes, per axis [cells].
        extended: The grid that is computed on.

    Returns:
        The answer for every axis.
    """
    if isinstance(position, Tracer):
        return (False,) * len(stagger)
    index = _indices(np.asarray(position, float), stagger, extended)
    # Positions may have been computed in float32.
    slack = np.maximum(1e-6, 1e-6 * np.abs(index))
    return tuple(bool(x) for x in np.all(np.abs(index - np.round(index)) <= slack, axis=(0, 1)))


def points(
    position: Samples,
    stagger: tuple[float, ...],
    extended: Extended,
    *,
    nodal: tuple[bool, ...],
    image: int | None,
    dtype: jnp.dtype,
) -> Points:
    """Nodes and weights of points.

    Args:
        position: `(shot, point, axis)` [m].
        stagger: Offset of the field from the nodes, per axis [cells].
        extended: The grid that is computed on.
        nodal: Per axis: whether the points lie on nodes (from `on_nodes`).
        image: How the field continues above a free surface: oddly (-1), evenly (1), or unknown (None): points near it are then
            interpolated by a cubic through the four nodes below it.
        dtype: Of the weights.

    Returns:
        Flat indices into the haloed field and weights, `(shot, point, tap)`.
    """
    index = _indices(jnp.asarray(position, widest(position, dtype)), stagger, extended)
    per_axis = [_taps(index[..., i], nodal[i], extended, i, stagger[i], image) for i in range(len(stagger))]
    strides = [int(np.prod(extended.haloed[i + 1 :])) for i in range(len(stagger))]
    pairs = lambda a, b: (*a.shape[:2], a.shape[2] * b.shape[2])  # noqa: E731
    outer = lambda op, xs: functools.reduce(lambda a, b: op(a[..., :, None], b[..., None, :]).reshape(pairs(a, b)), xs)  # noqa: E731
    nodes = outer(operator.add, [(n + extended.halo) * s for (n, _), s in zip(per_axis, strides, strict=True)])
    weights = outer(operator.mul, [w for _, w in per_axis])
    return Points(nodes, weights.astype(dtype))


def _indices(position: _Positions, stagger: tuple[float, ...], extended: Extended) -> _Positions:
    """Positions in cells of the extended grid's core."""
    grid = extended.grid
    shift = np.array(extended.low, float) - np.array(stagger)
    cast = lambda x: x.astype(position.dtype)[None, None, :]  # noqa: E731
    return (position - cast(np.array(grid.origin))) / cast(np.array(grid.spacing)) + cast(shift)


def _taps(index: Array, nodal: bool, extended: Extended, axis: int, stagger: float, image: int | None) -> tuple[Array, Array]:
    """Core indices and weights along one axis, `(shot, point, tap)`."""
    n, at_surface = extended.core[axis], extended.free_surface and axis == 0
    if nodal:
        nodes, weights = jnp.round(index).astype(jnp.int32)[..., None], jnp.ones_like(index)[..., None]
    else:
        nodes = (
            jnp.floor(index).astype(jnp.int32)[..., None]
            + jnp.arange(1 - HALF_WIDTH, 1 + HALF_WIDTH, dtype=jnp.int32)[None, None, :]
        )
        weights = _windowed_sinc(index[..., None] - nodes.astype(index.dtype))
    if at_surface and image is None and not nodal:
        nodes, weights = _one_sided(index, nodes, weights)
    elif at_surface and image is not None:
        above = nodes < 0
        nodes = jnp.where(above, -nodes - (1 if stagger else 0), nodes)
        weights = jnp.where(above, image * weights, weights)
    inside = (nodes >= 0) & (nodes < n)
    return jnp.clip(nodes, 0, n - 1), jnp.where(inside, weights, 0)


def _windowed_sinc(x: Array) -> Array:
    square = jnp.clip(1 - (x / HALF_WIDTH) ** 2, 1e-9, 1.0)  # the clip keeps the root differentiable at the window's end
    return jnp.sinc(x) * jnp.i0(KAISER_SHAPE * jnp.sqrt(square)) / jnp.i0(jnp.asarray(KAISER_SHAPE, x.dtype))


def _one_sided(index: Array, nodes: Array, weights: Array) -> tuple[Array, Array]:
    """Taps of which none lies above row 0: where one did, a cubic through the nearest four nodes."""
    first = jnp.maximum(jnp.floor(index).astype(jnp.int32) - 1, 0)[..., None]
    below = first + jnp.arange(2 * HALF_WIDTH, dtype=jnp.int32)[None, None, :]
    x = index[..., None] - first.astype(index.dtype)
    cubic = [functools.reduce(operator.mul, [(x - k) / (j - k) for k in range(4) if k != j]) for j in range(4)]
    cubic = jnp.concatenate([*cubic, *[jnp.zeros_like(x)] * (2 * HALF_WIDTH - 4)], -1)
    near = nodes[..., :1] < 0
    return jnp.where(near, below, nodes), jnp.where(near, cubic, weights)
