"""The instants of an experiment: all that a time function needs to know of where it is used."""

import math
from typing import Any

import equinox as eqx
import numpy as np


def _whole(nt: Any) -> int:
    if nt != int(nt) or nt < 1:
        raise ValueError(f"`nt` = {nt} must be a whole number of samples, at least 1.")
    return int(nt)


class Clock(eqx.Module):
    """Regular sampling of time: static, hashable. Sample k is at t = k dt.

    Attributes:
        dt: Time step [s].
        nt: Number of samples.

    Raises:
        ValueError: If a number is not positive.
    """

    dt: float = eqx.field(static=True, converter=float)
    nt: int = eqx.field(static=True, converter=_whole)

    def __check_init__(self) -> None:
        if not (math.isfinite(self.dt) and self.dt > 0):
            raise ValueError(f"`dt` = {self.dt} s must be positive.")

    @property
    def times(self) -> np.ndarray:
        """The instants k dt [s], `(time,)`."""
        return np.arange(self.nt) * self.dt
