"""OpenFWI's operator: against a plain loop over rolled arrays, its known range, its gradients, and its proxy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import STEPS, assert_same, convergence_order

import adseis as ads
from adseis.data import openfwi
from adseis.data.openfwi_survey import CELLS, lines

MAPS = functools.partial(np.random.default_rng(0).uniform, 1500.0, 4500.0)


def rolled(v, samples, sources, receivers, slowest, dx=10.0, dt=1e-3):
    """The same scheme, written down once more: NumPy, float64, `np.roll`, loops over rows and columns for the damping."""
    (nz, nx), n = v.shape, CELLS
    vp, damp, a = np.pad(v, n, mode="edge"), np.zeros((nz + 2 * n, nx + 2 * n)), (n - 1) * dx
    profile = 3 * slowest * np.log(1e7) / (2 * a) * (np.arange(n) * dx / a) ** 2
    for row in range(nz + 2 * n):
        damp[row, :n], damp[row, n + nx :] = profile[::-1], profile
    for column in range(n, n + nx):
        damp[:n, column], damp[n + nz :, column] = profile[::-1], profile
    alpha, kappa = (vp * dt / dx) ** 2, damp * dt
    at = lambda node: (n + node[0], n + node[1])  # noqa: E731
    gathers = np.zeros((len(sources), len(samples), len(receivers)))
    for shot, source in enumerate(sources):
        before, now = np.zeros_like(vp), np.zeros_like(vp)
        for step, s in enumerate(samples):
            near, far = (sum(np.roll(now, k, axis) for k in (m, -m) for axis in (0, 1)) for m in (1, 2))
            after = (2 - 5 * alpha - kappa) * now - (1 - kappa) * before + alpha * (4 / 3 * near - 1 / 12 * far)
            after[at(source)] += (vp[at(source)] * dt) ** 2 * s
            gathers[shot, step] = [after[at(node)] for node in receivers]
            before, now = now, after
    return gathers


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_a_plain_loop_agrees(dtype, tolerance):
    """A random map, long enough for waves that went around the torus: of the peak."""
    vp, samples = MAPS((9, 12)), openfwi.wavelet(nt=200)
    where = lines(vp.shape)
    expected = rolled(vp, samples, where.sources, where.receivers, vp.min())
    gathers = jax.jit(openfwi.simulate)(vp.astype(dtype), time_function=samples.astype(dtype))
    assert gathers.dtype == dtype
    np.testing.assert_allclose(gathers, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_a_plain_loop_agrees_on_whole_maps(dtype, tolerance):
    """OpenFWI's own sizes."""
    vp, samples = MAPS((70, 70)), openfwi.wavelet()
    where = lines(vp.shape)
    expected = rolled(vp, samples, where.sources, where.receivers, vp.min())
    gathers = jax.jit(openfwi.simulate)(vp.astype(dtype))
    np.testing.assert_allclose(gathers, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.optimised
def test_the_known_range():
    """Published for a constant map of 4500 m/s: -27.165 and 53.267 (of the three shots that stand away from the sides; the two
    at the sides, next to more damping, reach 53.2716), long before the record ends."""
    samples = openfwi.wavelet()[:200].astype("float32")
    gathers = np.asarray(jax.jit(openfwi.simulate)(np.full((70, 70), 4500.0, "float32"), time_function=samples))
    assert gathers.shape == (5, 200, 70)
    assert gathers.min() == pytest.approx(-27.165, abs=1e-3)
    assert gathers[1:4].max() == pytest.approx(53.267, abs=1e-3)
    assert gathers.max() == pytest.approx(53.2716, abs=1e-3)


def test_the_wavelet():
    """147 samples, of unit peak in the middle; silence follows."""
    s = openfwi.wavelet()
    assert s.shape == (1000,)
    assert (s.argmax(), s.max()) == (73, 1.0)
    assert np.flatnonzero(s)[-1] == 146
    np.testing.assert_array_equal(s[:147], s[146::-1])
    assert openfwi.wavelet(nt=10).shape == (10,)
    assert lines().sources[:, 1].tolist() == [0, 17, 34, 52, 69]


NT = 90
SIZE = {"slowest": 0.1}  # of which the gathers are nearly a linear function, so that it is large too
WHERE = {"sources": np.array([[1, 2], [4, 6]]), "receivers": np.array([[1, 1], [5, 5], [3, 7]])}
UNKNOWNS = {"vp": MAPS((7, 8)), "slowest": 2e5, "time_function": openfwi.wavelet(25.0, NT)}


@functools.cache
def programs():
    """Gathers, the pull-back by the reverse sweep and by AutoDiff, and the push-forward."""

    def simulated(x, adjoint):
        return openfwi.simulate(**x, **WHERE, adjoint=adjoint)

    def pulled(adjoint):
        return jax.jit(lambda x, y: (lambda out, pull: (out, pull(y)[0]))(*jax.vjp(lambda x: simulated(x, adjoint), x)))

    pushed = jax.jit(lambda x, dx: jax.jvp(lambda x: simulated(x, ads.AutoDiff()), (x,), (dx,))[1])
    x = jax.tree.map(jnp.asarray, UNKNOWNS)
    return x, pulled(ads.ReverseSweep(segment=30)), pulled(ads.AutoDiff()), pushed


Y = np.random.default_rng(1).standard_normal((2, NT, 3))


@pytest.mark.slow
def test_sweep_equals_autodiff():
    """By the map, the slowest speed and the wavelet: two ways to the same sums."""
    x, sweep, autodiff, _ = programs()
    gradient = sweep(x, Y)[1]
    for name, wanted in autodiff(x, Y)[1].items():
        assert np.abs(wanted).max() > 0
        np.testing.assert_allclose(gradient[name], wanted, rtol=0, atol=1e-10 * np.abs(wanted).max(), err_msg=name)


def test_gradients():
    """The dot test, and slopes 1 and 2, by each."""
    x, sweep, _, pushed = programs()
    value = jax.jit(lambda x: 0.5 * jnp.sum(openfwi.simulate(**x, **WHERE) ** 2))  # runs for much less than a sweep
    rng, y, steps = np.random.default_rng(2), Y, np.array(STEPS[::3])
    out, gradient = sweep(x, y)
    pulled = sweep(x, out)[1]
    for name in x:
        dx = {
            k: SIZE.get(k, 3e-3) * (k == name) * float(jnp.abs(v).max()) * jnp.asarray(rng.standard_normal(v.shape))
            for k, v in x.items()
        }
        forward = pushed(x, dx)
        norm = float(jnp.linalg.norm(forward) * jnp.linalg.norm(y))
        inner = sum(float(jnp.vdot(dx[k], gradient[k])) for k in x)
        assert abs(float(jnp.vdot(forward, y)) - inner) / norm < 1e-12, name
        values = [float(value(jax.tree.map(lambda a, d, h=h: a + h * d, x, dx))) for h in steps]
        moved = np.array(values) - 0.5 * float(jnp.sum(out**2))
        linear = steps * sum(float(jnp.vdot(dx[k], pulled[k])) for k in x)
        slopes = convergence_order(steps, np.abs(moved)), convergence_order(steps, np.abs(moved - linear))
        assert slopes == pytest.approx((1, 2), rel=0.1), name


@pytest.mark.parametrize("gradient", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["gathers", "gradient"])
def test_many_maps(gradient):
    """On two of four devices, and under vmap: gathers and gradients of three maps are those of each."""
    vp, samples = MAPS((3, 7, 8)), openfwi.wavelet(25.0, 60)
    slowest = jnp.array([1000.0, 1400.0, 1100.0])
    devices = ads.parallel.device_mesh(jax.devices()[:2])

    def found(simulate):
        def weighed(vp):
            gathers = simulate(vp)
            return jnp.sum(jnp.cos(jnp.arange(1.0 * gathers.size)).reshape(gathers.shape) * gathers**2), gathers

        return jax.jit(jax.grad(weighed, has_aux=True) if gradient else simulate)(vp)

    one = lambda v, least: openfwi.simulate(v, slowest=least, time_function=samples)  # noqa: E731
    batched = found(lambda vp: jax.vmap(one)(vp, slowest))
    mapped = found(lambda vp: openfwi.simulate_maps(vp, slowest=slowest, time_function=samples, devices=devices))
    assert_same(mapped, batched, 1e-12)


def test_the_least_of_the_map_is_not_differentiated():
    """By default it sets the damping, and no gradient passes through it."""
    x, sweep, *_ = programs()
    held = sweep(x | {"slowest": x["vp"].min()}, Y)[1]["vp"]
    weighed = lambda vp: jnp.vdot(openfwi.simulate(vp, time_function=x["time_function"], **WHERE), Y)  # noqa: E731
    np.testing.assert_allclose(jax.jit(jax.grad(weighed))(x["vp"]), held, rtol=0, atol=1e-12 * np.abs(held).max())


def test_the_proxy_is_the_operator_until_waves_return():
    """In a gradient of speed: 1e-3 of the peak before anything comes back from outside the map (measured: 2e-4)."""
    vp, samples = np.tile(np.linspace(2000.0, 3000.0, 24)[:, None], (1, 30)), openfwi.wavelet(nt=260)
    exact, near = (jax.jit(f)(vp, time_function=samples) for f in (openfwi.simulate, openfwi.proxy))
    assert near.shape == exact.shape
    np.testing.assert_allclose(near[:, :150], exact[:, :150], rtol=0, atol=1e-3 * float(jnp.abs(exact).max()))
    assert float(jnp.linalg.norm(near - exact) / jnp.linalg.norm(exact)) < 0.02


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vp": np.full((2, 7, 8), 2000.0)}, r"`vp` \(2, 7, 8\) must be a map \(z, x\).*`simulate_maps`"),
        ({"vp": np.full((7, 8), -1.0)}, "`vp` is -1.0 at node"),
        ({"vp": np.full((7, 8), np.nan)}, "`vp` is nan at node"),
        ({"vp": np.full((7, 8), 7000.0)}, "reaches 7000 m/s"),
        ({"slowest": 0.0}, "`slowest` is 0.0"),
        ({"time_function": np.ones((2, 9))}, r"`time_function` \(2, 9\) must be \(time,\)"),
        ({"sources": np.array([[1, 8]])}, r"`sources` hold the node \(1, 8\), outside the map of 7 x 8 nodes"),
        ({"receivers": np.array([[1.0, 2.0]])}, "`receivers` .* must be whole numbers"),
    ],
)
def test_errors(change, said):
    """Before anything is computed."""
    with pytest.raises(ValueError, match=said):
        openfwi.simulate(**({"vp": np.full((7, 8), 2000.0)} | change))
