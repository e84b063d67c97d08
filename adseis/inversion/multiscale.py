"""Multiscale inversion by frequency bands: long wavelengths first, so that short ones do not skip cycles.

A band is a low-pass filter and a number of iterations; the result of each band starts the next. The caller turns a band into an
objective, most often by filtering predicted and observed data alike with `filter_band`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import PyTree

from adseis.objectives.bands import Band
from adseis.optimizers.minimize import descend
from adseis.optimizers.path import STOPPED, Iterate, Result
from adseis.optimizers.run import Run


def minimize_bands(
    make_objective: Callable[[Band], Callable[[PyTree], Any]],
    x0: PyTree,
    bands: Sequence[Band],
    *,
    bounds: tuple[PyTree, PyTree] | None = None,
    **options: Any,
) -> Result:
    """Minimize band after band, each from the result of the one before.

    Args:
        make_objective: Turns a band into the objective of `minimize`.
        x0: Starting point, a pytree of floating-point arrays.
        bands: Bands in their order, low frequencies first.
        bounds: `(low, high)`, as in `minimize`.
        options: Other options of `minimize`, for every band the same. `evaluations` caps all bands together; `journal="run.h5"`
            records the bands in `run-band0.h5`, `run-band1.h5`, ... and a killed call, repeated, resumes; `callback` counts
            iterations through all bands, and asking for an end it ends the last band too.

    Returns:
        The result of the last band, with the histories of all bands one after the other: each band begins with its own starting
        model, and values of unlike bands do not compare.

    Raises:
        ValueError: If there is no band, or as `minimize` does.
        TypeError: If there is no such option.

    References:
        Bunks, C., Saleck, F. M., Zaleski, S. & Chavent, G. (1995), Geophysics 60, 1457-1473, doi:10.1190/1.1443880
    """
    return descend_bands(make_objective, x0, bands, bounds=bounds, run=Run.gathered("minimize_bands", options))


def descend_bands(
    make_objective: Callable[[Band], Callable[[PyTree], Any]],
    x0: PyTree,
    bands: Sequence[Band],
    *,
    bounds: tuple[PyTree, PyTree] | None,
    run: Run,
) -> Result:
    """What `minimize_bands` does, its options in one.

    Args:
        make_objective: Turns a band into the objective of `minimize`.
        x0: Starting point.
        bands: Bands in their order.
        bounds: `(low, high)`, or None.
        run: How all of them are run.

    Returns:
        The result of the last band, with the histories of all.

    Raises:
        ValueError: As `minimize_bands`.
    """
    if not bands:
        raise ValueError("`bands` is empty: give at least one Band.")
    history: list[Iterate] = []
    spent = done = 0
    x, result = x0, None
    for number, band in enumerate(bands):
        part = run.journal_of(f"band{number}").counting_from(done)
        if run.evaluations is not None:
            if spent == run.evaluations:
                break
            part = dataclasses.replace(part, evaluations=run.evaluations - spent)
        result = descend(make_objective(band), x, bounds=bounds, iterations=band.iterations, run=part)
        history += [iterate._replace(evaluations=spent + iterate.evaluations) for iterate in result.history]
        x, spent, done = result.x, spent + result.evaluations, done + len(result.history) - 1
        if result.message == STOPPED:
            break
    assert result is not None
    return dataclasses.replace(result, history=tuple(history), evaluations=spent)
