"""Deterministic minimization of any JAX objective within bounds, on the host in float64, over physics of any precision."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, PyTree
from tqdm import tqdm

from adseis.objectives.space import Space
from adseis.optimizers.evaluations import Evaluations
from adseis.optimizers.journal import Journal
from adseis.optimizers.lbfgs import LBFGSB
from adseis.optimizers.newton import NewtonCG
from adseis.optimizers.path import Iterate, Method, Path

METHODS: dict[str, Method] = {"l-bfgs-b": LBFGSB(), "newton-cg": NewtonCG()}


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
    method: str | Method = "l-bfgs-b",
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
    the projected gradient has fallen by 1e9, or when three iterations together gain less than a rounding unit.

    Args:
        objective: JAX-traceable function of a pytree like `x0`, returning a scalar; compiled once.
        x0: Starting point, a pytree of floating-point arrays (NumPy or JAX) in the units of the user.
        method: "l-bfgs-b", "newton-cg", or one with settings of its own: `LBFGSB(memory=100)`, `NewtonCG(inner=20)`. Newton's
            method takes exact Hessian products, Gauss-Newton ones of a `Composite` objective; each counts as two evaluations.
        bounds: `(low, high)`, each None, a number, or a pytree like `x0` (or a prefix of it) of numbers or arrays.
        iterations: Most iterations (accepted steps).
        evaluations: Most evaluations of value and gradient, never exceeded; None for no cap.
        first_step: Largest change of any element of x in the first trial step of L-BFGS [unit of x].
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
    chosen = METHODS.get(method.lower()) if isinstance(method, str) else method
    if chosen is None:
        raise ValueError(f"`method` = {method!r} is unknown. Choose one of: {', '.join(METHODS)}.")
    for name, number in {"iterations": iterations, "evaluations": evaluations, "first_step": first_step}.items():
        if number is not None and not 0 < number < np.inf:
            raise ValueError(f"`{name}` = {number} must be positive.")
    space = Space(x0, bounds)
    evaluate = Evaluations(objective, space, evaluations)
    if journal is not None:
        evaluate.journal = Journal(journal, {"method": repr(chosen), "first_step": repr(first_step)} | space.identity())
    with tqdm(total=iterations, desc="minimize", disable=not progress) as bar:
        path = Path(evaluate, space, callback, bar)
        message, converged = chosen.walk(path, iterations, first_step)
    return Result(space.tree(path.x), path.history[-1].value, tuple(path.history), evaluate.count, message, converged)
