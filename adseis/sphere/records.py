"""From the nodes' components to what stations record: which taps a time loop reads, and what is made of them."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from adseis.signals.arithmetic import einsum, matmul
from adseis.sphere.locate import Located
from adseis.timeloop.equation import Points

Rings = tuple[tuple[int, ...], tuple[int, ...]]
"""One place of each ring, and the ring of every place; hashable."""


class Quantity(NamedTuple):
    """Something that is linear in a field: sum over nodes i and components k of weights_i factors_k q_ik.

    Attributes:
        part: Which part of the field, for one that has several (a vector's components).
        weights: Of the nodes around each place, `(at, point)`.
        factors: Of the azimuthal components, `(at, component)`.
    """

    part: int
    weights: Float[Array, "at point"]
    factors: Float[Array, "at component"]


class Recording(NamedTuple):
    """What is read of a field at each step, for several quantities.

    Attributes:
        points: Of the time loop.
        rings: Index of the ring of every place where components are read by themselves; None where they are summed already.
        factors: Of the components of each quantity, `(at, component)`.
    """

    points: Points
    rings: np.ndarray | None
    factors: tuple[Float[Array, "at component"], ...]

    def made(self, record: Float[Array, "time point"]) -> Float[Array, "quantity time at"]:
        """The quantities of what was read."""
        count = len(self.factors)
        if self.rings is None:
            return jnp.moveaxis(record.reshape(len(record), count, -1), 1, 0)
        components = self.factors[0].shape[1]
        by_ring = record.reshape(len(record), count, -1, components)
        return jnp.stack([einsum("tak,ak->ta", by_ring[:, i, self.rings], f) for i, f in enumerate(self.factors)])


def rings(s: Float[np.ndarray, " at"], z: Float[np.ndarray, " at"], size: float) -> Rings | None:
    """Places that share s and z: one of each ring, and the ring of every place.

    Args:
        s: Distances from the axis [m].
        z: Heights [m].
        size: What they are small against [m].

    Returns:
        None if hardly any are shared: then places are read one by one.
    """
    keys = np.round(np.stack([s, z], -1) / (1e-6 * size))
    _, first, ring = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return None if 2 * len(first) > len(ring) else (tuple(first.tolist()), tuple(ring.ravel().tolist()))


def recording(
    quantities: Sequence[Quantity],
    nodes: Int[Array, "at point"],
    shape: tuple[int, ...],
    rings: Rings | None,
    to: Float[np.ndarray, "value component"],
) -> Recording:
    """What is to be read for some quantities.

    Args:
        quantities: What is recorded, all at the same places.
        nodes: Around each place.
        shape: Of the field of a shot, `(node, value)` or `(node, part, value)`.
        rings: From `rings`: each ring's components are read once, and what its places make of them is found afterwards.
        to: From components to what the field is.

    Returns:
        For the time loop, and for afterwards.
    """
    parts, components = (1 if len(shape) == 2 else shape[1]), shape[-1]
    k = np.arange(components)
    quantities = [q._replace(factors=matmul(q.factors, jnp.asarray(to.T, q.factors.dtype))) for q in quantities]
    taken, weights = [], []
    for part, weight, factor in quantities:
        at = (nodes * parts + part) * components
        if rings is None:
            taken.append((at[..., None] + k[None, None]).reshape(len(at), -1))
            weights.append((weight[..., None] * factor[:, None]).reshape(len(at), -1))
        else:
            first = np.asarray(rings[0])
            taken.append((at[first][:, None] + k[None, :, None]).reshape(-1, at.shape[1]))
            weights.append(jnp.repeat(weight[first], components, 0))
    points = Points(jnp.concatenate(taken)[None], jnp.concatenate(weights)[None])
    return Recording(points, None if rings is None else np.asarray(rings[1]), tuple(q.factors for q in quantities))


def value_at(
    values: Array, located: Located, basis: Float[Array, "at component"], to: Float[Array, "azimuth component"]
) -> Array:
    """A field of the medium, `(node,)` or `(node, azimuth)`, at the places; `to` is the transform of `azimuthal`."""
    near = values[located.nodes]
    if values.ndim == 1:
        return jnp.sum(located.value * near, -1)
    return einsum("ap,apj,jk,ak->a", located.value, near, to, basis) / jnp.sqrt(jnp.asarray(len(to), values.dtype))
