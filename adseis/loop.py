"""The loop itself: inject, step, record, step by step and block by block.

The adjoint strategies of `adseis.timeloop` are built from it. It only sees arrays: coefficients, injected samples and weights.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from adseis.equation import Equation, State
from adseis.schedule import Schedule, unfold

Outputs = tuple[dict[str, Array], PyTree]  # records, probed


class Nodes(NamedTuple):
    """The integer arrays of a march: nothing is differentiated by them."""

    sources: dict[str, Array]
    receivers: dict[str, Array]
    probe: PyTree = None


class Inputs(NamedTuple):
    """All that a march is differentiated by."""

    coefficients: PyTree
    samples: dict[str, Array]
    amplitudes: dict[str, Array]  # gain * weight of every source tap
    receivers: dict[str, Array]
    probe: PyTree


class Weights(NamedTuple):
    """All that the march of a swept equation is differentiated by."""

    coefficients: PyTree
    samples: dict[str, Array]
    sources: dict[str, Array]
    receivers: dict[str, Array]


class Loop(NamedTuple):
    """The static part of a march. Time is cut into blocks: one step each, or `every` steps from probe to probe."""

    equation: Equation
    nt: int
    probe: PyTree = None
    every: int = 1

    def start(self, nodes: Nodes, coefficients: PyTree) -> State:
        """The state at rest."""
        shots = next(iter(nodes.receivers.values())).shape[0]
        return self.equation.initial_state(shots, jnp.result_type(*jax.tree.leaves(coefficients)))

    def amplitudes(self, nodes: Nodes, coefficients: PyTree, weights: dict[str, Array]) -> dict[str, Array]:
        """gain * weight of every source tap."""
        gain = self.equation.injection_gain(coefficients)
        return {k: gain[k].reshape(-1)[nodes.sources[k]] * w if k in gain else w for k, w in weights.items()}

    def step(self, nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array]) -> tuple[State, dict[str, Array]]:
        """One step with its sources; also the value of the recorded fields at every receiver tap."""

        def inject(name: str, field: Array) -> Array:
            if name not in samples:
                return field
            return scatter(field, nodes.sources[name], inputs.amplitudes[name] * samples[name][:, :, None])

        state = self.equation.step(inputs.coefficients, state, inject)
        return state, {k: gather(state.fields[k], v) for k, v in nodes.receivers.items()}

    def block(self, nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array]) -> tuple[State, Outputs]:
        """`every` steps, recorded, and the probe of the state they start from; samples are `(step, shot, point)`."""

        def body(state: State, samples: dict[str, Array]) -> tuple[State, dict[str, Array]]:
            state, taps = self.step(nodes, inputs, state, samples)
            return state, {k: jnp.sum(inputs.receivers[k] * v, -1) for k, v in taps.items()}

        first, rest = ({k: v[part] for k, v in samples.items()} for part in (0, slice(1, None)))
        after, record = body(state, first)
        probed = None
        if self.probe is not None:
            probe = eqx.combine(inputs.probe, nodes.probe, self.probe)
            probed = probe(self.equation.snapshot(state, after))
        if self.every == 1:
            return after, (jax.tree.map(lambda x: x[None], record), probed)
        after, records = lax.scan(body, after, rest, length=self.every - 1, unroll=self.equation.unroll)
        return after, (jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), record, records), probed)

    def blocks(self, nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array], count: int) -> tuple[State, Outputs]:
        """`count` blocks; samples are `(block, step, shot, point)`."""
        unroll = min(self.equation.unroll, count) if self.every == 1 else 1
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


def outermost(loop: Loop, plan: Schedule, nodes: Nodes, inputs: Inputs) -> tuple[Outputs, State]:
    """The march, and the states from which its outermost segments start, `(segment, ...)`."""

    def body(state: State, samples: dict[str, Array]) -> tuple[State, tuple[Outputs, State]]:
        after, outputs = advance(loop, plan, plan.segments[1:], nodes, inputs, state, samples)
        return after, (outputs, state)

    start = loop.start(nodes, inputs.coefficients)
    _, ((records, probed), starts) = lax.scan(body, start, plan.fold(inputs.samples), length=plan.segments[0])
    return (unfold(records, 3, loop.nt), unfold(probed, 2, -(-loop.nt // plan.steps))), starts


def advance(
    loop: Loop, plan: Schedule, below: tuple[int, ...], nodes: Nodes, inputs: Inputs, state: State, samples: dict[str, Array]
) -> tuple[State, Outputs]:
    """March through one segment that is cut into `below` segments; samples are `(*below, block, step, shot, point)`."""
    count = math.prod(below) * plan.blocks
    flat = {k: v.reshape(count, plan.steps, *v.shape[-2:]) for k, v in samples.items()}
    return loop.blocks(nodes, inputs, state, flat, count)
