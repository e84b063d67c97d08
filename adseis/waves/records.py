"""What receivers record: fields, sums of fields and of their differences, integrals over time, fibres.

A recorded quantity is a sum of weighted fields at points around the receiver. It is made of interpolation weights alone, so that
every adjoint differentiates it without knowing of it.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from adseis.experiment.checks import Samples
from adseis.experiment.sampling import staggered_weights
from adseis.timeloop.equation import Points


class RecordTerm(NamedTuple):
    """A field at a distance from the receivers, times a weight.

    Attributes:
        field: Its name.
        weight: A number, or one per receiver, `(receiver,)`.
        shift: Distance per axis [m], `(axis,)`, or `(receiver, axis)`; None for none.
    """

    field: str
    weight: Any = 1.0
    shift: Any = None


class Quantity(NamedTuple):
    """What is recorded: the sum of terms.

    Attributes:
        terms: The terms.
        integrated: Whether the sum is integrated over time.
    """

    terms: tuple[RecordTerm, ...]
    integrated: bool = False

    @classmethod
    def field(cls, name: str, *, integrated: bool = False) -> "Quantity":
        """A field itself, or its integral over time.

        Args:
            name: Of the field.
            integrated: Whether it is integrated.

        Returns:
            The quantity.
        """
        return cls((RecordTerm(name),), integrated)


class Fibre(eqx.Module):
    r"""Strain rate along an optical fibre, as distributed acoustic sensing (DAS) measures it over a gauge length.

    With d the direction of the fibre at a receiver x and L the gauge length,

        e(x) = d . (v(x + L d / 2) - v(x - L d / 2)) / L.

    Attributes:
        direction: d in the axes of the grid (z down first), of any length, `(axis,)`, or `(receiver, axis)` if the fibre bends.
        gauge_length: L [m].

    Raises:
        ValueError: If a direction is zero or not finite, or the gauge length not positive.

    References:
        Daley, T. M. et al. (2016), Geophys. Prospect. 64, 1318-1334, doi:10.1111/1365-2478.12324

    Example:
        >>> fibre = ads.Fibre(direction=(0.0, 1.0), gauge_length=10.0)  # along x: directions are (z, x), z first
        >>> fibre.ends(np.array([[[5.0, 50.0]]]))[1]
        array([[[ 5., 55.]]])
    """

    direction: tuple = eqx.field(static=True, converter=lambda d: _frozen(np.asarray(d, float)))
    gauge_length: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        d = np.asarray(self.direction)
        if d.ndim not in (1, 2) or not np.all(np.isfinite(d)) or np.any(np.linalg.norm(d, axis=-1) == 0):
            raise ValueError(f"`direction` = {self.direction} must be (axis,) or (receiver, axis), finite and not zero.")
        if not (math.isfinite(self.gauge_length) and self.gauge_length > 0):
            raise ValueError(f"`gauge_length` = {self.gauge_length} m must be positive.")

    @property
    def along(self) -> np.ndarray:
        """Unit vectors."""
        d = np.asarray(self.direction)
        return d / np.linalg.norm(d, axis=-1, keepdims=True)

    def ends(self, receivers: Samples) -> tuple[Samples, Samples]:
        """Where the gauge lengths begin and end.

        Args:
            receivers: Their middles [m], `(shot, receiver, axis)`.

        Returns:
            Two arrays of positions of that shape.
        """
        half = self.gauge_length / 2 * self.along
        return shifted(receivers, -half), shifted(receivers, half)

    def quantity(self, velocities: Sequence[str], receivers: int) -> Quantity:
        """How it is recorded.

        Args:
            velocities: Names of the velocities, in the order of the axes.
            receivers: How many there are.

        Returns:
            The quantity.

        Raises:
            ValueError: If `direction` fits neither the axes nor the receivers.
        """
        d = self.along
        if d.shape[-1] != len(velocities) or (d.ndim == 2 and len(d) != receivers):
            raise ValueError(
                f"`direction` {d.shape} of the Fibre must be ({len(velocities)},), or ({receivers}, {len(velocities)}) for these "
                "receivers."
            )
        half = self.gauge_length / 2 * d
        parts = [(name, d[..., axis]) for axis, name in enumerate(velocities) if np.any(d[..., axis])]
        terms = [RecordTerm(name, s * c / self.gauge_length, s * half) for name, c in parts for s in (1.0, -1.0)]
        return Quantity(tuple(terms))


Recordable = str | Fibre


def slope(field: str, axis: int, spacing: Sequence[float], order: int, sign: float = 1.0) -> tuple[RecordTerm, ...]:
    """The derivative of a field at the receivers, by the staggered differences of a scheme.

    Args:
        field: Its name.
        axis: 0 for z.
        spacing: Distance of nodes per axis [m].
        order: Spatial accuracy.
        sign: What it is multiplied by.

    Returns:
        The terms.
    """
    terms = []
    for k, weight in enumerate(staggered_weights(order)):
        for side in (1.0, -1.0):
            shift = np.zeros(len(spacing))
            shift[axis] = side * (k + 0.5) * spacing[axis]
            terms.append(RecordTerm(field, sign * side * float(weight) / spacing[axis], shift))
    return tuple(terms)


def shifted(receivers: Samples, shift: Any) -> Samples:
    """Positions moved by a distance.

    Args:
        receivers: `(shot, receiver, axis)` [m].
        shift: `(axis,)`, `(receiver, axis)` or None.

    Returns:
        `(shot, receiver, axis)`.
    """
    if shift is None:
        return receivers
    shift = np.asarray(shift)
    return receivers + shift.reshape(1, -1, shift.shape[-1]).astype(receivers.dtype)


def joined(parts: Sequence[Points]) -> Points:
    """Several sets of points of one field as one; shorter lists of taps are filled up with weight 0.

    Args:
        parts: The sets.

    Returns:
        All points, in their order.
    """
    taps = max(p.nodes.shape[-1] for p in parts)
    fill = lambda x: jnp.pad(x, ((0, 0), (0, 0), (0, taps - x.shape[-1])))  # noqa: E731
    return Points(*(jnp.concatenate([fill(x) for x in xs], 1) for xs in zip(*parts, strict=True)))


def combined(quantities: Sequence[Sequence[tuple[str, Points]]]) -> tuple[dict[str, Points], list[list[tuple[str, slice]]]]:
    """What to record of every field, so that all quantities can be put together.

    Args:
        quantities: For each, its terms: a field and where, weights included.

    Returns:
        Field -> points; and for each quantity the fields, and which of their points, that are summed.
    """
    points: dict[str, list[Points]] = {}
    recipes = []
    for terms in quantities:
        recipe = []
        for field in dict.fromkeys(name for name, _ in terms):
            of_field = [p for name, p in terms if name == field]
            taps = Points(*(jnp.concatenate(xs, -1) for xs in zip(*of_field, strict=True)))
            before = sum(p.nodes.shape[1] for p in points.get(field, []))
            points.setdefault(field, []).append(taps)
            recipe.append((field, slice(before, before + taps.nodes.shape[1])))
        recipes.append(recipe)
    return {field: joined(parts) for field, parts in points.items()}, recipes


def _frozen(x: np.ndarray) -> tuple:
    return tuple(_frozen(row) for row in x) if x.ndim > 1 else tuple(float(v) for v in x)
