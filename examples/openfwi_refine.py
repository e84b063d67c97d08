"""Refine a map of OpenFWI's kind: from a smooth one to what noisy gathers say, by the operator that made them.

The map is smaller than OpenFWI's, and the record shorter, so that it takes a minute. Noise is told from the gathers alone, and
the search ends where the misfit has fallen to it. Writes openfwi_refine.png.
"""

import argparse

import numpy as np
import scipy

from adseis.data import openfwi
from adseis.inversion.openfwi import refine
from adseis.inversion.openfwi_noise import estimate_noise
from adseis.objectives.similarity import structural_similarity
from adseis.viz.figures import save_figure
from adseis.viz.refinement import Refinement, plot_refinement, stages_of

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--evaluations", type=int, default=40, help="cost in gradients of the operator")
parser.add_argument("--noise", type=float, default=0.01, help="standard deviation of the noise over that of the gathers")
options = parser.parse_args()

# Three layers over a basement, shifted by a fault. The operator's sources and receivers stand in the second row.
dt, survey = 1e-3, {"time_function": openfwi.wavelet(nt=300).astype("float32")}
z, x = np.meshgrid(np.arange(24), np.arange(32), indexing="ij")
deep = z + np.where(x + 0.5 * z > 20, 3, 0)
true = np.select([deep < 7, deep < 13, deep < 19], [1800.0, 2200.0, 2700.0], 3200.0).astype("float32")
start = scipy.ndimage.gaussian_filter(true, 4.0)

clean = np.asarray(openfwi.simulate(true, **survey))
rng = np.random.default_rng(0)
gathers = clean + options.noise * clean.std() * rng.standard_normal(clean.shape).astype("float32")
noise = estimate_noise(gathers, dt=dt)
print(f"noise {100 * noise:.2f} % of the gathers, estimated; {100 * options.noise:.2f} % were added")

found = refine(gathers, start, prior="auto", evaluations=options.evaluations, noise=noise, **survey)
print(f"prior: {found.prior}; {found.message}, after {found.evaluations} gradients")
print(f"misfit {found.before:.3g} before, {found.after:.3g} after")


def told(vp):
    """Mean error, and the similarity that OpenFWI reports."""
    similarity = structural_similarity((vp - 1500) / 3000, (true - 1500) / 3000)
    return f"MAE {np.abs(vp - true).mean():.1f} m/s, SSIM {float(similarity):.3f}"


print(f"start: {told(start)}; refined: {told(found.x)}")

shot = len(gathers) // 2
predicted = {
    name: np.asarray(openfwi.simulate(vp, slowest=slowest, **survey))[shot]
    for name, vp, slowest in (("before", start, start.min()), ("after", found.x, np.float32(found.slowest)))
}
page = Refinement(start, found.x, true, 10.0, gathers[shot], **predicted, dt=dt, stages=stages_of(found.history))
print(f"wrote {save_figure(plot_refinement(page), 'openfwi_refine.png')}")
