"""How well and how fast velocity is recovered: Marmousi2 and BP2004 as ADSeismic (Zhu et al. 2021) stores them.

    python benchmarks/velocity_models.py --data ../shared/data --evaluations 300

Runs every strategy below on every model, prints the vp RMSE against gradient evaluations (random data for a weight count as one
each), and writes a JSON and PNGs under `benchmarks/results/`. `--only` picks a strategy, `--noise 0.5` adds noise of half the
data's standard deviation, `--dtype float64` computes in double precision. Runs are journalled: a killed benchmark, repeated, goes
on.
"""

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import adseis as ads
from adseis.data.experiments import Experiment, stored_experiment
from adseis.data.models import read_model
from adseis.files import written_whole
from adseis.inversion.fwi import Update, invert, sensitivity
from adseis.inversion.lbfgs import LBFGSB
from adseis.inversion.multiscale import Band, filter_band
from adseis.signals import flatten
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

MARKS = (0, 50, 100, 150, 200, 275, 300, 400, 500, 600, 800, 1000, 1250, 1500)
LOWEST, HIGHEST = 1000.0, 6000.0
ENDLESS = 10_000


class Stage(NamedTuple):
    """Some iterations with one objective.

    Attributes:
        band: Frequencies, iterations.
        damping: Of the sensitivity weight that is made for the stage; None for the mask alone.
        variation: Weight of total variation, relative to the initial model's, against the relative misfit.
    """

    band: Band
    damping: float | None = None
    variation: float = 0.0


class Strategy(NamedTuple):
    """How a model is recovered.

    Attributes:
        stages: One after the other.
        flattening: Damping with which the wavelet's spectrum is flattened, up to four times its peak; None leaves data alone.
        gain: Power of time that the flattened data are multiplied by.
        low: Least vp that is admitted [m/s].
        high: Greatest.
        memory: Of L-BFGS.
    """

    stages: tuple[Stage, ...]
    flattening: float | None = None
    gain: float = 1.0
    low: float = LOWEST
    high: float = HIGHEST
    memory: int = 20


def strategies(experiment: Experiment) -> dict[str, Strategy]:
    """The strategies by their names; frequencies scale with the peak frequency of the source."""
    peak = experiment.frequency
    full, low = Band(None, ENDLESS), Band(peak / 2, 45)
    climb = [Stage(Band(peak * share, count), 1e-3) for share, count in ((1 / 3, 10), (2 / 3, 20), (4 / 3, 20))]
    finish = [Stage(Band(None, 110), 1e-3), *[Stage(Band(None, 80), 1e-4)] * 20]  # a new start forgets what rounding spoilt
    return {
        "full band": Strategy((Stage(full),)),
        "half-peak band first": Strategy((Stage(low), Stage(full))),
        "flat spectrum": Strategy((*climb, *finish), 0.02, 1.0, 1450.0, 5000.0, 50),
        "total variation 0.001": Strategy((Stage(low, None, 1e-3), Stage(full, None, 1e-3))),
        "total variation 0.01": Strategy((Stage(low, None, 1e-2), Stage(full, None, 1e-2))),
    }


def rmse(model, true) -> float:
    return float(np.sqrt(np.mean((np.asarray(model, float) - true) ** 2)))


def preparation(experiment: Experiment, strategy: Strategy) -> Callable[[Any], Any]:
    """What is done to predicted and observed gathers alike."""
    if strategy.flattening is None:
        return lambda gather: gather
    grid = experiment.grid
    (wavelet,) = {tuple(s) for s in np.asarray(experiment.survey.emissions(grid)[0].samples).reshape(-1, grid.nt)}
    gain = (np.arange(grid.nt, dtype=experiment.initial.dtype) / grid.nt)[None, :, None] ** strategy.gain
    settings = {"damping": strategy.flattening, "corner": 4 * experiment.frequency, "axis": 1}
    return lambda gather: gain * flatten(gather, grid.dt, np.array(wavelet), **settings)


def recover(experiment: Experiment, strategy: Strategy, observed, evaluations: int, journal: Path):
    """Recovered model, (evaluations, RMSE, misfit) per accepted iterate, and seconds."""
    grid, spacing = experiment.grid, experiment.grid.spacing
    prepare = preparation(experiment, strategy)
    forward = lambda vp: prepare(ads.simulate_scalar(ads.ScalarMedium(vp), experiment.survey, grid))  # noqa: E731
    target, model = prepare(observed), experiment.initial
    variation = float(ads.regularizers.total_variation(model, spacing))
    bounds = np.minimum(strategy.low, model), np.maximum(strategy.high, model)
    begun, spent, steps = time.perf_counter(), 0, [(0, rmse(model, experiment.true), None)]
    for number, stage in enumerate(strategy.stages):
        weight = experiment.mask
        if stage.damping is not None:
            key, samples = jax.random.key(number), 6
            banded = lambda vp, band=stage.band: filter_band(forward(vp), band, grid.dt)  # noqa: E731
            weight = sensitivity(banded, model, key=key, mask=weight, samples=samples, damping=stage.damping)
            spent += samples
        if evaluations - spent < 2:
            break
        errors: list[float] = []
        result = invert(
            forward, target, model, dt=grid.dt, update=Update(weight, *bounds), bands=[stage.band],
            regularizer=_variation(stage.variation / variation, spacing), method=LBFGSB(memory=strategy.memory),
            evaluations=evaluations - spent, journal=journal.with_name(f"{journal.stem}-stage{number}.h5"),
            callback=lambda i, m, v, errors=errors: errors.append(rmse(m, experiment.true)),
        )  # fmt: skip
        values = [(spent + iterate.evaluations, iterate.value) for iterate in result.history[1:]]
        steps += [(count, error, value) for (count, value), error in zip(values, errors, strict=True)]
        model, spent = result.x, spent + result.evaluations
        print(f"  stage {number}: {spent} evaluations, vp RMSE {rmse(model, experiment.true):.1f} m/s", flush=True)
    return model, steps, time.perf_counter() - begun


def _variation(weight: float, spacing) -> Callable[[Any], Any] | None:
    return (lambda m: weight * ads.regularizers.total_variation(m, spacing)) if weight else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the .mat files")
    parser.add_argument("--evaluations", type=int, default=300, help="gradient evaluations per run")
    parser.add_argument("--models", nargs="+", default=["marmousi2", "BP"])
    parser.add_argument("--only", default="", help="run only strategies whose name contains this")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of noise, over the data's")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--name", default="velocity_models", help="of the files of results")
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", args.dtype == "float64")
    found, curves, abscissa = {}, {}, {}
    for model in args.models:
        paths = [args.data / f"{model}-model-{kind}.mat" for kind in ("true", "smooth")]
        experiment = stored_experiment(*(read_model(path) for path in paths))
        experiment = jax.tree.map(lambda a: a.astype(args.dtype), experiment)
        clean = np.asarray(ads.simulate_scalar(ads.ScalarMedium(experiment.true), experiment.survey, experiment.grid))
        noise = np.random.default_rng(args.seed).standard_normal(clean.shape).astype(clean.dtype)
        observed = clean + args.noise * clean.std() * noise
        panels = {"true": experiment.true, "initial": experiment.initial}
        for name, strategy in strategies(experiment).items():
            if args.only not in name:
                continue
            journal = Path("runs") / f"{args.name}-{model}-{name.replace(' ', '-')}-{args.dtype}-{args.noise:g}-{args.seed}.h5"
            panels[name], steps, seconds = recover(experiment, strategy, observed, args.evaluations, journal)
            title = f"{model}, {name}"
            abscissa[title], curves[title] = np.array([s[0] for s in steps]), [s[1] for s in steps]
            table = {m: next(s[1] for s in reversed(steps) if s[0] <= m) for m in MARKS if m <= args.evaluations}
            found[title] = {
                "vp_rmse": table,
                "final_vp_rmse": steps[-1][1],
                "evaluations": steps[-1][0],
                "misfit": steps[-1][2],
                "seconds": round(seconds),
            }
            print(title, {k: round(v, 1) for k, v in table.items()}, f"{steps[-1][0]} evaluations, {seconds:.0f} s", flush=True)
        differences = {f"{k} - true": v - experiment.true for k, v in panels.items() if k not in ("true", "initial")}
        figure = plot_sections(panels, experiment.grid.spacing, differences=differences, label="P-wave speed (m/s)")
        save_figure(figure, args.output / f"{args.name}_{model}.png")
    figure = plot_curve(curves, x=abscissa, xlabel="gradient evaluations", ylabel="vp RMSE (m/s)", log=False)
    save_figure(figure, args.output / f"{args.name}.png")
    record = {
        "date": datetime.date.today().isoformat(),
        "device": jax.devices()[0].device_kind,
        "processors": os.cpu_count(),
        "jax": jax.__version__,
        "adseis": ads.__version__,
        "platform": platform.platform(),
        "dtype": args.dtype,
        "noise": args.noise,
        "seed": args.seed,
        "runs": found,
    }
    with written_whole(args.output / f"{args.name}.json") as path:
        path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
