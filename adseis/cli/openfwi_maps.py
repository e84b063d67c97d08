"""Files of `adseis invert --problem openfwi`: gathers, maps to begin with, true ones; or a line of the user's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adseis.cli.flags import changed
from adseis.cli.option_groups import MapOptions
from adseis.cli.recorded_files import RecordedOptions, read_files, read_wavelet
from adseis.data.arrays import require_file
from adseis.data.openfwi import wavelet
from adseis.data.openfwi_checks import believable_gathers, believable_velocity
from adseis.data.openfwi_files import ArrayFile, RowReader, examine
from adseis.data.openfwi_layout import GATHERS, MAP
from adseis.data.openfwi_line import as_openfwi_line
from adseis.data.openfwi_survey import DT, FREQUENCY
from adseis.inversion.openfwi_noise import estimate_noise
from adseis.resampling import sample_whole

TOP, BOTTOM = 1800.0, 4000.0
"""Of the gradient to begin with where there is nothing better [m/s]."""
LOW, HIGH = 1400.0, 4800.0
"""Least and greatest speed, unless told otherwise [m/s]."""
OF_A_LINE = ("wavelet", "depth", "start", "headers")
READER = RowReader(mapped=False, retries=0)


@dataclass(frozen=True)
class RefinementOptions(MapOptions, RecordedOptions):
    """What is special to maps of OpenFWI's is added."""


class Maps(NamedTuple):
    """What is refined.

    Attributes:
        samples: Numbers of the maps in their files.
        gathers: `(map, shot, time, receiver)`.
        initial: Where to begin [m/s], `(map, z, x)`.
        truth: The true maps, or None.
        noise: Relative standard deviation of the noise of each map's gathers.
        survey: Options of the operator.
        notes: What was found out and assumed, a sentence each.
    """

    samples: tuple[int, ...]
    gathers: np.ndarray
    initial: np.ndarray
    truth: np.ndarray | None
    noise: tuple[float, ...]
    survey: dict[str, Any]
    notes: list[str]


def read_maps(config: RefinementOptions) -> Maps:
    """Read and check everything before the first map is refined.

    Args:
        config: The options.

    Returns:
        The maps.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is damaged or holds something else, files disagree, or a line is not on OpenFWI's survey.
    """
    if len(config.data) != 1:
        raise ValueError(
            "--problem openfwi needs one file of `data`, .npy of (map, 5, 1000, 70), or one line of SEG-Y; "
            f"{len(config.data) or 'none'} given."
        )
    if config.noise is not None and not 0 <= config.noise < 1:
        raise ValueError(f"`noise` = {config.noise:g} must lie between 0 and 1, relative to the gathers.")
    path = config.data[0]
    require_file(path, "file of gathers")
    gathers, count, samples, estimated, survey, notes = (_stored if path.suffix.lower() == ".npy" else _line)(config)
    if config.initial is None:
        initial = np.broadcast_to(np.linspace(TOP, BOTTOM, MAP[0], dtype="float32")[:, None], (len(samples), *MAP)).copy()
        notes.append(f"no --initial: begins with a constant gradient, {TOP:g} m/s at the top and {BOTTOM:g} m/s at the bottom")
    else:
        initial = _velocities("initial", config.initial, count, samples)
    low, high = LOW if config.low is None else config.low, HIGH if config.high is None else config.high
    for sample, start in zip(samples, initial, strict=True):
        least, greatest = float(start.min()), float(start.max())
        if not low <= least <= greatest <= high:
            raise ValueError(
                f"map {sample} of `initial` = {config.initial or 'the gradient'} holds {least:.6g} to {greatest:.6g} m/s, beyond "
                f"`low` = {low:g} and `high` = {high:g} m/s. Widen them."
            )
    truth = None if config.truth is None else _velocities("truth", config.truth, count, samples)
    noise = estimated if config.noise is None else (config.noise,) * len(samples)
    return Maps(samples, gathers, initial, truth, noise, survey, notes)


_Read = tuple[np.ndarray, int, tuple[int, ...], tuple[float, ...], dict[str, Any], list[str]]


def _stored(config: RefinementOptions) -> _Read:
    """Gathers of OpenFWI's own survey."""
    path = config.data[0]
    if useless := changed(config, RecordedOptions(), OF_A_LINE):
        raise ValueError(f"{useless[0]} is of a line of SEG-Y or the like; `data` = {path} has OpenFWI's survey. Leave it out.")
    file = _rows(path, GATHERS, "gathers (5, 1000, 70) or (map, 5, 1000, 70)", [GATHERS])
    samples = chosen(config.samples, file.shape[0])
    believable_gathers(file, samples, READER)
    gathers = _read(file, samples, GATHERS)
    noise = () if config.noise is not None else tuple(min(0.99, estimate_noise(one)) for one in gathers)
    return gathers, file.shape[0], samples, noise, {}, [f"{path}: {_several(len(samples))} of {file.shape[0]}"]


def _line(config: RefinementOptions) -> _Read:
    """Gathers of the user's own line, on nodes and clock of OpenFWI's."""
    path = config.data[0]
    recorded, notes = read_files(config)
    samples = chosen(config.samples, 1)
    given = read_wavelet(config, recorded)
    try:
        line = as_openfwi_line(recorded.moved((0.0, -config.start)))
    except ValueError as error:
        raise ValueError(f"`data` = {path} is not on OpenFWI's survey: {error}") from error
    nt = line.gathers.shape[1]
    if given is None:
        frequency, pulse = FREQUENCY, wavelet(nt=nt)
        notes.append("no --wavelet: the source is taken to be OpenFWI's, a Ricker wavelet of 15 Hz, and so are its amplitudes")
    else:
        spectrum = np.abs(np.fft.rfft(given))
        frequency = float(np.fft.rfftfreq(len(given), recorded.dt)[1:][np.argmax(spectrum[1:])])
        pulse = sample_whole(given[:, None], recorded.dt, recorded.start, DT, nt)[:, 0]
    noise = ()
    if config.noise is None:
        noise = (min(0.99, estimate_noise(recorded.data, frequency=frequency, dt=recorded.dt)),)
    notes.append(f"{len(line.sources)} shots and {len(line.receivers)} receivers put on nodes, {line.away:.3g} m away at most")
    notes.append(f"resampled from {1e3 * recorded.dt:.6g} to {1e3 * DT:g} ms, {nt} samples")
    survey = {"time_function": pulse.astype("float32"), "sources": line.sources, "receivers": line.receivers}
    return line.gathers[None].astype("float32"), 1, samples, noise, survey, notes


def chosen(words: tuple[str, ...], count: int) -> tuple[int, ...]:
    """Numbers of maps.

    Args:
        words: Numbers and ranges, joined by commas or not: "3,7", "10-19".
        count: How many there are.

    Returns:
        The numbers in their order, each once; all of no words.

    Raises:
        ValueError: If one is no number or range, or out of range.
    """
    if not words:
        return tuple(range(count))
    numbers: dict[int, None] = {}
    for part in filter(None, ",".join(words).split(",")):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else True)):
            raise ValueError(f"`samples` = {part} must be numbers from 0 and ranges, such as 3,7,10-19.")
        if not int(first) <= int(last or first) < count:
            raise ValueError(f"`samples` = {part} is out of range: `data` holds {_several(count)}, 0 to {count - 1}.")
        numbers |= dict.fromkeys(range(int(first), int(last or first) + 1))
    return tuple(numbers)


def _several(count: int) -> str:
    return f"{count} map{'s' * (count != 1)}"


def _rows(path: Path, row: tuple[int, ...], wanted: str, shapes: list[tuple[int, ...]]) -> ArrayFile:
    """A file whose first axis counts maps, or that holds one without it."""
    file = examine(path)
    if file.shape == row:
        return file._replace(shape=(1, *row))
    if file.shape[1:] not in shapes or file.shape[0] == 0:
        raise ValueError(f"`{path}` holds {file.shape}; wanted are {wanted}.")
    return file


def _read(file: ArrayFile, rows: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    values = np.empty((len(rows), *shape), "float32")
    for place, row in enumerate(rows):
        READER.copy(file, row, values[place])
    return values


def _velocities(name: str, path: Path, count: int, samples: tuple[int, ...]) -> np.ndarray:
    """Maps of the samples, of a file of all or of just these."""
    require_file(path, f"file of maps (--{name})")
    file = _rows(path, MAP, "maps (70, 70), (map, 70, 70) or (map, 1, 70, 70)", [MAP, (1, *MAP)])
    if file.shape[0] not in (count, len(samples)):
        raise ValueError(f"`{name}` = {path} holds {_several(file.shape[0])}, and `data` gathers of {count}. Give as many.")
    rows = samples if file.shape[0] == count else tuple(range(len(samples)))
    believable_velocity(file, rows, READER)
    return _read(file, rows, MAP)
