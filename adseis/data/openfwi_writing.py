"""Writing files as OpenFWI's: pairs of gathers and velocities in the folder and under the names of their subset."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Array, Real

from adseis.data.openfwi_layout import GATHERS, MAP, SHRUNK, Pair, file_names, known_subset
from adseis.files import written_whole


def shard_paths(folder: str | os.PathLike[str], subset: str, index: int) -> Pair:
    """Where `write_shard` puts a pair of files: in the folder of the subset, `CurveFault_B/seis6_1_0.npy`.

    Args:
        folder: Folder of the folders of subsets.
        subset: Name of the subset, such as "curve-fault-b".
        index: Number of the pair, from 0.

    Returns:
        Paths of the gathers and the velocities.
    """
    found = known_subset(subset)
    return Pair(*(Path(folder, found.folder, name) for name in file_names(found, index)))


def write_shard(
    folder: str | os.PathLike[str],
    subset: str,
    index: int,
    gathers: Real[Array | np.ndarray, "sample shot time receiver"],
    velocity: Real[Array | np.ndarray, "map *z_x"],
) -> Pair:
    """Write one pair of files, each whole or not at all; as OpenFWI's they hold 500 samples, but the number is yours.

    The velocities, of which a reader needs both, come last: a pair whose two files exist is complete.

    Args:
        folder: Folder of the folders of subsets; made where it is missing.
        subset: Name of the subset, such as "curve-fault-b".
        index: Number of the pair, from 0: the first `train / 500` are official training files (`openfwi.SUBSETS`).
        gathers: `(sample, 5, 1000, 70)`, or `(sample, 5, 72, 72)` of `openfwi.shrink`; float16 stays so, all else is stored as
            float32.
        velocity: Maps [m/s], `(sample, 70, 70)` or `(sample, 1, 70, 70)`.

    Returns:
        Paths of the gathers and the velocities.

    Raises:
        ValueError: If a shape is not OpenFWI's, or a value is not finite.
        OSError: If the files cannot be written.
    """
    return write_pair(shard_paths(folder, subset, index), gathers, velocity)


def write_pair(
    paths: Pair,
    gathers: Real[Array | np.ndarray, "sample shot time receiver"],
    velocity: Real[Array | np.ndarray, "map *z_x"],
) -> Pair:
    """`write_shard` under names of your own.

    Args:
        paths: Where the gathers and the velocities go.
        gathers: As of `write_shard`.
        velocity: Likewise.

    Returns:
        The paths.

    Raises:
        ValueError: As `write_shard`.
        OSError: Likewise.
    """
    data, maps = np.asarray(gathers), np.asarray(velocity)
    data = data.astype(np.float16 if data.dtype == np.float16 else np.float32, copy=False)
    if data.ndim != 4 or data.shape[1:] not in (GATHERS, SHRUNK) or len(data) == 0:
        raise ValueError(f"`gathers` {data.shape} must be (sample, 5, 1000, 70), or (sample, 5, 72, 72).")
    if maps.shape not in ((len(data), *MAP), (len(data), 1, *MAP)):
        raise ValueError(f"`velocity` {maps.shape} must be ({len(data)}, 70, 70), one map for each of the gathers.")
    maps = maps.astype(np.float32).reshape(len(data), 1, *MAP)
    for name, values in (("gathers", data), ("velocity", maps)):
        bad = np.flatnonzero([not np.isfinite(sample).all() for sample in values])
        if bad.size:
            raise ValueError(f"`{name}` of sample {bad[0]} are not finite numbers.")
    paths.velocity.unlink(missing_ok=True)
    for path, values in zip(paths, (data, maps), strict=True):
        with written_whole(path) as partial:
            np.save(partial, np.ascontiguousarray(values), allow_pickle=False)  # row by row, as all readers expect
    return paths
