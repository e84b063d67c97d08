"""`adseis train adapt`: a trained network for other data, by few numbers or by all, and what it forgets."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import jax

from adseis.cli.folders import choose
from adseis.cli.option_groups import OutputOptions
from adseis.cli.runs import RunFolder
from adseis.cli.train_openfwi import STEP_KEY, trained
from adseis.cli.training_data import check_sizes, opened, read_parts
from adseis.cli.training_options import FolderOfData, RunArgument, StepOptions
from adseis.cli.training_report import write_training_report
from adseis.cli.training_runs import ADAPTER, inverter_of
from adseis.networks.adapters import Adapted, bottleneck, counts, lora, unmerge, write_adapter
from adseis.networks.weights import fingerprint
from adseis.training.evaluation import evaluate
from adseis.training.presets import Preset, preset_of

METHOD_RATES = {"lora": 3.0, "adapter": 3.0, "head": 3.0, "full": 0.3, "scratch": 1.0}
"""Learning rate over that of the preset, where none is given: few numbers may move further, and what is learned not far."""


@dataclass(frozen=True)
class MethodOptions:
    """How it is adapted.

    Attributes:
        method: lora: low-rank products beside the weights, under 1 % of them; adapter: bottlenecks behind modules; head: the
            last layers; full: all weights; scratch: all weights, from random ones, to compare with.
        rank: Of low-rank products, or width of bottlenecks; by default as the preset says.
        where: Patterns of the places of layers, such as encoder/** or **/attention/*; by default as the preset says.
        samples: Samples to learn from, spread evenly over the data; by default all.
        old: Folder of samples of the kind that the network was trained with, to tell what it forgets.
    """

    method: Literal["lora", "adapter", "head", "full", "scratch"] = "lora"
    rank: int | None = None
    where: tuple[str, ...] = ()
    samples: int | None = None
    old: Path | None = None


@dataclass(frozen=True)
class Adapt(OutputOptions, StepOptions, MethodOptions, FolderOfData, RunArgument):
    """Adapt a trained network to other data.

    The run folder gets what a training leaves, and `adapter.safetensors`, which holds the adapters alone and knows the network
    that they belong to.
    """

    GROUPS: ClassVar = {
        "": RunArgument,
        "data": FolderOfData,
        "method": MethodOptions,
        "steps": StepOptions,
        "output": OutputOptions,
    }
    EXAMPLES: ClassVar[str] = """examples:
  adseis train adapt runs/train-unet-small --data salt/ --method lora --samples 50 --steps 300
  adseis train adapt runs/train-unet-small --data salt/ --method full --old data/
"""


def run(config: Adapt) -> int:
    """Adapt, and leave a run folder.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If a folder or file does not exist.
        ValueError: If an option or a file cannot be right.
        FloatingPointError: If the loss is no number.
        OSError: If the folder cannot be written.
    """
    base, about = inverter_of(config.run)
    if isinstance(base.network, Adapted):
        raise ValueError(
            f"`run` = {config.run} has been adapted itself. Adapt what it was made of ({about['base_run']}), or begin a training "
            "with its merged weights: `adseis train export` writes them, `adseis train openfwi --weights` takes them."
        )
    preset = preset_of(about["preset"]).plain()
    network = adapted(base.network, preset, config)
    parts = read_parts(config)
    old = None if config.old is None else opened(config.old)
    if old is not None:
        check_sizes(preset, old)
    if config.rate is None:
        config = replace(config, rate=METHOD_RATES[config.method] * preset.rate)
    standard = f"adapt-{config.method}"
    with RunFolder(choose(config, standard), config, seed=config.seed, key=STEP_KEY, overwrite=config.overwrite) as folder:
        if folder.finished:
            return folder.tell()
        begun, first = time.perf_counter(), fingerprint(base.network)
        found = trained(
            preset, network, preset.supervised(), parts, config, folder, count=config.samples,
            about={"base": about["sha256"], "base_run": str(config.run.resolve()), "method": config.method},
        )  # fmt: skip
        if isinstance(found.x, Adapted):
            told = {"preset": preset.name, "base_run": str(config.run.resolve()), "transforms": preset.transforms.about()}
            write_adapter(folder.path / ADAPTER, found.x, told)
        figures: dict[str, object] = {"method": config.method, "trained numbers": "{:,} of {:,}".format(*counts(found.x))}
        if isinstance(found.x, Adapted):
            figures["base left as it was"] = "yes" if fingerprint(unmerge(found.x)) == first else "NO"
        if old is not None:
            before, after = (
                evaluate(preset.inverter(one).in_batches, old, samples=config.validate)["mean"]["MAE"]
                for one in (base.network, found.x)
            )
            figures |= {"MAE on the old data, before (m/s)": before, "after (m/s)": after}
        write_training_report(folder, preset, found, parts, seconds=time.perf_counter() - begun, figures=figures)
    return 0


def adapted(network: Any, preset: Preset, config: Adapt) -> Any:
    """The network as it is about to learn.

    Args:
        network: The trained one.
        preset: Its recipe.
        config: How.

    Returns:
        With adapters, or with other weights.

    Raises:
        ValueError: If a pattern matches nothing, or the preset has no place for what is asked.
    """
    key = jax.random.key(config.seed)
    if config.method == "full":
        return network
    if config.method == "scratch":
        return preset.network(config.seed)
    if config.method == "head":
        return lora(network, where={"**": 0}, train=preset.head, key=key)
    places = preset.low_rank if config.method == "lora" else preset.bottlenecks
    patterns = {pattern: next(iter(places.values()), 8) for pattern in config.where} or dict(places)
    if config.rank is not None:
        patterns = dict.fromkeys(patterns, config.rank)
    if not patterns:
        raise ValueError(f"preset {preset.name} names no place for `method` = {config.method}. Name one by `where`.")
    return (lora if config.method == "lora" else bottleneck)(network, where=patterns, key=key)
