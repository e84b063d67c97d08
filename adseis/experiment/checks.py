"""Faults in values: found at once where the values are known, by one runtime check before the time loop where they are traced."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh

from adseis.experiment.grid import Grid
from adseis.experiment.medium import Samples
from adseis.experiment.sampling import fastest_speed
from adseis.parallel.shots import error_if


class ValueFault(ValueError, RuntimeError):
    """A bad value. Under `jit` the same fault is a plain `RuntimeError`: catch that to catch both."""


def known(values: Any) -> np.ndarray | None:
    """The values if they are known now.

    Args:
        values: An array, traced or not.

    Returns:
        The values, None if they are traced.
    """
    if not isinstance(values, Tracer):
        return np.asarray(values)
    try:  # under an eager `jax.grad` the values are there, behind a tracer
        return np.asarray(jax.lax.stop_gradient(values))
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
        return None


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
    bad = ~(np.isfinite(now) & (now > 0))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueFault(
            f"`{name}` is {now[first]} at node {first} ({int(bad.sum())} such nodes); it must be finite and positive: "
            "fill or clip the model."
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
    bad = ~((now >= 0) & (now <= limit * slack * fast))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueFault(
            f"`medium.vs` is {now[first]} at node {first} ({int(bad.sum())} such nodes); it must lie between 0 and sqrt(3)/2 vp "
            f"= {limit * fast[first]:.6g} m/s, where the bulk modulus vanishes. {repair}"
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
        grid: The model's grid; a ten-thousandth of a cell beyond it is let pass.
        devices: Those that they are used on; None for one.
        guarding: What they were computed from and is used in their stead, to which the check is attached; None for themselves.

    Returns:
        The positions, or `guarding`; where they are traced, with a runtime check attached.

    Raises:
        ValueFault: If one does not (a `RuntimeError` at run time where they are traced).
    """
    low, extent = np.array(grid.origin), np.array(grid.extent)
    slack = 1e-4 * np.array(grid.spacing)
    low, high = low - slack, low + extent + slack
    text = f"the grid covers {_ranges(grid)} m. Move it inside, or enlarge the grid."
    used = position if guarding is None else guarding
    now = known(position)
    if now is None:
        cast = lambda x: jnp.asarray(x, position.dtype)[None, None, :]  # noqa: E731
        outside = ~jnp.all((position >= cast(low)) & (position <= cast(high)))
        return error_if(used, outside, f"`{name}` has a point that is not on the grid, or a NaN; {text}", devices)
    bad = ~np.all((now >= low[None, None, :]) & (now <= high[None, None, :]), axis=-1)
    if bad.any():
        shot, point = (int(i) for i in np.argwhere(bad)[0])
        where = ", ".join(f"{x:.6g}" for x in now[shot, point])
        raise ValueFault(f"`{name}` of shot {shot}, point {point} is at ({where}) m; {text}")
    return used


def _ranges(grid: Grid) -> str:
    names = "zx" if len(grid.shape) == 2 else "zyx"
    return ", ".join(f"{n} from {o:.6g} to {o + e:.6g}" for n, o, e in zip(names, grid.origin, grid.extent, strict=True))
