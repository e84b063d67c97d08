"""The experiments that the command line inverts."""

from pathlib import Path

import numpy as np
import pytest

import adseis as ads
from adseis.data.models import Model, read_model
from adseis.data.problems import crust_experiment, stored_experiment, surface_experiment

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def model(values, spacing=(20.0, 20.0)):
    return Model(np.asarray(values, "float32"), spacing, "vp", "m/s", Path("made.npy"))


@pytest.mark.slow
def test_crust_is_resolved_and_stable():
    """Five points per wavelength up to 2.5 times the peak frequency, a time step the solver accepts, four plane waves."""
    e = crust_experiment()
    assert e.true.min() / (2.5 * e.frequency) / e.grid.spacing[0] > 4.5
    assert (e.grid.dt, e.grid.nt) == (0.017677669529663684, 702)  # published results are of this clock
    survey = ads.Survey(e.survey.source, e.survey.receivers[::16])
    small = ads.Grid(e.grid.shape, e.grid.spacing, e.grid.dt, e.grid.nt)
    gather = ads.simulate_scalar(ads.ScalarMedium(e.true), survey, small)
    assert gather.shape == (4, e.grid.nt, 8)
    last = np.abs(np.asarray(gather))[:, -e.grid.nt // 20 :].max()
    assert last < 0.05 * np.abs(np.asarray(gather)).max()  # the waves have passed when the record ends


def test_surface_line_over_any_model():
    """Shots and receivers lie on nodes of one row; the default start is smoother than the model and kept where masked."""
    rng = np.random.default_rng(0)
    e = surface_experiment(model(2000 + 500 * rng.random((30, 40))), shots=3, frequency=4.0, depth=40.0)
    position = e.survey.source.position
    assert position.shape == (3, 1, 2)
    np.testing.assert_allclose(position[..., 0], 40.0)
    np.testing.assert_allclose(position / 20 % 1, 0, atol=1e-6)
    assert e.mask[:4].max() == 0
    assert e.mask[4:].min() == 1
    assert e.initial.std() < 0.5 * e.true.std()
    assert e.grid.dt <= 20 / (1.15 * e.true.max() * np.sqrt(2))


def test_errors():
    flat = model(np.full((10, 12), 2000.0))
    with pytest.raises(ValueError, match="must be sampled alike"):
        surface_experiment(flat, model(np.full((10, 13), 2000.0)))
    with pytest.raises(ValueError, match="`shots` = 99 must be between 1 and the 12 nodes"):
        surface_experiment(flat, shots=99)
    with pytest.raises(ValueError, match="`depth` = 500.0 m is not within the model, which is 180 m deep"):
        surface_experiment(flat, depth=500.0)
    with pytest.raises(ValueError, match="needs a 2D model"):
        surface_experiment(model(np.full((4, 5, 6), 2000.0), (20.0, 20.0, 20.0)))


@pytest.mark.skipif(not (DATA / "marmousi2-model-true.mat").is_file(), reason="the Marmousi2 files are not beside the project")
def test_marmousi2_with_its_stored_survey():
    """The published start: vp RMSE 381.8 m/s, eight shots, 183 receivers."""
    true, initial = (read_model(DATA / f"marmousi2-model-{k}.mat") for k in ("true", "smooth"))
    e = stored_experiment(true, initial)
    assert np.sqrt(np.mean((e.true.astype(float) - e.initial) ** 2)) == pytest.approx(381.8, abs=0.05)
    assert e.survey.source.position.shape == (8, 1, 2)
    assert e.survey.receivers.shape == (183, 2)
    assert e.grid.shape == (68, 202)
