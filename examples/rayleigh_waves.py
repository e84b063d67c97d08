"""Rayleigh waves: a hammer blow on a half-space, heard along the surface. Writes rayleigh_waves.png."""

import argparse

import numpy as np

import adseis as ads
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_gather

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=1700, help="time steps of 0.25 ms")
nt = parser.parse_args().steps

# A Poisson solid (vp = sqrt(3) vs), where Rayleigh waves travel with 0.9194 vs; S waves of 75 Hz have 13 points.
vp, vs, rho, frequency = 866.0, 500.0, 1800.0, 30.0
grid = ads.Grid(shape=(121, 401), spacing=0.5, dt=2.5e-4, nt=nt)
medium = ads.ElasticMedium(*(np.full(grid.shape, value, "float32") for value in (vp, vs, rho)))
blow = np.asarray(ads.wavelets.ricker(frequency, grid.nt, grid.dt), "float32")[None, None]
source = ads.Force(np.array([[[0.0, 30.0]]], "float32"), blow, np.array([[[1.0, 0.0]]], "float32"))
x = np.arange(40.0, 190.0, 2.0, dtype="float32")
survey = ads.Survey(source, np.stack([0 * x, x], -1))

vz, vx = ads.simulate_elastic(medium, survey, grid, free_surface=True)

# Slowness of what arrives last and strongest, from the envelope's peak at each receiver that it reaches within the record.
peak = np.argmax(np.abs(np.asarray(ads.signals.envelope(vz[0].T))), -1) * grid.dt
heard = (x > 60) & (1.5 / frequency + (x - 30) / (0.9194 * vs) < grid.dt * grid.nt - 1.5 / frequency)
speed = 1 / np.polyfit(x[heard], peak[heard], 1)[0]
print(f"the strongest wave travels at {speed:.1f} m/s = {speed / vs:.4f} vs (theory of a Rayleigh wave: 0.9194 vs)")

figure = new_figure(10.5, 4.4)
left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 0.8))
for axes, component, name in ((left, vz, "vz"), (middle, vx, "vx")):
    plot_gather(
        component[0], grid.dt, distances=x, axes=axes, title=f"{name} along the surface", label=f"{name} [m/s]", clip=99.5
    )
    axes.plot(1e-3 * x, 1.5 / frequency + (x - 30) / (0.9194 * vs), "k--", linewidth=0.8)
far = int(np.flatnonzero(heard)[-1])
around = slice(max(0, round(peak[far] / grid.dt) - 120), round(peak[far] / grid.dt) + 120)
right.plot(np.asarray(vx[0, around, far]), np.asarray(vz[0, around, far]), linewidth=1)
right.set(xlabel="vx [m/s]", ylabel="vz, down [m/s]", aspect="equal")
right.invert_yaxis()
right.set_title(f"the particle's path at x = {x[far]:.0f} m", fontsize="medium")
print(f"wrote {save_figure(figure, 'rayleigh_waves.png')}")
