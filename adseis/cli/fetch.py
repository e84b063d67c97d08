"""`adseis fetch`: models and data of the published figures."""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import tyro

from adseis.data.catalogue import CATALOGUE
from adseis.data.fetching import fetch


@dataclass(frozen=True)
class Fetch:
    """Fetch models and data of the published figures, checked by SHA-256; without a name, list them.

    Attributes:
        name: What to fetch, such as marmousi2.
        output: Folder that the files go to.
    """

    name: tyro.conf.Positional[str | None] = None
    output: Path = Path("data")

    EXAMPLES: ClassVar[str] = """examples:
  adseis fetch                            what there is, whose it is and on which terms
  adseis fetch marmousi2                  both models to data/
  adseis fetch viking --output recorded   a marine line to recorded/
"""


def run(config: Fetch) -> int:
    """Fetch, or list.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        ValueError: If the catalogue has no such name.
        OSError: If the files cannot be had, or not be written.
        ImportError: If pooch is not installed.
    """
    if config.name is None:
        print("\n".join(_told(name) for name in CATALOGUE))
        return 0
    for path in fetch(config.name, config.output):
        print(path)
    return 0


def _told(name: str) -> str:
    item = CATALOGUE[name]
    files = [f"{file.name} ({file.size / 1e6:.1f} MB): {file.addresses[0]}" for file in item.files]
    lines = [item.what, *files, f"for {item.used}", f"by {item.credit}", item.licence]
    return f"{name}\n{textwrap.indent(chr(10).join(lines), '  ')}\n"
