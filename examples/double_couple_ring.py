"""A double couple heard all around it: radiation pattern of a strike-slip earthquake in 3D. Writes double_couple_ring.png."""

import argparse

import numpy as np

import adseis as ads
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_wiggles

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--nodes", type=int, default=81, help="nodes along each axis")
nodes = parser.parse_args().nodes

# A homogeneous rock; axes are (z, y, x) with x to the north and y to the east.
spacing, vp, vs, rho = 100.0, 4000.0, 2310.0, 2500.0
radius = 0.35 * nodes * spacing
grid = ads.Grid((nodes,) * 3, spacing, dt=0.012, nt=int(1.9 * radius / vs / 0.012))
medium = ads.ElasticMedium(*(np.full(grid.shape, value, "float32") for value in (vp, vs, rho)))

# Slip to the left on a vertical fault that strikes north, M0 = 10^15 N m (Mw 3.9), released within 0.45 s.
middle = np.full(3, 0.5 * (nodes - 1) * spacing, "float32")
moment = np.asarray(ads.double_couple(strike=0.0, dip=90.0, rake=0.0, moment=1e15), "float32")
release = ads.FiniteFault(middle[None, None], [[1.0]], [[0.05]], [[0.45]], moment[None, None])

# A ring of receivers around it, at its depth, every five degrees of azimuth.
azimuth = np.deg2rad(np.arange(0, 360, 5, dtype="float32"))
north, east = np.cos(azimuth), np.sin(azimuth)
receivers = middle + radius * np.stack([0 * azimuth, east, north], -1)

vy, vx = (v[0] for v in ads.simulate_elastic(medium, ads.Survey(release, receivers), grid, record=("vy", "vx")))
radial, transverse = vx * north + vy * east, -vx * east + vy * north
p_peak, s_peak = (float(abs(component).max()) for component in (radial, transverse))
print(f"peaks on the ring: radial (P) {p_peak:.3g} m/s, transverse (S) {s_peak:.3g} m/s; their ratio {s_peak / p_peak:.2f}")

figure = new_figure(11.0, 4.4)
left, right, polar = figure.subplots(1, 3, width_ratios=(1, 1, 0.9), subplot_kw=None)
shown = slice(None, None, 3)
for axes, component, title in ((left, radial, "radial: P"), (right, transverse, "transverse: S")):
    plot_wiggles({title: component[:, shown]}, grid.dt, traces=24, axes=axes, title=title)
    axes.set_xlabel("azimuth / 15 degrees")
polar.remove()
polar = figure.add_subplot(1, 3, 3, projection="polar", theta_offset=np.pi / 2, theta_direction=-1)
for component, exact, label in ((radial, np.sin(2 * azimuth), "P"), (transverse, np.cos(2 * azimuth), "S")):
    peak = np.abs(np.asarray(component)).max(0)
    polar.plot(azimuth, peak / peak.max(), label=f"{label}, simulated")
    polar.plot(azimuth, np.abs(exact), "k:", label=f"{label}, theory", linewidth=1)
polar.set_title("largest velocity by azimuth", fontsize="medium")
polar.set_yticks([])
polar.legend(loc="lower left", bbox_to_anchor=(-0.2, -0.2), fontsize="x-small")
print(f"wrote {save_figure(figure, 'double_couple_ring.png')}")
