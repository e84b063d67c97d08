"""How a mesh is planned: its size from the shortest wavelength, its time step from its largest eigenvalue."""

import math
from functools import lru_cache

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from adseis.sphere.azimuthal import MARGIN, orders, seen
from adseis.sphere.ball_elements import ball_elements
from adseis.sphere.elements import Elements
from adseis.sphere.fourth_order import LIMIT
from adseis.sphere.mesh import BallMesh

SAFE = 0.95
"""Of the largest stable time step: what a density that varies, and eigenvalues found to one in a thousand, may change."""
ELEMENTS = {2: 4.0, 3: 2.0, 4: 1.3, 5: 0.95, 6: 0.7, 7: 0.57, 8: 0.48}
"""Elements of each degree for a shortest wavelength; 4 is measured (docs/theory), others have as many points per wavelength, more
where the degree is lower."""
COARSEST = 0.65
"""Of these, the least that a mesh may have; there traces are wrong by two per cent or more."""


@lru_cache(maxsize=16)
def ball(
    radius: float,
    frequency: float,
    duration: float,
    speeds: tuple[float, float],
    *,
    azimuthal_order: int = 16,
    degree: int = 4,
    resolution: float | None = None,
    dt: float | None = None,
) -> BallMesh:
    """Plan the mesh of a ball.

    Elements are as large as the shortest wavelength allows, `speeds[0]` / `frequency`; the time step is 0.95 of the largest that
    the largest eigenvalue of these elements allows at `speeds[1]`.

    Args:
        radius: Of the ball [m].
        frequency: The highest that is to be carried [Hz].
        duration: Of the record [s].
        speeds: The slowest (of S waves in a solid) and the fastest that the medium will have [m/s].
        azimuthal_order: The largest order of the Fourier series around the source; in a solid at least 2 for a moment tensor, 1
            for a force.
        degree: Polynomial degree of an element, 2 to 8.
        resolution: Elements for the shortest wavelength; by default what the degree needs (1.3 for degree 4), at the least 0.65
            of that.
        dt: Time step [s], at most the one that is stable, which is the default; a density with jumps needs a smaller one.

    Returns:
        The mesh; `str(mesh)` tells what it costs.

    Raises:
        ValueError: If a number cannot be right, the mesh would be too coarse, or `dt` is not stable.
    """
    low, high = (float(speed) for speed in speeds)
    for name, value in (("radius", radius), ("frequency", frequency), ("duration", duration), ("speeds", low)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"`{name}` = {value} must be positive.")
    if not low <= high < math.inf:
        raise ValueError(f"`speeds` = {speeds} must be the slowest and the fastest [m/s].")
    if degree not in ELEMENTS:
        raise ValueError(f"`degree` = {degree} must be one of {', '.join(map(str, ELEMENTS))}.")
    if azimuthal_order != int(azimuthal_order) or azimuthal_order < 0:
        raise ValueError(f"`azimuthal_order` = {azimuthal_order} must be a whole number, 0 or more.")
    each = ELEMENTS[degree] if resolution is None else resolution
    if not each > 0:
        raise ValueError(f"`resolution` = {resolution} must be positive: elements for the shortest wavelength.")
    if each < (least := COARSEST * ELEMENTS[degree]) * (1 - 1e-9):
        raise ValueError(
            f"`resolution` = {resolution} is too coarse: the shortest wavelength needs at least {least:.3g} elements of degree "
            f"{degree}, {ELEMENTS[degree]:g} for errors under a per cent. Raise it, or lower `frequency`."
        )
    # The largest elements are those at the surface, 4 n of them from pole to pole; shells are half as many as n.
    across = max(2, math.ceil(math.pi * radius / 4 * each * frequency / low))
    shells = math.ceil(across / 2)
    sizes = float(radius), across, shells, degree, int(azimuthal_order)
    stable = _stable(*sizes, float(frequency), (low, high))
    dt = stable if dt is None else dt
    if not 0 < dt <= stable * (1 + 1e-9):
        raise ValueError(
            f"`dt` = {dt} s must be positive, and at most {rounded_down(stable):g} s for speeds up to {high:g} m/s on this mesh."
        )
    nt = math.ceil(duration / dt - 1e-9) + 1
    return BallMesh(dt, nt, *sizes, float(frequency), (low, high))


def stable_step(mesh: BallMesh) -> float:
    """The time step that is planned for a mesh where nobody asks for a smaller one [s]."""
    return _stable(mesh.radius, mesh.across, mesh.shells, mesh.degree, mesh.azimuthal_order, mesh.frequency, mesh.speeds)


def rounded_down(step: float) -> float:
    """To three digits: what a message says is let pass."""
    digit = 10.0 ** (math.floor(math.log10(step)) - 2)
    return math.floor(step / digit) * digit


def _stable(
    radius: float, across: int, shells: int, degree: int, order: int, frequency: float, speeds: tuple[float, float]
) -> float:
    wavenumber = 2 * math.pi * frequency / speeds[0]
    return SAFE * math.sqrt(LIMIT) / _fastest(radius, across, shells, degree, order, wavenumber) / speeds[1]


@lru_cache(maxsize=32)
def _fastest(radius: float, across: int, shells: int, degree: int, order: int, wavenumber: float) -> float:
    """The largest angular frequency of a ball whose speed is 1 m/s.

    Orders are kept to one more than they are: components of displacement turn with the frame, which counts as one order.
    """
    elements = ball_elements(radius, across, shells, degree)
    plain, square, mass = _assembled(elements)
    kept = seen(elements.coordinates[:, 0], order + 1, wavenumber) if order else None
    found = 0.0
    for a in range(order + 2 if order else 1):
        free = np.ones(len(mass), bool) if kept is None else kept[:, np.flatnonzero(orders(order + 1) == a)[0]]
        scale = scipy.sparse.diags(np.where(free, 1 / np.sqrt(mass), 0.0))
        operator = scale @ (plain + a**2 * square) @ scale
        # Only near the axis is a higher order faster, and there it is not kept: most need no more than a look at their bound.
        if a > MARGIN + 1 and abs(operator).sum(0).max() < found**2:
            continue
        (largest,) = scipy.sparse.linalg.eigsh(operator, 1, which="LA", tol=1e-3, return_eigenvectors=False)
        found = max(found, math.sqrt(largest))
    return found


def _assembled(elements: Elements) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix, np.ndarray]:
    """K of order 0, what a^2 adds to it, and the mass, of a fluid whose numbers are 1."""
    form = lambda slope: np.einsum("epq,ep,epr->eqr", slope, elements.weights, slope)  # noqa: E731
    node = elements.local.reshape(len(elements.local), -1)
    rows = np.repeat(node, node.shape[1], 1).ravel()
    columns = np.tile(node, node.shape[1]).ravel()
    count = len(elements.coordinates)
    make = lambda x: scipy.sparse.csr_matrix((x.ravel(), (rows, columns)), shape=(count, count))  # noqa: E731
    return make(form(elements.slopes[0]) + form(elements.slopes[1])), make(form(elements.over_s)), elements.mass
