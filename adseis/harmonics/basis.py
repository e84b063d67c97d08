"""Real spherical harmonics at any points, and sums of them."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float, Shaped

CONVENTIONS = ("orthonormal", "globaltomo")
BLOCK = 2**20
"""Numbers of the basis that are held at a time where it is summed: bounds the memory."""
PLAIN = {"float32": 100, "float64": 1000}
"""Degrees up to which no sectoral harmonic that matters underflows: the least is about exp(-L / e), where m is L / e."""


def harmonics(
    latitude: Float[ArrayLike, "*point"], longitude: Float[ArrayLike, "*point"], degree: int, *, convention: str = "orthonormal"
) -> Float[Array, "*point harmonic"]:
    """All harmonics up to a degree at points of the unit sphere.

    Where only their sum is wanted, `evaluate` holds a part of this matrix at a time.

    Args:
        latitude: Geocentric, positive to the north [degrees].
        longitude: Positive to the east [degrees].
        degree: L.
        convention: "orthonormal" or "globaltomo": see the head of this page.

    Returns:
        Y_lm in their order, `(..., (L + 1)^2)`; differentiable by latitude and longitude.

    Raises:
        ValueError: If `degree` is negative or there is no such convention.

    References:
        Holmes, S. A. & Featherstone, W. E. (2002), J. Geodesy 76, 279-299, doi:10.1007/s00190-002-0216-2
        Dahlen, F. A. & Tromp, J. (1998), Theoretical Global Seismology, appendix B.

    Example:
        >>> from adseis.harmonics import harmonics
        >>> harmonics(np.array([0.0, 90.0]), np.array([0.0, 0.0]), 8).shape
        (2, 81)
    """
    return harmonics_at(directions(latitude, longitude), degree, convention=convention)


def harmonics_at(
    direction: Float[ArrayLike, "*point 3"], degree: int, *, convention: str = "orthonormal"
) -> Float[Array, "*point harmonic"]:
    """All harmonics up to a degree in given directions.

    Args:
        direction: Unit vectors (x, y, z), as of `directions`; their length is not looked at.
        degree: L.
        convention: "orthonormal" or "globaltomo".

    Returns:
        Y_lm in their order, `(..., (L + 1)^2)`.

    Raises:
        ValueError: If `degree` is negative or there is no such convention.
    """
    (direction,) = together(direction)
    column_of_signs(degree, convention, direction.dtype)  # faults are told before anything is compiled
    return _basis(direction, degree, convention)


def evaluate(
    coefficients: Float[ArrayLike, "harmonic *column"],
    latitude: Float[ArrayLike, "*point"],
    longitude: Float[ArrayLike, "*point"],
    *,
    convention: str = "orthonormal",
) -> Float[Array, "..."]:
    """Functions on the sphere at points: sum over l and m of c_lm Y_lm.

    The basis is made and summed block by block, forth and back: memory goes with the number of points.

    Args:
        coefficients: c_lm, any unit; further axes are further functions.
        latitude: Geocentric, positive to the north [degrees].
        longitude: Positive to the east [degrees].
        convention: "orthonormal" or "globaltomo".

    Returns:
        Values, `(*point, *column)`.

    Raises:
        ValueError: If the number of harmonics belongs to no degree or there is no such convention.
    """
    return evaluate_at(coefficients, directions(latitude, longitude), convention=convention)


def evaluate_at(
    coefficients: Float[ArrayLike, "harmonic *column"],
    direction: Float[ArrayLike, "*point 3"],
    *,
    convention: str = "orthonormal",
) -> Float[Array, "..."]:
    """Functions on the sphere in given directions, as by `evaluate`.

    Args:
        coefficients: c_lm, any unit; further axes are further functions.
        direction: Unit vectors (x, y, z), as of `directions`; their length is not looked at.
        convention: "orthonormal" or "globaltomo".

    Returns:
        Values, `(*point, *column)`.

    Raises:
        ValueError: If the number of harmonics belongs to no degree or there is no such convention.
    """
    coefficients, direction = together(coefficients, direction)
    column_of_signs(degree_of(coefficients.shape[0]), convention, direction.dtype)
    return _summed(coefficients, direction, convention)


def directions(latitude: Float[ArrayLike, "*point"], longitude: Float[ArrayLike, "*point"]) -> Float[Array, "*point 3"]:
    """Unit vectors: x through longitude 0, y through longitude 90 degrees of the equator, z through the north pole.

    Args:
        latitude: Geocentric, positive to the north [degrees].
        longitude: Positive to the east [degrees].

    Returns:
        (cos lat cos lon, cos lat sin lon, sin lat).
    """
    return _directions(*together(latitude, longitude))


@functools.cache
def degrees_orders(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Degree l and order m of every harmonic up to a degree.

    Args:
        degree: L.

    Returns:
        l and m, whole numbers `((L + 1)^2,)` each, m from -l to l.

    Raises:
        ValueError: If `degree` is negative.
    """
    if degree < 0:
        raise ValueError(f"`degree` = {degree} must not be negative.")
    ell = np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)
    m = np.arange(ell.size) - ell**2 - ell
    for shared in (ell, m):
        shared.flags.writeable = False
    return ell, m


def degree_of(count: int) -> int:
    """The degree up to which so many harmonics go.

    Args:
        count: Length of the axis of harmonics.

    Returns:
        L, where `count` = (L + 1)^2.

    Raises:
        ValueError: If `count` is not the square of a positive number.
    """
    degree = math.isqrt(count) - 1
    if count < 1 or (degree + 1) ** 2 != count:
        near = max(round(count**0.5), 1)
        raise ValueError(
            f"{count} harmonics belong to no degree; a degree L has (L + 1)^2, such as {near**2} for L = {near - 1}."
        )
    return degree


def column_of_signs(degree: int, convention: str, dtype: DTypeLike) -> Float[np.ndarray, "harmonic 1"]:
    """By what the orthonormal harmonics are multiplied in a convention.

    Args:
        degree: L.
        convention: "orthonormal" or "globaltomo".
        dtype: Precision of the result.

    Returns:
        1 or -1 for each harmonic.

    Raises:
        ValueError: If `degree` is negative or there is no such convention.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"`convention` = {convention!r} is unknown; use one of {', '.join(CONVENTIONS)}.")
    m = degrees_orders(degree)[1]
    sign = np.ones(m.size) if convention == "orthonormal" else np.where(m < 0, -1.0, 1.0 - 2.0 * (m % 2))
    return sign[:, None].astype(dtype)


def together(*values: ArrayLike) -> tuple[Array, ...]:
    """Arrays in the widest of their floating precisions; whole numbers are of the default one.

    Args:
        values: Arrays of any shapes.

    Returns:
        Arrays of one type.
    """
    arrays = [jnp.asarray(value) for value in values]
    floats = [x.dtype for x in arrays if jnp.issubdtype(x.dtype, jnp.floating)] or [jnp.zeros(()).dtype]
    dtype = functools.reduce(np.promote_types, floats)
    return tuple(x.astype(dtype) for x in arrays)


def rows(direction: Float[Array, "point 3"], degree: int) -> Float[Array, "harmonic point"]:
    """All orthonormal harmonics, the axis of points last: what sums over harmonics run on.

    Degree by degree for all orders at once, from the sectoral harmonics, which are powers of x + i y, by differences D, so that
    nothing is lost near the poles, where a harmonic changes like L^2 (1 - z):

        D_lm = a ((l - 1 - m) / (2 l - 1) D_{l-1,m} - (1 - z) Y_{l-1,m}),   Y_lm = a (l + m) / (2 l - 1) Y_{l-1,m} + D_lm,

    with a^2 = (4 l^2 - 1) / (l^2 - m^2): the three-term recursion, less what holds at z = 1. The south mirrors the north.

    Sectoral harmonics of a high degree underflow towards the poles, and those of higher degrees that grow from them do not. Above
    `PLAIN`, numbers of one order therefore share a whole power of a large number, which the recursion raises as they grow.

    Args:
        direction: Unit vectors (x, y, z).
        degree: L.

    Returns:
        Y_lm in their order.

    References:
        Reinsch, C., in Stoer, J. & Bulirsch, R. (2002), Introduction to Numerical Analysis, 2.3.2.
        Fukushima, T. (2012), J. Geodesy 86, 271-285, doi:10.1007/s00190-011-0519-2
    """
    x, y, z = direction.T
    ell, m = degrees_orders(degree)
    south = z < 0
    below = (x**2 + y**2) / (1 + jnp.where(south, -z, z))  # 1 - |z|, to all digits
    first = jnp.zeros((2 * degree + 1, *z.shape), z.dtype).at[degree].set(np.array(0.5 / np.sqrt(np.pi), z.dtype))
    lifted = degree > PLAIN.get(z.dtype.name, 0)

    def step(carry: tuple[Array, ...], table: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array]:
        change, last, cosine, sine, *powers = carry
        grow, ahead, keep, on, cosines, sines = table
        cosine, sine = grow * (x * cosine - y * sine), grow * (x * sine + y * cosine)
        change = on[:, None] * change - ahead[:, None] * (below[None] * last)
        made = keep[:, None] * last + change + cosines[:, None] * cosine[None] + sines[:, None] * sine[None]
        if not lifted:
            return (change, made, cosine, sine), made
        sectoral, power = powers
        power = jnp.where((cosines + sines)[:, None] > 0, sectoral[None], power)
        change, made, power = _lowered(change, made, power)
        return (change, made, *_raised(cosine, sine, sectoral), power), _value(made, power)

    tables = tuple(jnp.asarray(table, z.dtype) for table in recursion(degree))
    start = (jnp.zeros_like(first), first, first[degree], jnp.zeros_like(z))
    if lifted:
        start += (jnp.zeros(z.shape, jnp.int32), jnp.zeros(first.shape, jnp.int32))
    _, made = lax.scan(step, start, tables)
    odd = ((ell + m) % 2 == 1)[:, None]
    north = jnp.concatenate([first[None], made])[ell, degree + m]
    return jnp.where(odd & south[None], -north, north)


def _large(dtype: np.dtype) -> float:
    """Of which numbers are given powers; the third below one is still a normal number."""
    return 2.0 ** (jnp.finfo(dtype).maxexp // 3)


def _raised(cosine: Array, sine: Array, power: Array) -> tuple[Array, Array, Array]:
    """Numbers of one power, with a lower power where both are small; zeros of a pole, whose derivatives are not, stay."""
    large, most = _large(cosine.dtype), jnp.maximum(jnp.abs(cosine), jnp.abs(sine))
    small = (most < 1 / large) & (most > 0)
    factor = jnp.where(small, large, 1).astype(cosine.dtype)
    return factor * cosine, factor * sine, power - small.astype(power.dtype)


def _lowered(change: Array, made: Array, power: Array) -> tuple[Array, Array, Array]:
    """Numbers of one power, with a higher power where either is large."""
    large = _large(made.dtype)
    big = jnp.maximum(jnp.abs(change), jnp.abs(made)) > large
    factor = jnp.where(big, 1 / large, 1).astype(made.dtype)
    return factor * change, factor * made, power + big.astype(power.dtype)


def _value(made: Array, power: Array) -> Array:
    """What numbers of a power are: of the third below one and less, nothing."""
    large = _large(made.dtype)
    factor = jnp.where(power == 0, 1, jnp.where(power == -1, 1 / large, jnp.where(power == -2, large**-2, 0)))
    return made * factor.astype(made.dtype)


@functools.cache
def recursion(degree: int) -> tuple[np.ndarray, ...]:
    """Factors of the recursion of `rows` for l = 1..L.

    Args:
        degree: L.

    Returns:
        Growth of the sectoral harmonic `(L,)`; a, and what is kept of the last harmonic and of the last difference, of every
        order, and where sectoral cosine and sine go `(L, 2 L + 1)`.
    """
    ell, m = np.arange(1, degree + 1)[:, None], np.arange(-degree, degree + 1)
    size, inside = np.abs(m), np.abs(m) < ell
    ahead = np.sqrt(np.where(inside, 4.0 * ell**2 - 1, 0) / np.where(inside, ell**2 - m**2, 1))
    keep, on = ahead * (ell + size) / (2 * ell - 1), ahead * (ell - 1 - size) / (2 * ell - 1)
    grow = np.where(ell == 1, np.sqrt(3.0), np.sqrt((2 * ell + 1) / (2 * ell)))[:, 0]
    return grow, ahead, keep, on, (m == ell).astype(float), (m == -ell).astype(float)


def blockwise(function: Callable[..., Array], *arrays: Shaped[Array, "point ..."], size: int) -> Array:
    """A function of points, called block by block of them; what it computes is computed anew for derivatives.

    Args:
        function: Takes as many points of all `arrays` as it is given, and returns an array with an axis of points first.
        arrays: Their first axes are those of the points.
        size: Most points of a block.

    Returns:
        As the function would return for all points at once.
    """
    points = arrays[0].shape[0]
    if points <= size:
        return function(*arrays)
    blocks = -(-points // size)
    size = -(-points // blocks)
    indices = np.minimum(np.arange(blocks * size), points - 1)  # the last point fills the last block
    parts = tuple(jnp.take(x, indices, axis=0, indices_are_sorted=True).reshape(blocks, size, *x.shape[1:]) for x in arrays)
    made = lax.map(lambda part: jax.checkpoint(function)(*part), parts)
    return made.reshape(blocks * size, *made.shape[2:])[:points]


def block_size(degree: int) -> int:
    """Points of a block whose basis fits `BLOCK`.

    Args:
        degree: L.

    Returns:
        At least 128.
    """
    return max(BLOCK // (degree + 1) ** 2, 128)


@functools.partial(jax.jit, static_argnames=("degree", "convention"))
def _basis(direction: Array, degree: int, convention: str) -> Array:
    sign = column_of_signs(degree, convention, direction.dtype)
    made = blockwise(
        lambda part: (rows(part, degree) * sign).T, direction.reshape(math.prod(direction.shape[:-1]), 3), size=block_size(degree)
    )
    return made.reshape(*direction.shape[:-1], made.shape[1])


@functools.partial(jax.jit, static_argnames="convention")
def _summed(coefficients: Array, direction: Array, convention: str) -> Array:
    count, *columns = coefficients.shape
    degree = degree_of(count)
    plain = coefficients.reshape(count, math.prod(columns)) * column_of_signs(degree, convention, coefficients.dtype)

    def summed(part: Array) -> Array:
        return jnp.matmul(rows(part, degree).T, plain, precision=lax.Precision.HIGHEST)

    made = blockwise(summed, direction.reshape(math.prod(direction.shape[:-1]), 3), size=block_size(degree))
    return made.reshape(*direction.shape[:-1], *columns)


@jax.jit
def _directions(latitude: Array, longitude: Array) -> Array:
    lat, lon = jnp.deg2rad(latitude), jnp.deg2rad(longitude)
    return jnp.stack([jnp.cos(lat) * jnp.cos(lon), jnp.cos(lat) * jnp.sin(lon), jnp.sin(lat)], -1)
