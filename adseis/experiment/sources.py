"""Seismic sources. Positions and time functions are differentiable.

A source says what it emits (`emissions`): a kind of source term, at positions, with samples at t = k dt. Which field an equation
adds it to is the equation's business.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.experiment.checks import Samples, as_samples, finite, known, module_of, widest
from adseis.experiment.clock import Clock
from adseis.experiment.grid import Grid
from adseis.experiment.medium import letters
from adseis.signals import phasor
from adseis.signals.arithmetic import einsum


class Kind(NamedTuple):
    """What a point source is.

    Attributes:
        what: "volume" (volume injection), "force" or "moment" (a component of a moment tensor).
        axes: Along which axes it acts: "" for a volume, "z" for a force, "zx" for a moment.
    """

    what: str
    axes: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.axes}".rstrip()


VOLUME = Kind("volume")


class Emission(NamedTuple):
    """Point sources of one kind.

    Attributes:
        kind: What they are.
        position: `(shot, source, axis)` [m].
        samples: `(shot, source, time)`.
    """

    kind: Kind
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


def checked_position(position: Samples, grid: Grid) -> Samples:
    """Positions of the shape that a grid asks for.

    Args:
        position: `(shot, source, axis)` [m].
        grid: Space-time sampling.

    Returns:
        The positions.

    Raises:
        ValueError: If they are not.
    """
    axes = len(grid.shape)
    if position.ndim != 3 or position.shape[-1] != axes:
        raise ValueError(f"`position` {position.shape} must be (shot, source, {axes}) for a {axes}D grid.")
    return position


def checked_time_function(time_function: Samples, points: tuple[int, int], clock: Clock) -> Samples:
    """Time functions of all shots and sources.

    Args:
        time_function: `(shot, source, time)`, a length of 1 serving all shots, or all sources.
        points: Number of shots, and of sources of each.
        clock: Sampling of time.

    Returns:
        `(shot, source, time)`.

    Raises:
        ValueError: If they are not of this shape.
    """
    if time_function.ndim != 3 or time_function.shape[-1] != clock.nt:
        raise ValueError(f"`time_function` {time_function.shape} must be (shot, source, time) with grid.nt = {clock.nt} samples.")
    wanted = (*points, clock.nt)
    if any(a not in (1, b) for a, b in zip(time_function.shape, wanted, strict=True)):
        raise ValueError(
            f"`time_function` {time_function.shape} does not fit `position` of {points[0]} shots and {points[1]} sources: both "
            "need the same (a length of 1 in the time function serves all)."
        )
    if known(time_function) is not None:
        finite(time_function, "time_function", ("shot", "source", "time"))
    return module_of(time_function).broadcast_to(time_function, wanted)


def _checked(position: Samples, time_function: Samples, grid: Grid) -> tuple[Samples, Samples]:
    """Positions and samples of equal shots and sources."""
    position = checked_position(position, grid)
    shots, sources, _ = position.shape
    return position, checked_time_function(time_function, (shots, sources), grid)


def _for_all(time_function: Any) -> Samples:
    """One time function, `(time,)`, serves all shots and sources."""
    samples = as_samples(time_function)
    return samples[None, None] if samples.ndim == 1 else samples


class Explosion(Source):
    """Volume injection at points: s(t) delta(x - xs) in the scalar, kappa q(t) delta(x - xs) in the acoustic equation.

    In an elastic medium it is the isotropic moment rate rho vp^2 q(t), which sends out the same P waves as in a fluid.

    Warning:
        A point source is spread over a cell: what is added to its node is divided by the volume of a cell (in 2D its area), so
        that amplitudes do not depend on the spacing. Do not scale the time function by the spacing; codes that add it to a node
        as it is differ by that volume. In a fluid the pressure follows the derivative of q, not q.

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        time_function: s, or the volume injection rate q [m^3/s; m^2/s in 2D], `(shot, source, time)`, or `(time,)` for all.

    Example:
        >>> wavelet = ads.wavelets.ricker(10.0, nt=500, dt=1e-3)
        >>> source = ads.Explosion([[[20.0, 50.0]], [[20.0, 150.0]]], wavelet)  # two shots of one source each, (z, x)
        >>> source.position.shape
        (2, 1, 2)
    """

    position: Float[Samples, "shot source axis"] = eqx.field(converter=as_samples)
    time_function: Float[Samples, "#shot #source time"] = eqx.field(converter=_for_all)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One volume source per position."""
        return [Emission(VOLUME, *_checked(self.position, self.time_function, grid))]


class Force(Source):
    """Point forces: rho v_t = -grad p + d f(t) delta(x - xs), or div sigma in place of -grad p.

    Warning:
        A point source is spread over a cell: what is added to its node is divided by the volume of a cell (in 2D its area), so
        that amplitudes do not depend on the spacing. Do not scale the time function by the spacing; codes that add it to a node
        as it is differ by that volume. The direction is in the axes of the grid, z (down) first.

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        time_function: f [N; N/m in 2D], `(shot, source, time)`, or `(time,)` for all.
        direction: d, usually of unit length, `(shot, source, axis)`, in the axes of the grid (z down first). In 2D it may also
            have the three components (z, y, x): that along y, out of the plane, excites SH waves.

    Example:
        >>> wavelet = ads.wavelets.ricker(10.0, nt=500, dt=1e-3)
        >>> downwards = ads.Force([[[20.0, 50.0]]], 1e6 * wavelet, [[[1.0, 0.0]]])  # (z, x), z down
        >>> [str(emission.kind) for emission in downwards.emissions(ads.Grid((11, 21), 10.0, 1e-3, 500))]
        ['force z']
    """

    position: Float[Samples, "shot source axis"] = eqx.field(converter=as_samples)
    time_function: Float[Samples, "#shot #source time"] = eqx.field(converter=_for_all)
    direction: Float[Samples, "#shot #source axis"] = eqx.field(converter=as_samples)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One force per position and axis, left out where the direction is known to vanish for all."""
        position, samples = _checked(self.position, self.time_function, grid)
        axes = _component_axes("direction", self.direction, position, 1)
        return [
            Emission(Kind("force", letter), position, samples * self.direction[..., axis, None])
            for axis, letter in enumerate(axes)
            if _acts(self.direction[..., axis])
        ]


class MomentTensor(Source):
    """Point moment tensors: sigma_t = C : grad v - M r(t) delta(x - xs).

    Warning:
        Components are in the order of the axes, (z, x) or (z, y, x), z down: `moment[..., 0, 0]` is M_zz. A tensor in (x, y, z)
        must be reversed along both axes, `M[::-1, ::-1]`; one in (r, theta, phi), that is (up, south, east), needs signs turned
        as well.

        The time function is the rate of the moment, of unit area, not the moment: its integral rises from 0 to 1. Far P and S
        waves follow it in displacement, and its derivative in velocity.

    Attributes:
        position: Where [m], `(shot, source, axis)`.
        time_function: The moment-rate function r, of unit area for the full moment [1/s], `(shot, source, time)`, or `(time,)`
            for all.
        moment: M, symmetric [N m; N in 2D], `(shot, source, axis, axis)`, in the axes of the grid (z down first). Where it is
            traced, its symmetric part is used.

    Example:
        >>> rate = ads.wavelets.triangle(0.1, nt=500, dt=1e-3)  # of unit area: M is the moment that remains
        >>> dipole = ads.MomentTensor([[[50.0, 80.0]]], rate, [[[[1e9, 0.0], [0.0, 0.0]]]])  # upright: M_zz alone
        >>> [str(emission.kind) for emission in dipole.emissions(ads.Grid((11, 21), 10.0, 1e-3, 500))]
        ['moment zz']
    """

    position: Float[Samples, "shot source axis"] = eqx.field(converter=as_samples)
    time_function: Float[Samples, "#shot #source time"] = eqx.field(converter=_for_all)
    moment: Float[Samples, "#shot #source axis axis"] = eqx.field(converter=as_samples)

    def emissions(self, grid: Grid) -> list[Emission]:
        """One moment per position and component, left out where it is known to vanish for all."""
        position, samples = _checked(self.position, self.time_function, grid)
        return moment_emissions(position, samples, self.moment)


def moment_emissions(position: Samples, rate: Samples, moment: Samples) -> list[Emission]:
    """What moment tensors emit.

    Args:
        position: `(shot, source, axis)` [m].
        rate: Moment-rate functions [1/s], `(shot, source, time)`.
        moment: Symmetric [N m; N in 2D], `(shot, source, axis, axis)`, a length of 1 serving all.

    Returns:
        One emission per component that is not known to vanish.

    Raises:
        ValueError: If shapes do not fit, or a known moment is not symmetric.
    """
    axes = _component_axes("moment", moment, position, 2)
    if isinstance(moment, np.ndarray):
        odd = np.abs(moment - np.swapaxes(moment, -1, -2))
        if odd.max(initial=0.0) > 1e-5 * np.abs(moment).max(initial=0.0):
            shot, source, i, j = (int(k) for k in np.unravel_index(np.argmax(odd), odd.shape))
            pair = moment[shot, source, i, j], moment[shot, source, j, i]
            raise ValueError(
                f"`moment` of shot {shot}, source {source} is not symmetric: M[{i}, {j}] = {pair[0]:.6g}, M[{j}, {i}] = "
                f"{pair[1]:.6g}. A moment tensor exerts no torque: use (M + M^T) / 2."
            )
    emissions = []
    for i, first in enumerate(axes):
        for j, second in list(enumerate(axes))[i:]:
            component = (moment[..., i, j] + moment[..., j, i]) / 2
            if _acts(component):
                emissions.append(Emission(Kind("moment", first + second), position, rate * component[..., None]))
    return emissions


def _component_axes(name: str, components: Samples, position: Samples, rank: int) -> str:
    """The axes that the components of a vector or tensor are given in; those of a vector may be all three in 2D."""
    axes = position.shape[-1]
    given = components.shape[-1]
    fits = components.ndim == 2 + rank and all(a in (1, b) for a, b in zip(components.shape[:2], position.shape[:2], strict=True))
    if not fits or given not in ((axes, 3) if rank == 1 else (axes,)) or components.shape[2:] != (given,) * rank:
        wanted = "(shot, source, axis)" if rank == 1 else "(shot, source, axis, axis)"
        raise ValueError(f"`{name}` {components.shape} does not fit `position` {position.shape}: it must be {wanted}.")
    if known(components) is not None:
        finite(components, name, ("shot", "source", "axis", "axis")[: 2 + rank])
    return letters(given)


def _acts(component: Samples) -> bool:
    """Whether a component is not known to vanish everywhere."""
    return not isinstance(component, np.ndarray) or bool(np.any(component))


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

    Example:
        >>> wavelet = ads.wavelets.ricker(10.0, nt=500, dt=1e-3)
        >>> source = ads.PlaneWave([-10.0, 0.0, 10.0], wavelet[None], depth=100.0, speed=2000.0)  # three shots
        >>> source.emissions(ads.Grid((11, 21), 10.0, 1e-3, 500))[0].position.shape  # a source at each node of the line
        (3, 21, 2)
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
        for name, axes in (("time_function", ("shot", "time")), ("angle", ("shot",)), ("azimuth", ("shot",))):
            if known(getattr(self, name)) is not None:
                finite(getattr(self, name), name, axes)
        if not (self.speed > 0 and 0 <= self.taper <= 0.5):
            raise ValueError(f"`speed` = {self.speed} m/s must be positive and `taper` = {self.taper} between 0 and 0.5.")
        horizontal = [grid.coordinates(axis) for axis in range(1, len(grid.shape))]
        points = np.stack([x.ravel() for x in np.meshgrid(*horizontal, indexing="ij")], -1)
        weight = np.prod(np.stack(np.meshgrid(*[_taper(len(x), self.taper) for x in horizontal], indexing="ij")), axis=0).ravel()
        position = np.concatenate([np.full((len(points), 1), self.depth), points], -1)

        angle, azimuth = (jnp.deg2rad(jnp.asarray(x)) for x in (self.angle, self.azimuth))
        azimuth = jnp.broadcast_to(azimuth.astype(angle.dtype), angle.shape)
        along = jnp.stack([jnp.cos(azimuth)] if len(horizontal) == 1 else [jnp.sin(azimuth), jnp.cos(azimuth)], -1)
        distance = einsum("sa,pa->sp", along * jnp.sin(angle)[:, None], points.astype(angle.dtype))
        delay = (distance - distance.min(axis=1, keepdims=True)) / self.speed
        samples = _delayed(jnp.asarray(self.time_function), delay, grid)
        samples = samples * (weight * np.prod(grid.spacing[1:])).astype(samples.dtype)[None, :, None]
        return [Emission(VOLUME, np.broadcast_to(position, (len(self.angle), *position.shape)), samples)]


def _taper(n: int, fraction: float) -> np.ndarray:
    """1 in the middle, a cosine flank over `fraction` of the length at either end."""
    position = (np.arange(n) + 0.5) / n
    flank = np.minimum(np.minimum(position, 1 - position) / max(fraction, 0.5 / n), 1.0)
    return np.sin(0.5 * np.pi * flank) ** 2


def _delayed(time_function: Array, delay: Array, grid: Grid) -> Array:
    """s(t - delay), `(shot, point, time)`, by a phase shift; what would leave the record is dropped."""
    length = 2 * grid.nt  # delays are shorter than the record, or their part of the wave is never seen
    precise = widest(time_function, delay)
    time_function, delay = time_function.astype(precise), delay.astype(precise)
    omega = 2 * np.pi * np.fft.rfftfreq(length, grid.dt).astype(precise)
    late = jnp.clip(delay, 0.0, grid.nt * grid.dt)
    spectrum = jnp.fft.rfft(time_function, length)[:, None, :] * phasor(-omega[None, None, :] * late[:, :, None])
    return jnp.fft.irfft(spectrum, length)[..., : grid.nt]
