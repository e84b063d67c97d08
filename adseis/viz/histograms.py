"""Histograms of large data, from counts that were made while they were."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Array, Real
from matplotlib.figure import Figure

from adseis.viz.figures import new_figure


def plot_histograms(
    counts: Mapping[str, Real[Array | np.ndarray, " bin"]],
    edges: Real[Array | np.ndarray, " edge"],
    *,
    xlabel: str,
    log: bool = False,
    marks: Mapping[str, Sequence[float]] | None = None,
    columns: int = 3,
) -> Figure:
    """One histogram a panel, as shares of all values, on common axes.

    Args:
        counts: Title -> number of values in each bin.
        edges: Ends of the bins, one more than there are bins.
        xlabel: Quantity and unit.
        log: Logarithmic ordinate, for what is rare.
        marks: Title -> values that are marked by dashed lines, such as published extremes.
        columns: Panels in a row.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw, or bins and edges do not fit.
    """
    shares = {title: np.asarray(n, "float64") / max(1, np.sum(np.asarray(n))) for title, n in counts.items()}
    wrong = {title: share.shape for title, share in shares.items() if share.shape != (len(edges) - 1,)}
    if wrong or not shares:
        raise ValueError(f"`counts` needs one or more rows of {len(edges) - 1} bins; the shapes are {wrong or 'none'}.")
    edges = np.asarray(edges, "float64")
    filled = np.flatnonzero(sum(shares.values()))
    first, last = (filled[0], filled[-1]) if filled.size else (0, len(edges) - 2)
    columns = min(columns, len(shares))
    rows = -(-len(shares) // columns)
    figure = new_figure(3.6 * columns, 0.4 + 2.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat[len(shares) :]:
        axes.set_axis_off()
    for axes, (title, share) in zip(panels.flat, shares.items(), strict=False):
        axes.stairs(share, edges, fill=True, color="tab:blue", alpha=0.7)
        for value in (marks or {}).get(title, ()):
            axes.axvline(value, color="tab:red", linestyle="--", linewidth=1.0)
        axes.set_title(title, fontsize="medium")
        axes.set(xlabel=xlabel, ylabel="share")
        axes.label_outer()
        if log:
            axes.set_yscale("log")
        axes.spines[["top", "right"]].set_visible(False)
    shown = [edges[first], edges[last + 1], *(value for values in (marks or {}).values() for value in values)]
    margin = 0.02 * (max(shown) - min(shown))
    panels.flat[0].set_xlim(min(shown) - margin, max(shown) + margin)
    return figure
