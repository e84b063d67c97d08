"""Configurations as dataclasses: read from TOML with every mistake named, written back resolved."""

import contextlib
import dataclasses
import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
import tyro

from adseis.files import written_whole

Config = TypeVar("Config")
NONE = "none"
"""TOML has no null; a field that may be None reads and writes this word."""


def load(config: type[Config], path: str | Path) -> Config:
    """A configuration whose defaults are replaced by the entries of a TOML file.

    Args:
        config: A dataclass; nested dataclasses are tables. Fields without default that the file does not give stay
            `tyro.MISSING`, to be asked for on the command line.
        path: The TOML file.

    Returns:
        An instance of `config`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no TOML, holds an unknown key, or a value that its field cannot take.
        TypeError: If a value is of another type than its field.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no configuration file at `{path}`; check the path.")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"`{path}` is not valid TOML: {error}.") from error
    return _build(config, table, f"`{path}`: ")


def dumps(config: Any) -> str:
    """A configuration as TOML, every field written out; `load` reads it back to an equal one.

    Args:
        config: An instance of a dataclass of numbers, strings, paths, None, tuples and further dataclasses.

    Returns:
        The text.
    """
    return tomli_w.dumps(_plain(config))


def dump(config: Any, path: str | Path) -> None:
    """Write a configuration as TOML, whole or not at all.

    Args:
        config: An instance of a dataclass, as for `dumps`.
        path: File to write.
    """
    with written_whole(path) as temporary:
        temporary.write_text(dumps(config), encoding="utf-8")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None:
        return NONE
    return str(value) if isinstance(value, Path) else value


def _build(config: type[Config], table: dict[str, Any], where: str) -> Config:
    hints = typing.get_type_hints(config, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(config) if field.init}  # pyright: ignore[reportArgumentType]
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key.replace("-", "_"), fields, n=3, cutoff=0.5) or sorted(fields)
            raise ValueError(f"{where}unknown key `{key}`; the nearest valid names are {', '.join(near)}.")
    values: dict[str, Any] = {key: _convert(value, hints[key], f"{where}`{key}` ") for key, value in table.items()}
    for name, field in fields.items():
        if field.default is field.default_factory is dataclasses.MISSING:
            values.setdefault(name, tyro.MISSING)
    return config(**values)


def _convert(value: Any, hint: Any, where: str) -> Any:
    """`value` as the annotation `hint` wants it; raises TypeError or ValueError where it cannot be."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _convert(value, arguments[0], where)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, arguments, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise ValueError(f"{where}= {value!r} must be one of {', '.join(map(repr, arguments))}.")
        return value
    if origin in (tuple, list) and isinstance(value, list):
        each = arguments if origin is tuple and Ellipsis not in arguments else (arguments[0],) * len(value)
        if len(each) != len(value):
            raise ValueError(f"{where}= {value!r} must have {len(each)} entries.")
        return origin(_convert(item, kind, where) for item, kind in zip(value, each, strict=True))
    return _convert_plain(value, hint, where)


def _convert_plain(value: Any, hint: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(typing.cast(type, hint), value, where)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if hint is Any or type(value) is hint:  # not isinstance: True is no number
        return value
    raise TypeError(f"{where}= {value!r} is of type {type(value).__name__}; it must be {_spell(hint)}.")


def _convert_union(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    if value == NONE and types.NoneType in kinds:
        return None
    real = [kind for kind in kinds if kind is not types.NoneType]
    if len(real) == 1:
        return _convert(value, real[0], where)
    for kind in real:
        with contextlib.suppress(TypeError, ValueError):
            return _convert(value, kind, where)
    raise TypeError(f"{where}= {value!r} must be {' or '.join(map(_spell, kinds))}.")


def _spell(hint: Any) -> str:
    if hint is types.NoneType:
        return repr(NONE)
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
