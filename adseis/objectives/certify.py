"""Is the gradient right? Three tests of it on the user's own problem.

- Taylor: along a direction d, f(x + h d) - f(x) shrinks like h, and less h <g, d> like h^2, if and only if <g, d> is f'(x) d.
- Dot: <g, d> by reverse differentiation is f'(x) d by forward differentiation (through `AutoDiff`), to rounding.
- AutoDiff: the gradient by the default adjoint is the one by plain JAX differentiation, to rounding.

The first compares with the function itself and finds whatever is wrong with the gradient, but sees a few digits only; the others
see all digits, but trust JAX.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import scipy
from jaxtyping import Float, PRNGKeyArray, PyTree
from tqdm import tqdm

from adseis.objectives.certificate import LIMITS, Certificate, Check, Cost, likely_cause
from adseis.objectives.space import Space
from adseis.parallel.shots import told
from adseis.timeloop.adjoints import AutoDiff
from adseis.timeloop.override import adjoint_override

STEPS = {"float64": 4.0 ** -np.arange(2, 11), "float32": 2.0 ** -np.arange(3, 14)}
ABOVE = {"float64": 30, "float32": 10}  # times the rounding: what is large enough to fit a slope to
FITTED = 4  # points of a fit: those of the smallest steps
CANDIDATES = 4  # directions, of which the one that f changes most along is taken
PROVEN = {"float64": 1e-4, "float32": 1e-2}  # where no slope is seen, f must agree with its tangent to this much
FORWARD, PLAIN = "dot, <g, d> and f'(x) d", "default adjoint and AutoDiff"
NO_SIMULATION = "no simulation found (none is called, or inside a jaxpr)"

Leaves = list[np.ndarray]


def certify(
    objective: Callable[[PyTree], Float[Any, ""]],
    x: PyTree,
    *,
    key: PRNGKeyArray | None = None,
    scale: PyTree = None,
    autodiff: bool = True,
    progress: bool = True,
) -> Certificate:
    """Test the gradient of an objective by Taylor slopes, by forward derivatives and against plain JAX differentiation.

    It costs some fifteen evaluations of the objective and, unless `autodiff` is False, a gradient and a forward derivative
    through `ads.AutoDiff()`, which take more time and memory than the default. Simulations within the objective are switched to
    `AutoDiff` for that, also where the objective is compiled already.

    Args:
        objective: JAX-traceable function of a pytree like `x`, returning a scalar; compiled or not.
        x: Where the gradient is tested: a pytree of floating-point arrays (NumPy or JAX), float32 or float64. Not a minimum,
            where there is no gradient to test.
        key: Of the random, smooth direction along which `x` is moved; `jax.random.key(0)` by default.
        scale: Typical size of the leaves of `x`, a number or a pytree like `x` (or a prefix of it) of numbers [unit of x]; by
            default the largest magnitude in each leaf, or 1 where that is zero. The largest step moves x by some 10 % of it.
        autodiff: Whether to compare with `AutoDiff`.
        progress: Whether to show a progress bar and print the certificate.

    Returns:
        The certificate: `.passed`, every figure, and a text when printed.

    Raises:
        ValueError: If the objective or its gradient is not finite at `x`, the objective is no scalar, or `x` holds no numbers.
        TypeError: If a leaf of `x` is neither float32 nor float64.
        RuntimeError: If the simulation refuses a value of `x`.

    Example:
        >>> objective = lambda x: jnp.sum(jnp.sin(x))  # or the misfit of what is simulated in a medium x
        >>> ads.certify(objective, np.linspace(0.1, 1.0, 5), progress=False).passed
        True
    """
    problem = _Problem(objective, x, scale)
    with tqdm(total=len(problem.steps) + 6, desc="gradient", disable=not progress) as bar:
        value, gradient, cost = problem.gradient()
        direction = problem.direction(gradient, jax.random.key(0) if key is None else key)
        bar.update()

        bar.set_description("Taylor")
        walk = problem.walk(value, gradient, direction, bar)

        bar.set_description("AutoDiff")
        with adjoint_override(AutoDiff(), watching=True) as override:
            suspects = problem.suspects()
            simulations = override.simulations
            if autodiff:
                dot = problem.dot(_inner(gradient, direction), direction, simulations)
                bar.update()
                plain, cost_autodiff = problem.plain(gradient, simulations)
            else:
                dot, plain = (_skipped(name, "`autodiff` is False") for name in (FORWARD, PLAIN))
                cost_autodiff = None
            with contextlib.suppress(jax.errors.JaxRuntimeError):  # of programs before, which were told of then
                jax.effects_barrier()
        bar.update(bar.total - bar.n)

    taylor = walk.checks(problem.dtype)
    certificate = Certificate(
        problem.dtype, value, problem.leaves, simulations, taylor, dot, plain, walk.steps, walk.changes, walk.remainders,
        walk.rounding, cost, cost_autodiff,
        likely_cause((*taylor, dot, plain), gradient, suspects, walk.fault, problem.dtype, kinked=walk.kinked(problem.dtype)),
        override.growing,
    )  # fmt: skip
    if progress:
        tqdm.write(str(certificate))
    return certificate


class _Walk(NamedTuple):
    """What f does along the direction, in the notation of `Certificate`."""

    steps: np.ndarray
    changes: np.ndarray
    remainders: np.ndarray
    rounding: float
    ways: np.ndarray  # of each step: 1 forth, -1 back
    errors: np.ndarray  # of each step, signed: by how much f'(x) d seems to exceed <g, d>
    fault: str  # what the simulation said where it refused a step

    def checks(self, dtype: str) -> tuple[Check, Check]:
        """Both Taylor tests."""
        limit, floor = LIMITS[dtype].slope, ABOVE[dtype] * self.rounding
        checks = []
        for name, sizes, wanted in (("f(x + h d) - f(x)", self.changes, 1), ("less h <g, d>", self.remainders, 2)):
            usable = np.flatnonzero(sizes > floor)[-FITTED:]  # comparisons with NaN are false
            measured, note = float("nan"), ""
            if len(usable) >= 3:
                measured = float(np.polyfit(np.log(self.steps[usable]), np.log(sizes[usable]), 1)[0])
                passed = abs(measured - wanted) <= limit * wanted
            else:
                # Too straight for its curvature to be seen: then f itself must change as the gradient says.
                with np.errstate(divide="ignore", invalid="ignore"):
                    agreement = float(np.nanmin(np.maximum(self.remainders, floor) / self.changes, initial=np.inf))
                passed = agreement <= PROVEN[dtype]
                note = "too few steps stand out of rounding" + f", but it is h <g, d> to {agreement:.0e}" * passed
            checks.append(Check(name, measured, wanted, limit, passed, note))
        return checks[0], checks[1]

    def kinked(self, dtype: str) -> bool:
        """Whether f leaves the gradient's tangent differently forth and back, however small the step."""
        seen = self.remainders > ABOVE[dtype] * self.rounding
        forth, back = (self.errors[seen & (self.ways == way)][-1:] for way in (1, -1))
        return bool(np.any(np.abs(forth - back) > 0.5 * np.maximum(np.abs(forth), np.abs(back))))


class _Problem:
    """The objective as a function of a list of arrays, and what is tested of it."""

    def __init__(self, objective: Callable[[PyTree], Any], x: PyTree, scale: PyTree) -> None:
        self._space = Space(x, name="x")
        self._x = self._space.leaves
        for name, leaf in zip(self._space.names, self._x, strict=True):
            if leaf.dtype.name not in LIMITS:
                raise TypeError(f"`{name}` has type {leaf.dtype}; `certify` knows the rounding of float32 and float64 only.")
        self._scale = self._scales(scale)
        self._objective = jax.jit(lambda x: objective(x))  # traced once, and once more with the other adjoint
        out = jax.eval_shape(self._objective, self._space.rebuilt(self._x))
        if not isinstance(out, jax.ShapeDtypeStruct) or out.shape != () or out.dtype.name not in LIMITS:
            raise ValueError(f"`objective` must return one real number; it returns {out}.")
        self._value = eqx.filter_jit(lambda x: self._objective(x))
        self.dtype = min([out.dtype.name, *(leaf.dtype.name for leaf in self._x)])  # "float32" < "float64"
        self.leaves = tuple(f"{name} {leaf.shape}" for name, leaf in zip(self._space.names, self._x, strict=True))
        self.steps = STEPS[self.dtype]

    def gradient(self) -> tuple[float, Leaves, Cost]:
        """Value, gradient (in float64) and what they cost; both finite."""
        x = self._space.rebuilt(self._x)
        run = eqx.filter_jit(lambda x: jax.value_and_grad(self._objective)(x))
        jax.block_until_ready(run(x))  # compiles, and says clearly what is wrong with a value of x
        start = time.perf_counter()
        value, gradient = jax.device_get(jax.block_until_ready(run(x)))
        seconds = time.perf_counter() - start
        memory = getattr(run.lower(x).compile().compiled.memory_analysis(), "temp_size_in_bytes", None)
        if not np.isfinite(value):
            raise ValueError(f"The objective is {value} at `x`; certify it where it is finite.")
        leaves = [np.asarray(leaf, float) for leaf in jax.tree.leaves(gradient)]
        for name, leaf in zip(self._space.names, leaves, strict=True):
            if not np.isfinite(leaf).all():
                bad = np.count_nonzero(~np.isfinite(leaf))
                raise ValueError(
                    f"The gradient with respect to `{name}` is not finite in {bad} of {leaf.size} elements, although the "
                    "objective is: look for a root, a norm or a division at zero, or for a NaN that `jnp.where` hides."
                )
        return float(value), leaves, Cost(seconds, np.nan if memory is None else memory / 1e6)

    def direction(self, gradient: Leaves, key: PRNGKeyArray) -> Leaves:
        """A smooth random direction, as large as `x`.

        Per leaf the one of a few that lies least across the gradient, and uphill: no cancellation makes rounding look large.
        """
        chosen = []
        for leaf, g, scale in zip(self._x, gradient, self._scale, strict=True):
            key, draw = jax.random.split(key)
            noise = np.asarray(jax.random.normal(draw, (CANDIDATES, *leaf.shape)), float)
            widths = [0.0, *(n / 8 if n >= 8 else 0.0 for n in leaf.shape)]
            smooth = scipy.ndimage.gaussian_filter(noise, widths, mode="nearest")
            smooth /= np.max(np.abs(smooth), axis=tuple(range(1, smooth.ndim)), keepdims=True, initial=1e-300)
            along = [float(np.vdot(s, g)) for s in smooth]
            best = int(np.argmax(np.abs(along)))
            chosen.append(np.asarray(scale * smooth[best] * (-1 if along[best] < 0 else 1)))
        return chosen

    def walk(self, value: float, gradient: Leaves, direction: Leaves, bar: tqdm) -> _Walk:
        """Go along the direction, forth and back by turns, so that a kink at x is not taken for a slope.

        The first steps are a few units of rounding long and show what rounding does to f.
        """
        eps, fault = float(np.finfo(self.dtype).eps), ""
        hs = [8 * eps, 16 * eps, 24 * eps, *(float(h) for h in self.steps[::-1])]
        signs, ways = [1, -1], np.zeros(len(hs))
        changes, remainders = np.full((2, len(hs)), np.nan)
        for k, h in enumerate(hs):
            bar.update()
            while signs:
                sign = signs[k % len(signs)]
                there = [np.asarray(a + sign * h * d, a.dtype) for a, d in zip(self._x, direction, strict=True)]
                taken = [np.asarray(b.astype(float) - a) for a, b in zip(self._x, there, strict=True)]  # after rounding
                try:
                    change = float(self._value(self._space.rebuilt(there))) - value
                except RuntimeError as error:  # the simulation refuses what is farther this way
                    fault = told(error)
                    signs.remove(sign)
                    continue
                changes[k], remainders[k], ways[k] = change, change - _inner(gradient, taken), sign
                break
        rounding = float(np.nanmax([eps * abs(value), *np.abs(remainders[:3])]))
        changes, remainders, ways = changes[:2:-1], remainders[:2:-1], ways[:2:-1]
        return _Walk(self.steps, np.abs(changes), np.abs(remainders), rounding, ways, ways * remainders / self.steps, fault)

    def dot(self, slope: float, direction: Leaves, simulations: int) -> Check:
        """Forward derivative against the slope that the gradient has."""
        limit = LIMITS[self.dtype].dot
        cast = [d.astype(a.dtype) for a, d in zip(self._x, direction, strict=True)]
        try:
            pushed = eqx.filter_jit(lambda x, d: jax.jvp(self._objective, (x,), (d,))[1])
            forward = float(pushed(self._space.rebuilt(self._x), self._space.rebuilt(cast)))
        except TypeError as error:
            if "custom_vjp" not in str(error):
                raise
            return _skipped(FORWARD, NO_SIMULATION if not simulations else "a custom_vjp of yours has no forward derivative")
        error = _ratio(abs(slope - forward), abs(forward))
        return Check(FORWARD, error, 0, limit, error <= limit)

    def plain(self, gradient: Leaves, simulations: int) -> tuple[Check, Cost | None]:
        """The gradient by `AutoDiff` against the given one: the largest deviation of a leaf."""
        if not simulations:
            return _skipped(PLAIN, NO_SIMULATION), None
        limit = LIMITS[self.dtype].autodiff
        try:
            _, wanted, cost = self.gradient()
        except RuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            return _skipped(PLAIN, "not enough memory for AutoDiff"), None
        pairs = zip(gradient, wanted, strict=True)
        errors = [_ratio(float(np.linalg.norm(a - b)), float(np.linalg.norm(b))) for a, b in pairs]
        worst = int(np.argmax(errors))
        note = f"by {self._space.names[worst]}" if len(errors) > 1 else ""
        return Check(PLAIN, errors[worst], 0, limit, errors[worst] <= limit, note), cost

    def suspects(self) -> list[str]:
        """What in the objective may part its gradient from its values."""
        return sorted(set(_suspects(jax.make_jaxpr(self._objective)(self._space.rebuilt(self._x)).jaxpr)))

    def _scales(self, scale: PyTree) -> list[float]:
        if scale is None:
            return [float(np.max(np.abs(leaf), initial=0.0)) or 1.0 for leaf in self._x]
        given = self._space.spread(scale, "`scale`")
        for name, number in zip(self._space.names, given, strict=True):
            if np.shape(number) or not 0 < number < np.inf:
                raise ValueError(f"`scale` of `{name}` is {number}; it must be one positive number.")
        return [float(number) for number in given]


def _skipped(name: str, reason: str) -> Check:
    return Check(name, float("nan"), 0, float("nan"), None, reason)


def _inner(a: Leaves, b: Leaves) -> float:
    return float(sum(np.vdot(u, v) for u, v in zip(a, b, strict=True)))


def _ratio(error: float, size: float) -> float:
    """Relative, zero if both are."""
    return error / size if size else (0.0 if error == 0 else float("inf"))


def _suspects(jaxpr: Any) -> Iterator[str]:
    """What in a trace may part a gradient from its function: custom rules, and `stop_gradient` where its result is used."""
    used = {id(v) for v in jaxpr.outvars} | {id(v) for eqn in jaxpr.eqns for v in eqn.invars}
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        if name == "custom_vjp_call":
            yield "a custom_vjp"
        elif name == "stop_gradient" and any(id(v) in used for v in eqn.outvars):
            yield "jax.lax.stop_gradient"
        parts = jax.tree.leaves(list(eqn.params.values()), is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr"))
        for part in parts:
            inner = getattr(part, "jaxpr", part)
            if hasattr(inner, "eqns"):
                yield from _suspects(inner)
