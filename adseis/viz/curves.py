"""Curves: misfit, error or any figure of merit against iterations."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Array, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adseis.viz.figures import figure_of, new_figure


def plot_curve(
    curves: Mapping[str, Sequence[float] | Real[Array | np.ndarray, " _"]] | Sequence[float] | Real[Array | np.ndarray, " _"],
    *,
    x: Mapping[str, Real[Array | np.ndarray, " _"]] | None = None,
    xlabel: str = "iteration",
    ylabel: str = "misfit",
    log: bool = True,
    title: str = "",
    axes: Axes | None = None,
) -> Figure:
    """One or several curves, on a logarithmic scale where every value allows it.

    Args:
        curves: Values of one curve, or label -> values.
        x: Label -> abscissa of each value; by default 0, 1, 2, ...
        xlabel: Text below.
        ylabel: Text beside, with the unit.
        log: Logarithmic ordinate; values that are not positive make it linear.
        title: Text above.
        axes: Where to draw; by default a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw or a curve has not one axis.
    """
    named = dict(curves) if isinstance(curves, Mapping) else {"": curves}
    values = {label: np.asarray(curve, "float64") for label, curve in named.items()}
    wrong = {label: curve.shape for label, curve in values.items() if curve.ndim != 1 or curve.size == 0}
    if wrong or not values:
        raise ValueError(f"`curves` needs one or more sequences of numbers; the shapes are {wrong or 'none'}.")
    if axes is None:
        axes = new_figure(5.2, 3.6).add_subplot()
    for label, curve in values.items():
        abscissa = np.arange(curve.size) if x is None else np.asarray(x[label])
        # Few points are marked, so that a curve of one point can be seen.
        axes.plot(abscissa, curve, label=label, marker="o" if curve.size <= 40 else None, markersize=3.5, linewidth=1.4)
    if log and min(float(np.nanmin(curve)) for curve in values.values()) > 0:
        axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, fontsize="medium")
    axes.grid(visible=True, which="both", alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if any(values):
        axes.legend(frameon=False)
    return figure_of(axes)
