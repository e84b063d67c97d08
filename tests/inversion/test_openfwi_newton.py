"""Gauss-Newton steps of a small map: a killed search goes on to the same bits, and ends where the noise says."""

import jax
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi_jacobian import Jacobian
from adseis.inversion.openfwi_jumps import Jumps
from adseis.inversion.openfwi_newton import Place, Stage
from adseis.inversion.openfwi_priors import Blocks, Flat, SmoothField

SHAPE = (10, 12)
WAVELET = openfwi.wavelet(25.0, 120)


@pytest.fixture(scope="module")
def stage():
    """A block in a smooth map."""
    true = np.full(SHAPE, 2000.0)
    true[4:7, 4:8] = 2200.0
    exact = lambda vp, slowest: openfwi.simulate(vp, slowest=slowest, time_function=WAVELET)  # noqa: E731
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), WAVELET, 10.0, 1e-3)
    return Stage(jacobian, exact, jax.jit(exact)(true, 2000.0), Blocks(), (1400.0, 4800.0)), true


@pytest.mark.slow
def test_a_killed_search_goes_on(stage, tmp_path):
    """From its last step, to the very map of an uninterrupted one; another start, prior or bound is refused its journal."""
    search, true = stage
    start = Place(np.full(SHAPE, 2020.0), 2020.0)
    budget = 2.5 * search.least()
    whole, history, said = search.descend(start, budget, progress=False)
    assert said == "the budget is spent"
    assert history[2].value < 0.1 * history[0].value
    assert np.abs(whole.vp - true).mean() < np.abs(start.vp - true).mean()
    journal = tmp_path / "map.h5"

    def killed(iteration, vp, value):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.descend(start, budget, journal=journal, progress=False, callback=killed)
    again, replayed, _ = search.descend(start, budget, journal=journal, progress=False)
    np.testing.assert_array_equal(again.vp, whole.vp)
    assert (again.slowest, replayed[1:]) == (whole.slowest, history[1:])
    for other, first in (
        (search, Place(np.full(SHAPE, 2030.0), 2020.0)),
        (search._replace(prior=Flat()), start),
        (search._replace(bounds=(1400.0, 4500.0)), start),
    ):
        with pytest.raises(ValueError, match="belongs to another"):
            other.descend(first, budget, journal=journal, progress=False)


def test_where_it_ends(stage):
    """At the noise, or before anything is computed."""
    search, _ = stage
    start = Place(np.full(SHAPE, 2020.0), 2020.0)
    assert search.descend(start, 0.5 * search.least(), progress=False) == (start, (), "the budget is too small for a step")
    place, history, said = search._replace(noise=0.99).descend(start, 1e3, progress=False)
    assert (place, len(history), said) == (start, 1, "the misfit is that of the noise")


@pytest.mark.slow
def test_where_steps_end(stage):
    """By the callback, or where they gain less than asked."""
    search, _ = stage
    start = Place(np.full(SHAPE, 2020.0), 2020.0)
    _, history, said = search.descend(start, 1e3, progress=False, callback=lambda *_: True)
    assert (len(history), said) == (2, "stopped by the callback")
    _, history, said = search._replace(hold=1.0).descend(start, 1e3, progress=False)
    assert (len(history), said) == (3, "steps gain little")


class Loose(SmoothField):
    """One that holds down steps alone."""

    @property
    def held(self):
        return False


@pytest.mark.slow
def test_a_smooth_field_is_held_about_its_start(stage):
    """Where it counts more than the data, a step leads back to where all began, and not to where it stands itself."""
    origin = np.full(SHAPE, 2000.0)
    start = Place(SmoothField(length=1.4).begun(2000 + 10 * np.random.default_rng(0).standard_normal(SHAPE)), 2000.0)
    away = []
    for prior in (SmoothField(length=1.4, deviation=1e-3), Loose(length=1.4, deviation=1e-3)):
        search = stage[0]._replace(prior=prior, origin=origin, damping=1.0)
        place, history, said = search.descend(start, 1.5 * search.least(), progress=False)
        assert len(history) == 2, said
        away.append([np.abs(place.vp - there).max() for there in (origin, start.vp)])
    (held, _), (_, loose) = away
    assert (held, loose) == pytest.approx((0, 0), abs=1.0), away


@pytest.mark.slow
def test_jumps_are_spared(stage):
    """With a penalty of jumps there are fewer of them than without, at hardly a larger misfit."""
    search, _ = stage
    place, before, _ = search.descend(Place(np.full(SHAPE, 2020.0), 2020.0), 2.5 * search.least(), progress=False)
    found = [search._replace(sparing=sparing).descend(place, 3.5 * search.least(), progress=False) for sparing in (False, True)]
    jumps = Jumps(SHAPE, search.prior.scale)
    plain, spared = (jumps.value(there.vp) for there, _, _ in found)
    assert spared < plain
    assert found[1][1][-1].value < 0.1 * before[-1].value


@pytest.mark.slow
def test_steps_do_not_follow_the_noise(stage):
    """However little damping is asked for: a step from noisy gathers comes nearer to the truth where the noise is told."""
    search, true = stage
    start, random = Place(np.full(SHAPE, 2020.0), 2020.0), np.random.default_rng(0)
    noisy = search.observed + 0.02 * search.observed.std() * random.standard_normal(search.observed.shape)
    off = []
    for noise in (0.0, 0.02):
        noisily = search._replace(observed=noisy, noise=noise, damping=1e-5)
        place, history, _ = noisily.descend(start, 1e3, progress=False, callback=lambda *_: True)
        assert len(history) == 2, history
        off.append(np.abs(place.vp - true).mean())
    assert off[1] < np.abs(start.vp - true).mean()
    assert off[1] < 0.7 * off[0], off
