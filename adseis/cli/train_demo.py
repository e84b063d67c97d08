"""`adseis train`: all of it at a small size: data, a network, its errors, and two maps refined through the physics."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from adseis.cli import train_evaluate, train_openfwi
from adseis.cli.openfwi_statistics import write_statistics
from adseis.cli.option_groups import Flag
from adseis.cli.train_evaluate import Evaluate, data_of
from adseis.cli.train_openfwi import TrainOpenfwi
from adseis.cli.training_runs import inverter_of
from adseis.data.openfwi_synthesis import OpenFwi
from adseis.data.synthesis import synthesize
from adseis.files import written_whole
from adseis.inversion.openfwi import Refined, refine
from adseis.viz.figures import save_figure
from adseis.viz.training import plot_predictions

FAMILIES = ("flat-vel-a", "curve-vel-a")
REFINED = "refined"
FEWEST = 10
"""Samples of a family: four fifths of both are a batch of the training."""


@dataclass(frozen=True)
class DemoOptions:
    """How much of it.

    Attributes:
        samples: Samples of each of two families, flat-vel-a and curve-vel-a.
        steps: Of the training.
        refined: Maps that are refined through the physics.
        evaluations: Gradients of the operator that each may take.
        output: Folder of everything.
        overwrite: Give up what another run has left there.
    """

    samples: int = 200
    steps: int = 150
    refined: int = 2
    evaluations: int = 60
    output: Path = Path("runs/train-demo")
    overwrite: Flag = False


@dataclass(frozen=True)
class Demo(DemoOptions):
    """Synthesise a small set, train the small Swin-U-Net on it, evaluate it, refine two of its maps by their gathers, report.

    Some fifteen minutes on two cores. A run that was killed goes on where it stopped.
    """

    GROUPS: ClassVar = {"": DemoOptions}
    EXAMPLES: ClassVar[str] = """examples:
  adseis train
  adseis train demo --samples 500 --steps 1000
"""


def run(config: Demo) -> int:
    """All of it.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        ValueError: If an option cannot be right.
        OSError: If the folder cannot be written, or holds another run.
    """
    if config.samples < FEWEST:
        raise ValueError(f"`samples` = {config.samples} must be at least {FEWEST}, for a batch of the training.")
    data, training = config.output / f"data-{config.samples}", config.output / "training"
    generator = OpenFwi(FAMILIES, config.samples, max(1, config.samples // 5), 0, None)
    print(f"1 of 4: {len(FAMILIES) * config.samples} samples of {' and '.join(FAMILIES)}, in {data}")
    synthesize(generator, data)
    write_statistics(generator, data)
    print(f"2 of 4: training, in {training}")
    train_openfwi.run(
        TrainOpenfwi(data=data, steps=config.steps, every=max(1, config.steps // 6), output=training, overwrite=config.overwrite)
    )
    print("3 of 4: evaluation")
    evaluation = Evaluate(training, robust=64, misfit=4)
    train_evaluate.run(evaluation)
    print(f"4 of 4: {config.refined} maps, refined by their gathers")
    table = _refine(config, training)
    page = config.output / "report.md"
    parts = [
        "# A network that inverts, and physics that mends its maps",
        f"Data drawn and simulated by adseis in the style of OpenFWI: [statistics]({data.name}/statistics.md). Training: "
        "[report](training/report.md). Evaluation: [report](training/evaluation/report.md).",
        "## Maps of the network, refined by their gathers",
        table,
        f"![{REFINED}]({REFINED}.png)",
        "## How it learned",
        "![learning](training/learning.png)",
    ]
    with written_whole(page) as partial:
        partial.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"report: {page}")
    return 0


def _refine(config: Demo, training: Path) -> str:
    """Refine maps that were held back; a table."""
    inverter, about = inverter_of(training)
    held = data_of(Evaluate(training))
    some = held.batch(np.linspace(0, len(held) - 1, config.refined).astype(int))
    predicted = inverter.in_batches(some.gathers)
    rows, refined = [], []
    for number, (subset, gathers, start, true) in enumerate(
        zip(some.subset, some.gathers, predicted, some.velocity, strict=True)
    ):
        journal = config.output / f"refinement-{about['sha256'][:8]}-{config.evaluations}-{number}.h5"
        found = refine(gathers, start, evaluations=config.evaluations, journal=journal)
        assert isinstance(found, Refined)
        refined.append(np.asarray(found.x))
        errors = [float(np.abs(vp - true).mean()) for vp in (start, refined[-1])]
        rows.append(
            f"| {subset} | {errors[0]:.1f} | {errors[1]:.1f} | {found.before:.2g} | {found.after:.2g} | {found.evaluations} |"
        )
        print(f"map {number + 1}, {subset}: MAE {errors[0]:.1f} -> {errors[1]:.1f} m/s")
    figure = plot_predictions(some.velocity, predicted, refined=np.stack(refined), names=some.subset)
    save_figure(figure, config.output / f"{REFINED}.png")
    head = "| subset | MAE of the network (m/s) | refined (m/s) | misfit before | after | gradients |\n|---|---|---|---|---|---|"
    return "\n".join([head, *rows])
