"""March a state through time: inject sources, step, record receivers, `nt` times.

The loop only sees arrays: coefficients, injected samples and interpolation weights. How vp becomes a coefficient or a
position becomes weights is plain JAX before the loop, differentiated by JAX.
"""

import equinox as eqx
import jax
from jaxtyping import Array, PyTree

from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import Equation, Injection, Points, Probe
from adseis.timeloop.loop import Inputs, Loop, Nodes


def march(
    equation: Equation,
    coefficients: PyTree,
    injections: dict[str, Injection],
    recordings: dict[str, Points],
    nt: int,
    *,
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008 - an immutable setting
    probe: Probe | None = None,
    probe_every: int = 1,
    platform: str | None = None,
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
        platform: Where it will run, "cpu" or "gpu"; by default where JAX computes by default.

    Returns:
        For each recorded field the values right after every step, `(time, shot, point)`, and the stacked probes (None
        without a probe).

    Raises:
        ValueError: If the adjoint cannot go back through this equation, or nothing fits into its memory.
    """
    nodes = Nodes({k: v.points.nodes for k, v in injections.items()}, {k: v.nodes for k, v in recordings.items()})
    loop = Loop(equation, nt, platform=platform)
    samples = {k: v.samples for k, v in injections.items()}
    sources = {k: v.points.weights for k, v in injections.items()}
    receivers = {k: v.weights for k, v in recordings.items()}
    constants = None
    if probe is not None:
        state = jax.eval_shape(lambda: loop.start(nodes, coefficients))
        fields = jax.eval_shape(equation.snapshot, state, state)
        # Arrays that the probe closes over become arguments, so that they too are differentiated.
        closed = eqx.filter_closure_convert(probe, fields)
        constants, rest = eqx.partition(closed, eqx.is_inexact_array)
        integers, static = eqx.partition(rest, eqx.is_array)
        nodes, loop = nodes._replace(probe=integers), loop._replace(probe=static, stride=probe_every)
    return adjoint.march(loop, nodes, Inputs(coefficients, samples, sources, receivers, constants))
