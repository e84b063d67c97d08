"""What the tiers of GlobalTomo are, as data: sizes, clocks, and how their files are divided. A new tier is a new entry."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

What = str
"""What is stored of a sample beside its harmonics: "seismogram", "slices", "fourier" or "source"."""
WAVES: tuple[What, ...] = ("seismogram", "slices", "fourier")
KINDS: dict[What, str] = {"seismogram": "seis", "slices": "wf_slice", "fourier": "wf_fourier", "source": "source"}
"""What files and folders of each are called."""


@dataclass(frozen=True)
class Tier:
    """One tier.

    Attributes:
        name: Such as "acoustic".
        degree: Highest degree of the structure's spherical harmonics.
        properties: What is perturbed.
        depths: Levels of the perturbation, of each property [m]; none where they are not published.
        property_levels: Numbers per harmonic, all properties and levels together.
        radius: Of the ball [m].
        vector: Whether wavefields are displacements, of three components; else the potential chi, of one.
        snapshots: How many there are of the wavefield.
        samples: Of a seismogram.
        dt: Their interval [s].
        stations: Rows of latitude and of longitude, both with both ends.
        source: Numbers that tell the source: 6 (moment tensor), 9 (and its place), or 0 where it is always the same.
        first_snapshot: Its time [s]; None where it is not published.
        snapshot_interval: Between two [s].
        slices: Meridians on which wavefields are stored, at 2 pi k / slices.
        numbers: Real numbers of a Fourier series in azimuth: of its orders up to half of that.
        samples_per_file: Models in a file of the range of its ids; None for one file of all.
        models: How many there are in theirs; None where their number is yours.
        failed: What became of runs that failed: "listed" (their rows are there but not to be used; the list stands beside the
            code) or "redrawn" (another structure stands in their place).
    """

    name: str
    degree: int
    properties: tuple[str, ...]
    depths: tuple[float, ...]
    property_levels: int
    radius: float
    vector: bool
    snapshots: int
    samples: int
    dt: float
    stations: tuple[int, int] = (37, 37)
    source: int = 0
    first_snapshot: float | None = 0.0744022
    snapshot_interval: float | None = 0.1996616
    slices: int = 16
    numbers: int = 16
    samples_per_file: int | None = None
    models: int | None = None
    failed: Literal["listed", "redrawn"] = "listed"

    @property
    def coefficients(self) -> int:
        """Numbers of a structure: (degree + 1)^2 harmonics, slow, times `property_levels`, fast."""
        return (self.degree + 1) ** 2 * self.property_levels

    @property
    def field(self) -> str:
        """Key of the wavefield on slices."""
        return "disp" if self.vector else "X"

    @property
    def times(self) -> Float[np.ndarray, " time"]:
        """Of the samples of a seismogram [s]."""
        return self.dt * np.arange(self.samples)

    @property
    def snapshot_times(self) -> Float[np.ndarray, " snapshot"] | None:
        """Of the snapshots [s], where they are published."""
        if self.first_snapshot is None or self.snapshot_interval is None:
            return None
        return self.first_snapshot + self.snapshot_interval * np.arange(self.snapshots)

    @property
    def azimuths(self) -> Float[np.ndarray, " slice"]:
        """Of the slices [rad]."""
        return 2 * np.pi * np.arange(self.slices) / self.slices

    def whats(self) -> tuple[What, ...]:
        """What its samples may hold, beside harmonics."""
        return (*WAVES, "source") if self.source else WAVES

    def singles(self) -> tuple[What, ...]:
        """What one file holds of all samples."""
        return self.whats() if self.samples_per_file is None else self.whats()[len(WAVES) :]

    def file(self, what: What) -> str:
        """Name of the one file of all samples.

        Args:
            what: What it holds.

        Returns:
            `seis.h5`, `wf_slice.h5`, `wf_fourier.h5`, or `elastic_source.h5`.
        """
        return f"{self.name}_source.h5" if what == "source" else f"{KINDS[what]}.h5"

    def shard(self, what: What, first: int, count: int) -> str:
        """Name of the file of some samples, relative to the folder.

        Args:
            what: What it holds.
            first: The first id.
            count: How many there are.

        Returns:
            Such as `seis/seis_00000_01000.h5`.
        """
        return f"{KINDS[what]}/{KINDS[what]}_{first:05d}_{first + count:05d}.h5"


LEVELS = (0.0, 200.0, 400.0, 600.0, 800.0)
"""Of the balls of 1 km [m]."""
_ACOUSTIC = Tier(
    name="acoustic",
    degree=8,
    properties=("vp",),
    depths=LEVELS,
    property_levels=5,
    radius=1000.0,
    vector=False,
    snapshots=15,
    samples=150,
    dt=0.02,
    models=10_000,
)
_ELASTIC = replace(
    _ACOUSTIC,
    name="elastic",
    properties=("vp", "vs", "rho"),
    property_levels=15,
    vector=True,
    source=6,
    samples_per_file=1000,
    models=30_000,
)
_EARTH = replace(
    _ELASTIC,
    name="earth",
    depths=(),
    property_levels=67,
    radius=6_371_000.0,
    snapshots=20,
    samples=6000,
    dt=1.0,
    stations=(19, 37),
    source=9,
    first_snapshot=None,
    snapshot_interval=None,
    samples_per_file=100,
    models=10_000,
)
_SMALL = replace(_ACOUSTIC, name="acoustic-small", degree=4, samples=75, dt=0.04, models=None, failed="redrawn")
TIERS: dict[str, Tier] = {tier.name: tier for tier in (_ACOUSTIC, _ELASTIC, _EARTH, _SMALL)}
"""GlobalTomo's three, and a small one of ours for two cores: degree 4, half of the samples."""


def tier_named(tier: str | Tier) -> Tier:
    """A tier by its name.

    Args:
        tier: Its name; or a tier, which is returned.

    Returns:
        The tier.

    Raises:
        ValueError: If there is none of that name.
    """
    if isinstance(tier, Tier):
        return tier
    if tier not in TIERS:
        raise ValueError(f"`tier` = {tier!r} is none of {', '.join(TIERS)}; one of your own is a `globaltomo.Tier`.")
    return TIERS[tier]
