"""GlobalTomo-style data by our solver: files, exact waves of the uniform ball, draws, complaints; a ball of few elements."""

import pickle

import numpy as np
import pytest
from analytic_ball import fluid_ball
from globaltomo_files import tiny

import adseis as ads
from adseis import sphere
from adseis.data import globaltomo
from adseis.data.globaltomo_balls import gaussian
from adseis.data.globaltomo_timing import seismogram_of, timing
from adseis.data.synthesis import synthesize
from adseis.resampling import sample_whole
from adseis.sphere.draws import draw_structures, redraw_structure

TIER = tiny("acoustic-small", degree=2, samples=8, dt=0.15, stations=(5, 5), snapshots=5)
WAVES = globaltomo.FluidWaves(TIER, globaltomo.Setup(2.0, 1, speeds=(950.0, 1050.0), half_duration=0.5))


class Killed:
    """Our solver, killed as it makes a sample."""

    def __init__(self, at):
        self.at = at

    def __call__(self, harmonics, index):
        if index == self.at:
            raise KeyboardInterrupt
        return WAVES(harmonics, index)


def generator(simulate=WAVES, samples=3):
    return globaltomo.GlobalTomo(
        simulate, WAVES.recording, samples, 1, seed=3, solver=WAVES.settings(), draw=globaltomo.LatinHypercube(samples)
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of three samples."""
    folder = tmp_path_factory.mktemp("whole")
    synthesize(generator(), folder, progress=False)
    return folder


def test_files(made):
    """Are GlobalTomo's: what the reader takes apart is what the solver returned, float32; slices are the series on meridians."""
    data = globaltomo.Dataset(made, TIER)
    sample = data[1]
    drawn = globaltomo.LatinHypercube(3)(TIER, 3, 1, 0)
    np.testing.assert_array_equal(sample.harmonics, drawn)
    waves = WAVES(drawn, 1)
    np.testing.assert_array_equal(sample.seismogram, waves.seismogram)
    np.testing.assert_array_equal(sample.slices, waves.slices)
    assert (sample.slices.dtype, sample.slices.shape[2]) == (np.float32, len(WAVES.mesh.elements.points))
    # Order 1 has all its numbers in sixteen: both are sums of three terms in float32.
    onto = np.moveaxis(globaltomo.on_azimuths(sample.fourier, TIER.azimuths), -1, 1)
    np.testing.assert_allclose(onto, sample.slices, rtol=0, atol=1e-6 * np.abs(onto).max())
    assert np.abs(sample.slices - sample.slices[:, :1]).max() > 1e-3 * np.abs(sample.slices).max()
    assert data.slice_points.shape == (16, sample.slices.shape[2], 3)


def test_a_run_that_was_killed_twice_goes_on(made, tmp_path):
    """And leaves the same bytes."""
    for at in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            synthesize(generator(Killed(at)), tmp_path, progress=False)
    synthesize(generator(), tmp_path, progress=False)
    whole, killed = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.suffix in (".h5", ".json")}
        for folder in (made, tmp_path)
    )
    assert len(whole) == 3 * 3 + 3 + 1
    assert killed == whole


def test_the_uniform_ball():
    """Snapshots and seismograms against the exact waves, at the times and places that the files tell; low-passed alike. Five
    elements from the centre to the surface are good for 2 % of the largest chi, near the source, and of its slope at the surface
    for 3 %, but not above the source, at the pole, where both are in one element."""
    waves, clock = WAVES(np.zeros(TIER.coefficients, "float32"), 0), WAVES.clock
    times = clock.dt * np.arange(WAVES.mesh.nt + 60) - clock.lead
    some = np.arange(0, len(WAVES.recording.elements), 4)
    s, z = WAVES.recording.elements[some].T
    latitude = np.linspace(-90, 90, TIER.stations[0])[:-1]
    exact = fluid_ball(
        WAVES.setup.amplitude * gaussian(WAVES.setup, times),
        clock.dt,
        radius=1000.0,
        speed=1000.0,
        rho=1000.0,
        source_radius=800.0,
        receiver_radius=np.concatenate([np.hypot(s, z), np.full(len(latitude), 1000.0)]),
        distance=np.concatenate([np.arctan2(s, z), np.radians(90 - latitude)]),
    )
    at = np.searchsorted(times, TIER.snapshot_times - 1e-6)
    np.testing.assert_allclose(times[at], TIER.snapshot_times, rtol=0, atol=1e-9)
    chi = exact.chi[: len(s), at].T
    for slice_ in (0, 5):
        np.testing.assert_allclose(waves.slices[:, slice_, some], chi, rtol=0, atol=0.02 * np.abs(chi).max())
    fading = np.cos(np.pi / 2 * np.clip((times - times[-1] + 0.6) / 0.5, 0, 1)) ** 2
    upwards = sample_whole((exact.radial[len(s) :] * fading).T, clock.dt, -clock.lead, TIER.dt, TIER.samples).T
    np.testing.assert_allclose(waves.seismogram[:-1, 2, 2], upwards, rtol=0, atol=0.03 * np.abs(upwards).max())
    assert np.all(waves.seismogram[:, :, :2] == 0)


def test_clocks():
    """Snapshots fall onto steps no longer than the longest, behind the source's beginning; that of the acoustic tier
    is when AxiSEM3D began. What lies within the band is resampled as it is."""
    for longest in (0.0039, 0.0079):
        tier = globaltomo.TIERS["acoustic-small"]
        clock = timing(tier, longest=longest, before=0.125)
        steps = (tier.snapshot_times + clock.lead) / clock.dt
        np.testing.assert_allclose(steps, clock.every * (clock.first + np.arange(15)), rtol=0, atol=1e-6)
        assert 0.95 * longest < clock.dt <= longest
        assert clock.lead == pytest.approx(0.1252594)
        nt = int(clock.duration / clock.dt) + 1
        wave = np.exp(-(((clock.dt * np.arange(nt) - clock.lead - 1.5) / 0.1) ** 2))
        wanted = np.exp(-(((tier.times - 1.5) / 0.1) ** 2))
        np.testing.assert_allclose(seismogram_of(tier, clock, nt) @ wave, wanted, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"`tier` = 'earth' has no times of snapshots"):
        timing(globaltomo.TIERS["earth"], longest=0.1, before=0.1)


def test_structures_of_a_hypercube():
    """One sample by itself is the row of the whole, in the files' order; others in its place are not of the hypercube."""
    elastic = tiny("elastic", degree=1)
    draw = globaltomo.LatinHypercube(250)
    whole = draw_structures(7, 250, properties=3, degree=1)
    np.testing.assert_array_equal(draw(elastic, 7, 123, 0).reshape(4, 3, 5), np.moveaxis(whole[123], 0, 1).astype("float32"))
    again = redraw_structure(7, 123, 2, properties=3, degree=1)
    np.testing.assert_array_equal(draw(elastic, 7, 123, 2).reshape(4, 3, 5), np.moveaxis(again, 0, 1).astype("float32"))


def test_what_the_mesh_does_not_carry_is_drawn_again():
    """Before anything is simulated."""
    coefficients = np.zeros(TIER.coefficients, "float32")
    coefficients[0] = 0.2  # of degree 0, 0.2 / sqrt(4 pi)
    with pytest.raises(globaltomo.DrawAgain, match="vp is 1000 to 1056 m/s, and the mesh carries 950 to 1050"):
        WAVES(coefficients, 0)


def test_makers():
    """Of the tiers travel to jobs, tell their settings, and refuse what cannot be."""
    found = pickle.loads(pickle.dumps(globaltomo.maker("acoustic-small", 250, 100, seed=2)))
    settings = found.settings()
    assert [task.samples for task in found.tasks()] == [100, 100, 50]
    assert (settings["draw"], settings["solver"]["azimuthal_order"]) == ("LatinHypercube", 8)
    assert settings["recording"]["source_time_function"].startswith("s(t) = 0.0001 m^3 exp(-(1.628 t / 0.125 s)^2)")
    for name, resolution, elements in (("acoustic-small", 1.0, 210), ("acoustic", 1.07, 1936), ("elastic", 1.07, 1936)):
        solver = globaltomo.maker(name, 1).settings()["solver"]
        assert (solver["resolution"], solver["elements"]) == (resolution, elements)
    assert WAVES.settings()["resolution"] == 1.3  # the planner's own
    assert settings["recording"]["element_coords_are"] == "the middle node of each spectral element"
    with pytest.raises(ValueError, match="`tier` = earth cannot be made yet: there is a solver for acoustic, elastic"):
        globaltomo.maker("earth", 1)
    with pytest.raises(ValueError, match="`samples` = 0 must be at least 1"):
        globaltomo.maker("acoustic", 0)


def test_the_elastic_tier():
    """Displacements of a random moment, along the axes of cylinders in the body; the same sample by any process."""
    tier = tiny("elastic", degree=2, samples=6, dt=0.2, stations=(3, 4), snapshots=4)
    setup = globaltomo.Setup(0.5, 2, (900.0, 1700.0), half_duration=1.8, amplitude=1e10, vp=1500.0, vs=1000.0)
    waves, other = (globaltomo.SolidWaves(tier, setup, seed) for seed in (3, 4))
    drawn = globaltomo.LatinHypercube(2)(tier, 3, 1, 0)
    made = waves(drawn, 1)
    np.testing.assert_array_equal(made.source, waves.moment(1))
    assert np.linalg.norm(made.source * np.sqrt([0.5, 0.5, 0.5, 1, 1, 1])) == pytest.approx(1e10)
    assert (np.abs(other.moment(1) / waves.moment(1) - 1) > 1e-3).all()
    assert [solver.settings()["seed_of_moments"] for solver in (waves, other)] == [3, 4]
    mesh = waves.mesh
    assert made.slices.shape == (4, 16, len(mesh.elements.points), 3)
    onto = globaltomo.on_azimuths(globaltomo.pack(np.moveaxis(made.fourier, 2, 0)), tier.azimuths)  # (3, time, element, azimuth)
    np.testing.assert_allclose(np.moveaxis(onto, (0, 3), (3, 1)), made.slices, rtol=0, atol=1e-6 * np.abs(made.slices).max())
    with pytest.raises(globaltomo.DrawAgain, match="vs and vp reach from 1000 to 1754 m/s, and the mesh carries 900 to 1700"):
        waves(np.eye(1, len(drawn), dtype="float32")[0] * 0.6, 0)


@pytest.mark.slow
def test_seismograms_of_the_elastic_tier():
    """Those of the public call: south, east and up."""
    tier = tiny("elastic", degree=2, samples=6, dt=0.2, stations=(3, 4), snapshots=4)
    setup = globaltomo.Setup(0.5, 2, (900.0, 1700.0), half_duration=1.8, amplitude=1e10, vp=1500.0, vs=1000.0)
    waves = globaltomo.SolidWaves(tier, setup, 3)
    drawn = globaltomo.LatinHypercube(2)(tier, 3, 1, 0)
    made, mesh, clock = waves(drawn, 1), waves.mesh, waves.clock
    grid, levels = waves.recording.grid, drawn.reshape(9, 3, 5)
    rate = np.gradient(gaussian(setup, mesh.times - clock.lead), mesh.dt)
    rr, tt, pp, rt, rp, tp = made.source.astype(float)
    moment = np.array([[rr, rt, rp], [rt, tt, tp], [rp, tp, pp]])
    source = sphere.MomentTensorSource(800.0, 90.0, 0.0, rate, moment)
    stations = sphere.Stations(grid.latitude.ravel(), grid.longitude.ravel(), grid.radius.ravel())
    radii = tuple(1000.0 - depth for depth in tier.depths)
    points = mesh.points(source)
    medium = sphere.SolidMedium(
        *(v * (1 + sphere.perturbation(levels[:, i], points, radii=radii)) for i, v in enumerate((1500.0, 1000.0, 1000.0)))
    )
    up, north, east = np.moveaxis(np.asarray(ads.simulate_solid_ball(medium, source, stations, mesh)), -1, 0)
    wanted = np.stack([-north, east, up], 1) @ seismogram_of(tier, clock, mesh.nt).T
    found = made.seismogram.reshape(-1, 3, 6)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3 * np.abs(wanted).max())
