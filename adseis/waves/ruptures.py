"""Earthquake sources: double couples, and finite faults whose slip, timing and mechanism are differentiable."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.waves.faults import ValueFault, known
from adseis.waves.grid import Grid
from adseis.waves.medium import Samples, as_samples
from adseis.waves.sources import Emission, Source, checked_position, moment_emissions


def double_couple(strike: Any, dip: Any, rake: Any, moment: Any) -> Array:
    """Moment tensor of slip on a fault, in the axes (z, y, x) of a 3D grid with z down, x to the north and y to the east.

    M_ij = M0 (d_i n_j + d_j n_i), d the direction of slip of the hanging wall, n the normal of the fault (Aki & Richards 2002,
    box 4.4).

    Args:
        strike: Clockwise from north; the fault dips to the right of it [degrees].
        dip: From the horizontal [degrees].
        rake: Of the slip, from the strike upwards on the fault [degrees].
        moment: M0 [N m]; per metre of slip it is rigidity times area.

    Returns:
        M [N m], `(..., axis, axis)`, the shape before it that of the arguments, which may be arrays.
    """
    strike, dip, rake, moment = jnp.broadcast_arrays(*(jnp.asarray(x, float) for x in (strike, dip, rake, moment)))
    phi, delta, lam = (jnp.deg2rad(x) for x in (strike, dip, rake))
    along = [jnp.zeros_like(phi), jnp.sin(phi), jnp.cos(phi)]  # z, y, x
    up_dip = [-jnp.sin(delta), -jnp.cos(delta) * jnp.cos(phi), jnp.cos(delta) * jnp.sin(phi)]
    normal = jnp.stack([-jnp.cos(delta), jnp.sin(delta) * jnp.cos(phi), -jnp.sin(delta) * jnp.sin(phi)], -1)
    slip = jnp.stack([jnp.cos(lam) * a + jnp.sin(lam) * u for a, u in zip(along, up_dip, strict=True)], -1)
    both = slip[..., :, None] * normal[..., None, :]
    return moment[..., None, None] * (both + jnp.swapaxes(both, -1, -2))


class FiniteFault(Source):
    """A fault as a set of points that slip one after the other. Everything is differentiable.

    Point i releases the moment rate

        M_i s_i r(t - t_i; T_i),    r(t; T) = (1 - cos(2 pi t / T)) / T for 0 < t < T, else 0,

    r being of unit area.

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        slip: s [m], `(shot, source)`.
        rupture_time: t_i, when slip begins [s], `(shot, source)`.
        rise_time: T, how long it lasts [s], at least two time steps, `(shot, source)`.
        mechanism: M, moment per metre of slip [N m/m; N/m in 2D], symmetric, `(shot, source, axis, axis)`: rigidity times area
            times a unit tensor, as `double_couple(strike, dip, rake, rigidity * area)` makes it.
    """

    position: Float[Samples, "shot source axis"] = eqx.field(converter=as_samples)
    slip: Float[Samples, "#shot #source"] = eqx.field(converter=as_samples)
    rupture_time: Float[Samples, "#shot #source"] = eqx.field(converter=as_samples)
    rise_time: Float[Samples, "#shot #source"] = eqx.field(converter=as_samples)
    mechanism: Float[Samples, "#shot #source axis axis"] = eqx.field(converter=as_samples)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One moment per point and component."""
        position = checked_position(self.position, grid)
        for name in ("slip", "rupture_time", "rise_time"):
            shape = getattr(self, name).shape
            if len(shape) != 2 or any(a not in (1, b) for a, b in zip(shape, position.shape[:2], strict=True)):
                raise ValueError(f"`{name}` {shape} does not fit `position` {position.shape}: it must be (shot, source).")
        rise = known(self.rise_time)
        if rise is not None and not np.all(rise >= 2 * grid.dt):
            raise ValueFault(
                f"`rise_time` has {rise.min():.3g} s; below two time steps ({2 * grid.dt:.3g} s) slip is not resolved. Lengthen "
                "it, or use a smaller grid.dt."
            )
        return moment_emissions(position, jnp.broadcast_to(self.rate(grid), (*position.shape[:2], grid.nt)), self.mechanism)

    def rate(self, grid: Grid) -> Float[Array, "#shot #source time"]:
        """Slip rates.

        Args:
            grid: Space-time sampling.

        Returns:
            s r(t - t_i; T) [m/s] at t = k dt.
        """
        slip, begin, rise = (jnp.asarray(x)[..., None] for x in (self.slip, self.rupture_time, self.rise_time))
        phase = (jnp.asarray(grid.times, begin.dtype)[None, None, :] - begin) / rise
        slipping = (phase > 0) & (phase < 1)
        return jnp.where(slipping, slip / rise * (1 - jnp.cos(2 * np.pi * phase)), 0)
