"""A network as the model: what is sought are the weights of whatever draws it.

    m = reference + room tanh(scale draw(w) / room),    room = high - reference above, reference - low below

Small images change the model by scale times image, large ones never carry it past its bounds. `draw` is any differentiable
function from a pytree of weights w to an image: networks of any library reach an inversion as plain functions. A
`Reparametrization` goes to `adseis.inversion.fwi.Update`, or, for mini-batches, its `to_model` into the objective of
`minimize_stochastic`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from adseis.inversion.parametrizations import Parametrization
from adseis.optimizers.path import Callback
from adseis.optimizers.stochastic import minimize_stochastic
from adseis.signals import divide


class Reparametrization(Parametrization):
    """m = reference + scale draw(w), bent so that it keeps its bounds: the variables are the weights of a network.

    Attributes:
        draw: From weights to an image on the grid, numbers of order one: `as_function(network)` of an equinox network, or
            `lambda w: nnx.merge(graph, w)()` where `graph, w = nnx.split(network)`.
        weights: Where an inversion starts: a pytree of floating-point arrays.
        reference: Model that an image of zeros stands for [unit of the model], on the grid and within the bounds: the initial
            model, or a constant if the network is to draw all of it (see `fit_network`).
        scale: Change that an image of ones stands for [unit of the model]: a number or an array on the grid, zero where the
            reference is kept.
        low: Lower bound of the model: a number, an array on the grid, or None.
        high: Upper bound, likewise.

    Raises:
        ValueError: If image, reference, scale and bounds do not share one grid, the scale is nowhere positive, or the reference
            is outside its bounds.

    References:
        Zhu, W., Xu, K., Darve, E., Biondi, B. & Beroza, G. C. (2022), Geophysics 87, R93-R109, doi:10.1190/geo2020-0933.1
    """

    draw: Callable[[PyTree], Array] = eqx.field(static=True)
    weights: PyTree
    reference: Any
    scale: Any = 1.0
    low: Any = None
    high: Any = None

    def __check_init__(self) -> None:
        image = jax.eval_shape(self.draw, self.weights)
        if image.shape != np.shape(self.reference):
            raise ValueError(
                f"`draw` gives an image {image.shape}, `reference` is {np.shape(self.reference)}; they must be the same."
            )
        for name in ("scale", "low", "high"):
            value = getattr(self, name)
            if value is not None and np.shape(value) not in ((), image.shape):
                raise ValueError(f"`{name}` {np.shape(value)} must be a number or an array on the grid {image.shape}.")
        scale = np.asarray(self.scale)
        if not (scale >= 0).all() or not scale.any():
            raise ValueError("`scale` must be positive, and zero only where the reference is kept.")
        low, high = (unbounded if b is None else b for b, unbounded in ((self.low, -np.inf), (self.high, np.inf)))
        if not bool(jnp.all((jnp.asarray(self.reference) >= low) & (jnp.asarray(self.reference) <= high))):
            raise ValueError("`reference` must lie between `low` and `high`: widen them, or clip it.")

    @eqx.filter_jit
    def to_model(self, variables: PyTree) -> Float[Array, "*grid"]:
        """The model that these weights draw."""
        image = self.draw(variables)
        reference, scale = (jnp.broadcast_to(jnp.asarray(a, image.dtype), image.shape) for a in (self.reference, self.scale))
        change = scale * image
        for bound, sign in ((self.low, -1), (self.high, 1)):
            if bound is not None:
                change = jnp.where(sign * change > 0, _bent(change, jnp.abs(jnp.asarray(bound, image.dtype) - reference)), change)
        return reference + change

    def to_variables(self, model: PyTree) -> PyTree:
        """The weights it holds, which must draw the model within a tenth of the scale (root mean square).

        Raises:
            ValueError: If they draw another one.
        """
        model = jnp.asarray(model)
        error = float(jnp.sqrt(jnp.mean((self.to_model(self.weights) - model) ** 2)))
        allowed = 0.1 * float(jnp.max(jnp.asarray(self.scale)))
        if not error <= allowed:
            raise ValueError(
                f"the network draws a model {error:.4g} (root mean square) off the one to start from, more than a tenth of "
                f"`scale`, {allowed:.4g}: start from its `reference`, or train it by `fit_network`."
            )
        return self.weights

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """None: `low` and `high` are kept by themselves.

        Raises:
            ValueError: If others are asked for.
        """
        if low is not None or high is not None:
            raise ValueError("Reparametrization has its own `low` and `high`; leave out those of the update.")
        return None, None


def as_function(network: Callable[..., Any], *inputs: Any) -> tuple[Callable[[PyTree], Any], PyTree]:
    """An equinox network, or any callable pytree, as a function of its weights.

    Args:
        network: The network; all its floating-point arrays are weights.
        inputs: What it is called with.

    Returns:
        `(draw, weights)`, such that `draw(weights)` is `network(*inputs)`.
    """
    weights, rest = eqx.partition(network, eqx.is_inexact_array)
    return lambda weights: eqx.combine(weights, rest)(*inputs), weights


def fit_network(
    parametrization: Reparametrization,
    target: Float[Array | np.ndarray, "*grid"],
    *,
    steps: int = 1000,
    optimizer: optax.GradientTransformation | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> Reparametrization:
    """Train a network to draw a model: the start of an inversion in which it draws all of it.

    Args:
        parametrization: The network and its scale.
        target: Model to be drawn, on the grid.
        steps: Steps of the optimizer, on mean ((m(w) - target) / max(scale))^2.
        optimizer: By default `optax.adam(1e-3)`.
        progress: Whether to show a progress bar.
        callback: `callback(step, weights, value)` after each step; ends the training by a true return value or StopIteration.

    Returns:
        The same with the trained weights.

    Raises:
        ValueError: If `target` is not on the grid, or as `minimize_stochastic` does.
    """
    target = jnp.asarray(target)
    if target.shape != np.shape(parametrization.reference):
        raise ValueError(f"`target` {target.shape} and the reference {np.shape(parametrization.reference)} must share one grid.")
    unit = jnp.max(jnp.asarray(parametrization.scale))

    def error(weights: PyTree, _: Any) -> Array:
        return jnp.mean(((parametrization.to_model(weights) - target) / unit) ** 2)

    found = minimize_stochastic(
        error, parametrization.weights, optimizer or optax.adam(1e-3), batches=lambda step: None, steps=steps, progress=progress,
        callback=callback,
    )  # fmt: skip
    return dataclasses.replace(parametrization, weights=found.x)


def _bent(change: Array, room: Array) -> Array:
    """room tanh(change / room), zero without room."""
    return room * jnp.tanh(divide(change, room))
