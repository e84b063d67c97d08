"""Media on the nodes of a grid, from layers or from samples at other distances: the averages over a cell that schemes want.

A node stands for the cell around it, half a spacing to either side, so that a step between two nodes lies halfway between them.
Where an interface cuts a cell, its node holds averages: of density the arithmetic mean, of moduli (rho vp^2, rho vs^2, and vp^2
of a scalar medium) the harmonic one, as long waves that cross the interface see them. So the interface acts where it is, not at
the edge of a cell.

References:
    Moczo, P., Kristek, J., Vavrycuk, V., Archuleta, R. J. & Halada, L. (2002), Bull. Seismol. Soc. Am. 92, 3042-3066,
    doi:10.1785/0120010167
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from adseis.experiment.checks import Samples, module_of
from adseis.experiment.grid import SLACK, Grid, PerAxis
from adseis.experiment.medium import AcousticMedium, ElasticMedium, Medium, ScalarMedium

_Medium = TypeVar("_Medium", bound=Medium)


def layered_model(interfaces: Sequence[Any] | np.ndarray, layers: _Medium, grid: Grid) -> _Medium:
    """A medium of layers on the nodes of a grid, its interfaces where they are.

    Args:
        interfaces: Depths of the interfaces [m], from the top down: numbers, or arrays over the horizontal axes of the grid.
        layers: A medium whose fields hold one value for each layer, `(layer,)`, one more than there are interfaces.
        grid: Where it is wanted.

    Returns:
        The medium of the cells' averages. A cell that holds any fluid bears no shear stress (vs = 0).

    Raises:
        ValueError: If the layers do not fit the interfaces, or an interface is not finite or above the one before.

    Example:
        >>> grid = ads.Grid(shape=(5, 3), spacing=10.0, dt=1e-3, nt=500)
        >>> layers = ads.ScalarMedium([2000.0, 3000.0])
        >>> ads.layered_model([20.0], layers, grid).vp[:, 0].round(1)  # the node at 20 m is half of either
        array([2000. , 2000. , 2353.4, 3000. , 3000. ])
    """
    if layers.shape != (len(interfaces) + 1,):
        raise ValueError(
            f"`layers` has fields of the shape {layers.shape}; {len(interfaces)} interfaces divide {len(interfaces) + 1} layers."
        )
    depths = np.array([np.broadcast_to(np.asarray(z, float), grid.shape[1:]) for z in interfaces])
    depths = depths.reshape(len(interfaces), *grid.shape[1:])
    if not (np.isfinite(depths).all() and np.all(np.diff(depths, axis=0) >= 0)):
        raise ValueError(f"`interfaces` = {interfaces} m must be finite and in order, from the top down.")
    tops = grid.coordinates(0).reshape(-1, *[1] * (len(grid.shape) - 1)) - grid.spacing[0] / 2
    above = np.clip((depths[:, None] - tops) / grid.spacing[0], 0, 1)  # share of a cell above each interface
    ends = np.concatenate([np.zeros_like(above[:1]), above, np.ones((1, *grid.shape))]) if len(depths) else None
    shares = _without_slivers(np.diff(ends, axis=0) if ends is not None else np.ones((1, *grid.shape)), 0)

    def mean(values: Samples) -> Samples:
        module = module_of(values)
        return module.tensordot(module.asarray(shares, values.dtype), values, axes=(0, 0))

    return _averaged(layers, mean)


def resample_model(medium: _Medium, grid: Grid, *, spacing: PerAxis, origin: PerAxis = 0.0) -> _Medium:
    """A medium that is sampled at one spacing, on the nodes of a grid of another; differentiable.

    Onto a coarser grid averages are taken over its cells; between the samples of a coarser medium they run linearly; on equal
    nodes nothing changes. Edge values continue beyond the samples.

    Args:
        medium: Earth parameters sampled on a regular grid, finer or coarser.
        grid: Where it is wanted.
        spacing: Distance of the medium's samples [m], a number or one per axis.
        origin: Position of its first sample [m], likewise.

    Returns:
        The medium of the cells' averages. A cell that holds any fluid bears no shear stress (vs = 0).

    Raises:
        ValueError: If the numbers of axes differ, or the grid reaches more than a cell beyond the samples.

    Example:
        >>> fine = ads.ScalarMedium(np.full((41, 81), 2000.0))  # every 5 m
        >>> ads.resample_model(fine, ads.Grid(shape=(11, 21), spacing=20.0, dt=1e-3, nt=500), spacing=5.0).shape
        (11, 21)
    """
    if len(medium.shape) != len(grid.shape):
        raise ValueError(f"`medium` {medium.shape} and `grid.shape` {grid.shape} must have the same number of axes.")
    source = Grid(medium.shape, spacing, grid.dt, 1, origin)
    for axis in range(len(grid.shape)):
        beyond = max(grid.spacing[axis], source.spacing[axis]) * (1 + SLACK)
        low, high = (source.coordinates(axis)[k] for k in (0, -1))
        first, last = (grid.coordinates(axis)[k] for k in (0, -1))
        if first < low - beyond or last > high + beyond:
            raise ValueError(
                f"`grid` reaches from {first:.6g} to {last:.6g} m along axis {axis}, the medium of `spacing` = "
                f"{source.spacing[axis]:.6g} m only from {low:.6g} to {high:.6g} m. Take a smaller grid, or check `spacing` and "
                "`origin`."
            )
    matrices = [_shares(source, grid, axis) for axis in range(len(grid.shape))]

    def mean(values: Samples) -> Samples:
        module = module_of(values)
        for axis, matrix in enumerate(matrices):
            values = module.moveaxis(module.tensordot(module.asarray(matrix, values.dtype), values, axes=(1, axis)), 0, axis)
        return values

    return _averaged(medium, mean)


def _shares(source: Grid, grid: Grid, axis: int) -> np.ndarray:
    """Which share each sample has in the cell of each node along an axis, `(node, sample)`."""
    width = max(source.spacing[axis], grid.spacing[axis])
    edges = source.coordinates(axis)[:-1] + source.spacing[axis] / 2
    begin = grid.coordinates(axis)[:, None] - width / 2
    passed = np.clip((edges[None] - begin) / width, 0, 1)
    ends = [np.zeros((len(begin), 1)), passed, np.ones((len(begin), 1))]
    return _without_slivers(np.diff(np.concatenate(ends, 1), axis=1), 1)


def _without_slivers(shares: np.ndarray, axis: int) -> np.ndarray:
    """Shares that are rounding errors taken away: a trace of fluid would make a cell fluid."""
    kept = np.where(shares > SLACK, shares, 0)
    return kept / kept.sum(axis, keepdims=True)


def _averaged(medium: Any, mean: Any) -> Any:
    """The medium whose density is the mean, and whose moduli are the harmonic means."""
    module = module_of(*(getattr(medium, name) for name in vars(medium)))

    def harmonic(modulus: Samples) -> Samples:
        return 1 / mean(1 / modulus)

    if isinstance(medium, ScalarMedium):
        return ScalarMedium(module.sqrt(harmonic(medium.vp**2)))
    if isinstance(medium, AcousticMedium):
        rho = mean(medium.rho)
        return AcousticMedium(module.sqrt(harmonic(medium.rho * medium.vp**2) / rho), rho)
    if isinstance(medium, ElasticMedium):
        rho, solid = mean(medium.rho), medium.vs > 0
        stiff = module.where(solid, medium.rho * medium.vs**2, 1)
        whole = mean(module.asarray(solid, medium.rho.dtype)) > 1 - SLACK / 2
        mu = module.where(whole, harmonic(stiff), 1)
        vs = module.where(whole, module.sqrt(mu / rho), 0)
        return ElasticMedium(module.sqrt(harmonic(medium.rho * medium.vp**2) / rho), vs.astype(rho.dtype), rho)
    raise TypeError(f"`medium` is a {type(medium).__name__}; averages are those of Scalar-, Acoustic- and ElasticMedium.")
