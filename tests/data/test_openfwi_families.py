"""Maps in the style of OpenFWI's families: what each promises of its layers, folds, faults and noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data.openfwi_families import CONTRAST, FAMILIES, HIGH, LOW, Layers, Style, draw, family_named, key_of
from adseis.data.openfwi_layout import SUBSETS

LAYERED = [name for name, family in FAMILIES.items() if isinstance(family, Layers)]


def maps(name, count=8, seed=0):
    family = FAMILIES[name]
    return np.stack([draw(family, key_of(family, seed, sample)) for sample in range(count)])


def test_families_are_the_subsets():
    """Ten, of the names under which their files are written, with the layers that names of Fault files count."""
    assert list(FAMILIES) == list(SUBSETS)
    for name, family in FAMILIES.items():
        if SUBSETS[name].layers:
            assert (family.layers[0], family.layers[-1]) == (SUBSETS[name].layers[0], SUBSETS[name].layers[-1])


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_are_drawn_by_their_key_alone(name):
    """Shape, type and range; another seed, or another family's key, gives another map."""
    drawn = maps(name, 4)
    assert drawn.shape == (4, 70, 70)
    assert drawn.dtype == np.float32
    assert LOW <= drawn.min() < drawn.max() <= HIGH
    assert len(np.unique(drawn, axis=0)) == 4
    family = FAMILIES[name]
    others = [key_of(family, 1, 3), key_of(FAMILIES["flat-vel-a" if name != "flat-vel-a" else "flat-vel-b"], 0, 3)]
    assert all((np.asarray(draw(family, key)) != drawn[3]).any() for key in others)


@pytest.mark.parametrize("name", ["curve-fault-b", "style-b"])
def test_whoever_draws_gets_the_same_map(name):
    """In another precision to the last bit; in a batch, layers to the last bit; of style float32 sums of some 20 terms, at 4500
    m/s, to 1e-2 m/s."""
    family, alone = FAMILIES[name], maps(name, 3)
    with jax.enable_x64(False):
        np.testing.assert_array_equal(draw(family, key_of(family, 0, 2)), alone[2])
    keys = jnp.stack([key_of(family, 0, sample) for sample in range(3)])
    together = jax.jit(jax.vmap(lambda key: draw(family, key)))(keys)
    np.testing.assert_allclose(together, alone, rtol=0, atol=0.0 if name in LAYERED else 1e-2)


@pytest.mark.parametrize("name", [name for name in LAYERED if FAMILIES[name].fine == 1])
def test_layers(name):
    """Whole numbers, no more of them than layers, apart by the least contrast; flat ones fill their rows, and those of A lie in
    their order in every column, which faults with throws up may break."""
    family = FAMILIES[name]
    for values in maps(name):
        speeds = np.unique(values)
        np.testing.assert_array_equal(speeds, np.round(speeds))
        assert 2 <= len(speeds) <= family.layers[1]
        assert np.diff(speeds).min() >= CONTRAST - 1
        if not family.folded and not family.faults[1]:
            assert (values == values[:, :1]).all()
            assert len(speeds) >= family.layers[0]
        if family.faster_below and not family.faults[1]:
            assert (np.diff(values, axis=0) >= 0).all()


def test_order_is_random_in_b():
    """Somewhere it is slower below."""
    assert (np.diff(maps("flat-vel-b"), axis=1) < 0).any()


@pytest.mark.parametrize("name", ["flat-fault-a", "curve-fault-a"])
def test_interfaces_of_single_faults_are_averaged(name):
    """Most nodes are one of at most four whole speeds; those that an interface crosses lie between the least and the greatest."""
    for values in maps(name):
        speeds, counts = np.unique(values, return_counts=True)
        layers = speeds[np.argsort(counts)[-4:]]
        assert np.isin(values, layers).mean() > 0.8
        if len(speeds) > 4:
            assert speeds.min() in layers or speeds.max() in layers
    assert any((values != np.round(values)).any() for values in maps(name))


def test_flat_layers_are_flat_on_either_side_of_a_fault():
    """A fault moves whole columns: away from it rows keep their speeds, left and right by different ones."""
    values = maps("flat-fault-a", 16)
    moved = [(v[:, 0] != v[:, -1]).any() for v in values]
    assert sum(moved) > 8
    assert all((np.abs(np.diff(v, axis=1)) > 1).sum(1).max() <= 6 for v in values)


def test_number_of_layers_can_be_asked_for():
    """As files of Fault subsets are named after it."""
    family = FAMILIES["flat-fault-b"]._replace(layers=(3, 3), faults=(0, 0))
    assert all(len(np.unique(draw(family, key_of(family, 0, sample)))) == 3 for sample in range(5))


def test_correlation_of_style():
    """exp(-d^2 / (2 l^2)) at d = l is 0.61: over some 400 patches of a map each, from some 30 maps, to 0.06."""
    family = Style("style-a", 3.5, 183.0, 0.0, 1e-3)
    values = np.stack([draw(family, key_of(family, 0, sample)) for sample in range(64)]).astype(float)
    inside = values[(values.min((1, 2)) > LOW) & (values.max((1, 2)) < HIGH)]
    assert len(inside) > 16
    about = inside - inside.mean((1, 2), keepdims=True)
    power = (about**2).mean()
    along = [(about[:, :-lag] * about[:, lag:]).mean() / power for lag in (3, 4)]
    across = [(about[:, :, :-lag] * about[:, :, lag:]).mean() / power for lag in (3, 4)]
    expected = [np.exp(-(lag**2) / 2 / 3.5**2) for lag in (3, 4)]
    np.testing.assert_allclose([along, across], [expected, expected], atol=0.06)
    assert 130 < about.std() < 240  # 183, and the spread of 0.3 to 1.7 around it


@pytest.mark.parametrize("spelled", ["curve-fault-b", "CurveFault-B", "CurveFault_B", "curvefaultb"])
def test_names(spelled):
    assert family_named(spelled) is FAMILIES["curve-fault-b"]


def test_unknown_names():
    with pytest.raises(ValueError, match=r"no family 'curve-falt-b'; the nearest are curve-fault-b"):
        family_named("curve-falt-b")
    with pytest.raises(ValueError, match=r"no family 'salt'; there are flat-vel-a, flat-vel-b"):
        family_named("salt")
