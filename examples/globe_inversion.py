"""The structure of a fluid ball from seismograms of three sources, through its waves. Writes globe_inversion.png."""

import argparse

import numpy as np

import adseis as ads
from adseis import sphere
from adseis.inversion.tomography import invert_structure
from adseis.viz.figures import save_figure
from adseis.viz.globe import correlation, plot_depth_slices

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--frequency", type=float, default=3.0, help="the highest [Hz]; time goes with its cube")
parser.add_argument("--degree", type=int, default=2, help="of the harmonics")
parser.add_argument("--orders", type=int, default=4, help="azimuthal orders")
parser.add_argument("--iterations", type=int, default=15, help="of L-BFGS, some seconds each")
args = parser.parse_args()

# The mesh: 1 km, for 3 s of waves at speeds between these.
mesh = sphere.ball(1000.0, args.frequency, 3.0, (900.0, 1100.0), azimuthal_order=args.orders)
wavelet = ads.wavelets.ricker(args.frequency / 2.5, mesh.nt, mesh.dt)
places = np.array([[35.0, 20.0], [-20.0, 140.0], [-10.0, -100.0]])
sources = [sphere.PressureSource(800.0, lat, lon, wavelet) for lat, lon in places]

# Stations all over the surface, by the golden angle.
i = np.arange(100) + 0.5
latitude, longitude = np.degrees(np.arcsin(1 - 2 * i / 100)), (i * 180 * (3 - 5**0.5)) % 360 - 180
stations = sphere.Stations(*np.array([latitude, longitude, np.full(100, 1000.0)], "float32"))

# The structure that is to be found, and what it sends to the stations.
radii = (1000.0, 600.0, 200.0)
truth = np.random.default_rng(0).uniform(-1 / 40, 1 / 40, ((args.degree + 1) ** 2, 3)).astype("float32")


def percent(coefficients):
    return lambda r, lat, lon: 100 * sphere.perturbation(coefficients, sphere.Positions(r, lat, lon), radii=radii)


medium = sphere.FluidMedium(lambda *at: 1000.0 * (1 + percent(truth)(*at) / 100), 1000.0)
observed = ads.simulate_fluid_ball(medium, sources, stations, mesh)  # (source, station, time), upwards [m]


def told(iteration, coefficients, value):
    print(f"{iteration}: misfit {value:.3g}, correlation {correlation(coefficients, truth):.4f}", flush=True)


found = invert_structure(
    observed, sources, stations, mesh, degree=args.degree, radii=radii,
    bands=[ads.Band(iterations=args.iterations)], callback=told, progress=False,
)  # fmt: skip
print(f"misfit {found.history[0].value:.3g} before, {found.value:.3g} after")
maps = {"true": percent(truth), "found": percent(found.x)}
figure = plot_depth_slices(maps, radii, points={"sources": places.T, "stations": (latitude, longitude)})
print(f"wrote {save_figure(figure, 'globe_inversion.png')}")
