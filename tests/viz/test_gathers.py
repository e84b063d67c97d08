"""Gathers: scales, clipping and geometry."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from adseis.viz.gathers import plot_gather, plot_gathers, plot_wiggles

GATHER = np.linspace(-1, 1, 101 * 5).reshape(101, 5)


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_gather_geometry_and_clip():
    """Samples are centred on t = k dt; colours saturate at the percentile asked for. Exact but for rounding."""
    figure = plot_gather(jnp.asarray(GATHER), 0.01, distances=np.arange(5) * 100.0, clip=50.0, title="shot 0")
    image = panels(figure)[0].images[0]
    np.testing.assert_allclose(image.get_extent(), (-0.05, 0.45, 1.005, -0.005))
    np.testing.assert_allclose(image.get_clim(), np.array([-1, 1]) * np.percentile(np.abs(GATHER), 50))
    assert panels(figure)[0].get_xlabel() == "x [km]"


def test_silent_and_single_traces():
    """A silent gather and a single receiver are drawn with a scale that is not empty."""
    for gather in (np.zeros((9, 1)), np.eye(40)):
        low, high = panels(plot_gather(gather, 0.1))[0].images[0].get_clim()
        assert low < high


def test_gathers_share_the_first_scale():
    figure = plot_gathers({"observed": GATHER, "before": 10 * GATHER}, 0.01)
    assert len(figure.axes) == 3  # two panels, one colour bar
    assert panels(figure)[0].images[0].get_clim() == panels(figure)[1].images[0].get_clim()


def test_wiggles():
    """The largest swing of the first gather is one distance between drawn traces; exact but for rounding."""
    figure = plot_wiggles({"observed": GATHER, "after": 0.5 * GATHER}, 0.01, distances=np.arange(5) * 100.0, traces=3)
    lines = figure.axes[0].lines
    assert len(lines) == 6
    swing = lines[2].get_xdata() - 0.4
    np.testing.assert_allclose(np.abs(swing).max(), 0.2)
    np.testing.assert_allclose(lines[5].get_xdata() - 0.4, 0.5 * swing, atol=1e-15)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["observed", "after"]


def test_faults():
    """Unwrapped where the type checker of the tests forestalls the error of shape that users see."""
    with pytest.raises(ValueError, match=r"\(1, 101, 5\); draw one shot"):
        inspect.unwrap(plot_gather)(GATHER[None], 0.01)
    with pytest.raises(ValueError, match="gathers of one shape"):
        inspect.unwrap(plot_gathers)({"a": GATHER, "b": GATHER[:5]}, 0.01)
    with pytest.raises(ValueError, match="one or more gathers"):
        plot_wiggles({}, 0.01)
