"""Which states a reverse sweep stores: nt steps cut into nested segments, within a memory budget.

A sweep over L levels of segments stores the states that the outermost segments start from. Going back, it marches through the
last of them to find where its own segments start, and so on; the states of an innermost segment are kept one by one (its
*history*). With S the bytes of a state and T those of what is kept of it, n_1 ... n_L segments and a history of m steps hold

    S (n_1 + ... + n_L) + T m,    n_1 ... n_L m >= nt,

which is least where all terms are equal: it grows as nt^(1 / (L + 1)), while the forward is computed L times more. Without any
level, L = 0, the history of all steps is kept as they are marched.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

_DEEPEST = 8  # more levels save nothing up to 10^8 steps
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Sizes(NamedTuple):
    """What a sweep holds, in bytes.

    Attributes:
        state: All that the march carries: stored once per segment.
        trace: What is kept of one block of steps of an innermost segment.
        working: What is there whatever the schedule: coefficients, the marching state, the adjoint and its sums.
        turns: Marches before any is reversed, each of which keeps the states that its outermost segments start from.
    """

    state: int
    trace: int
    working: int
    turns: int = 1


class Schedule(NamedTuple):
    """prod(segments) x blocks x steps >= nt; the last steps are silent.

    Attributes:
        segments: How many segments each level cuts a segment of the level above into, outermost first.
        blocks: Blocks in an innermost segment.
        steps: Steps in a block.
        kept: Whether there is one segment, whose history is kept as it is marched: nothing is computed again.
    """

    segments: tuple[int, ...]
    blocks: int
    steps: int
    kept: bool = False

    @property
    def total(self) -> int:
        """Blocks in all, silent ones included."""
        return math.prod(self.segments) * self.blocks

    def bytes(self, sizes: Sizes) -> int:
        """Bytes held at once by a sweep."""
        histories = self.states(sizes) if self.kept else 1
        return sizes.working + sizes.state * self.states(sizes) + sizes.trace * self.blocks * histories

    def states(self, sizes: Sizes) -> int:
        """States held at once; those of the group whose turn it is twice, for XLA copies them."""
        return (sizes.turns + (sizes.turns > 1)) * self.segments[0] + sum(self.segments[1:])

    def fold(self, x: PyTree) -> PyTree:
        """(time, ...) -> (*segments, block, step, ...)."""
        shape = (*self.segments, self.blocks, self.steps)
        return jax.tree.map(lambda a: _filled(a, self.total * self.steps).reshape(*shape, *a.shape[1:]), x)

    def fold_blocks(self, x: PyTree) -> PyTree:
        """(block, ...) -> (*segments, block, ...)."""
        shape = (*self.segments, self.blocks)
        return jax.tree.map(lambda a: _filled(a, self.total).reshape(*shape, *a.shape[1:]), x)


def unfold(x: PyTree, axes: int, length: int) -> PyTree:
    """The first `axes` axes as one, without what was filled up.

    Args:
        x: Arrays whose first axes are segments, blocks or steps, outermost first.
        axes: How many they are.
        length: How many steps (or blocks) there really are.

    Returns:
        (time, ...) or (block, ...).
    """
    return jax.tree.map(lambda a: a.reshape(math.prod(a.shape[:axes]), *a.shape[axes:])[:length], x)


def cut_time(
    nt: int,
    steps: int,
    sizes: Sizes,
    *,
    segment: int | None = None,
    levels: int | None = None,
    memory: float | None = None,
    multiple: int = 1,
    keep: bool = False,
) -> Schedule:
    """The schedule that holds least, or the fastest one within a budget.

    Args:
        nt: Steps.
        steps: Steps in a block.
        sizes: What is held.
        segment: Steps of an innermost segment (default: what holds least).
        levels: Levels of segments (default: 1, or as few as the budget allows).
        memory: Budget [bytes], or None.
        multiple: What the number of blocks in an innermost segment must be a multiple of.
        keep: Whether a history can be kept as it is marched, which is no level at all.

    Returns:
        The schedule.

    Raises:
        ValueError: If nothing fits into the budget, or `levels` = 0 is asked for where it cannot be had.
    """
    if levels == 0 and not (keep and segment is None):
        why = "needs an equation with a reverse step, and no `probe`" if segment is None else f"has no `segment` = {segment}"
        raise ValueError(f"`levels` = 0 of ReverseSweep {why}: use 1 or more.")
    if memory is None:
        return _cut(nt, steps, sizes, segment, 1 if levels is None else levels, multiple)
    least = 0 if keep and segment is None else 1
    tried = [_cut(nt, steps, sizes, segment, n, multiple) for n in (range(least, _DEEPEST + 1) if levels is None else [levels])]
    fitting = [s for s in tried if s.bytes(sizes) <= memory]
    if not fitting:
        least = min(s.bytes(sizes) for s in tried)
        free = [name for name, value in (("segment", segment), ("levels", levels)) if value is not None]
        repair = f"leave out `{free[0]}`" if free else 'simulate fewer shots at a time, store="bfloat16", or more devices'
        raise ValueError(
            f"`memory` = {memory / 1e9:.3g} GB does not hold this gradient: the least is {least / 1e9:.3g} GB, of which "
            f"{sizes.working / 1e9:.3g} GB do not depend on nt. Allow more, or {repair}."
        )
    return fitting[0]


def bytes_of(memory: float | int | str) -> float:
    """A budget as a number.

    Args:
        memory: Bytes, or text like "2 GB", "500 MB", "1.5 GiB".

    Returns:
        Bytes.

    Raises:
        ValueError: If it is not understood, or not positive.
    """
    if isinstance(memory, str):
        number = memory.rstrip("BkMGTi").strip()
        unit = memory.strip()[len(number) :].strip()
        try:
            value = float(number) * _UNITS[unit or "B"]
        except (KeyError, ValueError):
            raise ValueError(
                f'`memory` = {memory!r} is no size; write bytes, or text like "500 MB", "2 GB", "1.5 GiB".'
            ) from None
    else:
        value = float(memory)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f'`memory` = {memory!r} must be positive; write bytes, or text like "2 GB".')
    return value


def _cut(nt: int, steps: int, sizes: Sizes, segment: int | None, levels: int, multiple: int) -> Schedule:
    total = math.ceil(nt / steps)
    if levels == 0:
        return Schedule((1,), math.ceil(total / multiple) * multiple, steps, kept=True)
    state, trace, turns = max(sizes.state, 1), max(sizes.trace, 1), sizes.turns
    # All terms of the sum equal: n = x / state at every level (of all turns at the outermost), m = x / trace, and the product of
    # the n and m is the number of blocks.
    length = segment / steps if segment else (total * turns * state**levels * trace) ** (1 / (levels + 1)) / trace
    length = min(max(1, round(length / multiple)) * multiple, math.ceil(total / multiple) * multiple)
    segments, left = [], math.ceil(total / length)
    for level in range(levels, 0, -1):
        shared = left if segments else left / turns ** (levels - 1)
        segments.append(math.ceil(round(shared ** (1 / level), 9)))
        left = math.ceil(left / segments[-1])
    if segment is None:  # even out, so that few silent steps fill up the last segment
        length = math.ceil(math.ceil(total / math.prod(segments)) / multiple) * multiple
    return Schedule(tuple(segments), length, steps)


def _filled(a: Array, length: int) -> Array:
    return jnp.pad(a, [(0, length - a.shape[0])] + [(0, 0)] * (a.ndim - 1))


def size_of(tree: PyTree) -> int:
    """Bytes of all arrays of a tree (of arrays or their shapes)."""
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))
