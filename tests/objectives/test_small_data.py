"""Data of any size in single precision: the answer relative to their size is that of data near one.

Green's functions of a unit moment are of 1e-21 m/s; their squares, and products of their spectra, are no numbers of float32.
"""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.fwi import invert
from adseis.objectives import misfits
from adseis.objectives.bands import Band
from adseis.objectives.composite import relative_objective
from adseis.objectives.source_estimation import estimate_filter, with_estimated_source
from adseis.signals import envelope, unit_of

DT, NT = 8e-3, 100
SCALES = (1e-24, 1e-20, 1e-13, 1e12)
ADAPTIVE = misfits.windowed(misfits.adaptive, np.hanning(NT)[:, None])
ESTIMATED = with_estimated_source(misfits.l2)
ON_TIME = functools.partial(misfits.traveltime, dt=DT)
MISFITS = {  # the misfit for data of a scale, and the power of the unit that it is in
    "l2": (lambda s: misfits.l2, 2),
    "l1": (lambda s: misfits.l1, 1),
    "huber": (lambda s: functools.partial(misfits.huber, threshold=0.1 * s), 2),
    "student_t": (lambda s: functools.partial(misfits.student_t, scale=0.1 * s), 0),
    "normalized_correlation": (lambda s: misfits.normalized_correlation, 0),
    "envelope": (lambda s: misfits.envelope, 2),
    "envelope squared": (lambda s: functools.partial(misfits.envelope, power=2), 4),
    "instantaneous_phase": (lambda s: misfits.instantaneous_phase, 0),
    "traveltime": (lambda s: ON_TIME, 0),
    "adaptive": (lambda s: misfits.adaptive, 0),
    "wasserstein": (lambda s: functools.partial(misfits.wasserstein, dt=DT), 0),
    "graph_space": (lambda s: functools.partial(misfits.graph_space, dt=DT, max_shift=0.1), 2),
    "soft_dtw": (lambda s: misfits.soft_dtw, 2),
    "l2, source estimated": (lambda s: ESTIMATED, 2),
    "windowed": (lambda s: ADAPTIVE, 0),
}
LEFT = np.finfo(np.float32).tiny / np.finfo(np.float32).eps
"""Values below it have lost digits."""


def gathers(scale, dtype="float32"):
    """Two traces, predicted 10 and 20 ms off and a fifth too small, with a little noise: no residual is a rounding error."""
    noise = 1e-3 * np.random.default_rng(0).standard_normal((2, 1, NT, 2))
    at = np.array([[0.30, 0.42], [0.31, 0.40]])
    shapes = [np.stack([ads.wavelets.ricker(8.0, NT, DT, delay=t) for t in times], -1)[None] for times in at]
    return tuple((scale * (x + n)).astype(dtype) for x, n in zip((0.8 * shapes[0], shapes[1]), noise, strict=True))


def graded(misfit_of, *data):
    """Value and gradient by the predicted data."""
    value, gradient = jax.jit(jax.value_and_grad(misfit_of))(*(jnp.asarray(x) for x in data))
    return float(value), np.asarray(gradient, float)


def relative(name, scale, dtype="float32"):
    """Value and gradient of what `invert` minimizes."""
    predicted, observed = gathers(scale, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        objective = relative_objective(lambda p: p, jnp.asarray(observed), Band(), DT, misfit=MISFITS[name][0](scale))
    return graded(objective, predicted)


def some(*fast):
    """All misfits, of which the default tests take these."""
    return [name if name in fast else pytest.param(name, marks=pytest.mark.slow) for name in MISFITS]


DIRECT = some("l1", "huber", "normalized_correlation", "envelope", "instantaneous_phase", "traveltime", "adaptive")


@pytest.mark.parametrize("name", DIRECT)
def test_a_misfit_is_that_of_data_near_one(name):
    """Value over s^k and gradient over s^(k - 1) are those of s = 1 in float64, where they are numbers of float32 at all.

    1e-3 of either: spectra of single precision, whose rounding the quotients of `adaptive` and of phases enlarge.
    """
    make, degree = MISFITS[name]
    value, gradient = graded(make(1.0), *gathers(1.0, "float64"))
    fixed = make(1.0) is make(2.0)  # one program for all scales
    program = jax.jit(jax.value_and_grad(make(1.0)))
    for scale in SCALES if fixed else SCALES[::3]:
        run = program if fixed else jax.jit(jax.value_and_grad(make(scale)))
        found, slope = (np.asarray(x, float) for x in run(*gathers(scale)))
        if LEFT < value * scale**degree < 1e30:
            assert found / scale**degree == pytest.approx(value, rel=1e-3)
        if degree < 4:  # that of the fourth power is none at 1e-13
            error = np.linalg.norm(slope / scale ** (degree - 1.0) - gradient)
            assert error < 1e-3 * np.linalg.norm(gradient), scale


@pytest.mark.parametrize("name", some("huber", "envelope squared"))
def test_a_relative_misfit_is_that_of_data_near_one(name):
    """As above, of what `invert` minimizes: all misfits, the fourth power too. The gradient is in 1/unit."""
    value, gradient = relative(name, 1.0, "float64")
    for scale in (1e-24, 1e12):
        found, slope = relative(name, scale)
        assert found == pytest.approx(value, rel=1e-3)
        assert np.linalg.norm(slope * scale - gradient) < 1e-3 * np.linalg.norm(gradient)


@pytest.mark.parametrize("shared", [False, True])
def test_the_filter_between_data_of_unlike_size(shared):
    """Linear in the observed and inverse in the predicted data: 1e-5, spectra of single precision."""
    predicted, observed = gathers(1.0)
    reference = estimate_filter(predicted, observed, shared=shared)
    for small, large in ((1e-24, 1.0), (1e-20, 1e12), (1e12, 1e-13)):
        found = estimate_filter(predicted * np.float32(small), observed * np.float32(large), shared=shared)
        np.testing.assert_allclose(np.asarray(found) * (small / large), reference, rtol=0, atol=1e-5 * np.abs(reference).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_are_powers_of_two(dtype):
    """Exact, so that nothing rounds; 1 for silence and for what is not finite; envelopes have the gradient of their size."""
    x = np.array([[3e-20, -5e-20, 0.0], [0.0, 0.0, 0.0], [np.inf, 1.0, 2.0], [1e30, 3.0, 0.0]], dtype)
    units = np.asarray(unit_of(x, axis=-1))[:, 0]
    assert units.dtype == dtype
    assert np.all(np.frexp(units)[0] == 0.5)
    np.testing.assert_array_equal(units[1:3], 1)
    assert 1 <= 5e-20 / units[0] < 2
    assert 1 <= 1e30 / units[3] < 2
    pulse = np.asarray(gathers(1.0)[0], dtype)[0, :, 0]
    slope = jax.jit(jax.grad(lambda x: jnp.sum(envelope(x))))
    np.testing.assert_allclose(slope(pulse * pulse.dtype.type(2.0**-80)), slope(pulse), rtol=1e-4, atol=1e-4)


def test_known_data_are_not_squared_by_the_compiler():
    """Where the observed data are a constant of the program, XLA folds (o / u)^2 to (o o) / (u u): zero over zero."""
    _, observed = gathers(1e-24)
    value = jax.jit(lambda p: misfits.normalized_correlation(p, jnp.asarray(observed)))(jnp.asarray(observed))
    assert abs(float(value)) < 1e-5


def crosswell(scale, misfit, dtype="float32"):
    """Two iterations from a homogeneous start towards a slow disc, with sources of a size."""
    grid = ads.Grid((12, 14), 20.0, 2.5e-3, 90)
    z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    true = (2500 - 250 * np.exp(-((z - 110) ** 2 + (x - 130) ** 2) / 2 / 50**2)).astype(dtype)
    wavelet = (scale * ads.wavelets.ricker(9.0, grid.nt, grid.dt)).astype(dtype)
    receivers = np.stack([np.full(14, 200.0), grid.coordinates(1)], -1)
    survey = ads.Survey(ads.Explosion([[[20.0, 130.0]]], wavelet), receivers)
    forward = lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.Rigid())  # noqa: E731
    start = np.full(grid.shape, 2500, dtype)
    options = {"dt": grid.dt, "bounds": (2000.0, 3000.0), "iterations": 2, "misfit": misfit, "progress": False}
    return invert(forward, forward(true), start, **options)


SMOOTH = ("huber", "normalized_correlation", "envelope squared", "traveltime", "adaptive", "l2, source estimated")


@pytest.mark.parametrize("name", ["l2", *(pytest.param(name, marks=pytest.mark.slow) for name in SMOOTH)])
def test_an_inversion_is_that_of_data_near_one(name):
    """Misfits of all iterates, and the model: 1e-3 of float64, as rounding of single precision grows over two iterations."""
    reference = crosswell(1.0, MISFITS[name][0](1.0), "float64")
    for scale in (1e-24,) if name == "l2" else (1e-24, 1e12):
        found = crosswell(scale, MISFITS[name][0](scale))
        assert [h.value for h in found.history] == pytest.approx([h.value for h in reference.history], rel=1e-3)
        assert np.abs(found.x - reference.x).max() < 1e-3 * np.abs(reference.x - 2500).max()


def test_what_may_hold_a_threshold_is_warned_of():
    """A function of one's own may compare data with a number in their unit; data that are no numbers of float32 are refused."""
    _, observed = gathers(1e-24)
    with pytest.warns(UserWarning, match=r"`misfit` is 0 for silence, beyond the range of float32: .* are divided by \S*e-2[45]"):
        relative_objective(lambda p: p, jnp.asarray(observed), Band(), DT, misfit=lambda p, o: misfits.l2(p, o))
    with pytest.raises(ValueError, match=r"`observed` reaches 1e-33; float32 holds such numbers with few digits"):
        invert(lambda m: m * 1.0, observed * np.float32(1e-9), np.ones((1, NT, 2), "float32"), dt=DT)
