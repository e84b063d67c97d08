"""Media on a grid: averages by hand, and interfaces that act where they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

LAYERS = ads.ElasticMedium([2000.0, 3000.0], [0.0, 1700.0], [1000.0, 2200.0])


def grid_of(spacing, depth, width, nt=1, dt=1e-3):
    return ads.Grid((round(depth / spacing) + 1, round(width / spacing) + 1), spacing, dt, nt)


def test_a_cut_cell_by_hand():
    """The node at 20 m is cut at 22 m: 7/10 of the upper layer. It holds fluid, and so no shear; one of two solids has both."""
    grid = grid_of(10.0, 40.0, 10.0)
    medium = ads.layered_model([22.0], LAYERS, grid)
    np.testing.assert_allclose(medium.rho[:, 0], [1000, 1000, 1360, 2200, 2200], rtol=1e-12)
    modulus = 1 / (0.7 / 4e9 + 0.3 / (2200 * 9e6))
    np.testing.assert_allclose(medium.vp[:, 0], [2000, 2000, np.sqrt(modulus / 1360), 3000, 3000], rtol=1e-12)
    np.testing.assert_array_equal(medium.vs[:, 1], [0, 0, 0, 1700, 1700])
    solids = ads.ElasticMedium([2000.0, 3000.0], [1000.0, 1700.0], [2000.0, 2200.0])
    shear = 1 / (0.7 / 2e9 + 0.3 / (2200 * 1700**2))
    assert ads.layered_model([22.0], solids, grid).vs[2, 0] == pytest.approx(np.sqrt(shear / (0.7 * 2000 + 0.3 * 2200)))
    scalar = ads.layered_model([22.0], ads.ScalarMedium(LAYERS.vp), grid)
    assert scalar.vp[2, 0] == pytest.approx((0.7 / 2000**2 + 0.3 / 3000**2) ** -0.5)


def test_interfaces_between_rows_above_and_below():
    """Between two rows nothing is averaged; an interface may dip, lie outside, or thin a layer out to nothing."""
    grid = grid_of(10.0, 40.0, 20.0)
    media = ads.AcousticMedium([2000.0, 2500.0, 3000.0], [1000.0, 1500.0, 2000.0])
    medium = ads.layered_model([np.array([-100.0, 15.0, 25.0]), np.array([25.0, 25.0, 25.0])], media, grid)
    np.testing.assert_allclose(medium.vp[:, 0], [2500, 2500, 2500, 3000, 3000], rtol=1e-12)
    np.testing.assert_allclose(medium.vp[:, 1], [2000, 2000, 2500, 3000, 3000], rtol=1e-12)
    np.testing.assert_allclose(medium.rho[:, 2], [1000, 1000, 1000, 2000, 2000], rtol=1e-12)
    assert np.all(ads.layered_model([], ads.ScalarMedium([1500.0]), grid).vp == 1500)


def test_resampling():
    """On equal nodes nothing changes; a layered medium sampled finely becomes that of its layers, whose interface of a half-cell
    of the fine samples it keeps; between coarse samples squared slowness runs linearly."""
    coarse, fine = grid_of(20.0, 200.0, 100.0), grid_of(2.0, 200.0, 100.0)
    sampled = ads.layered_model([101.0], LAYERS, fine)
    np.testing.assert_allclose(ads.resample_model(sampled, fine, spacing=2.0).vp, sampled.vp, rtol=1e-12)
    found, wanted = ads.resample_model(sampled, coarse, spacing=2.0), ads.layered_model([101.0], LAYERS, coarse)
    for name in ("vp", "vs", "rho"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-12)
    ramp = ads.ScalarMedium(2000 + 10 * coarse.coordinates(0)[:, None] * np.ones(6))
    between = ads.resample_model(ramp, grid_of(10.0, 200.0, 100.0), spacing=20.0)
    middle = ((ramp.vp[0, 0] ** -2 + ramp.vp[1, 0] ** -2) / 2) ** -0.5
    np.testing.assert_allclose(between.vp[:3, 0], [ramp.vp[0, 0], middle, ramp.vp[1, 0]], rtol=1e-12)
    slope = jax.grad(lambda vp: ads.resample_model(ads.ScalarMedium(vp), coarse, spacing=2.0).vp.sum())(jnp.asarray(sampled.vp))
    assert slope.shape == fine.shape
    assert float(slope.min()) > 0
    with pytest.raises(ValueError, match=r"`grid` reaches from 0 to 200 m along axis 0, the medium .* only from 0 to 100 m"):
        ads.resample_model(sampled, coarse, spacing=1.0)


@pytest.mark.parametrize("spacing", [10.0, pytest.param(20.0, marks=pytest.mark.slow)])
def test_an_interface_acts_where_it_is(spacing):
    """A step at 1000 m, on a row of both grids, reflects as from 1000 m, within 1 m; `np.where` puts it half a cell too high.

    Depths by the phase of the reflection at 8 Hz against that of a step at a row's half, which lies where it says.
    """
    top = 1000.0 - 12 * spacing
    grid = ads.Grid((20, 61), spacing, 1.2e-4 * spacing, 420, origin=(top, 0.0))
    at = [[[top + 2 * spacing, 30 * spacing]]]
    survey = ads.Survey(ads.Explosion(at, ads.wavelets.ricker(80 / spacing, grid.nt, grid.dt)), at[0])
    run = jax.jit(lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, order=8)[0, :, 0])
    depth = grid.coordinates(0)[:, None] * np.ones(61)
    stepped = lambda z: np.where(depth < z, 2000.0, 2400.0)  # noqa: E731
    direct = run(np.full(grid.shape, 2000.0))

    def phase(vp):
        spectrum = np.fft.rfft(np.asarray(run(vp) - direct), 4096)
        near = int(80 / spacing * 4096 * grid.dt)
        return np.unwrap(np.angle(spectrum))[near]

    reference, half = phase(stepped(1000.0)), spacing / 2  # acts at 1000 - half
    per_metre = (phase(stepped(1000.0 + spacing)) - reference) / spacing
    found = ads.layered_model([1000.0], ads.ScalarMedium([2000.0, 2400.0]), grid).vp
    assert 1000 - half + (phase(found) - reference) / per_metre == pytest.approx(1000, abs=1)


def test_errors():
    grid = grid_of(10.0, 40.0, 10.0)
    with pytest.raises(ValueError, match="`layers` has fields of the shape .2,.; 2 interfaces divide 3 layers"):
        ads.layered_model([10.0, 20.0], LAYERS, grid)
    with pytest.raises(ValueError, match="`interfaces` = .* must be finite and in order"):
        ads.layered_model([20.0, 10.0], ads.ScalarMedium([1.0, 2.0, 3.0]), grid)
