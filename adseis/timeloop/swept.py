"""The reverse sweep of a `SweptEquation`: back through time, segment by segment, by the equation's own `reverse_step`."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import CustomVJPPrimal, SymbolicZero
from jaxtyping import Array, PyTree

from adseis.signals.arithmetic import einsum
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
    start = jax.eval_shape(lambda: equation.lean().initial_state(shots // turns, dtype))
    return Sizes(size_of(start), math.ceil(scale * size_of(kept)), working, turns)


def swept(loop: Loop, storage: Storage, nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
    """The march of a `SweptEquation`, reversed by its own `reverse_step`; shots take turns (`adseis.timeloop.turns`)."""
    shots = next(iter(nodes.receivers.values())).shape[0]

    def sweep(asked: "_Asked | None" = None) -> InTurn:
        """For the cotangents that are asked for; by default for all."""
        equation = loop.equation
        assert isinstance(equation, SweptEquation)
        spared = loop if asked is None else loop._replace(equation=equation.sparing(asked.coefficients(inputs)))
        sizes = swept_sizes(spared, storage, inputs.coefficients, shots)
        plan = storage.schedule(spared, sizes, bodies=True)
        return InTurn(_Sweep(spared, storage, plan, asked is None or asked.receivers), sizes.turns)

    @jax.custom_vjp
    def march(nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
        return sweep().plain(nodes, inputs)

    def forward(nodes: Any, inputs: Any) -> tuple[dict[str, Array], Any]:
        coefficients, receivers = ([x.perturbed for x in _leaves(part)] for part in (inputs.coefficients, inputs.receivers))
        asked = _Asked(tuple(coefficients), any(receivers))
        records, kept = sweep(asked).forward(*jax.tree.map(lambda x: x.value, (nodes, inputs), is_leaf=_is_primal))
        return records, (kept, asked)

    def backward(kept: Any, g_records: dict[str, Any]) -> tuple[None, Inputs]:
        kept, asked = kept
        return sweep(asked).backward(kept, jax.tree.map(_instantiated, g_records, is_leaf=_is_zero))

    march.defvjp(forward, backward, symbolic_zeros=True)
    return march(nodes, inputs)


class _Asked(eqx.Module):
    """Which cotangents are asked for: of each coefficient, and of the weights of receivers."""

    each: tuple[bool, ...] = eqx.field(static=True)
    receivers: bool = eqx.field(static=True)

    def coefficients(self, inputs: Inputs) -> PyTree:
        return jax.tree.unflatten(jax.tree.structure(inputs.coefficients), self.each)


def _is_primal(x: Any) -> bool:
    return isinstance(x, CustomVJPPrimal)


def _leaves(x: PyTree) -> list[Any]:
    return jax.tree.leaves(x, is_leaf=_is_primal)


def _is_zero(x: Any) -> bool:
    return isinstance(x, SymbolicZero)


def _instantiated(x: Any) -> Array:
    return jnp.zeros(x.shape, x.dtype) if _is_zero(x) else x


class _Sweep(NamedTuple):
    """The march of a `SweptEquation` as one `custom_vjp`: plain, forward and backward."""

    loop: Loop
    storage: Storage
    plan: Schedule
    received: bool  # whether the cotangents of the weights of receivers are asked for

    def plain(self, nodes: Nodes, inputs: Inputs) -> dict[str, Array]:
        """The march without a gradient: nothing is stored."""
        amplified = self.loop.amplified(nodes, inputs)
        steps = {k: v[:, None] for k, v in inputs.samples.items()}
        start = self.loop.start(nodes, inputs.coefficients)
        _, (records, _) = self.loop.blocks(nodes, amplified, start, steps, self.loop.nt)
        return {k: v[:, 0] for k, v in records.items()}

    def forward(self, nodes: Nodes, inputs: Inputs) -> tuple[dict[str, Array], Any]:
        """The march, with the states that segments start from, or with the history of all steps."""
        march = self._march(nodes, inputs)
        if not self.plan.kept:
            (records, _), starts = march.outermost()
            return records, (nodes, inputs, starts)
        start = march.start()
        samples = jax.tree.map(lambda x: x[0, :, 0], self.plan.fold(inputs.samples))
        history, records, taps = self.remembered(march, self._blank(start), start, samples)
        records = {k: v[: self.loop.nt] for k, v in records.items()}
        return records, (nodes, inputs, (history, taps if self.received else None))

    def backward(self, kept: Any, g_records: dict[str, Array]) -> tuple[None, Inputs]:
        """Segment by segment from the last: recompute its history, unless it was kept, then step back through it."""
        nodes, inputs, starts = kept
        march, plan = self._march(nodes, inputs), self.plan
        xs = (plan.fold(inputs.samples), plan.fold(g_records))

        def back(adjoint: AdjointState, history: PyTree, taps: dict[str, Array] | None, xs: Any) -> tuple[AdjointState, Any]:
            samples, g_now = jax.tree.map(lambda x: x[:, 0], xs)  # blocks are of one step
            adjoint, emitted = self.reverse(nodes, inputs, history, adjoint, g_now)
            g_samples = {k: jnp.sum(inputs.sources[k][None] * v, -1) for k, v in emitted.items()}
            g_sources = {k: einsum("nsp,nspt->spt", samples[k], v) for k, v in emitted.items()}
            g_receivers = {k: einsum("nsp,nspt->spt", g_now[k], v) for k, v in (taps or {}).items()}
            return adjoint, (g_samples, g_sources, g_receivers)

        def segment_back(carry: Any, start: State, xs: Any) -> tuple[Any, Any]:
            adjoint, history = carry
            samples = jax.tree.map(lambda x: x[:, 0], xs[0])
            history, _, taps = self.remembered(march, history, start, samples)
            adjoint, found = back(adjoint, history, taps if self.received else None, xs)
            return (adjoint, history), found

        field = jax.eval_shape(march.start).fields
        field = next(iter(field.values()))
        adjoint, depth = self.equation.initial_adjoint(field.shape[0], field.dtype), len(plan.segments)
        if plan.kept:
            history, taps = starts
            adjoint, found = back(adjoint, history, taps, jax.tree.map(lambda x: x[0], xs))
            g_samples, *g_weights = jax.tree.map(lambda x: x[None], found)
        else:
            carry = adjoint, self._blank(jax.tree.map(lambda x: x[0], starts))
            (adjoint, _), (g_samples, *g_weights) = march.backwards(segment_back, carry, starts, xs)
        g_sources, g_receivers = jax.tree.map(lambda x: x.sum(tuple(range(depth))), g_weights)
        g_receivers = g_receivers or jax.tree.map(jnp.zeros_like, inputs.receivers)

        def injected(name: str, coefficient: Array) -> Array:
            if name not in nodes.sources:
                return jnp.zeros_like(coefficient)
            taps = inputs.sources[name] * g_sources[name]
            return jnp.zeros(coefficient.size, coefficient.dtype).at[nodes.sources[name]].add(taps).reshape(coefficient.shape)

        # Steps that are not kept count as the one of their group that is.
        adjoint = adjoint._replace(gradient=jax.tree.map(lambda x: self.storage.stride * x, adjoint.gradient))
        g_coefficients = self.equation.gradient(inputs.coefficients, adjoint, injected)
        return None, Inputs(g_coefficients, unfold(g_samples, depth + 1, self.loop.nt), g_sources, g_receivers)

    def remembered(
        self, march: March, history: PyTree, start: State, samples: dict[str, Array]
    ) -> tuple[PyTree, dict[str, Array], dict[str, Array]]:
        """The history of a segment, its records, and the fields at every receiver tap."""
        layout, remember, weights = self.history, self.equation.remember, march.inputs.receivers

        def body(carry: Any, xs: Any) -> tuple[Any, Any]:
            state, history = carry
            group, samples = xs
            history, taken = layout.with_before(history, group, remember(state)), []
            for step in range(layout.stride):
                state, taps = self.loop.step(march.nodes, march.inputs, state, {k: v[step] for k, v in samples.items()})
                if step == 0:
                    history = layout.with_after(history, group, remember(state))
                taken.append(({k: jnp.sum(weights[k] * v, -1) for k, v in taps.items()}, taps))
            return (state, history), jax.tree.map(lambda *x: jnp.stack(x), *taken)

        groups = (jnp.arange(layout.groups), _grouped(samples, layout.stride))
        begun = self.equation.resumed(start), history
        (state, history), (records, taps) = lax.scan(body, begun, groups, unroll=self.unroll)
        history = layout.with_end(history, remember(state))
        return history, *(unfold(x, 2, self.plan.blocks) for x in (records, taps))

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
    def equation(self) -> SweptEquation:
        """That of the loop."""
        assert isinstance(self.loop.equation, SweptEquation)
        return self.loop.equation

    def _blank(self, state: State) -> PyTree:
        """An empty history of a segment that starts from a state."""
        return self.history.blank(jax.eval_shape(lambda x: self.equation.remember(self.equation.resumed(x)), state))

    @property
    def history(self) -> History:
        """The layout of an innermost segment's history."""
        return History(self.plan.blocks // self.storage.stride, self.storage.stride, self.storage.dtype)

    @property
    def unroll(self) -> int:
        """Groups of steps in one body of the compiled loop."""
        return self.equation.unroll // math.gcd(self.equation.unroll, self.storage.stride)

    def _march(self, nodes: Nodes, inputs: Inputs) -> March:
        """Where nothing is remembered."""
        return March(self.loop._replace(equation=self.equation.lean()), self.plan, nodes, self.loop.amplified(nodes, inputs))


def _grouped(x: PyTree, stride: int) -> PyTree:
    return jax.tree.map(lambda a: a.reshape(a.shape[0] // stride, stride, *a.shape[1:]), x)
