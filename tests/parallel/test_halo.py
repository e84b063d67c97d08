"""One grid over four CPU devices against one device; errors; what the devices say to each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same, collectives

import adseis as ads
from adseis.parallel.devices import device_mesh
from adseis.parallel.halo import Split
from adseis.parallel.shots import shard_shots

ACOUSTIC, SCALAR = (ads.simulate_acoustic, ads.AcousticMedium), (ads.simulate_scalar, ads.ScalarMedium)
ELASTIC = ads.simulate_elastic, ads.ElasticMedium
SOLID, FLAT = ads.Grid((10, 41, 9), 10.0, 2e-3, 64), ads.Grid((12, 58), 10.0, 2e-3, 96)
LAYERS = ads.CPML(width=3)


def inputs(equation, grid, shots, dtype="float64"):
    """Medium, positions and time function. With layers of 3 cells, four slabs of SOLID end 90, 210 and 330 m along y, those of
    FLAT 130, 290 and 450 m along x: sources and receivers lie off the nodes, next to cuts, and within a layer's reach."""
    rng = np.random.default_rng(5)
    low = {SCALAR: (2000.0,), ACOUSTIC: (2000.0, 1800.0), ELASTIC: (2000.0, 900.0, 1800.0)}[equation]
    medium = tuple(rng.uniform(a, 1.2 * a, grid.shape) for a in low)
    cut = np.array([90.0, 210.0] if grid is SOLID else [130.0, 290.0])
    position = rng.uniform(35.0, 55.0, (shots, 1, len(grid.shape)))
    position[:, 0, 1] = np.resize(cut[::-1] + [6.0, -4.0], shots)
    along = np.concatenate([cut + 2.0, cut - 17.0, [4.0, (grid.shape[1] - 1) * 10.0 - 3.0]])
    receivers = rng.uniform(30.0, 60.0, (len(along), len(grid.shape)))
    receivers[:, 1] = along
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), (medium, position, receivers, np.hanning(24)[None, None, :] ** 2))


def simulate(equation, grid, values, devices=None, **options):
    medium, position, receivers, time_function = values
    padded = jnp.pad(time_function, [(0, 0), (0, 0), (0, grid.nt - time_function.shape[-1])])
    source = ads.Explosion(position, padded)
    if equation is ELASTIC:
        moment = ads.MomentTensor(position, 1e10 * padded, np.array([[[[0.3, 1.0], [1.0, -0.5]]]]))
        source = (moment, ads.Force(position, 1e6 * padded, np.array([[[1.0, 0.7]]])))
    survey = ads.Survey(source, receivers)
    survey = survey if devices is None else shard_shots(survey, devices)
    return equation[0](equation[1](*medium), survey, grid, **({"boundary": LAYERS} | options))


def gathers_and_gradient(equation, grid, shots, values, devices=None, **options):
    """The gathers, and the gradient of a weighted energy by all; to compile faster, by positions of several shots alone."""
    known = dict(zip(("medium", "position", "receivers", "time_function"), values, strict=True))
    free = {k: v for k, v in known.items() if shots > 1 or k in ("medium", "time_function")}

    def energy(free):
        gathers = simulate(equation, grid, tuple((known | free).values()), devices, **options)
        weights = lambda x: jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)  # noqa: E731
        scale = lambda x: jax.lax.stop_gradient(jnp.max(jnp.abs(x)))  # noqa: E731
        return sum(jnp.sum(weights(x) * (x / scale(x)) ** 2) for x in jax.tree.leaves(gathers)), gathers

    gradient, gathers = jax.jit(jax.grad(energy, has_aux=True))(free)
    return gathers, gradient


SURFACE = {"free_surface": True, "record": "vz", "order": 2}
CASES = {
    "3d-acoustic": (ACOUSTIC, SOLID, 1, 4, "float64", {"order": 2}),
    "scalar-free-surface-order-8": (SCALAR, FLAT, 1, 4, "float64", {"free_surface": True, "order": 8}),
    "three-shots-on-two": (ACOUSTIC, FLAT, 3, 2, "float64", {"free_surface": True, "record": ("p", "vx")}),
    "sponge-float32": (ACOUSTIC, FLAT, 1, 4, "float32", {"boundary": ads.Sponge(width=3)}),
    "elastic-free-surface": (ELASTIC, FLAT, 1, 4, "float64", SURFACE | {"boundary": ads.Rigid()}),
    "elastic-fibre": (ELASTIC, FLAT, 1, 4, "float64", SURFACE | {"record": ("vz", ads.Fibre((0, 1), 5.0))}),
}


SLOW = {"elastic-free-surface", "sponge-float32", "elastic-fibre", "scalar-free-surface-order-8", "three-shots-on-two"}


@pytest.mark.parametrize(
    ("equation", "grid", "shots", "domains", "dtype", "options"),
    [pytest.param(*case, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, case in CASES.items()],
)
def test_same_as_one_device(equation, grid, shots, domains, dtype, options):
    """Gathers, and gradients by vp, vs, rho, time function and (of several shots) all positions. Each node's numbers are computed
    alike; only sums over devices are ordered differently, which is a few rounding units of the largest element.

    The waves reach both ends of the grid and their layers (around the solid by default walls, to compile faster). SOLID has 47
    cells with its layers: its last slab is filled up.
    """
    values = inputs(equation, grid, shots, dtype)
    devices = jax.devices() if shots > 1 else jax.devices()[:domains]
    actual = gathers_and_gradient(equation, grid, shots, values, device_mesh(devices, domains=domains), **options)
    expected = gathers_and_gradient(equation, grid, shots, values, **options)
    assert_same(actual, expected, {"float64": 1e-12, "float32": 2e-6}[dtype])


@pytest.mark.slow
def test_transformations():
    """vmap over media, Born modelling and the product with the Hessian by the reverse sweep go through the cuts."""
    (vp,), *rest = inputs(SCALAR, FLAT, 1)
    direction = 1 + jnp.cos(jnp.arange(vp.size, dtype=vp.dtype)).reshape(vp.shape)

    def gather(vp, devices, **options):
        return simulate(SCALAR, FLAT, ((vp,), *rest), devices, boundary=ads.Rigid(), **options)

    def transformed(devices):
        batch = jax.vmap(lambda vp: gather(vp, devices))(jnp.stack([vp, 1.1 * vp]))
        born = jax.jvp(lambda vp: gather(vp, devices, adjoint=ads.AutoDiff()), (vp,), (direction,))[1]
        product = jax.jvp(jax.grad(lambda vp: jnp.sum(gather(vp, devices) ** 2)), (vp,), (direction,))[1]
        return batch, born, product

    run = jax.jit(transformed, static_argnums=0)
    assert_same(run(device_mesh(domains=4)), run(None), 1e-12)


def test_only_columns_travel_within_the_loop():
    """In the time loops of a gradient the devices exchange the columns next to the cuts, nothing else."""
    (vp, rho), *rest = inputs(ACOUSTIC, FLAT, 1)

    def energy(vp):
        return jnp.sum(simulate(ACOUSTIC, FLAT, ((vp, rho), *rest), device_mesh(domains=4)) ** 2)

    found = collectives(jax.jit(jax.grad(energy)).lower(vp).compile())
    inner = [(kind, shapes) for computation, kind, shapes in found if computation != "ENTRY"]
    assert {kind for kind, _ in inner} == {"collective-permute"}
    rows, halo = FLAT.shape[0] + 2 * LAYERS.width + 4, 2
    assert {shape for _, shapes in inner for shape in shapes} == {f"1,{rows},{halo}"}


def test_split():
    """47 cells over four devices: 12 each and one dead; what `cut` and `haloed` do is exact."""
    split = Split(4, 47, 2)
    assert (split.width, split.thinnest) == (12, 11)
    whole = jnp.pad(jnp.arange(3.0 * 47).reshape(1, 3, 47), [(0, 0), (0, 0), (2, 2)])
    even = split.cut(whole)
    assert even.shape == (1, 3, 48)
    assert jnp.array_equal(even[..., :47], whole[..., 2:-2])
    assert not even[..., 47].any()
    assert jnp.array_equal(split.haloed(even[..., :12])[..., 2:-2], even[..., :12])


def test_memory_is_of_one_slab():
    """Four slabs take less than a third of the memory each: a quarter, and the halos."""
    (vp, rho), position, receivers, _ = inputs(ACOUSTIC, SOLID, 1)
    survey = ads.Survey(ads.Explosion(position, np.ones((1, 1, SOLID.nt))), receivers)
    cut = shard_shots(survey, device_mesh(domains=4))
    simulate, medium = ads.simulate_acoustic, ads.AcousticMedium(vp, rho)
    whole, slab = (ads.estimate_memory(simulate, medium, s, SOLID, boundary=LAYERS).bytes for s in (survey, cut))
    assert whole / 4 < slab < whole / 2.5


def test_errors():
    """Slabs thinner than the layers, a probe, and devices that do not divide."""
    values = inputs(SCALAR, FLAT, 1)
    with pytest.raises(ValueError, match=r"`domains` = 4 cuts 82 cells .* has 19; layers and differences need 20. Use domains=3"):
        simulate(SCALAR, FLAT, values, device_mesh(domains=4), boundary=ads.CPML(width=12), order=8)
    with pytest.raises(ValueError, match="A `probe` sees the whole grid, which `survey.devices` cuts into 2 domains"):
        simulate(SCALAR, FLAT, values, device_mesh(domains=2), probe=lambda fields: fields["u"].max())
    with pytest.raises(ValueError, match=r"`domains` = 3 must divide the number of devices, 4; .* jax.devices\(\)\[:3\]"):
        device_mesh(domains=3)
    with pytest.raises(ValueError, match="`domains` = 0 must divide"):
        device_mesh(domains=0)
