"""A frozen network with adapters in it, and which of its numbers are learned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
from jaxtyping import Array, Key, PyTree

from adseis.networks.bottlenecks import Bottleneck, bottlenecked, holds_layers
from adseis.networks.low_rank import LowRank, is_layer, low_rank
from adseis.networks.normalization import statistics
from adseis.networks.places import matches, nodes, parts, replaced, within
from adseis.networks.weights import shapes


@dataclass(frozen=True)
class Recipe:
    """What makes an adapted network of its base.

    Attributes:
        kind: "lora" or "bottleneck".
        sizes: (pattern of places, rank or width), of which the first that matches counts.
        train: Patterns of modules that are trained whole.
        alpha: Numerator of the scale of low ranks; None for a scale of 1.
        rank_stabilised: Whether the denominator is the root of the rank.
    """

    kind: Literal["lora", "bottleneck"]
    sizes: tuple[tuple[str, int], ...]
    train: tuple[str, ...] = ()
    alpha: float | None = None
    rank_stabilised: bool = False

    def scale(self, rank: int) -> float:
        """Factor on the product of low rank.

        Args:
            rank: As it was asked for.

        Returns:
            The factor.
        """
        if self.alpha is None:
            return 1.0
        return self.alpha / (math.sqrt(rank) if self.rank_stabilised else rank)


class Adapted(eqx.Module):
    """A network in which adapters stand in the places of layers; called like the one that it was made of.

    Attributes:
        network: It, with the adapters.
        kept: What the modules that are trained whole were at first.
        recipe: How it was made.
    """

    network: PyTree
    kept: tuple[Array, ...]
    recipe: Recipe = eqx.field(static=True)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the network.

        Args:
            *args: What it takes.
            **options: As well.

        Returns:
            What it gives.
        """
        return self.network(*args, **options)


def adapt(network: PyTree, recipe: Recipe, *, key: Key[Array, ""]) -> Adapted:
    """Put adapters into a network.

    Args:
        network: Any, without adapters.
        recipe: Which, and where.
        key: Of their first weights.

    Returns:
        The network, which does at first exactly what it did before.

    Raises:
        ValueError: If the network has adapters already, a pattern matches nothing, or nothing is left to be trained.
    """
    if any(isinstance(node, Adapted | LowRank | Bottleneck) for _, node in nodes(network)):
        raise ValueError("`network` has adapters already. Merge them first: merge(network); or take its base: unmerge(network).")
    places = dict(nodes(network))
    _check_matched("train", recipe.train, list(places), "nothing")
    low = recipe.kind == "lora"
    fits, what = (is_layer, "no dense layer or convolution") if low else (holds_layers, "no module with a layer within")
    free = [place for place, node in places.items() if fits(node) and not within(recipe.train, place)]
    _check_matched("where", [pattern for pattern, _ in recipe.sizes], free, what)
    sizes = {place: next((size for pattern, size in recipe.sizes if matches(pattern, place)), 0) for place in free}
    sizes = {place: size for place, size in sizes.items() if size}
    if not sizes and not recipe.train:
        raise ValueError("`where` gives every layer the rank 0, and `train` is empty: nothing would be trained.")
    keys = dict(zip(sizes, jax.random.split(key, max(len(sizes), 1)), strict=False))

    def change(place: str, node: PyTree) -> PyTree:
        if place not in sizes:
            return node
        size = sizes[place]
        return low_rank(node, size, recipe.scale(size), key=keys[place]) if low else bottlenecked(node, size, key=keys[place])

    marks = jax.tree.leaves(_marks(network, recipe.train))
    kept = tuple(leaf for leaf, mark in zip(jax.tree.leaves(network), marks, strict=True) if mark)
    return Adapted(replaced(network, change), kept, recipe)


def _check_matched(name: str, patterns: Sequence[str], places: list[str], what: str) -> None:
    for pattern in patterns:
        if not any(matches(pattern, place) for place in places):
            shown = ", ".join(repr(place) for place in places[:8]) or "none"
            more = f" and {len(places) - 8} more" if len(places) > 8 else ""
            raise ValueError(f"`{name}` = {pattern!r} matches {what}; there are {shown}{more}.")


def trainable(network: PyTree) -> PyTree:
    """Which leaves are learned.

    `eqx.partition(network, trainable(network))` parts what is differentiated, and has a state in the optimizer, from what has
    neither. By this alone the base is frozen: whoever differentiates by the whole network finds its gradient.

    Args:
        network: Any; or a pytree of some.

    Returns:
        A pytree like it: True at the adapters of an adapted network and in its modules that are trained whole, and at every
        floating-point array of what is not adapted; False elsewhere. Running statistics of a frozen `BatchNorm` are frozen.
    """

    def marked(node: PyTree) -> PyTree:
        if not isinstance(node, Adapted):
            return eqx.is_inexact_array(node)
        none = jax.tree.map(lambda _: False, node)
        return eqx.tree_at(lambda one: one.network, none, _marks(node.network, node.recipe.train))

    return jax.tree.map(marked, network, is_leaf=lambda node: isinstance(node, Adapted))


def _marks(node: PyTree, patterns: Sequence[str], place: str = "") -> PyTree:
    """True at adapters, and at what the patterns train whole: they tell of places in the base."""
    if isinstance(node, LowRank | Bottleneck):
        return eqx.tree_at(lambda one: one.base, jax.tree.map(eqx.is_inexact_array, node), _marks(node.base, patterns, place))
    if within(patterns, place):
        return jax.tree.map(eqx.is_inexact_array, node)
    pairs, made = parts(node, place)
    return made([_marks(part, patterns, where) for where, part in pairs]) if pairs else jax.tree.map(lambda _: False, node)


def counts(network: PyTree) -> tuple[int, int]:
    """How many numbers a network learns, and how many it has; running statistics do not count.

    Args:
        network: Any.

    Returns:
        Those trained, and all, adapters among them.
    """
    weights = eqx.filter(network, jax.tree.map(lambda mark: not mark, statistics(network)))
    if isinstance(network, Adapted):
        weights = eqx.tree_at(lambda one: one.kept, weights, (None,) * len(network.kept), is_leaf=lambda leaf: leaf is None)

    def size(tree: PyTree) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf))

    return size(eqx.filter(weights, trainable(network))), size(weights)


def base_of(adapted: Adapted) -> PyTree:
    """The network as it was before it was adapted, to the bit.

    Args:
        adapted: An adapted network.

    Returns:
        The network.
    """
    bare = replaced(adapted.network, lambda _, node: node.base if isinstance(node, LowRank | Bottleneck) else node)
    return restored(bare, adapted)


def restored(network: PyTree, adapted: Adapted) -> PyTree:
    """A plain network whose modules that were trained whole are what they were at first.

    Args:
        network: Like the base of `adapted`.
        adapted: What holds these.

    Returns:
        The network.
    """
    leaves, structure = jax.tree.flatten(network)
    kept = iter(adapted.kept)
    marks = jax.tree.leaves(_marks(network, adapted.recipe.train))
    return jax.tree.unflatten(structure, [next(kept) if mark else leaf for leaf, mark in zip(leaves, marks, strict=True)])


def adapters_of(adapted: Adapted) -> PyTree:
    """The adapters alone, and the modules that are trained whole.

    Args:
        adapted: An adapted network.

    Returns:
        The network without any other number; it cannot be called. A pytree of few arrays, for `with_adapter`.
    """
    return eqx.filter(adapted, trainable(adapted))


def with_adapter(network: PyTree, adapter: PyTree) -> Adapted:
    """A base with other adapters: what `adapters_of` took from a network that was adapted from the same base.

    Where `network` has adapters of the same recipe, the result has the same structure: a compiled function takes one after the
    other as it is.

    Args:
        network: The base, or an adapted network that has it.
        adapter: From `adapters_of`.

    Returns:
        The adapted network.

    Raises:
        ValueError: If the adapters are of another network.
    """
    if not isinstance(adapter, Adapted):
        raise ValueError(f"`adapter` is a {type(adapter).__name__}: give what adapters_of(adapted) returns.")
    if not isinstance(network, Adapted) or network.recipe != adapter.recipe:
        base = base_of(network) if isinstance(network, Adapted) else network
        network = adapt(base, adapter.recipe, key=jax.random.key(0))
    adapter = adapters_of(adapter)
    if (wanted := shapes(adapters_of(network))) != (given := shapes(adapter)):
        name = next(name for name in (*wanted, *given) if wanted.get(name) != given.get(name))
        raise ValueError(
            f"`adapter` is of another network: {name} is {given.get(name, 'missing')} there, {wanted.get(name, 'missing')} here."
        )
    return eqx.combine(adapter, network)
