"""Space-time sampling."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jax.typing import ArrayLike as Numbers
from numpy.typing import ArrayLike

from adseis.experiment import sampling
from adseis.experiment.clock import Clock

PerAxis = Numbers | Sequence[float]
"""A number for all axes, or one for each."""

SLACK = 1e-4
"""Part of a cell that a position may lie beyond the grid, for rounding."""


def _tuple(name: str, value: Any, length: int) -> tuple[float, ...]:
    values = (float(value),) * length if np.ndim(value) == 0 else tuple(float(v) for v in value)
    if len(values) != length:
        raise ValueError(
            f"`{name}` = {value} has {len(values)} entries; the grid has {length} axes: give one number or {length}."
        )
    if not all(math.isfinite(v) for v in values):
        raise ValueError(f"`{name}` = {value} must be finite.")
    return values


def _warn_of_frequency(frequency: float | None, slowest: float, spacing: tuple[float, ...], order: int) -> None:
    highest = sampling.resolved_frequency(slowest, spacing, order)
    if frequency is not None and frequency > 1.001 * highest:
        fine = max(spacing) * highest / frequency
        warnings.warn(
            f"`spacing` = {max(spacing):.6g} m is too coarse for `frequency` = {frequency:.4g} Hz: of order {order} it resolves "
            f"a Ricker wavelet of {highest:.3g} Hz where waves run {slowest:.6g} m/s. Use {fine:.3g} m (`ads.resample_model` "
            "samples the medium anew), a lower frequency or a higher order.",
            stacklevel=3,
        )


class Grid(Clock):
    """Regular sampling of space and time: static, hashable.

    Node (i, j) lies at origin + (i, j) * spacing; sample k at t = k dt. Axes are (z, x) or (z, y, x), z down.

    Warning:
        The first axis is depth and z points down: arrays are `[z, x]` or `[z, y, x]`, shapes `(nz, nx)` or `(nz, ny, nx)`,
        positions `(z, x)` or `(z, y, x)`, never x first.

    Attributes:
        shape: Number of nodes per axis.
        spacing: Distance of nodes per axis [m]; one number serves all axes.
        dt: Time step [s].
        nt: Number of samples.
        origin: Position of node 0 [m].

    Raises:
        ValueError: If a number is not positive or the lengths disagree.

    Example:
        >>> grid = ads.Grid(shape=(11, 21), spacing=10.0, dt=1e-3, nt=500)
        >>> grid.extent  # of z and of x [m]
        (100.0, 200.0)
        >>> grid.coordinates(1)[:3]  # x of the first nodes [m]
        array([ 0., 10., 20.])
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    spacing: tuple[float, ...] = eqx.field(static=True)
    origin: tuple[float, ...] = eqx.field(static=True)

    def __init__(self, shape: Sequence[int], spacing: PerAxis, dt: float, nt: int, origin: PerAxis = 0.0) -> None:
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

    def limits(self, margin: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Where a position counts as on the grid; `SLACK` of a cell beyond it is let pass, for rounding.

        Args:
            margin: Least distance from the edges [m].

        Returns:
            Least and greatest coordinates [m], each `(axis,)`.
        """
        low, slack = np.array(self.origin), SLACK * np.array(self.spacing)
        return low + margin - slack, low + np.array(self.extent) - margin + slack

    def outside(self, positions: ArrayLike, margin: float = 0.0) -> tuple[int, ...] | None:
        """The first position that is not on the grid.

        Args:
            positions: Known positions [m], `(..., axis)`.
            margin: Least distance from the edges [m].

        Returns:
            Its index, or None if all are on the grid; a NaN is not.
        """
        low, high = self.limits(margin)
        places = np.asarray(positions)
        shape = (1,) * (places.ndim - 1) + (-1,)
        bad = np.argwhere(~np.all((places >= low.reshape(shape)) & (places <= high.reshape(shape)), axis=-1))
        return tuple(int(i) for i in bad[0]) if len(bad) else None

    def ranges(self, margin: float = 0.0) -> str:
        """What the grid covers, for messages: "z from 0 to 300, x from 0 to 400".

        Args:
            margin: Distance from the edges that is left out [m].

        Returns:
            The text, in metres.
        """
        ends = zip("zx" if len(self.shape) == 2 else "zyx", self.origin, self.extent, strict=True)
        return ", ".join(f"{name} from {o + margin:.6g} to {o + e - margin:.6g}" for name, o, e in ends)

    @classmethod
    def suggest(
        cls,
        medium: Any = None,
        frequency: float | None = None,
        *,
        speeds: tuple[float, float] | None = None,
        shape: Sequence[int] | None = None,
        spacing: PerAxis | None = None,
        extent: Sequence[float] | None = None,
        duration: float | None = None,
        order: int = 4,
    ) -> "Grid":
        """A spacing that resolves the slowest wave and a time step that carries the fastest.

        The spacing gives the shortest wavelength min(speed) / (2.5 frequency), where the spectrum of a Ricker wavelet has fallen
        to 3.3 % of its peak, the points that `order` needs; dt is 0.7 of the CFL limit.

        Args:
            medium: The Earth parameters, sampled in any way; only the range of wave speeds (and, without `shape` and `extent`,
                the shape) is used, so the values must be known, not traced. None where `speeds` are given.
            frequency: Peak frequency of the source [Hz]. It may be left out where `spacing` is given.
            speeds: Slowest and fastest wave speed [m/s], in place of a medium.
            shape: Number of nodes per axis; by default the medium's.
            spacing: Distance of nodes per axis [m], which is then kept; one number serves all axes.
            extent: Size of the model per axis [m], in place of a shape.
            duration: Length of the record [s]; by default twice the time that the slowest wave needs along the diagonal.
            order: Spatial accuracy that the simulation will use.

        Returns:
            The grid. Where its spacing is not that of the medium's samples, the medium has to be resampled onto it
            (`ads.resample_model`): arrays know no spacing.

        Raises:
            ValueError: If speeds or `frequency` are not positive, or too little or too much is given.

        Warns:
            UserWarning: If a `spacing` that is given does not resolve the `frequency`, or the speeds look like km/s.

        Example:
            >>> ads.Grid.suggest(speeds=(1500.0, 3000.0), frequency=10.0, shape=(101, 201), duration=1.0)
            Grid(...shape=(101, 201), spacing=(12.0, 12.0)...)
            >>> vp = np.full((81, 161), 2000.0)  # sampled every 12.5 m: dt and nt are sought
            >>> grid = ads.Grid.suggest(ads.ScalarMedium(vp), 10.0, spacing=12.5, duration=0.9)
            >>> grid.spacing, round(grid.dt, 5), grid.nt
            ((12.5, 12.5), 0.00265, 341)
        """
        if (medium is None) == (speeds is None):
            raise ValueError("give either a `medium` or `speeds` = (slowest, fastest) [m/s].")
        slowest, fastest = (medium.slowest, medium.fastest) if speeds is None else map(float, speeds)
        if not (0 < slowest <= fastest < math.inf):
            named = "`medium` has" if speeds is None else "`speeds` are"
            raise ValueError(f"{named} wave speeds from {slowest} to {fastest} m/s; they must be positive and finite.")
        if spacing is None and frequency is None:
            raise ValueError("`frequency` [Hz] is needed, unless `spacing` is given.")
        if frequency is not None and not (math.isfinite(frequency) and frequency > 0):
            raise ValueError(f"`frequency` = {frequency} Hz must be positive.")
        if shape is not None and extent is not None:
            raise ValueError(f"`shape` = {shape} and `extent` = {extent} m say the same: give one of them.")
        if shape is None and extent is None and medium is None:
            raise ValueError("`speeds` do not say how large the model is: give `shape` (nodes) or `extent` [m].")
        nodes = tuple(medium.shape if shape is None else shape) if extent is None else ()
        if spacing is None:
            spacing = slowest / (sampling.RICKER_BANDWIDTH * (frequency or math.nan)) / sampling.POINTS_PER_WAVELENGTH[order]
        steps = _tuple("spacing", spacing, len(nodes if extent is None else extent))
        if not sampling.warn_of_kilometres(fastest, stacklevel=3):
            _warn_of_frequency(frequency, slowest, steps, order)
        if extent is not None:
            nodes = tuple(math.ceil(x / h) + 1 for x, h in zip(extent, steps, strict=True))
        dt = 0.7 * sampling.fastest_speed(steps, 1.0, order) / fastest
        diagonal = math.hypot(*(h * (n - 1) for n, h in zip(nodes, steps, strict=True)))
        length = 2 * diagonal / slowest if duration is None else duration
        return cls(nodes, steps, dt, max(1, math.ceil(length / dt) + 1))
