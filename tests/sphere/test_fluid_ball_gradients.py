"""Gradients through a fluid ball: Taylor slopes, the dot test and plain differentiation, by all that can be differentiated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import inner, taylor_slopes

import adseis as ads
from adseis import sphere
from adseis.timeloop.override import adjoint_override

LEVELS = (1000.0, 400.0)
STATIONS = {"latitude": [10.0, -35.0], "longitude": [20.0, 150.0], "radius": [620.0, 850.0]}


def mesh():
    """As small as they come: two elements across, orders 0 to 2."""
    return sphere.ball(1000.0, 0.7, 1.8, (900.0, 1100.0), azimuthal_order=2, degree=3)


def unknowns(mesh):
    """Coefficients of speed and density, where source and stations are, the time function."""
    rng = np.random.default_rng(0)
    t = mesh.times - 0.4 * mesh.times[-1]
    return {
        "vp": 0.02 * rng.uniform(-1, 1, (4, 2)),
        "rho": 0.1 * rng.uniform(-1, 1, (4, 2)),
        "source": np.array([710.0, 40.0, 75.0]),
        "time_function": np.exp(-((3 * t) ** 2)),
        **{name: np.array(values) for name, values in STATIONS.items()},
    }


def simulated(mesh, x, record, varying):
    """The density varies with azimuth, or with radius alone."""

    def field(coefficients, mean):
        def values(radius, latitude, longitude):
            places = sphere.Positions(radius, latitude, longitude)
            return mean * (1 + sphere.perturbation(coefficients, places, radii=LEVELS))

        return values

    rho = field(x["rho"], 900.0) if varying else 900.0 + 100.0 * x["rho"][0, 0] * jnp.asarray(mesh.elements.radius / 1000.0)
    source = sphere.PressureSource(*x["source"], x["time_function"])
    stations = sphere.Stations(*(x[name] for name in STATIONS))
    return ads.simulate_fluid_ball(sphere.FluidMedium(field(x["vp"], 1000.0), rho), source, stations, mesh, record=record)


def misfit_of(ball, record, varying):
    """Of many samples of both signs, and not linear in the time function either."""

    def misfit(x):
        traces = simulated(ball, x, record, varying)
        signs = jnp.sin(jnp.arange(traces.size, dtype=float)).reshape(traces.shape)
        return jnp.sum(signs * traces) / PEAK[record] + jnp.sum((traces / PEAK[record]) ** 2)

    return misfit


PEAK = {"p": 1.0, "displacement": 1e-6, "z": 1e-6}
SCALE = {"vp": 0.02, "rho": 0.1, "source": 300.0, "time_function": 1.0, "latitude": 30.0, "longitude": 30.0, "radius": 300.0}


@pytest.mark.slow
def test_gradient():
    """By harmonic coefficients of both fields, positions and the time function at once: Taylor slopes 1 and 2 within 5 %, and
    what forward differentiation of the plain loop finds along the same direction, to rounding: 1e-12."""
    ball = mesh()
    x, rng = unknowns(ball), np.random.default_rng(5)
    along = {name: 0.1 * SCALE[name] * rng.normal(size=value.shape) for name, value in x.items()}
    along["source"][1:] = along["source"][1:] / 10
    misfit = misfit_of(ball, "p", True)
    run = jax.jit(jax.value_and_grad(misfit))
    np.testing.assert_allclose(taylor_slopes(misfit, x, along, 2.0 ** -np.arange(8, 13), compiled=run), [1, 2], rtol=0.05)
    with adjoint_override(ads.AutoDiff()):
        _, forward = jax.jit(lambda x, d: jax.jvp(misfit, (x,), (d,)))(x, along)
    backward = {name: np.asarray(value) for name, value in run(x)[1].items()}
    size = sum(np.linalg.norm(backward[name]) * np.linalg.norm(along[name]) for name in x)
    assert all(np.abs(value).max() > 0 for value in backward.values())
    assert abs(float(forward) - inner(backward, along)) < 1e-12 * size


@pytest.mark.slow
@pytest.mark.parametrize(("record", "varying"), [("displacement", True), ("displacement", False), ("p", True), ("z", False)])
def test_certified(record, varying):
    """`ads.certify` works on a ball: Taylor slopes, dot 1e-12, and `AutoDiff` to 1e-10 leaf by leaf."""
    ball = mesh()
    certificate = ads.certify(misfit_of(ball, record, varying), unknowns(ball), scale=SCALE, progress=False)
    print(certificate)  # noqa: T201
    assert certificate.passed, str(certificate)
