"""Records that grow after their sources have ended are told of."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.waves.growth import grows

PLAIN = ads.CPML(20, reflection=1e-6, multiaxial=0.0)


def layered(nt, boundary):
    """Layers of six rows, fast and slow in turn: damping across the layers of the boundary alone, they grow from 1.2 s on."""
    grid = ads.Grid((40, 50), 10.0, 1e-3, nt)
    soft = ((np.arange(40) // 6) % 2 == 0)[:, None] * np.ones((1, 50), bool)
    values = [np.where(soft, a, b) for a, b in ((2500.0, 5500.0), (1000.0, 3100.0), (2100.0, 2800.0))]
    s = np.asarray(ads.wavelets.ricker(8.0, nt, grid.dt))[None, None]
    survey = ads.Survey(ads.Force([[[100.0, 250.0]]], s, [[[1.0, 0.0]]]), [[100.0, 100.0], [200.0, 400.0]])
    return lambda scale: ads.simulate_elastic(
        ads.ElasticMedium(*(scale * jnp.asarray(v) for v in values)), survey, grid, boundary=boundary, record="vz"
    )


@pytest.mark.optimised
def test_layers_that_grow():
    """A plain layer is told of, and by a certificate too; the default one is silent, and so it ought to be: it fades."""
    with pytest.warns(UserWarning, match="the records grow at their end"):
        grown = layered(1500, PLAIN)(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gather = layered(1500, ads.CPML())(1.0)
    assert np.abs(grown[:, -100:]).max() > np.abs(gather).max()
    assert np.abs(gather[:, -100:]).max() < 1e-2 * np.abs(gather).max()


@pytest.mark.slow
def test_a_certificate_tells():
    simulate = layered(1500, PLAIN)
    assert "records grow" in str(ads.certify(lambda scale: jnp.sum(simulate(scale) ** 2), 1.0, progress=False))


def test_what_is_growth():
    """Echoes after a silence, and waves that are still on their way, are none."""
    grid, rng = ads.Grid((40, 50), 10.0, 1e-3, 1000), np.random.default_rng(0)
    survey = ads.Survey(ads.Explosion([[[100.0, 100.0]]], np.hanning(100).tolist() + [0.0] * 900), [[100.0, 400.0]])
    (emission,), at = survey.emissions(grid), survey.receiver_positions(1, grid)
    sources = [(emission.position, emission.samples)]
    t = grid.times
    pulse = lambda when, width=0.02: np.exp(-(((t - when) / width) ** 2))  # noqa: E731
    told = lambda trace: grows([trace[None, :, None]], [np.full((40, 50), 1500.0)], sources, at, grid)  # noqa: E731
    noise = 1e-4 * rng.standard_normal(1000)
    assert not told(pulse(0.3) + 0.3 * pulse(0.9) + noise)
    assert not told(pulse(0.3) + 0.3 * pulse(0.97) + noise)
    assert told(pulse(0.3) + 1e-3 * np.exp(t / 0.05 - 10))
    assert not told(pulse(0.3) + 1e-2 * np.exp((t - 1.0) / 0.05))  # so far it may be an echo
    assert told(pulse(0.3) + 0.2 * np.exp((t - 1.0) / 0.05))
    assert told(np.where(t > 0.9, np.nan, 0.0))
