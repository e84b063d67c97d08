"""Adapters in files of their own, a hundredth of the network's, which know the base that they were made for."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PyTree

from adseis.networks.adapted import Adapted, Recipe, adapt, adapters_of, base_of
from adseis.networks.weights import fingerprint, placed, read_arrays, write_weights


def write_adapter(path: str | os.PathLike[str], adapted: Adapted, about: Mapping[str, Any] | None = None) -> str:
    """Write the adapters of a network, and its modules that are trained whole, and nothing else.

    The header tells how they are put into the base, and the base's SHA-256.

    Args:
        path: File, `*.safetensors`.
        adapted: The network.
        about: Whatever JSON can hold, kept in the header: `weights.read_about(path)["about"]`.

    Returns:
        SHA-256 of what was written.

    Raises:
        OSError: If the file cannot be written.
    """
    header = {"adapter": asdict(adapted.recipe), "base": fingerprint(base_of(adapted)), "about": dict(about or {})}
    return write_weights(path, adapters_of(adapted).network, header)


def read_adapter(path: str | os.PathLike[str], base: PyTree) -> Adapted:
    """Read what `write_adapter` wrote.

    Args:
        path: File.
        base: The network that was adapted; what is adapted already is taken without its adapters.

    Returns:
        The adapted network.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is truncated or damaged, holds no adapters, or those of another base.
    """
    arrays, about = read_arrays(path)
    if not {"adapter", "base"} <= about.keys():
        raise ValueError(f"`{path}` holds a whole network, no adapters: read it by weights.read_weights.")
    base = base_of(base) if isinstance(base, Adapted) else base
    if about["base"] != (given := fingerprint(base)):
        raise ValueError(
            f"`{path}` was made for another base: its SHA-256 is {about['base']}, that of the one given {given}. "
            "Read the weights that were adapted."
        )
    adapted = adapt(base, _recipe(Path(path), about["adapter"]), key=jax.random.key(0))
    found = placed(adapters_of(adapted).network, arrays, path)
    return eqx.tree_at(lambda one: one.network, adapted, eqx.combine(found, adapted.network))


def _recipe(path: Path, told: Mapping[str, Any]) -> Recipe:
    try:
        sizes = tuple((str(pattern), int(size)) for pattern, size in told["sizes"])
        return Recipe(**{**told, "sizes": sizes, "train": tuple(told["train"])})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"`{path}` tells of adapters in a way that is unknown ({error}). Take a newer adseis.") from error
