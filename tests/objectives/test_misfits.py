"""Misfits: exact values, gradients, invariances and shapes."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

import adseis as ads
from adseis.objectives import alignment, misfits, transport, warping
from adseis.signals import analytic

NT, DT = 160, 4e-3
PERIOD = 0.1  # of `pulse`
TRACES = {
    "normalized_correlation": {},
    "traveltime": {"dt": DT},
    "adaptive": {},
    "wasserstein": {"dt": DT},
    "graph_space": {"dt": DT, "max_shift": 0.1},
    "soft_dtw": {},
}
SAMPLES = {
    "l2": {},
    "l1": {},
    "huber": {"threshold": 0.3},
    "student_t": {"scale": 0.5},
    "envelope": {},
    "instantaneous_phase": {},
}
ALL = SAMPLES | TRACES
every = pytest.mark.parametrize("name", ALL)


def misfit(name, predicted, observed, **options):
    return getattr(ads.misfits, name)(predicted, observed, **ALL[name], **options)


@functools.cache
def graded(name):
    """Value and gradient by the predicted data, compiled once."""
    return jax.jit(jax.value_and_grad(lambda predicted, observed: misfit(name, predicted, observed)))


def compiled(name, **options):
    """The misfit, and with weights if there are any."""
    return jax.jit(lambda predicted, observed, **weights: misfit(name, predicted, observed, **options, **weights))


def pulse(at):
    """A Ricker wavelet of 10 Hz, `(time, 1)`."""
    return jnp.asarray(ads.wavelets.ricker(1 / PERIOD, NT, DT, delay=at))[:, None]


def gathers(seed=0, shape=(2, NT, 3)):
    """Smooth random traces, predicted and observed."""
    rng = np.random.default_rng(seed)
    window = np.hanning(shape[1])[:, None]
    both = (ads.signals.lowpass(window * rng.standard_normal(shape), DT, 20.0, axis=-2) for _ in range(2))
    return tuple(4 * jnp.asarray(x) for x in both)


def test_l2_by_hand():
    """Halves and squares of small integers are exact in binary."""
    predicted, observed = jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 2.0], [1.0, 2.0]])
    assert misfits.l2(predicted, observed) == 0.5 * (1 + 0 + 4 + 9)
    assert misfits.l2(predicted, observed, weights=2.0) == 14
    assert misfits.l2(predicted, np.asarray(observed), weights=np.array([[1.0], [0.0]])) == 0.5


def test_robust_misfits_by_hand():
    """Residuals 0.5, -1 and 4: below, at and above Huber's threshold. A t distribution of many degrees is a Gaussian."""
    predicted, observed = jnp.array([0.5, 0.0, 4.0]), jnp.array([0.0, 1.0, 0.0])
    assert misfits.l1(predicted, observed) == 5.5
    assert misfits.huber(predicted, observed, threshold=1.0) == 0.125 + 0.5 + 3.5
    np.testing.assert_array_equal(
        jax.grad(lambda p: misfits.huber(p, observed, threshold=1.0))(predicted), jnp.array([0.5, -1.0, 1.0])
    )
    cauchy = misfits.student_t(predicted, observed, scale=2.0)
    assert float(cauchy) == pytest.approx(np.log((1 + 1 / 16) * (1 + 1 / 4) * (1 + 4)))
    gaussian = misfits.student_t(predicted, observed, scale=2.0, degrees=1e9)
    assert float(gaussian) == pytest.approx(float(misfits.l2(predicted, observed)) / 4, rel=1e-6)


def test_l2_gradient_is_the_weighted_residual():
    """Exact but for the order of two factors: one rounding."""
    rng = np.random.default_rng(0)
    predicted, observed, weights = (jnp.asarray(rng.random((2, 5, 3))) for _ in range(3))
    gradient = jax.jit(jax.grad(lambda p: misfits.l2(p, observed, weights=weights)))(predicted)
    np.testing.assert_allclose(gradient, weights * (predicted - observed), rtol=1e-15)


def test_the_gradient_of_phases_survives_the_compiler():
    """Where XLA rounds a trace's power twice and differently, no sample equals the maximum: `jnp.max` made 160 NaN of it here."""
    predicted, observed = gathers()
    gradient = jax.jit(jax.grad(misfits.instantaneous_phase))
    assert bool(np.all(np.isfinite(gradient(predicted, observed))))


@every
def test_gradient(name):
    """Taylor slopes 1 and 2 by the predicted data: within 10 %, as everywhere. Steps are short enough to change neither the sign
    of a residual nor a best assignment nor a sample's side of a quantile by more than a few."""
    predicted, observed = gathers()
    direction = 1e-3 * gathers(1)[0]
    steps = tuple(2.0**-k for k in range(3, 9))
    run = lambda p: graded(name)(p, observed)  # noqa: E731
    first, second = taylor_slopes(None, predicted, direction, steps, compiled=run)
    assert first == pytest.approx(1, rel=0.1)
    if name not in ("l1", "huber", "graph_space", "wasserstein"):  # flat or kinked second derivatives
        assert second == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("name", ["l1", "huber", "graph_space", "wasserstein"])
def test_gradient_between_kinks(name):
    """Where the second derivative is none or jumps, the gradient is that of a central difference: 1e-6 of its norm."""
    predicted, observed = gathers()
    direction, h = gathers(1)[0], 1e-6
    _, gradient = graded(name)(predicted, observed)
    ahead, behind = (graded(name)(predicted + s * h * direction, observed)[0] for s in (1, -1))
    scale = float(np.linalg.norm(gradient) * jnp.linalg.norm(direction))
    assert abs(float((ahead - behind) / (2 * h) - jnp.vdot(gradient, direction))) < 1e-6 * scale


@every
def test_equal_data_are_the_minimum(name):
    """Zero value, and a gradient of zero but for what the normalizations round. The adaptive filter's damping leaves some."""
    _, observed = gathers()
    value, gradient = graded(name)(observed, observed)
    scale = float(np.linalg.norm(graded(name)(gathers()[0], observed)[1]))
    assert float(value) == pytest.approx(0, abs=0.01 if name == "adaptive" else 1e-12)
    assert float(np.linalg.norm(gradient)) < (0.05 if name == "adaptive" else 1e-6) * scale


@every
def test_dead_traces(name):
    """A trace of zeros, predicted or observed or both, gives numbers."""
    predicted, observed = gathers()
    predicted, observed = predicted.at[0, :, :2].set(0), observed.at[0, :, 1:].set(0)
    value, gradient = graded(name)(predicted, observed)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@every
def test_single_precision_jit_and_vmap(name):
    """float32 stays, and agrees with float64 to 1e-3; a batch is a loop over it."""
    predicted, observed = gathers()
    run = compiled(name)
    single = run(predicted.astype(jnp.float32), observed.astype(jnp.float32))
    assert single.dtype == jnp.float32
    assert float(single) == pytest.approx(float(graded(name)(predicted, observed)[0]), rel=1e-3)
    batch = jax.jit(jax.vmap(lambda p, o: misfit(name, p, o)))(predicted, observed)
    for value, p, o in zip(batch, predicted, observed, strict=True):
        assert float(value) == pytest.approx(float(run(p, o)), rel=1e-9)


@pytest.mark.parametrize("name", TRACES)
def test_traces_add_up(name):
    """A gather is the weighted sum of its traces, wherever time is."""
    predicted, observed = gathers()
    weights = np.random.default_rng(3).random((2, 1, 3))
    one = compiled(name, axis=-1)
    single = [weights[s, 0, r] * one(predicted[s, :, r], observed[s, :, r]) for s in range(2) for r in range(3)]
    assert float(compiled(name)(predicted, observed, weights=weights)) == pytest.approx(float(sum(single)), rel=1e-9)
    first = [jnp.moveaxis(x, 1, 0) for x in (predicted, observed)]
    assert float(compiled(name, axis=0)(*first)) == pytest.approx(float(graded(name)(predicted, observed)[0]), rel=1e-9)


@pytest.mark.parametrize("shift", [0.013, -0.1472, 0.2])
def test_traveltime_finds_the_shift(shift):
    """A pulse and itself later, by whole samples or not: to a thousandth of a sample, for the pulses are band-limited (10 Hz of
    125); also where they are more than a period apart, and whatever their amplitudes."""
    predicted, observed = pulse(0.3), 3 * pulse(0.3 + shift)
    found = alignment.shifts(predicted.T, observed.T, DT)
    assert float(found[0]) == pytest.approx(shift, abs=1e-3 * DT)
    assert float(misfits.traveltime(predicted, observed, dt=DT)) == pytest.approx(shift**2 / 2, rel=1e-3)
    early = alignment.shifts(predicted.T, observed.T, DT, 0.01)
    assert abs(float(early[0])) < 0.01 + 2 * DT


def test_traveltime_moves_with_the_pulse():
    """d T / d(delay of the prediction) = -1: the derivative of the maximum, by a difference of delays of 0.2 ms."""
    observed = pulse(0.36)
    moved = (pulse(0.3002) - pulse(0.2998)) / 4e-4
    _, slope = jax.jvp(lambda p: alignment.shifts(p.T, observed.T, DT), (pulse(0.3),), (moved,))
    assert float(slope[0]) == pytest.approx(-1, rel=1e-3)


def test_wasserstein_of_shifted_pulses():
    """Densities that only move are as far apart as they moved: 12 samples, exactly, where they vanish elsewhere; pulses, the more
    the farther they are apart."""
    density = jnp.zeros(60).at[20:30].set(jnp.arange(1.0, 11.0))
    moved = jnp.roll(density, 12)
    assert float(transport.wasserstein_2(density, moved, 0.5)) == pytest.approx((12 * 0.5) ** 2, rel=1e-9)
    shifts = np.linspace(-0.15, 0.15, 13)
    values = [float(misfits.wasserstein(pulse(0.3 + s), pulse(0.3), dt=DT)) for s in shifts]
    assert np.all(np.diff(values[6:]) > 0)
    assert np.all(np.diff(values[:7]) < 0)


def test_graph_space_is_the_best_permutation():
    """Against all 720 of six samples."""
    rng = np.random.default_rng(0)
    p, o, a = rng.standard_normal(6), rng.standard_normal(6), 0.4
    index = np.arange(6)
    best = min(np.sum((p - o[list(s)]) ** 2 + (a * (index - np.array(s))) ** 2) for s in itertools.permutations(range(6)))
    assert float(transport.graph_space(jnp.asarray(p), jnp.asarray(o), jnp.asarray(a))) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("window", [None, 1])
def test_warping_is_the_soft_minimum_over_paths(window):
    """Against the sum over all monotonous paths through a 5 x 5 grid."""
    rng = np.random.default_rng(0)
    p, o, smoothing = rng.standard_normal(5), rng.standard_normal(5), 0.3
    costs = []

    def walk(i, j, cost):
        if i > 4 or j > 4 or (window is not None and abs(i - j) > window):
            return
        cost += (p[i] - o[j]) ** 2
        if (i, j) == (4, 4):
            costs.append(cost)
            return
        for step in ((1, 0), (0, 1), (1, 1)):
            walk(i + step[0], j + step[1], cost)

    walk(0, 0, 0.0)
    expected = -smoothing * np.log(np.sum(np.exp(-np.array(costs) / smoothing)))
    assert float(warping.distance(jnp.asarray(p), jnp.asarray(o), smoothing, window)) == pytest.approx(expected, rel=1e-10)


def test_what_misfits_do_not_see():
    """Correlation, phase and the adaptive filter do not see amplitudes; envelopes do not see a constant phase."""
    observed = ads.signals.bandpass(gathers()[1], DT, 5.0, 20.0, axis=-2)
    for name in ("normalized_correlation", "instantaneous_phase", "adaptive", "traveltime"):
        assert float(misfit(name, 5 * observed, observed)) == pytest.approx(float(misfit(name, observed, observed)), abs=1e-12)
    rotated = (analytic(observed, axis=-2) * np.exp(1.3j)).real
    size = float(jnp.sum(observed**2))
    assert float(misfits.envelope(rotated, observed)) < 1e-3 * size  # but for the ends, where the transform is periodic
    assert float(misfits.l2(rotated, observed)) > 0.3 * size


def test_phase_of_a_rotated_signal():
    """|a(p) - a(o)| = 2 sin(phi / 2) wherever the signal is strong: here a sine of constant envelope, without water."""
    t = np.arange(NT) / NT
    observed, predicted = (jnp.sin(2 * np.pi * 8 * t + phase)[:, None] for phase in (0.0, 0.7))
    value = misfits.instantaneous_phase(predicted, observed, water_level=1e-6)
    assert float(value) == pytest.approx(NT * 2 * np.sin(0.35) ** 2, rel=1e-6)


def test_adaptive_filter_of_a_delay():
    """A filter that delays by k samples weighs (k / nt)^2 / 2; noise reaches every frequency, so the damping does little."""
    rng = np.random.default_rng(0)
    predicted = jnp.asarray(np.hanning(NT) * rng.standard_normal(NT))
    observed = jnp.roll(predicted, 10)
    value = misfits.adaptive(predicted, observed, axis=-1, damping=1e-9)
    assert float(value) == pytest.approx(0.5 * (10 / NT) ** 2, rel=0.05)


def test_windows():
    """Inside counts, outside does not."""
    predicted, observed = gathers()
    window = np.zeros((NT, 1))
    window[40:80] = 1
    inside = misfits.windowed(misfits.l2, window)(predicted, observed)
    assert float(inside) == pytest.approx(float(misfits.l2(predicted[:, 40:80], observed[:, 40:80])))
    with pytest.raises(ValueError, match=r"`window` \(159, 1\) does not fit the data \(2, 160, 3\)"):
        misfits.windowed(misfits.l2, np.ones((159, 1)))(predicted, observed)


@every
def test_refuses_unlike_shapes(name):
    with pytest.raises(ValueError, match=r"`predicted` \(2, 3\) and `observed` \(1, 3\) must have one shape"):
        getattr(misfits, name).__wrapped__(jnp.ones((2, 3)), jnp.ones((1, 3)), **ALL[name])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: misfits.l2(x, x, weights=jnp.ones(3)), r"`weights` \(3,\) do not fit the data \(4, 3\)"),
        (lambda x: misfits.traveltime(x, x, dt=DT, weights=jnp.ones((4, 3))), r"`weights` \(4, 3\) do not fit the data \(1, 3\)"),
        (lambda x: misfits.huber(x, x, threshold=0.0), "`threshold` = 0.0 must be positive"),
        (lambda x: misfits.student_t(x, x, scale=-1.0), "`scale` = -1.0 must be positive"),
        (lambda x: misfits.envelope(x, x, power=3), "`power` = 3 must be 1 or 2"),
        (lambda x: misfits.wasserstein(x, x, dt=0.0), "`dt` = 0.0 must be positive"),
        (lambda x: misfits.soft_dtw(x, x, window=0), "`window` = 0.0 must be positive"),
        (
            lambda x: misfits.adaptive(x[0], x[0]),
            r"`axis` = -2 is no axis of data of the shape \(3,\); a single trace has time on axis=-1",
        ),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call(jnp.ones((4, 3)))


@pytest.mark.slow
def test_cycle_skipping():
    """A prediction 0.08 s late, more than half a period: least squares leads away from the truth, other misfits lead to it."""
    observed = pulse(0.25)
    slope = {}
    for name in ALL:
        moved = (pulse(0.3302) - pulse(0.3298)) / 4e-4
        run = jax.jit(lambda p, dp, name=name: jax.jvp(lambda p: misfit(name, p, observed), (p,), (dp,))[1])
        slope[name] = float(run(pulse(0.33), moved))
    assert slope["l2"] < 0
    assert slope["normalized_correlation"] < 0
    for name in ("envelope", "traveltime", "adaptive", "wasserstein", "graph_space"):
        assert slope[name] > 0, name
