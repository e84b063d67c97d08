"""A network of flax as the velocity (`pip install flax`). Writes flax_network_as_velocity.png.

adseis knows nothing of flax: `nnx.split` turns a network into a pytree of weights, `nnx.merge` back, and that is all an inversion
needs. Here layers of sines map the coordinates of each node to its velocity, which is trained on the initial model first.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import adseis as ads
from adseis.inversion.fwi import Update, invert
from adseis.inversion.reparametrization import Reparametrization, fit_network
from adseis.objectives.bands import Band
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

ads.parallel.use_cores()  # each core is a device, with shots of its own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--iterations", type=int, default=25)
options = parser.parse_args()


class Field(nnx.Module):
    """From coordinates, each in [-1, 1], to one number per node."""

    def __init__(self, axes: int, width: int, rngs: nnx.Rngs):
        self.first = nnx.Linear(axes, width, rngs=rngs)
        self.middle = nnx.Linear(width, width, rngs=rngs)
        self.last = nnx.Linear(width, 1, rngs=rngs)

    def __call__(self, coordinates):
        return self.last(jnp.sin(2 * self.middle(jnp.sin(4 * self.first(coordinates)))))[..., 0]


grid = ads.Grid(shape=(36, 48), spacing=20.0, dt=2.5e-3, nt=320)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
initial = (1900.0 + 0.6 * z).astype("float32")
true = (initial + 250 * np.exp(-((z - 360) ** 2 + (x - 470) ** 2) / 2 / 90**2)).astype("float32")
along = np.linspace(60, 880, 6)
sources = np.stack([np.full(6, 40.0), along], -1)[:, None].astype("float32")
receivers = np.stack([np.full(48, 660.0), grid.coordinates(1)], -1).astype("float32")
survey = ads.parallel.shard_shots(
    ads.Survey(ads.Explosion(sources, ads.wavelets.ricker(7.0, grid.nt, grid.dt, dtype="float32")[None, None]), receivers)
)


def forward(vp):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)


graph, weights = nnx.split(Field(2, 64, nnx.Rngs(0)), nnx.Param)
coordinates = 2 * np.stack([z / z.max(), x / x.max()], -1).astype("float32") - 1
velocity = Reparametrization(
    lambda weights: nnx.merge(graph, weights)(coordinates),
    weights,
    reference=np.full(grid.shape, 2100.0, "float32"),  # a constant: the network draws everything else
    scale=300.0,
    low=1500.0,
    high=3000.0,
)
velocity = fit_network(velocity, initial, steps=600, optimizer=optax.adam(2e-3))
drawn = velocity.to_model(velocity.weights)
result = invert(
    forward,
    forward(true),
    drawn,
    dt=grid.dt,
    update=Update(parametrization=velocity),
    bands=[Band(iterations=options.iterations)],
)

error = [float(np.sqrt(np.mean((vp - true) ** 2))) for vp in (drawn, result.x)]
count = sum(w.size for w in jax.tree.leaves(weights))
print(f"misfit {result.history[0].value:.4g} before, {result.value:.4g} after {result.evaluations} gradients by {count} weights")
print(f"error of vp (root mean square) {error[0]:.1f} m/s before, {error[1]:.1f} m/s after")

figure = plot_sections(
    {"true": true, "trained on the initial model": drawn, "drawn after the inversion": result.x},
    grid.spacing,
    differences={"inverted - true": result.x - true},
    points={"sources": sources, "receivers": receivers},
)
print(f"wrote {save_figure(figure, 'flax_network_as_velocity.png')}")
