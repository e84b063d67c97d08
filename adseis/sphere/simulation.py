"""What all balls share: checks, sources and stations in a source's frame, and several sources."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh
from jaxtyping import Array, Float, PyTree

from adseis.experiment.checks import Samples, ValueFault, finite, known, positive, widest
from adseis.parallel.shots import error_if, over_shots
from adseis.sphere.dispersion import correction
from adseis.sphere.fourth_order import Coefficients, FourthOrder
from adseis.sphere.frames import Cylindrical, cylindrical_axes, in_frame, local_axes
from adseis.sphere.locate import Located, locate
from adseis.sphere.medium import sampled
from adseis.sphere.mesh import SURFACE, BallMesh
from adseis.sphere.records import Recording, Rings, rings
from adseis.sphere.sources import BallSource, Stations, in_precision
from adseis.timeloop.adjoints import Adjoint
from adseis.timeloop.equation import Injection, Points, Probe
from adseis.timeloop.march import march

NEAR = 1.5
"""Elements from a source, within which records are wrong by some per cent or more."""


class Placed(NamedTuple):
    """Stations in a source's frame.

    Attributes:
        at: Where they are.
        located: In the mesh.
        axes: South, east and up of each in the frame's coordinates, `(station, 3, 3)`.
    """

    at: Cylindrical
    located: Located
    axes: Float[Array, "station 3 3"]

    @property
    def turn(self) -> Float[Array, "station 3 3"]:
        """From (s, phi, z) to up, north, east of every station."""
        south, east, up = jnp.moveaxis(jnp.einsum("aij,akj->aik", self.axes, cylindrical_axes(self.at.phi)), 1, 0)
        return jnp.stack([up, -south, east], 1)


def placed(source: BallSource, stations: Stations, mesh: BallMesh) -> Placed:
    """Stations as they are seen from a source; differentiable by where both are."""
    frame, axes = source.frame, stations.axes
    at = in_frame(frame, jnp.asarray(stations.radius, frame.dtype), axes[:, 2])
    return Placed(at, locate(mesh.elements, at.s, at.z), jnp.einsum("ij,akj->aki", frame, axes))


def rings_of_all(sources: Sequence[BallSource], stations: Stations, mesh: BallMesh) -> Rings | None:
    """Which stations share s and z; None if that is not known, is so for hardly any, or is not the same for all sources."""
    where = [x for source in sources for x in (source.latitude, source.longitude)]
    where += [stations.latitude, stations.longitude, stations.radius]
    now = [known(x) for x in where]
    if any(x is None for x in now):
        return None
    with jax.ensure_compile_time_eval():
        latitude, longitude, radius = (jnp.asarray(x) for x in now[-3:])
        up = local_axes(latitude, longitude)[:, 2]
        found = set()
        for place in zip(now[:-3:2], now[1:-3:2], strict=True):
            at = in_frame(local_axes(*(jnp.asarray(x, up.dtype) for x in place)), radius.astype(up.dtype), up)
            found.add(rings(np.asarray(at.s), np.asarray(at.z), mesh.radius))
    return found.pop() if len(found) == 1 else None


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


def marched(
    equation: FourthOrder[Any],
    coefficients: Coefficients,
    at: Points,
    source: BallSource,
    read: Recording,
    mesh: BallMesh,
    derivative: int,
    adjoint: Adjoint,
    probe: Probe | None,
    probe_every: int,
) -> tuple[Float[Array, "station quantity time"], PyTree]:
    """What is read at stations, mended of the time step's dispersion, and the stacked probes.

    Args:
        equation: The scheme, of a `Body`.
        coefficients: Of its system.
        at: Where the source acts.
        source: Its time function.
        read: What is recorded.
        mesh: The mesh.
        derivative: Of the record by time.
        adjoint: How the time loop is differentiated.
        probe: Called with the field, or None.
        probe_every: Steps from one call to the next.

    Returns:
        At the mesh's instants.
    """
    system, dtype = equation.system, source.time_function.dtype
    name = system.name
    look = None if probe is None else lambda fields: probe({name: system.components(fields[name])})
    mended = correction(mesh.nt, derivative, integrated=source.rate)
    unit = mesh.dt if source.rate else 1.0
    samples = (jnp.asarray(unit * mended.source, dtype) @ source.time_function)[:, None, None]
    records, probed = march(
        equation, coefficients, {name: Injection(at, samples)}, {name: read.points}, mended.steps,
        adjoint=adjoint, probe=look, probe_every=probe_every,
    )  # fmt: skip
    made = read.made(records[name][:-1, 0])  # from t = dt on
    to = jnp.asarray(mended.record[:, 1:] / mesh.dt**derivative, dtype)
    return jnp.einsum("tn,qns->sqt", to, made), probed


def each_source(
    run: Callable[[PyTree, BallSource], PyTree],
    fields: Sequence[PyTree],
    sources: Sequence[BallSource],
    devices: Mesh | None,
) -> PyTree:
    """`run(fields, source)` of several, one after the other on each device; `(source, ...)`.

    Args:
        run: Of one source.
        fields: The medium in the frame of each.
        sources: All of one kind.
        devices: A device mesh with an axis "shot", over which the sources are distributed; None for one.

    Returns:
        What `run` returns, stacked.
    """
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *[(f, s) for f, s in zip(fields, sources, strict=True)])
    return over_shots(lambda _, shots: lax.map(lambda shot: run(*shot), shots), devices, (), stacked)


def each_or_one(
    run: Callable[[PyTree, BallSource], tuple[PyTree, PyTree]],
    fields: Sequence[PyTree],
    sources: Sequence[BallSource],
    *,
    several: bool,
    probed: bool,
    devices: Mesh | None,
) -> PyTree:
    """What `run(fields, source)` records, of one source or of each of several; with a probe also what it saw.

    Raises:
        ValueError: If several sources are to be probed.
    """
    if probed and several:
        raise ValueError("A `probe` sees one source: call with each source by itself.")
    if probed:
        return run(fields[0], sources[0])
    if not several:
        return run(fields[0], sources[0])[0]
    return each_source(lambda fields, source: run(fields, source)[0], fields, sources, devices)


def paired(medium: Any, source: Any) -> tuple[list[Any], list[BallSource], bool]:
    """Media and sources as lists, and whether there were several sources.

    Raises:
        ValueError: If there are several media, but not one for each source, or sources of several kinds.
    """
    several = isinstance(source, list | tuple)
    sources = list(source) if several else [source]
    if not sources or len({type(s) for s in sources}) > 1:
        raise ValueError("`source` must be one source, or a list of sources of one kind, at least one.")
    media = list(medium) if isinstance(medium, list | tuple) else [medium] * len(sources)
    if len(media) != len(sources):
        raise ValueError(f"`medium` are {len(media)} media for {len(sources)} sources: give one for each frame, or one for all.")
    return media, sources, several


def fields_of(
    media: Sequence[Any], sources: Sequence[BallSource], mesh: BallMesh, names: Sequence[str]
) -> list[tuple[Samples, ...]]:
    """The fields of each medium as arrays in its source's frame.

    Raises:
        ValueError: If a shape is another, or an array that varies with azimuth is given to several sources at once.
    """
    found = []
    for medium, source in zip(media, sources, strict=True):
        fields = [sampled(getattr(medium, name), name, lambda source=source: mesh.points(source), mesh.shape) for name in names]
        found.append(tuple(fields))
    for name, first in zip(names, found[0], strict=True):
        if len(sources) > 1 and media[0] is media[1] and np.ndim(first) == 2 and not callable(getattr(media[0], name)):
            raise ValueError(
                f"`medium.{name}` (node, azimuth) belongs to the frame of one source: give a function of radius, latitude and "
                "longitude, or a list of media, one for each source."
            )
    return found


def one_precision(
    fields: Sequence[tuple[Samples, ...]], sources: Sequence[BallSource], stations: Stations
) -> tuple[Any, Any, Any]:
    """All arrays in the widest precision among the medium's and the time functions'."""
    dtype = widest(*jax.tree.leaves(fields), *(source.time_function for source in sources))
    fields = [tuple(jnp.asarray(x, dtype) for x in each) for each in fields]
    return fields, [in_precision(source, dtype) for source in sources], in_precision(stations, dtype)
