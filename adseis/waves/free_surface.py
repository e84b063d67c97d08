"""The free surface z = 0, by images or by one-sided differences.

*Images*: a pressure (or a scalar field) vanishes there and continues oddly above, a velocity along z continues evenly; with
them the staggered differences stay each other's negative transposes (Robertsson 1996, Geophysics 61, 1921,
doi:10.1190/1.1444107).

*Closures*: tractions vanish there, but nothing is known of the velocities of an elastic medium above it. The differences of the
first rows are then one-sided, with weights found so that they sum by parts: with H the length of a row (about half a cell on the
surface, 1 far from it), H_between D+ = -(H_nodes D-)^T. The scheme then conserves an energy to rounding, its transpose is itself,
and order 4 and more are exact for parabolas at the surface (the idea: Kreiss & Scherer 1974; on staggered grids O'Reilly et al.
2017, J. Comput. Phys. 346, 572, doi:10.1016/j.jcp.2017.06.030).
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from adseis.experiment.sampling import staggered_weights


def mirror(field: Array, halo: int, *, odd: bool, nodal: bool) -> Array:
    """Fill the halo above row 0 of `(shot, z, ...)` with images.

    Args:
        field: `(shot, *haloed)`.
        halo: Cells of halo.
        odd: Whether it continues oddly.
        nodal: Whether its row 0 lies on the surface, or half a cell below.

    Returns:
        The field with its top halo rewritten.
    """
    image = jnp.flip(field[:, halo + nodal : 2 * halo + nodal], 1)
    return field.at[:, :halo].set(-image if odd else image)


class Closures(NamedTuple):
    """What the differences along z are near the surface, for a spacing of 1.

    Attributes:
        forward: What is added to D+ of a field on the nodes that does not vanish on row 0 (a horizontal velocity), zeros above it
            being assumed: `(row, column)` of the first rows.
        forward_traction: The same for one that does (the vertical stress).
        backward: What is added to D- of a field between the nodes (the vertical velocity); on row 0 D- becomes zero, for the
            traction there is none of its business.
        backward_traction: The same for one that vanishes on the surface (a shear traction).
        on_nodes: Lengths of the first rows of nodes.
        between: Lengths of the first rows between nodes.
    """

    forward: np.ndarray
    forward_traction: np.ndarray
    backward: np.ndarray
    backward_traction: np.ndarray
    on_nodes: np.ndarray
    between: np.ndarray


@functools.cache
def closures_of(order: int) -> Closures:
    """The closures of an order: of the solutions of the accuracy and summation-by-parts conditions, that nearest to the interior.

    With Q1 = H_between D+ (velocities) and Q2 = H_nodes D- (vertical velocity) unknown in their first rows and columns, all
    conditions are linear: Q1 x^k = H_between k y^(k-1) and Q2 y^k = H_nodes k x^(k-1), and for tractions, which vanish at the
    surface, -Q1^T y^k = H_nodes k x^(k-1) and -Q2^T x^k = H_between k y^(k-1).

    Args:
        order: Spatial accuracy in the interior: 2, 4, 6 or 8.

    Returns:
        Exact for straight lines (order 2) or parabolas (others) at the surface.

    Raises:
        ValueError: If `order` is none of those.
    """
    weights = staggered_weights(order)
    half, rows, degree = len(weights), (1 if order == 2 else 4), (1 if order == 2 else 2)
    x = np.arange(rows + half + 1.0)
    y = x + 0.5
    # A column of the system for each entry of the blocks and for each length; the interior moves to the right-hand side.
    interior = [_interior(weights, y, x), _interior(weights, x, y)]
    interior[1][0] = 0.0  # nothing on the surface is driven by the vertical velocity
    first = [interior[0][:rows, :rows], interior[1][:rows, :rows]]
    lengths = np.ones((2, len(x)))
    lengths[0, 0] = 0.5
    start = np.concatenate([*(block.ravel() for block in first), *lengths[:, :rows]])

    def defects(unknowns: np.ndarray) -> np.ndarray:
        (q1, q2), (on_nodes, between) = _unpacked(unknowns, interior, rows)
        found = []
        for k in range(degree + 1):
            slope = lambda z, k=k: k * z ** max(k - 1, 0)  # noqa: E731
            found += [q1 @ x**k - between * slope(y), (q2 @ y**k - on_nodes * slope(x))[1:]]
            if k > 0:
                found += [-q1.T @ y**k - on_nodes * slope(x), -q2.T @ x**k - between * slope(y)]
        return np.concatenate([d[:rows] if len(d) == len(x) else d[: rows - 1] for d in found])

    offset = defects(np.zeros_like(start))
    system = np.stack([defects(e) - offset for e in np.eye(len(start))], axis=1)
    # Row 0 of Q2 stays empty.
    system[:, rows**2 : rows**2 + rows] = 0.0
    solution = start + np.linalg.lstsq(system, -defects(start), rcond=1e-11)[0]
    assert np.abs(defects(solution)).max() < 1e-10
    (q1, q2), (on_nodes, between) = _unpacked(solution, interior, rows)
    differences = (q1 / between[:, None], -q2.T / between[:, None], q2 / on_nodes[:, None], -q1.T / on_nodes[:, None])
    plain = (_interior(weights, y, x), _interior(weights, y, x), _interior(weights, x, y), _interior(weights, x, y))
    a, b, c, d = ((full - inside)[:rows, : rows + half] for full, inside in zip(differences, plain, strict=True))
    return Closures(a, b, c, d, on_nodes[:rows], between[:rows])


def _interior(weights: np.ndarray, at: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The staggered difference at some points of values at others."""
    distance = of[None, :] - at[:, None]
    nearest = np.round(np.abs(distance) - 0.5).astype(int)
    return np.sign(distance) * np.where(nearest < len(weights), weights[np.minimum(nearest, len(weights) - 1)], 0.0)


def _unpacked(unknowns: np.ndarray, interior: list[np.ndarray], rows: int) -> tuple[list[np.ndarray], np.ndarray]:
    blocks, lengths = np.split(unknowns, [2 * rows**2])
    both = []
    for block, inside in zip(blocks.reshape(2, rows, rows), interior, strict=True):
        q = inside.copy()
        q[:rows, :rows] = block
        both.append(q)
    ends = np.ones((2, len(interior[0])))
    ends[:, :rows] = lengths.reshape(2, rows)
    return both, ends
