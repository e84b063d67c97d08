"""How good a network is: errors by subset, with noise and dead receivers, by mirror and ensemble, and in the data."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from adseis.data.openfwi import SUBSETS, Dataset
from adseis.training.metrics import FIGURES, by_group, figures
from adseis.training.physics import FASTEST, SLOWEST, waveform_misfit
from adseis.training.trained_network import Inverter

SIMULATED = 16
"""Maps whose waveforms judge a network where no truth does, if not said otherwise: each costs a run of the operator."""

BARS: Mapping[str, Mapping[str, float]] = {
    "flat-vel-a": {"InversionNet": 19.7, "VelocityGAN": 17.8, "UNet-33M": 9.0},
    "flat-vel-b": {"InversionNet": 52.8, "VelocityGAN": 49.4, "UNet-33M": 28.1},
    "curve-vel-a": {"InversionNet": 102.8, "VelocityGAN": 72.4, "UNet-33M": 48.1},
    "curve-vel-b": {"InversionNet": 224.6, "VelocityGAN": 190.2, "UNet-33M": 123.6},
    "flat-fault-a": {"InversionNet": 25.8, "VelocityGAN": 130.2, "UNet-33M": 30.9},
    "flat-fault-b": {"InversionNet": 158.3, "VelocityGAN": 138.9, "UNet-33M": 92.9},
    "curve-fault-a": {"InversionNet": 38.9, "VelocityGAN": 38.8, "UNet-33M": 27.1},
    "curve-fault-b": {"InversionNet": 246.9, "VelocityGAN": 235.7, "UNet-33M": 185.2},
    "style-a": {"InversionNet": 94.0, "VelocityGAN": 91.8, "UNet-33M": 67.0},
    "style-b": {"InversionNet": 103.4, "VelocityGAN": 104.5, "UNet-33M": 71.4},
    "mean": {"InversionNet": 106.7, "VelocityGAN": 107.0, "UNet-33M": 68.3},
}
"""Published MAE [m/s] on OpenFWI's own data, each network trained and tested within one subset of 24,000 to 60,000 samples, with
24 to 33 million parameters (GFI, ICLR 2025, arXiv:2410.11247)."""

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Predict = Callable[[np.ndarray], np.ndarray]


def evaluate(
    predict: Predict,
    data: Dataset,
    *,
    samples: int | None = None,
    change: Change | None = None,
    seed: int = 0,
    batch: int = 64,
    progress: bool = False,
) -> dict[str, dict[str, float]]:
    """Errors of predictions by subset.

    Args:
        predict: From gathers `(sample, shot, time, receiver)` to maps [m/s], such as an `Inverter`'s `in_batches`.
        data: What to predict.
        samples: How many, spread evenly; None for all.
        change: What is done to the gathers first, such as `noisy(0.1)`.
        seed: Of what it draws.
        batch: How many are held at a time.
        progress: Whether to show a bar.

    Returns:
        Subset, or "mean" -> figures of `metrics.FIGURES`, and "samples".

    Raises:
        ValueError: If there are no samples, or these have no maps.
    """
    if not data.maps:
        raise ValueError(f"`data`, {data.folder}, has no maps to compare with; `data_misfit` judges without.")
    if not len(data):
        raise ValueError("`data` has no samples to evaluate.")
    if samples is not None and samples < 1:
        raise ValueError(f"`samples` = {samples} must be at least 1, or None for all.")
    numbers = np.arange(len(data)) if samples is None else np.unique(np.linspace(0, len(data) - 1, samples).astype(int))
    found, groups = [], []
    for first in tqdm(range(0, len(numbers), batch), desc="evaluate", disable=not progress):
        some = data.batch(numbers[first : first + batch])
        gathers = some.gathers if change is None else change(some.gathers, np.random.default_rng([seed, first]))
        found.append(np.asarray(figures(np.asarray(predict(gathers), np.float32), some.velocity)))
        groups += some.subset
    return by_group(np.concatenate(found, 1), groups)


def by_kind(errors: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Errors of the three kinds of OpenFWI's subsets, as Khanal reports them.

    Args:
        errors: Of subsets, as `evaluate` returns them.

    Returns:
        "vel", "fault", "style", as far as there are samples -> figures, means over samples; under "mean of kinds" the plain mean
        of these, which is another than that of subsets.
    """
    kinds: dict[str, list[Mapping[str, float]]] = {}
    for subset, row in errors.items():
        if subset != "mean":
            kinds.setdefault(SUBSETS[subset].family, []).append(row)
    found = {}
    for kind, rows in kinds.items():
        counted = [row["samples"] for row in rows]
        found[kind] = {name: float(np.average([row[name] for row in rows], weights=counted)) for name in FIGURES}
        found[kind]["samples"] = float(sum(counted))
    means = {name: float(np.mean([row[name] for row in found.values()])) for name in FIGURES}
    return {**found, "mean of kinds": {**means, "samples": float(sum(row["samples"] for row in found.values()))}}


def noisy(level: float) -> Change:
    """White noise of so much of the standard deviation of each sample's gathers.

    Args:
        level: Such as 0.1.

    Returns:
        A change for `evaluate`.
    """

    def change(gathers: np.ndarray, random: np.random.Generator) -> np.ndarray:
        scale = level * gathers.std((1, 2, 3), keepdims=True)
        return gathers + scale * random.standard_normal(gathers.shape, gathers.dtype)

    return change


def without_receivers(share: float) -> Change:
    """A share of the receivers dead, others in each sample.

    Args:
        share: Such as 0.2.

    Returns:
        A change for `evaluate`.
    """

    def change(gathers: np.ndarray, random: np.random.Generator) -> np.ndarray:
        order = np.argsort(random.random((len(gathers), gathers.shape[-1])), 1)
        return np.where((order < round(share * gathers.shape[-1]))[:, None, None], 0, gathers).astype(gathers.dtype)

    return change


def ensemble(predictors: Sequence[Predict]) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Mean and spread of several predictions.

    Args:
        predictors: Such as networks of several seeds.

    Returns:
        From gathers to the mean [m/s] and the standard deviation between predictors [m/s] of each node.
    """

    def both(gathers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = np.stack([predict(gathers) for predict in predictors])
        return found.mean(0), found.std(0)

    return both


def data_misfit(
    velocity: Float[np.ndarray, "sample z x"], gathers: Float[np.ndarray, "sample shot time receiver"], *, progress: bool = False
) -> Float[np.ndarray, " sample"]:
    """By how much the operator's gathers of predicted maps differ from the observed ones: a flag that needs no truth.

    Args:
        velocity: [m/s].
        gathers: Whole or small.
        progress: Whether to show a bar.

    Returns:
        Misfit of each map over the energy of its gathers; what is far above that of the others is not to be believed.
    """
    return _misfits_of(_compiled_misfit(), velocity, gathers, progress=progress)


def _compiled_misfit() -> Callable[..., Any]:
    """That of one map by the operator, which takes seconds to compile."""
    return jax.jit(lambda v, d: waveform_misfit(v, d, exact=True))


def _misfits_of(one: Callable[..., Any], velocity: np.ndarray, gathers: np.ndarray, *, progress: bool) -> np.ndarray:
    pairs = list(zip(velocity, gathers, strict=True))
    return np.array([float(one(v[None], d[None])[0]) for v, d in tqdm(pairs, desc="misfit", disable=not progress)])


def robustness(
    inverter: Inverter, data: Dataset, *, samples: int, noise: Sequence[float], missing: Sequence[float], progress: bool = False
) -> dict[str, list[tuple[float, float]]]:
    """Mean MAE against the level of noise, and against the share of dead receivers.

    Args:
        inverter: The network.
        data: What to predict.
        samples: How many.
        noise: Levels.
        missing: Shares.
        progress: Whether to show bars.

    Returns:
        "noise" and "missing receivers" -> pairs of level and MAE [m/s].
    """

    def error(change: Change) -> float:
        return evaluate(inverter.in_batches, data, samples=samples, change=change, progress=progress)["mean"]["MAE"]

    return {
        "noise": [(level, error(noisy(level))) for level in noise],
        "missing receivers": [(share, error(without_receivers(share))) for share in missing],
    }


def validation_of(
    data: Dataset, wrap: Callable[[Any], Inverter], *, samples: int | None = None
) -> Callable[[Any], dict[str, float]]:
    """What `fit` asks for after every so many steps.

    Args:
        data: Held back from the training.
        wrap: From a network to an inverter.
        samples: How many to predict; None for all, or of a dataset without maps for 16.

    Returns:
        From a network to "MAE" [m/s], the unweighted mean over subsets, which is to fall; MAE and SSIM of each subset. Without
        maps to "misfit", the mean of `data_misfit`, and its median.
    """
    if not data.maps:
        return _validation_by_waveforms(data, wrap, SIMULATED if samples is None else samples)

    def validate(network: Any) -> dict[str, float]:
        found = evaluate(wrap(network).in_batches, data, samples=samples)
        each = {f"{name} of {group}": found[group][name] for name in ("MAE", "SSIM") for group in found if group != "mean"}
        return {"MAE": found["mean"]["MAE"], "RMSE": found["mean"]["RMSE"], "SSIM": found["mean"]["SSIM"], **each}

    return validate


def _validation_by_waveforms(data: Dataset, wrap: Callable[[Any], Inverter], samples: int) -> Callable[[Any], dict[str, float]]:
    """`validation_of` without maps."""
    if samples < 1:
        raise ValueError(f"`samples` = {samples} must be at least 1, or None for {SIMULATED}.")
    one = _compiled_misfit()
    gathers = data.batch(np.unique(np.linspace(0, len(data) - 1, samples).astype(int))).gathers

    def validate(network: Any) -> dict[str, float]:
        predicted = np.clip(wrap(network).in_batches(gathers), SLOWEST, FASTEST)
        found = _misfits_of(one, predicted, gathers, progress=False)
        return {"misfit": float(np.mean(found)), "median misfit": float(np.median(found))}

    return validate
