"""A network as the velocity: invert for the weights of a decoder that draws the model. Writes network_as_velocity.png.

A convolutional decoder draws smooth pictures more easily than rough ones, which regularizes without a penalty (Zhu et al. 2022,
Geophysics 87, R93, doi:10.1190/geo2020-0933.1). Any JAX network would do: adseis sees a function from a pytree to a model.
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--iterations", type=int, default=25)
options = parser.parse_args()


class Decoder(eqx.Module):
    """A small image of numbers, enlarged and convolved three times: (channel, 6, 6) to (48, 48)."""

    seed: jax.Array
    layers: list[eqx.nn.Conv2d]

    def __init__(self, *, key):
        keys = jax.random.split(key, 4)
        channels = (16, 16, 8, 1)
        self.seed = jax.random.normal(keys[0], (channels[0], 6, 6))
        pairs = zip(channels[:-1], channels[1:], keys[1:], strict=True)
        self.layers = [eqx.nn.Conv2d(a, b, kernel_size=3, padding=1, key=k) for a, b, k in pairs]

    def __call__(self):
        image = self.seed
        for layer in self.layers:
            n = 2 * image.shape[-1]
            image = layer(jax.nn.leaky_relu(jax.image.resize(image, (image.shape[0], n, n), "bilinear")))
        return 2500.0 + 500.0 * jnp.tanh(image[0])


grid = ads.Grid(shape=(48, 48), spacing=20.0, dt=2e-3, nt=350)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
true = np.where(np.hypot(z - 470, x - 470) < 150, 2800.0, 2500.0).astype("float32")

angle = 2 * np.pi * np.arange(64) / 64
receivers = 20 * np.round((470 + 430 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)) / 20)  # on the nodes: fast
sources = receivers[::8, None, :]  # eight shots
wavelet = ads.wavelets.ricker(8.0, grid.nt, grid.dt)[None, None, :]
survey = ads.Survey(ads.Explosion(sources, wavelet), receivers)
observed = ads.simulate_scalar(ads.ScalarMedium(true), survey, grid)

weights, architecture = eqx.partition(Decoder(key=jax.random.key(0)), eqx.is_inexact_array)


def velocity(weights):
    return eqx.combine(weights, architecture)()


def misfit(weights):
    return ads.misfits.l2(ads.simulate_scalar(ads.ScalarMedium(velocity(weights)), survey, grid), observed)


result = ads.minimize(misfit, weights, iterations=options.iterations)

initial, inverted = (np.asarray(velocity(w)) for w in (weights, result.x))
error = [float(np.sqrt(np.mean((vp - true) ** 2))) for vp in (initial, inverted)]
count = sum(w.size for w in jax.tree.leaves(weights))
print(f"misfit {result.history[0].value:.4g} before, {result.value:.4g} after {result.evaluations} gradients by {count} weights")
print(f"error of vp (root mean square) {error[0]:.1f} m/s before, {error[1]:.1f} m/s after")

figure = plot_sections(
    {"true": true, "drawn by the untrained network": initial, "drawn after the inversion": inverted},
    grid.spacing,
    differences={"inverted - true": inverted - true},
    points={"sources": sources, "receivers": receivers},
)
print(f"wrote {save_figure(figure, 'network_as_velocity.png')}")
