"""Data of `adseis invert --data` from file to grid: geometry, depths, dead traces, bands, the clock, mutes, the source.

All that is found out or assumed on the way is a line, which the run prints and the report repeats.
"""

import dataclasses
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from adseis import wavelets
from adseis.cli.flags import changed, flag_of, in_flags
from adseis.cli.invert_velocity import VelocityOptions
from adseis.cli.option_groups import DataOptions
from adseis.data.arrays import read_npy, require_file
from adseis.data.gather_files import READERS, TRACES, read_gathers, read_time_function
from adseis.data.gathers import Gathers
from adseis.data.models import Model
from adseis.data.trace_options import HeaderOptions
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


@dataclass(frozen=True)
class RecordedOptions(DataOptions, VelocityOptions):
    """What is special to recorded data is added."""

    headers: HeaderOptions = field(default_factory=HeaderOptions)


class Recording(NamedTuple):
    """Data on the grid's clock, and what simulates their like.

    Attributes:
        gathers: The data, positions in the model's coordinates; silence stands before the shot.
        weights: What each sample counts, `(shot, time, receiver)`.
        survey: Sources, with a time function on the clock of the grid, and receivers.
        grid: Of the simulations, whose first sample is that of `gathers`.
        lead: Samples before the shot, so that the pulse of a guessed time function is whole.
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
    gathers, notes = _located(config, _read(config))
    wavelet = _read_wavelet(config, gathers)
    traces, faults = judge_traces(gathers)
    for fault in faults:
        warnings.warn(fault.why, stacklevel=2)
    notes += [fault.why for fault in faults]
    gathers, traces = _within_offsets(config, *without(gathers, traces))
    gathers = _in_model(config, gathers, model)
    corners, carried = _corners(config, gathers, traces, model, slowest)
    grid = _grid(config, gathers, model, bounds)
    recorded = gathers.dt, gathers.start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the bands end below what is lost
        gathers = gathers.resampled(grid)
    notes.append(f"resampled from {1e3 * recorded[0]:.6g} to {1e3 * grid.dt:.4g} ms, {grid.nt} samples")
    lead, samples = _time_function(wavelet, recorded, grid, corners[-1])
    grid = Grid(grid.shape, grid.spacing, grid.dt, grid.nt + lead)
    silence = np.zeros((len(gathers.data), lead, gathers.data.shape[2]), gathers.data.dtype)
    gathers = dataclasses.replace(gathers, data=np.concatenate([silence, gathers.data], 1), start=-lead * grid.dt)
    weights = gathers.weights * traces[:, None].astype(gathers.data.dtype) * _mutes(config, gathers, 1 / corners[-1])
    weights = np.broadcast_to(weights, gathers.data.shape)
    silent = ~(weights * np.abs(gathers.data)).any((1, 2))
    if silent.any():
        raise ValueError(
            f"the mutes leave nothing of shot {int(np.flatnonzero(silent)[0])}: widen `offsets`, `mute_before` or `mute_after`."
        )
    used = int((weights != 0).any(1).sum())
    notes.insert(
        0, f"{len(gathers.data)} shots, {used} of {traces.size} traces, offsets {_span(gathers.offsets[gathers.live])} m"
    )
    return Recording(gathers, weights, gathers.survey(samples), grid, lead, samples, corners, carried, notes)


def _read(config: RecordedOptions) -> Gathers:
    """The file, with what the options say of it."""
    assert config.data is not None
    standard, given = HeaderOptions(), {}
    headers = {key: value for key, value in vars(config.headers).items() if value != getattr(standard, key)}
    of_traces = config.data.suffix.lower() in TRACES
    if config.geometry is not None:
        require_file(config.geometry, "file of geometry")
        given = _geometry(config.geometry)
    if headers and not of_traces:
        asked = changed(config, RecordedOptions(), ["headers"])
        raise ValueError(f"{asked[0]} is of SEG-Y and SU files; `{config.data}` is none. Leave it out.")
    try:
        gathers = read_gathers(config.data, **headers | given)
    except ValueError as error:
        repair = " By `geometry`, a file of them." if "does not tell" in str(error) and config.geometry is None else ""
        flags = {name: flag_of(f"headers.{name}") for name in vars(standard)} if of_traces else {}
        raise ValueError(f"{in_flags(str(error), flags)}{repair}") from error
    if config.physics == "elastic" and not gathers.field.startswith("v"):
        raise ValueError(
            f"`data` = {config.data} holds `{gathers.field}`; a solid's velocity is compared. Use --physics acoustic."
        )
    return gathers


def _geometry(path: Path) -> dict[str, Any]:
    if path.suffix.lower() not in READERS or path.suffix.lower() == ".npy":
        raise ValueError(f"`geometry` = {path} must be an .h5, .npz or .mat file.")
    found = READERS[path.suffix.lower()](path)[0]
    wanted = ("dt", "source_positions", "receiver_positions")
    given = {name: np.asarray(found[name]) for name in wanted if name in found}
    if not given:
        raise ValueError(f"`geometry` = {path} holds none of {', '.join(wanted)}; it holds {', '.join(sorted(found))}.")
    return given | ({"dt": float(given["dt"].item())} if "dt" in given else {})


def _located(config: RecordedOptions, gathers: Gathers) -> tuple[Gathers, list[str]]:
    """On a section, and at depth."""
    notes = [f"{config.data}: {gathers.data.shape[1]} samples of {1e3 * gathers.dt:.6g} ms from {gathers.start:.6g} s on"]
    if gathers.source_positions.shape[-1] == 3:
        gathers, away = gathers.projected()
        notes.append(f"projected onto a straight line, {away:.1f} m away at most")
    missing = [not gathers.source_positions[..., 0].any(), not gathers.receiver_positions[..., 0].any()]
    if config.depth is not None:
        if not any(missing):
            raise ValueError(
                f"`depth` = {config.depth} m is for data without depths; `{config.data}` has sources at "
                f"{_span(gathers.source_positions[..., 0])} m and receivers at {_span(gathers.receiver_positions[..., 0])} m. "
                "Leave it out."
            )
        sources, receivers = (
            np.concatenate([np.full_like(places[..., :1], config.depth), places[..., 1:]], -1) if lacks else places
            for places, lacks in zip((gathers.source_positions, gathers.receiver_positions), missing, strict=True)
        )
        gathers = dataclasses.replace(gathers, source_positions=sources, receiver_positions=receivers)
        named = " and ".join(name for name, lacks in zip(("sources", "receivers"), missing, strict=True) if lacks)
        notes.append(f"{named} put at {config.depth:g} m")
    elif config.free_surface and any(missing):
        named = " and ".join(name for name, lacks in zip(("sources", "receivers"), missing, strict=True) if lacks)
        raise ValueError(f"the {named} lie on the free surface, where pressure is zero. Give their `depth` [m].")
    return gathers, notes


def _within_offsets(config: RecordedOptions, gathers: Gathers, traces: np.ndarray) -> tuple[Gathers, np.ndarray]:
    """What lies within the offsets that are asked for."""
    if config.offsets is None:
        return gathers, traces
    near, far = config.offsets
    inside = gathers.live & (gathers.offsets >= near) & (gathers.offsets <= far)
    if not inside.any():
        raise ValueError(f"no trace has an offset within `offsets` = {near:g} to {far:g} m; they run from "
                         f"{_span(gathers.offsets[gathers.live])} m.")  # fmt: skip
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
                f"{_span(used[:, 0])}, x {_span(used[:, 1] + config.start)} m, the model z 0 to {room.extent[0]:.6g}, x "
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
        return tuple(sorted(config.bands)), carried
    frequencies, spectrum = mean_spectrum(gathers, traces)
    heard = frequencies[spectrum >= AUDIBLE * spectrum[1:].max()]
    lowest, highest = float(heard[heard > 0].min()), min(carried / REACH, float(heard.max()))
    if not lowest < highest:
        raise ValueError(f"the data hold {lowest:.3g} Hz and more; {told}. Give a model with finer nodes.")
    lower = max(highest / 2, 1.5 * lowest)
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


def _read_wavelet(config: RecordedOptions, gathers: Gathers) -> np.ndarray | None:
    """The source time function of the file, sampled as the records."""
    path = config.wavelet
    if path is None:
        return None
    require_file(path, "wavelet")
    if path.suffix.lower() == ".npy":
        samples = np.asarray(read_npy(path))
    elif path.suffix.lower() in (".h5", ".npz", ".mat"):
        samples = np.asarray(read_time_function(path))
    else:
        try:
            samples = np.loadtxt(path, ndmin=1)
        except ValueError as error:
            raise ValueError(f"`wavelet` = {path} must be a text of one number a line ({error}).") from error
    samples = samples.squeeze()
    if samples.ndim != 1 or samples.dtype.kind not in "iuf" or len(samples) != gathers.nt:
        raise ValueError(
            f"`wavelet` = {path} has the shape {samples.shape}; the records have {gathers.nt} samples of "
            f"{1e3 * gathers.dt:.6g} ms. Give one as long and sampled alike; zeros may follow it."
        )
    if not (np.isfinite(samples).all() and samples.any()):
        raise ValueError(f"`wavelet` = {path} is zero or not finite. Repair the file.")
    return samples.astype("float64")


def _time_function(
    wavelet: np.ndarray | None, recorded: tuple[float, float], grid: Grid, highest: float
) -> tuple[int, np.ndarray]:
    """Samples before the shot, and the time function on the grid's clock; of an unknown one a guess about the shot's instant."""
    if wavelet is not None:
        return 0, sample_whole(wavelet[:, None], *recorded, grid.dt, grid.nt)[:, 0].astype("float32")
    lead = int(2.5 / highest / grid.dt) + 1
    pulse = wavelets.ricker(highest / 1.5, grid.nt + lead, grid.dt, delay=lead * grid.dt, dtype="float32")
    return lead, np.asarray(lowpass(pulse, grid.dt, highest))


def _span(values: np.ndarray) -> str:
    return f"{float(values.min()):.6g} to {float(values.max()):.6g}"
