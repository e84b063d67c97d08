"""A free surface against the image source that it is."""

import analytic
import numpy as np
import pytest

import adseis as ads

SPEED, DENSITY, SPACING, DT, NT = 2000.0, 1400.0, 10.0, 1e-3, 420
CASES = [((100.0, 300.0), (150.0, 450.0)), ((14.0, 303.0), (23.0, 448.0)), ((60.0, 200.0, 100.0), (40.0, 260.0, 210.0))]
pytestmark = pytest.mark.filterwarnings("ignore:.*points per shortest wavelength")
IDS = ["2d", "2d within the images' reach", "3d"]


def experiment(source, receiver, at_surface=False):
    """A grid, a survey and its wavelet; a second receiver on the surface if asked for."""
    s = np.asarray(ads.wavelets.ricker(8.0, NT, DT))
    receivers = [receiver, (0.0, *receiver[1:])] if at_surface else [receiver]
    shape = (31, 61) if len(source) == 2 else (21, 36, 36)
    return (
        ads.Grid(shape, SPACING, DT, NT),
        ads.Survey(ads.Explosion(np.array([[source]]), s[None, None]), np.array(receivers)),
        s,
    )


@pytest.mark.parametrize(("source", "receiver"), CASES, ids=IDS)
def test_scalar_image(source, receiver):
    """Source minus mirror image, no fitted scale: 1e-2 for dispersion of order 4 at 10 points per shortest wavelength, the time
    step and the layers. The surface itself is at rest: the images cancel there exactly."""
    grid, survey, s = experiment(source, receiver, at_surface=True)
    u = ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, SPEED)), survey, grid, free_surface=True)[0]
    exact = analytic.half_space_free_surface(s, DT, SPEED, source, receiver)
    assert analytic.relative_l2(u[:, 0], exact) < 1e-2
    np.testing.assert_allclose(u[:, 1], 0, atol=1e-14 * np.max(np.abs(exact)))


@pytest.mark.parametrize(("source", "receiver"), CASES, ids=IDS)
def test_acoustic_image(source, receiver):
    """Pressure and vertical velocity, the velocity at the surface too, where it doubles: 1e-2 as above, 1.5e-2 for velocities
    of half cells."""
    grid, survey, s = experiment(source, receiver, at_surface=True)
    medium = ads.AcousticMedium(np.full(grid.shape, SPEED), np.full(grid.shape, DENSITY))
    p, vz = (x[0] for x in ads.simulate_acoustic(medium, survey, grid, free_surface=True, record=("p", "vz")))
    exact = analytic.half_space_free_surface(s, DT, SPEED, source, receiver, rho=DENSITY)
    assert analytic.relative_l2(p[:, 0], exact) < 1e-2
    np.testing.assert_allclose(p[:, 1], 0, atol=1e-14 * np.max(np.abs(exact)))
    mirrored = np.array([-source[0], *source[1:]])
    for k, at in enumerate(np.asarray(survey.receivers)):
        moved = [analytic.acoustic_velocity(s, DT, SPEED, at - np.asarray(x))[0] for x in (source, mirrored)]
        assert analytic.relative_l2(vz[:, k], moved[0] - moved[1]) < 1.5e-2


@pytest.mark.parametrize("order", [2, 8])
def test_surface_is_the_middle_of_an_odd_field(order):
    """A half space with a free surface is one half of a whole space with two opposite sources: the same operations, so
    rounding, whatever the order."""
    nz, nx, nt = 24, 31, 150
    rng = np.random.default_rng(0)
    vp = 1800 + 600 * rng.random((nz, nx))
    half = ads.Grid((nz, nx), SPACING, DT, nt)
    whole = ads.Grid((2 * nz - 1, nx), SPACING, DT, nt, origin=(-(nz - 1) * SPACING, 0.0))
    s = np.asarray(ads.wavelets.ricker(12.0, nt, DT))
    at, receivers = np.array([[[33.0, 154.0]]]), np.array([[50.0, 90.0], [16.0, 222.0]])
    opposite = ads.Explosion(at * np.array([-1.0, 1.0]), -s[None, None])
    mirrored = np.concatenate([vp[:0:-1], vp])
    options = {"boundary": ads.CPML(6), "order": order}
    u = ads.simulate_scalar(
        ads.ScalarMedium(vp), ads.Survey(ads.Explosion(at, s[None, None]), receivers), half, free_surface=True, **options
    )
    both = ads.Survey((ads.Explosion(at, s[None, None]), opposite), receivers)
    wanted = ads.simulate_scalar(ads.ScalarMedium(mirrored), both, whole, **options)
    np.testing.assert_allclose(u, wanted, rtol=0, atol=1e-11 * np.max(np.abs(wanted)))


def test_too_few_rows():
    _, survey, _ = experiment((10.0, 30.0), (20.0, 50.0))
    thin = ads.Grid((4, 61), SPACING, DT, NT)
    with pytest.raises(ValueError, match=r"A free surface of order 4 needs more than 4 rows; `grid.shape` is \(4, 61\)"):
        ads.simulate_scalar(ads.ScalarMedium(np.full(thin.shape, SPEED)), survey, thin, free_surface=True)
