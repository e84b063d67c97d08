"""Earthquake sources: double couples, and finite faults whose slip, timing and mechanism are differentiable."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.experiment.checks import Samples, ValueFault, as_samples, finite, known
from adseis.experiment.grid import Grid
from adseis.experiment.sources import Emission, Source, checked_position, moment_emissions


class FiniteFault(Source):
    """A fault as a set of points that slip one after the other. Everything is differentiable.

    Point i releases the moment rate

        M_i s_i r(t - t_i; T_i),    r(t; T) = (1 - cos(2 pi t / T)) / T for 0 < t < T, else 0,

    r being of unit area.

    Warning:
        The mechanism is in the order (z, y, x) of the axes, z down, as of `MomentTensor`; its size is the moment per metre of
        slip, not the moment.

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        slip: s [m], `(shot, source)`.
        rupture_time: t_i, when slip begins [s], `(shot, source)`.
        rise_time: T, how long it lasts [s], at least two time steps, `(shot, source)`.
        mechanism: M, moment per metre of slip [N m/m; N/m in 2D], symmetric, `(shot, source, axis, axis)`: rigidity times area
            times a unit tensor, as `double_couple(strike, dip, rake, rigidity * area)` makes it.

    Example:
        >>> along = np.arange(3.0)[None]  # three points of one shot, that slip half a metre one after the other
        >>> position = np.stack([np.full_like(along, 50.0), np.full_like(along, 60.0), 30.0 + 20 * along], -1)
        >>> mechanism = ads.double_couple(90.0, 60.0, 90.0, 3e10 * 400.0)[None, None]  # rigidity times area
        >>> fault = ads.FiniteFault(position, [[0.5]], 0.01 * along, [[0.05]], mechanism)
        >>> fault.rate(ads.Grid((11, 13, 11), 10.0, 1e-3, 100)).shape
        (1, 3, 100)
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
            if known(getattr(self, name)) is not None:
                finite(getattr(self, name), name, ("shot", "source"))
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
