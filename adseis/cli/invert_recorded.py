"""`adseis invert --data line.segy --initial vp.h5`: recover a velocity model from recorded gathers.

Nothing is simulated but what is compared. A page of quality control stands first, drawn before the inversion begins: whether the
starting model is near enough shows in its first arrivals.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adseis.cli.flags import changed
from adseis.cli.invert_velocity import regularizer_of
from adseis.cli.option_groups import DataOptions
from adseis.cli.options import Solver, described, open_folder, setting_of
from adseis.cli.preconditioner import evened
from adseis.cli.recorded_data import Recording, mean_spectrum, read_recording
from adseis.cli.recorded_files import RecordedOptions
from adseis.cli.runs import Findings, RunFolder, report_inversion
from adseis.data.arrays import StoredArray
from adseis.data.first_arrivals import pick_first_arrivals
from adseis.data.gather_files import stored_gathers
from adseis.data.models import Model, write_model
from adseis.inversion.fwi import Update, invert
from adseis.inversion.weights import mute_near
from adseis.objectives.bands import Band, filter_band
from adseis.objectives.source_estimation import apply_filter, estimate_filter
from adseis.viz.curves import plot_curve
from adseis.viz.gathers import plot_gathers
from adseis.viz.quality import Quality, plot_quality
from adseis.viz.sections import plot_sections

FEW, MANY = 0.05, 0.25
"""Shares of traces beyond half a period: up to the first nothing is said against a start, from the second on everything."""
DAMPING = 1e-4
"""Of the source's filter: frequencies of which the guess has less than a hundredth of its largest amplitude are held back."""
SIMULATED = ("model", "smooth", "shots", "frequency", "noise")
"""Options of what is simulated, of no use to recorded data."""


def run(config: RecordedOptions) -> int:
    """Read the data, judge them, invert them, and leave a run folder.

    Args:
        config: The options, with `data`.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If an option or a file cannot be right, or the data cannot be used.
        RuntimeError: If a value is out of range in the simulation.
        OSError: If the run folder cannot be written.
    """
    refuse_simulated(config)
    if config.initial is None:
        raise ValueError(f"`data` = {' '.join(map(str, config.data))} needs `initial`, a model of P-wave speed to start from.")
    model = config.read(config.initial)
    if model.values.ndim != 2:
        raise ValueError(
            f"`initial` = {config.initial} has the shape {model.values.shape}; recorded data are inverted on sections."
        )
    bottom = model.spacing[0] * (len(model.values) - 1)
    if config.keep_above is not None and config.keep_above > bottom:
        raise ValueError(f"`keep_above` = {config.keep_above:g} m leaves nothing to change: the model ends at {bottom:g} m.")
    least, greatest = float(model.values.min()), float(model.values.max())
    low, high = 0.8 * least if config.low is None else config.low, 1.25 * greatest if config.high is None else config.high
    if not 0 < low <= least <= greatest <= high:
        raise ValueError(
            f"`low` = {low:g} and `high` = {high:g} m/s must enclose the initial model, {least:g} to {greatest:g} m/s."
        )
    config = dataclasses.replace(config, low=low, high=high, estimate_source=config.estimate_source or config.wavelet is None)
    files = dataclasses.replace(config, model=config.initial)  # whose vs and density are used, where it has them
    slowest = files.shear_speed(model.values) if config.physics == "elastic" else model.values
    recording = read_recording(config, model, (low, high), float(slowest[slowest > 0].min()))
    config = dataclasses.replace(config, bands=recording.corners)
    solver = files.solver(model.values, components=(recording.gathers.field,))
    for note in recording.notes:
        if not note.startswith("shot "):
            print(note)
    with open_folder(config, "data") as folder:
        return folder.tell() if folder.finished else _invert(config, model, recording, solver, folder)


def refuse_simulated(config: RecordedOptions) -> None:
    """Refuse options that say what is to be simulated.

    Args:
        config: The options.

    Raises:
        ValueError: If one was given, naming it.
    """
    useless = changed(config, type(config)(), SIMULATED)
    if useless:
        raise ValueError(f"{useless[0]} is of what is simulated, and `data` are recorded. Leave it out.")


def refuse_recorded(config: RecordedOptions) -> None:
    """Refuse options of recorded data where there are none.

    Args:
        config: The options.

    Raises:
        ValueError: If one was given, naming it.
    """
    names = [field.name for field in dataclasses.fields(DataOptions)]
    useless = changed(config, RecordedOptions(), [*names, "headers"])
    if useless:
        raise ValueError(f"{useless[0]} belongs to recorded data. Give the file by `data`, or leave it out.")


class _Comparison(NamedTuple):
    """How predictions become what is compared: after the best filter, weighed."""

    weights: Array
    estimated: bool

    def source_filter(self, predicted: Array, observed: Array) -> Array | None:
        """The filter of the time function, None where that is known."""
        if not self.estimated:
            return None
        return estimate_filter(self.weights * predicted, self.weights * observed, damping=DAMPING, shared=True)

    def explain(self, predicted: Array, observed: Array) -> Array:
        """Predictions of the estimated source."""
        response = self.source_filter(predicted, observed)
        return predicted if response is None else apply_filter(predicted, response)

    def misfit(self, compare: Callable[..., Any]) -> Callable[[Array, Array], Any]:
        """A misfit of what counts."""

        def compared(predicted: Array, observed: Array) -> Any:
            observed = lax.optimization_barrier(observed)  # or the compiler works out by itself what follows from it, slowly
            return compare(self.weights * self.explain(predicted, observed), self.weights * observed)

        return functools.wraps(getattr(compare, "func", compare))(compared)


def _invert(config: RecordedOptions, model: Model, recording: Recording, solver: Solver, folder: RunFolder) -> int:
    """Look at the data, invert, report."""
    print(f"model: {described(recording.grid)}, {recording.grid.nt} steps")
    begun = time.perf_counter()
    observed, dt = jnp.asarray(recording.gathers.data), recording.gathers.dt
    comparison = _Comparison(jnp.asarray(recording.weights), config.estimate_source)

    def forward(vp: Any) -> Array:
        return solver.gathers(vp, recording.survey, recording.grid)

    first = forward(jnp.asarray(model.values))
    quality, verdict = _judge(config, model, recording, first)
    folder.save_picture("qc", plot_quality(quality))
    print(verdict)

    def record(iteration: int, model: np.ndarray, value: float) -> None:
        folder.record(iteration=iteration, misfit=value, seconds=round(time.perf_counter() - begun, 3))

    *lower, last = recording.corners
    bands = [*(Band(corner, config.band_iterations) for corner in lower), Band(last, config.iterations)]
    result = invert(
        forward,
        observed,
        model.values,
        dt=dt,
        update=_update(config, model, recording, solver, folder),
        bands=bands,
        misfit=comparison.misfit(config.misfit_function(dt)),
        regularizer=regularizer_of(config, model.values, model.spacing),
        callback=record,
        evaluations=config.evaluations,
        journal=folder.path / "journal.h5",
    )
    found = np.asarray(result.x)
    write_model(folder.path / "model.h5", found, spacing=model.spacing)
    write_model(folder.path / "model.segy", found, spacing=model.spacing)
    gathers = {"before": first, "after": forward(result.x)}
    findings = _findings(config, model, recording, comparison, found, gathers)
    below = " and ".join(f"{corner:g}" for corner in recording.corners)
    within = f"{config.low:g} to {config.high:g}"
    setting = setting_of(recording.grid, solver, **{"bands below (Hz)": below, "vp within (m/s)": within})
    text = "\n\n".join([verdict, "Read and used:", "\n".join(f"- {note}" for note in recording.notes), findings.text])
    arrays = {**findings.arrays, **_arrivals(quality)}
    findings = dataclasses.replace(findings, text=text, arrays=arrays, setting=setting)
    report_inversion(folder, findings, result, begun=begun)
    return 0


def _judge(config: RecordedOptions, model: Model, recording: Recording, first: Array) -> tuple[Quality, str]:
    """What the page of quality control shows, and in words whether the start skips cycles."""
    gathers, highest, half = recording.gathers, recording.corners[-1], 0.5 / recording.corners[0]
    band = Band(highest)
    observed, predicted = (np.asarray(filter_band(data, band, gathers.dt)) for data in (gathers.data, first))
    alive = (recording.weights != 0).any(1)
    # Noise begins where the record does, and silence before would make that an arrival.
    recorded, computed = observed[:, recording.lead :], predicted
    picks = [pick_first_arrivals(data, gathers.dt, 1 / highest).times for data in (recorded, computed)]
    picks = [np.where(alive, start + times, np.nan) for start, times in zip((0.0, gathers.start), picks, strict=True)]
    differences = picks[0] - picks[1]
    picked, offsets = np.isfinite(differences), gathers.offsets
    known = ""
    if config.estimate_source and picked.any():
        nearest = picked & (offsets <= np.quantile(offsets[picked], 1 / 3))
        delay = float(np.median(differences[nearest]))
        differences = differences - delay
        picks[1] = picks[1] + delay
        known = f" The source's delay is not known: {1e3 * delay:.0f} ms, the median of the nearer third, is taken off."
    receivers = np.broadcast_to(gathers.receiver_positions, (*gathers.live.shape, 2))[alive]
    frequencies, spectrum = mean_spectrum(gathers, alive.astype(float))
    shot = len(gathers.data) // 2
    quality = Quality(
        frequencies=frequencies,
        spectrum=spectrum,
        corners=recording.corners,
        carried=recording.carried,
        model=model.values,
        spacing=model.spacing,
        sources=gathers.source_positions,
        receivers=np.unique(receivers, axis=0),
        gather=(recording.weights * observed)[shot, recording.lead :],
        shot=shot,
        dt=gathers.dt,
        offsets=offsets,
        observed=picks[0],
        predicted=picks[1],
        differences=differences,
        half_period=half,
        weights=recording.weights.max(1),
    )
    return quality, _verdict(differences[picked], int(alive.sum()), half, recording.corners[0]) + known


def _verdict(differences: np.ndarray, used: int, half: float, corner: float) -> str:
    """Whether a cycle is skipped."""
    if not differences.size:
        return "First arrivals can be picked in no trace: whether the starting model skips cycles cannot be said from them."
    share = float(np.mean(np.abs(differences) > half))
    beyond = differences[np.abs(differences) > half]
    late = "later" if beyond.size and np.median(beyond) > 0 else "earlier"
    told = (
        f"First arrivals, picked in {differences.size} of {used} traces, differ from those of the starting model by more than "
        f"half a period of the lowest band ({1e3 * half:.0f} ms at {corner:g} Hz) in {100 * share:.0f} % of them"
    )
    if share <= FEW:
        return f"{told}: the start is near enough, as far as first arrivals tell. They tell nothing of reflections."
    much = "some cycles are skipped" if share < MANY else "the start is too far away and skips cycles"
    return (
        f"{told}, mostly {late}: {much}. Give a better starting model, begin with a lower band (`bands`), or compare otherwise "
        "(`misfit` envelope or adaptive)."
    )


def _update(config: RecordedOptions, model: Model, recording: Recording, solver: Solver, folder: RunFolder) -> Update:
    """Bounds, mutes near sources and receivers, illumination."""
    gathers, grid, widest = recording.gathers, recording.grid, max(model.spacing)
    live = gathers.live if gathers.receiver_positions.ndim == 3 else gathers.live.any(0)
    radii = (config.mute_radius, config.mute_radius) if config.mute_radius else (5 * widest, 2 * widest)
    weight = jnp.ones(grid.shape, gathers.data.dtype)
    for places, radius in zip((gathers.source_positions, gathers.receiver_positions[live]), radii, strict=True):
        weight = weight * mute_near(places.astype(gathers.data.dtype), grid.shape, grid.spacing, radius)
    if config.keep_above is not None:
        weight = weight * jnp.asarray(grid.coordinates(0)[:, None] >= config.keep_above, weight.dtype)
    kind = config.precondition or "none"
    weight = weight * evened(kind, solver, recording.survey, grid, start=model.values, folder=folder, seed=config.seed)
    return Update(weight, config.low, config.high)


def _findings(
    config: RecordedOptions,
    model: Model,
    recording: Recording,
    comparison: _Comparison,
    found: np.ndarray,
    gathers: dict[str, Array],
) -> Findings:
    """Models, gathers, the source, and misfits by band and shot."""
    data, dt = recording.gathers, recording.gathers.dt
    misfits: dict[str, np.ndarray] = {}
    seen: dict[str, np.ndarray] = {}
    source = recording.time_function
    for corner in recording.corners:
        observed = filter_band(jnp.asarray(data.data), Band(corner), dt)
        size = jnp.sum((comparison.weights * observed) ** 2, (1, 2))
        seen = {"observed": np.asarray(observed)}
        for name, predicted in gathers.items():
            filtered = filter_band(predicted, Band(corner), dt)
            explained = comparison.explain(filtered, observed)
            rest = jnp.sum((comparison.weights * (explained - observed)) ** 2, (1, 2))
            misfits[f"{corner:.3g} Hz, {name}"] = np.asarray(rest / size)
            seen[name] = np.asarray(explained)
            response = comparison.source_filter(filtered, observed)
            if response is not None:
                guess = filter_band(jnp.asarray(source), Band(corner), dt, axis=-1)
                found_source = np.asarray(apply_filter(guess[None, None], response, axis=2))[0, 0]
            else:
                found_source = source
    source_times = data.times
    models = {"initial": model.values, "inverted": found}
    shots = len(data.data)
    means = {name: f"{np.mean(values):.3g}" for name, values in misfits.items()}
    told = "; ".join(
        f"{means[f'{corner:.3g} Hz, before']} -> {means[f'{corner:.3g} Hz, after']} below {corner:.3g} Hz"
        for corner in recording.corners
    )

    def draw() -> dict[str, Figure]:
        shot, weights = shots // 2, recording.weights
        shown = {name: (weights * values)[shot, recording.lead :] for name, values in seen.items()}
        shown["observed - after"] = shown["observed"] - shown["after"]
        points = {"sources": data.source_positions, "receivers": np.unique(data.receiver_positions.reshape(-1, 2), axis=0)}
        difference = {"inverted - initial": found - model.values}
        label = f"{data.field} [{data.unit}]"
        xlabel, numbers = _numbered(data.records)
        places = {name: numbers.astype(float) for name in misfits}
        by_shot = plot_curve(misfits, x=places, xlabel=xlabel, ylabel="relative misfit", log=False)
        by_shot.axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        until = min(len(source), 4 * recording.lead or len(source))
        return {
            "models": plot_sections(
                models, model.spacing, differences=difference, label="P-wave speed (m/s)", points=points, columns=1
            ),
            "gathers": plot_gathers(shown, dt, label=label),
            "source": plot_curve(
                {"estimated" if config.estimate_source else "given": found_source[:until]},
                x={"estimated" if config.estimate_source else "given": source_times[:until]},
                xlabel="time [s]",
                ylabel="time function",
                log=False,
            ),
            "misfit_by_shot": by_shot,
        }

    return Findings(
        title=f"Full waveform inversion of {_named(config.data)}",
        summary=f"relative misfit {told}",
        arrays={f"vp_{name}": StoredArray(values, "m/s", "z x", model.spacing) for name, values in models.items()}
        | {
            key: array
            for name, values in seen.items()
            for key, array in stored_gathers(
                dataclasses.replace(data, data=values), name=f"gather_{name}", time_function=found_source
            ).items()
        }
        | {
            "weights": StoredArray(recording.weights, "1", "shot time receiver"),
            "source": StoredArray(found_source, "1", "time"),
            "source_times": StoredArray(source_times, "s", "time"),
            "misfit_before": _by_band(misfits, "before"),
            "misfit_after": _by_band(misfits, "after"),
        },
        draw=draw,
        figures={"shots": shots, "traces used": int((recording.weights != 0).any(1).sum())}
        | {f"relative misfit of least squares, {name}": float(np.mean(values)) for name, values in misfits.items()},
        setting={},
        text=_table(misfits, data.records),
    )


def _named(files: tuple[Path, ...]) -> str:
    """Files as a title has them."""
    names = [path.name for path in files]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more files"


def _numbered(records: np.ndarray) -> tuple[str, np.ndarray]:
    """What shots are called: by their records where these grow, else, as several files may repeat them, counted from 0."""
    return ("record", records) if (np.diff(records) > 0).all() else ("shot", np.arange(len(records)))


def _by_band(misfits: dict[str, np.ndarray], when: str) -> StoredArray:
    return StoredArray(np.stack([values for name, values in misfits.items() if name.endswith(when)]), "1", "band shot")


def _arrivals(quality: Quality) -> dict[str, StoredArray]:
    named = {"observed": quality.observed, "predicted": quality.predicted}
    return {f"first_arrivals_{name}": StoredArray(values, "s", "shot receiver") for name, values in named.items()}


def _table(misfits: dict[str, np.ndarray], records: np.ndarray) -> str:
    """Misfits by band and shot, in Markdown."""
    called, numbers = _numbered(records)
    head = f"| {called} | {' | '.join(misfits)} |\n|{'---|' * (len(misfits) + 1)}"
    names = numbers if called == "record" else [f"{n} (record {r})" for n, r in zip(numbers, records, strict=True)]
    rows = [f"| {n} | {' | '.join(f'{values[i]:.3g}' for values in misfits.values())} |" for i, n in enumerate(names)]
    return "\n".join(["Relative misfit of least squares by shot and band:", "", head, *rows])
