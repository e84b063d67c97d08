"""Points in the meridian half plane: which element holds them, and what a field and its derivatives are there."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from adseis.signals.arithmetic import einsum
from adseis.sphere.elements import Elements
from adseis.sphere.quadrature import lagrange, lobatto

CANDIDATES = 9
"""Elements whose middle is nearest: one of them holds the point."""
ITERATIONS = 10
"""Of Newton, for each candidate: from an element's middle it converges quadratically."""
ON_AXIS = {"float32": 1e-5, "float64": 1e-9}
"""Of the radius: what is nearer to the axis lies on it. Where a place is rounded, a value over s would be rounding over s."""


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
    return jax.vmap(lambda s, z: _located(elements, s, z))(s, z)


def _located(elements: Elements, s: Array, z: Array) -> Located:
    """One point."""
    at = jnp.stack([s, z])
    points, _, derivatives = zip(*(lobatto(elements.degree, axial=axial) for axial in (True, False)), strict=True)
    middles = jnp.asarray(elements.points.mean((1, 2)), at.dtype)
    near = lax.stop_gradient(at)
    _, candidates = lax.top_k(-jnp.sum((middles - near[None]) ** 2, -1), min(CANDIDATES, len(middles)))

    def corner(element: Array) -> tuple[Array, Array, Array]:
        """Its points, and the points and the derivative along its two directions, of which the first may lead from the axis."""
        kinds = jnp.stack([(element >= elements.axial).astype(int), jnp.ones((), int)])
        ends, slopes = (jnp.asarray(np.stack(x), at.dtype)[kinds] for x in (points, derivatives))
        return jnp.asarray(elements.points, at.dtype)[element], ends, slopes

    def place(corner: tuple[Array, Array, Array], x: Array) -> tuple[Array, Array, Array]:
        """Where a local point is, its Jacobian, and the basis there with its two slopes."""
        points, ends, slopes = corner
        values = lagrange(ends, x)
        steep = einsum("dp,dpq->dq", values, slopes)
        (u, v), (du, dv) = values, steep
        basis = jnp.stack([jnp.outer(u, v), jnp.outer(du, v), jnp.outer(u, dv)])
        where, d1, d2 = einsum("bij,ijc->bc", basis, points)
        return where, jnp.stack([d1, d2], -1), basis.reshape(3, -1)

    def newton(corner: tuple[Array, Array, Array], x: Array, to: Array) -> Array:
        where, jacobian, _ = place(corner, x)
        return x + _solved(jacobian, to - where)

    def start(corner: tuple[Array, Array, Array]) -> Array:
        # Held near the element, lest a step from a wrong one runs away.
        step = lambda _, x: jnp.clip(newton(corner, x, near), -1.5, 1.5)  # noqa: E731
        return lax.fori_loop(0, ITERATIONS, step, jnp.zeros_like(near))

    def off(element: Array, x: Array) -> Array:
        """How far the point is from the element, squared, given where it is in its coordinates."""
        return jnp.sum((place(corner(element), jnp.clip(x, -1, 1))[0] - near) ** 2)

    tried = lax.stop_gradient(jax.vmap(lambda element: start(corner(element)))(candidates))
    # The nearest of them: in a wrong one Newton may not converge, and between the surface's nodes a point may be outside of all.
    best = jnp.argmin(jax.vmap(off)(candidates, tried))
    element, x = candidates[best], tried[best]
    held = corner(element)
    # From a root two more steps are the root to second order in what is differentiated.
    x = newton(held, newton(held, x, at), at)
    (across, _), jacobian, (value, by_first, by_second) = place(held, x)
    by_s, by_z = _solved(jnp.swapaxes(jacobian, 0, 1), jnp.stack([by_first, by_second]))
    close = s < ON_AXIS[str(at.dtype)] * float(np.abs(elements.points).max())
    # Over the s of these very weights, whose rounding is that of the value.
    over_s = jnp.where(close, by_s, value / jnp.where(close, 1.0, across))
    local = jnp.asarray(elements.local.reshape(len(elements.local), -1))
    return Located(local[element], value, by_s, by_z, over_s)


def _solved(matrix: Float[Array, "2 2"], right: Float[Array, "2 *rest"]) -> Float[Array, "2 *rest"]:
    """The solution of two linear equations."""
    (a, b), (c, d) = matrix
    return jnp.stack([d * right[0] - b * right[1], a * right[1] - c * right[0]]) / (a * d - b * c)
