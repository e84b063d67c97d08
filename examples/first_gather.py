"""First gather: an explosion above a layered crust, recorded at the surface. Writes first_gather.png."""

import argparse

import numpy as np

import adseis as ads
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_gather
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=1200, help="time steps of 1 ms")
nt = parser.parse_args().steps

# The clock and the nodes: 1 km deep, 2 km wide, every 10 m; axes are (z, x), z down.
grid = ads.Grid(shape=(101, 201), spacing=10.0, dt=1e-3, nt=nt)

# The Earth: P-wave speed [m/s] and density [kg/m^3] of three layers. Absorbing layers are added outside, out of sight.
layers = ads.AcousticMedium(vp=[1800.0, 2400.0, 3200.0], rho=[1900.0, 2100.0, 2300.0])
medium = ads.layered_model([300.0, 650.0], layers, grid)

# Who shakes, who listens: positions in metres, (shot, source, axis) and (receiver, axis).
position = np.array([[[20.0, 1000.0]]])
rate = ads.wavelets.ricker(12.0, grid.nt, grid.dt)[None, None, :]  # injected volume per time, (shot, source, time)
x = np.arange(20.0, 2000.0, 20.0)
receivers = np.stack([np.full_like(x, 10.0), x], axis=-1)
survey = ads.Survey(ads.Explosion(position, rate), receivers)

pressure = ads.simulate_acoustic(medium, survey, grid, free_surface=True)
print(f"gather (shot, time, receiver) = {pressure.shape}, peak {float(abs(pressure).max()):.3g} Pa")

figure = new_figure(10.0, 4.2)
left, right = figure.subplots(1, 2)
plot_section(medium.vp, grid.spacing, axes=left, title="the medium", points={"sources": position, "receivers": receivers})
plot_gather(pressure[0], grid.dt, distances=x, axes=right, title="what the receivers record", clip=98.0)
print(f"wrote {save_figure(figure, 'first_gather.png')}")
