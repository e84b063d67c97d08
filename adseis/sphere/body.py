r"""What fluid and solid balls share: how a field goes around the axis, and what of it may be.

Where a medium varies with azimuth a field is its values at `azimuths`, over the root of their number, so that mass and moduli
multiply; else it is its components q_k, so that orders stay apart. Both are one vector, seen along two orthonormal bases.
"""

import dataclasses
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from adseis.signals.arithmetic import matmul
from adseis.sphere.azimuthal import orders, transform, turned
from adseis.sphere.blocks import Blocks
from adseis.sphere.elements import Elements


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """A ball's elements and azimuths.

    Attributes:
        elements: Of the mesh.
        order: The largest azimuthal order.
        free: Which components of which nodes may move, `(node, component)`.
        varies: Whether the medium varies with azimuth: fields are values then, else components.
    """

    elements: Elements
    order: int
    free: Bool[np.ndarray, "node component"]
    varies: bool

    @cached_property
    def to(self) -> Float[np.ndarray, "value component"]:
        """From components to what a field is."""
        return transform(self.order) if self.varies else np.eye(2 * self.order + 1)

    @cached_property
    def turn(self) -> Float[np.ndarray, "value value"]:
        """The derivative by phi of a field; skew-symmetric."""
        return self.to @ turned(self.order) @ self.to.T

    @cached_property
    def blocks(self) -> Blocks:
        """The elements, block by block."""
        return Blocks(self.elements)

    @cached_property
    def near(self) -> np.ndarray:
        """Nodes where not all that there is may be: next to the axis, on it, or held."""
        return np.flatnonzero(~self.free.all(1) | (self.elements.coordinates[:, 0] == 0))

    def components(self, field: Float[Array, "*at value"]) -> Float[Array, "*at component"]:
        """The components of a field."""
        return matmul(field, jnp.asarray(self.to, field.dtype)) if self.varies else field

    def values(self, components: Float[Array, "*at component"]) -> Float[Array, "*at value"]:
        """The field of components."""
        return matmul(components, jnp.asarray(self.to.T, components.dtype)) if self.varies else components

    def multiplied(
        self, factor: Float[Array, "node ..."], field: Float[Array, "node *part value"]
    ) -> Float[Array, "node *part value"]:
        """A product between two projections onto what may be; but for the few nodes `near` a plain product."""
        near = self._projected(factor[self.near] * self._projected(field[self.near]))
        return (factor * field).at[self.near].set(near)

    def allowed(self, components: Float[Array, "near *part component"]) -> Float[Array, "near *part component"]:
        """The part of components, at the nodes `near`, that may be."""
        free = jnp.asarray(self.free[self.near], components.dtype)
        return components * free.reshape(len(free), *[1] * (components.ndim - 2), -1)

    def _projected(self, rows: Float[Array, "near *part value"]) -> Float[Array, "near *part value"]:
        return self.values(self.allowed(self.components(rows)))

    def twice_turned(self, field: Float[Array, "*at value"]) -> Float[Array, "*at value"]:
        """Minus the second derivative by phi: a^2 times each component."""
        square = orders(self.order) ** 2.0
        if self.varies:
            return matmul(field, jnp.asarray(self.to @ np.diag(square) @ self.to.T, field.dtype))
        return field * jnp.asarray(square.reshape(*[1] * (field.ndim - 1), -1), field.dtype)
