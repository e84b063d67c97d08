"""`adseis simulate`: gathers of a survey over a model; with no option, of the embedded layered crust."""

import time
from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np
from matplotlib.figure import Figure

from adseis.cli.option_groups import LineOptions, ModelOptions, OutputOptions, PhysicsOptions
from adseis.cli.options import Solver, SurveyOptions, described, open_folder, setting_of
from adseis.cli.runs import Findings, RunFolder, report
from adseis.cli.stored import stored_records
from adseis.data.arrays import StoredArray
from adseis.data.problems import Experiment
from adseis.viz.gathers import plot_gathers
from adseis.viz.sections import plot_section


@dataclass(frozen=True)
class Simulate(SurveyOptions):
    """Simulate the waves of a survey and leave its gathers, pictures and a report in a run folder."""

    GROUPS: ClassVar = {"model": ModelOptions, "survey": LineOptions, "physics": PhysicsOptions, "output": OutputOptions}
    EXAMPLES: ClassVar[str] = """examples:
  adseis simulate                                                 the embedded layered crust
  adseis simulate --model vp.npy --spacing 10 --shots 4           a line over a model of yours
  adseis simulate --model vp.npy --spacing 10 --physics elastic --free-surface --noise 0.1
"""


def run(config: Simulate) -> int:
    """Simulate and leave a run folder.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If the model file does not exist.
        ValueError: If an option or the file cannot be right.
        RuntimeError: If a value is out of range in the simulation.
        OSError: If the run folder cannot be written.
    """
    config.check()
    config = config.resolved()
    experiment = config.experiment()
    solver = config.solver(experiment.initial)
    with open_folder(config, "simulate", seed=config.seed) as folder:
        return folder.tell() if folder.finished else _simulate(config, experiment, solver, folder)


def _simulate(config: Simulate, experiment: Experiment, solver: Solver, folder: RunFolder) -> int:
    """Simulate and report."""
    grid, survey = experiment.grid, experiment.survey
    print(f"{experiment.name}: {described(grid)}, {grid.nt} steps")
    begun = time.perf_counter()
    clean = jax.block_until_ready(solver.gathers(experiment.true, survey, grid))
    seconds = time.perf_counter() - begun
    gather = np.asarray(config.with_noise(clean) if config.noise else clean)
    receivers = np.asarray(survey.receivers)
    sources = np.concatenate([np.asarray(e.position).reshape(-1, 2) for e in survey.emissions(grid)])
    shots, steps, count = gather.shape

    def draw() -> dict[str, Figure]:
        points = {"sources": np.unique(sources, axis=0), "receivers": receivers.reshape(-1, 2)}
        shown = np.unique(np.linspace(0, shots - 1, min(4, shots)).round().astype(int))
        title, label = experiment.name, "P-wave speed (m/s)"
        return {
            "model": plot_section(experiment.true, grid.spacing, label=label, title=title, points=points),
            "gathers": plot_gathers({f"shot {k + 1}": gather[k] for k in shown}, grid.dt, label=config.recorded),
        }

    findings = Findings(
        title=f"Simulation: {experiment.name}",
        summary=f"{experiment.name}: {shots} shots, {count} receivers, {steps} steps in {seconds:.1f} s",
        arrays={
            **stored_records({"gather": gather}, survey, grid, field=config.field, unit=config.recorded_unit),
            "vp": StoredArray(experiment.true, "m/s", "z x", grid.spacing),
        },
        draw=draw,
        figures={"shots": shots, "receivers": count, "steps": steps, "seconds": round(seconds, 2)},
        setting=setting_of(grid, solver, **{"frequency (Hz)": experiment.frequency, "noise over data": config.noise or 0.0}),
    )
    report(folder, findings)
    return 0
