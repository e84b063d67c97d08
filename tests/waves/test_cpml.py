"""What comes back from absorbing layers, and whether they stay quiet for ever."""

import numpy as np
import pytest

import adseis as ads
from adseis.experiment.sampling import POINTS_PER_WAVELENGTH, fastest_speed

SPACING = 10.0
NEAR, GRAZING = slice(0, 2), slice(2, None)


def simulated(scalar, speed, survey, grid, **options):
    vp = np.broadcast_to(speed, grid.shape)
    if scalar:
        return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, **options)
    return ads.simulate_acoustic(ads.AcousticMedium(vp, np.full(grid.shape, 1200.0)), survey, grid, **options)


def echoes(scalar, order, courant, slowness, boundary, shape=(31, 161), away=(4, 20, 60, 100, 140)):
    """Peak of the difference to a run without echoes over the peak of the trace, in dB, at receivers `away` cells along the
    layer.

    Source and receivers are ten cells from the layer below, so the echo meets it at 11 degrees from the normal first, and at 82
    last. The wavelet's shortest wavelength has the points that the order needs at speed `slowness` times that of the time
    step's `courant`.
    """
    fastest = fastest_speed((SPACING,) * len(shape), 1e-3, order, staggered=not scalar)
    speed, dt = courant * slowness * fastest, 1e-3
    frequency = speed / (POINTS_PER_WAVELENGTH[order] * SPACING) / 2.5
    nt = int(((away[-1] + 10) * SPACING / speed + 3 / frequency) / dt)
    s = ads.wavelets.ricker(frequency, nt, dt)[None, None]
    at = np.array([shape[0] - 11, *(n // 2 for n in shape[1:-1]), 10])

    def gather(margin, boundary):
        grid = ads.Grid([n + 2 * margin for n in shape], SPACING, dt, nt)
        receivers = np.array([[*at[:-1], at[-1] + n] for n in away]) + margin
        survey = ads.Survey(ads.Explosion((at + margin)[None, None] * SPACING, s), receivers * SPACING)
        return np.asarray(simulated(scalar, speed, survey, grid, boundary=boundary, order=order))[0]

    exact = gather(int(nt * dt * speed / SPACING / 2) + 10, ads.Rigid())
    echo = gather(0, boundary) - exact
    return 20 * np.log10(np.max(np.abs(echo), 0) / np.max(np.abs(exact), 0))


@pytest.mark.optimised
@pytest.mark.parametrize(
    ("scalar", "order", "courant", "slowness"),
    [
        (True, 4, 0.95, 1.0),
        (False, 4, 0.95, 1.0),
        pytest.param(True, 4, 0.3, 0.4, marks=pytest.mark.slow),
        pytest.param(False, 8, 0.3, 0.4, marks=pytest.mark.slow),
        pytest.param(True, 2, 0.6, 1.0, marks=pytest.mark.slow),
        pytest.param(True, 8, 0.6, 1.0, marks=pytest.mark.slow),
        pytest.param(False, 2, 0.6, 0.4, marks=pytest.mark.slow),
    ],
    ids=lambda x: str(x),
)
def test_default_layers_absorb(scalar, order, courant, slowness):
    """Row 7: -60 dB near the normal, -40 dB at grazing, from the fastest wave that a time step carries to an eighth of it,
    without tuning."""
    echo = echoes(scalar, order, courant, slowness, ads.CPML())
    assert np.all(echo[NEAR] < -60)
    assert np.all(echo[GRAZING] < -40)


@pytest.mark.optimised
@pytest.mark.slow
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "acoustic"])
def test_layers_absorb_in_3d(scalar):
    """Row 7 in 3D, where edges and corners meet: the same figures (a short layer, so that a box without echoes stays small)."""
    echo = echoes(scalar, 4, 0.8, 1.0, ads.CPML(), shape=(16, 15, 45), away=(4, 16, 30))
    assert np.all(echo[:2] < -60)
    assert echo[2] < -40


@pytest.mark.optimised
@pytest.mark.parametrize("scalar", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["scalar", "acoustic"])
def test_sponge_is_weaker(scalar):
    """Forty cells of sponge leave about 1 %: -35 dB near the normal; an untreated wall would leave -6 dB or more."""
    echo = echoes(scalar, 4, 0.7, 1.0, ads.Sponge(), away=(4, 20))
    assert np.all(echo < -35)
    assert np.all(echo > -110)  # and is no CPML by mistake


def quiet(scalar, nt, free_surface, shape=(11, 12)):
    """Peak of the field in each of twenty parts of a long record, in a random medium at 0.99 of the CFL limit."""
    order, dt = 4, 1e-3
    fastest = fastest_speed((SPACING,) * len(shape), dt, order, staggered=not scalar)
    rng = np.random.default_rng(0)
    speed = 0.99 * fastest * (0.4 + 0.6 * rng.random(shape)).clip(max=1.0)
    grid = ads.Grid(shape, SPACING, dt, nt)
    s = ads.wavelets.ricker(60.0, nt, dt)[None, None]
    survey = ads.Survey(ads.Explosion(np.array([[[40.0, 50.0]]]), s), np.array([[20.0, 60.0], [100.0, 110.0], [60.0, 0.0]]))
    u = simulated(scalar, speed, survey, grid, boundary=ads.CPML(8), free_surface=free_surface, order=order)
    return np.max(np.abs(np.asarray(u).reshape(20, -1)), axis=1)


def assert_quiet(peaks):
    assert np.all(np.isfinite(peaks))
    assert peaks[0] > 0
    assert np.all(np.diff(np.maximum.accumulate(peaks[::-1])[::-1]) <= 0)
    assert np.max(peaks[10:]) < 1e-3 * peaks[0]
    assert peaks[-1] <= np.max(peaks[5:10])


@pytest.mark.parametrize(("scalar", "free_surface"), [(True, False), (False, True)], ids=["scalar", "acoustic, free surface"])
def test_stays_quiet(scalar, free_surface):
    """10,000 steps: the field only fades. What is left after half of them is slow drift within the layers, below 1e-3 of the
    first arrival."""
    assert_quiet(quiet(scalar, 10_000, free_surface))


@pytest.mark.optimised
@pytest.mark.slow
@pytest.mark.parametrize("free_surface", [False, True], ids=["open", "free surface"])
@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "acoustic"])
def test_stays_quiet_for_ever(scalar, free_surface):
    """Row 7: 100,000 steps."""
    assert_quiet(quiet(scalar, 100_000, free_surface))


def test_layers_lie_outside_the_model():
    """Nothing of the model is absorbed: until the wave has been to the layer and back, the trace is that of a box without
    layers, bit for bit but for rounding."""
    grid = ads.Grid((41, 41), SPACING, 1e-3, 130)
    s = ads.wavelets.ricker(15.0, grid.nt, grid.dt)[None, None]
    survey = ads.Survey(ads.Explosion(np.array([[[200.0, 200.0]]]), s), np.array([[200.0, 220.0]]))
    for scalar in (True, False):
        with_layers, without = (simulated(scalar, 2500.0, survey, grid, boundary=b) for b in (ads.CPML(), ads.Rigid()))
        np.testing.assert_allclose(with_layers, without, rtol=0, atol=1e-12 * np.abs(without).max())


def test_bad_settings():
    with pytest.raises(ValueError, match=r"`width` = 0 cells of CPML must be a whole number, at least 1; use ads.Rigid"):
        ads.CPML(0)
    with pytest.raises(ValueError, match=r"`reflection` = 1.5 must lie between 0 and 1"):
        ads.CPML(reflection=1.5)
    with pytest.raises(ValueError, match=r"`reference_speed` = -3.0 must be positive"):
        ads.CPML(reference_speed=-3.0)
    with pytest.raises(ValueError, match=r"`width` = 0 cells of Sponge must be a whole number"):
        ads.Sponge(0)
