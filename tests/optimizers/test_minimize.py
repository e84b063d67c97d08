"""L-BFGS-B over pytrees: minima that are known, scale, bounds, caps, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from adseis.optimizers.minimize import minimize


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_quadratic_against_its_bound():
    """The bound is hit exactly: 0.5 is a number of single precision."""
    result = minimize(lambda x: jnp.sum((x - 1) ** 2), np.zeros(3, "float32"), bounds=(-5.0, 0.5), iterations=20, progress=False)
    np.testing.assert_array_equal(result.x, np.full(3, 0.5, np.float32))
    assert result.x.dtype == jnp.float32
    assert result.converged
    assert result.value == result.history[-1].value == 0.75


@pytest.mark.parametrize("bounds", [None, (-2.0, 2.0), (None, 0.5)], ids=["free", "boxed", "above"])
def test_rosenbrock_against_scipy(bounds):
    """Both end where the gradient is about 1e-6: x agrees to its quotient by the least curvature, about 1."""
    x0 = np.array([-1.2, 1.0, -0.5, 0.4]).clip(None, 0.5)
    ours = minimize(rosenbrock, x0, bounds=bounds, iterations=500, progress=False)
    theirs = scipy.optimize.minimize(
        lambda x: tuple(map(np.asarray, jax.value_and_grad(rosenbrock)(x))),
        x0,
        jac=True,
        method="L-BFGS-B",
        bounds=None if bounds is None else [bounds] * 4,
        options={"ftol": 0, "gtol": 1e-8, "maxiter": 500},
    )
    np.testing.assert_allclose(ours.x, theirs.x, rtol=0, atol=1e-5)
    assert ours.converged
    values = [iterate.value for iterate in ours.history]
    assert all(after < before for before, after in zip(values, values[1:-1], strict=False))
    assert ours.history[-1].evaluations <= ours.evaluations


class Model(eqx.Module):
    vp: jax.Array
    rho: jax.Array


def test_pytrees_with_bounds_of_every_kind():
    """Leaves of two precisions; numbers, arrays and None as bounds. A quadratic: solved to the rounding of float32."""

    def objective(model):
        return jnp.sum((model.vp.astype(float) - 3.0) ** 2) + jnp.sum((model.rho - 2.0) ** 2)

    x0 = Model(jnp.ones((2, 3), jnp.float32), jnp.ones(4))
    high = Model(np.full((2, 3), 2.5), 9.0)
    result = minimize(objective, x0, bounds=(None, high), progress=False)
    assert isinstance(result.x, Model)
    assert (result.x.vp.dtype, result.x.rho.dtype) == (jnp.float32, jnp.float64)
    np.testing.assert_allclose(result.x.vp, np.full((2, 3), 2.5), rtol=1e-6)
    np.testing.assert_allclose(result.x.rho, np.full(4, 2.0), rtol=1e-6)
    again = minimize(objective, result.x, bounds=(Model(0.1, 0.1), high), progress=False)  # results are valid starting points
    assert again.value <= result.value


@pytest.mark.parametrize("unit", [1e-18, 1.0, 1e15])
def test_the_unit_of_the_objective_does_not_matter(unit):
    """Powers of ten are not powers of two: the iterates agree to rounding, amplified along the path."""
    bounds = (1000.0, 6000.0)
    x0 = np.linspace(2000.0, 4000.0, 20)
    results = [
        minimize(
            lambda x, u=u: u * jnp.sum(jnp.log(x / 3000) ** 4 + (x / 3000 - 1) ** 2),
            x0,
            bounds=bounds,
            iterations=8,
            progress=False,
        )
        for u in (1.0, unit)
    ]
    np.testing.assert_allclose(results[1].x, results[0].x, rtol=1e-6)
    np.testing.assert_allclose(results[1].history[-1].value, unit * results[0].history[-1].value, rtol=1e-6, atol=1e-12 * unit)


@pytest.mark.parametrize("bounds", [None, (1.0, 1e5), (1.0, None)], ids=["free", "boxed", "below"])
@pytest.mark.parametrize("first_step", [None, 80.0])
def test_first_step(bounds, first_step):
    """The largest change of the first trial step, by default a hundredth of x0: a handful of roundings."""
    seen = []

    def objective(x):
        jax.debug.callback(lambda value: seen.append(np.asarray(value)), x, ordered=True)
        return 1e-9 * jnp.sum(jnp.array([1.0, -3.0, 2.0]) * x)

    minimize(objective, np.full(3, 3000.0), bounds=bounds, first_step=first_step, evaluations=2, progress=False)
    np.testing.assert_allclose(np.max(np.abs(seen[1] - seen[0])), first_step or 30.0, rtol=1e-12)


@pytest.mark.parametrize("cap", [1, 2, 7])
def test_evaluations_are_capped_exactly(cap):
    calls = []

    def objective(x):
        jax.debug.callback(lambda _: calls.append(1), x[0], ordered=True)
        return rosenbrock(x)

    result = minimize(objective, np.array([-1.2, 1.0]), evaluations=cap, progress=False)
    jax.effects_barrier()
    assert len(calls) == result.evaluations == cap
    assert not result.converged
    assert f"cap of {cap} evaluations" in result.message
    np.testing.assert_allclose(rosenbrock(result.x), result.value, rtol=1e-14)  # x and value belong together: rounding under jit


def test_callback_sees_every_iterate_and_ends_the_run():
    seen = []
    full = minimize(rosenbrock, np.array([-1.2, 1.0]), iterations=10, progress=False, callback=lambda *a: seen.append(a))
    assert full.message == "the number of iterations is reached"
    assert [number for number, _, _ in seen] == list(range(1, 11))
    assert [value for _, _, value in seen] == [iterate.value for iterate in full.history[1:]]
    np.testing.assert_array_equal(seen[-1][1], full.x)

    def third(iteration, x, value):
        if iteration == 3:
            raise StopIteration

    for stop in (lambda iteration, x, value: iteration == 3, third):
        ended = minimize(rosenbrock, np.array([-1.2, 1.0]), progress=False, callback=stop)
        assert ended.history == full.history[:4]
        assert (ended.message, ended.converged) == ("stopped by the callback", False)


@pytest.mark.parametrize("method", ["l-bfgs-b", "newton-cg"])
def test_rounding_ends_a_run_as_converged(method):
    """In single precision the values of 1 + |x - 1|^4 cannot fall for ever: the run ends by itself, as converged."""
    objective = lambda x: 1 + jnp.sum((x - 1) ** 4)  # noqa: E731
    result = minimize(objective, np.linspace(0, 3, 5).astype("float32"), method=method, iterations=500, progress=False)
    assert result.converged
    assert len(result.history) < 100
    np.testing.assert_allclose(result.x, 1, atol=0.05)  # (2^-24)^(1/4) is 0.016


def test_start_at_the_minimum():
    result = minimize(lambda x: jnp.sum(x**2), jnp.zeros(2), progress=False)
    assert (result.evaluations, result.converged) == (1, True)


def test_callable_module_is_an_objective():
    """Its arrays are arguments of the compiled function, and it may be unhashable."""

    class Fit(eqx.Module):
        observed: jax.Array

        def __call__(self, x):
            return jnp.sum((x - self.observed) ** 2)

    result = minimize(Fit(jnp.array([1.0, 2.0])), jnp.zeros(2), progress=False)
    np.testing.assert_allclose(result.x, [1.0, 2.0], rtol=1e-8)  # quadratic, gradient fallen by 1e9


def test_progress_shows_the_misfit(capsys):
    minimize(rosenbrock, np.array([-1.2, 1.0]), iterations=3)
    shown = capsys.readouterr().err
    assert "misfit=" in shown
    assert "3/3" in shown


def test_non_finite_values_and_gradients_raise():
    with pytest.raises(FloatingPointError, match="the value of the objective is not finite at evaluation 1, iteration 0"):
        minimize(lambda x: jnp.sum(jnp.log(x)), jnp.zeros(3), progress=False)
    with pytest.raises(FloatingPointError, match=r"respect to `x0\['b'\]` of the objective is not finite at evaluation 1"):
        minimize(lambda x: x["a"] ** 2 + jnp.sqrt(x["b"]), {"a": jnp.ones(()), "b": jnp.zeros(())}, progress=False)
    with pytest.raises(FloatingPointError, match="the value of the objective is not finite at evaluation 2, iteration 1"):
        minimize(lambda x: jnp.sum(jnp.where(x < 1.0, jnp.nan, x)), jnp.ones(3), progress=False)


def test_errors():
    def minimum(x0=None, **options):
        return minimize(lambda x: jnp.sum(x["vp"] ** 2), {"vp": np.ones(3)} if x0 is None else x0, progress=False, **options)

    with pytest.raises(ValueError, match="`method` = 'adam' is unknown. Choose one of: l-bfgs-b"):
        minimum(method="adam")
    with pytest.raises(ValueError, match=r"`x0\['vp'\]` lies outside its bounds .*: 1, bounds \[2, 3\], first of 3"):
        minimum(bounds=(2.0, 3.0))
    with pytest.raises(ValueError, match=r"`x0\['vp'\]` has bounds that leave no room"):
        minimum(bounds=(2.0, np.array([3.0, 1.0, 3.0])))
    with pytest.raises(ValueError, match=r"the low bound of `x0\['vp'\]` \(3,\) has shape \(2,\)"):
        minimum(bounds=(np.zeros(2), None))
    with pytest.raises(ValueError, match="the high bound must be a number or a pytree like `x0`"):
        minimum(bounds=(None, {"vs": 3.0}))
    with pytest.raises(ValueError, match=r"`x0\['vp'\]` is not finite: nan"):
        minimum({"vp": np.array([1.0, np.nan])})
    with pytest.raises(TypeError, match=r"`x0\['vp'\]` has type int64"):
        minimum({"vp": np.arange(3)})
    with pytest.raises(ValueError, match="`x0` holds no numbers"):
        minimum({"vp": np.zeros(0)})
    for option in ("iterations", "evaluations"):
        with pytest.raises(ValueError, match=f"`{option}` = 0 must be positive"):
            minimum(**{option: 0})
    with pytest.raises(ValueError, match="`first_step` = -1.0 must be positive"):
        minimum(first_step=-1.0)
