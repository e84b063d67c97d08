"""Small gathers: against loops of NumPy, alone, compiled and batched; and a dataset written small."""

import jax
import numpy as np
import pytest
from helpers import assert_same

from adseis.data import openfwi

GATHERS = np.random.default_rng(0).standard_normal((2, 5, 1000, 70))


def shrunk(gathers):
    """The definition, in loops: means of 14 to 16 samples, then the edges repeated."""
    shots, samples, traces = gathers.shape
    small = np.zeros((shots, 72, traces + 2))
    for row in range(70):
        first, last = row * samples // 70, int(np.ceil((row + 1) * samples / 70))
        small[:, row + 1, 1:-1] = gathers[:, first:last].mean(1)
    small[:, 0], small[:, -1] = small[:, 1], small[:, -2]
    small[:, :, 0], small[:, :, -1] = small[:, :, 1], small[:, :, -2]
    return small


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
def test_shrink_is_its_definition(dtype, tolerance):
    """Rounding of means of 16 numbers near 1; under jit, under vmap, and of a batch alike."""
    expected = np.stack([shrunk(gathers) for gathers in GATHERS])
    data = GATHERS.astype(dtype)
    for run in (jax.jit(openfwi.shrink), jax.jit(jax.vmap(openfwi.shrink))):
        small = run(data)
        assert (small.shape, small.dtype) == ((2, 5, 72, 72), dtype)
        np.testing.assert_allclose(small, expected, rtol=0, atol=tolerance)


def test_shrink_is_linear_and_keeps_constants():
    """Its pull-back of ones sums to the number of values, edges counted as often as they were repeated."""
    ones = np.ones((1, 140, 3))
    small, pull = jax.vjp(openfwi.shrink, ones)
    assert_same(small, np.ones((1, 72, 5)), 1e-14)
    assert float(pull(np.ones_like(small))[0].sum()) == pytest.approx(72 * 5, rel=1e-12)


def test_errors():
    """Too few samples."""
    with pytest.raises(ValueError, match=r"`gathers` \(5, 60, 70\) must be .* with 70 samples of time at least"):
        openfwi.shrink(np.ones((5, 60, 70)))


def test_a_dataset_written_small(tmp_path):
    """As float16 under the same names, read as such; what is there is not written again."""
    maps = np.full((2, 70, 70), 2000.0)
    for subset in ("flat-vel-a", "flat-fault-a"):
        openfwi.write_shard(tmp_path / "full", subset, 0, GATHERS, maps)
    data, target = openfwi.Dataset(tmp_path / "full"), tmp_path / "small"
    assert openfwi.write_shrunk(data.part("train"), target) == 2
    assert openfwi.write_shrunk(data, target) == 0
    (target / "FlatVel_A" / "model" / "model1.npy").unlink()
    assert openfwi.write_shrunk(data, target) == 1
    assert np.load(target / "FlatFault_A" / "seis2_1_0.npy").dtype == "float16"
    small = openfwi.Dataset(target)
    assert [pair.name for pair in small.pairs] == [pair.name for pair in data.pairs]
    np.testing.assert_array_equal(small[3].gathers, np.asarray(openfwi.shrink(data[3].gathers)).astype("float16"))
    with pytest.raises(ValueError, match="is that of the data itself"):
        openfwi.write_shrunk(data, tmp_path / "full")
    with pytest.raises(ValueError, match=r"are \(5, 72, 72\) already"):
        openfwi.write_shrunk(small, tmp_path / "smaller")
