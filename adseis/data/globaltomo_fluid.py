"""Waves of the acoustic tiers of GlobalTomo, by the solver of waves in a fluid ball."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.data.globaltomo_balls import BallWaves, gaussian, middles, stations_of
from adseis.data.globaltomo_samples import Simulated
from adseis.data.globaltomo_setups import DECAY
from adseis.data.globaltomo_synthesis import DrawAgain
from adseis.data.globaltomo_timing import seismogram_of
from adseis.signals.arithmetic import einsum, matmul
from adseis.sphere.azimuthal import basis, coefficients
from adseis.sphere.fluid_ball import simulate_fluid_ball
from adseis.sphere.medium import FluidMedium
from adseis.sphere.sources import PressureSource
from adseis.sphere.structure import perturbation


class _Programs(NamedTuple):
    """Compiled once a process."""

    speed: Callable[[Any], tuple[Array, Array, Array]]
    waves: Callable[[Any, Any], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class FluidWaves(BallWaves):
    """A solver of tiers of one property, vp, by waves in a fluid ball; wavefields are chi.

    Displacement at the surface, where chi = 0, is along the radius: only that is recorded, and the other components are zero.
    """

    @property
    def told(self) -> dict[str, str]:
        """Frame, source and speeds."""
        plan = self.setup
        pulse = f"{plan.amplitude:g} m^3 exp(-({DECAY:g} t / {plan.half_duration:g} s)^2)"
        return {
            "frame": "R T Z: away from the pole (south), east, up",
            "source_time_function": f"s(t) = {pulse}, chi_tt / kappa - div(grad chi / rho) = s(t) delta(x - xs)",
            "speeds": f"vp {plan.vp:g} m/s times 1 + perturbation, rho {plan.rho:g} kg/m^3",
        }

    def __call__(self, harmonics: Float[np.ndarray, " coefficient"], index: int) -> Simulated:
        """Simulate a structure; as `BallWaves` says."""
        del index
        programs = _programs(self)
        vp, slowest, fastest = programs.speed(harmonics)
        low, high = self.setup.speeds
        if not low <= float(slowest) <= float(fastest) <= high:
            raise DrawAgain(f"vp is {slowest:.0f} to {fastest:.0f} m/s, and the mesh carries {low:g} to {high:g}")
        seismogram, slices, fourier = programs.waves(vp, np.float32(self.setup.rho))
        return Simulated(np.asarray(seismogram), np.asarray(slices), np.asarray(fourier))


@functools.lru_cache(maxsize=2)
def _programs(solver: FluidWaves) -> _Programs:
    tier, setup, mesh, clock = solver.tier, solver.setup, solver.mesh, solver.clock
    single = lambda x: np.asarray(x, np.float32)  # noqa: E731
    time_function = single(setup.amplitude * gaussian(setup, mesh.times - clock.lead))
    source = PressureSource(single(tier.radius - setup.source_depth), single(90.0), single(0.0), time_function)
    stations = stations_of(tier)
    probed, radii = middles(mesh), tuple(tier.radius - depth for depth in tier.depths)
    kept = slice(clock.first, clock.first + tier.snapshots)

    @jax.jit
    def speed(harmonics: Array) -> tuple[Array, Array, Array]:
        of_levels = harmonics.reshape(-1, len(radii))
        vp = setup.vp * (1 + perturbation(of_levels, mesh.points(source), radii=radii))
        return vp, vp.min(), vp.max()

    @jax.jit
    def waves(vp: Array, rho: Array) -> tuple[Array, Array, Array]:
        medium = FluidMedium(vp, rho)
        look = lambda fields: fields["chi"][0, probed]  # noqa: E731
        upwards, chi = simulate_fluid_ball(medium, source, stations, mesh, record="z", probe=look, probe_every=clock.every)
        upwards = matmul(upwards, jnp.asarray(seismogram_of(tier, clock, mesh.nt).T, upwards.dtype))
        upwards = upwards.reshape(*tier.stations, 1, tier.samples)
        across = jnp.zeros((*tier.stations, 2, tier.samples), upwards.dtype)
        chi = chi[kept]
        slices = einsum("tek,pk->tpe", chi, basis(jnp.asarray(tier.azimuths, chi.dtype), mesh.azimuthal_order))
        return jnp.concatenate([across, upwards], 2), slices, coefficients(chi)

    return _Programs(speed, waves)
