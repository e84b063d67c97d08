"""The problems of `peers.py`: layered models, sources ten nodes deep, receivers five.

The solids of the elastic equation are Poisson's, vs = vp / sqrt(3), and its wavelets lower and earlier, for S waves are slow.
"""

from dataclasses import dataclass, replace

import numpy as np
from engines.problem import Problem

from adseis.experiment.moduli import gardner_density

SPACING, DT, LAYER, ORDER = 10.0, 1e-3, 20, 4
RECEIVERS, RECEIVER_DEPTH, SOURCE_DEPTH = 100, 5, 10
SMALLEST = 40  # nodes along an axis of a shrunk case
EQUATIONS = ("scalar", "acoustic", "elastic")
DELAYS = {"scalar": 1.5, "acoustic": 1.5, "elastic": 1.2}  # of the wavelet's peak, in periods
FORCE = 1e8  # of the elastic equation [N; N/m in 2D]: velocities are then near 1 m/s, and no product leaves float32's range


@dataclass(frozen=True)
class Case:
    """A size.

    Attributes:
        shape: Nodes of the model; the layers come on top.
        steps: Time steps.
        shots: Shots.
        frequency: Of the Ricker wavelet [Hz].
        elastic_frequency: The same for the elastic equation: at 2.5 times it, the slowest S wave has five points per wavelength.
        models: Models that are simulated together, each in all shots.
    """

    shape: tuple[int, ...]
    steps: int
    shots: int
    frequency: float = 12.0
    elastic_frequency: float = 9.0
    models: int = 1

    def shrunk(self, by: int) -> "Case":
        """With fewer nodes and models, but all steps, for a wave must reach the receivers."""
        shape = tuple(max(min(n, SMALLEST), n // by) for n in self.shape)
        return replace(self, shape=shape, models=max(min(self.models, 2), self.models // by))

    def __str__(self) -> str:
        nodes = " x ".join(str(n) for n in self.shape)
        models = f"{self.models} models x " if self.models > 1 else ""
        return f"{nodes} nodes + {LAYER} around, {self.steps} steps, {models}{self.shots} shot(s)"

    def problem(self, equation: str) -> Problem:
        """The case in one equation; each model of a batch is 1 % faster than the one before."""
        axes = len(self.shape)
        depth = np.linspace(0, 1, self.shape[0]).reshape(-1, *[1] * (axes - 1))
        vp = np.broadcast_to(np.select([depth < 0.3, depth < 0.6], [2000.0, 2600.0], 3400.0), self.shape)
        if self.models > 1:
            vp = np.stack([vp * (0.9 + 0.1 * i / self.models) for i in range(self.models)])
        vp = vp.astype(np.float32)
        vs = (vp / np.sqrt(3)).astype(np.float32)
        rho = gardner_density(vp)
        width = self.shape[-1]
        across = np.round((width - 1) * (np.arange(self.shots) + 1) / (self.shots + 1)).astype(int)
        along = np.round(np.linspace(0, width - 1, min(RECEIVERS, width))).astype(int)
        frequency, strength = (self.elastic_frequency, FORCE) if equation == "elastic" else (self.frequency, 1.0)
        periods = frequency * DT * np.arange(self.steps) - DELAYS[equation]
        return Problem(
            equation, vp, vs, rho, self._row(across, SOURCE_DEPTH), self._row(along, RECEIVER_DEPTH),
            strength * _ricker(periods), strength * _ricker(periods + frequency * DT / 2),
            SPACING, DT, frequency, LAYER, ORDER,
        )  # fmt: skip

    def _row(self, x: np.ndarray, depth: int) -> np.ndarray:
        """Nodes along x at a depth, in the middle of the third axis if there is one."""
        middle = [np.full(len(x), n // 2) for n in self.shape[1:-1]]
        return np.stack([np.full(len(x), depth), *middle, x], axis=-1)


def _ricker(periods: np.ndarray) -> np.ndarray:
    """The wavelet, its time in periods of its peak frequency."""
    a = (np.pi * periods) ** 2
    return (1 - 2 * a) * np.exp(-a)


CASES = {
    "A": Case((400, 400), 400, 4),
    "B": Case((600, 600), 300, 8),
    "C": Case((1000, 1000), 300, 1),
    "D": Case((70, 70), 1000, 5, elastic_frequency=8.0, models=16),  # as in OpenFWI
    # Its record ends amid the pulse: gradients then hold wavenumbers at which other kinds of stencil differ by tens of %.
    # S waves of five points would not get through in time; these have 2.3, dispersed alike by staggered stencils of order 4.
    "E": Case((80, 80, 80), 100, 1, frequency=20.0, elastic_frequency=20.0),
    "F": Case((120, 120, 120), 100, 1, frequency=20.0, elastic_frequency=20.0),
}
