"""vp, vs and density together from elastic waves: three anomalies, each in one parameter only. Writes elastic_inversion.png.

Forces shake a ring around the target, velocities are recorded on it. Each parameter is scaled by how far it is expected to move
and evened out by how strongly the data depend on it (`sensitivity`).
"""

import argparse

import jax
import numpy as np

import adseis as ads
from adseis.inversion.fwi import Update, invert
from adseis.inversion.weights import sensitivity
from adseis.objectives.bands import Band
from adseis.viz.figures import save_figure
from adseis.viz.sections import plot_sections

ads.parallel.use_cores()  # each core is a device, with shots of its own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--iterations", type=int, default=30, help="most iterations in the full band")
options = parser.parse_args()

grid = ads.Grid(shape=(48, 48), spacing=15.0, dt=2e-3, nt=320)
z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
bump = lambda at_z, at_x: np.exp(-((z - at_z) ** 2 + (x - at_x) ** 2) / 2 / 50**2)  # noqa: E731
initial = {name: np.full(grid.shape, value, "float32") for name, value in {"vp": 2600.0, "vs": 1500.0, "rho": 2200.0}.items()}
bumps = {"vp": 200 * bump(270, 250), "vs": -120 * bump(270, 460), "rho": 200 * bump(460, 355)}
true = {name: (initial[name] + bumps[name]).astype("float32") for name in initial}

angle = 2 * np.pi * np.arange(40) / 40
ring = (352.5 + 300 * np.stack([np.cos(angle), np.sin(angle)], -1)).astype("float32")
ring = 15 * np.round(ring / 15)  # on the nodes: fast
shots = np.repeat(ring[::10], 2, 0)[:, None]  # four places, a vertical and a horizontal force at each
direction = np.tile(np.eye(2, dtype="float32"), (4, 1))[:, None]
wavelet = 1e6 * ads.wavelets.ricker(7.0, grid.nt, grid.dt, dtype="float32")[None, None]
survey = ads.parallel.shard_shots(ads.Survey(ads.Force(shots, wavelet, direction), ring))


def forward(model):
    medium = ads.ElasticMedium(model["vp"], model["vs"], model["rho"])
    return ads.simulate_elastic(medium, survey, grid, record=("vz", "vx"))


def error(model, name):
    return float(np.sqrt(np.mean((np.asarray(model[name], float) - true[name]) ** 2)))


observed = forward(true)
mask = (np.hypot(z - 352.5, x - 352.5) < 270).astype("float32")  # not where the forces and receivers stand
even = sensitivity(forward, initial, key=jax.random.key(0), mask=mask, samples=4, damping=1e-2)
expected = {"vp": 200.0, "vs": 120.0, "rho": 100.0}
update = Update(
    {name: expected[name] * even[name] for name in initial},
    low={"vp": 2200.0, "vs": 1200.0, "rho": 1800.0},
    high={"vp": 3000.0, "vs": 1800.0, "rho": 2600.0},
)
bands = [Band(5.0, min(15, options.iterations)), Band(None, options.iterations)]
result = invert(forward, observed, initial, dt=grid.dt, update=update, bands=bands, first_step=0.1)
print(f"misfit {result.history[0].value:.3g} before, {result.value:.3g} after {result.evaluations} gradients")
for name, unit in {"vp": "m/s", "vs": "m/s", "rho": "kg/m^3"}.items():
    print(f"{name} error {error(initial, name):.2f} -> {error(result.x, name):.2f} {unit}")

changes = {f"{name}, true": bumps[name] for name in initial}
changes |= {f"{name}, found": result.x[name] - initial[name] for name in initial}
points = {"sources": ring[::10], "receivers": ring}
figure = plot_sections(changes, grid.spacing, label="change", limits=(-200, 200), colormap="RdBu_r", columns=3, points=points)
print(f"wrote {save_figure(figure, 'elastic_inversion.png')}")
