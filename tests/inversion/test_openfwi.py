"""Refinement through OpenFWI's operator: it lowers error and misfit, never returns what is worse, resumes, picks its prior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi import asymmetry, refine, search_for
from adseis.inversion.openfwi_newton import Place
from adseis.inversion.openfwi_priors import Blocks, Flat, Smoothed, SmoothField, WithSlowest, tied

SURVEY = {"time_function": openfwi.wavelet(25.0, 150)}


UNEVEN = 30 * np.cos(np.arange(16.0))[None]


@pytest.fixture(scope="module")
def flat():
    """Three flat layers, their gathers, and a start that is off."""
    vp = np.repeat([1800.0, 2200.0, 2600.0], 4)[:, None] * np.ones(16)
    return vp, np.asarray(jax.jit(lambda v: openfwi.simulate(v, **SURVEY))(vp)), vp + 60 * np.linspace(1, -1, 12)[:, None]


@pytest.mark.slow
def test_a_stage_of_newton(flat):
    """Flat layers, recognised by their gathers: two steps halve the error (to 0.13 of it when measured)."""
    vp, gathers, start = flat
    search = search_for(gathers, start, "auto", (1400.0, 4800.0), 0.0, None, SURVEY)
    assert search.picked.startswith("flat (the gathers mirror each other")
    first = Place(start, float(start.min()))
    place, history, _ = search.by_newton(first, None, 7.0, 1e-3, {"progress": False, "callback": None})
    assert np.abs(place.vp - vp).mean() < 0.5 * np.abs(start - vp).mean()
    assert np.ptp(place.vp, axis=1).max() == pytest.approx(0, abs=1e-9)
    assert history[-1].value < 0.1 * history[0].value
    assert history[-1].evaluations <= 7


@pytest.fixture(scope="module")
def refined(flat, tmp_path_factory):
    """Journalled, from a start that is not quite flat, as of a network."""
    journal = tmp_path_factory.mktemp("refined") / "map.h5"
    return journal, refine(flat[1], flat[2] + UNEVEN, evaluations=12, journal=journal, progress=False, **SURVEY)


@pytest.mark.slow
def test_flat_layers(flat, refined):
    """Error and misfit fall."""
    vp, _, start = flat
    found = refined[1]
    assert found.after < 0.05 * found.before
    assert np.abs(found.x - vp).mean() < 0.5 * np.abs(start - vp).mean()
    assert np.ptp(found.x, axis=1).max() == 0
    assert found.evaluations <= 12
    assert found.value == found.after


@pytest.mark.slow
def test_a_repeated_call_replays_the_same(flat, refined):
    """From its journal, bit for bit; a record of 0.15 s is too short for bands."""
    journal, first = refined
    assert [path.name for path in journal.parent.iterdir()] == ["map-all.h5"]
    again = refine(flat[1], flat[2] + UNEVEN, evaluations=12, journal=journal, progress=False, **SURVEY)
    np.testing.assert_array_equal(again.x, first.x)
    assert again.history == first.history


@pytest.mark.slow
def test_a_smooth_field(flat):
    """Steps by the weights of modes; the map stays within its bounds."""
    found = refine(flat[1], flat[2], prior="smooth", evaluations=8, progress=False, **SURVEY)
    assert found.after < 0.5 * found.before
    assert found.prior == "smooth"
    assert 1400 <= found.x.min() <= found.x.max() <= 4800


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["flat", "blocks", "smooth"])
def test_a_large_map_by_gradients(flat, prior, monkeypatch):
    """What is too large for matrices goes by gradients of the operator, by white noise behind the map where it is smooth."""
    monkeypatch.setattr("adseis.inversion.openfwi.NODES", 100)
    found = refine(flat[1], flat[2], prior=prior, evaluations=12, progress=False, **SURVEY)
    assert found.after < 0.5 * found.before
    assert found.evaluations <= 12
    assert 1400 <= found.x.min() <= found.x.max() <= 4800


@pytest.mark.slow
def test_the_truth_is_not_made_worse(flat):
    """It explains the gathers best, and is returned."""
    found = refine(flat[1], flat[0], prior="blocks", evaluations=7, progress=False, **SURVEY)
    np.testing.assert_array_equal(found.x, flat[0])
    assert found.after == found.before == pytest.approx(0, abs=1e-20)
    assert found.message == "nothing explains the gathers better than the start"
    assert not refine(flat[1], flat[2], prior="blocks", evaluations=1, progress=False, **SURVEY).converged


def test_mirrored_gathers(flat):
    """Zero over flat layers, also for those at columns that mirror each other alone; much over others."""
    assert asymmetry(flat[1], openfwi.lines((12, 16)).sources[:, 1]) < 1e-12
    assert asymmetry(flat[1] * np.arange(1.0, 17), openfwi.lines((12, 16)).sources[:, 1]) > 0.1
    assert asymmetry(flat[1], np.array([0, 3])) == 1.0


def test_areas_are_tied():
    """To their mean, where neighbours differ little; small ones are left alone."""
    vp = np.where(np.arange(12)[:, None] < 6, 2000.0, 2500.0) + 5 * np.random.default_rng(0).random((12, 16))
    vp[8, 8] = 3000.0
    flat = tied(vp)
    upper, lower = flat[:6], np.delete(flat[6:].reshape(-1), 2 * 16 + 8)
    assert (np.ptp(upper), np.ptp(lower)) == (0, 0)
    assert upper[0, 0] == pytest.approx(vp[:6].mean())
    assert flat[8, 8] == 3000.0


def test_parametrizations():
    """Smooth fields have unit response to white noise; a map and the speed beside it go there and back."""
    reference = np.full((30, 40), 2000.0)
    field = Smoothed(jnp.asarray(reference), 3.0, 100.0)
    assert float(jnp.abs(field.to_model(field.to_variables(reference)) - reference).max()) == 0
    white = np.random.default_rng(0).standard_normal((200, 30, 40))
    assert np.std(jax.vmap(field.to_model)(jnp.asarray(white)) - reference[None]) == pytest.approx(100, rel=0.05)
    with pytest.raises(ValueError, match="begin with it"):
        field.to_variables(reference + 1)
    rows = Flat().parametrization(reference)
    model = {"vp": jnp.asarray(reference), "slowest": jnp.array(1500.0)}
    both = WithSlowest(rows)
    assert both.to_variables(model)["vp"].shape == (30,)
    np.testing.assert_array_equal(both.to_model(both.to_variables(model))["vp"], reference)
    assert WithSlowest(field).bounds({"vp": 1.0, "slowest": 2.0}, {"vp": 3.0, "slowest": 4.0}) == (
        {"vp": -np.inf, "slowest": 2.0},
        {"vp": np.inf, "slowest": 4.0},
    )
    assert Blocks().parametrization(reference) is None
    # Neighbours differ by 100 sqrt(2 (1 - exp(-1 / 36))), and by 50 sqrt(2) of grain.
    for grain, rough in ((0.0, 23.4), (50.0, 74.5)):
        field = SmoothField(3.0, 100.0, grain=grain)
        basis = field.basis((30, 40))
        weights = np.linalg.inv(np.linalg.cholesky(field.metric((30, 40)))).T
        drawn = (np.random.default_rng(1).standard_normal((200, basis.shape[1])) @ (basis @ weights).T).reshape(-1, 30, 40)
        assert (basis.shape[1] < 30 * 40 / 4) == (grain == 0)
        assert np.std(drawn) == pytest.approx(np.hypot(100, grain), rel=0.05)
        assert np.std(np.diff(drawn, axis=2)) == pytest.approx(rough, rel=0.05)
    assert float(SmoothField().penalty(jnp.asarray(reference), reference)) == 0
    # A trend and what a network adds to it: the one is in the basis, the other is not.
    trend = np.broadcast_to(np.linspace(1500, 4500, 40), (30, 40))
    rough = 10 * (-1.0) ** np.add.outer(np.arange(30), np.arange(40))
    assert np.std(SmoothField(2.5).begun(trend + rough) - trend) < 0.1 * np.std(rough)


def test_a_step_of_squared_slowness():
    """To first order the step itself; changes of squared slowness add up, so that what cancels leaves their mean."""
    vp = 2000 + 500 * np.random.default_rng(0).random((12, 16))
    change = 1e-3 * np.random.default_rng(1).standard_normal((12, 16))
    np.testing.assert_allclose(Blocks().moved(vp, change) - vp, change, rtol=1e-5)
    flat, rough = np.full((12, 16), 2000.0), np.where(np.indices((12, 16)).sum(0) % 2, 200.0, -200.0)
    assert np.mean(Blocks().moved(flat, rough) ** -2.0) == pytest.approx(2000.0**-2)
    field = SmoothField(3.0)
    smooth = (field.basis((12, 16)) @ np.random.default_rng(2).standard_normal(len(field.metric((12, 16))))).reshape(12, 16)
    np.testing.assert_allclose(field.moved(flat, 1e-3 * smooth) - flat, 1e-3 * smooth, atol=1e-5)
    waves = field.basis((12, 16))
    moved = (field.moved(vp, 100 * smooth) - vp).reshape(-1)
    np.testing.assert_allclose(waves @ np.linalg.lstsq(waves, moved)[0], moved, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"initial": np.full((12, 16), 900.0)}, "must be a finite map .* within `bounds` = 1400 to 4800 m/s"),
        ({"initial": np.full((2, 12, 16), 2000.0)}, "must be a finite map"),
        ({"gathers": np.zeros((5, 150, 16))}, "nothing at all"),
        ({"gathers": np.ones((5, 90, 16))}, r"\(5, 90, 16\) must be those of this survey, \(5, 150, 16\)"),
        ({"prior": "salt"}, "`prior` = 'salt' must be"),
        ({"evaluations": 0}, "`evaluations` = 0 must be one gradient"),
        ({"noise": 2.0}, "`noise` = 2.0 must lie between 0 and 1"),
    ],
)
def test_errors(change, said):
    """Before anything is simulated."""
    standard = {"gathers": np.ones((5, 150, 16)), "initial": np.full((12, 16), 2000.0)}
    with pytest.raises(ValueError, match=said):
        refine(**(standard | change), progress=False, **SURVEY)
