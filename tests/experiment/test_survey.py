"""Sources, receivers and their shapes; plane waves against theory; the grid that a medium and a frequency suggest."""

import analytic
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

GRID = ads.Grid((12, 14), 10.0, 1e-3, 20)
VP = np.full(GRID.shape, 2000.0)
WAVELET = np.hanning(GRID.nt)
AT = np.array([[[50.0, 60.0]], [[40.0, 70.0]]])


def scalar(survey, **options):
    return ads.simulate_scalar(ads.ScalarMedium(VP), survey, GRID, boundary=ads.CPML(3), **options)


@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_plane_wave(angle):
    """In the middle of the line the upgoing wave is speed / (2 cos(angle)) times the integral of s, tilted by `angle`: 3 %,
    what the tapered ends still diffract into the middle, and dispersion."""
    speed, depth, dt, nt, h = 2000.0, 400.0, 2e-3, 300, 10.0
    grid = ads.Grid((46, 241), h, dt, nt)
    s = np.asarray(ads.wavelets.ricker(12.0, nt, dt))
    source = ads.PlaneWave(np.array([angle]), s[None], depth=depth, speed=speed)
    receivers = np.array([[200.0, 1200.0], [150.0, 1300.0]])
    u = ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, speed)), ads.Survey(source, receivers), grid)[0]
    tilt = np.deg2rad(angle)
    integral = np.cumsum(s) * dt - s * dt / 2
    for k, (z, x) in enumerate(receivers):
        delay = (x * np.sin(tilt) + (depth - z) * np.cos(tilt)) / speed
        exact = speed / (2 * np.cos(tilt)) * np.interp(grid.times - delay, grid.times, integral, left=0.0)
        assert analytic.relative_l2(u[:, k], exact) < 0.03


def test_plane_wave_is_differentiable_by_its_angle():
    """The derivative of the emitted samples by the angle against central differences, whose own error is 1e-6."""
    emitted = lambda angle: jnp.sum(  # noqa: E731
        jnp.cos(jnp.arange(20.0))[None, None]
        * ads.PlaneWave(angle, WAVELET[None], depth=100.0, speed=2000.0).emissions(GRID)[0].samples
    )
    angle, h = jnp.array([12.0, -7.0]), 1e-4
    numeric = [(emitted(angle + d) - emitted(angle - d)) / (2 * h) for d in h * np.eye(2)]
    np.testing.assert_allclose(jax.grad(emitted)(angle), numeric, rtol=1e-6)


def test_plane_wave_in_3d():
    """One source a node of the plane; the azimuth turns x into y, to rounding."""
    grid = ads.Grid((6, 7, 7), 10.0, 1e-3, 20)
    along = [ads.PlaneWave(np.array([15.0]), WAVELET[None], depth=50.0, speed=2e3, azimuth=np.array([a])) for a in (0.0, 90.0)]
    x, y = (np.asarray(source.emissions(grid)[0].samples).reshape(7, 7, -1) for source in along)
    assert not np.allclose(x[0, 0], x[0, 6])
    np.testing.assert_allclose(np.swapaxes(x, 0, 1), y, atol=1e-12)


def test_sources_act_together():
    """The equation is linear: a tuple of sources, or several in one shot, is the sum of them. Rounding."""
    receivers = np.array([[20.0, 30.0], [90.0, 110.0]])
    first, second = (ads.Explosion(AT[k][None], k + WAVELET[None, None]) for k in (0, 1))
    one, two = scalar(ads.Survey(first, receivers)), scalar(ads.Survey(second, receivers))
    both = scalar(ads.Survey((first, second), receivers))
    joint = ads.Explosion(AT[:, 0][None], np.stack([WAVELET, 1 + WAVELET])[None])
    for u in (both, scalar(ads.Survey(joint, receivers))):
        np.testing.assert_allclose(u, one + two, rtol=0, atol=1e-13 * np.abs(u).max())


def test_shared_receivers_and_time_functions():
    """A length of 1, or an axis left out, serves all shots: the same numbers as written out."""
    receivers = np.array([[20.0, 30.0], [90.0, 110.0], [50.0, 50.0]])
    short = scalar(ads.Survey(ads.Explosion(AT, WAVELET[None, None]), receivers))
    full = scalar(ads.Survey(ads.Explosion(AT, np.tile(WAVELET, (2, 1, 1))), np.tile(receivers, (2, 1, 1))))
    assert short.shape == (2, GRID.nt, 3)
    np.testing.assert_array_equal(short, full)


def test_origin_moves_everything():
    """Positions count from the grid's origin: the same numbers when all is shifted."""
    receivers, shift = np.array([[20.0, 30.0]]), np.array([500.0, -70.0])
    moved = ads.Grid(GRID.shape, GRID.spacing, GRID.dt, GRID.nt, origin=shift.tolist())
    survey = ads.Survey(ads.Explosion(AT + shift, WAVELET[None, None]), receivers + shift)
    u = ads.simulate_scalar(ads.ScalarMedium(VP), survey, moved, boundary=ads.CPML(3))
    np.testing.assert_array_equal(u, scalar(ads.Survey(ads.Explosion(AT, WAVELET[None, None]), receivers)))


def test_grid_suggests_a_sound_sampling():
    """The suggested grid neither breaks the CFL limit nor is warned about, and covers the extent and the duration."""
    grid = ads.Grid.suggest(ads.ScalarMedium(np.array([[1500.0, 4000.0]])), 8.0, extent=(400.0, 600.0), duration=0.3)
    assert all(length >= wanted for length, wanted in zip(grid.extent, (400.0, 600.0), strict=True))
    assert grid.times[-1] >= 0.3
    assert 1500 / (2.5 * 8.0) / grid.spacing[0] == pytest.approx(5)
    assert grid.dt * 4000 < grid.spacing[0] * np.sqrt(0.5)


@pytest.mark.parametrize(
    ("survey", "error", "match"),
    [
        (lambda: ads.Survey(ads.Explosion(AT[..., :1], WAVELET[None, None]), AT[0]), ValueError, r"`position` \(2, 1, 1\) must be \(shot, source, 2\)"),  # noqa: E501
        (lambda: ads.Survey(ads.Explosion(AT, WAVELET[None, None, 1:]), AT[0]), ValueError, r"`time_function` .* with grid.nt = 20 samples"),  # noqa: E501
        (lambda: ads.Survey(ads.Explosion(AT, np.zeros((2, 3, 20))), AT[0]), ValueError, r"`time_function` \(2, 3, 20\) does not fit `position`|#source"),  # noqa: E501
        (lambda: ads.Survey(ads.Explosion(AT, WAVELET[None, None]), np.zeros((3, 1, 2))), ValueError, r"`receivers` \(3, 1, 2\) must be \(receiver, 2\)"),  # noqa: E501
        (lambda: ads.Survey(ads.Explosion(AT, WAVELET[None, None]), np.zeros((4, 3))), ValueError, r"`receivers` \(4, 3\) must be \(receiver, 2\)"),  # noqa: E501
        (lambda: ads.Survey(tuple(ads.Explosion(AT[:n], WAVELET[None, None]) for n in (1, 2)), AT[0]), ValueError, r"different numbers of shots: \[1, 2\]"),  # noqa: E501
        (lambda: ads.Survey(ads.Force(AT, WAVELET[None, None], np.array([[[1.0, 0.0]]])), AT[0]), TypeError, "emits a force z, which the scalar equation does not"),  # noqa: E501
        (lambda: ads.Survey(ads.PlaneWave(np.array([3.0]), WAVELET[None, 1:], depth=9.0, speed=2e3), AT[0]), ValueError, "must be .shot, time. with grid.nt = 20"),  # noqa: E501
        (lambda: ads.Survey(ads.PlaneWave(np.array([3.0]), WAVELET[None], depth=9.0, speed=-1.0), AT[0]), ValueError, r"`speed` = -1.0 m/s must be positive"),  # noqa: E501
    ],
    ids=["axes", "nt", "sources", "receivers' shots", "receivers' axes", "shots", "force", "plane wave", "speed"],
)  # fmt: skip
def test_faults(survey, error, match):
    with pytest.raises((error, TypeError), match=match):
        scalar(survey())


def test_one_time_function_serves_all_shots_and_sources():
    """`(time,)` is the same as the same samples for every source, bit by bit."""
    grid = ads.Grid(shape=(5, 6), spacing=1.0, dt=0.1, nt=4)
    position, samples = np.ones((2, 3, 2)), np.arange(4.0)
    for one, each in (
        (ads.Explosion(position, samples), ads.Explosion(position, np.broadcast_to(samples, (2, 3, 4)))),
        (ads.Force(position, samples, [[[1.0, 2.0]]]), ads.Force(position, np.broadcast_to(samples, (2, 3, 4)), [[[1.0, 2.0]]])),
        (
            ads.MomentTensor(position, samples, np.eye(2)[None, None]),
            ads.MomentTensor(position, samples[None, None], np.eye(2)[None, None]),
        ),
    ):
        for a, b in zip(one.emissions(grid), each.emissions(grid), strict=True):
            assert a.kind == b.kind
            np.testing.assert_array_equal(a.samples, b.samples)
            assert a.samples.shape == (2, 3, 4)
