"""The gradient is the exact derivative of the discrete forward, by everything that can be differentiated.

One experiment a case: tiny, a strongly heterogeneous medium, sources and receivers on and off the nodes and within reach of the
surface and the layers, long enough for the waves to have been there and back. Three programs a case are compiled once and
shared by the tests.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import STEPS, convergence_order

import adseis as ads

QUICK = {"xla_backend_optimization_level": 0}  # compiling takes longer than running
NT, DT, SPACING = 31, 1e-3, (10.0, 9.0)
LAYERS, SPONGE, CLOSED = ads.CPML(3), ads.Sponge(3, 0.1), ads.Rigid()


class Case(NamedTuple):
    """A physics, its dimensions, what surrounds it, and whether its fields are probed too."""

    scalar: bool
    axes: int
    boundary: object
    free_surface: bool
    order: int
    probed: bool = False

    def __str__(self):
        words = ["scalar" if self.scalar else "acoustic", f"{self.axes}d", type(self.boundary).__name__, f"order{self.order}"]
        return "-".join(words + ["surface"] * self.free_surface + ["probe"] * self.probed)


SCALAR, ACOUSTIC = Case(True, 2, LAYERS, True, 4), Case(False, 2, LAYERS, True, 4)
FAST = [
    SCALAR,
    Case(True, 2, SPONGE, True, 2),
    Case(True, 3, LAYERS, True, 2),
    Case(True, 2, LAYERS, True, 2, probed=True),
    ACOUSTIC,
    Case(False, 2, SPONGE, True, 2),
    Case(False, 3, LAYERS, True, 2),
]
SLOW = [
    Case(True, 2, LAYERS, False, 8),
    Case(True, 2, CLOSED, False, 6),
    Case(False, 2, LAYERS, False, 8),
    Case(False, 2, CLOSED, False, 6),
    Case(False, 2, LAYERS, True, 2, probed=True),
]
each = pytest.mark.parametrize("case", FAST + [pytest.param(case, marks=pytest.mark.slow) for case in SLOW], ids=str)
one_each = pytest.mark.parametrize("case", [SCALAR, ACOUSTIC], ids=str)
pytestmark = pytest.mark.filterwarnings("ignore:.*points per shortest wavelength")


def grid_of(case, nt=NT):
    shape, spacing = ((11, 12), SPACING) if case.axes == 2 else ((8, 7, 9), (10.0, 9.0, 11.0))
    return ads.Grid(shape, spacing, DT, nt)


def draw(case, nt=NT, dtype=jnp.float64):
    """All that a simulation is differentiated by, as a dict of arrays."""
    grid, rng = grid_of(case, nt), np.random.default_rng(7)
    extent = np.array(grid.extent)
    x = {
        "vp": 2500 + 1500 * rng.random(grid.shape),
        "time_function": rng.standard_normal((2, 1, nt)) * np.hanning(nt)[None, None, :],
        "position": extent * (0.2 + 0.6 * rng.random((2, 1, case.axes))),
        "receivers": extent * np.concatenate([0.1 + 0.8 * rng.random((2, case.axes)), np.full((1, case.axes), 0.03)]),
    }
    if not case.scalar:
        x["rho"] = 1000 + 1500 * rng.random(grid.shape)
        x["direction"] = rng.standard_normal((2, 1, case.axes))
    if case.probed:
        x["weight"] = rng.random(grid.shape)
    return {k: jnp.asarray(v, dtype) for k, v in x.items()}


def simulated(case, x, adjoint):
    """Every record (and the probe), of off-node and on-node sources; the receivers lie on nodes where a sponge is, else off
    them."""
    nt = x["time_function"].shape[-1]
    grid = grid_of(case, nt)
    node = np.array([[[2] * case.axes], [[3] * case.axes]]) * np.array(grid.spacing)
    receivers = (
        np.stack([[1] * case.axes, [4] * case.axes]) * np.array(grid.spacing) if case.boundary is SPONGE else x["receivers"]
    )
    sources = (ads.Explosion(x["position"], x["time_function"]), ads.Explosion(node, x["time_function"]))
    options = {"boundary": case.boundary, "free_surface": case.free_surface, "order": case.order, "adjoint": adjoint}
    if case.probed:
        options |= {
            "probe": lambda fields: [jnp.mean(x["weight"][None] * f**2, tuple(range(1, f.ndim))) for f in fields.values()]
        }
        options |= {"probe_every": 4}
    if case.scalar:
        outputs = ads.simulate_scalar(ads.ScalarMedium(x["vp"]), ads.Survey(sources, receivers), grid, **options)
    else:
        force = lambda at: ads.Force(at, 1e3 * x["time_function"], x["direction"])  # noqa: E731
        survey = ads.Survey((*sources, force(x["position"]), force(node + 1.0 * np.array(grid.spacing))), receivers)
        names = ("p", "vz", "vx") if case.axes == 2 else ("p", "vz", "vy", "vx")
        outputs = ads.simulate_acoustic(ads.AcousticMedium(x["vp"], x["rho"]), survey, grid, record=names, **options)
    return [unit * out for unit, out in zip(units(case), jax.tree.leaves(outputs), strict=True)]


@functools.cache
def units(case):
    """Factors that make the outputs of a case comparable."""
    count = (1 if case.scalar else 1 + case.axes) * (2 if case.probed else 1)
    if case.scalar:
        return (1.0,) * count
    return (1.0, *[1e6] * case.axes, *([1e-3] + [1e12] * case.axes if case.probed else []))


@functools.cache
def programs(case):
    """The experiment; value and gradient of a weighted sum of its outputs by the default adjoint and by `AutoDiff`; its jvp."""
    x = draw(case)
    shapes = jax.eval_shape(lambda x: simulated(case, x, ads.AutoDiff()), x)
    rng = np.random.default_rng(3)
    y = [jnp.asarray(rng.standard_normal(s.shape)) for s in shapes]

    def pulled(adjoint):
        return jax.jit(
            lambda x, y: (lambda out, pull: (out, pull(y)[0]))(*jax.vjp(lambda x: simulated(case, x, adjoint), x)),
            compiler_options=QUICK,
        )

    pushed = jax.jit(lambda x, dx: jax.jvp(lambda x: simulated(case, x, ads.AutoDiff()), (x,), (dx,))[1], compiler_options=QUICK)
    return x, y, pulled(ads.ReverseSweep()), pulled(ads.AutoDiff()), pushed


@functools.cache
def gradients(case):
    x, y, sweep, autodiff, _ = programs(case)
    return sweep(x, y), autodiff(x, y)


def inner(a, b):
    return float(sum(jnp.vdot(u, v) for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)))


def perturbation(x, name):
    """A random direction of one input, small where the outputs bend: half a percent of the medium, a thirtieth of a cell of
    positions."""
    rng = np.random.default_rng(1)
    size = {"position": 0.3, "receivers": 0.3, "vp": 15.0, "rho": 15.0, "time_function": 0.03}.get(name, 0.3)
    return {k: jnp.asarray(size * rng.standard_normal(v.shape)) if k == name else jnp.zeros_like(v) for k, v in x.items()}


@each
def test_sweep_equals_autodiff(case):
    """Row 12: two ways to the same sums, so rounding: 1e-10 of the largest entry of each gradient."""
    (out, sweep), (plain, autodiff) = gradients(case)
    for a, b in zip(out, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * float(jnp.max(jnp.abs(b))))
    fixed = {"receivers"} if case.boundary is SPONGE else set()
    for name, wanted in autodiff.items():
        assert (float(jnp.max(jnp.abs(wanted))) > 0) == (name not in fixed), name
        np.testing.assert_allclose(sweep[name], wanted, rtol=0, atol=1e-10 * float(jnp.max(jnp.abs(wanted))), err_msg=name)


@one_each
def test_dot_product(case):
    """Row 10, for every input by itself: rounding, 1e-12. The jvp is that of `AutoDiff`, since a reverse sweep has none."""
    x, y, _, _, pushed = programs(case)
    (_, gradient), _ = gradients(case)
    for name in x:
        dx = perturbation(x, name)
        forward = pushed(x, dx)
        norm = np.sqrt(inner(forward, forward) * inner(y, y))
        assert norm > 0, name
        assert abs(inner(forward, y) - inner(dx, gradient)) / norm < 1e-12, name


@one_each
def test_taylor(case):
    """Row 11, for every input by itself: slopes 1 and 2 within 10 %, over steps that are small against the input and large
    against rounding."""
    x, y, sweep, _, _ = programs(case)
    objective = jax.jit(lambda x: sum(0.5 * jnp.sum(out**2) for out in simulated(case, x, ads.ReverseSweep())))
    gradient = sweep(x, sweep(x, y)[0])[1]
    value = float(objective(x))
    for name in x:
        dx = perturbation(x, name)
        moved = np.array([float(objective(jax.tree.map(lambda a, d, h=h: a + h * d, x, dx))) for h in STEPS]) - value
        linear = np.array(STEPS) * inner(gradient, dx)
        slopes = convergence_order(STEPS, np.abs(moved)), convergence_order(STEPS, np.abs(moved - linear))
        assert slopes == pytest.approx((1, 2), rel=0.1), name


@one_each
def test_single_nodes(case):
    """Bugs that others shipped, each at the nodes where it would show: corners and edges (derivatives of the extended model not
    folded back; memory of the layers dropped), rows at the free surface, the cells of receivers, explosions and forces
    (density), a strongly uneven medium (v^2 laplacian taken for its own transpose). Central differences of 1e-4: their own
    error is 1e-6 of the largest entry."""
    x, y, sweep, _, _ = programs(case)
    (_, gradient), _ = gradients(case)
    value = lambda x: inner(sweep(x, y)[0], y)  # noqa: E731
    nodes = {"corner": (0, 0), "far corner": (10, 11), "edge": (5, 0), "bottom": (10, 6), "surface": (0, 5), "below it": (1, 5)}
    nodes |= {
        "explosion": (2, 2),
        "force": (3, 3),
        "between": (4, 6),
        "receiver": tuple(np.round(x["receivers"][0] / np.array(SPACING)).astype(int)),
    }
    for name in ("vp", "rho")[: 1 if case.scalar else 2]:
        scale = float(jnp.max(jnp.abs(gradient[name])))
        for where, node in nodes.items():
            h = 1e-4 * float(x[name][node])
            above, below = (value(x | {name: x[name].at[node].add(s * h)}) for s in (1, -1))
            assert (above - below) / (2 * h) == pytest.approx(float(gradient[name][node]), rel=1e-6, abs=1e-6 * scale), (
                name,
                where,
            )


@pytest.mark.parametrize("case", [Case(True, 2, LAYERS, False, 2), pytest.param(ACOUSTIC, marks=pytest.mark.slow)], ids=str)
def test_second_derivatives(case):
    """jvp of a gradient (a Hessian product) runs through the sweep too and is that of `AutoDiff`: rounding."""
    x = draw(case, nt=9)

    def product(adjoint):
        objective = lambda vp: sum(jnp.sum(out**2) for out in simulated(case, x | {"vp": vp}, adjoint))  # noqa: E731
        return jax.jit(lambda vp: jax.jvp(jax.grad(objective), (vp,), (jnp.cos(vp),))[1], compiler_options=QUICK)(x["vp"])

    swept, wanted = product(ads.ReverseSweep()), product(ads.AutoDiff())
    assert float(jnp.max(jnp.abs(wanted))) > 0
    np.testing.assert_allclose(swept, wanted, rtol=0, atol=1e-10 * float(jnp.max(jnp.abs(wanted))))


@pytest.mark.parametrize("case", [SCALAR, pytest.param(ACOUSTIC, marks=pytest.mark.slow)], ids=str)
def test_float32(case):
    """The same programs in float32 against float64: dtypes kept, 1e-4 of the largest entry for thirty steps of rounding (row 10
    asks 1e-5 of the dot test, which is an average)."""
    x, y, sweep, _, _ = programs(case)
    (_, wanted), _ = gradients(case)
    single = lambda tree: jax.tree.map(lambda a: a.astype(jnp.float32), tree)  # noqa: E731
    out, gradient = sweep(single(x), single(y))
    assert {a.dtype for a in jax.tree.leaves((out, gradient))} == {jnp.dtype("float32")}
    for name, g in gradient.items():
        np.testing.assert_allclose(g, wanted[name], rtol=0, atol=1e-4 * float(jnp.max(jnp.abs(wanted[name]))), err_msg=name)


@one_each
def test_float32_with_tiny_steps(case):
    """Performance rule 11: at (w dt)^2 of 1e-5 a second difference in time of float32 fields would lose the gradient. 3e-4 of
    the largest entry over 600 steps of rounding (2e-5 measured)."""
    nt = 600
    grid = ads.Grid((24, 25), 10.0, 1.2e-4, nt)
    s = np.asarray(ads.wavelets.ricker(25.0, nt, grid.dt))[None, None]
    vp = 2000 + 400 * np.random.default_rng(0).random(grid.shape)

    def gradient(dtype):
        survey = ads.Survey(ads.Explosion(np.array([[[50.0, 60.0]]]), s.astype(dtype)), np.array([[60.0, 180.0], [180.0, 60.0]]))
        options = {"boundary": ads.CPML(8), "order": 4}

        def objective(vp):
            if case.scalar:
                return jnp.sum(ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, **options) ** 2)
            return jnp.sum(ads.simulate_acoustic(ads.AcousticMedium(vp, jnp.full_like(vp, 1000)), survey, grid, **options) ** 2)

        return jax.jit(jax.grad(objective))(jnp.asarray(vp, dtype))

    single, double = gradient(jnp.float32), gradient(jnp.float64)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, double, rtol=0, atol=3e-4 * float(jnp.max(jnp.abs(double))))
