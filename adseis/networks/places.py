"""Places in a pytree: their names, patterns that choose some of them, and what stands there put in another's place.

A place is called by the parts of its path, `encoder/stages/0/attention/qkv`; the whole pytree by nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

import jax
from jaxtyping import PyTree


def matches(pattern: str, place: str) -> bool:
    """Whether a pattern describes a place from its first part to its last.

    Args:
        pattern: Parts between `/`, in each of which `*` is any text, `?` a letter and `[ab]` one of some; `**` is any number of
            parts, or none.
        place: Name of a place.

    Returns:
        Whether it does.

    Example:
        >>> matches("**/attention/*", "stages/0/attention/qkv"), matches("stages/*", "stages/0/attention/qkv")
        (True, False)
    """
    return _matches(pattern.split("/"), place.split("/") if place else [])


def _matches(pattern: list[str], parts: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(pattern[1:], parts[start:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(pattern[1:], parts[1:])


def within(patterns: Iterable[str], place: str) -> bool:
    """Whether one of several patterns describes a place, or one that it is in.

    Args:
        patterns: As of `matches`.
        place: Name of a place.

    Returns:
        Whether one does.
    """
    names = place.split("/") if place else []
    above = [names[:end] for end in range(len(names) + 1)]
    return any(_matches(pattern.split("/"), parts) for pattern in patterns for parts in above)


def parts(node: PyTree, place: str = "") -> tuple[list[tuple[str, PyTree]], Callable[[list[PyTree]], PyTree]]:
    """What a node is made of, one level deep.

    Args:
        node: A pytree.
        place: Where it stands.

    Returns:
        (place, part) of every part, none of a leaf; and a function that makes the node of parts in that order.
    """
    found, structure = jax.tree_util.tree_flatten_with_path(node, is_leaf=lambda other: other is not node)
    if not found or not found[0][0]:
        return [], lambda _: node
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in found]
    pairs = [(f"{place}/{name}" if place else name, part) for name, (_, part) in zip(names, found, strict=True)]
    return pairs, lambda changed: jax.tree.unflatten(structure, changed)


def nodes(tree: PyTree, place: str = "") -> Iterator[tuple[str, PyTree]]:
    """Every node of a pytree, leaves too, each before its parts.

    Args:
        tree: Any pytree.
        place: Where it stands.

    Yields:
        (place, node).
    """
    yield place, tree
    for where, part in parts(tree, place)[0]:
        yield from nodes(part, where)


def replaced(tree: PyTree, change: Callable[[str, PyTree], PyTree], place: str = "") -> PyTree:
    """A pytree some of whose nodes are others.

    Args:
        tree: Any pytree.
        change: Of a place, and the node there whose parts have been changed already, to the node that takes its place.
        place: Where the tree stands.

    Returns:
        The pytree.
    """
    pairs, made = parts(tree, place)
    return change(place, made([replaced(part, change, where) for where, part in pairs]))
