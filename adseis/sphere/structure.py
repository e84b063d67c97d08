"""Structure of a ball: relative perturbations on spherical harmonics, linear in radius between levels."""

import functools
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.harmonics.basis import (
    block_size,
    blockwise,
    column_of_signs,
    degree_of,
    degrees_orders,
    directions,
    evaluate,
    rows,
    together,
)


class Positions(eqx.Module):
    """Where in a ball. Every field is differentiable.

    Attributes:
        radius: Distance from the centre [m].
        latitude: Geocentric, positive to the north [degrees].
        longitude: Positive to the east [degrees].
    """

    radius: Float[Array, "*point"] = eqx.field(converter=jnp.asarray)
    latitude: Float[Array, "*point"] = eqx.field(converter=jnp.asarray)
    longitude: Float[Array, "*point"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in ("radius", "latitude", "longitude")}
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"`{name}` {shape}" for name, shape in shapes.items())
            raise ValueError(f"{told} must share one shape; `jnp.broadcast_arrays` makes them.")


def perturbation(
    coefficients: Float[ArrayLike, "harmonic level"],
    points: Positions,
    *,
    radii: Sequence[float] | Float[ArrayLike, " level"],
    convention: str = "globaltomo",
) -> Float[Array, "*point"]:
    """A relative perturbation at points of a ball: sum over l and m of c_lm(r) Y_lm, c linear in radius between levels.

    Above the outermost level it stays constant. Below the innermost it is linear from there to the mean of that level, c_00 Y_00,
    at the centre, which otherwise had as many values as directions. Use it as `1000.0 * (1 + perturbation(...))`. Derivatives by
    all coefficients and positions are exact; at a level the one by radius is the mean of those of both sides.

    GlobalTomo's models are `harmonics.reshape(81, 5)` with `radii=(1000.0, 800.0, 600.0, 400.0, 200.0)`.

    Memory goes with the number of points, forth and back: the basis is made block by block and never held.

    Warning:
        The default convention is that of GlobalTomo's files, not the orthonormal one: signs of harmonics differ.

    Args:
        coefficients: c_lm of every level [1], harmonic l^2 + l + m.
        points: Radius [m], latitude and longitude [degrees].
        radii: Of the levels, in the order of `coefficients`, outwards or inwards, positive [m]; their values must be known.
        convention: "globaltomo" or "orthonormal": see `adseis.harmonics`.

    Returns:
        The perturbation [1], of the shape of the points.

    Raises:
        ValueError: If the number of harmonics belongs to no degree, levels are not as many as radii, radii are not positive and
            strictly monotone, or there is no such convention.
        TypeError: If `radii` are traced.

    References:
        Li, S. et al. (2024), GlobalTomo: a global dataset for physics-ML seismic wavefield modeling and FWI, arXiv:2406.18202

    Example:
        >>> from adseis import sphere
        >>> points = sphere.Positions(np.array([500.0, 900.0]), np.array([0.0, 45.0]), np.array([10.0, 20.0]))
        >>> sphere.perturbation(np.zeros((9, 2)), points, radii=(600.0, 1000.0)).shape
        (2,)
    """
    coefficients, *parts = together(coefficients, points.radius, points.latitude, points.longitude)
    levels = _checked(radii, coefficients.shape)
    column_of_signs(
        degree_of(coefficients.shape[0]), convention, coefficients.dtype
    )  # faults are told before anything is compiled
    return _perturbation(coefficients, *parts, radii=levels, convention=convention)


def extremes(
    coefficients: Float[ArrayLike, "harmonic level"], *, convention: str = "globaltomo", oversampling: int = 16
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Least and largest perturbation in the whole ball, wherever its levels lie: they lie on levels, where samples are taken.

    Samples are pi / (`oversampling` (L + 1)) apart. Along a great circle a function of degree L is a trigonometric polynomial,
    which stays above max|f| cos(L d) within d of its largest magnitude: what is found falls short of that by 1 % at most, or by
    1 - cos(pi / (sqrt(2) `oversampling`)).

    Args:
        coefficients: c_lm of every level [1].
        convention: "globaltomo" or "orthonormal".
        oversampling: Samples in latitude for each degree.

    Returns:
        Least and largest value [1].

    Raises:
        ValueError: If the number of harmonics belongs to no degree, there is no such convention or `oversampling` is less than 1.
    """
    (coefficients,) = together(coefficients)
    if oversampling < 1:
        raise ValueError(f"`oversampling` = {oversampling} must be 1 at least.")
    count = oversampling * (degree_of(coefficients.shape[0]) + 1)
    lat, lon = ((np.arange(n) + 0.5) * 180 / count for n in (count, 2 * count))
    lat, lon = (x.astype(coefficients.dtype) for x in np.meshgrid(lat - 90, lon, indexing="ij"))
    values = evaluate(coefficients, lat, lon, convention=convention)
    return jnp.min(values), jnp.max(values)


def checkerboard(
    degree: int, order: int, levels: int, *, amplitude: float = 0.05, alternate: bool = True, up_to: int | None = None
) -> Float[np.ndarray, "harmonic level"]:
    """A checkerboard for tests of resolution: one harmonic, whose sign changes from level to level.

    With m near l / 2 its cells are about as wide as high: l - |m| + 1 of them from pole to pole, 2 |m| around.

    Args:
        degree: l.
        order: m, from -l to l.
        levels: How many.
        amplitude: Largest magnitude of the perturbation [1].
        alternate: Whether signs alternate; else all levels are alike.
        up_to: L of the coefficients, at least l, which is the default.

    Returns:
        Coefficients for `perturbation`, of either convention but for the sign of the whole.

    Raises:
        ValueError: If `order` exceeds `degree`, `up_to` is less than it, or there are no levels.
    """
    up_to = degree if up_to is None else up_to
    if not abs(order) <= degree <= up_to:
        raise ValueError(f"`order` = {order}, `degree` = {degree} and `up_to` = {up_to} must satisfy |order| <= degree <= up_to.")
    if levels < 1:
        raise ValueError(f"`levels` = {levels} must be 1 at least.")
    made = np.zeros(((up_to + 1) ** 2, levels))
    lat = np.linspace(0.0, 90.0, 32 * (degree + 1) + 1)  # |Y| is symmetric about the equator
    along = np.full_like(lat, 90 / abs(order) if order < 0 else 0.0)
    one = np.zeros((degree + 1) ** 2)
    one[degree**2 + degree + order] = 1
    largest = float(jnp.max(jnp.abs(evaluate(one, lat, along))))
    sign = (-1.0) ** np.arange(levels) if alternate else np.ones(levels)
    made[degree**2 + degree + order] = amplitude / largest * sign
    return made


def _checked(radii: Sequence[float] | ArrayLike, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Radii as numbers, if levels can lie there."""
    if isinstance(radii, Tracer):
        raise TypeError(
            "`radii` are traced; they must be known numbers. Keep them out of the arguments of `jax.jit` and `jax.grad`."
        )
    levels = np.asarray(radii, float)
    if levels.shape != shape[1:]:
        raise ValueError(f"`coefficients` {shape} and `radii` {levels.shape} must share the axis of levels, the last.")
    steps = np.diff(levels)
    if not (levels.size and np.all(levels > 0) and np.all(np.isfinite(levels)) and (np.all(steps > 0) or np.all(steps < 0))):
        raise ValueError(f"`radii` = {levels.tolist()} m must be positive and all increase, or all decrease.")
    return tuple(levels.tolist())


@functools.partial(jax.jit, static_argnames=("radii", "convention"))
def _perturbation(
    coefficients: Array, radius: Array, latitude: Array, longitude: Array, *, radii: tuple[float, ...], convention: str
) -> Array:
    degree, count = degree_of(coefficients.shape[0]), math.prod(radius.shape)
    mean = (degrees_orders(degree)[0] == 0)[:, None]
    outwards = np.argsort(radii)
    levels = np.array(radii, radius.dtype)[outwards, None]
    plain = coefficients[:, outwards] * column_of_signs(degree, convention, coefficients.dtype)

    def part(r: Array, lat: Array, lon: Array) -> Array:
        basis = rows(directions(lat, lon), degree)
        basis = jnp.where(mean, basis, basis * jnp.minimum(r / levels[0], 1)[None])
        of_levels = jnp.matmul(plain.T, basis, precision=lax.Precision.HIGHEST)
        past = jnp.clip((r[None] - levels[:-1]) / (levels[1:] - levels[:-1]), 0, 1)  # how far from a level to the next
        return of_levels[0] + jnp.sum(past * (of_levels[1:] - of_levels[:-1]), 0)

    flat = (x.reshape(count) for x in (radius, latitude, longitude))
    return blockwise(part, *flat, size=block_size(degree)).reshape(radius.shape)
