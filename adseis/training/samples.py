"""OpenFWI's samples as the batches of a training."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from adseis.data.openfwi import Dataset
from adseis.training.reading import Order


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
        held: Whether all samples are read into memory at once, which they may fill.

    Raises:
        ValueError: If there are fewer samples than a batch takes.
    """

    def __init__(
        self, data: Dataset, batch: int, *, seed: int = 0, weights: Mapping[str, float] | None = None, held: bool = False
    ):
        self.order = Order(len(data), batch, seed=seed)
        self._data, self._weights = data, dict(weights or {})
        self._held = self._read(np.arange(len(data))) if held else None

    def __call__(self, step: int) -> Batch:
        """Of a step.

        Args:
            step: Its number, from zero.

        Returns:
            Its samples.
        """
        numbers = self.order(step)
        return self._read(numbers) if self._held is None else Batch(*(array[numbers] for array in self._held))

    def _read(self, numbers: Sequence[int] | np.ndarray) -> Batch:
        found = self._data.batch(numbers)
        weight = np.array([self._weights.get(family, 1.0) for family in found.family], np.float32)
        return Batch(found.gathers, found.velocity, weight)
