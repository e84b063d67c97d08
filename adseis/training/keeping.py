"""The folder of a training: checkpoints that are whole at every instant, and metrics, one line a record."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import PyTree

from adseis.files import check_writable, discard_partial, read_json_lines, written_whole
from adseis.networks.weights import write_weights
from adseis.training.state import Standing, State, read_state, write_state

LAST, BEST, METRICS = "last.safetensors", "best.safetensors", "metrics.jsonl"


class Keeping:
    """What is kept of a training, on the disk or in memory alone.

    Args:
        folder: Where; None for memory alone.
        about: What the training is; the checkpoint of another is refused.

    Attributes:
        history: Lines of the metrics.
        folder: Where.
        best: The network of the best validation; None if it is the folder's, or there is none.

    Raises:
        OSError: If the folder cannot be written.
    """

    def __init__(self, folder: Path | None, about: Mapping[str, Any]):
        self.folder, self._about = folder, dict(about)
        self.history: list[dict[str, Any]] = []
        self.best: PyTree | None = None
        if folder is not None:
            check_writable(folder)
            folder.mkdir(parents=True, exist_ok=True)
            for name in (LAST, BEST, METRICS):
                discard_partial(folder / name)

    def found(self, start: State) -> tuple[State, Standing]:
        """Where the training goes on from.

        Args:
            start: Its state before the first step.

        Returns:
            The state of the checkpoint, or `start`; what its validations said.

        Raises:
            ValueError: If the checkpoint is damaged, or another training's.
        """
        if self.folder is None or not (self.folder / LAST).exists():
            self._keep([])
            return start, Standing()
        state, standing = read_state(self.folder / LAST, start, self._about)
        # What was written down after the checkpoint is done again, and a line torn by a kill goes.
        self._keep([line for line in read_json_lines(self.folder / METRICS) if line["step"] <= int(state.step)])
        return state, standing

    def tell(self, line: dict[str, Any]) -> None:
        """Write down a record.

        Args:
            line: Name -> number or mapping.
        """
        self.history.append(line)
        if self.folder is not None:
            with (self.folder / METRICS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def write(self, state: State, standing: Standing, better: PyTree | None, found: Mapping[str, float]) -> None:
        """Keep a state, and a network that is better than those before.

        Args:
            state: Of the training.
            standing: What the validations said.
            better: The network, or None.
            found: Figures of its validation.

        Raises:
            OSError: If a file cannot be written.
        """
        if better is not None:
            self.best = better
            if self.folder is not None:
                write_weights(self.folder / BEST, better, {**self._about, "step": int(state.step), "validation": dict(found)})
        if self.folder is not None:
            write_state(self.folder / LAST, state, standing, self._about)

    def _keep(self, lines: list[dict[str, Any]]) -> None:
        self.history = lines
        if self.folder is not None:
            with written_whole(self.folder / METRICS) as partial:
                partial.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
