"""Stochastic minimization: optax over mini-batches of shots, within bounds, resumed after a kill.

    x <- project(x + update(grad f_batch(x)))

Bounds are kept by projection after each step. Every random number comes from a key and the number of the step, so that a resumed
run goes where the uninterrupted one goes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree
from tqdm import tqdm

from adseis.checkpoint import read_checkpoint, write_checkpoint
from adseis.files import check_writable, discard_partial
from adseis.objectives.space import Space
from adseis.optimizers.path import STOPPED, Callback, Iterate, Result, stop_asked


@dataclass(frozen=True, eq=False)
class Trained(Result):
    """Outcome of a stochastic minimization: `x` is the last iterate, `value` and `history` are of each step's batch, before the
    step; gradient norms are not kept.
    """

    @property
    def values(self) -> np.ndarray:
        """Objective of each step's batch, before the step."""
        return np.array([iterate.value for iterate in self.history])


def minimize_stochastic(
    objective: Callable[[PyTree, Any], Any],
    x0: PyTree,
    optimizer: optax.GradientTransformation,
    *,
    batches: Callable[[int], Any],
    steps: int,
    bounds: tuple[PyTree, PyTree] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    every: int = 10,
    progress: bool = True,
    callback: Callback | None = None,
) -> Trained:
    """Minimize the expectation of an objective over batches, by any optimizer of optax, within bounds.

    Use it where a gradient of all shots is too dear, and for networks. Do not use it for a few deterministic shots, where
    `minimize` needs no step length and goes further; its values scatter from batch to batch and say little about convergence.

    Args:
        objective: `objective(x, batch)`, JAX-traceable, a scalar; compiled once if batches are of one shape.
        x0: Starting point, a pytree of floating-point arrays.
        optimizer: Such as `optax.adam(20.0)`; its step is in the unit of x.
        batches: From the number of a step to its batch, a pytree of arrays: `shot_batches`, or a draw of `random_signs` by
            `jax.random.fold_in(key, step)`. It must give the same batch whenever it is asked.
        steps: Steps to make.
        bounds: `(low, high)`, each None, a number, or a pytree like `x0`.
        checkpoint: HDF5 file of the state, written whole every `every` steps; a killed call, repeated, goes on from it.
        every: Steps between checkpoints.
        progress: Whether to show a progress bar.
        callback: `callback(step, x, value)` after each step, counted from one; ends the run by a true return value or
            StopIteration.

    Returns:
        The last iterate with the values on the way.

    Raises:
        ValueError: If an option or a bound does not fit, or the checkpoint is damaged or of another problem.
        FloatingPointError: If the objective or its gradient is not finite.
        OSError: If the checkpoint cannot be written.

    References:
        van Leeuwen, T. & Herrmann, F. J. (2013), Geophysical Prospecting 61 (Suppl. 1), 10-17,
        doi:10.1111/j.1365-2478.2012.01096.x
    """
    if steps < 1 or every < 1:
        raise ValueError(f"`steps` = {steps} and `every` = {every} must be at least 1.")
    space = Space(x0, bounds)
    low, high = space.tree(space.low), space.tree(space.high)
    x = jax.tree.map(jnp.asarray, x0)
    state, values, begun = optimizer.init(x), [], 0
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None:
        check_writable(path.parent)
        discard_partial(path)
        if path.exists():
            (x, state), series = read_checkpoint(path, (x, state), space.identity())
            values = series["values"].tolist()
            begun = len(values)

    @eqx.filter_jit
    def step(x: PyTree, state: PyTree, batch: Any) -> tuple[PyTree, PyTree, Array, Array]:
        value, gradient = jax.value_and_grad(objective)(x, batch)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts and numbers
            updates, state = optimizer.update(gradient, state, x)
            moved = jax.tree.map(jnp.clip, optax.apply_updates(x, updates), low, high)
        finite = jnp.stack([jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves((value, gradient))]).all()
        return moved, state, value, finite

    message = "the number of steps is reached"
    with tqdm(total=steps, initial=begun, desc="minimize", disable=not progress) as bar:
        for number in range(begun, steps):
            x, state, value, finite = step(x, state, batches(number))
            if not finite:
                raise FloatingPointError(
                    f"the objective or its gradient is not finite at step {number + 1} (value {float(value):.6g}). Narrow the "
                    "bounds, or shorten the optimizer's step."
                )
            values.append(float(value))
            bar.update()
            bar.set_postfix(misfit=f"{values[-1]:.4g}")
            stop = stop_asked(callback, number + 1, x, values[-1])
            if path is not None and ((number + 1) % every == 0 or number + 1 == steps or stop):
                write_checkpoint(path, (x, state), space.identity(), {"values": np.asarray(values)})
            if stop:
                message = STOPPED
                break
    history = tuple(Iterate(value, float("nan"), number + 1, number) for number, value in enumerate(values))
    return Trained(x, values[-1], history, len(values), message, converged=False)
