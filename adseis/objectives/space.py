"""Unknowns as one flat vector of float64 in its box: what optimizers and tests of gradients see of a pytree."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from adseis.files import sha256


class Space:
    """The pytree of the user, seen as one flat vector of float64, and the box it may move in.

    Attributes:
        name: Of the pytree.
        names: Of its leaves.
        leaves: Its arrays, in the precision in which JAX will have them.
        start: x0.
        low: Lower bounds.
        high: Upper bounds.
        magnitude: Largest value of a leaf of x0, the least of these over the leaves.
        rounding: Unit of the finest precision among the leaves.
    """

    def __init__(self, x0: PyTree, bounds: tuple[PyTree, PyTree] | None = None, *, name: str = "x0"):
        """Flatten and check.

        Args:
            x0: Starting point.
            bounds: `(low, high)`, or None.
            name: What messages call it.

        Raises:
            ValueError: If `x0` is empty, not finite or outside its bounds, or a bound does not fit.
            TypeError: If a leaf is not real floating-point.
        """
        paths, self._treedef = jax.tree_util.tree_flatten_with_path(x0)
        self.name, self.names = name, [name + jax.tree_util.keystr(path) for path, _ in paths]
        leaves = [np.asarray(leaf) for _, leaf in paths]
        for leaf_name, leaf in zip(self.names, leaves, strict=True):
            if not np.issubdtype(leaf.dtype, np.floating):
                raise TypeError(f"`{leaf_name}` has type {leaf.dtype}; the unknowns must be real floating-point numbers.")
        if not sum(leaf.size for leaf in leaves):
            raise ValueError(f"`{name}` holds no numbers: there are no unknowns.")
        self._shapes = [leaf.shape for leaf in leaves]
        self._ends = np.cumsum([leaf.size for leaf in leaves])
        self._dtypes = [jnp.asarray(leaf).dtype for leaf in leaves]
        self.leaves = [leaf.astype(dtype) for leaf, dtype in zip(leaves, self._dtypes, strict=True)]
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
        parts = np.split(x, self._ends[:-1])
        return self.rebuilt([part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)])

    def rebuilt(self, leaves: Sequence[np.ndarray]) -> PyTree:
        """Arrays as the pytree of the user.

        Args:
            leaves: One for each leaf, of its shape.

        Returns:
            The pytree, in its own precision.
        """
        pairs = zip(leaves, self._dtypes, strict=True)
        return jax.tree.unflatten(self._treedef, [jnp.asarray(np.asarray(leaf, dtype)) for leaf, dtype in pairs])

    def spread(self, values: PyTree, what: str) -> list[Any]:
        """A pytree like that of the user, or a prefix of it, or one number for all: what every leaf has of it.

        Args:
            values: Numbers or arrays.
            what: What messages call them.

        Returns:
            One for each leaf.

        Raises:
            ValueError: If it is none of these.
        """
        try:
            numbers = jax.tree.unflatten(self._treedef, self._ends)  # a tree like the user's, whatever its leaves
            return jax.tree.leaves(jax.tree.broadcast(values, numbers))
        except ValueError as error:
            raise ValueError(f"{what} must be a number or a pytree like `{self.name}`: {error}") from error

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
        leaves = self.spread(unbounded if bound is None else bound, f"the {side} bound")
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
