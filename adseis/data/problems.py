"""Complete experiments: a true and an initial model, a survey, a grid, and what of the model may change.

They are what the command line inverts, and a start for scripts.
"""

from pathlib import Path

import equinox as eqx
import numpy as np
import scipy

from adseis import wavelets
from adseis.data.adseismic import read_adseismic_survey
from adseis.data.layered_crust import layered_crust
from adseis.data.models import Model
from adseis.experiment.grid import Grid
from adseis.experiment.sampling import resolved_frequency
from adseis.experiment.sources import Explosion, PlaneWave
from adseis.experiment.survey import Survey


class Experiment(eqx.Module):
    """A synthetic inverse problem.

    Attributes:
        name: For titles.
        true: P-wave speed to be recovered [m/s].
        initial: Where the inversion starts [m/s].
        mask: 1 where the model may change, 0 where the initial one is kept.
        survey: Sources and receivers.
        grid: Space-time sampling.
        frequency: Peak frequency of the sources [Hz].
        line: Whether shots and receivers stand in a line along the surface, with nothing known of how to even out updates.

    Raises:
        ValueError: If the models or the mask are not sampled on the grid.
    """

    name: str = eqx.field(static=True)
    true: np.ndarray
    initial: np.ndarray
    mask: np.ndarray
    survey: Survey
    grid: Grid
    frequency: float = eqx.field(static=True)
    line: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        for name in ("true", "initial", "mask"):
            shape = getattr(self, name).shape
            if shape != self.grid.shape:
                raise ValueError(f"`{name}` is sampled on {shape}, the grid is {self.grid.shape}; they must be the same.")


def crust_experiment(*, frequency: float = 1.2, shape: tuple[int, int] = (64, 128), spacing: float = 250.0) -> Experiment:
    """The layered crust with elliptical inclusions under four plane waves from below, at -30, -10, 10 and 30 degrees.

    Receivers stand on every node of the row below the surface; the lowest rows, where the waves start, are kept as they are.

    Args:
        frequency: Peak frequency of the Ricker wavelet [Hz].
        shape: Nodes along (z, x).
        spacing: Distance between nodes [m].

    Returns:
        The experiment.

    Raises:
        ValueError: If `shape`, `spacing` or `frequency` cannot be right.

    References:
        After the test of Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751,
        doi:10.1016/j.cageo.2021.104751; the numbers are ours.
    """
    true, initial = layered_crust(shape=shape, spacing=spacing)
    width = spacing * (shape[1] - 1)
    duration = 1.5 / frequency + (spacing * shape[0] + width * np.sin(np.deg2rad(30))) / true.min() * 1.5
    # Waves longer than the nodes resolve are recorded for less long: as many samples as a coarser grid would need for them.
    duration *= min(1.0, frequency / resolved_frequency(float(true.min()), (spacing, spacing), 4))
    speeds = float(true.min()), float(true.max())
    grid = Grid.suggest(speeds=speeds, frequency=frequency, shape=shape, spacing=spacing, duration=duration)
    time_function = np.asarray(wavelets.ricker(frequency, grid.nt, grid.dt), "float32")[None]
    depth = spacing * (shape[0] - 4)
    source = PlaneWave(np.array([-30.0, -10.0, 10.0, 30.0], "float32"), time_function, depth=depth, speed=float(true[-4].min()))
    receivers = np.stack([np.full(shape[1], spacing), spacing * np.arange(shape[1])], -1).astype("float32")
    mask = np.ones(shape, "float32")
    mask[-8:] = 0
    return Experiment("layered crust", true, initial, mask, Survey(source, receivers), grid, frequency)


def stored_experiment(true: Model, initial: Model | None = None, *, smooth: float | None = None) -> Experiment:
    """The survey that is stored beside a model in ADSeismic's `.mat` files, with the mask of the initial model's file.

    Args:
        true: Model read from such a file.
        initial: Likewise, on the same grid; by default the true model smoothed.
        smooth: Standard deviation of that smoothing [m]; by default an eighth of the model's depth.

    Returns:
        The experiment.

    Raises:
        FileNotFoundError: If the file that stores the survey is gone.
        ValueError: If the files do not belong together, the survey is damaged, or `smooth` is not positive.

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    survey = read_adseismic_survey((initial or true).source_file)
    start = _initial(true, initial, smooth)
    grid = Grid(true.values.shape, survey.spacing, survey.dt, survey.nt)
    mask = np.ones(grid.shape) if survey.mask is None else survey.mask
    source = Explosion(survey.source_positions.astype("float32"), survey.source_time_functions.astype("float32"))
    geometry = Survey(source, survey.receiver_positions.astype("float32"))
    name = Path(true.source_file).stem
    return Experiment(name, true.values, start, mask.astype("float32"), geometry, grid, survey.f0)


def surface_experiment(
    true: Model,
    initial: Model | None = None,
    *,
    shots: int = 8,
    frequency: float = 5.0,
    depth: float | None = None,
    duration: float | None = None,
    smooth: float | None = None,
) -> Experiment:
    """A line of shots and receivers at one depth over any 2D model.

    Args:
        true: Model to be recovered, (z, x).
        initial: Where to start; by default the true model smoothed by a Gaussian of standard deviation `smooth`.
        shots: Number of shots, spread evenly.
        frequency: Peak frequency of the Ricker wavelet [Hz].
        depth: Of shots and receivers [m]; by default one node below the top. Rows down to two nodes below it are kept.
        duration: Of the record [s]; by default what the slowest wave needs along the diagonal.
        smooth: Standard deviation of the default start [m]; by default an eighth of the model's depth.

    Returns:
        The experiment; a receiver stands on every node of the line.

    Raises:
        ValueError: If the models are not on one 2D grid, or an argument is out of range.
    """
    if true.values.ndim != 2:
        raise ValueError(f"`true` has axes {true.values.shape}; a surface line needs a 2D model (z, x).")
    dz, dx = true.spacing
    nz, nx = true.values.shape
    start = _initial(true, initial, smooth)
    if shots < 1 or shots > nx:
        raise ValueError(f"`shots` = {shots} must be between 1 and the {nx} nodes of the line.")
    row = 1 if depth is None else round(depth / dz)
    if not 0 <= row < nz:
        raise ValueError(f"`depth` = {depth} m is not within the model, which is {(nz - 1) * dz:.6g} m deep.")
    fastest, slowest = max(float(true.values.max()), float(start.max())), float(true.values.min())
    speeds = slowest, 1.15 * fastest  # headroom for what an inversion may try
    length = 1.5 / frequency + 1.2 * np.hypot((nz - 1) * dz, (nx - 1) * dx) / slowest if duration is None else duration
    grid = Grid.suggest(speeds=speeds, frequency=frequency, shape=(nz, nx), spacing=(dz, dx), duration=length)
    columns = np.round(np.linspace(0, nx - 1, shots + 2)[1:-1]) * dx
    position = np.stack([np.full(shots, row * dz), columns], -1)[:, None, :].astype("float32")
    receivers = np.stack([np.full(nx, row * dz), dx * np.arange(nx)], -1).astype("float32")
    time_function = np.asarray(wavelets.ricker(frequency, grid.nt, grid.dt), "float32")[None, None]
    mask = np.ones((nz, nx), "float32")
    mask[: row + 2] = 0
    name = Path(true.source_file).stem
    survey = Survey(Explosion(position, time_function), receivers)
    return Experiment(name, true.values, start, mask, survey, grid, frequency, line=True)


def _initial(true: Model, initial: Model | None, smooth: float | None) -> np.ndarray:
    """The values of the initial model, or the true one smoothed in slowness."""
    if initial is None:
        sigma = (true.values.shape[0] - 1) * true.spacing[0] / 8 if smooth is None else smooth
        if not sigma > 0:
            raise ValueError(f"`smooth` = {smooth} m must be positive.")
        return _smoothed(true, sigma)
    if true.values.shape != initial.values.shape or not np.allclose(true.spacing, initial.spacing, rtol=1e-4):
        raise ValueError(
            f"`{true.source_file}` {true.values.shape} at {true.spacing} m and `{initial.source_file}` {initial.values.shape} at "
            f"{initial.spacing} m must be sampled alike."
        )
    return initial.values


def _smoothed(true: Model, sigma: float) -> np.ndarray:
    """A model smoothed in slowness, its edges kept.

    Beyond an edge it goes on oddly about its edge values, so that these, and a speed that grows evenly with depth, stay what they
    are: direct waves along the surface are strong, and would pull at all that is free below a surface that is wrong.
    """
    sigmas = [sigma / h for h in true.spacing]
    around = [min(int(4 * s) + 1, n - 1) for s, n in zip(sigmas, true.values.shape, strict=True)]
    slowness = np.pad(1 / true.values.astype(float), [(k, k) for k in around], mode="reflect", reflect_type="odd")
    slowness = scipy.ndimage.gaussian_filter(slowness, sigmas, mode="nearest")
    inner = tuple(slice(k, k + n) for k, n in zip(around, true.values.shape, strict=True))
    return (1 / slowness[inner]).astype(true.values.dtype)
