"""A damped scalar wave on a torus, 2D: the equation of OpenFWI's data, in its own arithmetic.

Its damping is none of `ads.Sponge`'s, and nothing ends its grid: what leaves at one side comes in at the other.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from adseis.signals import divide
from adseis.timeloop.equation import AdjointState, Collect, Inject, Points, State, SweptEquation

HALO = 2
NEAR, FAR = 4 / 3, -1 / 12
"""Weights of the nearest and second neighbours; that of the node itself, along both axes, is -5."""


class Damped(NamedTuple):
    """Coefficients `(1, *haloed)`, zero in the halo.

    Attributes:
        alpha: (v dt / dx)^2.
        k: Damping times dt.
    """

    alpha: Float[Array, "1 z x"]
    k: Float[Array, "1 z x"]

    @classmethod
    def of(cls, alpha: Array, k: Array) -> "Damped":
        """From values on the grid, `(z, x)`."""
        return cls(_padded(alpha[None]), _padded(k[None]))


class DampedScalar(SweptEquation):
    """p' = (2 - 5 alpha - k) p - (1 - k) p_before + alpha (sums of neighbours), periodic; sources are multiplied by alpha.

    Fields have a halo of two nodes that repeats the other side.

    Args:
        shape: Nodes along z and x.
        by_damping: Whether the cotangent of k is summed too.
    """

    unroll = 2

    def __init__(self, shape: tuple[int, int], by_damping: bool = True) -> None:
        self.shape, self.by_damping = shape, by_damping

    def points(self, nodes: Any, weights: Array) -> Points:
        """Nodes of the grid as points of a field.

        Args:
            nodes: Rows and columns, `(shot, point, 2)`.
            weights: Of each, `(shot, point)`.

        Returns:
            The points.
        """
        rows, columns = nodes[..., 0] + HALO, nodes[..., 1] + HALO
        return Points(jnp.asarray(rows * (self.shape[1] + 2 * HALO) + columns)[..., None], weights[..., None])

    def sparing(self, perturbed: Any) -> "DampedScalar":
        """Without the sum for k where nothing depends on it."""
        return DampedScalar(self.shape, perturbed.k)

    def injection_gain(self, coefficients: Damped) -> dict[str, Array]:
        """Sources are multiplied by alpha."""
        return {"p": coefficients.alpha}

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """Rest; remembered is the field one step ago."""
        zero = self._zeros(shots, dtype)
        return State({"p": zero}, zero)

    def step(self, coefficients: Damped, state: State, inject: Inject) -> State:
        """p and the field one step ago become the field one step on and p."""
        p = state.fields["p"]
        return State({"p": _filled(inject("p", _advanced(coefficients, p, state.memory)))}, p)

    def remember(self, state: State) -> Array:
        """p - p_before, two of which make what the forces did."""
        return state.fields["p"] - state.memory

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Rest."""
        zero = self._zeros(shots, dtype)
        return AdjointState({"p": zero}, zero, (zero, zero if self.by_damping else None))

    def reverse_step(
        self, coefficients: Damped, adjoint: AdjointState, before: Array | None, after: Array | None, collect: Collect
    ) -> AdjointState:
        """For w = alpha lambda the transpose is the forward step itself."""
        w = _filled(adjoint.fields["p"])
        collect("p", w)
        forces, damping = adjoint.gradient
        if before is not None and after is not None:
            forces = forces + w * (after - (1 - coefficients.k) * before)
            damping = None if damping is None else damping + w * before
        return AdjointState({"p": _advanced(coefficients, w, adjoint.memory)}, w, (forces, damping))

    def gradient(self, coefficients: Damped, adjoint: AdjointState, injected: Callable[[str, Array], Array]) -> Damped:
        """sum_n lambda (what the forces did) / alpha, sources being part of it, and -sum_n lambda (p - p_before)."""
        del injected
        alpha, (forces, damping) = coefficients.alpha, adjoint.gradient
        by_alpha = divide(forces.sum(0, keepdims=True), alpha**2)
        by_k = jnp.zeros_like(alpha) if damping is None else -divide(damping.sum(0, keepdims=True), alpha)
        return Damped(by_alpha, by_k)

    def _zeros(self, shots: int, dtype: jnp.dtype) -> Array:
        return jnp.zeros((shots, *(n + 2 * HALO for n in self.shape)), dtype)


def _advanced(coefficients: Damped, p: Array, before: Array) -> Array:
    """One step without sources; what the halo holds is of no use."""
    alpha, k = coefficients

    def moved(z: int, x: int) -> Array:
        return p[:, HALO + z : p.shape[1] - HALO + z, HALO + x : p.shape[2] - HALO + x]

    near = moved(-1, 0) + moved(1, 0) + moved(0, -1) + moved(0, 1)
    far = moved(-2, 0) + moved(2, 0) + moved(0, -2) + moved(0, 2)
    # The whole array in one expression, so that the field of two steps ago can be overwritten.
    return (2 - 5 * alpha - k) * p - (1 - k) * before + alpha * _padded(NEAR * near + FAR * far)


def _padded(core: Array) -> Array:
    return jnp.pad(core, [(0, 0), (HALO, HALO), (HALO, HALO)])


def _filled(field: Array) -> Array:
    """The field with its halo rewritten: what stands on the other side."""
    for axis in (1, 2):
        n = field.shape[axis]
        for to, of in ((0, n - 2 * HALO), (n - HALO, HALO)):
            values = lax.slice_in_dim(field, of, of + HALO, axis=axis)
            field = lax.dynamic_update_slice_in_dim(field, values, to, axis)
    return field
