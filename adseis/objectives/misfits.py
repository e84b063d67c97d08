"""Misfits: how far predicted data are from observed data, as one number to minimize.

Each misfit is a plain differentiable function of two arrays of one shape, most often gathers `(shot, time, receiver)`, and sums
over samples or traces. Those that look at whole traces know time by `axis`. `weights` are a number or an array with as many axes
as the data, each of their length or of length 1 (of length 1 along time, where traces are compared as a whole); `windowed` cuts
time windows out for any misfit.

Data may be of any size, in single precision too: what is squared is near one. A misfit in the unit of the data squared may still
be too small a number to be held; its gradient is not, and `relative_objective` compares data in a unit of their size.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.objectives import alignment, transport, warping
from adseis.signals import analytic, homogeneous, over, peak, unit_of
from adseis.signals import envelope as envelope_of

Data = Float[ArrayLike, "*data"]
Weights = Float[ArrayLike, "..."] | float | None
Misfit = Callable[..., Array]


def l2(predicted: Data, observed: Data, *, weights: Weights = None) -> Float[Array, ""]:
    """Least-squares misfit 1/2 sum_i w_i (predicted_i - observed_i)^2.

    Its gradient with respect to `predicted` is w (predicted - observed).

    Use it for clean data and a start within half a period of them, where it resolves most.
    Do not use it where outliers dominate, or a wave may be a cycle off: it then leads to a side minimum.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        weights: Non-negative weights.

    Returns:
        The misfit [unit squared].

    Raises:
        ValueError: If the shapes do not fit.

    References:
        Tarantola, A. (1984), Geophysics 49, 1259-1266, doi:10.1190/1.1441754

    Example:
        >>> observed = np.ones((1, 4, 2))  # (shot, time, receiver)
        >>> float(ads.misfits.l2(3 * observed, observed))  # half the sum of squares
        16.0
    """
    return 0.5 * _total(_residual(predicted, observed) ** 2, weights)


def l1(predicted: Data, observed: Data, *, weights: Weights = None) -> Float[Array, ""]:
    """Least absolute deviations sum_i w_i |predicted_i - observed_i|: an outlier pulls no harder than any other sample.

    Use it for data with spikes or bad traces. Do not use it against cycle skips, of which it has as many as `l2`, or near an
    exact fit, where its kinks slow an optimizer down: `huber` is smooth there.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        weights: Non-negative weights.

    Returns:
        The misfit [unit]; its gradient is zero where the data agree exactly.

    Raises:
        ValueError: If the shapes do not fit.

    References:
        Crase, E. et al. (1990), Geophysics 55, 527-538, doi:10.1190/1.1442864
    """
    residual = _residual(predicted, observed)
    return _total(residual * jnp.sign(residual), weights)  # the derivative of `jnp.abs` at zero is not zero


def huber(predicted: Data, observed: Data, *, threshold: float, weights: Weights = None) -> Float[Array, ""]:
    """Least squares for small residuals, least absolute deviations for large ones: sum_i w_i h(r_i).

    h(r) = r^2 / 2 for |r| <= c, and c (|r| - c / 2) beyond.

    Use it for data with outliers whose common noise is known roughly. Do not use it with a threshold above the data's peak, where
    it is `l2`, or against cycle skips.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        threshold: c [unit], positive: what is still taken for noise without outliers.
        weights: Non-negative weights.

    Returns:
        The misfit [unit squared].

    Raises:
        ValueError: If the shapes do not fit, or `threshold` is not positive.

    References:
        Huber, P. J. (1964), Ann. Math. Statist. 35, 73-101, doi:10.1214/aoms/1177703732
        Guitton, A. & Symes, W. W. (2003), Geophysics 68, 1310-1319, doi:10.1190/1.1598124
    """
    _require_positive(threshold=threshold)
    size = jnp.abs(_residual(predicted, observed))
    return _total(jnp.where(size <= threshold, size**2 / 2, threshold * (size - threshold / 2)), weights)


def student_t(
    predicted: Data, observed: Data, *, scale: float, degrees: float = 1.0, weights: Weights = None
) -> Float[Array, ""]:
    """Student's t log-likelihood: sum_i w_i (nu + 1) / 2 log(1 + r_i^2 / (nu s^2)), which forgets large residuals.

    Use it where some traces or events are wrong altogether: they end up without influence. Do not use it from a poor start, whose
    residuals it forgets as well.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        scale: s [unit], positive: the size of common noise.
        degrees: nu, positive: 1 is Cauchy's distribution, large values tend to least squares.
        weights: Non-negative weights.

    Returns:
        The misfit [1].

    Raises:
        ValueError: If the shapes do not fit, or `scale` or `degrees` is not positive.

    References:
        Aravkin, A., van Leeuwen, T. & Herrmann, F. (2011), SEG Expanded Abstracts, 2669-2673, doi:10.1190/1.3627747
    """
    _require_positive(scale=scale, degrees=degrees)
    relative = _residual(predicted, observed) / scale
    return 0.5 * (degrees + 1) * _total(jnp.log1p(relative**2 / degrees), weights)


def normalized_correlation(predicted: Data, observed: Data, *, axis: int = -2, weights: Weights = None) -> Float[Array, ""]:
    """One minus the correlation of every trace: sum_traces w (1 - <p, o> / (|p| |o|)). Amplitudes play no part.

    Use it where amplitudes cannot be trusted: coupling, attenuation, 2D for 3D, a source of unknown size. Do not use it to find
    density, moments or attenuation, which are in the amplitudes, or against cycle skips.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape.
        axis: Time axis.
        weights: Non-negative weights of traces.

    Returns:
        The misfit [1], 0 to 2 for each trace; 1 for one that is zero.

    Raises:
        ValueError: If the shapes do not fit.

    References:
        Choi, Y. & Alkhalifah, T. (2012), Geophys. Prospect. 60, 748-758, doi:10.1111/j.1365-2478.2012.01079.x

    Example:
        >>> observed = ads.wavelets.ricker(10.0, 300, 1e-3)[None, :, None]
        >>> abs(float(ads.misfits.normalized_correlation(5 * observed, observed))) < 1e-6  # amplitudes count nothing
        True
    """
    p, o = (_unit(x) for x in _traces(predicted, observed, axis))
    return _total(_per_trace(1 - jnp.sum(p * o, -1), axis), weights)


def envelope(predicted: Data, observed: Data, *, power: int = 1, axis: int = -2, weights: Weights = None) -> Float[Array, ""]:
    """Least squares of envelopes, 1/2 sum_i w_i (E(p)_i^k - E(o)_i^k)^2: holds lower frequencies than the data.

    Use it from a start some periods off, or for data without low frequencies, before `l2`. Do not use it to the end: it does not
    see phases, and a change of polarity costs nothing.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        power: k: 1, or 2, which favours strong arrivals.
        axis: Time axis.
        weights: Non-negative weights.

    Returns:
        The misfit [unit^(2 k)].

    Raises:
        ValueError: If the shapes do not fit, or `power` is neither.

    References:
        Wu, R.-S., Luo, J. & Wu, B. (2014), Geophysics 79, WA13-WA24, doi:10.1190/geo2013-0294.1
    """
    if power not in (1, 2):
        raise ValueError(f"`power` = {power} must be 1 or 2.")
    _residual(predicted, observed)
    p, o = (envelope_of(x, axis=axis) ** power for x in (predicted, observed))
    return 0.5 * _total((p - o) ** 2, weights)


def instantaneous_phase(
    predicted: Data, observed: Data, *, water_level: float = 0.05, axis: int = -2, weights: Weights = None
) -> Float[Array, ""]:
    """Least squares of phases without unwrapping: 1/2 sum_i w_i |a(p)_i - a(o)_i|^2, a = X / sqrt(|X|^2 + e^2), X = x + i H(x).

    For strong signals |a(p) - a(o)| = 2 |sin((phi_p - phi_o) / 2)|. Weak ones are quenched by e, a share of each trace's largest
    envelope.

    Use it for weak arrivals, which count as much as strong ones. Do not use it for noisy data at a low water level, whose noise
    counts as well, or from a start more than half a period off.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape.
        water_level: That share, positive.
        axis: Time axis.
        weights: Non-negative weights.

    Returns:
        The misfit [1].

    Raises:
        ValueError: If the shapes do not fit, or `water_level` is not positive.

    References:
        Bozdag, E., Trampert, J. & Tromp, J. (2011), Geophys. J. Int. 185, 845-870, doi:10.1111/j.1365-246X.2011.04970.x
        Yuan, Y. O. et al. (2020), Geophys. J. Int. 221, 1145-1164, doi:10.1093/gji/ggaa063
    """
    _require_positive(water_level=water_level)
    _residual(predicted, observed)

    def phase(x: Array) -> tuple[Array, Array]:
        signal = analytic(over(x, unit_of(x, axis=axis)), axis=axis)
        power = signal.real**2 + signal.imag**2
        level = water_level**2 * peak(power, axis=axis)
        size = jnp.sqrt(jnp.where(level > 0, power + level, 1))
        return signal.real / size, signal.imag / size

    squares = [(p - o) ** 2 for p, o in zip(*(phase(jnp.asarray(x)) for x in (predicted, observed)), strict=True)]
    return 0.5 * _total(squares[0] + squares[1], weights)


def traveltime(
    predicted: Data, observed: Data, *, dt: float, max_shift: float | None = None, axis: int = -2, weights: Weights = None
) -> Float[Array, ""]:
    """Least squares of the shifts that align traces best: 1/2 sum_traces w T^2, T = argmax_t integral o(s + t) p(s) ds.

    The largest sample of the correlation is refined by Newton steps on its band-limited interpolant, and the derivative is that
    of the maximum: dT = -dc'(T) / c''(T).

    Use it first, from a start cycles off, for data with one clear arrival in the record or window. Do not use it where several
    arrivals overlap, whose correlation has rival peaks, or for shapes and amplitudes.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape.
        dt: Sampling interval [s].
        max_shift: Largest shift that is looked for [s]; None for half of the record.
        axis: Time axis.
        weights: Non-negative weights of traces.

    Returns:
        The misfit [s^2]; traces that are zero count nothing.

    Raises:
        ValueError: If the shapes do not fit, or `dt` or `max_shift` is not positive.

    References:
        Luo, Y. & Schuster, G. T. (1991), Geophysics 56, 645-653, doi:10.1190/1.1443081
    """
    _require_positive(dt=dt, max_shift=math.inf if max_shift is None else max_shift)
    shift = alignment.shifts(*_traces(predicted, observed, axis), dt, max_shift)
    return 0.5 * _total(_per_trace(shift**2, axis), weights)


def adaptive(
    predicted: Data, observed: Data, *, damping: float = 1e-3, axis: int = -2, weights: Weights = None
) -> Float[Array, ""]:
    """Adaptive waveform inversion: sum_traces w 1/2 |T f|^2 / |f|^2, f the Wiener filter that turns predicted into observed.

    T is the lag over the length of the record. Equal data give a spike at lag zero, widened by the damping where the data have no
    power, and so a small misfit; shifted data give one that grows with the shift; amplitudes play no part.

    Use it from a start cycles off, for whole traces of several arrivals. Do not use it to the end, where the damping widens its
    minimum, or for traces of noise alone.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape.
        damping: Share of a predicted trace's largest power that is added to the denominator of its filter, positive.
        axis: Time axis.
        weights: Non-negative weights of traces.

    Returns:
        The misfit [1]; traces that are zero count nothing.

    Raises:
        ValueError: If the shapes do not fit, or `damping` is not positive.

    References:
        Warner, M. & Guasch, L. (2016), Geophysics 81, R429-R445, doi:10.1190/geo2015-0387.1
    """
    _require_positive(damping=damping)
    value = alignment.filter_spread(*_traces(predicted, observed, axis), damping)
    return 0.5 * _total(_per_trace(value, axis), weights)


def wasserstein(
    predicted: Data, observed: Data, *, dt: float, sharpness: float = 3.0, axis: int = -2, weights: Weights = None
) -> Float[Array, ""]:
    """Squared 2-Wasserstein distance of traces turned into densities of time: sum_traces w integral_0^1 (t_p(q) - t_o(q))^2 dq.

    t(q) is the time at which the share q of a density has passed. Densities are log(1 + exp(b x / A)), with A the largest
    observed value of the trace, normalized; for a shifted pulse the misfit grows with the shift.

    Use it from a start cycles off, for traces of few arrivals and one polarity. Do not use it for noisy records, whose noise is
    mass that is moved too, or where the total mass, which it does not see, matters.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        dt: Sampling interval [s].
        sharpness: b, positive: larger values drown the negative half waves.
        axis: Time axis.
        weights: Non-negative weights of traces.

    Returns:
        The misfit [s^2].

    Raises:
        ValueError: If the shapes do not fit, or `dt` or `sharpness` is not positive.

    References:
        Engquist, B. & Froese, B. D. (2014), Commun. Math. Sci. 12, 979-988, doi:10.4310/CMS.2014.v12.n5.a7
        Yang, Y. et al. (2018), Geophysics 83, R43-R62, doi:10.1190/geo2016-0663.1
    """
    _require_positive(dt=dt, sharpness=sharpness)
    p, o = _traces(predicted, observed, axis)
    near_one = unit_of(o, axis=-1)
    p, o = over(p, near_one), over(o, near_one)
    unit = peak(jnp.abs(o))
    p, o = (jax.nn.softplus(sharpness * x / jnp.where(unit > 0, unit, 1)) for x in (p, o))
    return _total(_per_trace(transport.wasserstein_2(p, o, dt), axis), weights)


def graph_space(
    predicted: Data, observed: Data, *, dt: float, max_shift: float, axis: int = -2, weights: Weights = None
) -> Float[Array, ""]:
    """Optimal transport of points (t, x): sum_traces w min_s 1/2 sum_i (p_i - o_s(i))^2 + (A (t_i - t_s(i))/T)^2.

    s runs over permutations; A is the largest observed value of the trace. The assignment problem is solved by SciPy on the
    host, its cost growing as nt^3: `adseis.signals.resample` long traces first.

    Use it from a start up to `max_shift` off, for signed data as they are. Do not use it for long records or many traces, whose
    assignments take the host longer than waves take.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        dt: Sampling interval [s].
        max_shift: T [s], positive: shifts up to it are cheaper than misfits of amplitude.
        axis: Time axis.
        weights: Non-negative weights of traces.

    Returns:
        The misfit [unit squared].

    Raises:
        ValueError: If the shapes do not fit, or `dt` or `max_shift` is not positive.

    References:
        Metivier, L. et al. (2019), Inverse Problems 35, 085001, doi:10.1088/1361-6420/ab206f
    """
    _require_positive(dt=dt, max_shift=max_shift)
    p, o = _traces(predicted, observed, axis)
    per_second = peak(jnp.abs(o))[..., 0] / max_shift
    return 0.5 * _total(_per_trace(transport.graph_space(p, o, per_second * dt), axis), weights)


def soft_dtw(
    predicted: Data, observed: Data, *, smoothing: float = 1e-2, window: int | None = None, axis: int = -2,
    weights: Weights = None,
) -> Float[Array, ""]:  # fmt: skip
    """Soft dynamic time warping, as a divergence: sum_traces w (d(p, o) - d(p, p) / 2 - d(o, o) / 2).

    d is the soft minimum, -g log sum exp(-cost / g), of the cost sum (p_i - o_j)^2 over all monotonous alignments of the samples.

    Use it where waves are late by different amounts within a trace, for short records. Do not use it for long ones, or where a
    stretched time must not pass for a fit; `window` limits that.

    Args:
        predicted: Simulated data, any shape and unit.
        observed: Measured data, of the same shape and unit.
        smoothing: g over the square of the trace's largest observed value, positive.
        window: Most samples that two aligned samples may be apart; None for no limit.
        axis: Time axis.
        weights: Non-negative weights of traces.

    Returns:
        The misfit [unit squared], not negative, zero for equal traces; time and memory of a gradient grow as nt^2.

    Raises:
        ValueError: If the shapes do not fit, or `smoothing` or `window` is not positive.

    References:
        Cuturi, M. & Blondel, M. (2017), Soft-DTW, ICML, arXiv:1703.01541
        Blondel, M., Mensch, A. & Vert, J.-P. (2021), Differentiable divergences between time series, AISTATS, arXiv:2010.08354
    """
    _require_positive(smoothing=smoothing, window=math.inf if window is None else float(window))
    p, o = _traces(predicted, observed, axis)

    def warped(p: Array, o: Array) -> Array:
        unit = peak(jnp.abs(o))
        unit = jnp.where(unit > 0, unit, 1)
        return unit**2 * warping.divergence(p / unit, o / unit, smoothing, window)[..., None]

    value = homogeneous(warped, 2)(unit_of(o, axis=-1), p, o)[..., 0]
    return _total(_per_trace(value, axis), weights)


def windowed(misfit: Misfit, window: Float[ArrayLike, "..."]) -> Misfit:
    """A misfit of what a time window lets through.

    Args:
        misfit: `misfit(predicted, observed, ...)`.
        window: What both are multiplied by: an array that broadcasts to the data, such as one of shape `(time, 1)`.

    Returns:
        `misfit(window * predicted, window * observed, ...)`.

    Example:
        >>> first_half = (np.arange(4) < 2)[:, None].astype(float)  # (time, 1): of all shots and receivers
        >>> misfit = ads.misfits.windowed(ads.misfits.l2, first_half)
        >>> observed = np.ones((1, 4, 2))
        >>> float(misfit(3 * observed, observed))
        8.0
    """

    def inside(predicted: Data, observed: Data, **options: object) -> Array:
        predicted, observed = jnp.asarray(predicted), jnp.asarray(observed)
        missing = observed.ndim - jnp.ndim(window)
        fits = missing >= 0 and all(n in (1, m) for n, m in zip(jnp.shape(window), observed.shape[missing:], strict=True))
        if not fits:
            raise ValueError(f"`window` {jnp.shape(window)} does not fit the data {observed.shape}.")
        passed = jnp.asarray(window, observed.dtype).reshape(*[1] * missing, *jnp.shape(window))
        return misfit(passed * predicted, passed * observed, **options)

    return inside


def _total(values: Array, weights: Weights) -> Array:
    """The weighted sum, refusing weights that would enlarge the values."""
    if weights is None:
        return jnp.sum(values)
    weights = jnp.asarray(weights, values.dtype)
    fits = weights.ndim == values.ndim and all(n in (1, m) for n, m in zip(weights.shape, values.shape, strict=True))
    if weights.ndim and not fits:
        raise ValueError(
            f"`weights` {weights.shape} do not fit the data {values.shape}: give a number, or an array with the same axes, "
            "each of the same length or of length 1."
        )
    return jnp.sum(weights * values)


def _residual(predicted: ArrayLike, observed: ArrayLike) -> Array:
    """Predicted minus observed, refusing the silent broadcast of unlike shapes."""
    predicted, observed = jnp.asarray(predicted), jnp.asarray(observed)
    if predicted.shape != observed.shape:
        raise ValueError(f"`predicted` {predicted.shape} and `observed` {observed.shape} must have one shape.")
    return predicted - observed


def _traces(predicted: ArrayLike, observed: ArrayLike, axis: int) -> tuple[Array, Array]:
    """Both, with time as the last axis."""
    difference = _residual(predicted, observed)
    if not -difference.ndim <= axis < difference.ndim:
        raise ValueError(
            f"`axis` = {axis} is no axis of data of the shape {difference.shape}; a single trace has time on axis=-1."
        )
    return jnp.moveaxis(jnp.asarray(predicted), axis, -1), jnp.moveaxis(jnp.asarray(observed), axis, -1)


def _per_trace(values: Array, axis: int) -> Array:
    """A value for every trace, with the time axis back where it was, of length 1."""
    return jnp.moveaxis(values[..., None], -1, axis)


def _unit(x: Array) -> Array:
    """Traces of norm 1; zeros stay zero."""
    x = over(x, unit_of(x, axis=-1))
    power = jnp.sum(x**2, -1, keepdims=True)
    alive = power > 0
    return jnp.where(alive, x / jnp.sqrt(jnp.where(alive, power, 1)), 0)


def _require_positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise ValueError(f"`{name}` = {value} must be positive.")
