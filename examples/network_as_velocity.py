"""A network as the velocity: invert for the weights of a decoder that draws the model. Writes network_as_velocity.png.

A convolutional decoder draws smooth pictures more easily than rough ones, which regularizes without a penalty (Zhu et al. 2022,
Geophysics 87, R93, doi:10.1190/geo2020-0933.1): `--noise 0.5` buries the data in noise of half their standard deviation. Any JAX
network would do; flax_network_as_velocity.py takes one of flax.
"""

import argparse

import jax
import numpy as np

import adseis as ads
from adseis.inversion.fwi import Update, invert
from adseis.inversion.reparametrization import Reparametrization, as_function
from adseis.networks.decoder import Decoder
from adseis.objectives.bands import Band
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

ads.parallel.use_cores()  # each core is a device, with shots of its own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--iterations", type=int, default=25)
parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of the noise over that of the data")
options = parser.parse_args()

grid = ads.Grid(shape=(48, 48), spacing=20.0, dt=2e-3, nt=350)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
initial = np.full(grid.shape, 2500.0, "float32")
true = np.where(np.hypot(z - 470, x - 470) < 150, 2800.0, initial).astype("float32")

angle = 2 * np.pi * np.arange(64) / 64
receivers = 20 * np.round((470 + 430 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)) / 20)  # on the nodes: fast
sources = receivers[::8, None, :]  # eight shots
wavelet = ads.wavelets.ricker(8.0, grid.nt, grid.dt)[None, None, :]
survey = ads.parallel.shard_shots(ads.Survey(ads.Explosion(sources, wavelet), receivers))


def forward(vp):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)


clean = forward(true)
observed = clean + options.noise * clean.std() * np.random.default_rng(0).standard_normal(clean.shape).astype("float32")

draw, weights = as_function(Decoder(grid.shape, key=jax.random.key(0), channels=(32, 16)))
velocity = Reparametrization(draw, weights, initial, scale=250.0, low=2000.0, high=3000.0)
result = invert(
    forward, observed, initial, dt=grid.dt, update=Update(parametrization=velocity), bands=[Band(iterations=options.iterations)]
)

error = [float(np.sqrt(np.mean((vp - true) ** 2))) for vp in (initial, result.x)]
count = sum(w.size for w in jax.tree.leaves(weights))
print(f"misfit {result.history[0].value:.4g} before, {result.value:.4g} after {result.evaluations} gradients by {count} weights")
print(f"error of vp (root mean square) {error[0]:.1f} m/s before, {error[1]:.1f} m/s after")

figure = plot_sections(
    {"true": true, "drawn by the untrained network": velocity.to_model(weights), "drawn after the inversion": result.x},
    grid.spacing,
    differences={"inverted - true": result.x - true},
    points={"sources": sources, "receivers": receivers},
)
print(f"wrote {save_figure(figure, 'network_as_velocity.png')}")
