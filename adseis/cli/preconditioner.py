"""What updates of a velocity are evened out by, made once a run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from adseis.cli.option_groups import Precondition
from adseis.cli.options import Solver
from adseis.cli.runs import RunFolder
from adseis.experiment.grid import Grid
from adseis.experiment.survey import Survey
from adseis.files import written_whole
from adseis.inversion.weights import illumination, sensitivity


def evened(
    kind: Precondition,
    solver: Solver,
    survey: Survey,
    grid: Grid,
    *,
    start: np.ndarray,
    folder: RunFolder,
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """The weight of an update, kept in the folder of the run.

    Made anew by another number of threads it would be rounded otherwise, and a journal would not know its own problem again.

    Args:
        kind: By how strongly the data depend on each node, or how strongly the sources light it, or by nothing.
        solver: The physics.
        survey: Sources and receivers.
        grid: Space-time sampling.
        start: Initial P-wave speed [m/s].
        folder: Of the run.
        mask: 1 where the model may change.
        seed: Of the random data that sensitivity is estimated from.

    Returns:
        The weight, on the grid.
    """
    if kind == "none":
        return np.ones(grid.shape, "float32")
    path = folder.path / "preconditioner.npy"
    if folder.resumed and path.is_file():
        return np.load(path, allow_pickle=False)
    model = jnp.asarray(start)
    if kind == "illumination":
        weight = illumination(solver.simulate, solver.medium(model), survey, grid, **solver.options)
    else:
        forward = functools.partial(solver.gathers, survey=survey, grid=grid)
        weight = sensitivity(forward, model, key=jax.random.key(seed), mask=mask)
    with written_whole(path) as temporary:
        np.save(temporary, np.asarray(weight), allow_pickle=False)
    return np.asarray(weight)
