"""Frequency bands: which part of the data is compared."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.signals import lowpass


class Band(eqx.Module):
    """One stage of a multiscale inversion.

    Attributes:
        corner: Corner frequency of the low-pass filter [Hz]; None keeps the full band.
        iterations: Most iterations in this band.
        until: End of the time window [s], with a cosine flank of a tenth of it before; None keeps the whole record. Early
            arrivals first is the other half of a multiscale inversion.

    Raises:
        ValueError: If `corner`, `iterations` or `until` is not positive.

    Example:
        >>> bands = [ads.Band(corner=4.0, iterations=20), ads.Band(corner=8.0, iterations=20), ads.Band()]  # from low to all
        >>> [band.corner for band in bands]
        [4.0, 8.0, None]
    """

    corner: float | None = eqx.field(static=True, default=None)
    iterations: int = eqx.field(static=True, default=100)
    until: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if self.corner is not None and not self.corner > 0:
            raise ValueError(f"`corner` = {self.corner} Hz must be positive, or None for the full band.")
        if self.iterations < 1:
            raise ValueError(f"`iterations` = {self.iterations} must be at least 1.")
        if self.until is not None and not self.until > 0:
            raise ValueError(f"`until` = {self.until} s must be positive, or None for the whole record.")


def filter_band(data: Float[ArrayLike, "*data"], band: Band, dt: float, *, axis: int = -2) -> Float[Array, "*data"]:
    """Data of one band: zero-phase Butterworth low-pass of order 4 (`adseis.signals.lowpass`), then the time window.

    Args:
        data: Gathers `(shot, time, receiver)`, or any array with time on `axis`.
        band: Band to keep.
        dt: Sampling interval [s].
        axis: Time axis; -1 for time functions.

    Returns:
        Filtered data, like `data`.

    Raises:
        ValueError: If the corner frequency is not below the Nyquist frequency.

    References:
        Bunks, C., Saleck, F. M., Zaleski, S. & Chavent, G. (1995), Geophysics 60, 1457-1473, doi:10.1190/1.1443880
    """
    data = jnp.asarray(data) if band.corner is None else lowpass(data, dt, band.corner, axis=axis)
    if band.until is None:
        return data
    time = dt * np.arange(data.shape[axis])
    window = np.cos(0.5 * np.pi * np.clip(10 * (time / band.until - 0.9), 0, 1)) ** 2
    shape = [1] * data.ndim
    shape[axis] = -1
    return data * jnp.asarray(window, data.dtype).reshape(shape)
