"""The reverse sweep of a `SweptEquation`: back through time, segment by segment, by the equation's own `reverse_step`."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from adseis.timeloop.equation import AdjointState, State, SweptEquation
from adseis.timeloop.loop import Inputs, Loop, March, Nodes, gather, scatter
from adseis.timeloop.schedule import Schedule, Sizes, size_of, unfold
from adseis.timeloop.storage import History, Storage
from adseis.timeloop.turns import InTurn, turns_of


def swept_sizes(loop: Loop, storage: Storage, coefficients: PyTree, shots: int) -> Sizes:
    """What `swept` holds; coefficients may be shapes alone."""
    equation = loop.equation
    assert isinstance(equation, SweptEquation)
    dtype = jnp.result_type(*jax.tree.leaves(coefficients))
    each = size_of(jax.eval_shape(lambda: equation.initial_state(1, dtype)))
    turns = turns_of(shots, each, loop.platform) if storage.turns is None else storage.turns
    if shots % turns:
        raise ValueError(f"`turns` = {turns} of ReverseSweep must divide the number of shots, {shots}.")
    state, adjoint = jax.eval_shape(
        lambda: tuple(f(shots // turns, dtype) for f in (equation.initial_state, equation.initial_adjoint))
    )
    kept = jax.eval_shape(equation.remember, state)
    scale = (2 if storage.stride > 1 else 1) / storage.stride
    if storage.dtype is not None:
        scale *= min(1.0, jnp.dtype(storage.dtype).itemsize / dtype.itemsize)
    # One more field for every one that is marched: XLA writes it while the last is still read.
    working = size_of(state) + size_of(state.fields) + 2 * size_of(adjoint) + 2 * size_of(coefficients)
    return Sizes(size_of(state), math.ceil(scale * size_of(kept)), working, turns)


def swept(loop: Loop, storage: Storage, nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
    """The march of a `SweptEquation`, reversed by its own `reverse_step`; shots take turns (`adseis.timeloop.turns`)."""
    shots = next(iter(nodes.receivers.values())).shape[0]
    sizes = swept_sizes(loop, storage, inputs.coefficients, shots)
    assert isinstance(loop.equation, SweptEquation)
    sweep = InTurn(_Sweep(loop.equation, loop, storage, storage.schedule(loop, sizes, bodies=True)), sizes.turns)
    march = jax.custom_vjp(sweep.plain)
    march.defvjp(sweep.forward, sweep.backward)
    return march(nodes, inputs)


class _Sweep(NamedTuple):
    """The march of a `SweptEquation` as one `custom_vjp`: plain, forward and backward."""

    equation: SweptEquation  # the loop's
    loop: Loop
    storage: Storage
    plan: Schedule

    def plain(self, nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
        """The march without a gradient: nothing is stored."""
        amplified = self.loop.amplified(nodes, inputs)
        steps = {k: v[:, None] for k, v in inputs.samples.items()}
        start = self.loop.start(nodes, inputs.coefficients)
        _, (records, _) = self.loop.blocks(nodes, amplified, start, steps, self.loop.nt)
        return {k: v[:, 0] for k, v in records.items()}

    def forward(self, nodes: Nodes, inputs: Inputs) -> tuple[dict[str, Array], Any]:
        """The march, with the states that segments start from."""
        (records, _), starts = self._march(nodes, inputs).outermost()
        return records, (nodes, inputs, starts)

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Inputs]:
        """Segment by segment from the last: recompute its history, then step back through it."""
        nodes, inputs, starts = kept
        march, plan = self._march(nodes, inputs), self.plan

        def segment_back(carry: Any, start: State, xs: Any) -> tuple[Any, Any]:
            adjoint, history = carry
            samples, g_now = jax.tree.map(lambda x: x[:, 0], xs)  # blocks are of one step
            history, received = self.recompute(march, history, start, samples)
            adjoint, emitted = self.reverse(nodes, inputs, history, adjoint, g_now)
            g_samples = {k: jnp.sum(inputs.sources[k][None] * v, -1) for k, v in emitted.items()}
            g_sources = {k: jnp.einsum("nsp,nspt->spt", samples[k], v) for k, v in emitted.items()}
            g_receivers = {k: jnp.einsum("nsp,nspt->spt", g_now[k], v) for k, v in received.items()}
            return (adjoint, history), (g_samples, g_sources, g_receivers)

        first = jax.tree.map(lambda x: x[0], starts)
        field = next(iter(first.fields.values()))
        blank = self.history.blank(jax.eval_shape(self.equation.remember, first))
        carry = (self.equation.initial_adjoint(field.shape[0], field.dtype), blank)
        xs = (plan.fold(inputs.samples), plan.fold(g_records))
        (adjoint, _), (g_samples, *g_weights) = march.backwards(segment_back, carry, starts, xs)
        depth = len(plan.segments)
        g_sources, g_receivers = jax.tree.map(lambda x: x.sum(tuple(range(depth))), g_weights)

        def injected(name: str, coefficient: Array) -> Array:
            if name not in nodes.sources:
                return jnp.zeros_like(coefficient)
            taps = inputs.sources[name] * g_sources[name]
            return jnp.zeros(coefficient.size, coefficient.dtype).at[nodes.sources[name]].add(taps).reshape(coefficient.shape)

        # Steps that are not kept count as the one of their group that is.
        adjoint = adjoint._replace(gradient=jax.tree.map(lambda x: self.storage.stride * x, adjoint.gradient))
        g_coefficients = self.equation.gradient(inputs.coefficients, adjoint, injected)
        return None, Inputs(g_coefficients, unfold(g_samples, depth + 1, self.loop.nt), g_sources, g_receivers)

    def recompute(self, march: March, history: PyTree, start: State, samples: dict[str, Array]) -> tuple[PyTree, dict]:
        """The history of a segment, and the fields at every receiver tap."""
        layout, remember = self.history, self.equation.remember

        def body(carry: Any, xs: Any) -> tuple[Any, dict]:
            state, history = carry
            group, samples = xs
            history, taken = layout.with_before(history, group, remember(state)), []
            for step in range(layout.stride):
                state, taps = self.loop.step(march.nodes, march.inputs, state, {k: v[step] for k, v in samples.items()})
                if step == 0:
                    history = layout.with_after(history, group, remember(state))
                taken.append(taps)
            return (state, history), jax.tree.map(lambda *x: jnp.stack(x), *taken)

        groups = (jnp.arange(layout.groups), _grouped(samples, layout.stride))
        (state, history), taps = lax.scan(body, (start, history), groups, unroll=self.unroll)
        return layout.with_end(history, remember(state)), unfold(taps, 2, self.plan.blocks)

    def reverse(
        self, nodes: Nodes, inputs: Inputs, history: PyTree, adjoint: AdjointState, g_records: dict[str, Array]
    ) -> tuple[AdjointState, dict]:
        """Step back through a segment; also the scaled adjoint at every source tap."""
        layout, dtype = self.history, next(iter(adjoint.fields.values())).dtype
        # What a receiver returns into the scaled adjoint field is scaled likewise.
        weights = self.loop.amplitudes(nodes.receivers, inputs.coefficients, inputs.receivers)

        def step_back(adjoint: AdjointState, g_now: dict, before: PyTree, after: PyTree) -> tuple[AdjointState, dict]:
            taps: dict[str, Array] = {}
            fields = dict(adjoint.fields)
            for name, g in g_now.items():
                fields[name] = scatter(fields[name], nodes.receivers[name], weights[name] * g[:, :, None])

            def collect(name: str, field: Array) -> None:
                if name in nodes.sources:
                    taps[name] = gather(field, nodes.sources[name])

            adjoint = adjoint._replace(fields=fields)
            return self.equation.reverse_step(inputs.coefficients, adjoint, before, after, collect), taps

        def body(adjoint: AdjointState, xs: Any) -> tuple[AdjointState, dict]:
            group, g_now = xs
            taken = []
            for step in reversed(range(layout.stride)):
                before, after = layout.around(history, group, dtype) if step == 0 else (None, None)
                adjoint, taps = step_back(adjoint, {k: v[step] for k, v in g_now.items()}, before, after)
                taken.append(taps)
            return adjoint, jax.tree.map(lambda *x: jnp.stack(x), *reversed(taken))

        groups = (jnp.arange(layout.groups), _grouped(g_records, layout.stride))
        adjoint, taps = lax.scan(body, adjoint, groups, reverse=True, unroll=self.unroll)
        return adjoint, unfold(taps, 2, self.plan.blocks)

    @property
    def history(self) -> History:
        """The layout of an innermost segment's history."""
        return History(self.plan.blocks // self.storage.stride, self.storage.stride, self.storage.dtype)

    @property
    def unroll(self) -> int:
        """Groups of steps in one body of the compiled loop."""
        return self.equation.unroll // math.gcd(self.equation.unroll, self.storage.stride)

    def _march(self, nodes: Nodes, inputs: Inputs) -> March:
        return March(self.loop, self.plan, nodes, self.loop.amplified(nodes, inputs))


def _grouped(x: PyTree, stride: int) -> PyTree:
    return jax.tree.map(lambda a: a.reshape(a.shape[0] // stride, stride, *a.shape[1:]), x)
