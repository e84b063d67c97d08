"""Rupture: what each point of a fault did and when, from waves recorded around it.

Either the whole history of every point, of which data depend linearly, or only when it broke and how much it slipped. Both are
never negative. The forward code is any function from histories to gathers: explosions in a fluid, double couples in a solid, or
their Green's functions (`adseis.inversion.green_functions`), which make it cheap.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, PyTree

from adseis.experiment.checks import widest
from adseis.experiment.grid import Grid
from adseis.inversion.fwi import Fit, Update, recover
from adseis.inversion.source_search import FoundSource, linear_scale
from adseis.objectives.bands import Band
from adseis.optimizers.path import STOPPED

FromHistories = Callable[[Array], Any]


class SlipHistory(FoundSource):
    """What the points of a fault did: `x` is the history of each."""

    @property
    def rate(self) -> np.ndarray:
        """History of each point, in the unit of the source's time function, `(source, time)`."""
        return self.x


@dataclass(frozen=True, eq=False)
class RuptureHistory(FoundSource):
    """When the points of a fault broke, and how much: `x` is a dict of `time` and `amount`.

    Attributes:
        rate: History of each point, `(source, time)`.
    """

    rate: np.ndarray

    @property
    def time(self) -> np.ndarray:
        """Of the peak of each point's history [s], `(source,)`."""
        return self.x["time"]

    @property
    def amount(self) -> np.ndarray:
        """Integral of each history over time [unit of the time function times s], `(source,)`."""
        return self.x["amount"]


def invert_slip_history(
    forward: FromHistories,
    observed: PyTree,
    sources: int,
    grid: Grid,
    *,
    smooth_time: float | None = None,
    smooth_along: float = 0.0,
    bands: Sequence[Band] = (Band(None, 200),),
    **options: Any,
) -> SlipHistory:
    r"""Find the history of every point of a fault, none negative.

        min_(r >= 0)  misfit(forward(r), observed) / misfit(0, observed)  +  roughness(r)

        roughness = mean of 1/2 ((smooth_time dr/dt)^2 + (smooth_along (r_(i+1) - r_i))^2) / scale^2

    over points and time, scale being `linear_scale` of the data, about the size of r. The problem has one minimum.

    Args:
        forward: From histories `(source, time)` to gathers, such as
            `lambda r: ads.simulate_acoustic(medium, ads.Survey(ads.Explosion(points, r[None]), receivers), grid)`, or a tuple of
            records. Points must be in their order along the fault.
        observed: Gathers, like those of `forward`.
        sources: Number of points.
        grid: Space-time sampling of `forward`.
        smooth_time: Weight of slopes in time [s]; by default `grid.dt / 3`, which holds back what is faster than the data show.
            With noise of a tenth of the data's peak some `3 grid.dt`.
        smooth_along: Weight of the differences of neighbours, for points that are nearer than half a wavelength: 0.1, say.
        bands: Low-pass bands in their order.
        options: Other options of `adseis.inversion.fwi.invert`: `misfit`, `callback`, `journal`, ...

    Returns:
        The histories.

    Raises:
        ValueError: If a weight is negative, data are zero or do not depend on the histories, or as `invert` does.
        TypeError: If there is no such option.

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
        Hartzell, S. H. & Heaton, T. H. (1983), Bull. Seismol. Soc. Am. 73, 1553-1583.
    """
    fit = Fit.gathered("invert_slip_history", options)
    smooth_time = grid.dt / 3 if smooth_time is None else smooth_time
    if smooth_time < 0 or smooth_along < 0:
        raise ValueError(f"`smooth_time` = {smooth_time} s and `smooth_along` = {smooth_along} must not be negative.")
    return _histories(forward, observed, sources, grid, smooth=(smooth_time, smooth_along), bands=bands, fit=fit)


def invert_rupture(
    forward: FromHistories,
    observed: PyTree,
    sources: int,
    grid: Grid,
    *,
    width: float,
    time: Float[ArrayLike, "source"] | None = None,
    bands: Sequence[Band] = (Band(None, 200),),
    **options: Any,
) -> RuptureHistory:
    r"""Find when each point of a fault broke and how much it slipped, every history being a Gaussian.

        r_i(t) = a_i exp(-(t - t_i)^2 / (2 width^2)) / (width sqrt(2 pi)),    a_i >= 0

    The misfit has many minima in the times. Unless told where to start, each point may therefore first be many Gaussians of any
    amounts, at every sample one: that problem has one minimum, and the median of a point's amounts is where its time starts.

    Args:
        forward: From histories `(source, time)` to gathers, as of `invert_slip_history`.
        observed: Gathers, like those of `forward`.
        sources: Number of points.
        grid: Space-time sampling of `forward`.
        width: Standard deviation of the histories [s].
        time: Where t_i starts [s], within half a period of the first band of the truth; by default found as said.
        bands: Low-pass bands in their order.
        options: Other options of `adseis.inversion.fwi.invert`. Of `journal` = `run.h5` the search for the start keeps
            `run-start.h5`; `callback` is given times and amounts all along, and may end either search.

    Returns:
        Times and amounts.

    Raises:
        ValueError: If `width` is not positive, a start is not of `sources` points or outside the record, or as `invert` does.
        TypeError: If there is no such option.

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    fit, last = Fit.gathered("invert_rupture", options), grid.dt * (grid.nt - 1)
    if not width > 0:
        raise ValueError(f"`width` = {width} s must be positive.")
    if time is not None and np.shape(time) != (sources,):
        raise ValueError(f"`time` {np.shape(time)} must be of the {sources} `sources`.")
    if time is not None and not np.all((np.asarray(time) >= 0) & (np.asarray(time) <= last)):
        raise ValueError(f"`time` must start within the record, 0 to {last:.6g} s: {np.asarray(time)}.")
    observed, none = _arrays(observed), _silence(observed, (sources,))
    begun = 0

    def histories(x: dict[str, Any]) -> Array:
        return gaussian_histories(x["time"], x["amount"], grid, width=width)

    if time is None:
        spread = _spread_amounts(forward, observed, sources, grid, width, fit)
        start = _medians(spread.rate, grid)
        if spread.message == STOPPED:
            return RuptureHistory.from_result(spread, x=start, rate=np.asarray(histories(start)))
        begun, scale = len(spread.history) - 1, float(np.mean(start["amount"]))
    else:
        start = {"time": np.asarray(time), "amount": np.asarray(none)}
        scale = linear_scale(lambda a: forward(histories({"time": jnp.asarray(time), "amount": a})), observed, none)
        start["amount"] = start["amount"] + 0.5 * scale  # of an amount of zero the time would be indifferent
    start = jax.tree.map(lambda x: jnp.asarray(x, none.dtype), start)
    update = Update({"time": width, "amount": scale}, low={"time": 0.0, "amount": 0.0}, high={"time": last, "amount": np.inf})
    fit = fit.starting_with(0.1).counting_from(begun)
    result = recover(lambda x: forward(histories(x)), observed, start, dt=grid.dt, update=update, bands=bands, fit=fit)
    found = result.x | {"amount": np.maximum(result.x["amount"], 0)}  # a bound is kept but for rounding
    return RuptureHistory.from_result(result, x=found, rate=np.asarray(histories(found)))


def gaussian_histories(
    time: Float[ArrayLike, "source"], amount: Float[ArrayLike, "source"], grid: Grid, *, width: float
) -> Float[Array, "source time"]:
    """Gaussian histories a exp(-(t - t_i)^2 / (2 width^2)) / (width sqrt(2 pi)) at t = k dt.

    Args:
        time: t_i [s]; differentiable.
        amount: a, the integral over time; differentiable.
        grid: Whose clock.
        width: Standard deviation [s].

    Returns:
        `(source, time)` [unit of `amount` per s].
    """
    precise, width = widest(time, amount), float(width)
    time, amount = jnp.asarray(time, precise), jnp.asarray(amount, precise)
    phase = (jnp.asarray(grid.times, time.dtype)[None, :] - time[:, None]) / width
    return amount[:, None] * jnp.exp(-0.5 * phase**2) / (width * math.sqrt(2 * math.pi))


def _histories(
    forward: FromHistories,
    observed: PyTree,
    sources: int,
    grid: Grid,
    *,
    smooth: tuple[float, float],
    bands: Sequence[Band],
    fit: Fit,
) -> SlipHistory:
    """The histories of all points; `smooth` is in time and along the fault."""
    observed, silent = _arrays(observed), _silence(observed, (sources, grid.nt))
    scale = linear_scale(forward, observed, silent)

    def roughness(rate: Array) -> Array:
        slopes = smooth[0] / grid.dt / scale * jnp.diff(rate, axis=1)
        steps = smooth[1] / scale * jnp.diff(rate, axis=0)
        return 0.5 * (jnp.sum(slopes**2) + jnp.sum(steps**2)) / rate.size

    fit = dataclasses.replace(fit.starting_with(0.3), regularizer=fit.regularizer or roughness)
    result = recover(forward, observed, silent, dt=grid.dt, update=Update(scale, low=0.0), bands=bands, fit=fit)
    return SlipHistory.from_result(result)


def _spread_amounts(forward: FromHistories, observed: PyTree, sources: int, grid: Grid, width: float, fit: Fit) -> SlipHistory:
    """Amounts at every sample of Gaussian histories, after few iterations."""
    centre, reach = (grid.nt - 1) // 2, int(np.ceil(5 * width / grid.dt))
    shape = gaussian_histories(grid.times[centre : centre + 1], np.ones(1), grid, width=width)[0] * grid.dt
    shape = shape[max(centre - reach, 0) : centre + reach + 1]  # odd, or as long as the record: centred either way

    def smeared(spread: Array) -> Array:
        return jax.vmap(lambda each: jnp.convolve(each, shape.astype(each.dtype), mode="same"))(spread)

    def report(iteration: int, spread: np.ndarray, value: float) -> Any:
        return fit.callback(iteration, _medians(spread, grid), value) if fit.callback else None

    own = dataclasses.replace(fit.journal_of("start"), callback=report, first_step=None, regularizer=None)
    bands = [Band(None, 40)]
    return _histories(lambda spread: forward(smeared(spread)), observed, sources, grid, smooth=(0.0, 0.0), bands=bands, fit=own)


def _medians(spread: np.ndarray, grid: Grid) -> dict[str, np.ndarray]:
    """When half of each point's amount is reached (of one without, half of all), and the amount. Noise at far times moves a mean,
    not a median.
    """
    total, together = spread.sum(1) * grid.dt, spread.sum(0)
    if not np.any(total > 0):
        raise ValueError("`observed` asks for slip of no point: turn the sign of the sources, or give `time`.")
    share = [np.cumsum(each if each.any() else together, dtype=float) for each in spread]
    time = np.array([np.interp(0.5 * each[-1], each, grid.times) for each in share])
    return {"time": time + 0.5 * grid.dt, "amount": total}


def _arrays(observed: PyTree) -> PyTree:
    return jax.tree.map(jnp.asarray, observed)


def _silence(observed: PyTree, shape: tuple[int, ...]) -> Array:
    """Zeros in the precision of the data."""
    return jnp.zeros(shape, jnp.result_type(*jax.tree.leaves(_arrays(observed))))
