"""What the tests of gradients, of convergence and of many devices measure."""

import re

import jax
import jax.numpy as jnp
import numpy as np

STEPS = tuple(2.0**-k for k in range(1, 8))


def convergence_order(hs, errors) -> float:
    """Slope of log(errors) over log(hs), by least squares; NaN where an error is exactly zero."""
    errors = np.asarray(errors, float)
    if not np.all(errors > 0):
        return float("nan")
    return float(np.polyfit(np.log(np.asarray(hs, float)), np.log(errors), 1)[0])


def taylor_slopes(f, x, direction, hs=STEPS, *, compiled=None) -> tuple[float, float]:
    """Orders in h of abs(f(x + h d) - f(x)) and of abs(f(x + h d) - f(x) - h <grad f(x), d>).

    They are 1 and 2 when the gradient is exact, f is not flat along d, and h d is small against x but large against rounding.

    Args:
        f: Scalar function of one pytree.
        x: Where the gradient is taken.
        direction: Pytree like `x`.
        hs: Step lengths.
        compiled: Its value and gradient, where they are compiled already.
    """
    run = compiled or jax.jit(jax.value_and_grad(f))  # for the values too: programs take longer to compile than to run
    value, gradient = run(x)
    slope = inner(gradient, direction)
    moved = [run(jax.tree.map(lambda a, d, h=h: a + jnp.asarray(h, a.dtype) * d, x, direction))[0] for h in hs]
    change = np.asarray(moved, float) - float(value)
    return convergence_order(hs, np.abs(change)), convergence_order(hs, np.abs(change - np.asarray(hs) * slope))


def dot_test(f, x, dx, y, *, jvp_of=None) -> float:
    """abs(<J dx, y> - <dx, J' y>) / (norm(J dx) norm(y)): rounding, when J' is the transpose of J.

    Args:
        f: Function of one pytree whose vjp is under test.
        x: Where it is linearised.
        dx: Pytree like `x`.
        y: Pytree like `f(x)`.
        jvp_of: Another function of the same values whose jvp is used, where `f` has a hand-written vjp and no jvp.
    """
    _, forward = jax.jvp(jvp_of or f, (x,), (dx,))
    _, pullback = jax.vjp(f, x)
    (backward,) = pullback(y)
    return float(abs(inner(forward, y) - inner(dx, backward)) / np.sqrt(inner(forward, forward) * inner(y, y)))


def assert_same(actual, expected, tolerance, *, lenient=False) -> None:
    """Two pytrees of arrays alike: dtypes, shapes, and values within `tolerance` times the largest element, which is not zero.

    Where `lenient`, dtypes may differ, and what is expected may be zero throughout.
    """
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        peak = np.abs(b).max()
        assert lenient or (a.dtype == b.dtype and peak > 0)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * peak)


def collectives(program) -> list[tuple[str, str, list[str]]]:
    """Where a compiled program talks between devices: [(computation, kind, shapes)]."""
    found, computation = [], ""
    for line in program.as_text().splitlines():
        if line.endswith("{") and not line.startswith(" "):
            computation = line.split()[0]
        match = re.search(r" = (.+?) (all-\w+|collective-\w+|reduce-scatter)(-start)?\(", line)
        if match:
            found.append((computation, match[2], re.findall(r"f\d+\[([\d,]*)\]", match[1])))
    return found


def inner(a, b) -> float:
    """Inner product of two pytrees of arrays, summed in float64."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return float(sum(np.vdot(np.asarray(u, np.float64), np.asarray(v, np.float64)) for u, v in pairs))
