"""Damped Gauss-Newton steps for small maps, with the whole normal matrix of OpenFWI's operator.

Plain gradients leave what lies deep for last, since the gathers hardly depend on it; a Gauss-Newton step weighs each direction
by how well it is known.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float
from tqdm import tqdm

from adseis.checkpoint import read_checkpoint, write_checkpoint
from adseis.files import sha256
from adseis.inversion.openfwi_jacobian import Jacobian
from adseis.inversion.openfwi_jumps import Jumps
from adseis.inversion.openfwi_priors import Prior
from adseis.optimizers.path import Callback, Iterate, stop_asked

LEAST = 1e-8
"""Damping of a step; with noise no less than that at which a step is as likely as what it explains (Bayes' rule)."""
AT_NOISE, AT_LEAST = "the misfit is that of the noise", "converged: no step lowers the misfit"
"""Why a search ended that is at its end."""
SLOWEST = 50.0
"""Deviation of the speed that sets the sponge [m/s]."""
TRIALS = 6
GOOD, ENOUGH, POOR = 0.75, 0.4, 0.1
"""Shares of the promised gain: damping falls much, some, not at all; below the last the step is not taken."""
RELAXED = 3
"""Solutions of a step with a penalty of jumps, each about the one before."""
FORWARD = 0.25
"""Cost of a run of the operator, in its gradients."""


class Place(NamedTuple):
    """Where a search is.

    Attributes:
        vp: The map [m/s].
        slowest: The speed that sets the sponge [m/s].
    """

    vp: Float[np.ndarray, "z x"]
    slowest: float


class Stage(NamedTuple):
    """One band of a search.

    Attributes:
        jacobian: Of the operator, in this band.
        exact: The operator, of a map and the speed that sets its sponge.
        observed: Gathers.
        prior: What maps there are, and how they change.
        bounds: Least and greatest speed [m/s].
        noise: Standard deviation of white noise over that of the gathers; the search ends where no more than it is left.
        hold: Share of the misfit that a step must gain at least, or the search ends.
        sparing: Whether the prior's penalty of jumps counts.
        damping: Of the first step.
        origin: Where the whole search began [m/s], about which a prior may hold the map; by default the stage's start.
    """

    jacobian: Jacobian
    exact: Callable[[Any, Any], Any]
    observed: Array
    prior: Prior
    bounds: tuple[float, float]
    noise: float = 0.0
    hold: float = 0.0
    sparing: bool = False
    damping: float = 1e-3
    origin: Float[np.ndarray, "z x"] | None = None

    def descend(
        self,
        start: Place,
        budget: float,
        *,
        journal: Path | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> tuple[Place, tuple[Iterate, ...], str]:
        """Steps until the budget is spent, the noise is reached, or none lowers the misfit.

        Args:
            start: Where to begin.
            budget: What may be spent, in gradients of the operator.
            journal: A file that holds the last place; a killed search goes on from there.
            progress: Whether to show a bar.
            callback: `callback(iteration, map, value)`; a true return value ends the search.

        Returns:
            Where it ended, its iterates, and why it ended.

        Raises:
            ValueError: If the journal belongs to another search.
        """
        series, damping, place = np.zeros((0, 2)), self.damping, start
        identity = self._identity(start, budget)
        if journal is not None and journal.exists():
            vp, found = read_checkpoint(journal, start.vp, identity)
            slowest, damping = map(float, found["beside"])
            place, series = Place(np.asarray(vp), slowest), found["series"].reshape(-1, 2)
        if self.least() > budget:
            return place, (), "the budget is too small for a step"
        answers = _Answers(self, start.vp)
        value, residual = answers.misfit(place)
        series, damping = series if len(series) else np.array([[value, 0.0]]), max(damping, answers.weakest(value))
        said = "the budget is spent"
        with tqdm(total=round(budget), initial=int(series[-1, 1]), disable=not progress, desc="Gauss-Newton") as bar:
            while series[-1, 1] + self.least() <= budget:
                if value <= answers.noise:
                    said = AT_NOISE
                    break
                if len(series) > 2 and series[-1, 0] > (1 - self.hold) * series[-2, 0]:
                    said = "steps gain little"
                    break
                step, spent = answers.linearised(place, value, residual), self.least()
                for _ in range(TRIALS):
                    there, promised, saved = step(damping)
                    after, left = answers.misfit(there)
                    gain = (value - after + saved) / promised
                    if gain > POOR:
                        break
                    damping, spent = 3 * damping, spent + FORWARD
                else:
                    said = AT_LEAST
                    break
                damping = max(answers.weakest(after), damping * (0.3 if gain > GOOD else 0.5 if gain > ENOUGH else 1.0))
                place, value, residual = there, after, left
                series = np.concatenate([series, [[value, series[-1, 1] + spent]]])
                bar.update(int(series[-1, 1]) - bar.n)
                bar.set_postfix(misfit=f"{value:.3g}")
                if journal is not None:
                    beside = np.array([place.slowest, damping])  # in double precision, which JAX would not give back
                    write_checkpoint(journal, place.vp, identity, {"series": series, "beside": beside})
                if stop_asked(callback, len(series) - 1, place.vp, value):
                    said = "stopped by the callback"
                    break
        history = tuple(Iterate(float(v), math.nan, math.ceil(n), i) for i, (v, n) in enumerate(series))
        return place, history, said

    def _identity(self, start: Place, budget: float) -> dict[str, str]:
        """What must not change between runs of a search."""
        of = self.jacobian
        arrays = {"observed": np.asarray(self.observed), "start": start.vp, "time_function": of.samples, "filter": of.filter}
        arrays |= {"sources": of.where.sources, "receivers": of.where.receivers}
        arrays |= {} if self.origin is None else {"origin": self.origin}
        numbers = (start.slowest, budget, self.bounds, self.noise, self.hold, self.sparing, self.damping, of.spacing, of.dt)
        return {name: sha256(array) for name, array in arrays.items()} | {"numbers": repr(numbers), "prior": repr(self.prior)}

    def least(self) -> float:
        """What a step costs, in gradients of the operator: fields of shots and receivers, a gradient, a run."""
        lines = self.jacobian.where
        return FORWARD * (2 + len(lines.receivers) / len(lines.sources)) + 1


class _Answers:
    """What a stage computes, compiled once."""

    def __init__(self, stage: Stage, start: Float[np.ndarray, "z x"]) -> None:
        self.stage, of = stage, stage.jacobian
        self.origin = start if stage.origin is None else stage.origin
        observed = of.within(stage.observed)
        self.norm = float(jnp.sum(observed**2))
        heard = float(np.sum(of.filter**2)) / of.filter.shape[1] * float(jnp.sum(stage.observed**2))
        self.noise = stage.noise**2 * heard / self.norm
        self.size = observed.size
        self.away = jax.jit(lambda vp, slowest: of.within(stage.exact(vp, slowest)) - observed)
        self.back = jax.jit(lambda place, rest: jax.vjp(lambda m: of.within(stage.exact(*m)), place)[1](rest)[0])
        self.basis = stage.prior.basis(of.shape)
        self.inverse = None if self.basis is None else np.linalg.solve(self.basis.T @ self.basis, self.basis.T)
        self.metric = _beside(stage.prior.metric(of.shape), 1 / SLOWEST**2)
        self.jumps = Jumps(of.shape, stage.prior.scale) if stage.sparing and stage.prior.share else None

    def weakest(self, value: float) -> float:
        """Damping at which a step is as likely as the noise (Bayes' rule); for a prior that holds, as all that is unexplained."""
        unexplained = max(value, self.noise) if self.stage.prior.held else self.noise
        return max(LEAST, math.sqrt(unexplained / self.size))

    def misfit(self, place: Place) -> tuple[float, Array]:
        """Relative to silence, and the residual."""
        rest = self.away(place.vp, np.asarray(place.slowest, place.vp.dtype))
        return float(jnp.sum(rest**2)) / self.norm, rest

    def linearised(self, place: Place, value: float, residual: Array) -> Callable[[float], tuple[Place, float, float]]:
        """Steps, by how strongly they are damped: where they lead, what they should gain, and what the prior gains."""
        stage, vp = self.stage, place.vp
        by_map, by_slowest = self.back((jnp.asarray(vp), jnp.asarray(place.slowest, vp.dtype)), residual)
        gradient = self._of_unknowns(np.asarray(by_map, float).reshape(-1), float(by_slowest)) / self.norm
        curvature = stage.jacobian.normal_matrix(vp, place.slowest, self.basis) / self.norm
        weight = 0.0 if self.jumps is None else stage.prior.share * value / max(self.jumps.value(vp), 1e-9)
        flat = vp.reshape(-1).astype(float)
        away = self._away(vp)

        def step(damping: float) -> tuple[Place, float, float]:
            change, moved = np.zeros(len(gradient)), np.zeros(len(flat))
            for _ in range(1 if self.jumps is None else RELAXED):
                matrix, slope = curvature + damping**2 * self.metric, gradient + damping**2 * (self.metric @ away)
                if self.jumps is not None:
                    pull = self.jumps.curvature(vp + moved.reshape(vp.shape))
                    matrix = matrix + weight * _beside(self._between_unknowns(pull), 0.0)
                    slope = slope + weight * self._of_unknowns(pull @ flat, 0.0)
                try:
                    change = scipy.linalg.solve(matrix, -slope, assume_a="pos", check_finite=False)
                except scipy.linalg.LinAlgError:  # damped less than the matrix is rounded
                    return place, math.inf, 0.0
                moved = change[:-1] if self.basis is None else self.basis @ change[:-1]
            there = np.clip(stage.prior.moved(vp, moved.reshape(vp.shape)), *stage.bounds).astype(vp.dtype)
            slowest = float(np.clip(place.slowest + change[-1], stage.bounds[0] / 2, stage.bounds[1]))
            saved = 0.0 if self.jumps is None else weight * (self.jumps.value(vp) - self.jumps.value(there))
            beyond = self._away(there)
            saved += damping**2 * float(away @ self.metric @ away - beyond @ self.metric @ beyond)
            return Place(there, slowest), saved - float(2 * gradient @ change + change @ (curvature @ change)), saved

        return step

    def _away(self, vp: np.ndarray) -> np.ndarray:
        """The unknowns of what is held down of a map: its difference from where the search began. The speed beside it is free."""
        if not self.stage.prior.held:
            return np.zeros(len(self.metric))
        change = (vp.astype(float) - self.origin).reshape(-1)
        return np.append(change if self.inverse is None else self.inverse @ change, 0.0)

    def _of_unknowns(self, of_map: np.ndarray, other: float) -> np.ndarray:
        """A gradient by the map, and by the speed beside it, by the unknowns."""
        return np.append(of_map if self.basis is None else self.basis.T @ of_map, other)

    def _between_unknowns(self, of_map: scipy.sparse.csr_array) -> np.ndarray:
        """A matrix of the map as one of the unknowns."""
        return of_map.toarray() if self.basis is None else self.basis.T @ (of_map @ self.basis)


def _beside(matrix: np.ndarray, other: float) -> np.ndarray:
    """A matrix of the map, with the entry of the speed beside it."""
    whole = np.zeros((matrix.shape[0] + 1, matrix.shape[1] + 1))
    whole[:-1, :-1], whole[-1, -1] = matrix, other
    return whole
