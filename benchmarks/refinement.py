"""How near `refine` comes to OpenFWI's maps, from these smoothed: error, misfit, cost and time of each map.

    python benchmarks/refinement.py                             # nine maps, 200 gradients each
    python benchmarks/refinement.py --evaluations 600
    python benchmarks/refinement.py --noise 0.05 --only CurveVel-B FlatFault-B Style-A

Five maps are read from a file (FlatVel-A, CurveVel-B, FlatFault-B, CurveFault-A, Style-A), four are the first that key 0 draws of
other families. Each starts from the truth, continued by its edges and smoothed by a Gaussian of ten nodes. What is finished is
kept in the folder of the output, and a map that was interrupted goes on, so that it can be spread over several runs.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
import tyro
from matplotlib.figure import Figure
from reporting import markdown, now, processor_name, table, write, write_text

from adseis.data import openfwi
from adseis.data.openfwi_families import FAMILIES, draw
from adseis.files import written_whole
from adseis.inversion.openfwi import refine
from adseis.inversion.openfwi_priors import Prior, SmoothField
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
    """Which maps."""
    maps: Path = Path("../shared/data/openfwi_maps.npy")
    """File of the five maps, (5, 70, 70) in m/s."""
    output: Path = Path("runs/benchmarks/refinement")
    """Where to write, without extension: .json, .png and .md; a folder of that name holds what is finished."""


def truths(settings: Benchmark) -> dict[str, np.ndarray]:
    """The maps that are asked for."""
    found = {name: np.asarray(draw(FAMILIES[family], jax.random.key(0)), "float32") for name, family in OWN.items()}
    if settings.maps.exists():
        stored = np.load(settings.maps, allow_pickle=False).astype("float32").reshape(-1, 70, 70)
        found = dict(zip(STORED, stored, strict=True)) | found
    missing = [name for name in settings.only if name not in found]
    if missing:
        raise SystemExit(f"no map {', '.join(missing)}: there are {', '.join(found)} ({settings.maps})")
    return {name: found[name] for name in settings.only}


def prior_of(name: str) -> str | Prior:
    """What is known of a family: that of smoothed noise is smooth, the others show in the gathers."""
    return {"Style-A": SmoothField(length=2.5), "own Style-B": SmoothField(1.4, 160.0, grain=60.0)}.get(name, "auto")


def measured(name: str, true: np.ndarray, settings: Benchmark) -> dict[str, Any]:
    """A row; from its file, if it is finished."""
    folder = settings.output
    stem = f"{name.replace(' ', '-')}-{settings.evaluations}-{settings.noise:g}"
    path = folder / f"{stem}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    start = scipy.ndimage.gaussian_filter(true.astype(float), SMOOTH, mode="nearest").astype("float32")
    gathers = jax.jit(openfwi.simulate)(true)
    gathers += settings.noise * jnp.std(gathers) * jax.random.normal(jax.random.key(0), gathers.shape, gathers.dtype)
    begun = time.perf_counter()
    found = refine(
        gathers, start, prior=prior_of(name), evaluations=settings.evaluations, noise=settings.noise,
        journal=folder / f"{stem}.h5", callback=_told(true),
    )  # fmt: skip
    scaled = [(vp - 1500.0) / 3000.0 for vp in (found.x, true)]
    row = {
        "map": name,
        "prior": found.prior,
        "MAE, start [m/s]": float(np.abs(start - true).mean()),
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
        np.save(file, np.stack([start, found.x, true]), allow_pickle=False)
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
        stem = f"{row['map'].replace(' ', '-')}-{settings.evaluations}-{settings.noise:g}"
        maps = np.load(settings.output / f"{stem}.npy", allow_pickle=False)
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
    for name, true in truths(settings).items():
        print(name, flush=True)
        rows.append(measured(name, true, settings))
        print(table([rows[-1]]), flush=True)
    print(table(rows), flush=True)
    print(f"mean MAE {np.mean([row['MAE [m/s]'] for row in rows]):.1f} m/s", flush=True)
    shown = {k: v for k, v in asdict(settings).items() if k not in ("maps", "output")}
    versions = {"jax": jax.__version__, "numpy": np.__version__}
    record = {"date": now(), "device": processor_name(), "settings": shown, "versions": versions, "rows": rows}
    write(record, picture(rows, settings), settings.output)
    text = f"{record['device']}, {record['date']}; by `python benchmarks/refinement.py --evaluations {settings.evaluations}"
    text += f" --noise {settings.noise:g}`.\n\n{markdown(rows)}\n"
    write_text(text, settings.output.with_suffix(".md"))


if __name__ == "__main__":
    main()
