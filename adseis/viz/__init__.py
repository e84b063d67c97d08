"""Pictures: sections of models, gathers, curves; every one a matplotlib figure, saved whole by `save_figure`."""

from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.gathers import plot_gather, plot_gathers
from adseis.viz.sections import plot_section, plot_sections

__all__ = ["plot_curve", "plot_gather", "plot_gathers", "plot_section", "plot_sections", "save_figure"]
