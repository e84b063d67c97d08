"""Stochastic minimization: optax over mini-batches of shots, within bounds, resumed after a kill.

    x <- project(x + update(grad f_batch(x)))

Bounds are kept by projection after each step. Every random number comes from a key and the number of the step, so that a resumed
run goes where the uninterrupted one goes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import h5py
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int, Key, PyTree
from tqdm import tqdm

from adseis.experiment.survey import Survey
from adseis.files import check_writable, discard_partial, written_whole
from adseis.inversion.evaluations import Space

FORMAT = "adseis-stochastic-1"


class Trained(NamedTuple):
    """Outcome of a stochastic minimization.

    Attributes:
        x: The last iterate, like `x0`.
        values: Objective of each step's batch, before the step.
    """

    x: PyTree
    values: np.ndarray


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
    callback: Callable[[int, PyTree, float], Any] | None = None,
) -> Trained:
    """Minimize the expectation of an objective over batches, by any optimizer of optax, within bounds.

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
        callback: `callback(step, x, value)` after each step, counted from one; ends the run by a true return value.

    Returns:
        The last iterate and the values on the way.

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
            (x, state), values = _read(path, (x, state), space.identity())
            begun = len(values)

    @eqx.filter_jit
    def step(x: PyTree, state: PyTree, batch: Any) -> tuple[PyTree, PyTree, Array, Array]:
        value, gradient = jax.value_and_grad(objective)(x, batch)
        updates, state = optimizer.update(gradient, state, x)
        moved = jax.tree.map(jnp.clip, optax.apply_updates(x, updates), low, high)
        finite = jnp.stack([jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves((value, gradient))]).all()
        return moved, state, value, finite

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
            stop = callback is not None and bool(callback(number + 1, x, values[-1]))
            if path is not None and ((number + 1) % every == 0 or number + 1 == steps or stop):
                _write(path, (x, state), values, space.identity())
            if stop:
                break
    return Trained(x, np.asarray(values))


def shot_batches(key: Key[Array, ""], shots: int, size: int) -> Callable[[int], Int[Array, "size"]]:
    """Mini-batches of shots: each epoch runs through all of them in a new random order.

    Args:
        key: Of the random numbers.
        shots: Number of shots.
        size: Shots of a batch, a divisor of the number of shots, so that every batch has one shape.

    Returns:
        From the number of a step to indices of shots, `(size,)`.

    Raises:
        ValueError: If `size` does not divide `shots`.
    """
    if not 1 <= size <= shots or shots % size:
        raise ValueError(f"`size` = {size} must divide the {shots} shots: batches of one shape compile once.")
    each = shots // size

    def batch(step: int) -> Array:
        order = jax.random.permutation(jax.random.fold_in(key, step // each), shots)
        return order.reshape(each, size)[step % each]

    return batch


def select_shots(survey: Survey, shots: Int[Array, "size"]) -> Survey:
    """The survey of some shots.

    Every array of the source is (shot, ...), a length of 1 serving all; receivers are (shot, receiver, axis) or common. Where the
    indices are traced, chosen positions are too, and pass through the interpolation for points between nodes.

    Args:
        survey: All shots.
        shots: Indices, which may be traced.

    Returns:
        A survey of the chosen shots.
    """
    pick = lambda a: a if a.shape[0] == 1 else jnp.asarray(a)[shots]  # noqa: E731
    arrays, rest = eqx.partition(survey.source, eqx.is_array)
    source = eqx.combine(jax.tree.map(pick, arrays), rest)
    receivers = survey.receivers if survey.receivers.ndim == 2 else pick(survey.receivers)
    return Survey(source, receivers, devices=survey.devices)


def _write(path: Path, tree: PyTree, values: list[float], identity: dict[str, str]) -> None:
    with written_whole(path) as partial, h5py.File(partial, "w", libver="latest") as file:
        file.attrs.update({"format": FORMAT, **identity})
        data = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))} | {"values": np.asarray(values)}
        for name, array in data.items():
            file.create_dataset(name, data=np.atleast_1d(array), fletcher32=True, chunks=np.atleast_1d(array).shape)


def _read(path: Path, like: PyTree, identity: dict[str, str]) -> tuple[PyTree, list[float]]:
    """The state of a checkpoint, in the form of `like`."""
    leaves, structure = jax.tree.flatten(like)
    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            stored = {name: np.asarray(item) for name, item in file.items()}
            found, values = [stored[f"leaf{i}"] for i in range(len(stored) - 1)], stored["values"].tolist()
    except (OSError, KeyError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read: it is truncated or damaged ({error}). Move it away to start anew."
        ) from error
    shapes = [np.atleast_1d(np.asarray(leaf)).shape for leaf in leaves]
    if attributes != {"format": FORMAT, **identity} or [leaf.shape for leaf in found] != shapes:
        raise ValueError(
            f"checkpoint {path} belongs to another x0, other bounds or another optimizer. Name another file, or move it away."
        )
    restored = [jnp.asarray(a.reshape(np.shape(b)), np.asarray(b).dtype) for a, b in zip(found, leaves, strict=True)]
    return jax.tree.unflatten(structure, restored), values
