"""Certify a problem: is the gradient right by the medium and by the source's position? Writes certify_a_problem.png."""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis.viz.curves import plot_curve
from adseis.viz.figures import new_figure, save_figure

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=200, help="time steps of 3 ms")
nt = parser.parse_args().steps

jax.config.update("jax_enable_x64", True)  # without it the same in float32, with fewer digits

# A fluid with a lens in it, one shot above, receivers below.
grid = ads.Grid(shape=(30, 40), spacing=20.0, dt=3e-3, nt=nt)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
true = 2500.0 + 300.0 * np.exp(-((z - 300) ** 2 + (x - 400) ** 2) / 100**2)
rate = np.asarray(ads.wavelets.ricker(8.0, grid.nt, grid.dt))[None, None, :]
receivers = np.stack([np.full(40, 540.0), grid.coordinates(1)], axis=-1)


def predict(vp, position):
    survey = ads.Survey(ads.Explosion(position, rate), receivers)
    return ads.simulate_acoustic(ads.AcousticMedium(vp, np.full(grid.shape, 2000.0)), survey, grid)


observed = predict(true, np.array([[[55.0, 311.0]]]))


def misfit(unknowns):
    return ads.misfits.l2(predict(**unknowns), observed)


def careless(unknowns):
    """The same of normalised data, but the gradient is not told that the norm changes."""
    predicted = predict(**unknowns)
    return ads.misfits.l2(predicted / jax.lax.stop_gradient(jnp.linalg.norm(predicted)), observed / jnp.linalg.norm(observed))


# Unknown are the medium and the position of the source, a pytree. Positions may move by some cells, not by their own size.
unknowns = {"vp": np.full(grid.shape, 2500.0), "position": np.array([[[68.0, 296.0]]])}
certificates = {
    name: ads.certify(objective, unknowns, scale={"vp": 2500.0, "position": 40.0})
    for name, objective in {"misfit": misfit, "careless": careless}.items()
}

figure = new_figure(5.4, 4.0)
axes = figure.subplots()
right, wrong = certificates.values()
curves = {
    "f(x + h d) - f(x)": right.changes / right.value,
    "less h <g, d>": right.remainders / right.value,
    "the same, careless": wrong.remainders / wrong.value,
}
steps = dict.fromkeys(curves, right.steps)
plot_curve(curves, x=steps, xlabel="h", ylabel="relative to f(x)", title="slope 1 and 2, if the gradient is right", axes=axes)
axes.set_xscale("log")
print(f"wrote {save_figure(figure, 'certify_a_problem.png')}")
