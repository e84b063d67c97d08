"""Noise told from gathers alone."""

import jax
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi_noise import estimate_noise


@pytest.fixture(scope="module")
def clean():
    """Layers and a fault on a small map, 0.4 s of OpenFWI's own clock and wavelet."""
    vp = np.repeat([1600.0, 2200.0, 3100.0], 4)[:, None] * np.ones(16)
    vp[3:9, 8:] = 2600.0
    return np.asarray(jax.jit(lambda v: openfwi.simulate(v, time_function=openfwi.wavelet(nt=400)))(vp))


def noisy(clean, level, seed=0):
    return clean + level * clean.std() * np.random.default_rng(seed).standard_normal(clean.shape)


def test_clean_gathers(clean):
    """Next to nothing in float64, and in the float32 that OpenFWI stores."""
    assert estimate_noise(clean) < 1e-3
    assert estimate_noise(clean.astype("float32")) < 1e-3


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_white_noise(clean, level, dtype):
    """Within 5 %: medians of 80 traces of some 175 frequencies; and as the gathers that it is relative to hold noise as well."""
    expected = level / np.sqrt(1 + level**2)
    assert estimate_noise(noisy(clean, level).astype(dtype)) == pytest.approx(expected, rel=0.05)


def test_bad_traces_and_hum_are_left_out(clean):
    """Five of eighty traces ten times as noisy, and hum of 100 Hz everywhere: still within 10 %, of what the data without are."""
    data = noisy(clean, 0.05)
    bad = data + 0.02 * clean.std() * np.sin(2 * np.pi * 100 * 1e-3 * np.arange(400))[None, :, None]
    bad[0, :, :5] += 0.5 * clean.std() * np.random.default_rng(1).standard_normal((400, 5))
    assert estimate_noise(bad) * np.linalg.norm(bad) / np.linalg.norm(data) == pytest.approx(0.05, rel=0.1)


def test_another_clock(clean):
    """Records of 2 ms hold less above the band, and tell as much."""
    data = noisy(clean[:, ::2], 0.05)
    assert estimate_noise(data, dt=2e-3) == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d * np.nan, "a NaN or an infinity"),
        (lambda d: d * 0, "nothing at all"),
        (lambda d: d[:, :10], "`gathers` of 10 samples of 1 ms hold too little above 60 Hz"),
    ],
    ids=["NaN", "zero", "short"],
)
def test_errors(clean, change, said):
    with pytest.raises(ValueError, match=said):
        estimate_noise(change(clean))
