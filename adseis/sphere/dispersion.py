r"""The exact removal of the time step's dispersion from sources and records.

The fourth-order step with a time step dt turns a wave of frequency w into one of frequency w', where

    2 - 2 cos(w' dt) = (w dt)^2 - (w dt)^4 / 12.

A source whose spectrum at w' is what it should be at w, and a record whose spectrum at w is what it is at w', are those of the
equation itself, discrete in space alone, for any step that is stable. It is linear: two matrices.

References:
    Stork, C. (2013), EAGE, doi:10.3997/2214-4609.20130361
    Koene, E. F. M. et al. (2018), Geophys. J. Int. 213, 250-268, doi:10.1093/gji/ggx554
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import erfc

BAND = (1.2, 2.3)
"""w dt up to which all is kept, and above which nothing is; sqrt(6) is the most that a step can carry, and a mesh some 0.6."""
TAIL, FADE = 60, 50
"""Steps that are marched behind a record, and over how many of them what is recorded fades: else its end would ring."""


class Correction(NamedTuple):
    """What makes sources and records those of continuous time.

    Attributes:
        source: From a time function to what is injected at each step, `(step, time)`.
        record: From what is recorded at each step, from t = 0 on, to the record, `(time, step)`.
    """

    source: Float[np.ndarray, "step time"]
    record: Float[np.ndarray, "time step"]

    @property
    def steps(self) -> int:
        """To be marched: more than are asked for."""
        return len(self.source)


@lru_cache(maxsize=8)
def correction(nt: int, derivative: int = 0, *, integrated: bool = False) -> Correction:
    """For a number of samples; times in units of the step.

    Args:
        nt: Of the time function and of the record.
        derivative: Of the record by time, in units of one over the step.
        integrated: Whether the time function is one that is integrated over time first, in units of the step.

    Returns:
        The matrices.
    """
    steps = nt + TAIL + nt // 100
    count = 4 * (steps + TAIL)  # frequencies, whose period is long enough for nothing to wrap around
    w = np.pi * (np.arange(int(BAND[1] * count / np.pi)) + 0.5) / count
    square = w**2 - w**4 / 12
    slow = np.arccos(1 - square / 2)
    stretch = (w - w**3 / 6) / np.sin(slow)  # dw' / dw
    taper = np.cos(np.pi / 2 * np.clip((w - BAND[0]) / (BAND[1] - BAND[0]), 0, 1)) ** 2
    longer = steps + TAIL  # behind its end a time function goes on as it is, and fades
    times, marched = (np.exp(1j * np.arange(n)[:, None] * at) for n, at in ((longer, w), (steps, slow)))
    # What a step makes of a mode that is driven at its own frequency: 1 - (w dt)^2 / 6 over 1 - (w dt)^2 / 12, which it applies.
    gain = (1 - w**2 / 6) / (1 - w**2 / 12)
    if integrated:  # what the trapezoidal rule makes of a wave is its integral times this
        gain *= np.tan(w / 2) / (w / 2)
    source = ((marched * (taper * stretch * gain / count)) @ times.conj().T).real * _faded(longer)
    source[:, nt - 1] += source[:, nt:].sum(1)
    source = source[:, :nt]
    if integrated:
        source = source @ (np.tri(nt) - np.eye(nt) / 2)
    record = ((times[:nt] * (taper * (1j * w) ** derivative / count)) @ marched.conj().T).real * _faded(steps)
    return Correction(source, record)


def _faded(count: int) -> np.ndarray:
    """1, but for the last `FADE`: an error function, which is as smooth as is needed.

    A corner's frequencies above the waves' own would be taken for waves that have been too late, and put far before the end.
    """
    return erfc(10 / np.sqrt(2) * ((np.arange(count) - count) / FADE + 0.5)) / 2
