"""A pytree of arrays in one checked file, written whole, with the identity of the run that it belongs to.

The file is HDF5 with checksums: `leaf0`, `leaf1`, ... in the order of the pytree, beside series of any length by their names.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from adseis.files import written_whole

FORMAT = "adseis-checkpoint-1"


def write_checkpoint(
    path: Path, tree: PyTree, identity: Mapping[str, str], series: Mapping[str, np.ndarray] | None = None
) -> None:
    """Replace a checkpoint by a newer one; its name stands for a complete file at every instant.

    Args:
        path: HDF5 file.
        tree: Arrays.
        identity: What must not change between runs, by name.
        series: Arrays whose length grows from checkpoint to checkpoint, by name.

    Raises:
        OSError: If the file cannot be written.
    """
    arrays = {f"leaf{i}": leaf for i, leaf in enumerate(jax.tree.leaves(tree))} | dict(series or {})
    with written_whole(path) as partial, h5py.File(partial, "w", libver="latest") as file:
        file.attrs.update({"format": FORMAT, **identity})
        for name, values in arrays.items():
            array = np.atleast_1d(np.asarray(values))
            file.create_dataset(name, data=array, fletcher32=True, chunks=array.shape)


def read_checkpoint(path: Path, like: PyTree, identity: Mapping[str, str]) -> tuple[PyTree, dict[str, np.ndarray]]:
    """What was written, in the form of `like`.

    Args:
        path: HDF5 file.
        like: A pytree of arrays of the same shapes.
        identity: As it was written.

    Returns:
        The pytree, each leaf of the type of its counterpart, and the series.

    Raises:
        ValueError: If the file is damaged, or belongs to another run.
    """
    leaves, structure = jax.tree.flatten(like)
    names = [f"leaf{i}" for i in range(len(leaves))]
    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            stored = {name: np.asarray(item) for name, item in file.items()}
    except (OSError, KeyError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read: it is truncated or damaged ({error}). Move it away to start anew."
        ) from error
    series = {name: array for name, array in stored.items() if not name.startswith("leaf")}
    shapes = {name: np.atleast_1d(np.asarray(leaf)).shape for name, leaf in zip(names, leaves, strict=True)}
    found = {name: array.shape for name, array in stored.items() if name not in series}
    if attributes != {"format": FORMAT, **identity} or found != shapes:
        raise ValueError(
            f"checkpoint {path} belongs to another x0, other bounds or another optimizer. Name another file, or move it away."
        )
    restored = [
        jnp.asarray(stored[name].reshape(np.shape(leaf)), np.asarray(leaf).dtype)
        for name, leaf in zip(names, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, restored), series
