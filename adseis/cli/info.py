"""`adseis info`: what a run folder holds, or what this installation runs on."""

import dataclasses
import sys
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import jax
import tyro

from adseis.cli.configuration import NONE, dumps
from adseis.cli.flags import given
from adseis.cli.folders import flat
from adseis.cli.invert import Invert
from adseis.cli.runs import read_report, spell, versions
from adseis.cli.simulate import Simulate
from adseis.cli.train_adapt import Adapt
from adseis.cli.train_openfwi import TrainOpenfwi
from adseis.files import read_json_lines


@dataclass(frozen=True)
class Info:
    """Summarise a run folder; without one, show versions and devices.

    Attributes:
        folder: A folder that a run left, such as runs/marmousi.
    """

    folder: tyro.conf.Positional[Path | None] = None


def run(config: Info) -> int:
    """Print the summary.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it is no run folder, or a file in it is damaged.
    """
    sys.stdout.write(describe_installation() if config.folder is None else describe_run(config.folder))
    return 0


def describe_installation() -> str:
    """Versions and devices, a line each.

    Returns:
        The text.
    """
    devices = ", ".join(str(device) for device in jax.devices())
    return _table({**versions(), "devices": devices})


def describe_run(folder: Path) -> str:
    """What a run found, the pictures and arrays that it left, and the options that it was given.

    Args:
        folder: The run folder.

    Returns:
        The text.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it is no run folder, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no run folder at `{folder}`; check the path.")
    config, result = folder / "config.toml", folder / "result.h5"
    if not config.is_file():
        raise ValueError(f"`{folder}` is no run folder: it has no config.toml.")
    records, (found, pictures) = read_json_lines(folder / "metrics.jsonl"), read_report(folder)
    parts = {
        "result": _table(found),
        f"metrics: {len(records)} records, the last": _table(records[-1]) if records else "",
        "pictures": "".join(f"{name}\n" for name in pictures),
        "arrays": _table(_describe_arrays(result)) if result.is_file() else "",
        "options other than by default": "".join(f"{option}\n" for option in _options(config)),
    }
    sections = (f"{title}\n{textwrap.indent(text, '  ')}" for title, text in parts.items() if text)
    state = "finished" if (folder / "report.md").is_file() else "not finished: the same command continues it"
    return f"{folder} ({state})\n\n" + "\n".join(sections)


def _options(path: Path) -> list[str]:
    """As they were typed; of a configuration that is no command's, all."""
    table = flat(tomllib.loads(path.read_text(encoding="utf-8")))
    standards = (flat(tomllib.loads(dumps(_standard(kind)))) for kind in (Invert, Simulate, TrainOpenfwi, Adapt))
    standard = next((standard for standard in standards if standard.keys() == table.keys()), {})
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    return [given(name, value) for name, value in options.items() if value != NONE and table[name] != standard.get(name)]


def _standard(kind: type) -> Any:
    """A command's options by default, with no file where one has to be named."""
    needed = [field.name for field in dataclasses.fields(kind) if field.default is field.default_factory is dataclasses.MISSING]
    return kind(**{name: Path() for name in needed})


def _describe_arrays(path: Path) -> dict[str, str]:
    try:
        with h5py.File(path, "r") as file:
            return {
                name: f"{data.dtype} ({data.attrs.get('axes', '')}) = {data.shape} [{data.attrs.get('units', '?')}]"
                for name, data in file.items()
                if isinstance(data, h5py.Dataset)
            }
    except OSError as error:
        raise ValueError(f"`{path}` is damaged ({error}). Run again.") from error


def _table(rows: Mapping[str, object]) -> str:
    width = max(map(len, rows), default=0)
    return "".join(f"{name:<{width}}  {spell(value)}\n" for name, value in rows.items())
