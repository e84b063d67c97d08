"""What a reverse sweep stores: settings, the schedule that follows from them, and the history of a segment."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from adseis.timeloop.loop import Loop
from adseis.timeloop.schedule import Schedule, Sizes, cut_time


class Storage(NamedTuple):
    """What a sweep stores.

    Attributes:
        segment: Steps of an innermost segment, or None.
        levels: Levels of segments, or None.
        dtype: Precision of an innermost segment's history, or None for that of the fields.
        stride: Steps from one that is kept of a history to the next.
        memory: Budget [bytes], or None.
        turns: Groups of shots, or None.
    """

    segment: int | None = None
    levels: int | None = None
    dtype: str | None = None
    stride: int = 1
    memory: float | None = None
    turns: int | None = None

    def schedule(self, loop: Loop, sizes: Sizes, *, bodies: bool = False) -> Schedule:
        """The schedule of a loop.

        Args:
            loop: Which.
            sizes: What is held.
            bodies: Whether segments are whole bodies of the compiled loop, as the sweep of a `SweptEquation` wants them.

        Returns:
            The schedule.

        Raises:
            ValueError: If nothing fits into the budget.
        """
        multiple = math.lcm(loop.equation.unroll, self.stride) if bodies else 1
        choice = {"segment": self.segment, "levels": self.levels, "memory": self.memory}
        return cut_time(loop.nt, loop.stride, sizes, multiple=multiple, keep=bodies, **choice)


class History(NamedTuple):
    """The layout of a segment's history: the states around every step, or around every `stride`-th, in groups of that many steps.

    Around every step, the state after one is the state before the next, and held once.

    Attributes:
        groups: How many.
        stride: Steps of a group.
        dtype: Precision, or None for that of the fields.
    """

    groups: int
    stride: int
    dtype: str | None

    def blank(self, kept: PyTree) -> PyTree:
        """An empty history.

        Args:
            kept: What is remembered of a state, or its shape.

        Returns:
            Zeros.
        """
        shape = (self.groups + 1,) if self.stride == 1 else (self.groups, 2)
        return jax.tree.map(lambda x: jnp.zeros((*shape, *x.shape), self.dtype or x.dtype), kept)

    def with_before(self, history: PyTree, group: Array | int, kept: PyTree) -> PyTree:
        """The history with what is remembered of the state that a group starts from."""
        return _store(history, kept, (group,) if self.stride == 1 else (group, 0))

    def with_after(self, history: PyTree, group: Array | int, kept: PyTree) -> PyTree:
        """The history with what is remembered of the state after a group's first step, unless the next group starts from it."""
        return history if self.stride == 1 else _store(history, kept, (group, 1))

    def with_end(self, history: PyTree, kept: PyTree) -> PyTree:
        """The history with what is remembered of the segment's last state, if it is around a step that is kept."""
        return _store(history, kept, (self.groups,)) if self.stride == 1 else history

    def around(self, history: PyTree, group: Array, dtype: jnp.dtype) -> tuple[PyTree, PyTree]:
        """What is remembered of the states before and after a group's first step, in a precision."""
        ends = ((group,), (group + 1,)) if self.stride == 1 else ((group, 0), (group, 1))
        before, after = (_load(history, at, dtype) for at in ends)
        return before, after


def _store(history: PyTree, kept: PyTree, at: tuple) -> PyTree:
    def put(h: Array, x: Array) -> Array:
        return lax.dynamic_update_slice(h, x.astype(h.dtype)[(None,) * len(at)], (*at, *(0,) * x.ndim))

    return jax.tree.map(put, history, kept)


def _load(history: PyTree, at: tuple, dtype: jnp.dtype) -> PyTree:
    def take(h: Array) -> Array:
        rest = h.shape[len(at) :]
        return lax.dynamic_slice(h, (*at, *(0,) * len(rest)), ((1,) * len(at)) + rest).reshape(rest).astype(dtype)

    return jax.tree.map(take, history)
