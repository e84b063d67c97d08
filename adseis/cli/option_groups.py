"""The groups that options of the commands come in; a command is a dataclass that inherits those it has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Physics = Literal["scalar", "acoustic", "elastic"]
Precondition = Literal["sensitivity", "illumination", "none"]
MisfitName = Literal[
    "l2", "l1", "normalized_correlation", "envelope", "instantaneous_phase", "traveltime", "adaptive", "wasserstein"
]
PriorName = Literal["auto", "flat", "blocks", "smooth", "grainy"]
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
"""An option without a value, and without an opposite."""


@dataclass(frozen=True)
class OutputOptions:
    """Where a run leaves what it finds.

    Attributes:
        output: Folder of the run; by default one under runs/ that is named after what is done, with a number where another run
            has it.
        overwrite: Give up what another run has left in that folder.
    """

    output: Path | None = None
    overwrite: Flag = False


@dataclass(frozen=True)
class ModelOptions:
    """The Earth; without a file, the embedded layered crust.

    Attributes:
        model: P-wave speed: .mat (ADSeismic's layout, with its stored survey), .h5 (ours or JUDI's), .segy or .sgy (a section),
            .npy or raw .bin (float32).
        axes: Order of the axes in the file, such as xz or zx; by default what the format says.
        spacing: Distance between nodes [m], one number or those along z and x, where the file does not say.
        shape: Shape of the array in a raw file, in the order of its axes.
        unit: Unit of the speeds in the file, such as km/s, where the file does not say; by default m/s.
        endian: Byte order of a raw or SEG-Y file; by default little of the one, and of the other as its headers say.
    """

    model: Path | None = None
    axes: str | None = None
    spacing: tuple[float, ...] | None = None
    shape: tuple[int, ...] | None = None
    unit: str | None = None
    endian: Literal["little", "big"] | None = None


@dataclass(frozen=True)
class StartOptions(ModelOptions):
    """The Earth, and the model that an inversion for it starts from; without a file, the embedded layered crust.

    Attributes:
        initial: Velocity: initial model, read like the true one; by default the true one smoothed (of the embedded problem:
            without inclusions).
        smooth: Velocity: standard deviation of that smoothing [m]; by default an eighth of the depth.
    """

    initial: Path | None = None
    smooth: float | None = None


@dataclass(frozen=True)
class LineOptions:
    """Shots and receivers in a line, where the model's file stores no survey, and the noise of the data.

    Attributes:
        shots: Number of shots.
        frequency: Peak frequency of their Ricker wavelet [Hz]; by default what the model's sampling resolves.
        depth: Depth of shots and receivers [m]; by default one node.
        duration: Length of the record [s].
        noise: Standard deviation of Gaussian noise added to the data, relative to theirs; by default there is none. Of openfwi,
            that of the noise in the data, by default told from what lies above the band of the wavelet.
        seed: Seed of the noise, and of where the search for a source starts.
    """

    shots: int = 8
    frequency: float | None = None
    depth: float | None = None
    duration: float | None = None
    noise: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class PhysicsOptions:
    """Equation and boundaries.

    Attributes:
        physics: Constant density (the default, but for ruptures and moment tensors); variable density (the file's rho, else
            Gardner's relation); or a solid (the file's vs, else vp / sqrt(3), 0 in water, where vp is at most 1520 m/s), whose
            vertical velocity is recorded.
        order: Spatial accuracy: 2, 4, 6 or 8.
        width: Cells of absorbing layer.
        free_surface: Whether the top of the model is a free surface; else it absorbs.
    """

    physics: Physics | None = None
    order: int = 4
    width: int = 20
    free_surface: bool = False


@dataclass(frozen=True)
class DescentOptions:
    """How the search goes, whatever is sought.

    Attributes:
        iterations: Most iterations of L-BFGS in the full band.
        evaluations: Most gradient evaluations in all bands together.
        bands: Corner frequencies of low-pass bands to be fitted before the full band [Hz]; by default none, but two where the
            position of a source is sought.
        band_iterations: Most iterations in each of these bands.
        misfit: How data are compared; the others help where a start skips cycles or amplitudes are not to be trusted.
    """

    iterations: int = 100
    evaluations: int | None = None
    bands: tuple[float, ...] = ()
    band_iterations: int = 30
    misfit: MisfitName = "l2"


@dataclass(frozen=True)
class UpdateOptions(DescentOptions):
    """How the search goes; of a velocity model also within what, and how it is kept smooth.

    Attributes:
        low: Velocity: least P-wave speed [m/s]; by default 2/3 of the initial model's least.
        high: Velocity: greatest P-wave speed [m/s]; by default 4/3 of the initial model's greatest.
        total_variation: Velocity: weight of total variation, relative to the initial model's, against the relative misfit.
        tikhonov: Velocity: weight of first-order Tikhonov smoothing, likewise.
        precondition: Velocity: what updates are evened out by: how strongly the data depend on each node, how strongly the
            sources light it, or nothing; by default the first for a line along the surface, and nothing for surveys that come
            with a model.
        mute_radius: Velocity: distance from sources and receivers within which updates are muted [m].
    """

    low: float | None = None
    high: float | None = None
    total_variation: float = 0.0
    tikhonov: float = 0.0
    precondition: Precondition | None = None
    mute_radius: float = 0.0


@dataclass(frozen=True)
class DataOptions:
    """Recorded gathers, in place of simulated ones.

    Attributes:
        data: Gathers to invert, of one file or several, .segy, .sgy, .su, .h5, .npz, .mat or .npy (with --geometry); no model is
            simulated then, and --initial is needed.
        geometry: .h5, .npz or .mat file of `dt`, `source_positions` and `receiver_positions` [m], where the only data file lacks
            them.
        wavelet: Source time function, sampled as the records and as long: .npy, text of a number a line, or the `time_function`
            that an .h5, .npz or .mat file holds.
        estimate_source: Estimate the source time function, one for all shots, as a filter of --wavelet; without a wavelet it
            always is.
        offsets: Nearest and farthest offset that is used [m].
        mute_before: Speed [m/s] and instant at no offset [s] of a line; what arrives before is muted.
        mute_after: Likewise; what arrives after is muted.
        high_pass: What lies below this corner frequency [Hz] is removed from the data and from the source.
        point_source: Turn data of point sources, as the Earth's are, into those of line sources, as 2D simulations have them, for
            waves of the starting model's mean speed. That only scales all data alike, and plays no part where the source is
            estimated.
        start: Position along the line of the model's first node [m].
        keep_above: Depth above which the starting model is kept, such as the sea floor's [m].
    """

    data: tuple[Path, ...] = ()
    geometry: Path | None = None
    wavelet: Path | None = None
    estimate_source: Flag = False
    offsets: tuple[float, float] | None = None
    mute_before: tuple[float, float] | None = None
    mute_after: tuple[float, float] | None = None
    high_pass: float | None = None
    point_source: Flag = False
    start: float = 0.0
    keep_above: float | None = None


@dataclass(frozen=True)
class MapOptions:
    """Maps in OpenFWI's format, refined by their gathers (--problem openfwi).

    Beside these, --data takes gathers, .npy of (5, 1000, 70) or (map, 5, 1000, 70), or one line of SEG-Y or the like on OpenFWI's
    survey (690 m wide, 10 m deep, 1 s; --wavelet, --depth and --start are of such). --initial takes maps to begin with, .npy; by
    default a constant gradient from 1800 m/s at the top to 4000 at the bottom. --evaluations is the cost of a map in gradients
    (200), --low and --high are the least and greatest speed (1400 and 4800 m/s).

    Attributes:
        truth: The true maps, .npy, of which the report then tells errors.
        prior: What is known of the maps: one value a row, areas of one value, a smooth field, or one with grains (maps in the
            manner of Style-A and Style-B); by default one value a row where the shots mirror each other, else areas.
        samples: Which maps of the files, from 0: numbers and ranges such as 3,7,10-19; by default all.
    """

    truth: Path | None = None
    prior: PriorName = "auto"
    samples: tuple[str, ...] = ()
