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


class Prior(eqx.Module):
    """Base of the priors.

    Attributes:
        name: What a report calls it.
        tied: Whether areas that are nearly flat are given one value each at the end.
    """

    name: eqx.AbstractVar[str]
    tied: eqx.AbstractVar[bool]

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

    def penalty(self, vp: Float[Array, "z x"], initial: Float[np.ndarray, "z x"]) -> Any:
        """Total variation."""
        return self.weight * total_variation(vp, 1.0, epsilon=self.epsilon) / (1000.0 * initial.shape[1])


class Flat(Blocks):
    """Flat layers: one value a row, and their total variation."""

    name: str = eqx.field(default="flat", static=True)

    def parametrization(self, initial: Float[np.ndarray, "z x"]) -> Parametrization:
        """One value a row."""
        return Rows(initial.shape[1])

    def basis(self, shape: tuple[int, int]) -> Float[np.ndarray, "node unknown"]:
        """One value a row."""
        return np.kron(np.eye(shape[0]), np.ones((shape[1], 1)))


class SmoothField(Prior):
    """A Gaussian random field about the start: v = v0 + s G w, w white, G smoothing by a Gaussian, s the standard deviation.

    Attributes:
        length: Standard deviation of the Gaussian [nodes]; 3.5 for Style-A, 2 for Style-B.
        deviation: Of the field [m/s].
        weight: Of the mean square of w.
    """

    length: float = 2.0
    deviation: float = 300.0
    weight: float = 0.1
    name: str = eqx.field(default="smooth field", static=True)
    tied: bool = eqx.field(default=False, static=True)

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
