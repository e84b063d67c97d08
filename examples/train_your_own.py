"""Train a network of your own to invert gathers: an equinox module, `fit` and `Supervised`. Writes train_your_own.png.

Without `--data` a small set of layered maps is drawn and simulated first, in the folder `train_your_own_data`, which takes half a
minute; what it then learns is little more than where layers are. Give it OpenFWI's files, more steps and a larger network.
"""

import argparse

import equinox as eqx
import jax
import numpy as np

from adseis.data import openfwi
from adseis.data.openfwi_synthesis import OpenFwi
from adseis.data.synthesis import synthesize
from adseis.training import Plan, fit
from adseis.training.evaluation import evaluate, validation_of
from adseis.training.losses import Distance
from adseis.training.samples import Samples
from adseis.training.schedules import adamw, one_cycle
from adseis.training.supervised import Supervised
from adseis.training.trained_network import Inverter
from adseis.training.transforms import SpeedRange, Transforms, ZScore
from adseis.viz.figures import save_figure
from adseis.viz.training import plot_predictions

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of OpenFWI's files; by default a set is made")
parser.add_argument("--samples", type=int, default=50, help="samples that are made")
parser.add_argument("--steps", type=int, default=100)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--folder", help="where checkpoints go; a killed run, repeated, goes on")
options = parser.parse_args()


class Mine(eqx.Module):
    """Time of the gathers becomes depth, receivers become places: convolutions from 72 x 72 down to 9 x 9 and up again."""

    down: tuple[eqx.nn.Conv2d, ...]
    up: tuple[eqx.nn.Conv2d, ...]
    last: eqx.nn.Conv2d

    def __init__(self, *, key, channels=(5, 16, 32, 64)):
        keys = iter(jax.random.split(key, 2 * len(channels)))
        pairs = list(zip(channels[:-1], channels[1:], strict=True))
        kernel = {"kernel_size": 5, "padding": 2, "dtype": "float32"}
        self.down = tuple(eqx.nn.Conv2d(a, b, stride=2, key=next(keys), **kernel) for a, b in pairs)
        self.up = tuple(eqx.nn.Conv2d(b, a, key=next(keys), **kernel) for a, b in reversed(pairs))
        self.last = eqx.nn.Conv2d(channels[0], 1, key=next(keys), **kernel)

    def __call__(self, gathers, *, key=None):  # one sample; `key` is for what is drawn at random, such as dropout
        x = gathers
        for layer in self.down:
            x = jax.nn.gelu(layer(x))
        for layer in self.up:
            x = jax.nn.gelu(layer(x.repeat(2, 1).repeat(2, 2)))
        return self.last(x)[:, 1:-1, 1:-1]  # (1, 70, 70)


folder = options.data or "train_your_own_data"
if options.data is None:
    synthesize(OpenFwi(("flat-vel-a",), options.samples, max(1, options.samples // 5)), folder)
data = openfwi.Dataset(folder)
division = openfwi.split(data)  # by whole files
learned, held = data.part("train", division), data.part("validation", division)

# What stands before and behind the network: small gathers (5, 72, 72) standardised, speeds within 0 and 1.
transforms = Transforms(ZScore(), SpeedRange(0.0, 1.0), small=True)
network = Mine(key=jax.random.key(0))
mean = learned.batch(np.arange(len(learned))).velocity.mean(0)
plain = evaluate(lambda d: np.broadcast_to(mean, (len(d), 70, 70)), held)["mean"]["MAE"]

found = fit(
    network,
    Supervised(Distance(), transforms),
    Samples(learned, options.batch, prepare=transforms.sized, held=True),
    optimizer=adamw(one_cycle(2e-3, options.steps)),
    plan=Plan(options.steps, every=max(1, options.steps // 4), average=0.9),
    validate=validation_of(held, lambda net: Inverter(net, transforms)),
    folder=options.folder,
)
print(f"MAE {plain:.1f} m/s of the mean map, {found.value:.1f} m/s after {found.steps} steps with {len(learned)} samples")

shown = held.batch(np.arange(min(6, len(held))))
predicted = Inverter(found.x, transforms).in_batches(shown.gathers)
figure = plot_predictions(shown.velocity, predicted, names=shown.subset)
print(f"wrote {save_figure(figure, 'train_your_own.png')}")
