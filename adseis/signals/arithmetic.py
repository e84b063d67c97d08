"""What arithmetic has to mind: derivatives of quotients, phases and peaks, squares that no precision holds, matrices."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike
from jaxtyping import Complex, Float


def divide(numerator: ArrayLike, denominator: ArrayLike, fallback: ArrayLike = 0.0) -> Array:
    """a / b where b > 0, something else where it is not; the gradient is never a NaN.

    Args:
        numerator: a.
        denominator: b, of a shape that broadcasts with it.
        fallback: What stands where b is not positive.

    Returns:
        The quotient, in the precision of a and b.
    """
    a, b = jnp.asarray(numerator), jnp.asarray(denominator)
    positive = b > 0
    divisor = jnp.where(positive, b, 1)
    return jnp.where(positive, a / (divisor.astype(a.dtype) if jnp.iscomplexobj(a) else divisor), fallback)


def einsum(formula: str, *arrays: ArrayLike) -> Array:
    """`jnp.einsum` in the precision of its arrays; of themselves accelerators round float32 to fewer bits.

    Args:
        formula: As of NumPy.
        *arrays: Of one precision.

    Returns:
        The sum of products.
    """
    return jnp.einsum(formula, *arrays, precision=lax.Precision.HIGHEST)


def matmul(a: ArrayLike, b: ArrayLike) -> Array:
    """`a @ b` in the precision of both, on every device.

    Args:
        a: Matrices, or vectors.
        b: Likewise.

    Returns:
        The product.
    """
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


def phasor(phase: Float[ArrayLike, "*shape"]) -> Complex[Array, "*shape"]:
    """exp(i phase) in the precision of the phase.

    Args:
        phase: Of any shape [rad].

    Returns:
        Complex numbers of size one, like `phase`.
    """
    phase = jnp.asarray(phase)
    return jnp.exp(lax.complex(jnp.zeros_like(phase), phase))


def peak(x: Float[ArrayLike, "*shape"], *, axis: int = -1) -> Float[Array, "*peaks"]:
    """Largest sample along an axis, which stays with one element: jnp.max with a derivative that is safe in compiled code.

    The derivative of `jnp.max` looks for samples that equal the result; where the compiler computes them twice and rounds them
    differently it finds none, and divides by zero.

    Args:
        x: Signal of any unit and shape.
        axis: Axis along which the largest sample is sought.

    Returns:
        Peaks, like `x` but for that axis.
    """
    x = floating(x)
    return jnp.take_along_axis(x, jnp.argmax(lax.stop_gradient(x), axis, keepdims=True), axis)


def unit_of(x: Float[ArrayLike, "*shape"], *, axis: int | tuple[int, ...] | None = None) -> Float[Array, "*units"]:
    """A power of two near the largest sample, by which signals are divided before they are squared.

    Squares of data in physical units leave the range of single precision: of 1e-20 nothing remains, of 1e20 infinity. Division by
    a power of two rounds nothing.

    Args:
        x: Signal of any unit and shape.
        axis: Along which axes the largest sample is sought, None for all.

    Returns:
        The unit, with length 1 along `axis`; 1 where all samples are zero or one is not finite. It is a constant for derivatives.
    """
    x = lax.stop_gradient(floating(x))
    largest = jnp.max(jnp.abs(x), axis, keepdims=True, initial=0)
    numbers = jnp.finfo(x.dtype)
    whole = jnp.dtype(f"int{numbers.bits}")
    exponent = lax.bitcast_convert_type(jnp.asarray(jnp.inf, x.dtype), whole)  # all bits of the exponent, none of the mantissa
    below = lax.bitcast_convert_type(lax.bitcast_convert_type(largest, whole) & exponent, x.dtype)
    low, high = (jnp.asarray(4 * x, x.dtype) for x in (numbers.tiny, 1 / numbers.tiny / 64))
    return jnp.where((largest > 0) & jnp.isfinite(largest), jnp.clip(below, low, high), 1)


def over(x: Float[ArrayLike, "*shape"], unit: Float[ArrayLike, "..."]) -> Float[Array, "*shape"]:
    """x / unit, kept from the compiler, which would square the two apart, (x x) / (unit unit), and lose them.

    Args:
        x: Signal.
        unit: From `unit_of`.

    Returns:
        The quotient.
    """
    return lax.optimization_barrier(x / jnp.asarray(unit))


def homogeneous(f: Callable[..., Array], degree: int) -> Callable[..., Array]:
    """A function that is computed near 1, f(a x) = a^degree f(x), and whose derivative leaves the range of numbers only where it
    is itself beyond that: it is not multiplied by the unit to the power of `degree` and divided by the unit again.

    Args:
        f: Function of arrays, to an array.
        degree: Its degree, at least 1.

    Returns:
        `(unit, *arrays) -> unit^degree f(*(x / unit for x in arrays))`; `unit` is a constant that broadcasts with all of them.
    """

    @jax.custom_jvp
    def scaled(unit: Array, *x: Array) -> Array:
        return unit**degree * f(*(over(each, unit) for each in x))

    @scaled.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
        unit, *x = primals
        value, change = jax.jvp(f, tuple(over(each, unit) for each in x), tuple(tangents[1:]))
        return unit**degree * value, unit ** (degree - 1) * change

    return scaled


def floating(x: ArrayLike) -> Array:
    """An array of floats.

    Args:
        x: Numbers of any kind.

    Returns:
        The same, in their own precision when they have one, in JAX's default for integers.
    """
    x = jnp.asarray(x)
    return x.astype(jnp.result_type(x, 1.0))


def along(values: np.ndarray | Array, axis: int, x: Array) -> Array:
    """Values laid along one axis of an array.

    Args:
        values: One for each element along the axis.
        axis: Which.
        x: The array.

    Returns:
        The values, of the type of `x`, in a shape that broadcasts with it.
    """
    shape = [1] * x.ndim
    shape[axis] = values.size
    return jnp.asarray(values.reshape(shape), x.dtype)
