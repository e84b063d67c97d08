"""Moment tensors in a seismologist's words: size, kind, fault planes, and how far two of them are apart.

Tensors are `(..., axis, axis)` in the axes (z, y, x) of a grid, z down, x to the north (or along an `azimuth`) and y to the right
of it, as `double_couple` makes them; of one that is not symmetric, the symmetric part is meant. Those of a 2D grid, axes (z, x),
are taken as tensors with nothing along y where planes are asked for.
"""

import itertools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from adseis.experiment.checks import Samples


class TensorShares(NamedTuple):
    """What a moment tensor is made of: parts whose magnitudes sum to one.

    Attributes:
        isotropic: Positive for an explosion, `(...)`.
        clvd: Compensated linear vector dipole, positive where the tension is the long axis, `(...)`; zero in 2D.
        double_couple: Never negative, `(...)`.
    """

    isotropic: np.ndarray
    clvd: np.ndarray
    double_couple: np.ndarray


def scalar_moment(moment: Float[Samples, "*batch axis axis"]) -> Float[np.ndarray, "*batch"]:
    """Size of a moment tensor, M0 = norm(M) / sqrt(2), that of a double couple being its moment.

    Args:
        moment: M [N m; N in 2D].

    Returns:
        M0, in the unit of M.
    """
    return np.asarray(np.linalg.norm(_symmetric("moment", moment), axis=(-2, -1)) / np.sqrt(2))


def moment_magnitude(scalar: Float[ArrayLike, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Moment magnitude, Mw = (2/3) (log10(M0 / N m) - 9.1).

    Args:
        scalar: M0 [N m]; of a 2D model, times a length along y.

    Returns:
        Mw.

    Raises:
        ValueError: If a moment is not positive.

    References:
        Hanks, T. C. & Kanamori, H. (1979), J. Geophys. Res. 84, 2348-2350, doi:10.1029/JB084iB05p02348
    """
    scalar = np.asarray(scalar, float)
    if not np.all(scalar > 0):
        raise ValueError(f"`scalar` has {np.min(scalar):.6g} N m; a moment must be positive to have a magnitude.")
    return np.asarray((np.log10(scalar) - 9.1) * 2 / 3)


def shares(moment: Float[Samples, "*batch axis axis"]) -> TensorShares:
    """Isotropic, CLVD and double-couple shares of a moment tensor.

    Of its eigenvalues M1 >= M2 >= M3,

        iso = (M1 + M2 + M3) / 3,    clvd = 2/3 (M1 + M3 - 2 M2),    dc = (M1 - M3 - |M1 + M3 - 2 M2|) / 2,

    each over |iso| + |clvd| + dc. In 2D iso = (M1 + M2) / 2 and dc = (M1 - M2) / 2.

    Args:
        moment: M, in any unit.

    Returns:
        The shares.

    Raises:
        ValueError: If a moment is zero.

    References:
        Vavryčuk, V. (2015), J. Seismol. 19, 231-252, doi:10.1007/s10950-014-9463-y
    """
    values = np.linalg.eigvalsh(_symmetric("moment", moment, zero=False))
    iso = values.mean(-1)
    if values.shape[-1] == 2:
        clvd, dc = np.zeros_like(iso), (values[..., 1] - values[..., 0]) / 2
    else:
        odd = values[..., 2] + values[..., 0] - 2 * values[..., 1]
        clvd, dc = 2 / 3 * odd, (values[..., 2] - values[..., 0] - np.abs(odd)) / 2
    size = np.abs(iso) + np.abs(clvd) + dc
    return TensorShares(*(np.asarray(part / size) for part in (iso, clvd, dc)))


def nodal_planes(
    moment: Float[Samples, "*batch axis axis"], *, azimuth: float = 0.0
) -> Float[np.ndarray, "*batch plane=2 angle=3"]:
    """Strike, dip and rake of the two planes on which the double couple of a moment tensor may have slipped.

    The planes' normals are the sum and the difference of the axes of tension and pressure, over sqrt(2); each is the direction of
    slip on the other's plane.

    Args:
        moment: M, in any unit.
        azimuth: Of the x axis, clockwise from north [degrees], as of `double_couple`.

    Returns:
        Strike [0, 360), dip [0, 90] and rake (-180, 180] of each plane [degrees], as of `double_couple`. The order of the two
        says nothing; of a vertical or horizontal plane strike and rake may be given in another way.

    Raises:
        ValueError: If a moment is isotropic.

    References:
        Jost, M. L. & Herrmann, R. B. (1989), Seismol. Res. Lett. 60, 37-57, doi:10.1785/gssrl.60.2.37
    """
    axes = _principal_axes("moment", moment)
    pressure, tension = axes[..., 0], axes[..., 2]
    one, other = (tension + pressure) / np.sqrt(2), (tension - pressure) / np.sqrt(2)
    planes = np.stack([_angles(one, other), _angles(other, one)], -2)
    planes[..., 0] = np.mod(planes[..., 0] + azimuth, 360)
    return planes


def kagan_angle(a: Float[Samples, "*batch axis axis"], b: Float[Samples, "*batch axis axis"]) -> Float[np.ndarray, "*batch"]:
    """Smallest rotation that carries the double couple of one moment tensor into that of another.

    Args:
        a: One, in any unit.
        b: The other, likewise.

    Returns:
        Angle [degrees], at most 120.

    Raises:
        ValueError: If a moment is isotropic.

    References:
        Kagan, Y. Y. (1991), Geophys. J. Int. 106, 709-716, doi:10.1111/j.1365-246X.1991.tb06343.x
    """
    one, other = _principal_axes("a", a), _principal_axes("b", b)
    cosines, turned = np.sum(one * other, -2), np.linalg.det(one) * np.linalg.det(other)
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=3)))  # an axis points either way, but a rotation mirrors nothing
    traces = [np.where(np.prod(sign) * turned > 0, np.sum(sign * cosines, -1), -1.0) for sign in signs]
    return np.asarray(np.rad2deg(np.arccos(np.clip((np.max(traces, 0) - 1) / 2, -1, 1))))


def similarity(a: Float[Samples, "*batch axis axis"], b: Float[Samples, "*batch axis axis"]) -> Float[np.ndarray, "*batch"]:
    """Cosine of the angle between two moment tensors, sum_ij A_ij B_ij / (norm(A) norm(B)): 1 if one is a multiple of the other.

    Args:
        a: One, in any unit.
        b: The other, likewise.

    Returns:
        -1 to 1.

    Raises:
        ValueError: If a moment is zero.
    """
    both = (_symmetric("a", a, zero=False), _symmetric("b", b, zero=False))
    one, other = (m / np.linalg.norm(m, axis=(-2, -1), keepdims=True) for m in both)
    return np.asarray(np.sum(one * other, (-2, -1)))


def _symmetric(name: str, moment: Any, *, zero: bool = True) -> np.ndarray:
    """The symmetric part in float64, checked."""
    moment = np.asarray(moment, float)
    if moment.ndim < 2 or moment.shape[-2:] not in ((2, 2), (3, 3)):
        raise ValueError(f"`{name}` {moment.shape} must be (..., axis, axis), of 2 or 3 axes.")
    if not zero and not np.all(np.any(moment, (-2, -1))):
        raise ValueError(f"`{name}` is zero: it has no shape.")
    return (moment + np.swapaxes(moment, -1, -2)) / 2


def _principal_axes(name: str, moment: Any) -> np.ndarray:
    """Unit vectors (..., axis, which) of pressure, of neither, and of tension, in three dimensions."""
    moment = _symmetric(name, moment)
    if moment.shape[-1] == 2:
        spread = np.zeros((*moment.shape[:-2], 3, 3))
        spread[..., ::2, ::2] = moment
        moment = spread
    values, axes = np.linalg.eigh(moment)
    if not np.all(values[..., 2] - values[..., 0] > 1e-9 * np.abs(values).max(-1)):
        raise ValueError(f"`{name}` is isotropic: it has no nodal planes.")
    return axes


def _angles(normal: np.ndarray, slip: np.ndarray) -> np.ndarray:
    """Strike, dip and rake [degrees] of a plane by its normal and the direction of slip."""
    up = np.where(normal[..., :1] > 0, -1.0, 1.0)  # z points down
    n, d = normal * up, slip * up
    strike = np.arctan2(-n[..., 2], n[..., 1])
    dip = np.arctan2(np.hypot(n[..., 1], n[..., 2]), -n[..., 0])
    zero = np.zeros_like(strike)
    along = np.stack([zero, np.sin(strike), np.cos(strike)], -1)
    up_dip = np.stack([-np.sin(dip), -np.cos(dip) * np.cos(strike), np.cos(dip) * np.sin(strike)], -1)
    rake = np.arctan2(np.sum(d * up_dip, -1), np.sum(d * along, -1))
    return np.rad2deg(np.stack([np.mod(strike, 2 * np.pi), dip, rake], -1))


def double_couple(strike: Any, dip: Any, rake: Any, moment: Any, *, azimuth: Any = 0.0) -> Array:
    """Moment tensor of slip on a fault, in the axes (z, y, x) of a 3D grid, z down: x to the north, y to the east, or turned.

    M_ij = M0 (d_i n_j + d_j n_i), d the direction of slip of the hanging wall, n the normal of the fault (Aki & Richards 2002,
    box 4.4).

    Warning:
        The tensor comes in the order (z, y, x), z down, not (x, y, z): `M[0, 0]` is M_zz, `M[2, 2]` that of north.

    Args:
        strike: Clockwise from north; the fault dips to the right of it [degrees].
        dip: From the horizontal [degrees].
        rake: Of the slip, from the strike upwards on the fault [degrees].
        moment: M0 [N m]; per metre of slip it is rigidity times area.
        azimuth: Of the x axis, clockwise from north [degrees], as that of `adseis.earthquakes.Frame`; y is to the right of x.

    Returns:
        M [N m], `(..., axis, axis)`, the shape before it that of the arguments, which may be arrays.

    Example:
        >>> moment = ads.double_couple(strike=0.0, dip=90.0, rake=0.0, moment=1e15)  # left-lateral, on a vertical plane
        >>> (np.asarray(moment) / 1e15).round().astype(int)  # that of y and x alone
        array([[0, 0, 0],
               [0, 0, 1],
               [0, 1, 0]])
    """
    given = (strike, dip, rake, moment, azimuth)
    strike, dip, rake, moment, azimuth = jnp.broadcast_arrays(*(jnp.asarray(x, float) for x in given))
    phi, delta, lam = (jnp.deg2rad(x) for x in (strike - azimuth, dip, rake))  # all that counts is the angle from x to the strike
    along = [jnp.zeros_like(phi), jnp.sin(phi), jnp.cos(phi)]  # z, y, x
    up_dip = [-jnp.sin(delta), -jnp.cos(delta) * jnp.cos(phi), jnp.cos(delta) * jnp.sin(phi)]
    normal = jnp.stack([-jnp.cos(delta), jnp.sin(delta) * jnp.cos(phi), -jnp.sin(delta) * jnp.sin(phi)], -1)
    slip = jnp.stack([jnp.cos(lam) * a + jnp.sin(lam) * u for a, u in zip(along, up_dip, strict=True)], -1)
    both = slip[..., :, None] * normal[..., None, :]
    return moment[..., None, None] * (both + jnp.swapaxes(both, -1, -2))
