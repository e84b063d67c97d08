"""Options of `adseis train` that its commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from adseis.cli.option_groups import Flag

AugmentName = Literal["noise", "amplitude", "receivers", "mirror", "deform"]


@dataclass(frozen=True)
class FolderOfData:
    """Where samples are.

    Attributes:
        data: Folder of OpenFWI's files, of OpenFWI or of `adseis synthesize openfwi`.
        validation: Folder of what is held back; by default every fifth file of `data`, or as `split` says.
        split: Which file belongs to which part, a text of lines `train CurveFault_B/seis6_1_0.npy`.
        subsets: Those to take, such as curve-fault-b; by default all that are there.
    """

    data: Path
    validation: Path | None = None
    split: Path | None = None
    subsets: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepOptions:
    """How long and how fast weights move.

    Attributes:
        steps: Steps in all, over which the learning rate rises and falls.
        batch: Samples of a step; by default as the preset says.
        rate: Greatest learning rate; by default as the preset says.
        schedule: cosine: a short rise and one half cosine over all steps; restarts: a rise and ever longer cosines. By default as
            the preset says.
        every: Steps between validations, checkpoints and pictures.
        patience: Validations without a better error after which it ends; by default never.
        average: Decay of the moving average of the weights, which is what is validated and kept.
        accumulate: Parts of a batch that are passed one after the other: less memory.
        precision: Of the weights within a step, where the device is faster for it.
        validate: Samples of each validation, spread evenly; by default all that are held back.
        seed: Of first weights, order of samples, and everything that is drawn.
    """

    steps: int = 2000
    batch: int | None = None
    rate: float | None = None
    schedule: Literal["cosine", "restarts"] | None = None
    every: int = 200
    patience: int | None = None
    average: float = 0.99
    accumulate: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    validate: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class LossOptions:
    """What is asked of the maps.

    Attributes:
        augment: What is done to samples: noise (2 %), amplitude (10 % of shots and of receivers), receivers (up to five dead),
            mirror (left and right), deform (maps bent, faulted, scaled, smoothed, and simulated again: one of each batch).
        physics: Weight of the misfit of the waveforms of predicted maps, by the wave equation; 0 for none.
        simulated: Samples of each batch whose waveforms are simulated.
        operator: Simulate by OpenFWI's operator itself, in place of its proxy within absorbing layers, which takes an eighth of
            the time.
        no_labels: Let waveforms be the only teacher. Where there are no maps beside the gathers, they are the only judge, too.
    """

    augment: tuple[AugmentName, ...] = ()
    physics: float = 0.0
    simulated: int = 1
    operator: Flag = False
    no_labels: Flag = False


@dataclass(frozen=True)
class RunArgument:
    """A training that has ended.

    Attributes:
        run: Folder of the training.
    """

    run: tyro.conf.Positional[Path]
