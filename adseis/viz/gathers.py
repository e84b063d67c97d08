"""Gathers as pictures and as wiggles: one shot, time down, receivers across."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Array, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from adseis.viz.figures import figure_of, new_figure


def plot_gather(
    gather: Real[Array | np.ndarray, "time receiver"],
    dt: float,
    *,
    distances: Real[Array | np.ndarray, " receiver"] | None = None,
    axes: Axes | None = None,
    title: str = "",
    label: str = "pressure [Pa]",
    clip: float = 99.0,
    limit: float | None = None,
) -> Figure:
    """One gather as a picture, in red and blue about zero.

    Args:
        gather: One shot, axes (time, receiver).
        dt: Time between samples [s].
        distances: Coordinate of every receiver, evenly spaced [m]; by default receivers are counted from 0.
        axes: Where to draw; by default a new figure.
        title: Text above the panel.
        label: Quantity and unit, beside the colour bar.
        clip: Percentile of the absolute values at which the colours saturate, 0-100.
        limit: Amplitude at which they saturate; overrides `clip`.

    Returns:
        The figure.

    Raises:
        ValueError: If `gather` has not two axes.
    """
    gather = _checked(gather)
    if axes is None:
        axes = new_figure(4.6, 4.6).add_subplot()
    limit = _saturation(gather, clip) if limit is None else limit
    nt, count = gather.shape
    across = np.arange(count) if distances is None else 1e-3 * np.ravel(distances)
    half = 0.5 * (across[-1] - across[0]) / max(count - 1, 1) or 0.5
    extent = (across[0] - half, across[-1] + half, (nt - 0.5) * dt, -0.5 * dt)
    image = axes.imshow(gather, extent=extent, aspect="auto", vmin=-limit, vmax=limit, cmap="RdBu_r", interpolation="nearest")
    axes.set(xlabel="receiver" if distances is None else "x [km]", ylabel="time [s]")
    axes.set_title(title, fontsize="medium")
    figure_of(axes).colorbar(image, ax=axes, label=label, fraction=0.05, pad=0.02, aspect=25, extend="both")
    return figure_of(axes)


def plot_gathers(
    gathers: Mapping[str, Real[Array | np.ndarray, "time receiver"]],
    dt: float,
    *,
    distances: Real[Array | np.ndarray, " receiver"] | None = None,
    label: str = "pressure [Pa]",
    clip: float = 99.0,
) -> Figure:
    """Gathers side by side on one colour scale, that of the first: observed, before, after, residual.

    Args:
        gathers: Title -> gather of one shot, axes (time, receiver).
        dt: Time between samples [s].
        distances: Coordinate of every receiver, evenly spaced [m]; by default receivers are counted from 0.
        label: Quantity and unit, beside the colour bars.
        clip: Percentile of the first gather's absolute values at which the colours saturate, 0-100.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw or a gather has not two axes.
    """
    panels = _checked_all(gathers)
    limit = _saturation(next(iter(panels.values())), clip)
    figure = new_figure(3.6 * len(panels), 4.4)
    for i, (title, gather) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), i + 1)
        plot_gather(gather, dt, distances=distances, axes=axes, title=title, label=label, limit=limit)
        axes.label_outer()
    for bar in figure.axes[1 : 2 * len(panels) - 1 : 2]:
        bar.remove()  # one scale, one bar
    return figure


def plot_wiggles(
    gathers: Mapping[str, Real[Array | np.ndarray, "time receiver"]],
    dt: float,
    *,
    distances: Real[Array | np.ndarray, " receiver"] | None = None,
    traces: int = 12,
    gain: float = 1.0,
    axes: Axes | None = None,
    title: str = "",
) -> Figure:
    """Traces of several gathers over one another, all drawn to the scale of the first gather.

    Args:
        gathers: Name -> gather of one shot, axes (time, receiver).
        dt: Time between samples [s].
        distances: Coordinate of every receiver [m]; by default receivers are counted from 0.
        traces: How many receivers to draw, evenly chosen.
        gain: Largest swing of the first gather, in distances between drawn traces.
        axes: Where to draw; by default a new figure.
        title: Text above the panel.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw or a gather has not two axes.
    """
    panels = _checked_all(gathers)
    nt, count = next(iter(panels.values())).shape
    if axes is None:
        axes = new_figure(6.4, 4.8).add_subplot()
    chosen = np.unique(np.linspace(0, count - 1, min(traces, count)).round().astype(int))
    across = np.arange(count) if distances is None else 1e-3 * np.ravel(distances)
    step = (across[chosen[-1]] - across[chosen[0]]) / max(len(chosen) - 1, 1) or 1.0
    peak = float(np.nanmax(np.abs(next(iter(panels.values()))[:, chosen]))) or 1.0
    time = dt * np.arange(nt)
    for i, (name, gather) in enumerate(panels.items()):
        swing = across[None, chosen] + gain * step / peak * gather[:, chosen]
        lines = axes.plot(swing, time, color="black" if i == 0 else f"C{i - 1}", linewidth=0.9, linestyle="-" if i == 0 else "--")
        lines[0].set_label(name)
    axes.set(xlabel="receiver" if distances is None else "x [km]", ylabel="time [s]", ylim=(time[-1], 0))
    axes.set_title(title, fontsize="medium")
    if len(panels) > 1:
        figure_of(axes).legend(loc="outside lower center", ncols=len(panels), frameon=False)
    return figure_of(axes)


def _checked(gather: ArrayLike) -> np.ndarray:
    gather = np.asarray(gather)
    if gather.ndim != 2 or 0 in gather.shape:
        raise ValueError(f"`gather` has shape {gather.shape}; draw one shot, axes (time, receiver): pass gather[shot].")
    return gather


def _checked_all(gathers: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    panels = {name: _checked(gather) for name, gather in gathers.items()}
    shapes = {gather.shape for gather in panels.values()}
    if len(shapes) != 1:
        raise ValueError(f"`gathers` needs one or more gathers of one shape, not {sorted(shapes)}.")
    return panels


def _saturation(gather: np.ndarray, clip: float) -> float:
    # A gather that is mostly silent has a percentile of zero: fall back on its peak, then on one.
    return float(np.nanpercentile(np.abs(gather), clip)) or float(np.nanmax(np.abs(gather))) or 1.0
