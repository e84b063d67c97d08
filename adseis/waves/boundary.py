"""What surrounds the model: the grid that is computed on, and what a boundary may add to an equation.

A boundary is a part that an equation composes, not a branch inside it. It can add cells outside the model (`width`), strips in
which derivatives are stretched (`strips`), and a damping of the whole field (`damping`). `Rigid` adds nothing.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from adseis.experiment.checks import Samples
from adseis.experiment.grid import Grid
from adseis.parallel.halo import AXIS, Split, on_part


class Extended(NamedTuple):
    """The grid that is computed on: the core (the model and absorbing cells outside it) within a halo of `order / 2` cells.

    Where it is cut over devices, this is the slab that each of them computes on: `core` and `haloed` are those of the slab.

    Attributes:
        grid: The user's grid.
        low: Cells added before the model, per axis (none above a free surface).
        high: Cells added after the model, per axis.
        order: Spatial accuracy.
        free_surface: Whether z = 0 is a free surface.
        split: How it is cut over devices, or None.
    """

    grid: Grid
    low: tuple[int, ...]
    high: tuple[int, ...]
    order: int
    free_surface: bool
    split: Split | None = None

    @property
    def whole(self) -> "Extended":
        """The grid before it is cut."""
        return self._replace(split=None)

    def divided(self, parts: int) -> "Extended":
        """The grid cut into slabs.

        Args:
            parts: How many; 1 leaves it whole.

        Returns:
            What one device computes on.

        Raises:
            ValueError: If a slab would be thinner than the layers and what differences reach beyond them.
        """
        whole = self.whole.core[AXIS - 1]
        splits = [Split(n, whole, self.halo) for n in range(1, parts + 1)]
        least = max(self.low[AXIS - 1], self.high[AXIS - 1]) + self.order
        if parts > 1 and splits[-1].thinnest < least:
            fitting = max((s.parts for s in splits if s.thinnest >= least), default=1)
            raise ValueError(
                f"`domains` = {parts} cuts {whole} cells (the model and its layers) into slabs of which the last has "
                f"{max(0, splits[-1].thinnest)}; layers and differences need {least}. Use domains={fitting}, or thinner layers."
            )
        return self.whole if parts == 1 else self._replace(split=splits[-1])

    @property
    def halo(self) -> int:
        """Cells of halo on every side: what the widest stencil reaches over."""
        return self.order // 2

    @property
    def core(self) -> tuple[int, ...]:
        """Cells per axis of the model with its absorbing cells."""
        core = [a + n + b for a, n, b in zip(self.low, self.grid.shape, self.high, strict=True)]
        if self.split is not None:
            core[AXIS - 1] = self.split.width
        return tuple(core)

    @property
    def haloed(self) -> tuple[int, ...]:
        """Cells per axis of a field: the core and its halo."""
        return tuple(n + self.order for n in self.core)

    @property
    def axes(self) -> range:
        """The spatial axes of a field `(shot, *grid)`."""
        return range(1, 1 + len(self.core))

    def extend(self, values: Samples) -> Array:
        """Continue a model outwards by its edge values; the derivative of every added cell folds back onto the edge.

        Args:
            values: Values on the model's nodes, `(*grid)`.

        Returns:
            Values on the core, `(*core)`.
        """
        return jnp.pad(values, list(zip(self.low, self.high, strict=True)), mode="edge")

    def crop(self, field: Array) -> Array:
        """The model's part of a field.

        Args:
            field: `(shot, *haloed)`.

        Returns:
            `(shot, *grid)`.
        """
        first = [a + self.halo for a in self.low]
        return field[(slice(None), *(slice(a, a + n) for a, n in zip(first, self.grid.shape, strict=True)))]

    def zeros(self, shots: int, dtype: jnp.dtype) -> Array:
        """A field at rest, `(shot, *haloed)`, for a number of shots."""
        return jnp.zeros((shots, *self.haloed), dtype)


class Strip(NamedTuple):
    """A slab at one face of the extended grid in which a derivative is stretched.

    The memory obeys m' = b m + a df/dx, and df/dx is replaced by df/dx + m'.

    Attributes:
        axis: Axis of the field that the slab is normal to.
        start: First core index along `axis`.
        a: How strongly the derivative drives the memory, along `axis`.
        b: What the memory keeps from one step to the next, along `axis`.
        part: Which part of a grid that is cut along `axis` holds the slab; None if all do.
    """

    axis: int
    start: int
    a: np.ndarray
    b: np.ndarray
    part: int | None = None

    @property
    def width(self) -> int:
        """Cells along `axis`."""
        return len(self.a)

    def profiles(self, like: Array) -> tuple[Array, Array]:
        """a and b in the precision of the array `like`, shaped to multiply it; zero on devices that do not hold the slab."""
        shape = tuple(-1 if i == self.axis else 1 for i in range(like.ndim))
        a, b = (jnp.asarray(x.reshape(shape), like.dtype) for x in (self.a, self.b))
        if self.part is None:
            return a, b
        here = on_part(self.part)
        return jnp.where(here, a, 0), jnp.where(here, b, 0)

    def within(self, split: Split | None) -> "Strip":
        """The strip of a whole grid as the devices see it that the grid is cut over. They run one program: all have the strip."""
        if split is None or self.axis != AXIS:
            return self
        part = 0 if self.start + self.width <= split.width else split.parts - 1
        return self._replace(start=self.start - part * split.width, part=part)

    def zeros(self, extended: Extended, shots: int, dtype: jnp.dtype, halo: int = 0) -> Array:
        """A memory at rest, `(shot, *haloed)` cut to the strip's `width`, and `halo` cells on either side, along `axis`."""
        shape = [shots, *extended.haloed]
        shape[self.axis] = self.width + 2 * halo
        return jnp.zeros(shape, dtype)

    def cut(self, field: Array, extended: Extended, halo: int = 0) -> Array:
        """The strip's part of a field `(shot, *haloed)`, with `halo` cells on either side."""
        first = extended.halo + self.start
        return lax.slice_in_dim(field, first - halo, first + self.width + halo, axis=self.axis)

    def place(self, values: Array, extended: Extended) -> Array:
        """Put values of the strip into a field `(shot, *haloed)` of zeros."""
        first = extended.halo + self.start
        widths = [(0, 0)] * values.ndim
        widths[self.axis] = (first, extended.haloed[self.axis - 1] - first - self.width)
        return jnp.pad(values, widths)

    def widened(self, first: int, width: int) -> "Strip":
        """The same stretching seen from a wider slab: `width` cells from core index `first` on, a = b = 0 outside the strip."""
        before = self.start - first
        around = before, width - before - self.width
        return self._replace(start=first, a=np.pad(self.a, around), b=np.pad(self.b, around))


class Patch(NamedTuple):
    """What is added to a derivative in a strip.

    Attributes:
        strip: Where.
        values: How much, `(shot, *haloed)` cut to the strip.
    """

    strip: Strip
    values: Array

    def placed(self, extended: Extended, coefficient: Array | None = None) -> Array:
        """The values in a field `(shot, *haloed)` of zeros, times a coefficient `(1, *haloed)`."""
        values = self.values if coefficient is None else self.strip.cut(coefficient, extended) * self.values
        return self.strip.place(values, extended)


class Boundary(eqx.Module):
    """Base of the boundaries: cells outside the model, and what becomes of the waves there.

    Attributes:
        width: Cells added outside every face that is not a free surface.
    """

    width: eqx.AbstractVar[int]

    def strips(self, extended: Extended, *, offset: float) -> tuple[Strip, ...]:
        """Where derivatives are stretched, by default nowhere.

        Args:
            extended: The grid that is computed on.
            offset: How far beyond the nodes the derivatives live, in cells: 0, 1/2, ...

        Returns:
            The strips, in the order of the axes.
        """
        del extended, offset
        return ()

    def damping(self, extended: Extended) -> np.ndarray | None:
        """How strongly fields are damped: they decay as exp(-sigma t).

        Args:
            extended: The grid that is computed on.

        Returns:
            sigma dt on the whole of it, `(1, *haloed)`; None, the default, if nothing is damped.
        """
        del extended
        return None

    def for_solids(self) -> "Boundary":
        """What it is around solids, whose waves ask more of layers than those of fluids: by default itself."""
        return self

    def extend(self, grid: Grid, order: int, free_surface: bool) -> Extended:
        """The grid to compute on.

        Args:
            grid: The model's grid.
            order: Spatial accuracy.
            free_surface: Whether z = 0 is a free surface, above which nothing is added.

        Returns:
            The model's grid with this boundary around it.
        """
        sides = (self.width,) * len(grid.shape)
        return Extended(grid, (0 if free_surface else self.width, *sides[1:]), sides, order, free_surface)


def check_layer(layer: Any, *positive: str) -> None:
    """Check the numbers of an absorbing layer.

    Args:
        layer: A boundary with a `width` and a `reflection`.
        positive: Names of its numbers that must be positive or None.

    Raises:
        ValueError: If one is out of range.
    """
    kind = type(layer).__name__
    if int(layer.width) != layer.width or layer.width < 1:
        raise ValueError(f"`width` = {layer.width} cells of {kind} must be a whole number, at least 1; use ads.Rigid() for none.")
    if layer.reflection is not None and not 0 < layer.reflection < 1:
        raise ValueError(f"`reflection` = {layer.reflection} must lie between 0 and 1.")
    for name in positive:
        value = getattr(layer, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"`{name}` = {value} must be positive; leave it out for a default taken from the grid.")


class Rigid(Boundary):
    """A closed box: nothing is added, the field is zero outside. For energy tests and resonators.

    Use it to test that an energy is kept, for resonators, and for records that end before an echo arrives. Do not use it for an
    unbounded Earth: its walls reflect all that meets them.

    Attributes:
        width: 0.

    Example:
        >>> ads.Rigid().extend(ads.Grid((51, 101), 10.0, 1e-3, 500), order=4, free_surface=False).core  # the model alone
        (51, 101)
    """

    width: int = eqx.field(default=0, static=True, init=False)
