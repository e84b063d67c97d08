"""How well and how fast velocity is recovered: Marmousi2 and BP2004 as ADSeismic (Zhu et al. 2021) stores them.

    python benchmarks/velocity_models.py --data ../shared/data --evaluations 300

Runs every strategy below on every model, prints the vp RMSE against gradient evaluations (random data for a weight count as one
each), and writes a JSON and PNGs under `benchmarks/results/`. `--only` picks a strategy, `--noise 0.5` adds noise of half the
data's standard deviation, `--dtype float64` computes in double precision. Runs are journalled: a killed benchmark, repeated, goes
on. The models are others', and not in the repository: `adseis fetch marmousi2 --output ../shared/data` fetches one, `adseis fetch
bp2004 --output ../shared/data` the other, `adseis fetch` tells whose they are.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from reporting import device_name, now, write
from strategies import Adjoint, Problem, Recovered, Stage, errors, joined, record, recover

import adseis as ads
from adseis.data.models import read_model
from adseis.data.problems import Experiment, stored_experiment
from adseis.objectives.bands import Band
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

ENDLESS = 10_000


def strategies(experiment: Experiment) -> dict[str, tuple[Adjoint, ...]]:
    """By their names, strategies to be followed one after the other; frequencies scale with the peak frequency of the source."""
    peak = experiment.frequency
    full, low = Band(None, ENDLESS), Band(peak / 2, 45)

    def climb(counts: Sequence[int], damping: float, variations: Sequence[float]) -> tuple[Stage, ...]:
        bands = [Band(share and share * peak, count) for share, count in zip((1 / 3, 2 / 3, 4 / 3, None), counts, strict=True)]
        return tuple(Stage(band, damping, variation) for band, variation in zip(bands, variations, strict=True))

    def last(count: int, damping: float, variation: float = 0.0) -> Stage:
        return Stage(Band(None, count), damping, variation)

    flat = Adjoint((), 0.02, low=1450.0, high=5000.0, memory=50)
    noisy = flat._replace(flattening=1.0, gain=0.25, epsilon=0.3, lateral=4.0, slowness=True)
    plain = noisy._replace(flattening=None, lateral=16.0)  # least squares of what white noise was added to
    along = plain._replace(epsilon=2.0, layered=24.0, smooth=7.0)
    # a new start forgets what rounding spoilt
    sharp = (*climb((10, 20, 20, 110), 1e-3, (0, 0, 0, 0)), *[last(80, 1e-4)] * 20)
    salt = (*climb((15, 20, 25, 60), 1e-3, (1e-3,) * 4), last(60, 1e-3, 1e-4), *[last(60, 1e-3, 1e-5)] * 20)
    layered = (*climb((8, 15, 22, 60), 3e-3, (0, 2e-4, 5e-4, 4e-4)), last(60, 3e-3, 1.5e-4))
    return {
        "full band": (Adjoint((Stage(full),)),),
        "half-peak band first": (Adjoint((Stage(low), Stage(full))),),
        "total variation 0.001": (Adjoint((Stage(low, None, 1e-3), Stage(full, None, 1e-3))),),
        "total variation 0.01": (Adjoint((Stage(low, None, 1e-2), Stage(full, None, 1e-2))),),
        "flat spectrum": (flat._replace(stages=sharp),),
        "salt": (flat._replace(stages=salt, epsilon=0.3, high=4700.0),),
        "noise": (
            noisy._replace(stages=layered),
            noisy._replace(stages=(last(45, 3e-3, 1e-3),), lateral=8.0),
            plain._replace(stages=(last(60, 1e-3, 3e-4),)),
            plain._replace(stages=(last(60, 1e-3, 4e-4),), epsilon=3.0),
            # frequencies without signal would leave single precision nothing but their noise
            along._replace(stages=(Stage(Band(4 * peak, 60), 1e-3, 3e-4),)),
            along._replace(stages=(Stage(Band(4 * peak, 25), 1e-3, 4e-4),), smooth=2.5),  # more iterations fit the noise
        ),
    }


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
    ads.parallel.use_cores()
    jax.config.update("jax_enable_x64", args.dtype == "float64")
    found, curves, abscissa = {}, {}, {}
    for model in args.models:
        paths = [args.data / f"{model}-model-{kind}.mat" for kind in ("true", "smooth")]
        experiment = stored_experiment(*(read_model(path) for path in paths))
        experiment = jax.tree.map(lambda a: a.astype(args.dtype), experiment)
        survey, grid = ads.parallel.shard_shots(experiment.survey), experiment.grid
        true, initial = experiment.true, experiment.initial
        forward = lambda vp, survey=survey, grid=grid: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)  # noqa: E731
        clean = np.asarray(forward(true))
        noise = np.random.default_rng(args.seed).standard_normal(clean.shape).astype(clean.dtype)
        observed = clean + args.noise * clean.std() * noise
        panels = {"true": true, "initial": initial}
        for name, phases in strategies(experiment).items():
            if args.only not in name:
                continue
            journal = f"{args.name}-{model}-{name.replace(' ', '-')}-{args.dtype}-{args.noise:g}-{args.seed}"
            recovered = Recovered(initial, [(0, errors(initial, true), None)], 0, 0.0)
            for number, strategy in enumerate(phases):
                low, high = np.minimum(strategy.low, initial), np.maximum(strategy.high, initial)
                problem = Problem(experiment, forward, observed, true, recovered.model, 1.0, low, high)
                left = args.evaluations - recovered.evaluations
                recovered = joined(recovered, recover(problem, strategy, left, Path("runs") / f"{journal}-phase{number}.h5"))
            title, panels[name] = f"{model}, {name}", recovered.model
            abscissa[title], curves[title] = np.array([s[0] for s in recovered.steps]), [s[1] for s in recovered.steps]
            found[title] = record(recovered, args.evaluations)
            print(title, {k: round(v, 1) for k, v in found[title]["error"].items()}, f"{recovered.seconds:.0f} s", flush=True)
        differences = {f"{k} - true": v - true for k, v in panels.items() if k not in ("true", "initial")}
        figure = plot_sections(panels, grid.spacing, differences=differences, label="P-wave speed (m/s)")
        save_figure(figure, args.output / f"{args.name}_{model}.png")
    settings = {"dtype": args.dtype, "noise": args.noise, "seed": args.seed}
    machine = {"date": now(), "device": device_name(), "jax": jax.__version__, "adseis": ads.__version__}
    figure = plot_curve(curves, x=abscissa, xlabel="gradient evaluations", ylabel="vp RMSE (m/s)", log=False)
    write({**machine, **settings, "runs": found}, figure, args.output / args.name)


if __name__ == "__main__":
    main()
