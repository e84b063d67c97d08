"""Objectives that show their parts: data, misfit, regularizer."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from adseis.objectives import misfits
from adseis.objectives.bands import Band, filter_band
from adseis.objectives.misfits import l2
from adseis.signals import over, unit_of

Forward = Callable[[Any], Any]
Misfit = Callable[..., Any]


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
        `objective(model)`, 1 for a model that predicts nothing (without regularizer), unless the misfit of that is zero. Where
        it leaves the range of the data's precision, predicted and observed data are first divided by a number near the observed
        peak, and so is a `threshold` that `functools.partial` gave to the misfit.

    Warns:
        UserWarning: If data are so divided for a misfit that adseis does not know, which may hold a threshold of its own.
    """
    targets = _filtered(observed, band, dt)
    compared = [_compared(misfit, target) for target in targets]
    units = [part.unit for part in compared]

    def predict(model: Any) -> list[Array]:
        gathers = _filtered(forward(model), band, dt)
        if len(gathers) != len(targets):
            raise ValueError(f"`forward` returns {len(gathers)} gathers, `observed` has {len(targets)}.")
        return [over(gather, unit.astype(gather.dtype)) for gather, unit in zip(gathers, units, strict=True)]

    def loss(predicted: list[Array]) -> Array:
        pairs = zip(predicted, compared, strict=True)
        return jnp.sum(jnp.stack([part.misfit(p, part.target) / (len(compared) * part.silence) for p, part in pairs]))

    return Composite(predict, loss, regularizer)


def _filtered(gathers: PyTree, band: Band, dt: float) -> list[Array]:
    return [filter_band(gather, band, dt) for gather in jax.tree.leaves(gathers)]


class _Compared(NamedTuple):
    """A misfit and what it compares with, over `unit`; `silence` is what silence costs, 1 if nothing."""

    misfit: Misfit
    target: Array
    unit: Array
    silence: Array


def _compared(misfit: Misfit, target: Array) -> _Compared:
    """Observed data as they are, or over a unit near their peak where their misfit is no number of their precision else."""

    def silence_of(misfit: Misfit, target: Array) -> Array:
        return jax.jit(lambda target: jnp.asarray(misfit(jnp.zeros_like(target), target)))(target)

    plain, one = silence_of(misfit, target), jnp.ones((), target.dtype)
    known = not isinstance(plain, Tracer)
    if known and bool(_in_range(np.asarray(plain))):
        return _Compared(misfit, target, one, plain)
    unit = unit_of(target).reshape(())
    inside = _over(misfit, float(unit)) if known else misfit
    scaled = silence_of(inside, target / unit)
    # shifts of traces cost silence nothing in any unit
    divided = ~_in_range(plain) & _in_range(scaled)
    unit, silence = jnp.where(divided, unit, one), jnp.where(divided, scaled, plain)
    if known and bool(divided):
        if getattr(getattr(misfit, "func", misfit), "__name__", None) not in vars(misfits):
            warnings.warn(
                f"`misfit` is {float(plain):.3g} for silence, beyond the range of {target.dtype}: predicted and observed data "
                f"are divided by {float(unit):.3g} before they are compared. A threshold within `misfit` counts in that unit: "
                "give it by `functools.partial(ads.misfits.huber, threshold=...)`, or multiply sources and data by a number.",
                stacklevel=4,
            )
        misfit = inside
    return _Compared(misfit, target / unit, unit, jnp.where(silence > 0, silence, 1))


def _in_range(value: Any) -> Any:
    """Whether a relative change of a rounding unit, and its square, can still be told of a positive number."""
    numbers = jnp.finfo(value.dtype)
    room = float(numbers.eps) ** 2
    return (value > float(numbers.tiny) / room) & (value < float(numbers.max) * room)


def _over(misfit: Misfit, unit: float) -> Misfit:
    """The misfit of data over `unit`, up to a factor: what it was given in their unit is divided, too."""
    if isinstance(misfit, functools.partial) and "threshold" in misfit.keywords:
        keywords = misfit.keywords | {"threshold": misfit.keywords["threshold"] / unit}
        return functools.partial(misfit.func, *misfit.args, **keywords)
    return misfit
