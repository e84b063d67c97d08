"""Row 14: odd sizes and empty sets run and give the right shapes, in every dtype and under every transformation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

BOUNDARIES = {"rigid": ads.Rigid(), "cpml": ads.CPML(3), "thin cpml": ads.CPML(1)}
PHYSICS = ("scalar", "acoustic", "elastic", "sh")
SHAPES = {  # with the number of samples, and the receivers
    "one receiver": ((9, 14), 7, [[20, 30]]),
    "one step": ((7, 9), 1, [[20, 30], [0, 80]]),
    "no receivers": ((7, 9), 5, []),
    "one row": ((1, 9), 6, [[0, 0]]),
    "3d of one cell": ((5, 1, 7), 6, [[40, 0, 60]]),
}


# Every shape once, and what has no layer to stand on, and the thinnest layers, in every physics.
CHEAP = {("scalar", shape, "cpml") for shape in SHAPES} | {(physics, "one row", "rigid") for physics in PHYSICS}
CHEAP |= {("acoustic", "one row", "thin cpml"), ("elastic", "one step", "thin cpml"), ("sh", "no receivers", "cpml")}
CHEAP |= {("acoustic", "3d of one cell", "rigid"), ("elastic", "3d of one cell", "rigid")}


def gathers(physics, shape, nt, receivers, dtype=np.float64, shots=1, record=None, **options):
    """A record of a random wavelet in the middle of a random medium."""
    grid = ads.Grid(shape, 10.0, 1e-3, nt)
    rng = np.random.default_rng(0)
    vp, rho = (rng.uniform(1500, 3000, shape).astype(dtype) for _ in range(2))
    middle = np.broadcast_to(np.array([(n // 2) * 10.0 for n in shape]), (shots, 1, len(shape)))
    s = rng.standard_normal((1, 1, nt)).astype(dtype)
    across = ads.Force(middle, s, np.array([[[0, 1, 0]]], dtype))
    survey = ads.Survey(
        across if physics == "sh" else ads.Explosion(middle, s), np.array(receivers, float).reshape(-1, len(shape))
    )
    simulate, medium, every = {
        "scalar": (ads.simulate_scalar, ads.ScalarMedium(vp), ("u",)),
        "acoustic": (ads.simulate_acoustic, ads.AcousticMedium(vp, rho), ("p", "vx")),
        "elastic": (ads.simulate_elastic, ads.ElasticMedium(vp, vp / 2, rho), ("vx", "szx", "divergence")),
        "sh": (ads.simulate_sh, ads.ElasticMedium(vp, vp / 2, rho), ("vy", "szy")),
    }[physics]
    return jax.jit(lambda: simulate(medium, survey, grid, record=record or every, **options))()


@pytest.mark.parametrize(
    ("physics", "shape", "boundary"),
    [
        pytest.param(p, s, b, marks=() if (p, s, b) in CHEAP else pytest.mark.slow)
        for p in PHYSICS for s in SHAPES for b in BOUNDARIES if p != "sh" or len(SHAPES[s][0]) == 2
    ],
)  # fmt: skip
def test_shapes(physics, shape, boundary):
    """Every record is (shot, time, receiver), finite, and begins at rest."""
    shape, nt, receivers = SHAPES[shape]
    for record in gathers(physics, shape, nt, receivers, shots=2, boundary=BOUNDARIES[boundary]):
        assert record.shape == (2, nt, len(receivers))
        assert np.all(np.isfinite(record))
        np.testing.assert_array_equal(record[:, 0], 0)


@pytest.mark.parametrize("physics", PHYSICS)
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_dtype(physics, dtype):
    """float32 in, float32 out; float64 in, float64 out."""
    fibre = {"record": ("vz", "vx", ads.Fibre((0.5, 1.0), 10.0))} if physics == "elastic" else {}
    for record in gathers(physics, (8, 9), 5, [[20, 30]], dtype, boundary=ads.CPML(2), **fibre):
        assert record.dtype == dtype


def simulated(physics, vp, survey, grid, **options):
    if physics == "scalar":
        return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, **options)
    return ads.simulate_elastic(ads.ElasticMedium(vp, vp / 2, vp), survey, grid, record="vx", **options)


@pytest.mark.parametrize(
    ("physics", "nt"),
    [pytest.param(p, nt, marks=pytest.mark.slow) for p in ("scalar", "elastic") for nt in (1, 2, 5, 6)],
)
def test_gradients_of_short_records(physics, nt):
    """The sweep cuts time into segments of two steps: records shorter than that, and odd ones, have the gradient of `AutoDiff`.
    Rounding."""
    grid = ads.Grid((7, 8), 10.0, 1e-3, nt)
    s = jnp.asarray(np.random.default_rng(0).standard_normal((1, 1, nt)))
    vp = jnp.asarray(np.random.default_rng(1).uniform(1500, 3000, grid.shape))

    def gradient(adjoint):
        def objective(vp, s):
            survey = ads.Survey(ads.Explosion(np.array([[[30.0, 30.0]]]), s), np.array([[30.0, 30.0], [40.0, 20.0]]))
            u = simulated(physics, vp, survey, grid, boundary=ads.CPML(2), adjoint=adjoint, order=2)
            return jnp.sum((u + 1) ** 2)

        return jax.jit(jax.grad(objective, (0, 1)))(vp, s)

    for a, b in zip(gradient(ads.ReverseSweep()), gradient(ads.AutoDiff()), strict=True):
        assert bool(np.any(b != 0)) == (nt > 1)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize(("physics", "free_surface"), [("scalar", False), pytest.param("elastic", True, marks=pytest.mark.slow)])
def test_no_receivers_has_a_gradient(physics, free_surface):
    """An empty record does not depend on anything: zeros, not an error."""
    grid = ads.Grid((7, 8), 10.0, 1e-3, 6)
    survey = ads.Survey(ads.Explosion(np.array([[[30.0, 30.0]]]), np.ones((1, 1, 6))), np.zeros((0, 2)))
    options = {"boundary": ads.CPML(2), "free_surface": free_surface}
    run = jax.jit(jax.grad(lambda vp: jnp.sum(simulated(physics, vp, survey, grid, **options))))
    np.testing.assert_array_equal(run(jnp.full(grid.shape, 2000.0)), 0)


@pytest.mark.parametrize("physics", ["acoustic", *[pytest.param(p, marks=pytest.mark.slow) for p in ("elastic", "sh")]])
def test_vmap_over_media(physics):
    """A batch of densities through the acoustic sweep, of vs through the elastic and the SH sweep, is a loop over them, gradients
    included: rounding."""
    grid = ads.Grid((7, 8), 10.0, 1e-3, 12)
    s, at, receivers = np.hanning(12)[None, None], np.array([[[30.0, 30.0]]]), np.array([[40.0, 20.0]])
    vp, options = jnp.full(grid.shape, 2000.0), {"boundary": ads.CPML(2), "order": 2}

    def acoustic(rho):
        return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), ads.Survey(ads.Explosion(at, s), receivers), grid, **options)

    def elastic(vs):
        force = ads.Survey(ads.Force(at, s, np.array([[[1.0, 0.5]]])), receivers)
        return ads.simulate_elastic(ads.ElasticMedium(vp, vs, vp), force, grid, record="vx", free_surface=True, **options)

    def sh(vs):
        force = ads.Survey(ads.Force(at, s, np.array([[[0.0, 1.0, 0.0]]])), receivers)
        return ads.simulate_sh(ads.ElasticMedium(vp, vs, vp), force, grid, free_surface=True, **options)

    simulate = {"acoustic": acoustic, "elastic": elastic, "sh": sh}[physics]
    run = jax.value_and_grad(lambda x: jnp.sum(simulate(x) ** 2))
    many = jnp.asarray(np.random.default_rng(0).uniform(1000, 1700, (3, *grid.shape)))
    one, batch = (jax.jit(f) for f in (run, jax.vmap(run)))
    looped = jax.tree.map(lambda *xs: jnp.stack(xs), *map(one, many))
    for a, b in zip(batch(many), looped, strict=True):
        peak = np.abs(b).max()
        assert peak > 0
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * peak)
