"""Waves in a solid ball against the exact ones, against yspec, and against themselves."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from analytic_solid_ball import SolidBall, solid_ball_stations
from scipy.interpolate import CubicSpline

import adseis as ads
from adseis import sphere
from adseis.sphere.simulation import placed

VP, VS, RHO = 1500.0, 1000.0, 1000.0
SOURCE = (35.0, 20.0, 800.0)
STATIONS = np.array([[10.0, -30.0, 70.0, 20.0], [50.0, 100.0, -60.0, -120.0], [1000.0, 1000.0, 1000.0, 600.0]])
MOMENT = np.array([[1.0, 0.4, -0.7], [0.4, 0.3, 0.9], [-0.7, 0.9, -1.5]])
FORCE = np.array([1.0, 0.5, -0.8])


def made(mesh, mechanism, time_function, medium=None, stations=STATIONS, **options):
    """Displacement, (station, time, Z N E)."""
    latitude, longitude, radius = SOURCE
    kind = sphere.MomentTensorSource if np.ndim(mechanism) == 2 else sphere.ForceSource
    source = kind(radius, latitude, longitude, time_function, mechanism)
    medium = sphere.SolidMedium(VP, VS, RHO) if medium is None else medium
    return ads.simulate_solid_ball(medium, source, sphere.Stations(*stations), mesh, **options)


def ricker(t, peak, delay):
    """Of unit height."""
    x = np.pi * peak * (t - delay)
    return (1 - 2 * x**2) * np.exp(-(x**2))


def tensor(six):
    """(rr, tt, pp, rt, rp, tp) as a matrix."""
    rr, tt, pp, rt, rp, tp = six
    return np.array([[rr, rt, rp], [rt, tt, tp], [rp, tp, pp]])


def errors(mechanism):
    """Of three components at four stations, over the motion there; surface waves included, no fitted factor.

    The planner's default mesh at 2 Hz, and a wavelet whose spectrum ends there.
    """
    mesh = sphere.ball(1000.0, 2.0, 4.0, (VS, VP), azimuthal_order=2)
    wavelet = lambda t: ricker(t, 0.75, 1.8)  # noqa: E731
    found = np.asarray(made(mesh, mechanism, wavelet(mesh.times)))
    strength = {"force": FORCE} if mechanism.ndim == 1 else {"moment": MOMENT[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]}
    longer = mesh.dt * np.arange(mesh.nt + 60)
    exact = solid_ball_stations(
        wavelet(longer), mesh.dt, SolidBall(1000.0, VP, VS, RHO), source=SOURCE, stations=tuple(STATIONS), **strength
    )
    exact = np.moveaxis(exact, 1, 2)[:, : mesh.nt]
    return np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=(1, 2))[:, None]


@pytest.mark.parametrize("mechanism", [MOMENT, pytest.param(FORCE, marks=pytest.mark.slow)], ids=["moment", "force"])
def test_traces_are_exact(mechanism):
    """To 1 % (at 6 Hz: 0.4 % at most)."""
    assert np.max(errors(mechanism)) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["explosion", "double_couple", "force"])
def test_traces_are_those_of_yspec(name):
    """An independent program, to 2 % of every station's motion; the two degrees that it was run to differ by 4e-5."""
    kept = np.load(Path(__file__).with_name("yspec_solid_ball.npz"), allow_pickle=False)
    mesh = sphere.ball(1000.0, 10.0, 2.3, (VS, VP), azimuthal_order=2)
    strength = kept[name]
    found = np.asarray(
        made(mesh, strength if len(strength) == 3 else tensor(strength), ricker(mesh.times, 3.5, 0.5), stations=kept["stations"])
    )
    there = CubicSpline(mesh.times, found, axis=1)(np.arange(len(kept["rate"])) * kept["dt"])
    for degree in (100, 150):
        theirs = np.moveaxis(kept[f"{name}_{degree}"], 1, 2)
        off = np.linalg.norm(there - theirs, axis=(1, 2)) / np.linalg.norm(theirs, axis=(1, 2))
        assert off.max() < 0.02, off


def varied(scale, seed):
    """A 3D field of degree 2, by place."""
    coefficients = np.random.default_rng(seed).uniform(-0.05, 0.05, (9, 2))
    at = lambda r, lat, lon: sphere.perturbation(coefficients, sphere.Positions(r, lat, lon), radii=(1000.0, 500.0))  # noqa: E731
    return lambda r, lat, lon: scale * (1 + at(r, lat, lon))


@pytest.mark.slow
def test_reciprocity_in_three_dimensions():
    """Up at A of a force to the east at B is east at B of a force up at A, each in a frame of its own.

    To 1 % (at 5 Hz and 8 orders: 0.01 %).
    """
    mesh = sphere.ball(1000.0, 2.0, 3.0, (900.0, 1700.0), azimuthal_order=4)
    medium = sphere.SolidMedium(varied(VP, 0), varied(VS, 1), varied(RHO, 2))
    here, there = (30.0, 40.0, 700.0), (-25.0, 110.0, 820.0)
    wavelet = ricker(mesh.times, 0.8, 1.5)
    traces = []
    for (lat, lon, r), to, force, component in ((here, there, [1.0, 0.0, 0.0], 2), (there, here, [0.0, 0.0, 1.0], 0)):
        source = sphere.ForceSource(r, lat, lon, wavelet, np.array(force))
        stations = sphere.Stations(*(np.array([x]) for x in to))
        traces.append(np.asarray(ads.simulate_solid_ball(medium, source, stations, mesh))[0, :, component])
    assert np.linalg.norm(traces[0] - traces[1]) < 0.01 * np.linalg.norm(traces[0])


@pytest.mark.slow
def test_gradients_by_everything():
    """By coefficients of vp, vs and rho, the source's place, moment and time function: AutoDiff to 1e-10, Taylor slope 2."""
    mesh = sphere.ball(1000.0, 1.0, 0.6, (850.0, 1700.0), azimuthal_order=2, resolution=1.0)
    random = np.random.default_rng(0)
    stations = sphere.Stations(np.array([10.0, -50.0]), np.array([0.0, 50.0]), np.array([500.0, 1000.0]))

    def loss(x, adjoint):
        fields = [
            lambda r, lat, lon, c=c, v=v: v * (1 + sphere.perturbation(c, sphere.Positions(r, lat, lon), radii=(1000.0, 500.0)))
            for c, v in ((x["vp"], 1550.0), (x["vs"], VS), (x["rho"], RHO))
        ]
        r, lat, lon = x["place"]
        source = sphere.MomentTensorSource(1000 * r, 60 * lat, 60 * lon, x["rate"], x["moment"])
        traces = ads.simulate_solid_ball(sphere.SolidMedium(*fields), source, stations, mesh, adjoint=adjoint)
        return jnp.sum((1e10 * traces) ** 2)

    x = {name: jnp.asarray(random.uniform(-0.02, 0.02, (4, 2))) for name in ("vp", "vs", "rho")}
    x |= {"place": jnp.array([0.7, 0.5, 0.3]), "moment": jnp.asarray(MOMENT), "rate": jnp.asarray(ricker(mesh.times, 2.0, 0.3))}
    step = {name: jnp.asarray(random.normal(size=value.shape)) * 0.01 for name, value in x.items()}
    step["moment"] = step["moment"] + step["moment"].T
    swept = jax.jit(jax.grad(lambda x: loss(x, ads.ReverseSweep())))(x)
    value = jax.jit(lambda x: loss(x, ads.AutoDiff()))
    plain, plainly = jax.jit(jax.value_and_grad(value))(x)
    for name in x:
        scale = np.abs(plainly[name]).max()
        assert scale > 0
        np.testing.assert_allclose(swept[name], plainly[name], rtol=0, atol=1e-10 * scale)
    slope = sum(jnp.sum(swept[name] * step[name]) for name in x)
    errors = [abs(float(value({n: x[n] + h * step[n] for n in x}) - plain - h * slope)) for h in (0.5, 0.25)]
    assert 1.9 < np.log2(errors[0] / errors[1]) < 2.1


@pytest.mark.slow
def test_a_moment_and_a_depth_are_found_again():
    """From exact seismograms, noise of 5 %, from no moment at all and a depth that is wrong by 100 m of 250: to 2 % and 5 m."""
    mesh = sphere.ball(1000.0, 1.5, 4.0, (VS, VP), azimuthal_order=2)
    longer = mesh.dt * np.arange(mesh.nt + 60)
    rate, moment = (lambda t: ricker(t, 0.6, 2.0)), MOMENT[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    true = {"source": (*SOURCE[:2], 750.0), "stations": tuple(STATIONS), "moment": moment}
    exact = solid_ball_stations(rate(longer), mesh.dt, SolidBall(1000.0, VP, VS, RHO), **true)
    observed = np.moveaxis(exact, 1, 2)[:, : mesh.nt]
    scale = np.sqrt(np.mean(observed**2))
    observed = (observed + 0.05 * scale * np.random.default_rng(0).normal(size=observed.shape)) / scale
    stations, medium = sphere.Stations(*STATIONS), sphere.SolidMedium(VP, VS, RHO)

    def misfit(x):
        rr, tt, pp, rt, rp, tp = x["moment"]
        tensor = jnp.stack([jnp.stack([rr, rt, rp]), jnp.stack([rt, tt, tp]), jnp.stack([rp, tp, pp])])
        source = sphere.MomentTensorSource(1000.0 - 1000.0 * x["depth"], *SOURCE[:2], rate(mesh.times), tensor)
        return jnp.mean((ads.simulate_solid_ball(medium, source, stations, mesh) / scale - observed) ** 2)

    start = {"moment": np.zeros(6), "depth": np.array(0.35)}
    found = ads.minimize(misfit, start, bounds=({"moment": -9.0, "depth": 0.05}, {"moment": 9.0, "depth": 0.9}), progress=False)
    assert np.linalg.norm(found.x["moment"] - moment) < 0.02 * np.linalg.norm(moment)
    assert abs(1000 * float(found.x["depth"]) - 250) < 5
    assert found.value < 1.2 * 0.05**2


def test_radial_and_transverse():
    """Z R T are Z N E turned by the azimuth of the great circle away from the source, by spherical trigonometry, to rounding; of
    an explosion in a homogeneous ball there is no T."""
    mesh = sphere.ball(1000.0, 1.0, 1.5, (VS, VP), azimuthal_order=2)
    latitude, longitude, radius = SOURCE
    where = STATIONS[:, :3]

    @jax.jit
    def turned(latitude, longitude):
        source = sphere.ForceSource(radius, latitude, longitude, np.zeros(mesh.nt), FORCE)
        frame = placed(source, sphere.Stations(*where), mesh)
        return [frame.turn(letters) for letters in ("ZNE", "ZRT", "TZ")]

    for at in (latitude, longitude), (-20.0, 100.0):
        zne, zrt, tz = turned(*at)
        (lat, lon), to_lat = np.radians(at), np.radians(where[0])
        apart = lon - np.radians(where[1])
        north = np.cos(to_lat) * np.sin(lat) - np.sin(to_lat) * np.cos(lat) * np.cos(apart)
        away = np.arctan2(np.sin(apart) * np.cos(lat), north)[:, None] + np.pi
        z, n, e = np.moveaxis(np.asarray(zne), 1, 0)
        wanted = np.stack([z, np.cos(away) * n + np.sin(away) * e, np.cos(away) * e - np.sin(away) * n], 1)
        np.testing.assert_allclose(zrt, wanted, rtol=0, atol=1e-12)
        np.testing.assert_allclose(tz, wanted[:, [2, 0]], rtol=0, atol=1e-12)
    source = sphere.MomentTensorSource(radius, latitude, longitude, ricker(mesh.times, 0.5, 0.9), np.eye(3))
    stations = sphere.Stations(*where, components="ZRT")
    explosion = np.asarray(ads.simulate_solid_ball(sphere.SolidMedium(VP, VS, RHO), source, stations, mesh))
    assert np.abs(explosion[..., 2]).max() < 1e-12 * np.abs(explosion).max()


def test_bad_input():
    """One line each, before anything is computed."""
    mesh = sphere.ball(1000.0, 1.0, 0.3, (VS, VP), azimuthal_order=1)
    rest = np.zeros(mesh.nt)
    with pytest.raises(ValueError, match="`azimuthal_order` = 1 of the mesh is too low for a MomentTensorSource"):
        made(mesh, MOMENT, rest)
    with pytest.raises(ValueError, match=r"`moment` .* must be finite and symmetric"):
        made(mesh, np.arange(9.0).reshape(3, 3), rest)
    source = sphere.PressureSource(800.0, 0.0, 0.0, rest)
    with pytest.raises(TypeError, match="`source` is a PressureSource; a solid takes"):
        ads.simulate_solid_ball(sphere.SolidMedium(VP, VS, RHO), source, sphere.Stations(*STATIONS), mesh)
    with pytest.raises(ValueError, match=r"`medium.vs` is 1400.0 .* bulk modulus"):
        made(mesh, FORCE, rest, sphere.SolidMedium(np.full(mesh.shape[0], VP), np.full(mesh.shape[0], 1400.0), RHO))
    with pytest.raises(ValueError, match=r"`medium.vs` reaches from 700 to 700 m/s; the mesh was planned"):
        made(mesh, FORCE, rest, sphere.SolidMedium(VP, 700.0, RHO))
    with pytest.raises(ValueError, match="`record` = 'p' must be one of displacement, velocity, acceleration"):
        made(mesh, FORCE, rest, record="p")
