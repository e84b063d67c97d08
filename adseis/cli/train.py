"""`adseis train`: networks that invert gathers; each of its commands is a file of its own, `train_*.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adseis.cli import train_adapt, train_demo, train_evaluate, train_export, train_openfwi, train_predict
from adseis.cli.parsing import Commands, parse

COMMANDS: Commands = {
    "demo": (train_demo.Demo, train_demo.run),
    "openfwi": (train_openfwi.TrainOpenfwi, train_openfwi.run),
    "evaluate": (train_evaluate.Evaluate, train_evaluate.run),
    "adapt": (train_adapt.Adapt, train_adapt.run),
    "predict": (train_predict.Predict, train_predict.run),
    "export": (train_export.Export, train_export.run),
}
"""Name -> (dataclass of its options, function that runs it)."""
DESCRIPTION = (
    "Networks that make maps of velocity of gathers. `adseis train COMMAND --help` says more; without one, the demo runs."
)


@dataclass(frozen=True)
class Train:
    """Train networks on OpenFWI's data or ours, evaluate, adapt, export them: openfwi, evaluate, adapt, predict, export, demo."""


def parsed(argv: Sequence[str]) -> tuple[Callable[[Any], int], Any]:
    """What the words behind `adseis train` ask for.

    Args:
        argv: The words; none at all asks for the demo.

    Returns:
        (run, settings), to be called as run(settings).

    Raises:
        ValueError: If they are wrong.
        SystemExit: If help was asked for, which was printed.
    """
    return parse(list(argv) or ["demo"], COMMANDS, program="adseis train", description=DESCRIPTION)


def run(_: Train) -> int:
    """The demo.

    Args:
        _: No options.

    Returns:
        Exit code 0.
    """
    return train_demo.run(train_demo.Demo())
