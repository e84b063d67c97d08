"""March a state through time, and differentiate the march.

Three things meet here and never look inside each other:

- the *equation* (an `Equation`): how one step turns a state into the next;
- the *time loop* (`march`): inject sources, step, record receivers, `nt` times;
- the *adjoint strategy* (`ReverseSweep` or `AutoDiff`): how the loop is differentiated within bounded memory.

The loop only sees arrays: coefficients, injected samples and interpolation weights. How vp becomes a coefficient or a
position becomes weights is plain JAX before the loop, differentiated by JAX.
"""

import equinox as eqx
import jax
from jax import lax
from jaxtyping import Array, PyTree

from adseis.equation import Equation, Injection, Points, Probe, State, SweptEquation
from adseis.loop import Inputs, Loop, Nodes, Outputs, advance
from adseis.schedule import bytes_of, schedule, unfold
from adseis.sweep import Storage, Weights, generic_sizes, generic_sweep, swept


class AutoDiff(eqx.Module):
    """Plain JAX differentiation of a checkpointed scan: the reference, and the way to `jax.jvp` (Born modelling).

    Attributes:
        segment: Steps between stored states (default: about sqrt(nt)).
    """

    segment: int | None = eqx.field(default=None, static=True)


class ReverseSweep(eqx.Module):
    """The reverse sweep: store a few states, recompute the segments between them backwards.

    By default the gradient is exact: the derivative of the discrete forward, to rounding. Equations that define a reverse step
    use it; any other, and a simulation with a `probe`, is swept by `jax.vjp` of its step (and ignores `store` and `every`).

    Attributes:
        segment: Steps whose states are held at a time (default: what makes the memory smallest).
        levels: Levels of segments (default: 1, or as few as `memory` allows). L levels hold about nt^(1 / (L + 1)) states, and
            compute the forward L times more. Exact.
        store: Precision in which the states of a segment are held. None, that of the fields, is exact; so is "float32" for
            float32 fields. "bfloat16" halves that memory and rounds what the adjoint is correlated with to three digits.
        every: Steps from one that is correlated to the next. 1 is exact; k holds 2/k of the states of a segment, saves time, and
            samples the time integral of the medium's gradient at k dt. Gradients by sources and positions stay exact.
        memory: Budget for a gradient, bytes or text like "2 GB", on each device; chooses `levels`.

    Raises:
        ValueError: If a setting is out of range, or (in a simulation) nothing fits into `memory`.
    """

    segment: int | None = eqx.field(default=None, static=True)
    levels: int | None = eqx.field(default=None, static=True)
    store: str | None = eqx.field(default=None, static=True)
    every: int = eqx.field(default=1, static=True)
    memory: float | int | str | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        for name in ("segment", "levels", "every"):
            value = getattr(self, name)
            if value is not None and (int(value) != value or value < 1):
                raise ValueError(f"`{name}` = {value} must be a whole number, at least 1.")
        if self.store not in (None, "float32", "bfloat16"):
            raise ValueError(f'`store` = {self.store!r} must be None (as computed), "float32" or "bfloat16".')
        if self.memory is not None:
            bytes_of(self.memory)

    @property
    def storage(self) -> Storage:
        """The settings, as the sweep takes them."""
        memory = None if self.memory is None else bytes_of(self.memory)
        return Storage(self.segment, self.levels, self.store, self.every, memory)


Strategy = AutoDiff | ReverseSweep


def march(
    equation: Equation,
    coefficients: PyTree,
    injections: dict[str, Injection],
    recordings: dict[str, Points],
    nt: int,
    *,
    adjoint: Strategy = ReverseSweep(),  # noqa: B008 - an immutable setting
    probe: Probe | None = None,
    probe_every: int = 1,
) -> tuple[dict[str, Array], PyTree]:
    """March `nt` steps from rest.

    Args:
        equation: The physics.
        coefficients: Whatever arrays `equation.step` takes (differentiable).
        injections: Sources of each field (weights and samples are differentiable).
        recordings: Receivers of each field (weights are differentiable); at least one, possibly with no points.
        nt: Number of steps.
        adjoint: How the loop is differentiated.
        probe: Called with the fields before step 0, k, 2k, ...; what it returns is stacked over these instants.
        probe_every: The k of `probe`.

    Returns:
        For each recorded field the values right after every step, `(time, shot, point)`, and the stacked probes (None
        without a probe).
    """
    nodes = Nodes({k: v.points.nodes for k, v in injections.items()}, {k: v.nodes for k, v in recordings.items()})
    loop = Loop(equation, nt)
    samples = {k: v.samples for k, v in injections.items()}
    sources = {k: v.points.weights for k, v in injections.items()}
    receivers = {k: v.weights for k, v in recordings.items()}
    if probe is None and isinstance(adjoint, ReverseSweep) and isinstance(equation, SweptEquation):
        return swept(equation, loop, adjoint.storage, nodes, Weights(coefficients, samples, sources, receivers)), None

    constants = None
    if probe is not None:
        state = jax.eval_shape(lambda: loop.start(nodes, coefficients))
        fields = jax.eval_shape(equation.snapshot, state, state)
        # Arrays that the probe closes over become arguments, so that they too are differentiated.
        closed = eqx.filter_closure_convert(probe, fields)
        constants, rest = eqx.partition(closed, eqx.is_inexact_array)
        integers, static = eqx.partition(rest, eqx.is_array)
        nodes, loop = nodes._replace(probe=integers), loop._replace(probe=static, every=probe_every)
    inputs = Inputs(coefficients, samples, loop.amplitudes(nodes, coefficients, sources), receivers, constants)
    if isinstance(adjoint, AutoDiff):
        return _checkpointed(loop, adjoint.segment, nodes, inputs)
    return generic_sweep(loop, adjoint.storage, nodes, inputs)


def _checkpointed(loop: Loop, segment: int | None, nodes: Nodes, inputs: Inputs) -> Outputs:
    """The march as nested scans, whose inner one is recomputed by JAX when differentiated."""
    plan = schedule(loop.nt, loop.every, generic_sizes(loop, nodes, inputs), segment=segment)

    @jax.checkpoint
    def body(state: State, samples: dict[str, Array]) -> tuple[State, Outputs]:
        return advance(loop, plan, plan.segments[1:], nodes, inputs, state, samples)

    start = loop.start(nodes, inputs.coefficients)
    _, (records, probed) = lax.scan(body, start, plan.fold(inputs.samples), length=plan.segments[0])
    return unfold(records, 3, loop.nt), unfold(probed, 2, -(-loop.nt // plan.steps))
