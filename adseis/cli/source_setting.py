"""Where sources are sought: a known medium, stations around it, and a clock. Shared by the problems of sources."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from adseis.cli.options import InversionOptions, Solver
from adseis.data.layered_crust import layered_crust
from adseis.experiment.grid import Grid
from adseis.experiment.sampling import resolved_frequency
from adseis.experiment.sources import Source
from adseis.experiment.survey import Survey
from adseis.objectives.bands import Band
from adseis.viz.sections import plot_section


@dataclass(frozen=True)
class Stations:
    """Where waves of a source are recorded: at --depth, and in a borehole down either side.

    Attributes:
        surface: Stations along the surface.
        boreholes: Stations in each of the two boreholes, evenly down to nine tenths of the depth; 0 for none.
    """

    surface: int = 24
    boreholes: int = 8


class Setting(NamedTuple):
    """A medium with stations.

    Attributes:
        name: For titles.
        vp: P-wave speed [m/s], `(z, x)`.
        slowest: The slowest wave's speed [m/s]: S in a solid.
        grid: Space-time sampling.
        receivers: `(receiver, axis)` [m].
        frequency: Highest peak frequency of a source that the grid resolves, or what was asked for [Hz].
        simulate: From a source to its gathers; a tuple of both components in a solid.
        solver: Which simulates them.
        units: Of each record.
        fields: What each record is, as `record` of the simulations names it.
        records: The same, for labels.
    """

    name: str
    vp: np.ndarray
    slowest: float
    grid: Grid
    receivers: np.ndarray
    frequency: float
    simulate: Callable[[Source], Any]
    solver: Solver
    units: tuple[str, ...]
    fields: tuple[str, ...]
    records: tuple[str, ...]

    def place(self, down: float, along: float) -> np.ndarray:
        """A point by shares of the section.

        Args:
            down: Share of its depth.
            along: Share of its width.

        Returns:
            `(axis,)` [m].
        """
        return np.array(self.grid.origin) + np.array([down, along]) * np.array(self.grid.extent)

    @property
    def margin(self) -> float:
        """Least distance of a sought source from the edges [m]."""
        return 2 * max(self.grid.spacing)

    def event(self, name: str, point: Any) -> np.ndarray:
        """A point as the position of one source of one event.

        Args:
            name: Of the option, for messages.
            point: `(axis,)` [m].

        Returns:
            `(shot, source, axis)`.

        Raises:
            ValueError: If it is outside the medium or within the margin.
        """
        if self.grid.outside(np.asarray(point), self.margin) is not None:
            raise ValueError(f"`{name}` = {tuple(map(float, point))} m must lie within {self.grid.ranges(self.margin)} m.")
        return np.asarray(point, "float32")[None, None]

    def cells(self, one: Any, other: Any) -> float:
        """Distance between two positions of a source.

        Args:
            one: `(shot, source, axis)` [m].
            other: Likewise.

        Returns:
            The distance [cells].
        """
        return float(np.linalg.norm((np.asarray(one) - np.asarray(other)) / self.grid.spacing))

    def reach(self, band: Band) -> float:
        """A fifth of the shortest wavelength of a band [m].

        Args:
            band: The band.

        Returns:
            The length.
        """
        return 0.2 * self.slowest / (band.corner or 2.5 * self.frequency)

    def plot_search(self, true: np.ndarray, start: np.ndarray, found: np.ndarray) -> Figure:
        """The section with stations and source.

        Args:
            true: Position of the source, `(shot, source, axis)` [m].
            start: Where the search started, likewise.
            found: Where it ended, likewise.

        Returns:
            The figure.
        """
        points, title = {"sources": true, "receivers": self.receivers}, "source (star), start (o), found (+)"
        figure = plot_section(self.vp, self.grid.spacing, label="vp [m/s]", title=title, points=points)
        for point, look in ((start, "wo"), (found, "k+")):
            figure.axes[0].plot(*(1e-3 * np.asarray(point)[0, 0, ::-1]), look, markersize=8, zorder=4)
        return figure


def make_setting(config: InversionOptions, stations: Stations) -> Setting:
    """The model that is asked for, or the layered crust, as the medium around a source.

    Args:
        config: Model, physics, frequency, depth of the stations, length of the record.
        stations: How many there are.

    Returns:
        The setting.

    Raises:
        FileNotFoundError: If the model file does not exist.
        ValueError: If an option or a file cannot be right.
    """
    if stations.surface < 0 or stations.boreholes < 0 or stations.surface + stations.boreholes < 1:
        raise ValueError(f"`stations` = {stations.surface}, {stations.boreholes}: at least one must record.")
    if config.model is None:
        vp, spacing, name = layered_crust(shape=(36, 60))[1], (250.0, 250.0), "layered crust"
    else:
        model = config.read(config.model)
        vp, spacing, name = model.values, model.spacing, config.model.stem
    if vp.ndim != 2:
        raise ValueError(f"`{config.model}` has axes {vp.shape}; sources are sought in 2D models (z, x).")
    speeds = config.shear_speed(vp) if config.physics == "elastic" else vp
    slowest = float(speeds[speeds > 0].min())
    frequency = config.frequency or resolved_frequency(slowest, spacing, config.order)
    span = [h * (n - 1) for h, n in zip(spacing, vp.shape, strict=True)]
    duration = 3 / frequency + float(np.hypot(*span)) / slowest if config.duration is None else config.duration
    grid = Grid.suggest(
        speeds=(float(vp.min()), float(1.15 * vp.max())),  # headroom
        frequency=frequency,
        shape=vp.shape,
        spacing=spacing,
        duration=duration,
        order=config.order,
    )
    solver = config.solver(vp, components=("vz", "vx"))
    receivers = _places(stations, config.depth, grid)
    solid = config.physics == "elastic"
    return Setting(
        name=name,
        vp=vp,
        slowest=slowest,
        grid=grid,
        receivers=receivers,
        frequency=frequency,
        simulate=lambda source: solver.gathers(vp, Survey(source, receivers), grid),
        solver=solver,
        units=("m/s", "m/s") if solid else (config.recorded_unit,),
        fields=("vz", "vx") if solid else (config.field,),
        records=("vz [m/s]", "vx [m/s]") if solid else (config.recorded,),
    )


def _places(stations: Stations, depth: float | None, grid: Grid) -> np.ndarray:
    """Positions of the stations."""
    (down, across), (dz, dx) = grid.extent, grid.spacing
    top = dz if depth is None else depth
    if grid.outside(np.array([top, 0.0])) is not None:
        raise ValueError(f"`depth` = {depth} m is not within the model, which is {down:.6g} m deep.")
    along = np.linspace(2 * dx, across - 2 * dx, stations.surface)
    rows = [np.stack([np.full(stations.surface, top), along], -1)]
    depths = np.linspace(top, 0.9 * down, stations.boreholes + 1)[1:]
    rows += [np.stack([depths, np.full(stations.boreholes, x)], -1) for x in (2 * dx, across - 2 * dx)]
    return np.concatenate(rows).astype("float32")
