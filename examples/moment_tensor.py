"""An earthquake's position, moment tensor and moment-rate function from seismograms at the surface of a layered crust.

With --noise 0.1 a tenth of the peak of each record is added as noise; --dimensions 3 takes a small crust in 3D. The misfit at
other depths is that of the best tensor and rate there. Writes moment_tensor.png.
"""

import argparse

import jax
import numpy as np

import adseis as ads
from adseis.experiment.mechanisms import kagan_angle, moment_magnitude, nodal_planes, scalar_moment
from adseis.experiment.moduli import gardner_density
from adseis.inversion.moment_tensor import fit_mechanism, invert_moment_tensor
from adseis.objectives.bands import Band
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_wiggles
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--dimensions", type=int, choices=(2, 3), default=2)
parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of noise, over the peak of each record")
parser.add_argument("--smoothness", type=float, default=None, help="of the rate; by default 1e-5, with noise 1e-2")
parser.add_argument("--iterations", type=int, default=80, help="most iterations in the full band, half as many in the one before")
parser.add_argument("--depths", type=int, default=15, help="of the curve of misfit against depth")
parser.add_argument("--seed", type=int, default=0, help="of the noise")
options = parser.parse_args()
flat = options.dimensions == 2
smoothness = options.smoothness or (1e-2 if options.noise else 1e-5)

# Three layers; vs = vp / 1.75. A reverse fault that strikes along y (in 3D: oblique), in the second layer.
if flat:
    grid, width = ads.Grid((56, 96), 200.0, dt=0.018, nt=430), 12
    plane, size = (90.0, 35.0, 90.0), 1e12
    true, start = [[[5670.0, 9830.0]]], [[[3200.0, 8000.0]]]
    stations = np.stack([np.zeros(12), np.linspace(900, 18100, 12)], -1)
else:
    grid, width = ads.Grid((24, 36, 36), 400.0, dt=0.03, nt=240), 6
    plane, size = (40.0, 55.0, 65.0), 1e15
    true, start = [[[4630.0, 7450.0, 6530.0]]], [[[3000.0, 6400.0, 7400.0]]]
    around, away = 2.4 * np.arange(12), np.linspace(1500, 6000, 12)
    stations = np.stack([np.zeros(12), 7000 + away * np.sin(around), 7000 + away * np.cos(around)], -1)
depth = np.broadcast_to(grid.coordinates(0).reshape(-1, *[1] * (options.dimensions - 1)), grid.shape)
vp = np.select([depth < 1500, depth < 7000], [3800.0, 5400.0], 6200.0)
medium = ads.ElasticMedium(*(v.astype("float32") for v in (vp, vp / 1.75, gardner_density(vp))))
true, start, stations = (np.asarray(v, "float32") for v in (true, start, stations))
moment = np.asarray(ads.double_couple(*plane, size), "float32")[None, None]
moment = moment[..., ::2, ::2] if flat else moment
t = grid.times
rate = np.where((t > 0.3) & (t < 1.3), np.sin(np.pi * (t - 0.3)) ** 2, 0)
rate = rate + 0.6 * np.where((t > 0.9) & (t < 1.8), np.sin(np.pi * (t - 0.9) / 0.9) ** 2, 0)
rate = (rate / (rate.sum() * grid.dt)).astype("float32")[None, None]


def forward(position, moment, rate):
    survey = ads.Survey(ads.MomentTensor(position, rate, moment), stations)
    return ads.simulate_elastic(medium, survey, grid, free_surface=True, boundary=ads.CPML(width=width))


simulate = jax.jit(forward)
rng = np.random.default_rng(options.seed)
observed = tuple(
    np.asarray(v) + options.noise * abs(v).max() * rng.standard_normal(v.shape).astype("float32")
    for v in map(np.asarray, simulate(true, moment, rate))
)
path = [start[0, 0]]
found = invert_moment_tensor(
    forward, observed, start, grid, reach=500.0, margin=2 * grid.spacing[0], smoothness=smoothness,
    bands=[Band(0.8, max(options.iterations // 2, 1)), Band(None, options.iterations)],
    callback=lambda iteration, x, value: path.append(x["position"][0, 0]),
)  # fmt: skip

# The best tensor and rate at each depth, all depths at once: each is an event of its own, of the same seismograms.
depths = np.linspace(0.15, 0.85, options.depths) * grid.extent[0]
places = np.broadcast_to(found.position, (options.depths, 1, options.dimensions)).copy()
places[:, 0, 0] = depths
copies = tuple(np.broadcast_to(v, (options.depths, *v.shape[1:])) for v in observed)
fixed = fit_mechanism(forward, copies, places, grid, bands=[Band(None, options.iterations)], smoothness=smoothness)
predicted = simulate(fixed.position, fixed.moment, fixed.rate)
curve = np.mean([np.sum((np.asarray(p) - o) ** 2, (1, 2)) / np.sum(o**2) for p, o in zip(predicted, observed, strict=True)], 0)
predicted = simulate(found.position, found.moment, found.rate)
fit = np.mean([np.sum((np.asarray(p) - o) ** 2) / np.sum(o**2) for p, o in zip(predicted, observed, strict=True)])

relative = lambda a, b: np.linalg.norm(a - b) / np.linalg.norm(b)  # noqa: E731
length = 1e3 if flat else 1.0  # what is in the plane is taken to reach a kilometre along y
sizes = [float(scalar_moment(m)[0, 0]) * length for m in (moment, found.moment)]
cells = (found.position - true)[0, 0] / grid.spacing[0]
print(
    f"start {abs(start - true)[0, 0, 0] / grid.spacing[0]:.1f} cells off in depth; found {abs(cells[0]):.4f} in depth", end=", "
)
print(f"{np.linalg.norm(cells[1:]):.4f} along the surface, misfit {fit:.3g}")
print(
    f"moment tensor within {relative(found.moment, moment):.2%}, {kagan_angle(found.moment, moment)[0, 0]:.2f} degrees", end="; "
)
print(f"M0 {sizes[1]:.4g} N m, true {sizes[0]:.4g}: Mw {moment_magnitude(sizes[1]):.3f}, true {moment_magnitude(sizes[0]):.3f}")
for name, m in (("true", moment), ("found", found.moment)):
    planes = " and ".join("/".join(f"{angle:.1f}" for angle in angles) for angles in nodal_planes(m)[0, 0])
    print(f"strike/dip/rake {name}: {planes}")
print(f"moment-rate function within {relative(found.rate, rate):.2%}")


def draw_beachball(axes, moment, title):
    """Where the first P motion is outwards (dark) on the lower hemisphere, or all around in the plane."""
    if flat:
        angle = np.linspace(0, 2 * np.pi, 361)
        ray = np.stack([np.sin(angle), np.cos(angle)], -1)
        radiation = np.einsum("pi,ij,pj->p", ray, moment, ray)
        for sign, color in ((1, "C3"), (-1, "C0")):
            reach = np.maximum(sign * radiation, 0) / abs(radiation).max()
            axes.fill(reach * ray[:, 1], -reach * ray[:, 0], color=color, alpha=0.7)
    else:
        east, north = np.meshgrid(*[np.linspace(-1, 1, 201)] * 2)
        radius = np.hypot(east, north)
        dip = 2 * np.arcsin(np.minimum(radius, 1) / np.sqrt(2))  # of a ray from the vertical, areas preserved
        ray = np.stack([np.cos(dip), *(np.sin(dip) * v / np.maximum(radius, 1e-9) for v in (east, north))], -1)
        radiation = np.where(radius < 1, np.einsum("abi,ij,abj->ab", ray, moment, ray), np.nan)
        axes.contourf(east, north, radiation / np.nanmax(abs(radiation)), levels=[-2, 0, 2], colors=["white", "C3"])
        axes.plot(*np.stack([np.cos(around := np.linspace(0, 2 * np.pi, 181)), np.sin(around)]), "k", linewidth=1)
    axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    axes.set_title(title, fontsize="medium")
    axes.axis("off")


figure = new_figure(12.0, 7.2)
top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1))
section, wiggles = top.subplots(1, 2, width_ratios=(1.25, 1))
shown = {"sources": true[..., ::2] if not flat else true, "receivers": stations[:, [0, -1]]}
plot_section(
    vp if flat else vp[:, 0], grid.spacing[0], axes=section, label="vp [m/s]", title="path of the position", points=shown
)
path = 1e-3 * np.array(path)
section.plot(path[:, -1], path[:, 0], "w.-", linewidth=0.8, markersize=3)
section.plot(path[0, -1], path[0, 0], "wo", markersize=5)
order = np.argsort(stations[:, -1])
fits = {"observed": observed[0][0][:, order], "found": np.asarray(predicted[0])[0][:, order]}
plot_wiggles(fits, grid.dt, axes=wiggles, title="vz")
wiggles.set_xlabel("station, from low to high x")
misfit, release, *balls = bottom.subplots(1, 4, width_ratios=(1, 1, 0.6, 0.6))
misfit.plot(1e-3 * depths, curve, ".-", color="k")
misfit.axvline(1e-3 * true[0, 0, 0], color="k", linewidth=0.8, linestyle=":", label="true depth")
misfit.plot(1e-3 * found.position[0, 0, 0], fit, "C3o", label="found")
misfit.set(xlabel="depth [km]", ylabel="relative misfit", title="misfit of the best tensor and rate", ylim=(0, None))
misfit.legend(frameon=False)
release.plot(t, rate[0, 0], "k", linewidth=2.5, label="true")
release.plot(t, found.rate[0, 0], "C3", linewidth=1, label="found")
release.set(xlabel="time [s]", ylabel="[1/s]", title="moment-rate function", xlim=(0, 4))
release.legend(frameon=False)
for axes in (misfit, release):
    axes.spines[["top", "right"]].set_visible(False)
for axes, m, title in zip(balls, (moment, found.moment), ("P waves, true", "found"), strict=True):
    draw_beachball(axes, np.asarray(m, float)[0, 0], title)
print(f"wrote {save_figure(figure, 'moment_tensor.png')}")
