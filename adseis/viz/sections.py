"""Sections of a medium: one panel, or true, initial, inverted and difference side by side."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from adseis.viz.figures import figure_of, new_figure

PANEL_WIDTH = 4.6  # inches, colour bar included
MOST_MARKERS = 64  # of one kind in a panel


def plot_section(
    values: Real[Array | np.ndarray, "z x"],
    spacing: float | tuple[float, ...],
    *,
    axes: Axes | None = None,
    title: str = "",
    label: str = "vp [m/s]",
    limits: tuple[Any, Any] | None = None,
    colormap: str = "viridis",
    points: Mapping[str, Real[Array | np.ndarray, "... 2"]] | None = None,
) -> Figure:
    """One section, z down, distances in kilometres.

    Args:
        values: The section, axes (z, x); of a volume pass a slice.
        spacing: Distance between nodes, or (dz, dx) [m].
        axes: Where to draw; by default a new figure.
        title: Text above the panel.
        label: Quantity and unit, beside the colour bar.
        limits: Ends of the colour scale; by default the extremes of `values`.
        colormap: Name of a Matplotlib colour map.
        points: "sources" (stars) and "receivers" (triangles), at most 64 of each drawn: positions (..., axis) in (z, x) [m].

    Returns:
        The figure.

    Raises:
        ValueError: If `values` has not two axes or `points` has another key.
    """
    values, (dz, dx) = _checked(values, spacing)
    if axes is None:
        axes = new_figure(PANEL_WIDTH, _panel_height(values, dz, dx)).add_subplot()
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if limits is None else limits
    nz, nx = values.shape
    # The picture of a node reaches half a cell around it, so that axes tell where the nodes are.
    extent = (-0.5e-3 * dx, (nx - 0.5) * 1e-3 * dx, (nz - 0.5) * 1e-3 * dz, -0.5e-3 * dz)
    image = axes.imshow(values, extent=extent, vmin=low, vmax=high, cmap=colormap, interpolation="nearest")
    _draw_points(axes, points or {})
    axes.set(xlabel="x [km]", ylabel="z [km]", xlim=extent[:2], ylim=extent[2:])
    axes.set_title(title, fontsize="medium")
    # An inset is as tall as the picture, which is lower than the space that the layout gives it.
    figure_of(axes).colorbar(image, cax=axes.inset_axes((1.02, 0.0, 0.025, 1.0)), label=label)
    return figure_of(axes)


def plot_sections(
    sections: Mapping[str, Real[Array | np.ndarray, "z x"]],
    spacing: float | tuple[float, ...],
    *,
    differences: Mapping[str, Real[Array | np.ndarray, "z x"]] | None = None,
    label: str = "vp [m/s]",
    limits: tuple[Any, Any] | None = None,
    colormap: str = "viridis",
    points: Mapping[str, Real[Array | np.ndarray, "... 2"]] | None = None,
    columns: int = 2,
) -> Figure:
    """Several sections on one colour scale, and differences on a symmetric scale of their own.

    Args:
        sections: Title -> section, axes (z, x).
        spacing: Distance between nodes, or (dz, dx) [m].
        differences: Title -> section that is drawn in red and blue about zero.
        label: Quantity and unit, beside every colour bar.
        limits: Ends of the common colour scale; by default the extremes of `sections`.
        colormap: Name of a Matplotlib colour map, for `sections`.
        points: "sources" and "receivers" as `plot_section` takes them, drawn in the first panel.
        columns: Panels in a row.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw or a section has not two axes.
    """
    differences = differences or {}
    panels = [*sections.items(), *differences.items()]
    if not sections:
        raise ValueError("`sections` is empty; give at least one title and its section.")
    first, (dz, dx) = _checked(panels[0][1], spacing)
    if limits is None:
        limits = (min(float(np.nanmin(v)) for v in sections.values()), max(float(np.nanmax(v)) for v in sections.values()))
    peak = max((float(np.nanmax(np.abs(v))) for v in differences.values()), default=0.0) or 1.0
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(PANEL_WIDTH * columns, _panel_height(first, dz, dx) * rows)
    for i, (title, values) in enumerate(panels):
        look = {"limits": limits, "colormap": colormap} if i < len(sections) else {"limits": (-peak, peak), "colormap": "RdBu_r"}
        axes = figure.add_subplot(rows, columns, i + 1)
        plot_section(values, spacing, axes=axes, title=title, label=label, points=points if i == 0 else None, **look)
    return figure


def _checked(values: ArrayLike, spacing: float | tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError(f"`values` has shape {values.shape}; a section has axes (z, x): pass a slice, such as values[:, 0, :].")
    return values, np.broadcast_to(np.asarray(spacing, "float64"), 2)


def _panel_height(values: np.ndarray, dz: float, dx: float) -> float:
    # Room for title and labels, plus the picture at its true proportions.
    return 0.75 + (PANEL_WIDTH - 1.5) * float(np.clip(values.shape[0] * dz / (values.shape[1] * dx), 0.25, 1.5))


def _draw_points(axes: Axes, points: Mapping[str, ArrayLike]) -> None:
    looks = {
        "receivers": {"marker": "v", "markersize": 4, "color": "white", "markeredgecolor": "black", "markeredgewidth": 0.5},
        "sources": {"marker": "*", "markersize": 10, "color": "tab:red", "markeredgecolor": "white", "markeredgewidth": 0.6},
    }
    if points.keys() - looks.keys():
        raise ValueError(f"`points` has keys {sorted(points)}; use 'sources' and 'receivers'.")
    for name in looks.keys() & points.keys():
        z, x = 1e-3 * np.asarray(points[name]).reshape(-1, 2).T
        # Not clipped: devices on the surface would be cut in half. Thinned: hundreds of triangles merge into a bar.
        thin = -(-x.size // MOST_MARKERS)
        axes.plot(x, z, linestyle="none", markevery=thin, clip_on=False, zorder=3 if name == "sources" else 2, **looks[name])
