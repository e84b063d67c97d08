"""Structures of GlobalTomo-style data by a Latin hypercube: one sample by itself, whichever are drawn beside it."""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from adseis.data.globaltomo_tiers import Tier
from adseis.sphere.draws import draw_structures, redraw_structure

BLOCK = 100
"""Rows of a hypercube that are drawn at once: to draw one takes as long, since each axis is shuffled as a whole."""


@dataclass(frozen=True)
class LatinHypercube:
    """What draws structures: the first time by a Latin hypercube, later ones by themselves; a `Draw` of `GlobalTomo`.

    Attributes:
        samples: How many the hypercube has: each n-th of the range of a coefficient holds one of n samples.
    """

    samples: int

    def __call__(self, tier: Tier, seed: int, sample: int, attempt: int) -> Float[np.ndarray, " coefficient"]:
        """A structure.

        Args:
            tier: Which tier.
            seed: Of all samples.
            sample: Number of the sample.
            attempt: 0, or how often it was drawn before.

        Returns:
            Coefficients, uniform within +-1/40, `(405,)`, float32, in the order of the files: harmonic, property, level.

        Raises:
            ValueError: If the sample is none of the hypercube's.
        """
        if attempt == 0:
            drawn = _block(tier, seed, self.samples, sample // BLOCK)[sample % BLOCK]
        else:
            drawn = redraw_structure(seed, sample, attempt, **_sizes(tier))
        return np.moveaxis(drawn, 0, 1).ravel().astype(np.float32)


@functools.lru_cache(maxsize=4)
def _block(tier: Tier, seed: int, samples: int, number: int) -> Float[np.ndarray, "row property harmonic level"]:
    rows = np.arange(number * BLOCK, min(samples, (number + 1) * BLOCK))
    return draw_structures(seed, samples, rows=rows, **_sizes(tier))


def _sizes(tier: Tier) -> dict[str, int]:
    properties = len(tier.properties)
    return {"properties": properties, "degree": tier.degree, "levels": tier.property_levels // properties}
