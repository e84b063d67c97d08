"""Reverse sweeps: the exact gradient of a march by going back through it, segment by segment.

`generic_sweep` takes any equation and differentiates its blocks by `jax.vjp`. `swept` takes a `SweptEquation` and runs its own
`reverse_step`. Both store states as a `Schedule` says.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from adseis.equation import AdjointState, State, SweptEquation
from adseis.loop import Inputs, Loop, Nodes, Outputs, Weights, advance, gather, outermost, scatter
from adseis.schedule import Schedule, Sizes, schedule, size_of, unfold
from adseis.turns import InTurn, turns_of


class Storage(NamedTuple):
    """What a sweep stores.

    Attributes:
        segment: Steps of an innermost segment, or None.
        levels: Levels of segments, or None.
        dtype: Precision of an innermost segment's history, or None for that of the fields.
        every: Steps from one that is kept of a history to the next.
        memory: Budget [bytes], or None.
    """

    segment: int | None = None
    levels: int | None = None
    dtype: str | None = None
    every: int = 1
    memory: float | None = None

    def schedule(self, loop: Loop, sizes: Sizes, multiple: int = 1) -> Schedule:
        """The schedule of a loop that holds these sizes."""
        choice = {"segment": self.segment, "levels": self.levels, "memory": self.memory}
        return schedule(loop.nt, loop.every, sizes, multiple=multiple, **choice)

    def sweep_schedule(self, equation: SweptEquation, loop: Loop, sizes: Sizes) -> Schedule:
        """The schedule of a swept equation, whose segments are whole bodies of its loop."""
        return self.schedule(loop, sizes, math.lcm(equation.unroll, self.every))


def _backwards(
    segments: tuple[int, ...], forth: Callable, innermost: Callable, carry: PyTree, start: State, xs: PyTree
) -> tuple[PyTree, PyTree]:
    """`innermost(carry, start, xs)` of every innermost segment below one, from the last to the first.

    Their starts are found by marching: `forth(below, state, xs)` is the state after a segment that is itself cut
    into `below` segments.
    """
    if not segments:
        return innermost(carry, start, xs)
    _, starts = lax.scan(lambda state, x: (forth(segments[1:], state, x), state), start, xs, length=segments[0])

    def back(carry: PyTree, x: Any) -> tuple[PyTree, PyTree]:
        return _backwards(segments[1:], forth, innermost, carry, *x)

    return lax.scan(back, carry, (starts, xs), reverse=True, length=segments[0])


def generic_sizes(loop: Loop, nodes: Nodes, inputs: Inputs) -> Sizes:
    """What `generic_sweep` holds: of every block the whole state."""
    state = size_of(jax.eval_shape(lambda: loop.start(nodes, inputs.coefficients)))
    return Sizes(state, state, 4 * state + 2 * size_of(inputs.coefficients))


def generic_sweep(loop: Loop, storage: Storage, nodes: Nodes, inputs: Inputs) -> Outputs:
    """The march of any equation, reversed by `jax.vjp` of its blocks."""
    plan = storage.schedule(loop, generic_sizes(loop, nodes, inputs))
    depth = len(plan.segments) + 1

    def forward(nodes: Nodes, inputs: Inputs) -> tuple[Outputs, Any]:
        outputs, starts = outermost(loop, plan, nodes, inputs)
        return outputs, (nodes, inputs, starts)

    def backward(kept: Any, cotangents: Any) -> tuple[None, Inputs]:
        nodes, inputs, starts = kept
        g_records, g_probed = cotangents
        fixed = inputs._replace(samples={})  # whose cotangent is summed over the steps

        def innermost(carry: Any, start: State, xs: Any) -> tuple[Any, dict]:
            samples, g_outputs = xs
            _, states = lax.scan(lambda s, x: (loop.block(nodes, inputs, s, x)[0], s), start, samples, length=plan.blocks)

            def block_back(carry: Any, xs: Any) -> tuple[Any, dict]:
                g_state, g_fixed = carry
                state, samples, g_outputs = xs
                _, pull = jax.vjp(lambda i, s, x: loop.block(nodes, i, s, x), fixed, state, samples)
                g_now, g_state, g_samples = pull((g_state, g_outputs))
                return (g_state, jax.tree.map(jnp.add, g_fixed, g_now)), g_samples

            return lax.scan(block_back, carry, (states, samples, g_outputs), reverse=True, length=plan.blocks)

        def back(carry: Any, xs: Any) -> tuple[Any, dict]:
            forth = lambda below, state, x: advance(loop, plan, below, nodes, inputs, state, x[0])[0]  # noqa: E731
            return _backwards(plan.segments[1:], forth, innermost, carry, *xs)

        carry = (jax.tree.map(lambda x: jnp.zeros_like(x[0]), starts), jax.tree.map(jnp.zeros_like, fixed))
        xs = (plan.fold(inputs.samples), (plan.fold(g_records), plan.fold_blocks(g_probed)))
        (_, g_fixed), g_samples = lax.scan(back, carry, (starts, xs), reverse=True, length=plan.segments[0])
        return None, g_fixed._replace(samples=unfold(g_samples, depth + 1, loop.nt))

    march = jax.custom_vjp(lambda nodes, inputs: outermost(loop, plan, nodes, inputs)[0])
    march.defvjp(forward, backward)
    return march(nodes, inputs)


def swept_sizes(equation: SweptEquation, storage: Storage, coefficients: PyTree, shots: int) -> Sizes:
    """What `swept` holds; coefficients may be shapes alone."""
    dtype = jnp.result_type(*jax.tree.leaves(coefficients))
    turns = turns_of(shots, size_of(jax.eval_shape(lambda: equation.initial_state(1, dtype))))
    state, adjoint = jax.eval_shape(
        lambda: tuple(f(shots // turns, dtype) for f in (equation.initial_state, equation.initial_adjoint))
    )
    trace = jax.eval_shape(equation.remember, state)
    scale = (2 if storage.every > 1 else 1) / storage.every
    if storage.dtype is not None:
        scale *= min(1.0, jnp.dtype(storage.dtype).itemsize / dtype.itemsize)
    # One more field for every one that is marched: XLA writes it while the last is still read.
    working = size_of(state) + size_of(state.fields) + 2 * size_of(adjoint) + 2 * size_of(coefficients)
    return Sizes(size_of(state), math.ceil(scale * size_of(trace)), working, turns)


def swept(equation: SweptEquation, loop: Loop, storage: Storage, nodes: Nodes, given: Weights) -> dict[str, Array]:
    """The march of a `SweptEquation`, reversed by its own `reverse_step`; shots take turns (`adseis.turns`)."""
    shots = next(iter(nodes.receivers.values())).shape[0]
    sizes = swept_sizes(equation, storage, given.coefficients, shots)
    sweep = InTurn(_Sweep(equation, loop, storage, storage.sweep_schedule(equation, loop, sizes)), sizes.turns)
    march = jax.custom_vjp(sweep.plain)
    march.defvjp(sweep.forward, sweep.backward)
    return march(nodes, given)


class _Sweep(NamedTuple):
    """The march of a `SweptEquation` as one `custom_vjp`: plain, forward and backward."""

    equation: SweptEquation  # the loop's
    loop: Loop
    storage: Storage
    plan: Schedule

    def inputs(self, nodes: Nodes, given: Weights) -> Inputs:
        amplitudes = self.loop.amplitudes(nodes, given.coefficients, given.sources)
        return Inputs(given.coefficients, given.samples, amplitudes, given.receivers, None)

    def plain(self, nodes: Nodes, given: Weights) -> dict[str, Array]:
        """The march without a gradient: nothing is stored."""
        inputs = self.inputs(nodes, given)
        steps = {k: v[:, None] for k, v in inputs.samples.items()}
        start = self.loop.start(nodes, inputs.coefficients)
        _, (records, _) = self.loop.blocks(nodes, inputs, start, steps, self.loop.nt)
        return {k: v[:, 0] for k, v in records.items()}

    def forward(self, nodes: Nodes, given: Weights) -> tuple[dict[str, Array], Any]:
        """The march, with the states that segments start from."""
        (records, _), starts = outermost(self.loop, self.plan, nodes, self.inputs(nodes, given))
        return records, (nodes, given, starts)

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Weights]:
        """Segment by segment from the last: recompute its history, then step back through it."""
        nodes, given, starts = kept
        inputs, plan = self.inputs(nodes, given), self.plan

        def innermost(carry: Any, start: State, xs: Any) -> tuple[Any, Any]:
            adjoint, history = carry
            samples, g_now = jax.tree.map(lambda x: x[:, 0], xs)  # blocks are of one step
            history, received = self.recompute(nodes, inputs, history, start, samples)
            adjoint, emitted = self.reverse(nodes, given, history, adjoint, g_now)
            g_samples = {k: jnp.sum(given.sources[k][None] * v, -1) for k, v in emitted.items()}
            g_sources = {k: jnp.einsum("nsp,nspt->spt", samples[k], v) for k, v in emitted.items()}
            g_receivers = {k: jnp.einsum("nsp,nspt->spt", g_now[k], v) for k, v in received.items()}
            return (adjoint, history), (g_samples, g_sources, g_receivers)

        def back(carry: Any, xs: Any) -> tuple[Any, Any]:
            forth = lambda below, state, x: advance(self.loop, plan, below, nodes, inputs, state, x[0])[0]  # noqa: E731
            return _backwards(plan.segments[1:], forth, innermost, carry, *xs)

        first = jax.tree.map(lambda x: x[0], starts)
        field = next(iter(first.fields.values()))
        carry = (self.equation.initial_adjoint(field.shape[0], field.dtype), self.blank(first))
        xs = (plan.fold(given.samples), plan.fold(g_records))
        (adjoint, _), (g_samples, *g_weights) = lax.scan(back, carry, (starts, xs), reverse=True)
        depth = len(plan.segments)
        g_sources, g_receivers = jax.tree.map(lambda x: x.sum(tuple(range(depth))), g_weights)

        def injected(name: str, coefficient: Array) -> Array:
            if name not in nodes.sources:
                return jnp.zeros_like(coefficient)
            taps = given.sources[name] * g_sources[name]
            return jnp.zeros(coefficient.size, coefficient.dtype).at[nodes.sources[name]].add(taps).reshape(coefficient.shape)

        # Steps that are not kept count as the one of their group that is.
        adjoint = adjoint._replace(gradient=jax.tree.map(lambda x: self.storage.every * x, adjoint.gradient))
        g_coefficients = self.equation.gradient(given.coefficients, adjoint, injected)
        return None, Weights(g_coefficients, unfold(g_samples, depth + 1, self.loop.nt), g_sources, g_receivers)

    def blank(self, state: State) -> PyTree:
        """An empty history: what is remembered of the states around every step, or of those around every `every`-th."""
        kept = jax.eval_shape(self.equation.remember, state)
        every, count = self.storage.every, self.plan.blocks // self.storage.every
        shape = (count + 1,) if every == 1 else (count, 2)
        return jax.tree.map(lambda x: jnp.zeros((*shape, *x.shape), self.storage.dtype or x.dtype), kept)

    def recompute(self, nodes: Nodes, inputs: Inputs, history: PyTree, start: State, samples: dict) -> tuple[PyTree, dict]:
        """The history of a segment, and the fields at every receiver tap."""
        every = self.storage.every

        def body(carry: Any, xs: Any) -> tuple[Any, dict]:
            state, history = carry
            index, samples = xs
            taken = []
            for step in range(every):
                if step == 0:
                    at = (index,) if every == 1 else (index, 0)
                    history = _store(history, self.equation.remember(state), at)
                state, taps = self.loop.step(nodes, inputs, state, {k: v[step] for k, v in samples.items()})
                if step == 0 and every > 1:
                    history = _store(history, self.equation.remember(state), (index, 1))
                taken.append(taps)
            return (state, history), jax.tree.map(lambda *x: jnp.stack(x), *taken)

        groups = (jnp.arange(self.plan.blocks // every), _grouped(samples, every))
        (state, history), taps = lax.scan(body, (start, history), groups, unroll=self.unroll)
        if every == 1:
            history = _store(history, self.equation.remember(state), (self.plan.blocks,))
        return history, unfold(taps, 2, self.plan.blocks)

    def reverse(
        self, nodes: Nodes, given: Weights, history: PyTree, adjoint: AdjointState, g_records: dict
    ) -> tuple[AdjointState, dict]:
        """Step back through a segment; also the scaled adjoint at every source tap."""
        # What a receiver returns into the scaled adjoint field is scaled likewise.
        weights = self.loop.amplitudes(nodes._replace(sources=nodes.receivers), given.coefficients, given.receivers)
        every, dtype = self.storage.every, next(iter(adjoint.fields.values())).dtype

        def step_back(adjoint: AdjointState, g_now: dict, before: PyTree, after: PyTree) -> tuple[AdjointState, dict]:
            taps: dict[str, Array] = {}
            fields = dict(adjoint.fields)
            for name, g in g_now.items():
                fields[name] = scatter(fields[name], nodes.receivers[name], weights[name] * g[:, :, None])

            def collect(name: str, field: Array) -> None:
                if name in nodes.sources:
                    taps[name] = gather(field, nodes.sources[name])

            adjoint = adjoint._replace(fields=fields)
            return self.equation.reverse_step(given.coefficients, adjoint, before, after, collect), taps

        def body(adjoint: AdjointState, xs: Any) -> tuple[AdjointState, dict]:
            index, g_now = xs
            ends = ((index,), (index + 1,)) if every == 1 else ((index, 0), (index, 1))
            taken = []
            for step in reversed(range(every)):
                before, after = (_load(history, at, dtype) for at in ends) if step == 0 else (None, None)
                adjoint, taps = step_back(adjoint, {k: v[step] for k, v in g_now.items()}, before, after)
                taken.append(taps)
            return adjoint, jax.tree.map(lambda *x: jnp.stack(x), *reversed(taken))

        groups = (jnp.arange(self.plan.blocks // every), _grouped(g_records, every))
        adjoint, taps = lax.scan(body, adjoint, groups, reverse=True, unroll=self.unroll)
        return adjoint, unfold(taps, 2, self.plan.blocks)

    @property
    def unroll(self) -> int:
        return self.equation.unroll // math.gcd(self.equation.unroll, self.storage.every)


def _grouped(x: PyTree, every: int) -> PyTree:
    return jax.tree.map(lambda a: a.reshape(a.shape[0] // every, every, *a.shape[1:]), x)


def _store(history: PyTree, trace: PyTree, at: tuple) -> PyTree:
    def put(h: Array, x: Array) -> Array:
        return lax.dynamic_update_slice(h, x.astype(h.dtype)[(None,) * len(at)], (*at, *(0,) * x.ndim))

    return jax.tree.map(put, history, trace)


def _load(history: PyTree, at: tuple, dtype: jnp.dtype) -> PyTree:
    def take(h: Array) -> Array:
        rest = h.shape[len(at) :]
        return lax.dynamic_slice(h, (*at, *(0,) * len(rest)), ((1,) * len(at)) + rest).reshape(rest).astype(dtype)

    return jax.tree.map(take, history)
