"""What the solvers of GlobalTomo's balls share: clock, mesh, and what files say of them."""

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from adseis.data.globaltomo_recording import Recording
from adseis.data.globaltomo_samples import Simulated
from adseis.data.globaltomo_setups import DECAY, REACH, Setup
from adseis.data.globaltomo_stations import station_grid
from adseis.data.globaltomo_tiers import Tier
from adseis.data.globaltomo_timing import Timing, timing
from adseis.sphere.mesh import BallMesh
from adseis.sphere.planning import ELEMENTS, ball
from adseis.sphere.sources import Stations

PLACES = "the middle node of each spectral element"


@dataclass(frozen=True)
class BallWaves(abc.ABC):
    """A solver for `GlobalTomo`: harmonics to seismograms, slices and Fourier series.

    The source is below the north pole, so azimuth in its frame is longitude.

    Attributes:
        tier: What is recorded.
        setup: What is simulated.
        seed: Of what is drawn beside structures.
    """

    tier: Tier
    setup: Setup
    seed: int = 0

    @abc.abstractmethod
    def __call__(self, harmonics: Float[np.ndarray, " coefficient"], index: int) -> Simulated:
        """Simulate a structure.

        Args:
            harmonics: Its coefficients.
            index: Number of the sample.

        Returns:
            Its waves, float32.

        Raises:
            DrawAgain: If it is none that the mesh is planned for.
        """

    @property
    @abc.abstractmethod
    def told(self) -> dict[str, str]:
        """The `frame`, the `source_time_function` and the `speeds` in words."""

    @property
    def clock(self) -> Timing:
        """When it begins and how it steps."""
        longest = ball(duration=1.0, **self._planned()).dt
        return timing(self.tier, longest=longest, before=REACH * self.setup.half_duration)

    @property
    def mesh(self) -> BallMesh:
        """The mesh that waves are simulated on."""
        return ball(duration=self.clock.duration, dt=self.clock.dt, **self._planned())

    @property
    def recording(self) -> Recording:
        """What files say beside the samples."""
        mesh, told = self.mesh, self.told
        middle = mesh.elements.coordinates[middles(mesh)]
        more = {
            "element_coords_are": PLACES,
            "source_position": f"{self.setup.source_depth:g} m below the pole (latitude 90 degrees)",
            "azimuthal_order": self.setup.azimuthal_order,
            **{name: text for name, text in told.items() if name not in ("frame", "source_time_function")},
        }
        return Recording(self.tier, told["frame"], told["source_time_function"], 0.5 / self.tier.dt, middle, more=more)

    def settings(self) -> dict[str, Any]:
        """What waves depend on beside structures and the recording.

        Returns:
            Name -> value, as JSON can hold it.
        """
        mesh, clock = self.mesh, self.clock
        return {
            "frequency": mesh.frequency,
            "speeds": list(mesh.speeds),
            "azimuthal_order": mesh.azimuthal_order,
            "resolution": ELEMENTS[mesh.degree] if self.setup.resolution is None else self.setup.resolution,
            "elements": len(mesh.elements.points),
            "degree": mesh.degree,
            "dt": mesh.dt,
            "steps_of_a_snapshot": clock.every,
            "begins": -clock.lead,
        }

    def _planned(self) -> dict[str, Any]:
        """What a mesh is planned by, its times aside."""
        plan = self.setup
        return {
            "radius": self.tier.radius,
            "frequency": plan.frequency,
            "speeds": plan.speeds,
            "azimuthal_order": plan.azimuthal_order,
            "resolution": plan.resolution,
        }


def middles(mesh: BallMesh) -> np.ndarray:
    """The middle node of each element."""
    half = mesh.degree // 2
    return mesh.elements.local[:, half, half]


def gaussian(setup: Setup, times: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The source time function.

    Args:
        setup: Its half duration.
        times: Instants, its middle at 0 [s].

    Returns:
        Values, 1 in the middle.
    """
    return np.exp(-((DECAY * times / setup.half_duration) ** 2))


def stations_of(tier: Tier) -> Stations:
    """The tier's grid, row by row, float32."""
    grid = station_grid(tier)
    return Stations(*(np.asarray(x, np.float32).ravel() for x in (grid.latitude, grid.longitude, grid.radius)))
