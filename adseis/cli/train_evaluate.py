"""`adseis train evaluate`: how good a trained network is, with noise, with dead receivers, and in the data."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from adseis.cli.configuration import dump
from adseis.cli.option_groups import Flag
from adseis.cli.runs import versions
from adseis.cli.training_data import SPLIT, VALIDATION, opened
from adseis.cli.training_options import RunArgument
from adseis.cli.training_report import PUBLISHED, errors_table
from adseis.cli.training_runs import inverter_of
from adseis.data import openfwi
from adseis.files import written_whole
from adseis.networks.adapters import counts
from adseis.training.evaluation import by_kind, data_misfit, ensemble, evaluate, robustness
from adseis.training.trained_network import Inverter
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.training import plot_predictions

NOISE, MISSING = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5), (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class EvaluateOptions:
    """What is asked.

    Attributes:
        data: Folder of samples; by default what the training has held back.
        subsets: Those to take; by default all that are there.
        samples: How many are predicted, spread evenly; by default all.
        robust: Samples of the curves against noise and dead receivers; 0 draws none.
        misfit: Maps that are simulated, to flag those that do not explain their gathers; each takes half a second of a core.
        others: Folders of further trainings, whose mean and spread are told.
        no_mirror: Leave out the mean over gathers and their mirror image.
        output: Folder of the report; by default RUN/evaluation.
    """

    data: Path | None = None
    subsets: tuple[str, ...] = ()
    samples: int | None = None
    robust: int = 128
    misfit: int = 8
    others: tuple[Path, ...] = ()
    no_mirror: Flag = False
    output: Path | None = None


@dataclass(frozen=True)
class Evaluate(EvaluateOptions, RunArgument):
    """Measure a trained network: errors by subset beside those published, curves of robustness, misfit of the waveforms."""

    GROUPS: ClassVar = {"": RunArgument, "evaluation": EvaluateOptions}
    EXAMPLES: ClassVar[str] = """examples:
  adseis train evaluate runs/train-unet-small
  adseis train evaluate runs/train-unet-small --data other-families/ --samples 500
"""


def run(config: Evaluate) -> int:
    """Evaluate, and leave a report.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If there is no trained network, or no data.
        ValueError: If a file is damaged.
        OSError: If the report cannot be written.
    """
    inverter, about = inverter_of(config.run)
    data = data_of(config)
    folder = config.output or config.run / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    dump(config, folder / "config.toml")
    plain = evaluate(inverter.in_batches, data, samples=config.samples, progress=True)
    parameters = counts(inverter.network)[1]
    told = f"{about.get('preset')}, {parameters:,} parameters, trained with {about.get('data')}; {plain['mean']['samples']:.0f} "
    kinds = f"Over the subsets of each kind:\n\n{errors_table(by_kind(plain))}"
    sections = [f"{told}samples evaluated.\n\n{errors_table(plain)}\n\n{PUBLISHED}", kinds]
    kept: dict[str, Any] = {"run": str(config.run), "weights": about["sha256"], "parameters": parameters}
    kept |= {"trained with": about.get("data"), "plain": plain, "by kind": by_kind(plain)}
    if not config.no_mirror:
        mirrored = evaluate(lambda d: inverter.in_batches(d, mirror=True), data, samples=config.samples, progress=True)
        kept["mirrored"] = mirrored
        sections.append(f"## Mean over gathers and their mirror image\n\n{errors_table(mirrored)}")
    if config.others:
        kept["ensemble"], text = _ensemble(inverter, config, data)
        sections.append(text)
    if config.robust:
        kept["robustness"] = robustness(inverter, data, samples=config.robust, noise=NOISE, missing=MISSING, progress=True)
        _draw_curves(kept["robustness"], folder / "robustness.png")
        sections.append("## Noise and dead receivers\n\n![robustness](robustness.png)")
    shown = data.batch(np.linspace(0, len(data) - 1, min(8, len(data))).astype(int))
    figure = plot_predictions(shown.velocity, inverter.in_batches(shown.gathers), names=shown.subset)
    save_figure(figure, folder / "predictions.png")
    sections.append("## Predictions\n\n![predictions](predictions.png)")
    if config.misfit:
        kept["misfit"], text = _misfits(inverter, data, config.misfit)
        sections.append(text)
    made = ", ".join(f"{name} {value}" for name, value in versions().items())
    with written_whole(folder / "evaluation.json") as partial:
        partial.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    with written_whole(folder / "report.md") as partial:
        head = f"# Evaluation of {config.run}"
        partial.write_text("\n\n".join([head, *sections, f"Made with {made}."]) + "\n", encoding="utf-8")
    print(errors_table(plain))
    print(f"report: {folder / 'report.md'}")
    return 0


def data_of(config: Any) -> openfwi.Dataset:
    """The folder that is named, or what the training held back.

    Args:
        config: Options with `run`, `data` and `subsets`.

    Returns:
        The samples.

    Raises:
        FileNotFoundError: If they are gone.
        ValueError: If the training's own options cannot be read.
    """
    if config.data is not None:
        return opened(config.data, config.subsets)
    training = settings_of(config.run)
    if training.get("validation", "none") != "none":
        return opened(Path(training["validation"]), config.subsets or tuple(training["subsets"]))
    whole = opened(Path(training["data"]), config.subsets or tuple(training["subsets"]))
    return whole.part(VALIDATION, openfwi.read_split(config.run / SPLIT))


def settings_of(run: Path) -> dict[str, Any]:
    """The options that a training was started with.

    Args:
        run: Its folder.

    Returns:
        Name -> value, as `config.toml` holds it.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it names no data.
    """
    path = run / "config.toml"
    if not path.is_file():
        raise FileNotFoundError(f"`{run}` has no config.toml, so that its data are not known. Name a folder by --data.")
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    if "data" not in settings:
        raise ValueError(f"`{path}` names no data. Name a folder by --data.")
    return settings


def _ensemble(inverter: Inverter, config: Evaluate, data: openfwi.Dataset) -> tuple[dict[str, Any], str]:
    """Mean and spread of several trainings."""
    inverters = [inverter, *(inverter_of(other)[0] for other in config.others)]
    both = ensemble([one.in_batches for one in inverters])
    spreads: list[float] = []

    def mean(gathers: np.ndarray) -> np.ndarray:
        found, spread = both(gathers)
        spreads.extend(spread.mean((1, 2)))
        return found

    rows = evaluate(mean, data, samples=config.samples, progress=True)
    told = f"Mean standard deviation between them {np.mean(spreads):.1f} m/s."
    text = f"## Ensemble of {len(inverters)}\n\n{errors_table(rows)}\n\n{told}"
    return {"figures": rows, "spread": float(np.mean(spreads))}, text


def _misfits(inverter: Inverter, data: openfwi.Dataset, count: int) -> tuple[list[float], str]:
    """Which maps do not explain their gathers."""
    some = data.batch(np.linspace(0, len(data) - 1, min(count, len(data))).astype(int))
    predicted = inverter.in_batches(some.gathers)
    misfits = data_misfit(predicted, some.gathers, progress=True)
    usual = float(np.median(misfits))
    errors = np.abs(predicted - some.velocity).mean((1, 2))
    lines = [
        f"| {subset} | {file.name}, row {row} | {error:.1f} | {misfit:.3g} | {'doubtful' if misfit > 3 * usual else ''} |"
        for subset, file, row, error, misfit in zip(some.subset, some.file, some.row, errors, misfits, strict=True)
    ]
    head = "| subset | sample | MAE (m/s) | misfit of the waveforms | |\n|---|---|---|---|---|"
    text = "## Misfit of the waveforms, which needs no truth\n\nThose three times above the median are flagged.\n\n"
    return misfits.tolist(), text + "\n".join([head, *lines])


def _draw_curves(found: Mapping[str, Sequence[tuple[float, float]]], path: Path) -> None:
    curves = {name: [error for _, error in pairs] for name, pairs in found.items()}
    levels = {name: np.array([level for level, _ in pairs]) for name, pairs in found.items()}
    save_figure(plot_curve(curves, x=levels, xlabel="level, or share of receivers", ylabel="MAE [m/s]", log=False), path)
