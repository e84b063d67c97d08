"""Where a travel time is sensitive to speed: kernels of a P and of an S wave in a solid ball. Writes ball_kernels.png."""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis import sphere
from adseis.sphere.azimuthal import basis, transform
from adseis.viz.figures import new_figure, save_figure

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--frequency", type=float, default=5.0, help="the highest [Hz]; time goes with its cube")
parser.add_argument("--orders", type=int, default=14, help="azimuthal orders; time goes with them")
args = parser.parse_args()

vp, vs, rho = 1500.0, 1000.0, 1000.0
mesh = sphere.ball(1000.0, args.frequency, 3.0, (vs, vp), azimuthal_order=args.orders)

# A strike-slip source at a depth of 300 m, and a station at 90 degrees of distance, between the azimuths where P is loudest and
# where the transverse S is. The source is below the pole, so that its axis is the ball's.
late, width = 3.3 / args.frequency, 2.2 * args.frequency
rate = 2 * width * (mesh.times - late) * np.exp(-((width * (mesh.times - late)) ** 2))
moment = 1e9 * np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, -1.0]])
source = sphere.MomentTensorSource(700.0, 90.0, 0.0, rate, moment)
stations = sphere.Stations(np.array([0.0]), np.array([0.0]), np.array([1000.0]))


def record(vp, vs):
    return ads.simulate_solid_ball(sphere.SolidMedium(vp, vs, rho), source, stations, mesh)[0]


# A phase is a component within a window. To first order in a change of the record it comes later by
#     dT = -int w u_t du / int w u_t^2 dt    (Dahlen, Hung and Nolet 2000).
phases = {"P, up": (0, vp), "S, east": (2, vs)}
straight = np.hypot(700.0, 1000.0)
uniform = np.asarray(record(np.float32(vp), np.float32(vs)))
windows = {}
for name, (component, speed) in phases.items():
    arrival = late + straight / speed
    window = np.clip(1.5 - np.abs(mesh.times - arrival) * args.frequency / 0.8, 0, 1)
    slope = np.gradient(uniform[:, component], mesh.dt)
    windows[name] = -window * slope / (mesh.dt * np.sum(window * slope**2))


@jax.jit
def kernels(vp, vs):
    """Derivatives of both times by the speed at every node and azimuth."""
    traces, back = jax.vjp(record, vp, vs)
    found = []
    for wave, (name, (component, _)) in enumerate(phases.items()):
        pull = jnp.zeros_like(traces).at[:, component].set(mesh.dt * jnp.asarray(windows[name], traces.dtype))
        found.append(back(pull)[wave])
    return found


fields = (np.full(mesh.shape, v, np.float32) for v in (vp, vs))
found = kernels(*fields)

# By volume and relative change of speed; on the plane of the station, which is on the azimuth 0, and on the opposite one, where
# none of the odd number of azimuths is: by the Fourier series.
s, z = mesh.elements.coordinates.T
volume = 2 * np.pi * mesh.elements.mass[:, None] / mesh.shape[1]
onto = np.asarray(basis(jnp.array([0.0, np.pi]), args.orders)) @ transform(args.orders).T / np.sqrt(mesh.shape[1])
figure = new_figure(11.0, 3.8)
traces, *panels = figure.subplots(1, 3, width_ratios=(0.9, 1.2, 1.2))
for offset, (name, (component, _)) in enumerate(phases.items()):
    trace = uniform[:, component] / np.abs(uniform[:, component]).max()
    traces.plot(mesh.times, trace - 2.2 * offset, color="black", linewidth=0.9)
    heard = np.abs(windows[name]) > 0
    traces.plot(mesh.times[heard], trace[heard] - 2.2 * offset, color="C3", linewidth=1.8)
    traces.text(0.02, 0.25 - 2.2 * offset, name)
traces.set(xlabel="time [s]", yticks=[])
traces.set_title("at 90 degrees; red is timed", fontsize="medium")
for axes, (name, (_, speed)), kernel in zip(panels, phases.items(), found, strict=True):
    density = (speed * np.asarray(kernel, float) / volume) @ onto.T
    print(f"{name}: a ball that is 1 % faster is early by {-0.01 * speed * float(np.sum(kernel)):.4f} s; its path of "
          f"{straight:.0f} m alone, by {0.01 * straight / speed:.4f} s")  # fmt: skip
    limit = np.percentile(np.abs(density), 97.0)
    off = s > 0
    image = axes.tripcolor(
        np.concatenate([s, -s[off]]), np.concatenate([z, z[off]]), np.concatenate([density[:, 0], density[off, 1]]),
        shading="gouraud", cmap="RdBu", vmin=-limit, vmax=limit,
    )  # fmt: skip
    axes.plot([0, 1000], [700, 0], color="black", linewidth=0.5, linestyle=":")
    axes.plot(0, 700, "*", color="gold", markeredgecolor="black", markersize=10)
    axes.plot(1000, 0, "v", color="black", clip_on=False)
    axes.set(aspect="equal", xlim=(-1050, 1050), ylim=(-1050, 1050))
    axes.set_title(f"{name.split(',')[0]}: dT / dln v per volume [s / m$^3$]", fontsize="medium")
    axes.set_axis_off()
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
print(f"wrote {save_figure(figure, 'ball_kernels.png')}")
