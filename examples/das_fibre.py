"""A fibre in a borehole and along the ground: the strain rate that distributed acoustic sensing records. Writes das_fibre.png."""

import argparse

import numpy as np

import adseis as ads
from adseis.experiment.moduli import gardner_density
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_gather
from adseis.viz.sections import plot_section

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=1500, help="time steps of 0.4 ms")
nt = parser.parse_args().steps

grid = ads.Grid(shape=(141, 201), spacing=5.0, dt=4e-4, nt=nt)
vp = np.array([1800.0, 2600.0, 3400.0], "float32")
medium = ads.layered_model([150.0, 400.0], ads.ElasticMedium(vp, vp / 1.9, gardner_density(vp)), grid)

# A small earthquake (2D: moment per metre) below and beside the fibre; its moment tensor has the axes of the grid, (z, x).
release = np.asarray(ads.wavelets.ricker(14.0, grid.nt, grid.dt), "float32")[None, None]
moment = 1e9 * np.array([[0.0, 1.0], [1.0, 0.0]], "float32")[None, None]
source = ads.MomentTensor(np.array([[[500.0, 250.0]]], "float32"), release, moment)

# One cable: down the well at x = 600 m and back up, then along the ground; its direction turns with it.
down = np.arange(10.0, 600.0, 5.0, dtype="float32")
along = np.arange(605.0, 985.0, 5.0, dtype="float32")
well, ground = np.stack([down[::-1], np.full_like(down, 600.0)], -1), np.stack([np.full_like(along, 10.0), along], -1)
direction = np.concatenate([np.tile([-1.0, 0.0], (len(well), 1)), np.tile([0.0, 1.0], (len(ground), 1))])
fibre = ads.Fibre(direction, gauge_length=10.0)
survey = ads.Survey(source, np.concatenate([well, ground]))

strain_rate, vz = ads.simulate_elastic(medium, survey, grid, free_surface=True, record=(fibre, "vz"))
print(f"strain rate up to {float(abs(strain_rate).max()):.3g} 1/s, velocity up to {float(abs(vz).max()):.3g} m/s")

figure = new_figure(11.0, 4.4)
left, middle, right = figure.subplots(1, 3, width_ratios=(0.9, 1, 1))
points = {"sources": np.asarray(source.position), "receivers": np.asarray(survey.receivers)}
plot_section(medium.vp, grid.spacing, axes=left, label="vp [m/s]", title="well and ground", points=points)
length = 5.0 * np.arange(len(direction))
for axes, gather, name, label in (
    (middle, strain_rate, "along the fibre", "strain rate [1/s]"),
    (right, vz, "geophones", "vz [m/s]"),
):
    plot_gather(gather[0], grid.dt, distances=length, axes=axes, title=name, label=label, clip=99.0)
    axes.axvline(1e-3 * length[len(well)], color="k", linewidth=0.6)
    axes.set_xlabel("distance along the cable [km]")
print(f"wrote {save_figure(figure, 'das_fibre.png')}")
