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

from adseis.cli.options import InversionOptions, described, open_folder, setting_of
from adseis.cli.runs import Curves, Findings, RunFolder, report_inversion
from adseis.cli.source_setting import Setting
from adseis.cli.stored import stored_records
from adseis.data.arrays import StoredArray
from adseis.experiment.sources import Source
from adseis.experiment.survey import Survey
from adseis.objectives.bands import Band
from adseis.optimizers.minimize import Result
from adseis.viz.gathers import plot_gathers

Unknowns = dict[str, Any]
Callback = Callable[[int, Unknowns, float], None]


class SourceProblem(abc.ABC):
    """What the run asks of a problem.

    Attributes:
        name: What `--problem` calls it.
        title: Headline of the report.
        setting: Medium, stations and clock.
        true: The unknowns that are to be found.
        axes: Unit and axes of each unknown: name -> (unit, "axis axis").
        labels: Name of an error -> what the report calls it, with its unit.
        corners: Corner frequencies of the bands before the full one, unless told otherwise [Hz].
    """

    name: str
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
    def source(self, x: Unknowns) -> Source:
        """What emits the waves.

        Args:
            x: Like `true`.

        Returns:
            The source.
        """

    def forward(self, x: Unknowns) -> Any:
        """Gathers of unknowns.

        Args:
            x: Like `true`.

        Returns:
            Gathers, or a tuple of them.
        """
        return self.setting.simulate(self.source(x))

    @abc.abstractmethod
    def find(self, observed: Any, callback: Callback, **options: Any) -> tuple[Unknowns, Result]:
        """Invert.

        Args:
            observed: Gathers.
            callback: To be called after each iteration with its number, the unknowns and the misfit.
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
    with open_folder(config, problem.name, seed=config.seed) as folder:
        return folder.tell() if folder.finished else _find(config, problem, bands, folder)


def _find(config: InversionOptions, problem: SourceProblem, bands: list[Band], folder: RunFolder) -> int:
    """Simulate, invert, report."""
    setting = problem.setting
    print(f"{setting.name}: {len(setting.receivers)} receivers, {described(setting.grid)}, {setting.grid.nt} steps")
    begun = time.perf_counter()
    observed = config.with_noise(problem.forward(problem.true))

    def record(iteration: int, x: Unknowns, value: float) -> None:
        seconds = round(time.perf_counter() - begun, 3)
        folder.record(iteration=iteration, misfit=value, **problem.errors(x), seconds=seconds)

    found, result = problem.find(
        observed,
        record,
        bands=bands,
        misfit=config.misfit_function(setting.grid.dt),
        evaluations=config.evaluations,
        journal=folder.path / "journal.h5",
    )
    report_inversion(folder, _findings(config, problem, found, observed), result, begun=begun)
    return 0


def _findings(config: InversionOptions, problem: SourceProblem, found: Unknowns, observed: Any) -> Findings:
    """Unknowns and gathers, true and found."""
    setting, errors = problem.setting, problem.errors(found)
    seen, predicted = jax.tree.leaves(observed), jax.tree.leaves(problem.forward(found))
    arrays = {}
    for version, x in {"true": problem.true, "found": found}.items():
        for name, (unit, axes) in problem.axes.items():
            arrays[f"{name}_{version}"] = StoredArray(np.asarray(x[name]), unit, axes)
    for label, field, unit, *gathers in zip(setting.records, setting.fields, setting.units, seen, predicted, strict=True):
        records = {f"{label.split()[0]}_{version}": data for version, data in zip(("observed", "found"), gathers, strict=True)}
        survey = Survey(problem.source(problem.true), setting.receivers)
        arrays |= stored_records(records, survey, setting.grid, field=field, unit=unit)
    arrays["vp"] = StoredArray(setting.vp, "m/s", "z x", setting.grid.spacing)

    def draw() -> dict[str, Figure]:
        shown = {"observed": np.asarray(seen[0][0]), "found": np.asarray(predicted[0][0])}
        shown["found - observed"] = shown["found"] - shown["observed"]
        return problem.draw(found) | {"gathers": plot_gathers(shown, setting.grid.dt, label=setting.records[0])}

    return Findings(
        title=f"{problem.title}: {setting.name}",
        summary="; ".join(f"{problem.labels[name]} {value:.4g}" for name, value in errors.items()),
        arrays=arrays,
        draw=draw,
        figures={problem.labels[name]: value for name, value in errors.items()},
        setting=setting_of(
            setting.grid,
            setting.solver,
            **{
                "frequency (Hz)": setting.frequency,
                "receivers": len(setting.receivers),
                "noise over data": config.noise or 0.0,
            },
        ),
        text=problem.text,
        curves={"errors": Curves(problem.labels, "error")},
    )
