"""How well the structure of a fluid ball is recovered through its waves: correlation of coefficients, misfit, gradients.

    python benchmarks/tomography.py                                       # five structures of degree 4, and one with noise
    python benchmarks/tomography.py --frequency 3 --order 4 --degree 2 --coarse 0 --output runs/benchmarks/tomography-small

GlobalTomo's acoustic ball, smaller: radius 1 km, 1000 m/s with coefficients uniform within 1/40 on five levels, three sources at
800 m, stations all over the surface, 3 s. Data are made on a mesh that is finer by `finer` in space, azimuth and time. A search
starts from zeros; by default first at low frequencies, on a coarse mesh: smoothing by a Gaussian turns the data's Ricker wavelet
into one of a lower frequency. What is finished is kept in the folder of the output, and a search that was interrupted goes on.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import scipy
import tyro
from matplotlib.figure import Figure
from reporting import markdown, now, only_these, options_of, processor_name, table, write, write_text

from adseis import sphere
from adseis.files import written_whole
from adseis.inversion.tomography import LEVELS, invert_structure
from adseis.objectives.bands import Band
from adseis.sphere.fluid_ball import simulate_fluid_ball
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.globe import correlation, plot_coefficients, plot_depth_slices

RADIUS, SPEED, DENSITY = 1000.0, 1000.0, 1000.0
PLACES = ((35.0, 20.0), (-20.0, 140.0), (-10.0, -100.0))
"""Latitude and longitude of the sources [degrees]."""
DEPTH = 200.0
SPEEDS = (900.0, 1100.0)
"""What no structure of degree 4 leaves."""


@dataclass(frozen=True)
class Benchmark:
    """Recover structures that are known."""

    structures: int = 5
    """How many are drawn."""
    noise: float = 0.05
    """Standard deviation of white noise over the root mean square of each trace, of a last search for the first structure."""
    degree: int = 4
    """L of the structures, and of what is sought."""
    frequency: float = 8.0
    """Highest of the mesh [Hz]; that of the Ricker wavelet is 2.5 times lower."""
    order: int = 8
    """Azimuthal order of the mesh."""
    coarse: float = 4.0
    """Highest frequency of a coarse mesh for a first search [Hz]; 0 for none."""
    finer: float = 1.3
    """Of the mesh of the data."""
    duration: float = 3.0
    """Of the records [s]."""
    stations: int = 150
    """All over the surface."""
    gradients: int = 24
    """Of all sources, at most, on both meshes together."""
    coarse_gradients: int = 12
    """Of those, on the coarse mesh."""
    output: Path = Path("runs/benchmarks/tomography")
    """Where to write, without extension: .json, .png and .md; a folder of that name holds what is finished."""


def mesh_of(settings: Benchmark, frequency: float, order: float, extra: float = 0.0) -> sphere.BallMesh:
    """A mesh up to a frequency."""
    return sphere.ball(RADIUS, frequency, settings.duration + extra, SPEEDS, azimuthal_order=int(np.ceil(order)))


def wavelet(peak: float, delay: float, times: np.ndarray) -> np.ndarray:
    """Ricker's, at any instants."""
    a = (np.pi * peak * (times - delay)) ** 2
    return ((1 - 2 * a) * np.exp(-a)).astype("float32")


def sources_of(mesh: sphere.BallMesh, peak: float, delay: float) -> list[sphere.PressureSource]:
    """The three sources."""
    return [sphere.PressureSource(RADIUS - DEPTH, *place, wavelet(peak, delay, mesh.times)) for place in PLACES]


def stations_of(count: int) -> sphere.Stations:
    """Evenly over the surface, by the golden angle."""
    i = np.arange(count) + 0.5
    latitude, longitude = np.degrees(np.arcsin(1 - 2 * i / count)), (i * 180 * (3 - 5**0.5)) % 360 - 180
    return sphere.Stations(*(x.astype("float32") for x in (latitude, longitude, np.full(count, RADIUS))))


def truth_of(number: int, settings: Benchmark) -> np.ndarray:
    """Coefficients, uniform within 1/40."""
    shape = (settings.degree + 1) ** 2, len(LEVELS)
    return (np.random.default_rng(number).uniform(-1, 1, shape) / 40).astype("float32")


def speed_of(coefficients: np.ndarray) -> Any:
    """vp at places."""
    radii = tuple(RADIUS * level for level in LEVELS)
    return lambda r, lat, lon: SPEED * (1 + sphere.perturbation(coefficients, sphere.Positions(r, lat, lon), radii=radii))


def data_of(number: int, mesh: sphere.BallMesh, settings: Benchmark) -> np.ndarray:
    """Seismograms on the finer mesh, at the instants of another; from their file, if they were made."""
    path = settings.output / f"data-{number}.npy"
    if not path.exists():
        peak = settings.frequency / 2.5
        fine = mesh_of(settings, settings.frequency * settings.finer, settings.order * settings.finer, extra=0.05)
        medium = sphere.FluidMedium(speed_of(truth_of(number, settings)), DENSITY)
        begun = time.perf_counter()
        made = simulate_fluid_ball(medium, sources_of(fine, peak, 1.5 / peak), stations_of(settings.stations), fine)
        made = scipy.interpolate.CubicSpline(fine.times, np.asarray(made, float), axis=-1)(mesh.times)
        print(f"  data of structure {number}: {time.perf_counter() - begun:.0f} s", flush=True)
        with written_whole(path) as partial, partial.open("wb") as file:
            np.save(file, made.astype("float32"), allow_pickle=False)
    return np.load(path, allow_pickle=False)


def smoothed(data: np.ndarray, mesh: sphere.BallMesh, high: float, low: float, times: np.ndarray) -> np.ndarray:
    """Data of a Ricker wavelet of one frequency made into those of a lower one, at other instants, after silence before zero.

    The spectra, f^2 / p^3 exp(-f^2 / p^2) of peak p, differ by a Gaussian, the spectrum of a Gaussian.
    """
    before = int(np.ceil(-times[0] / mesh.dt)) + 1
    padded = np.pad(data.astype(float), [(0, 0)] * (data.ndim - 1) + [(before, 0)])
    deviation = np.sqrt((1 / low**2 - 1 / high**2) / 2) / np.pi / mesh.dt
    smooth = (high / low) ** 3 * scipy.ndimage.gaussian_filter1d(padded, deviation, axis=-1, mode="constant", truncate=5)
    at = mesh.dt * np.arange(-before, mesh.nt)
    return scipy.interpolate.CubicSpline(at, smooth, axis=-1)(np.clip(times, at[0], at[-1])).astype("float32")


def searched(name: str, number: int, noise: float, settings: Benchmark) -> dict[str, Any]:
    """A row; from its file, if it is finished."""
    path = settings.output / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    peak, true, begun = settings.frequency / 2.5, truth_of(number, settings), time.perf_counter()
    mesh, stations = mesh_of(settings, settings.frequency, settings.order), stations_of(settings.stations)
    data = data_of(number, mesh, settings)
    rms = np.sqrt(np.mean(data**2, -1, keepdims=True))
    data = data + (noise * rms * np.random.default_rng(number).standard_normal(data.shape)).astype("float32")
    told: dict[int, dict[str, float]] = {}

    def say(stage: str, spent: int) -> Any:
        def callback(iteration: int, x: np.ndarray, value: float) -> None:
            r = correlation(x, true)
            told[spent + iteration] = {"stage": stage, "misfit": float(value), "R": r}  # pyright: ignore[reportArgumentType]
            print(
                f"  {name}, {stage} {iteration}: misfit {value:.3e}, R {r:.4f}, {time.perf_counter() - begun:.0f} s", flush=True
            )

        return callback

    start, spent, first = None, 0, float("nan")
    if settings.coarse:
        low, most = settings.coarse / 2.5, settings.coarse_gradients
        early = 1.5 / low - 1.5 / peak  # a longer wavelet begins before the record
        order = settings.order * settings.coarse / settings.frequency + 2
        rough = mesh_of(settings, settings.coarse, order, extra=early)
        found = invert_structure(
            smoothed(data, mesh, peak, low, rough.times - early), sources_of(rough, low, 1.5 / low), stations, rough,
            degree=settings.degree, bands=[Band(iterations=most, until=rough.times[-1] - 1 / low)], evaluations=most,
            progress=False, callback=say("coarse", 0), journal=settings.output / f"{name}-coarse.h5",
        )  # fmt: skip
        start, spent, first = found.x, found.evaluations, correlation(found.x, true)
    left = settings.gradients - spent
    found = invert_structure(
        data, sources_of(mesh, peak, 1.5 / peak), stations, mesh, degree=settings.degree, initial=start,
        bands=[Band(iterations=left)], evaluations=left, progress=False, callback=say("fine", spent),
        journal=settings.output / f"{name}.h5",
    )  # fmt: skip
    by_degree = [correlation(found.x[d**2 : (d + 1) ** 2], true[d**2 : (d + 1) ** 2]) for d in range(settings.degree + 1)]
    row = {
        "search": name,
        "noise": noise,
        "R, coarse": first,
        "R": correlation(found.x, true),
        "MAE (x 40)": float(40 * np.abs(found.x - true).mean()),
        "misfit": found.value,
        "gradients, coarse": spent,
        "gradients": spent + found.evaluations,
        "minutes of the last run": (time.perf_counter() - begun) / 60,
        "ended because": found.message,
        "R by degree": by_degree,
        "R by level": [correlation(found.x[:, k], true[:, k]) for k in range(len(LEVELS))],
        "iterations": [told[k] for k in sorted(told)],
    }
    radii = [RADIUS * level for level in LEVELS]
    save_figure(plot_coefficients(true, found.x, radii, title=name), settings.output / f"{name}-coefficients.png")
    save_figure(_maps(true, found.x, radii, settings), settings.output / f"{name}-maps.png")
    with written_whole(settings.output / f"{name}.npy") as partial, partial.open("wb") as file:
        np.save(file, np.stack([true, found.x]), allow_pickle=False)
    write_text(json.dumps(row, indent=2) + "\n", path)
    return row


def _maps(true: np.ndarray, found: np.ndarray, radii: Sequence[float], settings: Benchmark) -> Figure:
    percent = lambda c: lambda r, lat, lon: 100 * (speed_of(c)(r, lat, lon) / SPEED - 1)  # noqa: E731
    stations = stations_of(settings.stations)
    points = {"sources": np.array(PLACES).T, "stations": (stations.latitude, stations.longitude)}
    return plot_depth_slices({"true": percent(true), "found": percent(found)}, radii, points=points)


def picture(rows: Sequence[dict[str, Any]], settings: Benchmark) -> Figure:
    """Correlation and misfit along the searches, and all coefficients."""
    figure = new_figure(12.0, 3.8)
    left, middle, right = figure.subplots(1, 3)
    for number, row in enumerate(rows):
        steps = range(1, len(row["iterations"]) + 1)
        look = {"color": f"C{number}", "label": row["search"], "linewidth": 1.2}
        left.plot(steps, [step["R"] for step in row["iterations"]], **look)
        middle.semilogy(steps, [step["misfit"] for step in row["iterations"]], **look)
        true, found = np.load(settings.output / f"{row['search']}.npy", allow_pickle=False)
        right.plot(100 * true.ravel(), 100 * found.ravel(), ".", markersize=3, color=f"C{number}")
    left.axhline(0.98, color="black", linewidth=0.6, linestyle=":")
    left.set(xlabel="iteration", ylabel="correlation R of the coefficients", ylim=(0, 1.02))
    middle.set(xlabel="iteration", ylabel="relative misfit (of each mesh's band)")
    right.axline((0, 0), slope=1, color="black", linewidth=0.6)
    right.set(xlabel="true coefficient [%]", ylabel="found coefficient [%]", aspect="equal")
    left.legend(frameon=False, fontsize="small")
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (left, middle):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Search, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    only_these(settings, settings.output, free=("structures",))
    searches = [(f"structure-{number}", number, 0.0) for number in range(settings.structures)]
    if settings.noise:
        searches.insert(1, (f"structure-0-noise-{settings.noise:g}", 0, settings.noise))
    rows = []
    for name, number, noise in searches:
        print(name, flush=True)
        rows.append(searched(name, number, noise, settings))
        print(table([rows[-1]]), flush=True)
        shown = {"date": now(), "device": processor_name(), "settings": options_of(settings)}
        versions = {"jax": jax.__version__, "numpy": np.__version__}
        write({**shown, "versions": versions, "rows": rows}, picture(rows, settings), settings.output)
        write_text(
            f"{shown['device']}, {shown['date']}; by `python benchmarks/tomography.py`.\n\n{markdown(rows)}\n",
            settings.output.with_suffix(".md"),
        )
    print(table(rows), flush=True)


if __name__ == "__main__":
    main()
