"""Full waveform inversion end to end, on models of a few hundred nodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes
from problems import rmse, slow_disc

import adseis as ads
from adseis.inversion.fwi import Update, invert
from adseis.inversion.parametrizations import Bounded, Slowness, Splines
from adseis.inversion.weights import illumination, sensitivity
from adseis.objectives.bands import Band
from adseis.objectives.composite import relative_objective


@pytest.fixture(scope="module")
def problem():
    return slow_disc()


def test_recovers_a_disc_from_transmitted_waves(problem):
    """The misfit falls a hundredfold and the error to half (0.50 measured) in 20 iterations: the disc is a wavelength wide."""
    grid, true, initial, _, forward, observed = problem
    seen = []
    result = invert(forward, observed, initial, dt=grid.dt, update=Update(low=2000.0, high=3000.0), bands=[Band(iterations=20)],
                    callback=lambda i, m, v: seen.append((i, rmse(m, true))), progress=False)  # fmt: skip
    assert result.history[-1].value < 0.01 * result.history[0].value
    assert rmse(result.x, true) < 0.6 * rmse(initial, true)
    assert [i for i, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == pytest.approx(rmse(result.x, true))


def test_bands_run_in_order_and_weights_keep_nodes(problem):
    """Nodes of weight zero keep the initial model bit for bit; two bands give two pieces of history."""
    grid, true, initial, _, forward, observed = problem
    weight = np.ones(grid.shape)
    weight[:6] = 0
    result = invert(forward, observed, initial, dt=grid.dt, update=Update(weight, 2000.0, 3000.0),
                    bands=[Band(6.0, 3), Band(None, 3)], progress=False)  # fmt: skip
    np.testing.assert_array_equal(result.x[:6], initial[:6])
    assert len(result.history) == 8  # the start and three iterations, twice
    assert rmse(result.x, true) < rmse(initial, true)


def test_the_objective_has_the_gradient_it_claims(problem):
    """Taylor slopes 1 and 2 of the relative misfit with a regularizer, through the band's filter: within 10 % as everywhere."""
    grid, true, initial, _, forward, observed = problem
    objective = relative_objective(
        forward, observed, Band(9.0), grid.dt, regularizer=lambda m: 1e-9 * ads.regularizers.tikhonov(m, 20.0)
    )
    direction = np.random.default_rng(0).standard_normal(grid.shape)
    first, second = taylor_slopes(jax.jit(objective), jnp.asarray(0.5 * (true + initial)), direction)
    assert first == pytest.approx(1, rel=0.1)
    assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    "p",
    [Slowness(), *(pytest.param(p, marks=pytest.mark.slow) for p in (Bounded(2000.0, 3000.0), Splines((24, 36), (10, 14))))],
    ids=["1/vp", "box", "splines"],
)
def test_parametrizations(problem, p):
    """Ten iterations in other variables also lower the misfit tenfold, and the model keeps its bounds."""
    grid, true, initial, _, forward, observed = problem
    bounds = () if isinstance(p, Bounded) else (2000.0, 3000.0)
    update = Update(None, *bounds, parametrization=p) if bounds else Update(parametrization=p)
    result = invert(forward, observed, initial, dt=grid.dt, update=update, bands=[Band(iterations=10)], progress=False)
    assert result.history[-1].value < 0.1 * result.history[0].value
    assert rmse(result.x, true) < rmse(initial, true)
    assert result.x.min() > 1999
    assert result.x.max() < 3001


@pytest.mark.parametrize("of_density", [0.0, pytest.param(50.0, marks=pytest.mark.slow)])
def test_many_unknowns_and_records(problem, of_density):
    """vp and density together, from pressure and velocity: the misfit, 1 for silence, falls tenfold; what has weight 0 stays."""
    grid, true, initial, survey, _, _ = problem
    options = {"record": ("p", "vz"), "boundary": ads.Rigid()}
    forward = lambda m: ads.simulate_acoustic(ads.AcousticMedium(m["vp"], m["rho"]), survey, grid, **options)  # noqa: E731
    start = {"vp": initial, "rho": np.full(grid.shape, 2000.0)}
    observed = forward(start | {"vp": true})
    update = Update({"vp": 100.0, "rho": of_density}, low={"vp": 2000.0, "rho": 1000.0}, high=4000.0)
    result = invert(forward, observed, start, dt=grid.dt, update=update, bands=[Band(iterations=8)], progress=False)
    assert result.history[-1].value < 0.1 * result.history[0].value
    assert np.any(result.x["rho"] != 2000) == (of_density > 0)
    assert relative_objective(lambda m: tuple(0 * x for x in observed), observed, Band(), grid.dt)(start) == pytest.approx(1)
    with pytest.raises(ValueError, match="`forward` returns 1 gathers, `observed` has 2"):
        invert(lambda m: forward(m)[0], observed, start, dt=grid.dt)


def test_illumination_falls_with_depth(problem):
    """Near the sources energy is largest, so the weight is least; its maximum is one by definition."""
    grid, _, initial, survey, _, _ = problem
    weight = illumination(ads.simulate_scalar, ads.ScalarMedium(initial), survey, grid, boundary=ads.CPML(width=8))
    assert float(weight.max()) == pytest.approx(1)
    assert float(weight[1].mean()) < 0.7 * float(weight[12].mean())


@pytest.mark.slow
def test_sensitivity_counts_receivers_too(problem):
    """Between sources and receivers both ends are lit, so the weight is largest in the middle; nothing outside the mask.

    Six random data sets, smoothed: rows of 36 nodes average the noise to some 10 %, the contrast is tenfold.
    """
    grid, _, initial, survey, _, _ = problem
    forward = lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.CPML(width=8))  # noqa: E731
    mask = np.ones(grid.shape)
    mask[:, :6] = 0
    weight = np.asarray(sensitivity(forward, initial, key=jax.random.key(0), mask=mask))
    assert weight.max() == pytest.approx(1)
    assert np.all(weight[:, :6] == 0)
    assert np.all(weight[:, 6:] > 0)
    rows = weight[:, 6:].mean(1)
    assert rows[1] < 0.7 * rows[12]
    assert rows[22] < 0.7 * rows[12]
    with pytest.raises(ValueError, match=r"`mask` \(3,\) and `model` \(24, 36\) must share one grid"):
        sensitivity(forward, initial, key=jax.random.key(0), mask=np.ones(3))


def test_bounds_and_iterations_of_one_band(problem):
    """Short for an `Update` and a `Band`, bit for bit; refused where they would be ambiguous, as are unknown options."""
    grid, _, initial, _, forward, observed = problem
    settings = {"dt": grid.dt, "progress": False}
    short = invert(forward, observed, initial, bounds=(2450.0, None), iterations=2, **settings)
    long = invert(forward, observed, initial, update=Update(low=2450.0), bands=[Band(iterations=2)], **settings)
    np.testing.assert_array_equal(short.x, long.x)
    assert short.history == long.history
    assert len(short.history) == 3
    assert short.x.min() == 2450
    two = {"bands": [Band(6.0), Band()]}
    for given, match in [
        ({"iterations": 9} | two, "`iterations` = 9 is for one band, and `bands` has 2: give each its own"),
        ({"bounds": (1.0, 2.0)} | two, "`bounds` is for one band, and `bands` has 2: give `update=Update"),
        ({"bounds": (1.0, 2.0), "update": Update(high=3.0)}, "`bounds` and `update` both bound the model"),
        ({"iterations": 0}, "`iterations` = 0"),
    ]:
        with pytest.raises(ValueError, match=match):
            invert(forward, observed, initial, **settings, **given)
    with pytest.raises(TypeError, match="`invert` knows no option `step`; beside its own arguments it takes method, evaluations"):
        invert(forward, observed, initial, **settings, step=3)


def test_errors(problem):
    grid, _, initial, _, forward, observed = problem
    with pytest.raises(ValueError, match=r"`observed` is not finite at \(shot, time, receiver\) = \(1, 7, 3\)"):
        invert(
            forward,
            np.asarray(observed).copy()
            + np.where(
                np.arange(observed.size).reshape(observed.shape) == np.ravel_multi_index((1, 7, 3), observed.shape), np.nan, 0
            ),
            initial,
            dt=grid.dt,
        )
    with pytest.raises(ValueError, match=r"`update.weight` \(3, 3\) and `initial`"):
        invert(forward, observed, initial, dt=grid.dt, update=Update(np.ones((3, 3))))
    update = Update(np.ones(grid.shape), parametrization=Splines(grid.shape, (5, 5)))
    with pytest.raises(ValueError, match=r"`update.weight` \(24, 36\) and the variables of `update.parametrization` \(5, 5\)"):
        invert(forward, observed, initial, dt=grid.dt, update=update)
