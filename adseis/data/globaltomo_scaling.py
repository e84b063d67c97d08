"""The numbers by which GlobalTomo's fields are scaled before networks are trained with them."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from adseis.data.globaltomo_samples import Batch, Sample
from adseis.data.globaltomo_tiers import Tier, tier_named

Stored = TypeVar("Stored", Sample, Batch)


@dataclass(frozen=True)
class Scaling:
    """Factors of what is stored; coordinates are divided by the radius of the ball.

    They suit the amplitudes of theirs. A solver's pressure source may depend on its mesh, as AxiSEM3D's does: scale data of your
    own by the standard deviation of their training set, and keep it with the weights.

    Attributes:
        potential: Of chi.
        displacement: Of wavefields and seismograms [1/m].
        harmonics: Of coefficients: those within +-1/40 lie within +-1.
        source: Of moments [1/(N m)] and what else tells the source.
        time: Of times [1/s].

    References:
        Li, S. et al. (2024), GlobalTomo, arXiv:2406.18202
    """

    potential: float = 1e5
    displacement: float = 1e10
    harmonics: float = 40.0
    source: float = 1e-10
    time: float = 0.5

    def scale(self, stored: Stored, tier: str | Tier) -> Stored:
        """A sample or batch as networks take it.

        Args:
            stored: As it was read.
            tier: Its tier: wavefields are potentials or displacements.

        Returns:
            The same, float32, each array times its factor.
        """
        wave = self.displacement if tier_named(tier).vector else self.potential
        factors = {
            "harmonics": self.harmonics,
            "seismogram": self.displacement,
            "slices": wave,
            "fourier": wave,
            "source": self.source,
        }
        arrays = {name: getattr(stored, name) for name in factors}
        return stored._replace(
            **{name: values * np.float32(factors[name]) for name, values in arrays.items() if values is not None}
        )


SCALING = Scaling()
"""Theirs."""
