"""Earthquake location: where a source was and what it emitted, together, from a start anywhere and a time function of zeros.

The unknowns differ in kind: a position may move by a good part of a wavelength, a time function by what the data ask for. Both
scales are found from the start, and low frequencies are fitted first, in which the position is found from afar.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PyTree

from adseis.experiment.checks import Samples
from adseis.experiment.grid import Grid
from adseis.experiment.sources import Explosion
from adseis.inversion.fwi import Fit, Update, recover
from adseis.inversion.source_search import FoundSource, linear_scale, search_room
from adseis.objectives.bands import Band

FromSource = Callable[[Array, Array], Any]


class Located(FoundSource):
    """A source that was found: `x` is a dict of `position` and `time_function`."""

    @property
    def position(self) -> np.ndarray:
        """`(shot, source, axis)` [m]."""
        return self.x["position"]

    @property
    def time_function(self) -> np.ndarray:
        """`(shot, source, time)`, in the unit of the source."""
        return self.x["time_function"]


def locate(
    forward: FromSource,
    observed: PyTree,
    position: Float[Samples, "shot source axis"],
    grid: Grid,
    *,
    reach: float | Sequence[float],
    margin: float = 0.0,
    bands: Sequence[Band] = (Band(),),
    **options: Any,
) -> Located:
    """Find position and time function of sources by minimizing the misfit of their gathers.

        min_(x, s)  misfit(forward(x, s), observed) / misfit(0, observed),    s = 0 at the start

    Args:
        forward: From positions `(shot, source, axis)` and time functions `(shot, source, time)` to gathers, such as
            `lambda x, s: ads.simulate_scalar(medium, ads.Survey(ads.Explosion(x, s), receivers), grid)`; of `gaussian_source`
            for a source of a certain width.
        observed: Gathers `(shot, time, receiver)`, a shot for each event; a tuple if `forward` returns one.
        position: Where to start [m].
        grid: Space-time sampling of `forward`.
        reach: How far a position is expected to move in a step [m]: about a fifth of the shortest wavelength of the first band;
            or a number per axis, 0 along one that is kept.
        margin: Least distance from the edges of the grid [m].
        bands: Low-pass bands in their order, low frequencies first.
        options: Other options of `adseis.inversion.fwi.invert`: `misfit`, `regularizer`, `callback`, `journal`, ... A
            `regularizer` and a `callback` get a dict of `position` and `time_function`.

    Returns:
        The sources.

    Raises:
        ValueError: As `search_room` or `invert`.
        TypeError: If there is no such option.

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    fit, position = Fit.gathered("locate", options).starting_with(0.3), jnp.asarray(position)
    room = search_room(position, grid, reach, margin)
    silent = jnp.zeros((*position.shape[:2], grid.nt), position.dtype)
    scale = linear_scale(lambda s: forward(position, s), observed, silent)
    start = {"position": position, "time_function": silent}
    least, most = (
        {"position": np.broadcast_to(place, position.shape), "time_function": any_value}
        for place, any_value in ((room.low, -np.inf), (room.high, np.inf))
    )
    update = Update({"position": np.broadcast_to(room.reach, position.shape), "time_function": scale}, least, most)
    result = recover(
        lambda x: forward(x["position"], x["time_function"]), observed, start, dt=grid.dt, update=update, bands=bands, fit=fit
    )
    return Located.from_result(result)


def gaussian_source(
    position: Float[Samples, "shot source axis"], time_function: Float[Samples, "shot source time"], grid: Grid, *, width: float
) -> Explosion:
    """A volume source spread over nodes by a Gaussian, as in ADSeismic: w = exp(-|x - x_s|^2 / (2 width^2)).

    Weights sum to one, so that the source emits as much as a point does; it is smooth in the position.

    Args:
        position: x_s [m]; differentiable.
        time_function: What is emitted [as of `Explosion`].
        grid: Whose nodes.
        width: Standard deviation [m]; half a spacing is about the least that is smooth.

    Returns:
        The source: an `Explosion` at the nodes within four widths.

    Raises:
        ValueError: If `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f"`width` = {width} m must be positive.")
    position, time_function = jnp.asarray(position), jnp.asarray(time_function)
    spacing, origin = (jnp.asarray(x, position.dtype) for x in (grid.spacing, grid.origin))
    spans = [np.arange(-n, n + 1) for n in (int(np.ceil(4 * width / h)) for h in grid.spacing)]
    offsets = jnp.asarray(np.stack([o.ravel() for o in np.meshgrid(*spans, indexing="ij")], -1))[None, None]
    nearest = jnp.round((jax.lax.stop_gradient(position) - origin[None, None]) / spacing[None, None]).astype(int)
    index = nearest[:, :, None] + offsets
    last = jnp.asarray(np.array(grid.shape) - 1)[None, None, None]
    inside = jnp.all((index >= 0) & (index <= last), -1)
    nodes = origin[None, None, None] + spacing[None, None, None] * jnp.clip(index, 0, last).astype(spacing.dtype)
    distance = jnp.sum((nodes - position[:, :, None]) ** 2, -1)
    weight = jnp.where(inside, jnp.exp(-distance / (2 * width**2)), 0)
    weight = weight / jnp.sum(weight, -1, keepdims=True)
    spread = weight[..., None] * time_function[:, :, None]
    shots, sources, points = weight.shape
    return Explosion(nodes.reshape(shots, sources * points, -1), spread.reshape(shots, sources * points, -1))
