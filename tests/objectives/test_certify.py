"""`ads.certify` passes what is right, in both precisions, and fails what is wrong, saying why."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.objectives.certify import certify
from adseis.waves.scalar import Scalar

SINGLE, DOUBLE = jnp.float32, jnp.float64


class Problem:
    """Transmission across a smooth anomaly: data of the true model, and a starting model that does not explain them."""

    def __init__(self, dtype=DOUBLE, *, acoustic=False, nt=50):
        self.grid = ads.Grid((14, 16), 20.0, 3e-3, nt)
        z, x = np.meshgrid(self.grid.coordinates(0), self.grid.coordinates(1), indexing="ij")
        self.acoustic = acoustic
        self.start = jnp.full(self.grid.shape, 2500.0, dtype)
        self.wavelet = jnp.asarray(np.asarray(ads.wavelets.ricker(12.0, nt, self.grid.dt))[None, None], dtype)
        self.observed = self.predict(self.start - jnp.asarray(250 * np.exp(-((z - 140) ** 2 + (x - 140) ** 2) / 5e3), dtype))

    def predict(self, vp, wavelet=None, position=((60.0, 60.0),)):
        wavelet = self.wavelet if wavelet is None else wavelet
        receivers = np.array([[220.0, 60.0], [220.0, 160.0], [220.0, 240.0]])
        survey = ads.Survey(ads.Explosion(np.array([position], vp.dtype), wavelet), receivers)
        options = {"boundary": ads.Rigid(), "order": 2}
        if self.acoustic:
            return 1e-4 * ads.simulate_acoustic(ads.AcousticMedium(vp, 0.3 * vp + 1000), survey, self.grid, **options)
        return ads.simulate_scalar(ads.ScalarMedium(vp), survey, self.grid, **options)

    def misfit(self, vp):
        return ads.misfits.l2(self.predict(vp), self.observed)


@pytest.fixture(scope="module")
def problem():
    return Problem()


@pytest.mark.parametrize(
    ("dtype", "acoustic"),
    [
        pytest.param(DOUBLE, True, id="float64-acoustic", marks=pytest.mark.slow),
        pytest.param(SINGLE, False, id="float32-scalar", marks=pytest.mark.slow),
        pytest.param(DOUBLE, False, id="float64-scalar", marks=pytest.mark.slow),
        pytest.param(SINGLE, True, id="float32-acoustic", marks=pytest.mark.slow),
    ],
)
def test_passes_what_is_right(dtype, acoustic):
    """A pytree of model and time function. The certificate's own limits: 10 % of the slopes and rounding in float64, 20 % and
    looser figures in float32; a tenth of them is reached here at most."""
    problem = Problem(dtype, acoustic=acoustic)
    x = {"vp": problem.start, "wavelet": 1.1 * problem.wavelet}
    found = certify(eqx.filter_jit(lambda x: ads.misfits.l2(problem.predict(**x), problem.observed)), x, progress=False)
    assert found.passed, str(found)
    assert (found.dtype, found.simulations, found.cause) == (np.dtype(dtype).name, 1, "")
    tolerance = 0.02 if dtype == DOUBLE else 0.1
    assert [check.measured for check in found.taylor] == pytest.approx([1, 2], rel=tolerance)
    assert found.dot.measured < 0.1 * found.dot.limit
    assert found.autodiff.measured < 0.1 * found.autodiff.limit
    assert found.cost.seconds > 0
    assert found.cost_autodiff.megabytes > 0


def test_compiled_objective_and_text(problem, capsys):
    """An objective that was traced before, with its own adjoint, is traced anew with `AutoDiff`; afterwards it is as it was. The
    text is short and aligned."""
    objective = jax.jit(problem.misfit)
    before = jax.grad(objective)(problem.start)
    found = certify(objective, problem.start, key=jax.random.key(3), scale=2000.0)
    np.testing.assert_array_equal(jax.grad(objective)(problem.start), before)
    assert capsys.readouterr().out == f"{found}\n"
    lines = str(found).splitlines()
    assert lines[0] == "gradient of an objective of 1 simulation, float64"
    assert re.fullmatch(r"f\(x\) = \d\S+ by x \(14, 16\)", lines[1])
    assert re.fullmatch(r"f\(x \+ h d\) - f\(x\) +slope (1\.0|0\.9)\d\d +1 \+- 10 % +pass", lines[4])
    assert re.fullmatch(r"less h <g, d> +slope (2\.0|1\.9)\d\d +2 \+- 10 % +pass", lines[5])
    assert re.fullmatch(r"dot, <g, d> and f'\(x\) d +\d\.\de[-+]\d\d +1e-12 +pass", lines[6])
    assert re.fullmatch(r"default adjoint and AutoDiff +\d\.\de[-+]\d\d +1e-10 +pass", lines[7])
    assert len({line.index("pass") for line in lines[4:8]}) == 1
    assert lines[-1] == "PASSED: the gradient is right."
    assert max(map(len, lines)) < 80


def test_fails_a_wrong_derivative_rule(problem):
    """A custom_vjp that forgets a factor: f changes otherwise than the gradient says. Both adjoints obey the rule and agree."""

    @jax.custom_vjp
    def half(residual):
        return 0.5 * jnp.sum(residual**2)

    half.defvjp(lambda r: (half(r), r), lambda r, g: (0.9 * g * r,))
    found = certify(lambda vp: half(problem.predict(vp) - problem.observed), problem.start, progress=False)
    assert not found.passed
    assert [check.passed for check in found.checks] == [True, False, None, True]
    assert found.taylor[1].measured == pytest.approx(1, rel=0.1)
    assert "missing or wrong. The objective contains a custom_vjp" in str(found)
    assert "skipped: a custom_vjp of yours" in str(found)


@pytest.mark.parametrize(
    "dtype", [pytest.param(DOUBLE, id="float64"), pytest.param(SINGLE, id="float32", marks=pytest.mark.slow)]
)
def test_fails_a_stopped_gradient(dtype):
    """A misfit of normalised data whose norm is held fixed in the gradient: a common mistake, and forward mode makes it too."""
    problem = Problem(dtype)
    target = problem.observed / jnp.linalg.norm(problem.observed)

    def misfit(vp):
        predicted = problem.predict(vp)
        return ads.misfits.l2(predicted / jax.lax.stop_gradient(jnp.linalg.norm(predicted)), target)

    found = certify(misfit, problem.start, autodiff=dtype == DOUBLE, progress=False)
    others = True if dtype == DOUBLE else None
    assert [check.passed for check in found.checks] == [True, False, others, others], str(found)
    assert found.cause.endswith("The objective contains jax.lax.stop_gradient: look there first.")


def test_fails_a_wrong_adjoint(monkeypatch):
    """A reverse sweep wrong by a millionth: too little for finite differences to see, not for the other two."""
    problem = Problem(nt=49)  # no other test's program, since compiled ones would not see the change
    right = Scalar.gradient
    monkeypatch.setattr(Scalar, "gradient", lambda *args: 1.000001 * right(*args))
    found = certify(problem.misfit, problem.start, progress=False)
    assert [check.passed for check in found.checks] == [True, True, False, False]
    assert found.dot.measured == pytest.approx(1e-6, rel=0.01)
    assert "adjoint of a simulation is not exact" in found.cause


def test_other_causes(problem):
    """No gradient at all, and a kink, told from a wrong gradient."""
    minimum = certify(lambda x: ads.misfits.l2(x, problem.start), problem.start, progress=False)
    assert not minimum.passed
    assert "the gradient is zero everywhere" in minimum.cause
    kink = certify(lambda x: jnp.abs(x[0] - 1) + x[1] ** 2, jnp.ones(2), progress=False)
    assert not kink.passed
    assert "f has a kink at x" in kink.cause


def test_checks_that_do_not_apply_are_left_out(problem):
    """Without a simulation there is no other adjoint, only a forward derivative; a straight objective has no curvature."""
    plain = certify(lambda x: jnp.sum(jnp.sin(x["a"]) * x["b"]), {"a": jnp.arange(5.0), "b": jnp.ones(())}, progress=False)
    assert [check.passed for check in plain.checks] == [True, True, True, None]
    assert "no simulation found" in plain.autodiff.note
    assert str(plain).endswith("PASSED, with checks left out.")
    linear = certify(lambda x: jnp.sum(problem.predict(problem.start, x)), problem.wavelet, autodiff=False, progress=False)
    assert linear.passed
    assert [check.passed for check in linear.checks] == [True, True, None, None]
    assert np.isnan(linear.taylor[1].measured)


def test_refused_steps(problem):
    """Speeds just below the CFL limit: what steps remain suffice. Beyond it the simulation's own error is raised."""
    limit = problem.grid.spacing[0] / problem.grid.dt / np.sqrt(2)
    found = certify(problem.misfit, jnp.full_like(problem.start, 0.9999 * limit), autodiff=False, progress=False)
    assert found.passed
    assert np.isnan(found.changes[0])
    with pytest.raises(RuntimeError, match=r"`medium.vp` is too fast"):
        certify(problem.misfit, jnp.full_like(problem.start, 1.1 * limit), progress=False)


def test_errors(problem):
    with pytest.raises(ValueError, match="The objective is nan at `x`"):
        certify(lambda x: jnp.sum(x) * jnp.nan, jnp.ones(2), progress=False)
    with pytest.raises(ValueError, match=r"respect to `x\['a'\]` is not finite in 3 of 3 elements"):
        certify(lambda x: jnp.sqrt(jnp.sum(x["a"] ** 2)), {"a": jnp.zeros(3)}, progress=False)
    with pytest.raises(ValueError, match=r"must return one real number; it returns .*\(1, 50, 3\)"):
        certify(problem.predict, problem.start, progress=False)
    with pytest.raises(TypeError, match=r"`x\[1\]` has type int"):
        certify(lambda x: x[0] * x[1], (1.0, 2), progress=False)
    with pytest.raises(ValueError, match="holds no numbers"):
        certify(jnp.sum, jnp.ones(0), progress=False)
    with pytest.raises(ValueError, match=r"`scale` of `x` is -1\.0"):
        certify(jnp.sum, jnp.ones(2), scale=-1.0, progress=False)
    with pytest.raises(ValueError, match="`scale` must be a number or a pytree"):
        certify(jnp.sum, jnp.ones(2), scale={"a": 1.0}, progress=False)
