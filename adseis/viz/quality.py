"""Recorded data at a glance, before they are inverted: spectrum, geometry, first arrivals, which traces count."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adseis.viz.figures import new_figure
from adseis.viz.gathers import plot_gather
from adseis.viz.sections import plot_section


class Quality(NamedTuple):
    """What a page of quality control shows.

    Attributes:
        frequencies: Of the spectrum [Hz].
        spectrum: Mean amplitude spectrum of the data, at most 1.
        corners: Corner frequencies of the bands [Hz].
        carried: Highest frequency that the grid carries [Hz].
        model: Starting model [m/s].
        spacing: Of its nodes [m].
        sources: Positions (z, x) in the model [m].
        receivers: Likewise, of those that recorded something.
        gather: One shot, `(time, receiver)`, as it is compared.
        shot: Its number.
        dt: Sampling interval [s].
        offsets: Of all traces, `(shot, receiver)` [m].
        observed: First arrivals, likewise; NaN where there is none [s].
        predicted: Those of the starting model.
        differences: What both differ by, without what is the source's [s].
        half_period: Beyond which cycles are skipped [s].
        weights: Of the traces, `(shot, receiver)`.
    """

    frequencies: Float[np.ndarray, " frequency"]
    spectrum: Float[np.ndarray, " frequency"]
    corners: Sequence[float]
    carried: float
    model: Float[np.ndarray, "z x"]
    spacing: Sequence[float]
    sources: Float[np.ndarray, "... 2"]
    receivers: Float[np.ndarray, "... 2"]
    gather: Float[np.ndarray, "time receiver"]
    shot: int
    dt: float
    offsets: Float[np.ndarray, "shot receiver"]
    observed: Float[np.ndarray, "shot receiver"]
    predicted: Float[np.ndarray, "shot receiver"]
    differences: Float[np.ndarray, "shot receiver"]
    half_period: float
    weights: Float[np.ndarray, "shot receiver"]


def plot_quality(quality: Quality) -> Figure:
    """Spectrum with bands, geometry on the starting model, one gather with its first arrivals; arrivals against offset, observed
    minus predicted against half a period, and the weights of the traces.

    Args:
        quality: What to show.

    Returns:
        The figure.
    """
    figure = new_figure(14.0, 8.0)
    spectrum, geometry, gather, arrivals, differences, weights = figure.subplots(2, 3).ravel()
    _draw_spectrum(spectrum, quality)
    points = {"sources": quality.sources, "receivers": quality.receivers}
    plot_section(quality.model, tuple(quality.spacing), axes=geometry, title="geometry on the starting model", points=points)
    geometry.set_aspect("auto")
    plot_gather(quality.gather, quality.dt, axes=gather, title=f"shot {quality.shot}, as compared", label="amplitude")
    across = np.arange(quality.gather.shape[1])
    for name, picks, color in _picks(quality):
        gather.plot(across, picks[quality.shot], ".", color=color, markersize=3, label=name)
    gather.set_ylim(len(quality.gather) * quality.dt, 0)
    gather.legend(frameon=True, fontsize="small", loc="lower left")
    for name, picks, color in _picks(quality):
        arrivals.plot(1e-3 * quality.offsets.ravel(), picks.ravel(), ".", color=color, markersize=3, label=name)
    arrivals.set(xlabel="offset [km]", ylabel="first arrival [s]", title="first arrivals")
    arrivals.legend(frameon=False, fontsize="small")
    _draw_differences(differences, quality)
    image = weights.imshow(quality.weights, aspect="auto", vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
    weights.set(xlabel="trace", ylabel="shot", title="weights of the traces")
    weights.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(image, ax=weights, label="weight", fraction=0.05, pad=0.02)
    for axes in (spectrum, arrivals, differences):
        axes.grid(visible=True, alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in figure.axes:
        axes.title.set_fontsize("medium")
    return figure


def _picks(quality: Quality) -> list[tuple[str, np.ndarray, str]]:
    return [("observed", quality.observed, "black"), ("starting model", quality.predicted, "tab:orange")]


def _draw_spectrum(axes: Axes, quality: Quality) -> None:
    axes.plot(quality.frequencies, quality.spectrum, color="black", linewidth=1.2)
    for corner in quality.corners:
        axes.axvline(corner, color="tab:blue", linewidth=1, label=f"band to {corner:.3g} Hz")
    axes.axvline(
        quality.carried, color="tab:red", linestyle="--", linewidth=1, label=f"the grid carries {quality.carried:.3g} Hz"
    )
    heard = quality.frequencies[quality.spectrum > 0.02]
    axes.set(xlabel="frequency [Hz]", ylabel="amplitude", xlim=(0, max(1.2 * quality.carried, float(heard.max()))))
    axes.set(title="mean spectrum of the traces", ylim=(0, 1.05))
    axes.legend(frameon=False, fontsize="small")


def _draw_differences(axes: Axes, quality: Quality) -> None:
    away = np.abs(quality.differences) > quality.half_period
    found = np.isfinite(quality.differences)
    for name, chosen, color in (("within half a period", found & ~away, "tab:green"), ("beyond", found & away, "tab:red")):
        axes.plot(1e-3 * quality.offsets[chosen], 1e3 * quality.differences[chosen], ".", color=color, markersize=4, label=name)
    for side in (-1e3, 1e3):
        axes.axhline(side * quality.half_period, color="black", linestyle="--", linewidth=0.8)
    axes.set(xlabel="offset [km]", ylabel="observed - predicted [ms]", title="is a cycle skipped?")
    axes.legend(frameon=False, fontsize="small")
