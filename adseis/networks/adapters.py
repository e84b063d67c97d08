"""Few numbers that make a trained network another's: it stays as it is, and small modules within it learn.

    adapted = lora(network, rank=8, where="**/attention/*", key=key)
    learned, frozen = eqx.partition(adapted, trainable(adapted))

For a new region or survey with some hundred samples, where training of all weights would forget what they know, and for many:
adapters are a hundredth of the network, and one base serves all. With many samples of the kind that is asked for, training of
all weights is more exact.

References:
    Hu, E. J., et al. (2021), arXiv:2106.09685 (low rank)
    Kalajdzievski, D. (2023), arXiv:2312.03732 (scale alpha / sqrt(r))
    Houlsby, N., et al. (2019), arXiv:1902.00751 (bottlenecks)
"""

import math
from collections.abc import Mapping, Sequence

from jaxtyping import Array, Key, PyTree

from adseis.networks.adapted import (
    Adapted,
    Recipe,
    adapt,
    adapters_of,
    base_of,
    counts,
    restored,
    trainable,
    with_adapter,
)
from adseis.networks.adapter_files import read_adapter, write_adapter
from adseis.networks.low_rank import LowRank, with_weight
from adseis.networks.places import nodes, replaced
from adseis.networks.weights import shapes

__all__ = [
    "Adapted",
    "Recipe",
    "adapters_of",
    "bottleneck",
    "counts",
    "lora",
    "merge",
    "read_adapter",
    "trainable",
    "unmerge",
    "with_adapter",
    "write_adapter",
]


def lora(
    network: PyTree,
    *,
    key: Key[Array, ""],
    rank: int = 8,
    where: str | Sequence[str] | Mapping[str, int] = "**",
    alpha: float | None = None,
    rank_stabilised: bool = False,
    train: str | Sequence[str] = (),
) -> Adapted:
    r"""Let products of thin matrices learn beside the weights of dense layers, convolutions and transposed convolutions.

        W -> W + scale B A,    scale = alpha / r  or  alpha / sqrt(r)

    A is uniform as Kaiming has it, B zero: at first the network does what it did. `merge` makes one W of both.

    Args:
        network: Any whose layers are equinox's.
        key: Of the random numbers.
        rank: r, columns of B, for every group of a convolution. A layer whose matrix has fewer rows or columns gets as many as
            those; the scale stays that of the rank that was asked for.
        where: Pattern of the places of the layers, as `**/attention/*` or `encoder/stages/0/**` (`places.matches`), or several;
            or the rank of every pattern, of which the first that matches counts, and 0 leaves alone.
        alpha: Numerator of the scale; None for a scale of 1.
        rank_stabilised: Whether the denominator is the root of the rank: for ranks of 32 and more.
        train: Patterns of modules that are trained whole, as a head; no adapter is put in there.

    Returns:
        The adapted network, called like `network`; `trainable` tells what is learned.

    Raises:
        ValueError: If a rank or `alpha` cannot be right, if a pattern matches nothing, or `network` has adapters already.
    """
    if alpha is not None and not (alpha > 0 and math.isfinite(alpha)):
        raise ValueError(f"`alpha` = {alpha} must be a positive number, or None for a scale of 1.")
    sizes = _sizes("rank", rank, where)
    return adapt(network, Recipe("lora", sizes, _patterns(train), alpha, rank_stabilised), key=key)


def bottleneck(
    network: PyTree,
    *,
    key: Key[Array, ""],
    where: str | Sequence[str] | Mapping[str, int],
    width: int = 16,
    train: str | Sequence[str] = (),
) -> Adapted:
    r"""Let two thin dense layers learn after some modules.

        x -> x + up(gelu(down(x)))

    Up is zero at first. There is no plain network that does the same: where that is wanted, use `lora`.

    Args:
        network: Any.
        key: Of the random numbers.
        where: Pattern of the places of modules, as `**/mlp`, or several, or the width of every pattern: as of `lora`. Features
            are along the last axis where the last layer of a module is dense, along the first where it is a convolution.
        width: Between the two layers.
        train: Patterns of modules that are trained whole.

    Returns:
        The adapted network.

    Raises:
        ValueError: If `width` cannot be right, if a pattern matches nothing, or `network` has adapters already.
    """
    return adapt(network, Recipe("bottleneck", _sizes("width", width, where), _patterns(train)), key=key)


def _patterns(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _sizes(name: str, size: int, where: str | Sequence[str] | Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    if size < 1:
        raise ValueError(f"`{name}` = {size} must be positive.")
    sizes = tuple(where.items()) if isinstance(where, Mapping) else tuple((pattern, size) for pattern in _patterns(where))
    if not sizes:
        raise ValueError("`where` has no pattern. Give one, such as '**/attention/*'.")
    for pattern, wanted in sizes:
        if wanted < 0:
            raise ValueError(f"`where` gives {pattern!r} the {name} {wanted}: it must be positive, or 0 to leave layers alone.")
    return sizes


def merge(adapted: PyTree) -> PyTree:
    """One plain network that does the same.

    Args:
        adapted: From `lora`; a plain network is returned as it is.

    Returns:
        A network of the structure of the base, with weights W + scale B A, and what was trained whole.

    Raises:
        ValueError: If there are bottlenecks, which no layer is equal to.
    """
    if not isinstance(adapted, Adapted):
        return adapted
    if adapted.recipe.kind != "lora":
        raise ValueError(
            "bottlenecks are no part of the layer before them and cannot be merged. Use the network as it is, or `lora`."
        )
    return replaced(adapted.network, lambda _, node: node.merged() if isinstance(node, LowRank) else node)


def unmerge(network: PyTree, adapted: Adapted | None = None) -> PyTree:
    """The base again.

    Args:
        network: An adapted network, whose base is taken as it is; or a merged one, from which adapters are taken out.
        adapted: Whose adapters; for a merged network.

    Returns:
        The base: to the bit of an adapted network, to rounding of a merged one.

    Raises:
        ValueError: If a merged network comes without `adapted`, or with that of another.
    """
    if isinstance(network, Adapted):
        return base_of(network)
    if adapted is None:
        raise ValueError("a merged network does not know what was merged into it: unmerge(merged, adapted).")
    if shapes(base_of(adapted)) != shapes(network):
        raise ValueError(
            "`network` is not the base of `adapted`: names or shapes of their weights differ. Merge `adapted` again."
        )
    low = {place: node for place, node in nodes(adapted.network) if isinstance(node, LowRank)}

    def change(place: str, node: PyTree) -> PyTree:
        return with_weight(node, node.weight - low[place].update) if place in low else node

    return restored(replaced(network, change), adapted)
