"""Domain decomposition: one grid cut into slabs over devices, which exchange the columns next to the cuts.

A slab holds its share of the core within a halo of its own. What a difference reads beyond a cut is what the neighbour holds
there, so each device computes the same numbers as one device that holds everything, forwards and in a reverse sweep alike.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, PyTree

from adseis.parallel.devices import DOMAIN
from adseis.timeloop.equation import Points

AXIS = 2
"""The axis of a field `(shot, z, y or x, ...)` that is cut: the first horizontal one, so that a free surface stays whole."""


class Split(NamedTuple):
    """A grid cut into slabs of equal thickness, one for each place along the axis "domain" of a device mesh.

    Cells that fill up the last slab are dead: their coefficients are zero, and so are fields there.

    Attributes:
        parts: Number of slabs.
        cells: Cells of the core along the axis that is cut.
        halo: Cells around the core, and around each slab.
    """

    parts: int
    cells: int
    halo: int

    @property
    def width(self) -> int:
        """Cells of a slab, without its halo."""
        return math.ceil(self.cells / self.parts)

    @property
    def thinnest(self) -> int:
        """Living cells of the last slab."""
        return self.cells - (self.parts - 1) * self.width

    @property
    def spec(self) -> PartitionSpec:
        """How what `cut` returns lies on the devices."""
        return PartitionSpec(*[None] * AXIS, DOMAIN)

    def cut(self, whole: PyTree) -> PyTree:
        """Arrays on the whole grid, made ready to be shared out.

        Args:
            whole: `(1, *haloed)` each, zero in the halo along the axis that is cut.

        Returns:
            The same without that halo, filled up with dead cells.
        """
        dead = self.parts * self.width - self.cells
        core = lambda x: lax.slice_in_dim(x, self.halo, self.halo + self.cells, axis=AXIS)  # noqa: E731
        return jax.tree.map(lambda x: _padded(core(x), 0, dead), whole)

    def haloed(self, slab: PyTree) -> PyTree:
        """A device's part of what `cut` returned, with a halo of zeros."""
        return jax.tree.map(lambda x: _padded(x, self.halo, self.halo), slab)

    def slab(self, whole: np.ndarray) -> Array:
        """What of known values `(1, *haloed)` lies on this device, halo included, 0 in dead cells. To be called on a device."""
        filled = np.pad(whole, [(0, self.parts * self.width - self.cells) if i == AXIS else (0, 0) for i in range(whole.ndim)])
        first = lax.axis_index(DOMAIN) * self.width
        return lax.dynamic_slice_in_dim(jnp.asarray(filled), first, self.width + 2 * self.halo, AXIS)

    def points(self, points: Points, haloed: tuple[int, ...]) -> Points:
        """The points as this device sees them: nodes of other devices have weight 0. To be called on a device.

        Args:
            points: Flat indices into the whole field, and weights.
            haloed: Cells per axis of the whole field.

        Returns:
            Flat indices into the slab, and weights.
        """
        stride, length = math.prod(haloed[AXIS:]), haloed[AXIS - 1]
        rows, rest = points.nodes // stride, points.nodes % stride
        column = rows % length - self.halo - lax.axis_index(DOMAIN) * self.width
        mine = (column >= 0) & (column < self.width)
        rows = rows // length * (self.width + 2 * self.halo) + jnp.where(mine, column, 0) + self.halo
        return Points(rows * stride + rest, jnp.where(mine, points.weights, 0))

    def exchange(self, field: Array) -> Array:
        """Fill the halos next to the cuts with what the neighbours hold there; zeros at the two ends of the grid.

        Args:
            field: This device's `(shot, *haloed slab)`.

        Returns:
            The field with its halo along the axis that is cut rewritten.
        """
        end = self.halo + self.width
        last, first = (lax.slice_in_dim(field, a, a + self.halo, axis=AXIS) for a in (self.width, self.halo))
        up = [(i, i + 1) for i in range(self.parts - 1)]
        below = lax.ppermute(last, DOMAIN, up)
        above = lax.ppermute(first, DOMAIN, [(b, a) for a, b in up])
        return field.at[:, :, : self.halo].set(below).at[:, :, end:].set(above)


def on_part(part: int) -> Bool[Array, ""]:
    """Whether this device holds a part of the grid. To be called on a device.

    Args:
        part: Which one, counted along the axis that is cut.

    Returns:
        The answer, known when the program runs.
    """
    return lax.axis_index(DOMAIN) == part


def _padded(x: Array, before: int, after: int) -> Array:
    return jnp.pad(x, [(before, after) if i == AXIS else (0, 0) for i in range(x.ndim)])
