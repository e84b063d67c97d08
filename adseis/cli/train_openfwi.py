"""`adseis train openfwi`: a network that inverts gathers, from a folder of samples."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import jax

from adseis.cli.farm import JobOptions, run_as_job
from adseis.cli.folders import choose
from adseis.cli.option_groups import OutputOptions
from adseis.cli.runs import RunFolder
from adseis.cli.training_data import SPLIT, Parts, check_sizes, fits, identity, read_parts
from adseis.cli.training_options import FolderOfData, LossOptions, StepOptions
from adseis.cli.training_report import write_training_report
from adseis.cli.training_runs import Showing
from adseis.data.openfwi import write_split
from adseis.networks import SwinUNet
from adseis.networks.adapters import counts
from adseis.networks.timm_weights import load_timm
from adseis.parallel.devices import device_mesh
from adseis.training import Fitted, Plan, fit
from adseis.training.augmentation import Amplitude, Augmentation, DeadReceivers, Mirror, Noise
from adseis.training.deformation import Resimulated
from adseis.training.evaluation import validation_of
from adseis.training.losses import class_weights
from adseis.training.masked import Filler, Masked, with_encoder
from adseis.training.physics import WithPhysics
from adseis.training.presets import Preset, preset_of
from adseis.training.samples import Samples
from adseis.training.steps import Loss
from adseis.training.trained_network import with_weights

AUGMENTATIONS: dict[str, Augmentation] = {
    "noise": Noise(),
    "amplitude": Amplitude(),
    "receivers": DeadReceivers(),
    "mirror": Mirror(),
}
STEP_KEY, MASKED = ("step", "kind"), "masked"


@dataclass(frozen=True)
class PresetOptions:
    """What is trained.

    Attributes:
        preset: inversionnet, velocitygan, unet, swin-unet: whole gathers and millions of weights, for a GPU;
            inversionnet-small, velocitygan-small, unet-small, swin-unet-small: small gathers, for two cores; foundation: the last
            of these, its encoder pre-trained on masked gathers, for many families and to be adapted.
        weights: File of weights to begin with (`best.safetensors` of a training); by default random ones.
        encoder: File of timm's weights for the encoder of a Swin-U-Net, `model.safetensors` of swinv2_tiny_window8_256 for the
            preset swin-unet.
        masked: Steps of a pre-training of the encoder, which fills in what is hidden of gathers; of a Swin-U-Net for small
            gathers. By default as the preset says.
    """

    preset: str = "swin-unet-small"
    weights: Path | None = None
    encoder: Path | None = None
    masked: int | None = None


@dataclass(frozen=True)
class TrainOpenfwi(JobOptions, OutputOptions, LossOptions, StepOptions, PresetOptions, FolderOfData):
    """Train a network that makes maps of velocity of OpenFWI's gathers.

    The run folder gets the network (`best.safetensors`), what a killed run goes on from to the same bits (`last.safetensors`),
    `metrics.jsonl`, `log.txt`, curves and predictions that are drawn anew at each validation, and `report.md`.
    """

    GROUPS: ClassVar = {
        "": PresetOptions,
        "data": FolderOfData,
        "steps": StepOptions,
        "loss": LossOptions,
        "output": OutputOptions,
        "cluster": JobOptions,
    }
    EXAMPLES: ClassVar[str] = """examples:
  adseis synthesize openfwi --family flat-vel-a,curve-vel-a --samples 1000 --samples-per-file 100 --output data/
  adseis train openfwi --preset swin-unet-small --data data/ --steps 3000
  adseis train openfwi --preset unet-small --data data/ --augment noise mirror --output runs/unet
  adseis train openfwi --preset unet-small --data data/ --physics 0.1
  adseis train evaluate runs/unet
"""


def run(config: TrainOpenfwi) -> int:
    """Train, and leave a run folder.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If a folder or file does not exist.
        ValueError: If an option or a file cannot be right.
        FloatingPointError: If the loss is no number.
        OSError: If the folder cannot be written.
        ImportError: If submitit is needed and not installed.
    """
    preset = preset_of(config.preset)
    loss = loss_of(preset, config)
    parts = read_parts(config, labels=not config.no_labels)
    if config.cluster:
        return run_as_job(run, config, cluster=config.cluster)
    with RunFolder(
        choose(config, f"train-{preset.name}"), config, seed=config.seed, key=STEP_KEY, overwrite=config.overwrite
    ) as folder:
        if folder.finished:
            return folder.tell()
        begun = time.perf_counter()
        network = _begun(preset, config)
        if steps := preset.masked if config.masked is None else config.masked:
            network = _pretrained(preset, network, parts, steps, config, folder.path / MASKED)
        found = trained(preset, network, loss, parts, config, folder)
        write_training_report(folder, preset, found, parts, seconds=time.perf_counter() - begun)
    return 0


def _begun(preset: Preset, config: TrainOpenfwi) -> Any:
    """The network with the weights that it begins with."""
    network = preset.network(config.seed)
    if config.weights is not None and config.encoder is not None:
        raise ValueError("`weights` and `encoder` both say what the encoder begins with. Give one of them.")
    if config.weights is not None:
        return with_weights(network, config.weights)
    if config.encoder is None:
        return network
    if not isinstance(network, SwinUNet):
        raise ValueError(f"`encoder` = {config.encoder} is of a Swin-U-Net, not of `preset` = {preset.name}. Leave it out.")
    return eqx.tree_at(lambda whole: whole.encoder, network, load_timm(network.encoder, config.encoder))


def _pretrained(preset: Preset, network: Any, parts: Parts, steps: int, config: TrainOpenfwi, folder: Path) -> Any:
    """A network whose encoder has filled in what is hidden of gathers."""
    if not isinstance(network, SwinUNet):
        raise ValueError(f"`masked` = {steps} is of a Swin-U-Net, not of `preset` = {preset.name}. Leave it out.")
    filler = Filler(network, key=jax.random.key(config.seed + 1))
    samples = Samples(parts.train, config.batch or preset.batch, seed=config.seed, prepare=preset.transforms.sized)
    print(f"pre-training on masked gathers: {steps} steps")
    plan = Plan(steps, every=max(1, steps // 4), seed=config.seed)
    found = fit(
        filler, Masked(preset.transforms), samples, optimizer=preset.optimizer(steps), plan=plan, folder=folder,
        about={"masked": preset.name, "data": identity(parts.train)},
    )  # fmt: skip
    return with_encoder(network, found.x)


def trained(
    preset: Preset,
    network: Any,
    loss: Loss,
    parts: Parts,
    config: StepOptions,
    folder: RunFolder,
    *,
    count: int | None = None,
    about: Mapping[str, str] | None = None,
) -> Fitted:
    """Train a network of a preset in a run folder.

    Args:
        preset: Its recipe.
        network: Where it begins.
        loss: What is minimized.
        parts: Data.
        config: How long.
        folder: Where.
        count: Samples to learn from; None for all.
        about: What identifies it beside preset, transforms and data.

    Returns:
        What it has come to.
    """
    check_sizes(preset, parts.validation, config.validate)
    if parts.division:
        write_split(folder.path / SPLIT, parts.division)
    batch = config.batch or preset.batch
    small = preset.transforms.small
    samples = Samples(
        parts.train, batch, seed=config.seed, weights=class_weights(_counted(parts)) if preset.weighted else None,
        prepare=preset.transforms.sized, held=fits(parts.train, small=small, count=count), count=count,
    )  # fmt: skip
    devices = device_mesh() if len(jax.devices()) > 1 and batch % len(jax.devices()) == 0 else None
    plan = Plan(
        config.steps, every=config.every, patience=config.patience, average=config.average, accumulate=config.accumulate,
        precision=None if config.precision == "float32" else config.precision, seed=config.seed, devices=devices,
    )  # fmt: skip
    pace = {"rate": config.rate, "restarts": None if config.schedule is None else config.schedule == "restarts"}
    rate = preset.schedule(config.steps, **pace)
    learned, weights = counts(network)
    few = "" if learned == weights else f", {learned:,} of them trained"
    told = f"{preset.name}: {weights:,} parameters{few}; {samples.order.samples} samples, {len(parts.validation)} held back; "
    print(f"{told}{config.steps} steps of {batch} ({config.steps / samples.order.steps:.1f} epochs)")
    return fit(
        network, loss, samples, optimizer=preset.optimizer(config.steps, **pace), plan=plan,
        validate=validation_of(parts.validation, preset.inverter, samples=config.validate), folder=folder.path,
        about={"preset": preset.name, "transforms": preset.transforms.about(), "data": identity(parts.train), **(about or {})},
        callback=Showing(folder, preset, parts.validation, lambda step: float(jax.numpy.asarray(rate(step)))),
    )  # fmt: skip


def loss_of(preset: Preset, config: LossOptions) -> Loss:
    """The loss that is asked for.

    Args:
        preset: Whose.
        config: With what beside.

    Returns:
        For `fit`.

    Raises:
        ValueError: If options contradict each other.
    """
    deform = Resimulated() if "deform" in config.augment else None
    supervised = preset.supervised(tuple(AUGMENTATIONS[name] for name in config.augment if name != "deform"), deform)
    if not config.physics:
        if config.no_labels:
            raise ValueError("`no_labels` leaves nothing to learn from without `physics`. Give its weight, such as 1.")
        return preset.whole_loss(supervised)
    if config.physics < 0 or preset.adversarial:
        raise ValueError(f"`physics` = {config.physics:g} must be positive, and of a preset without a critic.")
    if untrue := [name for name in ("amplitude", "mirror") if name in config.augment]:
        raise ValueError(
            f"`augment` = {', '.join(untrue)} changes what `physics` compares with: gains, or, of mirrored gathers, the place of "
            "the middle shot by ten metres. Leave one of them out."
        )
    return WithPhysics(supervised, config.physics, config.simulated, labels=not config.no_labels, exact=config.operator)


def _counted(parts: Parts) -> dict[str, int]:
    """Family -> samples to learn from."""
    counted: dict[str, int] = {}
    for pair in parts.train.pairs:
        counted[pair.subset.family] = counted.get(pair.subset.family, 0) + pair.samples
    return counted
