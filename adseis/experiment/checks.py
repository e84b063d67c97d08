"""Values that are known or traced, and their faults: found at once where they are known, else by one check before the time loop.

Known values are judged where they lie, also while a function around them is traced: from a device one answer is fetched, not the
array.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh
from jaxtyping import Array

from adseis.experiment.grid import Grid
from adseis.experiment.sampling import fastest_speed
from adseis.parallel.shots import error_if

Samples = Array | np.ndarray


class ValueFault(ValueError, RuntimeError):
    """A bad value. Under `jit` the same fault is a plain `RuntimeError`: catch that to catch both."""


def as_samples(values: Any) -> Samples:
    """Leave JAX arrays as they are; make anything else a NumPy array, whose values stay known while tracing.

    Args:
        values: Numbers of any shape and unit.

    Returns:
        The same numbers, floating-point (JAX arrays keep their type).
    """
    if isinstance(values, jax.Array):
        return values
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(float)


def module_of(*values: Samples) -> Any:
    """What computes with values so that they stay known: NumPy, or JAX where one of them is a JAX array."""
    return np if all(isinstance(x, np.ndarray) for x in values) else jnp


def widest(*values: Any) -> jnp.dtype:
    """The type in which values of unlike precision are computed together, where that is meant."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*values)


def known(values: Any) -> Samples | None:
    """The values if they are known now, wherever they lie.

    Args:
        values: An array, traced or not.

    Returns:
        The array, None if it is traced.
    """
    if not isinstance(values, Tracer):
        return values if isinstance(values, jax.Array) else np.asarray(values)
    now = jax.lax.stop_gradient(values)  # under an eager `jax.grad` the values are there, behind a tracer
    return None if isinstance(now, Tracer) else now


def positive(values: Samples, name: str, devices: Mesh | None = None) -> Samples:
    """Values that must be finite and positive everywhere.

    Args:
        values: An array, traced or not.
        name: What the message calls it.
        devices: Those that it is used on; None for one.

    Returns:
        The values; where they are traced, with a runtime check attached.

    Raises:
        ValueFault: If one is not (a `RuntimeError` at run time where they are traced).
    """
    now = known(values)
    if now is None:
        message = (
            f"`{name}` holds a NaN, an infinity or a value that is not positive. Check what the model was computed from, "
            "or bound the inversion."
        )
        return error_if(values, ~jnp.all(jnp.isfinite(values) & (values > 0)), message, devices)
    module = module_of(now)
    with jax.ensure_compile_time_eval():
        first = _first(module.atleast_1d(~(module.isfinite(now) & (now > 0))))
    if first is not None:
        node, count = first
        where = f"{np.asarray(now)[node]} at node {node} ({count} such nodes)" if now.ndim else f"{now}"
        raise ValueFault(f"`{name}` is {where}; it must be finite and positive: fill or clip the model.")
    return values


def finite(values: Samples, name: str, axes: tuple[str, ...], devices: Mesh | None = None) -> Samples:
    """Values that must be finite everywhere.

    Args:
        values: An array, traced or not.
        name: What the message calls it.
        axes: What its axes are.
        devices: Those that it is used on; None for one.

    Returns:
        The values; where they are traced, with a runtime check attached.

    Raises:
        ValueFault: If one is not (a `RuntimeError` at run time where they are traced).
    """
    now = known(values)
    if now is None:
        message = f"`{name}` holds a NaN or an infinity. Check what it was computed from."
        return error_if(values, ~jnp.all(jnp.isfinite(values)), message, devices)
    with jax.ensure_compile_time_eval():
        first = _first(~module_of(now).isfinite(now))
    if first is not None:
        place, count = first
        where = place[0] if len(place) == 1 else f"({', '.join(str(i) for i in place)})"
        raise ValueFault(
            f"`{name}` is {np.asarray(now)[place]} at ({', '.join(axes)}) = {where} ({count} such values); it must be finite: "
            "check what it was computed from."
        )
    return values


def shear(vs: Samples, vp: Samples, devices: Mesh | None = None) -> Samples:
    """S-wave speeds, which must be finite, not negative, and leave a bulk modulus rho (vp^2 - 4/3 vs^2) that is not.

    Args:
        vs: S-wave speeds [m/s], traced or not.
        vp: P-wave speeds [m/s] on the same nodes.
        devices: Those that they are used on; None for one.

    Returns:
        `vs`; where it or `vp` is traced, with a runtime check attached.

    Raises:
        ValueFault: If one is out of range (a `RuntimeError` at run time where they are traced).
    """
    limit, slack = math.sqrt(3) / 2, 1 + 1e-6
    repair = "Lower it, raise medium.vp, or bound the inversion; 0 is a fluid."
    now, fast = known(vs), known(vp)
    if now is None or fast is None:
        text = f"`medium.vs` holds a NaN, a negative value, or one above sqrt(3)/2 vp (negative bulk modulus). {repair}"
        return error_if(vs, ~jnp.all((vs >= 0) & (vs <= limit * slack * vp)), text, devices)
    with jax.ensure_compile_time_eval():
        first = _first(~((now >= 0) & (now <= limit * slack * fast)))
    if first is not None:
        node, count = first
        raise ValueFault(
            f"`medium.vs` is {np.asarray(now)[node]} at node {node} ({count} such nodes); it must lie between 0 and sqrt(3)/2 vp "
            f"= {limit * np.asarray(fast)[node]:.6g} m/s, where the bulk modulus vanishes. {repair}"
        )
    return vs


def stable(speed: Samples, name: str, grid: Grid, order: int, *, staggered: bool, devices: Mesh | None = None) -> Samples:
    """Wave speeds, which the grid must be able to carry (CFL).

    Args:
        speed: An array [m/s], traced or not.
        name: Of the parameter of the medium.
        grid: Space-time sampling.
        order: Spatial accuracy.
        staggered: Whether the scheme is staggered.
        devices: Those that they are used on; None for one.

    Returns:
        The speeds; where they are traced, with a runtime check attached.

    Raises:
        ValueFault: If one is too fast (a `RuntimeError` at run time where they are traced).
    """
    limit = fastest_speed(grid.spacing, grid.dt, order, staggered=staggered)
    spacing = ", ".join(f"{h:.6g}" for h in sorted(set(grid.spacing)))
    reason = (
        f"the fastest speed that grid.dt = {grid.dt:.6g} s carries at grid.spacing = {spacing} m is {limit:.6g} m/s "
        f"(order {order}, {len(grid.shape)}D, CFL)."
    )
    now = known(speed)
    if now is None:
        text = f"`medium.{name}` is too fast: {reason} Use a smaller grid.dt, a coarser grid, or bound the inversion."
        return error_if(speed, jnp.max(speed) > limit * (1 + 1e-6), text, devices)
    with jax.ensure_compile_time_eval():
        fastest = float(now.max())
    if fastest > limit * (1 + 1e-6):
        dt = 0.9995 * grid.dt * limit / fastest
        raise ValueFault(f"`medium.{name}` reaches {fastest:.6g} m/s; {reason} Use grid.dt <= {dt:.3g} s, or a coarser grid.")
    return speed


def inside(position: Samples, name: str, grid: Grid, devices: Mesh | None = None, *, guarding: Samples | None = None) -> Samples:
    """Positions that must lie on the grid.

    Args:
        position: `(shot, point, axis)` [m], traced or not.
        name: What the message calls it.
        grid: The model's grid; `adseis.experiment.grid.SLACK` of a cell beyond it is let pass.
        devices: Those that they are used on; None for one.
        guarding: What they were computed from and is used in their stead, to which the check is attached; None for themselves.

    Returns:
        The positions, or `guarding`; where they are traced, with a runtime check attached.

    Raises:
        ValueFault: If one does not (a `RuntimeError` at run time where they are traced).
    """
    text = f"the grid covers {grid.ranges()} m. Move it inside, or enlarge the grid."
    used = position if guarding is None else guarding
    now = known(position)
    if now is None:
        low, high = (jnp.asarray(x, position.dtype)[None, None, :] for x in grid.limits())
        outside = ~jnp.all((position >= low) & (position <= high))
        return error_if(used, outside, f"`{name}` has a point that is not on the grid, or a NaN; {text}", devices)
    bad = grid.outside(now)
    if bad is not None:
        where = ", ".join(f"{x:.6g}" for x in np.asarray(now)[bad])
        raise ValueFault(f"`{name}` of shot {bad[0]}, point {bad[1]} is at ({where}) m; {text}")
    return used


def _first(bad: Samples) -> tuple[tuple[int, ...], int] | None:
    """Index of the first bad node and the number of them, None if there is none; the array is fetched only then."""
    if not bool(bad.any()):
        return None
    where = np.argwhere(np.asarray(bad))
    return tuple(int(i) for i in where[0]), len(where)
