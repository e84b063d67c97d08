"""Recorded gathers on the host: data, sampling and positions, and the steps from an instrument's clock to a grid's.

A trace that is not live (dead, missing, muted) is zero and has no weight. Multiply predicted gathers by `weights`, and no misfit
sees those traces, nor does an estimate of the source.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from adseis.experiment.grid import Grid
from adseis.experiment.medium import Samples
from adseis.experiment.sources import Explosion
from adseis.experiment.survey import Survey
from adseis.resampling import sample_whole

Choice = int | slice | Sequence[int] | np.ndarray
LOST = 0.01
"""Share of the energy above the new Nyquist frequency from which on resampling warns."""


class Gathers(eqx.Module):
    """Data of all shots, with what belongs to them.

    Attributes:
        data: Gathers [`unit`], `(shot, time, receiver)`; zero where `live` is false.
        dt: Sampling interval [s].
        source_positions: `(shot, source, axis)` [m], axes (z, x) or (z, y, x), z down.
        receiver_positions: `(shot, receiver, axis)`, or `(receiver, axis)` where all shots share them [m].
        live: Whether a trace was recorded, `(shot, receiver)`; by default all were.
        start: Time of the first sample after the shot [s].
        window: First and last instant recorded [s]; samples outside are zero and have no weight. None for the whole record.
        field: What was recorded, as `record` of the simulations names it.
        unit: Unit of `data`.
        records: Number of each shot in the file it came from, `(shot,)`; by default 1, 2, ...

    Raises:
        ValueError: If shapes disagree or `dt` is not positive.
    """

    data: Float[np.ndarray, "shot time receiver"]
    dt: float = eqx.field(static=True)
    source_positions: Float[np.ndarray, "shot source axis"]
    receiver_positions: Float[np.ndarray, "*shot receiver axis"]
    live: Bool[np.ndarray, "shot receiver"]
    start: float = eqx.field(static=True)
    window: tuple[float, float] | None = eqx.field(static=True)
    field: str = eqx.field(static=True)
    unit: str = eqx.field(static=True)
    records: Int[np.ndarray, " shot"]

    def __init__(
        self,
        data: ArrayLike,
        dt: float,
        source_positions: ArrayLike,
        receiver_positions: ArrayLike,
        *,
        live: ArrayLike | None = None,
        start: float = 0.0,
        window: tuple[float, float] | None = None,
        field: str = "p",
        unit: str = "Pa",
        records: ArrayLike | None = None,
    ) -> None:
        data = np.asarray(data)
        if data.ndim != 3 or 0 in data.shape:
            raise ValueError(f"`data` {data.shape} must be (shot, time, receiver), with at least one of each.")
        if data.dtype.kind not in "iuf":
            raise ValueError(f"`data` is of type {data.dtype}; gathers are made of real numbers.")
        if not (math.isfinite(dt) and dt > 0 and math.isfinite(start)):
            raise ValueError(f"`dt` = {dt} s must be positive, and `start` = {start} s finite.")
        shots, _, traces = data.shape
        self.source_positions = _positions("source_positions", source_positions)
        axes = self.source_positions.shape[-1]
        if self.source_positions.ndim != 3 or self.source_positions.shape[0] != shots or axes not in (2, 3):
            raise ValueError(
                f"`source_positions` {self.source_positions.shape} must be (shot, source, axis) = ({shots}, any, 2 or 3) for "
                f"`data` {data.shape}."
            )
        self.receiver_positions = _positions("receiver_positions", receiver_positions)
        if self.receiver_positions.shape not in ((traces, axes), (shots, traces, axes)):
            raise ValueError(
                f"`receiver_positions` {self.receiver_positions.shape} must be (receiver, axis) = {(traces, axes)}, or "
                f"{(shots, traces, axes)}, for `data` {data.shape} and sources of {axes} axes."
            )
        self.live = np.ones((shots, traces), bool) if live is None else np.asarray(live, bool)
        self.records = np.arange(1, shots + 1) if records is None else np.asarray(records)
        if self.live.shape != (shots, traces) or self.records.shape != (shots,):
            raise ValueError(
                f"`live` {self.live.shape} must be (shot, receiver) = {(shots, traces)}, `records` {self.records.shape} (shot,)."
            )
        data = data if data.dtype.kind == "f" else data.astype("float32")
        self.data = data if self.live.all() else np.where(self.live[:, None], data, data.dtype.type(0))
        self.dt, self.start = float(dt), float(start)
        self.window = None if window is None else (float(window[0]), float(window[1]))
        self.field, self.unit = field, unit

    @property
    def nt(self) -> int:
        """Number of samples of a trace."""
        return self.data.shape[1]

    @property
    def times(self) -> Float[np.ndarray, " time"]:
        """The instants start + k dt [s] of the samples."""
        return self.start + self.dt * np.arange(self.nt)

    @property
    def weights(self) -> Float[np.ndarray, "shot #time receiver"]:
        """1 where data were recorded, else 0: `(shot, 1, receiver)`, or `(shot, time, receiver)` where there is a `window`."""
        weights = self.live[:, None].astype(self.data.dtype)
        if self.window is None:
            return weights
        slack = 1e-6 * self.dt
        inside = (self.times >= self.window[0] - slack) & (self.times <= self.window[1] + slack)
        return weights * inside[None, :, None]

    @property
    def offsets(self) -> Float[np.ndarray, "shot receiver"]:
        """Horizontal distance of every receiver from the first source of its shot [m]."""
        away = self._receivers()[..., 1:] - self.source_positions[:, :1, 1:]
        return np.linalg.norm(away, axis=-1)

    def survey(self, time_function: Float[Samples, "*shot_source time"]) -> Survey:
        """The survey that these data were recorded in, with explosions for sources; the data are checked first.

        Args:
            time_function: On the clock of the grid: `(shot, source, time)`, or `(time,)` for all.

        Returns:
            Sources and receivers, in the precision of `data`.

        Raises:
            ValueError: If `check` finds a fault, or `time_function` has neither one axis nor three.
        """
        self.check()
        if time_function.ndim not in (1, 3):
            raise ValueError(f"`time_function` {time_function.shape} must be (time,) or (shot, source, time).")
        time_function = time_function[None, None] if time_function.ndim == 1 else time_function
        positions = (p.astype(self.data.dtype) for p in (self.source_positions, self.receiver_positions))
        source, receivers = positions
        return Survey(Explosion(source, time_function), receivers)

    def check(self, grid: Grid | None = None) -> None:
        """Raise unless every live trace holds finite data that are not all zero, and the clock and the place are the grid's.

        Args:
            grid: Grid of the inversion; without it only the data are looked at.

        Raises:
            ValueError: Naming the shots and traces (counted from 0) or the numbers that disagree, and the repair.
        """
        unfit, dead = np.logical_not(np.isfinite(self.data).all(1)), self._silent()
        if unfit.any():
            shot, trace = np.argwhere(unfit)[0]
            sample = int(np.argmin(np.isfinite(self.data[shot, :, trace])))
            raise ValueError(
                f"{_listed(unfit)} not finite, the first at sample {sample}, t = {self.times[sample]:.6g} s. "
                "Repair the file, or leave such traces out by `without_dead()`."
            )
        silent = np.logical_not((self.live & ~dead).any(1))
        if silent.any():
            named = ", ".join(f"{shot} (record {self.records[shot]})" for shot in np.flatnonzero(silent)[:8])
            raise ValueError(
                f"every trace is zero in shot {named}. Leave such shots out by `without_dead()` or `select(shots=...)`."
            )
        if (dead & self.live).any():
            raise ValueError(
                f"{_listed(dead & self.live)} zero throughout, and would count as measured silence. "
                "Leave such traces out by `without_dead()`."
            )
        if grid is not None:
            self._check_place(grid)
            self._check_clock(grid)

    def without_dead(self) -> "Gathers":
        """The gathers with their dead traces marked: those zero throughout, and those with a NaN or an infinity.

        Returns:
            Gathers without the shots and the receivers of which nothing is left.

        Raises:
            ValueError: If nothing at all is left.
        """
        live = self.live & ~self._silent() & np.isfinite(self.data).all(1)
        return self._with(live=live).select(shots=np.flatnonzero(live.any(1))) if live.any() else _nothing("every trace is dead")

    def select(
        self, *, shots: Choice | None = None, receivers: Choice | None = None, offsets: tuple[float, float] | None = None
    ) -> "Gathers":
        """Some of the shots, receivers or offsets.

        Args:
            shots: Which shots: numbers from 0, a slice, or a mask.
            receivers: Which receivers, likewise.
            offsets: Nearest and farthest horizontal distance to keep [m].

        Returns:
            Gathers without the receivers that no shot has left.

        Raises:
            ValueError: If there is no such shot or receiver, or nothing is left.
        """
        rows = _chosen("shots", shots, self.data.shape[0])
        columns = _chosen("receivers", receivers, self.data.shape[2])
        live = self.live[np.ix_(rows, columns)]
        if offsets is not None:
            found = self.offsets[np.ix_(rows, columns)]
            inside = (found >= offsets[0]) & (found <= offsets[1])
            if not (inside & live).any():
                _nothing(f"no trace within `offsets` = {offsets} m; they run from {found.min():.6g} to {found.max():.6g} m")
            live = live & inside
        used = live.any(0)
        if not used.any():
            _nothing("none of the chosen traces is live")
        columns = columns[used]
        where = self.receiver_positions
        return self._with(
            data=self.data[np.ix_(rows, np.arange(self.nt), columns)],
            source_positions=self.source_positions[rows],
            receiver_positions=where[columns] if where.ndim == 2 else where[np.ix_(rows, columns)],
            live=live[:, used],
            records=self.records[rows],
        )

    def moved(self, by: Sequence[float]) -> "Gathers":
        """The gathers in other coordinates; large ones, such as UTM, lose decimetres in float32.

        Args:
            by: What is added to every position, one number per axis [m].

        Returns:
            The gathers.

        Raises:
            ValueError: If `by` has not one number per axis.
        """
        if len(by) != self.source_positions.shape[-1]:
            raise ValueError(f"`by` = {tuple(by)} m needs one number for each of {self.source_positions.shape[-1]} axes.")
        step = np.asarray(by, float)
        source = self.source_positions + step[None, None]
        return self._with(
            source_positions=source, receiver_positions=self.receiver_positions + _like(step, self.receiver_positions)
        )

    def projected(
        self, start: tuple[float, float] | None = None, end: tuple[float, float] | None = None
    ) -> tuple["Gathers", float]:
        """Positions (z, y, x) dropped onto a vertical section (z, x).

        Args:
            start: (y, x) where the section's x is 0 [m]; by default the end of the straight line that fits sources and receivers
                best where its x (or y, of a line along it) is smallest.
            end: (y, x) of another point, towards which the section's x grows [m].

        Returns:
            The gathers, and the largest distance of a source or live receiver from the line [m].

        Raises:
            ValueError: If the positions have no y, only one of `start` and `end` is given, or they are the same point.
        """
        if self.source_positions.shape[-1] != 3:
            raise ValueError("the positions are (z, x) already; there is nothing to project.")
        if (start is None) != (end is None):
            raise ValueError(f"`start` = {start} and `end` = {end} must be given both, or neither.")
        points = np.concatenate([self.source_positions[..., 1:].reshape(-1, 2), self._receivers()[self.live][:, 1:]])
        if start is None or end is None:
            origin = points.mean(0)
            along = np.linalg.svd(points - origin[None], full_matrices=False)[2][0]
            along = along * (np.sign(along[np.argmax(np.abs(along) > 1e-6)]) if abs(along[1]) < 1e-6 else np.sign(along[1]))
            origin = origin + along * ((points - origin[None]) @ along).min()
        else:
            origin, along = np.asarray(start, float), np.subtract(end, start)
            if not np.linalg.norm(along) > 0:
                raise ValueError(f"`start` and `end` are the same point, {start} m: they give no direction.")
            along = along / np.linalg.norm(along)
        across = np.array([-along[1], along[0]])

        def onto(positions: np.ndarray) -> np.ndarray:
            return np.stack([positions[..., 0], (positions[..., 1:] - _like(origin, positions)) @ along], -1)

        farthest = float(np.abs((points - origin[None]) @ across).max())
        return self._with(
            source_positions=onto(self.source_positions), receiver_positions=onto(self.receiver_positions)
        ), farthest

    def resampled(self, onto: Grid | float, nt: int | None = None, *, pad: bool = False) -> "Gathers":
        r"""The gathers at t = k dt from the shot on, by the trigonometric interpolant of each trace followed by zeros.

            d(t) = 1/n sum_j D_j exp(2 pi i j (t - start) / (n dt)),     |j| < n dt / (2 dt'),

        so that nothing aliases: what lies above the new Nyquist frequency 1 / (2 dt') is removed, with a warning where it is more
        than 1 % of the energy. Samples before the shot are dropped.

        Args:
            onto: The grid whose clock is wanted, or the interval dt' [s].
            nt: Number of samples, with an interval; by default as many as were recorded.
            pad: Whether the new record may end after the recorded one; what is missing is zero and has no weight.

        Returns:
            The gathers, with `start` = 0; instants before the first sample are zero and have no weight.

        Raises:
            ValueError: If the interval is not positive, `nt` does not fit, or the new record ends too late.
        """
        dt = onto.dt if isinstance(onto, Grid) else float(onto)
        if not (math.isfinite(dt) and dt > 0):
            raise ValueError(f"`onto` = {dt} s must be positive.")
        if isinstance(onto, Grid) and nt is not None:
            raise ValueError(f"`nt` = {nt} is the grid's; leave it out.")
        last = float(self.times[-1])
        most = math.floor(last / dt + 1e-6) + 1
        if most < 1:
            raise ValueError(f"the record ends at {last:.6g} s, before the shot; check `start` = {self.start} s.")
        nt = onto.nt if isinstance(onto, Grid) else most if nt is None else nt
        if nt < 1:
            raise ValueError(f"`nt` = {nt} must be at least 1.")
        if nt > most and not pad:
            raise ValueError(
                f"the new record ends at {(nt - 1) * dt:.6g} s ({nt} samples of {dt:.6g} s), the recorded one at {last:.6g} s. "
                f"Use nt <= {most}, or `pad=True`, which gives no weight to what is missing."
            )
        if dt > self.dt * (1 + 1e-9):
            self._warn_of_loss(dt)
        resampled = np.empty((self.data.shape[0], nt, self.data.shape[2]), self.data.dtype)
        for new, gather in zip(resampled, self.data, strict=True):
            new[:] = sample_whole(gather, self.dt, self.start, dt, nt)
        first, final = self.window or (self.start, last)
        whole = first <= 1e-6 * dt and (nt - 1) * dt <= final + 1e-6 * dt
        return self._with(data=resampled, dt=dt, start=0.0, window=None if whole else (max(first, 0.0), final))

    def _with(self, **changes: Any) -> "Gathers":
        """The gathers with some attributes replaced."""
        names = ("live", "start", "window", "field", "unit", "records", "data", "dt", "source_positions", "receiver_positions")
        return Gathers(**{name: getattr(self, name) for name in names} | changes)

    def _receivers(self) -> np.ndarray:
        """Positions of the receivers of every shot."""
        return np.broadcast_to(self.receiver_positions, (*self.live.shape, self.source_positions.shape[-1]))

    def _silent(self) -> np.ndarray:
        """Traces that are zero throughout."""
        return np.logical_not((self.data != 0).any(1))

    def _warn_of_loss(self, dt: float) -> None:
        """Warn where resampling to `dt` removes energy that counts."""
        above = np.fft.rfftfreq(self.nt, self.dt) >= 0.5 / dt
        total = lost = 0.0
        for gather in self.data:
            power = np.sum(np.abs(np.fft.rfft(gather, axis=0)) ** 2, 1)
            total, lost = total + power[1:].sum(), lost + power[above].sum()
        if lost > LOST * total:
            warnings.warn(
                f"{100 * lost / total:.2g} % of the data's energy lies above {0.5 / dt:.6g} Hz and is removed: {dt:.6g} s is a "
                f"coarser clock than the {self.dt:.6g} s of the data. Filter first, or use a finer `dt`.",
                stacklevel=3,
            )

    def _check_clock(self, grid: Grid) -> None:
        if abs(self.dt / grid.dt - 1) > 1e-6 or self.start != 0:
            raise ValueError(
                f"the data start at {self.start:.6g} s and have a sample every {self.dt:.6g} s; the grid starts at 0 s with "
                f"`dt` = {grid.dt:.6g} s. Use `resampled(grid)`."
            )
        if self.nt != grid.nt:
            raise ValueError(
                f"the data have {self.nt} samples, the grid `nt` = {grid.nt}. Use `resampled(grid)`, or a grid of as many."
            )

    def _check_place(self, grid: Grid) -> None:
        axes = self.source_positions.shape[-1]
        if axes != len(grid.shape):
            repair = " Use `projected()`." if axes == 3 else ""
            raise ValueError(f"positions have {axes} axes, the grid has {len(grid.shape)}.{repair}")
        low = np.array(grid.origin)
        high, slack = low + np.array(grid.extent), 1e-3 * np.array(grid.spacing)
        receivers = np.where(self.live[..., None], self._receivers(), low[None, None])
        for name, positions in (("source", self.source_positions), ("receiver", receivers)):
            out = ((positions < (low - slack)[None, None]) | (positions > (high + slack)[None, None])).any(-1)
            if out.any():
                shot, number = np.argwhere(out)[0]
                where, names = positions[shot, number], "z, x" if axes == 2 else "z, y, x"
                raise ValueError(
                    f"{name} {number} of shot {shot} (record {self.records[shot]}) lies at ({names}) = {_point(where)} m, "
                    f"outside the grid, from {_point(low)} to {_point(high)} m. Use `moved(by)`, or another `origin` of the grid."
                )


def _positions(name: str, positions: ArrayLike) -> np.ndarray:
    positions = np.asarray(positions)
    if positions.ndim not in (2, 3) or positions.dtype.kind not in "iuf" or not np.isfinite(positions).all():
        raise ValueError(f"`{name}` {positions.shape} must be finite numbers in metres, of the axes (..., number, axis).")
    return positions if positions.dtype.kind == "f" else positions.astype("float64")


def _chosen(name: str, choice: Choice | None, count: int) -> np.ndarray:
    everything = np.arange(count)
    if choice is None:
        return everything
    try:
        return np.atleast_1d(everything[choice if isinstance(choice, slice) else np.asarray(choice)])
    except IndexError as error:
        raise ValueError(f"`{name}` = {choice} does not fit: there are {count}, counted from 0 ({error}).") from error


def _nothing(why: str) -> "Gathers":
    raise ValueError(f"nothing is left: {why}.")


def _listed(mask: np.ndarray) -> str:
    """The traces of a `(shot, receiver)` mask, at most eight of them, as the subject of a sentence."""
    found = [f"shot {shot} trace {trace}" for shot, trace in np.argwhere(mask)]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"{', '.join(found[:8])}{more} (counted from 0) {'is' if len(found) == 1 else 'are'}"


def _like(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """One position with as many axes as `positions`."""
    return values.reshape((1,) * (positions.ndim - 1) + (-1,))


def _point(position: np.ndarray) -> str:
    return f"({', '.join(f'{value:.6g}' for value in position)})"
