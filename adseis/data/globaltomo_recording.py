"""What GlobalTomo's files say beside their samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from adseis.data.globaltomo_stations import Stations, slice_points, station_grid
from adseis.data.globaltomo_tiers import Tier


@dataclass(frozen=True, eq=False)
class Recording:
    """What files say beside their samples: where, when, in which frame, and of which source.

    Attributes:
        tier: Which tier.
        frame: Of displacements, such as "R T Z" or "x y z": GlobalTomo's is unpublished, so say yours.
        source_time_function: In words or a formula, with its units.
        lowpass: Corner of the filter of the seismograms [Hz]; None for none.
        elements: Distance from the axis and height of the elements [m], `(element, 2)`; None without wavefields.
        stations: By default the tier's grid.
        snapshots: Times [s]; by default the tier's.
        more: Further attributes: text and numbers.
    """

    tier: Tier
    frame: str
    source_time_function: str
    lowpass: float | None = None
    elements: Float[np.ndarray, "element 2"] | None = None
    stations: Stations | None = None
    snapshots: Float[np.ndarray, " snapshot"] | None = None
    more: Mapping[str, str | float | int] = field(default_factory=dict)

    @property
    def grid(self) -> Stations:
        """The stations."""
        return station_grid(self.tier) if self.stations is None else self.stations

    def attributes(self) -> dict[str, str | float | int]:
        """Of a file, but for the versions.

        Returns:
            Name -> value.
        """
        return {
            "tier": self.tier.name,
            "frame": self.frame,
            "source_time_function": self.source_time_function,
            "lowpass": "none" if self.lowpass is None else float(self.lowpass),
            "lowpass_unit": "Hz",
            "station_grid": self.grid.told,
            "made_by": "adseis, in the layout of GlobalTomo (arXiv:2406.18202); no data of theirs",
            **self.more,
        }

    def beside(self, key: str) -> np.ndarray:
        """An array that stands beside the samples.

        Args:
            key: Its name.

        Returns:
            Its values, of one sample.

        Raises:
            ValueError: If the elements or the times are not known.
        """
        if key == "time":
            return self.tier.times
        if key.startswith("station_coords"):
            return self.grid.spherical if key.endswith("spherical") else self.grid.cartesian
        if key == "timestep":
            times = self.tier.snapshot_times if self.snapshots is None else self.snapshots
            if times is None:
                raise ValueError(f"`snapshots` of tier {self.tier.name!r} are not published: give their times [s].")
            return times
        if self.elements is None:
            raise ValueError("`elements` is None: wavefields need the places of their elements, (element, 2) [m].")
        return self.elements if key == "element_coords_sz" else slice_points(self.elements, self.tier.azimuths)
