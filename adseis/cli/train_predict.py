"""`adseis train predict`: maps of velocity of gathers in a file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from adseis.cli.option_groups import Flag
from adseis.cli.training_options import RunArgument
from adseis.cli.training_runs import inverter_of
from adseis.data.arrays import read_npy
from adseis.data.openfwi_layout import GATHERS, SHRUNK
from adseis.files import check_writable, sha256, written_whole
from adseis.networks.weights import fingerprint
from adseis.training.trained_network import Inverter
from adseis.training.waveform_fitting import fitted_to
from adseis.viz.figures import save_figure
from adseis.viz.sheets import plot_sheet


@dataclass(frozen=True)
class PredictOptions:
    """What is predicted.

    Attributes:
        data: Gathers of OpenFWI's survey, `.npy` of (5, 1000, 70) or (sample, 5, 1000, 70), or small ones, (..., 5, 72, 72).
        output: File of the maps [m/s], `.npy` (sample, 1, 70, 70), with a picture beside; by default DATA-predicted.npy.
        mirror: Mean over gathers and their mirror image.
        fit: Steps in which low-rank adapters are fitted to the waveforms of each sample, without a label; a step takes some two
            seconds of a core. Maps are kept one by one in OUTPUT-fitted, so that the same command goes on.
    """

    data: Path
    output: Path | None = None
    mirror: Flag = False
    fit: int = 0


@dataclass(frozen=True)
class Predict(PredictOptions, RunArgument):
    """Make maps of velocity [m/s] of gathers by a trained network; `adseis invert --problem openfwi` refines them."""

    GROUPS: ClassVar = {"": RunArgument, "prediction": PredictOptions}
    EXAMPLES: ClassVar[str] = """examples:
  adseis train predict runs/train-unet-small --data gathers.npy --output predicted.npy
  adseis invert --problem openfwi --data gathers.npy --initial predicted.npy
"""


def run(config: Predict) -> int:
    """Predict.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If gathers are of another shape, or no numbers.
        OSError: If the maps cannot be written.
    """
    output = config.output or config.data.with_name(f"{config.data.stem}-predicted.npy")
    check_writable(output.parent)
    inverter, _ = inverter_of(config.run)
    gathers = gathers_of(config.data)
    if config.fit and config.mirror:
        raise ValueError("`fit` is of one network, `mirror` of two predictions. Take one of them.")
    kept = output.with_name(f"{output.stem}-fitted")
    maps = _fitted(inverter, gathers, config.fit, kept) if config.fit else inverter.in_batches(gathers, mirror=config.mirror)
    _write(output, maps[:, None])
    picture = output.with_suffix(".png")
    save_figure(plot_sheet({f"of {config.data.name}": maps[:8]}), picture)
    print(f"{len(maps)} map(s), {maps.min():.0f} to {maps.max():.0f} m/s: {output}, {picture}")
    return 0


def _fitted(inverter: Inverter, gathers: np.ndarray, steps: int, kept: Path) -> np.ndarray:
    """Maps of networks that were fitted to the waveforms of their own samples; each is kept as soon as it is there.

    Its file is named by all that it depends on: the same command goes on, and no other takes it.
    """
    network, maps = fingerprint(inverter.network), []
    for number, sample in enumerate(gathers):
        told = f"{network} {inverter.transforms.about()} {sha256(sample)} {steps}"
        path = kept / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.npy"
        if path.exists():
            print(f"sample {number}: fitted before, {path}")
        else:
            one, (before, after) = fitted_to(inverter, sample, steps=steps)
            print(f"sample {number}: misfit of the waveforms {before:.3g} -> {after:.3g}")
            _write(path, np.asarray(one(sample[None]))[0])
        maps.append(read_npy(path))
    return np.stack(maps)


def _write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("wb") as file:  # by its name NumPy would write another file
        np.save(file, array.astype("float32"), allow_pickle=False)


def gathers_of(path: Path) -> np.ndarray:
    """Gathers of a file.

    Args:
        path: `.npy`.

    Returns:
        `(sample, shot, time, receiver)`.

    Raises:
        FileNotFoundError: If there is no file.
        ValueError: If it holds something else.
    """
    array = read_npy(path)
    gathers = array[None] if array.ndim == 3 else array
    if gathers.ndim != 4 or gathers.shape[1:] not in (GATHERS, SHRUNK) or not len(gathers):
        raise ValueError(f"`data` holds {array.shape}; gathers are (sample, 5, 1000, 70), or small ones (sample, 5, 72, 72).")
    gathers = gathers.astype("float32")
    if not np.isfinite(gathers).all():
        where = np.argwhere(~np.isfinite(gathers))[0]
        raise ValueError(f"`data` is no number in sample {where[0]}, shot {where[1]}, receiver {where[3]}. Mend or leave it out.")
    return gathers
