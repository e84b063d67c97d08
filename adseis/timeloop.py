"""March a state through time, and differentiate the march.

Three things meet here and never look inside each other:

- the *equation* (an `Equation`): how one step turns a state into the next;
- the *time loop* (`march`): inject sources, step, record receivers, `nt` times;
- the *adjoint strategy* (`ReverseSweep` or `AutoDiff`): how the loop is differentiated within bounded memory.

The loop only sees arrays: coefficients, injected samples and interpolation weights. How vp becomes a coefficient or a
position becomes weights is plain JAX before the loop, differentiated by JAX.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from adseis.equation import AdjointState, Equation, Injection, Points, Probe, State, SweptEquation

_Outputs = tuple[dict[str, Array], PyTree]  # records, probed


class AutoDiff(eqx.Module):
    """Plain JAX differentiation of a checkpointed scan: the reference, and the way to `jax.jvp` (Born modelling).

    Attributes:
        segment: Steps between stored states (default: about sqrt(nt)).
    """

    segment: int | None = eqx.field(default=None, static=True)


class ReverseSweep(eqx.Module):
    """The exact reverse sweep: store the state once per segment, recompute each segment backwards.

    The gradient is the exact derivative of the discrete forward. Equations that define a reverse step use it; any other,
    and a simulation with a `probe`, is swept by `jax.vjp` of its step.

    Attributes:
        segment: Steps between stored states (default: what makes the memory smallest, about sqrt(nt)).
    """

    segment: int | None = eqx.field(default=None, static=True)


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
    nodes = _Nodes({k: v.points.nodes for k, v in injections.items()}, {k: v.nodes for k, v in recordings.items()})
    loop = _Loop(equation, nt)
    samples = {k: v.samples for k, v in injections.items()}
    sources = {k: v.points.weights for k, v in injections.items()}
    receivers = {k: v.weights for k, v in recordings.items()}
    if probe is None and isinstance(adjoint, ReverseSweep) and isinstance(equation, SweptEquation):
        return _sweep(equation, loop, adjoint.segment, nodes, _Weights(coefficients, samples, sources, receivers)), None

    constants = None
    if probe is not None:
        state = jax.eval_shape(lambda: loop.start(nodes, coefficients))
        fields = jax.eval_shape(equation.snapshot, state, state)
        # Arrays that the probe closes over become arguments, so that they too are differentiated.
        closed = eqx.filter_closure_convert(probe, fields)
        constants, rest = eqx.partition(closed, eqx.is_inexact_array)
        integers, static = eqx.partition(rest, eqx.is_array)
        nodes, loop = nodes._replace(probe=integers), loop._replace(probe=static, every=probe_every)
    inputs = _Inputs(coefficients, samples, loop.amplitudes(nodes, coefficients, sources), receivers, constants)
    return (_checkpointed if isinstance(adjoint, AutoDiff) else _generic_sweep)(loop, adjoint.segment, nodes, inputs)


class _Nodes(NamedTuple):
    """The integer arrays of a march: nothing is differentiated by them."""

    sources: dict[str, Array]
    receivers: dict[str, Array]
    probe: PyTree = None


class _Inputs(NamedTuple):
    """All that a march is differentiated by."""

    coefficients: PyTree
    samples: dict[str, Array]
    amplitudes: dict[str, Array]  # gain * weight of every source tap
    receivers: dict[str, Array]
    probe: PyTree


class _Loop(NamedTuple):
    """The static part of a march. Time is cut into blocks: one step each, or `every` steps from probe to probe."""

    equation: Equation
    nt: int
    probe: PyTree = None
    every: int = 1

    def start(self, nodes: _Nodes, coefficients: PyTree) -> State:
        shots = next(iter(nodes.receivers.values())).shape[0]
        return self.equation.initial_state(shots, jnp.result_type(*jax.tree.leaves(coefficients)))

    def amplitudes(self, nodes: _Nodes, coefficients: PyTree, weights: dict[str, Array]) -> dict[str, Array]:
        gain = self.equation.injection_gain(coefficients)
        return {k: gain[k].reshape(-1)[nodes.sources[k]] * w if k in gain else w for k, w in weights.items()}

    def step(self, nodes: _Nodes, inputs: _Inputs, state: State, samples: dict[str, Array]) -> tuple[State, dict[str, Array]]:
        """One step with its sources; also the value of the recorded fields at every receiver tap."""

        def inject(name: str, field: Array) -> Array:
            if name not in samples:
                return field
            return _scatter(field, nodes.sources[name], inputs.amplitudes[name] * samples[name][:, :, None])

        state = self.equation.step(inputs.coefficients, state, inject)
        return state, {k: _gather(state.fields[k], v) for k, v in nodes.receivers.items()}

    def block(self, nodes: _Nodes, inputs: _Inputs, state: State, samples: dict[str, Array]) -> tuple[State, _Outputs]:
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

    def blocks(
        self, nodes: _Nodes, inputs: _Inputs, state: State, samples: dict[str, Array], count: int
    ) -> tuple[State, _Outputs]:
        """`count` blocks; samples are `(block, step, shot, point)`."""
        unroll = min(self.equation.unroll, count) if self.every == 1 else 1
        return lax.scan(lambda s, x: self.block(nodes, inputs, s, x), state, samples, length=count, unroll=unroll)


class _Cut(NamedTuple):
    """`segments` x `blocks` x `steps` >= nt: the clock cut for the adjoint, filled up with silent steps."""

    segments: int
    blocks: int
    steps: int

    def fold(self, x: PyTree) -> PyTree:
        """(time, ...) -> (segment, block, step, ...)."""
        return jax.tree.map(lambda a: _filled(a, math.prod(self)).reshape(*self, *a.shape[1:]), x)

    def fold_blocks(self, x: PyTree) -> PyTree:
        """(block, ...) -> (segment, block, ...)."""
        return jax.tree.map(lambda a: _filled(a, self.segments * self.blocks).reshape(*self[:2], *a.shape[1:]), x)

    def unfold(self, x: PyTree, nt: int) -> PyTree:
        """(segment, block, step, ...) -> (time, ...)."""
        return jax.tree.map(lambda a: a.reshape(math.prod(self), *a.shape[3:])[:nt], x)

    def unfold_blocks(self, x: PyTree, nt: int) -> PyTree:
        """(segment, block, ...) -> (block, ...), one for each block that begins before nt."""
        return jax.tree.map(lambda a: a.reshape(self.segments * self.blocks, *a.shape[2:])[: -(-nt // self.steps)], x)


def _filled(a: Array, length: int) -> Array:
    return jnp.pad(a, [(0, length - a.shape[0])] + [(0, 0)] * (a.ndim - 1))


def _cut(nt: int, steps: int, segment: int | None, ratio: float, multiple: int = 1) -> _Cut:
    """Segments of about `segment` steps; by default the length that stores least if a state is `ratio` histories large."""
    blocks = math.ceil(nt / steps)
    length = segment / steps if segment else math.sqrt(ratio * blocks)
    length = min(max(1, round(length / multiple)) * multiple, math.ceil(blocks / multiple) * multiple)
    segments = math.ceil(blocks / length)
    if segment is None:  # even out, so that few silent steps fill up the last segment
        length = math.ceil(math.ceil(blocks / segments) / multiple) * multiple
    return _Cut(segments, length, steps)


def _size(tree: PyTree) -> int:
    return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def _where(field: Array, nodes: Array) -> tuple[Array, ...]:
    # Indexing a flattened field instead would make XLA copy the field at every step.
    return jnp.arange(field.shape[0])[:, None, None], *jnp.unravel_index(nodes, field.shape[1:])


def _gather(field: Array, nodes: Array) -> Array:
    return field[_where(field, nodes)]


def _scatter(field: Array, nodes: Array, values: Array) -> Array:
    return field.at[_where(field, nodes)].add(values)


def _checkpointed(loop: _Loop, segment: int | None, nodes: _Nodes, inputs: _Inputs) -> _Outputs:
    """The march as nested scans, whose inner one is recomputed by JAX when differentiated."""
    cut = _cut(loop.nt, loop.every, segment, ratio=1.0)

    @jax.checkpoint
    def body(state: State, samples: dict[str, Array]) -> tuple[State, _Outputs]:
        return loop.blocks(nodes, inputs, state, samples, cut.blocks)

    start = loop.start(nodes, inputs.coefficients)
    _, (records, probed) = lax.scan(body, start, cut.fold(inputs.samples), length=cut.segments)
    return cut.unfold(records, loop.nt), cut.unfold_blocks(probed, loop.nt)


def _segments(loop: _Loop, cut: _Cut, nodes: _Nodes, inputs: _Inputs) -> tuple[_Outputs, State]:
    """The march, and the states from which its segments start."""

    def body(state: State, samples: dict[str, Array]) -> tuple[State, tuple[_Outputs, State]]:
        after, outputs = loop.blocks(nodes, inputs, state, samples, cut.blocks)
        return after, (outputs, state)

    start = loop.start(nodes, inputs.coefficients)
    _, ((records, probed), starts) = lax.scan(body, start, cut.fold(inputs.samples), length=cut.segments)
    return (cut.unfold(records, loop.nt), cut.unfold_blocks(probed, loop.nt)), starts


def _generic_sweep(loop: _Loop, segment: int | None, nodes: _Nodes, inputs: _Inputs) -> _Outputs:
    """Reverse sweep of any equation, by `jax.vjp` of its blocks: stores states, nothing else."""
    cut = _cut(loop.nt, loop.every, segment, ratio=1.0)

    def forward(nodes: _Nodes, inputs: _Inputs) -> tuple[_Outputs, Any]:
        outputs, starts = _segments(loop, cut, nodes, inputs)
        return outputs, (nodes, inputs, starts)

    def backward(kept: Any, cotangents: Any) -> tuple[None, _Inputs]:
        nodes, inputs, starts = kept
        g_records, g_probed = cotangents
        fixed = inputs._replace(samples={})  # whose cotangent is summed over the steps

        def segment_back(carry: Any, xs: Any) -> tuple[Any, dict]:
            start, samples, g_outputs = xs
            _, states = lax.scan(lambda s, x: (loop.block(nodes, inputs, s, x)[0], s), start, samples, length=cut.blocks)

            def block_back(carry: Any, xs: Any) -> tuple[Any, dict]:
                g_state, g_fixed = carry
                state, samples, g_outputs = xs
                _, pull = jax.vjp(lambda i, s, x: loop.block(nodes, i, s, x), fixed, state, samples)
                g_now, g_state, g_samples = pull((g_state, g_outputs))
                return (g_state, jax.tree.map(jnp.add, g_fixed, g_now)), g_samples

            return lax.scan(block_back, carry, (states, samples, g_outputs), reverse=True, length=cut.blocks)

        carry = (jax.tree.map(lambda x: jnp.zeros_like(x[0]), starts), jax.tree.map(jnp.zeros_like, fixed))
        xs = (starts, cut.fold(inputs.samples), (cut.fold(g_records), cut.fold_blocks(g_probed)))
        (_, g_fixed), g_samples = lax.scan(segment_back, carry, xs, reverse=True, length=cut.segments)
        return None, g_fixed._replace(samples=cut.unfold(g_samples, loop.nt))

    swept = jax.custom_vjp(lambda nodes, inputs: _segments(loop, cut, nodes, inputs)[0])
    swept.defvjp(forward, backward)
    return swept(nodes, inputs)


class _Weights(NamedTuple):
    """All that the march of a swept equation is differentiated by."""

    coefficients: PyTree
    samples: dict[str, Array]
    sources: dict[str, Array]
    receivers: dict[str, Array]


class _Sweep(NamedTuple):
    """The march of a `SweptEquation` as one `custom_vjp`: plain, forward and backward."""

    equation: SweptEquation  # the loop's
    loop: _Loop
    cut: _Cut

    def inputs(self, nodes: _Nodes, given: _Weights) -> _Inputs:
        amplitudes = self.loop.amplitudes(nodes, given.coefficients, given.sources)
        return _Inputs(given.coefficients, given.samples, amplitudes, given.receivers, None)

    def plain(self, nodes: _Nodes, given: _Weights) -> dict[str, Array]:
        """The march without a gradient: nothing is stored."""
        inputs = self.inputs(nodes, given)
        steps = {k: v[:, None] for k, v in inputs.samples.items()}
        start = self.loop.start(nodes, inputs.coefficients)
        _, (records, _) = self.loop.blocks(nodes, inputs, start, steps, self.loop.nt)
        return {k: v[:, 0] for k, v in records.items()}

    def forward(self, nodes: _Nodes, given: _Weights) -> tuple[dict[str, Array], Any]:
        """The march, with the states that segments start from."""
        (records, _), starts = _segments(self.loop, self.cut, nodes, self.inputs(nodes, given))
        return records, (nodes, given, starts)

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, _Weights]:
        """Segment by segment from the last: recompute its history, then step back through it."""
        nodes, given, starts = kept

        def segment_back(carry: Any, xs: Any) -> tuple[Any, Any]:
            adjoint, history = carry
            start, samples, g_now = xs
            history, received = self.recompute(nodes, given, history, start, samples)
            adjoint, emitted = self.reverse(nodes, given, history, adjoint, g_now)
            g_samples = {k: jnp.sum(given.sources[k][None] * v, -1) for k, v in emitted.items()}
            g_sources = {k: jnp.einsum("nsp,nspt->spt", samples[k], v) for k, v in emitted.items()}
            g_receivers = {k: jnp.einsum("nsp,nspt->spt", g_now[k], v) for k, v in received.items()}
            return (adjoint, history), (g_samples, g_sources, g_receivers)

        first = jax.tree.map(lambda x: x[0], starts)
        trace = jax.eval_shape(self.equation.remember, first)
        history = jax.tree.map(lambda x: jnp.zeros((self.cut.blocks + 1, *x.shape), x.dtype), trace)
        field = next(iter(first.fields.values()))
        carry = (self.equation.initial_adjoint(field.shape[0], field.dtype), history)
        steps = jax.tree.map(lambda x: x[:, :, 0], (self.cut.fold(given.samples), self.cut.fold(g_records)))
        (adjoint, _), (g_samples, *g_weights) = lax.scan(segment_back, carry, (starts, *steps), reverse=True)
        g_sources, g_receivers = jax.tree.map(lambda x: x.sum(0), g_weights)

        def injected(name: str, coefficient: Array) -> Array:
            if name not in nodes.sources:
                return jnp.zeros_like(coefficient)
            taps = given.sources[name] * g_sources[name]
            return jnp.zeros(coefficient.size, coefficient.dtype).at[nodes.sources[name]].add(taps).reshape(coefficient.shape)

        g_coefficients = self.equation.gradient(given.coefficients, adjoint, injected)
        g_samples = self.cut.unfold_blocks(g_samples, self.loop.nt)
        return None, _Weights(g_coefficients, g_samples, g_sources, g_receivers)

    def recompute(self, nodes: _Nodes, given: _Weights, history: PyTree, start: State, samples: dict) -> tuple[PyTree, dict]:
        """What the reverse step needs of every state of a segment, and the fields at every receiver tap."""
        inputs = self.inputs(nodes, given)

        def body(carry: Any, xs: Any) -> tuple[Any, dict]:
            state, history = carry
            index, samples = xs
            history = _store(history, self.equation.remember(state), index)
            state, taps = self.loop.step(nodes, inputs, state, samples)
            return (state, history), taps

        steps = jnp.arange(self.cut.blocks)
        (state, history), taps = lax.scan(body, (start, history), (steps, samples), unroll=self.equation.unroll)
        return _store(history, self.equation.remember(state), self.cut.blocks), taps

    def reverse(
        self, nodes: _Nodes, given: _Weights, history: PyTree, adjoint: AdjointState, g_records: dict
    ) -> tuple[AdjointState, dict]:
        """Step back through a segment; also the scaled adjoint at every source tap."""
        # What a receiver returns into the scaled adjoint field is scaled likewise.
        weights = self.loop.amplitudes(nodes._replace(sources=nodes.receivers), given.coefficients, given.receivers)

        def body(adjoint: AdjointState, xs: Any) -> tuple[AdjointState, dict]:
            index, g_now = xs
            taps: dict[str, Array] = {}
            fields = dict(adjoint.fields)
            for name, g in g_now.items():
                fields[name] = _scatter(fields[name], nodes.receivers[name], weights[name] * g[:, :, None])

            def collect(name: str, field: Array) -> None:
                if name in nodes.sources:
                    taps[name] = _gather(field, nodes.sources[name])

            before, after = _load(history, index), _load(history, index + 1)
            adjoint = adjoint._replace(fields=fields)
            return self.equation.reverse_step(given.coefficients, adjoint, before, after, collect), taps

        steps = jnp.arange(self.cut.blocks)
        return lax.scan(body, adjoint, (steps, g_records), reverse=True, unroll=self.equation.unroll)


def _sweep(equation: SweptEquation, loop: _Loop, segment: int | None, nodes: _Nodes, given: _Weights) -> dict[str, Array]:
    """The march of a `SweptEquation`, reversed by its own `reverse_step`."""
    state = jax.eval_shape(lambda: loop.start(nodes, given.coefficients))
    ratio = _size(state) / _size(jax.eval_shape(equation.remember, state))
    sweep = _Sweep(equation, loop, _cut(loop.nt, 1, segment, ratio, multiple=equation.unroll))
    swept = jax.custom_vjp(sweep.plain)
    swept.defvjp(sweep.forward, sweep.backward)
    return swept(nodes, given)


def _store(history: PyTree, trace: PyTree, index: Array | int) -> PyTree:
    return jax.tree.map(lambda h, x: lax.dynamic_update_index_in_dim(h, x, index, 0), history, trace)


def _load(history: PyTree, index: Array | int) -> PyTree:
    return jax.tree.map(lambda h: lax.dynamic_index_in_dim(h, index, 0, keepdims=False), history)
