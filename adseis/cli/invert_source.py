"""Problems whose unknown is a source: what they share, and the run that they leave.

A problem knows its unknowns, how waves come of them, how they are sought and how far off they are; it is one file of this folder.
All else (noise, journal, metrics, pictures of gathers, report) is done here, once.
"""

import abc
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from adseis.cli.options import InversionOptions, begin
from adseis.cli.runs import RunFolder, read_metrics
from adseis.cli.source_setting import Setting
from adseis.data.arrays import StoredArray
from adseis.files import check_writable
from adseis.optimizers.minimize import Result
from adseis.viz.curves import plot_curve
from adseis.viz.gathers import plot_gathers

Unknowns = dict[str, Any]
Report = Callable[[int, Unknowns, float], None]


class SourceProblem(abc.ABC):
    """What the run asks of a problem.

    Attributes:
        title: Headline of the report.
        setting: Medium, stations and clock.
        true: The unknowns that are to be found.
        axes: Unit and axes of each unknown: name -> (unit, "axis axis").
        labels: Name of an error -> what the report calls it, with its unit.
        corners: Corner frequencies of the bands before the full one, unless told otherwise [Hz].
    """

    title: str
    setting: Setting
    true: Unknowns
    axes: Mapping[str, tuple[str, str]]
    labels: Mapping[str, str]
    corners: tuple[float, ...]

    @property
    @abc.abstractmethod
    def text(self) -> str:
        """What is sought and from where, in a few sentences."""

    @abc.abstractmethod
    def forward(self, x: Unknowns) -> Any:
        """Gathers of unknowns.

        Args:
            x: Like `true`.

        Returns:
            Gathers, or a tuple of them.
        """

    @abc.abstractmethod
    def find(self, observed: Any, report: Report, **options: Any) -> tuple[Unknowns, Result]:
        """Invert.

        Args:
            observed: Gathers.
            report: To be called after each iteration with its number, the unknowns and the misfit.
            options: `bands`, `misfit`, `evaluations`, `journal` of `adseis.inversion.fwi.invert`.

        Returns:
            What was found, and the result of the last minimization.
        """

    @abc.abstractmethod
    def errors(self, x: Unknowns) -> dict[str, float]:
        """How far unknowns are from the true ones.

        Args:
            x: Like `true`.

        Returns:
            A number for each of `labels`.
        """

    @abc.abstractmethod
    def draw(self, x: Unknowns) -> dict[str, Figure]:
        """Pictures of what was found.

        Args:
            x: Like `true`.

        Returns:
            File name without extension -> figure.
        """


def run(config: InversionOptions, problem: SourceProblem) -> int:
    """Simulate the data, find the source, and leave a run folder.

    Args:
        config: The options, resolved.
        problem: What is sought.

    Returns:
        Exit code 0.

    Raises:
        ValueError: If an option cannot be right.
        RuntimeError: If a value is out of range in the simulation.
        OSError: If the run folder cannot be written.
    """
    config.check()
    bands = config.stages(problem.corners)
    check_writable(config.output)
    begun = time.perf_counter()
    observed = config.with_noise(problem.forward(problem.true))
    folder = begin(config)
    steps, receivers = jax.tree.leaves(observed)[0].shape[1:]
    print(f"{problem.setting.name}: {receivers} receivers, {problem.setting.grid.shape} nodes, {steps} steps")

    def report(iteration: int, x: Unknowns, value: float) -> None:
        seconds = round(time.perf_counter() - begun, 3)
        folder.record(iteration=iteration, misfit=value, **problem.errors(x), seconds=seconds)

    found, result = problem.find(
        observed, report, bands=bands, misfit=config.misfit_function(problem.setting.grid.dt),
        evaluations=config.evaluations, journal=folder.path / "journal.h5",
    )  # fmt: skip
    _leave(folder, problem, found, result, observed, begun=begun)
    return 0


def _leave(folder: RunFolder, problem: SourceProblem, found: Unknowns, result: Result, observed: Any, *, begun: float) -> None:
    """Write arrays, pictures and the report."""
    setting = problem.setting
    seen, predicted = jax.tree.leaves(observed), jax.tree.leaves(problem.forward(found))
    versions = {"true": problem.true, "found": found}
    arrays = {
        f"{name}_{version}": StoredArray(np.asarray(x[name]), *problem.axes[name])
        for version, x in versions.items() for name in problem.axes
    }  # fmt: skip
    for version, gathers in {"observed": seen, "found": predicted}.items():
        for label, unit, gather in zip(setting.records, setting.units, gathers, strict=True):
            arrays[f"{label.split()[0]}_{version}"] = StoredArray(np.asarray(gather), unit, "shot time receiver")
    arrays["vp"] = StoredArray(setting.vp, "m/s", "z x", setting.grid.spacing)
    arrays["receivers"] = StoredArray(setting.receivers, "m", "receiver axis")
    folder.write_result(arrays)
    for name, figure in problem.draw(found).items():
        folder.save_picture(name, figure)
    shown = {"observed": np.asarray(seen[0][0]), "found": np.asarray(predicted[0][0])}
    shown["found - observed"] = shown["found"] - shown["observed"]
    folder.save_picture("gathers", plot_gathers(shown, setting.grid.dt, label=setting.records[0]))
    records = read_metrics(folder.path / "metrics.jsonl")
    if records:
        iterations = np.array([r["iteration"] for r in records], float)
        misfit = {"misfit": [r["misfit"] for r in records]}
        folder.save_picture("misfit", plot_curve(misfit, x={"misfit": iterations}, ylabel="relative misfit"))
        curves = {label: [r[name] for r in records] for name, label in problem.labels.items()}
        folder.save_picture("errors", plot_curve(curves, x=dict.fromkeys(curves, iterations), ylabel="error"))
    errors = problem.errors(found)
    figures = {
        **{problem.labels[name]: value for name, value in errors.items()},
        "receivers": len(setting.receivers),
        "iterations": len(records),
        "gradient evaluations": result.evaluations,
        "relative misfit, final": result.value,
        "seconds": round(time.perf_counter() - begun, 1),
        "ended because": result.message,
    }
    folder.write_report(f"{problem.title}: {setting.name}", figures, text=problem.text)
    print("; ".join(f"{problem.labels[name]} {value:.4g}" for name, value in errors.items()))
    print(f"report: {folder.path / 'report.md'}")
