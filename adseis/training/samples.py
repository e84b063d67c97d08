"""OpenFWI's samples as the batches of a training."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from adseis.data.openfwi import Dataset
from adseis.training.reading import Order

CHUNK = 64
"""Samples that are read at once."""


class Batch(NamedTuple):
    """Samples, stacked, in physical units.

    Attributes:
        gathers: Pressure, `(sample, shot, time, receiver)`.
        velocity: [m/s], `(sample, z, x)`.
        weight: Of each sample in a loss.
    """

    gathers: Float[np.ndarray, "sample shot time receiver"]
    velocity: Float[np.ndarray, "sample z x"]
    weight: Float[np.ndarray, " sample"]


class Samples:
    """Batches of a dataset by the number of a step.

    Args:
        data: The dataset.
        batch: Samples of a step.
        seed: Of their order.
        weights: Family ("vel", "fault", "style") -> weight of its samples; 1 for those not named.
        prepare: What is done to gathers once they are read, such as `Transforms.sized`.
        held: Whether all samples are read into memory at once, prepared.
        count: How many of the samples are used, spread evenly; None for all.

    Raises:
        ValueError: If there are fewer samples than a batch takes.
    """

    def __init__(
        self,
        data: Dataset,
        batch: int,
        *,
        seed: int = 0,
        weights: Mapping[str, float] | None = None,
        prepare: Callable[[Any], Any] | None = None,
        held: bool = False,
        count: int | None = None,
    ):
        chosen = len(data) if count is None else min(count, len(data))
        self._numbers = np.linspace(0, len(data) - 1, chosen).astype(int)
        self.order = Order(len(self._numbers), batch, seed=seed)
        self._data, self._weights = data, dict(weights or {})
        self._prepare = None if prepare is None else jax.jit(prepare)
        self._held = None
        if held:
            parts = [self._read(numbers) for numbers in np.array_split(self._numbers, -(-chosen // CHUNK))]
            self._held = Batch(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def __call__(self, step: int) -> Batch:
        """Of a step.

        Args:
            step: Its number, from zero.

        Returns:
            Its samples.
        """
        chosen = self.order(step)
        return self._read(self._numbers[chosen]) if self._held is None else Batch(*(array[chosen] for array in self._held))

    def _read(self, numbers: Sequence[int] | np.ndarray) -> Batch:
        found = self._data.batch(numbers)
        weight = np.array([self._weights.get(family, 1.0) for family in found.family], np.float32)
        gathers = found.gathers if self._prepare is None else np.asarray(self._prepare(found.gathers))
        return Batch(gathers, found.velocity, weight)
