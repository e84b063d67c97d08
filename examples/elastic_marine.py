"""A marine shot over an elastic sea floor, with a free surface: snapshots, and what hydrophones and sea-floor nodes record.

Writes elastic_marine.png. By default a water layer over layered sediments; with --model, Marmousi2 (ADSeismic's .mat file, vp).
"""

import argparse
from pathlib import Path

import numpy as np

import adseis as ads
from adseis.data.models import read_model
from adseis.experiment.moduli import gardner_density
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_gather
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", type=Path, help="P-wave speed with water on top")
parser.add_argument("--steps", type=int, default=1500, help="time steps")
arguments = parser.parse_args()

if arguments.model is None:
    spacing, shape = (10.0, 10.0), (121, 241)
    z, x = np.meshgrid(*(h * np.arange(n) for h, n in zip(spacing, shape, strict=True)), indexing="ij")
    dip = z - 0.12 * (x - 1200)
    vp = np.select([z < 200, dip < 400, dip < 700], [1500.0, 1900.0, 2500.0], 3200.0).astype("float32")
else:
    model = read_model(arguments.model, name="vp")
    vp, (dz, dx) = model.values.astype("float32"), model.spacing
    spacing = (dz, dx)
# S waves by the mudrock line (Castagna et al. 1985), density by Gardner; where P waves travel like in water, it is water.
water = vp < 1520
vs = np.where(water, 0, np.maximum((vp - 1360) / 1.16, 250)).astype("float32")
rho = np.where(water, 1000, gardner_density(vp)).astype("float32")
medium = ads.ElasticMedium(vp, vs, rho)

suggested = ads.Grid.suggest(medium, frequency=1.0)
frequency = suggested.spacing[0] / max(spacing)  # what this sampling carries, for the slowest S waves
dt = suggested.dt * min(spacing) / suggested.spacing[0]
grid = ads.Grid(vp.shape, spacing, dt, arguments.steps)
print(f"{frequency:.1f} Hz, dt = {1e3 * dt:.2f} ms, S waves from {vs[~water].min():.0f} m/s")

floor = water.argmin(axis=0)  # first solid row of every column
width = grid.extent[1]
source = np.array([[[2 * spacing[0], 0.3 * width]]], "float32")
rate = np.asarray(ads.wavelets.ricker(frequency, grid.nt, grid.dt), "float32")[None, None]
streamer = np.stack([np.full(vp.shape[1], 2 * spacing[0]), grid.coordinates(1)], -1)
nodes = np.stack([(floor + 0.5) * spacing[0], grid.coordinates(1)], -1)  # vertical velocity lives half a row below the nodes
receivers = np.concatenate([streamer, nodes]).astype("float32")
survey = ads.Survey(ads.Explosion(source, rate), receivers)

every = max(1, grid.nt // 6)
(p, vz), snapshots = ads.simulate_elastic(
    medium, survey, grid, free_surface=True, record=("p", "vz"), probe=lambda fields: fields["vz"][0], probe_every=every
)
count = vp.shape[1]
print(f"hydrophones: {float(abs(p[..., :count]).max()):.3g} Pa; sea floor: {float(abs(vz[..., count:]).max()):.3g} m/s")

figure = new_figure(11.0, 8.0)
panels = figure.subplots(2, 2)
plot_section(vs, spacing, axes=panels[0, 0], label="vs [m/s]", title="S-wave speed", points={"sources": source})
shown = np.asarray(snapshots[len(snapshots) // 2])
limit = float(np.percentile(abs(shown), 99.5))
title = f"vertical velocity at {len(snapshots) // 2 * every * dt:.2f} s"
plot_section(shown, spacing, axes=panels[0, 1], label="vz [m/s]", limits=(-limit, limit), colormap="RdBu_r", title=title)
panels[0, 1].plot(1e-3 * grid.coordinates(1), 1e-3 * (floor - 0.5) * spacing[0], "k", linewidth=0.6)
plot_gather(p[0, :, :count], grid.dt, distances=grid.coordinates(1), axes=panels[1, 0], title="hydrophones", clip=97.0)
plot_gather(
    vz[0, :, count:], grid.dt, distances=grid.coordinates(1), axes=panels[1, 1], title="sea floor", label="vz [m/s]", clip=97.0
)
print(f"wrote {save_figure(figure, 'elastic_marine.png')}")
