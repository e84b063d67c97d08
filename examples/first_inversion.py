"""First inversion: recover a disc from the waves that crossed it. Writes first_inversion.png."""

import argparse

import numpy as np

import adseis as ads
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

ads.parallel.use_cores()  # each core is a device, with shots of its own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--iterations", type=int, default=20)
options = parser.parse_args()

# A disc of 3.0 km/s in 2.5 km/s, with eight sources and sixty-four receivers around it.
grid = ads.Grid(shape=(51, 51), spacing=20.0, dt=2e-3, nt=350)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
true = np.where(np.hypot(z - 500, x - 500) < 150, 3000.0, 2500.0).astype("float32")
initial = np.full_like(true, 2500.0)


def circle(points, radius=450.0):
    angle = 2 * np.pi * np.arange(points) / points
    positions = 500 + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return 20 * np.round(positions / 20)  # anywhere is allowed; on the nodes is faster


sources = circle(8)[:, None, :]  # (shot, source, axis): one source a shot
receivers = circle(64)  # (receiver, axis): the same for all shots
wavelet = ads.wavelets.ricker(8.0, grid.nt, grid.dt)[None, None, :]
survey = ads.parallel.shard_shots(ads.Survey(ads.Explosion(sources, wavelet), receivers))


def predict(vp):
    return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid)


observed = predict(true)


def misfit(vp):
    return ads.misfits.l2(predict(vp), observed)


result = ads.minimize(misfit, initial, bounds=(2000.0, 3500.0), iterations=options.iterations)

inverted = np.asarray(result.x)
error = [float(np.sqrt(np.mean((vp - true) ** 2))) for vp in (initial, inverted)]
print(f"misfit {result.history[0].value:.4g} before, {result.value:.4g} after {result.evaluations} gradients")
print(f"error of vp (root mean square) {error[0]:.1f} m/s before, {error[1]:.1f} m/s after")

figure = plot_sections(
    {"true": true, "initial": initial, "inverted": inverted},
    grid.spacing,
    differences={"inverted - true": inverted - true},
    points={"sources": sources, "receivers": receivers},
)
print(f"wrote {save_figure(figure, 'first_inversion.png')}")
