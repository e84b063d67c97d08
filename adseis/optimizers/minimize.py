"""Deterministic minimization of any JAX objective within bounds, on the host in float64, over physics of any precision."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, PyTree
from tqdm import tqdm

from adseis.objectives.space import Space
from adseis.optimizers.evaluations import Evaluations
from adseis.optimizers.journal import Journal
from adseis.optimizers.path import Callback, Descent, Method, Result
from adseis.optimizers.run import Run


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
    callback: Callback | None = None,
) -> Result:
    """Minimize a differentiable function of a pytree within bounds: min f(x), low <= x <= high.

    L-BFGS-B learns the scale of the problem from its steps, but its first step needs one: it goes along the (projected) steepest
    descent until an element has changed by `first_step`. By default that is a hundredth of the magnitude of x0 (the largest in
    each leaf, the least of these over the leaves) or, where a leaf starts at zero, a step of Euclidean norm 1. The iterates do
    not depend on the unit of f: internally f and x are multiplied by constants, and no tolerance is absolute. The run ends when
    the projected gradient has fallen by 1e9, or when three iterations together gain less than a rounding unit.

    Use it for an objective that is the same at every call. Do not use it for one over batches of shots or random encodings, which
    is for `minimize_stochastic`; or for gathers to be fitted band after band, which is what `invert` adds to it.

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

    Example:
        >>> bowl = lambda x: jnp.sum((x - jnp.array([1.0, 3.0])) ** 2)
        >>> result = ads.minimize(bowl, np.zeros(2), bounds=(0.0, 2.0), progress=False)
        >>> [round(float(x), 3) for x in result.x]
        [1.0, 2.0]
    """
    run = Run(method, evaluations, first_step, journal, progress, callback)
    return descend(objective, x0, bounds=bounds, iterations=iterations, run=run)


def descend(
    objective: Callable[[PyTree], Float[Any, ""]],
    x0: PyTree,
    *,
    bounds: tuple[PyTree, PyTree] | None = None,
    iterations: int = 100,
    run: Run,
) -> Result:
    """What `minimize` does, its options in one.

    Args:
        objective: JAX-traceable function of a pytree like `x0`, returning a scalar; compiled once.
        x0: Starting point.
        bounds: `(low, high)`, or None.
        iterations: Most iterations.
        run: How it is run.

    Returns:
        The last accepted iterate with its history.

    Raises:
        ValueError: As `minimize`.
    """
    if not 0 < iterations < np.inf:
        raise ValueError(f"`iterations` = {iterations} must be positive.")
    space = Space(x0, bounds)
    evaluate = Evaluations(objective, space, run.evaluations)
    if run.journal is not None:
        problem = {"method": repr(run.walker), "first_step": repr(run.first_step)} | space.identity()
        evaluate.journal = Journal(run.journal, problem)
    with tqdm(total=iterations, desc="minimize", disable=not run.progress) as bar:
        descent = Descent(evaluate, space, run.callback, bar)
        message, converged = run.walker.walk(descent, iterations, run.first_step)
    return Result(space.tree(descent.x), descent.history[-1].value, tuple(descent.history), evaluate.count, message, converged)
