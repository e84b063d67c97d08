"""Two real earthquakes of 2010 near Munich, located by differentiable waves from the seismograms of four stations.

Seismograms and a catalogue (QuakeML) are test data that ObsPy's own package brings along: `pip install 'adseis[seismo]'`. It
holds no responses of these stations, so that only times are used, and no origin of these two events: they are compared with that
of another one, half an hour later, whose picks are located too. Writes real_event.png.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import obspy
from matplotlib.patches import Circle
from obspy.core.inventory import Channel, Inventory, Network, Station
from obspy.signal.trigger import aic_simple, recursive_sta_lta, trigger_onset
from scipy.ndimage import zoom

import adseis as ads
from adseis.earthquakes.geography import Frame
from adseis.earthquakes.ground_motion import read_ground_motion
from adseis.earthquakes.hypocentres import Hypocentre
from adseis.earthquakes.stations import on_grid
from adseis.inversion.fwi import Update, invert
from adseis.objectives.alignment import shifts
from adseis.objectives.bands import Band
from adseis.viz.figures import new_figure, save_figure

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--iterations", type=int, default=14, help="most iterations of the inversion")
parser.add_argument("--quick", action="store_true", help="a coarser grid and a few iterations: a toy")
arguments = parser.parse_args()
iterations = 4 if arguments.quick else arguments.iterations

# What the package holds. The places are those that the catalogue's location used (io/nlloc/tests/data/nlloc_custom.hyp, from
# Gauss-Krueger coordinates); it put all stations at 400 m.
PLACES = {"UH1": (11.63604, 48.08151), "UH2": (11.68201, 48.05787), "UH3": (11.63876, 48.03080), "UH4": (11.53557, 48.03229)}
package = Path(obspy.__path__[0])
waveforms = sorted((package / "signal/tests/data").glob("BW.UH?._.?H?.D.2010.147.cut.slist.gz"))
catalogue = package / "io/cnv/tests/data/obspyck_20141020150701.xml"
if len(waveforms) != 6 or not catalogue.is_file():
    raise SystemExit("this ObsPy came without its test data; install it by pip: pip install 'adseis[seismo]'")
stream = read_ground_motion(waveforms, quantity=None)  # checked, detrended, tapered; counts
stations = Inventory([Network("BW")], "ObsPy's test data")
for trace in stream:
    longitude, latitude = PLACES[trace.stats.station]
    place = {"latitude": latitude, "longitude": longitude, "elevation": 400.0}
    channel = Channel(trace.stats.channel, trace.stats.location, depth=0.0, **place)
    stations[0].stations.append(Station(trace.stats.station, channels=[channel], **place))

# The catalogued event: its place and picks, and the speeds that its travel times amount to along straight rays.
event = obspy.read_events(catalogue)[0]
origin = event.origins[0]
frame = Frame(origin.longitude, origin.latitude)  # x to the north, y to the east of the catalogued epicentre; z = 0 at sea level
travel = {(pick.waveform_id.station_code, pick.phase_hint): pick.time - origin.time for pick in event.picks}
points, _ = frame.positions(*np.array([(*place, 400.0) for place in PLACES.values()]).T)
lengths = dict(zip(PLACES, np.linalg.norm(points - [origin.depth, 0, 0], axis=1), strict=True))
speeds = [float(np.mean([lengths[name] / time for (name, phase), time in travel.items() if phase == p])) for p in "PS"]
print(f"catalogued: {origin.time}, depth {origin.depth / 1e3:.2f} +- {origin.depth_errors.uncertainty / 1e3:.2f} km, 8 picks")
print(f"speeds along its rays: P {speeds[0]:.0f} m/s, S {speeds[1]:.0f} m/s; no structure is known to us")

# A trigger at the nearest station says when there was an event; its origin is guessed as if it were the catalogued one.
near = stream.select(id="BW.UH3..SHZ")[0]
ratio = recursive_sta_lta(near.data, int(0.4 / near.stats.delta), int(10 / near.stats.delta))
onsets = [near.stats.starttime + on * near.stats.delta for on, _ in trigger_onset(ratio, 10, 2)]
guesses = [Hypocentre(t - travel["UH3", "P"], origin.longitude, origin.latitude, origin.depth) for t in onsets]
print("triggered by UH3 at " + ", ".join(str(t)[11:22] for t in onsets))

# On the grid: Z, N, E at the grid's positions, one second before the guessed origin on, at the seismometers' 50 Hz.
spacing, dt, width = (800.0, 0.05, 0.6) if arguments.quick else (500.0, 0.03, 0.4)
extent, corner = np.array([8500, 15000, 11000]), np.array([-1000.0, -9500.0, -5000.0])
shape = [int(n) for n in np.ceil(extent / spacing) + 1]
grid = ads.Grid(shape, spacing, dt, int(6.5 / dt), origin=corner)
clock = ads.Grid(shape, spacing, 0.02, int(5.5 / 0.02), origin=corner)
records = on_grid(stream, stations, guesses, clock, frame, components="ZNE", start=-1.0, missing="dead")
receivers = records.receivers.astype("float32")
names = [name.split(".")[1] for name in records.stations]


def picked(phase, letters, event, name):
    """The onset within 0.4 s of the catalogued event's, on the clock [s] (Akaike's criterion), or NaN without a record.

    Picked on the original samples: those of the clock are interpolated, with ripples before whatever begins sharply.
    """
    onsets, expected = [], records.starts[event] + 1.0 + travel[name, phase]
    for letter in letters:
        for trace in stream.select(station=name, component=letter).slice(expected - 0.4, expected + 0.25):
            sample = 1 + np.argmin(aic_simple(trace.data)[1:-1])
            onsets.append(trace.stats.starttime - records.starts[event] + sample * trace.stats.delta)
    return np.mean(onsets) if onsets else np.nan


# Picks of all P and then all S, `(event, pick)`: those of the catalogue first, then ours.
own = [1.0 + travel[name, phase] for phase in "PS" for name in names]
phases = {"P": "Z", "S": "NE"}
ours = [[picked(p, c, i, name) for p, c in phases.items() for name in names] for i in range(len(guesses))]
picks = np.array([own, *ours])
labels = ["catalogued", *(str(t)[11:19] for t in onsets)]

# A pick is a pulse on the grid's clock, and pulses arrive from a source through a medium of either speed: waves as travel times.
# The speeds are numbers here; arrays of any structure would do.
media = [ads.ScalarMedium(np.full(grid.shape, speed, "float32")) for speed in speeds]
pulse = lambda at: np.exp(-0.5 * ((grid.times - at[..., None]) / width) ** 2).astype("float32")  # noqa: E731
begin = np.ones((1, 1))  # when sources act, on the clock [s]
observed = np.moveaxis(np.where(np.isnan(picks)[..., None], 0, pulse(np.nan_to_num(picks))), 2, 1)


def arrivals(positions, receivers=receivers):
    """P and then S pulses at receivers, `(shot, time, 2 receiver)`, of a source at a position `(shot, axis)` [m] in each shot."""
    survey = ads.Survey(ads.Explosion(positions[:, None], pulse(begin)), receivers)
    gathers = [ads.simulate_scalar(medium, survey, grid, order=8, boundary=ads.CPML(width=8)) for medium in media]
    return jnp.concatenate(gathers, -1)


def later(predicted, observed):
    """How much later pulses come than predicted, `(shot, receiver)` [s], and which there are."""
    predicted, observed = (jnp.moveaxis(jnp.asarray(gather), 1, 2) for gather in (predicted, observed))
    return shifts(predicted, observed, grid.dt, grid.nt * grid.dt), jnp.any(observed != 0, -1)


def misfit(predicted, observed):
    """Squares of what the best origin time of each event leaves of the delays."""
    late, known = later(predicted, observed)
    origin_time = jnp.sum(late * known, -1, keepdims=True) / jnp.sum(known, -1, keepdims=True)
    return 0.5 * jnp.sum(known * (late - origin_time) ** 2)


# From afar, by the gradient of the simulation: all events start 2 km deep, east of the middle of the stations.
start = np.tile(np.mean(receivers, 0) + np.array([2400, 1500, 500]), (len(labels), 1)).astype("float32")
found = invert(
    arrivals, observed, start, dt=grid.dt, misfit=misfit, first_step=0.5, bands=[Band(None, iterations)],
    update=Update(1000.0), progress=False,
)  # fmt: skip
late, known = (np.asarray(x) for x in jax.jit(lambda x: later(arrivals(x), observed))(found.x))
rms = [1e3 * np.std(late[event][known[event]]) for event in range(len(labels))]
print(f"misfit {found.history[0].value:.3g} before, {found.value:.3g} after {found.evaluations} gradients")
for label, place, some, left in zip(labels, 1e-3 * found.x, known, rms, strict=True):
    z, y, x = place
    print(f"{label:>10s}: {some.sum()} picks to {left:.0f} ms; {z:.2f} km deep, {x:+.2f} km north, {y:+.2f} km east")

# Where else it could have been: by reciprocity, waves from the four stations reach all nodes at once. At every point, on a grid
# refined by splines, the best origin time leaves some misfit, of the P picks alone or of all.
nodes = np.stack(np.meshgrid(*(grid.coordinates(axis) for axis in range(3)), indexing="ij"), -1).reshape(-1, 3).astype("float32")
reached = jax.jit(lambda stations: arrivals(stations, nodes))(receivers)
waiting = np.broadcast_to(pulse(begin[0, 0]), (2 * len(nodes), grid.nt)).T
delay = jax.jit(lambda gather: later(gather[None], waiting[None])[0][0])
times = -np.stack([np.asarray(delay(gather)) for gather in reached])  # (station, P and S at nodes)
times = np.concatenate(np.split(times, 2, axis=1)).reshape(-1, *grid.shape)  # (pick, *grid)
fine = zoom(times, (1, 4, 4, 4), order=3)
axes = [np.linspace(corner[k], corner[k] + grid.extent[k], fine.shape[k + 1]) for k in range(3)]
is_p = np.arange(len(own)) < len(names)


def left_over(event, chosen):
    """The rms [s] that the best origin time leaves at every point."""
    return np.std(picks[event, chosen][:, None, None, None] - fine[chosen], axis=0)


# What the picks of the first event tell, near its place: derivatives of the times by position and origin time.
slopes = np.stack(np.gradient(times, *grid.spacing, axis=(1, 2, 3)), 1)  # (pick, axis, *grid) [s/m]
node = tuple(np.round((found.x[1] - corner) / grid.spacing).astype(int))
unit = np.array([speeds[0]] * 3 + [1.0])  # of a position: the way that P waves go in a second
for title, chosen in {"P alone": known[1] & is_p, "P and S": known[1]}.items():
    jacobian = np.concatenate([slopes[(slice(None), slice(None), *node)][chosen], np.ones((chosen.sum(), 1))], 1) * unit
    inverse = np.linalg.pinv(jacobian) * unit[:, None]
    z, y, x, t = 0.02 * np.linalg.norm(inverse, axis=1)
    singular = ", ".join(f"{s:.2f}" for s in np.linalg.svd(jacobian, compute_uv=False))
    faster = inverse @ (0.05 * times[(slice(None), *node)][chosen])
    print(f"{title}: {chosen.sum()} picks for 4 unknowns, singular values {singular}; picks to 20 ms give depth +-{z:.0f} m,")
    print(
        f"  north +-{x:.0f} m, east +-{y:.0f} m, origin time +-{t:.2f} s; speeds 5 % higher move the depth by {faster[0]:+.0f} m"
    )
print("so the event is as deep as the assumed speeds make it; without S, depth and origin time stand in for each other;")
print("five picks of four unknowns leave one to check by; strength and mechanism would need responses and amplitudes.")

figure = new_figure(13.0, 4.4)
left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1, 0.9))
shown = np.argwhere(records.live[:, 0])
predicted = picks[1] - late[1] + np.mean(late[1][known[1]])
for row, (component, receiver) in enumerate(shown):
    trace = records.data[component][0, :, receiver]
    left.plot(clock.times, row - 0.45 * trace / np.abs(trace).max(), "k", linewidth=0.6)
    for pick in (receiver, len(names) + receiver) if component == 0 else (len(names) + receiver,):
        if known[1, pick]:
            left.plot([picks[1, pick]] * 2, [row - 0.45, row + 0.45], "C3", linewidth=1.5)
            left.plot([predicted[pick]] * 2, [row - 0.45, row + 0.45], "C0--", linewidth=1.5)
left.set_yticks(range(len(shown)), [f"{names[k]} {'ZNE'[c]}" for c, k in shown])
left.set(xlabel="time on the grid's clock [s]", xlim=(1.5, 5.5), ylim=(len(shown) - 0.4, -0.6))
left.set_title(f"{labels[1]}: picks (red), simulated (blue)", fontsize="medium")

surface = 1e3 * left_over(1, known[1]).min(0)
contours = middle.contour(1e-3 * axes[1], 1e-3 * axes[2], surface.T, levels=[10, 20, 50, 100], colors="0.6", linewidths=0.8)
middle.clabel(contours, fmt="%d ms", fontsize="x-small")
middle.plot(*1e-3 * receivers[:, 1:].T, "^", color="0.3", label="stations")
for name, (_, y, x) in zip(names, 1e-3 * receivers, strict=True):
    middle.annotate(name, (y, x), xytext=(4, 4), textcoords="offset points", fontsize="small")
horizontal = 1e-3 * origin.origin_uncertainty.max_horizontal_uncertainty
middle.add_patch(Circle((0, 0), horizontal, fill=False, color="k", linewidth=0.8, label="catalogue's uncertainty"))
for label, (_, y, x), marker in zip(labels, 1e-3 * found.x, "x+.", strict=False):
    middle.plot(y, x, marker, label=label)
middle.set(xlabel="east [km]", ylabel="north [km]", aspect="equal", xlim=(-9.4, 4.5), ylim=(-4.5, 5.5))
middle.set_title("epicentres; least rms over depth", fontsize="medium")
middle.legend(loc="upper left", fontsize="x-small", frameon=False)

curves = {
    "catalogued, 8 picks": (0, known[0]),
    f"{labels[1]}, P and S": (1, known[1]),
    f"{labels[1]}, P alone": (1, known[1] & is_p),
}
for title, (event, chosen) in curves.items():
    right.plot(1e3 * left_over(event, chosen).min((1, 2)), 1e-3 * axes[0], label=title)
deep, unsure = 1e-3 * origin.depth, 1e-3 * origin.depth_errors.uncertainty
right.axhspan(deep - unsure, deep + unsure, color="0.9", label="catalogue")
right.set(xlabel="rms of the best point at that depth [ms]", ylabel="depth [km]", xlim=(0, 100), ylim=(7, 0))
right.set_title("what a depth costs", fontsize="medium")
right.legend(fontsize="x-small", frameon=False)
for panel in (left, middle, right):
    panel.spines[["top", "right"]].set_visible(False)
print(f"wrote {save_figure(figure, 'real_event.png')}")
