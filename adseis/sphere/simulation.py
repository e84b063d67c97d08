"""What all balls share: sources and stations in a source's frame, the march, and several sources."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh
from jaxtyping import Array, Float, PyTree

from adseis.experiment.checks import Samples, known, widest
from adseis.parallel.shots import over_shots
from adseis.signals.arithmetic import einsum, matmul
from adseis.sphere.dispersion import correction
from adseis.sphere.fourth_order import Coefficients, FourthOrder
from adseis.sphere.frames import Cylindrical, cylindrical_axes, in_frame, local_axes, polar
from adseis.sphere.locate import Located, locate
from adseis.sphere.medium import on_all, sampled
from adseis.sphere.mesh import BallMesh
from adseis.sphere.records import Recording, Rings, rings
from adseis.sphere.sources import BallSource, Stations, in_precision
from adseis.timeloop.adjoints import Adjoint
from adseis.timeloop.equation import Injection, Points, Probe
from adseis.timeloop.march import march


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

    def turn(self, components: str) -> Float[Array, "station component 3"]:
        """From (s, phi, z) to the components of every station: letters of Z, N, E, R and T, as `Stations` says."""
        south, east, up = jnp.moveaxis(self.axes, 1, 0)
        vectors = {"Z": up, "N": -south, "E": east}
        if set(components) & set("RT"):
            right = -cylindrical_axes(polar(up[:, 0], up[:, 1])[1])[:, 1]
            vectors |= {"R": jnp.cross(up, right), "T": right}
        wanted = jnp.stack([vectors[letter] for letter in components], 1)
        return einsum("aij,akj->aik", wanted, cylindrical_axes(self.at.phi))


def placed(source: BallSource, stations: Stations, mesh: BallMesh) -> Placed:
    """Stations as they are seen from a source; differentiable by where both are."""
    frame, axes = source.frame, stations.axes
    at = in_frame(frame, jnp.asarray(stations.radius, frame.dtype), axes[:, 2])
    return Placed(at, locate(mesh.elements, at.s, at.z), einsum("ij,akj->aki", frame, axes))


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
        At the mesh's instants; the probes are those of the time of the record.
    """
    system, dtype = equation.system, source.time_function.dtype
    name = system.name
    look = None if probe is None else lambda fields: probe({name: system.components(fields[name])})
    mended = correction(mesh.nt, derivative, integrated=source.rate)
    unit = mesh.dt if source.rate else 1.0
    samples = matmul(jnp.asarray(unit * mended.source, dtype), source.time_function)[:, None, None]
    records, probed = march(
        equation, coefficients, {name: Injection(at, samples)}, {name: read.points}, mended.steps,
        adjoint=adjoint, probe=look, probe_every=probe_every,
    )  # fmt: skip
    made = read.made(records[name][:-1, 0])  # from t = dt on
    to = jnp.asarray(mended.record[:, 1:] / mesh.dt**derivative, dtype)
    instants = -(-mesh.nt // probe_every)  # more steps are marched, for the dispersion's sake
    return einsum("tn,qns->sqt", to, made), jax.tree.map(lambda x: x[:instants], probed)


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
    """What `run(fields, source)` records, of one source or of each of several; with a probe also what it saw."""
    asked = run if probed else lambda fields, source: run(fields, source)[0]
    return each_source(asked, fields, sources, devices) if several else asked(fields[0], sources[0])


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
    """All arrays in the widest precision among the medium's and the time functions', a field in one shape for all sources."""
    dtype = widest(*jax.tree.leaves(fields), *(source.time_function for source in sources))
    columns = [_alike([jnp.asarray(x, dtype) for x in column]) for column in zip(*fields, strict=True)]
    return [*zip(*columns, strict=True)], [in_precision(source, dtype) for source in sources], in_precision(stations, dtype)


def _alike(values: Sequence[Array]) -> list[Array]:
    """A field of several media, each with as many axes as the one with most."""
    shape = max((x.shape for x in values), key=len)
    return [on_all(x, shape, x.dtype) for x in values]
