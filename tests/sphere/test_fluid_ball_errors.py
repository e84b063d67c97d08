"""What is told of bad input to a fluid ball: one line, which names what is wrong, its value and the repair."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis import sphere


def _told(value):
    """The same name of a case in every process: functions are printed with their address."""
    return value if isinstance(value, str) else "of"


@pytest.fixture(scope="module")
def mesh():
    return sphere.ball(1000.0, 0.7, 1.0, (900.0, 1100.0), azimuthal_order=2, degree=3)


def call(mesh, *, vp=1000.0, rho=900.0, radius=700.0, time_function=None, depth=100.0, **options):
    time_function = np.ones(mesh.nt) if time_function is None else time_function
    source = options.pop("source") if "source" in options else sphere.PressureSource(radius, 40.0, 75.0, time_function)
    stations = sphere.Stations([10.0, 20.0], [20.0, 30.0], jnp.stack([jnp.asarray(1000.0), 1000.0 - depth]))
    medium = options.pop("media", None) or sphere.FluidMedium(vp, rho)
    return ads.simulate_fluid_ball(medium, source, stations, mesh, **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"vp": -1000.0}, r"`medium.vp` is -1000.0; it must be finite and positive"),
        ({"vp": lambda r, lat, lon: 1000 - 2.1 * r}, r"`medium.vp` is -.* at node \(\d+, \d+\) .* must be finite and positive"),
        (
            {"vp": 1200.0},
            "`medium.vp` reaches from 1200 to 1200 m/s; the mesh was planned for speeds from 900 to 1100 m/s at 0.7 Hz; plan",
        ),
        ({"vp": 800.0}, "`medium.vp` reaches from 800 to 800 m/s; the mesh was planned"),
        ({"vp": np.ones(7)}, r"`medium.vp` \(7,\) must be a number, `\(node,\)` = .* or `\(node, azimuth\)` = "),
        ({"rho": 0.0}, "`medium.rho` is 0.0; it must be finite and positive"),
        ({"rho": np.full((3, 3), 900.0)}, r"`medium.rho` \(3, 3\) must be a number"),
        (
            {"radius": 0.0},
            "`radius` of the source is 0 m; it must be above 0, since at the centre no direction is up, and under 1000 m",
        ),
        ({"radius": 1000.0}, "`radius` of the source is 1000 m; .* Move it inside"),
        ({"radius": float("nan")}, "`radius` of the source is nan m"),
        ({"time_function": np.ones(5)}, r"`time_function` \(5,\) must be \(time,\) = \(\d+,\), sampled at `mesh.times`"),
        ({"depth": -1.0}, "`radius` of station 1 is 1001 m; it must be 0 to 1000 m, the ball's: above the surface is nothing"),
        (
            {"depth": 0.0, "record": "p"},
            '`record` = "p" is zero on the surface, where all stations lie: record "z" or "displacement"',
        ),
        ({"depth": 0.0, "record": "chi"}, '`record` = "chi" is zero on the surface'),
        ({"record": "vz"}, "`record` = 'vz' must be one of p, chi, z, displacement"),
        ({"source": []}, "`source` must be one source, or a list of sources of one kind, at least one"),
    ],
    ids=_told,
)
def test_known_values(mesh, options, told):
    with pytest.raises(ValueError, match=told) as fault:
        call(mesh, **options)
    assert "\n" not in str(fault.value)


def test_several_sources(mesh):
    source = sphere.PressureSource(700.0, 40.0, 75.0, np.ones(mesh.nt))
    with pytest.raises(ValueError, match="`medium` are 3 media for 2 sources"):
        call(mesh, source=[source] * 2, media=[sphere.FluidMedium(1000.0, 900.0)] * 3)
    with pytest.raises(ValueError, match=r"`medium.vp` \(node, azimuth\) belongs to the frame of one source: give a function"):
        call(mesh, source=[source] * 2, vp=np.full(mesh.shape, 1000.0))
    force = sphere.ForceSource(700.0, 40.0, 75.0, np.ones(mesh.nt), np.ones(3))
    with pytest.raises(TypeError, match="ForceSource"):
        call(mesh, source=force)
    with pytest.raises(ValueError, match="a list of sources of one kind"):
        call(mesh, source=[source, force])


def test_traced_values(mesh):
    """Under `jit` too, by one check before the time loop."""
    run = jax.jit(lambda vp, radius, depth: call(mesh, vp=vp, radius=radius, depth=depth, record="p"))
    for values, told in [
        ((-1000.0, 700.0, 100.0), "medium.vp` holds a NaN, an infinity or a value that is not positive"),
        ((1200.0, 700.0, 100.0), "`medium.vp` is out of range: the mesh was planned for speeds from 900 to 1100 m/s"),
        ((1000.0, 1001.0, 100.0), "`radius` of the source must be above 0 and under 1000 m"),
        ((1000.0, 700.0, -1.0), "`radius` of a station must be 0 to 1000 m"),
    ]:
        with pytest.raises(RuntimeError, match=told):
            run(*map(jnp.asarray, values)).block_until_ready()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: sphere.PressureSource(np.ones(2), 0.0, 0.0, np.ones(3)), r"`radius` \(2,\) must be a number: one source"),
        (lambda: sphere.PressureSource(1.0, 0.0, 0.0, np.ones((2, 3))), r"`time_function` \(2, 3\) must be \(time,\)"),
        (lambda: sphere.MomentTensorSource(1.0, 0.0, 0.0, np.ones(3), np.ones(6)), r"`moment` \(6,\) must be \(3, 3\)"),
        (lambda: sphere.MomentTensorSource(1.0, 0.0, 0.0, np.ones(3), np.triu(np.ones((3, 3)))), "must be finite and symmetric"),
        (lambda: sphere.ForceSource(1.0, 0.0, 0.0, np.ones(3), np.ones(2)), r"`force` \(2,\) must be \(3,\)"),
        (
            lambda: sphere.PressureSource(1.0, 130.0, 0.0, np.ones(3)),
            "`latitude` of the source is 130 degrees; .* -90",
        ),
        (
            lambda: sphere.PressureSource(1.0, 0.0, -400.0, np.ones(3)),
            "`longitude` of the source is -400 degrees; .* 360",
        ),
        (
            lambda: sphere.Stations([0.0], [0.0], [1.0], components="ZNR"),
            '`components` = \'ZNR\' must be different letters of "ZNE" or of "ZRT"',
        ),
        (lambda: sphere.Stations([0.0], [0.0], [1.0], components="ZZ"), "`components` = 'ZZ' must be different letters"),
        (lambda: sphere.Stations([0.0], [0.0, 1.0], [1.0]), "must each be"),
        (lambda: sphere.Stations([], [], []), "for at least one station"),
        (lambda: sphere.Stations([0.0, 91.0], [0.0, 0.0], [1.0, 1.0]), "`latitude` of station 1 is 91.0 degrees"),
        (lambda: sphere.Stations([0.0], [np.nan], [1.0]), "`longitude` is nan at"),
    ],
    ids=_told,
)
def test_sources_and_stations(make, told):
    with pytest.raises((ValueError, TypeError), match=told):
        make()


def test_a_station_next_to_a_source_is_told(mesh):
    """The nearest of all, and what to do; none where stations are further away."""
    far = sphere.PressureSource(300.0, -60.0, 0.0, np.zeros(mesh.nt))
    near = sphere.PressureSource(950.0, 18.0, 30.0, np.zeros(mesh.nt))
    with pytest.warns(
        UserWarning, match=r"station 1 is [\d.]+ m from source 1, .* Plan a finer mesh by `resolution`, or leave it out"
    ):
        call(mesh, source=[far, near], record="chi")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(mesh, source=far, record="chi")


def test_a_time_function_that_is_too_sharp_is_told():
    """exp(-(w t)^2) has 99 % of its energy below 0.410 w, of its first derivative below 0.536 w, of its second 0.618 w (in Hz):
    the quantiles of chi squared of 1, 3 and 5 degrees of freedom. What counts is what is recorded; what ends high has no end."""
    mesh = sphere.ball(1000.0, 2.0, 3.0, (1000.0, 1000.0), azimuthal_order=0)
    far = sphere.Stations([10.0], [20.0], [500.0])

    def told(time_function, record):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            source = sphere.PressureSource(700.0, -40.0, 75.0, time_function)
            jax.eval_shape(lambda: ads.simulate_fluid_ball(sphere.FluidMedium(1000.0, 900.0), source, far, mesh, record=record))
        return [str(x.message) for x in found if "`time_function`" in str(x.message)]

    for record, share in (("chi", 0.410), ("z", 0.536), ("p", 0.618)):
        pulse = lambda w: np.exp(-((w * (mesh.times - 1.5)) ** 2))  # noqa: E731
        assert told(pulse(0.97 * mesh.frequency / share), record) == []
        (message,) = told(pulse(1.5 * mesh.frequency / share), record)
        least = float(message.split("99 % lies below ")[1].split(" Hz")[0])
        assert abs(least - 1.5 * mesh.frequency) < 0.05
    step = np.cumsum(np.exp(-((2.5 * (mesh.times - 1.5)) ** 2)))
    assert told(step, "z") == []


@pytest.mark.parametrize("solid", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["fluid", "solid"])
def test_a_density_that_jumps_is_refused(solid):
    """From node to node by up to 3: not finite before it was refused. The step that is advised is stable, over 300 steps."""
    plan = {"azimuthal_order": 1, "degree": 3}
    random = np.random.default_rng(0)

    def run(mesh, rho):
        x = np.exp(-((2 * (mesh.times - 2.0)) ** 2))
        stations = sphere.Stations([40.0], [20.0], [900.0])
        if solid:
            force = sphere.ForceSource(500.0, -40.0, 0.0, x, np.ones(3))
            return ads.simulate_solid_ball(sphere.SolidMedium(1100.0, 700.0, rho), force, stations, mesh)
        source = sphere.PressureSource(500.0, -40.0, 0.0, x)
        return ads.simulate_fluid_ball(sphere.FluidMedium(1100.0, rho), source, stations, mesh)

    mesh = sphere.ball(1000.0, 0.5, 6.0, (700.0, 1100.0), **plan)
    rho = random.uniform(1000, 3000, mesh.shape[0])
    with pytest.raises(ValueError, match=r"`medium.rho` varies by a factor of 2.\d* within an element; .* dt=") as fault:
        run(mesh, rho)
    assert "\n" not in str(fault.value)
    advised = float(str(fault.value).split("dt=")[1].split(")")[0])
    finer = sphere.ball(1000.0, 0.5, 6.0, (700.0, 1100.0), **plan, dt=advised)
    found = np.asarray(run(finer, rho))
    assert np.abs(found[:, -30:]).max() <= np.abs(found).max() < np.inf
    smooth = 2000 + mesh.elements.coordinates[:, 1]  # from 1000 to 3000, little in each element
    assert np.isfinite(run(mesh, np.sqrt(smooth))).all()
