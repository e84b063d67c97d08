"""First gradient: which cells must change, and how, for simulated data to approach the observed? Writes first_gradient.png."""

import argparse

import jax
import numpy as np

import adseis as ads
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=700, help="time steps of 1 ms")
nt = parser.parse_args().steps

# A fast disc in a homogeneous square of 1 km, between sources on the left and receivers on the right.
grid = ads.Grid(shape=(101, 101), spacing=10.0, dt=1e-3, nt=nt)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
true = np.where(np.hypot(z - 500, x - 500) < 150, 3000.0, 2500.0).astype("float32")
guess = np.full_like(true, 2500.0)

heights = np.array([200.0, 500.0, 800.0])
sources = np.stack([heights, np.full(3, 20.0)], axis=-1)[:, None, :]  # three shots of one source each
receivers = np.stack([grid.coordinates(0), np.full(101, 980.0)], axis=-1)
wavelet = ads.wavelets.ricker(10.0, grid.nt, grid.dt)[None, None, :]
survey = ads.Survey(ads.Explosion(sources, wavelet), receivers)


def predict(vp):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)


observed = predict(true)


def misfit(vp):
    return ads.misfits.l2(predict(vp), observed)


value, gradient = jax.jit(jax.value_and_grad(misfit))(guess)

# A small step against the gradient: at most 20 m/s anywhere.
step = 20.0 / float(abs(gradient).max())
after = misfit(guess - step * gradient)
print(f"misfit {float(value):.4g} before, {float(after):.4g} after one small step against the gradient")

figure = new_figure(9.6, 3.9)
left, right = figure.subplots(1, 2)
plot_section(true, grid.spacing, axes=left, title="true medium", points={"sources": sources, "receivers": receivers})
limit = float(np.percentile(abs(gradient), 99.5))
unit = "[misfit per m/s]"
plot_section(
    -gradient, grid.spacing, axes=right, title="minus the gradient", label=unit, limits=(-limit, limit), colormap="RdBu_r"
)
print(f"wrote {save_figure(figure, 'first_gradient.png')}")
