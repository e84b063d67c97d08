"""Coefficients as pyshtools holds them, by its formulas: it need not be installed."""

import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.harmonics.basis import column_of_signs, degree_of, degrees_orders, together

NORMALIZATIONS = ("4pi", "ortho", "schmidt", "unnorm")
"""As pyshtools names them."""


def to_shtools(
    coefficients: Float[ArrayLike, " harmonic"], *, normalization: str = "4pi", csphase: int = 1, convention: str = "orthonormal"
) -> Float[Array, "2 degree order"]:
    """Coefficients as pyshtools holds them: `pyshtools.SHCoeffs.from_array(np.asarray(...), normalization=..., csphase=...)`.

    Args:
        coefficients: c_lm, any unit.
        normalization: "4pi", "ortho", "schmidt" or "unnorm", as pyshtools defines them; its default is the first.
        csphase: 1 without the Condon-Shortley phase, which is its default, -1 with it.
        convention: "orthonormal" or "globaltomo": that of `coefficients`.

    Returns:
        Those of cosines and of sines, `(2, L + 1, L + 1)`.

    Raises:
        ValueError: If the number of harmonics belongs to no degree, or there is no such normalization, phase or convention.

    References:
        Wieczorek, M. A. & Meschede, M. (2018), Geochem. Geophys. Geosyst. 19, 2574-2592, doi:10.1029/2018GC007529
    """
    (coefficients,) = together(coefficients)
    degree = degree_of(coefficients.shape[0])
    ell, m = degrees_orders(degree)
    factor = (column_of_signs(degree, convention, "float64")[:, 0] / _ratio(degree, normalization, csphase)).astype(
        coefficients.dtype
    )
    empty = jnp.zeros((2, degree + 1, degree + 1), coefficients.dtype)
    return empty.at[(m < 0).astype(int), ell, np.abs(m)].set(coefficients * factor)


def from_shtools(
    array: Float[ArrayLike, "2 degree order"], *, normalization: str = "4pi", csphase: int = 1, convention: str = "orthonormal"
) -> Float[Array, " harmonic"]:
    """Coefficients from an array of pyshtools, such as `SHCoeffs.to_array(normalization=..., csphase=...)`.

    Args:
        array: Those of cosines and of sines, `(2, L + 1, L + 1)`, any unit.
        normalization: "4pi", "ortho", "schmidt" or "unnorm": that of `array`.
        csphase: 1 without the Condon-Shortley phase, -1 with it.
        convention: "orthonormal" or "globaltomo": that of the result.

    Returns:
        c_lm in our order.

    Raises:
        ValueError: If the array is not square, or there is no such normalization, phase or convention.
    """
    (array,) = together(array)
    if array.shape[1] != array.shape[2]:
        raise ValueError(f"`array` {array.shape} must be (2, L + 1, L + 1).")
    degree = array.shape[1] - 1
    ell, m = degrees_orders(degree)
    factor = (column_of_signs(degree, convention, "float64")[:, 0] * _ratio(degree, normalization, csphase)).astype(array.dtype)
    return array[(m < 0).astype(int), ell, np.abs(m)] * factor


def _ratio(degree: int, normalization: str, csphase: int) -> np.ndarray:
    """Ratio of pyshtools' harmonics to ours."""
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"`normalization` = {normalization!r} is unknown; use one of {', '.join(NORMALIZATIONS)}.")
    if csphase not in (1, -1):
        raise ValueError(f"`csphase` = {csphase} must be 1 (without the Condon-Shortley phase) or -1 (with it).")
    ell, m = degrees_orders(degree)
    size = np.abs(m)
    ratio = {
        "4pi": np.full(ell.size, np.sqrt(4 * np.pi)),
        "ortho": np.ones(ell.size),
        "schmidt": np.sqrt(4 * np.pi / (2 * ell + 1)),
        "unnorm": np.sqrt(4 * np.pi / ((2 * ell + 1) * (2 - (m == 0))))
        * np.exp((scipy.special.gammaln(ell + size + 1) - scipy.special.gammaln(ell - size + 1)) / 2),
    }[normalization]
    return ratio * np.where(size % 2, csphase, 1)
