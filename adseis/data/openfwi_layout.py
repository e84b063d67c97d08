"""How OpenFWI's files are called, and what was published of its ten subsets.

Two naming schemes: Vel and Style keep pairs `data/data7.npy`, `model/model7.npy`; Fault keeps `seis6_1_0.npy`, `vel6_1_0.npy`,
of which the first number counts layers. Each holds 500 samples.
"""

import re
from pathlib import Path
from typing import NamedTuple

SAMPLES = 500
"""Of a file."""
GATHERS, MAP = (5, 1000, 70), (70, 70)
"""Shapes of a sample: shot, time, receiver; z, x."""
SHRUNK = (5, 72, 72)
"""Shape of gathers that `openfwi.shrink` made small."""
PARTS = ("train", "test")


class Subset(NamedTuple):
    """One of OpenFWI's ten subsets, as published.

    Attributes:
        name: As in our options: "curve-fault-b".
        long: As in OpenFWI's tables: "CurveFault-B".
        abbreviation: "CFB".
        scheme: How its files are called: "vel" (also of Style) or "fault".
        train: Samples of the official training files.
        test: Samples of the official test files.
        extremes: Least and greatest value of all gathers, which OpenFWI's networks were trained with.
        layers: Number of layers, in the names of Fault files.
    """

    name: str
    long: str
    abbreviation: str
    scheme: str
    train: int
    test: int
    extremes: tuple[float, float]
    layers: tuple[int, ...] = ()

    @property
    def family(self) -> str:
        """One of "vel", "fault" and "style"."""
        return next(family for family in ("vel", "fault", "style") if family in self.name)

    @property
    def folder(self) -> str:
        """Name of the folder into which the download unpacks: "CurveFault_B"."""
        return self.long.replace("-", "_")

    @property
    def files(self) -> int:
        """Number of pairs of files."""
        return (self.train + self.test) // SAMPLES


_VEL, _FAULT, _STYLE = (24_000, 6_000), (48_000, 6_000), (60_000, 7_000)

SUBSETS: dict[str, Subset] = {
    subset.name: subset
    for subset in (
        Subset("flat-vel-a", "FlatVel-A", "FVA", "vel", *_VEL, (-26.95, 52.77)),
        Subset("flat-vel-b", "FlatVel-B", "FVB", "vel", *_VEL, (-27.17, 56.05)),
        Subset("curve-vel-a", "CurveVel-A", "CVA", "vel", *_VEL, (-27.11, 55.10)),
        Subset("curve-vel-b", "CurveVel-B", "CVB", "vel", *_VEL, (-29.04, 57.03)),
        Subset("flat-fault-a", "FlatFault-A", "FFA", "fault", *_FAULT, (-26.10, 50.86), (2, 3, 4)),
        Subset("flat-fault-b", "FlatFault-B", "FFB", "fault", *_FAULT, (-24.86, 50.28), (6, 7, 8)),
        Subset("curve-fault-a", "CurveFault-A", "CFA", "fault", *_FAULT, (-26.48, 52.32), (2, 3, 4)),
        Subset("curve-fault-b", "CurveFault-B", "CFB", "fault", *_FAULT, (-24.93, 50.98), (6, 7, 8)),
        Subset("style-a", "Style-A", "SA", "vel", *_STYLE, (-24.96, 48.93)),
        Subset("style-b", "Style-B", "SB", "vel", *_STYLE, (-23.76, 46.01)),
    )
}


class Pair(NamedTuple):
    """Paths of a file of gathers and of its velocities, relative to the folder of their subset."""

    gathers: Path
    velocity: Path


def subset_called(name: str) -> Subset | None:
    """The subset of a name, however it is spelled: "CurveFault_B", "curvefault-b", "curve-fault-b", "CFB".

    Args:
        name: Of a folder, or given by a user.

    Returns:
        The subset, or None where there is none of this name.
    """
    return _SPELLED.get(re.sub("[^a-z]", "", name.lower()))


_SPELLED = {
    spelled: subset for subset in SUBSETS.values() for spelled in (subset.name.replace("-", ""), subset.abbreviation.lower())
}


def known_subset(name: str) -> Subset:
    """The subset of a name, or an error that lists all.

    Args:
        name: In any spelling that `subset_called` knows.

    Returns:
        The subset.

    Raises:
        ValueError: If there is none.
    """
    subset = subset_called(name)
    if subset is None:
        raise ValueError(f"{name!r} is none of OpenFWI's subsets: {', '.join(SUBSETS)}.")
    return subset


def file_names(subset: Subset, index: int) -> Pair:
    """How the pair of files of an index is called.

    Of Vel and Style, index 0 is `data/data1.npy`; of Fault, layers run fastest: 0, 1, 2, 3 are `seis2_1_0`, `seis3_1_0`,
    `seis4_1_0`, `seis2_1_1`. So the first `subset.train / 500` are the official training files in both schemes.

    Args:
        subset: Of which subset.
        index: Number of the pair, from 0.

    Returns:
        The paths, relative to the folder of the subset.

    Raises:
        ValueError: If `index` is negative.
    """
    if index < 0:
        raise ValueError(f"`index` = {index} must not be negative.")
    if subset.scheme == "vel":
        return Pair(Path("data", f"data{index + 1}.npy"), Path("model", f"model{index + 1}.npy"))
    end = f"{layers(subset, index)}_1_{index // len(subset.layers)}.npy"
    return Pair(Path(f"seis{end}"), Path(f"vel{end}"))


def layers(subset: Subset, index: int) -> int:
    """Number of layers of the maps of a file of a Fault subset.

    Args:
        subset: A Fault subset.
        index: Number of the pair, from 0.

    Returns:
        Number of layers.
    """
    return subset.layers[index % len(subset.layers)]


def part_of(subset: Subset, index: int) -> str:
    """Part of the official division to which a pair of files belongs.

    Args:
        subset: Of which subset.
        index: Number of the pair, from 0.

    Returns:
        "train" or "test".
    """
    return PARTS[index >= subset.train // SAMPLES]


class Named(NamedTuple):
    """What the name of a file tells.

    Attributes:
        holds: "gathers" or "velocity".
        scheme: "vel" or "fault".
        number: Numbers of the name: `(7,)` of `data7.npy`, `(6, 0)` of `seis6_1_0.npy`.
        prefix: What stands before, as in `CurveFault_A_seis2_1_0.npy`.
    """

    holds: str
    scheme: str
    number: tuple[int, ...]
    prefix: str


_NAMES = re.compile(r"(?:(.*)_)?(?:(data|model)(\d+)|(seis|vel)(\d+)_1_(\d+))\.npy", re.IGNORECASE)


def named(name: str) -> Named | None:
    """What the name of a file tells, in both schemes.

    Args:
        name: Of the file, without folders.

    Returns:
        What it tells, or None where it is no file of OpenFWI's.
    """
    found = _NAMES.fullmatch(name)
    if found is None:
        return None
    prefix, vel, number, fault, deep, shard = found.groups()
    word = (vel or fault).lower()
    holds = "gathers" if word in ("data", "seis") else "velocity"
    return Named(holds, "vel" if vel else "fault", (int(number),) if vel else (int(deep), int(shard)), prefix or "")


def index_of(subset: Subset, number: tuple[int, ...]) -> int | None:
    """The index of a pair of files, of which `file_names` makes its name.

    Args:
        subset: Of which subset.
        number: Numbers of the name.

    Returns:
        The index; None where the subset has no file of this name.
    """
    if len(number) == 1:
        return number[0] - 1 if subset.scheme == "vel" and number[0] > 0 else None
    deep, shard = number
    return shard * len(subset.layers) + subset.layers.index(deep) if deep in subset.layers else None
