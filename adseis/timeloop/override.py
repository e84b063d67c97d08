"""Differentiate every simulation inside a piece of code with an adjoint other than the one it asks for.

A function that was compiled before knows nothing of a Python variable set later. The override is therefore a context of JAX
itself (`jax.make_user_context`), part of the key of every cache of traces: within it, compiled functions are traced anew.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from adseis.timeloop.adjoints import Adjoint


class AdjointOverride:
    """What is used instead, and how often it was.

    It is known to JAX by its identity, so that each override is traced by itself and its count is its own.

    Attributes:
        adjoint: The strategy that simulations are given.
        watching: Whether simulations are to tell of records that grow.
        simulations: How many were met so far: run, or traced.
        growing: Whether records of one of them grew after its sources had ended.
    """

    def __init__(self, adjoint: Adjoint, *, watching: bool = False) -> None:
        self.adjoint, self.watching = adjoint, watching
        self.simulations = 0
        self.growing = False

    def note_growth(self, grows: Any) -> None:
        """Take note of what a simulation recorded.

        Args:
            grows: Whether its records grow; of several in a batch an array.
        """
        self.growing |= bool(np.any(grows))


_CURRENT = jax.make_user_context(default_value=None)


@contextlib.contextmanager
def adjoint_override(adjoint: Adjoint, *, watching: bool = False) -> Iterator[AdjointOverride]:
    """Give every simulation within the context this adjoint, compiled functions around it included.

    What cannot be traced anew is not reached: a jaxpr or an executable that is called as such.

    Args:
        adjoint: `ads.AutoDiff()` or `ads.ReverseSweep()`.
        watching: Whether they are to tell of records that grow, see `AdjointOverride.growing`.

    Yields:
        The override, whose `simulations` tells whether it reached any.
    """
    override = AdjointOverride(adjoint, watching=watching)
    with _CURRENT(override):
        yield override


def current_override() -> AdjointOverride | None:
    """The override that simulations are within now.

    Returns:
        That, or None.
    """
    return _CURRENT.value


def current_adjoint(asked: Adjoint) -> Adjoint:
    """The adjoint that a simulation is to use now.

    Args:
        asked: The one in its options.

    Returns:
        That, or the one of the override.
    """
    override = _CURRENT.value
    if override is None:
        return asked
    override.simulations += 1
    return override.adjoint
