"""Row 14: odd sizes and empty sets run and give the right shapes, in every dtype and under every transformation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

pytestmark = pytest.mark.filterwarnings("ignore:.*points per shortest wavelength")
BOUNDARIES = pytest.mark.parametrize("boundary", [ads.Rigid(), ads.CPML(3)], ids=["rigid", "cpml"])


def gathers(scalar, shape, nt, receivers, dtype=np.float64, shots=1, **options):
    """Records of a random wavelet in the middle of a random medium."""
    grid = ads.Grid(shape, 10.0, 1e-3, nt)
    rng = np.random.default_rng(0)
    vp, rho = (rng.uniform(1500, 3000, shape).astype(dtype) for _ in range(2))
    middle = np.broadcast_to(np.array([(n // 2) * 10.0 for n in shape]), (shots, 1, len(shape)))
    survey = ads.Survey(
        ads.Explosion(middle, rng.standard_normal((1, 1, nt)).astype(dtype)), np.array(receivers, float).reshape(-1, len(shape))
    )
    if scalar:
        return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, **options), vp
    return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, grid, record=("p", "vx"), **options)[0], vp


@BOUNDARIES
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "acoustic"])
@pytest.mark.parametrize(
    ("shape", "nt", "receivers"),
    [
        ((9, 14), 7, [[20, 30]]),
        ((7, 9), 1, [[20, 30], [0, 80]]),
        ((7, 9), 5, []),
        ((1, 9), 6, [[0, 0]]),
        ((5, 1, 7), 6, [[40, 0, 60]]),
    ],
    ids=["one receiver", "one step", "no receivers", "one row", "3d of one cell"],
)
def test_shapes(scalar, boundary, shape, nt, receivers):
    """Every record is (shot, time, receiver), finite, and begins at rest."""
    u, _ = gathers(scalar, shape, nt, receivers, shots=2, boundary=boundary)
    assert u.shape == (2, nt, len(receivers))
    assert np.all(np.isfinite(u))
    np.testing.assert_array_equal(u[:, 0], 0)


@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "acoustic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype(scalar, dtype):
    """float32 in, float32 out; float64 in, float64 out."""
    assert gathers(scalar, (8, 9), 5, [[20, 30]], dtype, boundary=ads.CPML(2))[0].dtype == dtype


@pytest.mark.parametrize("nt", [1, 2, 5])
def test_gradients_of_short_records(nt):
    """The sweep cuts time into segments of two steps: records shorter than that, and odd ones, have the gradient of `AutoDiff`.
    Rounding."""
    grid = ads.Grid((7, 8), 10.0, 1e-3, nt)
    s = jnp.asarray(np.random.default_rng(0).standard_normal((1, 1, nt)))
    vp = jnp.asarray(np.random.default_rng(1).uniform(1500, 3000, grid.shape))

    def gradient(adjoint):
        def objective(vp, s):
            survey = ads.Survey(ads.Explosion(np.array([[[30.0, 30.0]]]), s), np.array([[30.0, 30.0], [40.0, 20.0]]))
            return jnp.sum(
                (ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.CPML(2), adjoint=adjoint, order=2) + 1) ** 2
            )

        return jax.jit(jax.grad(objective, (0, 1)))(vp, s)

    for a, b in zip(gradient(ads.ReverseSweep()), gradient(ads.AutoDiff()), strict=True):
        assert bool(jnp.any(b != 0)) == (nt > 1)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * float(jnp.max(jnp.abs(b))))


@pytest.mark.parametrize("free_surface", [False, True])
def test_no_receivers_has_a_gradient(free_surface):
    """An empty record does not depend on anything: zeros, not an error."""
    grid = ads.Grid((7, 8), 10.0, 1e-3, 6)
    survey = ads.Survey(ads.Explosion(np.array([[[30.0, 30.0]]]), np.ones((1, 1, 6))), np.zeros((0, 2)))
    options = {"boundary": ads.CPML(2), "free_surface": free_surface}
    run = lambda vp: jnp.sum(ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, **options))  # noqa: E731
    np.testing.assert_array_equal(jax.grad(run)(jnp.full(grid.shape, 2000.0)), 0)


def test_vmap_over_media():
    """A batch of densities through the acoustic sweep is a loop over them, gradients included: rounding."""
    grid = ads.Grid((7, 8), 10.0, 1e-3, 12)
    survey = ads.Survey(ads.Explosion(np.array([[[30.0, 30.0]]]), np.hanning(12)[None, None]), np.array([[40.0, 20.0]]))
    vp = jnp.full(grid.shape, 2000.0)

    def objective(rho):
        return jnp.sum(ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, grid, boundary=ads.CPML(2), order=2) ** 2)

    run = jax.jit(jax.value_and_grad(objective))
    many = jnp.asarray(np.random.default_rng(0).uniform(1000, 2000, (3, *grid.shape)))
    batched, looped = jax.vmap(run)(many), jax.tree.map(lambda *xs: jnp.stack(xs), *map(run, many))
    for a, b in zip(batched, looped, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * float(jnp.max(jnp.abs(b))))
