"""Seismic sources. Positions and time functions are differentiable.

A source says what it emits (`emissions`): a kind of source term, at positions, with samples at t = k dt. Which field an equation
adds it to is the equation's business.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.waves.grid import Grid
from adseis.waves.medium import Samples, as_samples


class Emission(NamedTuple):
    """Point sources of one kind.

    Attributes:
        kind: "volume" (volume injection) or "force".
        axis: Grid axis along which a force acts (None for a volume source).
        position: `(shot, source, axis)` [m].
        samples: `(shot, source, time)`.
    """

    kind: str
    axis: int | None
    position: Samples
    samples: Samples


class Source(eqx.Module):
    """Base of the sources."""

    @abc.abstractmethod
    def emissions(self, grid: Grid) -> list[Emission]:
        """What the source emits on a grid.

        Args:
            grid: Space-time sampling.

        Returns:
            Point sources, all of the same number of shots.

        Raises:
            ValueError: If the shapes of the source fit neither each other nor the grid.
        """


def _checked(position: Samples, time_function: Samples, grid: Grid) -> tuple[Samples, Samples]:
    """Positions and samples of equal shots and sources (a leading 1 in the time function serves all)."""
    axes = len(grid.shape)
    if position.ndim != 3 or position.shape[-1] != axes:
        raise ValueError(f"`position` {position.shape} must be (shot, source, {axes}) for a {axes}D grid.")
    if time_function.ndim != 3 or time_function.shape[-1] != grid.nt:
        raise ValueError(f"`time_function` {time_function.shape} must be (shot, source, time) with grid.nt = {grid.nt} samples.")
    wanted = (*position.shape[:2], grid.nt)
    if any(a not in (1, b) for a, b in zip(time_function.shape, wanted, strict=True)):
        raise ValueError(
            f"`time_function` {time_function.shape} does not fit `position` {position.shape}: both need the same shots and "
            "sources (a length of 1 in the time function serves all)."
        )
    module = np if isinstance(time_function, np.ndarray) else jnp
    return position, module.broadcast_to(time_function, wanted)


class Explosion(Source):
    """Volume injection at points: s(t) delta(x - xs) in the scalar, kappa q(t) delta(x - xs) in the acoustic equation.

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        time_function: s, or the volume injection rate q [m^3/s; m^2/s in 2D], `(shot, source, time)`.
    """

    position: Float[Samples, "shot source axis"] = eqx.field(converter=as_samples)
    time_function: Float[Samples, "#shot #source time"] = eqx.field(converter=as_samples)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One volume source per position."""
        return [Emission("volume", None, *_checked(self.position, self.time_function, grid))]


class Force(Source):
    """Point forces: rho v_t = -grad p + d f(t) delta(x - xs).

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        time_function: f [N; N/m in 2D], `(shot, source, time)`.
        direction: d, usually of unit length, `(shot, source, axis)`, in the axes of the grid (z down first).
    """

    position: Float[Samples, "shot source axis"] = eqx.field(converter=as_samples)
    time_function: Float[Samples, "#shot #source time"] = eqx.field(converter=as_samples)
    direction: Float[Samples, "#shot #source axis"] = eqx.field(converter=as_samples)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One force per position and axis, left out where the direction is known to vanish for all."""
        position, samples = _checked(self.position, self.time_function, grid)
        if self.direction.ndim != 3 or any(a not in (1, b) for a, b in zip(self.direction.shape, position.shape, strict=True)):
            raise ValueError(f"`direction` {self.direction.shape} does not fit `position` {position.shape} (shot, source, axis).")
        known = isinstance(self.direction, np.ndarray)
        return [
            Emission("force", axis, position, samples * self.direction[..., axis, None])
            for axis in range(len(grid.shape))
            if not known or np.any(self.direction[..., axis])
        ]


class PlaneWave(Source):
    r"""Plane waves that rise from a line (3D: a plane) of volume sources at one depth.

    The node at horizontal position x fires s(t - tau) dx with tau = (x sin(angle) - min) / speed, so that wavefronts travel
    upwards, tilted by `angle`; with the scalar equation the upgoing wave is (speed / (2 cos angle)) times the integral of s. The
    line is tapered at its ends to weaken the diffractions from there. Delays are applied in the frequency domain and are
    differentiable.

    Attributes:
        angle: From the vertical, positive towards +x [degrees], `(shot,)`.
        time_function: Source density s per length (3D: area) of the line, in the unit of `Explosion` per m (m^2), `(shot, time)`.
        depth: z of the line [m].
        speed: Wave speed at that depth, which turns the angle into delays [m/s].
        azimuth: 3D only: of the propagation, from x towards y [degrees], `(shot,)`.
        taper: Part of the line's length that is tapered at either end.
    """

    angle: Float[Samples, "shot"] = eqx.field(converter=as_samples)
    time_function: Float[Samples, "#shot time"] = eqx.field(converter=as_samples)
    depth: float = eqx.field(kw_only=True, static=True)
    speed: float = eqx.field(kw_only=True, static=True)
    azimuth: Float[Samples, "#shot"] = eqx.field(kw_only=True, default=(0.0,), converter=as_samples)
    taper: float = eqx.field(kw_only=True, default=0.1, static=True)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One volume source per node of the line (3D: plane)."""
        if self.time_function.ndim != 2 or self.time_function.shape[-1] != grid.nt:
            raise ValueError(f"`time_function` {self.time_function.shape} must be (shot, time) with grid.nt = {grid.nt} samples.")
        if self.time_function.shape[0] not in (1, self.angle.shape[0]):
            raise ValueError(f"`time_function` {self.time_function.shape} does not fit `angle` {self.angle.shape} (shot,).")
        if not (self.speed > 0 and 0 <= self.taper <= 0.5):
            raise ValueError(f"`speed` = {self.speed} m/s must be positive and `taper` = {self.taper} between 0 and 0.5.")
        horizontal = [grid.coordinates(axis) for axis in range(1, len(grid.shape))]
        points = np.stack([x.ravel() for x in np.meshgrid(*horizontal, indexing="ij")], -1)
        weight = np.prod(np.stack(np.meshgrid(*[_taper(len(x), self.taper) for x in horizontal], indexing="ij")), axis=0).ravel()
        position = np.concatenate([np.full((len(points), 1), self.depth), points], -1)

        angle, azimuth = (jnp.deg2rad(jnp.asarray(x)) for x in (self.angle, self.azimuth))
        azimuth = jnp.broadcast_to(azimuth, angle.shape)
        along = jnp.stack([jnp.cos(azimuth)] if len(horizontal) == 1 else [jnp.sin(azimuth), jnp.cos(azimuth)], -1)
        distance = jnp.einsum("sa,pa->sp", along * jnp.sin(angle)[:, None], points.astype(angle.dtype))
        delay = (distance - distance.min(axis=1, keepdims=True)) / self.speed
        samples = (
            _delayed(jnp.asarray(self.time_function), delay, grid)
            * (weight * np.prod(grid.spacing[1:])).astype(angle.dtype)[None, :, None]
        )
        return [Emission("volume", None, np.broadcast_to(position, (len(self.angle), *position.shape)), samples)]


def _taper(n: int, fraction: float) -> np.ndarray:
    """1 in the middle, a cosine flank over `fraction` of the length at either end."""
    position = (np.arange(n) + 0.5) / n
    flank = np.minimum(np.minimum(position, 1 - position) / max(fraction, 0.5 / n), 1.0)
    return np.sin(0.5 * np.pi * flank) ** 2


def _delayed(time_function: Array, delay: Array, grid: Grid) -> Array:
    """s(t - delay), `(shot, point, time)`, by a phase shift; what would leave the record is dropped."""
    length = 2 * grid.nt  # delays are shorter than the record, or their part of the wave is never seen
    omega = 2 * np.pi * np.fft.rfftfreq(length, grid.dt).astype(delay.dtype)
    late = jnp.clip(delay, 0.0, grid.nt * grid.dt)
    spectrum = jnp.fft.rfft(time_function, length)[:, None, :] * jnp.exp(-1j * omega[None, None, :] * late[:, :, None])
    return jnp.fft.irfft(spectrum, length)[..., : grid.nt]
