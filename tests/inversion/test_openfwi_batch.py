"""Many maps: what each is given, that one's failure is its own, and what all have wrong is raised."""

import jax
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi import refine
from adseis.inversion.openfwi_batch import each_map, journal_of

GATHERS = np.arange(3.0)[:, None, None, None] * np.ones((3, 2, 5, 4))
STARTS = 2000 + np.arange(3.0)[:, None, None] * np.ones((3, 6, 4))


def told(data, start, **options):
    """What a refinement was given; one of the maps cannot be."""
    if data.mean() == 1:
        raise ValueError("`gathers` hold a NaN")
    return data.mean(), start.mean(), options


def test_each_has_its_own(tmp_path, capsys):
    """Gathers, start and journal; the others' results stand though the second fails, and the terminal tells which is at work."""
    with pytest.warns(UserWarning, match="map 1 is left as it was: `gathers` hold a NaN"):
        found = each_map(told, lambda *failed: failed, GATHERS, STARTS, journal=tmp_path / "map.h5", noise=0.1)
    for number in (0, 2):
        options = {"journal": tmp_path / f"map-{number}.h5", "progress": True, "noise": 0.1}
        assert found[number] == (number, 2000 + number, options)
    np.testing.assert_array_equal(found[1][0], STARTS[1])
    assert found[1][1] == "`gathers` hold a NaN"
    assert capsys.readouterr().err.splitlines() == [f"map {n} ({n + 1} of 3)" for n in range(3)]


def test_journals():
    assert journal_of(None, 3) is None
    assert str(journal_of("runs/map.h5", 3)) == "runs/map-3.h5"


@pytest.mark.filterwarnings("ignore:map . is left")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"initial": STARTS[:2]}, r"`initial` \(2, 6, 4\) must be \(map, z, x\), one map for each of 3 gathers"),
        ({"initial": STARTS[0]}, r"`initial` \(6, 4\) must be \(map, z, x\)"),
        ({"prior": "salt"}, r"`gathers` \(2, 5, 4\) must be those of this survey"),
        ({"evaluations": 0}, "`evaluations` = 0 must be one gradient"),
    ],
)
def test_what_is_wrong_of_all_is_raised(change, said):
    """By `refine` itself."""
    with pytest.raises(ValueError, match=said):
        refine(**({"gathers": GATHERS, "initial": STARTS, "progress": False} | change))


@pytest.mark.slow
@pytest.mark.optimised
def test_a_corrupt_map_loses_no_other(tmp_path):
    """Gathers of one map with a NaN: the other's misfit falls all the same, and only it has journals."""
    survey = {"time_function": openfwi.wavelet(25.0, 100), "sources": np.array([[1, 0], [1, 11]])}
    vp = np.repeat([1800.0, 2200.0, 2600.0], 3)[:, None] * np.ones(12)
    gathers = np.array(jax.jit(lambda v: openfwi.simulate(v, **survey))(vp))
    both = np.stack([gathers * np.nan, gathers])
    starts = np.stack([vp, vp + 60])
    with pytest.warns(UserWarning, match="map 0 is left as it was: `gathers` hold a NaN or an infinity"):
        found = refine(both, starts, prior="flat", evaluations=7, journal=tmp_path / "map.h5", progress=False, **survey)
    assert found[1].after < found[1].before
    np.testing.assert_array_equal(found[0].x, vp)
    assert found[0].message.startswith("failed: `gathers` hold a NaN")
    assert {path.name.split("-")[1] for path in tmp_path.iterdir()} == {"1"}
