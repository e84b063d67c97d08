"""Moment tensors: where an earthquake was, what moved and when, together, from elastic waves.

At a known position a few simulations say all: data are linear in the histories of the tensor's components, and what these have in
common, a tensor times one function of time, is soon found (`fit_mechanism`). That starts the search for position, tensor and
function together (`invert_moment_tensor`); repeated along a line of positions it draws the curve of misfit against depth.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PyTree

from adseis.experiment.checks import Samples
from adseis.experiment.grid import Grid
from adseis.inversion.fwi import Fit, Update, recover
from adseis.inversion.green_functions import QUIET, convolution
from adseis.inversion.parametrizations import Parametrization
from adseis.inversion.source_search import FoundSource, Room, largest, linear_scale, search_room
from adseis.objectives.bands import Band
from adseis.objectives.regularizers import tikhonov
from adseis.optimizers.path import STOPPED
from adseis.signals.arithmetic import einsum

SILENT = 0.2
"""Share of its peak below which a rate that is never negative starts from zero."""

FromMechanism = Callable[[Array, Array, Array], Any]


class Mechanism(FoundSource):
    """An earthquake that was found: `x` is a dict of `position`, `moment` and `rate`."""

    @property
    def position(self) -> np.ndarray:
        """`(shot, source, axis)` [m]."""
        return self.x["position"]

    @property
    def moment(self) -> np.ndarray:
        """M, symmetric, `(shot, source, axis, axis)` [N m; N in 2D]."""
        return self.x["moment"]

    @property
    def rate(self) -> np.ndarray:
        """Moment-rate function, of unit area, `(shot, source, time)` [1/s]."""
        return self.x["rate"]


class _Prior(NamedTuple):
    """What is known of mechanisms beforehand, in the words of `invert_moment_tensor`."""

    deviatoric: bool
    positive: bool
    smoothness: float


def invert_moment_tensor(
    forward: FromMechanism,
    observed: PyTree,
    position: Float[Samples, "shot source axis"],
    grid: Grid,
    *,
    reach: float | Sequence[float],
    margin: float = 0.0,
    bands: Sequence[Band] = (Band(),),
    deviatoric: bool = False,
    positive: bool = True,
    smoothness: float = 1e-5,
    **options: Any,
) -> Mechanism:
    """Find position, moment tensor and moment-rate function of earthquakes by minimizing the misfit of their gathers.

        min_(x, M, r)  misfit(forward(x, M, r), observed) / misfit(0, observed)  +  smoothness roughness(r),    int r dt = 1

    roughness is the mean square of the differences of neighbouring samples, relative to the size of r. M and r start from what
    the histories of the components have in common at the starting position in the first band (see `fit_mechanism`). In the end
    both are fitted anew at the position found, and kept if that lowers the misfit: motion that few data see, such as late motion,
    would be left over from wrong positions.

    Args:
        forward: From positions `(shot, source, axis)`, moments `(shot, source, axis, axis)` and moment-rate functions `(shot,
            source, time)` to gathers, such as `lambda x, m, r: ads.simulate_elastic(medium, ads.Survey(ads.MomentTensor(x, r, m),
            receivers), grid, free_surface=True)`. Data are taken to be linear in m and in r.
        observed: Gathers `(shot, time, receiver)`, a shot for each event; a tuple if `forward` returns one.
        position: Where to start [m].
        grid: Space-time sampling of `forward`.
        reach: How far a position is expected to move in a step [m]: about a fifth of the shortest wavelength of the first band;
            or a number per axis: `(300.0, 0.0, 0.0)` seeks the depth below an epicentre.
        margin: Least distance from the edges of the grid [m].
        bands: Low-pass bands in their order, low frequencies first.
        deviatoric: Whether the trace of M is zero.
        positive: Whether r is never negative: an earthquake does not slip back.
        smoothness: Weight of the roughness; raise it with the noise.
        options: Other options of `adseis.inversion.fwi.invert`: `misfit`, `callback`, `journal`, ... A `regularizer` and a
            `callback` get a dict of `position`, `moment` and `rate`; `callback`, `journal` and `evaluations` belong to the search
            for all three, and where the callback ends it nothing is fitted anew.

    Returns:
        The earthquakes.

    Raises:
        ValueError: As `search_room` or `fit_mechanism`.
        TypeError: If there is no such option.

    References:
        Dziewonski, A. M., Chou, T.-A. & Woodhouse, J. H. (1981), J. Geophys. Res. 86, 2825-2852, doi:10.1029/JB086iB04p02825
    """
    fit, prior = Fit.gathered("invert_moment_tensor", options), _Prior(deviatoric, positive, smoothness)
    room = search_room(position, grid, reach, margin)
    _check(bands, smoothness)
    start, _ = _start(forward, observed, position, grid, bands[0], prior, progress=fit.progress)
    found = _search(forward, observed, start, grid, room, prior, bands, fit)
    if found.message == STOPPED:
        return found
    own = Fit(progress=fit.progress, misfit=fit.misfit, regularizer=fit.regularizer)
    again = _at_rest(forward, observed, found.position, grid, prior, bands[-1:], own)
    if again.value >= found.value:
        return found
    return dataclasses.replace(found, x=again.x, value=again.value)


def fit_mechanism(
    forward: FromMechanism,
    observed: PyTree,
    position: Float[Samples, "shot source axis"],
    grid: Grid,
    *,
    bands: Sequence[Band] = (Band(),),
    deviatoric: bool = False,
    positive: bool = True,
    smoothness: float = 1e-5,
    **options: Any,
) -> Mechanism:
    """Find moment tensor and moment-rate function at a known position, for the price of one simulation per component.

    What a component sends out in an instant, convolved with its history, is its part of the data. First each component has a
    history of its own (a linear problem, from zero); their best approximation M_ij r(t), by singular values, starts the search
    for M and r. Called for many positions with one and the same `forward`, the simulation is compiled once.

    Args:
        forward: As of `invert_moment_tensor`.
        observed: Gathers, like those of `forward`.
        position: Where [m].
        grid: Space-time sampling of `forward`.
        bands: Low-pass bands in their order.
        deviatoric: Whether the trace of M is zero.
        positive: Whether r is never negative.
        smoothness: Weight of the roughness.
        options: Other options of `adseis.inversion.fwi.invert`.

    Returns:
        The earthquakes, at the positions given.

    Raises:
        ValueError: If `bands` is empty, `smoothness` is negative, data are zero or do not depend on a moment tensor, or as
            `invert` does.
        TypeError: If there is no such option.

    References:
        Vasco, D. W. (1989), Bull. Seismol. Soc. Am. 79, 711-730: histories, and what they have in common.
    """
    fit = Fit.gathered("fit_mechanism", options)
    _check(bands, smoothness)
    return _at_rest(forward, observed, position, grid, _Prior(deviatoric, positive, smoothness), bands, fit)


def _at_rest(
    forward: FromMechanism,
    observed: PyTree,
    position: Samples,
    grid: Grid,
    prior: _Prior,
    bands: Sequence[Band],
    fit: Fit,
) -> Mechanism:
    """Moment and rate where the position is known."""
    start, convolved = _start(forward, observed, position, grid, bands[0], prior, progress=fit.progress)
    kept = Room(*(np.full(len(grid.shape), value) for value in (0.0, -np.inf, np.inf)))
    return _search(convolved, observed, start, grid, kept, prior, bands, fit)


def _start(
    forward: FromMechanism,
    observed: PyTree,
    position: Samples,
    grid: Grid,
    band: Band,
    prior: _Prior,
    *,
    progress: bool,
) -> tuple[dict[str, np.ndarray], FromMechanism]:
    """What the histories of the components at a position have in common, and what stands for `forward` there."""
    position, observed = jax.tree.map(jnp.asarray, (position, observed))
    basis = _basis(position.shape[-1], deviatoric=prior.deviatoric)
    loud, answers = largest(observed), _answers(forward, position, basis, grid)
    if not (loud > 0 and largest(answers) > 0):
        raise ValueError("`observed` is zero, or does not depend on a moment tensor: there is nothing to fit.")
    unit = loud / largest(answers)  # in which numbers are of order one: float32 has no room for the squares of moments
    convolved = convolution(jax.tree.map(lambda gather: unit * gather, answers), grid)

    def at_rest(_: Array, moment: Array, rate: Array) -> Any:
        parts = einsum("seij,kij->sek", moment / unit, basis.astype(moment.dtype))
        return convolved((parts[..., None] * rate[:, :, None]).reshape(len(rate), -1, grid.nt))

    leak, silent = _Leak(4 / grid.nt), jnp.zeros((len(position), position.shape[1] * len(basis), grid.nt), position.dtype)
    scale = linear_scale(lambda y: convolved(leak.to_model(y)), observed, silent)
    update, fit = Update(scale, parametrization=leak), Fit(first_step=0.3, progress=progress)
    linear = recover(convolved, observed, silent, dt=grid.dt, update=update, bands=[band], fit=fit)
    histories = unit * np.asarray(linear.x, float).reshape(*position.shape[:2], len(basis), grid.nt)
    moment, rate = _in_common(histories, basis, grid.dt, positive=prior.positive)
    return {"position": np.asarray(position), "moment": moment, "rate": rate}, at_rest


def _search(
    forward: FromMechanism,
    observed: PyTree,
    start: dict[str, np.ndarray],
    grid: Grid,
    room: Room,
    prior: _Prior,
    bands: Sequence[Band],
    fit: Fit,
) -> Mechanism:
    """Minimize by position, moment and rate together; by the position as far as it has a reach."""
    dtype = jnp.asarray(start["position"]).dtype
    highest = np.abs(start["rate"]).max(-1, keepdims=True).astype(dtype)
    size = np.linalg.norm(np.asarray(start["moment"], float), axis=(-2, -1))[..., None].astype(dtype)
    mapped = _UnitArea(_basis(len(grid.shape), deviatoric=prior.deviatoric).astype(dtype), grid.dt)
    weight = {
        "position": np.broadcast_to(room.reach, start["position"].shape),
        "moment": np.broadcast_to(size, (*size.shape[:-1], len(mapped.basis))),
        "rate": np.broadcast_to(highest, start["rate"].shape),
    }
    low, high = (
        {"position": np.broadcast_to(place, start["position"].shape), "moment": sign * np.inf, "rate": most}
        for place, sign, most in ((room.low, -1, 0.0 if prior.positive else -np.inf), (room.high, 1, np.inf))
    )

    def penalty(x: dict[str, Array]) -> Any:
        value = 0.0 if fit.regularizer is None else fit.regularizer(x)
        return value + (prior.smoothness * tikhonov(x["rate"] / highest) / x["rate"].size if prior.smoothness else 0.0)

    def together(x: dict[str, Array]) -> Any:
        return forward(x["position"], x["moment"], x["rate"])

    initial = {name: jnp.asarray(start[name], dtype) for name in weight}
    own = dataclasses.replace(fit.starting_with(0.3), regularizer=penalty if prior.smoothness or fit.regularizer else None)
    update = Update(weight, low, high, mapped)
    result = recover(together, observed, initial, dt=grid.dt, update=update, bands=bands, fit=own)
    rate = np.maximum(result.x["rate"], 0) if prior.positive else result.x["rate"]  # a bound is one of r but for rounding
    return Mechanism.from_result(result, x=result.x | {"rate": rate})


def _answers(forward: FromMechanism, position: Samples, basis: np.ndarray, grid: Grid) -> list[PyTree]:
    """What each part of each source sends out in an instant."""
    impulse = jnp.zeros((*position.shape[:2], grid.nt), position.dtype).at[..., QUIET].set(1)
    run, silent = jax.jit(forward), jnp.zeros((*position.shape[:2], *basis.shape[1:]), position.dtype)
    return [
        run(position, silent.at[:, i].set(part), impulse)
        for i in range(position.shape[1])
        for part in basis.astype(position.dtype)
    ]


def _check(bands: Sequence[Band], smoothness: float) -> None:
    if not bands:
        raise ValueError("`bands` is empty: give at least one Band.")
    if smoothness < 0:
        raise ValueError(f"`smoothness` = {smoothness} must not be negative.")


class _Leak(Parametrization):
    """A history from its changes, h_k = (1 - leak) h_(k-1) + y_k: slow motion takes no larger y than fast motion."""

    leak: float = eqx.field(static=True)

    def to_model(self, variables: PyTree) -> PyTree:
        """Sum the changes up."""

        def step(history: Array, change: Array) -> tuple[Array, Array]:
            history = (1 - self.leak) * history + change
            return history, history

        return jnp.moveaxis(jax.lax.scan(step, jnp.zeros_like(variables[..., 0]), jnp.moveaxis(variables, -1, 0))[1], 0, -1)

    def to_variables(self, model: PyTree) -> PyTree:
        """Take differences."""
        return model.at[..., 1:].add(-(1 - self.leak) * model[..., :-1])


class _UnitArea(Parametrization):
    """A mechanism of unit area from one of any area, which is flat along what M and r leave open, and its tensor from parts."""

    basis: np.ndarray
    dt: float = eqx.field(static=True)

    def to_model(self, variables: PyTree) -> PyTree:
        """M times the area, r over it."""
        area = jnp.sum(variables["rate"], -1) * self.dt
        moment = einsum("sek,kij->seij", variables["moment"] * area[..., None], self.basis)
        return {"position": variables["position"], "moment": moment, "rate": variables["rate"] / area[..., None]}

    def to_variables(self, model: PyTree) -> PyTree:
        """The parts of the tensor."""
        return model | {"moment": einsum("seij,kij->sek", model["moment"], self.basis)}


def _basis(axes: int, *, deviatoric: bool) -> Float[np.ndarray, "part axis axis"]:
    """Orthonormal symmetric tensors, of trace zero but for the last, which `deviatoric` leaves out."""
    parts = []
    for i, j in zip(*np.triu_indices(axes, 1), strict=True):
        shear = np.zeros((axes, axes))
        shear[i, j] = shear[j, i] = np.sqrt(0.5)
        parts.append(shear)
    for k in range(1, axes):
        diagonal = np.where(np.arange(axes) < k, 1.0, 0.0)
        diagonal[k] = -k
        parts.append(np.diag(diagonal / np.linalg.norm(diagonal)))
    return np.stack(parts if deviatoric else [*parts, np.eye(axes) / np.sqrt(axes)])


def _in_common(histories: np.ndarray, basis: np.ndarray, dt: float, *, positive: bool) -> tuple[np.ndarray, np.ndarray]:
    """M and r of the product nearest to the histories of parts; r of unit area, its greater part positive."""
    left, values, right = np.linalg.svd(histories, full_matrices=False)
    rate = right[..., 0, :]
    sign = np.where(np.sum(rate * np.abs(rate), -1, keepdims=True) < 0, -1.0, 1.0)
    rate = rate * sign
    if positive:  # what few data see, such as late motion, stays as it starts: at zero
        rate = np.maximum(rate - SILENT * rate.max(-1, keepdims=True), 0)
    area = np.sum(rate, -1, keepdims=True) * dt
    return np.einsum("sek,kij->seij", left[..., 0] * values[..., :1] * sign * area, basis), rate / area
