"""The reverse sweep of any equation: blocks of steps differentiated by `jax.vjp`, segment by segment."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import PyTree

from adseis.timeloop.equation import State
from adseis.timeloop.loop import Inputs, Loop, March, Nodes, Outputs
from adseis.timeloop.schedule import Schedule, Sizes, size_of, unfold
from adseis.timeloop.storage import Storage


def generic_sizes(loop: Loop, coefficients: PyTree, shots: int) -> Sizes:
    """What `generic_sweep` holds: of every block the whole state; coefficients may be shapes alone."""
    dtype = jnp.result_type(*jax.tree.leaves(coefficients))
    state = size_of(jax.eval_shape(lambda: loop.equation.initial_state(shots, dtype)))
    return Sizes(state, state, 4 * state + 2 * size_of(coefficients))


def generic_sweep(loop: Loop, storage: Storage, nodes: Nodes, inputs: Inputs) -> Outputs:
    """The march of any equation, reversed by `jax.vjp` of its blocks; inputs are amplified."""
    shots = next(iter(nodes.receivers.values())).shape[0]
    sweep = _GenericSweep(loop, storage.schedule(loop, generic_sizes(loop, inputs.coefficients, shots)))
    march = jax.custom_vjp(sweep.plain)
    march.defvjp(sweep.forward, sweep.backward)
    return march(nodes, inputs)


class _GenericSweep(NamedTuple):
    """A march as one `custom_vjp`: plain, forward and backward."""

    loop: Loop
    plan: Schedule

    def plain(self, nodes: Nodes, inputs: Inputs) -> Outputs:
        """The march."""
        return March(self.loop, self.plan, nodes, inputs).outermost()[0]

    def forward(self, nodes: Nodes, inputs: Inputs) -> tuple[Outputs, Any]:
        """The march, with the states that segments start from."""
        outputs, starts = March(self.loop, self.plan, nodes, inputs).outermost()
        return outputs, (nodes, inputs, starts)

    def backward(self, kept: Any, cotangents: Any) -> tuple[None, Inputs]:
        """Segment by segment from the last: recompute its states, then differentiate its blocks from the last."""
        nodes, inputs, starts = kept
        g_records, g_probed = cotangents
        plan, fixed = self.plan, inputs._replace(samples={})  # the cotangents of samples are not summed over the steps

        def block_back(carry: Any, xs: Any) -> tuple[Any, dict]:
            g_state, g_fixed = carry
            state, samples, g_outputs = xs
            _, pull = jax.vjp(lambda i, s, x: self.loop.block(nodes, i, s, x), fixed, state, samples)
            g_now, g_state, g_samples = pull((g_state, g_outputs))
            return (g_state, jax.tree.map(jnp.add, g_fixed, g_now)), g_samples

        def segment_back(carry: Any, start: State, xs: Any) -> tuple[Any, dict]:
            samples, g_outputs = xs
            _, states = lax.scan(lambda s, x: (self.loop.block(nodes, inputs, s, x)[0], s), start, samples, length=plan.blocks)
            return lax.scan(block_back, carry, (states, samples, g_outputs), reverse=True, length=plan.blocks)

        carry = (jax.tree.map(lambda x: jnp.zeros_like(x[0]), starts), jax.tree.map(jnp.zeros_like, fixed))
        xs = (plan.fold(inputs.samples), (plan.fold(g_records), plan.fold_blocks(g_probed)))
        (_, g_fixed), g_samples = March(self.loop, plan, nodes, inputs).backwards(segment_back, carry, starts, xs)
        return None, g_fixed._replace(samples=unfold(g_samples, len(plan.segments) + 2, self.loop.nt))
