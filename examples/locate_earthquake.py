"""An earthquake's position and time function from its waves alone, from a random start and a time function of zeros.

With --noise 0.1 a tenth of the data's peak is added as noise. Writes locate_earthquake.png.
"""

import argparse

import numpy as np

import adseis as ads
from adseis.inversion.location import gaussian_source, locate
from adseis.objectives.bands import Band
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of noise, over the data's peak")
parser.add_argument("--width", type=float, default=0.0, help="of a Gaussian source [m]; 0 for a point between the nodes")
parser.add_argument("--iterations", type=int, default=200, help="most iterations in the full band")
parser.add_argument("--seed", type=int, default=0, help="of the start and the noise")
options = parser.parse_args()

grid = ads.Grid(shape=(60, 80), spacing=50.0, dt=6e-3, nt=420)
depth, along = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
interface = 1400 + 250 * np.sin(along / 700)
vp = np.where(depth < interface, 2400 + 0.25 * depth, 3300 + 0.2 * depth).astype("float32")
stations = np.stack([np.full(12, 50.0), np.linspace(200, 3750, 12)], -1)
well = np.stack([np.linspace(300, 2100, 7), np.full(7, 2600.0)], -1)
receivers = np.concatenate([stations, well])


def forward(position, time_function):
    source = ads.Explosion(position, time_function)
    if options.width:
        source = gaussian_source(position, time_function, grid, width=options.width)
    return ads.simulate_scalar(ads.ScalarMedium(vp), ads.Survey(source, receivers), grid)


true = np.array([[[1931.0, 1377.0]]], "float32")
rupture = ads.wavelets.ricker(2.5, grid.nt, grid.dt, delay=0.7) - 0.6 * ads.wavelets.ricker(3.0, grid.nt, grid.dt, delay=1.15)
observed = np.asarray(forward(true, np.asarray(rupture, "float32")[None, None]))
rng = np.random.default_rng(options.seed)
observed = observed + options.noise * abs(observed).max() * rng.standard_normal(observed.shape).astype("float32")
start = rng.uniform([500, 500], [2500, 3500])[None, None].astype("float32")

path = [start[0, 0]]
found = locate(
    forward, observed, start, grid, reach=500.0, margin=100.0,
    bands=[Band(0.8, 30), Band(1.6, 30), Band(None, options.iterations)],
    callback=lambda iteration, x, value: path.append(x["position"][0, 0]),
)  # fmt: skip
away = np.linalg.norm(found.position - true) / grid.spacing[0]
error = abs(found.time_function[0, 0] - rupture).max() / abs(rupture).max()
print(f"from {np.linalg.norm(start - true) / grid.spacing[0]:.1f} to {away:.4f} cells, time function within {100 * error:.2g} %")

figure = new_figure(11.0, 4.2)
left, right = figure.subplots(1, 2)
points = {"sources": true, "receivers": receivers}
plot_section(vp, grid.spacing, axes=left, label="vp [m/s]", title="path of the position", points=points)
path = 1e-3 * np.array(path)
left.plot(path[:, 1], path[:, 0], "w.-", linewidth=0.8, markersize=3)
left.plot(*path[0, ::-1], "wo", markersize=5)
t = grid.dt * np.arange(grid.nt)
right.plot(t, rupture, "k", linewidth=2.5, label="true")
right.plot(t, found.time_function[0, 0], "C3", linewidth=1, label="found")
right.set(xlabel="time [s]", title="time function")
right.legend(frameon=False)
right.spines[["top", "right"]].set_visible(False)
print(f"wrote {save_figure(figure, 'locate_earthquake.png')}")
