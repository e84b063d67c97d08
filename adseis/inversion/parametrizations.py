"""Parametrizations: what an optimizer works on in place of the model.

Each maps variables y to a model m by a differentiable function, and back as far as possible. To use one, minimize
`lambda y: objective(p.to_model(y))` from `p.to_variables(m0)` within `p.bounds(low, high)`; or hand it to
`adseis.inversion.fwi.Update`. A pytree model is mapped leaf by leaf.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import PyTree

from adseis.signals import divide


class Parametrization(eqx.Module):
    """A differentiable map from variables to a model."""

    @abc.abstractmethod
    def to_model(self, variables: PyTree) -> PyTree:
        """The model of some variables.

        Args:
            variables: y.

        Returns:
            m.
        """

    @abc.abstractmethod
    def to_variables(self, model: PyTree) -> PyTree:
        """The variables of a model, or of the nearest one that has some.

        Args:
            model: m.

        Returns:
            y.

        Raises:
            ValueError: If the model is out of range.
        """

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """Bounds of the variables within which the model keeps its own.

        Args:
            low: Lower bound of the model: a number, an array like it, or None.
            high: Upper bound, likewise.

        Returns:
            `(low, high)` of y, each a number, an array or None.
        """
        return low, high


class Slowness(Parametrization):
    """m = 1 / y: waves feel slowness more evenly than speed. Bounds trade places."""

    def to_model(self, variables: PyTree) -> PyTree:
        """1 / y."""
        return jax.tree.map(lambda y: 1 / y, variables)

    def to_variables(self, model: PyTree) -> PyTree:
        """1 / m."""
        return jax.tree.map(lambda m: 1 / _positive(m, "Slowness"), model)

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """(1 / high, 1 / low), positive."""
        return (0.0 if high is None else 1 / np.asarray(high)), (None if low is None else 1 / np.asarray(low))


class Logarithm(Parametrization):
    """m = r exp(y): relative changes, never negative.

    Attributes:
        reference: r [unit of the model], positive.
    """

    reference: float = eqx.field(default=1.0, static=True)

    def to_model(self, variables: PyTree) -> PyTree:
        """r exp(y)."""
        return jax.tree.map(lambda y: self.reference * jnp.exp(y), variables)

    def to_variables(self, model: PyTree) -> PyTree:
        """log(m / r)."""
        return jax.tree.map(lambda m: jnp.log(_positive(m, "Logarithm") / self.reference), model)

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """log(bound / r)."""
        least, most = (None if b is None else np.log(np.asarray(b) / self.reference) for b in (low, high))
        return least, most


class Bounded(Parametrization):
    """m = low + (high - low) / (1 + exp(-y)): within its bounds whatever the optimizer does.

    Attributes:
        low: Below the model [unit of the model]: a number or an array on its grid.
        high: Above it.
    """

    low: Any
    high: Any

    def to_model(self, variables: PyTree) -> PyTree:
        """low + (high - low) sigmoid(y)."""
        return jax.tree.map(lambda y: self._low(y) + self._width(y) * jax.nn.sigmoid(y), variables)

    def to_variables(self, model: PyTree) -> PyTree:
        """log(s / (1 - s)) of the share s = (m - low) / (high - low)."""

        def invert(m: ArrayLike) -> Array:
            m = jnp.asarray(m)
            share = (m - self._low(m)) / self._width(m)
            if not bool(jnp.all((share > 0) & (share < 1))):
                raise ValueError("the model must lie strictly between `low` and `high` of Bounded: widen them, or clip it.")
            return jnp.log(share / (1 - share))

        return jax.tree.map(invert, model)

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """None: `low` and `high` are kept by themselves.

        Raises:
            ValueError: If others are asked for.
        """
        if low is not None or high is not None:
            raise ValueError("Bounded has its own `low` and `high`; leave out those of the update.")
        return None, None

    def _low(self, like: Array) -> Array:
        return jnp.asarray(self.low, like.dtype)

    def _width(self, like: Array) -> Array:
        return jnp.asarray(self.high, like.dtype) - self._low(like)


class Splines(Parametrization):
    """Cubic B-splines on few knots: m = sum_k y_k B_k, smooth by construction.

    Basis functions are products over the axes, not negative, and sum to one, so that bounds of y are bounds of m.

    Attributes:
        shape: Nodes of the model's grid per axis.
        knots: Coefficients along each axis, at least 4.

    Raises:
        ValueError: If there are fewer than 4, or more than nodes, along an axis.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    knots: tuple[int, ...] = eqx.field(static=True)

    def __check_init__(self) -> None:
        fits = len(self.knots) == len(self.shape) and all(4 <= k <= n for k, n in zip(self.knots, self.shape, strict=False))
        if not fits:
            raise ValueError(f"`knots` = {self.knots} must be one number per axis, from 4 to the nodes there: {self.shape}.")

    def to_model(self, variables: PyTree) -> PyTree:
        """The splines on the nodes."""
        return jax.tree.map(lambda y: self._along_axes(y, self._bases()), variables)

    def to_variables(self, model: PyTree) -> PyTree:
        """The coefficients of the splines nearest to the model, by least squares."""
        for m in jax.tree.leaves(model):
            if jnp.shape(m) != self.shape:
                raise ValueError(f"the model {jnp.shape(m)} does not fit `shape` = {self.shape} of Splines.")
        return jax.tree.map(lambda m: self._along_axes(jnp.asarray(m), [np.linalg.pinv(b) for b in self._bases()]), model)

    def _bases(self) -> list[np.ndarray]:
        """(node, coefficient) of every axis."""
        return [_spline_basis(n, k) for n, k in zip(self.shape, self.knots, strict=True)]

    def _along_axes(self, x: Array, matrices: list[np.ndarray]) -> Array:
        exact = jax.lax.Precision.HIGHEST
        for axis, matrix in enumerate(matrices):
            x = jnp.moveaxis(jnp.tensordot(jnp.asarray(matrix, x.dtype), x, (1, axis), precision=exact), 0, axis)
        return x


def _spline_basis(nodes: int, coefficients: int) -> np.ndarray:
    """Cubic B-splines with clamped ends, at evenly spaced nodes."""
    inner = np.linspace(0, 1, coefficients - 2)
    knots = np.concatenate([[0] * 3, inner, [1] * 3])
    return scipy.interpolate.BSpline.design_matrix(np.linspace(0, 1, nodes), knots, 3).toarray()


def _positive(model: ArrayLike, name: str) -> Array:
    model = jnp.asarray(model)
    if not bool(jnp.all(model > 0)):
        raise ValueError(f"the model must be positive everywhere for {name}.")
    return model


class ChangeOfVariables(Parametrization):
    """Model m = reference + weight y, so that an optimizer working on y is preconditioned by weight^2.

    Where the weight is zero the model stays at the reference. To use it, minimize `lambda y: objective(change.to_model(y))` from
    `change.to_variables(x0)` within `change.bounds(low, high)`, and read the model from `change.to_model(result.x)`.

    Attributes:
        reference: Model at y = 0: an array, or a pytree of arrays, any unit.
        weight: Non-negative weights: an array on the grid for all leaves, or a pytree like `reference`.
    """

    reference: PyTree
    weight: PyTree

    def to_model(self, variables: PyTree) -> PyTree:
        """The model reference + weight y, like the reference."""
        return jax.tree.map(lambda r, w, y: r + w * y, self.reference, self._weights(), variables)

    def to_variables(self, model: PyTree) -> PyTree:
        """The variables (model - reference) / weight, like the reference; zero where the weight is zero."""
        return jax.tree.map(lambda r, w, m: divide(m - r, w), self.reference, self._weights(), model)

    def bounds(self, low: PyTree = None, high: PyTree = None) -> tuple[PyTree, PyTree]:
        """Bounds of the model turned into bounds of the variables; none where the weight is zero.

        Args:
            low: Lower bound of the model: a number, None, or a pytree like the reference.
            high: Upper bound, likewise.

        Returns:
            The bounds `(low, high)` of y, pytrees like the reference.
        """

        def turn(bound: Any, unbounded: float) -> PyTree:
            def variable(r: Any, w: Any, b: Any) -> np.ndarray:  # on the host, where bounds are kept
                r, w = np.asarray(r), np.asarray(w)
                return np.where(w > 0, (np.asarray(b, r.dtype) - r) / np.where(w > 0, w, 1), unbounded)

            bounds = jax.tree.broadcast(unbounded if bound is None else bound, self.reference)
            return jax.tree.map(variable, self.reference, self._weights(), bounds)

        return turn(low, -np.inf), turn(high, np.inf)

    def _weights(self) -> PyTree:
        return jax.tree.broadcast(self.weight, self.reference)
