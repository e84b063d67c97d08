"""How a benchmark recovers a model: stages of bands, weights and penalties, journalled, with the error of every iterate."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import adseis as ads
from adseis.data.problems import Experiment
from adseis.inversion.fwi import Update, invert
from adseis.inversion.weights import sensitivity
from adseis.objectives.bands import Band, filter_band
from adseis.objectives.layering import layered_variation, layering
from adseis.objectives.regularizers import total_variation
from adseis.optimizers.lbfgs import LBFGSB
from adseis.signals import flatten

MARKS = (0, 50, 100, 150, 200, 275, 300, 400, 500, 600, 800, 1000, 1250, 1500)


class Stage(NamedTuple):
    """Some iterations with one objective.

    Attributes:
        band: Frequencies, iterations.
        damping: Of the sensitivity weight that is made for the stage; None for the mask alone.
        variation: Weight of total variation, relative to the initial model's, against the relative misfit.
    """

    band: Band
    damping: float | None = None
    variation: float = 0.0


class Adjoint(NamedTuple):
    """How a model is recovered.

    Attributes:
        stages: One after the other.
        flattening: Damping with which the wavelet's spectrum is flattened, up to four times its peak; None leaves data alone.
        gain: Power of time that the flattened data are multiplied by.
        epsilon: Gradient of vp below which total variation turns quadratic [1/s].
        lateral: How much more total variation counts horizontal gradients than vertical ones.
        slowness: Whether it is of slowness (times the square of the mean initial speed) and not of speed: deep, fast layers
            differ more.
        low: Least vp that is admitted [m/s].
        high: Greatest.
        layered: Ratio of the variation along layers to that across them, as they lie in the model that each stage begins with; it
            takes the place of `lateral`. None for none.
        smooth: Standard deviation of the mean that gives the layers' directions [nodes].
        memory: Of L-BFGS.
        samples: Random data for a weight.
    """

    stages: tuple[Stage, ...]
    flattening: float | None = None
    gain: float = 1.0
    epsilon: float = 1e-3
    lateral: float = 1.0
    slowness: bool = False
    low: float = 1000.0
    high: float = 6000.0
    layered: float | None = None
    smooth: float = 2.5
    memory: int = 20
    samples: int = 6


class Problem(NamedTuple):
    """What is recovered: a model, an array or a pytree of such.

    Attributes:
        experiment: Survey, grid, mask, frequency.
        forward: From a model to gathers.
        observed: Gathers.
        true: Model that they come from.
        initial: Where the inversion starts.
        expected: By how much each unknown is expected to change; a number, or like the model.
        low: Bounds, likewise.
        high: Likewise.
        whole: From the model to what is compared with `true`.
    """

    experiment: Experiment
    forward: Callable[[Any], Any]
    observed: Any
    true: Any
    initial: Any
    expected: Any
    low: Any
    high: Any
    whole: Callable[[Any], Any] = lambda model: model


class Recovered(NamedTuple):
    """A model, what it cost and how it came about.

    Attributes:
        model: The last iterate.
        steps: Evaluations, error (of a pytree, errors in a dictionary), misfit; of every accepted iterate.
        evaluations: All that were spent.
        seconds: Wall-clock.
    """

    model: Any
    steps: list[tuple[int, Any, float | None]]
    evaluations: int
    seconds: float


def errors(model: Any, true: Any) -> Any:
    """Root mean square difference, of every array."""
    return jax.tree.map(lambda m, t: float(np.sqrt(np.mean((np.asarray(m, float) - t) ** 2))), model, true)


def preparation(experiment: Experiment, strategy: Adjoint) -> Callable[[Any], Any]:
    """What is done to predicted and observed gathers alike."""
    if strategy.flattening is None:
        return lambda gathers: gathers
    grid = experiment.grid
    (wavelet,) = {tuple(s) for s in np.asarray(experiment.survey.emissions(grid)[0].samples).reshape(-1, grid.nt)}
    gain = (np.arange(grid.nt, dtype=experiment.initial.dtype) / grid.nt)[None, :, None] ** strategy.gain
    settings = {"damping": strategy.flattening, "corner": 4 * experiment.frequency, "axis": 1}
    return lambda gathers: jax.tree.map(lambda g: gain * flatten(g, grid.dt, np.array(wavelet), **settings), gathers)


def recover(problem: Problem, strategy: Adjoint, evaluations: int, journal: Path) -> Recovered:
    """Go through the stages until the evaluations are spent; the random data of a weight count as one each."""
    experiment, grid = problem.experiment, problem.experiment.grid
    error = lambda model: errors(problem.whole(model), problem.true)  # noqa: E731
    prepare = preparation(experiment, strategy)
    forward = lambda model: prepare(problem.forward(model))  # noqa: E731
    target, model = prepare(problem.observed), problem.initial
    begun, spent = time.perf_counter(), 0
    steps: list[tuple[int, Any, float | None]] = [(0, error(model), None)]
    for number, stage in enumerate(strategy.stages):
        weight = jax.tree.map(lambda _: experiment.mask, model)
        samples = 0 if stage.damping is None else strategy.samples
        if evaluations - spent < samples + 2:
            break
        if stage.damping is not None:
            key = jax.random.key(number)
            banded = lambda m, band=stage.band: jax.tree.map(lambda g: filter_band(g, band, grid.dt), forward(m))  # noqa: E731
            weight = sensitivity(banded, model, key=key, mask=weight, samples=samples, damping=stage.damping)
            spent += samples
        found: list[Any] = []
        result = invert(
            forward, target, model, dt=grid.dt, bands=[stage.band], method=LBFGSB(memory=strategy.memory),
            update=Update(jax.tree.map(lambda w, c: w * c, weight, problem.expected), problem.low, problem.high),
            regularizer=_variation(stage.variation, problem.initial, model, grid, strategy),
            evaluations=evaluations - spent, journal=journal.with_name(f"{journal.stem}-stage{number}.h5"),
            callback=lambda i, m, v, found=found: found.append(error(m)),
        )  # fmt: skip
        values = [(spent + iterate.evaluations, iterate.value) for iterate in result.history[1:]]
        steps += [(count, worth, value) for (count, value), worth in zip(values, found, strict=True)]
        model, spent = result.x, spent + result.evaluations
        print(f"  stage {number}: {spent} evaluations, error {shown(error(model))}", flush=True)
    return Recovered(model, steps, spent, time.perf_counter() - begun)


def joined(first: Recovered, second: Recovered) -> Recovered:
    """Two runs as one, the second of which began where the first ended."""
    steps = [(first.evaluations + count, error, misfit) for count, error, misfit in second.steps[1:]]
    evaluations, seconds = first.evaluations + second.evaluations, first.seconds + second.seconds
    return Recovered(second.model, first.steps + steps, evaluations, seconds)


def _variation(weight: float, initial: Any, begun: Any, grid: ads.Grid, strategy: Adjoint) -> Callable[[Any], Any] | None:
    """Total variation relative to the initial model's; of a pytree, the mean."""
    if not weight:
        return None
    lengths, epsilon = (grid.spacing[0], grid.spacing[1] / strategy.lateral), strategy.epsilon
    scales = [float(np.mean(m)) ** 2 for m in jax.tree.leaves(initial)]

    def variables(model: Any) -> list[Any]:
        leaves = jax.tree.leaves(model)
        return [scale / m for m, scale in zip(leaves, scales, strict=True)] if strategy.slowness else leaves

    def penalty(begun: Any) -> Callable[[Any], Any]:
        if strategy.layered is None:
            return lambda m: total_variation(m, lengths, epsilon=epsilon)
        ratio, layers = strategy.layered, layering(begun, grid.spacing, smooth=strategy.smooth)
        return lambda m: layered_variation(m, layers, grid.spacing, ratio=ratio, epsilon=epsilon)

    penalties = [penalty(m) for m in variables(begun)]

    def variations(model: Any) -> jax.Array:
        return jnp.stack([penalty(m) for penalty, m in zip(penalties, variables(model), strict=True)])

    unit = variations(initial)
    return lambda model: weight * jnp.mean(variations(model) / unit)


def shown(error: Any) -> str:
    """An error for people."""
    return ", ".join(f"{k} {v:.1f}" for k, v in error.items()) if isinstance(error, dict) else f"{error:.1f}"


def record(recovered: Recovered, evaluations: int) -> dict[str, Any]:
    """What goes into a file of results: the error at round numbers of evaluations, and the end."""
    steps = recovered.steps
    return {
        "error": {mark: next(s[1] for s in reversed(steps) if s[0] <= mark) for mark in MARKS if mark <= evaluations},
        "final_error": steps[-1][1],
        "evaluations": steps[-1][0],
        "misfit": steps[-1][2],
        "seconds": round(recovered.seconds),
    }
