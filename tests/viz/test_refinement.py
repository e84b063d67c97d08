"""The page of a refined map."""

import numpy as np
import pytest

from adseis.optimizers.path import Iterate
from adseis.viz.refinement import Refinement, plot_refinement, stages_of


def shown(truth):
    rng = np.random.default_rng(0)
    maps = 2000 + 100 * rng.random((3, 12, 16))
    gathers = rng.standard_normal((3, 40, 16))
    stages = [np.array([[0.0, 1.0], [10.0, 0.1]]), np.array([[10.0, 0.5]])]
    return Refinement(maps[0], maps[1], maps[2] if truth else None, 10.0, *gathers, dt=1e-3, stages=stages)


@pytest.mark.parametrize("truth", [True, False], ids=["with the truth", "without"])
def test_panels(truth):
    """What is drawn is what is named: the error against the truth, else the change; residuals of both maps; a line a stage."""
    data = shown(truth)
    figure = plot_refinement(data, "map 3")
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    name, other = ("refined - truth", data.truth) if truth else ("refined - start", data.start)
    assert ("truth" in panels) == truth
    np.testing.assert_array_equal(panels[name].images[0].get_array(), data.refined - other)
    np.testing.assert_array_equal(panels["observed - refined"].images[0].get_array(), data.observed - data.after)
    np.testing.assert_array_equal(panels["observed - start"].images[0].get_array(), data.observed - data.before)
    lines = panels["misfit"].lines
    assert [line.get_xydata().tolist() for line in lines] == [stage.tolist() for stage in data.stages]
    limits = {panels[name].images[0].get_clim() for name in ("start", "refined")}
    assert len(limits) == 1


def test_no_stage():
    """A map of which nothing was lowered is drawn all the same."""
    assert plot_refinement(shown(True)._replace(stages=[])).axes


def test_stages_of_a_history():
    """Costs go on from stage to stage."""
    history = [Iterate(v, 0.0, n, i) for v, n, i in ((9, 0, 0), (8, 5, 1), (4, 0, 0), (3, 6, 1), (2, 9, 2))]
    assert [stage.tolist() for stage in stages_of(history)] == [[[0, 9], [5, 8]], [[5, 4], [11, 3], [14, 2]]]
    assert stages_of([]) == []
