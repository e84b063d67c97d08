"""Location: position and time function together, from anywhere; the Gaussian source."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

import adseis as ads
from adseis.inversion.location import gaussian_source, locate
from adseis.objectives.bands import Band

GRID = ads.Grid(shape=(30, 40), spacing=10.0, dt=1.5e-3, nt=240)
MEDIUM = ads.ScalarMedium((2000 + GRID.coordinates(0)[:, None] * np.ones(GRID.shape)).astype("float32"))
ALONG = np.linspace(20, 370, 10)
RECEIVERS = np.concatenate([np.stack([np.full(10, z), ALONG], -1) for z in (20.0, 270.0)])
TRUE = np.array([[[183.3, 217.7]]], "float32")
PULSE = ads.wavelets.ricker(12.0, GRID.nt, GRID.dt, dtype="float32")[None, None]
BANDS = [Band(4.0, 30), Band(8.0, 30), Band(None, 200)]  # wavelengths of 500, 250 and, at 30 Hz, 70 m


def forward(position, time_function, width=None):
    source = ads.Explosion(position, time_function)
    if width is not None:
        source = gaussian_source(position, time_function, GRID, width=width)
    return ads.simulate_scalar(MEDIUM, ads.Survey(source, RECEIVERS), GRID, boundary=ads.CPML(width=10))


def far(found):
    """Distance in cells, and the largest error of the time function over its peak."""
    moved = np.linalg.norm(found.position - TRUE) / GRID.spacing[0]
    return moved, np.abs(found.time_function - PULSE).max() / np.abs(PULSE).max()


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize(("width", "seed"), [(None, 0), (5.0, 1)], ids=["point", "gaussian"])
def test_finds_both_from_a_random_start(width, seed):
    """Within 0.1 cell and 2 % of the peak; 0.0002 cells and 1 % measured, from 9 and 11 cells away."""
    run = lambda x, s: forward(x, s, width)  # noqa: E731
    start = np.random.default_rng(seed).uniform([50, 50], [240, 340])[None, None].astype("float32")
    found = locate(run, run(TRUE, PULSE), start, GRID, reach=100.0, margin=20.0, bands=BANDS, progress=False)
    assert np.linalg.norm(start - TRUE) > 80
    moved, changed = far(found)
    assert moved < 0.1
    assert changed < 0.02


@pytest.mark.optimised
@pytest.mark.slow
def test_noise_moves_little():
    """Noise of 10 % of the data's peak: the position within 0.1 cell (0.02 measured); the time function takes up noise, 16 % of
    its peak at worst."""
    observed = np.asarray(forward(TRUE, PULSE))
    observed = observed + 0.1 * np.abs(observed).max() * np.random.default_rng(1).standard_normal(observed.shape).astype(
        "float32"
    )
    start = np.array([[[171.0, 128.0]]], "float32")
    found = locate(forward, observed, start, GRID, reach=100.0, margin=20.0, bands=BANDS, progress=False)
    moved, changed = far(found)
    assert moved < 0.1
    assert changed < 0.35


def test_gaussian_source():
    """Weights sum to one; the mean of the nodes is the position but for what lies beyond four widths; its gradient is exact
    next to an edge, which cuts it."""
    source = gaussian_source(TRUE, PULSE, GRID, width=8.0)
    weights = np.asarray(source.time_function @ PULSE[0, 0] / (PULSE[0, 0] @ PULSE[0, 0]))[0]
    assert weights.sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(weights @ np.asarray(source.position)[0], TRUE[0, 0], atol=0.05)
    grid = ads.Grid(GRID.shape, 10.0, 1.5e-3, 60)
    pulse = jnp.asarray(np.hanning(60))[None, None]

    def energy(position):
        survey = ads.Survey(gaussian_source(position, pulse, grid, width=5.0), RECEIVERS[:4])
        medium = ads.ScalarMedium(jnp.asarray(MEDIUM.vp, float))
        return jnp.sum(ads.simulate_scalar(medium, survey, grid, boundary=ads.CPML(width=5)) ** 2)

    first, second = taylor_slopes(energy, jnp.array([[[4.0, 77.0]]]), jnp.full((1, 1, 2), 0.8))
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"reach": 0.0}, "`reach` = 0.0 m must be positive"),
        ({"reach": 50.0, "margin": 200.0}, "`position` starts off the grid, or within `margin` = 200.0 m"),
    ],
)
def test_errors(options, match):
    with pytest.raises(ValueError, match=match):
        locate(forward, np.ones((1, GRID.nt, 20), "float32"), TRUE, GRID, **options)
    with pytest.raises(ValueError, match="`width` = 0.0 m must be positive"):
        gaussian_source(TRUE, PULSE, GRID, width=0.0)
