"""Damping layers (Cerjan et al. 1985, Geophysics 50, 705, doi:10.1190/1.1441945; here as a damping term of the equation)."""

import math

import equinox as eqx
import numpy as np

from adseis.experiment.sampling import fastest_speed
from adseis.waves.boundary import Boundary, Extended, check_layer


class Sponge(Boundary):
    """Layers of `width` cells outside the model in which the field decays as exp(-sigma t).

    sigma = sigma0 q^2 with q the depth into the layer over its thickness; sigma0 is set so that a wave of the reference speed
    that crosses the layer, is reflected at its end and crosses again keeps `reflection` of its amplitude. Simpler than `CPML`,
    and weaker at the same width.

    Use it as a second opinion on echoes of `CPML`, or for an equation that has no stretched derivatives. Do not use it where
    echoes matter and cells are dear, nor for waves that graze the layers.

    Attributes:
        width: Thickness in cells.
        reflection: Amplitude left after crossing the layer twice.
        reference_speed: Speed [m/s] for which it holds; by default 0.6 of the fastest that grid.dt carries.

    Raises:
        ValueError: If `width` is less than 1, `reflection` not between 0 and 1, or `reference_speed` not positive.

    References:
        Cerjan, C., Kosloff, D., Kosloff, R. & Reshef, M. (1985), Geophysics 50, 705-708, doi:10.1190/1.1441945

    Example:
        >>> ads.Sponge(width=30).extend(ads.Grid((51, 101), 10.0, 1e-3, 500), order=4, free_surface=False).core
        (111, 161)
    """

    width: int = eqx.field(default=40, static=True)
    reflection: float = eqx.field(default=1e-3, static=True)
    reference_speed: float | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        check_layer(self, "reference_speed")

    def damping(self, extended: Extended) -> np.ndarray:
        """sigma dt on the whole haloed grid, `(1, *haloed)`."""
        grid, extended = extended.grid, extended.whole
        speed = self.reference_speed or 0.6 * fastest_speed(grid.spacing, grid.dt, extended.order)
        total = np.zeros(extended.core)
        for axis, (low, high, n, h) in enumerate(zip(extended.low, extended.high, extended.core, grid.spacing, strict=True)):
            x = np.arange(n)
            q = np.maximum(np.maximum(low - x, x - (n - 1 - high)), 0) / self.width
            sigma = -1.5 * speed * math.log(self.reflection) / (self.width * h) * q**2
            total += np.expand_dims(sigma * grid.dt, tuple(i for i in range(total.ndim) if i != axis))
        return np.pad(total, extended.halo)[None]
