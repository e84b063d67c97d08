"""Functions on the sphere: their coefficients, turned and counted."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.harmonics.basis import column_of_signs, degree_of, degrees_orders, evaluate_at, recursion, together


class GaussGrid(NamedTuple):
    """Points and weights that integrate products of two harmonics of a degree exactly.

    Attributes:
        latitude: Gauss-Legendre nodes, from south to north [degrees].
        longitude: From 0 on, equally spaced [degrees].
        weight: Solid angle that a point of each latitude stands for [sr].
    """

    latitude: Float[np.ndarray, " latitude"]
    longitude: Float[np.ndarray, " longitude"]
    weight: Float[np.ndarray, " latitude"]


def gauss_grid(degree: int) -> GaussGrid:
    """The grid on which functions of a degree have their coefficients: `degree` + 1 latitudes, 2 `degree` + 1 longitudes.

    Args:
        degree: L.

    Returns:
        Its points and their weights, whose sum over all points is 4 pi.

    Raises:
        ValueError: If `degree` is negative.
    """
    degrees_orders(degree)
    z, weight = np.polynomial.legendre.leggauss(degree + 1)
    longitudes = 2 * degree + 1
    return GaussGrid(np.degrees(np.arcsin(z)), 360 / longitudes * np.arange(longitudes), 2 * np.pi / longitudes * weight)


def analyse(
    values: Float[ArrayLike, "latitude longitude *column"], degree: int | None = None, *, convention: str = "orthonormal"
) -> Float[Array, "harmonic *column"]:
    """Coefficients of functions on a Gauss grid, by quadrature: exact where their degree is not above the grid's.

    Args:
        values: On the points of `gauss_grid(N)`, any unit; further axes are further functions.
        degree: L of the coefficients, at most N, which is the default.
        convention: "orthonormal" or "globaltomo".

    Returns:
        c_lm, in the unit of `values`.

    Raises:
        ValueError: If the shape is not that of a Gauss grid, its degree is less than `degree`, or there is no such convention.
    """
    (values,) = together(values)
    latitudes, longitudes = values.shape[:2]
    if longitudes != 2 * latitudes - 1:
        raise ValueError(
            f"`values` {values.shape} lie on no Gauss grid: {latitudes} latitudes go with {2 * latitudes - 1} longitudes."
        )
    degree = latitudes - 1 if degree is None else degree
    if degree > latitudes - 1:
        raise ValueError(f"`degree` = {degree} is above that of the grid, {latitudes - 1}. Use `gauss_grid({degree})`.")
    column_of_signs(degree, convention, values.dtype)  # faults are told before anything is compiled
    return _analysed(values, degree, convention)


def rotate(
    coefficients: Float[ArrayLike, "harmonic *column"], rotation: Float[ArrayLike, "3 3"], *, convention: str = "orthonormal"
) -> Float[Array, "harmonic *column"]:
    """Coefficients of a function that is turned: what it had in the direction n it has in the direction R n.

    The turned function is evaluated on a Gauss grid and analysed, which is exact; differentiable by the rotation too.

    Args:
        coefficients: c_lm, any unit; further axes are further functions.
        rotation: R, an orthogonal matrix that turns (x, y, z) of `directions`.
        convention: "orthonormal" or "globaltomo".

    Returns:
        Coefficients like those given.

    Raises:
        ValueError: If the number of harmonics belongs to no degree or there is no such convention.
    """
    coefficients, rotation = together(coefficients, rotation)
    degree = degree_of(coefficients.shape[0])
    column_of_signs(degree, convention, coefficients.dtype)
    return _rotated(coefficients, rotation, convention)


def power(coefficients: Float[ArrayLike, "harmonic *column"]) -> Float[Array, "degree *column"]:
    """Power spectrum: the mean square over the sphere of what each degree holds, sum over m of c_lm^2 / (4 pi).

    Args:
        coefficients: c_lm of either convention; further axes are further functions.

    Returns:
        One a degree, whose sum is the mean square of the function, in the squared unit.

    Raises:
        ValueError: If the number of harmonics belongs to no degree.
    """
    (coefficients,) = together(coefficients)
    degree = degree_of(coefficients.shape[0])
    return jax.ops.segment_sum(coefficients**2, degrees_orders(degree)[0], degree + 1) / (4 * np.pi)


@functools.cache
def _separated(latitudes: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Harmonics of a Gauss grid as products: what goes with latitude, of every harmonic, and with longitude, of every order."""
    grid = gauss_grid(latitudes - 1)
    lat, ell, m = np.radians(grid.latitude)[:, None], *degrees_orders(degree)
    below = np.cos(lat) ** 2 / (1 + np.abs(np.sin(lat)))
    made = np.zeros((latitudes, degree + 1, 2 * degree + 1))  # those of a positive order at longitude 0, of the north
    made[:, 0, degree] = sectoral = np.full(latitudes, 0.5 / np.sqrt(np.pi))
    change = np.zeros((latitudes, 2 * degree + 1))
    for i, (grow, ahead, keep, on, cosines, _) in enumerate(zip(*recursion(degree), strict=True), 1):
        sectoral = grow * np.cos(lat[:, 0]) * sectoral
        change = on * change - ahead * below * made[:, i - 1]
        made[:, i] = keep * made[:, i - 1] + change + cosines * sectoral[:, None]
    orders = np.arange(-degree, degree + 1)
    turn = np.radians(grid.longitude)[:, None] * orders
    mirrored = np.where((lat < 0) & ((ell + m) % 2 == 1), -1.0, 1.0)
    return mirrored * made[:, ell, degree + np.abs(m)], np.where(orders < 0, np.sin(-turn), np.cos(turn))


@functools.partial(jax.jit, static_argnames=("degree", "convention"))
def _analysed(values: Array, degree: int, convention: str) -> Array:
    latitudes, longitudes, *columns = values.shape
    along, across = _separated(latitudes, degree)
    m = degrees_orders(degree)[1] + degree
    weighted = along * gauss_grid(latitudes - 1).weight[:, None] * column_of_signs(degree, convention, "float64").T
    flat = values.reshape(latitudes, longitudes, math.prod(columns))
    waves = jnp.einsum("jkc,km->jmc", flat, jnp.asarray(across, values.dtype), precision=lax.Precision.HIGHEST)
    made = jnp.einsum("jh,jhc->hc", jnp.asarray(weighted, values.dtype), waves[:, m], precision=lax.Precision.HIGHEST)
    return made.reshape(m.size, *columns)


@functools.partial(jax.jit, static_argnames="convention")
def _rotated(coefficients: Array, rotation: Array, convention: str) -> Array:
    degree = degree_of(coefficients.shape[0])
    grid = gauss_grid(degree)
    z, turn = np.sin(np.radians(grid.latitude))[:, None], np.radians(grid.longitude)
    wide = np.sqrt(1 - z**2)
    n = np.stack(np.broadcast_arrays(wide * np.cos(turn), wide * np.sin(turn), z), -1)
    before = jnp.matmul(jnp.asarray(n, rotation.dtype), rotation, precision=lax.Precision.HIGHEST)  # the transpose of R on each
    return _analysed(evaluate_at(coefficients, before, convention=convention), degree, convention)
