"""`adseis synthesize`: training data by the thousand, resumable, with a manifest and a page of statistics."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import tyro

from adseis.cli.configuration import dump
from adseis.cli.farm import ClusterOptions, synthesize_by_jobs
from adseis.cli.flags import changed
from adseis.cli.globaltomo_statistics import write_ball_statistics
from adseis.cli.openfwi_statistics import write_statistics
from adseis.cli.option_groups import Flag, ModelOptions
from adseis.data.globaltomo_solvers import maker
from adseis.data.globaltomo_synthesis import GlobalTomo
from adseis.data.model_crops import Crops
from adseis.data.models import read_model
from adseis.data.openfwi_families import HIGH, LOW
from adseis.data.openfwi_layout import MAP
from adseis.data.openfwi_synthesis import OpenFwi
from adseis.data.synthesis import synthesize


@dataclass(frozen=True)
class What:
    """What is made.

    Attributes:
        what: openfwi: OpenFWI-style maps and their gathers, in OpenFWI's files. globaltomo: structures of a ball and their waves,
            in GlobalTomo's files.
    """

    what: tyro.conf.Positional[Literal["openfwi", "globaltomo"]]


@dataclass(frozen=True)
class SampleOptions:
    """What is drawn.

    Attributes:
        family: Of openfwi: families of maps, one or several, by blanks, commas or repetition: flat-vel-a, flat-vel-b,
            curve-vel-a, curve-vel-b, flat-fault-a, flat-fault-b, curve-fault-a, curve-fault-b, style-a, style-b.
        tier: Of globaltomo: acoustic and elastic, GlobalTomo's balls of a fluid and of a solid (a GPU, or some minutes a
            sample); acoustic-small, a tier of ours for two cores, of degree 4 and 8 Hz, which is the default.
        samples: Samples of each family, or of the tier.
        samples_per_file: Samples of a file; by default 500 of openfwi, where a sample takes 1.4 MB, and a file as much memory
            while it is made; 100 of globaltomo, whose files are written sample by sample.
        seed: Of all samples: one depends on it, on its number, and on its family or on how many there are.
    """

    family: tuple[str, ...] = ()
    tier: Literal["acoustic", "acoustic-small", "elastic"] | None = None
    samples: int = 500
    samples_per_file: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class CropOptions(ModelOptions):
    """A model whose windows, at random places and scales, are one more family, "crops".

    Attributes:
        stretch: Stretch its speeds to OpenFWI's range, 1500 to 4500 m/s; else they stay as they are.
    """

    stretch: Flag = False


@dataclass(frozen=True)
class FolderOptions:
    """Where data go.

    Attributes:
        output: Folder of the data, of their `manifest.json` and `statistics.md`; by default one under data/ of what is made.
            Another run's is refused, the same run goes on.
    """

    output: Path | None = None


@dataclass(frozen=True)
class Synthesize(ClusterOptions, FolderOptions, CropOptions, SampleOptions, What):
    """Draw media, simulate them, and write both as training data: openfwi, globaltomo.

    Maps are drawn in the style of OpenFWI's families, or cut from a model of yours, and simulated by OpenFWI's operator over all
    devices; balls are drawn as GlobalTomo's, and simulated by spectral elements. They are no data of these, but written as their
    files, by this process or by jobs of a cluster. A run that was killed and is started again goes on, and leaves the same bytes
    as one that was not. `manifest.json` tells settings, versions and the SHA-256 of each file, `statistics.md` shows ranges and
    pictures.
    """

    GROUPS: ClassVar = {
        "": What,
        "samples": SampleOptions,
        "crops": CropOptions,
        "output": FolderOptions,
        "cluster": ClusterOptions,
    }
    EXAMPLES: ClassVar[str] = """examples:
  adseis synthesize openfwi --family curve-fault-b --samples 2000 --output data/
  adseis synthesize openfwi --family flat-vel-a,style-b --samples 500 --samples-per-file 100
  adseis synthesize openfwi --model overthrust_model.h5 --stretch --samples 1000 --output crops/
  adseis synthesize openfwi --family style-a --samples 60000 --cluster slurm --jobs 40 --gpus 1
  adseis synthesize globaltomo --tier acoustic-small --samples 2000 --output data/
  adseis synthesize globaltomo --tier acoustic --samples 10000 --cluster slurm --jobs 40 --gpus 1
"""


def run(config: Synthesize) -> int:
    """Make what is missing, and the page of statistics.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If the model file does not exist.
        ValueError: If an option or a file cannot be right.
        RuntimeError: If jobs failed.
        OSError: If the folder cannot be written, or is another run's.
        ImportError: If submitit is needed and not installed.
    """
    generator, folder = generator_of(config), config.output or Path("data", config.what)
    count = sum(task.samples for task in generator.tasks())
    size = sum(task.size for task in generator.tasks())
    told = ", ".join(generator.names) if isinstance(generator, OpenFwi) else f"tier {generator.tier.name}"
    print(f"{count} samples of {told}: {size / 1e9:.3g} GB in {folder}")
    begun = time.perf_counter()
    if config.cluster:
        manifest = synthesize_by_jobs(generator, folder, config, cluster=config.cluster)
    else:
        manifest = synthesize(generator, folder)
    seconds = time.perf_counter() - begun
    dump(config, folder / "config.toml")
    page = write_statistics(generator, folder) if isinstance(generator, OpenFwi) else write_ball_statistics(generator, folder)
    print(f"done in {seconds:.0f} s; manifest: {manifest}; statistics: {page}")
    return 0


def generator_of(config: Synthesize) -> OpenFwi | GlobalTomo:
    """What makes the data that are asked for.

    Args:
        config: The options.

    Returns:
        The generator.

    Raises:
        FileNotFoundError: If the model file does not exist.
        ValueError: If an option or a file cannot be right.
    """
    _refuse_useless(config)
    if config.what == "globaltomo":
        each = 100 if config.samples_per_file is None else config.samples_per_file
        return maker(config.tier or "acoustic-small", config.samples, each, config.seed)
    crops = None
    if config.model is not None:
        model = read_model(
            config.model, axes=config.axes, spacing=config.spacing, shape=config.shape, unit=config.unit, endian=config.endian
        )
        crops = Crops(model, MAP, (LOW, HIGH) if config.stretch else None)
    elif config.stretch:
        raise ValueError("`stretch` is of no use without a `model`. Leave it out, or give one.")
    families = tuple(name.strip() for word in config.family for name in word.split(",") if name.strip())
    return OpenFwi(
        families, config.samples, 500 if config.samples_per_file is None else config.samples_per_file, config.seed, crops
    )


def _refuse_useless(config: Synthesize) -> None:
    """Refuse options of what is not made."""
    of = {"openfwi": ("family", *(field.name for field in dataclasses.fields(CropOptions))), "globaltomo": ("tier",)}
    for what, names in of.items():
        useless = [] if what == config.what else changed(config, Synthesize(config.what), names)
        if useless:
            raise ValueError(f"{useless[0]} is of no use to {config.what}: it is an option of {what}. Leave it out.")
