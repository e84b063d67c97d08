"""How well a network recovers velocity from noisy data: Marmousi2 and BP2004 as ADSeismic stores them.

    python benchmarks/network_velocity.py --data ../shared/data --models marmousi2 --noise 0.5 --steps 3200

A decoder draws the change of the initial model and Adam moves its weights; each step simulates all shots as one, with random
signs, so that eight steps cost one gradient of eight shots. Prints the vp RMSE along the way and writes `network_velocity.json`
and `.png` and the recovered sections under `benchmarks/results/`. Runs are checkpointed: a killed benchmark, repeated, goes on.

The figures to compare with are those of Zhu et al. (2022), Geophysics 87, R93-R109, doi:10.1190/geo2020-0933.1.
"""

import argparse
import datetime
import json
import os
import platform
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import adseis as ads
from adseis.data.experiments import Experiment, stored_experiment
from adseis.data.models import read_model
from adseis.files import written_whole
from adseis.inversion.encoding import encode_gathers, encode_survey, random_signs
from adseis.inversion.multiscale import Band, filter_band
from adseis.inversion.reparametrization import Reparametrization, as_function
from adseis.inversion.stochastic import minimize_stochastic
from adseis.networks.decoder import Decoder
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

EVERY = 50  # steps between checkpoints and between points of the curve
FIRST = ((0.5, 150), (1.0, 150))  # low-pass corners over the peak frequency, and steps; the full band takes the rest
LOWEST, HIGHEST = 1000.0, 6000.0
PUBLISHED = {("marmousi2", 0.0): 152.6, ("marmousi2", 0.5): 171.3, ("BP", 0.0): 134.4}


def rmse(model, true) -> float:
    return float(np.sqrt(np.mean((np.asarray(model, float) - true) ** 2)))


def drawn(experiment: Experiment, seed: int) -> Reparametrization:
    """The decoder, and a scale that grows with depth as waves grow weak: 2000 m/s at the bottom."""
    depth = np.arange(1, experiment.grid.shape[0] + 1)[:, None] / experiment.grid.shape[0]
    network = Decoder(experiment.grid.shape, key=jax.random.key(seed), channels=(64, 64, 32))
    scale = (2000 * depth * experiment.mask).astype("float32")
    return Reparametrization(*as_function(network), experiment.initial.astype("float32"), scale, LOWEST, HIGHEST)


def recover(experiment: Experiment, noise: float, steps: int, rate: float, seed: int, folder: Path):
    """Recovered model, and {step: RMSE}."""
    velocity, grid, survey = drawn(experiment, seed), experiment.grid, experiment.survey
    simulate = lambda vp, survey: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)  # noqa: E731
    clean = jax.jit(lambda vp: simulate(vp, survey))(experiment.true)
    grains = np.random.default_rng(0).standard_normal(clean.shape).astype("float32")
    observed = clean + noise * float(jnp.std(clean)) * grains
    shots, key = len(observed), jax.random.key(5)

    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "curve.json"
    curve = {int(k): v for k, v in json.loads(log.read_text()).items()} if log.exists() else {}
    curve[0] = rmse(experiment.initial, experiment.true)
    full = steps - sum(number for _, number in FIRST)
    bands = [(Band(factor * experiment.frequency), number) for factor, number in FIRST] + [(Band(), full)]
    decay, weights, done = optax.cosine_decay_schedule(rate, steps, alpha=0.05), velocity.weights, 0
    for number, (band, length) in enumerate(bands):
        target = filter_band(observed, band, grid.dt)
        silence = ads.misfits.l2(jnp.zeros_like(target), target)

        def misfit(weights, signs, band=band, target=target, silence=silence):
            predicted = filter_band(simulate(velocity.to_model(weights), encode_survey(survey, signs)), band, grid.dt)
            return ads.misfits.l2(predicted, encode_gathers(target, signs)) / silence

        def report(step, weights, value, done=done):
            if step % EVERY == 0:
                curve[done + step] = rmse(velocity.to_model(weights), experiment.true)
                print(f"step {done + step}: vp RMSE {curve[done + step]:.1f} m/s", flush=True)
                with written_whole(log) as path:
                    path.write_text(json.dumps(curve))

        schedule = lambda step, done=done: decay(step + done) * jnp.minimum((step + 1) / 50, 1)  # noqa: E731
        weights = minimize_stochastic(
            misfit, weights, optax.adam(schedule), steps=length, every=EVERY, checkpoint=folder / f"band{number}.h5",
            batches=lambda step, done=done: random_signs(jax.random.fold_in(key, done + step), 1, shots),
            callback=report, progress=False,
        ).x  # fmt: skip
        done += length
    return np.asarray(velocity.to_model(weights)), dict(sorted(curve.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the .mat files")
    parser.add_argument("--models", nargs="+", default=["marmousi2"], choices=["marmousi2", "BP"])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.5], help="standard deviation of the noise over the data's")
    parser.add_argument("--steps", type=int, default=3200, help="eight of them cost a gradient of all shots")
    parser.add_argument("--rate", type=float, default=3e-3, help="of Adam, at the start")
    parser.add_argument("--seed", type=int, default=1, help="of the network's first weights")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    if args.steps <= sum(number for _, number in FIRST):
        parser.error(f"--steps {args.steps} must exceed the {sum(number for _, number in FIRST)} of the low bands")
    found, curves, abscissa = {}, {}, {}
    for model in args.models:
        experiment = stored_experiment(*(read_model(args.data / f"{model}-model-{kind}.mat") for kind in ("true", "smooth")))
        panels = {"true": experiment.true, "initial": experiment.initial}
        for noise in args.noise:
            title = f"{model}, noise {noise:g} sigma"
            folder = Path("runs") / f"network-{model}-{noise:g}-{args.steps}-{args.rate:g}-{args.seed}"
            panels[f"noise {noise:g} sigma"], curve = recover(experiment, noise, args.steps, args.rate, args.seed, folder)
            abscissa[title], curves[title] = np.array([*curve]) / experiment.survey.source.position.shape[0], [*curve.values()]
            found[title] = {
                "vp_rmse": rmse(panels[f"noise {noise:g} sigma"], experiment.true),
                "published": PUBLISHED.get((model, noise)),
                "steps": args.steps,
                "rate": args.rate,
                "seed": args.seed,
                "curve": {step: round(value, 1) for step, value in curve.items()},
            }
            print(title, {k: v for k, v in found[title].items() if k != "curve"}, flush=True)
        differences = {f"{k} - true": v - experiment.true for k, v in panels.items() if k != "true"}
        figure = plot_sections(panels, experiment.grid.spacing, differences=differences, label="P-wave speed (m/s)")
        save_figure(figure, args.output / f"network_velocity_{model}.png")
    save_figure(
        plot_curve(curves, x=abscissa, xlabel="gradients of all shots", ylabel="vp RMSE (m/s)", log=False),
        args.output / "network_velocity.png",
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
    with written_whole(args.output / "network_velocity.json") as path:
        path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
