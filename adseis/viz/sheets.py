"""A sheet of small pictures: what a data set looks like, at a glance."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Array, Real
from matplotlib.figure import Figure

from adseis.viz.figures import new_figure


def plot_sheet(
    rows: Mapping[str, Real[Array | np.ndarray, "_ z x"]],
    *,
    limits: tuple[float, float] | None = None,
    label: str = "vp [m/s]",
    colormap: str = "viridis",
    stretched: bool = False,
) -> Figure:
    """Rows of pictures on one colour scale, without axes.

    Args:
        rows: Title -> pictures of a row, `(picture, z, x)`.
        limits: Ends of the colour scale; by default the extremes of all.
        label: Quantity and unit, beside the colour bar.
        colormap: Name of a Matplotlib colour map.
        stretched: Whether pictures are drawn as squares whatever their shape, as suits gathers.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw, or a row has not three axes.
    """
    pictures = {title: np.asarray(row) for title, row in rows.items()}
    wrong = {title: row.shape for title, row in pictures.items() if row.ndim != 3 or row.size == 0}
    if wrong or not pictures:
        raise ValueError(f"`rows` needs one or more rows of pictures (picture, z, x); the shapes are {wrong or 'none'}.")
    if limits is None:
        limits = (min(float(row.min()) for row in pictures.values()), max(float(row.max()) for row in pictures.values()))
    columns = max(len(row) for row in pictures.values())
    figure = new_figure(1.2 + 1.3 * columns, 0.2 + 1.45 * len(pictures))
    panels = figure.subplots(len(pictures), columns, squeeze=False)
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
        axes.set_frame_on(False)
    image = None
    for line, (title, row) in zip(panels, pictures.items(), strict=True):
        line[0].set_title(title, fontsize="small", loc="left")
        for axes, picture in zip(line, row, strict=False):
            image = axes.imshow(
                picture,
                vmin=limits[0],
                vmax=limits[1],
                cmap=colormap,
                interpolation="nearest",
                aspect=picture.shape[1] / picture.shape[0] if stretched else "equal",
            )
    assert image is not None
    figure.colorbar(image, ax=list(panels.flat), label=label, shrink=min(1.0, 3 / len(pictures)), aspect=15)
    return figure
