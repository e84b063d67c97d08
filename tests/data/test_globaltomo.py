"""GlobalTomo: the packing of Fourier series, tiers, stations, scaling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globaltomo_files import elements

from adseis.data import globaltomo
from adseis.data.globaltomo_packing import energies
from adseis.data.globaltomo_stations import stations_of

PHI = 2 * np.pi * np.arange(64) / 64


def series(*shape, orders=9, seed=0):
    """Coefficients of a real field, as can be packed: Im c_0 and Im c_8 are zero."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((*shape, orders)) + 1j * rng.standard_normal((*shape, orders))
    values[..., 0].imag = 0
    values[..., 8:9].imag = 0
    return values


def field(coefficients, phi=PHI):
    """u = Re[c_0 + 2 sum c_a e^(i a phi)], written out."""
    u = np.zeros((*coefficients.shape[:-1], len(phi)))
    for a in range(coefficients.shape[-1]):
        u += (1 if a == 0 else 2) * np.real(coefficients[..., a, None] * np.exp(1j * a * phi))
    return u


def test_packing_is_the_published_one():
    """[Re c0, Re c1, Im c1, ..., Im c7, Re c8], as the published loader takes it apart: exact."""
    c = series()
    packed = globaltomo.pack(c)
    np.testing.assert_array_equal(
        packed[[0, 1, 2, 13, 14, 15]], [c[0].real, c[1].real, c[1].imag, c[7].real, c[7].imag, c[8].real]
    )
    rebuilt = np.zeros(9, complex)
    rebuilt[0], rebuilt[1:].real, rebuilt[1:8].imag = packed[0], packed[1::2], packed[2::2]
    np.testing.assert_array_equal(rebuilt, c)
    np.testing.assert_array_equal(globaltomo.unpack(packed), c)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("to", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_series_at_azimuths(to, dtype):
    """NumPy and JAX alike, in the precision given; against the formula written out, to rounding."""
    c = to(series(2, 3).astype("complex64" if dtype == "float32" else "complex128"))
    packed = globaltomo.pack(c)
    assert (packed.shape, packed.dtype, type(packed)) == ((2, 3, 16), dtype, type(c))
    back = globaltomo.unpack(packed)
    assert (back.dtype, isinstance(back, jax.Array)) == (c.dtype, isinstance(c, jax.Array))
    np.testing.assert_array_equal(back, c)
    u = globaltomo.on_azimuths(packed, to(PHI))
    assert (u.shape, u.dtype, isinstance(u, jax.Array)) == ((2, 3, 64), dtype, isinstance(c, jax.Array))
    np.testing.assert_allclose(u, field(np.asarray(c)), rtol=0, atol=1e-5 if dtype == "float32" else 1e-13)


def test_series_are_differentiable():
    """The field is linear in the numbers: its derivative is the basis."""
    packed = jnp.asarray(globaltomo.pack(series()))
    basis = jax.jacobian(globaltomo.on_azimuths)(packed, jnp.asarray(PHI))
    np.testing.assert_allclose(basis @ packed, field(series()), atol=1e-13)


def test_what_packing_leaves_out():
    """Orders above 8 and Im c_8; the energy is the mean square in azimuth, which 64 azimuths integrate exactly. Fewer orders are
    filled with zeros."""
    c = series(3, orders=13)
    c[..., 8] += 0.5j
    kept = globaltomo.unpack(globaltomo.pack(c))
    assert kept.shape == (3, 9)
    lost, total = energies(c)
    np.testing.assert_allclose(total, (field(c) ** 2).mean(-1).sum(), rtol=1e-13)
    np.testing.assert_allclose(total - lost, (field(kept) ** 2).mean(-1).sum(), rtol=1e-13)
    assert globaltomo.left_out(c) == lost / total
    assert globaltomo.left_out(series()) == 0.0
    assert globaltomo.left_out(np.zeros((2, 12), complex)) == 0.0
    few = globaltomo.pack(series()[:4])
    np.testing.assert_array_equal(few[7:], 0)
    np.testing.assert_array_equal(few[:7], globaltomo.pack(series())[:7])
    with pytest.raises(ValueError, match=r"a series of 15 numbers cannot be"):
        globaltomo.unpack(few[:15])


def test_series_of_three_components():
    """48 numbers: the component fast, or slow if so told; there and back."""
    packed = globaltomo.pack(series(4, 3))  # (4, 3, 16)
    together = globaltomo.of_components(packed)
    assert together.shape == (4, 48)
    np.testing.assert_array_equal(together.reshape(4, 16, 3)[..., 1], packed[:, 1])
    np.testing.assert_array_equal(globaltomo.by_component(together), packed)
    np.testing.assert_array_equal(globaltomo.by_component(packed.reshape(4, 48), "component number"), packed)
    with pytest.raises(ValueError, match=r"`order` = 'slow' of numbers and components must be"):
        globaltomo.by_component(together, "slow")


def test_tiers():
    """Numbers of coefficients, sizes, clocks and names of files, as published; a tier of one's own is an entry."""
    sizes = {name: tier.coefficients for name, tier in globaltomo.TIERS.items()}
    assert sizes == {"acoustic": 405, "elastic": 1215, "earth": 5427, "acoustic-small": 125}
    acoustic, elastic, earth, small = globaltomo.TIERS.values()
    assert acoustic.stations[0] * acoustic.stations[1] * acoustic.samples == 205_350
    assert np.prod(earth.stations) == 703
    np.testing.assert_allclose(acoustic.snapshot_times[[0, 1, 7, 14]], [0.0744022, 0.2740638, 1.4720334, 2.8696646], rtol=1e-12)
    assert earth.snapshot_times is None
    np.testing.assert_allclose([acoustic.times[-1], small.times[-1]], [2.98, 2.96])
    assert elastic.shard("seismogram", 0, 1000) == "seis/seis_00000_01000.h5"
    assert [earth.file("source"), acoustic.file("fourier"), acoustic.file("slices")] == [
        "earth_source.h5",
        "wf_fourier.h5",
        "wf_slice.h5",
    ]
    assert globaltomo.tier_named(small) is globaltomo.tier_named("acoustic-small")
    with pytest.raises(ValueError, match=r"`tier` = 'mars' is none of acoustic, elastic, earth, acoustic-small"):
        globaltomo.tier_named("mars")


def test_stations():
    """Every 5 degrees of latitude and 10 of longitude, both ends; either order of spherical coordinates is told by the Cartesian
    ones, in any unit; float32 keeps degrees to 1e-4."""
    grid = globaltomo.station_grid(globaltomo.TIERS["acoustic"])
    np.testing.assert_array_equal(grid.latitude[:, 3], np.arange(-90, 91, 5))
    np.testing.assert_array_equal(grid.longitude[3], np.arange(-180, 181, 10))
    assert grid.told == "latitude -90 to 90, 37 values; longitude -180 to 180, 37 values [degrees]"
    r, theta, phi = np.moveaxis(grid.spherical, -1, 0)
    assert (r == 1000).all()
    np.testing.assert_allclose(grid.cartesian[..., 2], r * np.cos(theta))
    np.testing.assert_allclose(grid.cartesian[30, 24], 1000 * np.array([0.25, np.sqrt(3) / 4, np.sqrt(3) / 2]))
    for spherical in (grid.spherical, np.stack([theta, phi, r], -1)):
        found = stations_of(spherical.astype("float32"), (grid.cartesian / 1e3).astype("float32"))
        np.testing.assert_allclose(found, grid, atol=1e-4)
    with pytest.raises(ValueError, match=r"point to different places"):
        stations_of(grid.spherical, grid.cartesian[::-1])
    x, y, z = np.moveaxis(globaltomo.slice_points(elements(), globaltomo.TIERS["acoustic"].azimuths), -1, 0)
    np.testing.assert_allclose(np.hypot(x, y)[5], elements()[:, 0], rtol=1e-6)
    np.testing.assert_allclose(np.arctan2(y, x)[4, 1:-1], np.pi / 2)
    np.testing.assert_array_equal(z[9], elements()[:, 1])


@pytest.mark.parametrize(("tier", "factor"), [("acoustic", 1e5), ("elastic", 1e10)])
def test_scaling(tier, factor):
    """X x 1e5, displacement x 1e10, h x 40, source / 1e10; float32 stays; what is not there stays away."""
    ones = np.ones((2, 3), "float32")
    sample = globaltomo.Sample(ones[0], ones, ones, None, ones[0], 7)
    scaled = globaltomo.SCALING.scale(sample, tier)
    assert scaled.harmonics.dtype == "float32"
    assert (scaled.harmonics[0], scaled.fourier, scaled.id) == (40, None, 7)
    np.testing.assert_allclose([scaled.seismogram[0, 0], scaled.slices[0, 0], scaled.source[0]], [1e10, factor, 1e-10], rtol=1e-7)
    assert globaltomo.SCALING.time == 0.5
