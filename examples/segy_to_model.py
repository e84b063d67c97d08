"""From a SEG-Y file to a model: read, check, resample, invert in two bands with the source time function estimated on the fly.

Of your own data: segy_to_model.py --segy file.sgy --initial model.h5. Without a file a survey is simulated first: shots at the
top, receivers below and in two wells, an unknown pulse, noise, two dead traces. Writes segy_to_model.h5 and segy_to_model.png.
"""

import argparse

import numpy as np

import adseis as ads
from adseis.data.gather_files import Gathers, read_gathers, write_gathers
from adseis.data.models import read_model, write_model
from adseis.inversion.fwi import Update, invert
from adseis.inversion.weights import mute_near
from adseis.objectives.bands import Band, filter_band
from adseis.objectives.source_estimation import apply_filter, estimate_filter, with_estimated_source
from adseis.viz.figures import new_figure, save_figure
from adseis.viz.gathers import plot_gather, plot_wiggles
from adseis.viz.sections import plot_section


def synthesize():
    """Write a SEG-Y file and an initial model; return the true model, on the grid of the initial one."""
    grid = ads.Grid(shape=(61, 91), spacing=10.0, dt=1.6e-3, nt=601)
    z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    initial = (1800 + 0.8 * z).astype("float32")
    bump = lambda at, along, size: size * np.exp(-((z - at) ** 2 + (x - along) ** 2) / 8e3)  # noqa: E731
    true = (initial + bump(250, 300, 250) + bump(330, 620, -220)).astype("float32")
    pulse = ads.wavelets.ricker(7.0, grid.nt, grid.dt, delay=0.21) - 0.5 * ads.wavelets.ricker(5.0, grid.nt, grid.dt, delay=0.33)
    sources = np.stack([np.full(9, 40.0), np.linspace(60, 840, 9)], -1)[:, None]
    gallery = np.stack([np.full(36, 560.0), np.linspace(80, 820, 36)], -1)
    wells = [np.stack([np.linspace(100, 520, 15), np.full(15, place)], -1) for place in (60.0, 840.0)]
    receivers = np.concatenate([wells[0], gallery, wells[1]])
    survey = ads.Survey(ads.Explosion(sources, np.asarray(pulse, "float32")[None, None]), receivers)
    data = np.array(ads.simulate_scalar(ads.ScalarMedium(true), survey, grid))
    data += 0.02 * data.std() * np.random.default_rng(0).standard_normal(data.shape)
    recorded = Gathers(data.astype("float32"), grid.dt, sources, receivers).resampled(4e-3)  # as an instrument samples
    recorded.data[[2, 6], :, [11, 30]] = 0
    write_gathers("segy_to_model.segy", recorded)
    write_model("segy_to_model_initial.h5", initial[::2, ::2], spacing=20.0)
    return true[::2, ::2]


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--segy", help="SEG-Y, SU or any other file that read_gathers takes")
parser.add_argument("--initial", help="initial model of vp; its first node is at z = x = 0")
parser.add_argument(
    "--bands", type=float, nargs="+", help="corner frequencies [Hz]; by default the highest that the grid carries and half"
)
parser.add_argument("--iterations", type=int, default=15, help="most iterations in each band")
parser.add_argument("--low", type=float, help="lower bound of vp [m/s]; by default 0.8 of the lowest initial one")
parser.add_argument("--high", type=float, help="upper bound [m/s]; by default 1.25 of the highest")
parser.add_argument("--free-surface", action="store_true", help="the top of the model is free")
options = parser.parse_args()
if bool(options.segy) != bool(options.initial):
    parser.error("--segy and --initial go together")

true = None if options.segy else synthesize()
model = read_model(options.initial or "segy_to_model_initial.h5")
gathers = read_gathers(options.segy or "segy_to_model.segy")
shots, nt, traces = gathers.data.shape
print(f"{shots} shots of {traces} traces, {nt} samples of {gathers.dt:g} s from {gathers.start:g} s on")
try:
    gathers.check()
except ValueError as fault:
    print(f"as recorded: {fault}")
    gathers = gathers.without_dead()
if gathers.source_positions.shape[-1] == 3:
    gathers, away = gathers.projected()
    print(f"projected onto a straight line, {away:.1f} m away at most")

# The grid carries six points per wavelength; its clock is another than the instrument's.
low, high = options.low or 0.8 * model.values.min(), options.high or 1.25 * model.values.max()
highest = float(model.values.min()) / (6 * max(model.spacing))
dt = 0.5 * min(model.spacing) / float(high)
grid = ads.Grid(model.values.shape, model.spacing, dt, int(gathers.times[-1] / dt) + 1)
gathers = gathers.resampled(grid)
gathers.check(grid)
bands = [Band(corner, options.iterations) for corner in options.bands or (highest / 2, highest)]

guess = np.asarray(ads.wavelets.ricker(bands[-1].corner / 2.5, grid.nt, dt), "float32")
survey = gathers.survey(guess)


def forward(vp):  # what no trace recorded counts nowhere
    return gathers.weights * ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, free_surface=options.free_surface)


near = [mute_near(survey.source.position, grid.shape, grid.spacing, 5 * max(grid.spacing))]
near.append(mute_near(survey.receivers, grid.shape, grid.spacing, 2 * max(grid.spacing)))
update = Update(near[0] * near[1], float(low), float(high))
misfit = with_estimated_source(ads.misfits.l2, shared=True)
result = invert(forward, gathers.data, model.values, dt=dt, update=update, bands=bands, misfit=misfit)

observed = np.asarray(filter_band(gathers.data, bands[-1], dt))
explained, values = [], []
for vp in (model.values, result.x):
    predicted = filter_band(forward(vp), bands[-1], dt)
    explained.append(np.asarray(apply_filter(predicted, estimate_filter(predicted, observed, shared=True))))
    values.append(float(ads.misfits.l2(explained[-1], observed) / ads.misfits.l2(0 * observed, observed)))
print(f"misfit {values[0]:.4g} before, {values[1]:.4g} after, below {bands[-1].corner:.3g} Hz")
if true is not None:
    error = [float(np.sqrt(np.mean((vp - true) ** 2))) for vp in (model.values, result.x)]
    print(f"vp error {error[0]:.1f} -> {error[1]:.1f} m/s")
write_model("segy_to_model.h5", result.x, spacing=model.spacing)

sections = {"initial": model.values, "inverted": result.x}
sections |= {"inverted - initial": result.x - model.values} if true is None else {"true": true}
limits = min(v.min() for v in (model.values, result.x)), max(v.max() for v in (model.values, result.x))
figure = new_figure(12.0, 7.0)
panels = figure.subplots(2, 3, height_ratios=(1, 1.5))
points = {"sources": gathers.source_positions, "receivers": gathers.receiver_positions}
for panel, (title, section) in zip(panels[0], sections.items(), strict=True):
    peak = float(np.abs(section).max())
    look = {"limits": limits} if section.min() > 0 else {"colormap": "RdBu_r", "limits": (-peak, peak)}
    plot_section(section, model.spacing, axes=panel, title=title, points=points if title == "initial" else None, **look)
shot = shots // 2
limit = float(np.percentile(np.abs(observed[shot]), 99))
for panel, title, data in zip(
    panels[1], (f"observed, shot {shot}", "predicted by the inverted model"), (observed, explained[1]), strict=False
):
    plot_gather(data[shot], dt, axes=panel, title=title, label=gathers.unit, limit=limit)
wiggles = {"observed": observed[shot], "initial": explained[0][shot], "inverted": explained[1][shot]}
plot_wiggles(wiggles, dt, axes=panels[1, 2], title="traces", traces=8)
print(f"wrote segy_to_model.h5 and {save_figure(figure, 'segy_to_model.png')}")
