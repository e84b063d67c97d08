"""One inversion, four ways: L-BFGS, Gauss-Newton, mini-batches of shots, randomly encoded shots. Writes strategies.png.

The cost of each is counted in simulated shots times sweeps: a gradient of all shots is one, a Gauss-Newton product two.
"""

import argparse

import jax
import numpy as np
import optax

import adseis as ads
from adseis.inversion.fwi import Update, invert
from adseis.inversion.shots import encode_gathers, encode_survey, random_signs, select_shots, shot_batches
from adseis.optimizers.newton import NewtonCG
from adseis.optimizers.stochastic import minimize_stochastic
from adseis.viz.curves import plot_curve
from adseis.viz.figures import save_figure

ads.parallel.use_cores()  # each core is a device, with shots of its own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--gradients", type=int, default=48, help="what each way may spend, in gradients of all shots")
options = parser.parse_args()

grid = ads.Grid(shape=(40, 60), spacing=20.0, dt=2.5e-3, nt=360)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
initial = (1800 + 0.8 * z).astype("float32")
true = initial + 250 * np.exp(-(np.hypot(z - 350, x - 400) ** 2) / 9e3) - 200 * np.exp(-(np.hypot(z - 480, x - 800) ** 2) / 9e3)
true = true.astype("float32")
along = np.linspace(60, 1120, 12)
shots = np.stack([np.full(12, 40.0), along], -1)[:, None].astype("float32")
receivers = np.stack([np.full(60, 760.0), grid.coordinates(1)], -1).astype("float32")
wavelet = ads.wavelets.ricker(7.0, grid.nt, grid.dt, dtype="float32")[None, None]
survey = ads.parallel.shard_shots(ads.Survey(ads.Explosion(shots, wavelet), receivers))
low, high = 1600.0, 2900.0


def simulate(vp, survey):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)


def rmse(vp):
    return float(np.sqrt(np.mean((np.asarray(vp, float) - true) ** 2)))


observed = simulate(true, survey)
silence = ads.misfits.l2(np.zeros_like(observed), observed) / len(shots)  # of one shot
costs, errors = {}, {}

for name, method in {"L-BFGS": "l-bfgs-b", "Gauss-Newton": NewtonCG(inner=5)}.items():
    errors[name] = [rmse(initial)]
    result = invert(
        lambda vp: simulate(vp, survey), observed, initial, dt=grid.dt, update=Update(None, low, high), method=method,
        evaluations=options.gradients, callback=lambda i, vp, value, name=name: errors[name].append(rmse(vp)),
    )  # fmt: skip
    costs[name] = np.array([iterate.evaluations for iterate in result.history])


def some_shots(vp, shots):
    return ads.misfits.l2(simulate(vp, select_shots(survey, shots)), observed[shots]) / silence / len(shots)


def encoded(vp, weights):
    predicted = simulate(vp, encode_survey(survey, weights))
    return ads.misfits.l2(predicted, encode_gathers(observed, weights)) / silence / len(shots)


key = jax.random.key(0)
ways = {
    "Adam, 3 shots of 12": (some_shots, shot_batches(key, 12, 3), 3),
    "Adam, 3 encoded shots": (encoded, lambda step: random_signs(jax.random.fold_in(key, step), 3, 12).astype("float32"), 3),
}
for name, (objective, batches, size) in ways.items():
    errors[name] = [rmse(initial)]
    steps = options.gradients * 12 // size
    minimize_stochastic(
        objective, initial, optax.adam(optax.cosine_decay_schedule(6.0, steps)), batches=batches, steps=steps,
        bounds=(low, high), callback=lambda i, vp, value, name=name: errors[name].append(rmse(vp)),
    )  # fmt: skip
    costs[name] = np.arange(len(errors[name])) * size / 12

for name, error in errors.items():
    print(f"{name}: vp error {error[0]:.1f} -> {error[-1]:.1f} m/s for {costs[name][-1]:.0f} gradients of all shots")
figure = plot_curve(errors, x=costs, xlabel="gradients of all shots", ylabel="vp RMSE (m/s)", log=False)
print(f"wrote {save_figure(figure, 'strategies.png')}")
