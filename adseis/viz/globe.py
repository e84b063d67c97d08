"""A ball's structure and waves: maps of depths on an equal-area projection, a meridian's slice, a record section, coefficients.

What is drawn is given as a function of radius [m], latitude and longitude [degrees], as media are. Maps are Mollweide's; nothing
of geography is bundled: coastlines are drawn where they are given.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from adseis.sphere.azimuthal import basis
from adseis.sphere.mesh import BallMesh
from adseis.sphere.sources import BallSource
from adseis.viz.figures import figure_of, new_figure
from adseis.viz.projection import HIGH, WIDE, from_mollweide, mollweide

Field = Callable[[Any, Any, Any], Any]
"""Of radius [m], latitude and longitude [degrees]."""
RED_IS_SLOW = "RdBu"
QUIET = 0.02
"""Of the loudest trace: what is quieter is drawn relative to this."""
GLOBE_MARKS = {
    "sources": {"marker": "*", "markersize": 9, "color": "gold", "markeredgecolor": "black", "markeredgewidth": 0.6},
    "stations": {"marker": "v", "markersize": 2.6, "color": "black", "markeredgewidth": 0},
}


def plot_depth_slices(
    models: Mapping[str, Field],
    radii: Sequence[float],
    *,
    label: str = "dvp / vp [%]",
    limit: float | None = None,
    colormap: str = RED_IS_SLOW,
    points: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    coastlines: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    pixels: int = 181,
    title: str = "",
) -> Figure:
    """Models at several radii on Mollweide's map, a row each, on one symmetric colour scale.

    Args:
        models: Title -> values at (radius [m], latitude, longitude [degrees]).
        radii: Of the slices, a column each [m].
        label: Quantity and unit, beside the colour bar.
        limit: End of the colour scale; by default the largest magnitude of the first model.
        colormap: Name of a Matplotlib colour map; slow is red by default.
        points: "sources" (stars) and "stations" (triangles): latitudes and longitudes [degrees], drawn on the first map.
        coastlines: Lines on all maps: latitudes and longitudes [degrees].
        pixels: Of a map, from north to south.
        title: Text above all.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw, or `points` has another key.
    """
    if not models or not len(radii):
        raise ValueError("`models` and `radii` must not be empty: give a function of place, and a radius.")
    edges_x, edges_y = np.linspace(-WIDE, WIDE, 2 * pixels + 1), np.linspace(-HIGH, HIGH, pixels + 1)
    x, y = np.meshgrid((edges_x[1:] + edges_x[:-1]) / 2, (edges_y[1:] + edges_y[:-1]) / 2)
    latitude, longitude = from_mollweide(x, y)
    inside = np.isfinite(latitude)
    maps = {
        (name, r): _on_map(field, float(r), latitude[inside], longitude[inside], inside)
        for name, field in models.items()
        for r in radii
    }
    first = next(iter(models))
    limit = limit or max(float(np.nanmax(np.abs(maps[first, r]))) for r in radii) or 1.0
    figure = new_figure(0.9 + 2.9 * len(radii), 0.35 + 1.62 * len(models))
    figure.suptitle(title, fontsize="medium")
    panels = figure.subplots(len(models), len(radii), squeeze=False)
    for (row, name), (column, r) in ((a, b) for a in enumerate(models) for b in enumerate(radii)):
        axes = panels[row, column]
        image = axes.pcolormesh(edges_x, edges_y, maps[name, r], vmin=-limit, vmax=limit, cmap=colormap, rasterized=True)
        _draw_net(axes, coastlines)
        if row == 0:
            axes.set_title(f"r = {r / 1e3:.4g} km", fontsize="medium")
        if column == 0:
            axes.text(-0.02, 0.5, name, transform=axes.transAxes, ha="right", va="center", rotation=90)
    _draw_places(panels[0, 0], points or {})
    figure.colorbar(image, ax=panels, label=label, shrink=0.8, aspect=12 * len(models), pad=0.01)
    return figure


def _on_map(field: Field, radius: float, latitude: np.ndarray, longitude: np.ndarray, inside: np.ndarray) -> np.ndarray:
    found = np.full(inside.shape, np.nan)
    kind = np.float32
    found[inside] = np.asarray(field(np.full(latitude.shape, radius, kind), latitude.astype(kind), longitude.astype(kind)))
    return found


def _draw_net(axes: Axes, coastlines: Sequence[tuple[ArrayLike, ArrayLike]]) -> None:
    """Parallels, meridians, the edge, and lines that are given."""
    line = np.linspace(-1, 1, 181)
    for latitude in (-60, -30, 0, 30, 60):
        axes.plot(*mollweide(np.full(181, latitude), 180 * line), color="black", linewidth=0.25, alpha=0.5)
    for longitude in range(-120, 121, 60):
        axes.plot(*mollweide(90 * line, np.full(181, longitude)), color="black", linewidth=0.25, alpha=0.5)
    for latitude, longitude in coastlines:
        x, y = mollweide(latitude, longitude)
        torn = np.abs(np.diff(x)) > WIDE / 2  # from one edge of the map to the other
        axes.plot(
            np.insert(x, np.flatnonzero(torn) + 1, np.nan),
            np.insert(y, np.flatnonzero(torn) + 1, np.nan),
            color="black",
            linewidth=0.6,
        )
    angle = np.linspace(0, 2 * np.pi, 361)
    axes.plot(WIDE * np.cos(angle), HIGH * np.sin(angle), color="black", linewidth=0.9, clip_on=False)
    axes.set(aspect="equal", xlim=(-WIDE, WIDE), ylim=(-HIGH, HIGH))
    axes.set_axis_off()


def _draw_places(axes: Axes, points: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> None:
    if points.keys() - GLOBE_MARKS.keys():
        raise ValueError(f"`points` has keys {sorted(points)}; use 'sources' and 'stations'.")
    for name in ("stations", "sources"):
        if name in points:
            x, y = mollweide(*points[name])
            axes.plot(np.ravel(x), np.ravel(y), linestyle="none", zorder=4, clip_on=False, **GLOBE_MARKS[name])


class Plane(NamedTuple):
    """A wavefield in the plane of a meridian.

    Attributes:
        x: Distance from the Earth's axis, positive on the meridian's side [m], `(point,)`.
        z: Along the axis, to the north [m], `(point,)`.
        values: In any unit, `(point,)`.
    """

    x: np.ndarray
    z: np.ndarray
    values: np.ndarray


def meridian_plane(field: Float[Array | np.ndarray, "node component"], mesh: BallMesh, source: BallSource) -> Plane:
    """A wavefield in the plane of its source's meridian, as `plot_meridian` draws it with the source's longitude.

    Args:
        field: What a `probe` sees, such as `lambda fields: fields["chi"][0]`.
        mesh: Of the simulation.
        source: Of the simulation.

    Returns:
        Where the nodes are, on either side of the source's axis, and the values there.
    """
    s, height = mesh.elements.coordinates.T
    order = (np.shape(field)[1] - 1) // 2
    south, north = (np.asarray(field, float) @ np.asarray(basis(jnp.array([0.0, np.pi]), order), float).T).T
    side, across, values = (
        np.concatenate([s, -s[s > 0]]),
        np.concatenate([height, height[s > 0]]),
        np.concatenate([south, north[s > 0]]),
    )
    latitude = np.radians(float(source.latitude))
    # The frame's axis points up from the source, its s to the south.
    return Plane(
        across * np.cos(latitude) + side * np.sin(latitude), across * np.sin(latitude) - side * np.cos(latitude), values
    )  # fmt: skip


def plot_meridian(
    models: Mapping[str, Field],
    radius: float,
    *,
    longitude: float = 0.0,
    wavefield: Plane | None = None,
    label: str = "dvp / vp [%]",
    limit: float | None = None,
    colormap: str = RED_IS_SLOW,
    circles: Sequence[float] = (),
    points: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    pixels: int = 241,
) -> Figure:
    """Models in the plane of a meridian, the poles up and down, and lines of equal height of a wavefield over them.

    Args:
        models: Title -> values at (radius [m], latitude, longitude [degrees]); a panel each.
        radius: Of the ball [m].
        longitude: Of the right half of the plane [degrees]; the left is opposite.
        wavefield: What is drawn over each, dark where it is positive and light where it is negative.
        label: Quantity and unit, beside the colour bar.
        limit: End of the colour scale; by default the largest magnitude of the first model.
        colormap: Name of a Matplotlib colour map; slow is red by default.
        circles: Radii that are marked, such as levels [m].
        points: "sources" and "stations" in the plane: distance from the axis and height [m].
        pixels: From one side to the other.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw, or `points` has another key.
    """
    if not models:
        raise ValueError("`models` must not be empty: give a function of place.")
    edges = np.linspace(-radius, radius, pixels + 1)
    x, z = np.meshgrid((edges[1:] + edges[:-1]) / 2, (edges[1:] + edges[:-1]) / 2)
    r = np.hypot(x, z)
    inside = r <= radius
    latitude = np.degrees(np.arctan2(z, np.abs(x)))[inside]
    along = np.where(x[inside] >= 0, longitude, longitude + 180)
    along = (along + 180) % 360 - 180
    slices = {}
    for name, field in models.items():
        slices[name] = np.full(x.shape, np.nan)
        slices[name][inside] = np.asarray(field(*(v.astype(np.float32) for v in (r[inside], latitude, along))))
    limit = limit or float(np.nanmax(np.abs(next(iter(slices.values()))))) or 1.0
    figure = new_figure(0.9 + 3.3 * len(models), 3.6)
    panels = figure.subplots(1, len(models), squeeze=False)[0]
    image: QuadMesh | None = None
    for axes, (name, values) in zip(panels, slices.items(), strict=True):
        image = axes.pcolormesh(edges, edges, values, vmin=-limit, vmax=limit, cmap=colormap, rasterized=True)
        _draw_circles(axes, radius, circles)
        if wavefield is not None:
            _draw_waves(axes, wavefield)
        for kind in points or {}:
            if kind not in GLOBE_MARKS:
                raise ValueError(f"`points` has keys {sorted(points or {})}; use 'sources' and 'stations'.")
            axes.plot(*map(np.ravel, (points or {})[kind]), linestyle="none", zorder=5, clip_on=False, **GLOBE_MARKS[kind])
        axes.set_title(name, fontsize="medium")
        axes.set(aspect="equal", xlim=(-1.03 * radius, 1.03 * radius), ylim=(-1.03 * radius, 1.03 * radius))
        axes.set_axis_off()
    assert image is not None
    figure.colorbar(image, ax=panels, label=label, shrink=0.8, pad=0.01)
    return figure


def _draw_circles(axes: Axes, radius: float, circles: Sequence[float]) -> None:
    angle = np.linspace(0, 2 * np.pi, 361)
    for r in circles:
        axes.plot(r * np.cos(angle), r * np.sin(angle), color="black", linewidth=0.4, linestyle=":", alpha=0.7)
    axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="black", linewidth=0.9)
    axes.plot([0, 0], [-radius, radius], color="black", linewidth=0.4, alpha=0.5)


def _draw_waves(axes: Axes, field: Plane) -> None:
    """Three heights of either sign, on a scale that the few nodes next to the source do not set."""
    x, z, values = (np.asarray(v, float) for v in field)
    peak = float(np.percentile(np.abs(values), 99.5)) or 1.0
    heights = np.array([0.2, 0.5, 0.8]) * peak
    if not np.abs(values).max() > heights[0]:
        return
    axes.tricontour(x, z, values, levels=heights, colors="black", linewidths=0.8)
    axes.tricontour(x, z, values, levels=-heights[::-1], colors="white", linewidths=0.8, linestyles="solid")


def plot_record_section(
    traces: Mapping[str, Real[Array | np.ndarray, "station time"]],
    distances: Real[Array | np.ndarray, " _"],
    dt: float,
    *,
    most: int = 40,
    gain: float = 1.6,
    normalize: bool = False,
    title: str = "",
    label: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Traces of several records over one another, each where its station's distance is; time to the right.

    Args:
        traces: Name -> records; the first is drawn thick and black.
        distances: Of the stations from the source [degrees], `(station,)`.
        dt: Time between samples [s].
        most: Stations that are drawn, evenly chosen by distance.
        gain: Largest swing, in distances between neighbours.
        normalize: Whether each trace is drawn relative to the first record's peak there, so that far ones show too.
        title: Text above.
        label: Of what is drawn, below.
        axes: Where to draw; by default a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw, or shapes do not fit.
    """
    records = {name: np.asarray(record, float) for name, record in traces.items()}
    away = np.asarray(distances, float)
    wrong = {name: record.shape for name, record in records.items() if record.ndim != 2 or len(record) != len(away)}
    if wrong or not records:
        raise ValueError(f"`traces` {wrong or 'are none'} must be records of (station, time), with {len(away)} `distances`.")
    if axes is None:
        axes = new_figure(6.4, 5.2).add_subplot()
    order = np.argsort(away)
    chosen = order[np.unique(np.linspace(0, len(away) - 1, min(most, len(away))).round().astype(int))]
    step = float(np.ptp(away[chosen])) / max(len(chosen) - 1, 1) or 1.0
    first = next(iter(records.values()))[chosen]
    peaks = np.abs(first).max(-1, keepdims=True) if normalize else np.full((len(chosen), 1), np.abs(first).max())
    loudest = float(peaks.max()) or 1.0
    peaks = np.maximum(peaks, QUIET * loudest)  # a trace that no wave has reached is not blown up
    for number, (name, record) in enumerate(records.items()):
        swings = away[chosen, None] + gain * step * record[chosen] / peaks
        look = (
            {"color": "black", "linewidth": 1.5, "alpha": 0.55} if number == 0 else {"color": f"C{2 + number}", "linewidth": 0.8}
        )
        lines = axes.plot(dt * np.arange(swings.shape[1]), swings.T, zorder=2 + number, **look)
        lines[0].set_label(name)
    axes.set(xlabel="time [s]", ylabel="distance [degrees]", xlim=(0, dt * (first.shape[1] - 1)))
    axes.set_title(title, fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    if label:
        axes.text(1.0, 1.01, label, transform=axes.transAxes, ha="right", va="bottom", fontsize="small")
    if len(records) > 1:
        figure_of(axes).legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(records), frameon=False)
    return figure_of(axes)


def plot_coefficients(
    true: Float[Array | np.ndarray, "harmonic level"],
    found: Float[Array | np.ndarray, "_ _"],
    radii: Sequence[float],
    *,
    label: str = "coefficient [%]",
    scale: float = 100.0,
    title: str = "",
) -> Figure:
    """Coefficients that were found against the true ones, a panel a level, and their correlation by degree.

    Args:
        true: `(harmonic, level)`.
        found: Likewise.
        radii: Of the levels [m].
        label: Quantity and unit.
        scale: What coefficients are multiplied with.
        title: Text above all.

    Returns:
        The figure.

    Raises:
        ValueError: If the shapes do not fit.
    """
    true, found = scale * np.asarray(true, float), scale * np.asarray(found, float)
    if true.shape != found.shape or true.ndim != 2 or true.shape[1] != len(radii):
        raise ValueError(f"`true` {true.shape} and `found` {found.shape} must be (harmonic, level) of {len(radii)} `radii`.")
    degrees = np.floor(np.sqrt(np.arange(len(true)) + 0.5)).astype(int)
    most = 1.08 * max(float(np.abs(true).max()), float(np.abs(found).max())) or 1.0
    figure = new_figure(0.8 + 2.15 * (len(radii) + 1), 2.75)
    figure.suptitle(title, fontsize="medium")
    panels = figure.subplots(1, len(radii) + 1)
    cloud = None
    for column, (axes, r) in enumerate(zip(panels, radii, strict=False)):
        axes.axline((0, 0), slope=1, color="black", linewidth=0.7, alpha=0.6)
        cloud = axes.scatter(
            true[:, column], found[:, column], c=degrees, s=16, cmap="viridis", vmin=-0.5, vmax=degrees[-1] + 0.5, linewidths=0
        )
        axes.set(xlim=(-most, most), ylim=(-most, most), aspect="equal", xlabel=f"true {label}")
        axes.set_title(f"r = {r / 1e3:.4g} km", fontsize="medium")
        told = axes.text(
            0.05,
            0.93,
            f"R = {correlation(true[:, column], found[:, column]):.3f}",
            transform=axes.transAxes,
            va="top",
            fontsize="small",
        )
        told.set_path_effects([patheffects.withStroke(linewidth=2, foreground="white")])
        if column:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel(f"found {label}")
    assert cloud is not None
    figure.colorbar(cloud, ax=panels[-2], label="degree", ticks=range(degrees[-1] + 1), fraction=0.05, pad=0.03)
    by_degree = [correlation(true[degrees == d], found[degrees == d]) for d in range(degrees[-1] + 1)]
    panels[-1].bar(range(degrees[-1] + 1), by_degree, color="tab:blue", alpha=0.75, width=0.7)
    panels[-1].axhline(1, color="black", linewidth=0.6, linestyle=":")
    panels[-1].set(xlabel="degree", ylim=(min(0.0, *by_degree), 1.08), xticks=range(degrees[-1] + 1))
    panels[-1].set_box_aspect(1)
    panels[-1].set_title("correlation R", fontsize="medium")
    panels[-1].spines[["top", "right"]].set_visible(False)
    return figure


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson's correlation of two sets of numbers, 0 where one of them does not vary.

    Args:
        a: Numbers.
        b: As many.

    Returns:
        R, -1 to 1.
    """
    a, b = (np.ravel(np.asarray(v, float)) - np.mean(np.asarray(v, float)) for v in (a, b))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else 0.0
