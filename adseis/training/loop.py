"""`fit`: weights of a network that lower a loss, step by step; killed at any step, it goes on to the same bits."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
import optax
from jax.sharding import Mesh
from jaxtyping import PyTree
from tqdm import tqdm

from adseis.networks.adapters import trainable
from adseis.networks.weights import read_weights
from adseis.optimizers.path import STOPPED, Callback, stop_asked
from adseis.training.keeping import BEST, LAST, Keeping
from adseis.training.reading import read_ahead
from adseis.training.state import Standing, State
from adseis.training.steps import Loss, Steps

Validation = Callable[[Any], Mapping[str, float]]
"""`validate(network)`: figures of which the first is the error that is to fall."""

REACHED = "the number of steps is reached"
PATIENT = "for as many validations as the patience allows, none was better"


@dataclass(frozen=True)
class Plan:
    """How long and how a network is trained.

    Attributes:
        steps: Steps at most.
        every: Steps between validations, each of which is followed by a checkpoint.
        patience: Validations without a better error after which it ends; None for all steps. Without `validate`, the loss of a
            step is taken for the error.
        average: Decay of the moving average of the weights, which is what is validated; 0 follows them.
        accumulate: Parts of a batch that are passed one after the other, their gradients averaged: less memory.
        precision: Of weights while the loss is computed, such as "bfloat16"; they are kept, and moved, as they are.
        fading: By which augmentations' strength is multiplied at each validation after two without a better error.
        log: Steps between lines of the metrics.
        seed: Of everything that is drawn in steps.
        devices: A device mesh; samples are shared out over its axis "shot" where it divides their number. None for one device.
        progress: Whether to show a bar.

    Raises:
        ValueError: If a number cannot be right.
    """

    steps: int
    every: int = 500
    patience: int | None = None
    average: float = 0.99
    accumulate: int = 1
    precision: str | None = None
    fading: float = 0.98
    log: int = 10
    seed: int = 0
    devices: Mesh | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("steps", "every", "accumulate", "log"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` = {getattr(self, name)} must be at least 1.")
        if not 0 <= self.average < 1 or not 0 < self.fading <= 1:
            raise ValueError(f"`average` = {self.average:g} must be within [0, 1), `fading` = {self.fading:g} within (0, 1].")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"`patience` = {self.patience} must be at least 1, or None.")


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training has come to.

    Attributes:
        x: The averaged network, as it is used: of the best validation, or of the last step where there are none.
        value: Error of the best validation; where there are none, the last loss.
        history: Lines of the metrics.
        steps: Steps made.
        message: Why it ended.
    """

    x: PyTree
    value: float
    history: tuple[dict[str, Any], ...]
    steps: int
    message: str


def fit(
    network: PyTree,
    loss: Loss,
    batches: Callable[[int], Any],
    *,
    optimizer: optax.GradientTransformation,
    plan: Plan,
    trained: PyTree | None = None,
    validate: Validation | None = None,
    folder: str | os.PathLike[str] | None = None,
    about: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
) -> Fitted:
    r"""Train a network by any loss, with checkpoints from which a killed run goes on to the same bits.

        w <- w + update(grad mean loss(w, batch_k)),    k = 0, 1, ...

    Everything random is a function of the seed and of the number of the step. In `folder` stand, each whole at every instant,
    `last.safetensors` (weights, average, optimizer, step), `best.safetensors` (what is trained, averaged, of the best
    validation), and the growing `metrics.jsonl`. The same call again goes on; with more steps it goes further.

    It is for losses of many samples. For one deterministic objective `minimize` needs no rate and goes further.

    Args:
        network: Any pytree with weights; it is not changed.
        loss: What is minimized, of a batch; the network that it is given is in training (dropout, batch statistics).
        batches: From the number of a step to its batch, a pytree of arrays whose first axis counts samples, or scalars. The same
            whenever it is asked; a thread calls it ahead.
        optimizer: Of optax, such as `schedules.adamw(1e-3)`; its state has no room for what is not trained.
        plan: How long, and how.
        trained: Which leaves are trained, a pytree of True and False like the network; by default `adapters.trainable` says.
        validate: Called with the averaged network in use after every `plan.every` steps and at the end.
        folder: Where it is kept, or None.
        about: What identifies the training, written in its files; another's checkpoint is refused.
        callback: `callback(step, network, error)` after each validation; ends the run by a true return value or StopIteration.

    Returns:
        The trained network, and the way there.

    Raises:
        ValueError: If the checkpoint is damaged or another training's.
        FloatingPointError: If the loss or its gradient is not finite; names the step, and the last good checkpoint.
        OSError: If the folder cannot be written.
    """
    marks = trainable(network) if trained is None else trained
    kept = Keeping(None if folder is None else Path(folder), {"seed": plan.seed, **(about or {})})
    steps = Steps(
        network, loss, optimizer, trained=marks, seed=plan.seed, average=plan.average, accumulate=plan.accumulate,
        precision=plan.precision, devices=plan.devices,
    )  # fmt: skip
    state, standing = kept.found(steps.start)
    first, message = int(state.step), REACHED
    state = steps.placed(state)
    bar = tqdm(total=plan.steps, initial=min(first, plan.steps), desc="train", disable=not plan.progress, unit="step")
    with bar, read_ahead(batches, first, plan.steps) as stream:
        begun, line = time.perf_counter() - standing.seconds, {}
        for number, batch in enumerate([] if _is_over(standing, plan) else stream, first + 1):
            state, told = steps.step(state, batch, standing.strength)
            bar.update()
            due = number % plan.every == 0 or number == plan.steps
            if number % plan.log == 0 or due:
                _check(state, kept)
                line = {name: float(value) for name, value in told.items()}
                bar.set_postfix(loss=f"{line['loss']:.4g}", best=f"{standing.best:.4g}")
                seconds = round(time.perf_counter() - begun, 3)
                kept.tell({"step": number, "kind": "step", **line, "strength": standing.strength, "seconds": seconds})
            if not due:
                continue
            averaged = steps.averaged(state)
            found = {} if validate is None else {name: float(value) for name, value in validate(averaged).items()}
            error = next(iter(found.values()), line["loss"])
            standing = _judged(standing, error, number, plan, time.perf_counter() - begun, kept)
            if found:
                kept.tell({"step": number, "kind": "validation", **found})
            better = not found or standing.at == number
            kept.write(state, standing, eqx.filter(averaged, marks) if better else None, found)
            if stop_asked(callback, number, averaged, error):
                message = STOPPED
                break
            if _is_over(standing, plan):
                break
    message = PATIENT if message == REACHED and _is_over(standing, plan) and int(state.step) < plan.steps else message
    losses = [told["loss"] for told in kept.history if told["kind"] == "step"]
    value = standing.best if validate is not None or not losses else losses[-1]
    return Fitted(_best(kept, steps, state, marks), value, tuple(kept.history), int(state.step), message)


def _judged(before: Standing, error: float, step: int, plan: Plan, seconds: float, kept: Keeping) -> Standing:
    """What a validation changes."""
    if not np.isfinite(error):
        raise FloatingPointError(f"`validate` found the error {error} after step {step}: it must be a number. {_left(kept)}")
    if error < before.best:
        return Standing(error, step, 0, before.strength, seconds)
    stalled = before.stalled + 1
    return Standing(before.best, before.at, stalled, before.strength * (plan.fading if stalled >= 2 else 1.0), seconds)


def _is_over(standing: Standing, plan: Plan) -> bool:
    return plan.patience is not None and standing.stalled >= plan.patience


def _check(state: State, kept: Keeping) -> None:
    """Stop where a loss or gradient was not finite."""
    broken = int(state.broken)
    if broken < 0:
        return
    raise FloatingPointError(
        f"the loss or its gradient is not finite at step {broken + 1}. {_left(kept)} Lower the learning rate, or look at the "
        "data of this step: what goes on from a checkpoint as it was comes to the same."
    )


def _left(kept: Keeping) -> str:
    """Where to go on from."""
    good = None if kept.folder is None else kept.folder / LAST
    return f"The last good checkpoint is {good}." if good is not None and good.exists() else "There is no checkpoint yet."


def _best(kept: Keeping, steps: Steps, state: State, marks: PyTree) -> PyTree:
    """The network of the best validation."""
    averaged = steps.averaged(state)
    weights, rest = eqx.partition(averaged, marks)
    path = None if kept.folder is None else kept.folder / BEST
    if kept.best is not None:
        weights = kept.best
    elif path is not None and path.exists():
        weights = read_weights(path, weights)
    return eqx.combine(weights, rest)
