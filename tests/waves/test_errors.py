"""Bad input gives one clear error, with the values at once, and under `jit` too."""

import warnings

import jax
import numpy as np
import pytest

import adseis as ads
from adseis.waves.acoustic import Acoustic
from adseis.waves.elastic import Elastic
from adseis.waves.options import check_experiment
from adseis.waves.scalar import Scalar
from adseis.waves.sh import AntiplaneShear

GRID = ads.Grid((12, 14), 10.0, 1e-3, 8)
VP, VS, RHO = (np.full(GRID.shape, value) for value in (2000.0, 1100.0, 1000.0))
AT, RECEIVERS = np.array([[[50.0, 60.0]]]), np.array([[20.0, 30.0]])
WAVELET = np.hanning(8)[None, None]


def scalar(vp=VP, at=AT, receivers=RECEIVERS, grid=GRID, **options):
    return ads.simulate_scalar(
        ads.ScalarMedium(vp), ads.Survey(ads.Explosion(at, WAVELET), receivers), grid, **({"boundary": ads.CPML(2)} | options)
    )


def acoustic(vp=VP, rho=RHO, source=None, **options):
    survey = ads.Survey(source or ads.Explosion(AT, WAVELET), RECEIVERS)
    return ads.simulate_acoustic(ads.AcousticMedium(vp, rho), survey, GRID, **({"boundary": ads.CPML(2)} | options))


def elastic(vp=VP, vs=VS, source=None, receivers=RECEIVERS, **options):
    survey = ads.Survey(source or ads.Explosion(AT, WAVELET), receivers)
    return ads.simulate_elastic(ads.ElasticMedium(vp, vs, RHO), survey, GRID, **({"boundary": ads.CPML(2)} | options))


def sh(vp=VP, vs=VS, source=None, **options):
    survey = ads.Survey(source or ads.Force(AT, WAVELET, np.array([[[0.0, 1.0, 0.0]]])), RECEIVERS)
    return ads.simulate_sh(ads.ElasticMedium(vp, vs, RHO), survey, GRID, **({"boundary": ads.CPML(2)} | options))


def moment(tensor):
    return ads.MomentTensor(AT, WAVELET, np.array(tensor)[None, None])


def fault(rise_time):
    one = np.ones((1, 1))
    return ads.FiniteFault(AT, one, 0 * one, rise_time * one, np.eye(2)[None, None])


def sh_in_3d():
    grid, at = ads.Grid((5, 6, 7), 10.0, 1e-3, 8), np.full((1, 1, 3), 20.0)
    survey = ads.Survey(ads.Force(at, WAVELET, np.array([[[0.0, 1.0, 0.0]]])), at[0])
    return ads.simulate_sh(ads.ElasticMedium(*(np.full(grid.shape, x) for x in (2000.0, 1100.0, 1000.0))), survey, grid)


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
    "elastic nan": (lambda vp: elastic(vp), changed(VP, np.nan), r"`medium.vp` is nan at node \(3, 4\)", "holds a NaN"),
    "elastic cfl": (lambda vp: elastic(vp), changed(VP, 7300.0), r"`medium.vp` reaches 7300 m/s; .*2D, CFL", "`medium.vp` is too fast"),  # noqa: E501
    "bulk modulus": (lambda vs: elastic(vs=vs), changed(VS, 1800.0), r"`medium.vs` is 1800.0 at node \(3, 4\) \(1 such nodes\); it must lie between 0 and sqrt\(3\)/2 vp = 1732.05 m/s", r"`medium.vs` holds a NaN, a negative value, or one above sqrt\(3\)/2 vp"),  # noqa: E501
    "negative vs": (lambda vs: elastic(vs=vs), changed(VS, -10.0), r"`medium.vs` is -10.0 at node \(3, 4\).* 0 is a fluid", "`medium.vs` holds a NaN, a negative"),  # noqa: E501
    "nan vs": (lambda vs: elastic(vs=vs), changed(VS, np.nan), r"`medium.vs` is nan at node \(3, 4\)", "`medium.vs` holds a NaN"),
    "sh cfl": (lambda vs: sh(5 * VP, vs), changed(VS, 7300.0), r"`medium.vs` reaches 7300 m/s; .*2D, CFL.*Use grid.dt <= 0.00083", "`medium.vs` is too fast"),  # noqa: E501
    "fibre": (lambda r: elastic(receivers=r, record=ads.Fibre((0.0, 1.0), 20.0)), np.array([[20.0, 9.0]]), r"`receivers \(an end of a gauge length of the `Fibre`\)` of shot 0, point 0 is at \(20, -1\) m", "an end of a gauge length of the `Fibre`.* has a point"),  # noqa: E501
    "nan position": (lambda at: scalar(at=at), AT * np.nan, r"`position` of shot 0, point 0 is at \(nan, nan\)", "or a NaN"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_at_once(name):
    run, bad, match, _ = VALUES[name]
    with pytest.raises(ValueError, match=match):
        run(bad)


UNDER_JIT = ["nan", "cfl", "density", "source", "receiver", "bulk modulus", "sh cfl", "fibre"]
THE_SAME_CHECK = ["elastic nan", "negative vs", "nan vs"]  # by other numbers


@pytest.mark.parametrize("name", UNDER_JIT + [pytest.param(name, marks=pytest.mark.slow) for name in THE_SAME_CHECK])
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
        (lambda: acoustic(record=("p", "vy")), r"`record` = 'vy' is no field of the acoustic equation; use \['p', 'vz', 'vx', 'uz', 'ux'\]"),  # noqa: E501
        (lambda: acoustic(record=()), r"`record` = \(\) must name each field once"),
        (lambda: acoustic(record=("p", "p")), r"must name each field once"),
        (lambda: scalar(order=5), r"`order` = 5 is not available; use one of"),
        (lambda: scalar(probe=lambda f: f, probe_every=0), r"`probe_every` = 0 must be a whole number"),
        (lambda: acoustic(source=ads.Force(AT, WAVELET, np.zeros((1, 1, 2)))), r"`source` emits nothing: every component of its direction or moment is zero"),  # noqa: E501
        (lambda: elastic(source=moment([[1.0, 2.0], [0.0, 1.0]])), r"`moment` of shot 0, source 0 is not symmetric: M\[0, 1\] = 2, M\[1, 0\] = 0.*\(M \+ M\^T\) / 2"),  # noqa: E501
        (lambda: elastic(source=moment(np.zeros((2, 2)))), r"`source` emits nothing"),
        (lambda: elastic(source=moment(np.eye(3))), r"`moment` \(1, 1, 3, 3\) does not fit `position` \(1, 1, 2\): it must be \(shot, source, axis, axis\)"),  # noqa: E501
        (lambda: elastic(source=ads.Force(AT, WAVELET, np.ones((1, 1, 4)))), r"`direction` \(1, 1, 4\) does not fit `position`"),
        (lambda: elastic(source=ads.Force(AT, WAVELET, np.ones((2, 1, 2)))), r"`direction` \(2, 1, 2\) does not fit `position`"),
        (lambda: elastic(source=fault(1e-3)), r"`rise_time` has 0.001 s; below two time steps \(0.002 s\) slip is not resolved"),
        (lambda: elastic(record="vzz"), r"`record` = 'vzz' is no field of the elastic equation; use .* Did you mean 'vz'"),
        (lambda: ads.Fibre((0.0, 0.0), 10.0), r"`direction` = \(0.0, 0.0\) must be .*finite and not zero"),
        (lambda: ads.Fibre((0.0, np.inf), 10.0), r"`direction` = \(0.0, inf\) must be .*finite"),
        (lambda: ads.Fibre((0.0, 1.0), 0.0), r"`gauge_length` = 0.0 m must be positive"),
        (lambda: ads.Fibre((0.0, 1.0), -5.0), r"`gauge_length` = -5.0 m must be positive"),
        (lambda: elastic(record=ads.Fibre(np.eye(2), 5.0)), r"`direction` \(2, 2\) of the Fibre must be \(2,\), or \(1, 2\) for these receivers"),  # noqa: E501
        (lambda: elastic(record=ads.Fibre((1.0, 0.0, 0.0), 5.0)), r"`direction` \(3,\) of the Fibre must be \(2,\)"),
        (lambda: sh(record=ads.Fibre((0.0, 1.0), 5.0)), r"`record` has a Fibre, which needs \['vz', 'vx'\]; the SH equation has \['vy',"),  # noqa: E501
        (lambda: scalar(record=ads.Fibre((0.0, 1.0), 5.0)), r"`record` has a Fibre|parameter 'record'"),
        (lambda: sh(source=ads.Explosion(AT, WAVELET)), r"`source` emits a volume, which the SH equation does not take; it takes: \['force y'\]"),  # noqa: E501
        (lambda: elastic(source=ads.Force(AT, WAVELET, np.array([[[0.0, 1.0, 0.0]]]))), r"`source` emits a force y, which the elastic equation does not take"),  # noqa: E501
        (lambda: sh_in_3d(), r"`grid.shape` = \(5, 6, 7\): SH waves are waves of a 2D grid; in 3D use ads.simulate_elastic"),
        (lambda: ads.ElasticMedium(VP, VS[1:], RHO), r"must share one grid|\*grid"),
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
        TypeError, match=r"`source` emits a force z, which the scalar equation does not take; it takes: \['volume'\]"
    ):
        ads.simulate_scalar(ads.ScalarMedium(VP), survey, GRID)


def test_dispersion_is_warned_of():
    """Two points per wavelength are too few for order 4, and the warning says what would do; a well sampled wave warns of
    nothing."""
    with pytest.warns(
        UserWarning,
        match=r"points per shortest wavelength \(600 m/s at .* Hz\) are few for order 4.*a spacing of .* Hz is where the "
        r"spectra of the time functions have fallen to 3.3 % of their peak\.$",
    ):
        scalar(changed(VP, 600.0))
    cut = ads.Survey(ads.Explosion(AT, np.arange(8.0)), RECEIVERS)
    with pytest.warns(UserWarning, match=r"A time function is cut at 100 % of its peak, which widens .* raise grid.nt"):
        jax.eval_shape(lambda: ads.simulate_scalar(ads.ScalarMedium(changed(VP, 600.0)), cut, GRID))
    with pytest.warns(UserWarning, match=r"runs 2 m/s: are the speeds in km/s\?"):
        jax.eval_shape(lambda: scalar(VP / 1000))
    grid = ads.Grid(GRID.shape, 10.0, 1e-3, 400)
    calm = ads.Survey(ads.Explosion(AT, ads.wavelets.ricker(10.0, 400, 1e-3)[None, None]), RECEIVERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ads.simulate_scalar(ads.ScalarMedium(VP), calm, grid, boundary=ads.CPML(2))


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (lambda nan: ads.Explosion(AT, nan), r"`time_function` is nan at \(shot, source, time\) = \(0, 0, 5\) \(1 such values\)"),
        (lambda nan: ads.Force(AT, nan, np.ones((1, 1, 2))), r"`time_function` is nan at \(shot, source, time\)"),
        (lambda nan: ads.Force(AT, WAVELET, np.array([[[np.inf, 1.0]]])), r"`direction` is inf at \(shot, source, axis\)"),
        (lambda nan: moment(np.diag([1.0, np.nan])), r"`moment` is nan at \(shot, source, axis, axis\) = \(0, 0, 1, 1\)"),
        (lambda nan: ads.PlaneWave([0.0], nan[0], depth=50.0, speed=2e3), r"`time_function` is nan at \(shot, time\) = \(0, 5\)"),
        (lambda nan: ads.PlaneWave([np.nan], WAVELET[0], depth=50.0, speed=2e3), r"`angle` is nan at \(shot\) = 0"),
    ],
)
def test_what_sources_emit_is_finite(source, match):
    """Before anything looks at their spectra."""
    nan = np.where(np.arange(8) == 5, np.nan, WAVELET)
    with pytest.raises(ValueError, match=match):
        elastic(source=source(nan))
    if "= (0, 0, 5)" in match.replace("\\", ""):
        with pytest.raises(RuntimeError, match="`time_function` holds a NaN or an infinity"):
            jax.block_until_ready(jax.jit(lambda samples: elastic(source=source(samples)))(nan))


SURVEY = ads.Survey(ads.Explosion(AT, WAVELET), RECEIVERS)
MEDIUM = ads.ScalarMedium(VP)


@pytest.mark.parametrize(
    ("equation", "experiment", "match"),
    [
        (Scalar, (VP, SURVEY, GRID), r"`medium` is an array; write ads.ScalarMedium\(vp\)"),
        (Elastic, (VP, SURVEY, GRID), r"`medium` is an array; write ads.ElasticMedium\(vp, vs, rho\)"),
        (
            Acoustic,
            (MEDIUM, SURVEY, GRID),
            r"`medium` is a ScalarMedium, which the acoustic equation does not take; write ads",
        ),
        (Scalar, (MEDIUM, GRID, SURVEY), r"The order is \(medium, survey, grid\), not \(ScalarMedium, Grid, Survey\)"),
        (AntiplaneShear, (MEDIUM, SURVEY, (5, 6)), r"`medium` is a ScalarMedium; write ads.ElasticMedium\(vp, vs, rho\)"),
        (Scalar, (MEDIUM, SURVEY, (5, 6)), r"`grid` is a tuple; write ads.Grid\(shape, spacing, dt, nt\)"),
        (Scalar, (MEDIUM, SURVEY.source, GRID), r"`survey` is an Explosion; write ads.Survey\(source, receivers\)"),
    ],
)
def test_the_wrong_thing_at_the_door(equation, experiment, match):
    """What simulations ask first; here types of arguments are checked before, so it is asked itself."""
    with pytest.raises(TypeError, match=match):
        check_experiment(equation, *experiment)
    assert check_experiment(Scalar, MEDIUM, SURVEY, GRID) is None


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["plain", "jit"])
def test_no_forward_derivative_of_a_sweep(wrap):
    """What to do and JAX's words, also where it finds out while it compiles; Hessian products, which are forward derivatives of a
    gradient, are tested to go on (test_hessian.py)."""
    with pytest.raises(TypeError, match=r"pass adjoint=ads.AutoDiff\(\). JAX says: can't apply forward-mode autodiff"):
        jax.jvp(wrap(scalar), (VP,), (np.ones_like(VP),))
    gradients = jax.vmap(jax.grad(lambda vp: wrap(scalar)(vp).sum()))
    assert jax.eval_shape(gradients, np.stack([VP, VP])).shape == (2, *VP.shape)


def test_positions_in_double_precision_survive_the_switch():
    """A program compiled under 32 bit is not found again under 64: its positions were float32 only in name."""
    grid = ads.Grid((12, 14), 10.0, 1e-3, 8)
    survey = ads.Survey(ads.Explosion(np.array([[[51.3, 61.3]]]), np.hanning(8)), np.array([[20.7, 30.7]]))
    simulate = lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.Rigid())  # noqa: E731
    vp = np.full(grid.shape, 2000, "float32")
    with jax.enable_x64(False):
        before = np.asarray(jax.jit(simulate)(vp))
    after = np.asarray(jax.jit(lambda vp: simulate(vp))(vp))
    assert before.dtype == "float32"
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-5 * np.abs(before).max())
