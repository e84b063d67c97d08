"""Curves of misfit."""

import numpy as np
import pytest

from adseis.viz.curves import plot_curve


def test_several_curves():
    figure = plot_curve({"a": [3.0, 2.0, 1.0], "b": np.array([1.0, 0.5])}, x={"a": np.arange(3), "b": np.array([5, 6])})
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [[5, 1], [6, 0.5]])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_one_curve_that_reaches_zero():
    """Zero has no logarithm: the ordinate is linear, and a nameless curve has no legend."""
    (axes,) = plot_curve([1.0, 0.0]).axes
    assert axes.get_yscale() == "linear"
    assert axes.get_legend() is None


def test_faults():
    with pytest.raises(ValueError, match=r"the shapes are {'a': \(0,\)}"):
        plot_curve({"a": np.zeros(0)})
    with pytest.raises(ValueError, match="the shapes are none"):
        plot_curve({})
