"""A rupture that runs along a fault in layered rock, from its waves: all that each point did, or only when it broke and how much.

Elastic by default; --physics acoustic takes explosions in a fluid as slow as the solid's S waves. With --noise 0.1 a tenth of the
data's peak is added as noise.
Writes rupture_history.png.
"""

import argparse

import jax
import numpy as np

import adseis as ads
from adseis.experiment.moduli import gardner_density, poisson_shear
from adseis.inversion.green_functions import green_functions
from adseis.inversion.rupture import gaussian_histories, invert_rupture, invert_slip_history
from adseis.objectives.bands import Band
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--physics", choices=["elastic", "acoustic"], default="elastic")
parser.add_argument("--points", type=int, default=12, help="points on the fault; with 12 they are 715 m apart")
parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of noise, over the data's peak")
parser.add_argument("--iterations", type=int, default=200, help="most iterations of each inversion")
parser.add_argument("--seed", type=int, default=0, help="of the noise")
options = parser.parse_args()

grid = ads.Grid(shape=(60, 120), spacing=100.0, dt=9e-3, nt=900)
depth = np.broadcast_to(grid.coordinates(0)[:, None], grid.shape)
layers = [depth < 800, depth < 2200, depth < 4000]
vp = np.select(layers, [2600.0, 3500.0, 4600.0], 5500.0).astype("float32")
vs, rho = poisson_shear(vp), gardner_density(vp)

count, width = options.points, 0.14  # of the histories [s]: 3 % are left at 3 Hz
ends = np.array([[2500.0, 2000.0], [3600.0, 9790.0]])
points = np.linspace(*ends, count).astype("float32")[None]
length = np.linalg.norm(ends[1] - ends[0]) / max(count - 1, 1)  # of fault that belongs to a point [m]
slip = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
normal = np.array([slip[1], -slip[0]])
moment = 30e9 * length * (np.outer(slip, normal) + np.outer(normal, slip)).astype("float32")  # per metre of slip [N in 2D]
surface = np.stack([np.full(30, 100.0), np.linspace(300, 11600, 30)], -1)
wells = [np.stack([np.linspace(400, 5600, 12), np.full(12, x)], -1) for x in (500.0, 11400.0)]
receivers = np.concatenate([surface, *wells])


def forward(rate):
    """Velocities of slip rates [m/s], or pressure of volume injection rates [m^2/s]."""
    if options.physics == "acoustic":
        survey = ads.Survey(ads.Explosion(points, rate[None]), receivers)
        return ads.simulate_acoustic(ads.AcousticMedium(vs, rho), survey, grid)
    source = ads.MomentTensor(points, rate[None], moment[None, None])
    return ads.simulate_elastic(ads.ElasticMedium(vp, vs, rho), ads.Survey(source, receivers), grid)


rupture_time = 0.8 + np.arange(count) * length / 2000.0
amount = 1.0 + 0.6 * np.sin(1.0 + 0.5 * np.arange(count))
gaussians = np.asarray(gaussian_histories(rupture_time, amount, grid, width=width), "float32")
after = np.asarray(gaussian_histories(rupture_time + 0.5, 0.5 * amount, grid, width=1.5 * width), "float32")
histories = gaussians + after  # they fade more slowly than they rise

green = green_functions(forward, count, grid, dtype="float32")  # a simulation a point; every gradient after them is cheap
rng = np.random.default_rng(options.seed)


def recorded(rate):
    def noisy(gather):
        return gather + options.noise * abs(gather).max() * rng.standard_normal(gather.shape).astype("float32")

    return jax.tree.map(noisy, jax.jit(forward)(rate))


bands = [Band(None, options.iterations)]
smooth = 3 * grid.dt if options.noise else None
observed = recorded(histories)
whole = invert_slip_history(green, observed, count, grid, bands=bands, smooth_time=smooth)
missed = whole.rate - histories
error, worst = np.linalg.norm(missed) / np.linalg.norm(histories), abs(missed).max() / histories.max()
found = invert_rupture(green, recorded(gaussians), count, grid, width=width, bands=bands)
late, more = (found.time - rupture_time) / grid.dt, found.amount / amount - 1
print(f"{options.physics}, noise {options.noise:.0%} of the peak, {count} points {length:.0f} m apart")
print(f"histories: relative error {100 * error:.2g} %, {100 * worst:.2g} % of the peak at worst")
print(f"times within {abs(late).max():.2g} samples of {1e3 * grid.dt:.0f} ms, amounts within {100 * abs(more).max():.2g} %")

figure = new_figure(15.5, 8.0)
rows = figure.subplots(2, 4)
places = {"sources": points, "receivers": receivers}
speed, solid = (vp, True) if options.physics == "elastic" else (vs, False)
plot_section(speed, grid.spacing, axes=rows[0, 0], label="vp [m/s]", title="fault and stations", points=places)
along = 1e-3 * length * np.arange(count)
extent = (along[0] - 5e-4 * length, along[-1] + 5e-4 * length, grid.times[-1], 0)
for panel, rate, title in ((rows[0, 1], histories, "true histories"), (rows[0, 2], whole.rate, "recovered")):
    panel.imshow(rate.T, extent=extent, aspect="auto", cmap="magma_r", vmin=0, vmax=histories.max(), interpolation="nearest")
    panel.plot(along, rupture_time, "C0.-", markersize=4, linewidth=0.8, label="rupture front")
    panel.set(title=title, xlabel="along the fault [km]", ylabel="time [s]", ylim=(6.5, 0))
rows[0, 1].legend(frameon=False, loc="upper right")
scale = 1.6e-3 * length / histories.max()
for i in range(count):
    rows[1, 0].plot(grid.times, along[i] + scale * histories[i], "k", linewidth=2, label="true" if i == 0 else None)
    rows[1, 0].plot(grid.times, along[i] + scale * whole.rate[i], "C3", linewidth=0.9, label="recovered" if i == 0 else None)
rows[1, 0].set(title="histories", xlabel="time [s]", ylabel="along the fault [km]", xlim=(0, 6.5), ylim=(-0.5, 10.5))
rows[1, 0].legend(frameon=False, loc="upper left")
rows[1, 1].plot(along, rupture_time, "k", linewidth=2, label="true")
rows[1, 1].plot(along, found.time, "C3o", markersize=4, label="recovered")
rows[1, 1].set(title="rupture time, Gaussian histories", xlabel="along the fault [km]", ylabel="time [s]")
rows[1, 2].plot(along, amount, "k", linewidth=2, label="true")
rows[1, 2].plot(along, found.amount, "C3o", markersize=4, label="recovered")
label = "slip [m]" if solid else "volume [m$^2$]"
rows[1, 2].set(title="amount", xlabel="along the fault [km]", ylabel=label, ylim=(0, None))
seen, fitted = (np.asarray(jax.tree.leaves(gathers)[0])[0] for gathers in (observed, green(whole.rate)))
for i, station in enumerate(range(1, 30, 4)):
    swing = 1.2 / abs(seen[:, :30]).max()
    rows[0, 3].plot(grid.times, i + swing * seen[:, station], "k", linewidth=1.5, label="observed" if i == 0 else None)
    rows[0, 3].plot(grid.times, i + swing * fitted[:, station], "C3", linewidth=0.8, label="explained" if i == 0 else None)
rows[0, 3].set(title="vz at the surface" if solid else "pressure at the surface", xlabel="time [s]", yticks=[])
rows[0, 3].set_ylim(-1.2, 10)
rows[0, 3].legend(frameon=False, loc="upper right")
for name, result in {"histories": whole.result, "times and amounts": found.result}.items():
    rows[1, 3].semilogy([iterate.value for iterate in result.history], label=name)
rows[1, 3].set(title="relative misfit", xlabel="iteration")
rows[1, 3].legend(frameon=False, loc="upper right")
for panel in (*rows[1], rows[0, 3]):
    panel.spines[["top", "right"]].set_visible(False)
rows[1, 1].legend(frameon=False, loc="upper left")
print(f"wrote {save_figure(figure, 'rupture_history.png')}")
