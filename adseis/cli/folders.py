"""Which folder a run takes: nothing that was computed is lost because something else is started.

A folder is a run's that its `config.toml` describes. The same run goes on in it, and with more iterations too. Another run takes
the next free name; where the folder was named by the user, it is refused, unless `--overwrite` gives up what is there.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adseis.cli.configuration import dumps
from adseis.cli.flags import flag_of

MAY_GROW = ("iterations", "evaluations")
"""Options that a run goes on with where it was to end: the same walk, only longer."""
ABOUT_FOLDERS = ("output", "overwrite", "cluster", "partition", "minutes", "cores", "gpus")
"""Options that do not change what a run finds: where it is kept, and which machine finds it."""
MADE = (
    *("config.toml", "versions.json", "metrics.jsonl", "result.h5", "report*.md", "journal*.h5", "*.png"),
    *("model.h5", "model.segy", "models.npy", "preconditioner.npy"),
    *("last.safetensors", "best.safetensors", "adapter.safetensors", "split.txt", "log.txt"),
    *("masked/*.safetensors", "masked/metrics.jsonl"),
)
"""What runs leave in their folders."""
COMPUTED = ("metrics.jsonl", "result.h5", "report.md", "journal*.h5", "models.npy", "last.safetensors")
"""What took time to make."""


def choose(config: Any, standard: str) -> Path:
    """The folder that a run may use.

    Args:
        config: Its options, a dataclass with `output` (a path or None) and `overwrite`.
        standard: Name of its folder under `runs/` where `output` is None.

    Returns:
        A folder that is free, holds the same run, or is to be overwritten.

    Raises:
        FileExistsError: If the folder that was named holds another run.
    """
    if config.output is not None:
        path = Path(config.output)
        if not config.overwrite and not is_free(path) and (differing := differences(config, path)):
            raise FileExistsError(
                f"`output` = {path} holds another run ({', '.join(differing)}). Name another folder, repeat the command that it "
                "was made by to go on with it, or give up what is there by --overwrite."
            )
        return path
    base = Path("runs") / standard
    if config.overwrite:
        return base
    taken: dict[Path, list[str]] = {}
    for path in _names(base):
        if is_free(path):
            break
        taken[path] = differences(config, path)
        if not taken[path]:
            return path
    if taken:
        last, differing = list(taken.items())[-1]
        sys.stderr.write(f"adseis: note: {last} holds another run ({', '.join(differing)}); this one goes to {path}.\n")
    return path


def differences(config: Any, path: Path) -> list[str]:
    """How the run in a folder differs from one that is to start: nothing if it is the same, or the same for longer.

    Args:
        config: Options of the run that is to start.
        path: The folder.

    Returns:
        "--option: x there, y here" of each option that differs.
    """
    if not (path / "config.toml").is_file():
        return ["it has no config.toml"]
    there, here = (flat(tomllib.loads(text)) for text in (_text(path), dumps(config)))
    names = [name for name in {**here, **there} if name not in ABOUT_FOLDERS and there.get(name) != here.get(name)]
    names = [name for name in names if not (name in MAY_GROW and _is_more(here.get(name), there.get(name)))]
    return [f"{flag_of(name)}: {_said(there, name)} there, {_said(here, name)} here" for name in names]


def is_longer(config: Any, path: Path) -> bool:
    """Whether a run goes on for longer than the one in its folder was to.

    Args:
        config: Its options.
        path: The folder, of the same run.

    Returns:
        Whether it does.
    """
    there, here = (tomllib.loads(text) for text in (_text(path), dumps(config)))
    return bool(there) and any(there.get(name) != here.get(name) for name in MAY_GROW)


def clear(path: Path) -> None:
    """Remove what a run left in a folder, all pictures included, and nothing else; no run may be at work there.

    Args:
        path: The folder.
    """
    for pattern in MADE if (path / "config.toml").is_file() else ():
        for file in path.glob(pattern):
            file.unlink()


def _names(base: Path) -> Iterator[Path]:
    yield base
    number = 2
    while True:
        yield base.with_name(f"{base.name}-{number}")
        number += 1


def is_free(path: Path) -> bool:
    """Whether nothing was computed in a folder.

    Args:
        path: The folder; it need not exist.

    Returns:
        Whether it may be used without a loss.
    """
    return not any(file.stat().st_size for pattern in COMPUTED for file in path.glob(pattern))


def _text(path: Path) -> str:
    toml = path / "config.toml"
    return toml.read_text(encoding="utf-8") if toml.is_file() else ""


def flat(table: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A configuration without tables in it.

    Args:
        table: As read from TOML.
        before: What names begin with.

    Returns:
        Name, "table.name" of one in a table -> value.
    """
    found = {}
    for name, value in table.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


def _is_more(here: Any, there: Any) -> bool:
    """Of two numbers, or of none at all, which is no limit."""
    if isinstance(here, int) and isinstance(there, int):
        return here > there
    return here == "none" and isinstance(there, int)


def _said(table: dict[str, Any], name: str) -> str:
    return str(table[name]) if name in table else "not an option"
