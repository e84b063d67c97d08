"""GlobalTomo-style data: structures drawn by number, simulated by whatever is given, in GlobalTomo's files."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.data.globaltomo_layout import layout_of
from adseis.data.globaltomo_recording import Recording
from adseis.data.globaltomo_samples import Simulated
from adseis.data.globaltomo_tiers import Tier, What
from adseis.data.globaltomo_writing import rows_written
from adseis.data.synthesis import Task, Told, synthesize
from adseis.files import check_writable, sha256

LARGEST = 1 / 40
"""Coefficients are uniform within this [1]."""
ATTEMPTS = 1000
"""Draws of one sample before something else must be wrong."""


class DrawAgain(Exception):
    """Raised by a `simulate` that cannot take a structure: out of its mesh's range of speeds, say. Its message is kept."""


Simulate = Callable[[np.ndarray, int], Simulated]
"""A row of harmonics and the number of its sample to waves; the same whenever it is called."""
Draw = Callable[[Tier, int, int, int], np.ndarray]
"""Tier, seed, number of the sample and of the attempt to a row of harmonics."""


class Share(NamedTuple):
    """What a task makes: so many samples from the first on."""

    first: int
    count: int


def draw_uniform(tier: Tier, seed: int, sample: int, attempt: int = 0) -> Float[np.ndarray, " coefficient"]:
    """A structure, drawn by itself so that it does not depend on what is drawn beside it.

    Args:
        tier: Which tier.
        seed: Of all samples.
        sample: Number of the sample.
        attempt: 0, or how often it was drawn before.

    Returns:
        Coefficients, uniform within +-1/40, `(405,)`, float32.
    """
    drawn = np.random.default_rng([seed, sample, attempt]).uniform(-LARGEST, LARGEST, tier.coefficients)
    return drawn.astype(np.float32)


@dataclass(frozen=True)
class GlobalTomo:
    """What makes GlobalTomo-style data; a `synthesis.Generator`.

    Attributes:
        simulate: The solver. To be sent to other machines it has to be picklable.
        recording: Tier, and what files say beside samples.
        samples: How many.
        samples_per_file: A file is what a killed run loses at most; it is written sample by sample, so memory is no matter.
        seed: Of all structures: a sample depends on it and on its number.
        what: What is kept; by default all that the tier has.
        solver: What the waves depend on beside that, as JSON can hold it: the manifest says it, and other settings are refused.
        draw: What draws structures.
    """

    simulate: Simulate
    recording: Recording
    samples: int
    samples_per_file: int = 100
    seed: int = 0
    what: tuple[What, ...] = ()
    solver: Mapping[str, Any] = field(default_factory=dict)
    draw: Draw = draw_uniform

    def __post_init__(self) -> None:
        """Refuse what cannot be right."""
        for name, value in (("samples", self.samples), ("samples_per_file", self.samples_per_file)):
            if value < 1:
                raise ValueError(f"`{name}` = {value} must be at least 1.")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"`seed` = {self.seed} must lie between 0 and {2**32 - 1}.")
        strange = [one for one in self.what if one not in self.tier.whats()]
        if strange:
            raise ValueError(f"`what` names {strange[0]!r}; tier {self.tier.name!r} has {', '.join(self.tier.whats())}.")
        for one in self.kept:
            for beside in layout_of(self.tier, one).beside:
                self.recording.beside(beside.key)  # raises where elements or times are not known

    @property
    def name(self) -> str:
        """What it makes."""
        return "globaltomo"

    @property
    def tier(self) -> Tier:
        """Which tier."""
        return self.recording.tier

    @property
    def kept(self) -> tuple[What, ...]:
        """What is kept of a sample."""
        return tuple(one for one in self.tier.whats() if one in self.what or not self.what)

    def settings(self) -> dict[str, Any]:
        """What the bytes depend on.

        Returns:
            Name -> value.
        """
        places = {"elements": self.recording.elements, "snapshots": self.recording.snapshots, "stations": self.recording.stations}
        return {
            "tier": self.tier.name,
            "samples": self.samples,
            "samples_per_file": self.samples_per_file,
            "seed": self.seed,
            "what": list(self.kept),
            "draw": getattr(self.draw, "__qualname__", type(self.draw).__name__),
            **{name: None if values is None else sha256(np.asarray(values, float)) for name, values in places.items()},
            "recording": self.recording.attributes(),
            "solver": dict(self.solver),
        }

    def tasks(self) -> tuple[Task, ...]:
        """One a range of ids, of a file for each thing that is kept.

        Returns:
            By id.
        """
        elements = 0 if self.recording.elements is None else len(self.recording.elements)
        row = 4 * sum(int(np.prod(layout_of(self.tier, one).sized(elements))) + self.tier.coefficients for one in self.kept)
        found = []
        for first in range(0, self.samples, self.samples_per_file):
            count = min(self.samples_per_file, self.samples - first)
            files = tuple(self.tier.shard(one, first, count) for one in self.kept)
            found.append(Task(f"samples-{first:05d}-{first + count:05d}", files, count, count * row, Share(first, count)))
        return tuple(found)

    def make(self, task: Task, folder: Path, told: Told) -> dict[str, Any]:
        """Draw, simulate and write the files of a range of ids.

        Args:
            task: Which.
            folder: Where to.
            told: Hears of samples that are done.

        Returns:
            What was "redrawn": id, attempts and the reason of the last; "largest" values and mean "squares"; of Fourier series
            the "energy_left_out".

        Raises:
            ValueError: If what is simulated is not the tier's.
            RuntimeError: If no structure suits the solver.
        """
        share: Share = task.what
        check_writable(folder)
        redrawn: list[dict[str, Any]] = []
        largest, squares = dict.fromkeys(self.kept, 0.0), dict.fromkeys(self.kept, 0.0)
        with ExitStack() as stack:
            rows = {
                one: stack.enter_context(rows_written(folder / file, one, share.count, self.recording))
                for one, file in zip(self.kept, task.files, strict=True)
            }
            for sample in range(share.first, share.first + share.count):
                harmonics, waves, again = self._simulated(sample)
                redrawn += again
                for one in self.kept:
                    values = getattr(waves, one)
                    rows[one].add(None if one == "source" else harmonics, values)
                    size = np.abs(np.asarray(values))
                    largest[one] = max(largest[one], float(size.max()))
                    squares[one] += float(np.mean(np.square(size, dtype=float))) / share.count
                told(1)
        facts: dict[str, Any] = {"redrawn": redrawn, "largest": largest, "squares": squares}
        if "fourier" in rows and rows["fourier"].left_out is not None:
            facts["energy_left_out"] = rows["fourier"].left_out
        return facts

    def _simulated(self, sample: int) -> tuple[np.ndarray, Simulated, list[dict[str, Any]]]:
        """A structure that the solver takes, its waves, and those that it did not take."""
        refused: list[dict[str, Any]] = []
        for attempt in range(ATTEMPTS):
            harmonics = self.draw(self.tier, self.seed, sample, attempt)
            try:
                return harmonics, self.simulate(harmonics, sample), refused
            except DrawAgain as error:
                refused.append({"sample": sample, "attempt": attempt, "why": str(error)})
        raise RuntimeError(
            f"none of {ATTEMPTS} structures of sample {sample} suits the solver ({refused[-1]['why']}). Plan its mesh for a "
            "wider range of speeds, or draw smaller coefficients."
        )


def synthesize_shards(
    simulate: Simulate,
    output: str | os.PathLike[str],
    recording: Recording,
    *,
    samples: int,
    samples_per_file: int = 100,
    seed: int = 0,
    what: tuple[What, ...] = (),
    solver: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Make GlobalTomo-style data in files of ranges of ids; killed and started again, it goes on and leaves the same bytes.

    `globaltomo.Dataset` reads them; `globaltomo.join` makes one file of them, as the acoustic tiers have.

    Args:
        simulate: Harmonics `(coefficient,)` and the number of the sample to `Simulated`; raises `DrawAgain` for a structure that
            it cannot take, which is then listed in the manifest.
        output: Folder of the data and of their `manifest.json`: settings, seed, versions, the SHA-256 of each file, and what was
            drawn again.
        recording: Tier, and what files say beside samples.
        samples: How many.
        samples_per_file: Of a file.
        seed: Of all structures.
        what: "seismogram", "slices", "fourier", "source"; by default all that the tier has.
        solver: What the waves depend on beside that, as JSON can hold it.
        progress: Whether to show how far it is.

    Returns:
        The manifest.

    Raises:
        FileExistsError: If the folder holds what other settings, or something else, made.
        ValueError: If an option or what is simulated cannot be right, or a file was changed.
        RuntimeError: If no structure suits the solver.
        OSError: If the folder cannot be written, lacks space, or is used by another process.
    """
    generator = GlobalTomo(simulate, recording, samples, samples_per_file, seed, what, dict(solver or {}))
    return synthesize(generator, output, progress=progress)
