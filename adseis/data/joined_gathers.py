"""Gathers of several files as one: receivers and numbers of traces may differ from part to part, clock and field may not."""

from collections.abc import Sequence

import numpy as np

from adseis.data.gathers import Gathers
from adseis.data.record_clock import SLACK


def join_gathers(parts: Sequence[Gathers], *, names: Sequence[str] | None = None) -> Gathers:
    """The shots of all parts, in their order, with the record numbers that they have.

    Receivers that all parts share stay `(receiver, axis)`. Else every shot has its own, and those with fewer traces than others
    are padded with traces that are not `live`.

    Args:
        parts: Gathers of one clock, field, unit and number of axes.
        names: What the parts are called in complaints, such as their files; by default "part 0", "part 1", ...

    Returns:
        The gathers.

    Raises:
        ValueError: If there are no parts, or two of them differ in what must agree, naming both and their values.

    Example:
        >>> from adseis.data.joined_gathers import join_gathers
        >>> shot, spread = [[[20.0, 50.0]]], np.stack([np.full(4, 10.0), 10.0 * np.arange(4)], -1)
        >>> first = ads.data.Gathers(np.zeros((1, 500, 4)), 1e-3, shot, spread)
        >>> second = ads.data.Gathers(np.zeros((1, 500, 3)), 1e-3, shot, spread[:3])
        >>> joined = join_gathers([first, second])
        >>> joined.data.shape, joined.live.sum(1).tolist()
        ((2, 500, 4), [4, 3])
    """
    if not parts:
        raise ValueError("`parts` is empty: there is nothing to join.")
    names = [f"part {number}" for number in range(len(parts))] if names is None else names
    for part, name in zip(parts[1:], names[1:], strict=True):
        _check_alike(parts[0], part, names[0], name)
    first = parts[0]
    shared = all(
        part.receiver_positions.ndim == 2 and np.array_equal(part.receiver_positions, first.receiver_positions) for part in parts
    )
    most = max(part.data.shape[2] for part in parts)
    receivers = first.receiver_positions if shared else np.concatenate([_receivers(part, most) for part in parts])
    return Gathers(
        np.concatenate([_widened(part.data, most) for part in parts]),
        first.dt,
        np.concatenate([part.source_positions for part in parts]),
        receivers,
        live=np.concatenate([_widened(part.live, most) for part in parts]),
        start=first.start,
        window=first.window,
        field=first.field,
        unit=first.unit,
        records=np.concatenate([part.records for part in parts]),
    )


def _check_alike(one: Gathers, other: Gathers, name: str, other_name: str) -> None:
    """Raise unless two parts can be joined."""
    clock = "Bring both onto one clock by `resampled`, or use them apart."
    repairs = {
        "sampling interval [s]": clock,
        "time of the first sample [s]": clock,
        "number of samples": clock,
        "window that was recorded [s]": clock,
        "field": "Use them apart, or say by `field` what both hold.",
        "unit": "Convert one of them, or say by `unit` what both are in.",
        "number of axes of the positions": 'Read both with `axes="zyx"`, or project each by `projected`.',
        "number of sources in a shot": "Use them apart.",
    }

    def told(part: Gathers) -> tuple[object, ...]:
        shape = part.source_positions.shape
        return part.dt, part.start, part.nt, part.window, part.field, part.unit, shape[-1], shape[1]

    for (what, repair), first, second in zip(repairs.items(), told(one), told(other), strict=True):
        near = isinstance(first, float) and isinstance(second, float) and abs(first - second) <= SLACK * one.dt
        if not (near or first == second):
            found = f"{first} in {name} and {second} in {other_name}"
            raise ValueError(f"the {what} must be the same in all that is joined; it is {found}. {repair}")


def _widened(values: np.ndarray, most: int) -> np.ndarray:
    """With as many traces as the widest part, those that are added zero."""
    lacking = most - values.shape[-1]
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, lacking)])


def _receivers(part: Gathers, most: int) -> np.ndarray:
    """Positions of the receivers of every shot; where a trace is added, those of the last."""
    shots, _, traces = part.data.shape
    places = np.broadcast_to(part.receiver_positions, (shots, traces, part.source_positions.shape[-1]))
    return np.pad(places, [(0, 0), (0, most - traces), (0, 0)], mode="edge")
