"""The folder that a run leaves: configuration, versions, metrics, arrays, pictures and a report; and how the last are written."""

import itertools
import json
import math
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from filelock import FileLock, Timeout
from matplotlib.figure import Figure

from adseis.cli import folders
from adseis.cli.configuration import dump
from adseis.data.arrays import StoredArray, write_arrays
from adseis.files import check_writable, read_json_lines, written_whole
from adseis.optimizers.minimize import Result
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure

RESULT = "result"
"""Heads the first table of a report."""


class RunFolder:
    """A folder under `runs/`, made before work begins so that nothing is computed that cannot be kept.

    A run of the same configuration is resumed: its metrics stay, and its journals are its own. So is one that was to end sooner.
    A run is finished once its report stands, which is therefore to be written last. Every file is written whole or not at all,
    except `metrics.jsonl`, which grows by one line a record. While a `with` block lasts, no other process may use the folder.

    Attributes:
        path: The folder.
        resumed: Whether a run is continued.
        finished: Whether the same run has ended there already: nothing was touched.
    """

    def __init__(
        self,
        path: str | Path,
        config: Any,
        *,
        seed: int | None = None,
        key: tuple[str, ...] = ("iteration",),
        overwrite: bool = False,
    ):
        """Make or reopen the folder and write `config.toml` (every option resolved) and `versions.json`.

        Args:
            path: The folder, such as `runs/marmousi`.
            config: Configuration of the run, an instance of a dataclass.
            seed: Seed of the run's random numbers, if it draws any.
            key: Names of the values that identify a record of the metrics.
            overwrite: Whether to give up what a run has left there, unless it is at work.

        Raises:
            OSError: If the folder cannot be made or written to, holds another run, or is used by another process.
        """
        self.path = Path(path)
        check_writable(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path / ".lock", timeout=0)
        with self:
            if overwrite:
                folders.clear(self.path)
            self._open(config, seed, key)

    def _open(self, config: Any, seed: int | None, key: tuple[str, ...]) -> None:
        toml, report = self.path / "config.toml", self.path / "report.md"
        free = folders.is_free(self.path)
        if not free and (differing := folders.differences(config, self.path)):
            raise FileExistsError(f"{self.path} holds another run ({', '.join(differing)}). Name another folder.")
        longer = not free and folders.is_longer(config, self.path)
        self.resumed, self.finished = not free, report.is_file() and not longer
        if self.finished:
            return
        if report.is_file():
            report.rename(self.path / f"report-before-{time.strftime('%Y%m%d-%H%M%S')}.md")
        for leftover in self.path.glob(".*.partial*"):
            leftover.unlink(missing_ok=True)
        self._key = key
        self._metrics = self.path / "metrics.jsonl"
        self._pictures: list[str] = []
        kept = {self._identity(record): record for record in read_json_lines(self._metrics)} if self.resumed else {}
        self._recorded = set(kept)
        # Rewritten once, so that a line torn by a kill is gone before the next one is appended to it.
        _write_text(self._metrics, "".join(json.dumps(record) + "\n" for record in kept.values()))
        _write_text(self.path / "versions.json", json.dumps({**versions(), "seed": seed}, indent=2) + "\n")
        dump(config, toml)

    def __enter__(self) -> "RunFolder":
        try:
            self._lock.acquire()
        except Timeout:
            raise BlockingIOError(f"{self.path} is in use by another process. Wait for it, or name another folder.") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def tell(self) -> int:
        """Say that the run has ended already.

        Returns:
            Exit code 0.
        """
        print(f"finished already, and left as it is: {self.path / 'report.md'}; --overwrite runs it again")
        return 0

    def record(self, **values: Any) -> None:
        """Append one line to `metrics.jsonl`; a record whose key is there already is left alone.

        A resumed run replays what it did before, so its first records are repetitions.

        Args:
            values: Name -> number (a scalar of NumPy or JAX too) or word; NaN and infinity, which JSON lacks, become null.
        """
        record = {name: _jsonable(value) for name, value in values.items()}
        identity = self._identity(record)
        if identity in self._recorded:
            return
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self._recorded.add(identity)

    def write_result(self, arrays: Mapping[str, StoredArray]) -> None:
        """Write `result.h5`: arrays with checksums and the attributes `units`, `axes`, `spacing`.

        Args:
            arrays: Name -> array.
        """
        write_arrays(self.path / "result.h5", arrays)

    def save_picture(self, name: str, figure: Figure) -> None:
        """Write a picture.

        Args:
            name: File name without extension.
            figure: The figure.
        """
        save_figure(figure, self.path / f"{name}.png")
        self.show_picture(name)

    def show_picture(self, name: str) -> None:
        """Let the report show a picture of the folder, which this run need not have saved.

        Args:
            name: File name without extension.
        """
        self._pictures.append(f"{name}.png")

    def write_report(
        self, title: str, figures: Mapping[str, object], *, text: str = "", setting: Mapping[str, object] | None = None
    ) -> None:
        """Write `report.md`, which ends the run: a text, tables, and the pictures that this run has saved or shown, in order.

        Args:
            title: Headline.
            figures: Row of the table of results -> its value.
            text: Paragraphs before the tables.
            setting: Row of the table of what the run was made with -> its value.
        """
        tables = [_markdown(RESULT, figures), _markdown("made with", setting or {})]
        pictures = "\n\n".join(f"![{name.removesuffix('.png')}]({name})" for name in self._pictures)
        parts = [f"# {title}", text, *tables, pictures]
        _write_text(self.path / "report.md", "\n\n".join(part for part in parts if part) + "\n")

    def _identity(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(record.get(name) for name in self._key)


@dataclass(frozen=True)
class Curves:
    """A picture of metrics over the iterations.

    Attributes:
        labels: Name in the metrics -> what its curve is called.
        ylabel: Text beside, with the unit.
        log: Whether on a logarithmic scale.
    """

    labels: Mapping[str, str]
    ylabel: str
    log: bool = True

    def plot(self, records: Sequence[Mapping[str, Any]]) -> Figure:
        """Draw it.

        Args:
            records: Of the metrics, one an iteration.

        Returns:
            The figure.
        """
        iterations = np.array([record["iteration"] for record in records], float)
        curves = {label: [record[name] for record in records] for name, label in self.labels.items()}
        return plot_curve(curves, x=dict.fromkeys(curves, iterations), ylabel=self.ylabel, log=self.log)


@dataclass(frozen=True)
class Findings:
    """What a run found, of which its folder and the terminal are told.

    Attributes:
        title: Headline of the report.
        summary: What is printed: the result in one line.
        arrays: Name -> array of `result.h5`.
        draw: Gives the pictures, once the arrays are safe: file name without extension -> figure.
        figures: Row of the report's table of results -> its value.
        setting: Row of its table of what the run was made with -> its value.
        text: Paragraphs before the tables.
        curves: File name without extension -> metrics of an inversion to be drawn.
        start: Its metrics before the first iteration, where the curves are to begin there.
    """

    title: str
    summary: str
    arrays: Mapping[str, StoredArray]
    draw: Callable[[], Mapping[str, Figure]]
    figures: Mapping[str, object]
    setting: Mapping[str, object]
    text: str = ""
    curves: Mapping[str, Curves] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=dict)


def report(folder: RunFolder, findings: Findings) -> None:
    """Write arrays, pictures and the report, and print where it is.

    Args:
        folder: Of the run.
        findings: What it found.
    """
    folder.write_result(findings.arrays)
    for name, figure in findings.draw().items():
        folder.save_picture(name, figure)
    folder.write_report(findings.title, findings.figures, text=findings.text, setting=findings.setting)
    print(findings.summary)
    print(f"report: {folder.path / 'report.md'}")


def report_inversion(folder: RunFolder, findings: Findings, result: Result, *, begun: float) -> None:
    """Report an inversion: its curves and what every inversion has to tell are added.

    Args:
        folder: Of the run, with its metrics.
        findings: What it found.
        result: Of its last minimization.
        begun: When it began, by `time.perf_counter`.
    """
    records = read_json_lines(folder.path / "metrics.jsonl")
    drawn = [{"iteration": 0, **findings.start}, *records] if findings.start else records
    curves = {"misfit": Curves({"misfit": "misfit"}, "relative misfit"), **findings.curves} if drawn else {}
    figures = {
        "iterations": len(records),
        "gradient evaluations": result.evaluations,
        "relative misfit, final": result.value,
        "seconds": round(time.perf_counter() - begun, 1),
        "ended because": result.message,
    }

    def draw() -> dict[str, Figure]:
        return {**findings.draw(), **{name: curve.plot(drawn) for name, curve in curves.items()}}

    report(folder, replace(findings, draw=draw, figures={**findings.figures, **figures}))


def read_report(folder: Path) -> tuple[dict[str, str], list[str]]:
    """What a report says.

    Args:
        folder: Of the run.

    Returns:
        Its table of results, row -> value, and the names of its pictures in their order; nothing of a run that has none yet.
    """
    path = folder / "report.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    _, _, below = text.partition(_head(RESULT))
    rows = itertools.takewhile(lambda line: line.startswith("|"), below.splitlines()[1:])
    cells = (line.strip("| ").split(" | ", 1) for line in rows)
    return {cell[0]: cell[-1] for cell in cells}, re.findall(r"^!\[.*\]\((.+)\)$", text, re.MULTILINE)


def versions() -> dict[str, str]:
    """Versions and platform that a result depends on.

    Returns:
        Name -> version of Python and the packages; `platform`, `backend` and `device`.
    """
    packages = {name: version(name) for name in ("adseis", "jax", "jaxlib", "equinox", "numpy", "scipy")}
    machine = {"platform": platform.platform(), "backend": jax.default_backend(), "device": _devices()}
    return {"python": platform.python_version(), **packages, **machine}


def _devices() -> str:
    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind}"


def _markdown(title: str, rows: Mapping[str, object]) -> str:
    """A table, or nothing of nothing."""
    return "\n".join([_head(title), *(f"| {name} | {spell(value)} |" for name, value in rows.items())]) if rows else ""


def _head(title: str) -> str:
    return f"| {title} | |\n|---|---|"


def _jsonable(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value  # scalars of NumPy and JAX
    return None if isinstance(value, float) and not math.isfinite(value) else value


def spell(value: object) -> str:
    """A value as tables show it, numbers to six digits.

    Args:
        value: Anything.

    Returns:
        The text.
    """
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
