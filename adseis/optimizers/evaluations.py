"""What an optimizer sees of a problem: one flat vector of float64 in its box, and an objective that is counted and recorded.

The objective sees the pytree that the user gave, in its own precision.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from adseis.objectives.curvature import curvature_product
from adseis.objectives.space import Space
from adseis.optimizers.journal import Journal


class Exhausted(Exception):
    """Raised when no evaluation is left; through SciPy, whose own cap is only looked at between iterations."""


class Evaluations:
    """Value and gradient at flat vectors, and curvature: counted, capped, checked to be finite, recorded or replayed.

    Attributes:
        count: What was spent: one for a value with its gradient, two for a product with the Hessian.
        iteration: Number of the iterate sought, for messages.
        journal: Where all is recorded, if anywhere.
    """

    def __init__(self, objective: Callable[[PyTree], Any], space: Space, cap: int | None):
        """Prepare; nothing is compiled before it is asked for.

        Args:
            objective: JAX-traceable function of a pytree, returning a scalar.
            space: Its unknowns.
            cap: Most to be spent, or None.
        """
        arrays, rest = eqx.partition(objective, eqx.is_array)  # arrays of a callable module are arguments, not baked-in constants
        compiled = eqx.filter_jit(lambda arrays, x: jax.value_and_grad(eqx.combine(arrays, rest))(x))
        curved = eqx.filter_jit(lambda arrays, x, v: curvature_product(eqx.combine(arrays, rest), x, v))
        self._compute = lambda x: compiled(arrays, space.tree(x))
        self._curve = lambda x, v: curved(arrays, space.tree(x), space.tree(v))
        self._space, self._cap = space, cap
        self._last: tuple[np.ndarray, float, np.ndarray] | None = None
        self._position = 0  # in the journal
        self.journal: Journal | None = None
        self.count = self.iteration = 0

    @property
    def replaying(self) -> bool:
        """Whether the next evaluation stands in the journal."""
        return self.journal is not None and self._position < len(self.journal)

    @property
    def left(self) -> float:
        """What may still be spent."""
        return np.inf if self._cap is None else float(self._cap - self.count)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and flat gradient at `x`; repeating the last point is free.

        Args:
            x: Flat vector.

        Returns:
            Both, in float64.

        Raises:
            Exhausted: If none is left.
            FloatingPointError: If one is not finite.
            ValueError: If the journal is of another problem.
        """
        if self._last is None or not np.array_equal(self._last[0], x):
            self._spend(1)
            value, gradients = self._recorded(x, lambda: self._compute(x), "gradient")
            self._last = x.copy(), value, self._space.flat(gradients)
        return self._last[1], self._last[2]

    def product(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The Hessian at `x`, or its Gauss-Newton part, times `v`: see `curvature_product`.

        Args:
            x: Flat vector.
            v: Flat vector.

        Returns:
            The product, in float64.

        Raises:
            Exhausted: If none is left.
            FloatingPointError: If it is not finite.
            ValueError: If the journal is of another problem.
        """
        self._spend(2)
        _, products = self._recorded(np.concatenate([x, v]), lambda: (np.zeros(()), self._curve(x, v)), "Hessian product")
        return self._space.flat(products)

    def _spend(self, cost: int) -> None:
        if cost > self.left:
            raise Exhausted(f"the cap of {self._cap} evaluations is reached")
        self.count += cost

    def _recorded(self, point: np.ndarray, compute: Callable[[], Any], name: str) -> tuple[float, list[np.ndarray]]:
        """A value and one array per leaf at `point`, from the journal while it lasts, then by computation."""
        if self.replaying:
            assert self.journal is not None
            value, parts = self.journal.read(self._position, point)
            if self._position == 0:
                self._recognise(float(compute()[0]), value)
        else:
            value, tree = jax.device_get(compute())
            parts = jax.tree.leaves(tree)
            self._refuse_non_finite(value, parts, name)
            if self.journal is not None:
                self.journal.append(point, value, parts)
        self._position += 1
        return float(value), parts

    def _recognise(self, now: float, recorded: float) -> None:
        """The first value on file is computed anew, for the objective itself cannot be fingerprinted."""
        assert self.journal is not None
        if not np.isclose(now, recorded, rtol=np.sqrt(self._space.rounding), atol=0):
            raise ValueError(
                f"journal {self.journal.path} belongs to another objective: it has {recorded:.8g} at x0, not {now:.8g}. "
                "Repeat the call that wrote it, name another journal, or move the file away."
            )

    def _refuse_non_finite(self, value: Any, parts: list[np.ndarray], name: str) -> None:
        names = ["the value", *(f"the {name} with respect to `{leaf}`" for leaf in self._space.names)]
        for part_name, part in zip(names, [value, *parts], strict=True):
            if not np.isfinite(part).all():
                raise FloatingPointError(
                    f"{part_name} of the objective is not finite at evaluation {self.count}, iteration {self.iteration}. "
                    "Narrow the bounds, shorten `first_step`, or repair the objective."
                )
