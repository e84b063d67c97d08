"""`adseis invert --problem globe`: the 3D structure of a fluid ball from seismograms all over its surface.

By default a random structure of a small ball is drawn, its seismograms are made on a finer mesh, and it is sought from nothing.
With --data the seismograms are those of a file, whose structure nobody knows.
"""

import dataclasses
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy
from matplotlib.figure import Figure

from adseis.cli.flags import changed, flag_of
from adseis.cli.options import InversionOptions, open_folder
from adseis.cli.runs import Curves, Findings, RunFolder, report_inversion, versions
from adseis.data.arrays import StoredArray, read_npz
from adseis.inversion.tomography import LEVELS, Structure, invert_structure
from adseis.sphere.draws import draw_structures
from adseis.sphere.fluid_ball import simulate_fluid_ball
from adseis.sphere.medium import FluidMedium
from adseis.sphere.mesh import BallMesh
from adseis.sphere.planning import ball
from adseis.sphere.sources import PressureSource, Stations
from adseis.sphere.structure import Positions, perturbation
from adseis.viz.globe import (
    correlation,
    meridian_plane,
    plot_coefficients,
    plot_depth_slices,
    plot_meridian,
    plot_record_section,
)

USED = ("data", "noise", "seed", "iterations", "evaluations", "bands", "band_iterations", "misfit", "output", "overwrite")
"""Options of other problems that are of use to this one."""
EVALUATIONS = 30
FINER = 1.3
"""The mesh on which data are made, over the one on which they are inverted, in frequency and azimuth."""
SWING = 0.1
"""By how much of it vp may differ, for which meshes are planned."""
PLACES = ((35.0, 20.0), (-20.0, 140.0), (-10.0, -100.0))
NEEDED = ("observed", "dt", "time_function", "sources", "stations")
OF_DRAWN = ("stations", "amplitude")
"""Options of the embedded problem alone."""
ABOVE = 0.01
"""Of the energy of records may lie above the highest frequency of the mesh, which does not carry it."""


@dataclass(frozen=True)
class GlobeOptions:
    """The ball of --problem globe, a fluid; the embedded one takes a few minutes.

    Of --data, one .npz file holds the records `observed` (source, station, time) [m upwards], `dt` [s], the `time_function`
    (time,), and `sources` (source, 3) and `stations` (station, 3) as radius [m], latitude and longitude [degrees].

    Attributes:
        radius: Of the ball [m].
        vp: P-wave speed without structure [m/s].
        rho: Density [kg/m^3].
        degree: Largest degree of the spherical harmonics that are sought, on five levels.
        frequency: Highest that the mesh carries [Hz]; the embedded problem's wavelet peaks 2.5 times lower.
        azimuthal_order: Largest order of the Fourier series around each source.
        duration: Of the records [s].
        stations: Number of stations of the embedded problem, evenly over the surface.
        amplitude: Its coefficients are uniform between minus and plus this [1].
    """

    radius: float = 1000.0
    vp: float = 1000.0
    rho: float = 1000.0
    degree: int = 4
    frequency: float = 4.0
    azimuthal_order: int = 6
    duration: float = 3.0
    stations: int = 100
    amplitude: float = 0.025


@dataclass(frozen=True)
class GlobeProblem(InversionOptions):
    """What is special to balls is added."""

    data: tuple[Path, ...] = ()
    globe: GlobeOptions = field(default_factory=GlobeOptions)


class _Setting(NamedTuple):
    """What is inverted."""

    mesh: BallMesh
    sources: list[PressureSource]
    stations: Stations
    observed: np.ndarray
    true: np.ndarray | None


def run(config: Any) -> int:
    """Make or read the data, find the structure, and leave a run folder.

    Args:
        config: The options, those of `GlobeProblem` among them.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If the file of data does not exist.
        ValueError: If an option or a file cannot be right.
        RuntimeError: If a value is out of range in the simulation.
        OSError: If the run folder cannot be written.
    """
    config.check()
    _refuse_drawn(config)
    options, bands = config.globe, config.stages()
    for name, value in dataclasses.asdict(options).items():
        if not value > 0:
            raise ValueError(f"`globe.{name}` = {value:g} must be positive.")
    mesh = _mesh(options)
    config = dataclasses.replace(config, evaluations=EVALUATIONS if config.evaluations is None else config.evaluations)
    stored = _read(config.data[0], mesh) if config.data else None
    with open_folder(config, "globe", seed=config.seed) as folder:
        if folder.finished:
            return folder.tell()
        begun = time.perf_counter()
        print(mesh)
        setting = _drawn(config, mesh) if stored is None else stored

        def record(iteration: int, x: np.ndarray, value: float) -> None:
            told = {} if setting.true is None else _errors(x, setting.true)
            folder.record(iteration=iteration, misfit=value, **told, seconds=round(time.perf_counter() - begun, 3))

        found = invert_structure(
            setting.observed, setting.sources, setting.stations, mesh, degree=options.degree, bands=bands, vp=options.vp,
            rho=options.rho, record="z", misfit=config.misfit_function(mesh.dt), evaluations=config.evaluations, callback=record,
            journal=folder.path / "journal.h5",
        )  # fmt: skip
        _report(config, setting, found, folder, begun)
    return 0


def _refuse_drawn(config: Any) -> None:
    """Refuse several files, and options of the embedded problem beside a file."""
    if len(config.data) > 1:
        raise ValueError(f"`data` are {len(config.data)} files; give one .npz.")
    ours = ("--noise", *(flag_of(f"globe.{name}") for name in OF_DRAWN))
    useless = [told for told in changed(config, GlobeProblem(), ("noise", "globe")) if told.startswith(ours)]
    if config.data and useless:
        raise ValueError(f"{useless[0]} is of what is simulated, and `data` are recorded. Leave it out.")


def _mesh(options: GlobeOptions, finer: float = 1.0, extra: float = 0.0) -> BallMesh:
    speeds = (1 - SWING) * options.vp, (1 + SWING) * options.vp
    order = math.ceil(finer * options.azimuthal_order)
    return ball(options.radius, finer * options.frequency, options.duration + extra, speeds, azimuthal_order=order)


def _sources(options: GlobeOptions, mesh: BallMesh) -> list[PressureSource]:
    """Three, at a fifth of the radius below the surface, with a Ricker wavelet."""
    a = (np.pi * options.frequency / 2.5 * mesh.times - 1.5 * np.pi) ** 2
    wave = ((1 - 2 * a) * np.exp(-a)).astype("float32")
    return [PressureSource(0.8 * options.radius, *place, wave) for place in PLACES]


def _stations(options: GlobeOptions) -> Stations:
    """Evenly over the surface, by the golden angle."""
    i = np.arange(options.stations) + 0.5
    latitude, longitude = np.degrees(np.arcsin(1 - 2 * i / options.stations)), (i * 180 * (3 - 5**0.5)) % 360 - 180
    return Stations(*(x.astype("float32") for x in (latitude, longitude, np.full(options.stations, options.radius))))


def _drawn(config: Any, mesh: BallMesh) -> _Setting:
    """A random structure, and what it sends to the stations on a finer mesh."""
    options = config.globe
    drawn = draw_structures(config.seed, 1, degree=options.degree, amplitude=options.amplitude)
    true = np.asarray(drawn[0, 0], "float32")
    fine, stations = _mesh(options, FINER, extra=0.05 * options.duration), _stations(options)
    radii = _radii(options)
    medium = FluidMedium(
        lambda r, lat, lon: options.vp * (1 + perturbation(true, Positions(r, lat, lon), radii=radii)), options.rho
    )
    made = np.asarray(simulate_fluid_ball(medium, _sources(options, fine), stations, fine, record="z"), float)
    observed = scipy.interpolate.CubicSpline(fine.times, made, axis=-1)(mesh.times).astype("float32")
    return _Setting(mesh, _sources(options, mesh), stations, np.asarray(config.with_noise(observed)), true)


def _read(path: Path, mesh: BallMesh) -> _Setting:
    """Records of a file, at the instants of the mesh."""
    if not path.is_file():
        raise FileNotFoundError(f"no data file at `{path}`.")
    if path.suffix != ".npz":
        raise ValueError(f"`data` = {path}: --problem globe reads .npz files of {', '.join(NEEDED)}.")
    observed, dt, wave, sources, stations = _numbers(path)
    shapes = (len(sources), len(stations), len(wave))
    if observed.shape != shapes or sources.shape[1:] != (3,) or stations.shape[1:] != (3,):
        raise ValueError(
            f"`{path}`: `observed` {observed.shape} must be (source, station, time) = {shapes}, `sources` {sources.shape} and "
            f"`stations` {stations.shape} (source, 3) and (station, 3): radius, latitude, longitude."
        )
    last = float(dt) * (len(wave) - 1)
    if last < mesh.times[-2]:
        raise ValueError(f"`{path}` ends at {last:.4g} s, before `globe.duration`: say --globe.duration {last:.4g}.")
    for name, x in (("observed", observed), ("time_function", wave)):
        _refuse_above(path, name, x[..., : math.ceil(mesh.times[-1] / float(dt)) + 1], float(dt), mesh.frequency)
    at = float(dt) * np.arange(len(wave))
    wanted = np.minimum(mesh.times, last)  # whose last step may end behind the duration
    records, wave = (scipy.interpolate.CubicSpline(at, x, axis=-1)(wanted).astype("float32") for x in (observed, wave))
    radius, latitude, longitude = stations.astype("float32").T
    placed = [PressureSource(float(r), float(lat), float(lon), wave) for r, lat, lon in sources]
    return _Setting(mesh, placed, Stations(latitude, longitude, radius), records, None)


def _numbers(path: Path) -> list[np.ndarray]:
    """The arrays that are needed of a file, all finite."""
    file = read_npz(path)
    missing = [name for name in NEEDED if name not in file]
    if missing:
        raise ValueError(f"`{path}` holds no {' and no '.join(missing)}; it needs {', '.join(NEEDED)}.")
    for name in NEEDED:
        if file[name].dtype.kind not in "iuf":
            raise ValueError(f"`{path}`: `{name}` is {file[name].dtype}, where numbers are wanted.")
        strange = np.argwhere(~np.isfinite(file[name]))
        if len(strange):
            raise ValueError(f"`{path}`: `{name}` is not finite at {strange[0].tolist()}. Repair it, or leave out the station.")
    if file["dt"].size != 1 or not file["dt"].item() > 0:
        raise ValueError(f"`{path}`: `dt` must be one positive number [s].")
    return [file[name].astype(float) for name in NEEDED]


def _refuse_above(path: Path, name: str, x: np.ndarray, dt: float, highest: float) -> None:
    """Refuse what the mesh does not carry, and what could alias on its clock.

    Records may be cut off: their ends are tapered, and what is as near to `highest` as a record can tell counts as below it.
    """
    energy = np.abs(np.fft.rfft(x * scipy.signal.windows.tukey(x.shape[-1], 0.5))) ** 2
    energy = energy.reshape(-1, energy.shape[-1]).sum(0)
    frequencies = np.fft.rfftfreq(x.shape[-1], dt)
    above = energy[frequencies > highest + 2 * frequencies[1]].sum()
    if above > ABOVE * energy.sum():
        needed = frequencies[np.searchsorted(np.cumsum(energy), (1 - ABOVE) * energy.sum())]
        raise ValueError(
            f"`{path}`: {100 * above / energy.sum():.2g} % of the energy of `{name}` lie above `globe.frequency`, which the mesh "
            f"does not carry. Low-pass `observed` and `time_function` alike, or say --globe.frequency {needed:.3g}."
        )


def _radii(options: GlobeOptions) -> tuple[float, ...]:
    return tuple(options.radius * level for level in LEVELS)


def _errors(x: np.ndarray, true: np.ndarray) -> dict[str, float]:
    return {"correlation": correlation(x, true), "coefficient_mae": float(np.abs(np.asarray(x, float) - true).mean())}


def _by_degree(x: np.ndarray, true: np.ndarray) -> dict[str, float]:
    spans = {d: slice(d**2, (d + 1) ** 2) for d in range(math.isqrt(len(true)))}
    return {f"correlation R, degree {d}": correlation(x[span], true[span]) for d, span in spans.items()}


def _report(config: Any, setting: _Setting, found: Structure, folder: RunFolder, begun: float) -> None:
    """Structure and records, true and found."""
    options, mesh, true = config.globe, setting.mesh, setting.true
    medium, first = FluidMedium(found.speed, options.rho), setting.sources[0]
    every = max(1, round(0.55 * options.duration / mesh.dt))
    predicted, waves = simulate_fluid_ball(
        medium, first, setting.stations, mesh, record="z", probe=lambda fields: fields["chi"][0], probe_every=every
    )
    versions_of = {"true": true, "found": found.x} if true is not None else {"found": found.x}
    places = np.stack([np.asarray([s.radius, s.latitude, s.longitude], float) for s in setting.sources])
    stations = np.stack(
        [np.asarray(x, float) for x in (setting.stations.radius, setting.stations.latitude, setting.stations.longitude)], 1
    )
    arrays = {f"structure_{name}": StoredArray(np.asarray(x), "1", "harmonic level") for name, x in versions_of.items()} | {
        "radii": StoredArray(np.array(found.radii), "m", "level"),
        "observed": StoredArray(setting.observed, "m", "source station time"),
        "found": StoredArray(np.asarray(predicted)[None], "m", "source station time"),
        "time": StoredArray(np.asarray(mesh.times), "s", "time"),
        "sources": StoredArray(places, "m, degrees", "source radius_latitude_longitude"),
        "stations": StoredArray(stations, "m, degrees", "station radius_latitude_longitude"),
    }

    def draw() -> dict[str, Figure]:
        models = {name: _percent(x, found.radii) for name, x in versions_of.items()}
        points = {"sources": (places[:, 1], places[:, 2]), "stations": (stations[:, 1], stations[:, 2])}
        plane = meridian_plane(np.asarray(waves)[1], mesh, first)
        angle = np.radians(places[0, 1])
        star = {"sources": (places[0, 0] * np.cos(angle), places[0, 0] * np.sin(angle))}
        drawn = {
            "structure": plot_depth_slices(models, found.radii, points=points),
            "meridian": plot_meridian(
                models, options.radius, longitude=places[0, 2], wavefield=plane, circles=found.radii, points=star
            ),
            "records": plot_record_section(
                {"observed": setting.observed[0], "found": np.asarray(predicted)}, _distances(places[0], stations), mesh.dt,
                normalize=True, title="upward displacement, first source, each trace by itself",
            ),
        }  # fmt: skip
        return drawn | ({} if true is None else {"coefficients": plot_coefficients(true, found.x, found.radii)})

    figures = {} if true is None else {"correlation R": correlation(found.x, true)} | _by_degree(found.x, true)
    summary = f"misfit {found.history[0].value:.3g} -> {found.value:.3g} after {found.evaluations} gradient evaluations"
    if true is not None:
        figures["mean error of a coefficient (%)"] = 100 * _errors(found.x, true)["coefficient_mae"]
        summary = f"correlation of the coefficients {figures['correlation R']:.4f}; {summary}"
    findings = Findings(
        title="The structure of a fluid ball" + (": a random one" if true is not None else f", by {config.data[0].name}"),
        summary=summary,
        arrays=arrays,
        draw=draw,
        figures=figures | {"relative misfit, initial": found.history[0].value},
        setting={
            "ball": f"radius {options.radius:g} m, vp {options.vp:g} m/s, rho {options.rho:g} kg/m^3",
            "unknowns": f"degree {options.degree}, {len(found.x)} harmonics on {len(found.radii)} levels",
            "sources, stations": f"{len(setting.sources)}, {len(stations)}",
            "frequency, highest (Hz)": options.frequency,
            "azimuthal order": options.azimuthal_order,
            "elements": len(mesh.elements.local),
            "dt (s)": mesh.dt,
            "steps": mesh.nt,
            **({} if true is None else {"noise over data": config.noise or 0.0}),
            "device": versions()["device"],
        },
        text=f"```\n{mesh}\n```\n\n"
        + "Slow is red. Lines over the meridian are the waves of the first source, black where positive." + (
            f" Data were made on a mesh finer by {FINER:g} in space, azimuth and time." if true is not None else ""
        ),
        curves={} if true is None else {"correlation": Curves({"correlation": "all coefficients"}, "correlation R", log=False)},
    )  # fmt: skip
    report_inversion(folder, findings, found, begun=begun)


def _percent(x: np.ndarray, radii: tuple[float, ...]) -> Any:
    return lambda r, lat, lon: 100 * perturbation(x, Positions(r, lat, lon), radii=radii)


def _distances(source: np.ndarray, stations: np.ndarray) -> np.ndarray:
    """Of stations, seen from the centre [degrees]."""
    here, there = (np.radians(np.atleast_2d(x)[:, 1:]) for x in (source, stations))
    cosine = np.sin(here[:, 0]) * np.sin(there[:, 0]) + np.cos(here[:, 0]) * np.cos(there[:, 0]) * np.cos(
        here[:, 1] - there[:, 1]
    )
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
