"""The small gathers that many networks take: 1000 samples of time averaged to 70 rows, and an edge around."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.data.openfwi_dataset import Dataset
from adseis.data.openfwi_files import ArrayFile
from adseis.data.openfwi_layout import GATHERS
from adseis.experiment.checks import Samples, as_samples
from adseis.files import written_whole

ROWS = 70
"""Of time, in the small gathers."""


def averaging(samples: int, rows: int) -> Float[np.ndarray, "row sample"]:
    """Weights of area interpolation: row j is the mean of the samples floor(j n / m) to ceil((j + 1) n / m) - 1.

    Args:
        samples: n, how many there are.
        rows: m, how many are made of them.

    Returns:
        Weights, of unit sum in each row; neighbours share a sample where m does not divide n.
    """
    edges = np.arange(rows + 1) * samples
    first, last = edges[:-1] // rows, -(-edges[1:] // rows)
    at = np.arange(samples)
    inside = (first[:, None] <= at) & (at < last[:, None])
    return inside / inside.sum(1, keepdims=True)


def shrink(gathers: Float[Samples, "*sample shot time receiver"]) -> Float[Array, "*sample shot 72 receiver+2"]:
    """Gathers of 1000 samples averaged to 70 rows of time, then continued by one row or trace of their edges on all sides.

    Compiles under `jax.jit`, batches under `jax.vmap`, and has its gradient. What the gathers hold above 35 Hz is lost: OpenFWI's
    wavelet of 15 Hz reaches that far.

    Args:
        gathers: `(5, 1000, 70)`, or several, `(sample, 5, 1000, 70)`.

    Returns:
        `(5, 72, 72)`, or `(sample, 5, 72, 72)`; a network stores them as float16, whose rounding is 5e-4 of a value.

    Raises:
        ValueError: If there are fewer samples of time than rows, or no traces.

    Example:
        >>> from adseis.data import openfwi
        >>> openfwi.shrink(np.ones((5, 1000, 70))).shape
        (5, 72, 72)
    """
    data = as_samples(gathers)
    if data.ndim < 3 or data.shape[-2] < ROWS:
        raise ValueError(f"`gathers` {data.shape} must be (shot, time, receiver) with {ROWS} samples of time at least.")
    weights = jnp.asarray(averaging(data.shape[-2], ROWS), data.dtype)
    rows = jnp.einsum("jt,...tr->...jr", weights, data, precision="highest")
    return jnp.pad(rows, [(0, 0)] * (data.ndim - 2) + [(1, 1), (1, 1)], mode="edge")


def write_shrunk(data: Dataset, folder: str | os.PathLike[str]) -> int:
    """Write all gathers of a dataset small, as float16, and the velocities beside, under the same names: 4 % of the room.

    Pairs that are there already are left alone, so that a run that was interrupted goes on. `Dataset(folder)` reads them.

    Args:
        data: Gathers of full size.
        folder: Where to write, another than that of `data`.

    Returns:
        How many pairs were written.

    Raises:
        ValueError: If the gathers are small already, or `folder` is that of `data`.
        OSError: If the files cannot be written.
    """
    target, source = Path(folder), Path(data.folder).absolute()
    if target.absolute() == source:
        raise ValueError(f"`folder` = `{folder}` is that of the data itself. Choose another.")
    if data.pairs and data.pairs[0].gathers.shape[1:] != GATHERS:
        raise ValueError(f"the gathers of `{data.folder}` are {data.pairs[0].gathers.shape[1:]} already, not {GATHERS}.")
    small = jax.jit(lambda gathers: shrink(gathers).astype(jnp.float16))
    written = 0
    for pair in data.pairs:
        places = [target / file.path.relative_to(source) for file in pair.files]
        if all(place.exists() for place in places):
            continue
        with written_whole(places[0]) as partial:
            np.save(partial, np.stack([small(gathers) for gathers in _each(data, pair.gathers)]))
        if pair.velocity is not None:
            with written_whole(places[1]) as partial:
                np.save(partial, data.reader.map(pair.velocity).astype(np.float32))
        written += 1
    return written


def _each(data: Dataset, file: ArrayFile):
    """The gathers of a file, one by one."""
    for row in range(file.shape[0]):
        gathers = np.empty(GATHERS, np.float32)
        data.reader.copy(file, row, gathers)
        yield gathers
