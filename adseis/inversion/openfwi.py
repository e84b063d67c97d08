"""Refine maps of OpenFWI's kind through its own operator: from a network's map, or a smooth one, to what the gathers say.

By Gauss-Newton steps, low frequencies before high ones, at last with a penalty of jumps between neighbours; maps too large for
matrices, by gradients. The lowest speed of the map, which sets the damping around it, is one more unknown. In the end areas that
are nearly flat are given one value each. What explains the gathers worse than the start is never returned.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from adseis.data import openfwi
from adseis.data.openfwi_survey import DT, SPACING, wavelet
from adseis.inversion.fwi import Update, invert
from adseis.inversion.openfwi_batch import each_map
from adseis.inversion.openfwi_jacobian import Jacobian
from adseis.inversion.openfwi_newton import AT_LEAST, AT_NOISE, Place, Stage
from adseis.inversion.openfwi_priors import Blocks, Flat, Prior, SmoothField, WithSlowest, tied
from adseis.inversion.parametrizations import Parametrization
from adseis.inversion.weights import sensitivity
from adseis.objectives.bands import Band
from adseis.optimizers.path import Iterate, Result

CORNERS = (3.0, 5.0, 8.0, 13.0)
"""Of the bands of Gauss-Newton steps [Hz], before all that there is."""
PERIODS = 2.5
"""Of a corner that a record must hold."""
EARLY, LEFT, FEW, HOLD = 0.125, 0.3, 15.0, 0.3
"""Share of the evaluations for each band, and of those that are left, at most; what a band may take of few, three steps; and the
gain in misfit below which it ends before."""
FIRST, NEXT = 1e-3, 1e-5
"""Damping that the first band begins with, and the others."""
MIRRORED = 1e-3
"""Relative difference of mirrored shots below which layers are flat, where there is no noise."""
SAMPLES = 4
"""Random data that sensitivity is estimated from."""
NODES = 8000
"""Of the largest map whose normal matrix is made."""
STEP = 10.0
"""By how much the speed that sets the damping is expected to move [m/s]."""
PRIORS: dict[str, Prior] = {
    "flat": Flat(),
    "blocks": Blocks(),
    "smooth": SmoothField(),
    "grainy": SmoothField(length=1.4, deviation=160.0, grain=60.0),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Refined(Result):
    """A refined map: `x` [m/s], and what `Result` says of a search; values of `history` are of the stage that they belong to.

    Attributes:
        prior: Name of the prior, and who picked it.
        slowest: The lowest speed that the operator was given at the end [m/s].
        before: Relative misfit |simulated - gathers|^2 / |gathers|^2 of the start, by the operator.
        after: That of `x`.
    """

    prior: str = ""
    slowest: float = 0.0
    before: float = 0.0
    after: float = 0.0


def refine(
    gathers: Float[np.ndarray | Array, "*map_shot_time_receiver"],
    initial: Float[np.ndarray | Array, "*map_z_x"],
    *,
    prior: str | Prior = "auto",
    evaluations: int = 200,
    bounds: tuple[float, float] = (1400.0, 4800.0),
    noise: float = 0.0,
    rounded: bool = True,
    journal: str | Path | None = None,
    progress: bool = True,
    callback: Callable[[int, np.ndarray, float], Any] | None = None,
    **survey: Any,
) -> Refined | tuple[Refined, ...]:
    r"""The map that explains OpenFWI's gathers, from one nearby; or many, one after the other.

        min_v  |simulate(v) - gathers|^2 / |gathers|^2  +  prior(v)        low <= v <= high

    Args:
        gathers: Of one map, `(shot, time, receiver)`, or of several, `(map, shot, time, receiver)`.
        initial: Where to begin [m/s], `(z, x)`: a network's map, or a smooth one; of several, `(map, z, x)`.
        prior: "flat" (one value a row), "blocks" (total variation, areas of one value), "smooth" (a Gaussian field about the
            start, as Style-A has it), "grainy" (one with white noise upon it, Style-B), a `Prior` of your own, or
            "auto": "flat" where shots are mirror images of each other, else "blocks".
        evaluations: Cost in all, in gradients of the operator: a Gauss-Newton step costs five of them, with the fields of five
            shots and of 70 receivers, a gradient and a run.
        bounds: Least and greatest speed [m/s].
        noise: Standard deviation of the noise over that of the gathers, such as `openfwi_noise.estimate_noise` tells it; the
            search ends where the misfit has fallen to it.
        rounded: Whether tied areas are given whole m/s.
        journal: What the stages are recorded by, "map.h5": a file for each beside it; of several maps "map-0.h5" and so on. A
            killed call, repeated, goes on.
        progress: Whether to show a bar.
        callback: `callback(iteration, map, value)`; a true return value or StopIteration ends a stage.
        survey: `time_function`, `spacing`, `dt`, `sources`, `receivers` of `adseis.data.openfwi.simulate`.

    Returns:
        The map, never one that explains the gathers worse than `initial`; of several a tuple, one for each. Of these, one that
        cannot be refined is left as it was, and `message` says why.

    Raises:
        ValueError: If shapes disagree, the start is out of bounds, or there is no such prior; of several maps, if so of all.

    References:
        The idea, of a contest's second place, is told in the discussion of "Yale/UNC-CH Geophysical Waveform Inversion" (2025).

    Example:
        >>> from adseis.data import openfwi
        >>> survey = {"time_function": openfwi.wavelet(nt=120).astype("float32")}
        >>> true = np.full((12, 16), 2000.0, "float32")
        >>> gathers = openfwi.simulate(true, **survey)
        >>> found = refine(gathers, true + 50, prior="flat", evaluations=8, progress=False, **survey)
        >>> found.after < found.before
        True
    """
    if np.ndim(gathers) == 4:
        asked = {"prior": prior, "evaluations": evaluations, "bounds": bounds, "noise": noise, "rounded": rounded}
        told = {"journal": journal, "progress": progress, "callback": callback}
        return each_map(refine, _unrefined, gathers, initial, **asked, **told, **survey)
    if evaluations < 1:
        raise ValueError(f"`evaluations` = {evaluations} must be one gradient at least.")
    search = search_for(gathers, initial, prior, bounds, noise, journal, survey)
    run = {"progress": progress, "callback": callback}
    begun = search.prior.begun(search.start)
    place, history, spent = Place(begun, float(begun.min())), [], 0
    if search.start.size <= NODES:
        for corner in (*search.corners(), None):
            left = float(evaluations - spent)
            budget = min(LEFT * left, max(EARLY * evaluations, FEW)) if corner else left
            place, found, said = search.by_newton(place, corner, budget, NEXT if history else FIRST, run)
            history, spent = [*history, *found], spent + (found[-1].evaluations if found else 0)
        vp, slowest, converged = place.vp, place.slowest, said in (AT_NOISE, AT_LEAST)
    else:
        found = search.by_operator(place, evaluations, run)
        vp, slowest = search.within(found.x["vp"]), float(found.x["slowest"])
        history, spent, said, converged = found.history, found.evaluations, found.message, found.converged
    candidates = [(search.start, float(search.start.min())), (vp, slowest), (vp, float(vp.min()))]
    if search.prior.tied:
        blocks = tied(vp)
        blocks = search.within(np.round(blocks) if rounded else blocks)
        candidates.append((blocks, float(blocks.min())))
    values = [search.misfit(*candidate) for candidate in candidates]
    best = int(np.argmin(values))
    told = {0: "nothing explains the gathers better than the start", 3: f"{said}; areas tied"}.get(best, said)
    return Refined(
        candidates[best][0], values[best], tuple(history), spent, told, converged,
        prior=search.picked, slowest=candidates[best][1], before=values[0], after=values[best],
    )  # fmt: skip


def _unrefined(start: np.ndarray, reason: str) -> Refined:
    """Of a map that could not be refined."""
    unknown = {"slowest": float(start.min()), "before": np.nan, "after": np.nan}
    return Refined(start, np.nan, (), 0, f"failed: {reason}", False, prior="none", **unknown)


class Search(NamedTuple):
    """One map and all that the stages of its refinement share; arguments and errors of `refine`.

    Attributes:
        observed: The gathers.
        start: Where the refinement begins [m/s].
        prior: What is known of such maps.
        picked: Its name, and why it was picked.
        bounds: Least and greatest speed [m/s].
        noise: Standard deviation of the noise over that of the gathers.
        journal: Where evaluations are recorded, or None.
        survey: Options of the operator.
    """

    observed: Array
    start: np.ndarray
    prior: Prior
    picked: str
    bounds: tuple[float, float]
    noise: float
    journal: Path | None
    survey: dict[str, Any]

    def near(self, vp: Any) -> Array:
        """The proxy."""
        return openfwi.proxy(vp, **self.survey)

    def exact(self, vp: Any, slowest: Any) -> Array:
        """The operator."""
        return openfwi.simulate(vp, slowest=slowest, **self.survey)

    def within(self, vp: Any) -> np.ndarray:
        """A map within its bounds."""
        return np.clip(np.asarray(vp, self.start.dtype), *self.bounds)

    def misfit(self, vp: np.ndarray, slowest: float) -> float:
        """By the operator, relative to silence."""
        away = jax.jit(self.exact)(vp, np.asarray(slowest, vp.dtype)) - self.observed
        return float(jnp.sum(away**2) / jnp.sum(self.observed**2))

    def corners(self) -> list[float]:
        """Of the bands that the record is long enough for."""
        length = self.observed.shape[1] * self.survey.get("dt", DT)
        return [corner for corner in CORNERS if corner * length >= PERIODS]

    def by_newton(
        self, place: Place, corner: float | None, budget: float, damping: float, run: dict[str, Any]
    ) -> tuple[Place, tuple[Iterate, ...], str]:
        """Gauss-Newton steps in one band, for the price of so many gradients of the operator."""
        shape = (self.start.shape[0], self.start.shape[1])
        where = openfwi.lines(shape, self.survey.get("sources"), self.survey.get("receivers"))
        given, dt = self.survey.get("time_function"), self.survey.get("dt", DT)
        samples = wavelet(dt=dt) if given is None else np.asarray(given)
        jacobian = Jacobian(shape, where, samples, self.survey.get("spacing", SPACING), dt, corner)
        stage = Stage(
            jacobian, self.exact, self.observed, self.prior, self.bounds, self.noise,
            hold=HOLD if corner else 0.0, sparing=corner is None, damping=0.0 if self.prior.held else damping,
            origin=self.prior.begun(self.start),
        )  # fmt: skip
        return stage.descend(place, budget, journal=self.file(str(corner or "all")), **run)

    def by_operator(self, place: Place, evaluations: int, run: dict[str, Any]) -> Result:
        """Gradients of the operator by the map and the speed that sets the damping, where a map is too large for matrices."""
        vp, (low, high) = place.vp, self.bounds
        mapped = self.prior.parametrization(vp)
        joint = WithSlowest(mapped)
        weight = {"vp": self.weight(mapped, vp, run["progress"]), "slowest": np.asarray(STEP, vp.dtype)}
        update = Update(weight, {"vp": low, "slowest": low / 2}, {"vp": high, "slowest": high}, joint)
        scale = self.misfit(*place)

        def ended(iteration: int, found: Any, value: float) -> bool:
            told = run["callback"] is not None and bool(run["callback"](iteration, found["vp"], value))
            return told or value <= self.noise**2

        return invert(
            lambda m: self.exact(m["vp"], m["slowest"]), self.observed, joint.first(vp, place.slowest),
            dt=self.survey.get("dt", DT), update=update, bands=[Band(None, evaluations)], evaluations=evaluations,
            regularizer=lambda m: scale * self.prior.penalty(m["vp"], self.start), callback=ended, progress=run["progress"],
            journal=self.file("operator"),
        )  # fmt: skip

    def file(self, stage: str) -> Path | None:
        """The journal of a stage."""
        return None if self.journal is None else self.journal.with_name(f"{self.journal.stem}-{stage}.h5")

    def weight(self, mapped: Parametrization | None, vp: np.ndarray, progress: bool) -> Any:
        """What updates are evened out by: how strongly the gathers depend on each unknown."""
        model, settings = jnp.asarray(vp), {"key": jax.random.key(0), "samples": SAMPLES, "progress": progress}
        if mapped is None:
            return sensitivity(self.near, model, **settings)
        return sensitivity(lambda y: self.near(mapped.to_model(y)), mapped.to_variables(model), **settings)


def search_for(
    gathers: Any,
    initial: Any,
    prior: str | Prior,
    bounds: tuple[float, float],
    noise: float,
    journal: str | Path | None,
    survey: dict[str, Any],
) -> Search:
    """What is asked, checked; arguments, with `journal` and `survey`, and errors are those of `refine`."""
    observed, (low, high) = jnp.asarray(gathers), bounds
    start = np.asarray(initial, observed.dtype)
    if start.ndim != 2 or not (np.isfinite(start).all() and low <= start.min() and start.max() <= high):
        raise ValueError(f"`initial` {start.shape} must be a finite map (z, x) within `bounds` = {low:g} to {high:g} m/s.")
    where = openfwi.lines((start.shape[0], start.shape[1]), survey.get("sources"), survey.get("receivers"))
    samples = openfwi.wavelet() if survey.get("time_function") is None else survey["time_function"]
    expected = (len(where.sources), len(samples), len(where.receivers))
    if observed.shape != expected:
        raise ValueError(f"`gathers` {observed.shape} must be those of this survey, {expected}: (shot, time, receiver).")
    if not bool(jnp.all(jnp.isfinite(observed)) & jnp.any(observed != 0)):
        raise ValueError("`gathers` hold a NaN or an infinity, or nothing at all. Repair them.")
    if not 0 <= noise < 1:
        raise ValueError(f"`noise` = {noise} must lie between 0 and 1, relative to the gathers.")
    chosen, picked = _chosen(prior, observed, noise, where)
    return Search(observed, start, chosen, picked, bounds, noise, None if journal is None else Path(journal), survey)


def _chosen(prior: str | Prior, observed: Array, noise: float, where: openfwi.Lines) -> tuple[Prior, str]:
    """The prior, and a word on who picked it."""
    if isinstance(prior, Prior):
        return prior, prior.name
    if prior != "auto":
        if prior not in PRIORS:
            raise ValueError(f'`prior` = {prior!r} must be "auto", {", ".join(map(repr, PRIORS))} or a Prior.')
        return PRIORS[prior], prior
    in_line = np.array_equal(where.receivers[:, 1], np.arange(observed.shape[2]))
    apart = asymmetry(observed, where.sources[:, 1]) if in_line else 1.0
    flat = apart < MIRRORED + 2 * noise
    told = "the gathers mirror each other" if flat else f"mirrored gathers differ by {100 * apart:.2g} %"
    kind = "flat" if flat else "blocks"
    return PRIORS[kind], f"{kind} ({told})"


def asymmetry(gathers: Float[np.ndarray | Array, "shot time receiver"], columns: np.ndarray) -> float:
    """How far shots at mirrored columns are from being mirror images of each other: 0 over flat layers, some 1 over others.

    Args:
        gathers: `(shot, time, receiver)`, receivers at every node of a line.
        columns: Of the shots.

    Returns:
        The relative difference, 1 where no two shots mirror each other.
    """
    last, values = gathers.shape[2] - 1, np.asarray(gathers)
    pairs = [(i, j) for i, a in enumerate(columns) for j, b in enumerate(columns) if i < j and a + b == last]
    if not pairs:
        return 1.0
    one = np.stack([values[i] for i, _ in pairs])
    other = np.stack([values[j][:, ::-1] for _, j in pairs])
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))
