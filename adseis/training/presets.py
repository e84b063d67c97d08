"""What is trained under a name: a network, what stands before and behind it, its loss and its pace.

A preset of your own is one more entry of `PRESETS`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax
from jaxtyping import Array, Key

from adseis.networks import Critic, InversionNet, SwinUNet, UNet
from adseis.training.adversarial import TURNS, Adversarial, Pair, adversarial_optimizer
from adseis.training.augmentation import Augmentation
from adseis.training.deformation import Resimulated
from adseis.training.losses import Distance, Hybrid, MapLoss
from adseis.training.schedules import adamw, one_cycle, whole_cycles
from adseis.training.steps import Loss
from adseis.training.supervised import Supervised
from adseis.training.trained_network import Inverter
from adseis.training.transforms import LogScale, SpeedRange, Transforms, ZScore

RESTARTS = (8 * 3675, 8 * 5880)
"""Khanal's rise and first cosine: he has 512 samples a step, the preset 64."""


@dataclasses.dataclass(frozen=True)
class Preset:
    """A recipe.

    Attributes:
        name: Of it.
        build: From a key to the network.
        transforms: Before and behind it.
        loss: Of maps.
        rate: Greatest learning rate, for a run of a known number of steps.
        batch: Samples of a step.
        decay: Decay of the weights.
        clip: Greatest norm of the gradient; None for any.
        weighted: Whether families count inversely to their samples.
        adversarial: Whether the network is a pair of generator and critic.
        about: For what.
        low_rank: Where low-rank adapters are put, and of which rank.
        bottlenecks: Where bottlenecks are put, and how wide they are.
        head: Modules that are trained alone as its head.
        masked: Steps of a pre-training of its encoder on masked gathers, before all others.
        restarts: Steps of the rise and of the first of ever longer cosines, for its batch; both are stretched so that the last
            cosine ends with the run. None for one cosine over the whole run.
    """

    name: str
    build: Callable[[Key[Array, ""]], Any]
    transforms: Transforms
    loss: MapLoss
    rate: float
    batch: int
    about: str
    decay: float = 1e-4
    clip: float | None = 1.0
    weighted: bool = False
    adversarial: bool = False
    low_rank: Mapping[str, int] = dataclasses.field(default_factory=lambda: {"**": 1})
    bottlenecks: Mapping[str, int] = dataclasses.field(default_factory=dict)
    head: tuple[str, ...] = ("last",)
    masked: int = 0
    restarts: tuple[int, int] | None = None

    def network(self, seed: int) -> Any:
        """Its network with first weights.

        Args:
            seed: Of them.

        Returns:
            The network, or a `Pair`.
        """
        return self.build(jax.random.key(seed))

    def plain(self) -> "Preset":
        """Without its critic: what is adapted is the generator, by its distance to the maps.

        Returns:
            The same, or one of the generator.
        """
        if not self.adversarial:
            return self
        return dataclasses.replace(self, build=lambda key: self.build(key).generator, adversarial=False, clip=1.0)

    def inverter(self, network: Any) -> Inverter:
        """A network with its transforms.

        Args:
            network: Of this preset.

        Returns:
            From pressure to m/s.
        """
        return Inverter(network.generator if isinstance(network, Pair) else network, self.transforms)

    def supervised(self, augmentations: tuple[Augmentation, ...] = (), resimulated: Resimulated | None = None) -> Supervised:
        """Its loss of maps, without a critic.

        Args:
            augmentations: Of samples.
            resimulated: Deforms maps.

        Returns:
            For `fit`, or for `WithPhysics`.
        """
        return Supervised(self.loss, self.transforms, augmentations, resimulated)

    def whole_loss(self, supervised: Supervised) -> Loss:
        """Its loss, with the critic if it has one.

        Args:
            supervised: As `supervised` made it.

        Returns:
            For `fit`.
        """
        return Adversarial(supervised) if self.adversarial else supervised

    def schedule(self, steps: int, *, rate: float | None = None, restarts: bool | None = None) -> optax.Schedule:
        """Its learning rate.

        Args:
            steps: Of the whole run.
            rate: Greatest rate; None for its own.
            restarts: Whether it rises again and again, or falls once; None as the preset says.

        Returns:
            From the number of a step to the rate.
        """
        peak = self.rate if rate is None else rate
        if restarts is False or (restarts is None and self.restarts is None):
            return one_cycle(peak, steps)
        rise, period = self.restarts or RESTARTS
        return whole_cycles(peak, steps, warm_up=rise, period=period)

    def optimizer(self, steps: int, *, rate: float | None = None, restarts: bool | None = None) -> optax.GradientTransformation:
        """Its optimizer.

        Args:
            steps: Of the whole run.
            rate: Greatest rate; None for its own.
            restarts: As of `schedule`.

        Returns:
            The optimizer.
        """
        if not self.adversarial:
            return adamw(self.schedule(steps, rate=rate, restarts=restarts), decay=self.decay, clip=self.clip)
        betas = (0.0, 0.9)  # of Wasserstein's critics: momentum of a moving target leads astray
        generator, critic = (
            adamw(self.schedule(count, rate=rate, restarts=restarts), decay=self.decay, clip=self.clip, betas=betas)
            for count in (max(1, steps // TURNS), steps)
        )
        return adversarial_optimizer(generator, critic)


_LOGS = Transforms(LogScale(), SpeedRange(-1.0, 1.0))
_SMALL_LOGS = dataclasses.replace(_LOGS, small=True)
_SOON = Hybrid(value=20.0, edges=0.07, variation=0.05, delta=0.02)
"""The published loss is nearly blind to levels at first: values count by their squares, slopes eightfold by Sobel's sum. In runs
of minutes levels have to come sooner: here values count as they are, and slopes as those of a unit step."""
_SWIN_RANKS = {"**/attention/*": 1, "decoder/**": 1}
_CNN_HEAD = ("decoder/9", "last", "norm")
_SWIN_HEAD = ("block", "last", "norm", "out")
_SCORES = Transforms(ZScore(), SpeedRange(0.0, 1.0), small=True)


def _pair(key: Key[Array, ""]) -> Pair:
    keys = jax.random.split(key)
    return Pair(InversionNet(key=keys[0]), Critic(key=keys[1]))


def _small_pair(key: Key[Array, ""]) -> Pair:
    keys = jax.random.split(key)
    return Pair(InversionNet.small(key=keys[0]), Critic.small(key=keys[1]))


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "inversionnet", lambda key: InversionNet(key=key), _LOGS, Distance(), 1e-4, 64,
            "OpenFWI's base line, whole gathers; for a GPU", bottlenecks={"encoder/*": 16}, head=_CNN_HEAD,
        ),
        Preset(
            "velocitygan", _pair, _LOGS, Distance(100.0, 100.0), 1e-4, 64,
            "InversionNet against a critic, whole gathers; for a GPU", clip=None, adversarial=True,
            bottlenecks={"encoder/*": 16}, head=_CNN_HEAD,
        ),
        Preset(
            "unet", lambda key: UNet(key=key), _LOGS, Distance(), 3e-4, 64,
            "a plain U-Net of 33 million parameters, whole gathers; for a GPU", bottlenecks={"down/*": 16}, head=("up/3", "last"),
        ),
        Preset(
            "swin-unet", lambda key: SwinUNet(key=key), _SCORES, Hybrid(), 1.5e-4, 64,
            "Khanal's hybrid of transformer and U-Net, small gathers enlarged to 256 x 256; for a GPU", weighted=True,
            low_rank={"**/attention/*": 8, "**/mlp/*": 8}, bottlenecks={"encoder/**/mlp": 16}, head=_SWIN_HEAD,
            restarts=RESTARTS,
        ),
        Preset(
            "inversionnet-small", lambda key: InversionNet.small(key=key), _SMALL_LOGS, Distance(), 1e-3, 16,
            "InversionNet for small gathers; trains on two cores", bottlenecks={"encoder/*": 8}, head=_CNN_HEAD,
        ),
        Preset(
            "velocitygan-small", _small_pair, _SMALL_LOGS, Distance(100.0, 100.0), 5e-4, 16,
            "the same against a small critic", clip=None, adversarial=True, bottlenecks={"encoder/*": 8}, head=_CNN_HEAD,
        ),
        Preset(
            "unet-small", lambda key: UNet.small(key=key), _SMALL_LOGS, Distance(), 1e-3, 16,
            "a small U-Net for small gathers; trains on two cores",
            low_rank={"down/**": 1, "up/**": 1}, bottlenecks={"down/*": 8}, head=("up/2", "last"),
        ),
        Preset(
            "swin-unet-small", lambda key: SwinUNet.small(key=key), _SCORES, _SOON, 1e-3, 16,
            "a small Swin-U-Net that takes small gathers as they are; trains on two cores", weighted=True,
            low_rank=_SWIN_RANKS, bottlenecks={"encoder/**/mlp": 8}, head=_SWIN_HEAD,
        ),
        Preset(
            "foundation", lambda key: SwinUNet.small(key=key), _SCORES, _SOON, 1e-3, 16,
            "the small Swin-U-Net for many families at once, its encoder pre-trained on masked gathers, to be adapted",
            weighted=True, low_rank=_SWIN_RANKS, bottlenecks={"encoder/**/mlp": 8}, head=_SWIN_HEAD, masked=1000,
        ),
    )
}  # fmt: skip
"""Name -> preset."""


def preset_of(name: str) -> Preset:
    """The preset of a name.

    Args:
        name: Such as "swin-unet-small".

    Returns:
        It.

    Raises:
        ValueError: If there is none.
    """
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} is not known; there are {', '.join(PRESETS)}.")
    return PRESETS[name]
