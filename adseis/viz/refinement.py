"""A map before and after its refinement by gathers: maps, what is left of the gathers, and what it cost."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adseis.optimizers.path import Iterate
from adseis.viz.figures import new_figure
from adseis.viz.gathers import plot_gather
from adseis.viz.sections import plot_section


class Refinement(NamedTuple):
    """What a page shows.

    Attributes:
        start: Where it began [m/s].
        refined: Where it ended.
        truth: The true map, or None.
        spacing: Of the nodes [m].
        observed: One shot, `(time, receiver)`.
        before: What the start predicts of it.
        after: What the refined map predicts.
        dt: Sampling interval [s].
        stages: Of each stage, cost in gradients since the beginning and misfit, `(iteration, 2)`.
    """

    start: Float[np.ndarray, "z x"]
    refined: Float[np.ndarray, "z x"]
    truth: Float[np.ndarray, "z x"] | None
    spacing: float
    observed: Float[np.ndarray, "time receiver"]
    before: Float[np.ndarray, "time receiver"]
    after: Float[np.ndarray, "time receiver"]
    dt: float
    stages: Sequence[Float[np.ndarray, "iteration 2"]]


def stages_of(history: Sequence[Iterate]) -> list[np.ndarray]:
    """Cost since the beginning and misfit of each stage of a history: a stage begins where iterations are counted anew.

    Args:
        history: Iterates of all stages, one after the other.

    Returns:
        Of each stage `(iteration, 2)`.
    """
    found: list[list[tuple[float, float]]] = []
    spent, last = 0, None
    for iterate in history:
        if last is None or iterate.iteration <= last.iteration:
            spent += 0 if last is None else last.evaluations
            found.append([])
        found[-1].append((spent + iterate.evaluations, iterate.value))
        last = iterate
    return [np.array(stage, float) for stage in found]


def plot_refinement(shown: Refinement, title: str = "") -> Figure:
    """Start, refined and true map with the error, or the change where there is no truth; below the gather, what each map leaves
    of it, and the misfit of every stage against the cost.

    Args:
        shown: What to show.
        title: Text above all.

    Returns:
        The figure.
    """
    figure = new_figure(17.0, 8.2)
    figure.suptitle(title, fontsize="large")
    panels = figure.subplots(2, 4)
    truth = shown.truth
    maps = {"start": shown.start, "refined": shown.refined} | ({} if truth is None else {"truth": truth})
    limits = (min(float(m.min()) for m in maps.values()), max(float(m.max()) for m in maps.values()))
    for axes, (name, values) in zip(panels[0], maps.items(), strict=False):
        plot_section(values, shown.spacing, axes=axes, title=name, limits=limits)
    name, away = ("refined - start", shown.refined - shown.start) if truth is None else ("refined - truth", shown.refined - truth)
    most = float(np.abs(away).max()) or 1.0
    plot_section(away, shown.spacing, axes=panels[0, len(maps)], title=name, limits=(-most, most), colormap="RdBu_r")
    for axes in panels[0, len(maps) + 1 :]:
        axes.set_axis_off()
    left = {"observed - start": shown.observed - shown.before, "observed - refined": shown.observed - shown.after}
    plot_gather(shown.observed, shown.dt, axes=panels[1, 0], title="observed", label="pressure")
    limit = float(np.percentile(np.abs(left["observed - start"]), 99)) or 1.0  # the same for both, or the better looks as bad
    for axes, (name, gather) in zip(panels[1, 1:], left.items(), strict=False):
        plot_gather(gather, shown.dt, axes=axes, title=name, label="pressure", limit=limit)
    _draw_stages(panels[1, 3], shown.stages)
    return figure


def _draw_stages(axes: Axes, stages: Sequence[np.ndarray]) -> None:
    """One line a stage, dark to light in their order: each has a band of its own, so that lines do not join."""
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(stages)))
    for number, (stage, colour) in enumerate(zip(stages, colours, strict=True), 1):
        axes.plot(stage[:, 0], stage[:, 1], "o-", color=colour, markersize=3.5, linewidth=1.4, label=f"stage {number}")
    positive = bool(stages) and all((stage[:, 1] > 0).all() for stage in stages)
    axes.set(xlabel="cost [gradients]", ylabel="relative misfit of the stage", yscale="log" if positive else "linear")
    axes.set_title("misfit", fontsize="medium")
    axes.grid(visible=True, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if stages:
        axes.legend(frameon=False, fontsize="small")
