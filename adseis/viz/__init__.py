"""Pictures: sections of models, gathers, curves, large data; every one a matplotlib figure, saved whole by `save_figure`."""

from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.gathers import plot_gather, plot_gathers
from adseis.viz.histograms import plot_histograms
from adseis.viz.sections import plot_section, plot_sections
from adseis.viz.sheets import plot_sheet

__all__ = [
    "plot_curve",
    "plot_gather",
    "plot_gathers",
    "plot_histograms",
    "plot_section",
    "plot_sections",
    "plot_sheet",
    "save_figure",
]
