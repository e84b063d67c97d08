"""What a wave equation is on an extended grid: its fields, its coefficients, its differences, what can be recorded.

`adseis.waves.simulation.simulate` does the rest.
"""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from adseis.experiment.grid import Grid
from adseis.experiment.medium import Medium
from adseis.experiment.sources import Kind
from adseis.parallel.halo import AXIS
from adseis.timeloop.equation import State, SweptEquation
from adseis.waves.boundary import Boundary, Extended, Patch
from adseis.waves.cpml import Derivative, Patches
from adseis.waves.free_surface import mirror
from adseis.waves.records import Quantity
from adseis.waves.stencils import core_of, difference, pad, stencils_of

Product = tuple[Derivative, Array, Array | None]


class Field(NamedTuple):
    """What an equation's field is, on the staggered cell.

    Attributes:
        stagger: Offset from the nodes per axis [cells].
        image: How it continues above a free surface: oddly (-1), evenly (1), or unknown (None).
        injected: When a step n wants its source, in steps after n dt: 0 or 1/2.
        recorded: When the field is right after step n, in steps after n dt: 1, or 1/2 at the half steps.
        sources: The kinds of emission that enter it.
        along: Axes of the field that it is differentiated along; None for all.
    """

    stagger: tuple[float, ...]
    image: int | None
    injected: float
    recorded: float
    sources: tuple[Kind, ...]
    along: tuple[int, ...] | None = None


class WaveEquation(SweptEquation):
    """An equation on an extended grid.

    Attributes:
        name: What error messages call it.
        medium: The kind of medium that it is of.
        speed: The parameter of the medium that its fastest waves travel with.
        staggered: Whether its CFL limit is that of staggered first differences, or of second ones.
        extended: The grid that is computed on.
        stencils: Differences per axis.
        damping: What `Boundary.damping` says, where this device computes.
    """

    name: ClassVar[str]
    medium: ClassVar[type[Medium]] = Medium
    speed: ClassVar[str] = "vp"
    staggered: ClassVar[bool] = True

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        self.extended = extended
        self.stencils = tuple(stencils_of(extended.order, h) for h in extended.grid.spacing)
        self._damping = boundary.damping(extended)

    @property
    def damping(self) -> np.ndarray | Array | None:
        """What `Boundary.damping` says, where this device computes."""
        split = self.extended.split
        return self._damping if split is None or self._damping is None else split.slab(self._damping)

    @classmethod
    @abc.abstractmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """The fields of the equation.

        Args:
            axes: 2 or 3.

        Returns:
            Name -> what it is.
        """

    @classmethod
    def compressions(cls, axes: int) -> tuple[str, ...]:
        """The fields whose mean is a pressure, or minus one.

        Args:
            axes: 2 or 3.

        Returns:
            Their names; by default none.
        """
        del axes
        return ()

    @abc.abstractmethod
    def coefficients(self, medium: Any) -> PyTree:
        """The arrays that a step multiplies by, with the time step folded in.

        Args:
            medium: Earth parameters on the model's nodes, JAX arrays of one precision.

        Returns:
            One array or a pytree of them, each `(1, *haloed)`.
        """

    @classmethod
    def quantities(cls, grid: Grid, order: int) -> dict[str, Quantity]:
        """What can be recorded: the fields, and what is computed from them at the receivers.

        Args:
            grid: Space-time sampling.
            order: Spatial accuracy.

        Returns:
            Name -> how it is computed.
        """
        del order
        names = list(cls.fields(len(grid.shape)))
        displacements = {f"u{n[1:]}": Quantity.field(n, integrated=True) for n in names if n.startswith("v")}
        return {name: Quantity.field(name) for name in names} | displacements

    def source_gain(self, kind: Kind, field: str, coefficients: PyTree) -> Array | float:
        """What an emission is multiplied by before it is injected, besides `injection_gain`.

        Args:
            kind: Of emission.
            field: That it enters.
            coefficients: From `coefficients`.

        Returns:
            A factor, or one for every node, `(1, *haloed)`; 0.0 if it does not enter the field after all.
        """
        del kind, field, coefficients
        return 1.0

    def on_halo(self, coefficients: dict[str, Array]) -> dict[str, Array]:
        """Coefficients of a first-order equation, ready for its steps.

        Args:
            coefficients: On the extended grid.

        Returns:
            `(1, *haloed)` each, zero in the halo, over 1 + damping / 2.
        """
        haloed = {name: pad(c[None], self.extended.halo) for name, c in coefficients.items()}
        if self.damping is None:
            return haloed
        return {name: c / jnp.asarray(1 + self.damping / 2, c.dtype) for name, c in haloed.items()}

    def filled(self, name: str, field: Array) -> Array:
        """A field whose halo will be read: with its images above a free surface, and its neighbours' values at cuts.

        Args:
            name: Which field, or its adjoint.
            field: Its values, `(shot, *haloed)`.

        Returns:
            The field with its halo rewritten along the axes that it is differentiated along.
        """
        kind, extended = self.fields(len(self.extended.core))[name], self.extended
        along = extended.axes if kind.along is None else kind.along
        if extended.free_surface and 1 in along and kind.image is not None:
            field = mirror(field, extended.halo, odd=kind.image < 0, nodal=kind.stagger[0] == 0)
        return extended.split.exchange(field) if extended.split is not None and AXIS in along else field

    def sum_of(self, derivatives: Sequence[Product], patches: Patches) -> Array:
        """A sum of staggered derivatives, in one expression that a compiler can turn into one kernel.

        Args:
            derivatives: Which, of what field `(shot, *haloed)`, times what coefficient `(1, *haloed)`; None for 1.
            patches: What layers add to derivatives.

        Returns:
            The sum, `(shot, *haloed)`.
        """
        halo, total, added = self.extended.halo, [], []
        for of, field, coefficient in derivatives:
            stencils = self.stencils[of.axis - 1]
            slope = difference(stencils.forward if of.forward else stencils.backward, field, of.axis, halo)
            total.append(slope if coefficient is None else core_of(coefficient, halo) * slope)
            added += [patch.placed(self.extended, coefficient) for patch in [*patches.get(of, []), *self.closure(of, field)]]
        return sum(added, start=pad(sum(total[1:], start=total[0]), halo))

    def closure(self, of: Derivative, field: Array) -> list[Patch]:
        """What is added to a derivative near a free surface where images do not make it right: by default nothing."""
        del of, field
        return []

    def damped(self, field: Array) -> Array:
        """What a field of a first-order equation would become in a step without forces."""
        if self.damping is None:
            return field
        return jnp.asarray((2 - self.damping) / (2 + self.damping), field.dtype) * field

    def snapshot(self, before: State, after: State) -> dict[str, Array]:
        """Fields on the model's nodes at t = n dt; those of the half steps are averaged."""
        kinds = self.fields(len(self.extended.core))
        at = {k: (before.fields[k] + after.fields[k]) / 2 if kinds[k].recorded == 0.5 else v for k, v in before.fields.items()}
        return {k: self.extended.crop(v) for k, v in at.items()}


def compressions_among(fields: dict[str, Array]) -> list[Array]:
    """The fields that a wave equation declares as its compressions.

    Args:
        fields: What a probe sees: name -> `(shot, *grid)`.

    Returns:
        Those fields, in their order.
    """
    axes = next(iter(fields.values())).ndim - 1
    declared = {name for equation in WaveEquation.__subclasses__() for name in equation.compressions(axes)}
    return [field for name, field in fields.items() if name in declared]
