"""Waves of the elastic tier of GlobalTomo, by the solver of waves in a solid ball."""

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
from adseis.signals.arithmetic import einsum
from adseis.sphere.azimuthal import basis, coefficients
from adseis.sphere.medium import SolidMedium
from adseis.sphere.solid_ball import simulate_solid_ball
from adseis.sphere.sources import MomentTensorSource
from adseis.sphere.structure import perturbation

MECHANISMS = 1
"""Of the random numbers that moments are drawn from, beside the seed and the number of a sample."""


class _Programs(NamedTuple):
    """Compiled once a process."""

    fields: Callable[[Any], tuple[tuple[Array, Array, Array], Array]]
    waves: Callable[[Any, Any], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class SolidWaves(BallWaves):
    """A solver of tiers of three properties, vp, vs and rho, by waves in a solid ball; wavefields are displacements.

    The moment tensor of a sample is random: of all directions alike among symmetric tensors, of one scalar moment, that of the
    setup's `amplitude` [N m]. GlobalTomo's are unpublished. It comes and goes as the source of the acoustic tier does, so that
    what is left in the end are waves, not the static displacement of an earthquake.
    """

    @property
    def told(self) -> dict[str, str]:
        """Frame, source and speeds."""
        plan = self.setup
        return {
            "frame": "seismograms R T Z: away from the pole (south), east, up; wavefields s p z: away from the axis, along "
            "azimuth (east), along the axis",
            "source_time_function": f"M exp(-({DECAY:g} t / {plan.half_duration:g} s)^2), M the moment tensor",
            "speeds": f"vp {plan.vp:g} m/s, vs {plan.vs:g} m/s, rho {plan.rho:g} kg/m^3, each times 1 + perturbation",
            "source_numbers": "Mrr, Mtt, Mpp, Mrt, Mrp, Mtp [N m]: r up, t south, p east at the source on the prime meridian",
        }

    def settings(self) -> dict[str, Any]:
        """As `BallWaves` says, and the seed of the moments."""
        return super().settings() | {"seed_of_moments": self.seed}

    def moment(self, index: int) -> Float[np.ndarray, " number"]:
        """Of a sample.

        Args:
            index: Its number.

        Returns:
            Mrr, Mtt, Mpp, Mrt, Mrp, Mtp [N m], float32.
        """
        drawn = np.random.default_rng([self.seed, index, MECHANISMS]).standard_normal(6)
        return (self.setup.amplitude * drawn / np.linalg.norm(drawn) * np.array([2, 2, 2, 1, 1, 1]) ** 0.5).astype(np.float32)

    def __call__(self, harmonics: Float[np.ndarray, " coefficient"], index: int) -> Simulated:
        """Simulate a structure; as `BallWaves` says."""
        programs, (low, high) = _programs(self), self.setup.speeds
        fields, extremes = programs.fields(harmonics)
        slowest, fastest, bulk, lightest = map(float, extremes)
        if not low <= slowest <= fastest <= high:
            raise DrawAgain(f"vs and vp reach from {slowest:.0f} to {fastest:.0f} m/s, and the mesh carries {low:g} to {high:g}")
        if min(bulk, lightest) <= 0:
            raise DrawAgain("the bulk modulus or the density is not positive everywhere")
        moment = self.moment(index)
        seismogram, slices, fourier = programs.waves(fields, moment)
        return Simulated(np.asarray(seismogram), np.asarray(slices), np.asarray(fourier), moment)


@functools.lru_cache(maxsize=2)
def _programs(solver: SolidWaves) -> _Programs:
    tier, setup, mesh, clock = solver.tier, solver.setup, solver.mesh, solver.clock
    single = lambda x: np.asarray(x, np.float32)  # noqa: E731
    after = mesh.times - clock.lead
    rate = single(-2 * (DECAY / setup.half_duration) ** 2 * after * gaussian(setup, after))
    place = (single(tier.radius - setup.source_depth), single(90.0), single(0.0))
    stations, grid = stations_of(tier), (len(tier.depths), len(tier.properties))
    probed, radii = middles(mesh), tuple(tier.radius - depth for depth in tier.depths)
    kept = slice(clock.first, clock.first + tier.snapshots)

    @jax.jit
    def fields(harmonics: Array) -> tuple[tuple[Array, Array, Array], Array]:
        of_levels = jnp.moveaxis(harmonics.reshape(-1, *grid[::-1]), 1, 0)
        points = mesh.points(MomentTensorSource(*place, rate, np.eye(3, dtype=np.float32)))
        vp, vs, rho = (
            uniform * (1 + perturbation(one, points, radii=radii))
            for uniform, one in zip((setup.vp, setup.vs, setup.rho), of_levels, strict=True)
        )
        extremes = jnp.stack([vs.min(), vp.max(), (vp**2 - 4 / 3 * vs**2).min(), rho.min()])
        return (vp, vs, rho), extremes

    @jax.jit
    def waves(medium: tuple[Array, Array, Array], numbers: Array) -> tuple[Array, Array, Array]:
        rr, tt, pp, rt, rp, tp = numbers
        moment = jnp.stack([jnp.stack([rr, rt, rp]), jnp.stack([rt, tt, tp]), jnp.stack([rp, tp, pp])])
        source = MomentTensorSource(*place, rate, moment)
        look = lambda fields: fields["u"][0, probed]  # noqa: E731
        zne, u = simulate_solid_ball(SolidMedium(*medium), source, stations, mesh, probe=look, probe_every=clock.every)
        z, n, e = jnp.moveaxis(einsum("st,atc->asc", jnp.asarray(seismogram_of(tier, clock, mesh.nt), zne.dtype), zne), -1, 0)
        seismogram = jnp.stack([-n, e, z], 1).reshape(*tier.stations, 3, tier.samples)
        u = u[kept]
        slices = einsum("teck,pk->tpec", u, basis(jnp.asarray(tier.azimuths, u.dtype), mesh.azimuthal_order))
        return seismogram, slices, coefficients(u)

    return _Programs(fields, waves)
