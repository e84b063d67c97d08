"""What is known of a ball's sources, stations and medium before a run, and does not fit its mesh."""

import dataclasses
import warnings
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from adseis.experiment.checks import Samples, ValueFault, finite, known, module_of, positive
from adseis.parallel.shots import error_if
from adseis.sphere.frames import local_axes
from adseis.sphere.mesh import SURFACE, BallMesh
from adseis.sphere.planning import rounded_down, stable_step
from adseis.sphere.sources import BallSource, Stations

NEAR = 1.5
"""Elements from a source, within which records are wrong by some per cent or more."""
LOST = 0.01
"""Of a record's energy that may lie above what a mesh carries."""
JUMP = 1.5
"""How often the least density of an element its largest may be: the planner's time step has room for that."""


def checked_source(source: BallSource, mesh: BallMesh) -> BallSource:
    """A source that is within the ball and fits the mesh's instants."""
    if source.time_function.shape != (mesh.nt,):
        raise ValueError(
            f"`time_function` {source.time_function.shape} must be (time,) = ({mesh.nt},), sampled at `mesh.times`, dt = "
            f"{mesh.dt:g} s."
        )
    finite(source.time_function, "time_function", ("time",))
    for name in ("latitude", "longitude"):
        finite(getattr(source, name).reshape(1), name, ("source",))
    now = known(source.radius)
    if now is None:
        bad = ~((source.radius > 0) & (source.radius < mesh.radius))
        text = f"`radius` of the source must be above 0 and under {mesh.radius:g} m, the ball's. Move it inside."
        radius = error_if(source.radius, jnp.asarray(bad), text, None)
        return dataclasses.replace(source, radius=radius)
    if not 0 < float(now) < mesh.radius:
        raise ValueFault(
            f"`radius` of the source is {float(now):g} m; it must be above 0, since at the centre no direction is up, and under "
            f"{mesh.radius:g} m, the ball's. Move it inside."
        )
    return source


def checked_stations(stations: Stations, mesh: BallMesh) -> Stations:
    """Stations that are within the ball, or on its surface."""
    now, most = known(stations.radius), mesh.radius * (1 + SURFACE)
    if now is None:
        bad = ~jnp.all((stations.radius >= 0) & (stations.radius <= most))
        text = f"`radius` of a station must be 0 to {mesh.radius:g} m, the ball's. Move it inside."
        return dataclasses.replace(stations, radius=error_if(stations.radius, bad, text, None))
    bad = ~((np.asarray(now) >= 0) & (np.asarray(now) <= most))
    if bad.any():
        where = int(np.argmax(bad))
        raise ValueFault(
            f"`radius` of station {where} is {float(now[where]):g} m; it must be 0 to {mesh.radius:g} m, the ball's: above the "
            "surface is nothing. Move it inside."
        )
    return stations


def warn_if_near(sources: Sequence[BallSource], stations: Stations, mesh: BallMesh, *, stacklevel: int = 3) -> None:
    """Say so where a station is known to be so near to a source that no element carries what is there.

    Args:
        sources: All.
        stations: Their places.
        mesh: The mesh.
        stacklevel: As of `warnings.warn`.
    """
    where = [known(x) for at in (stations, *sources) for x in (at.radius, at.latitude, at.longitude)]
    if any(x is None for x in where):
        return
    with jax.ensure_compile_time_eval():
        places = [
            np.asarray(r, float)[..., None] * np.asarray(local_axes(jnp.asarray(lat), jnp.asarray(lon)))[..., 2, :]
            for r, lat, lon in zip(where[::3], where[1::3], where[2::3], strict=True)
        ]
    away = np.stack([np.linalg.norm(places[0] - place, axis=-1) for place in places[1:]])
    least = NEAR * mesh.largest
    if away.min() < least:
        source, station = np.unravel_index(np.argmin(away), away.shape)
        warnings.warn(
            f"station {station} is {away.min():.3g} m from source {source}, and elements are up to {mesh.largest:.3g} m: within "
            f"{least:.3g} m records are wrong by some per cent or more. Plan a finer mesh by `resolution`, or leave it out.",
            stacklevel=stacklevel,
        )


def warn_if_sharp(sources: Sequence[BallSource], derivative: int, mesh: BallMesh, *, stacklevel: int = 3) -> None:
    """Say so where a time function is known to excite more than a mesh carries.

    What counts is what is recorded far away: the time function of a force, a moment's rate and a potential, or its derivative.

    Args:
        sources: All.
        derivative: Of the time functions by time that is recorded.
        mesh: The mesh.
        stacklevel: As of `warnings.warn`.
    """
    for number, source in enumerate(sources):
        now = known(source.time_function)
        if now is None:
            continue
        frequency, energy = _spectrum(np.asarray(now, float), derivative, mesh.dt)
        total = energy.sum()
        lost = energy[frequency > mesh.frequency].sum() / (total or 1.0)
        if lost > LOST:
            enough = frequency[np.searchsorted(np.cumsum(energy), (1 - LOST) * total)]
            warnings.warn(
                f"`time_function` of source {number}: {100 * lost:.3g} % of the energy of its far field as recorded lies above "
                f"{mesh.frequency:g} Hz, for which the mesh was planned; 99 % lies below {enough:.3g} Hz. Plan the mesh by "
                "`sphere.ball(frequency=...)` for that, or low-pass the time function, which must begin at zero.",
                stacklevel=stacklevel,
            )
            return


def _spectrum(samples: np.ndarray, derivative: int, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies [Hz] and the energy of a time function's derivative there; before it is rest, behind it its mirror, no end."""
    padded = 4 * len(samples)
    frequency = np.fft.rfftfreq(padded, dt)
    spectrum = np.fft.rfft(np.concatenate([samples, samples[::-1]]), padded)
    return frequency, np.abs(spectrum * frequency**derivative) ** 2


def stepped(rho: Samples, mesh: BallMesh) -> Samples:
    """A density that the time step of a mesh can take: where it jumps within an element, waves oscillate faster.

    Args:
        rho: Density [kg/m^3], traced or not; judged where it is known.
        mesh: What was planned.

    Returns:
        The density.

    Raises:
        ValueFault: If it varies within an element, at one azimuth, by a factor that the time step has no room for.
    """
    rho = positive(rho, "medium.rho")
    now = known(rho)
    if now is None or not np.ndim(now):
        return rho
    module, local = module_of(now), mesh.elements.local.reshape(len(mesh.elements.local), -1)
    with jax.ensure_compile_time_eval():
        at = now[local]
        ratio = float(module.max(at.max(1) / at.min(1)))
    if ratio <= JUMP:
        return rho
    # Of the largest eigenvalue the mass has kappa, the stiffness 1 / rho, or the other way round: it grows by the ratio.
    room = stable_step(mesh) / ratio**0.5
    if mesh.dt > room * (1 + 1e-9):
        raise ValueFault(
            f"`medium.rho` varies by a factor of {ratio:.3g} within an element; above {JUMP:g} the time step of {mesh.dt:.3g} s, "
            f"which was planned for smooth density, is unstable. Plan the mesh by `sphere.ball(..., dt={rounded_down(room):g})`, "
            "or make the density smoother."
        )
    return rho


def within(speed: Samples, name: str, least: float, mesh: BallMesh) -> Samples:
    """Speeds for which a mesh was planned, from `least` to its fastest.

    Args:
        speed: [m/s], traced or not.
        name: Of the field of the medium.
        least: The slowest that is let pass [m/s].
        mesh: What was planned.

    Returns:
        The speeds; where they are traced, with a runtime check attached.

    Raises:
        ValueFault: If one is not (a `RuntimeError` at run time where they are traced).
    """
    speed = positive(speed, f"medium.{name}")
    low, high = least * (1 - 1e-6), mesh.speeds[1] * (1 + 1e-6)
    told = f"the mesh was planned for speeds from {mesh.speeds[0]:g} to {mesh.speeds[1]:g} m/s at {mesh.frequency:g} Hz"
    repair = "plan another by `sphere.ball(..., speeds=(slowest, fastest))`, or bound the inversion."
    now = known(speed)
    if now is None:
        bad = (jnp.min(speed) < low) | (jnp.max(speed) > high)
        return error_if(speed, bad, f"`medium.{name}` is out of range: {told}; {repair}", None)
    with jax.ensure_compile_time_eval():
        slowest, fastest = float(now.min()), float(now.max())
    if slowest < low or fastest > high:
        raise ValueFault(f"`medium.{name}` reaches from {slowest:g} to {fastest:g} m/s; {told}; {repair}")
    return speed
