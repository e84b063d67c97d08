"""Rupture: what each point of a fault did and when, from waves recorded around it.

Either the whole history of every point, of which data depend linearly, or only when it broke and how much it slipped. Both are
never negative. The forward code is any function from histories to gathers: explosions in a fluid, double couples in a solid, or
their Green's functions (`adseis.inversion.green_functions`), which make it cheap.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, PyTree

from adseis.experiment.grid import Grid
from adseis.inversion.fwi import Update, invert
from adseis.inversion.source_search import linear_scale
from adseis.objectives.bands import Band
from adseis.optimizers.minimize import Result

FromHistories = Callable[[Array], Any]


class SlipHistory(NamedTuple):
    """What the points of a fault did.

    Attributes:
        rate: History of each point, in the unit of the source's time function, `(source, time)`.
        result: Of the minimization.
    """

    rate: np.ndarray
    result: Result


class Rupture(NamedTuple):
    """When the points of a fault broke, and how much.

    Attributes:
        time: Of the peak of each point's history [s], `(source,)`.
        amount: Integral of each history over time [unit of the time function times s], `(source,)`.
        rate: The histories, `(source, time)`.
        result: Of the last minimization.
    """

    time: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    result: Result


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

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
        Hartzell, S. H. & Heaton, T. H. (1983), Bull. Seismol. Soc. Am. 73, 1553-1583.
    """
    smooth_time = grid.dt / 3 if smooth_time is None else smooth_time
    if smooth_time < 0 or smooth_along < 0:
        raise ValueError(f"`smooth_time` = {smooth_time} s and `smooth_along` = {smooth_along} must not be negative.")
    observed, silent = _arrays(observed), _silence(observed, (sources, grid.nt))
    scale = linear_scale(forward, observed, silent)

    def roughness(rate: Array) -> Array:
        slopes = smooth_time / grid.dt / scale * jnp.diff(rate, axis=1)
        steps = smooth_along / scale * jnp.diff(rate, axis=0)
        return 0.5 * (jnp.sum(slopes**2) + jnp.sum(steps**2)) / rate.size

    options = {"first_step": 0.3, "regularizer": roughness} | options
    result = invert(forward, observed, silent, dt=grid.dt, update=Update(scale, low=0.0), bands=bands, **options)
    return SlipHistory(result.x, result)


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
) -> Rupture:
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
            `run-start.h5`; `callback` is given times and amounts all along.

    Returns:
        Times and amounts.

    Raises:
        ValueError: If `width` is not positive, a start is not of `sources` points or outside the record, or as `invert` does.

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    last = grid.dt * (grid.nt - 1)
    if not width > 0:
        raise ValueError(f"`width` = {width} s must be positive.")
    if time is not None and np.shape(time) != (sources,):
        raise ValueError(f"`time` {np.shape(time)} must be of the {sources} `sources`.")
    if time is not None and not np.all((np.asarray(time) >= 0) & (np.asarray(time) <= last)):
        raise ValueError(f"`time` must start within the record, 0 to {last:.6g} s: {np.asarray(time)}.")
    observed, none = _arrays(observed), _silence(observed, (sources,))
    histories = lambda x: gaussian_histories(x["time"], x["amount"], grid, width=width)  # noqa: E731
    begun = 0
    if time is None:
        amounts, begun = _spread_amounts(forward, observed, sources, grid, width, options)
        start = _medians(amounts, grid)
        scale = float(np.mean(start["amount"]))
    else:
        start = {"time": np.asarray(time), "amount": np.asarray(none)}
        scale = linear_scale(lambda a: forward(histories({"time": jnp.asarray(time), "amount": a})), observed, none)
        start["amount"] = start["amount"] + 0.5 * scale  # of an amount of zero the time would be indifferent
    start = jax.tree.map(lambda x: jnp.asarray(x, none.dtype), start)
    update = Update({"time": width, "amount": scale}, low={"time": 0.0, "amount": 0.0}, high={"time": last, "amount": np.inf})
    options = {"first_step": 0.1} | options | {"callback": _after(begun, options.get("callback"))}
    result = invert(lambda x: forward(histories(x)), observed, start, dt=grid.dt, update=update, bands=bands, **options)
    found = result.x | {"amount": np.maximum(result.x["amount"], 0)}  # a bound is kept but for rounding
    return Rupture(found["time"], found["amount"], np.asarray(histories(found)), result)


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
    time, amount = jnp.asarray(time), jnp.asarray(amount)
    phase = (jnp.asarray(grid.times, time.dtype)[None, :] - time[:, None]) / width
    return amount[:, None] * jnp.exp(-0.5 * phase**2) / (width * np.sqrt(2 * np.pi))


def _spread_amounts(
    forward: FromHistories, observed: PyTree, sources: int, grid: Grid, width: float, options: dict[str, Any]
) -> tuple[np.ndarray, int]:
    """Amounts at every sample of Gaussian histories, `(source, time)`, after few iterations; and the number of these."""
    centre, reach = (grid.nt - 1) // 2, int(np.ceil(5 * width / grid.dt))
    shape = gaussian_histories(grid.times[centre : centre + 1], np.ones(1), grid, width=width)[0] * grid.dt
    shape = shape[max(centre - reach, 0) : centre + reach + 1]  # odd, or as long as the record: centred either way

    def smeared(spread: Array) -> Array:
        return jax.vmap(lambda each: jnp.convolve(each, shape.astype(each.dtype), mode="same"))(spread)

    journal, callback = options.get("journal"), options.get("callback")
    own: dict[str, Any] = {
        "callback": callback and (lambda iteration, spread, value: callback(iteration, _medians(spread, grid), value))
    }
    if journal is not None:
        own["journal"] = Path(journal).with_stem(f"{Path(journal).stem}-start")
    own |= {name: options[name] for name in ("misfit", "evaluations", "progress", "method") if name in options}
    found = invert_slip_history(
        lambda spread: forward(smeared(spread)), observed, sources, grid, smooth_time=0.0, bands=[Band(None, 40)], **own
    )
    return found.rate, len(found.result.history) - 1


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


def _after(begun: int, callback: Callable[[int, PyTree, float], Any] | None) -> Callable[[int, PyTree, float], Any] | None:
    return callback and (lambda iteration, x, value: callback(begun + iteration, x, value))


def _arrays(observed: PyTree) -> PyTree:
    return jax.tree.map(jnp.asarray, observed)


def _silence(observed: PyTree, shape: tuple[int, ...]) -> Array:
    """Zeros in the precision of the data."""
    return jnp.zeros(shape, jnp.result_type(*jax.tree.leaves(_arrays(observed))))
