r"""A second-order system M u_tt = f - K u, stepped to fourth order in time.

With D = M^-1, restricted to what is free to move,

    a = D (f - K u),    u' = 2 u - u_before + dt^2 (a - dt^2 / 12 D K a),

which is u' = 2 u - u_before + dt^2 D' (f - K u) with D' = D - dt^2 / 12 D K D. D, K and so D' are symmetric: energy is
conserved, and the transpose of a step is a step. It is stable for dt^2 w^2 <= 12, w^2 being the largest eigenvalue of D K (4 for
the leapfrog).

References:
    Dablain, M. A. (1986), Geophysics 51, 54-66, doi:10.1190/1.1442040
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from adseis.timeloop.equation import AdjointState, Collect, Inject, State, SweptEquation

LIMIT = 12.0
"""The largest stable dt^2 w^2."""


class Coefficients(NamedTuple):
    """What a system is made of, each part linear in its operator.

    Attributes:
        mass: D is linear in it.
        stiffness: K is linear in it.
    """

    mass: PyTree
    stiffness: PyTree


@runtime_checkable
class System(Protocol):
    """The two symmetric operators of a physics.

    Attributes:
        name: Of its field.
    """

    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the field of one shot."""
        ...

    def moved(self, mass: PyTree, force: Array) -> Array:
        """D: the acceleration of a force, zero where nothing moves."""
        ...

    def resisted(self, stiffness: PyTree, field: Array) -> Array:
        """K: the force that is needed to hold a field."""
        ...


Physics = TypeVar("Physics", bound=System)


class _Kept(NamedTuple):
    """What the cotangents of a step need of it: forces and acceleration of its two halves."""

    force: Array
    second: Array
    acceleration: Array


class _Memory(NamedTuple):
    before: Array
    kept: _Kept | None


@dataclasses.dataclass(frozen=True, eq=False)
class FourthOrder(SweptEquation, Generic[Physics]):
    """A system marched through time, one shot at a time.

    Attributes:
        system: Its operators.
        dt: Time step [s].
        like: Shapes of the coefficients.
        by_mass: Whether a sweep makes the cotangent of `Coefficients.mass`.
        by_stiffness: Likewise of `Coefficients.stiffness`.
        keeps: Whether a step keeps what these need.
    """

    system: Physics
    dt: float
    like: Coefficients
    by_mass: bool = True
    by_stiffness: bool = True
    keeps: bool = False

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """At rest."""
        zero = self._zeros(shots, dtype)
        return State({self.system.name: zero}, _Memory(zero, _Kept(zero, zero, zero) if self.keeps else None))

    def step(self, coefficients: Coefficients, state: State, inject: Inject) -> State:
        """Two applications of each operator; sources are forces, with dt^2 / 12 of their second derivative."""
        name, dt2 = self.system.name, self.dt**2
        field, before = state.fields[name][0], state.memory.before[0]
        force = inject(name, -self.system.resisted(coefficients.stiffness, field)[None])[0]
        acceleration = self.system.moved(coefficients.mass, force)
        second = -self.system.resisted(coefficients.stiffness, acceleration)
        change = acceleration + dt2 / 12 * self.system.moved(coefficients.mass, second)
        kept = _Kept(force[None], second[None], acceleration[None]) if self.keeps else None
        return State({name: (2 * field - before + dt2 * change)[None]}, _Memory(field[None], kept))

    def sparing(self, perturbed: Coefficients) -> "FourthOrder[Physics]":
        """Only the cotangents that are asked for."""
        by_mass, by_stiffness = (any(jax.tree.leaves(part)) for part in (perturbed.mass, perturbed.stiffness))
        return dataclasses.replace(self, by_mass=by_mass, by_stiffness=by_stiffness, keeps=by_mass or by_stiffness)

    def lean(self) -> "FourthOrder[Physics]":
        """Without what a step keeps."""
        return dataclasses.replace(self, keeps=False)

    def resumed(self, state: State) -> State:
        """Nothing is kept of a step before a segment: of the state it starts from only the field is asked for."""
        if not self.keeps:
            return state
        zero = jnp.zeros_like(state.memory.before)
        return State(state.fields, _Memory(state.memory.before, _Kept(zero, zero, zero)))

    def remember(self, state: State) -> PyTree:
        """Forces where mass is differentiated, the field and its acceleration where stiffness is."""
        kept = state.memory.kept
        if kept is None:
            return ()
        by_mass = (kept.force, kept.second) if self.by_mass else ()
        return by_mass, (state.fields[self.system.name], kept.acceleration) if self.by_stiffness else ()

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Zeros."""
        zero = self._zeros(shots, dtype)
        mass, stiffness = jax.tree.map(lambda x: jnp.zeros(x.shape, dtype), self.like)
        sums = Coefficients(mass if self.by_mass else None, stiffness if self.by_stiffness else None)
        return AdjointState({self.system.name: zero}, zero, sums)

    def reverse_step(
        self, coefficients: Coefficients, adjoint: AdjointState, before: PyTree, after: PyTree, collect: Collect
    ) -> AdjointState:
        """The step itself, with the operators in the other order."""
        name, dt2 = self.system.name, self.dt**2
        mass, stiffness = coefficients
        field, later = adjoint.fields[name][0], adjoint.memory[0]
        x = self.system.moved(mass, field)
        y = self.system.resisted(stiffness, x)
        z = self.system.moved(mass, y)
        given = dt2 * (x - dt2 / 12 * z)
        collect(name, given[None])
        by_mass, by_stiffness = adjoint.gradient
        if after is not None and self.by_mass:
            force, second = (part[0] for part in after[0])
            pairs = (dt2 * (field - dt2 / 12 * y), force), (dt2**2 / 12 * field, second)
            by_mass = _added(by_mass, self.system.moved, mass, pairs)
        if after is not None and self.by_stiffness:
            pairs = (-given, before[1][0][0]), (-(dt2**2) / 12 * x, after[1][1][0])
            by_stiffness = _added(by_stiffness, self.system.resisted, stiffness, pairs)
        earlier = 2 * field - later - dt2 * (y - dt2 / 12 * self.system.resisted(stiffness, z))
        return AdjointState({name: earlier[None]}, field[None], Coefficients(by_mass, by_stiffness))

    def gradient(
        self, coefficients: Coefficients, adjoint: AdjointState, injected: Callable[[str, Array], Array]
    ) -> Coefficients:
        """The running sums."""
        del injected
        mass, stiffness = adjoint.gradient
        zeros = jax.tree.map(jnp.zeros_like, coefficients)
        return Coefficients(mass if self.by_mass else zeros.mass, stiffness if self.by_stiffness else zeros.stiffness)

    def _zeros(self, shots: int, dtype: jnp.dtype) -> Array:
        return jnp.zeros((shots, *self.system.shape), dtype)


def _added(sums: PyTree, operator: Callable[[PyTree, Array], Array], at: PyTree, pairs: Any) -> PyTree:
    """Sums, and what an operator's coefficients are given by <left, operator right> of every pair."""
    for left, right in pairs:
        (given,) = jax.vjp(lambda c, right=right: operator(c, right), at)[1](left)
        sums = jax.tree.map(jnp.add, sums, given)
    return sums
