"""Gathers in `result.h5` as `read_gathers` wants them: with the clock, sources, their time function, and receivers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adseis.data.arrays import StoredArray
from adseis.data.gather_files import stored_gathers
from adseis.data.gathers import Gathers
from adseis.experiment.grid import Grid
from adseis.experiment.survey import Survey


def stored_records(records: Mapping[str, Any], survey: Survey, grid: Grid, *, field: str, unit: str) -> dict[str, StoredArray]:
    """Gathers of one survey, with what belongs to them.

    Args:
        records: Name -> `(shot, time, receiver)`.
        survey: Sources and receivers.
        grid: Whose clock they have.
        field: What was recorded.
        unit: Of the records.

    Returns:
        Name -> array. Of sources that are no points, the points that emit their waves.
    """
    source: Any = survey.source
    if hasattr(source, "position"):
        position, time_function = source.position, source.time_function
    else:
        _, position, time_function = survey.emissions(grid)[0]
    places = np.asarray(position), np.asarray(survey.receivers)
    stored = {}
    for name, data in records.items():
        gathers = Gathers(np.asarray(data), grid.dt, *places, field=field, unit=unit)
        stored |= stored_gathers(gathers, name=name, time_function=np.asarray(time_function))
    return stored
