"""The `adseis` command: finds the subcommand, merges TOML and flags, turns failures into one line and an exit code."""

import argparse
import contextlib
import dataclasses
import functools
import io
import itertools
import logging
import operator
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import tyro

from adseis.cli import info, invert, simulate
from adseis.cli.configuration import load
from adseis.parallel.shots import told

Commands = Mapping[str, tuple[type, Callable[[Any], int]]]
COMMANDS: Commands = {
    "invert": (invert.Invert, invert.run),
    "simulate": (simulate.Simulate, simulate.run),
    "info": (info.Info, info.run),
}
"""Name -> (dataclass of its options, function that runs it)."""

DESCRIPTION = "Differentiable seismology: wave simulation with exact gradients, and inversion. `adseis COMMAND --help` says more."
BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def main(argv: Sequence[str] | None = None, *, commands: Commands = COMMANDS) -> int:
    """Run one command.

    Args:
        argv: Words of the command line after `adseis`; by default those of this process.
        commands: Name -> (dataclass of its options, function that takes an instance and returns an exit code); two at least.

    Returns:
        0 on success, 2 for input that can be corrected, 1 for a failure while running, 130 if interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if argv == ["--version"]:
        print(f"adseis {version('adseis')}")
        return 0
    debug = "--debug" in argv or os.environ.get("ADSEIS_DEBUG", "0") not in ("", "0")
    if not debug:
        # JAX logs the traceback of a failed check before it raises it; the one line below says the same.
        logging.getLogger("jax._src.callback").setLevel(logging.CRITICAL)
    try:
        run, settings = parse(argv, commands)
        with warnings.catch_warnings():
            warnings.simplefilter("once")
            warnings.showwarning = lambda message, *_, **__: print(f"adseis: note: {message}", file=sys.stderr)
            return run(settings)
    except SystemExit as stop:  # --help
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command continues where it stopped.", INTERRUPTED)
    except (ValueError, TypeError, OSError) as error:
        return _fail(error, BAD_INPUT, debug=debug)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        return _fail(error, FAILED, debug=debug)


def parse(argv: Sequence[str], commands: Commands) -> tuple[Callable[[Any], int], Any]:
    """The function to run and its configuration: defaults, then the TOML file of `--config`, then flags.

    Args:
        argv: Words of the command line.
        commands: As for `main`.

    Returns:
        (run, settings), to be called as run(settings).

    Raises:
        ValueError: If the command line or the TOML file is wrong.
        SystemExit: If help was asked for, which was printed.
    """
    toml = _config_file(argv)
    named = next((word for word in argv if word in commands), None)
    options = {name: _with_common_options(config, toml if name == named else None) for name, (config, _) in commands.items()}
    kinds = (Annotated[kind, tyro.conf.subcommand(name)] for name, kind in options.items())
    choice: Any = functools.reduce(operator.or_, kinds)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            chosen = tyro.cli(choice, args=argv, prog="adseis", description=DESCRIPTION)
    except SystemExit as stop:
        if stop.code:
            raise ValueError(one_line(complaint.getvalue())) from None
        raise
    name = next(name for name, kind in options.items() if isinstance(chosen, kind))
    return commands[name][1], chosen.settings


def _with_common_options(config: type, toml: Path | None) -> type:
    """A command's options beside those that every command has; tyro documents both in `--help`."""
    loaded = load(config, toml) if toml else None
    default = dataclasses.field() if loaded is None else dataclasses.field(default_factory=lambda: loaded)
    toml_arg = tyro.conf.arg(metavar="FILE.toml", help="Options from a TOML file; flags override it.")
    debug_arg = tyro.conf.arg(help="Show the traceback of an error.")
    fields = [
        ("settings", Annotated[config, tyro.conf.arg(name="")], default),
        ("config", Annotated[Path | None, toml_arg], None),
        ("debug", Annotated[bool, tyro.conf.FlagCreatePairsOff, debug_arg], False),
    ]
    return dataclasses.make_dataclass(config.__name__, fields, namespace={"__doc__": config.__doc__}, kw_only=True)


def _config_file(argv: Sequence[str]) -> Path | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path, nargs="?")
    return parser.parse_known_args(argv)[0].config


def one_line(box: str) -> str:
    """What tyro says in a box, without the box: the complaint, and what was perhaps meant.

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
    meant = [rows[i + 1] for i, row in enumerate(rows[:-1]) if row.startswith("Perhaps you meant")]
    return f"{message.rstrip('.')}.{''.join(f' Perhaps you meant {option}.' for option in meant)} See --help."


def _fail(error: BaseException | str, code: int, *, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    message = error if isinstance(error, str) else told(error) or type(error).__name__
    sys.stderr.write(f"adseis: {message}\n" if code == INTERRUPTED else f"adseis: error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
