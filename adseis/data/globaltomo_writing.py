"""Writing files as GlobalTomo's, row by row: whole or not at all, with checksums, and the same bytes whenever they are made."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from jaxtyping import Array, Complex, Float

from adseis.data.globaltomo_layout import HARMONICS, ORDER, Beside, layout_of
from adseis.data.globaltomo_packing import COMPONENT_FAST, energies, of_components, pack
from adseis.data.globaltomo_recording import Recording
from adseis.data.globaltomo_tiers import What
from adseis.data.synthesis import versions
from adseis.files import written_whole

SMALL_CHUNK = 65_536
"""Rows of few numbers are stored together up to this [bytes]."""
ENERGY, LEFT_OUT = "energy", "energy_left_out"
"""Attributes of packed series: energy left out and in all, and the one by the other."""
STRUCTURE_AXES = "harmonic (l = 0.., m = -l..l), property, level"
"""Of a row of harmonics, the last one fast. How three properties stand in theirs is unpublished."""


class Rows:
    """A file that is being written.

    Args:
        file: It, empty.
        what: What it holds.
        count: Of how many samples.
        recording: What it says beside them.
    """

    def __init__(self, file: h5py.File, what: What, count: int, recording: Recording):
        self.layout, self.count, self.added = layout_of(recording.tier, what), count, 0
        self.energy: tuple[float, float] | None = None
        self._tier = recording.tier
        self._elements = 0 if recording.elements is None else len(recording.elements)
        self._arrays = self._made(file, recording)

    @property
    def left_out(self) -> float | None:
        """The part of the energy that packing has left out so far; None where nothing was packed."""
        if self.energy is None:
            return None
        lost, total = self.energy
        return lost / total if total else 0.0

    def add(self, harmonics: Float[Array | np.ndarray, " coefficient"] | None, values: Array | np.ndarray | None) -> None:
        """Write the next sample.

        Args:
            harmonics: Its structure, `(405,)`; None for sources.
            values: As of `Simulated`: Fourier series complex from order 0 on, or packed. None is refused.

        Raises:
            ValueError: If a shape is not the tier's, a value is not a finite number of float32, or there are too many samples.
        """
        if self.added == self.count:
            raise ValueError(f"`count` = {self.count} samples are in the file already.")
        energy = None
        if self.layout.what == "fourier" and values is not None and np.iscomplexobj(values):
            values, energy = self._packed(np.asarray(values))
        ready = {self.layout.key: self._checked(self.layout.key, values, self.layout.sized(self._elements))}
        if self.layout.harmonics is not None:
            ready[HARMONICS] = self._checked(HARMONICS, harmonics, (self._tier.coefficients,))
        for key, row in ready.items():
            self._arrays[key][self.added] = row
        self.added += 1
        if energy is not None:
            lost, total = self.energy or (0.0, 0.0)
            self.energy = (lost + energy[0], total + energy[1])

    def finish(self) -> None:
        """See that all is there, and say what was left out.

        Raises:
            ValueError: If samples are missing.
        """
        if self.added != self.count:
            raise ValueError(f"`count` = {self.count} samples were announced, and {self.added} were added.")
        if self.energy is not None:
            self._arrays[self.layout.key].attrs.update({ENERGY: np.array(self.energy), LEFT_OUT: self.left_out or 0.0})

    def _made(self, file: h5py.File, recording: Recording) -> dict[str, h5py.Dataset]:
        """Arrays of rows that are to come; what stands beside them is written."""
        layout, arrays = self.layout, {}
        file.attrs.update({"versions": json.dumps(versions()), **recording.attributes()})
        beside = [(one, self._placed(one, recording)) for one in layout.beside]  # before anything is written
        wave = {"frame": recording.frame} if layout.unit == "m" else {}
        if layout.what == "fourier" and self._tier.vector:
            wave[ORDER] = COMPONENT_FAST
        about = {"units": layout.unit, **wave}
        arrays[layout.key] = make_array(file, layout.key, (self.count, *layout.sized(self._elements)), about)
        if layout.harmonics is not None:
            about = {"units": "1", "axes": STRUCTURE_AXES}
            arrays[HARMONICS] = make_array(file, HARMONICS, (self.count, self._tier.coefficients), about)
        for one, values in beside:
            repeated = (self.count, *values.shape) if one.per_sample else values.shape
            make_array(file, one.key, repeated, {"units": one.unit}, rows=one.per_sample)[...] = values
        return arrays

    def _placed(self, one: Beside, recording: Recording) -> np.ndarray:
        values = np.asarray(recording.beside(one.key), np.float32)
        wanted = tuple(self._elements if size is None else size for size in one.shape)
        if values.shape != wanted or not np.isfinite(values).all():
            raise ValueError(f"`{one.key}` {values.shape} must be finite numbers {wanted} for tier {self._tier.name!r}.")
        return values

    def _packed(self, values: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
        packed = pack(values, numbers=self._tier.numbers)
        return np.asarray(of_components(packed) if self._tier.vector else packed), energies(values, numbers=self._tier.numbers)

    def _checked(self, key: str, values: Array | np.ndarray | None, wanted: tuple[int, ...]) -> np.ndarray:
        if values is None or np.shape(values) != wanted:
            there = "None" if values is None else np.shape(values)
            raise ValueError(f"`{key}` {there} of sample {self.added} must be {wanted} for tier {self._tier.name!r}.")
        with np.errstate(over="ignore"):
            stored = np.asarray(values).astype(np.float32)
        if not np.isfinite(stored).all():
            raise ValueError(f"`{key}` of sample {self.added} is not finite in float32.")
        return stored


def make_array(
    file: h5py.File, key: str, shape: tuple[int, ...], attributes: Mapping[str, Any], *, rows: bool = True
) -> h5py.Dataset:
    """An empty array in a file: float32, with checksums, in chunks of some rows or of a piece of a row.

    Args:
        file: The file.
        key: Its name.
        shape: Its shape.
        attributes: Of it.
        rows: Whether its first axis counts samples.

    Returns:
        The array, whose bytes will not tell the time at which they were written.
    """
    count, *row = shape
    size = 4 * math.prod(row)
    if not rows:
        chunks = shape
    elif size <= SMALL_CHUNK or len(row) < 2:
        chunks = (max(1, min(count, SMALL_CHUNK // size)), *row)
    else:
        chunks = (1, 1, *row[1:])  # a snapshot, or the stations of one latitude
    array = file.create_dataset(key, shape, np.float32, chunks=chunks, fletcher32=True, track_times=False)
    array.attrs.update(attributes)
    return array


@contextmanager
def rows_written(path: str | os.PathLike[str], what: What, count: int, recording: Recording) -> Iterator[Rows]:
    """Write a file sample by sample, whole or not at all.

    Args:
        path: File to write.
        what: "seismogram", "slices", "fourier" or "source".
        count: How many samples there will be.
        recording: What the file says beside them.

    Yields:
        What takes them: `.add(harmonics, values)`.

    Raises:
        ValueError: If a sample is not the tier's, or not all of them were added.
        OSError: If the file cannot be written.

    Example:
        >>> with globaltomo.rows_written("wf_slice.h5", "slices", 100, recording) as rows:  # doctest: +SKIP
        ...     rows.add(harmonics, slices)
    """
    if count < 1:
        raise ValueError(f"`count` = {count} must be at least 1.")
    if what not in recording.tier.whats():
        raise ValueError(
            f"`what` = {what!r} is nothing of tier {recording.tier.name!r}; there is {', '.join(recording.tier.whats())}."
        )
    with written_whole(path) as partial, h5py.File(partial, "w") as file:
        rows = Rows(file, what, count, recording)
        yield rows
        rows.finish()


def write_seismograms(
    path: str | os.PathLike[str],
    harmonics: Float[Array | np.ndarray, "structure coefficient"],
    seismograms: Float[Array | np.ndarray, "sample latitude longitude 3 time"],
    recording: Recording,
) -> None:
    """Write a file as `seis.h5`.

    Args:
        path: File to write.
        harmonics: Structures, `(sample, 405)`.
        seismograms: Displacement [m], `(sample, 37, 37, 3, 150)`.
        recording: What the file says beside them.

    Raises:
        ValueError: If a shape is not the tier's, or a value is not finite.
        OSError: If the file cannot be written.
    """
    _write(path, "seismogram", harmonics, seismograms, recording)


def write_slices(
    path: str | os.PathLike[str],
    harmonics: Float[Array | np.ndarray, "structure coefficient"],
    slices: Float[Array | np.ndarray, "sample snapshot slice element *component"],
    recording: Recording,
) -> None:
    """Write a file as `wf_slice.h5`.

    Args:
        path: File to write.
        harmonics: Structures, `(sample, 405)`.
        slices: chi [Pa s^2] `(sample, 15, 16, element)`, or displacement [m] with a last axis of 3.
        recording: What the file says beside them.

    Raises:
        ValueError: If a shape is not the tier's, or a value is not finite.
        OSError: If the file cannot be written.
    """
    _write(path, "slices", harmonics, slices, recording)


def write_fourier(
    path: str | os.PathLike[str],
    harmonics: Float[Array | np.ndarray, "structure coefficient"],
    coefficients: Complex[Array | np.ndarray, "sample snapshot element *component_order"]
    | Float[Array | np.ndarray, "sample snapshot element number"],
    recording: Recording,
) -> float | None:
    """Write a file as `wf_fourier.h5`; the series are cut at order 8.

    Args:
        path: File to write.
        harmonics: Structures, `(sample, 405)`.
        coefficients: c_0, c_1, ... of chi [Pa s^2], `(sample, 15, element, order)`, or of displacement [m],
            `(sample, 15, element, 3, order)`. Real numbers are packed ones, stored as they are: 16, or 48, the component fast.
        recording: What the file says beside them.

    Returns:
        The part of the energy that was cut off, between 0 and 1, as the attribute `energy_left_out`; None for packed ones.

    Raises:
        ValueError: If a shape is not the tier's, or a value is not finite.
        OSError: If the file cannot be written.
    """
    return _write(path, "fourier", harmonics, coefficients, recording).left_out


def write_sources(
    path: str | os.PathLike[str], sources: Float[Array | np.ndarray, "sample source"], recording: Recording
) -> None:
    """Write a file as `elastic_source.h5`.

    Args:
        path: File to write.
        sources: `(sample, 6)`, or `(sample, 9)` of the Earth.
        recording: What the file says beside them.

    Raises:
        ValueError: If a shape is not the tier's, or a value is not finite.
        OSError: If the file cannot be written.
    """
    _write(path, "source", [None] * len(sources), sources, recording)


def _write(path: Any, what: What, harmonics: Any, values: Any, recording: Recording) -> Rows:
    if len(harmonics) != len(values):
        raise ValueError(f"`harmonics` are of {len(harmonics)} samples, {what} of {len(values)}.")
    with rows_written(path, what, len(harmonics), recording) as rows:
        for structure, sample in zip(harmonics, values, strict=True):
            rows.add(structure, sample)
    return rows
