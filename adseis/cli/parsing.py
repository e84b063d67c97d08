"""From the words of a command line to a command and its options: TOML under flags, help in groups, complaints in one line."""

import argparse
import contextlib
import dataclasses
import difflib
import functools
import io
import itertools
import operator
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple, cast

import tyro

from adseis.cli.configuration import load
from adseis.cli.flags import flag_of, flags_of, option_of, options_of

Command = tuple[type, Callable[[Any], int]]


class Family(NamedTuple):
    """Commands behind a word, such as `adseis train evaluate`.

    Attributes:
        about: A dataclass without fields, whose docstring tells of all.
        commands: Those that may follow.
        standard: The one that is meant where none does.
    """

    about: type
    commands: Mapping[str, Command]
    standard: str


Commands = Mapping[str, Command | Family]
DESCRIPTION = "Differentiable seismology: wave simulation with exact gradients, and inversion. `adseis COMMAND --help` says more."
COMMON = ("--help", "--config", "--debug")
DEVICES = ("--gpu", "--cpu", "--tpu", "--cuda", "--device", "--devices", "--platform", "--backend")
CHOOSES = "JAX chooses the device, and `adseis info` shows which; JAX_PLATFORMS=cpu before the command keeps it to the processor."
NEAR = 0.7
"""How alike a flag is to what may have been meant, at least."""


def parse(
    argv: Sequence[str], commands: Commands, *, program: str = "adseis", description: str = DESCRIPTION
) -> tuple[Callable[[Any], int], Any]:
    """The function to run and its configuration: defaults, then the TOML file of `--config`, then flags.

    A configuration may have `GROUPS`, name -> dataclass it inherits, or that of its field of this name, in which its options are
    shown; "" is what stands first. And `EXAMPLES`, which end its help.

    Args:
        argv: Words of the command line.
        commands: Name -> (dataclass of its options, function that takes an instance and returns an exit code), or a family of
            such; two at least.
        program: What stands before the command.
        description: Of all commands.

    Returns:
        (run, settings), to be called as run(settings).

    Raises:
        ValueError: If the command line or the TOML file is wrong.
        SystemExit: If help was asked for, which was printed.
    """
    named = next((word for word in argv if word in commands), None)
    family = commands.get(named) if named else None
    if named and isinstance(family, Family):
        at = list(argv).index(named)
        words = [*argv[:at], *(argv[at + 1 :] or [family.standard])]
        about = f"{family.about.__doc__} `{program} {named} COMMAND --help` says more; without one, {family.standard} runs."
        return parse(words, family.commands, program=f"{program} {named}", description=about)
    commands = {name: (one.about, _never) if isinstance(one, Family) else one for name, one in commands.items()}
    toml = _config_file(argv)
    check_words(argv, named, commands, program)
    options = {name: _shown_options(config, toml if name == named else None) for name, (config, _) in commands.items()}
    kinds = (Annotated[kind, tyro.conf.subcommand(name)] for name, kind in options.items())
    choice: Any = functools.reduce(operator.or_, kinds)
    words = argv if named is None else _apart(argv, commands[named][0])
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            chosen = tyro.cli(choice, args=words, prog=program, description=description)
    except SystemExit as stop:
        if stop.code:
            raise ValueError(one_line(complaint.getvalue())) from None
        print(getattr(commands[named][0], "EXAMPLES", "") if named else "", end="")
        raise
    name = next(name for name, kind in options.items() if isinstance(chosen, kind))
    config, run = commands[name]
    return run, _assembled(config, chosen)


def _never(_: Any) -> int:
    raise AssertionError("a family stands here for its line of help alone")


def check_words(argv: Sequence[str], named: str | None, commands: Mapping[str, Command], program: str = "adseis") -> None:
    """Refuse flags and commands that do not exist, with what was perhaps meant.

    Args:
        argv: Words of the command line.
        named: The command.
        commands: All.
        program: What stands before the command.

    Raises:
        ValueError: Naming the first of them.
    """
    if argv and named is None and not argv[0].startswith("-"):
        near = difflib.get_close_matches(argv[0], commands, n=1)
        meant = f" Perhaps you meant {near[0]}." if near else ""
        raise ValueError(f"no command {argv[0]!r}; there are {', '.join(commands)}.{meant} See --help.")
    flags = {name: [*_flags(config), *COMMON] for name, (config, _) in commands.items()}
    for word in argv:
        flag = word.partition("=")[0].replace("_", "-")
        if not flag.startswith("--") or len(flag) == 2 or flag in (flags[named] if named else COMMON):
            continue
        if flag in DEVICES:
            raise ValueError(f"no option {flag}: {CHOOSES}")
        if named is None:
            continue
        others = [f"`{program} {name}`" for name in flags if flag in flags[name]]
        meant = "" if others else _meant(flag, flags[named])
        hint = f" It is one of {' and '.join(others)}." if others else f" Perhaps you meant {meant}." if meant else ""
        raise ValueError(f"no option {flag} of `{program} {named}`.{hint} See --help.")


def _flags(config: type) -> list[str]:
    """Every flag, and those that negate one."""
    negated = (name.rpartition(".") for name, option in options_of(config).items() if option.kind is bool)
    return [*flags_of(config).values(), *(flag_of(f"{group}{dot}no_{name}") for group, dot, name in negated)]


def _meant(flag: str, known: Sequence[str]) -> str:
    """The flag that is most like one that does not exist: begun alike, of a group, or spelt alike."""
    begun = [k for k in known if k.startswith(flag)] or [k for k in known if k.rpartition(".")[2] == flag[2:]]
    return min(begun, key=len) if begun else next(iter(difflib.get_close_matches(flag, known, n=1, cutoff=NEAR)), "")


def _apart(argv: Sequence[str], config: type) -> list[str]:
    """The words, those of options that take several numbers parted where commas join them."""
    options = options_of(config).items()
    lists = {flag_of(name): option.takes_numbers for name, option in options if option.is_list}
    words, several, numeric = [], "", False
    for word, following in zip(argv, [*argv[1:], "--"], strict=True):
        flag, equals, values = word.partition("=") if word.startswith("--") else ("", "", word)
        if flag:
            known = flag.replace("_", "-")
            several, numeric = (flag, lists[known]) if known in lists else ("", False)
            words.append(flag if several and equals else word)
            if several and not values and following.startswith("--"):  # a pattern that no file fits, perhaps
                raise ValueError(f"{several} has no values. See --help.")
        elif word[:1] == "-" and not _is_number(word.partition(",")[0]):  # -h
            several, numeric = "", False
        parts = [part for part in (values.split(",") if numeric else [values]) if part] if several else []
        for part in parts if numeric else ():
            if not _is_number(part):
                raise ValueError(f"{several} takes numbers, such as {several} 3 5, not {part!r}. See --help.")
        words += parts if several else [] if flag else [word]
    return _joined(
        words, {flag_of(name) for name, option in options if option.is_list and typing.get_args(option.kind)[-1] is ...}
    )


def _joined(words: Sequence[str], lists: set[str]) -> list[str]:
    """The words, values of a list whose flag is repeated behind the flag's first occurrence."""
    parts: list[list[str]] = [[]]
    first: dict[str, list[str]] = {}
    for word in words:
        flag = word.replace("_", "-") if word.startswith("--") else ""
        if flag in first:
            parts.append(first[flag])
        elif word.startswith("--"):
            parts.append([word])
            if flag in lists:
                first[flag] = parts[-1]
        else:
            parts[-1].append(word)
    return [word for part in {id(part): part for part in parts}.values() for word in part]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _shown_options(config: type, toml: Path | None) -> type:
    """A command's options by their groups beside those that every command has, as tyro shows and reads them."""
    loaded = load(config, toml) if toml else None
    toml_arg = tyro.conf.arg(metavar="FILE.toml", help="Options from a TOML file; flags override it.", help_behavior_hint="")
    debug_arg = tyro.conf.arg(help="Show the traceback of an error.", help_behavior_hint="")
    fields: list[Any] = [
        ("config", Annotated[Path | None, toml_arg], None),
        ("debug", Annotated[bool, tyro.conf.FlagCreatePairsOff, debug_arg], False),
    ]
    nested = _nested(config)
    for name, kind in groups_of(config).items():
        shown, inside = presented(kind), name in nested
        source = None if loaded is None else getattr(loaded, name) if inside else loaded
        default = dataclasses.field() if source is None else dataclasses.field(default_factory=_copier(shown, source))
        mark = () if inside else (tyro.conf.OmitArgPrefixes,) if name else (tyro.conf.arg(name=""),)
        fields.append((name or "settings", Annotated[(shown, *mark)] if mark else shown, default))
    return dataclasses.make_dataclass(config.__name__, fields, namespace={"__doc__": config.__doc__}, kw_only=True)


def groups_of(config: type) -> dict[str, type]:
    """The groups that a command's options are shown in.

    Args:
        config: Its dataclass.

    Returns:
        Name -> dataclass of the options; "" for what stands first.
    """
    return dict(getattr(config, "GROUPS", {"": config}))


def _assembled(config: type, chosen: Any) -> Any:
    """The configuration that the groups make together."""
    values = {}
    for name in groups_of(config):
        part = getattr(chosen, name or "settings")
        values |= {name: part} if name in _nested(config) else vars(part)
    return _as(config, SimpleNamespace(**values))


def _as(kind: type, source: Any) -> Any:
    """An instance of a dataclass from anything that has its fields; dataclasses within likewise."""
    values, hints = {name: getattr(source, name) for name in _names(kind)}, typing.get_type_hints(kind, include_extras=True)
    for name, value in values.items():
        if dataclasses.is_dataclass(value):
            values[name] = _as(option_of(hints[name]).kind, value)
    return kind(**values)


def _copier(kind: type, source: Any) -> Callable[[], Any]:
    return functools.partial(_as, kind, source)


def _names(config: type) -> list[str]:
    return [field.name for field in dataclasses.fields(config)]


def _nested(config: type) -> set[str]:
    """Fields that are dataclasses, after which their options are named."""
    hints = typing.get_type_hints(config, include_extras=True)
    return {name for name in _names(config) if dataclasses.is_dataclass(option_of(hints[name]).kind)}


@functools.cache
def presented(kind: type) -> type:
    """A dataclass of options as help shows it: no None among values, no default where there is nothing to tell.

    Args:
        kind: The dataclass.

    Returns:
        One like it, which inherits it.
    """
    hints, fields = typing.get_type_hints(kind, include_extras=True), []
    for field in dataclasses.fields(kind):
        hint, option, default = hints[field.name], option_of(hints[field.name]), _default(field)
        if dataclasses.is_dataclass(option.kind):
            hint = presented(cast(type, option.kind))
            if field.default_factory is not dataclasses.MISSING:
                default = dataclasses.field(default_factory=_copier(hint, field.default_factory()))
        else:
            hint = Annotated[hint, tyro.conf.arg(metavar=option.metavar, help_behavior_hint=_told)]
        fields.append((field.name, hint, default))
    return dataclasses.make_dataclass(kind.__name__, fields, bases=(kind,), namespace={"__doc__": kind.__doc__}, frozen=True)


def _default(field: dataclasses.Field[Any]) -> Any:
    factory, default = field.default_factory, field.default
    if factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=factory)
    return dataclasses.field() if default is dataclasses.MISSING else dataclasses.field(default=default)


def _told(default: str) -> str:
    """A default, numbers as one writes them; nothing of None, of an absent flag and of an empty list."""
    words = [] if default in ("None", "False") else default.split()
    return f"(default: {' '.join(map(_number, words))})" if words else ""


def _number(word: str) -> str:
    return f"{float(word):g}" if _is_number(word) and not word.isdigit() else word


def _config_file(argv: Sequence[str]) -> Path | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path, nargs="?")
    return parser.parse_known_args(argv)[0].config


def one_line(box: str) -> str:
    """What tyro says in a box, without the box.

    tyro hands on its complaints only as they are drawn (the events of its `_errors` are private, and change without notice).

    Args:
        box: The text, of lines or (where stdout is no UTF-8) of ASCII; of a box of another kind everything is kept.

    Returns:
        One line.
    """
    rows = [row.strip("│ ") for row in box.splitlines() if row.strip() and row[0] not in "╭╰"]
    parts = [" ".join(group) for is_rule, group in itertools.groupby(rows, lambda row: set(row) <= set("─-")) if not is_rule]
    title = 0 if box.startswith("╭") else 1  # in ASCII the title is a part of its own
    message = " ".join(parts[title : title + 1]) or " ".join(box.split())
    message = message.replace(", 'None'", "").replace("'None', ", "")  # which no user types
    message = re.sub(r"Error parsing __tyro-dummy-inner__\.(\S+): `(\w+)` = ", lambda m: f"{flag_of(f'{m[1]}.{m[2]}')} ", message)
    return f"{message.rstrip('.')}. See --help."
