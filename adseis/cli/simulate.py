"""`adseis simulate`: gathers of a survey over a model; with no option, of the embedded layered crust."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from adseis.cli.options import SurveyOptions
from adseis.cli.runs import RunFolder
from adseis.data.arrays import StoredArray
from adseis.files import check_writable
from adseis.viz.gathers import plot_gathers
from adseis.viz.sections import plot_section


@dataclass(frozen=True)
class Simulate(SurveyOptions):
    """Simulate the waves of a survey and leave its gathers, pictures and a report in a run folder."""

    output: Path = Path("runs/simulate")
    """Folder of the run."""


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
    config = config.resolved()
    problem = config.make_problem()
    experiment, grid = problem.experiment, problem.experiment.grid
    check_writable(config.output)
    begun = time.perf_counter()
    gather = np.asarray(jax.block_until_ready(problem.forward(experiment.true)))
    seconds = time.perf_counter() - begun
    folder = RunFolder(config.output, config)
    receivers = np.asarray(experiment.survey.receivers)
    arrays = {
        "gather": StoredArray(gather, config.unit, "shot time receiver"),
        "receivers": StoredArray(receivers, "m", "receiver axis" if receivers.ndim == 2 else "shot receiver axis"),
        "vp": StoredArray(experiment.true, "m/s", "z x", grid.spacing),
    }
    folder.write_result(arrays)
    sources = np.concatenate([np.asarray(e.position).reshape(-1, 2) for e in experiment.survey.emissions(grid)])
    points = {"sources": np.unique(sources, axis=0), "receivers": receivers.reshape(-1, 2)}
    picture = plot_section(experiment.true, grid.spacing, label="P-wave speed (m/s)", title=experiment.name, points=points)
    folder.save_picture("model", picture)
    shown = np.unique(np.linspace(0, len(gather) - 1, min(4, len(gather))).round().astype(int))
    folder.save_picture("gathers", plot_gathers({f"shot {k + 1}": gather[k] for k in shown}, grid.dt, label=config.recorded))
    shots, steps, count = gather.shape
    figures = {"shots": shots, "receivers": count, "steps": steps, "dt (s)": grid.dt, "seconds": round(seconds, 2)}
    folder.write_report(f"Simulation: {experiment.name}", figures)
    print(f"{experiment.name}: {shots} shots, {count} receivers, {steps} steps in {seconds:.1f} s")
    print(f"report: {folder.path / 'report.md'}")
    return 0
