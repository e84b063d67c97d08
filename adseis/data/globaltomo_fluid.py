"""Waves of the acoustic tiers of GlobalTomo, by the solver of waves in a fluid ball."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.data.globaltomo_recording import Recording
from adseis.data.globaltomo_samples import Simulated
from adseis.data.globaltomo_setups import DECAY, REACH, Setup
from adseis.data.globaltomo_stations import station_grid
from adseis.data.globaltomo_synthesis import DrawAgain
from adseis.data.globaltomo_tiers import Tier
from adseis.data.globaltomo_timing import Timing, seismogram_of, timing
from adseis.sphere.azimuthal import basis, coefficients
from adseis.sphere.fluid_ball import simulate_fluid_ball
from adseis.sphere.medium import FluidMedium
from adseis.sphere.mesh import BallMesh
from adseis.sphere.planning import ball
from adseis.sphere.sources import PressureSource, Stations
from adseis.sphere.structure import perturbation

FRAME = "R T Z: away from the pole (south), east, up"
PLACES = "the middle node of each spectral element"


class _Programs(NamedTuple):
    """Compiled once a process."""

    speed: Callable[[Any], tuple[Array, Array, Array]]
    waves: Callable[[Any, Any], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class FluidWaves:
    """A solver for `GlobalTomo`: harmonics to seismograms, slices and Fourier series of chi.

    The source is below the north pole, so azimuth in its frame is longitude. Displacement at the surface, where chi = 0, is along
    the radius: only that is recorded, and the other components are zero.

    Attributes:
        tier: What is recorded; of one property, vp.
        setup: What is simulated.
    """

    tier: Tier
    setup: Setup

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
        mesh = self.mesh
        middle = mesh.elements.coordinates[_middles(mesh)]
        more = {
            "element_coords_are": PLACES,
            "source_position": f"{self.setup.source_depth:g} m below the pole (latitude 90 degrees)",
            "azimuthal_order": self.setup.azimuthal_order,
            "speeds": f"vp {self.setup.speed:g} m/s times 1 + perturbation, rho {self.setup.rho:g} kg/m^3",
        }
        return Recording(self.tier, FRAME, self.setup.told, 0.5 / self.tier.dt, middle, more=more)

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
            "elements": len(mesh.elements.points),
            "degree": mesh.degree,
            "dt": mesh.dt,
            "steps_of_a_snapshot": clock.every,
            "begins": -clock.lead,
        }

    def __call__(self, harmonics: Float[np.ndarray, " coefficient"], index: int) -> Simulated:
        """Simulate a structure.

        Args:
            harmonics: Its coefficients, `(405,)`.
            index: Number of the sample, of no use.

        Returns:
            Its waves, float32.

        Raises:
            DrawAgain: If its speeds are not those that the mesh is planned for.
        """
        del index
        programs = _programs(self)
        vp, slowest, fastest = programs.speed(harmonics)
        low, high = self.setup.speeds
        if not low <= float(slowest) <= float(fastest) <= high:
            raise DrawAgain(f"vp is {slowest:.0f} to {fastest:.0f} m/s, and the mesh carries {low:g} to {high:g}")
        seismogram, slices, fourier = programs.waves(vp, np.float32(self.setup.rho))
        return Simulated(np.asarray(seismogram), np.asarray(slices), np.asarray(fourier))

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


def _middles(mesh: BallMesh) -> np.ndarray:
    """The middle node of each element."""
    half = mesh.degree // 2
    return mesh.elements.local[:, half, half]


def gaussian(setup: Setup, times: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The source time function.

    Args:
        setup: Its amplitude and half duration.
        times: Instants, its middle at 0 [s].

    Returns:
        s [m^3].
    """
    return setup.amplitude * np.exp(-((DECAY * times / setup.half_duration) ** 2))


@functools.lru_cache(maxsize=2)
def _programs(solver: FluidWaves) -> _Programs:
    tier, setup, mesh, clock = solver.tier, solver.setup, solver.mesh, solver.clock
    single = lambda x: np.asarray(x, np.float32)  # noqa: E731
    time_function = single(gaussian(setup, mesh.times - clock.lead))
    source = PressureSource(single(tier.radius - setup.source_depth), single(90.0), single(0.0), time_function)
    grid = station_grid(tier)
    stations = Stations(*(single(x).ravel() for x in (grid.latitude, grid.longitude, grid.radius)))
    middles, radii = _middles(mesh), tuple(tier.radius - depth for depth in tier.depths)
    kept = slice(clock.first, clock.first + tier.snapshots)

    @jax.jit
    def speed(harmonics: Array) -> tuple[Array, Array, Array]:
        of_levels = harmonics.reshape(-1, len(radii))
        vp = setup.speed * (1 + perturbation(of_levels, mesh.points(source), radii=radii))
        return vp, vp.min(), vp.max()

    @jax.jit
    def waves(vp: Array, rho: Array) -> tuple[Array, Array, Array]:
        medium = FluidMedium(vp, rho)
        look = lambda fields: fields["chi"][0, middles]  # noqa: E731
        upwards, chi = simulate_fluid_ball(medium, source, stations, mesh, record="z", probe=look, probe_every=clock.every)
        upwards = upwards @ jnp.asarray(seismogram_of(tier, clock, mesh.nt).T, upwards.dtype)
        upwards = upwards.reshape(*tier.stations, 1, tier.samples)
        across = jnp.zeros((*tier.stations, 2, tier.samples), upwards.dtype)
        chi = chi[kept]
        slices = jnp.einsum("tek,pk->tpe", chi, basis(jnp.asarray(tier.azimuths, chi.dtype), mesh.azimuthal_order))
        return jnp.concatenate([across, upwards], 2), slices, coefficients(chi)

    return _Programs(speed, waves)
