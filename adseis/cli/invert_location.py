"""`adseis invert --problem location`: where a source was and what it emitted, from a random start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from adseis.cli.invert_source import Callback, SourceProblem, Unknowns
from adseis.cli.options import InversionOptions
from adseis.cli.source_setting import Setting
from adseis.experiment.sources import Explosion, Source
from adseis.inversion.location import gaussian_source, locate
from adseis.optimizers.minimize import Result
from adseis.viz.curves import plot_curve
from adseis.wavelets import ricker


@dataclass(frozen=True)
class LocationOptions:
    """The source of --problem location.

    Attributes:
        position: Where it is: depth, distance [m]; by default at two thirds of the depth, between nodes.
        start: Where the search starts [m]; by default anywhere, by --seed.
        width: Standard deviation of a source spread by a Gaussian [m]; 0 for a point.
    """

    position: tuple[float, float] | None = None
    start: tuple[float, float] | None = None
    width: float = 0.0


class LocationProblem(SourceProblem):
    """A volume source of unknown position and time function."""

    name = "location"
    title = "Location of a source"
    axes: Mapping[str, tuple[str, str]] = {"position": ("m", "shot source axis"), "time_function": ("1", "shot source time")}
    labels: Mapping[str, str] = {
        "position_error": "position error (cells)",
        "time_function_error": "time function error (% of its peak)",
    }

    def __init__(self, options: LocationOptions, setting: Setting, config: InversionOptions):
        """Place source and start.

        Args:
            options: The source.
            setting: Medium, stations and clock.
            config: The other options; the seed is of the start.

        Raises:
            ValueError: If the source is off the grid, or its width negative.
        """
        if options.width < 0:
            raise ValueError(f"`location.width` = {options.width} m must not be negative.")
        self.setting, self._width = setting, options.width
        anywhere = np.random.default_rng([config.seed, 1]).uniform(0.15, 0.85, 2)
        position = setting.event("location.position", options.position or setting.place(0.671, 0.417))
        self._start = setting.event("location.start", options.start or setting.place(*anywhere))
        f, nt, dt = setting.frequency, setting.grid.nt, setting.grid.dt
        pulses = ricker(f, nt, dt, delay=2.6 / f) - 0.6 * ricker(0.8 * f, nt, dt, delay=1.6 / f)
        self.true: Unknowns = {"position": position, "time_function": np.asarray(pulses, "float32")[None, None]}
        self.corners = (f / 3, 2 * f / 3)

    @property
    def text(self) -> str:
        """What is sought."""
        away = self.setting.cells(self._start, self.true["position"])
        return f"The search starts {away:.3g} cells from the source, with a time function of zeros."

    def source(self, x: Unknowns) -> Source:
        """A point, or a Gaussian."""
        position, time_function = x["position"], x["time_function"]
        if not self._width:
            return Explosion(position, time_function)
        return gaussian_source(position, time_function, self.setting.grid, width=self._width)

    def find(self, observed: Any, callback: Callback, **options: Any) -> tuple[Unknowns, Result]:
        """Position and time function together."""
        found = locate(
            lambda position, time_function: self.forward({"position": position, "time_function": time_function}),
            observed,
            self._start,
            self.setting.grid,
            reach=self.setting.reach(options["bands"][0]),
            margin=self.setting.margin,
            callback=callback,
            **options,
        )
        return {"position": found.position, "time_function": found.time_function}, found.result

    def errors(self, x: Unknowns) -> dict[str, float]:
        """Distance in cells, and the largest error of the time function."""
        true = self.true["time_function"]
        changed = np.abs(np.asarray(x["time_function"]) - true).max() / np.abs(true).max()
        return {
            "position_error": self.setting.cells(x["position"], self.true["position"]),
            "time_function_error": 100 * float(changed),
        }

    def draw(self, x: Unknowns) -> dict[str, Figure]:
        """The section with source and start, and the time functions."""
        section = self.setting.plot_search(self.true["position"], self._start, x["position"])
        functions = {"true": self.true["time_function"][0, 0], "found": np.asarray(x["time_function"])[0, 0]}
        curves = plot_curve(
            functions, x=dict.fromkeys(functions, self.setting.grid.times), xlabel="time [s]", ylabel="time function", log=False
        )
        return {"location": section, "time_function": curves}
