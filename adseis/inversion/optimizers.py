"""Deterministic minimization of any JAX objective: L-BFGS-B with bounds, on the host in float64, over physics of any precision.

The optimizer sees one flat vector of float64; the objective sees the pytree that the user gave, in its own precision. Between
them stands `_Evaluations`, which counts, caps, checks and records.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Float, PyTree
from tqdm import tqdm

from adseis.inversion.journal import Journal, sha256

METHODS = ("l-bfgs-b",)
STOPPED = "stopped by the callback"
STAGNANT = "converged: the last iteration gained less than a rounding unit"


class Iterate(NamedTuple):
    """One accepted iterate of a minimization; the first is the starting model.

    Attributes:
        value: Objective.
        gradient_norm: Euclidean norm of its gradient over all leaves.
        evaluations: Evaluations spent until then.
        iteration: Its number, 0 for the starting model (of each band).
    """

    value: float
    gradient_norm: float
    evaluations: int
    iteration: int


@dataclass(frozen=True)
class Result:
    """Outcome of a minimization.

    Attributes:
        x: Last accepted iterate, a pytree like `x0`.
        value: Objective there.
        history: Accepted iterates from the starting model on.
        evaluations: Evaluations of value and gradient, replayed ones included.
        message: Why it ended.
        converged: Whether it ended because nothing was left to gain.
    """

    x: PyTree
    value: float
    history: tuple[Iterate, ...]
    evaluations: int
    message: str
    converged: bool


def minimize(
    objective: Callable[[PyTree], Float[Any, ""]],
    x0: PyTree,
    *,
    method: str = "l-bfgs-b",
    bounds: tuple[PyTree, PyTree] | None = None,
    iterations: int = 100,
    evaluations: int | None = None,
    first_step: float | None = None,
    journal: str | os.PathLike[str] | None = None,
    progress: bool = True,
    callback: Callable[[int, PyTree, float], Any] | None = None,
) -> Result:
    """Minimize a differentiable function of a pytree within bounds: min f(x), low <= x <= high.

    L-BFGS-B learns the scale of the problem from its steps, but its first step needs one: it goes along the (projected) steepest
    descent until an element has changed by `first_step`. By default that is a hundredth of the magnitude of x0 (the largest in
    each leaf, the least of these over the leaves) or, where a leaf starts at zero, a step of Euclidean norm 1. The iterates do
    not depend on the unit of f: internally f and x are multiplied by constants, and no tolerance is absolute. The run ends when
    the projected gradient has fallen by 1e9, or when an iteration gains less than a rounding unit.

    Args:
        objective: JAX-traceable function of a pytree like `x0`, returning a scalar; compiled once.
        x0: Starting point, a pytree of floating-point arrays (NumPy or JAX) in the units of the user.
        method: "l-bfgs-b".
        bounds: `(low, high)`, each None, a number, or a pytree like `x0` (or a prefix of it) of numbers or arrays.
        iterations: Most iterations (accepted steps).
        evaluations: Most evaluations of value and gradient, never exceeded; None for no cap.
        first_step: Largest change of any element of x in the first trial step [unit of x].
        journal: HDF5 file that records every evaluation. A killed call, repeated, replays the recorded evaluations and goes on to
            the same iterates; on the way it calls `callback` again, and evaluates the objective once to see that it is the same.
            The repeated call may ask for more `iterations` or `evaluations`.
        progress: Whether to show a progress bar.
        callback: `callback(iteration, x, value)` after each iteration, counted from one; ends the run by a true return value or
            StopIteration.

    Returns:
        The last accepted iterate with its history.

    Raises:
        ValueError: If an option, a bound or a journal does not fit, or `x0` is not finite or not within its bounds.
        TypeError: If a leaf of `x0` is not real floating-point.
        FloatingPointError: If the objective or its gradient is not finite.
        OSError: If the journal cannot be written.

    References:
        Byrd, R. H., Lu, P., Nocedal, J. & Zhu, C. (1995), SIAM J. Sci. Comput. 16, 1190-1208, doi:10.1137/0916069
        Morales, J. L. & Nocedal, J. (2011), ACM Trans. Math. Softw. 38, 7, doi:10.1145/2049662.2049669
    """
    if method.lower() not in METHODS:
        raise ValueError(f"`method` = {method!r} is unknown. Choose one of: {', '.join(METHODS)}.")
    for name, number in {"iterations": iterations, "evaluations": evaluations, "first_step": first_step}.items():
        if number is not None and not 0 < number < np.inf:
            raise ValueError(f"`{name}` = {number} must be positive.")
    space = _Space(x0, bounds)
    evaluate = _Evaluations(objective, space, evaluations)
    if journal is not None:
        evaluate.journal = Journal(journal, {"method": method.lower(), "first_step": repr(first_step)} | space.identity())
    with tqdm(total=iterations, desc="minimize", disable=not progress) as bar:
        walk = _Walk(evaluate, space, callback, bar)
        message, converged = walk.go(iterations, first_step)
    return Result(space.tree(walk.x), walk.history[-1].value, tuple(walk.history), evaluate.count, message, converged)


class _Walk:
    """The path of L-BFGS-B through scaled unknowns y: x = start + stretch y, and a scaled objective factor f(x)."""

    def __init__(
        self, evaluate: "_Evaluations", space: "_Space", callback: Callable[[int, PyTree, float], Any] | None, bar: tqdm
    ):
        self._evaluate, self._space, self._callback, self._bar = evaluate, space, callback, bar
        self._stopped = ""
        self.history: list[Iterate] = []
        self._record(space.start)

    def go(self, iterations: int, first_step: float | None) -> tuple[str, bool]:
        """Walk to the end; why it ended, and whether by convergence."""
        space = self._space
        self._stretch, self._factor = self._scales(first_step)
        low, high = ((bound - space.start) / self._stretch for bound in (space.low, space.high))
        try:
            outcome = scipy.optimize.minimize(
                self._scaled,
                np.zeros_like(space.start),
                jac=True,
                method="L-BFGS-B",
                bounds=scipy.optimize.Bounds(low, high) if np.isfinite([low, high]).any() else None,
                callback=self._accept,
                # stagnation is judged in `_accept`, relative to the value: SciPy's `ftol` turns absolute below one
                options={"maxiter": iterations, "maxfun": np.iinfo(np.int32).max, "ftol": 0.0, "gtol": 1e-9, "maxcor": 20},
            )
        except _Exhausted as end:
            return str(end), False
        return self._stopped or str(outcome.message), self._stopped == STAGNANT or (not self._stopped and bool(outcome.success))

    def _scales(self, first_step: float | None) -> tuple[float, float]:
        """Factors of x and f after which the projected gradient at the start has norm one, the length of the first trial step."""
        space, (_, gradient) = self._space, self._evaluate(self._space.start)
        blocked = np.where(gradient > 0, space.start <= space.low, space.start >= space.high)
        descent = np.abs(np.where(blocked, 0.0, gradient))
        largest, norm = float(np.max(descent)), float(np.linalg.norm(descent))
        if norm == 0:
            return 1.0, 1.0
        reach = first_step or 1e-2 * space.magnitude or largest / norm
        stretch = reach * norm / largest
        return stretch, 1 / (stretch * norm)

    def _unscaled(self, y: np.ndarray) -> np.ndarray:
        return np.clip(self._space.start + self._stretch * y, self._space.low, self._space.high)

    def _scaled(self, y: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = self._evaluate(self._unscaled(y))
        return self._factor * value, self._factor * self._stretch * gradient

    def _record(self, x: np.ndarray) -> None:
        """Take `x` as the next iterate."""
        value, gradient = self._evaluate(x)
        self.x = x
        self.history.append(Iterate(value, float(np.linalg.norm(gradient)), self._evaluate.count, len(self.history)))
        self._evaluate.iteration = len(self.history)
        self._bar.set_description("replaying" if self._evaluate.replaying else "minimize", refresh=False)
        self._bar.set_postfix(misfit=f"{value:.4g}", evaluations=self._evaluate.count)

    def _accept(self, intermediate_result: scipy.optimize.OptimizeResult) -> None:
        """SciPy's callback: record the iterate, tell the user, judge whether to go on."""
        self._record(self._unscaled(intermediate_result.x))
        self._bar.update()
        before, now = self.history[-2].value, self.history[-1].value
        if before - now <= self._space.rounding * max(abs(before), abs(now)):
            self._stopped = STAGNANT
        if self._callback is not None:
            try:
                wanted = self._callback(len(self.history) - 1, self._space.tree(self.x), now)
            except StopIteration:
                wanted = True
            if wanted:
                self._stopped = STOPPED
        if self._stopped:
            raise StopIteration


class _Exhausted(Exception):
    """Raised through SciPy when no evaluation is left: its own cap is only looked at between iterations."""


class _Space:
    """The pytree of the user, seen as one flat vector of float64, and the box it may move in."""

    def __init__(self, x0: PyTree, bounds: tuple[PyTree, PyTree] | None):
        paths, self._treedef = jax.tree_util.tree_flatten_with_path(x0)
        self.names = ["x0" + jax.tree_util.keystr(path) for path, _ in paths]
        leaves = [np.asarray(leaf) for _, leaf in paths]
        for name, leaf in zip(self.names, leaves, strict=True):
            if not np.issubdtype(leaf.dtype, np.floating):
                raise TypeError(f"`{name}` has type {leaf.dtype}; the unknowns must be real floating-point numbers.")
        if not sum(leaf.size for leaf in leaves):
            raise ValueError("`x0` holds no numbers: there is nothing to minimize over.")
        self._shapes = [leaf.shape for leaf in leaves]
        self._ends = np.cumsum([leaf.size for leaf in leaves])
        self._dtypes = [jnp.asarray(leaf).dtype for leaf in leaves]
        self.rounding = float(min(np.finfo(dtype).eps for dtype in self._dtypes))
        self.magnitude = min(float(np.max(np.abs(leaf), initial=0.0)) for leaf in leaves)
        self.start = self.flat(leaves)
        if bounds is not None and len(bounds) != 2:
            raise ValueError(f"`bounds` has {len(bounds)} items; give `(low, high)`.")
        low, high = (None, None) if bounds is None else bounds
        self.low, self.high = self._bound("low", low, -np.inf), self._bound("high", high, np.inf)
        self._refuse(~np.isfinite(self.start), "is not finite")
        self._refuse(~(self.low <= self.high), "has bounds that leave no room")
        self._refuse((self.start < self.low) | (self.start > self.high), "lies outside its bounds (clip it or widen them)")

    def flat(self, leaves: list[np.ndarray]) -> np.ndarray:
        """Leaves, each rounded to its own precision, as one vector."""
        return np.concatenate(
            [np.ravel(leaf).astype(dtype).astype(float) for leaf, dtype in zip(leaves, self._dtypes, strict=True)]
        )

    def tree(self, x: np.ndarray) -> PyTree:
        """The vector as the pytree of the user."""
        triples = zip(np.split(x, self._ends[:-1]), self._shapes, self._dtypes, strict=True)
        return jax.tree.unflatten(self._treedef, [jnp.asarray(part.reshape(shape), dtype) for part, shape, dtype in triples])

    def identity(self) -> dict[str, str]:
        """What a journal must agree on."""
        leaves = zip(self.names, self._shapes, self._dtypes, strict=True)
        arrays = {"x0": self.start, "lower bounds": self.low, "upper bounds": self.high}
        return {"leaves": "; ".join(f"{n} {s} {d}" for n, s, d in leaves)} | {
            name: sha256(array) for name, array in arrays.items()
        }

    def _bound(self, side: str, bound: PyTree, unbounded: float) -> np.ndarray:
        """One bound as a vector."""
        try:
            numbers = jax.tree.unflatten(self._treedef, self._ends)  # a tree like x0, whatever its leaves
            leaves = jax.tree.leaves(jax.tree.broadcast(unbounded if bound is None else bound, numbers))
        except ValueError as error:
            raise ValueError(f"the {side} bound must be a number or a pytree like `x0`: {error}") from error
        for name, leaf, shape in zip(self.names, leaves, self._shapes, strict=True):
            if np.shape(leaf) not in ((), shape):
                raise ValueError(f"the {side} bound of `{name}` {shape} has shape {np.shape(leaf)}: give a number or that shape.")
        return self.flat([np.broadcast_to(leaf, shape) for leaf, shape in zip(leaves, self._shapes, strict=True)])

    def _refuse(self, bad: np.ndarray, fault: str) -> None:
        """Raise for the first bad element, naming its leaf, value and bounds."""
        if bad.any():
            at = int(np.argmax(bad))
            name = self.names[int(np.searchsorted(self._ends, at, side="right"))]
            box = f"[{self.low[at]:.8g}, {self.high[at]:.8g}]"
            raise ValueError(f"`{name}` {fault}: {self.start[at]:.8g}, bounds {box}, first of {int(bad.sum())} such elements.")


class _Evaluations:
    """Value and gradient at flat vectors: counted, capped, checked to be finite, recorded or replayed."""

    def __init__(self, objective: Callable[[PyTree], Any], space: _Space, cap: int | None):
        arrays, rest = eqx.partition(objective, eqx.is_array)  # arrays of a callable module are arguments, not baked-in constants
        compiled = eqx.filter_jit(lambda arrays, x: jax.value_and_grad(eqx.combine(arrays, rest))(x))
        self._compute = lambda x: compiled(arrays, space.tree(x))
        self._space, self._cap = space, cap
        self._last: tuple[np.ndarray, float, np.ndarray] | None = None
        self.journal: Journal | None = None
        self.count = self.iteration = 0

    @property
    def replaying(self) -> bool:
        """Whether the next evaluation stands in the journal."""
        return self.journal is not None and self.count < len(self.journal)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and flat gradient at `x`; repeating the last point is free."""
        if self._last is None or not np.array_equal(self._last[0], x):
            if self.count == self._cap:
                raise _Exhausted(f"the cap of {self._cap} evaluations is reached")
            value, gradients = self._replay(x) if self.replaying else self._fresh(x)
            self.count += 1
            self._last = x.copy(), value, self._space.flat(gradients)
        return self._last[1], self._last[2]

    def _replay(self, x: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Value and gradients on file; the first is computed anew, for the objective itself cannot be fingerprinted."""
        assert self.journal is not None
        value, gradients = self.journal.read(self.count, x)
        if self.count == 0:
            now = float(self._compute(x)[0])
            if not np.isclose(now, value, rtol=np.sqrt(self._space.rounding), atol=0):
                raise ValueError(
                    f"journal {self.journal.path} belongs to another objective: it has {value:.8g} at x0, not {now:.8g}. "
                    "Repeat the call that wrote it, name another journal, or move the file away."
                )
        return value, gradients

    def _fresh(self, x: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Value and gradients by computation, recorded when they are finite."""
        value, gradient = jax.device_get(self._compute(x))
        gradients = jax.tree.leaves(gradient)
        names = ["the value", *(f"the gradient with respect to `{name}`" for name in self._space.names)]
        for name, part in zip(names, [value, *gradients], strict=True):
            if not np.isfinite(part).all():
                raise FloatingPointError(
                    f"{name} of the objective is not finite at evaluation {self.count + 1}, iteration {self.iteration}. "
                    "Narrow the bounds, shorten `first_step`, or repair the objective."
                )
        if self.journal is not None:
            self.journal.append(x, value, gradients)
        return float(value), gradients
