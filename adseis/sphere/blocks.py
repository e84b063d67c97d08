"""Elements block by block: what is computed of a block stays in a processor's cache until it is used.

Strain and stress of a ball take some hundred megabytes, and a step goes through them several times. A block has `EACH` elements
where programs run on the host, all of them elsewhere; those that touch the axis, whose values are divided by s by a dense matrix,
are a block of their own.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from adseis.signals.arithmetic import einsum
from adseis.sphere.elements import Elements

EACH = 128

Sums = TypeVar("Sums")


class Block(NamedTuple):
    """Tables of some elements; of several blocks with an axis more in front.

    Attributes:
        local: Node of every point, `(element, point)`.
        by_s: From values to their derivatives by s [1/m], `(element, point, point)`.
        by_z: And by z.
        from_s: Transposes of these, made beforehand, for XLA would turn matrices round at every step.
        from_z: Likewise.
        over_s: From values to these over s [1/m]: dense on the axis, `(element, point, point)`, else its diagonal,
            `(element, point, 1)`.
    """

    local: Any
    by_s: Any
    by_z: Any
    from_s: Any
    from_z: Any
    over_s: Any

    def spread(self, field: Float[Array, "node part value"]) -> list[Float[Array, "element point value"]]:
        """Values at the points of every element, of each part alone: what is multiplied lies together in memory then."""
        rows, parts = field.reshape(-1, field.shape[2]), field.shape[1]
        return [rows.at[parts * self.local + part].get(mode="promise_in_bounds") for part in range(parts)]

    def added(
        self, onto: Float[Array, "node part value"], values: Sequence[Float[Array, "element point value"]]
    ) -> Float[Array, "node part value"]:
        """The transpose of `spread`, onto what is there."""
        rows = onto.reshape(-1, onto.shape[2])
        for part, x in enumerate(values):
            rows = rows.at[len(values) * self.local + part].add(x, mode="promise_in_bounds")
        return rows.reshape(onto.shape)

    def sloped(self, values: Float[Array, "element point value"]) -> tuple[Array, Array]:
        """Derivatives by s and by z: of dense matrices, which are faster than one direction after the other."""
        return _product(self.by_s, values), _product(self.by_z, values)

    def unsloped(self, by_s: Array, by_z: Array) -> Float[Array, "element point value"]:
        """The transpose of `sloped`."""
        return _product(self.from_s, by_s) + _product(self.from_z, by_z)

    def divided(self, values: Float[Array, "element point value"]) -> Float[Array, "element point value"]:
        """Values over s; on the axis, where both vanish, their derivative by s."""
        return self.over_s * values if self.over_s.shape[-1] == 1 else _product(self.over_s, values)

    def undivided(self, values: Float[Array, "element point value"]) -> Float[Array, "element point value"]:
        """The transpose of `divided`."""
        return self.over_s * values if self.over_s.shape[-1] == 1 else _product(jnp.swapaxes(self.over_s, 1, 2), values)


class Blocks:
    """The elements of a mesh, in blocks.

    Args:
        elements: Of the mesh.
        each: How many elements a block has; by default as suits where programs run.
    """

    def __init__(self, elements: Elements, each: int | None = None) -> None:
        count = len(elements.points) - elements.axial
        if each is None:
            each = EACH if jax.default_backend() == "cpu" else max(count, 1)
        self._axial, self._shape = elements.axial, (-(-count // each), each)
        s = elements.points[..., 0].reshape(len(elements.points), -1, 1)
        dense, diagonal = elements.over_s[: elements.axial], 1 / np.where(s > 0, s, np.inf)
        local = elements.local.reshape(len(elements.local), -1)
        slopes = (*elements.slopes, *np.swapaxes(elements.slopes, 2, 3))
        self._local, self._weights = self.cut(local), self.cut(elements.weights[..., None])
        self._tables = [*(self.cut(x) for x in slopes), (dense, self.cut(diagonal)[1])]

    def cut(self, values: Any) -> tuple[Any, Any]:
        """What is known of every element, of those on the axis and in blocks of the others, which zeros make whole."""
        first, others = values[: self._axial], values[self._axial :]
        whole = np.zeros((np.prod(self._shape) - len(others), *values.shape[1:]), values.dtype)
        return first, np.concatenate([others, whole]).reshape(*self._shape, *values.shape[1:])

    def weighted(self, values: Float[Array, "node _"]) -> tuple[Array, Array]:
        """Values at the points of every element, times the weights of the integral over the half plane [m^3]."""
        at = (values.at[local].get(mode="promise_in_bounds") for local in self._local)
        first, others = (x * jnp.asarray(w, values.dtype) for x, w in zip(at, self._weights, strict=True))
        return first, others

    def summed(self, work: Callable[[Block, Sums, Any], Sums], onto: Sums, of: tuple[Any, Any]) -> Sums:
        """What `work` adds for every block.

        Args:
            work: From a block, the sums so far, and what belongs to the block, to the sums with it.
            onto: Sums at first, of the precision of all.
            of: What belongs to the elements on the axis, and to the others: of a block each along the first axis.

        Returns:
            The sums.
        """
        dtype = jax.tree.leaves(onto)[0].dtype
        first, others = (
            Block(jnp.asarray(self._local[n]), *(jnp.asarray(table[n], dtype) for table in self._tables)) for n in range(2)
        )
        work = jax.checkpoint(work, prevent_cse=False)  # a gradient computes a block anew, and keeps nothing of all
        return lax.scan(lambda sums, x: (work(x[0], sums, x[1]), None), work(first, onto, of[0]), (others, of[1]))[0]


def _product(matrices: Array, values: Array) -> Array:
    return einsum("epq,eqk->epk", matrices, values)
