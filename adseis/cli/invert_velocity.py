"""`adseis invert --problem velocity`: recover a velocity model from waveforms by full waveform inversion."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from adseis.cli.option_groups import Precondition, StartOptions, UpdateOptions
from adseis.cli.options import InversionOptions, Solver, described, open_folder, setting_of
from adseis.cli.preconditioner import evened
from adseis.cli.runs import Curves, Findings, RunFolder, report_inversion
from adseis.cli.stored import stored_records
from adseis.data.arrays import StoredArray
from adseis.data.problems import Experiment
from adseis.inversion.fwi import Update, invert
from adseis.inversion.weights import mute_near
from adseis.objectives.regularizers import tikhonov, total_variation
from adseis.optimizers.minimize import Result
from adseis.viz.gathers import plot_gathers
from adseis.viz.sections import plot_sections

TO_TRY = (
    "a lower --bands first, narrower --low and --high, --total-variation 1e-3 to 3e-2, --mute-radius of half a wavelength, "
    "--free-surface, or a better --initial; the page 'When an inversion goes wrong' says how to tell which"
)


@dataclass(frozen=True)
class VelocityOptions(UpdateOptions, StartOptions, InversionOptions):
    """What is special to velocity models is added."""


def run(config: VelocityOptions) -> int:
    """Simulate the data, invert them, and leave a run folder.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If a model file does not exist.
        ValueError: If an option or a file cannot be right.
        RuntimeError: If a value is out of range in the simulation.
        OSError: If the run folder cannot be written.
    """
    config.check()
    if config.total_variation < 0 or config.tikhonov < 0 or config.mute_radius < 0:
        raise ValueError("`total_variation`, `tikhonov` and `mute_radius` must not be negative.")
    experiment = config.experiment(config.initial, config.smooth)
    solver = config.solver(experiment.initial)
    with open_folder(config, "velocity", seed=config.seed) as folder:
        return folder.tell() if folder.finished else _invert(config, experiment, solver, folder)


def _invert(config: VelocityOptions, experiment: Experiment, solver: Solver, folder: RunFolder) -> int:
    """Simulate, invert, report."""
    grid = experiment.grid
    print(f"{experiment.name}: {described(grid)}, {grid.nt} steps")
    forward = functools.partial(solver.gathers, survey=experiment.survey, grid=grid)
    begun = time.perf_counter()
    observed = config.with_noise(forward(experiment.true))
    first = forward(experiment.initial)
    update = _update(config, experiment, solver, folder)

    def record(iteration: int, model: np.ndarray, value: float) -> None:
        seconds = round(time.perf_counter() - begun, 3)
        folder.record(iteration=iteration, misfit=value, vp_rmse=_rmse(model, experiment.true), seconds=seconds)

    result = invert(
        forward,
        observed,
        experiment.initial,
        dt=grid.dt,
        update=update,
        bands=config.stages(),
        misfit=config.misfit_function(grid.dt),
        regularizer=regularizer_of(config, experiment.initial, experiment.grid.spacing),
        callback=record,
        evaluations=config.evaluations,
        journal=folder.path / "journal.h5",
    )
    gathers = {"observed": observed, "initial": first, "inverted": forward(result.x)}
    findings = _findings(config, experiment, solver, result, gathers)
    report_inversion(folder, findings, result, begun=begun)
    return 0


def _update(config: VelocityOptions, experiment: Experiment, solver: Solver, folder: RunFolder) -> Update:
    """Mask, mutes, preconditioner and bounds."""
    grid, weight = experiment.grid, jnp.asarray(experiment.mask)
    if config.mute_radius:
        devices = [np.asarray(e.position).reshape(-1, 2) for e in experiment.survey.emissions(grid)]
        devices.append(np.asarray(experiment.survey.receivers).reshape(-1, 2))
        weight = weight * mute_near(np.concatenate(devices), grid.shape, grid.spacing, config.mute_radius, origin=grid.origin)
    kind = _precondition(config, experiment)
    survey, start, mask = experiment.survey, experiment.initial, experiment.mask
    weight = weight * evened(kind, solver, survey, grid, start=start, folder=folder, mask=mask, seed=config.seed)
    low, high = _bounds(config, experiment)
    # Nodes that are kept may lie outside the bounds of those that are not.
    kept = experiment.initial
    return Update(weight, np.minimum(low, kept), np.maximum(high, kept))


def _precondition(config: VelocityOptions, experiment: Experiment) -> Precondition:
    return config.precondition or ("sensitivity" if experiment.line else "none")


def _bounds(config: VelocityOptions, experiment: Experiment) -> tuple[float, float]:
    """Least and greatest speed [m/s]."""
    low = 2 / 3 * float(experiment.initial.min()) if config.low is None else config.low
    high = 4 / 3 * float(experiment.initial.max()) if config.high is None else config.high
    return low, high


def regularizer_of(
    config: VelocityOptions, initial: np.ndarray, spacing: float | tuple[float, ...]
) -> Callable[[Any], Any] | None:
    """The weighted sum of penalties, each relative to its value at the initial model (or as it is, where that is zero).

    Args:
        config: The options.
        initial: The initial model [m/s].
        spacing: Of its nodes [m].

    Returns:
        `regularizer(model)`; None if no weight is set.
    """
    start = jnp.asarray(initial)
    terms = [
        (weight, functools.partial(term, spacing=spacing), float(term(start, spacing)) or 1.0)
        for weight, term in ((config.total_variation, total_variation), (config.tikhonov, tikhonov))
        if weight
    ]
    if not terms:
        return None
    return lambda model: sum(weight * term(model) / scale for weight, term, scale in terms)


def _rmse(model: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.asarray(model, float) - true) ** 2)))


def _findings(
    config: VelocityOptions, experiment: Experiment, solver: Solver, result: Result, gathers: dict[str, Any]
) -> Findings:
    """Models and gathers, before and after."""
    grid, (low, high) = experiment.grid, _bounds(config, experiment)
    models = {"true": experiment.true, "initial": experiment.initial, "inverted": result.x}
    shots = int(gathers["observed"].shape[0])
    first, last = _rmse(experiment.initial, experiment.true), _rmse(result.x, experiment.true)

    def draw() -> dict[str, Figure]:
        shown = {k: np.asarray(v[shots // 2]) for k, v in gathers.items()}
        shown["inverted - observed"] = shown["inverted"] - shown["observed"]
        difference = {"inverted - true": result.x - experiment.true}
        return {
            "models": plot_sections(models, grid.spacing, differences=difference, label="P-wave speed (m/s)"),
            "gathers": plot_gathers(shown, grid.dt, label=config.recorded),
        }

    return Findings(
        title=f"Full waveform inversion: {experiment.name}",
        summary=f"vp RMSE {first:.1f} -> {last:.1f} m/s after {result.evaluations} gradient evaluations"
        + f"\nThe model is WORSE than the one it began with. Try {TO_TRY}." * (last > first),
        text=f"**The model is worse than the one it began with**, though the misfit fell. Try {TO_TRY}." * (last > first),
        arrays={f"vp_{k}": StoredArray(np.asarray(v), "m/s", "z x", grid.spacing) for k, v in models.items()}
        | {"mask": StoredArray(experiment.mask, "1", "z x", grid.spacing)}
        | stored_records(
            {f"gather_{name}": gather for name, gather in gathers.items()},
            experiment.survey,
            grid,
            field=config.field,
            unit=config.recorded_unit,
        ),
        draw=draw,
        figures={
            "vp RMSE, initial (m/s)": first,
            "vp RMSE, final (m/s)": last,
            "relative misfit, initial": result.history[0].value,
        },
        setting=setting_of(
            grid,
            solver,
            **{
                "frequency (Hz)": experiment.frequency,
                "shots": shots,
                "receivers": int(gathers["observed"].shape[2]),
                "noise over data": config.noise or 0.0,
                "vp within (m/s)": f"{low:.6g} to {high:.6g}",
                "updates evened out by": _precondition(config, experiment),
            },
        ),
        curves={"error": Curves({"vp_rmse": "vp"}, "vp RMSE (m/s)", log=False)},
        start={"misfit": result.history[0].value, "vp_rmse": first},
    )
