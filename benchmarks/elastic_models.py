"""How well vp, vs and density are recovered together: elastic Marmousi2 as ADSeismic (Zhu et al. 2021) stores it.

    python benchmarks/elastic_models.py --data ../shared/data --evaluations 300

Shots and receivers stand on a soft sea floor, where interface waves of 350 m/s outweigh all that comes from below. Pressure and
vertical velocity are recorded, and what crosses the receivers at less than 1300 m/s is filtered out; first vp is sought, vs and
density going along as they do in the initial model, then all three. Prints the three errors against gradient evaluations and
writes a JSON and PNGs under `benchmarks/results/`; journalled. The model is others', and not in the repository: `adseis fetch
marmousi2 --output ../shared/data` fetches it, `adseis fetch` tells whose it is.
"""

import argparse
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
from reporting import device_name, now, write
from strategies import Adjoint, Problem, Stage, joined, record, recover, shown

import adseis as ads
from adseis.data.models import read_model
from adseis.data.problems import Experiment, stored_experiment
from adseis.objectives.bands import Band
from adseis.signals import keep_fast, resample
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

UNITS = {"vp": "P-wave speed (m/s)", "vs": "S-wave speed (m/s)", "rho": "density (kg/m$^3$)"}
LOW = {"vp": 1450.0, "vs": 200.0, "rho": 1800.0}
HIGH = {"vp": 5000.0, "vs": 3000.0, "rho": 2800.0}
EXPECTED = {"vp": 100.0, "vs": 60.0, "rho": 50.0}
CLIMB = ((2 / 3, 15, 1e-2), (4 / 3, 25, 3e-3), (None, 25, 1e-3))  # corner over the peak frequency, iterations, damping
VARIATION = 1e-4


def coarser_clock(experiment: Experiment, factor: float) -> Experiment:
    """The same with longer steps: the file's clock is finer than the waves and the scheme need."""
    grid, source = experiment.grid, experiment.survey.source
    samples = np.asarray(resample(source.time_function, grid.dt, factor * grid.dt), "float32")
    slower = ads.Grid(grid.shape, grid.spacing, factor * grid.dt, samples.shape[-1])
    survey = ads.Survey(ads.Explosion(source.position, samples), experiment.survey.receivers)
    return eqx.tree_at(lambda e: (e.survey, e.grid), experiment, (survey, slower))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the .mat files")
    parser.add_argument("--evaluations", type=int, default=300, help="gradient evaluations")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--name", default="elastic_models", help="of the files of results")
    args = parser.parse_args()
    ads.parallel.use_cores()
    paths = [args.data / f"marmousi2-model-{kind}.mat" for kind in ("true", "smooth")]
    experiment = coarser_clock(stored_experiment(*(read_model(path) for path in paths)), 1.5)
    true, initial = ({n: read_model(path, name=n).values.astype("float32") for n in UNITS} for path in paths)
    survey, grid = ads.parallel.shard_shots(experiment.survey), experiment.grid

    def forward(model):
        medium = ads.ElasticMedium(model["vp"], model["vs"], model["rho"])
        gathers = ads.simulate_elastic(medium, survey, grid, boundary=ads.CPML(12), record=("p", "vz"))
        return jax.tree.map(lambda gather: keep_fast(gather, grid.dt, grid.spacing[1], 1300.0), gathers)

    def tied(vp):
        """All three, vs and density changed in proportion to vp: as they go together in the initial model."""
        change = vp - initial["vp"]
        return {"vp": vp} | {name: initial[name] + slope * change for name, slope in slopes.items()}

    inside = experiment.mask > 0
    slopes = {name: float(np.polyfit(initial["vp"][inside], initial[name][inside], 1)[0]) for name in ("vs", "rho")}
    low = {name: np.minimum(value, initial[name]) for name, value in LOW.items()}
    high = {name: np.maximum(value, initial[name]) for name, value in HIGH.items()}
    observed, peak = forward(true), experiment.frequency
    stages = [Stage(Band(share and share * peak, count), damping, VARIATION) for share, count, damping in CLIMB]
    plan = Adjoint(tuple(stages), 0.3, gain=0.0, epsilon=0.3, memory=50, samples=3)
    one = Problem(experiment, lambda vp: forward(tied(vp)), observed, true, initial["vp"], 1.0, low["vp"], high["vp"], whole=tied)
    first = recover(one, plan, args.evaluations, Path("runs") / f"{args.name}-tied.h5")
    every = Problem(experiment, forward, observed, true, tied(first.model), EXPECTED, low, high)
    free = plan._replace(stages=(Stage(Band(None, 100), 1e-3, VARIATION), *[Stage(Band(None, 100), 1e-3, VARIATION / 4)] * 9))
    second = recover(every, free, args.evaluations - first.evaluations, Path("runs") / f"{args.name}-free.h5")
    recovered = joined(first, second)
    result = record(recovered, args.evaluations)
    print(
        "Marmousi2, elastic:",
        *(f"{mark}: {shown(error)};" for mark, error in result["error"].items()),
        f"{recovered.seconds:.0f} s",
    )
    for name, label in UNITS.items():
        panels = {"true": true[name], "initial": initial[name], "inverted": recovered.model[name]}
        differences = {"inverted - true": recovered.model[name] - true[name]}
        figure = plot_sections(panels, grid.spacing, differences=differences, label=label)
        save_figure(figure, args.output / f"{args.name}_{name}.png")
    evaluations = np.array([s[0] for s in recovered.steps])
    relative = {name: [s[1][name] / recovered.steps[0][1][name] for s in recovered.steps] for name in UNITS}
    figure = plot_curve(
        relative,
        x=dict.fromkeys(UNITS, evaluations),
        xlabel="gradient evaluations",
        ylabel="error over the initial error",
        log=False,
    )
    machine = {"date": now(), "device": device_name(), "jax": jax.__version__, "adseis": ads.__version__}
    write({**machine, "runs": {"marmousi2, elastic": result}}, figure, args.output / args.name)


if __name__ == "__main__":
    main()
