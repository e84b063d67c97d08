"""Which solver makes which tier of GlobalTomo; a new one is a new entry."""

from dataclasses import replace

from adseis.data.globaltomo_balls import BallWaves
from adseis.data.globaltomo_draws import LatinHypercube
from adseis.data.globaltomo_fluid import FluidWaves
from adseis.data.globaltomo_setups import Setup
from adseis.data.globaltomo_solid import SolidWaves
from adseis.data.globaltomo_synthesis import GlobalTomo
from adseis.data.globaltomo_tiers import TIERS

RESOLUTION = 1.07
"""Elements for the shortest wavelength of GlobalTomo's own balls: in a uniform one of the acoustic tier, waves up to 20 Hz are
within 1 % of the exact ones (0.65 %, `benchmarks/globe.py`)."""
SOLVERS: dict[str, BallWaves] = {
    "acoustic": FluidWaves(TIERS["acoustic"], Setup(20.0, 16, speeds=(800.0, 1200.0), half_duration=0.05, resolution=RESOLUTION)),
    "elastic": SolidWaves(
        TIERS["elastic"],
        Setup(20.0, 16, (800.0, 1800.0), half_duration=0.05, resolution=RESOLUTION, amplitude=1e10, vp=1500.0, vs=1000.0),
    ),
    "acoustic-small": FluidWaves(
        TIERS["acoustic-small"], Setup(8.0, 8, speeds=(900.0, 1100.0), half_duration=0.125, resolution=1.0)
    ),
}
"""By the name of the tier. Of degree 8 about no structure stays within 10 % of the mean speed, of degree 4 nearly all do.
The small one has few elements: with 1.3 for a wavelength it took thrice as long, for a third of the error."""


def maker(tier: str, samples: int, samples_per_file: int = 100, seed: int = 0) -> GlobalTomo:
    """What makes data of a tier: structures by a Latin hypercube, waves by our solver.

    Args:
        tier: Its name, of `SOLVERS`.
        samples: How many; the hypercube depends on it.
        samples_per_file: Of a file.
        seed: Of all structures.

    Returns:
        A generator for `synthesis.synthesize`, or for jobs of a cluster.

    Raises:
        ValueError: If there is no solver for the tier yet, or a number cannot be right.

    Example:
        >>> from adseis.data import globaltomo
        >>> len(globaltomo.maker("acoustic-small", samples=2000).tasks())
        20
    """
    if tier not in SOLVERS:
        raise ValueError(f"`tier` = {tier} cannot be made yet: there is a solver for {', '.join(SOLVERS)}.")
    if samples < 1:
        raise ValueError(f"`samples` = {samples} must be at least 1.")
    solver = replace(SOLVERS[tier], seed=seed)
    return GlobalTomo(
        solver, solver.recording, samples, samples_per_file, seed, solver=solver.settings(), draw=LatinHypercube(samples)
    )
