"""How much memory a gradient will take, before it is computed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from adseis.loop import Loop
from adseis.parallel.devices import domains_of
from adseis.schedule import Schedule, Sizes
from adseis.sweep import swept_sizes
from adseis.timeloop import ReverseSweep
from adseis.waves.acoustic import Acoustic
from adseis.waves.boundary import Boundary
from adseis.waves.cpml import CPML
from adseis.waves.elastic import Elastic
from adseis.waves.grid import Grid
from adseis.waves.medium import AcousticMedium, ElasticMedium, Medium, ScalarMedium
from adseis.waves.scalar import Scalar
from adseis.waves.survey import Survey

_EQUATIONS = {ScalarMedium: Scalar, AcousticMedium: Acoustic, ElasticMedium: Elastic}


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
        starts, history = self.sizes.state * self.schedule.states(self.sizes), self.sizes.trace * self.schedule.blocks
        cut = " x ".join(map(str, self.schedule.segments))
        return (
            f"gradient: {_text(self.bytes)} per device: {_text(starts)} of states ({cut} segments), {_text(history)} of history "
            f"({self.schedule.blocks} steps), {_text(self.sizes.working)} for the sweep itself; "
            f"{1 + len(self.schedule.segments)} forward runs and one reverse"
        )


def estimate_memory(
    medium: Medium,
    survey: Survey,
    grid: Grid,
    *,
    boundary: Boundary = CPML(),  # noqa: B008 - an immutable setting
    free_surface: bool = False,
    order: int = 4,
    adjoint: ReverseSweep = ReverseSweep(),  # noqa: B008
) -> MemoryEstimate:
    """The memory of a gradient by the reverse sweep: states, history and the sweep itself (gathers are not counted).

    Args:
        medium: As for `simulate_scalar` or `simulate_acoustic`.
        survey: As there; shots that are spread over devices are counted on one of them.
        grid: As there.
        boundary: As there.
        free_surface: As there.
        order: As there.
        adjoint: The sweep to estimate.

    Returns:
        The estimate; `.bytes` is the sum, `print` shows what it is made of.

    Raises:
        TypeError: If there is no equation for the medium.
        ValueError: If `adjoint.memory` holds no gradient, or shapes disagree.
    """
    equations = [equation for kind, equation in _EQUATIONS.items() if isinstance(medium, kind)]
    if not equations:
        raise TypeError(f"`medium` is a {type(medium).__name__}; estimates exist for {[k.__name__ for k in _EQUATIONS]}.")
    extended = boundary.extend(grid, order, free_surface).divided(domains_of(survey.devices))
    whole, equation = (equations[0](e, boundary) for e in (extended.whole, extended))
    dtype = jnp.result_type(*(x.dtype for x in jax.tree.leaves(medium)))
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, dtype), medium)
    coefficients = jax.eval_shape(whole.coefficients, shapes)
    coefficients = jax.tree.map(lambda x: jax.ShapeDtypeStruct((1, *extended.haloed), x.dtype), coefficients)
    shots = survey.emissions(grid)[0].position.shape[0]
    if survey.devices is not None:
        shots = -(-shots // survey.devices.shape["shot"])
    sizes = swept_sizes(equation, adjoint.storage, coefficients, shots)
    return MemoryEstimate(sizes, adjoint.storage.sweep_schedule(equation, Loop(equation, grid.nt), sizes))


def _text(size: int) -> str:
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"
