"""The `adseis` command: runs a subcommand, and turns failures into one line and an exit code."""

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from adseis.cli import fetch, info, invert, simulate, synthesize, train
from adseis.cli.flags import flags_of, in_flags
from adseis.cli.parsing import Commands, parse
from adseis.parallel.devices import use_cores
from adseis.parallel.shots import told

COMMANDS: Commands = {
    "invert": (invert.Invert, invert.run),
    "simulate": (simulate.Simulate, simulate.run),
    "synthesize": (synthesize.Synthesize, synthesize.run),
    "train": train.TRAIN,
    "info": (info.Info, info.run),
    "fetch": (fetch.Fetch, fetch.run),
}
"""Name -> (dataclass of its options, function that runs it), or a family of commands."""

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
    flags: Mapping[str, str] = {}
    try:
        run, settings = parse(argv, commands)
        flags = flags_of(type(settings))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use_cores()  # where Python called us, JAX may have started
            warnings.simplefilter("once")
            warnings.showwarning = lambda message, *_, **__: print(
                f"adseis: note: {in_flags(str(message), flags)}", file=sys.stderr
            )
            return run(settings)
    except SystemExit as stop:  # --help
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command continues where it stopped.", INTERRUPTED, flags)
    except (ValueError, TypeError, OSError, ImportError) as error:
        return _fail(error, BAD_INPUT, flags, debug=debug)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        return _fail(error, FAILED, flags, debug=debug)


def _fail(error: BaseException | str, code: int, flags: Mapping[str, str], *, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    message = error if isinstance(error, str) else in_flags(told(error), flags) or type(error).__name__
    sys.stderr.write(f"adseis: {message}\n" if code == INTERRUPTED else f"adseis: error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
