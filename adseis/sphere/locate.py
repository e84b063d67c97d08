"""Points in the meridian half plane: which element holds them, and what a field and its derivatives are there."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from adseis.sphere.elements import Elements
from adseis.sphere.quadrature import lagrange, lobatto

CANDIDATES = 9
"""Elements whose middle is nearest: one of them holds the point."""
ITERATIONS = 10
"""Of Newton, for each candidate: from an element's middle it converges quadratically."""


class Located(NamedTuple):
    """Points of a mesh.

    Attributes:
        nodes: Of the element that holds each, `(at, point)`.
        value: Weight of each node in the field's value.
        by_s: In its derivative by s [1/m].
        by_z: In its derivative by z [1/m].
        over_s: In the field over s [1/m]; on the axis, where a component that is divided by s vanishes, in the derivative by s.
    """

    nodes: Int[Array, "at point"]
    value: Float[Array, "at point"]
    by_s: Float[Array, "at point"]
    by_z: Float[Array, "at point"]
    over_s: Float[Array, "at point"]


def locate(elements: Elements, s: Float[Array, " at"], z: Float[Array, " at"]) -> Located:
    """Find points, and the weights of the nodes around them; differentiable by s and z, and where these are traced.

    Args:
        elements: Of the mesh.
        s: Distance of each point from the axis [m].
        z: Height of each [m]; all points lie within the mesh.

    Returns:
        Nodes and weights.
    """
    found = [jax.vmap(lambda s, z, axial=axial: _in_some(elements, axial, s, z))(s, z) for axial in (True, False)]
    axial, plain = found
    held = axial[0] <= plain[0]
    picked = jax.tree.map(lambda a, b: jnp.where(held.reshape(-1, *[1] * (a.ndim - 1)), a, b), axial[1], plain[1])
    close = s < 1e-9 * np.abs(elements.points).max()
    safe = jnp.where(close, 1.0, s)[:, None]
    return picked._replace(over_s=jnp.where(close[:, None], picked.by_s, picked.value / safe))


def _in_some(elements: Elements, axial: bool, s: Array, z: Array) -> tuple[Array, Located]:
    """How far a point is out of the best of the elements that touch the axis, or of the others, and what it is there."""
    some = slice(None, elements.axial) if axial else slice(elements.axial, None)
    at = jnp.stack([s, z])
    points = jnp.asarray(elements.points[some], at.dtype)
    local = jnp.asarray(elements.local[some].reshape(len(points), -1))
    middles = jnp.asarray(elements.points[some].mean((1, 2)), at.dtype)
    rules = lobatto(elements.degree, axial=axial), lobatto(elements.degree)
    near = lax.stop_gradient(at)
    _, candidates = lax.top_k(-jnp.sum((middles - near) ** 2, -1), min(CANDIDATES, len(points)))

    def place(corner: Array, x: Array) -> tuple[Array, Array, tuple[Array, Array, Array]]:
        """Where a local point is, its Jacobian, and the basis there."""
        (u, du), (v, dv) = ((lambda w, rule: (w, w @ jnp.asarray(rule.derivative, x.dtype)))(lagrange(r.points, x[i]), r)
                            for i, r in enumerate(rules))  # fmt: skip
        basis = (jnp.outer(u, v), jnp.outer(du, v), jnp.outer(u, dv))
        where, d1, d2 = (jnp.einsum("ij,ijc->c", b, corner) for b in basis)
        return where, jnp.stack([d1, d2], -1), basis

    def newton(corner: Array, x: Array, to: Array) -> Array:
        where, jacobian, _ = place(corner, x)
        return x + _solved(jacobian, to - where)

    def start(corner: Array) -> Array:
        # Held near the element, lest a step from a wrong one runs away.
        step = lambda _, x: jnp.clip(newton(corner, x, near), -1.5, 1.5)  # noqa: E731
        return lax.fori_loop(0, ITERATIONS, step, jnp.zeros_like(near))

    tried = lax.stop_gradient(jax.vmap(start)(points[candidates]))
    out = jnp.max(jnp.abs(tried), -1)
    best = jnp.argmin(out)
    corner, x = points[candidates[best]], tried[best]
    # From a root two more steps are the root to second order in what is differentiated.
    x = newton(corner, newton(corner, x, at), at)
    _, jacobian, (value, by_first, by_second) = place(corner, x)
    by_s, by_z = _solved(jnp.swapaxes(jacobian, 0, 1), jnp.stack([by_first.ravel(), by_second.ravel()]))
    return out[best], Located(local[candidates[best]], value.ravel(), by_s, by_z, jnp.zeros_like(by_s))


def _solved(matrix: Float[Array, "2 2"], right: Float[Array, "2 *rest"]) -> Float[Array, "2 *rest"]:
    """The solution of two linear equations."""
    (a, b), (c, d) = matrix
    return jnp.stack([d * right[0] - b * right[1], a * right[1] - c * right[0]]) / (a * d - b * c)
