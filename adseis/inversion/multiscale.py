"""Multiscale inversion by frequency bands: long wavelengths first, so that short ones do not skip cycles.

A band is a low-pass filter and a number of iterations; the result of each band starts the next. The caller turns a band into an
objective, most often by filtering predicted and observed data alike with `filter_band`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, PyTree

from adseis.inversion.optimizers import Result, minimize
from adseis.inversion.path import STOPPED, Iterate
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


def minimize_bands(
    make_objective: Callable[[Band], Callable[[PyTree], Any]],
    x0: PyTree,
    bands: Sequence[Band],
    *,
    evaluations: int | None = None,
    journal: str | os.PathLike[str] | None = None,
    callback: Callable[[int, PyTree, float], Any] | None = None,
    **options: Any,
) -> Result:
    """Minimize band after band, each from the result of the one before.

    Args:
        make_objective: Turns a band into the objective of `minimize`.
        x0: Starting point, a pytree of floating-point arrays.
        bands: Bands in their order, low frequencies first.
        evaluations: Most evaluations in all bands together; None for no cap.
        journal: `run.h5` records the bands in `run-band0.h5`, `run-band1.h5`, ... and a killed call, repeated, resumes.
        callback: As in `minimize`, with iterations counted through all bands; asking for an end ends the last band too.
        **options: Other options of `minimize`, the same for every band.

    Returns:
        The result of the last band, with the histories of all bands one after the other: each band begins with its own starting
        model, and values of unlike bands do not compare.

    Raises:
        ValueError: If there is no band, or as `minimize` does.

    References:
        Bunks, C., Saleck, F. M., Zaleski, S. & Chavent, G. (1995), Geophysics 60, 1457-1473, doi:10.1190/1.1443880
    """
    if not bands:
        raise ValueError("`bands` is empty: give at least one Band.")
    history: list[Iterate] = []
    spent = done = 0
    x, result = x0, None
    for number, band in enumerate(bands):
        remaining = None if evaluations is None else evaluations - spent
        if remaining == 0:
            break
        result = minimize(
            make_objective(band),
            x,
            iterations=band.iterations,
            evaluations=remaining,
            journal=None if journal is None else _journal_of_band(Path(journal), number),
            callback=None if callback is None else _counting_from(done, callback),
            **options,
        )
        history += [iterate._replace(evaluations=spent + iterate.evaluations) for iterate in result.history]
        x, spent, done = result.x, spent + result.evaluations, done + len(result.history) - 1
        if result.message == STOPPED:
            break
    assert result is not None
    return Result(x, result.value, tuple(history), spent, result.message, result.converged)


def _journal_of_band(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-band{number}{path.suffix}")


def _counting_from(done: int, callback: Callable[[int, PyTree, float], Any]) -> Callable[[int, PyTree, float], Any]:
    return lambda iteration, x, value: callback(done + iteration, x, value)
