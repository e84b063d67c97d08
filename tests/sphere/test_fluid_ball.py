"""Waves of a homogeneous fluid ball against their exact series, no fitted factor; energy; and ways to call the solver."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from analytic import relative_l2
from analytic_ball import fluid_ball
from helpers import assert_same

import adseis as ads
from adseis import sphere
from adseis.parallel.devices import device_mesh
from adseis.sphere.azimuthal import transform
from adseis.sphere.fluid import VaryingFluidBall
from adseis.sphere.fluid_ball import _equation

RADIUS, SPEED, RHO, DEPTH = 1000.0, 1000.0, 900.0, 200.0
DISTANCE = np.array([40.0, 100.0, 150.0, 40.0, 120.0])
HEIGHT = np.array([500.0, 700.0, 900.0, 1000.0, 1000.0])
LONGITUDE = np.array([10.0, 50.0, 200.0, 80.0, 300.0])


def pulse(mesh, sharpness):
    """A Gaussian of unit area that has begun when 1e-14 of it is left."""
    return sharpness / np.sqrt(np.pi) * np.exp(-((sharpness * mesh.times - 5.7) ** 2))


def below_the_pole(mesh, sharpness):
    return sphere.PressureSource(RADIUS - DEPTH, 90.0, 0.0, pulse(mesh, sharpness))


def stations(some=slice(None)):
    return sphere.Stations(90 - DISTANCE[some], LONGITUDE[some], HEIGHT[some])


def errors(mesh, sharpness):
    """Of pressure at three stations in the bulk; of displacement up and north at all five; and the largest motion eastwards,
    where there is none, over the largest motion."""
    source, medium = below_the_pole(mesh, sharpness), sphere.FluidMedium(SPEED, RHO)
    exact = fluid_ball(
        np.asarray(source.time_function), mesh.dt, radius=RADIUS, speed=SPEED, rho=RHO, source_radius=RADIUS - DEPTH,
        receiver_radius=HEIGHT, distance=np.radians(DISTANCE),
    )  # fmt: skip
    p = ads.simulate_fluid_ball(medium, source, stations(slice(3)), mesh)
    u = np.asarray(ads.simulate_fluid_ball(medium, source, stations(), mesh, record="displacement"))
    pressure = [relative_l2(p[i], exact.pressure[i]) for i in range(3)]
    motion = [relative_l2(u[i, :, :2], np.stack([exact.radial[i], -exact.colatitudinal[i]], -1)) for i in range(5)]
    return pressure, motion, np.abs(u[..., 2]).max() / np.abs(u).max()


def test_against_the_series():
    """Three stations in the bulk and two on the surface, through surface reflections, with the planner's mesh: less than 1 %,
    what 1.3 elements of degree 4 leave for the shortest wavelength (measured: 0.1 % in pressure, 0.2 % in displacement)."""
    pressure, motion, east = errors(sphere.ball(RADIUS, 3.0, 4.0, (SPEED, SPEED), azimuthal_order=0), 4.5)
    print(pressure, motion)  # noqa: T201 - figures of docs/theory/globe.md
    assert max(pressure) < 0.01
    assert max(motion) < 0.01
    assert east < 1e-12


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize(("resolution", "bound"), [(None, 0.01), (2.0, 0.001)])
def test_against_the_series_at_full_size(resolution, bound):
    """GlobalTomo's ball at 20 Hz: less than 1 % with the planner's mesh, less than 0.1 % with a finer one."""
    mesh = sphere.ball(RADIUS, 20.0, 2.5, (SPEED, SPEED), azimuthal_order=0, resolution=resolution)
    pressure, motion, east = errors(mesh, 30.0)
    print(pressure, motion)  # noqa: T201 - figures of docs/theory/globe.md
    assert max(pressure) < bound
    assert max(motion) < bound
    assert east < 1e-12


@pytest.mark.slow
@pytest.mark.optimised
def test_spectral_convergence_of_traces():
    """On one mesh each degree is at least four times as good as the one before, from 3 to 6."""
    found = []
    for degree in (3, 4, 5, 6):
        mesh = sphere.ball(RADIUS, 3.0, 4.0, (SPEED, SPEED), azimuthal_order=0, degree=degree, resolution=1.3)
        pressure, motion, _ = errors(mesh, 4.5)
        found.append(max(pressure + motion))
    print(found)  # noqa: T201
    assert all(4 * after < before for before, after in zip(found[:-1], found[1:], strict=True))


def test_energy():
    """The ball's own energy, 1/2 v D^+ v + 1/2 u' (K - dt^2 / 12 K D K) u, 3D structure and all orders: from step to step it
    changes by rounding, far less than 1e-10 of its value, and over 300 steps by no more."""
    mesh = sphere.ball(RADIUS, 1.0, 1.0, (900.0, 1100.0), azimuthal_order=3)
    rng = np.random.default_rng(0)
    vp = jnp.asarray(rng.uniform(900, 1100, mesh.shape))
    equation, coefficients, light = _equation(mesh, (vp, jnp.asarray(rng.uniform(800, 1000, mesh.shape[:1]))))
    system, (mass, stiffness) = equation.system, coefficients

    def step(state, _):
        after = equation.step(coefficients, state, lambda name, field: field)
        x, y = state.fields["chi"][0], after.fields["chi"][0]
        pushed = system.resisted(stiffness, x)
        held = pushed - mesh.dt**2 / 12 * system.resisted(stiffness, system.moved(mass, pushed))
        return after, ((y - x) / mesh.dt, jnp.sum(y * held) / 2)

    start = equation.initial_state(1, vp.dtype)
    some = system.moved(mass, jnp.asarray(rng.normal(size=system.shape)))[None]
    start = start._replace(fields={"chi": some}, memory=start.memory._replace(before=some))
    other = VaryingFluidBall(mesh.elements, 3, system.free, True)  # of a density that could vary with azimuth, and does not
    light = other.blocks.weighted(jnp.broadcast_to(light[:, None], mesh.shape))
    two = jax.jit(lambda x: (system.resisted(stiffness, x), other.resisted(light, x)))(some[0])
    assert_same(*two, 1e-12)
    _, (v, elastic) = jax.jit(lambda: jax.lax.scan(step, start, length=300))()
    blocks = np.einsum("ak,na,al->nkl", transform(3), np.asarray(mass), transform(3))
    inverse = np.linalg.pinv(blocks * system.free[:, :, None] * system.free[:, None], hermitian=True)
    v = np.asarray(system.components(v))
    energy = np.asarray(elastic) + np.einsum("tnk,nkl,tnl->t", v, inverse, v, optimize=True) / 2
    assert energy[0] > 0
    np.testing.assert_allclose(energy, energy[0], rtol=1e-10)


def small():
    """A ball of 3D structure, as small as they come; two sources."""
    mesh = sphere.ball(RADIUS, 0.7, 1.8, (900.0, 1100.0), azimuthal_order=2, degree=3)
    bump = np.exp(-((3 * (mesh.times - 0.7)) ** 2))
    sources = [sphere.PressureSource(700.0, 40.0, 75.0, bump), sphere.PressureSource(500.0, -80.0, 10.0, -2 * bump)]

    def vp(radius, latitude, longitude):
        return 1000.0 + 80 * jnp.sin(radius / 300 + jnp.radians(longitude)) * jnp.cos(jnp.radians(latitude))

    return mesh, sources, sphere.FluidMedium(vp, RHO), stations(slice(3))


def test_several_sources_and_a_probe():
    """A list is each by itself: here in float32 and on two devices, against float64 one by one, to 2e-5 of the peak, some hundred
    steps of rounding. A probe sees the field every ten steps of the record, zero on the surface, also of a list."""
    mesh, sources, medium, where = small()
    probe = lambda fields: fields["chi"][0]  # noqa: E731
    each, seen = zip(
        *(ads.simulate_fluid_ball(medium, s, where, mesh, probe=probe, probe_every=10) for s in sources), strict=True
    )
    assert each[0].shape == (3, mesh.nt)
    series = sphere.coefficients(seen[0])
    assert series.shape == (-(-mesh.nt // 10), mesh.shape[0], mesh.azimuthal_order + 1)
    assert np.abs(series[:, mesh.surface]).max() == 0
    assert np.abs(seen[0]).max() > 0
    fields = []
    for source in sources:
        at = mesh.points(source)
        vp = np.asarray(medium.vp(at.radius, at.latitude, at.longitude), "float32")
        fields.append(sphere.FluidMedium(vp, np.asarray(RHO, "float32")))
    single = [sphere.PressureSource(s.radius, s.latitude, s.longitude, s.time_function.astype("float32")) for s in sources]
    found, fields = ads.simulate_fluid_ball(
        fields, single, where, mesh, devices=device_mesh(jax.devices()[:2]), probe=probe, probe_every=10
    )
    assert found.dtype == fields.dtype == jnp.float32
    assert_same(found, jnp.stack(each), 2e-5, lenient=True)
    assert_same(fields, jnp.stack(seen), 2e-5, lenient=True)


def test_media_of_several_ranks():
    """A number, radial values and 3D ones side by side, of several sources: each is what it is by itself, to rounding."""
    mesh, sources, _, where = small()
    media = [sphere.FluidMedium(1000.0, RHO), sphere.FluidMedium(np.full(mesh.shape, 1010.0), np.full(mesh.shape[0], RHO))]
    together = ads.simulate_fluid_ball(media, sources, where, mesh)
    each = [ads.simulate_fluid_ball(m, s, where, mesh) for m, s in zip(media, sources, strict=True)]
    assert_same(together, jnp.stack(each), 1e-12)


@pytest.mark.slow
def test_several_media():
    """Arrays in the frame of each source are the function that they were made from; numbers are radial values; to rounding."""
    mesh, sources, medium, where = small()
    each = jnp.stack([ads.simulate_fluid_ball(medium, source, where, mesh) for source in sources])
    fields = []
    for source in sources:
        at = mesh.points(source)
        fields.append(sphere.FluidMedium(medium.vp(at.radius, at.latitude, at.longitude), RHO))
    assert_same(ads.simulate_fluid_ball(fields, sources, where, mesh), each, 1e-12)
    numbers = [sphere.FluidMedium(1000.0, RHO)] * 2
    assert_same(
        ads.simulate_fluid_ball(numbers, sources, where, mesh),
        ads.simulate_fluid_ball(sphere.FluidMedium(np.full(mesh.shape[0], 1000.0), RHO), sources, where, mesh),
        1e-12,
    )


@pytest.mark.slow
def test_compiled_and_batched():
    """Under `jit`, and under `vmap` over time functions and speeds: one by one, to rounding."""
    mesh, (source, _), _, where = small()

    def run(time_function, vp):
        one = sphere.PressureSource(source.radius, source.latitude, source.longitude, time_function)
        return ads.simulate_fluid_ball(sphere.FluidMedium(vp, RHO), one, where, mesh, record="displacement")

    functions = jnp.stack([source.time_function, source.time_function[::-1]])
    speeds = jnp.asarray([950.0, 1050.0])
    together = jax.jit(jax.vmap(run))(functions, speeds)
    assert_same(together, jnp.stack([run(f, v) for f, v in zip(functions, speeds, strict=True)]), 1e-12)


@pytest.mark.slow
def test_rings():
    """Stations that share rings around the source are read ring by ring: the same, to rounding."""
    mesh, (_, source), medium, _ = small()
    pole = sphere.PressureSource(source.radius, 90.0, 0.0, source.time_function)
    latitude, longitude = (x.ravel() for x in np.meshgrid([10.0, 60.0], np.arange(0.0, 360, 60)))
    many = sphere.Stations(latitude, longitude, np.full(12, 800.0))
    for record in ("p", "displacement"):
        found = ads.simulate_fluid_ball(medium, pole, many, mesh, record=record)
        few = [sphere.Stations(latitude[i : i + 2], longitude[i : i + 2], np.full(2, 800.0)) for i in (0, 6)]
        apart = jnp.concatenate([ads.simulate_fluid_ball(medium, pole, some, mesh, record=record) for some in few])
        assert_same(found[np.array([0, 1, 6, 7])], apart, 1e-12)
