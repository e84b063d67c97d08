"""Spectral elements in the meridian half plane: numbering, geometry, and the passage between nodes and elements.

Built from the coordinates of every element's points alone, so that any mesher can make them. Fields are `(node, component)`, with
the azimuthal components last: what is done along an element is a small matrix times a long row.
"""

from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.sphere.quadrature import lobatto

TIGHT = 1e-7
"""Of the radius: points nearer than that are one node."""


class Elements:
    """Elements of degree N with (N + 1)^2 points, those that touch the axis first.

    Args:
        coordinates: s and z of every point [m], `(element, point, point, 2)`. Across the axis is the first axis of points, whose
            first point is on it in elements that touch it, and whose others are at Gauss-Lobatto-Jacobi points.

    Attributes:
        degree: N.
        axial: How many elements touch the axis.
        points: s and z of every point, ordered as the elements are, `(element, point, point, 2)`.
        local: Node of every point, `(element, point, point)`.
    """

    def __init__(self, coordinates: Float[np.ndarray, "element point point 2"]) -> None:
        self.degree = coordinates.shape[1] - 1
        size = np.abs(coordinates).max()
        coordinates = np.where(np.abs(coordinates) < TIGHT * size, 0.0, coordinates)
        on_axis = (coordinates[:, 0, :, 0] == 0).all(1)
        order = np.argsort(~on_axis, kind="stable")
        self.points, self.axial = coordinates[order], int(on_axis.sum())
        keys = np.round(self.points.reshape(-1, 2) / (TIGHT * size)).astype(np.int64)
        _, first, node = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        rank = np.empty(len(first), int)
        rank[np.argsort(first)] = np.arange(len(first))  # as the elements come: neighbours in memory are neighbours in space
        self.local = rank[node].reshape(self.points.shape[:3])

    @cached_property
    def coordinates(self) -> Float[np.ndarray, "node 2"]:
        """s and z of every node [m]."""
        found = np.empty((self.local.max() + 1, 2))
        found[self.local] = self.points
        return found

    @property
    def radius(self) -> Float[np.ndarray, " node"]:
        """Distance of every node from the centre [m]."""
        return np.hypot(*self.coordinates.T)

    @cached_property
    def slopes(self) -> Float[np.ndarray, "2 element point point"]:
        """From an element's values to their derivatives by s and by z [1/m], points counted row by row."""
        d1, d2 = self._local_slopes
        (s1, z1), (s2, z2) = self._jacobian
        det = s1 * z2 - z1 * s2
        by_s = (z2 / det)[..., None] * d1 + (-z1 / det)[..., None] * d2
        by_z = (-s2 / det)[..., None] * d1 + (s1 / det)[..., None] * d2
        return np.stack([by_s, by_z])

    @cached_property
    def over_s(self) -> Float[np.ndarray, "element point point"]:
        """From an element's values to these over s [1/m]; on the axis, where both vanish, the derivative by s."""
        s = self.points[..., 0].reshape(len(self.points), -1)
        off = s > 0
        found = np.einsum("ep,pq->epq", np.where(off, 1 / np.where(off, s, 1.0), 0.0), np.eye(s.shape[1]))
        return np.where(off[..., None], found, self.slopes[0])

    @cached_property
    def weights(self) -> Float[np.ndarray, "element point"]:
        """Of the integral over the half plane with s ds dz [m^3]: of a volume, over 2 pi."""
        (s1, z1), (s2, z2) = self._jacobian
        det = np.abs(s1 * z2 - z1 * s2)
        plain, axial = lobatto(self.degree), lobatto(self.degree, axial=True)
        s, found = self.points[..., 0], np.empty(self.points.shape[:3])
        found[self.axial :] = plain.weights[:, None] * plain.weights * s[self.axial :]
        away = 1 + axial.points[1:, None]  # s over the distance from the axis in the element; on it, by the rule of l'Hospital
        ratio = np.concatenate([s1.reshape(s.shape)[: self.axial, :1], s[: self.axial, 1:] / away], 1)
        found[: self.axial] = axial.weights[:, None] * plain.weights * ratio
        return found.reshape(det.shape) * det

    @cached_property
    def mass(self) -> Float[np.ndarray, " node"]:
        """The weights, summed over the elements of each node [m^3]."""
        return np.bincount(self.local.ravel(), self.weights.ravel())

    @cached_property
    def spacing(self) -> float:
        """The least distance between neighbouring points [m]."""
        return min(np.linalg.norm(np.diff(self.points, axis=axis), axis=-1).min() for axis in (1, 2))

    def spread(self, field: Float[Array, "node *rest"]) -> Float[Array, "element point *rest"]:
        """Values at the points of every element."""
        return field.at[self.local.reshape(len(self.local), -1)].get(mode="promise_in_bounds")

    def summed(
        self, values: Float[Array, "element point *rest"], onto: Float[Array, "node *rest"] | None = None
    ) -> Float[Array, "node *rest"]:
        """The sum at every node over the elements that share it, onto what is there: the transpose of `spread`."""
        there = jnp.zeros((self.local.max() + 1, *values.shape[2:]), values.dtype) if onto is None else onto
        return there.at[self.local.reshape(len(self.local), -1)].add(values, mode="promise_in_bounds")

    @cached_property
    def _local_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives along the two directions of each element, `(element or 1, point, point)`."""
        plain, axial = (lobatto(self.degree, axial=axial).derivative for axial in (False, True))
        same = np.eye(self.degree + 1)
        first = np.stack([np.kron(axial, same), np.kron(plain, same)])
        return first[(np.arange(len(self.points)) >= self.axial).astype(int)], np.kron(same, plain)[None]

    @cached_property
    def _jacobian(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Derivatives of s and z along the two directions, each `(element, point)`."""
        flat = self.points.reshape(len(self.points), -1, 2)
        first, second = (
            np.einsum("epq,eqc->cep", np.broadcast_to(d, (len(flat), *d.shape[1:])), flat) for d in self._local_slopes
        )
        return (first[0], first[1]), (second[0], second[1])
