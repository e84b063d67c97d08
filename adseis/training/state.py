"""All that a training goes on from, as arrays, and the file that it is kept in."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from adseis.networks.normalization import statistics
from adseis.networks.weights import read_about, read_weights, write_weights

STATISTICS_RATE = 0.1
"""Of running means and variances: the usual momentum of batch normalization."""


class Instant(eqx.Module):
    """Where in a training a loss is asked for.

    Attributes:
        step: Number of the step, from zero.
        key: Of what is drawn in it.
        strength: Of augmentations, from 1 downwards.
    """

    step: Int[Array, ""]
    key: Array
    strength: Float[Array, ""]


class State(eqx.Module):
    """The weights that are trained, and what goes with them.

    Attributes:
        weights: The trained leaves of the network, None in the place of the others.
        average: Their moving average.
        optimizer: State of the optimizer, which knows of nothing else.
        step: Steps made.
        broken: The first step whose loss or gradient was not finite; -1 for none.
    """

    weights: PyTree
    average: PyTree
    optimizer: PyTree
    step: Int[Array, ""]
    broken: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class Standing:
    """What the validations have said so far.

    Attributes:
        best: Least error; infinity before the first validation.
        at: The step of it.
        stalled: Validations since.
        strength: Of augmentations.
        seconds: Time spent in steps and validations.
    """

    best: float = float("inf")
    at: int = 0
    stalled: int = 0
    strength: float = 1.0
    seconds: float = 0.0


def optimizer_of(rule: optax.GradientTransformation, network: PyTree) -> optax.GradientTransformation:
    """An optimizer whose rule moves the weights, while running statistics follow what is off.

    Args:
        rule: For the weights.
        network: Whose batch normalizations have statistics.

    Returns:
        The optimizer.
    """
    marks = statistics(network)
    if not any(jax.tree.leaves(marks)):
        return rule

    def label(weight: Any, mark: Any) -> str | None:
        return None if weight is None else "running" if mark else "weights"

    def labels(weights: PyTree) -> PyTree:
        return jax.tree.map(label, weights, marks, is_leaf=lambda leaf: leaf is None)

    return optax.partition({"weights": rule, "running": optax.sgd(STATISTICS_RATE)}, labels)


def first_state(weights: PyTree, optimizer: optax.GradientTransformation) -> State:
    """Before the first step.

    Args:
        weights: The trained leaves.
        optimizer: What moves them.

    Returns:
        The state, in arrays of its own.
    """
    own, average = jax.tree.map(jnp.array, (weights, weights))
    return State(own, average, optimizer.init(own), jnp.int32(0), jnp.int32(-1))


def write_state(path: Path, state: State, standing: Standing, about: Mapping[str, Any]) -> None:
    """Replace the file of a training by a newer one.

    Args:
        path: File.
        state: What to keep.
        standing: What the validations said.
        about: What the training is, which must not change.

    Raises:
        OSError: If it cannot be written.
    """
    write_weights(path, state, {"training": dict(about), "standing": dataclasses.asdict(standing)})


def read_state(path: Path, like: State, about: Mapping[str, Any]) -> tuple[State, Standing]:
    """What `write_state` wrote.

    Args:
        path: File.
        like: A state of the same network and optimizer.
        about: What the training is.

    Returns:
        State and standing.

    Raises:
        ValueError: If the file is damaged, or of another training.
    """
    header = read_about(path)
    then, now = header.get("training"), dict(about)
    if then is None:
        raise ValueError(f"`{path}` holds weights, but no training that could go on.")
    if differing := [name for name in sorted(now.keys() | then.keys()) if now.get(name) != then.get(name)]:
        raise ValueError(
            f"`{path}` is of another training: {', '.join(differing)} differ ({differing[0]} was {then.get(differing[0])!r}, is "
            f"{now.get(differing[0])!r}). Name another folder."
        )
    return read_weights(path, like), Standing(**header["standing"])
