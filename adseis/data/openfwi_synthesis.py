"""OpenFWI-style data: maps of drawn families or windows of a model, their gathers, in OpenFWI's files."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from adseis.data.model_crops import Crop, Crops
from adseis.data.openfwi_families import FAMILIES, RECIPE, Layers, Style, draw, family_named, key_of
from adseis.data.openfwi_layout import GATHERS, MAP, SUBSETS, Pair, file_names, layers
from adseis.data.openfwi_operator import simulate_maps
from adseis.data.openfwi_survey import DT, SPACING
from adseis.data.openfwi_writing import write_pair
from adseis.data.synthesis import Task, Told
from adseis.experiment.sampling import fastest_speed
from adseis.files import check_writable
from adseis.parallel.devices import SHOT, device_mesh

CROPS = "crops"
"""What windows of a model are called among the families."""
AT_ONCE = 4
"""Maps that each device simulates between two signs of life."""
SPEEDS, AMPLITUDES = np.arange(1000.0, 7001.0, 50.0), np.arange(-40.0, 80.5, 0.5)
"""Edges of the histograms [m/s], [1]; what lies beyond counts in the outermost bin."""
Simulator = Callable[[np.ndarray], Any]
"""Maps (map, z, x) to gathers (map, shot, time, receiver)."""


class Share(NamedTuple):
    """What a file holds: the samples from `first` on of a family; `index` is the number of the file."""

    family: str
    index: int
    first: int


@dataclass(frozen=True)
class OpenFwi:
    """What makes OpenFWI-style data.

    Attributes:
        families: Names of families, as `family_named` takes them.
        samples: Of each family [1].
        samples_per_file: As OpenFWI's: 500.
        seed: Of all maps: a sample depends on it, its family and its number.
        crops: Windows of a model, as one more family.
        simulate: What stands for `simulate_maps` over all devices.
    """

    families: tuple[str, ...]
    samples: int
    samples_per_file: int = 500
    seed: int = 0
    crops: Crops | None = None
    simulate: Simulator | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be right."""
        for name, value in (("samples", self.samples), ("samples_per_file", self.samples_per_file)):
            if value < 1:
                raise ValueError(f"`{name}` = {value} must be at least 1.")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"`seed` = {self.seed} must lie between 0 and {2**32 - 1}.")
        if not self.names:
            raise ValueError(f"no `family` is named, and no `model` to cut windows from. Families are {', '.join(SUBSETS)}.")
        if self.crops is not None:
            self.crops.check()
            fastest, limit = self.crops.speeds[1], fastest_speed((SPACING, SPACING), DT, 4, staggered=False)
            if fastest > limit:
                raise ValueError(
                    f"`model` = {self.crops.model.source_file} reaches {fastest:.0f} m/s; OpenFWI's grid carries {limit:.0f}. "
                    "Stretch its speeds by `stretch`."
                )

    @property
    def name(self) -> str:
        """What it makes."""
        return "openfwi"

    @property
    def names(self) -> tuple[str, ...]:
        """Families, each once and in the order of `FAMILIES`; windows of a model last."""
        named = {family_named(name).name for name in self.families}
        return (*(name for name in FAMILIES if name in named), *([CROPS] if self.crops else []))

    def settings(self) -> dict[str, Any]:
        """What the bytes depend on.

        Returns:
            Name -> value.
        """
        drawn = {name: family_named(name)._asdict() for name in self.names if name != CROPS}
        return {
            "family": list(self.names),
            "samples": self.samples,
            "samples_per_file": self.samples_per_file,
            "seed": self.seed,
            "style": "OpenFWI-style: drawn and simulated by adseis, no data of OpenFWI's",
            "families": drawn,
            "recipe": RECIPE,
            **({CROPS: self.crops.settings} if self.crops else {}),
        }

    def tasks(self) -> tuple[Task, ...]:
        """One a pair of files.

        Returns:
            Family by family.
        """
        found = []
        for name in self.names:
            for index, first in enumerate(range(0, self.samples, self.samples_per_file)):
                count = min(self.samples_per_file, self.samples - first)
                files = tuple(path.as_posix() for path in self.paths(name, index))
                size = 4 * count * (int(np.prod(GATHERS)) + int(np.prod(MAP)))
                found.append(Task(f"{name}-{index}", files, count, size, Share(name, index, first)))
        return tuple(found)

    def paths(self, name: str, index: int) -> Pair:
        """Where a pair of files goes.

        Args:
            name: Of the family.
            index: Number of the pair, from 0.

        Returns:
            Paths relative to the folder: of OpenFWI's names, and for windows of a model as those of Vel.
        """
        if name != CROPS:
            subset = SUBSETS[name]
            return Pair(*(Path(subset.folder, path) for path in file_names(subset, index)))
        return Pair(*(Path("Crops", path) for path in file_names(SUBSETS["flat-vel-a"], index)))

    def map(self, share: Share, sample: int) -> tuple[Float[np.ndarray, "z x"], Crop | None]:
        """A map, drawn by itself so that it does not depend on what is drawn beside it.

        Args:
            share: Of which file; maps of Fault have the number of layers that the file's name tells.
            sample: Number of the sample.

        Returns:
            Speeds [m/s], and the window if it is one.
        """
        if share.family == CROPS:
            assert self.crops is not None
            crop = self.crops.draw(self.seed, sample)
            return crop.values, crop
        family: Layers | Style = family_named(share.family)
        key = key_of(family, self.seed, sample)
        if isinstance(family, Layers) and SUBSETS[share.family].layers:
            count = layers(SUBSETS[share.family], share.index)
            family = family._replace(layers=(count, count))
        return np.asarray(draw(family, key)), None

    def make(self, task: Task, folder: Path, told: Told) -> dict[str, Any]:
        """Draw, simulate and write a pair of files.

        Args:
            task: Which.
            folder: Where to.
            told: Hears of samples that are done.

        Returns:
            Ranges and histograms of speeds and amplitudes; of windows, where they lay.
        """
        share: Share = task.what
        check_writable(folder / task.files[0])
        drawn = [self.map(share, share.first + i) for i in range(task.samples)]
        maps = np.stack([values for values, _ in drawn])
        simulate, part = (self.simulate, 1) if self.simulate else _simulator()
        gathers = np.empty((len(maps), *GATHERS), np.float32)
        for start in range(0, len(maps), part):
            some = maps[start : start + part]
            filled = np.concatenate([some, np.repeat(some[-1:], part - len(some), 0)])  # one program for all parts
            gathers[start : start + part] = np.asarray(simulate(filled))[: len(some)]
            told(len(some))
        write_pair(Pair(*(folder / file for file in task.files)), gathers, maps)
        windows = [[crop.spacing, *crop.corner, crop.mirrored] for _, crop in drawn if crop]
        return {
            "family": share.family,
            "speed": [float(maps.min()), float(maps.max())],
            "amplitude": [float(gathers.min()), float(gathers.max())],
            "speeds": _counts(maps, SPEEDS),
            "amplitudes": _counts(gathers, AMPLITUDES),
            **({"windows": windows, "window": "spacing [m], corner [m] along the model's axes, mirrored"} if windows else {}),
        }


@functools.cache
def _simulator() -> tuple[Simulator, int]:
    """The operator over all devices, compiled once a process, and how many maps it takes."""
    devices = device_mesh()
    return jax.jit(functools.partial(simulate_maps, devices=devices)), AT_ONCE * devices.shape[SHOT]


def _counts(values: np.ndarray, edges: np.ndarray) -> list[int]:
    """A histogram, sample by sample, so that no second array as large as the first is needed."""
    middle = (edges[:-1] + edges[1:]) / 2
    return sum(np.histogram(sample.clip(middle[0], middle[-1]), edges)[0] for sample in values).tolist()  # pyright: ignore[reportAttributeAccessIssue]


def facts_of(receipts: list[dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    """Ranges and histograms of whole families.

    Args:
        receipts: Of `synthesis.receipts`.

    Returns:
        Family -> "samples", "speed", "amplitude", "speeds", "amplitudes" as in the facts of `make`, and the first "files".
    """
    found: dict[str, dict[str, Any]] = {}
    for receipt in receipts:
        facts = receipt["facts"]
        one = {name: np.array(facts[name]) for name in ("speed", "amplitude", "speeds", "amplitudes")}
        known = found.setdefault(facts["family"], {**one, "samples": 0, "files": list(receipt["files"])})
        known["samples"] += receipt["samples"]
        for name in ("speed", "amplitude"):
            known[name] = np.array([min(known[name][0], one[name][0]), max(known[name][1], one[name][1])])
        if known["samples"] > receipt["samples"]:
            for name in ("speeds", "amplitudes"):
                known[name] = known[name] + one[name]
    return found
