"""Shots that take turns: a processor is as fast on few of them at a time, if they fill its cores, and holds less memory.

Every group of shots is marched by itself, and later reversed by itself. The states that its segments start from wait meanwhile;
histories are of one group at a time.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from adseis.timeloop.loop import Inputs, Nodes

ENOUGH = 4_000_000
"""Bytes of state that keep a processor as busy as more do."""


class Reversible(Protocol):
    """The march of some shots: without a gradient, with what its reversal needs, and reversed."""

    def plain(self, nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
        """The records, each `(time, shot, point)`."""
        ...

    def forward(self, nodes: Nodes, inputs: Inputs) -> tuple[dict[str, Array], Any]:
        """The records, and what is kept: the arguments and `starts`."""
        ...

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Inputs]:
        """The cotangents of the arguments."""
        ...


def turns_of(shots: int, each: int, platform: str | None = None) -> int:
    """Into how many groups shots are divided.

    Args:
        shots: How many there are; the result divides it.
        each: Bytes of the state of one of them.
        platform: Where they will be marched, "cpu" or "gpu"; by default where JAX computes by default.

    Returns:
        The number: on a processor as few as keep the state of a group within 4 MB, on any other device 1.
    """
    if (platform or _default_platform()) != "cpu":
        return 1
    return next((n for n in range(1, shots) if shots % n == 0 and shots // n * each <= ENOUGH), max(shots, 1))


def _default_platform() -> str:
    """Where JAX computes what is not placed: on `jax.default_device`, if that is set."""
    device = getattr(jax.config, "jax_default_device", None)
    if device is None:
        return jax.default_backend()
    return device if isinstance(device, str) else device.platform


class InTurn(NamedTuple):
    """A march whose shots take turns; it is a `Reversible` itself.

    Attributes:
        march: Of one group.
        turns: How many groups there are.
    """

    march: Reversible
    turns: int

    def plain(self, nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
        """Group by group."""
        if self.turns == 1:
            return self.march.plain(nodes, inputs)
        groups = self._groups(nodes, inputs)
        return _joined(lax.map(lambda group: self.march.plain(*_with(inputs, group)), groups), 1)

    def forward(self, nodes: Nodes, inputs: Inputs) -> tuple[dict[str, Array], Any]:
        """Group by group, each with its starts."""
        if self.turns == 1:
            return self.march.forward(nodes, inputs)

        def run(group: Any) -> tuple[dict[str, Array], Any]:
            records, (*_, starts) = self.march.forward(*_with(inputs, group))
            return records, starts

        records, starts = lax.map(run, self._groups(nodes, inputs))
        return _joined(records, 1), (nodes, inputs, starts)

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Inputs]:
        """Group by group, adding up the cotangents of what they share."""
        if self.turns == 1:
            return self.march.backward(kept, g_records)
        nodes, inputs, starts = kept

        def back(shared: Any, xs: Any) -> tuple[Any, Inputs]:
            group, starts, g_records = xs
            _, g = self.march.backward((*_with(inputs, group), starts), g_records)
            return jax.tree.map(jnp.add, shared, g.coefficients), g._replace(coefficients=None)

        xs = (self._groups(nodes, inputs), starts, self._cut(g_records, 1))
        shared, g = lax.scan(back, jax.tree.map(jnp.zeros_like, inputs.coefficients), xs)
        return None, Inputs(shared, _joined(g.samples, 1), _joined(g.sources, 0), _joined(g.receivers, 0))

    def _groups(self, nodes: Nodes, inputs: Inputs) -> tuple[Nodes, Inputs]:
        """What differs between shots."""
        weights = Inputs(None, self._cut(inputs.samples, 1), self._cut(inputs.sources, 0), self._cut(inputs.receivers, 0))
        return Nodes(self._cut(nodes.sources, 0), self._cut(nodes.receivers, 0)), weights

    def _cut(self, arrays: dict[str, Array], axis: int) -> dict[str, Array]:
        """Arrays whose axis counts shots, as groups: a new axis in front."""

        def cut(x: Array) -> Array:
            shape = (*x.shape[:axis], self.turns, x.shape[axis] // self.turns, *x.shape[axis + 1 :])
            return jnp.moveaxis(x.reshape(shape), axis, 0)

        return jax.tree.map(cut, arrays)


def _with(inputs: Inputs, group: tuple[Nodes, Inputs]) -> tuple[Nodes, Inputs]:
    """The arguments of a group."""
    nodes, weights = group
    return nodes, weights._replace(coefficients=inputs.coefficients)


def _joined(arrays: dict[str, Array], axis: int) -> dict[str, Array]:
    """Inverse of `_cut`."""

    def join(x: Array) -> Array:
        x = jnp.moveaxis(x, 0, axis)
        return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])

    return jax.tree.map(join, arrays)
