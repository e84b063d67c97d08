"""The gradient is the exact derivative of the discrete forward, by everything that can be differentiated.

One experiment a case: tiny, a strongly heterogeneous medium, sources and receivers on and off the nodes and within reach of the
surface and the layers, long enough for the waves to have been there and back. Three programs a case are compiled once and
shared by the tests; that of a forward derivative takes half as long to compile as the reverse one of `AutoDiff`, so that the
former is the fast tests' witness.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import STEPS, convergence_order, inner

import adseis as ads
from adseis.waves.elastic_sums import OfLambda

NT, DT, SPACING = 31, 1e-3, (10.0, 9.0)
LAYERS, SPONGE, CLOSED = ads.CPML(3), ads.Sponge(3, 0.1), ads.Rigid()


class Case(NamedTuple):
    """A physics, its dimensions, what surrounds it, whether its fields are probed too, and whether its first rows are a fluid."""

    physics: str
    axes: int
    boundary: object
    free_surface: bool
    order: int
    probed: bool = False
    water: bool = False

    def __str__(self):
        words = [self.physics, f"{self.axes}d", type(self.boundary).__name__, f"order{self.order}"]
        return "-".join(words + ["surface"] * self.free_surface + ["probe"] * self.probed + ["water"] * self.water)


SCALAR, ACOUSTIC, ELASTIC, SH = (Case(physics, 2, LAYERS, True, 4) for physics in ("scalar", "acoustic", "elastic", "sh"))
FAST = [
    SCALAR,
    Case("scalar", 2, SPONGE, True, 2),
    Case("scalar", 3, LAYERS, True, 2),
    ACOUSTIC,
    ELASTIC,
    Case("elastic", 3, LAYERS, True, 2),
    SH,
]
SLOW = [
    Case("sh", 2, LAYERS, True, 6),
    Case("scalar", 3, LAYERS, True, 4),
    Case("acoustic", 3, LAYERS, True, 2),
    Case("acoustic", 3, LAYERS, True, 4),
    ACOUSTIC._replace(order=6),
    ELASTIC._replace(order=6),
    Case("scalar", 2, LAYERS, True, 2, probed=True),
    Case("acoustic", 2, SPONGE, True, 2),
    Case("elastic", 2, LAYERS, True, 2, water=True),
    Case("scalar", 2, LAYERS, False, 8),
    Case("scalar", 2, CLOSED, False, 6),
    Case("acoustic", 2, LAYERS, False, 8),
    Case("acoustic", 2, CLOSED, False, 6),
    Case("acoustic", 2, LAYERS, True, 2, probed=True),
    Case("elastic", 2, SPONGE, True, 2),
    Case("elastic", 2, ads.CPML(3, multiaxial=0.0), True, 2),
    Case("scalar", 2, ads.CPML(3, multiaxial=0.1), True, 2),
    Case("acoustic", 2, ads.CPML(3, multiaxial=0.1), True, 2),
    Case("elastic", 3, LAYERS, True, 4),
    Case("elastic", 2, LAYERS, True, 8),
    Case("elastic", 2, CLOSED, False, 6),
    Case("elastic", 2, LAYERS, True, 2, probed=True),
    Case("sh", 2, SPONGE, True, 2),
    Case("sh", 2, CLOSED, False, 6),
]
SIMULATE = {
    "scalar": (ads.simulate_scalar, ads.ScalarMedium, ("vp",)),
    "acoustic": (ads.simulate_acoustic, ads.AcousticMedium, ("vp", "rho")),
    "elastic": (ads.simulate_elastic, ads.ElasticMedium, ("vp", "vs", "rho")),
    "sh": (ads.simulate_sh, lambda vs, rho: ads.ElasticMedium(jnp.full_like(vs, 4000.0), vs, rho), ("vs", "rho")),
}
by_forward, by_reverse = (
    pytest.mark.parametrize("case", fast + [pytest.param(case, marks=pytest.mark.slow) for case in slow], ids=str)
    for fast, slow in ((FAST, []), ([SCALAR], FAST[1:] + SLOW))
)
one_each = pytest.mark.parametrize("case", [SCALAR, ACOUSTIC, ELASTIC, SH], ids=str)


def grid_of(case):
    shape, spacing = ((11, 12), SPACING) if case.axes == 2 else ((8, 7, 9), (10.0, 9.0, 11.0))
    return ads.Grid(shape, spacing, DT, NT)


def draw(case, dtype=jnp.float64):
    """All that a simulation is differentiated by, as a dict of arrays."""
    grid, rng = grid_of(case), np.random.default_rng(7)
    extent = np.array(grid.extent)
    x = {
        "vp": 2500 + 1500 * rng.random(grid.shape),
        "time_function": rng.standard_normal((2, 1, NT)) * np.hanning(NT)[None, None, :],
        "position": extent * (0.2 + 0.6 * rng.random((2, 1, case.axes))),
        "receivers": extent * np.concatenate([0.1 + 0.8 * rng.random((2, case.axes)), np.full((1, case.axes), 0.03)]),
    }
    if case.physics != "scalar":
        x["rho"] = 1000 + 1500 * rng.random(grid.shape)
        x["direction"] = rng.standard_normal((2, 1, case.axes))
    if case.physics in ("elastic", "sh"):
        x["vs"] = 1000 + 1000 * rng.random(grid.shape)
        x["vs"][: 3 * case.water] = 0
    if case.physics == "elastic":
        x["moment"] = rng.standard_normal((2, 1, case.axes, case.axes))  # only the symmetric part counts
        if case in FAST and case.axes == 3:
            del x["direction"]  # which belongs to forces
    if case.physics == "sh":
        x["direction"] = x["direction"][..., :1]  # along y
        del x["vp"]  # which plays no part
    if case.probed:
        x["weight"] = rng.random(grid.shape)
    return {k: jnp.asarray(v, dtype) for k, v in x.items()}


def sources_of(case, x):
    """On nodes and off them, of sizes that send out comparable waves; few by default, for compiling takes long."""
    s, cell = x["time_function"], np.array(grid_of(case).spacing)
    node = np.array([[[2] * case.axes], [[3] * case.axes]]) * cell
    at = node if at_rest(case) else x["position"]
    volumes = [ads.Explosion(where, s) for where in (at, node)]
    if case.physics == "scalar":
        return tuple(volumes[: 2 - (case in FAST)])
    if case.physics == "sh":
        across = [ads.Force(where, 1e6 * s * x["direction"], np.array([[[0, 1, 0]]], s.dtype)) for where in (at, node + cell)]
        return tuple(across[: 2 - (case in FAST)])
    moments = [ads.MomentTensor(where, 1e10 * s, x["moment"]) for where in (at, node + 2 * cell) if "moment" in x]
    if "direction" not in x:
        return (moments[0],)
    forces = [ads.Force(where, 1e6 * s, x["direction"]) for where in (at, node + cell)]
    if case.physics == "acoustic":
        return (volumes[1], forces[0]) if case in FAST else (*volumes, *forces)
    if case in FAST:
        return volumes[1], forces[1], moments[0]
    return (*volumes, *forces, *moments)


def recorded(case):
    """By default (and of solids in 3D at order 2) one field of each kind, since every field takes long to compile; else all, and
    where differences are short, what is computed from them too."""
    axes = "zx" if case.axes == 2 else "zyx"
    velocities = tuple(f"v{k}" for k in axes)
    if case.physics == "elastic" and at_rest(case):
        return ("vz", "syx")
    if case in FAST:
        return {"scalar": ("u",), "acoustic": ("p", "vx"), "sh": ("vy", "szy"), "elastic": ("vx", "sxx")}[case.physics]
    if case.physics != "elastic":
        return {"scalar": ("u",), "acoustic": ("p", *velocities), "sh": ("vy", "szy", "syx", "uy")}[case.physics]
    stresses = tuple(f"s{k}{m}" for i, k in enumerate(axes) for m in axes[i:])
    if case.order > 2:
        return (*velocities, *stresses)
    fibre = ads.Fibre((1.0,) * case.axes, gauge_length=5.0)
    if case.water:
        return ("uz", "divergence", fibre)
    return (*velocities, *stresses, "p", "uz", "divergence", "curl" if case.axes == 2 else "curl_z", fibre)


def unit(quantity):
    """A factor that makes stresses, velocities, displacements and strain rates comparable."""
    if isinstance(quantity, ads.Fibre) or quantity[:4] in ("dive", "curl"):
        return 1e7
    return {"v": 1e6, "u": 1e9}.get(quantity[:-1], 1.0)


def at_rest(case):
    """Whether sources and receivers all lie on nodes: in 3D at order 2, to compile faster."""
    return case.axes == 3 and case.order == 2


def fixed(case):
    """Which inputs the records do not depend on."""
    return {"receivers", "position"} if at_rest(case) else {"receivers"} if case.boundary is SPONGE else set()


def simulated(case, x, adjoint):
    """Every record (and the probe)."""
    grid, (simulate, medium, names) = grid_of(case), SIMULATE[case.physics]
    on_nodes = np.stack([[1] * case.axes, [4] * case.axes]) * np.array(grid.spacing)
    receivers = on_nodes if at_rest(case) or case.boundary is SPONGE else x["receivers"]
    survey = ads.Survey(sources_of(case, x), receivers)
    options = {"boundary": case.boundary, "free_surface": case.free_surface, "order": case.order, "adjoint": adjoint}
    energy = lambda name, f: jnp.mean(x["weight"][None] * (unit(name) * f) ** 2, tuple(range(1, f.ndim)))  # noqa: E731
    if case.probed:
        options |= {"probe": lambda fields: [energy(name, f) for name, f in fields.items()], "probe_every": 4}
    outputs = simulate(medium(*(x[name] for name in names)), survey, grid, record=recorded(case), **options)
    records, *probed = outputs if case.probed else (outputs,)
    return [unit(quantity) * out for quantity, out in zip(recorded(case), records, strict=True)] + jax.tree.leaves(probed)


@functools.cache
def programs(case):
    """The experiment; outputs and the gradient of a weighted sum of them by the default adjoint and by `AutoDiff`; outputs and
    their change in a direction."""
    x = draw(case)
    shapes = [out.shape for out in jax.eval_shape(lambda x: simulated(case, x, ads.ReverseSweep()), x)]
    rng = np.random.default_rng(3)
    y = [jnp.asarray(rng.standard_normal(shape)) for shape in shapes]

    def pulled(adjoint):
        return jax.jit(
            lambda x, y: (lambda out, pull: (out, pull(y)[0]))(*jax.vjp(lambda x: simulated(case, x, adjoint), x)),
        )

    pushed = jax.jit(lambda x, dx: jax.jvp(lambda x: simulated(case, x, ads.AutoDiff()), (x,), (dx,)))
    return x, y, pulled(ads.ReverseSweep()), pulled(ads.AutoDiff()), pushed


@functools.cache
def gradients(case):
    x, y, sweep, autodiff, _ = programs(case)
    return sweep(x, y), autodiff(x, y)


def perturbation(x, name):
    """A random direction of one input, small where the outputs bend: half a percent of the medium, a hundredth of a cell of
    positions."""
    rng = np.random.default_rng(1)
    size = {"position": 0.1, "receivers": 0.1, "vp": 15.0, "vs": 15.0, "rho": 15.0, "direction": 0.1}.get(name, 0.03)
    return {k: jnp.asarray(size * rng.standard_normal(v.shape)) if k == name else jnp.zeros_like(v) for k, v in x.items()}


def assert_same_outputs(some, others):
    for a, b in zip(some, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@by_forward
def test_dot_product(case):
    """Row 10, for every input by itself: rounding, 1e-12. The jvp is that of `AutoDiff`, since a reverse sweep has none."""
    x, y, sweep, _, pushed = programs(case)
    out, gradient = sweep(x, y)
    for name in x:
        dx = perturbation(x, name)
        plain, forward = pushed(x, dx)
        assert_same_outputs(out, plain)
        norm = np.sqrt(inner(forward, forward) * inner(y, y))
        assert (norm > 0) == (name not in fixed(case)), name
        if norm == 0:
            assert np.all(gradient[name] == 0), name
            continue
        assert abs(inner(forward, y) - inner(dx, gradient)) / norm < 1e-12, name


@one_each
def test_taylor(case):
    """Row 11, for every input by itself: slopes 1 and 2 within 10 %, over steps that are small against the input and large
    against rounding."""
    x, y, sweep, _, _ = programs(case)
    objective = lambda x: (lambda out: 0.5 * inner(out, out))(sweep(x, y)[0])  # noqa: E731
    gradient = sweep(x, sweep(x, y)[0])[1]
    value = objective(x)
    for name in x:
        dx = perturbation(x, name)
        moved = np.array([objective(jax.tree.map(lambda a, d, h=h: a + h * d, x, dx)) for h in STEPS]) - value
        linear = np.array(STEPS) * inner(gradient, dx)
        slopes = convergence_order(STEPS, np.abs(moved)), convergence_order(STEPS, np.abs(moved - linear))
        assert slopes == pytest.approx((1, 2), rel=0.1), name


@one_each
def test_single_nodes(case):
    """Bugs that others shipped, each at the nodes where it would show: corners and edges (derivatives of the extended model not
    folded back; memory of the layers dropped), rows at the free surface, the cells of receivers, explosions, forces and moments
    (density), a strongly uneven medium (v^2 laplacian taken for its own transpose). Central differences of 1e-4: their own
    error is 1e-6 of the largest entry."""
    x, y, sweep, _, _ = programs(case)
    gradient = sweep(x, y)[1]
    value = lambda x: inner(sweep(x, y)[0], y)  # noqa: E731
    nodes = {"corner": (0, 0), "far corner": (10, 11), "edge": (5, 0), "bottom": (10, 6), "surface": (0, 5), "below it": (1, 5)}
    nodes |= {
        "explosion": (2, 2),
        "force": (3, 3),
        "moment": (4, 4),
        "between": (4, 6),
        "receiver": tuple(np.round(x["receivers"][0] / np.array(SPACING)).astype(int)),
    }
    for name in SIMULATE[case.physics][2]:
        scale = np.abs(gradient[name]).max()
        for where, node in nodes.items():
            h = 1e-4 * float(x[name][node])
            above, below = (value(x | {name: x[name].at[node].add(s * h)}) for s in (1, -1))
            assert (above - below) / (2 * h) == pytest.approx(float(gradient[name][node]), rel=1e-6, abs=1e-6 * scale), (
                name,
                where,
            )


@by_reverse
def test_sweep_equals_autodiff(case):
    """Row 12: two ways to the same sums, so rounding: 1e-10 of the largest entry of each gradient."""
    (out, sweep), (plain, autodiff) = gradients(case)
    assert_same_outputs(out, plain)
    for name, wanted in autodiff.items():
        assert (np.abs(wanted).max() > 0) == (name not in fixed(case)), name
        np.testing.assert_allclose(sweep[name], wanted, rtol=0, atol=1e-10 * np.abs(wanted).max(), err_msg=name)


@pytest.mark.parametrize("levels", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_elastic_by_vp_alone(levels, monkeypatch):
    """The sweep remembers the divergence alone, of every step or segment by segment: rounding."""
    (x, y, sweep, *_), remembered = programs(ELASTIC), []
    remember = OfLambda.remember
    monkeypatch.setattr(OfLambda, "remember", lambda self, state: remembered.append(state) or remember(self, state))

    def objective(vp):
        outputs = simulated(ELASTIC, x | {"vp": vp}, ads.ReverseSweep(levels=levels))
        return sum(jnp.sum(a * b) for a, b in zip(outputs, y, strict=True))

    wanted = sweep(x, y)[1]["vp"]
    np.testing.assert_allclose(jax.jit(jax.grad(objective))(x["vp"]), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
    assert remembered


@pytest.mark.slow
@one_each
def test_float32(case):
    """The same programs in float32 against float64: dtypes kept, 1e-4 of the largest entry for thirty steps of rounding (row 10
    asks 1e-5 of the dot test, which is an average). Positions are compared together: of receivers alone much cancels."""
    x, y, sweep, _, _ = programs(case)
    (_, wanted), _ = gradients(case)
    single = lambda tree: jax.tree.map(lambda a: a.astype(jnp.float32), tree)  # noqa: E731
    out, gradient = sweep(single(x), single(y))
    assert {a.dtype for a in jax.tree.leaves((out, gradient))} == {jnp.dtype("float32")}
    together = lambda g: g | {"positions": np.concatenate([g.pop(k).reshape(-1) for k in ("position", "receivers")])}  # noqa: E731
    wanted, gradient = together(dict(wanted)), together(dict(gradient))
    for name, g in gradient.items():
        np.testing.assert_allclose(g, wanted[name], rtol=0, atol=1e-4 * np.abs(wanted[name]).max(), err_msg=name)


@pytest.mark.slow
@one_each
def test_float32_with_tiny_steps(case):
    """Performance rule 11: at (w dt)^2 of 1e-5 a second difference in time of float32 fields would lose the gradient. 3e-4 of
    the largest entry over 600 steps of rounding (2e-5 measured)."""
    nt = 600
    grid = ads.Grid((24, 25), 10.0, 1.2e-4, nt)
    s = np.asarray(ads.wavelets.ricker(25.0, nt, grid.dt))[None, None]
    speed = 2000 + 400 * np.random.default_rng(0).random(grid.shape)
    simulate, medium, names = SIMULATE[case.physics]

    def gradient(dtype):
        at = np.array([[[50.0, 60.0]]])
        source = ads.Force(at, s.astype(dtype), np.array([[[0, 1, 0]]], dtype))
        source = source if case.physics == "sh" else ads.Explosion(at, s.astype(dtype))
        survey = ads.Survey(source, np.array([[60.0, 180.0], [180.0, 60.0]]))

        def objective(speed):
            known = {"vp": speed, "vs": speed if case.physics == "sh" else speed / 2, "rho": jnp.full_like(speed, 1000)}
            known = medium(*(known[name] for name in names))
            records = simulate(known, survey, grid, boundary=ads.CPML(8), order=4)
            return sum(jnp.sum(record**2) for record in jax.tree.leaves(records))

        return jax.jit(jax.grad(objective))(jnp.asarray(speed, dtype))

    single, double = gradient(jnp.float32), gradient(jnp.float64)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, double, rtol=0, atol=3e-4 * np.abs(double).max())
