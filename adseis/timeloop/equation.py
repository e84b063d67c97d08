"""What an equation is to the time loop: a state, a step, and, for fast gradients, a reverse step.

Subclass `Equation` to write your own. `SweptEquation` adds what `adseis.timeloop.ReverseSweep` needs to run at full
speed.
"""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree


class State(NamedTuple):
    """What the march carries from step to step.

    Attributes:
        fields: Named wavefields, each `(shot, *extended grid)`: what can be injected into and recorded.
        memory: Anything else that the equation needs (the field one step ago, absorbing-layer memory, ...).
    """

    fields: dict[str, Array]
    memory: PyTree


class AdjointState(NamedTuple):
    """What a reverse sweep carries from step to step, backwards.

    Attributes:
        fields: Adjoint of each field of `State`, *multiplied by* the field's `Equation.injection_gain`.
        memory: Anything else that the reverse step needs.
        gradient: Running sums, one per coefficient, from which `SweptEquation.gradient` makes the cotangents.
    """

    fields: dict[str, Array]
    memory: PyTree
    gradient: PyTree


class Points(NamedTuple):
    """Where a field is touched: each point is a weighted sum over nodes ("taps").

    Attributes:
        nodes: Flat index into one shot's field.
        weights: Interpolation weight of each node.
    """

    nodes: Int[Array, "shot point tap"]
    weights: Float[Array, "shot point tap"]

    def scaled(self, factor: Any) -> "Points":
        """The points with their weights multiplied.

        Args:
            factor: One for all, one for every point, `(point,)`, or one for every node of a shot's field, `(1, *space)`.

        Returns:
            The points.
        """
        if isinstance(factor, int | float):
            return self if factor == 1 else self._replace(weights=float(factor) * self.weights)
        if factor.ndim == 1:
            return self._replace(weights=self.weights * jnp.asarray(factor, self.weights.dtype)[None, :, None])
        return self._replace(weights=self.weights * factor.reshape(-1)[self.nodes])


class Injection(NamedTuple):
    """Sources of one field: at step n, field[nodes] += gain[nodes] * weights * samples[n].

    Attributes:
        points: Where.
        samples: How much, at the instants at which the scheme wants it.
    """

    points: Points
    samples: Float[Array, "time shot point"]


Inject = Callable[[str, Array], Array]
Collect = Callable[[str, Array], None]
Probe = Callable[[dict[str, Array]], PyTree]


class Equation(abc.ABC):
    """One physics: how a state becomes the next one. Subclass it to write your own.

    An equation that defines only `initial_state` and `step` can be marched and differentiated with every strategy.

    Attributes:
        unroll: Steps to inline in one body of the compiled loop (2 spares the copies of a scheme that swaps two time levels).
    """

    unroll: int = 1

    @abc.abstractmethod
    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """The state before the first step: fields and memory at rest.

        Args:
            shots: Number of shots, the first axis of every field.
            dtype: Of the fields.

        Returns:
            The state.
        """

    @abc.abstractmethod
    def step(self, coefficients: PyTree, state: State, inject: Inject) -> State:
        """One time step. Call `field = inject(name, field)` where the sources of that field enter.

        Args:
            coefficients: What was given to `march`.
            state: The state before the step.
            inject: From the name and the values of a field to the values with its sources.

        Returns:
            The state after the step.
        """

    def injection_gain(self, coefficients: PyTree) -> dict[str, Array]:
        """What multiplies the samples that are injected.

        Args:
            coefficients: What was given to `march`.

        Returns:
            Name of a field -> factor at every node, `(1, *extended grid)`; fields that are left out have the factor 1.
        """
        del coefficients
        return {}

    def snapshot(self, before: State, after: State) -> dict[str, Array]:
        """The fields that a probe sees.

        Args:
            before: The state at the probe's instant.
            after: The state one step later.

        Returns:
            Name -> field; by default those of `before`.
        """
        del after
        return before.fields


class SweptEquation(Equation):
    """An equation that also knows its own reverse step, which is what makes `ReverseSweep` fast.

    The reverse step is the transpose of `step` for the adjoint fields scaled by `injection_gain`; with that scaling it
    is the forward update with the time reversed, and needs no division by a coefficient.
    """

    def sparing(self, perturbed: PyTree) -> "SweptEquation":
        """The equation to sweep back by where only some coefficients are differentiated.

        Args:
            perturbed: A bool for each coefficient: whether its cotangent is asked for.

        Returns:
            By default the same. One that remembers less must step alike, and have the cotangents that are asked for.
        """
        del perturbed
        return self

    def lean(self) -> "SweptEquation":
        """The equation to march by where nothing is remembered: by default the same, else one whose states hold less."""
        return self

    def resumed(self, state: State) -> State:
        """A state of `lean` as one of this equation, to march on and remember from.

        Args:
            state: From which a segment starts.

        Returns:
            The state; what no reverse step asks for of a segment's first may be anything.
        """
        return state

    @abc.abstractmethod
    def remember(self, state: State) -> PyTree:
        """The part of a forward state that `reverse_step` will ask for, stored for every step of a segment.

        Args:
            state: A state of the forward march.

        Returns:
            Any pytree of arrays.
        """

    @abc.abstractmethod
    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """The adjoint after the last step: zeros; arguments as in `initial_state`."""

    @abc.abstractmethod
    def reverse_step(
        self, coefficients: PyTree, adjoint: AdjointState, before: PyTree, after: PyTree, collect: Collect
    ) -> AdjointState:
        """Transpose of one step. Call `collect(name, adjoint_field)` where `step` calls `inject(name, field)`.

        Args:
            coefficients: What was given to `march`.
            adjoint: The adjoint after the step, receivers included.
            before: What `remember` kept of the state before the step; None if the running sums leave this step out.
            after: What it kept of the state after the step, or None.
            collect: Takes the name and the values of an adjoint field; the source samples' cotangents are read from them.

        Returns:
            The adjoint before the step.
        """

    @abc.abstractmethod
    def gradient(self, coefficients: PyTree, adjoint: AdjointState, injected: Callable[[str, Array], Array]) -> PyTree:
        """Cotangent of the coefficients at the end of the sweep.

        Args:
            coefficients: What was given to `march`.
            adjoint: The adjoint before the first step, with its running sums.
            injected: `injected(name, coefficient)` is what the injections of that field contribute to its gain's cotangent: for
                equations whose running sums leave it out.

        Returns:
            The cotangent, like `coefficients`.
        """
