"""Shots that take turns: a processor is as fast on few of them at a time, if they fill its cores, and holds less memory.

Every group of shots is marched by itself, and later reversed by itself. The states that its segments start from wait meanwhile;
histories are of one group at a time.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from adseis.loop import Nodes, Weights

_ENOUGH = 4_000_000  # bytes of state that keep a processor as busy as more do


class Reversible(Protocol):
    """The march of some shots: without a gradient, with what its reversal needs, and reversed."""

    def plain(self, nodes: Nodes, given: Weights) -> dict[str, Array]:
        """The records, each `(time, shot, point)`."""
        ...

    def forward(self, nodes: Nodes, given: Weights) -> tuple[dict[str, Array], Any]:
        """The records, and what is kept: the arguments and `starts`."""
        ...

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Weights]:
        """The cotangents of the arguments."""
        ...


def turns_of(shots: int, each: int) -> int:
    """Into how many groups shots are divided.

    Args:
        shots: How many there are; the result divides it.
        each: Bytes of the state of one of them.

    Returns:
        The number: on a processor as few as keep the state of a group within 4 MB, on any other device 1.
    """
    if jax.default_backend() != "cpu":
        return 1
    return next((n for n in range(1, shots) if shots % n == 0 and shots // n * each <= _ENOUGH), max(shots, 1))


class InTurn(NamedTuple):
    """A march whose shots take turns; it is a `Reversible` itself.

    Attributes:
        march: Of one group.
        turns: How many groups there are.
    """

    march: Reversible
    turns: int

    def plain(self, nodes: Nodes, given: Weights) -> dict[str, Array]:
        """Group by group."""
        if self.turns == 1:
            return self.march.plain(nodes, given)
        groups = self._groups(nodes, given)
        return _joined(lax.map(lambda group: self.march.plain(*_with(given, group)), groups), 1)

    def forward(self, nodes: Nodes, given: Weights) -> tuple[dict[str, Array], Any]:
        """Group by group, each with its starts."""
        if self.turns == 1:
            return self.march.forward(nodes, given)

        def run(group: Any) -> tuple[dict[str, Array], Any]:
            records, (*_, starts) = self.march.forward(*_with(given, group))
            return records, starts

        records, starts = lax.map(run, self._groups(nodes, given))
        return _joined(records, 1), (nodes, given, starts)

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Weights]:
        """Group by group, adding up the cotangents of what they share."""
        if self.turns == 1:
            return self.march.backward(kept, g_records)
        nodes, given, starts = kept

        def back(shared: Any, xs: Any) -> tuple[Any, Weights]:
            group, starts, g_records = xs
            _, g = self.march.backward((*_with(given, group), starts), g_records)
            return jax.tree.map(jnp.add, shared, g.coefficients), g._replace(coefficients=None)

        xs = (self._groups(nodes, given), starts, self._cut(g_records, 1))
        shared, g = lax.scan(back, jax.tree.map(jnp.zeros_like, given.coefficients), xs)
        return None, Weights(shared, _joined(g.samples, 1), _joined(g.sources, 0), _joined(g.receivers, 0))

    def _groups(self, nodes: Nodes, given: Weights) -> tuple[Nodes, Weights]:
        """What differs between shots."""
        weights = Weights(None, self._cut(given.samples, 1), self._cut(given.sources, 0), self._cut(given.receivers, 0))
        return Nodes(self._cut(nodes.sources, 0), self._cut(nodes.receivers, 0)), weights

    def _cut(self, arrays: dict[str, Array], axis: int) -> dict[str, Array]:
        """Arrays whose axis counts shots, as groups: a new axis in front."""

        def cut(x: Array) -> Array:
            shape = (*x.shape[:axis], self.turns, x.shape[axis] // self.turns, *x.shape[axis + 1 :])
            return jnp.moveaxis(x.reshape(shape), axis, 0)

        return jax.tree.map(cut, arrays)


def _with(given: Weights, group: tuple[Nodes, Weights]) -> tuple[Nodes, Weights]:
    """The arguments of a group."""
    nodes, weights = group
    return nodes, weights._replace(coefficients=given.coefficients)


def _joined(arrays: dict[str, Array], axis: int) -> dict[str, Array]:
    """Inverse of `_cut`."""

    def join(x: Array) -> Array:
        x = jnp.moveaxis(x, 0, axis)
        return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])

    return jax.tree.map(join, arrays)
