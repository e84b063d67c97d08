"""The structure of a ball from its seismograms: through the solver, through any function, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis import sphere
from adseis.inversion.tomography import invert_structure
from adseis.parallel.devices import device_mesh

MESH = sphere.ball(1000.0, 1.0, 2.0, (900.0, 1100.0), azimuthal_order=2)
WAVE = np.exp(-((2 * (MESH.times - 0.7)) ** 2)) - np.exp(-((2 * 0.7) ** 2))
SOURCES = [sphere.PressureSource(700.0, 30.0, 10.0, WAVE), sphere.PressureSource(700.0, -40.0, 170.0, WAVE)]
STATIONS = sphere.Stations(
    np.array([80.0, 30.0, 0.0, -30.0, -70.0]), np.array([0.0, 100.0, -120.0, 20.0, 160.0]), np.full(5, 1000.0)
)
RADII = (1000.0, 500.0)
TRUE = np.random.default_rng(0).uniform(-0.025, 0.025, (4, 2))
LINEAR = np.random.default_rng(1).standard_normal((2, 5, MESH.nt, 4, 2)) * np.array([1.0, 0.1])
"""A function in place of waves, that sees the second level ten times less."""


def through(c):
    return 1.0 + jnp.einsum("srthl,hl->srt", jnp.asarray(LINEAR), c)


def sought(observed=None, **options):
    settings = {"degree": 1, "radii": RADII, "progress": False} | options
    observed = np.asarray(through(jnp.asarray(TRUE))) if observed is None else observed
    return invert_structure(observed, SOURCES, STATIONS, MESH, **settings)


@pytest.mark.slow  # tests/cli/test_invert_globe.py goes through it too
def test_through_the_solver():
    """Eight coefficients from two sources: data are exact, so the misfit falls by orders, and the coefficients come to a few
    hundredths of their size. The speed of the result is a medium."""

    def vp(r, lat, lon):
        return 1000.0 * (1 + sphere.perturbation(TRUE, sphere.Positions(r, lat, lon), radii=RADII))

    observed = np.asarray(ads.simulate_fluid_ball(sphere.FluidMedium(vp, 1000.0), SOURCES, STATIONS, MESH))
    seen = []
    found = sought(
        observed, through="solver", bands=[ads.Band(iterations=14)], callback=lambda i, x, v: seen.append((i, x.shape, v))
    )
    assert [i for i, *_ in seen] == list(range(1, len(found.history)))
    assert {shape for _, shape, _ in seen} == {(4, 2)}
    assert found.value < 1e-4 * found.history[0].value
    assert np.linalg.norm(found.x - TRUE) < 0.05 * np.linalg.norm(TRUE)
    at = np.array([900.0, 300.0]), np.array([10.0, -50.0]), np.array([0.0, 120.0])
    np.testing.assert_allclose(found.speed(*at), vp(*at), rtol=2e-3)


@pytest.mark.slow
def test_sources_over_devices():
    """Two sources on two devices: the same search, to rounding."""
    observed = 1e3 * np.random.default_rng(2).standard_normal((2, 5, MESH.nt)) * WAVE
    options = {"through": "solver", "bands": [ads.Band(iterations=2)]}
    one = sought(observed, **options)
    two = sought(observed, devices=device_mesh(jax.devices()[:2]), **options)
    np.testing.assert_allclose(two.x, one.x, rtol=0, atol=1e-9 * np.abs(one.x).max())


@pytest.mark.parametrize("options", [{}, {"bounds": (-0.03, 0.03)}, {"method": "newton-cg"}], ids=["mixed", "bounded", "newton"])
def test_through_a_function(options):
    """A linear one, by each way: the eight unknowns are found to what the misfit's stagnation leaves."""
    found = sought(through=through, bands=[ads.Band(iterations=30)], **options)
    np.testing.assert_allclose(found.x, TRUE, rtol=0, atol=1e-6)


def test_mixing_saves_gradients():
    """Levels that are seen alike need fewer gradients than coefficients as they are: here eigenvalues that lay a factor of a
    hundred apart lie within a few."""
    plain = ads.minimize(
        lambda c: jnp.sum((through(c) - through(jnp.asarray(TRUE))) ** 2), np.zeros((4, 2)), first_step=2.5e-3, progress=False
    )
    found = sought(through=through, bands=[ads.Band(iterations=30)])
    assert found.evaluations < plain.evaluations


def test_bounds_hold():
    """The largest coefficient is beyond them: it ends on its bound."""
    found = sought(through=through, bounds=(-0.02, 0.01), bands=[ads.Band(iterations=30)])
    assert found.x.min() >= -0.02 - 1e-9
    assert found.x.max() <= 0.01 + 1e-9
    assert found.x.flat[TRUE.argmax()] == pytest.approx(0.01)


def test_regularizer_and_start():
    """A strong prior keeps the coefficients where it wants them; a start at the truth stays there."""
    held = sought(through=through, regularizer=lambda c: 1e6 * jnp.sum(c**2))
    assert np.abs(held.x).max() < 1e-4
    assert sought(through=through, initial=TRUE, bands=[ads.Band(iterations=2)]).value < 1e-20


def test_a_killed_run_goes_on(tmp_path):
    """The same iterates, to the bit."""
    options = {"through": through, "bands": [ads.Band(iterations=6)]}
    whole = sought(**options)
    sought(**options, journal=tmp_path / "run.h5", callback=lambda i, x, v: i == 3)
    resumed = sought(**options, journal=tmp_path / "run.h5")
    np.testing.assert_array_equal(resumed.x, whole.x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observed": np.zeros((1, 5, MESH.nt))}, r"`observed` \(1, 5, \d+\) must be \(source, station, time\) = \(2, 5, \d+\)"),
        ({"observed": np.full((2, 5, MESH.nt), np.nan)}, r"not finite at \(source, station, time\) = \(0, 0, 0\); repair"),
        ({"degree": -1}, "`degree` = -1 must be a whole number"),
        ({"initial": np.zeros((9, 2))}, r"`initial` \(9, 2\) must be \(harmonic, level\) = \(4, 2\)"),
        ({"vp": 1500.0}, "`vp` = 1500 m/s must be within the speeds of `mesh`, 900 to 1100"),
        ({"through": "network"}, "`through` = 'network' must be \"solver\", or a function"),
        ({"through": lambda c: 0 * through(c)}, "the sources are silent"),
        ({"through": lambda c: through(c.at[:, 1].set(0.0))}, r"do not depend on `radii`\[1\] = 500 m"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        sought(**{"through": through} | options)


def test_unknown_options():
    with pytest.raises(TypeError, match="`invert_structure` knows no option `damping`; .* vp, rho, initial"):
        sought(damping=1.0)
