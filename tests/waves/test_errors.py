"""Bad input gives one clear error, with the values at once, and under `jit` too."""

import warnings

import jax
import numpy as np
import pytest

import adseis as ads

GRID = ads.Grid((12, 14), 10.0, 1e-3, 8)
VP, RHO = np.full(GRID.shape, 2000.0), np.full(GRID.shape, 1000.0)
AT, RECEIVERS = np.array([[[50.0, 60.0]]]), np.array([[20.0, 30.0]])
WAVELET = np.hanning(8)[None, None]
pytestmark = pytest.mark.filterwarnings("ignore:.*points per shortest wavelength")


def scalar(vp=VP, at=AT, receivers=RECEIVERS, grid=GRID, **options):
    return ads.simulate_scalar(
        ads.ScalarMedium(vp), ads.Survey(ads.Explosion(at, WAVELET), receivers), grid, **({"boundary": ads.CPML(2)} | options)
    )


def acoustic(vp=VP, rho=RHO, source=None, **options):
    survey = ads.Survey(source or ads.Explosion(AT, WAVELET), RECEIVERS)
    return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, GRID, **({"boundary": ads.CPML(2)} | options))


def changed(array, value):
    array = array.copy()
    array[3, 4] = value
    return array


VALUES = {
    "nan": (lambda vp: scalar(vp), changed(VP, np.nan), r"`medium.vp` is nan at node \(3, 4\)", "`medium.vp` holds a NaN"),
    "zero": (lambda vp: scalar(vp), changed(VP, 0.0), r"`medium.vp` is 0.0 at node \(3, 4\) \(1 such nodes\)", "`medium.vp` holds"),  # noqa: E501
    "cfl": (lambda vp: scalar(vp), changed(VP, 7300.0), r"`medium.vp` reaches 7300 m/s; .*order 4, 2D, CFL.*Use grid.dt <= 0.0008", "`medium.vp` is too fast"),  # noqa: E501
    "acoustic cfl": (lambda vp: acoustic(vp), changed(VP, 7300.0), r"reaches 7300 m/s.* is 6060.92 m/s .*Use grid.dt <= 0.00083 s", "too fast"),  # noqa: E501
    "density": (lambda rho: acoustic(rho=rho), changed(RHO, -5.0), r"`medium.rho` is -5.0 at node \(3, 4\)", "`medium.rho` holds a NaN"),  # noqa: E501
    "source": (lambda at: scalar(at=at), AT + 200.0, r"`position` of shot 0, point 0 is at \(250, 260\) m; .*z from 0 to 110, x from 0 to 130", "`position` has a point"),  # noqa: E501
    "receiver": (lambda r: scalar(receivers=r), -RECEIVERS, r"`receivers` of shot 0, point 0 is at \(-20, -30\) m", "`receivers` has a point that is not on the grid"),  # noqa: E501
    "nan position": (lambda at: scalar(at=at), AT * np.nan, r"`position` of shot 0, point 0 is at \(nan, nan\)", "or a NaN"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_at_once(name):
    run, bad, match, _ = VALUES[name]
    with pytest.raises(ValueError, match=match):
        run(bad)


@pytest.mark.parametrize("name", ["nan", "cfl", "density", "source", "receiver"])
def test_values_under_jit(name):
    """One runtime check before the time loop; the class that both share is `RuntimeError`."""
    run, bad, _, match = VALUES[name]
    with pytest.raises(RuntimeError, match=match):
        jax.block_until_ready(jax.jit(run)(bad))


def test_values_under_grad():
    """The values are known under an eager `jax.grad`, so the error is the plain one."""
    with pytest.raises(ValueError, match=r"`medium.vp` is nan at node \(3, 4\)"):
        jax.grad(lambda vp: scalar(vp).sum())(changed(VP, np.nan))


@pytest.mark.parametrize(
    ("run", "match"),
    [
        (lambda: scalar(VP[1:]), r"`medium` is sampled on \(11, 14\), `grid.shape` is \(12, 14\)"),
        (lambda: ads.AcousticMedium(VP, RHO[1:]), r"must share one grid|\*grid"),
        (lambda: scalar(record="p"), r"`record` = 'p' is no field of the scalar equation; use \['u'\]"),
        (lambda: acoustic(record=("p", "vy")), r"`record` = 'vy' is no field of the acoustic equation; use \['p', 'vz', 'vx'\]"),
        (lambda: acoustic(record=()), r"`record` = \(\) must name each field once"),
        (lambda: acoustic(record=("p", "p")), r"must name each field once"),
        (lambda: scalar(order=5), r"`order` = 5 is not available; use one of"),
        (lambda: scalar(probe=lambda f: f, probe_every=0), r"`probe_every` = 0 must be a whole number"),
        (lambda: acoustic(source=ads.Force(AT, WAVELET, np.zeros((1, 1, 2)))), r"`source` emits nothing: every component of `direction` is zero"),  # noqa: E501
        (lambda: ads.Grid((12,), 10.0, 1e-3, 8), r"`shape` = \(12,\) must be \(nz, nx\) or \(nz, ny, nx\)"),
        (lambda: ads.Grid((12, 0), 10.0, 1e-3, 8), r"whole positive numbers of nodes"),
        (lambda: ads.Grid((12, 14), (10.0, 9.0, 8.0), 1e-3, 8), r"`spacing` = .* has 3 entries; the grid has 2 axes"),
        (lambda: ads.Grid((12, 14), -1.0, 1e-3, 8), r"`spacing` = -1.0 m must be positive"),
        (lambda: ads.Grid((12, 14), 10.0, 0.0, 8), r"`dt` = 0.0 s must be positive"),
        (lambda: ads.Grid((12, 14), 10.0, 1e-3, 0), r"`nt` = 0 must be a whole number of samples"),
    ],
)  # fmt: skip
def test_structure(run, match):
    with pytest.raises((ValueError, TypeError), match=match):
        run()


def test_force_into_scalar():
    survey = ads.Survey(ads.Force(AT, WAVELET, np.array([[[1.0, 0.0]]])), RECEIVERS)
    with pytest.raises(
        TypeError, match=r"`source` emits a force, which the scalar equation does not take; it takes: \['volume'\]"
    ):
        ads.simulate_scalar(ads.ScalarMedium(VP), survey, GRID)


def test_dispersion_is_warned_of():
    """Two points per wavelength are too few for order 4, and the warning says what would do; a well sampled wave warns of
    nothing."""
    with pytest.warns(
        UserWarning, match=r"points per shortest wavelength \(600 m/s at .* Hz\) are few for order 4.*a spacing of"
    ):
        scalar(changed(VP, 600.0))
    grid = ads.Grid(GRID.shape, 10.0, 1e-3, 400)
    calm = ads.Survey(ads.Explosion(AT, ads.wavelets.ricker(10.0, 400, 1e-3)[None, None]), RECEIVERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ads.simulate_scalar(ads.ScalarMedium(VP), calm, grid, boundary=ads.CPML(2))
