"""Data of `adseis invert --data` from files to grid: dead traces, bands, the clock, mutes, the source.

All that is found out or assumed on the way is a line, which the run prints and the report repeats.
"""

import dataclasses
import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from adseis import wavelets
from adseis.cli.recorded_files import RecordedOptions, read_files, read_wavelet, span
from adseis.data.gathers import Gathers
from adseis.data.models import Model
from adseis.data.spreading import as_line_source
from adseis.data.trace_weights import judge_traces, moveout_mute, without
from adseis.experiment.grid import Grid
from adseis.experiment.sampling import POINTS_PER_WAVELENGTH, check_order
from adseis.experiment.survey import Survey
from adseis.resampling import sample_whole
from adseis.signals import lowpass

REACH = 1.3
"""How far beyond its corner frequency a band, whose flanks are not steep, still holds something."""
AUDIBLE = 0.1
"""Of the largest amplitude of the data's spectrum: where it falls below, their band ends."""
RINGING = 1.5
"""Periods of a high-pass filter's corner in which its response fades, to either side."""


class Recording(NamedTuple):
    """Data on the grid's clock, and what simulates their like.

    Attributes:
        gathers: The data, positions in the model's coordinates; silence stands before the shot.
        weights: What each sample counts, `(shot, time, receiver)`.
        survey: Sources, with a time function on the clock of the grid, and receivers.
        grid: Of the simulations, whose first sample is that of `gathers`.
        lead: Samples before the shot, so that a guessed time function, and the ringing of a high-pass filter, are whole.
        time_function: Of the sources.
        corners: Corner frequencies of the bands [Hz].
        carried: Highest frequency that the grid carries [Hz].
        notes: What was found out and assumed, a sentence each.
    """

    gathers: Gathers
    weights: np.ndarray
    survey: Survey
    grid: Grid
    lead: int
    time_function: np.ndarray
    corners: tuple[float, ...]
    carried: float
    notes: list[str]


def read_recording(config: RecordedOptions, model: Model, bounds: tuple[float, float], slowest: float) -> Recording:
    """Read, check, judge, resample and weigh.

    Args:
        config: The options.
        model: The starting model.
        bounds: Least and greatest P-wave speed that may occur [m/s].
        slowest: Least speed of any wave in the starting model [m/s].

    Returns:
        The data, ready to be inverted.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the data cannot be used, naming the trace and the reason, or an option does not fit them.
    """
    gathers, notes = read_files(config)
    wavelet, recorded_traces = read_wavelet(config, gathers), int(gathers.live.sum())
    if config.high_pass is not None or config.point_source:
        gathers = _without_means(gathers)
        notes.append("each trace's mean taken off")
    traces, faults = judge_traces(_above(config, gathers))
    for fault in faults:
        warnings.warn(fault.why, stacklevel=2)
    notes += [fault.why for fault in faults]
    gathers, traces = _within_offsets(config, *without(gathers, traces))
    gathers = _in_model(config, gathers, model)
    corners, carried = _corners(config, _above(config, gathers), traces, model, slowest)
    if config.point_source:  # after what is heard was judged: noise below it grows
        speed = float(model.values.mean())
        line = as_line_source(gathers.data, gathers.dt, speed, start=gathers.start)
        gathers = dataclasses.replace(gathers, data=line)
        notes.append(f"from point sources to line sources, for waves of {speed:.4g} m/s")
    grid = _grid(config, gathers, model, bounds)
    recorded = gathers.dt, gathers.start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the bands end below what is lost
        gathers = gathers.resampled(grid)
    notes.append(f"resampled from {1e3 * recorded[0]:.6g} to {1e3 * grid.dt:.4g} ms, {grid.nt} samples")
    lead, samples = _time_function(config, wavelet, recorded, grid, corners[-1])
    grid = Grid(grid.shape, grid.spacing, grid.dt, grid.nt + lead)
    silence = np.zeros((len(gathers.data), lead, gathers.data.shape[2]), gathers.data.dtype)
    gathers = dataclasses.replace(gathers, data=np.concatenate([silence, gathers.data], 1), start=-lead * grid.dt)
    if config.high_pass is not None:
        gathers = _above(config, gathers)
        notes.append(f"what lies below {config.high_pass:g} Hz removed from data and source")
    weights = gathers.weights * traces[:, None].astype(gathers.data.dtype) * _mutes(config, gathers, 1 / corners[-1])
    weights = np.broadcast_to(weights, gathers.data.shape)
    silent = ~(weights * np.abs(gathers.data)).any((1, 2))
    if silent.any():
        raise ValueError(
            f"the mutes leave nothing of shot {int(np.flatnonzero(silent)[0])}: widen `offsets`, `mute_before` or `mute_after`."
        )
    used = int((weights != 0).any(1).sum())
    notes.insert(
        0, f"{len(gathers.data)} shots, {used} of {recorded_traces} traces, offsets {span(gathers.offsets[gathers.live])} m"
    )
    return Recording(gathers, weights, gathers.survey(samples), grid, lead, samples, corners, carried, notes)


def _within_offsets(config: RecordedOptions, gathers: Gathers, traces: np.ndarray) -> tuple[Gathers, np.ndarray]:
    """What lies within the offsets that are asked for."""
    if config.offsets is None:
        return gathers, traces
    near, far = config.offsets
    inside = gathers.live & (gathers.offsets >= near) & (gathers.offsets <= far)
    if not inside.any():
        raise ValueError(f"no trace has an offset within `offsets` = {near:g} to {far:g} m; they run from "
                         f"{span(gathers.offsets[gathers.live])} m.")  # fmt: skip
    return without(gathers, traces * inside)


def _in_model(config: RecordedOptions, gathers: Gathers, model: Model) -> Gathers:
    """In the model's coordinates, which they must lie in; receivers that recorded nothing are put there."""
    moved = gathers.moved((0.0, -config.start))
    room = Grid(model.values.shape, model.spacing, gathers.dt, 1)
    receivers, live = (
        moved.receiver_positions,
        moved.live if moved.receiver_positions.ndim == 3 else np.asarray(moved.live.any(0)),
    )
    low, high = (np.asarray(ends).reshape((1,) * (receivers.ndim - 1) + (-1,)) for ends in (room.origin, room.extent))
    receivers = np.where(live[..., None], receivers, np.clip(receivers, low, high))
    for name, places in (("source", moved.source_positions), ("receiver", receivers)):
        found = room.outside(places)
        if found is not None:
            of_shot = f" of shot {found[0]} (record {moved.records[found[0]]})" if places.ndim == 3 else ""
            z, x = places[found] + np.array([0.0, config.start])
            used = np.concatenate([moved.source_positions.reshape(-1, 2), receivers[live].reshape(-1, 2)])
            raise ValueError(
                f"{name} {found[-1]}{of_shot} lies at z = {z:.6g}, x = {x:.6g} m, outside the model: the data cover z "
                f"{span(used[:, 0])}, x {span(used[:, 1] + config.start)} m, the model z 0 to {room.extent[0]:.6g}, x "
                f"{config.start:.6g} to {config.start + room.extent[1]:.6g} m. Give `start`, the position along the line of the "
                "model's first node, nearer `offsets`, or a larger model."
            )
    return dataclasses.replace(moved, receiver_positions=receivers)


def _corners(
    config: RecordedOptions, gathers: Gathers, traces: np.ndarray, model: Model, slowest: float
) -> tuple[tuple[float, ...], float]:
    """The bands, within what data and grid carry; and what the grid carries."""
    order = check_order(config.order)
    widest = max(model.spacing)
    carried = slowest / widest / POINTS_PER_WAVELENGTH[order]
    told = f"nodes {widest:g} m apart carry {carried:.3g} Hz at {slowest:.5g} m/s (order {order})"
    if config.bands:
        most = max(config.bands)
        if most > 1.01 * carried:
            raise ValueError(
                f"`bands` reach {most:g} Hz; {told}. Lower them, or give nodes {widest * carried / most:.3g} m apart."
            )
        _check_high_pass(config, min(config.bands))
        return tuple(sorted(config.bands)), carried
    frequencies, spectrum = mean_spectrum(gathers, traces)
    heard = frequencies[spectrum >= AUDIBLE * spectrum[1:].max()]
    lowest, highest = float(heard[heard > 0].min()), min(carried / REACH, float(heard.max()))
    _check_high_pass(config, highest)
    if not lowest < highest:
        raise ValueError(f"the data hold {lowest:.3g} Hz and more; {told}. Give a model with finer nodes.")
    lower = max(highest / 2, 1.5 * max(lowest, config.high_pass or 0.0))
    return (float(f"{lower:.3g}"), float(f"{highest:.3g}")) if lower < 0.8 * highest else (float(f"{highest:.3g}"),), carried


def mean_spectrum(
    gathers: Gathers, traces: np.ndarray
) -> tuple[Float[np.ndarray, " frequency"], Float[np.ndarray, " frequency"]]:
    """The mean amplitude spectrum of the traces, each of unit size.

    Args:
        gathers: Data.
        traces: Weights of the traces, `(shot, receiver)`.

    Returns:
        Frequencies [Hz] and amplitudes, at most 1.
    """
    amplitude = np.abs(np.fft.rfft(gathers.data, axis=1)).transpose(0, 2, 1)[traces > 0].astype("float64")
    power = np.mean(amplitude**2 / np.maximum(np.sum(amplitude**2, 1, keepdims=True), np.finfo(float).tiny), 0)
    width = max(1, power.size // 100)
    smooth = np.sqrt(np.convolve(power, np.ones(width) / width, "same"))
    return np.fft.rfftfreq(gathers.nt, gathers.dt), smooth / smooth.max()


def _grid(config: RecordedOptions, gathers: Gathers, model: Model, bounds: tuple[float, float]) -> Grid:
    """The model's nodes, and a clock that carries the fastest wave."""
    last = float(gathers.times[-1])
    duration = last if config.duration is None else config.duration
    if not 0 < duration <= last * (1 + 1e-6):
        raise ValueError(f"`duration` = {duration:g} s must be positive and within the records, which end at {last:.6g} s.")
    grid = Grid.suggest(speeds=bounds, spacing=model.spacing, shape=model.values.shape, duration=duration, order=config.order)
    return Grid(grid.shape, grid.spacing, grid.dt, int(duration / grid.dt * (1 + 1e-9)) + 1)


def _mutes(config: RecordedOptions, gathers: Gathers, taper: float) -> np.ndarray:
    weights = np.ones((1, 1, 1), gathers.data.dtype)
    for name, keep in (("mute_before", "after"), ("mute_after", "before")):
        line = getattr(config, name)
        if line is not None:
            if not line[0] > 0:
                raise ValueError(f"`{name}` = {line}: its speed must be positive, in m/s.")
            weights = weights * moveout_mute(gathers, *line, taper=taper, keep=keep).astype(gathers.data.dtype)
    return weights


def _time_function(
    config: RecordedOptions, wavelet: np.ndarray | None, recorded: tuple[float, float], grid: Grid, highest: float
) -> tuple[int, np.ndarray]:
    """Samples before the shot, and the time function on the grid's clock; of an unknown one a guess about the shot's instant."""
    ringing = 0 if config.high_pass is None else int(RINGING / config.high_pass / grid.dt) + 1
    if wavelet is not None:
        lead, pulse = ringing, np.pad(sample_whole(wavelet[:, None], *recorded, grid.dt, grid.nt)[:, 0], (ringing, 0))
    else:
        lead = max(ringing, int(2.5 / highest / grid.dt) + 1)
        guess = wavelets.ricker(highest / 1.5, grid.nt + lead, grid.dt, delay=lead * grid.dt, dtype="float32")
        pulse = np.asarray(lowpass(guess, grid.dt, highest))
    if config.high_pass is not None:
        pulse = _high_passed(pulse, grid.dt, config.high_pass)
    return lead, pulse.astype("float32")


def _without_means(gathers: Gathers) -> Gathers:
    """Each trace without its mean, which no wave has, and of which filters make steps at both ends of the record."""
    means = gathers.data.mean(1, keepdims=True, dtype="float64")
    data = gathers.data - np.where(np.isfinite(means), means, 0).astype(gathers.data.dtype)
    return dataclasses.replace(gathers, data=data)


def _above(config: RecordedOptions, gathers: Gathers) -> Gathers:
    """What the high-pass filter leaves; traces that are not finite stay as they are."""
    corner = config.high_pass
    if corner is None:
        return gathers
    nyquist = 0.5 / gathers.dt
    if not 0 < corner < nyquist:
        raise ValueError(
            f"`high_pass` = {corner:g} Hz must be positive, and below the lowest corner of the bands: above {nyquist:g} Hz "
            "there are no data."
        )
    finite = np.isfinite(gathers.data).all(1, keepdims=True)
    whole = np.where(finite, gathers.data, 0)
    data = np.stack([_high_passed(gather, gathers.dt, corner) for gather in whole])
    return dataclasses.replace(gathers, data=np.where(finite, data, gathers.data))


def _high_passed(x: np.ndarray, dt: float, corner: float) -> np.ndarray:
    """What the low-pass filter does not keep, by the zero-phase Butterworth high-pass of order 4; time on the first axis."""
    return x - np.asarray(lowpass(x, dt, corner, axis=0))


def _check_high_pass(config: RecordedOptions, lowest: float) -> None:
    if config.high_pass is not None and not config.high_pass < lowest:
        raise ValueError(
            f"`high_pass` = {config.high_pass:g} Hz must be below the lowest corner of the bands, {lowest:.3g} Hz. Lower it, or "
            "raise `bands`."
        )
