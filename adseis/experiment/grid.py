"""Space-time sampling."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np

from adseis.experiment import sampling
from adseis.experiment.clock import Clock


def _tuple(name: str, value: Any, length: int) -> tuple[float, ...]:
    values = tuple(float(v) for v in (value if isinstance(value, Sequence | np.ndarray) else (value,) * length))
    if len(values) != length:
        raise ValueError(
            f"`{name}` = {value} has {len(values)} entries; the grid has {length} axes: give one number or {length}."
        )
    if not all(math.isfinite(v) for v in values):
        raise ValueError(f"`{name}` = {value} must be finite.")
    return values


class Grid(Clock):
    """Regular sampling of space and time: static, hashable.

    Node (i, j) lies at origin + (i, j) * spacing; sample k at t = k dt. Axes are (z, x) or (z, y, x), z down.

    Attributes:
        shape: Number of nodes per axis.
        spacing: Distance of nodes per axis [m]; one number serves all axes.
        dt: Time step [s].
        nt: Number of samples.
        origin: Position of node 0 [m].

    Raises:
        ValueError: If a number is not positive or the lengths disagree.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    spacing: tuple[float, ...] = eqx.field(static=True)
    origin: tuple[float, ...] = eqx.field(static=True)

    def __init__(
        self, shape: Sequence[int], spacing: float | Sequence[float], dt: float, nt: int, origin: float | Sequence[float] = 0.0
    ) -> None:
        self.shape = tuple(int(n) for n in shape)
        if len(self.shape) not in (2, 3) or any(n != m or n < 1 for n, m in zip(self.shape, shape, strict=True)):
            raise ValueError(f"`shape` = {tuple(shape)} must be (nz, nx) or (nz, ny, nx), whole positive numbers of nodes.")
        self.spacing = _tuple("spacing", spacing, len(self.shape))
        self.origin = _tuple("origin", origin, len(self.shape))
        self.dt, self.nt = dt, nt
        if min(self.spacing) <= 0:
            raise ValueError(f"`spacing` = {spacing} m must be positive.")

    @property
    def extent(self) -> tuple[float, ...]:
        """Distance from the first to the last node per axis [m]."""
        return tuple((n - 1) * h for n, h in zip(self.shape, self.spacing, strict=True))

    def coordinates(self, axis: int) -> np.ndarray:
        """Positions of the nodes along one axis.

        Args:
            axis: 0 for z, the last for x.

        Returns:
            Positions [m], `(shape[axis],)`.
        """
        return self.origin[axis] + np.arange(self.shape[axis]) * self.spacing[axis]

    @classmethod
    def suggest(
        cls,
        medium: Any,
        frequency: float,
        *,
        extent: Sequence[float] | None = None,
        duration: float | None = None,
        order: int = 4,
    ) -> "Grid":
        """A spacing that resolves the slowest wave and a time step that carries the fastest.

        The spacing gives the shortest wavelength min(speed) / (2.5 frequency), where the spectrum of a Ricker wavelet has fallen
        to 3.3 % of its peak, the points that `order` needs; dt is 0.7 of the CFL limit.

        Args:
            medium: The Earth parameters, sampled in any way; only the range of wave speeds (and, without `extent`, the shape) is
                used, so the values must be known, not traced.
            frequency: Peak frequency of the source [Hz].
            extent: Size of the model per axis [m]; by default the medium's own nodes are kept and only the spacing is suggested.
            duration: Length of the record [s]; by default twice the time that the slowest wave needs along the diagonal.
            order: Spatial accuracy that the simulation will use.

        Returns:
            The grid. With `extent`, the medium has to be resampled onto it.

        Raises:
            ValueError: If the medium's speeds or `frequency` are not positive.
        """
        slowest, fastest, shape = medium.slowest, medium.fastest, medium.shape
        if not (math.isfinite(frequency) and frequency > 0):
            raise ValueError(f"`frequency` = {frequency} Hz must be positive.")
        if not (0 < slowest <= fastest < math.inf):
            raise ValueError(f"`medium` has wave speeds from {slowest} to {fastest} m/s; they must be positive and finite.")
        spacing = slowest / (sampling.RICKER_BANDWIDTH * frequency) / sampling.POINTS_PER_WAVELENGTH[order]
        if extent is not None:
            shape = tuple(math.ceil(length / spacing) + 1 for length in extent)
        dt = 0.7 * sampling.fastest_speed((spacing,) * len(shape), 1.0, order) / fastest
        if duration is None:
            duration = 2 * spacing * math.hypot(*(n - 1 for n in shape)) / slowest
        return cls(shape, spacing, dt, max(1, math.ceil(duration / dt) + 1))
