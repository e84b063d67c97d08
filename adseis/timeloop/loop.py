"""The loop itself: inject, step, record, step by step and block by block.

Adjoints (`adseis.timeloop.adjoints`) are built from it. It only sees arrays: coefficients, injected samples and weights.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from adseis.timeloop.equation import Equation, State
from adseis.timeloop.schedule import Schedule, unfold

Outputs = tuple[dict[str, Array], PyTree]  # records, probed
SegmentBack = Callable[[PyTree, State, PyTree], tuple[PyTree, PyTree]]


class Nodes(NamedTuple):
    """The integer arrays of a march: nothing is differentiated by them."""

    sources: dict[str, Array]
    receivers: dict[str, Array]
    probe: PyTree = None


class Inputs(NamedTuple):
    """All that a march is differentiated by.

    Attributes:
        coefficients: Of the equation.
        samples: What is injected, `(time, shot, point)` per field.
        sources: Weight of every source tap; `Loop.amplified` multiplies it by the field's gain, as `Loop.step` wants it.
        receivers: Weight of every receiver tap.
        probe: Arrays that the probe closes over, or None.
    """

    coefficients: PyTree
    samples: dict[str, Array]
    sources: dict[str, Array]
    receivers: dict[str, Array]
    probe: PyTree = None


class Loop(NamedTuple):
    """The static part of a march. Time is cut into blocks: one step each, or `stride` steps from probe to probe.

    Attributes:
        equation: The physics.
        nt: Number of steps.
        probe: The static part of the probe, or None.
        stride: Steps of a block.
        platform: Where it will run, or None for where JAX computes by default.
    """

    equation: Equation
    nt: int
    probe: PyTree = None
    stride: int = 1
    platform: str | None = None

    def start(self, nodes: Nodes, coefficients: PyTree) -> State:
        """The state at rest."""
        shots = next(iter(nodes.receivers.values())).shape[0]
        return self.equation.initial_state(shots, jnp.result_type(*jax.tree.leaves(coefficients)))

    def amplitudes(self, nodes: dict[str, Array], coefficients: PyTree, weights: dict[str, Array]) -> dict[str, Array]:
        """gain * weight of every tap of sources, or of receivers."""
        gain = self.equation.injection_gain(coefficients)
        return {k: gain[k].reshape(-1)[nodes[k]] * w if k in gain else w for k, w in weights.items()}

    def amplified(self, nodes: Nodes, inputs: Inputs) -> Inputs:
        """The inputs with the weights of source taps multiplied by the gains of their fields."""
        return inputs._replace(sources=self.amplitudes(nodes.sources, inputs.coefficients, inputs.sources))

    def step(self, nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array]) -> tuple[State, dict[str, Array]]:
        """One step with its sources; also the value of the recorded fields at every receiver tap."""

        def inject(name: str, field: Array) -> Array:
            if name not in samples:
                return field
            return scatter(field, nodes.sources[name], inputs.sources[name] * samples[name][:, :, None])

        state = self.equation.step(inputs.coefficients, state, inject)
        return state, {k: gather(state.fields[k], v) for k, v in nodes.receivers.items()}

    def block(self, nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array]) -> tuple[State, Outputs]:
        """`stride` steps, recorded, and the probe of the state they start from; samples are `(step, shot, point)`."""

        def body(state: State, samples: dict[str, Array]) -> tuple[State, dict[str, Array]]:
            state, taps = self.step(nodes, inputs, state, samples)
            return state, {k: jnp.sum(inputs.receivers[k] * v, -1) for k, v in taps.items()}

        first, rest = ({k: v[part] for k, v in samples.items()} for part in (0, slice(1, None)))
        after, record = body(state, first)
        probed = None
        if self.probe is not None:
            probe = eqx.combine(inputs.probe, nodes.probe, self.probe)
            probed = probe(self.equation.snapshot(state, after))
        if self.stride == 1:
            return after, (jax.tree.map(lambda x: x[None], record), probed)
        after, records = lax.scan(body, after, rest, length=self.stride - 1, unroll=self.equation.unroll)
        return after, (jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), record, records), probed)

    def blocks(self, nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array], count: int) -> tuple[State, Outputs]:
        """`count` blocks; samples are `(block, step, shot, point)`."""
        unroll = min(self.equation.unroll, count) if self.stride == 1 else 1
        return lax.scan(lambda s, x: self.block(nodes, inputs, s, x), state, samples, length=count, unroll=unroll)


def _where(field: Array, nodes: Array) -> tuple[Array, ...]:
    # Indexing a flattened field instead would make XLA copy the field at every step.
    return jnp.arange(field.shape[0])[:, None, None], *jnp.unravel_index(nodes, field.shape[1:])


def gather(field: Array, nodes: Array) -> Array:
    """Values of `(shot, *space)` at flat `nodes` of each shot, `(shot, point, tap)`."""
    return field[_where(field, nodes)]


def scatter(field: Array, nodes: Array, values: Array) -> Array:
    """The field with `values` added at flat `nodes` of each shot, both `(shot, point, tap)`."""
    return field.at[_where(field, nodes)].add(values)


class March(NamedTuple):
    """A loop that is cut into segments, with all that it computes with.

    Attributes:
        loop: The loop.
        plan: Its segments.
        nodes: Where is injected and recorded.
        inputs: What it is differentiated by, amplified.
    """

    loop: Loop
    plan: Schedule
    nodes: Nodes
    inputs: Inputs

    def start(self) -> State:
        """The state at rest."""
        return self.loop.start(self.nodes, self.inputs.coefficients)

    def advance(self, below: tuple[int, ...], state: State, samples: dict[str, Array]) -> tuple[State, Outputs]:
        """March through one segment that is cut into `below` segments; samples are `(*below, block, step, shot, point)`."""
        count = math.prod(below) * self.plan.blocks
        flat = {k: v.reshape(count, self.plan.steps, *v.shape[-2:]) for k, v in samples.items()}
        return self.loop.blocks(self.nodes, self.inputs, state, flat, count)

    def outermost(self) -> tuple[Outputs, State]:
        """The whole march, and the states from which its outermost segments start, `(segment, ...)`."""
        plan, nt = self.plan, self.loop.nt

        def body(state: State, samples: dict[str, Array]) -> tuple[State, tuple[Outputs, State]]:
            after, outputs = self.advance(plan.segments[1:], state, samples)
            return after, (outputs, state)

        _, ((records, probed), starts) = lax.scan(body, self.start(), plan.fold(self.inputs.samples), length=plan.segments[0])
        return (unfold(records, 3, nt), unfold(probed, 2, -(-nt // plan.steps))), starts

    def backwards(self, segment_back: SegmentBack, carry: PyTree, starts: State, xs: PyTree) -> tuple[PyTree, PyTree]:
        """`segment_back(carry, start, xs)` of every innermost segment, from the last to the first.

        Args:
            segment_back: What goes back through a segment; returns the next carry, and what is stacked.
            carry: For the last segment.
            starts: States from which the outermost segments start.
            xs: What belongs to each segment, folded as `plan` says; the samples first.

        Returns:
            The last carry, and what was stacked, folded likewise.
        """

        def back(carry: PyTree, x: Any) -> tuple[PyTree, PyTree]:
            return self._backwards_below(self.plan.segments[1:], segment_back, carry, *x)

        return lax.scan(back, carry, (starts, xs), reverse=True, length=self.plan.segments[0])

    def _backwards_below(
        self, segments: tuple[int, ...], segment_back: SegmentBack, carry: PyTree, start: State, xs: PyTree
    ) -> tuple[PyTree, PyTree]:
        """The same below one segment; where those within it start is found by marching."""
        if not segments:
            return segment_back(carry, start, xs)

        def forth(state: State, x: Any) -> tuple[State, State]:
            return self.advance(segments[1:], state, x[0])[0], state

        def back(carry: PyTree, x: Any) -> tuple[PyTree, PyTree]:
            return self._backwards_below(segments[1:], segment_back, carry, *x)

        _, starts = lax.scan(forth, start, xs, length=segments[0])
        return lax.scan(back, carry, (starts, xs), reverse=True, length=segments[0])
