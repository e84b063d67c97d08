"""Recorded gathers on the host: data, sampling and positions, and the steps from an instrument's clock to a grid's.

A trace that is not live (dead, missing, muted) is zero and has no weight. Multiply predicted gathers by `weights`, and no misfit
sees those traces, nor does an estimate of the source.
"""

import dataclasses
import math
from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from adseis.data import record_clock
from adseis.data.profile_line import fitted_line, line_between
from adseis.experiment.checks import Samples
from adseis.experiment.grid import Grid
from adseis.experiment.sources import Explosion
from adseis.experiment.survey import Survey
from adseis.resampling import sample_whole

Choice = int | slice | Sequence[int] | np.ndarray


def _array(values: ArrayLike | None) -> np.ndarray:
    """What the constructor takes, and what is kept of it."""
    return np.asarray(values)


class Gathers(eqx.Module):
    """Data of all shots, with what belongs to them. `dataclasses.replace` changes a part, and all is checked again.

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

    data: Float[np.ndarray, "shot time receiver"] = eqx.field(converter=_array)
    dt: float = eqx.field(static=True)
    source_positions: Float[np.ndarray, "shot source axis"] = eqx.field(converter=_array)
    receiver_positions: Float[np.ndarray, "*shot receiver axis"] = eqx.field(converter=_array)
    live: Bool[np.ndarray, "shot receiver"] = eqx.field(converter=_array, default=None, kw_only=True)
    start: float = eqx.field(static=True, default=0.0, kw_only=True)
    window: tuple[float, float] | None = eqx.field(static=True, default=None, kw_only=True)
    field: str = eqx.field(static=True, default="p", kw_only=True)
    unit: str = eqx.field(static=True, default="Pa", kw_only=True)
    records: Int[np.ndarray, " shot"] = eqx.field(converter=_array, default=None, kw_only=True)

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        if data.ndim != 3 or 0 in data.shape:
            raise ValueError(f"`data` {data.shape} must be (shot, time, receiver), with at least one of each.")
        if data.dtype.kind not in "iuf":
            raise ValueError(f"`data` is of type {data.dtype}; gathers are made of real numbers.")
        if not (math.isfinite(self.dt) and self.dt > 0 and math.isfinite(self.start)):
            raise ValueError(f"`dt` = {self.dt} s must be positive, and `start` = {self.start} s finite.")
        self.source_positions, self.receiver_positions = _geometry(self.source_positions, self.receiver_positions, data.shape)
        shots, _, traces = data.shape
        self.live = np.ones((shots, traces), bool) if self.live is None else np.asarray(self.live, bool)
        self.records = np.arange(1, shots + 1) if self.records is None else np.asarray(self.records)
        if self.live.shape != (shots, traces) or self.records.shape != (shots,):
            raise ValueError(
                f"`live` {self.live.shape} must be (shot, receiver) = {(shots, traces)}, `records` {self.records.shape} (shot,)."
            )
        data = data if data.dtype.kind == "f" else data.astype("float32")
        self.data = data if self.live.all() else np.where(self.live[:, None], data, data.dtype.type(0))
        self.dt, self.start = float(self.dt), float(self.start)
        self.window = None if self.window is None else (float(self.window[0]), float(self.window[1]))

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
        return weights * record_clock.within(self.window, self.times, self.dt)[None, :, None]

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
        if not live.any():
            raise _nothing_left("every trace is dead")
        return dataclasses.replace(self, live=live).select(shots=np.flatnonzero(live.any(1)))

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
                span = f"they run from {found.min():.6g} to {found.max():.6g} m"
                raise _nothing_left(f"no trace within `offsets` = {offsets} m; {span}")
            live = live & inside
        used = live.any(0)
        if not used.any():
            raise _nothing_left("none of the chosen traces is live")
        columns = columns[used]
        where = self.receiver_positions
        return dataclasses.replace(
            self,
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
        return dataclasses.replace(
            self,
            source_positions=self.source_positions + step[None, None],
            receiver_positions=self.receiver_positions + step.reshape((1,) * (self.receiver_positions.ndim - 1) + (-1,)),
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
        line = fitted_line(points) if start is None or end is None else line_between(start, end)
        onto = dataclasses.replace(
            self,
            source_positions=line.project(self.source_positions),
            receiver_positions=line.project(self.receiver_positions),
        )
        return onto, line.farthest(points)

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
        recorded = self.start, float(self.times[-1])
        dt, nt = record_clock.wanted_clock(onto, nt, recorded, pad=pad)
        if dt > self.dt * (1 + 1e-9):
            record_clock.warn_of_loss(self.data, self.dt, dt)
        resampled = np.empty((self.data.shape[0], nt, self.data.shape[2]), self.data.dtype)
        for new, gather in zip(resampled, self.data, strict=True):
            new[:] = sample_whole(gather, self.dt, self.start, dt, nt)
        window = record_clock.recorded_part(self.window or recorded, dt, nt)
        return dataclasses.replace(self, data=resampled, dt=dt, start=0.0, window=window)

    def _receivers(self) -> np.ndarray:
        """Positions of the receivers of every shot."""
        return np.broadcast_to(self.receiver_positions, (*self.live.shape, self.source_positions.shape[-1]))

    def _silent(self) -> np.ndarray:
        """Traces that are zero throughout."""
        return np.logical_not((self.data != 0).any(1))

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
        receivers = np.where(self.live[..., None], self._receivers(), np.array(grid.origin)[None, None])
        for name, positions in (("source", self.source_positions), ("receiver", receivers)):
            found = grid.outside(positions)
            if found is not None:
                shot, number = found
                names, values = "z, x" if axes == 2 else "z, y, x", ", ".join(f"{value:.6g}" for value in positions[found])
                raise ValueError(
                    f"{name} {number} of shot {shot} (record {self.records[shot]}) lies at ({names}) = ({values}) m, outside "
                    f"the grid, which covers {grid.ranges()} m. Use `moved(by)`, or another `origin` of the grid."
                )


def _geometry(sources: ArrayLike, receivers: ArrayLike, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Positions of sources and receivers that fit data of a shape (shot, time, receiver)."""
    sources = _positions("source_positions", sources)
    shots, _, traces = shape
    axes = sources.shape[-1]
    if sources.ndim != 3 or sources.shape[0] != shots or axes not in (2, 3):
        raise ValueError(
            f"`source_positions` {sources.shape} must be (shot, source, axis) = ({shots}, any, 2 or 3) for `data` {shape}."
        )
    receivers = _positions("receiver_positions", receivers)
    if receivers.shape not in ((traces, axes), (shots, traces, axes)):
        raise ValueError(
            f"`receiver_positions` {receivers.shape} must be (receiver, axis) = {(traces, axes)}, or {(shots, traces, axes)}, "
            f"for `data` {shape} and sources of {axes} axes."
        )
    return sources, receivers


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


def _nothing_left(why: str) -> ValueError:
    return ValueError(f"nothing is left: {why}.")


def _listed(mask: np.ndarray) -> str:
    """The traces of a `(shot, receiver)` mask, at most eight of them, as the subject of a sentence."""
    found = [f"shot {shot} trace {trace}" for shot, trace in np.argwhere(mask)]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"{', '.join(found[:8])}{more} (counted from 0) {'is' if len(found) == 1 else 'are'}"
