"""Waves in a fluid ball of 3D structure, as GlobalTomo has them: around the globe, and inside. Writes fluid_ball.png."""

import argparse

import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis import sphere
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_gather

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--frequency", type=float, default=5.0, help="the highest [Hz]; time goes with its cube")
parser.add_argument("--orders", type=int, default=8, help="azimuthal orders")
args = parser.parse_args()

# The mesh: 1 km, for 3 s of waves at speeds between these. Its time step and its elements follow from the frequency.
mesh = sphere.ball(1000.0, args.frequency, 3.0, (850.0, 1150.0), azimuthal_order=args.orders)

# The structure: harmonics up to degree 4 on five levels. A function, so that it can be evaluated in any source's frame.
radii = (1000.0, 800.0, 600.0, 400.0, 200.0)
coefficients = np.random.default_rng(0).uniform(-1 / 40, 1 / 40, (25, 5))


def vp(radius, latitude, longitude):
    points = sphere.Positions(radius, latitude, longitude)
    return 1000.0 * (1 + sphere.perturbation(coefficients, points, radii=radii))


# Who shakes: 200 m below the surface. Who listens: stations on a great circle through the source.
width = 1.5 * args.frequency
pulse = width / np.sqrt(np.pi) * np.exp(-((width * mesh.times - 4.0) ** 2))
source = sphere.PressureSource(800.0, 20.0, 30.0, pulse)
distance = np.linspace(10.0, 159.0, 80)
stations = sphere.Stations(20.0 + np.minimum(distance, 70) - np.maximum(distance - 70, 0), np.where(distance < 70, 30.0, 210.0),
                           np.full(80, 1000.0))  # fmt: skip

up, chi = ads.simulate_fluid_ball(
    sphere.FluidMedium(vp, 1000.0), source, stations, mesh, record="z",
    probe=lambda fields: fields["chi"][0], probe_every=mesh.nt // 8,
)  # fmt: skip
print(f"{mesh.shape[0]} nodes, {mesh.nt} steps; displacement (station, time) = {up.shape}, peak {float(abs(up).max()):.3g} m")

# A slice through the axis of the source: its south on the right, its north on the left.
series = sphere.coefficients(jnp.asarray(chi[4]))
sign = np.where(np.arange(series.shape[1]) > 0, 2.0, 1.0)
right, left = ((series.real * sign) @ np.ones(len(sign)), (series.real * sign) @ (-1.0) ** np.arange(len(sign)))
s, z = mesh.elements.coordinates.T
off = s > 0

figure = new_figure(10.0, 4.4)
one, two = figure.subplots(1, 2, width_ratios=(1.1, 1))
plot_gather(
    up.T, mesh.dt, distances=1e3 * distance, axes=one, title="the surface, along a great circle", label="up [m]", clip=97.0
)
one.set_xlabel("distance from the source [degrees]")
values = np.concatenate([right, np.asarray(left)[off]])
limit = np.percentile(np.abs(values), 98.0)
where = np.concatenate([s, -s[off]]), np.concatenate([z, z[off]])
two.tripcolor(*where, values, shading="gouraud", cmap="RdBu_r", vmin=-limit, vmax=limit)
two.set(aspect="equal", xlabel="north - across the axis [m] - south", ylabel="along it [m]")
two.set_title(f"the potential inside, {4 * (mesh.nt // 8) * mesh.dt:.2f} s", fontsize="medium")
print(f"wrote {save_figure(figure, 'fluid_ball.png')}")
