"""How a network learns and what it predicts; drawn, since tests of runs do without pictures."""

import numpy as np
import pytest

from adseis.viz.training import plot_learning, plot_predictions


def test_learning():
    """Loss and its terms, errors of each subset beside their mean, the gradient and the rate; zeros are left out."""
    step = {"kind": "step", "loss": 2.0, "value": 1.5, "edges": 0.5, "gradient": 3.0, "strength": 1.0, "seconds": 0.1}
    check = {"kind": "validation", "MAE": 90.0, "MAE of a": 80.0, "MAE of b": 100.0, "SSIM": 0.5}
    lines = [step | {"step": 1}, step | {"step": 2, "edges": 0.0}, check | {"step": 2}]
    figure = plot_learning(lines, rate={1: 1e-3, 2: 5e-4}, title="tiny")
    figure.draw_without_rendering()
    loss, error, slope, likeness, beside = figure.axes
    assert [line.get_label() for line in loss.lines] == ["loss", "value", "edges"]
    assert [len(line.get_xdata()) for line in loss.lines] == [2, 2, 1]
    assert [line.get_label() for line in error.lines] == ["a", "b", "mean"]
    assert [len(axes.lines) for axes in (slope, likeness, beside)] == [1, 1, 1]
    check = {"kind": "validation", "step": 2, "misfit": 0.2, "median misfit": 0.1}
    assert [axes.get_ylabel() for axes in plot_learning([*lines[:2], check]).axes[1::2]] == [
        *("misfit of the waveforms", "its median")
    ]
    with pytest.raises(ValueError, match="nothing to draw yet"):
        plot_learning(lines[2:])


def test_predictions():
    """Truth and prediction on one scale, the difference on its own."""
    true = np.linspace(2000, 3000, 24).reshape(2, 3, 4)
    figure = plot_predictions(true, true + 10.0, names=("a", "b"))
    figure.draw_without_rendering()
    images = [axes.get_images()[0] for axes in figure.axes if axes.get_images()]
    assert [image.get_clim() for image in images] == [(2000.0, 3000.0)] * 4 + [(-10.0, 10.0)] * 2
    assert [axes.get_xlabel() for axes in figure.axes[4:6]] == ["MAE 10 m/s"] * 2
    alone = plot_predictions(None, true, names=("a", "b"))
    assert [axes.get_title() for axes in alone.axes if axes.get_images()] == ["a", "b"]
    with pytest.raises(ValueError, match=r"maps \(sample, z, x\) of one shape"):
        plot_predictions(true, true[:1])
    with pytest.raises(ValueError, match="`refined`"):
        plot_predictions(true, true, refined=true[:1])


def test_what_was_refined():
    """Stands below what was predicted, and the difference is that of it."""
    true = np.linspace(2000, 3000, 24).reshape(2, 3, 4)
    figure = plot_predictions(true, true + 100.0, refined=true + 10.0)
    assert [axes.get_ylabel() for axes in figure.axes[:8:2]] == ["truth", "prediction", "refined", "difference"]
    assert [axes.get_xlabel() for axes in figure.axes[6:8]] == ["MAE 10 m/s"] * 2
