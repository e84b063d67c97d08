"""The page of quality control."""

import numpy as np

from adseis.viz.quality import Quality, plot_quality


def test_six_panels_with_missing_picks():
    """Nothing fails where no arrival was picked, and what is beyond half a period is told apart."""
    rng = np.random.default_rng(0)
    picks = np.full((2, 9), np.nan)
    picks[0, :5] = 0.2
    quality = Quality(
        frequencies=np.linspace(0, 100, 51),
        spectrum=np.exp(-np.linspace(0, 5, 51)),
        corners=(5.0, 10.0),
        carried=12.0,
        model=np.full((10, 20), 2000.0),
        spacing=(10.0, 10.0),
        sources=np.array([[[10.0, 20.0]], [[10.0, 150.0]]]),
        receivers=np.stack([np.full(9, 80.0), np.linspace(10, 170, 9)], -1),
        gather=rng.standard_normal((40, 9)),
        shot=0,
        dt=0.01,
        offsets=np.abs(rng.standard_normal((2, 9))),
        observed=picks,
        predicted=picks,
        differences=np.where(np.arange(9) == 2, 0.3, 0) + 0 * picks,
        half_period=0.1,
        weights=np.ones((2, 9)),
    )
    figure = plot_quality(quality)
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert len(panels) == 6
    drawn = {line.get_label(): line.get_xydata() for line in panels["is a cycle skipped?"].lines}
    assert len(drawn["beyond"]) == 1
    assert len(drawn["within half a period"]) == 4
