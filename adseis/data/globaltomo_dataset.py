"""GlobalTomo's structures and waves as one long list of samples, read when they are asked for."""

import functools
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
from jaxtyping import Float, Int

from adseis.data.globaltomo_discovery import columns_of
from adseis.data.globaltomo_files import Handles, RowFile
from adseis.data.globaltomo_layout import HARMONICS
from adseis.data.globaltomo_packing import COMPONENT_FAST, by_component, of_components
from adseis.data.globaltomo_samples import Batch, Sample
from adseis.data.globaltomo_stations import Stations, stations_of
from adseis.data.globaltomo_tiers import WAVES, Tier, What, tier_named
from adseis.data.row_numbers import row_number, row_numbers

Field = str
"""Name of an array of a sample."""


class Dataset:
    """Samples of a tier of GlobalTomo, as it was published or as this package writes it.

    `data[7]` is a `Sample`; `data[10:20]`, `data[[3, 1, 4]]` and `data.batch(indices)` are a `Batch`. Keys, shapes, types and the
    agreement of files are examined when the dataset is opened; a sample is read when it is asked for, and nothing else is kept in
    memory. It may be shared by threads, forked, and sent to processes.

    Args:
        folder: Folder of the tier: `seis.h5`, `wf_fourier.h5` and `wf_slice.h5`, or folders `seis/`, `wf_fourier/`, `wf_slice/`
            of files such as `seis_00000_01000.h5`, and `elastic_source.h5`. Some may lack: what they hold is None. A file of all
            samples is taken before a folder of the same name.
        tier: "acoustic", "elastic", "earth", "acoustic-small", or a `Tier` of your own.
        failed: Ids of runs that failed, which are passed over: 75 of 10,000 acoustic and 477 of 30,000 elastic ones in theirs,
            whose list stands beside their code. Ids that are not here do not matter.
        what: What is opened: "seismogram", "slices", "fourier", "source"; by default all that is there. `data[7]` reads all of
            it: of the Earth's tier, name what you need.

    Attributes:
        folder: Where it is.
        tier: Which tier.
        ids: Of the samples: the numbers of their models.
        what: What there is beside harmonics.

    Raises:
        FileNotFoundError: If the folder holds no file of the tier.
        ValueError: If a file is damaged, lacks a key, holds other shapes or types, or other samples than the file beside it.

    Example:
        >>> from adseis.data import globaltomo
        >>> data = globaltomo.Dataset("acoustic", tier="acoustic", failed=(0, 333, 547))  # doctest: +SKIP
        >>> data[0].seismogram.shape  # doctest: +SKIP
        (37, 37, 3, 150)

    References:
        Li, S. et al. (2024), GlobalTomo: a global dataset for physics-ML seismic wavefield modeling and FWI, arXiv:2406.18202
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        tier: str | Tier = "acoustic",
        failed: Iterable[Any] = (),
        *,
        what: Sequence[What] | None = None,
    ):
        self.folder, self.tier = Path(folder), tier_named(tier)
        known = ("harmonics", *self.tier.whats())
        wanted = [name for name in (known if what is None else _checked(what, known)) if name != "harmonics"]
        left_out = np.array(sorted(_ids(failed)), np.int64)
        self._columns = columns_of(self.folder, self.tier, wanted)
        self.what: tuple[What, ...] = tuple(name for name in self.tier.whats() if name in self._columns)
        self._structures = self._columns[self.what[0]]
        self._handles = Handles()
        self.ids: Int[np.ndarray, " sample"] = np.setdiff1d(self._structures.ids, left_out)
        self._refuse_other_structures()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def last_id(self) -> int:
        """The last that its files hold, failed or not."""
        return int(self._structures.ids[-1])

    def __repr__(self) -> str:
        return f"<Dataset of {len(self)} samples of tier {self.tier.name!r}: {', '.join(('harmonics', *self.what))}>"

    def __iter__(self) -> Iterator[Sample]:
        return (self[number] for number in range(len(self)))

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> Batch: ...
    def __getitem__(self, index: Any) -> Sample | Batch:
        if isinstance(index, slice | Sequence) or np.ndim(index):
            return self.batch(index)
        number = int(self.ids[row_number(index, len(self))])
        stored = {what: self._read(what, number) for what in self.what}
        return Sample(self._read("harmonics", number), **{what: stored.get(what) for what in _ALL}, id=number)

    def batch(self, indices: slice | Sequence[int] | np.ndarray, *, what: Collection[Field] | None = None) -> Batch:
        """Several samples, stacked.

        Args:
            indices: Their numbers in this dataset (not their ids), in any order; a slice, or a mask.
            what: What is read: "harmonics", "seismogram", "slices", "fourier", "source"; by default all that is there.

        Returns:
            The samples, in the order of `indices`; what was not asked for is None.

        Raises:
            IndexError: If a number is out of range.
            ValueError: If a sample is damaged or not finite, or something is asked for that is not there.
        """
        fields: tuple[Field, ...] = ("harmonics", *self.what)
        wanted = fields if what is None else _checked(what, fields)
        ids = [int(self.ids[row_number(number, len(self))]) for number in row_numbers(indices, len(self))]
        stacks: dict[Any, np.ndarray] = {name: np.empty((len(ids), *self._shape(name)), np.float32) for name in wanted}
        for place in sorted(range(len(ids)), key=ids.__getitem__):  # from the beginning of each file to its end
            for name, stack in stacks.items():
                self._copy(name, ids[place], stack[place])
        return Batch(**{name: stacks.get(name) for name in ("harmonics", *_ALL)}, ids=np.array(ids, np.int64))

    def batches(
        self,
        size: int,
        *,
        seed: int | None = None,
        epoch: int = 0,
        what: Collection[Field] | None = None,
        incomplete: bool = False,
    ) -> Iterator[Batch]:
        """One epoch: every sample once, in batches. Several threads may take epochs of one dataset at a time.

        Args:
            size: Samples of a batch.
            seed: Of the order, which depends on it and on `epoch` alone; None for the order of the ids.
            epoch: Number of the epoch.
            what: As of `batch`.
            incomplete: Whether a last batch of fewer samples is there, too.

        Yields:
            Batches.

        Raises:
            ValueError: As `batch`, or if `size` is less than 1 or more than there are samples.
        """
        if not 1 <= size <= len(self):
            raise ValueError(f"`size` = {size} of a batch must lie between 1 and the {len(self)} samples that there are.")
        if what is not None:
            _checked(what, ("harmonics", *self.what))
        order = np.arange(len(self)) if seed is None else np.random.default_rng([seed, epoch]).permutation(len(self))
        ends = range(0, len(self) if incomplete else len(self) - len(self) % size, size)
        return (self.batch(order[first : first + size], what=what) for first in ends)

    def part(self, ids: Iterable[SupportsIndex]) -> "Dataset":
        """The samples of some ids.

        Args:
            ids: Numbers of models; those that are not here, or failed, are passed over.

        Returns:
            A dataset of the same files, fewer samples of them.
        """
        fewer = object.__new__(type(self))
        fewer.__dict__.update(self.__dict__)
        fewer.ids = np.intersect1d(self.ids, np.array(sorted(_ids(ids)), np.int64))
        return fewer

    @functools.cached_property
    def stations(self) -> Stations | None:
        """Latitude, longitude [degrees] and radius of the stations, `(latitude, longitude)`; None without seismograms."""
        places = [self._beside("seismogram", f"station_coords_{name}") for name in ("spherical", "cartesian")]
        if places[0] is None or places[1] is None:
            return None
        try:
            return stations_of(places[0], places[1])
        except ValueError as error:
            raise ValueError(
                f"`{self._columns['seismogram'].parts[0].file.path}`: {error} Fetch or make the file again."
            ) from error

    @functools.cached_property
    def times(self) -> Float[np.ndarray, " time"] | None:
        """Of the samples of a seismogram [s]; None without seismograms."""
        return self._beside("seismogram", "time")

    @functools.cached_property
    def snapshots(self) -> Float[np.ndarray, " snapshot"] | None:
        """Times of the snapshots of wavefields [s]: the file's, else the tier's; None where they are not published."""
        stored = self._beside("slices", "timestep")
        return self.tier.snapshot_times if stored is None else stored

    @functools.cached_property
    def slice_points(self) -> Float[np.ndarray, "slice element 3"] | None:
        """x, y, z of the elements on the slices [m]; None without slices."""
        return self._beside("slices", "element_coords_cartesian")

    @functools.cached_property
    def fourier_points(self) -> Float[np.ndarray, "element 2"] | None:
        """Distance from the axis and height of the elements of the Fourier series [m]; None without these."""
        return self._beside("fourier", "element_coords_sz")

    def attributes(self, what: What) -> Mapping[str, Any]:
        """What the first file says of itself: of ours the frame, source time function, low-pass, versions and more.

        Args:
            what: "seismogram", "slices", "fourier" or "source".

        Returns:
            Name -> value; nothing in most of theirs.

        Raises:
            ValueError: If it is not there.
        """
        _checked((what,), self.what)
        file = self._columns[what].parts[0].file
        return {**self._handles.attributes(file.path, None), **self._handles.attributes(file.path, file.key)}

    def _where(self, name: Field, number: int) -> tuple[RowFile, str, int]:
        """File, key and row of a sample."""
        file, row = (self._structures if name == "harmonics" else self._columns[name]).at(number)
        return file, HARMONICS if name == "harmonics" else file.key, row

    def _shape(self, name: Field) -> tuple[int, ...]:
        if name == "harmonics":
            return (self.tier.coefficients,)
        file = self._columns[name].parts[0].file
        return file.layout.sized(file.elements)

    def _read(self, name: Field, number: int) -> np.ndarray:
        out = np.empty(self._shape(name), np.float32)
        self._copy(name, number, out)
        return out

    def _copy(self, name: Field, number: int, out: np.ndarray) -> None:
        """Copy what is stored of a sample, and see that it can be used."""
        file, key, row = self._where(name, number)
        stored = out if name == "harmonics" else out.reshape(file.row)  # a view: `out` is contiguous
        self._handles.copy(file.path, key, row, stored)
        if not np.isfinite(out).all():
            raise ValueError(
                f"`{file.path}`: row {row} of `{key}` is not finite. If the run of id {number} failed, list it: "
                f"failed=({number},)."
            )
        if name == "fourier" and file.order != COMPONENT_FAST:
            out[...] = of_components(by_component(out, file.order))

    def _beside(self, what: What, key: str) -> np.ndarray | None:
        """What is the same for all samples, or stored alike for each: of the first that did not fail."""
        if what not in self._columns:
            return None
        number = int(self.ids[0]) if len(self) else int(self._structures.ids[0])
        file, row = self._columns[what].at(number)
        shape = self._handles.shape(file.path, key)
        if shape is None:
            return None
        wanted = next(beside.shape for beside in file.layout.beside if beside.key == key)
        repeated = len(shape) > len(wanted)
        out = np.empty(shape[1:] if repeated else shape)
        self._handles.copy(file.path, key, row if repeated else None, out)
        return out

    def _refuse_other_structures(self) -> None:
        """Refuse files that stand side by side but are of other structures: their first samples tell."""
        for name, column in self._columns.items():
            for part in column.parts if name in WAVES and column is not self._structures else ():
                here = self.ids[(self.ids >= part.first) & (self.ids < part.end)]
                if not len(here):
                    continue
                one, other = np.empty((2, self.tier.coefficients), np.float32)
                file, row = self._structures.at(int(here[0]))
                self._handles.copy(file.path, HARMONICS, row, one)
                self._handles.copy(part.file.path, HARMONICS, int(here[0]) - part.first, other)
                if not np.array_equal(one, other, equal_nan=True):
                    raise ValueError(
                        f"`{part.file.path}` and `{file.path}` have other `{HARMONICS}` of id {here[0]}: they are not of "
                        f'the same structures. Keep them apart, or open one: what=("{name}",).'
                    )


_ALL: tuple[What, ...] = (*WAVES, "source")


def _checked(what: Iterable[Any], known: Sequence[Any]) -> tuple[Any, ...]:
    """Names without repetition, in the order of those that there are."""
    names = (what,) if isinstance(what, str) else tuple(what)
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise ValueError(f"`what` = {names} names {', '.join(map(repr, strange)) or 'nothing'}; there is {', '.join(known)}.")
    return tuple(name for name in known if name in names)


def _ids(given: Iterable[Any]) -> set[int]:
    try:
        found = {int(number.__index__()) for number in given}
    except (AttributeError, TypeError) as error:
        raise TypeError("ids are whole numbers, such as failed=(0, 333, 547).") from error
    if found and min(found) < 0:
        raise ValueError(f"id {min(found)} is negative; ids count from 0.")
    return found
