"""Figures of predicted maps: MAE, RMSE and structural similarity, by family, as OpenFWI reports them and as Khanal does."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.objectives.similarity import structural_similarity
from adseis.training.transforms import HIGH, LOW

FIGURES = ("MAE", "RMSE", "SSIM", "SSIM, rescaled")


@jax.jit
def figures(
    predicted: Float[Array | np.ndarray, "sample z x"], true: Float[Array | np.ndarray, "*sample_z_x"]
) -> Float[Array, "figure sample"]:
    """Of each map, in the order of `FIGURES`.

    "SSIM" is OpenFWI's, of speeds scaled by its range. "SSIM, rescaled" is Khanal's: each map is scaled by its own extremes
    first, so that it does not see an error of level or contrast; the two cannot be compared.

    Args:
        predicted: Speeds [m/s].
        true: Speeds [m/s].

    Returns:
        Mean absolute error [m/s], root of the mean square error [m/s], and two similarities.
    """
    predicted, true = jnp.asarray(predicted), jnp.asarray(true)
    away = predicted - true
    scaled = [(v - LOW) / (HIGH - LOW) for v in (predicted, true)]
    own = [_rescaled(v) for v in (predicted, true)]
    alike = jax.vmap(structural_similarity)
    absolute, square = jnp.mean(jnp.abs(away), (-2, -1)), jnp.sqrt(jnp.mean(away**2, (-2, -1)))
    return jnp.stack([absolute, square, alike(*scaled), alike(*own)])


def by_group(values: Float[np.ndarray, "figure sample"], groups: Sequence[str]) -> dict[str, dict[str, float]]:
    """Means of figures over the samples of each group, and the plain mean over the groups.

    Args:
        values: Of each sample, in the order of `FIGURES`.
        groups: Family or subset of each sample.

    Returns:
        Group -> figure -> mean, with "samples"; under "mean" the unweighted mean over groups.
    """
    names = np.asarray(groups)
    found: dict[str, dict[str, float]] = {}
    for group in sorted(set(groups)):
        chosen = values[:, names == group]
        found[group] = {
            **{name: float(v) for name, v in zip(FIGURES, chosen.mean(1), strict=True)},
            "samples": float(chosen.shape[1]),
        }
    means = {name: float(np.mean([group[name] for group in found.values()])) for name in FIGURES}
    return {**found, "mean": {**means, "samples": float(len(names))}}


def _rescaled(maps: Float[Array, "sample z x"]) -> Float[Array, "sample z x"]:
    low, high = jnp.min(maps, (-2, -1), keepdims=True), jnp.max(maps, (-2, -1), keepdims=True)
    return (maps - low) / jnp.maximum(high - low, 1e-6)
