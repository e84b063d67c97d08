"""What is known of OpenFWI's maps before any data: layers that are flat, blocks of one value, or a smooth random field.

A prior says what the optimizer works on, what is added to the misfit, and whether areas that are nearly flat are one value. Your
own is a subclass of `Prior`.
"""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from adseis.inversion.parametrizations import Parametrization
from adseis.objectives.regularizers import total_variation

DEVIATION, REACH, FLOOR = 500.0, 5.0, 0.05
"""Of a step [m/s], over how many nodes it is smooth, and the share of its size, not its slope, in what damping holds down."""
HEARD = 1e-3
"""Deviation of a mode of a smooth field that still counts, over the largest."""


class Prior(eqx.Module):
    """Base of the priors.

    Attributes:
        name: What a report calls it.
        tied: Whether areas that are nearly flat are given one value each at the end.
        share: Of the misfit, that a penalty of jumps takes in the last Gauss-Newton steps.
        scale: Of these jumps [m/s].
    """

    name: eqx.AbstractVar[str]
    tied: eqx.AbstractVar[bool]
    share: eqx.AbstractVar[float]
    scale: eqx.AbstractVar[float]

    @property
    def held(self) -> bool:
        """Whether damping holds down all that a map is away from where the search began; by default each step alone."""
        return False

    def parametrization(self, initial: Float[np.ndarray, "z x"]) -> Parametrization | None:
        """What the optimizer works on: by default the map itself.

        Args:
            initial: Where it begins [m/s].

        Returns:
            The parametrization, None for the map itself.
        """
        del initial
        return None

    def basis(self, shape: tuple[int, int]) -> Float[np.ndarray, "node unknown"] | None:
        """The maps that there are, as sums of columns: by default all.

        Args:
            shape: Nodes along z and x.

        Returns:
            One column for each unknown, None for one unknown a node.
        """
        del shape
        return None

    def begun(self, vp: Float[np.ndarray, "z x"]) -> Float[np.ndarray, "z x"]:
        """Where a search begins: by default at the start as it is. What no step can change has to go here.

        Args:
            vp: The start [m/s].

        Returns:
            A map that there is.
        """
        return vp

    def metric(self, shape: tuple[int, int]) -> Float[np.ndarray, "unknown unknown"]:
        """What damping of a step holds down: by default the mean square slope of the map, and a little of its size.

        Args:
            shape: Nodes along z and x.

        Returns:
            The matrix of a quadratic form of the unknowns.
        """
        slopes = []
        for n in shape:
            difference = np.diff(np.eye(n), axis=0)
            slopes.append(difference.T @ difference)
        along = np.kron(slopes[0], np.eye(shape[1])) + np.kron(np.eye(shape[0]), slopes[1])
        form = (FLOOR * np.eye(shape[0] * shape[1]) + REACH**2 * along) / DEVIATION**2
        basis = self.basis(shape)
        return form if basis is None else basis.T @ form @ basis

    def moved(self, vp: Float[np.ndarray, "z x"], change: Float[np.ndarray, "z x"]) -> Float[np.ndarray, "z x"]:
        """A map after a step: by default the step is one of squared slowness.

        Long waves feel the mean of that alone, so that rough changes which cancel leave them as they are.

        Args:
            vp: The map [m/s].
            change: The step [m/s].

        Returns:
            The map.
        """
        return vp / np.sqrt(np.maximum(1 - 2 * change / vp, 0.05))

    @abc.abstractmethod
    def penalty(self, vp: Float[Array, "z x"], initial: Float[np.ndarray, "z x"]) -> Any:
        """What is added to the misfit, over the misfit where gradients of the operator begin: 0.1 is a tenth of that.

        Args:
            vp: A map [m/s].
            initial: Where the inversion began [m/s].

        Returns:
            A number.
        """


class Blocks(Prior):
    """Blocks of one value: total variation, relative to that of a map of 70 x 70 nodes with a jump of 1000 m/s across.

    Attributes:
        weight: Of the total variation.
        epsilon: Jump between nodes below which it turns quadratic [m/s].
    """

    weight: float = 0.02
    epsilon: float = 5.0
    name: str = eqx.field(default="blocks", static=True)
    tied: bool = eqx.field(default=True, static=True)
    share: float = eqx.field(default=0.3, static=True)
    scale: float = eqx.field(default=10.0, static=True)

    def penalty(self, vp: Float[Array, "z x"], initial: Float[np.ndarray, "z x"]) -> Any:
        """Total variation."""
        return self.weight * total_variation(vp, 1.0, epsilon=self.epsilon) / (1000.0 * initial.shape[1])


class Flat(Blocks):
    """Flat layers: one value a row, and their total variation."""

    name: str = eqx.field(default="flat", static=True)

    def parametrization(self, initial: Float[np.ndarray, "z x"]) -> Parametrization:
        """One value a row."""
        return Rows(initial.shape[1])

    def begun(self, vp: Float[np.ndarray, "z x"]) -> Float[np.ndarray, "z x"]:
        """The mean of each row: a network's map of flat layers is not quite flat."""
        return np.broadcast_to(vp.mean(1, keepdims=True), vp.shape).astype(vp.dtype)

    def basis(self, shape: tuple[int, int]) -> Float[np.ndarray, "node unknown"]:
        """One value a row."""
        return np.kron(np.eye(shape[0]), np.ones((shape[1], 1)))


class SmoothField(Prior):
    """A Gaussian random field about the start: v = v0 + s G w + g u; w and u white, s and g deviations, G smooths by a Gaussian.

    Attributes:
        length: Standard deviation of the Gaussian [nodes], that of the field's correlation over the square root of 2: 2.5 for
            Style-A, 1.4 for Style-B.
        deviation: Of the field [m/s].
        weight: Of the mean square of w.
        grain: Deviation of what is white beside it [m/s]: 0 for Style-A, 60 for Style-B. Maps too large for matrices have none.
    """

    length: float = 2.5
    deviation: float = 300.0
    weight: float = 0.1
    grain: float = 0.0
    name: str = eqx.field(default="smooth field", static=True)
    tied: bool = eqx.field(default=False, static=True)
    share: float = eqx.field(default=0.0, static=True)
    scale: float = eqx.field(default=10.0, static=True)

    @property
    def held(self) -> bool:
        """All: what steps add up to where the survey sees little is no smooth field."""
        return True

    def begun(self, vp: Float[np.ndarray, "z x"]) -> Float[np.ndarray, "z x"]:
        """What of the start is as smooth as the field: a network's map has a roughness of its own."""
        return self._smooth(vp)

    def basis(self, shape: tuple[int, int]) -> Float[np.ndarray, "node unknown"]:
        """Eigenvectors of the field's correlation, those that count, by their deviations."""
        left, vectors = self._modes(shape)
        left = left.reshape(-1)
        return np.kron(*vectors)[:, left > 0] * left[left > 0]

    def metric(self, shape: tuple[int, int]) -> Float[np.ndarray, "unknown unknown"]:
        """Weights of the basis are white, and make a field of this deviation."""
        basis = self.basis(shape)
        return np.eye(basis.shape[1]) * np.sum(basis**2) / (len(basis) * (self.deviation**2 + self.grain**2))

    def moved(self, vp: Float[np.ndarray, "z x"], change: Float[np.ndarray, "z x"]) -> Float[np.ndarray, "z x"]:
        """A step of squared slowness, of which is kept what is as smooth as the field."""
        return vp + self._smooth(super().moved(vp, change) - vp)

    def _smooth(self, vp: np.ndarray) -> np.ndarray:
        """A map's part in the basis."""
        left, (down, across) = self._modes((vp.shape[0], vp.shape[1]))
        return (down @ np.where(left > 0, down.T @ vp @ across, 0.0) @ across.T).astype(vp.dtype)

    def _modes(self, shape: tuple[int, int]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Deviations along the eigenvectors of both axes, with the grain; 0 where they are next to nothing."""
        deviations, vectors = [], []
        for n in shape:
            away = np.subtract.outer(np.arange(n), np.arange(n))
            values, modes = np.linalg.eigh(np.exp(-((away / (2 * self.length)) ** 2)))
            deviations.append(np.sqrt(np.maximum(values, 0.0)))
            vectors.append(modes)
        left = np.outer(*deviations)
        left = np.where(left > HEARD * left.max(), left / left.max(), 0.0)
        return np.sqrt(left**2 + (self.grain / self.deviation) ** 2 * np.mean(left**2)), vectors

    def parametrization(self, initial: Float[np.ndarray, "z x"]) -> Parametrization:
        """White noise for the field."""
        return Smoothed(jnp.asarray(initial), self.length, self.deviation)

    def penalty(self, vp: Float[Array, "z x"], initial: Float[np.ndarray, "z x"]) -> Any:
        """Roughness beyond the smoothing: the mean square slope, relative to the field's own."""
        change = vp - jnp.asarray(initial, vp.dtype)
        slopes = jnp.mean(jnp.diff(change, axis=0) ** 2) + jnp.mean(jnp.diff(change, axis=1) ** 2)
        return self.weight * slopes * (self.length / self.deviation) ** 2


class Rows(Parametrization):
    """One value for each row.

    Attributes:
        columns: Nodes of a row.
    """

    columns: int = eqx.field(static=True)

    def to_model(self, variables: Any) -> Array:
        """The rows filled."""
        return jnp.broadcast_to(variables[:, None], (len(variables), self.columns))

    def to_variables(self, model: Any) -> Array:
        """The mean of each row."""
        return jnp.mean(jnp.asarray(model), 1)


class Smoothed(Parametrization):
    """m = reference + deviation G y, G smoothing by a Gaussian with reflected edges, of unit response to white noise.

    Attributes:
        reference: The model of y = 0.
        length: Standard deviation of the Gaussian [nodes].
        deviation: Standard deviation of m for white y.
    """

    reference: Float[Array, "z x"]
    length: float = eqx.field(static=True)
    deviation: float = eqx.field(static=True)

    def to_model(self, variables: Any) -> Array:
        """The reference and the smoothed field."""
        down, across = (jnp.asarray(_smoothing(n, self.length), variables.dtype) for n in self.reference.shape)
        return jnp.asarray(self.reference, variables.dtype) + self.deviation * (down @ variables @ across.T)

    def to_variables(self, model: Any) -> Array:
        """Zero where the model is the reference.

        Raises:
            ValueError: If it is another, whose rough part no y has.
        """
        model = jnp.asarray(model)
        if not bool(jnp.all(model == jnp.asarray(self.reference, model.dtype))):
            raise ValueError("only the `reference` of Smoothed has variables: begin with it.")
        return jnp.zeros_like(model)

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """None: bounds of the model are none of y."""
        del low, high
        return None, None


class WithSlowest(Parametrization):
    """A map in a parametrization of its own, and beside it the speed that sets the damping of OpenFWI's operator.

    Attributes:
        of_map: Of the map; None for the map itself.
    """

    of_map: Parametrization | None

    def first(self, vp: np.ndarray, slowest: float) -> dict[str, Any]:
        """Where to begin."""
        return {"vp": vp, "slowest": np.asarray(slowest, vp.dtype)}

    def to_model(self, variables: Any) -> dict[str, Any]:
        """The map of its variables."""
        vp = variables["vp"] if self.of_map is None else self.of_map.to_model(variables["vp"])
        return {"vp": vp, "slowest": variables["slowest"]}

    def to_variables(self, model: Any) -> dict[str, Any]:
        """The variables of the map."""
        vp = model["vp"] if self.of_map is None else self.of_map.to_variables(model["vp"])
        return {"vp": vp, "slowest": model["slowest"]}

    def bounds(self, low: Any = None, high: Any = None) -> tuple[Any, Any]:
        """Those of the map's variables, and of the speed."""
        of_map = (low["vp"], high["vp"]) if self.of_map is None else self.of_map.bounds(low["vp"], high["vp"])
        least, greatest = (x if x is not None else limit for x, limit in zip(of_map, (-np.inf, np.inf), strict=True))
        return {"vp": least, "slowest": low["slowest"]}, {"vp": greatest, "slowest": high["slowest"]}


def tied(vp: Float[np.ndarray, "z x"], *, step: float = 20.0, nodes: int = 9) -> Float[np.ndarray, "z x"]:
    """A map whose areas that are nearly flat have one value each.

    Neighbours that differ by less than `step` belong to one area; areas of `nodes` and more are given their mean.

    Args:
        vp: A map [m/s].
        step: Difference of neighbours [m/s].
        nodes: Smallest area.

    Returns:
        The map.
    """
    number = np.arange(vp.size).reshape(vp.shape)
    joined = []
    for axis in (0, 1):
        near = np.abs(np.diff(vp, axis=axis)) < step
        first = number[:-1] if axis == 0 else number[:, :-1]
        second = number[1:] if axis == 0 else number[:, 1:]
        joined.append(np.stack([first[near], second[near]]))
    one, other = np.concatenate(joined, 1)
    graph = scipy.sparse.coo_array((np.ones(len(one), bool), (one, other)), (vp.size, vp.size))
    label = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    count = np.bincount(label)
    mean = np.bincount(label, vp.reshape(-1).astype(float)) / count
    flat = np.where(count[label] >= nodes, mean[label], vp.reshape(-1))
    return flat.reshape(vp.shape).astype(vp.dtype)


def _smoothing(nodes: int, length: float) -> np.ndarray:
    """Rows that smooth by a Gaussian and turn white noise into noise of unit deviation."""
    rows = scipy.ndimage.gaussian_filter1d(np.eye(nodes), length, axis=0, mode="reflect")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
