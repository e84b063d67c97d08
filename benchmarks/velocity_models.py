"""How well and how fast velocity is recovered: Marmousi2 and BP2004 as ADSeismic (Zhu et al. 2021) stores them.

    python benchmarks/velocity_models.py --data ../shared/data --evaluations 300

Runs plain L-BFGS on the full band, the same after a low-pass band, and (BP2004) total variation; prints the vp RMSE against
gradient evaluations and writes `velocity_models.json` and `.png` and the recovered sections under `benchmarks/results/`. Runs are
journalled: a killed benchmark, repeated, goes on.
"""

import argparse
import datetime
import json
import os
import platform
import time
from pathlib import Path

import jax
import numpy as np

import adseis as ads
from adseis.data.experiments import Experiment, stored_experiment
from adseis.data.models import read_model
from adseis.files import written_whole
from adseis.inversion.fwi import Update, invert
from adseis.inversion.multiscale import Band
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

MARKS = (0, 50, 100, 150, 200, 275, 300)
LOWEST, HIGHEST = 1000.0, 6000.0


def rmse(model, true) -> float:
    return float(np.sqrt(np.mean((np.asarray(model, float) - true) ** 2)))


def strategies(experiment: Experiment, model: str) -> dict:
    """Name -> (bands, regularizer)."""
    full, low = Band(None, 10_000), Band(experiment.frequency / 2, 45)
    plans: dict[str, tuple] = {"full band": ([full], None), "half-peak band first": ([low, full], None)}
    if model == "BP":
        spacing = experiment.grid.spacing
        scale = float(ads.regularizers.total_variation(experiment.initial, spacing))
        for weight in (1e-3, 1e-2):
            plans[f"total variation {weight:g}"] = (
                [low, full],
                lambda m, w=weight: w * ads.regularizers.total_variation(m, spacing) / scale,
            )
    return plans


def recover(experiment: Experiment, bands, regularizer, evaluations: int, journal: Path):
    """Recovered model, and (evaluations, RMSE, misfit) per accepted iterate."""

    def forward(vp):
        return ads.simulate_scalar(ads.ScalarMedium(vp), experiment.survey, experiment.grid)

    observed, errors = forward(experiment.true), []
    begun = time.perf_counter()
    result = invert(
        forward, observed, experiment.initial,
        dt=experiment.grid.dt, update=Update(experiment.mask, LOWEST, HIGHEST), bands=bands, regularizer=regularizer,
        evaluations=evaluations, journal=journal, callback=lambda i, m, v: errors.append(rmse(m, experiment.true)),
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    steps, called, before = [], iter(errors), rmse(experiment.initial, experiment.true)
    for iterate in result.history:
        before = next(called) if iterate.iteration else before  # a band's start is where the one before ended
        steps.append((iterate.evaluations, before, iterate.value))
    return result, steps, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the .mat files")
    parser.add_argument("--evaluations", type=int, default=300, help="gradient evaluations per run")
    parser.add_argument("--models", nargs="+", default=["marmousi2", "BP"])
    parser.add_argument("--only", default="", help="run only strategies whose name contains this")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    found, curves, abscissa = {}, {}, {}
    for model in args.models:
        paths = [args.data / f"{model}-model-{kind}.mat" for kind in ("true", "smooth")]
        experiment = stored_experiment(*(read_model(path) for path in paths))
        panels = {"true": experiment.true, "initial": experiment.initial}
        for name, (bands, regularizer) in strategies(experiment, model).items():
            if args.only not in name:
                continue
            journal = Path("runs") / f"benchmark-{model}-{name.replace(' ', '-')}.h5"
            result, steps, seconds = recover(experiment, bands, regularizer, args.evaluations, journal)
            title = f"{model}, {name}"
            abscissa[title], curves[title] = np.array([s[0] for s in steps]), [s[1] for s in steps]
            table = {m: next((s[1] for s in reversed(steps) if s[0] <= m), steps[0][1]) for m in MARKS if m <= args.evaluations}
            found[title] = {
                "vp_rmse": table,
                "evaluations": result.evaluations,
                "misfit": result.value,
                "seconds": round(seconds),
            }
            print(
                title,
                {k: round(v, 1) for k, v in table.items()},
                f"{result.evaluations} evaluations, {seconds:.0f} s",
                flush=True,
            )
            panels[name] = result.x
        differences = {f"{k} - true": v - experiment.true for k, v in panels.items() if k not in ("true", "initial")}
        figure = plot_sections(panels, experiment.grid.spacing, differences=differences, label="P-wave speed (m/s)")
        save_figure(figure, args.output / f"velocity_{model}.png")
    save_figure(
        plot_curve(curves, x=abscissa, xlabel="gradient evaluations", ylabel="vp RMSE (m/s)", log=False),
        args.output / "velocity_models.png",
    )
    record = {
        "date": datetime.date.today().isoformat(),
        "device": jax.devices()[0].device_kind,
        "processors": os.cpu_count(),
        "jax": jax.__version__,
        "adseis": ads.__version__,
        "platform": platform.platform(),
        "dtype": "float32",
        "runs": found,
    }
    with written_whole(args.output / "velocity_models.json") as path:
        path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
