"""The way to a minimum: what every method records at each iterate, when it stops, and what it leaves."""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import PyTree
from tqdm import tqdm

from adseis.objectives.space import Space
from adseis.optimizers.evaluations import Evaluations

STOPPED = "stopped by the callback"
STAGNANT = "converged: the last iterations gained less than a rounding unit"
PATIENCE = 3  # an unlucky step of an ill-conditioned problem gains nothing, three in a row say that nothing is left
FLAT = "converged: the projected gradient has fallen by 1e9"

Callback = Callable[[int, PyTree, float], Any]
"""What a user wants to know of every iteration: `callback(iteration, x, value)`, counted from one. It ends the run by a true
return value or by StopIteration."""


def stop_asked(callback: Callback | None, iteration: int, x: PyTree, value: float) -> bool:
    """Tell the user of an iteration, and whether the run is to end for that: the one contract of every callback.

    Args:
        callback: Whom to tell, or None.
        iteration: Its number, counted from one.
        x: Where it led to.
        value: Objective there.

    Returns:
        Whether the callback returned something true or raised StopIteration.
    """
    if callback is None:
        return False
    try:
        return bool(callback(iteration, x, value))
    except StopIteration:
        return True


_Result = TypeVar("_Result", bound="Result")


class Iterate(NamedTuple):
    """One accepted iterate of a minimization; the first is the starting model.

    Attributes:
        value: Objective.
        gradient_norm: Euclidean norm of its gradient over all leaves; NaN where a method does not keep it.
        evaluations: Evaluations spent until then.
        iteration: Its number, 0 for the starting model (of each band).
    """

    value: float
    gradient_norm: float
    evaluations: int
    iteration: int


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """Outcome of a minimization; those of problems add names for what was found.

    Attributes:
        x: What was found: the last accepted iterate, a pytree like the one that the search started from.
        value: Objective there.
        history: Accepted iterates from the starting model on, each with its `.value`.
        evaluations: Evaluations of value and gradient, replayed ones included.
        message: Why it ended.
        converged: Whether it ended because nothing was left to gain.

    Example:
        >>> result = ads.minimize(lambda x: jnp.sum(x**4), np.ones(3), iterations=2, progress=False)
        >>> [iterate.value > result.value for iterate in result.history[:-1]], result.history[0].value
        ([True, True], 3.0)
    """

    x: PyTree
    value: float
    history: tuple[Iterate, ...]
    evaluations: int
    message: str
    converged: bool

    @classmethod
    def from_result(cls: type[_Result], result: "Result", **found: Any) -> _Result:
        """The result of a problem, from that of its minimization.

        Args:
            result: Of the minimization.
            found: Fields that differ or are added.

        Returns:
            One of this class.
        """
        kept = {field.name: getattr(result, field.name) for field in dataclasses.fields(Result)}
        return cls(**kept | found)


def length(x: np.ndarray) -> float:
    """Euclidean norm, of numbers whose squares would be zero or infinite, too.

    Args:
        x: Flat vector.

    Returns:
        The norm.
    """
    norm = float(np.linalg.norm(x))
    if 1e-150 < norm < 1e150:
        return norm
    largest = float(np.max(np.abs(x), initial=0.0))
    return largest * float(np.linalg.norm(x / largest)) if 0 < largest < np.inf else norm


class Descent:
    """Accepted iterates of one minimization.

    Attributes:
        evaluate: Value, gradient and curvature.
        space: The unknowns and their box.
        x: The last accepted iterate, flat.
        history: All of them, the start first.
        stopped: Why the run is to end, empty while it goes on.
    """

    def __init__(self, evaluate: Evaluations, space: Space, callback: Callback | None, bar: tqdm) -> None:
        """Evaluate the start.

        Args:
            evaluate: Value, gradient and curvature.
            space: The unknowns.
            callback: `callback(iteration, x, value)` of the user.
            bar: Shows the progress.
        """
        self.evaluate, self.space, self._callback, self._bar = evaluate, space, callback, bar
        self.stopped = ""
        self.history: list[Iterate] = []
        self._record(space.start)

    def steepest(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Steepest descent, zero where a bound is in its way.

        Args:
            x: Flat vector.
            gradient: Gradient there.

        Returns:
            The direction.
        """
        blocked = np.where(gradient > 0, x <= self.space.low, x >= self.space.high)
        return np.where(blocked, 0.0, -gradient)

    def accept(self, x: np.ndarray) -> bool:
        """Take `x` as the next iterate, tell the user, judge whether to go on.

        Args:
            x: Flat vector, evaluated last.

        Returns:
            Whether the run ends here; `stopped` says why.
        """
        self._record(x)
        self._bar.update()
        if self.stagnant(PATIENCE):
            self.stopped = STAGNANT
        if stop_asked(self._callback, len(self.history) - 1, self.space.tree(self.x), self.history[-1].value):
            self.stopped = STOPPED
        return bool(self.stopped)

    def stagnant(self, iterations: int) -> bool:
        """Whether the last iterations together gained less than a rounding unit of the value.

        Args:
            iterations: How many.

        Returns:
            That; False before as many were made.
        """
        if len(self.history) <= iterations:
            return False
        before, now = self.history[-1 - iterations].value, self.history[-1].value
        return before - now <= self.space.rounding * max(abs(before), abs(now))

    def _record(self, x: np.ndarray) -> None:
        value, gradient = self.evaluate(x)
        self.x = x
        self.history.append(Iterate(value, length(gradient), self.evaluate.count, len(self.history)))
        self.evaluate.iteration = len(self.history)
        self._bar.set_description("replaying" if self.evaluate.replaying else "minimize", refresh=False)
        self._bar.set_postfix(misfit=f"{value:.4g}", evaluations=self.evaluate.count)


class Method(eqx.Module):
    """How a minimum is walked to."""

    @abc.abstractmethod
    def walk(self, descent: Descent, iterations: int, first_step: float | None) -> tuple[str, bool]:
        """Walk to the end.

        Args:
            descent: Where iterates are recorded; it stands at the start.
            iterations: Most of them.
            first_step: Largest change of an element in the first trial step, or None.

        Returns:
            Why it ended, and whether by convergence.
        """
