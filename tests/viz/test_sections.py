"""Sections: what is drawn where, on which scale."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from adseis.viz.figures import new_figure
from adseis.viz.sections import plot_section, plot_sections

VP = 1500 + np.arange(12.0).reshape(3, 4)


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_section_geometry():
    """Pixels are centred on their nodes, z grows downwards, and positions are (z, x) in kilometres; exact but for rounding."""
    sources, receivers = np.array([[[1000.0, 2000.0]]]), np.array([[0.0, 0.0], [0.0, 6000.0]])
    figure = plot_section(VP, (1000.0, 2000.0), title="true", points={"sources": sources, "receivers": receivers})
    (axes,) = panels(figure)
    np.testing.assert_allclose(axes.images[0].get_extent(), (-1, 7, 2.5, -0.5))
    np.testing.assert_array_equal(axes.images[0].get_array(), VP)
    assert axes.get_ylim() == (2.5, -0.5)
    drawn = {line.get_marker(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(drawn["*"], [[2, 1]])
    np.testing.assert_allclose(drawn["v"], [[0, 0], [6, 0]])
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("true", "x [km]", "z [km]")


def test_scales():
    """Models share one scale; differences have their own, symmetric about zero."""
    differences = {"b - a": np.full_like(VP, 100), "c - a": np.full_like(VP, -7)}
    figure = plot_sections({"a": VP, "b": VP + 100, "c": jnp.asarray(VP)}, 10.0, differences=differences)
    axes = panels(figure)
    assert [a.get_title() for a in axes] == ["a", "b", "c", "b - a", "c - a"]
    assert [a.images[0].get_clim() for a in axes] == [(1500, 1611)] * 3 + [(-100, 100)] * 2


def test_layout():
    """Panels with their labels lie apart and inside the figure once laid out, to a pixel; the first drawing chooses the ticks."""
    figure = plot_sections({"a": VP, "b": VP}, 10.0, differences={"d": VP - VP}, points={"receivers": np.zeros((300, 2))})
    figure.draw_without_rendering()
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in panels(figure)]
    for i, box in enumerate(boxes):
        assert all(not box.overlaps(other) for other in boxes[:i])
        assert box.x0 > -1
        assert box.x1 < figure.bbox.width + 1


def test_given_axes_and_limits():
    figure = new_figure(4.0, 3.0)
    assert plot_section(VP, 10.0, axes=figure.add_subplot(), limits=(0.0, 1.0)) is figure
    assert panels(figure)[0].images[0].get_clim() == (0, 1)


def test_faults():
    """Unwrapped, since the type checker of the tests forestalls the error of shape that users see."""
    with pytest.raises(ValueError, match=r"\(2, 3, 4\); a section has axes"):
        inspect.unwrap(plot_section)(np.zeros((2, 3, 4)), 10.0)
    with pytest.raises(ValueError, match="`points` has keys"):
        plot_section(VP, 10.0, points={"source": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="`sections` is empty"):
        plot_sections({}, 10.0)
