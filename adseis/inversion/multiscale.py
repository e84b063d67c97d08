"""Multiscale inversion by frequency bands: long wavelengths first, so that short ones do not skip cycles.

A band is a low-pass filter and a number of iterations; the result of each band starts the next. The caller turns a band into an
objective, most often by filtering predicted and observed data alike with `filter_band`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxtyping import PyTree

from adseis.objectives.bands import Band
from adseis.optimizers.minimize import Result, minimize
from adseis.optimizers.path import STOPPED, Iterate


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
