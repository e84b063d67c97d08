"""Options as they are typed, in help and in complaints: users know `--total-variation 1e-3`, not `total_variation`."""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import tyro

POSITIONAL = typing.get_args(tyro.conf.Positional[int])[1]
NAMES = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
NAMED = re.compile(r"`([a-z_.]+)(?:=\"?([^`\"]*)\"?)?`(?: = )?")


class Option(NamedTuple):
    """What an option is, its annotation taken apart.

    Attributes:
        kind: Its type, None aside.
        marks: What else its annotation holds.
    """

    kind: Any
    marks: tuple[Any, ...]

    @property
    def is_list(self) -> bool:
        """Whether several values follow it."""
        return typing.get_origin(self.kind) is tuple

    @property
    def takes_numbers(self) -> bool:
        """Whether they are numbers, which commas may join."""
        return self.is_list and bool({int, float} & {*typing.get_args(self.kind)})

    @property
    def metavar(self) -> str | None:
        """What stands for its values in help; None for one without."""
        if self.is_list:
            kinds = [_name(kind) for kind in typing.get_args(self.kind) if kind is not Ellipsis]
            return f"{kinds[0]} [{kinds[0]} ...]" if typing.get_args(self.kind)[-1] is Ellipsis else " ".join(map(str, kinds))
        name = _name(self.kind)
        return f"[{name}]" if name and POSITIONAL in self.marks else name


def _name(kind: Any) -> str | None:
    """What stands for a value of a kind."""
    if typing.get_origin(kind) is Literal:
        return f"{{{','.join(map(str, typing.get_args(kind)))}}}"
    return NAMES.get(kind)


def option_of(hint: Any) -> Option:
    """Take an annotation apart.

    Args:
        hint: Of an option, such as `Annotated[Path | None, ...]`.

    Returns:
        What it is.
    """
    if typing.get_origin(hint) is Annotated:
        kind, *marks = typing.get_args(hint)
        inner = option_of(kind)
        return Option(inner.kind, (*inner.marks, *marks))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        real = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
        return option_of(real[0]) if len(real) == 1 else Option(hint, ())
    return Option(hint, ())


def options_of(config: type, prefix: str = "") -> dict[str, Option]:
    """All options of a command that have a flag.

    Args:
        config: Its dataclass; options of dataclasses in it are named "group.option".
        prefix: What names begin with.

    Returns:
        Name -> what it is.
    """
    hints, found = typing.get_type_hints(config, include_extras=True), {}
    for field in dataclasses.fields(config):
        option = option_of(hints[field.name])
        if dataclasses.is_dataclass(option.kind):
            found |= options_of(typing.cast(type, option.kind), f"{prefix}{field.name}.")
        elif POSITIONAL not in option.marks:
            found[prefix + field.name] = option
    return found


def flag_of(name: str) -> str:
    """The flag of an option.

    Args:
        name: "total_variation" or "group.option".

    Returns:
        "--total-variation".
    """
    return f"--{name.replace('_', '-')}"


def flags_of(config: type) -> dict[str, str]:
    """The flags of a command.

    Args:
        config: Its dataclass.

    Returns:
        Name of the option -> flag.
    """
    return {name: flag_of(name) for name in options_of(config)}


def given(name: str, value: Any) -> str:
    """An option as it was typed.

    Args:
        name: Of the option.
        value: Its value.

    Returns:
        Such as "--offsets 0 100".
    """
    values = () if value is True else value if isinstance(value, tuple) else (value,)
    return " ".join([flag_of(name), *(f"{v:g}" if isinstance(v, float) else str(v) for v in values)])


def changed(config: Any, standard: Any, names: Any) -> list[str]:
    """Options that differ from others, as they were typed.

    Args:
        config: Options.
        standard: The others.
        names: Which are looked at; of a group, all in it.

    Returns:
        Such as ["--noise 0.1", "--rupture.points 3"].
    """
    found = []
    for name in names:
        one, other = getattr(config, name), getattr(standard, name)
        if dataclasses.is_dataclass(one):
            parts = [field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)]
            found += [given(f"{name}.{part}", getattr(one, part)) for part in parts]
        elif one != other:
            found.append(given(name, one))
    return found


def in_flags(message: str, flags: Mapping[str, str]) -> str:
    """A message that names options instead of arguments.

    Args:
        message: Such as "`noise` = -1 must not be negative." or "Give `endian="big"`."
        flags: Name of an option -> flag.

    Returns:
        Such as "--noise -1 must not be negative." or "Give --endian big."
    """

    def named(found: re.Match[str]) -> str:
        if found[1] not in flags:
            return found[0]
        told = flags[found[1]] if found[2] is None else f"{flags[found[1]]} {found[2]}"
        return told + " " * found[0].endswith(" = ")

    return NAMED.sub(named, message)
