"""Fourier series in azimuth as GlobalTomo packs them: orders 0 to 8 in sixteen real numbers.

    u(phi) = Re[c_0 + 2 sum_(a = 1..8) c_a e^(i a phi)],      [Re c_0, Re c_1, Im c_1, Re c_2, ..., Im c_7, Re c_8]

Im c_8 has no place: it is left out, as is all above order 8. Functions take arrays of NumPy or JAX, and return the same.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

NUMBERS = 16
"""Of a series."""
COMPONENT_FAST = "number component"
"""How 16 numbers of 3 components are 48: the component runs fast, so they are `(16, 3)`. Which it is in theirs is unpublished."""
COMPONENT_SLOW = "component number"
"""The other way: `(3, 16)`."""


def pack(
    coefficients: Complex[Array | np.ndarray, "*batch order"], *, numbers: int = NUMBERS
) -> Float[Array | np.ndarray, "*batch number"]:
    """Complex coefficients as real numbers.

    Args:
        coefficients: c_0, c_1, ... of u. Orders above `numbers` / 2 are cut off, those that lack are zero; `left_out` tells what
            that and the missing Im c_8 leave out.
        numbers: How many there shall be, even.

    Returns:
        `(*batch, 16)`.

    Raises:
        ValueError: If `numbers` is odd or less than 2.
    """
    xp = _namespace(coefficients)
    top = _top(numbers)
    kept: Any = coefficients[..., : top + 1]
    absent = top + 1 - kept.shape[-1]
    if absent > 0:
        kept = xp.concatenate([kept, xp.zeros((*kept.shape[:-1], absent), kept.dtype)], axis=-1)
    pairs = xp.stack([kept.real, kept.imag], axis=-1).reshape(*kept.shape[:-1], 2 * top + 2)
    return xp.concatenate([pairs[..., :1], pairs[..., 2:-1]], axis=-1)


def unpack(packed: Float[Array | np.ndarray, "*batch number"]) -> Complex[Array | np.ndarray, "*batch order"]:
    """Complex coefficients of packed ones.

    Args:
        packed: `(*batch, 16)`.

    Returns:
        c_0 to c_8; the imaginary parts of the first and the last are zero.

    Raises:
        ValueError: If the numbers are odd in number.
    """
    xp = _namespace(packed)
    _top(packed.shape[-1])
    nothing = xp.zeros_like(packed[..., :1])
    pairs = xp.concatenate([packed[..., :1], nothing, packed[..., 1:], nothing], axis=-1)
    pairs = pairs.reshape(*packed.shape[:-1], -1, 2)
    return pairs[..., 0] + np.complex64(1j) * pairs[..., 1] if xp is np else jax.lax.complex(pairs[..., 0], pairs[..., 1])


def on_azimuths(
    packed: Float[Array | np.ndarray, "*batch number"], phi: Float[Array | np.ndarray, " azimuth"]
) -> Float[Array | np.ndarray, "*batch azimuth"]:
    """A packed series at azimuths, u = Re[c_0 + 2 sum c_a e^(i a phi)].

    Args:
        packed: `(*batch, 16)`; of three components, `by_component` first.
        phi: Azimuths [rad].

    Returns:
        u, in the unit and precision of `packed`.

    Raises:
        ValueError: If the numbers are odd in number.
    """
    xp = _namespace(packed)
    top = _top(packed.shape[-1])
    angles = xp.arange(1, top + 1, dtype=phi.dtype)[:, None] * phi[None, :]
    waves = xp.stack([2 * xp.cos(angles), -2 * xp.sin(angles)], axis=1).reshape(2 * top, phi.shape[0])[:-1]
    basis = xp.concatenate([xp.ones((1, phi.shape[0]), phi.dtype), waves])
    return packed @ basis.astype(packed.dtype)


def by_component(
    packed: Float[Array | np.ndarray, "*batch numbers"], order: str = COMPONENT_FAST
) -> Float[Array | np.ndarray, "*batch 3 number"]:
    """The series of each component.

    Args:
        packed: `(*batch, 48)`.
        order: "number component" (the component runs fast) or "component number".

    Returns:
        `(*batch, 3, 16)`.

    Raises:
        ValueError: If the order is neither.
    """
    xp = _namespace(packed)
    if check_order(order) == COMPONENT_SLOW:
        return packed.reshape(*packed.shape[:-1], 3, -1)
    return xp.moveaxis(packed.reshape(*packed.shape[:-1], -1, 3), -1, -2)


def of_components(series: Float[Array | np.ndarray, "*batch 3 number"]) -> Float[Array | np.ndarray, "*batch numbers"]:
    """Packed series of three components in one row, the component fast.

    Args:
        series: `(*batch, 3, 16)`.

    Returns:
        `(*batch, 48)`.
    """
    return _namespace(series).moveaxis(series, -2, -1).reshape(*series.shape[:-2], -1)


def check_order(order: str) -> str:
    """Refuse an order of numbers and components that is none.

    Args:
        order: It.

    Returns:
        The same.

    Raises:
        ValueError: If it is neither "number component" nor "component number".
    """
    if order not in (COMPONENT_FAST, COMPONENT_SLOW):
        raise ValueError(f"`order` = {order!r} of numbers and components must be {COMPONENT_FAST!r} or {COMPONENT_SLOW!r}.")
    return order


def energies(coefficients: Complex[np.ndarray, "*batch order"], *, numbers: int = NUMBERS) -> tuple[float, float]:
    """The energy that packing leaves out, and all that there is.

        E = sum (Re c_0)^2 + 2 |c_1|^2 + 2 |c_2|^2 + ...,

    the mean of u^2 in azimuth, summed over all else.

    Args:
        coefficients: c_0, c_1, ... of u.
        numbers: As of `pack`.

    Returns:
        Energy left out and total, in the square of the unit; points count alike, however large their elements.
    """
    top = _top(numbers)
    values = np.asarray(coefficients, np.complex128)
    lost = 2 * float((values[..., top : top + 1].imag ** 2).sum()) + 2 * float((np.abs(values[..., top + 1 :]) ** 2).sum())
    total = float((values[..., 0].real ** 2).sum()) + 2 * float((np.abs(values[..., 1:]) ** 2).sum())
    return lost, total


def left_out(coefficients: Complex[np.ndarray, "*batch order"], *, numbers: int = NUMBERS) -> float:
    """The part of the energy of u that packing leaves out.

    Args:
        coefficients: c_0, c_1, ... of u.
        numbers: As of `pack`.

    Returns:
        Between 0 and 1.
    """
    lost, total = energies(coefficients, numbers=numbers)
    return lost / total if total else 0.0


def _namespace(values: Any) -> Any:
    return jnp if isinstance(values, jax.Array) else np


def _top(numbers: int) -> int:
    """The highest order of so many numbers."""
    if numbers < 2 or numbers % 2:
        raise ValueError(f"a series of {numbers} numbers cannot be [Re c0, Re c1, Im c1, ..., Re c8]: their number must be even.")
    return numbers // 2
