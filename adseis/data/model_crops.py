"""Windows of a model, resampled to maps: random places at random scales."""

import zlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates, uniform_filter

from adseis.data.models import Model
from adseis.files import sha256

FINEST = 1 / 3
"""Spacing of the smallest windows, of that of the largest that the model holds."""
FEWEST = 8
"""Nodes that a model needs along each axis."""


class Crop(NamedTuple):
    """A window.

    Attributes:
        values: The map, in the unit of the model.
        spacing: Distance of its nodes within the model [m].
        corner: Of the model, the place of the map's first node [m], along each axis of the model.
        mirrored: Whether left and right are exchanged.
    """

    values: Float[np.ndarray, "z x"]
    spacing: float
    corner: tuple[float, ...]
    mirrored: bool


class Crops(NamedTuple):
    """Where maps are cut from.

    Attributes:
        model: A section (z, x), or a volume (z, y, x), of which sections along x or y are cut.
        shape: Nodes of a map along z and x.
        between: The least and the greatest speed that the model's are stretched to; None leaves them as they are.
    """

    model: Model
    shape: tuple[int, int]
    between: tuple[float, float] | None = None

    @property
    def settings(self) -> dict[str, object]:
        """What the maps depend on, for a manifest."""
        low, high = float(self.model.values.min()), float(self.model.values.max())
        return {
            "model": self.model.source_file.name,
            "model_sha256": sha256(self.model.values),
            "model_speeds": [low, high],
            "speeds": "as they are" if self.between is None else f"stretched to {self.between[0]:g}-{self.between[1]:g} m/s",
        }

    @property
    def speeds(self) -> tuple[float, float]:
        """Least and greatest speed that a map can have."""
        return self.between or (float(self.model.values.min()), float(self.model.values.max()))

    def check(self) -> None:
        """Refuse a model that windows cannot be cut from.

        Raises:
            ValueError: If it has too few nodes, or one speed alone is to be stretched.
        """
        if min(self.model.values.shape) < FEWEST:
            raise ValueError(
                f"`model` = {self.model.source_file} has {self.model.values.shape} nodes; windows need {FEWEST} along each axis."
            )
        if self.between is not None and self.model.values.min() == self.model.values.max():
            raise ValueError(f"`model` = {self.model.source_file} has one speed alone, which cannot be stretched to a range.")

    def draw(self, seed: int, sample: int) -> Crop:
        """One window, always the same for a seed and a number.

        Args:
            seed: Of the whole.
            sample: Its number.

        Returns:
            The window.
        """
        rng = np.random.default_rng([seed, zlib.crc32(b"crops"), sample])
        values, steps, axis, across = self.model.values, self.model.spacing, 0, 0.0
        if values.ndim == 3:  # (z, y, x): a section along one of the two
            axis = int(rng.integers(1, 3))
            index = int(rng.integers(values.shape[axis]))
            values, steps = np.take(values, index, axis), tuple(np.delete(steps, axis))
            across = index * self.model.spacing[axis]
        extent = [(n - 1) * step for n, step in zip(values.shape, steps, strict=True)]
        coarsest = min(length / (n - 1) for length, n in zip(extent, self.shape, strict=True))
        spacing = float(coarsest * np.exp(rng.uniform(np.log(FINEST), 0)))
        room = [max(0.0, length - (n - 1) * spacing) for length, n in zip(extent, self.shape, strict=True)]
        corner = [float(rng.uniform(0, length)) for length in room]
        mirrored = bool(rng.integers(2))
        # What lies between the nodes of a coarser map is averaged, not skipped: over odd numbers of nodes, which moves nothing.
        smooth = uniform_filter(values.astype("float64"), [2 * int(spacing / step / 2) + 1 for step in steps], mode="nearest")
        nodes = [(start + np.arange(n) * spacing) / step for start, n, step in zip(corner, self.shape, steps, strict=True)]
        cut = map_coordinates(smooth, np.meshgrid(*nodes, indexing="ij"), order=1, mode="nearest")
        if self.between is not None:
            low, high = float(self.model.values.min()), float(self.model.values.max())
            cut = self.between[0] + (cut - low) * (self.between[1] - self.between[0]) / (high - low)
        if axis:
            corner.insert(axis, across)
        return Crop(np.ascontiguousarray(cut[:, ::-1] if mirrored else cut, "float32"), spacing, tuple(corner), mirrored)
