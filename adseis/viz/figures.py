"""Figures without global state: drawn off screen, returned, saved whole or not at all."""

import io
import tempfile
import webbrowser
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from adseis.files import written_whole


class _Figure(Figure):
    """A figure that a notebook shows as it is, without `%matplotlib inline`."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=110)
        return picture.getvalue()

    def show(self, warn: bool = True) -> None:
        """Open the picture in the browser, for scripts: pyplot, which has windows, does not know the figure."""
        path = save_figure(self, Path(tempfile.mkdtemp(prefix="adseis-")) / "figure.png")
        if not webbrowser.open(path.as_uri()):
            raise RuntimeError(f"there is no browser to show the figure in; it was written to `{path}`")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that lays itself out, drawn by Agg, unknown to pyplot: fit for threads, servers and notebooks.

    Args:
        width: Width [inch].
        height: Height [inch].

    Returns:
        The figure.
    """
    figure = _Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_of(axes: Axes) -> Figure:
    """The whole figure that `axes` belongs to.

    Args:
        axes: Axes of a figure or of a subfigure.

    Returns:
        The figure.

    Raises:
        ValueError: If `axes` was removed from its figure.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("`axes` belongs to no figure any more; pass axes of a living figure.")
    return figure


def save_figure(figure: Figure, path: str | Path, *, dpi: int = 150) -> Path:
    """Write a figure, whole or not at all; the extension of the path gives the format.

    Args:
        figure: The figure.
        path: File to write, such as `model.png` or `model.pdf`.
        dpi: Resolution of pixel formats [1/inch].

    Returns:
        The path.

    Raises:
        ValueError: If the extension is no format that Matplotlib writes.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in formats:
        raise ValueError(f"`{path}`: no picture format {path.suffix!r}; use one of {', '.join(sorted(formats))}.")
    figure.draw_without_rendering()  # chooses the ticks, whose width the layout of the next drawing needs
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format=path.suffix[1:])
    return path
