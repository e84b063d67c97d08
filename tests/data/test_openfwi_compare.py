"""What is told of gathers that differ from the operator's in known ways."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi, openfwi_compare
from adseis.data.openfwi_compare import difference


def altered(gathers, alteration):
    """A known difference."""
    changed = gathers.copy()
    if alteration == "last row":
        changed[:, :, -1] = 0
    return {"turned": -changed, "doubled": 2 * changed}.get(alteration, changed)


@pytest.mark.parametrize(
    ("alteration", "sign", "scale", "last"),
    [("none", 1, 1, 0), ("turned", -1, 1, 0), ("doubled", 1, 2, 0), ("last row", 1, 1, 1)],
)
def test_known_differences(alteration, sign, scale, last):
    """Each alone, and exactly: the numbers are doubled or turned, not rounded."""
    simulated = np.random.default_rng(0).standard_normal((2, 5, 100, 7))
    found = difference("style-a", altered(simulated, alteration), simulated)
    assert (found.samples, found.sign, found.last) == (2, sign, last)
    assert found.scale == pytest.approx(scale, rel=1e-15)
    assert max(found.rest, found.first) < 1e-15


def test_noise_and_silence():
    """A tenth of noise leaves a tenth; of other gathers all is left; rows that are zero in both say nothing."""
    rng = np.random.default_rng(1)
    simulated = rng.standard_normal((3, 5, 400, 20))
    simulated[:, :, 0] = 0
    noise = rng.standard_normal(simulated.shape) * (simulated != 0)
    assert difference("style-a", simulated + 0.1 * noise, simulated).rest == pytest.approx(0.1, rel=0.02)
    assert difference("style-a", noise, simulated).rest > 0.99
    assert np.isnan(difference("style-a", simulated, simulated).first)
    assert difference("style-a", simulated, 0 * simulated).rest == 1


def imitated(maps, devices=None):
    """Gathers that tell of which map they are."""
    return jnp.broadcast_to(maps[:, :1, :1, None], (len(maps), 5, 1000, 70)) * jnp.linspace(1, 2, 1000, dtype=maps.dtype).reshape(
        1, 1, 1000, 1
    )


def stored(folder, simulate, samples=2):
    """Files of three subsets, of which two differ."""
    rng = np.random.default_rng(2)
    for subset, alteration in (("flat-vel-a", "none"), ("curve-fault-a", "turned"), ("style-b", "doubled")):
        rows = rng.uniform(2000, 4000, (samples, 70, 1)).astype("float32")
        maps = np.sort(rows, 1) * np.ones((samples, 70, 70), "float32")
        for path, values in zip(
            openfwi.shard_paths(folder, subset, 0), (altered(np.asarray(simulate(maps)), alteration), maps), strict=True
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, values)
    return openfwi.Dataset(folder)


def test_samples_of_all_subsets(tmp_path, monkeypatch, capsys):
    """By turns, each with its own difference; the same by the same seed; a table is printed, or nothing."""
    monkeypatch.setattr(openfwi_compare, "simulate_maps", imitated)
    data = stored(tmp_path, imitated)
    found = openfwi.compare(data, samples=4)
    assert [(d.subset, d.samples, d.sign) for d in found.differences] == [
        ("flat-vel-a", 2, 1),
        ("curve-fault-a", 1, -1),
        ("style-b", 1, 1),
    ]
    assert [d.scale for d in found.differences] == pytest.approx([1, 1, 2], rel=1e-6)
    assert [number // 2 for number in found.numbers] == [0, 0, 1, 2]
    assert [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["FlatVel-A", "2", "+1", "1"],
        ["CurveFault-A", "1", "-1", "1"],
        ["Style-B", "1", "+1", "2"],
    ]
    assert openfwi.compare(data, samples=4, quiet=True) == found
    assert capsys.readouterr().out == ""
    assert len(openfwi.compare(data, samples=99, quiet=True).numbers) == 6
    with pytest.raises(ValueError, match="`samples` = 0 of 6 must be one at least"):
        openfwi.compare(data, samples=0)
    np.save(data.pairs[0].gathers.path, np.ones((2, 5, 72, 72)))
    with pytest.raises(ValueError, match=r"gathers of \(5, 72, 72\) cannot be compared"):
        openfwi.compare(openfwi.Dataset(tmp_path, subsets="FVA"))


@pytest.mark.slow
@pytest.mark.optimised
def test_the_operator_agrees_with_its_own_files(tmp_path):
    """Float32 there and back: the rest is rounding, 1e-5 at most; of the ends, where little is left, 1e-3 of themselves."""
    data = stored(tmp_path, jax.jit(openfwi.simulate_maps), 1)
    found = openfwi.compare(data, samples=3, quiet=True).differences
    assert [d.sign for d in found] == [1, -1, 1]
    assert [d.scale for d in found] == pytest.approx([1, 1, 2], rel=1e-5)
    assert max(d.rest for d in found) < 1e-5
    assert max(max(d.first, d.last) for d in found) < 1e-3
