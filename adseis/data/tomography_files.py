r"""Tomographic models of the mantle in `.sph` files, the format of S20RTS, S40RTS and their kin.

A file is text. Its first line has four words: the highest degree L, a digit for each degree from 0 to L, the number of radial
parameters, 24, and a digit for each of these; 1 says that it is there. The first three parameters, not of the mantle, are absent;
the others are 21 splines from the Moho down to the core. For each spline and degree l follow 2 l + 1 numbers in Fortran's format
11e12.4, eleven a line, each degree on lines of its own: a_l0, a_l1, b_l1, ..., a_ll, b_ll, with

    dlnv = sum over splines k, degrees l and orders m of S_k(r) X_lm(colatitude) (a_klm cos(m lon) + b_klm sin(m lon))

X_lm is the normalised Legendre function of the complex harmonics, with the Condon-Shortley phase (Dahlen & Tromp, B.58). S_k is
the cubic spline that is 1 on its own knot and 0 on all others, whose slopes at both ends are those of the parabolas through the
three knots there. Knots are given on -1 (core) to 1 (Moho), linear in radius. Outside there is no perturbation.
"""

import functools
import math
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array, lax
from jaxtyping import Float

from adseis.files import written_whole
from adseis.harmonics.basis import block_size, blockwise, degree_of, degrees_orders, directions, rows, together
from adseis.sphere.structure import Positions

KNOTS = np.array(
    [1.0, 0.96512, 0.92675, 0.88454, 0.8381, 0.78701, 0.73081, 0.66899, 0.60097, 0.52615, 0.44384, 0.35329, 0.25367, 0.14409]
    + [0.02353, -0.10909, -0.25499, -0.4155, -0.59207, -0.78631, -1.0]
)
"""Of the splines, in the order of the file."""
MASK = "000" + "1" * KNOTS.size
"""Which radial parameters there are."""
CORE, MOHO = 3480e3, 6346.6e3
"""Radii between which knots lie [m]: PREM's, which SPECFEM3D_GLOBE takes. Others' programs have 6346 and 6346.691 km."""
A_LINE = 11


class TomographyModel(eqx.Module):
    """A relative perturbation of the mantle on spherical harmonics and radial splines.

    Attributes:
        coefficients: Of orthonormal harmonics, as `adseis.harmonics` orders them, on the knots from Moho down to core [1].
        core: Radius of the lowest knot [m].
        moho: Radius of the highest [m].
    """

    coefficients: Float[Array, "harmonic 21"] = eqx.field(converter=jnp.asarray)
    core: float = eqx.field(default=CORE, static=True, kw_only=True)
    moho: float = eqx.field(default=MOHO, static=True, kw_only=True)

    def __check_init__(self) -> None:
        if not 0 < self.core < self.moho:
            raise ValueError(f"`core` = {self.core} m must be positive and less than `moho` = {self.moho} m.")

    @property
    def degree(self) -> int:
        """Highest degree."""
        return degree_of(self.coefficients.shape[0])

    @property
    def radii(self) -> Float[np.ndarray, " knot"]:
        """Of the knots, from the Moho down to the core [m]; coefficients are those of the model at these radii."""
        return self.core + (KNOTS + 1) / 2 * (self.moho - self.core)

    def perturbation(self, points: Positions) -> Float[Array, "*point"]:
        """The model at points: dlnvs where the file is one of vs, and zero above the Moho and below the mantle.

        Differentiable by coefficients and positions; memory goes with the number of points.

        Args:
            points: Radius [m], latitude and longitude [degrees].

        Returns:
            The relative perturbation [1], of the shape of the points.
        """
        coefficients, *parts = together(self.coefficients, points.radius, points.latitude, points.longitude)
        return _perturbation(coefficients, *parts, ends=(self.core, self.moho))


def read_sph(path: str | Path, *, core: float = CORE, moho: float = MOHO) -> TomographyModel:
    """A model from a `.sph` file.

    Args:
        path: The file.
        core: Radius of the lowest knot [m].
        moho: Radius of the highest [m].

    Returns:
        The model, evaluated by its `perturbation(points)`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file departs from the format: another header, degrees or splines that are absent, lines too many, too
            few, too long or too short, or what is no finite number.

    References:
        Ritsema, J., van Heijst, H. J. & Woodhouse, J. H. (1999), Science 286, 1925-1928, doi:10.1126/science.286.5446.1925
        Ritsema, J., Deuss, A., van Heijst, H. J. & Woodhouse, J. H. (2011), Geophys. J. Int. 184, 1223-1236,
        doi:10.1111/j.1365-246X.2010.04884.x
        Dahlen, F. A. & Tromp, J. (1998), Theoretical Global Seismology, appendix B.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` is not a file.")
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    degree = _degree(path, lines[0] if lines else "")
    numbers, at = np.empty((KNOTS.size, (degree + 1) ** 2)), 1
    for spline in range(KNOTS.size):
        for ell in range(degree + 1):
            for start in range(ell**2, (ell + 1) ** 2, A_LINE):
                stop = min(start + A_LINE, (ell + 1) ** 2)
                numbers[spline, start:stop] = _numbers(path, lines, at, stop - start, f"degree {ell} of spline {spline + 1}")
                at += 1
    if any(line.strip() for line in lines[at:]):
        raise ValueError(f"`{path}`: after degree {degree} of the last spline, line {at}, there must be no more.")
    ell, m, place = _layout(degree)
    return TomographyModel((numbers[:, place] * _factor(m)).T, core=core, moho=moho)


def write_sph(path: str | Path, model: TomographyModel) -> None:
    """A model to a `.sph` file, with the four digits that the format has for each number.

    The file does not tell radii of core and Moho.

    Args:
        path: The file, replaced as a whole.
        model: What to write.

    Raises:
        ValueError: If a coefficient is not finite or too large or too small for the format.
    """
    degree = model.degree
    _, m, place = _layout(degree)
    numbers = np.empty((KNOTS.size, place.size))
    numbers[:, place] = np.asarray(model.coefficients, float).T / _factor(m)
    lines = [f"{degree:15d} {'1' * (degree + 1)}{len(MASK):4d} {MASK}"]
    for of_spline in numbers:
        for ell in range(degree + 1):
            of_degree = [_fortran(x) for x in of_spline[ell**2 : (ell + 1) ** 2]]
            lines += ["".join(of_degree[i : i + A_LINE]) for i in range(0, len(of_degree), A_LINE)]
    with written_whole(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="ascii")


def _degree(path: Path, header: str) -> int:
    """The degree that a header tells, if it is one."""
    words = header.split()
    told = f"`{path}`: the first line {header.strip()[:80]!r}"
    if len(words) != 4 or not all(word.isdecimal() for word in words):
        raise ValueError(
            f"{told} is no header of a .sph file: highest degree, its mask, number of radial parameters, their mask."
        )
    degree, parameters = int(words[0]), int(words[2])
    if len(words[1]) != degree + 1 or set(words[1]) != {"1"}:
        raise ValueError(
            f"{told} has the mask {words[1]!r} for degrees 0 to {degree}; only files with all degrees, all ones, are read."
        )
    if parameters != len(MASK) or words[3] != MASK:
        raise ValueError(
            f"{told} has {parameters} radial parameters with the mask {words[3]!r}; only the 21 splines of S20RTS are read: "
            f"{len(MASK)} {MASK}."
        )
    return degree


def _numbers(path: Path, lines: list[str], at: int, count: int, what: str) -> list[float]:
    """The numbers of a line."""
    if at >= len(lines):
        raise ValueError(f"`{path}` ends after line {at}, before {what}: it is cut off, or its header tells too much.")
    words = lines[at].split()
    if len(words) != count:
        raise ValueError(f"`{path}`, line {at + 1}: {len(words)} numbers where {count} of {what} must be.")
    try:
        found = [float(word) for word in words]
    except ValueError as error:
        raise ValueError(f"`{path}`, line {at + 1}: {error} ({what}).") from error
    if not np.isfinite(found).all():
        raise ValueError(f"`{path}`, line {at + 1}: what is not finite stands for {what}.")
    return found


def _fortran(x: float) -> str:
    """A number in the format e12.4, whose mantissa is below one."""
    mantissa, exponent = f"{x:.3e}".split("e") if math.isfinite(x) else ("", "0")
    power = int(exponent) + 1 if x else 0
    if not mantissa or abs(power) > 99:
        raise ValueError(f"`model.coefficients`: {x} does not fit the format e12.4 of a .sph file.")
    digits = mantissa.replace(".", "").replace("-", "")
    return f"{'-' if x < 0 else ''}0.{digits}E{power:+03d}".rjust(12)


def _layout(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degrees and orders of our harmonics, and where the number of each stands in a spline."""
    ell, m = degrees_orders(degree)
    return ell, m, ell**2 + np.where(m > 0, 2 * m - 1, -2 * m)


def _factor(m: np.ndarray) -> np.ndarray:
    """X_lm cos(m lon) in orthonormal harmonics: these have sqrt(2) more, and no Condon-Shortley phase."""
    return np.where(m == 0, 1.0, (1.0 - 2.0 * (m % 2)) / np.sqrt(2))


@functools.cache
def _splines() -> np.ndarray:
    """Powers 3, 2, 1, 0 of the distance from the knot below, `(power, interval, knot)`: knots are in the order of the file."""
    x, unit = KNOTS[::-1], np.eye(KNOTS.size)

    def slope(at: np.ndarray) -> np.ndarray:
        a, b = x[at[1]] - x[at[0]], x[at[2]] - x[at[0]]
        return ((unit[at[1]] - unit[at[0]]) * b / a - (unit[at[2]] - unit[at[0]]) * a / b) / (b - a)

    ends = slope(np.array([0, 1, 2])), slope(np.array([-1, -2, -3]))
    return scipy.interpolate.CubicSpline(x, unit, bc_type=((1, ends[0]), (1, ends[1]))).c[:, :, ::-1]


@functools.partial(jax.jit, static_argnames="ends")
def _perturbation(coefficients: Array, radius: Array, latitude: Array, longitude: Array, *, ends: tuple[float, float]) -> Array:
    degree, count = degree_of(coefficients.shape[0]), math.prod(radius.shape)
    below = jnp.asarray(KNOTS[:0:-1], radius.dtype)
    powers = jnp.asarray(_splines(), radius.dtype)

    def part(r: Array, lat: Array, lon: Array) -> Array:
        x = 2 * (r - ends[0]) / (ends[1] - ends[0]) - 1
        inside = (x >= -1) & (x <= 1)
        interval = jnp.clip(jnp.searchsorted(below, x, side="right") - 1, 0)
        away = jnp.where(inside, x - below[interval], 0)[:, None]
        spline = powers[0, interval]
        for power in powers[1:]:
            spline = spline * away + power[interval]
        of_knots = jnp.matmul(rows(directions(lat, lon), degree).T, coefficients, precision=lax.Precision.HIGHEST)
        return jnp.where(inside, jnp.sum(spline * of_knots, -1), 0)

    flat = (x.reshape(count) for x in (radius, latitude, longitude))
    return blockwise(part, *flat, size=block_size(degree)).reshape(radius.shape)
