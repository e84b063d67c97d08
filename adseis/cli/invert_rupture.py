"""`adseis invert --problem rupture`: what the points of a fault did, by free histories or by Gaussian ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from adseis.cli.invert_source import Callback, SourceProblem, Unknowns
from adseis.cli.options import InversionOptions
from adseis.cli.source_setting import Setting
from adseis.experiment.sources import Explosion, MomentTensor, Source
from adseis.inversion.green_functions import green_functions
from adseis.inversion.rupture import gaussian_histories, invert_rupture, invert_slip_history
from adseis.optimizers.minimize import Result
from adseis.viz.gathers import plot_gathers, plot_wiggles
from adseis.viz.sections import plot_section


@dataclass(frozen=True)
class RuptureOptions:
    """The fault of --problem rupture.

    Attributes:
        form: What is sought: the whole history of every point, or its rupture time and amount of a Gaussian history.
        points: Points along the fault, evenly spaced.
        ends: Depth and distance of its first point, then of its last [m]; by default half the width, at half the depth and below.
        speed: Speed of the rupture from the first point on [m/s]; by default four fifths of the slowest wave's.
        width: Standard deviation of a Gaussian history [s]; by default the shortest that the grid resolves.
        smooth_time: Smoothness of histories in time [s]; by default a third of a time step, with noise three steps.
        smooth_along: Smoothness of histories along the fault.
    """

    form: Literal["history", "gaussian"] = "history"
    points: int = 6
    ends: tuple[float, float, float, float] | None = None
    speed: float | None = None
    width: float | None = None
    smooth_time: float | None = None
    smooth_along: float = 0.0


class RuptureProblem(SourceProblem):
    """A line of points: explosions in a fluid, slip along the line in a solid."""

    name = "rupture"
    corners: tuple[float, ...] = ()

    def __init__(self, options: RuptureOptions, setting: Setting, config: InversionOptions):
        """Place the fault and let it rupture.

        Args:
            options: The fault.
            setting: Medium, stations and clock.
            config: The other options; with noise histories are smoother.

        Raises:
            ValueError: If the fault leaves the grid or the record, or a number cannot be right.
        """
        self.setting, self._options, grid = setting, options, setting.grid
        if options.points < 1:
            raise ValueError(f"`rupture.points` = {options.points} must be at least 1.")
        ends = np.array(options.ends or [*setting.place(0.5, 0.25), *setting.place(0.65, 0.75)]).reshape(2, 2)
        if grid.outside(ends) is not None:
            raise ValueError(f"`rupture.ends` = {tuple(ends.ravel().tolist())} m leave the model, {grid.ranges()} m.")
        self._points = np.linspace(ends[0], ends[1], options.points).astype("float32")[None]
        speed = 0.8 * setting.slowest if options.speed is None else options.speed
        shortest = 1 / (6 * setting.frequency)  # of a Gaussian of which 3 % are left at 2.5 times the frequency
        self._width = shortest if options.width is None else options.width
        if not (speed > 0 and self._width > 0):
            raise ValueError(f"`rupture.speed` = {speed} m/s and `rupture.width` = {self._width} s must be positive.")
        along = np.linalg.norm(ends[1] - ends[0]) * np.linspace(0, 1, options.points)
        time = 5 * self._width + along / speed
        last = time[-1] + 9 * self._width
        if last > grid.times[-1]:
            record = f"after the record of {grid.times[-1]:.3g} s"
            raise ValueError(f"the rupture ends at {last:.3g} s, {record}: raise `duration` or `rupture.speed`.")
        amount = 1 + 0.4 * np.sin(2.3 * np.arange(options.points))
        rate = gaussian_histories(time, amount, grid, width=self._width)
        self._gaussian = options.form == "gaussian"
        if not self._gaussian:  # a second, slower pulse
            rate = rate + gaussian_histories(time + 4 * self._width, 0.5 * amount, grid, width=1.3 * self._width)
        self.true: Unknowns = {"rate": np.asarray(rate, "float32"), "amount": np.asarray(rate.sum(1) * grid.dt)}
        self.title = "Slip histories of a fault" if not self._gaussian else "Rupture times and amounts of a fault"
        self.axes: Mapping[str, tuple[str, str]] = {"rate": ("1/s", "source time"), "amount": ("1", "source")}
        self.labels: Mapping[str, str] = {
            "history_error": "slip history error (% of their norm)",
            "amount_error": "largest error of an amount (%)",
        }
        if self._gaussian:
            self.true |= {"time": time}
            self.axes = self.axes | {"time": ("s", "source")}
            self.labels = self.labels | {"time_error": "largest error of a rupture time (samples)"}
        self._smooth_time = (3 * grid.dt if config.noise else None) if options.smooth_time is None else options.smooth_time

    @property
    def text(self) -> str:
        """What is sought."""
        between = np.linalg.norm(self._points[0, -1] - self._points[0, 0]) / max(self._options.points - 1, 1)
        shortest = self.setting.slowest / (2.5 * self.setting.frequency)
        what = "Times and amounts of Gaussian histories are" if self._gaussian else "The whole history of every point is"
        return (
            f"{what} sought, from silence. {self._options.points} points are {between:.4g} m apart; the shortest wavelength is "
            f"{shortest:.4g} m, half of which can be told apart."
        )

    def source(self, x: Unknowns) -> Source:
        """Points with histories."""
        rate = jnp.asarray(x["rate"], "float32")[None]
        if len(self.setting.records) == 1:
            return Explosion(self._points, rate)
        down, along = (self._points[0, -1] - self._points[0, 0]) if len(self._points[0]) > 1 else (0.0, 1.0)
        slip = np.array([down, along]) / np.hypot(down, along)
        normal = slip[::-1] * [1, -1]
        moment = 1e12 * (np.outer(slip, normal) + np.outer(normal, slip))  # per metre of slip: 30 GPa over some 30 m
        moments = np.broadcast_to(moment, (*self._points.shape, 2)).astype("float32")
        return MomentTensor(self._points, rate, moments)

    def find(self, observed: Any, callback: Callback, **options: Any) -> tuple[Unknowns, Result]:
        """By Green's functions: a simulation a point, made again by a run that is continued."""
        grid, count = self.setting.grid, self._options.points
        print(f"{count} Green's functions ...")
        green = green_functions(lambda rate: self.forward({"rate": rate}), count, grid, dtype="float32")
        if self._gaussian:

            def of_gaussians(iteration: int, x: Unknowns, value: float) -> None:
                callback(iteration, x | {"rate": self._rate(x)}, value)

            found = invert_rupture(green, observed, count, grid, width=self._width, callback=of_gaussians, **options)
            return {"rate": found.rate, "amount": found.amount, "time": found.time}, found.result

        def of_histories(iteration: int, rate: Any, value: float) -> None:
            callback(iteration, self._histories(rate), value)

        smooth = {"smooth_time": self._smooth_time, "smooth_along": self._options.smooth_along}
        history = invert_slip_history(green, observed, count, grid, callback=of_histories, **smooth, **options)
        return self._histories(history.rate), history.result

    def errors(self, x: Unknowns) -> dict[str, float]:
        """Of histories, amounts and, of Gaussians, times."""
        true, amounts = self.true["rate"], self.true["amount"]
        off = np.linalg.norm(np.asarray(x["rate"]) - true) / np.linalg.norm(true)
        missed = np.abs(np.asarray(x["amount"]) / amounts - 1).max()
        errors = {"history_error": 100 * float(off), "amount_error": 100 * float(missed)}
        if self._gaussian:
            errors["time_error"] = float(np.abs(np.asarray(x["time"]) - self.true["time"]).max() / self.setting.grid.dt)
        return errors

    def draw(self, x: Unknowns) -> dict[str, Figure]:
        """The section with the fault, and the histories as pictures and wiggles."""
        setting = self.setting
        points = {"sources": self._points, "receivers": setting.receivers}
        section = plot_section(setting.vp, setting.grid.spacing, label="vp [m/s]", title="points of the fault", points=points)
        rates = {"true": self.true["rate"].T, "found": np.asarray(x["rate"]).T}
        difference = {"found - true": rates["found"] - rates["true"]}
        images = plot_gathers(rates | difference, setting.grid.dt, label="rate", clip=100.0)
        wiggles = plot_wiggles(rates, setting.grid.dt, traces=self._options.points, gain=0.9, title="histories along the fault")
        for axes in (*images.axes, *wiggles.axes):
            if axes.get_xlabel() == "receiver":
                axes.set_xlabel("point of the fault")
        return {"fault": section, "histories": images, "wiggles": wiggles}

    def _rate(self, x: Unknowns) -> np.ndarray:
        return np.asarray(gaussian_histories(x["time"], x["amount"], self.setting.grid, width=self._width))

    def _histories(self, rate: Any) -> Unknowns:
        return {"rate": np.asarray(rate), "amount": np.asarray(rate).sum(1) * self.setting.grid.dt}
