"""Sheets of pictures, and histograms from counts."""

import numpy as np
import pytest

from adseis.viz.histograms import plot_histograms
from adseis.viz.sheets import plot_sheet


def test_sheet():
    """A row a title, as many columns as the longest has, one colour scale."""
    figure = plot_sheet({"a": np.zeros((2, 4, 5)), "b": np.ones((3, 4, 5))})
    images = [axes.get_images()[0] for axes in figure.axes if axes.get_images()]
    assert len(images) == 5
    assert {image.get_clim() for image in images} == {(0.0, 1.0)}
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")] == ["a", "b"]


def test_histograms():
    """Shares of all values; what is marked is seen."""
    figure = plot_histograms({"a": np.array([0, 1, 3])}, np.arange(4.0), xlabel="vp", marks={"a": (-5.0, 2.0)})
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.patches[0].get_data().values, [0, 0.25, 0.75])
    assert axes.get_xlim()[0] < -5 < 3 < axes.get_xlim()[1]
    assert len(axes.lines) == 2


def test_nothing_to_draw():
    with pytest.raises(ValueError, match=r"`rows` needs .* none"):
        plot_sheet({})
    with pytest.raises(ValueError, match=r"the shapes are {'a': \(0, 4, 5\)}"):
        plot_sheet({"a": np.zeros((0, 4, 5))})
    with pytest.raises(ValueError, match=r"rows of 3 bins; the shapes are {'a': \(2,\)}"):
        plot_histograms({"a": np.zeros(2)}, np.arange(4.0), xlabel="vp")
