"""Weights in a file: safetensors, whose header tells what they are and their SHA-256; written whole, never unpickled.

Leaves are called by their place in the pytree: `encoder.blocks.0.convolution.weight`.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from adseis.files import written_whole
from adseis.networks.normalization import statistics

FORMAT = "adseis-weights-1"


def named(tree: PyTree) -> dict[str, Any]:
    """The arrays of a pytree by their places.

    Args:
        tree: A network, or any pytree; what is no array is passed over.

    Returns:
        Name -> array, in order of the leaves.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def parameters(network: PyTree) -> int:
    """How many numbers are trained.

    Args:
        network: Any pytree of arrays or, of `eqx.filter_eval_shape`, of their shapes.

    Returns:
        Numbers of all floating-point arrays but running statistics.
    """
    leaves = jax.tree.leaves(jax.tree.map(lambda leaf, mark: None if mark else leaf, network, statistics(network)))
    return sum(leaf.size for leaf in leaves if hasattr(leaf, "size") and jnp.issubdtype(leaf.dtype, jnp.inexact))


def shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of a pytree by their places.

    Args:
        tree: As of `named`.

    Returns:
        Name -> shape.
    """
    return {name: tuple(leaf.shape) for name, leaf in named(tree).items()}


def fingerprint(tree: PyTree) -> str:
    """SHA-256 of all arrays of a pytree: of names, types, shapes and numbers.

    Args:
        tree: A network, or a mapping of arrays.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, leaf in sorted(named(tree).items()):
        array = np.asarray(leaf, order="C")
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_weights(path: str | os.PathLike[str], tree: PyTree, about: Mapping[str, Any] | None = None) -> str:
    """Write the arrays of a pytree.

    Args:
        path: File, `*.safetensors`.
        tree: A network, or any pytree of arrays.
        about: Whatever JSON can hold, kept in the file's header.

    Returns:
        SHA-256 of the arrays, as `fingerprint`.

    Raises:
        OSError: If the file cannot be written.
    """
    arrays = {name: np.asarray(leaf, order="C") for name, leaf in named(tree).items()}
    digest = fingerprint(arrays)
    header = {"format": FORMAT, "sha256": digest, "about": json.dumps(dict(about or {}))}
    with written_whole(path) as partial:
        partial.write_bytes(save(arrays, header))  # its own way of writing makes files that others may not read
    return digest


def read_about(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file of weights says of itself.

    Args:
        path: File that `write_weights` has written.

    Returns:
        `about`, as it was given, and "sha256".

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or another's.
    """
    with _opened(Path(path)) as file:
        header = _header(Path(path), file)
    return {**json.loads(header["about"]), "sha256": header["sha256"]}


def read_weights(path: str | os.PathLike[str], like: PyTree) -> PyTree:
    """Read what `write_weights` wrote.

    Args:
        path: File.
        like: A pytree of the same structure, whose arrays are replaced.

    Returns:
        The pytree.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is truncated or damaged, or of another network.
    """
    arrays, _ = read_arrays(path)
    return placed(like, arrays, path)


def read_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays of a file by their names.

    Args:
        path: File that `write_weights` has written.

    Returns:
        Name -> array, and `about`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is truncated or damaged, or another's.
    """
    path = Path(path)
    with _opened(path) as file:
        header = _header(path, file)
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    if fingerprint(arrays) != header["sha256"]:
        raise ValueError(f"`{path}` is damaged: its SHA-256 is another than was written. Take a copy of it, or train again.")
    return arrays, json.loads(header["about"])


def placed(like: PyTree, arrays: Mapping[str, np.ndarray], path: str | os.PathLike[str]) -> PyTree:
    """Arrays in their places by name.

    Args:
        like: A pytree of the same structure.
        arrays: Name -> array.
        path: Where they are from, for messages.

    Returns:
        The pytree with these arrays.

    Raises:
        ValueError: If names or shapes differ.
    """
    wanted = named(like)
    for name, leaf in wanted.items():
        if name not in arrays:
            raise ValueError(f"`{path}` lacks {name} {leaf.shape}: it is of another network. Name the one that it was made for.")
        if arrays[name].shape != leaf.shape:
            raise ValueError(
                f"`{path}` holds {name} {arrays[name].shape}, where the network has {leaf.shape}: it is of another one."
            )
    if surplus := sorted(arrays.keys() - wanted.keys()):
        raise ValueError(f"`{path}` holds {surplus[0]}, which the network has not ({len(surplus)} such): it is of another one.")
    held, rest = eqx.partition(like, eqx.is_array)
    leaves = [jnp.asarray(arrays[name], leaf.dtype) for name, leaf in wanted.items()]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(held), leaves), rest)


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file `{path}`.")
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"`{path}` is no file of weights, or truncated ({error}).") from error


def _header(path: Path, file: Any) -> dict[str, str]:
    header = file.metadata() or {}
    if header.get("format") != FORMAT:
        raise ValueError(f"`{path}` holds no weights of adseis: its header says {header.get('format')!r}, not {FORMAT!r}.")
    return header
