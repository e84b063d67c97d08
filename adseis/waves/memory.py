"""How much memory a gradient will take, before it is computed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.loop import Inputs, Loop, Nodes, Outputs
from adseis.timeloop.schedule import Schedule, Sizes


class MemoryEstimate(NamedTuple):
    """What a gradient holds on each device; print it.

    Attributes:
        sizes: Bytes of a state, of what is kept of a step, and of the rest.
        schedule: Segments and their length.
    """

    sizes: Sizes
    schedule: Schedule

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.schedule.bytes(self.sizes)

    def __str__(self) -> str:
        starts = self.sizes.state * self.schedule.states(self.sizes)
        history, kept = self.bytes - self.sizes.working - starts, self.schedule.kept
        cut = " x ".join(map(str, self.schedule.segments))
        return (
            f"gradient: {_text(self.bytes)} per device: {_text(starts)} of states ({cut} segments), {_text(history)} of history "
            f"({self.schedule.blocks} steps), {_text(self.sizes.working)} for the sweep itself; "
            f"{'one forward run' if kept else f'{1 + len(self.schedule.segments)} forward runs'} and one reverse"
        )


def estimate_memory(
    simulate: Callable[..., Any],
    medium: Any,
    survey: Any,
    grid: Any,
    *,
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008 - an immutable setting
    **options: Any,
) -> MemoryEstimate:
    """The memory of a gradient: states, history and the sweep itself (gathers are not counted).

    The simulation is traced, not run: whatever its equation and options, what is counted is what it would hold.

    Args:
        simulate: `ads.simulate_scalar` or one of its siblings.
        medium: As for `simulate`; only shapes and types matter.
        survey: As there; shots that are spread over devices are counted on one of them.
        grid: As there.
        adjoint: The adjoint to estimate.
        options: Other options of `simulate`.

    Returns:
        The estimate; `.bytes` is the sum, `print` shows what it is made of.

    Raises:
        ValueError: If `adjoint.memory` holds no gradient, or as `simulate` does.
        TypeError: If `simulate` does not take the medium or the source.

    Example:
        >>> grid = ads.Grid(shape=(80, 90), spacing=10.0, dt=1e-3, nt=1000)
        >>> medium = ads.ScalarMedium(np.full(grid.shape, 2000.0, "float32"))
        >>> survey = ads.Survey(ads.Explosion([[[400.0, 450.0]]], np.ones(grid.nt, "float32")), [[20.0, 30.0]])
        >>> print(ads.estimate_memory(ads.simulate_scalar, medium, survey, grid))
        gradient: ...
    """
    asked = _Asked(adjoint)
    jax.eval_shape(lambda medium: simulate(medium, survey, grid, adjoint=_Counting(asked), **options), medium)
    return asked.found[-1]


class _Asked:
    """What is to be estimated, and what was found. Known to JAX by its identity, so that it is traced by itself."""

    def __init__(self, adjoint: Adjoint) -> None:
        self.adjoint = adjoint
        self.found: list[MemoryEstimate] = []


class _Counting(Adjoint):
    """An adjoint that notes what another one would hold."""

    asked: _Asked

    def march(self, loop: Loop, nodes: Nodes, inputs: Inputs) -> Outputs:
        """That of the other, noted."""
        shots = next(iter(nodes.receivers.values())).shape[0]
        sizes = self.sizes(loop, inputs.coefficients, shots)
        self.asked.found.append(MemoryEstimate(sizes, self.asked.adjoint.schedule(loop, sizes)))
        return self.asked.adjoint.march(loop, nodes, inputs)

    def sizes(self, loop: Loop, coefficients: Any, shots: int) -> Sizes:
        """Those of the other."""
        return self.asked.adjoint.sizes(loop, coefficients, shots)


def _text(size: int) -> str:
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"
