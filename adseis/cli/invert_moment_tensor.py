"""`adseis invert --problem moment-tensor`: where an earthquake was, how it moved and when, from a start nearby."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from adseis.cli.invert_source import Callback, SourceProblem, Unknowns
from adseis.cli.options import InversionOptions
from adseis.cli.source_setting import Setting
from adseis.experiment.sources import MomentTensor, Source
from adseis.inversion.moment_tensor import invert_moment_tensor
from adseis.inversion.rupture import gaussian_histories
from adseis.optimizers.minimize import Result
from adseis.viz.curves import plot_curve
from adseis.viz.figures import new_figure


@dataclass(frozen=True)
class MomentTensorOptions:
    """The earthquake of --problem moment-tensor.

    Attributes:
        position: Where it is: depth, distance [m]; by default in the middle, between nodes.
        moment: Mzz, Mxx, Mzx [N in 2D].
        start: Where the search starts [m]; by default four cells away, in a direction drawn by --seed.
        smoothness: Weight of the roughness of the moment-rate function; by default 1e-5, with noise 1e-3.
    """

    position: tuple[float, float] | None = None
    moment: tuple[float, float, float] = (6e12, -4e12, 7e12)
    start: tuple[float, float] | None = None
    smoothness: float | None = None


class MomentTensorProblem(SourceProblem):
    """A point of unknown position, moment tensor and moment-rate function."""

    name = "moment-tensor"
    title = "Moment tensor of an earthquake"
    axes: Mapping[str, tuple[str, str]] = {
        "position": ("m", "shot source axis"),
        "moment": ("N", "shot source axis axis"),
        "rate": ("1/s", "shot source time"),
    }
    labels: Mapping[str, str] = {
        "position_error": "position error (cells)",
        "moment_error": "moment tensor error (% of its norm)",
        "rate_error": "moment-rate function error (% of its peak)",
    }

    def __init__(self, options: MomentTensorOptions, setting: Setting, config: InversionOptions):
        """Place earthquake and start.

        Args:
            options: The earthquake.
            setting: Medium, stations and clock.
            config: The other options; the seed is of the start.

        Raises:
            ValueError: If the medium is no solid, or an option cannot be right.
        """
        if config.physics != "elastic":
            raise ValueError(f"`physics` = {config.physics} knows no moment tensors: leave it out, or use --physics elastic.")
        self.setting, grid = setting, setting.grid
        angle = np.random.default_rng([config.seed, 1]).uniform(0, 2 * np.pi)
        position = np.asarray(options.position or setting.place(0.477, 0.513))
        nearby = position + 4 * np.array(grid.spacing) * np.array([np.sin(angle), np.cos(angle)])
        self._start = setting.event("moment_tensor.start", options.start or nearby)
        zz, xx, zx = options.moment
        width = 1 / (6 * setting.frequency)
        rate = gaussian_histories(width * np.array([5.0, 8.0]), np.array([0.7, 0.3]), grid, width=width).sum(0)
        self.true: Unknowns = {
            "position": setting.event("moment_tensor.position", position),
            "moment": np.array([[zz, zx], [zx, xx]], "float32")[None, None],
            "rate": np.asarray(rate / (rate.sum() * grid.dt), "float32")[None, None],
        }
        if not np.any(self.true["moment"]):
            raise ValueError("`moment_tensor.moment` is zero: there is nothing to find.")
        standard = 1e-3 if config.noise else 1e-5
        self._smoothness = standard if options.smoothness is None else options.smoothness
        self.corners = (setting.frequency / 3, 2 * setting.frequency / 3)

    @property
    def text(self) -> str:
        """What is sought."""
        away = self.setting.cells(self._start, self.true["position"])
        return f"The search starts {away:.3g} cells from the earthquake, with neither moment tensor nor moment-rate function."

    def source(self, x: Unknowns) -> Source:
        """A moment tensor."""
        return MomentTensor(x["position"], x["rate"], x["moment"])

    def find(self, observed: Any, callback: Callback, **options: Any) -> tuple[Unknowns, Result]:
        """All three together, after the histories of the components."""
        found = invert_moment_tensor(
            lambda position, moment, rate: self.forward({"position": position, "moment": moment, "rate": rate}),
            observed,
            self._start,
            self.setting.grid,
            reach=self.setting.reach(options["bands"][0]),
            margin=self.setting.margin,
            smoothness=self._smoothness,
            callback=callback,
            **options,
        )
        return {"position": found.position, "moment": found.moment, "rate": found.rate}, found.result

    def errors(self, x: Unknowns) -> dict[str, float]:
        """Distance in cells; the tensor's relative error; the largest error of the function."""
        moment, rate = (np.asarray(x[name], float) - self.true[name] for name in ("moment", "rate"))
        return {
            "position_error": self.setting.cells(x["position"], self.true["position"]),
            "moment_error": 100 * float(np.linalg.norm(moment) / np.linalg.norm(self.true["moment"])),
            "rate_error": 100 * float(np.abs(rate).max() / self.true["rate"].max()),
        }

    def draw(self, x: Unknowns) -> dict[str, Figure]:
        """The section with earthquake and start; tensor and function beside the true ones."""
        section = self.setting.plot_search(self.true["position"], self._start, x["position"])
        figure = new_figure(9.0, 3.6)
        left, right = figure.subplots(1, 2)
        rates = {name: np.asarray(y["rate"])[0, 0] for name, y in (("true", self.true), ("found", x))}
        times = dict.fromkeys(rates, self.setting.grid.times)
        plot_curve(rates, x=times, xlabel="time [s]", ylabel="moment rate over moment [1/s]", log=False, axes=left)
        for shift, (name, y) in zip((-0.2, 0.2), (("true", self.true), ("found", x)), strict=True):
            tensor = np.asarray(y["moment"])[0, 0]
            right.bar(np.arange(3) + shift, [tensor[0, 0], tensor[1, 1], tensor[0, 1]], 0.4, label=name)
        right.set_xticks(np.arange(3), ["Mzz", "Mxx", "Mzx"])
        right.set_ylabel("moment [N]")
        right.axhline(0, color="black", linewidth=0.8)
        right.spines[["top", "right"]].set_visible(False)
        right.legend(frameon=False)
        return {"location": section, "mechanism": figure}
