"""What an optimizer sees of a problem: one flat vector of float64 in its box, and an objective that is counted and recorded.

The objective sees the pytree that the user gave, in its own precision.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from adseis.inversion.gauss_newton import curvature_product
from adseis.inversion.journal import Journal, sha256


class Exhausted(Exception):
    """Raised when no evaluation is left; through SciPy, whose own cap is only looked at between iterations."""


class Space:
    """The pytree of the user, seen as one flat vector of float64, and the box it may move in.

    Attributes:
        names: Of the leaves.
        start: x0.
        low: Lower bounds.
        high: Upper bounds.
        magnitude: Largest value of a leaf of x0, the least of these over the leaves.
        rounding: Unit of the finest precision among the leaves.
    """

    def __init__(self, x0: PyTree, bounds: tuple[PyTree, PyTree] | None):
        """Flatten and check.

        Args:
            x0: Starting point.
            bounds: `(low, high)`, or None.

        Raises:
            ValueError: If `x0` is empty, not finite or outside its bounds, or a bound does not fit.
            TypeError: If a leaf is not real floating-point.
        """
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
        """Leaves, each rounded to its own precision, as one vector.

        Args:
            leaves: Arrays of the pytree.

        Returns:
            The vector.
        """
        return np.concatenate(
            [np.ravel(leaf).astype(dtype).astype(float) for leaf, dtype in zip(leaves, self._dtypes, strict=True)]
        )

    def tree(self, x: np.ndarray) -> PyTree:
        """The vector as the pytree of the user.

        Args:
            x: Flat vector.

        Returns:
            The pytree, in its own precision.
        """
        triples = zip(np.split(x, self._ends[:-1]), self._shapes, self._dtypes, strict=True)
        return jax.tree.unflatten(self._treedef, [jnp.asarray(part.reshape(shape), dtype) for part, shape, dtype in triples])

    def identity(self) -> dict[str, str]:
        """What a journal must agree on.

        Returns:
            Name -> text.
        """
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
