"""Shots over four CPU devices against one device; what is summed over devices, and when."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same, collectives
from jax.sharding import Mesh, PartitionSpec

import adseis as ads
from adseis.parallel.devices import device_mesh
from adseis.parallel.shots import shard_shots

GRID = ads.Grid((14, 16), 10.0, 1e-3, 24)
LAYERS, WALLS = ads.CPML(width=4), {"boundary": ads.Rigid()}
TRACES = np.array([[60.0, 100.0], [63.0, 118.0], [30.0, 40.0]])
SCALAR, ACOUSTIC = (ads.simulate_scalar, ads.ScalarMedium), (ads.simulate_acoustic, ads.AcousticMedium)
ELASTIC = ads.simulate_elastic, ads.ElasticMedium


def inputs(equation, shots, dtype="float64"):
    """Medium, positions off the nodes and one time function for all shots."""
    rng = np.random.default_rng(3)
    low = {SCALAR: (2000.0,), ACOUSTIC: (2000.0, 1800.0), ELASTIC: (2000.0, 900.0, 1800.0)}[equation]
    medium = [rng.uniform(a, 1.2 * a, GRID.shape) for a in low]
    position = rng.uniform([20.0, 20.0], [110.0, 130.0], (shots, 1, 2))
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), (tuple(medium), position, np.hanning(GRID.nt)[None, None, :] ** 2))


def simulate(equation, values, devices=None, **options):
    medium, position, time_function = values
    survey = ads.Survey(ads.Explosion(position, time_function), TRACES.astype(position.dtype))
    survey = survey if devices is None else shard_shots(survey, devices)
    return equation[0](equation[1](*medium), survey, GRID, **({"boundary": LAYERS} | options))


def gather_and_gradient(equation, values, devices=None, **options):
    """The gather, and the gradient of a weighted energy, whose cancellations between shots show a missing one."""

    def energy(values):
        gather = simulate(equation, values, devices, **options)
        weights = jnp.cos(jnp.arange(gather.size, dtype=gather.dtype)).reshape(gather.shape)
        return jnp.sum(weights * gather**2), gather

    gradient, gather = jax.jit(jax.grad(energy, has_aux=True))(values)
    return gather, gradient


@pytest.mark.parametrize(
    ("equation", "shots", "dtype", "options"),
    [
        (SCALAR, 5, "float64", {"order": 2}),
        pytest.param(ACOUSTIC, 5, "float64", {"free_surface": True}, marks=pytest.mark.slow),
        pytest.param(ACOUSTIC, 5, "float32", WALLS, marks=pytest.mark.slow),
        pytest.param(SCALAR, 1, "float32", WALLS, marks=pytest.mark.slow),
        pytest.param(SCALAR, 8, "float64", WALLS | {"adjoint": ads.AutoDiff()}, marks=pytest.mark.slow),
        pytest.param(ELASTIC, 5, "float64", {"free_surface": True, "record": "vx"}, marks=pytest.mark.slow),
    ],
    ids=["scalar", "acoustic-free-surface", "acoustic-float32", "one-shot", "autodiff", "elastic-free-surface"],
)
def test_same_as_one_device(equation, shots, dtype, options):
    """Gather, and gradients by vp, vs, rho, position and time function: each shot is computed alike, only the sum over shots is
    ordered differently, which is a few rounding units of the largest element."""
    values = inputs(equation, shots, dtype)
    actual = gather_and_gradient(equation, values, device_mesh(), **options)
    expected = gather_and_gradient(equation, values, **options)
    assert_same(actual, expected, {"float64": 1e-12, "float32": 1e-6}[dtype])


@pytest.mark.parametrize(
    ("equation", "coefficients"), [pytest.param(SCALAR, 1, marks=pytest.mark.slow), (ACOUSTIC, 3)], ids=["scalar", "acoustic"]
)
def test_gradient_is_summed_once(equation, coefficients):
    """By the medium, the devices talk at the end alone: one sum per coefficient, besides that of the objective."""
    medium, *rest = inputs(equation, 4)

    def energy(medium):
        return jnp.sum(simulate(equation, (medium, *rest), device_mesh()) ** 2)

    found = collectives(jax.jit(jax.value_and_grad(energy)).lower(medium).compile())
    assert {(computation, kind) for computation, kind, _ in found} == {("ENTRY", "all-reduce")}
    shapes = [shape for _, _, shapes in found for shape in shapes]
    haloed = ",".join(str(n + 2 * 4 + 4) for n in GRID.shape)
    assert sorted(shapes) == sorted(["", *[f"1,{haloed}"] * coefficients])


def test_gather_stays_with_its_shots():
    """Distributed where the devices divide the shots, as observed data are; whole on every device where they do not."""
    devices = device_mesh()
    for shots, spec in ((8, PartitionSpec("shot")), (5, PartitionSpec())):
        gather = jax.jit(lambda values: simulate(SCALAR, values, devices, **WALLS))(inputs(SCALAR, shots))
        assert gather.sharding.is_equivalent_to(jax.NamedSharding(devices, spec), gather.ndim)
        observed = shard_shots({"data": np.asarray(gather), "weight": 2.0}, devices)
        assert observed["data"].sharding.is_equivalent_to(gather.sharding, gather.ndim)
        assert observed["weight"].sharding.is_fully_replicated
        assert jnp.array_equal(observed["data"], gather)


def test_shard_shots_of_a_pytree_under_jit():
    """Surveys get the devices, arrays are constrained; by default all devices serve."""
    survey = ads.Survey(ads.Explosion(np.full((4, 1, 2), 50.0), np.ones((1, 1, GRID.nt))), TRACES)

    @jax.jit
    def place(survey, data):
        survey, data = shard_shots((survey, data))
        assert survey.devices == device_mesh()
        return data

    assert place(survey, np.ones((4, 3))).sharding.spec == PartitionSpec("shot")
    assert shard_shots(survey).source is survey.source


@pytest.mark.slow
def test_batched_media_and_second_derivatives():
    """vmap over media, Born modelling and the Hessian's product: the transformations go through the distribution."""
    (vp, *_), position, time_function = inputs(SCALAR, 5)
    direction = 1 + jnp.cos(jnp.arange(vp.size, dtype=vp.dtype)).reshape(vp.shape)

    def gather(vp, devices):
        return simulate(SCALAR, ((vp,), position, time_function), devices, adjoint=ads.AutoDiff(), **WALLS)

    def transformed(devices):
        batch = jax.vmap(lambda vp: simulate(SCALAR, ((vp,), position, time_function), devices, **WALLS))(
            jnp.stack([vp, 1.1 * vp])
        )
        born = jax.jvp(lambda vp: gather(vp, devices), (vp,), (direction,))[1]
        product = jax.jvp(jax.grad(lambda vp: jnp.sum(gather(vp, devices) ** 2)), (vp,), (direction,))[1]
        return batch, born, product

    run = jax.jit(transformed, static_argnums=0)
    assert_same(run(device_mesh()), run(None), 1e-12)


def test_probe_sees_all_shots():
    """A probe may mix shots, so it is given all of them: the same values as without devices, exactly."""
    probe = WALLS | {"probe": lambda fields: fields["u"] / (1e-30 + jnp.abs(fields["u"]).max()), "probe_every": 8}
    values = inputs(SCALAR, 5)
    actual, expected = (simulate(SCALAR, values, devices, **probe) for devices in (device_mesh(), None))
    assert actual[1].shape == (3, 5, *GRID.shape)
    assert_same(actual, expected, 0)


@pytest.mark.parametrize(
    ("change", "match"),
    [(lambda m, p: ((m[0] * 4,), p), "`medium.vp` is too fast"), (lambda m, p: (m, p + 1e4), "`position` has a point")],
    ids=["medium", "position"],
)
def test_faults_are_raised_not_waited_for(change, match):
    """Under `jit`: were the values checked on one device, the others would wait for it until XLA ends the process."""
    medium, position, time_function = inputs(SCALAR, 5)
    run = jax.jit(lambda medium, position: simulate(SCALAR, (medium, position, time_function), device_mesh(), **WALLS))
    with pytest.raises(RuntimeError, match=match):
        jax.block_until_ready(run(*change(medium, position)))
    assert ads.certify(lambda x: jnp.sum(x**2), np.arange(3.0), progress=False).passed  # which does not tell it again
    assert np.all(np.isfinite(run(medium, position)))


@pytest.mark.slow
def test_any_device_mesh_with_an_axis_of_shots():
    """Other axes repeat the computation, and axes of JAX's explicit kind serve as well."""
    values = inputs(SCALAR, 3)
    expected = gather_and_gradient(SCALAR, values, **WALLS)
    assert_same(gather_and_gradient(SCALAR, values, jax.make_mesh((2, 2), ("shot", "spare")), **WALLS), expected, 1e-12)


def test_errors():
    """What cannot be distributed over is said at once."""
    survey = ads.Survey(ads.Explosion(np.full((1, 1, 2), 50.0), np.ones((1, 1, GRID.nt))), TRACES)
    rows = Mesh(np.array(jax.devices()), ("rows",))
    with pytest.raises(
        ValueError, match=r"`devices` has the axes \('rows',\), none of them \"shot\"; use ads.parallel.device_mesh"
    ):
        shard_shots(survey, rows)
    with pytest.raises(ValueError, match="none of them"):
        shard_shots(np.ones((4, 2)), rows)
    with pytest.raises(ValueError, match="none of them"):
        ads.Survey(survey.source, TRACES, devices=rows)
    with pytest.raises(TypeError, match="`devices` is a int; use ads.parallel.device_mesh"):
        ads.Survey(survey.source, TRACES, devices=4)
    assert ads.Survey(survey.source, TRACES, devices=jax.devices()).devices == device_mesh()
