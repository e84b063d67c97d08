"""Mutes and preconditioning: what an update may touch, and how strongly.

L-BFGS-B knows no metric, so a diagonal preconditioner is a change of variables m = r + w y: steepest descent in y is descent by
w^2 times the gradient in m. Weights are arrays over the grid; models may be arrays or pytrees of them.
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from tqdm import tqdm

from adseis.experiment.grid import Grid, PerAxis
from adseis.experiment.medium import Medium
from adseis.experiment.sources import Emission, Source
from adseis.experiment.survey import Survey
from adseis.objectives.composite import Forward
from adseis.objectives.curvature import images_of_noise
from adseis.signals import divide, unit_of
from adseis.waves.wave_equation import compressions_among


def mute_near(
    positions: Float[ArrayLike, "*points axis"],
    grid_shape: tuple[int, ...],
    spacing: PerAxis,
    radius: float,
    *,
    origin: PerAxis = 0.0,
) -> Float[Array, "*grid"]:
    """Weight that is zero at sources or receivers, where gradients are singular, and one beyond `radius` of all of them.

    (1 - cos(pi d / radius)) / 2 with d the distance to the nearest position, 1 for d >= radius.

    Args:
        positions: Sources or receivers [m], any leading axes.
        grid_shape: Nodes of the grid per axis.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        radius: Distance [m] at which the weight has grown to one, positive.
        origin: Position of the first node [m], a number or one per axis.

    Returns:
        Weight in [0, 1] on the grid.

    Raises:
        ValueError: If `radius` is not positive, or `positions` have not one coordinate per axis.
    """
    ndim = len(grid_shape)
    positions = np.asarray(positions)
    if not radius > 0:
        raise ValueError(f"`radius` = {radius} m must be positive.")
    if positions.ndim == 0 or positions.shape[-1] != ndim:
        raise ValueError(f"`positions` {positions.shape} must end with the {ndim} coordinates of the grid {grid_shape}.")
    step, start = (np.broadcast_to(np.asarray(value, float), (ndim,)) for value in (spacing, origin))
    nodes = np.stack(np.meshgrid(*(np.arange(n) for n in grid_shape), indexing="ij"), axis=-1) * step + start
    nearest, _ = scipy.spatial.cKDTree(np.unique(positions.reshape(-1, ndim), axis=0)).query(nodes)
    weight = 0.5 * (1 - np.cos(np.pi * np.minimum(nearest / radius, 1)))
    return jnp.asarray(weight, jnp.result_type(positions.dtype, 1.0))


def illumination_weight(energy: Float[ArrayLike, "*grid"], *, damping: float = 1e-2) -> Float[Array, "*grid"]:
    """Weight that evens out illumination: 1 / sqrt(energy / max(energy) + damping), scaled to a maximum of one.

    Used as the weight of a `ChangeOfVariables` its square multiplies the gradient: division by the damped energy, the diagonal
    (pseudo-Hessian) preconditioner.

    Args:
        energy: Energy of the wavefield at each node, summed over time and shots; non-negative, any unit.
        damping: Share of the largest energy below which nothing is amplified further, positive.

    Returns:
        Weight in (0, 1], one where the energy is smallest.

    Raises:
        ValueError: If `damping` is not positive.

    References:
        Shin, C., Jang, S. & Min, D.-J. (2001), Geophysical Prospecting 49, 592-606, doi:10.1046/j.1365-2478.2001.00279.x
    """
    if not damping > 0:
        raise ValueError(f"`damping` = {damping} must be positive, or nodes without energy would get infinite weight.")
    energy = jnp.asarray(energy)
    relative = divide(energy, jnp.max(energy)) + damping
    return jnp.sqrt(jnp.min(relative) / relative)


def illumination(
    simulate: Callable[..., Any],
    medium: Medium,
    survey: Survey,
    grid: Grid,
    *,
    damping: float = 1e-2,
    stride: int = 4,
    pseudo_hessian: bool = False,
    **options: Any,
) -> Float[Array, "*grid"]:
    """Weight that evens out how strongly the sources light up the model.

    Args:
        simulate: `ads.simulate_scalar`, `ads.simulate_acoustic`, `ads.simulate_elastic` or `ads.simulate_sh`.
        medium: Where the waves run.
        survey: Sources (receivers are not used).
        grid: Space-time sampling.
        damping: Share of the largest energy below which nothing is amplified further.
        stride: Steps between the summed snapshots.
        pseudo_hessian: Take the energy of the second time derivative over speed^6, the power of what a change of speed radiates:
            d/dvp (u_tt / vp^2) = -2 u_tt / vp^3. Fast and deep nodes then move more. Of compressional waves only.
        options: Other options of `simulate`.

    Returns:
        `illumination_weight` of the wavefield's energy (see `energy_of`), summed over time and shots: in (0, 1], on the grid.

    Raises:
        ValueError: If `damping` is not positive, `pseudo_hessian` is asked for of waves without pressure, or as `simulate` does.

    References:
        Shin, C., Jang, S. & Min, D.-J. (2001), Geophysical Prospecting 49, 592-606, doi:10.1046/j.1365-2478.2001.00279.x
    """
    # of time functions differentiated twice the wavefield is, too
    survey = Survey(_Shaped(survey.source, pseudo_hessian), survey.receivers, devices=survey.devices)

    def snapshot(fields: dict[str, Array]) -> Array:
        if pseudo_hessian and not compressions_among(fields):
            raise ValueError("`pseudo_hessian` asks how P waves answer to `vp`, and these waves have no pressure: leave it out.")
        return energy_of(fields)

    _, energy = simulate(medium, survey, grid, probe=snapshot, probe_every=stride, **options)
    energy = jnp.sum(energy, 0)
    if pseudo_hessian:
        energy = energy / jnp.asarray(medium.vp, energy.dtype) ** 6
    return illumination_weight(energy, damping=damping)


def energy_of(fields: dict[str, Array]) -> Float[Array, "*grid"]:
    """Energy of a wavefield at each node, any unit: of its pressure, the mean of normal stresses; of its velocities without one.

    Args:
        fields: What a probe sees: name -> `(shot, *grid)`.

    Returns:
        The square of the pressure, or of the velocity, summed over shots.
    """
    pressures = compressions_among(fields)
    if pressures:
        return jnp.sum((sum(pressures[1:], start=pressures[0]) / len(pressures)) ** 2, 0)
    velocities = [field for name, field in fields.items() if name.startswith("v")]
    return jnp.sum(jnp.stack(velocities) ** 2, (0, 1))


def sensitivity(
    forward: Forward,
    model: PyTree,
    *,
    key: PRNGKeyArray | Array,
    mask: PyTree = None,
    samples: int = 6,
    smooth: float = 2.0,
    damping: float = 1e-3,
    progress: bool = True,
) -> PyTree:
    """Weight that evens out how strongly the data depend on each node: sources, receivers, filters and gains all count.

        w = 1 / sqrt(d / max(d) + damping),    d = diag(J' J) from random data, smoothed

    The unit of the data plays no part, however small or large it is.

    Args:
        forward: From a model to gathers, as of `invert`; filter and weigh the gathers inside as the inversion does.
        model: Where J is taken: an array on the grid, or a pytree of such, each of which is evened out for itself.
        key: Of the random data.
        mask: 1 where the model may change: an array, or a pytree like `model`; the weight is zero elsewhere.
        samples: Random data sets; each costs a gradient.
        smooth: Standard deviation of the smoothing [nodes].
        damping: Share of the largest d below which nothing is amplified further.
        progress: Whether to show a progress bar.

    Returns:
        Weights like `model`, at most one, for `Update(weight=...)`.

    Raises:
        ValueError: If `samples` or `damping` is not positive, or a mask is of another shape.
    """
    model = jax.tree.map(jnp.asarray, model)

    def even(mask: Any, values: Array, diagonal: np.ndarray) -> Array:
        free = np.asarray(np.asarray(mask) > 0, float)
        if free.shape not in ((), values.shape):
            raise ValueError(f"`mask` {free.shape} and `model` {values.shape} must share one grid.")
        free = np.broadcast_to(free, values.shape)
        blurred = functools.partial(scipy.ndimage.gaussian_filter, sigma=smooth)
        share = np.where(free > 0, blurred(free), 1)  # what is kept must not bleed into its neighbours
        energy = free * blurred(free * diagonal) / share
        energy = energy / max(energy.max(), np.finfo(float).tiny)
        weight = free * np.asarray(illumination_weight(energy, damping=damping))
        return jnp.asarray(weight / max(weight.max(), np.finfo(float).tiny), values.dtype)

    masks = jax.tree.broadcast(1.0 if mask is None else mask, model)
    images = images_of_noise(forward, model, key=key, samples=samples)
    bar = tqdm(images, total=samples, desc="sensitivity", disable=not progress)
    # In double precision: squares of images in physical units leave the range of single precision.
    squares = (jax.tree.map(lambda part: np.asarray(part, float) ** 2, image) for image in bar)
    diagonal = functools.reduce(lambda a, b: jax.tree.map(np.add, a, b), squares)
    return jax.tree.map(even, masks, model, diagonal)


class _Shaped(Source):
    """Sources in a unit of their own size, so that squares of their wavefield are numbers of any precision.

    Where `twice`, their time functions are differentiated twice, by central differences.
    """

    source: Source | tuple[Source, ...]
    twice: bool = eqx.field(static=True)

    def emissions(self, grid: Grid) -> list[Emission]:
        """What they emit, all of it over one number."""

        def slope(samples: Array) -> Array:
            return jnp.asarray(jnp.gradient(samples, grid.dt, axis=-1))

        emissions = Survey(self.source, np.zeros((0, len(grid.shape)))).emissions(grid)
        emitted = [jnp.asarray(emission.samples) for emission in emissions]
        if self.twice:
            emitted = [slope(slope(samples)) for samples in emitted]
        unit = functools.reduce(jnp.maximum, [unit_of(samples) for samples in emitted])
        return [e._replace(samples=samples / unit) for e, samples in zip(emissions, emitted, strict=True)]


def depth_weight(shape: tuple[int, ...], spacing: PerAxis, *, power: float = 1.0, start: float = 0.0) -> Float[Array, "*grid"]:
    """Weight that grows with depth: ((z - start) / (z_max - start))^power below `start`, zero above.

    Amplitudes fall with distance, and gradients twice so: used as the weight of a `ChangeOfVariables` its square multiplies the
    gradient.

    Args:
        shape: Nodes of the grid per axis, z first.
        spacing: Distance of neighbouring nodes [m], a number or one per axis.
        power: Of the depth, not negative.
        start: Depth of the zero [m], above the last row.

    Returns:
        Weight in [0, 1] on the grid.

    Raises:
        ValueError: If `power` or `start` is out of range.
    """
    step = float(np.broadcast_to(np.asarray(spacing, float), (len(shape),))[0])
    depth = step * np.arange(shape[0])
    if power < 0 or not start < depth[-1]:
        raise ValueError(
            f"`power` = {power} must not be negative, and `start` = {start} m lie above the last row, {depth[-1]} m."
        )
    below = np.maximum(depth - start, 0) / (depth[-1] - start)
    weight = np.where(depth >= start, below**power, 0)
    return jnp.asarray(np.broadcast_to(weight.reshape(-1, *[1] * (len(shape) - 1)), shape))
