"""Objectives that show their parts: data, misfit, regularizer."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from adseis.objectives.bands import Band, filter_band
from adseis.objectives.misfits import l2

Forward = Callable[[Any], Any]


class Composite(eqx.Module):
    """An objective phi(F(x)) + R(x) that shows its parts, so that its Gauss-Newton products can be formed.

    Attributes:
        forward: F, from unknowns to data: any pytrees.
        loss: phi, from data to a number, such as `lambda d: ads.misfits.l2(d, observed)`.
        regularizer: R, from unknowns to a number, or None.
    """

    forward: Callable[[PyTree], PyTree]
    loss: Callable[[PyTree], Any]
    regularizer: Callable[[PyTree], Any] | None = None

    def __call__(self, x: PyTree) -> Any:
        """phi(F(x)) + R(x)."""
        value = self.loss(self.forward(x))
        return value if self.regularizer is None else value + self.regularizer(x)

    def after(self, change: Callable[[PyTree], PyTree]) -> "Composite":
        """The same objective of other unknowns y, x = change(y).

        Args:
            change: From y to x.

        Returns:
            The objective of y.
        """
        regularizer = self.regularizer
        return Composite(
            lambda y: self.forward(change(y)), self.loss, None if regularizer is None else lambda y: regularizer(change(y))
        )


def relative_objective(
    forward: Forward,
    observed: PyTree,
    band: Band,
    dt: float,
    *,
    misfit: Callable[[Array, Array], Any] = l2,
    regularizer: Callable[[PyTree], Any] | None = None,
) -> Composite:
    """The function of the model that an inversion minimizes in one band: relative misfit plus regularizer.

    Args:
        forward: From a model to gathers.
        observed: Gathers to explain, `(shot, time, receiver)`; of a tuple of them the relative misfits are averaged.
        band: Frequencies to fit.
        dt: Sampling interval of the gathers [s].
        misfit: `misfit(predicted, observed)`.
        regularizer: `regularizer(model)`, or None.

    Returns:
        `objective(model)`, 1 for a model that predicts nothing (without regularizer), unless the misfit of that is zero.
    """

    def filtered(gathers: PyTree) -> list[Array]:
        return [filter_band(gather, band, dt) for gather in jax.tree.leaves(gathers)]

    targets = filtered(observed)
    silences = [misfit(jnp.zeros_like(target), target) for target in targets]
    scales = [len(targets) * jnp.where(silence > 0, silence, 1) for silence in silences]

    def loss(predicted: list[Array]) -> Array:
        if len(predicted) != len(targets):
            raise ValueError(f"`forward` returns {len(predicted)} gathers, `observed` has {len(targets)}.")
        terms = [misfit(p, o) / scale for p, o, scale in zip(predicted, targets, scales, strict=True)]
        return jnp.sum(jnp.stack(terms))

    return Composite(lambda model: filtered(forward(model)), loss, regularizer)
