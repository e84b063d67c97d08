"""GlobalTomo's division into training and test samples."""

from typing import NamedTuple

from adseis.data.globaltomo_dataset import Dataset


class Split(NamedTuple):
    """Two parts of a dataset.

    Attributes:
        train: What networks learn from.
        test: What they are judged by.
    """

    train: Dataset
    test: Dataset


def split(data: Dataset, *, fraction: float = 0.1, models: int | None = None) -> Split:
    """Divide as GlobalTomo does: the first tenth of all ids is for the test, failed ones among them.

    Args:
        data: The dataset.
        fraction: Of the ids that is for the test.
        models: How many ids there are in all; by default up to the last that is here. Of a part of a download, say how many there
            are in the whole (`data.tier.models`).

    Returns:
        Two datasets of the same files.

    Raises:
        ValueError: If `fraction` does not lie between 0 and 1, or `models` is less than what is here.

    Example:
        >>> train, test = globaltomo.split(data)  # doctest: +SKIP
    """
    if not 0 < fraction < 1:
        raise ValueError(f"`fraction` = {fraction} must lie between 0 and 1.")
    last = data.last_id
    if models is not None and models <= last:
        raise ValueError(f"`models` = {models} must be more than the last id that is here, {last}.")
    first = int(fraction * (last + 1 if models is None else models))
    return Split(data.part(data.ids[data.ids >= first].tolist()), data.part(data.ids[data.ids < first].tolist()))
