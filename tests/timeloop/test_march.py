"""A user's own equation, marched and differentiated by both strategies, against a plain Python loop."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same, inner

from adseis.timeloop.adjoints import AutoDiff, ReverseSweep
from adseis.timeloop.equation import Equation, Injection, Points, State
from adseis.timeloop.march import march

SHOTS, NODES = 2, 9
SOURCES = jnp.array([[[2, 3]], [[5, 6]]])  # (shot, point, tap)
RECEIVERS = jnp.array([[[1, 2], [6, 7], [4, 4]]] * SHOTS)  # the last point touches one node twice


class Chain(Equation):
    """u'' = c (u_xx - u^3) + c s: nonlinear, so that a step taken from a wrong state is seen."""

    def initial_state(self, shots, dtype):
        zero = jnp.zeros((shots, NODES), dtype)
        return State({"u": zero}, zero)

    def step(self, coefficients, state, inject):
        u, before = state.fields["u"], state.memory
        return State({"u": inject("u", advance(coefficients, u, before))}, u)

    def injection_gain(self, coefficients):
        return {"u": coefficients}


class Inputs(NamedTuple):
    """All that the march is differentiated by."""

    coefficients: jax.Array
    samples: jax.Array
    sources: jax.Array
    receivers: jax.Array
    scale: jax.Array  # the probe closes over it


def advance(c, u, before):
    wide = jnp.pad(u, ((0, 0), (1, 1)))
    return 2 * u - before + c[None, :] * (wide[:, 2:] - 2 * u + wide[:, :-2] - u**3)


def inputs(nt, dtype=float):
    rng = np.random.default_rng(nt)
    draw = lambda *shape: jnp.asarray(0.2 + 0.1 * rng.standard_normal(shape), dtype)  # noqa: E731
    return Inputs(draw(NODES), 3 * draw(nt, SHOTS, 1), draw(SHOTS, 1, 2), draw(SHOTS, 3, 2), draw(NODES))


def marched(x, strategy, every=None):
    """Records and probes of the march."""
    probe = None if every is None else lambda fields: {"energy": jnp.sum(x.scale[None, :] * fields["u"] ** 2, 1)}
    records, probed = march(
        Chain(), x.coefficients, {"u": Injection(Points(SOURCES, x.sources), x.samples)}, {"u": Points(RECEIVERS, x.receivers)},
        x.samples.shape[0], adjoint=strategy, probe=probe, probe_every=every or 1,
    )  # fmt: skip
    return records["u"], probed


def looped(x, every=None):
    """The same, written as anyone would write it."""
    u = before = jnp.zeros((SHOTS, NODES), x.samples.dtype)
    records, probed = [], []
    for n, samples in enumerate(x.samples):
        if every and n % every == 0:
            probed.append(jnp.sum(x.scale[None, :] * u**2, 1))
        u, before = advance(x.coefficients, u, before), u
        for node, weight in zip(SOURCES[:, 0].T, x.sources[:, 0].T, strict=True):
            u = u.at[jnp.arange(SHOTS), node].add(x.coefficients[node] * weight * samples[:, 0])
        records.append(jnp.stack([jnp.sum(x.receivers[shot] * u[shot][RECEIVERS[shot]], -1) for shot in range(SHOTS)]))
    return jnp.stack(records), {"energy": jnp.stack(probed)} if every else None


def misfit(run, x, *args):
    """A scalar in which every record and every probe counts differently."""
    outputs = jax.tree.leaves(run(x, *args))
    return sum(jnp.sum((out - jnp.linspace(-1, 1, out.size, dtype=out.dtype).reshape(out.shape)) ** 2) for out in outputs)


@pytest.mark.parametrize(
    ("nt", "segment", "every"),
    [
        (1, None, None),
        (7, 3, 2),
        pytest.param(5, None, None, marks=pytest.mark.slow),
        pytest.param(3, 1, 1, marks=pytest.mark.slow),
        pytest.param(2, 100, 5, marks=pytest.mark.slow),
    ],
    ids=["one step", "probe in segments", "odd", "segments of one step", "segment and probe beyond the end"],
)
def test_gradients_are_those_of_a_plain_loop(nt, segment, every):
    """The same operations in another order, so the tolerance is rounding: 1e-12 of the largest value."""
    x = inputs(nt)
    wanted = jax.jit(lambda x: (looped(x, every), jax.grad(partial(misfit, looped))(x, every)))(x)
    assert all(bool(np.any(g != 0)) for g in wanted[1][:4])
    for strategy in (AutoDiff(segment), ReverseSweep(segment), ReverseSweep(segment, levels=2)):
        got = jax.jit(lambda x, s=strategy: (marched(x, s, every), jax.grad(partial(misfit, marched))(x, s, every)))(x)
        assert_same(got, wanted, 1e-12, lenient=True)


def test_probe_sees_the_fields_before_its_steps():
    """The probe of step n sees the field that was recorded after step n - 1; nothing at step 0. Equal bits, but for the sum
    over taps."""
    x = inputs(6)._replace(receivers=jnp.tile(jnp.array([1.0, 0.0]), (SHOTS, 3, 1)))
    points = Points(RECEIVERS, x.receivers)
    records, probed = march(
        Chain(), x.coefficients, {"u": Injection(Points(SOURCES, x.sources), x.samples)}, {"u": points}, 6,
        probe=lambda fields: fields["u"][:, 6], probe_every=2,
    )  # fmt: skip
    assert probed.shape == (3, SHOTS)
    np.testing.assert_array_equal(probed[0], 0)
    np.testing.assert_allclose(probed[1:], records["u"][1:4:2, :, 1], rtol=1e-14)


def test_probed_scale_is_differentiated():
    """The derivative by an array that the probe closes over is known: sum u^2. Rounding."""
    x = inputs(5)
    total = lambda scale, strategy: jnp.sum(marched(x._replace(scale=scale), strategy, 1)[1]["energy"])  # noqa: E731
    fields = march(
        Chain(), x.coefficients, {"u": Injection(Points(SOURCES, x.sources), x.samples)}, {"u": Points(RECEIVERS, x.receivers)}, 5,  # noqa: E501
        probe=lambda fields: fields["u"],
    )[1]  # fmt: skip
    for strategy in (AutoDiff(), ReverseSweep()):
        np.testing.assert_allclose(
            jax.jit(partial(jax.grad(total), strategy=strategy))(x.scale), jnp.sum(fields**2, (0, 1)), rtol=1e-12
        )


def test_jvp_is_the_transpose_of_the_sweep():
    """Forward mode through `AutoDiff` and the reverse sweep meet in the dot test: 1e-12, the rows' figure for rounding."""
    x, dx = inputs(7), inputs(8)._replace(samples=inputs(7).samples[::-1])
    run = lambda x, strategy: marched(x, strategy, 2)  # noqa: E731
    _, forward = jax.jit(lambda x, dx: jax.jvp(lambda x: run(x, AutoDiff()), (x,), (dx,)))(x, dx)
    y = jax.tree.map(lambda f: jnp.cos(jnp.arange(f.size, dtype=f.dtype)).reshape(f.shape), forward)
    (backward,) = jax.jit(lambda x, y: jax.vjp(lambda x: run(x, ReverseSweep()), x)[1](y))(x, y)
    assert inner(forward, y) == pytest.approx(inner(dx, backward), rel=1e-12)


def test_vmap_over_coefficients():
    """A batch is a loop over its members, up to the order of sums: rounding."""
    x = inputs(7)
    run = jax.jit(lambda c: jax.value_and_grad(lambda c: misfit(marched, x._replace(coefficients=c), ReverseSweep(3)))(c))
    many = jnp.stack([x.coefficients, 0.7 * x.coefficients, x.coefficients[::-1]])
    assert_same(jax.vmap(run)(many), jax.tree.map(lambda *xs: jnp.stack(xs), *map(run, many)), 1e-12)


@pytest.mark.parametrize("strategy", [AutoDiff(), ReverseSweep()], ids=["autodiff", "sweep"])
def test_float32_stays_float32(strategy):
    """No float64 creeps in, and 7 steps lose no more than a few roundings: 1e-5 of the largest value."""
    x32, x64 = inputs(7, jnp.float32), inputs(7)
    run = jax.jit(lambda x: (marched(x, strategy, 2)[0], jax.grad(partial(misfit, marched))(x, strategy, 2)))
    single = run(x32)
    assert {a.dtype for a in jax.tree.leaves(single)} == {jnp.dtype("float32")}
    assert_same(single, run(x64), 1e-5, lenient=True)


def test_no_points_and_no_sources():
    """An empty set of receivers gives an empty record, with every strategy; without injections the chain stays at rest."""
    x = inputs(4)
    empty = Points(jnp.zeros((SHOTS, 0, 1), int), jnp.zeros((SHOTS, 0, 1)))
    for strategy in (AutoDiff(), ReverseSweep()):
        records, _ = march(Chain(), x.coefficients, {}, {"u": empty}, 4, adjoint=strategy)
        assert records["u"].shape == (4, SHOTS, 0)
    records, probed = march(Chain(), x.coefficients, {}, {"u": empty}, 4, probe=lambda fields: jnp.max(jnp.abs(fields["u"])))
    assert records["u"].shape == (4, SHOTS, 0)
    np.testing.assert_array_equal(probed, np.zeros(4))
