"""How near `refine` comes to OpenFWI's maps, from these smoothed or from a network's: error, misfit, cost and time of each map.

    python benchmarks/refinement.py                             # nine maps, 200 gradients each
    python benchmarks/refinement.py --evaluations 600
    python benchmarks/refinement.py --noise 0.05 --only CurveVel-B FlatFault-B Style-A
    python benchmarks/refinement.py --run runs/unet --data data --held 16 --evaluations 60

Five maps are read from a file (FlatVel-A, CurveVel-B, FlatFault-B, CurveFault-A, Style-A), four are the first that key 0 draws of
other families. Each starts from the truth, continued by its edges and smoothed by a Gaussian of ten nodes. With `--run` the maps
are of `--data`, spread evenly over what every training holds back of it, and start from what the network says. What is finished
is kept in the folder of the output, and a map that was interrupted goes on, so that it can be spread over several runs.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
import tyro
from matplotlib.figure import Figure
from reporting import markdown, now, processor_name, table, write, write_text

from adseis.cli.training_runs import inverter_of
from adseis.data import openfwi
from adseis.data.openfwi_families import FAMILIES, draw
from adseis.files import written_whole
from adseis.inversion.openfwi import refine
from adseis.objectives.similarity import structural_similarity
from adseis.viz.figures import new_figure

STORED = ("FlatVel-A", "CurveVel-B", "FlatFault-B", "CurveFault-A", "Style-A")
OWN = {
    "own FlatVel-B": "flat-vel-b",
    "own CurveVel-A": "curve-vel-a",
    "own FlatFault-A": "flat-fault-a",
    "own Style-B": "style-b",
}
SMOOTH = 10.0
"""Nodes."""


@dataclass(frozen=True)
class Benchmark:
    """Refine maps whose truth is known."""

    evaluations: int = 200
    """Gradients of the operator for each map, at most."""
    noise: float = 0.0
    """Standard deviation of white noise over that of the gathers."""
    only: tuple[str, ...] = (*STORED, *OWN)
    """Which maps, without a network."""
    maps: Path = Path("../shared/data/openfwi_maps.npy")
    """File of the five maps, (5, 70, 70) in m/s."""
    run: Path | None = None
    """Folder of a training whose maps are refined."""
    data: Path | None = None
    """Folder of samples, with `run`."""
    held: int = 16
    """Of the samples that are held back, with `run`."""
    output: Path = Path("runs/benchmarks/refinement")
    """Where to write, without extension: .json, .png and .md; a folder of that name holds what is finished."""


class Case(NamedTuple):
    """A map to be found: its truth, where the search begins, and its gathers if they are stored."""

    true: np.ndarray
    start: np.ndarray
    gathers: np.ndarray | None = None


def cases(settings: Benchmark) -> dict[str, Case]:
    """What is asked for, by name."""
    if settings.run is not None:
        return predicted(settings)
    found = {name: np.asarray(draw(FAMILIES[family], jax.random.key(0)), "float32") for name, family in OWN.items()}
    if settings.maps.exists():
        stored = np.load(settings.maps, allow_pickle=False).astype("float32").reshape(-1, 70, 70)
        found = dict(zip(STORED, stored, strict=True)) | found
    missing = [name for name in settings.only if name not in found]
    if missing:
        raise SystemExit(f"no map {', '.join(missing)}: there are {', '.join(found)} ({settings.maps})")
    return {name: Case(found[name], smoothed(found[name])) for name in settings.only}


def smoothed(true: np.ndarray) -> np.ndarray:
    """A map without its details."""
    return scipy.ndimage.gaussian_filter(true.astype(float), SMOOTH, mode="nearest").astype("float32")


def predicted(settings: Benchmark) -> dict[str, Case]:
    """What a network says of samples that no training has seen."""
    if settings.run is None or settings.data is None:
        raise SystemExit("--run needs --data: the samples of which a part was held back.")
    data = openfwi.Dataset(settings.data)
    held = data.part("validation", openfwi.split(data))
    some = held.batch(np.linspace(0, len(held) - 1, min(settings.held, len(held))).astype(int))
    starts = inverter_of(settings.run)[0].in_batches(some.gathers)
    names = [f"{subset} {file.stem} {row}" for subset, file, row in zip(some.subset, some.file, some.row, strict=True)]
    return {name: Case(*arrays) for name, *arrays in zip(names, some.velocity, starts, some.gathers, strict=True)}


def prior_of(name: str) -> str:
    """What is known of a family: that of smoothed noise is smooth, the others show in the gathers."""
    if name == "own Style-B":
        return "grainy"
    return "smooth" if name.lower().startswith("style-a") else "auto"


def stem_of(name: str, settings: Benchmark) -> str:
    """Of the files of a map."""
    return f"{name.replace(' ', '-')}-{settings.evaluations}-{settings.noise:g}"


def measured(name: str, case: Case, settings: Benchmark) -> dict[str, Any]:
    """A row; from its file, if it is finished."""
    folder, true = settings.output, case.true
    stem = stem_of(name, settings)
    path = folder / f"{stem}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    gathers = jax.jit(openfwi.simulate)(true) if case.gathers is None else jnp.asarray(case.gathers)
    gathers += settings.noise * jnp.std(gathers) * jax.random.normal(jax.random.key(0), gathers.shape, gathers.dtype)
    begun = time.perf_counter()
    found = refine(
        gathers, case.start, prior=prior_of(name), evaluations=settings.evaluations, noise=settings.noise,
        journal=folder / f"{stem}.h5", callback=_told(true),
    )  # fmt: skip
    scaled = [(vp - 1500.0) / 3000.0 for vp in (found.x, true)]
    row = {
        "map": name,
        "prior": found.prior,
        "MAE, start [m/s]": float(np.abs(case.start - true).mean()),
        "MAE [m/s]": float(np.abs(found.x - true).mean()),
        "RMSE [m/s]": float(np.sqrt(np.mean((found.x - true) ** 2))),
        "SSIM": float(structural_similarity(*scaled)),
        "misfit, start": found.before,
        "misfit": found.after,
        "gradients": found.evaluations,
        "minutes of the last run": (time.perf_counter() - begun) / 60,
        "ended because": found.message,
    }
    with written_whole(folder / f"{stem}.npy") as partial, partial.open("wb") as file:
        np.save(file, np.stack([case.start, found.x, true]), allow_pickle=False)
    write_text(json.dumps(row, indent=2) + "\n", path)
    return row


def _told(true: np.ndarray) -> Callable[[int, np.ndarray, float], None]:
    """Prints how far each iterate is away."""

    def say(iteration: int, vp: np.ndarray, value: float) -> None:
        print(f"  {iteration}: misfit {value:.2e}, MAE {np.abs(vp - true).mean():.1f} m/s", flush=True)

    return say


def picture(rows: Sequence[dict[str, Any]], settings: Benchmark) -> Figure:
    """Start, refined map and truth of each."""
    figure = new_figure(2.2 * len(rows), 6.6)
    for column, row in enumerate(rows):
        maps = np.load(settings.output / f"{stem_of(row['map'], settings)}.npy", allow_pickle=False)
        errors = (row["MAE, start [m/s]"], row["MAE [m/s]"], 0.0)
        for line, (vp, error, title) in enumerate(zip(maps, errors, ("start", "refined", "truth"), strict=True)):
            axes = figure.add_subplot(3, len(rows), 1 + line * len(rows) + column)
            axes.imshow(vp, vmin=maps[2].min(), vmax=maps[2].max())
            axes.set_title(f"{row['map']}, {title}" + (f": {error:.0f} m/s" if error else ""), fontsize="x-small")
            axes.set_axis_off()
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    settings = tyro.cli(Benchmark, args=argv, description=__doc__)
    rows = []
    for name, case in cases(settings).items():
        print(name, flush=True)
        rows.append(measured(name, case, settings))
        print(table([rows[-1]]), flush=True)
    print(table(rows), flush=True)
    means = [np.mean([row[name] for row in rows]) for name in ("MAE, start [m/s]", "MAE [m/s]")]
    print(f"mean MAE {means[0]:.1f} -> {means[1]:.1f} m/s", flush=True)
    shown = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(settings).items() if k not in ("maps", "output")}
    versions = {"jax": jax.__version__, "numpy": np.__version__}
    record = {"date": now(), "device": processor_name(), "settings": shown, "versions": versions, "rows": rows}
    write(record, picture(rows, settings), settings.output)
    text = f"{record['device']}, {record['date']}; by `python benchmarks/refinement.py --evaluations {settings.evaluations}"
    text += f" --noise {settings.noise:g}`{'' if settings.run is None else f', from maps of {settings.run.name}'}; "
    text += f"mean MAE {means[0]:.1f} -> {means[1]:.1f} m/s.\n\n{markdown(rows)}\n"
    write_text(text, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
