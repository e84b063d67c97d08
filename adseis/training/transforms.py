"""What networks see in place of pressure and speed, and the way back: part of a network, and stored with its weights.

A transform of gathers maps pressure to what goes in, one of speeds maps m/s to what comes out, and back.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.data.openfwi import shrink
from adseis.data.openfwi_layout import SHRUNK

LOW, HIGH = 1500.0, 4500.0
"""Range of OpenFWI's speeds [m/s]."""


@runtime_checkable
class GatherTransform(Protocol):
    """From pressure to a network's input."""

    def __call__(self, gathers: Float[Array, "*sample shot time receiver"]) -> Float[Array, "*sample shot time receiver"]:
        """Of one sample or of several, each by itself.

        Args:
            gathers: Pressure.

        Returns:
            The input.
        """
        ...


@dataclasses.dataclass(frozen=True)
class LogScale:
    r"""Logarithm of both signs, then to [-1, 1] by the extremes that a set of data may take.

        y = -1 + 2 (l(x) - l(low)) / (l(high) - l(low)),    l(x) = sign(x) ln(1 + |x|)

    Amplitudes keep their meaning from sample to sample; data beyond the extremes go beyond [-1, 1].

    Attributes:
        low: Least pressure.
        high: Greatest.

    Raises:
        ValueError: If `low` is not below `high`.

    References:
        Deng, C. et al. (2022), NeurIPS Datasets and Benchmarks, arXiv:2111.02926
    """

    low: float = -29.04
    high: float = 57.03

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"`low` = {self.low:g} must be below `high` = {self.high:g}.")

    def __call__(self, gathers: Float[Array, "*sample shot time receiver"]) -> Float[Array, "*sample shot time receiver"]:
        """Of one sample or of several.

        Args:
            gathers: Pressure.

        Returns:
            Within [-1, 1].
        """
        first, last = (float(np.sign(v) * np.log1p(abs(v))) for v in (self.low, self.high))
        return 2 / (last - first) * (jnp.sign(gathers) * jnp.log1p(jnp.abs(gathers)) - first) - 1


@dataclasses.dataclass(frozen=True)
class ZScore:
    """Zero mean and unit variance of each sample's gathers together: what a scale of the source or instrument would change goes.

    Attributes:
        least: Standard deviation that is taken at least.

    References:
        Khanal (2025), Swin-U-Net for OpenFWI
    """

    least: float = 1e-6

    def __call__(self, gathers: Float[Array, "*sample shot time receiver"]) -> Float[Array, "*sample shot time receiver"]:
        """Of one sample or of several, each by itself.

        Args:
            gathers: Pressure.

        Returns:
            Standardised.
        """
        axes = (-3, -2, -1)
        away = gathers - jnp.mean(gathers, axes, keepdims=True)
        spread = jnp.sqrt(jnp.mean(away**2, axes, keepdims=True))
        return away / jnp.maximum(spread, self.least)


@dataclasses.dataclass(frozen=True)
class SpeedRange:
    """Speeds to a range of numbers, linearly.

    Attributes:
        bottom: What `LOW` = 1500 m/s becomes.
        top: What `HIGH` = 4500 m/s becomes.

    Raises:
        ValueError: If `bottom` is not below `top`.
    """

    bottom: float = -1.0
    top: float = 1.0

    def __post_init__(self) -> None:
        if not self.bottom < self.top:
            raise ValueError(f"`bottom` = {self.bottom:g} must be below `top` = {self.top:g}.")

    @property
    def metres(self) -> float:
        """What a difference of one stands for [m/s]."""
        return (HIGH - LOW) / (self.top - self.bottom)

    def __call__(self, velocity: Float[Array, "*map"]) -> Float[Array, "*map"]:
        """From speeds.

        Args:
            velocity: [m/s].

        Returns:
            What a network is to say.
        """
        return self.bottom + (velocity - LOW) / self.metres

    def back(self, output: Float[Array, "*map"]) -> Float[Array, "*map"]:
        """To speeds.

        Args:
            output: What a network says.

        Returns:
            [m/s].
        """
        return LOW + (output - self.bottom) * self.metres


@dataclasses.dataclass(frozen=True)
class Transforms:
    """What stands before and behind a network.

    Attributes:
        gathers: From pressure to its input.
        speeds: From speeds to its output, and back.
        small: Whether it takes gathers that `openfwi.shrink` made small.
    """

    gathers: GatherTransform
    speeds: SpeedRange
    small: bool = False

    def sized(self, gathers: Float[Array, "*sample shot time receiver"]) -> Float[Array, "*sample shot rows traces"]:
        """Gathers of the size that the network takes: those of 1000 samples of time are made small where it takes small ones.

        Args:
            gathers: Pressure.

        Returns:
            Pressure.

        Raises:
            ValueError: If the network takes whole gathers, and these are small.
        """
        is_small = gathers.shape[-3:] == SHRUNK
        if is_small and not self.small:
            raise ValueError(
                f"`gathers` {gathers.shape} are small ones, but the network takes those of 1000 samples. Take the data as "
                "they were simulated, or a preset for small gathers."
            )
        return shrink(gathers) if self.small and not is_small else gathers

    def about(self) -> dict[str, Any]:
        """As JSON can hold it.

        Returns:
            For `read_transforms`.
        """
        named: dict[str, Any] = {"gathers": self.gathers, "speeds": self.speeds}
        told = {name: {"kind": type(part).__name__, **dataclasses.asdict(part)} for name, part in named.items()}
        return {**told, "small": self.small}


KINDS = {kind.__name__: kind for kind in (LogScale, ZScore, SpeedRange)}
"""What `read_transforms` knows; a transform of your own is added here."""


def read_transforms(about: Mapping[str, Any]) -> Transforms:
    """What `Transforms.about` told.

    Args:
        about: Its words.

    Returns:
        The transforms.

    Raises:
        ValueError: If a transform is not known.
    """
    parts = {}
    for name in ("gathers", "speeds"):
        options = dict(about[name])
        kind = options.pop("kind")
        if kind not in KINDS:
            raise ValueError(f"transform {kind!r} is not known; there are {', '.join(KINDS)}. Add yours to `transforms.KINDS`.")
        parts[name] = KINDS[kind](**options)
    return Transforms(**parts, small=bool(about["small"]))
