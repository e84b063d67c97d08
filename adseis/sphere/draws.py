"""Random structures of a ball as GlobalTomo draws them: Latin hypercubes of coefficients, each sample by itself.

A sample depends on the seed, on how many samples there are and on its number, not on which others are drawn with it: data that
are made in parts, on many machines or after an interruption are the same. Numbers are those of NumPy's Philox generator, which
does not change from version to version.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.harmonics.basis import together
from adseis.sphere.structure import extremes

AMPLITUDE = 1 / 40
"""GlobalTomo's coefficients lie between minus this and this."""
DEGREE, LEVELS = 8, 5
"""Of GlobalTomo's balls."""


def latin_hypercube(
    seed: int, samples: int, dimensions: int, *, rows: Sequence[int] | np.ndarray | None = None
) -> Float[np.ndarray, "row dimension"]:
    """Points of the unit cube, evenly spread along every axis: each n-th of it holds one of n samples.

    Args:
        seed: Of the whole, from 0 to 2^64 - 1.
        samples: n, all there are.
        dimensions: Of the cube.
        rows: Numbers of the samples wanted, from 0; None for all.

    Returns:
        Numbers from 0 to less than 1.

    Raises:
        ValueError: If `seed`, `samples` or `dimensions` is out of range, or a row is not the number of a sample.

    References:
        McKay, M. D., Beckman, R. J. & Conover, W. J. (1979), Technometrics 21, 239-245, doi:10.1080/00401706.1979.10489755
    """
    _check_seed(seed)
    if samples < 1 or not 1 <= dimensions < 2**32:
        raise ValueError(f"`samples` = {samples} and `dimensions` = {dimensions} must be 1 at least.")
    wanted = np.arange(samples) if rows is None else np.asarray(rows, int)
    if wanted.size and not 0 <= wanted.min() <= wanted.max() < samples:
        raise ValueError(
            f"`rows` run from {wanted.min()} to {wanted.max()}; {samples} samples are numbered from 0 to {samples - 1}."
        )
    made = np.empty((wanted.size, dimensions))
    for axis in range(dimensions):
        drawn = np.random.Philox(key=np.array([seed, axis], np.uint64)).random_raw(2 * samples)
        stratum = np.argsort(drawn[:samples], kind="stable")[wanted]
        made[:, axis] = (stratum + _uniform(drawn[samples:][wanted])) / samples
    return np.minimum(made, np.nextafter(1.0, 0.0))  # the last stratum may round up to one


def draw_structures(
    seed: int,
    samples: int,
    *,
    rows: Sequence[int] | np.ndarray | None = None,
    properties: int = 1,
    degree: int = DEGREE,
    levels: int = LEVELS,
    amplitude: float = AMPLITUDE,
) -> Float[np.ndarray, "row property harmonic level"]:
    """Coefficients of structures, uniform between minus and plus an amplitude, by a Latin hypercube: by default GlobalTomo's.

    A ball of fluid has one property, vp, and 405 numbers; a solid one three, vp, vs and rho, and 1215. How these stand in
    GlobalTomo's files is unpublished; ours hold them harmonic by harmonic: harmonic, property, level.

    Args:
        seed: Of the whole.
        samples: How many there are, all together.
        rows: Numbers of the samples wanted, from 0; None for all.
        properties: 1 or 3, or another number.
        degree: L.
        levels: How many.
        amplitude: Largest magnitude of a coefficient [1].

    Returns:
        Coefficients for `perturbation` [1]; `moveaxis(one, 0, 1).ravel()` of one is a row of our files.

    Raises:
        ValueError: If `seed` or a size is out of range, or a row is not the number of a sample.
    """
    shape = _shape(properties, degree, levels)
    drawn = latin_hypercube(seed, samples, int(np.prod(shape)), rows=rows)
    return amplitude * (2 * drawn - 1).reshape(-1, *shape)


def redraw_structure(
    seed: int,
    row: int,
    attempt: int,
    *,
    properties: int = 1,
    degree: int = DEGREE,
    levels: int = LEVELS,
    amplitude: float = AMPLITUDE,
) -> Float[np.ndarray, "property harmonic level"]:
    """Another structure in place of a sample that cannot be used, uniform and of its own: the hypercube has no place for it.

    Args:
        seed: Of the whole.
        row: Number of the sample.
        attempt: 1 for the first redraw, and so on.
        properties: As for `draw_structures`.
        degree: L.
        levels: How many.
        amplitude: Largest magnitude of a coefficient [1].

    Returns:
        Its coefficients [1].

    Raises:
        ValueError: If `seed`, `row`, `attempt` or a size is out of range.
    """
    _check_seed(seed)
    if not 0 <= row < 2**32 or attempt < 1:
        raise ValueError(f"`row` = {row} must not be negative and `attempt` = {attempt} must be 1 at least.")
    shape = _shape(properties, degree, levels)
    own = np.array([seed, 2**32 + row], np.uint64)  # `latin_hypercube` has the keys below
    drawn = np.random.Philox(key=own, counter=np.array([0, 0, 0, attempt], np.uint64)).random_raw(int(np.prod(shape)))
    return amplitude * (2 * _uniform(drawn) - 1).reshape(shape)


def least_bulk_margin(
    vp: Float[ArrayLike, "harmonic level"],
    vs: Float[ArrayLike, "_ _"],
    *,
    speeds: tuple[float, float] = (1500.0, 1000.0),
    convention: str = "globaltomo",
    oversampling: int = 16,
) -> Float[Array, ""]:
    """Least of vp - sqrt(4/3) vs in a solid ball: its bulk modulus is positive everywhere where this is.

    Linear in both perturbations, it is least on a level; it is found as by `extremes`, within the same error.

    Args:
        vp: Coefficients of the perturbation of vp [1].
        vs: Those of vs, of the same harmonics and levels [1].
        speeds: vp and vs of the ball without perturbations [m/s]; the default is GlobalTomo's.
        convention: "globaltomo" or "orthonormal".
        oversampling: Samples in latitude for each degree.

    Returns:
        The margin [m/s].

    Raises:
        ValueError: If `vp` and `vs` differ in shape, or what `extremes` raises.
    """
    vp, vs = together(vp, vs)
    if vp.shape != vs.shape:
        raise ValueError(f"`vp` {vp.shape} and `vs` {vs.shape} must have the same harmonics and levels.")
    fast, slow = speeds[0], np.sqrt(4 / 3) * speeds[1]
    low, _ = extremes(fast * vp - float(slow) * vs, convention=convention, oversampling=oversampling)
    return low + jnp.asarray(fast - slow, low.dtype)


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**64:
        raise ValueError(f"`seed` = {seed} must lie between 0 and {2**64 - 1}.")


def _shape(properties: int, degree: int, levels: int) -> tuple[int, int, int]:
    if properties < 1 or degree < 0 or levels < 1:
        raise ValueError(f"`properties` = {properties}, `degree` = {degree} and `levels` = {levels} must be 1, 0 and 1 at least.")
    return properties, (degree + 1) ** 2, levels


def _uniform(drawn: np.ndarray) -> np.ndarray:
    """From 0 to less than 1, of whole numbers of 64 bits."""
    return (drawn >> np.uint64(11)) * 2.0**-53
