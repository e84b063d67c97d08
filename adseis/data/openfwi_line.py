"""A line of your own as OpenFWI's: its shots and receivers on nodes of the map, its records on the operator's clock."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from adseis.data.gathers import Gathers
from adseis.data.openfwi_survey import DT, NT, ROW, SHAPE, SPACING, lines
from adseis.resampling import sample_whole

DEPTH, WIDTH, DURATION = ROW * SPACING, (SHAPE[1] - 1) * SPACING, NT * DT
HALF = SPACING / 2
MOTION = ("vz", "vy", "vx")


class LineGathers(NamedTuple):
    """Gathers as the operator makes them, with the lines that they belong to.

    Attributes:
        gathers: `(shot, time, receiver)`; sample k is the field at t = (k + 1) ms after the shot.
        sources: Row and column of each shot, `(shot, 2)`.
        receivers: Row and column of each receiver, `(receiver, 2)`.
        away: The farthest that a shot or a receiver was moved to its node [m].
        complete: Whether it is OpenFWI's own survey, (5, 1000, 70), as networks want it; others are for `refine` alone.
    """

    gathers: Float[np.ndarray, "shot time receiver"]
    sources: Int[np.ndarray, "shot 2"]
    receivers: Int[np.ndarray, "receiver 2"]
    away: float
    complete: bool


def as_openfwi_line(gathers: Gathers) -> LineGathers:
    """Recorded gathers on OpenFWI's nodes and clock, or an error that says why they do not fit.

    A map is 690 m wide, its shots and receivers are at a depth of 10 m, nodes are 10 m apart and the record is 1 s. Any shots and
    receivers on that line will do, if all shots have the same receivers: each is put on the nearest node. Give
    `sources` and `receivers` of the result to `refine` and `openfwi.simulate`.

    Warning:
        Nothing is known here of the time function of the sources. Without one, `refine` and the networks take the data to be of
        OpenFWI's own Ricker wavelet of 15 Hz, its peak 73 ms after the shot, and of OpenFWI's amplitudes: of another source,
        known or not, what they find is wrong. Of a known one, `time_function=` of `refine` takes the samples.

    Args:
        gathers: Of pressure, on a section (z, x) whose first node is x = 0; `Gathers.moved` shifts, `Gathers.projected` projects.

    Returns:
        The gathers, resampled to 1 ms.

    Raises:
        ValueError: Naming the shot or receiver, the spacing or the length that does not fit.

    Example:
        >>> from adseis.data.gathers import Gathers
        >>> shots, spread = [[[10.0, 0.0]], [[10.0, 690.0]]], np.stack([np.full(35, 10.0), 20.0 * np.arange(35)], -1)
        >>> line = as_openfwi_line(Gathers(np.ones((2, 501, 35)), 2e-3, shots, spread))
        >>> line.gathers.shape, line.receivers[-1].tolist(), line.complete
        ((2, 1000, 35), [1, 68], False)
    """
    if gathers.source_positions.shape[-1] != 2:
        raise ValueError("positions are (z, y, x), and OpenFWI's line is on a section (z, x). Use `Gathers.projected`.")
    if gathers.field in MOTION:
        raise ValueError(f"the records are of `{gathers.field}`; OpenFWI's are of pressure, as hydrophones record it.")
    gathers.check()
    if not gathers.live.all():
        shot, receiver = np.argwhere(~gathers.live)[0]
        raise ValueError(
            f"receiver {receiver} of {_shot(gathers, shot)} recorded nothing, and OpenFWI's operator has no gaps. Leave it out "
            "of all shots by `select(receivers=...)`."
        )
    shots, away_shots = _on_nodes(gathers, gathers.source_positions, "source")
    spread, away_spread = _on_nodes(gathers, gathers.receiver_positions, "receiver")
    sources, receivers = _single(gathers, shots), _shared(gathers, spread)
    data = _on_clock(gathers)
    standard = lines()
    complete = data.shape[1] == NT and all(np.array_equal(*pair) for pair in zip((sources, receivers), standard, strict=True))
    return LineGathers(data, sources, receivers, max(away_shots, away_spread), complete)


def _shot(gathers: Gathers, number: int | np.integer) -> str:
    return f"shot {number} (record {gathers.records[number]})"


def _on_nodes(gathers: Gathers, places: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """Row and column of the nearest nodes, each within half a node; and the farthest of them."""
    nodes = np.round(places / SPACING).astype(int)
    deep, across = places[..., 0], places[..., 1]
    for at, wrong in (("depth", np.abs(deep - DEPTH) > HALF), ("x", (across < -HALF) | (across > WIDTH + HALF))):
        if not wrong.any():
            continue
        where = np.argwhere(wrong)[0]
        of_shot = f" of {_shot(gathers, where[0])}" if places.ndim == 3 else ""
        if at == "depth":
            raise ValueError(
                f"{name} {where[-1]}{of_shot} is {deep[tuple(where)]:.6g} m deep; OpenFWI's line is {DEPTH:g} m deep, half a "
                f"node ({HALF:g} m) more or less. If depths are missing in the file, give them."
            )
        reach = f"{float(across.min()):.6g} to {float(across.max()):.6g} m"
        raise ValueError(
            f"{name} {where[-1]}{of_shot} stands at x = {across[tuple(where)]:.6g} m, off OpenFWI's line of x 0 to {WIDTH:g} m; "
            f"the {name}s cover {reach}, {float(np.ptp(across)):.6g} m. Shift the line if it is no longer than {WIDTH:g} m, or "
            "take some of it by `select`."
        )
    return nodes, float(np.abs(places - SPACING * nodes).max())


def _single(gathers: Gathers, nodes: np.ndarray) -> np.ndarray:
    """One source a shot."""
    if nodes.shape[1] != 1:
        raise ValueError(f"{_shot(gathers, 0)} has {nodes.shape[1]} sources at a time; OpenFWI's shots have one each.")
    return nodes[:, 0]


def _shared(gathers: Gathers, nodes: np.ndarray) -> np.ndarray:
    """The same receivers in all shots, no two on a node."""
    spread = nodes if nodes.ndim == 2 else nodes[0]
    if nodes.ndim == 3 and (moved := (nodes != spread[None]).any((1, 2))).any():
        shot = int(np.argmax(moved))
        receiver = int(np.argmax((nodes[shot] != spread).any(1)))
        raise ValueError(
            f"receiver {receiver} stands at x = {gathers.receiver_positions[shot, receiver, 1]:.6g} m in {_shot(gathers, shot)}, "
            f"and at {gathers.receiver_positions[0, receiver, 1]:.6g} m in {_shot(gathers, 0)}: the spread moves, and that of "
            "OpenFWI's operator does not."
        )
    _, first, count = np.unique(spread[:, 1], return_index=True, return_counts=True)
    if (count > 1).any():
        one, other = np.flatnonzero(spread[:, 1] == spread[first[np.argmax(count > 1)], 1])[:2]
        places = gathers.receiver_positions.reshape(-1, spread.shape[0], 2)[0, :, 1]
        raise ValueError(
            f"receivers {one} and {other} are {abs(places[one] - places[other]):.6g} m apart and share a node; nodes are "
            f"{SPACING:g} m apart. Keep every second, or fewer, by `select(receivers=...)`."
        )
    return spread


def _on_clock(gathers: Gathers) -> np.ndarray:
    """The records from 1 ms on, every millisecond; a last recorded sample before 1 s is where they end."""
    end = float(gathers.times[-1])
    if gathers.start > gathers.dt * (1 + 1e-6) or end < DURATION - gathers.dt * (1 + 1e-6):
        raise ValueError(
            f"the records run from {gathers.start:.6g} to {end:.6g} s after the shot, with a sample every {1e3 * gathers.dt:.6g} "
            f"ms; OpenFWI's run to {DURATION:g} s. Shorter ones hold too little."
        )
    nt = min(NT, int(end / DT * (1 + 1e-9)))
    resampled = [sample_whole(gather, gathers.dt, gathers.start - DT, DT, nt) for gather in gathers.data]
    return np.stack(resampled).astype(gathers.data.dtype)
