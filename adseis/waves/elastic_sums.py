"""What a reverse sweep of elastic waves remembers, and sums up: by all coefficients, or by lambda alone.

Of the coefficients only lambda depends on vp. Its cotangent is the trace of the adjoint stresses times the divergence of the
velocity, one field, where the others together need the velocities before and after a step.
"""

import abc
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, PyTree

from adseis.signals import divide
from adseis.timeloop.equation import State
from adseis.timeloop.fusion import stored
from adseis.waves.boundary import Extended, Strip
from adseis.waves.cpml import Derivative, FirstOrder, Patches


@runtime_checkable
class Coupled(Protocol):
    """What is asked of the equation."""

    velocities: tuple[str, ...]
    normal: tuple[str, ...]
    shear: tuple[str, ...]
    extended: Extended
    of_velocity: FirstOrder

    def damped(self, field: Array) -> Array:
        """What a field would become in a step without forces."""
        ...

    def strain(self, stress: str, velocities: dict[str, Array], patches: Patches) -> Array:
        """The strain rate that a stress belongs to."""
        ...

    def stress_of(self, of: Derivative) -> str:
        """The stress that a derivative of a velocity drives."""
        ...


class Sums(abc.ABC):
    """Running sums of a sweep.

    Args:
        equation: Whose.
    """

    def __init__(self, equation: Coupled) -> None:
        self.equation = equation
        layers = zip(equation.of_velocity.of, equation.of_velocity.strips, strict=True)
        self.layers = [(equation.stress_of(of), strip) for of, strip in layers]

    @abc.abstractmethod
    def remember(self, state: State) -> PyTree:
        """What is kept of a forward state."""

    @abc.abstractmethod
    def rest(self, zero: Array, strips: tuple[Array, ...]) -> PyTree:
        """The sums at first; `zero` of a field and of every strip of layers."""

    @abc.abstractmethod
    def add(self, sums: PyTree, adjoint: dict[str, Array], before: PyTree, after: PyTree, clock: Array) -> PyTree:
        """The sums with the adjoint times the forward step without its coefficients."""

    @abc.abstractmethod
    def cotangents(self, sums: PyTree, coefficients: dict[str, Array]) -> dict[str, Array]:
        """By each coefficient that was summed by; all have one shot."""

    def trace(self, stresses: dict[str, Array]) -> Array:
        """Of the normal stresses."""
        return sum((stresses[name] for name in self.equation.normal[1:]), start=stresses[self.equation.normal[0]])


class OfAll(Sums):
    """By every coefficient: strains and accelerations, from velocities and the layers' memory of their derivatives."""

    def remember(self, state: State) -> PyTree:
        """Velocities and memory."""
        return {name: state.fields[name] for name in self.equation.velocities}, state.memory[1].strips

    def rest(self, zero: Array, strips: tuple[Array, ...]) -> PyTree:
        """A sum for every coefficient, and those of the layers."""
        sums = dict.fromkeys((*self.equation.velocities, "lambda", "2mu", *self.equation.shear), zero)
        parts = tuple(
            (m, m) if stress in self.equation.normal else (m,) for (stress, _), m in zip(self.layers, strips, strict=True)
        )
        return sums, parts

    def add(self, sums: PyTree, adjoint: dict[str, Array], before: PyTree, after: PyTree, clock: Array) -> PyTree:
        """Forces by the accelerations, stresses by the strains."""
        equation, (large, parts) = self.equation, sums
        large, (v_before, _), (v_after, memory) = dict(large), before, after
        for name in equation.velocities:
            large[name] = large[name] + adjoint[name] * (v_after[name] - equation.damped(v_before[name]))
        v_after = stored(clock, lambda v: v, v_after)  # its differences, taken within a history, are slow
        trace = self.trace(adjoint)
        strains = {name: equation.strain(name, v_after, {}) for name in (*equation.normal, *equation.shear)}
        large["lambda"] = large["lambda"] + trace * sum(strains[name] for name in equation.normal)
        large["2mu"] = large["2mu"] + sum(adjoint[name] * strains[name] for name in equation.normal)
        for name in equation.shear:
            large[name] = large[name] + adjoint[name] * strains[name]
        # The layers' part is summed in strips of its own: placed in the large sums it would double the sweep's time.
        added = []
        for (stress, strip), part, m in zip(self.layers, parts, memory, strict=True):
            weights = [trace, adjoint[stress]] if stress in equation.normal else [adjoint[stress]]
            added.append(tuple(p + strip.cut(w, equation.extended) * m for p, w in zip(part, weights, strict=True)))
        return large, tuple(added)

    def cotangents(self, sums: PyTree, coefficients: dict[str, Array]) -> dict[str, Array]:
        """Sources are part of the velocities' updates."""
        large, parts = sums
        found = {name: divide(large[name], coefficients[name] ** 2) for name in self.equation.velocities}
        found |= {name: large[name] for name in ("lambda", "2mu", *self.equation.shear)}
        for (stress, strip), part in zip(self.layers, parts, strict=True):
            names = ("lambda", "2mu") if stress in self.equation.normal else (stress,)
            for name, p in zip(names, part, strict=True):
                found[name] = found[name] + strip.place(p, self.equation.extended)
        return found


class OfLambda(Sums):
    """By lambda alone: the divergence is kept, without what the layers add to it, and that."""

    def __init__(self, equation: Coupled) -> None:
        super().__init__(equation)
        self.stretching = [stress in equation.normal for stress, _ in self.layers]
        self.strips: list[Strip] = [strip for _, strip in self._of(self.layers)]

    def _of(self, layers: Any) -> list[Any]:
        """What belongs to layers along which velocities stretch."""
        return [layer for layer, stretching in zip(layers, self.stretching, strict=True) if stretching]

    def remember(self, state: State) -> PyTree:
        """The divergence and the memory."""
        strains = [self.equation.strain(name, state.fields, {}) for name in self.equation.normal]
        return sum(strains[1:], start=strains[0]), tuple(self._of(state.memory[1].strips))

    def rest(self, zero: Array, strips: tuple[Array, ...]) -> PyTree:
        """One sum, and those of the layers."""
        return zero, tuple(self._of(strips))

    def add(self, sums: PyTree, adjoint: dict[str, Array], before: PyTree, after: PyTree, clock: Array) -> PyTree:
        """The trace times the divergence."""
        del before, clock
        (large, parts), (divergence, memory), trace = sums, after, self.trace(adjoint)
        layers = zip(parts, self.strips, memory, strict=True)
        return large + trace * divergence, tuple(p + s.cut(trace, self.equation.extended) * m for p, s, m in layers)

    def cotangents(self, sums: PyTree, coefficients: dict[str, Array]) -> dict[str, Array]:
        """The sum, with that of the layers in its place."""
        del coefficients
        large, parts = sums
        for strip, part in zip(self.strips, parts, strict=True):
            large = large + strip.place(part, self.equation.extended)
        return {"lambda": large}
