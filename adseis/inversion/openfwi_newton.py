"""Damped Gauss-Newton steps for small maps: the whole normal matrix from the proxy, residuals from the operator itself.

Plain gradients leave what lies deep for last, since the gathers hardly depend on it; a Gauss-Newton step weighs each direction
by how well it is known. The misfit is that of the operator: the proxy only says where to go.
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
from adseis.inversion.openfwi_jacobian import THINNING, Jacobian
from adseis.optimizers.path import Callback, Iterate, stop_asked

DAMPING, LEAST = 1e-3, 1e-7
"""Of the first step of a stage, and the least."""
DEVIATION, REACH, FLOOR = 500.0, 5.0, 0.05
"""Of a step [m/s], over how many nodes it is smooth, and the share of its size, not its slope, in what damping holds down."""
SLOWEST = 50.0
"""Deviation of the speed that sets the sponge [m/s]."""
DIFFERENCE = 4.0
"""Change by which the answer to it is found [m/s]."""
TRIALS = 6
GOOD, ENOUGH, POOR = 0.75, 0.4, 0.1
"""Shares of the promised gain: damping falls much, some, not at all; below the last the step is not taken."""
FORWARD, OPERATOR = 0.25, 8.0
"""Cost of a run of the proxy in its gradients, and of the operator in runs of the proxy: it has eight times the nodes."""


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
        jacobian: Of the proxy.
        near: The proxy, of a map.
        exact: The operator, of a map and the speed that sets its sponge.
        observed: Gathers.
        basis: Which maps there are, `(node, unknown)`; None for all.
        bounds: Least and greatest speed [m/s].
        noise: Relative misfit at which the search ends is its square.
    """

    jacobian: Jacobian
    near: Callable[[Any], Any]
    exact: Callable[[Any, Any], Any]
    observed: Array
    basis: Float[np.ndarray, "node unknown"] | None
    bounds: tuple[float, float]
    noise: float

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
            budget: What may be spent, in gradients of the proxy.
            journal: A file that holds the last place; a killed search goes on from there.
            progress: Whether to show a bar.
            callback: `callback(iteration, map, value)`; a true return value ends the search.

        Returns:
            Where it ended, its iterates, and why it ended.

        Raises:
            ValueError: If the journal belongs to another search.
        """
        series, damping, place = np.zeros((0, 2)), DAMPING, start
        identity = self._identity(start, budget)
        if journal is not None and journal.exists():
            (vp, rest), found = read_checkpoint(journal, (start.vp, np.zeros(2)), identity)
            place, damping, series = Place(np.asarray(vp), float(rest[0])), float(rest[1]), found["series"].reshape(-1, 2)
        if self.least() > budget:
            return place, (), "the budget is too small for a step"
        answers = _Answers(self)
        value, residual = answers.misfit(place)
        series = series if len(series) else np.array([[value, 0.0]])
        said = "the budget is spent"
        with tqdm(total=round(budget), initial=int(series[-1, 1]), disable=not progress, desc="Gauss-Newton") as bar:
            while series[-1, 1] + self.least() <= budget:
                if value <= self.noise**2:
                    said = "the misfit is that of the noise"
                    break
                step, spent = answers.linearised(place, residual), self.least()
                for _ in range(TRIALS):
                    there, promised = step(damping)
                    after, left = answers.misfit(there)
                    if value - after > POOR * promised:
                        break
                    damping, spent = 2 * damping, spent + FORWARD * OPERATOR
                else:
                    said = "converged: no step lowers the misfit"
                    break
                gain = (value - after) / promised
                damping = max(LEAST, damping * (0.3 if gain > GOOD else 0.5 if gain > ENOUGH else 1.0))
                place, value, residual = there, after, left
                series = np.concatenate([series, [[value, series[-1, 1] + spent]]])
                bar.update(int(series[-1, 1]) - bar.n)
                bar.set_postfix(misfit=f"{value:.3g}")
                if journal is not None:
                    write_checkpoint(journal, (place.vp, np.array([place.slowest, damping])), identity, {"series": series})
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
        if self.basis is not None:
            arrays["basis"] = self.basis
        numbers = (start.slowest, budget, self.bounds, self.noise, of.spacing, of.dt)
        return {name: sha256(array) for name, array in arrays.items()} | {"numbers": repr(numbers)}

    def least(self) -> float:
        """What a step costs, in gradients of the proxy: fields of shots and receivers, a gradient, three runs of the operator."""
        lines = self.jacobian.where
        return FORWARD * (1 + len(lines.receivers[::THINNING]) / len(lines.sources)) + 1 + 3 * FORWARD * OPERATOR


class _Answers:
    """What a stage computes, compiled once."""

    def __init__(self, stage: Stage) -> None:
        self.stage, of = stage, stage.jacobian
        observed = of.within(stage.observed)
        self.norm = float(jnp.sum(observed**2))
        self.away = jax.jit(lambda vp, slowest: of.within(stage.exact(vp, slowest)) - observed)
        self.back = jax.jit(lambda vp, rest: jax.vjp(lambda m: of.within(stage.near(m)), vp)[1](rest)[0])
        self.metric = _smoothness(of.shape)

    def misfit(self, place: Place) -> tuple[float, Array]:
        """Relative to silence, and the residual."""
        rest = self.away(place.vp, np.asarray(place.slowest, place.vp.dtype))
        return float(jnp.sum(rest**2)) / self.norm, rest

    def linearised(self, place: Place, residual: Array) -> Callable[[float], tuple[Place, float]]:
        """Steps, by how strongly they are damped: where they lead, and by how much the misfit should fall."""
        stage, dtype = self.stage, place.vp.dtype
        more, less = (self.away(place.vp, np.asarray(place.slowest + d, dtype)) for d in (DIFFERENCE, -DIFFERENCE))
        column = (more - less) / (2 * DIFFERENCE)
        gradient = np.append(np.asarray(self.back(place.vp, residual), float).reshape(-1), float(jnp.sum(column * residual)))
        curvature = stage.jacobian.normal_matrix(place.vp, np.asarray(column))
        metric = _beside(self.metric, 1 / SLOWEST**2)
        basis = None if stage.basis is None else _beside(stage.basis, 1.0)
        if basis is not None:
            gradient, curvature, metric = basis.T @ gradient, basis.T @ curvature @ basis, basis.T @ metric @ basis
        gradient, curvature = gradient / self.norm, curvature / self.norm

        def step(damping: float) -> tuple[Place, float]:
            change = scipy.linalg.solve(curvature + damping**2 * metric, -gradient, assume_a="pos")
            promised = -float(2 * gradient @ change + change @ (curvature @ change))
            moved = change if basis is None else basis @ change
            vp = np.clip(place.vp + moved[:-1].reshape(place.vp.shape), *stage.bounds).astype(dtype)
            return Place(vp, float(np.clip(place.slowest + moved[-1], stage.bounds[0] / 2, stage.bounds[1]))), promised

        return step


def _beside(matrix: np.ndarray, other: float) -> np.ndarray:
    """A matrix of the map, with the entry of the speed beside it."""
    whole = np.zeros((matrix.shape[0] + 1, matrix.shape[1] + 1))
    whole[:-1, :-1], whole[-1, -1] = matrix, other
    return whole


def _smoothness(shape: tuple[int, int]) -> np.ndarray:
    """What damping holds down, over the nodes of a map: the mean square slope, and a little of the size."""
    slopes = []
    for n in shape:
        difference = np.diff(np.eye(n), axis=0)
        slopes.append(difference.T @ difference)
    along = np.kron(slopes[0], np.eye(shape[1])) + np.kron(np.eye(shape[0]), slopes[1])
    return (FLOOR * np.eye(shape[0] * shape[1]) + REACH**2 * along) / DEVIATION**2
