"""Changes of maps while a network trains, whose gathers have to be simulated again.

A map whose gathers stay as they were teaches a network what is wrong; so `Resimulated` deforms some samples of each batch, and
runs OpenFWI's operator on these.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates
from jaxtyping import Array, Float, Key

from adseis.data.openfwi import shrink, simulate
from adseis.data.openfwi_layout import SHRUNK
from adseis.training.transforms import HIGH, LOW

Map = Float[Array, "z x"]
Deformation = Callable[[Map, Key[Array, ""]], Map]


class Elastic(eqx.Module):
    r"""Nodes displaced by smooth random fields.

        v(x) <- v(x + a g * u),    u uniform within [-1, 1],  g a Gaussian

    Attributes:
        amplitude: Range of a [nodes].
        width: Range of the Gaussian's deviation [nodes].
        share: How often.

    References:
        Simard, P. Y., Steinkraus, D. & Platt, J. C. (2003), ICDAR, doi:10.1109/ICDAR.2003.1227801
    """

    amplitude: tuple[float, float] = eqx.field(static=True, default=(30.0, 50.0))
    width: tuple[float, float] = eqx.field(static=True, default=(4.0, 6.0))
    share: float = eqx.field(static=True, default=0.3)

    def __call__(self, velocity: Map, key: Key[Array, ""]) -> Map:
        """Of one map.

        Args:
            velocity: [m/s].
            key: Of what is drawn.

        Returns:
            The deformed map.
        """
        keys = jax.random.split(key, 3)
        amplitude = jax.random.uniform(keys[0], (), velocity.dtype, *self.amplitude)
        width = jax.random.uniform(keys[1], (), velocity.dtype, *self.width)
        rough = jax.random.uniform(keys[2], (2, *velocity.shape), velocity.dtype, -1, 1)
        shift = amplitude * jax.vmap(lambda field: _smoothed(field, width))(rough)
        nodes = jnp.meshgrid(*(jnp.arange(n, dtype=velocity.dtype) for n in velocity.shape), indexing="ij")
        return map_coordinates(velocity, [nodes[0] + shift[0], nodes[1] + shift[1]], 1, mode="nearest")


class Fault(eqx.Module):
    """Everything beyond a slanting line moved up or down.

    Attributes:
        throw: Greatest displacement, as a share of the depth.
        slope: Greatest slope of the line from the vertical.
        share: How often.
    """

    throw: float = eqx.field(static=True, default=0.1)
    slope: float = eqx.field(static=True, default=0.6)
    share: float = eqx.field(static=True, default=0.2)

    def __call__(self, velocity: Map, key: Key[Array, ""]) -> Map:
        """Of one map.

        Args:
            velocity: [m/s].
            key: Of what is drawn.

        Returns:
            The faulted map.
        """
        depth, length = velocity.shape
        keys = jax.random.split(key, 3)
        at = jax.random.uniform(keys[0], (), velocity.dtype, 0.15 * length, 0.85 * length)
        slope = jax.random.uniform(keys[1], (), velocity.dtype, -self.slope, self.slope)
        throw = jnp.round(jax.random.uniform(keys[2], (), velocity.dtype, -self.throw, self.throw) * depth).astype(int)
        rows, columns = jnp.arange(depth)[:, None], jnp.arange(length)[None, :]
        beyond = columns.astype(at.dtype) > at + slope * (rows.astype(at.dtype) - depth / 2)
        moved = velocity[jnp.clip(jnp.arange(depth) - throw, 0, depth - 1)]
        return jnp.where(beyond, moved, velocity)


class Scaling(eqx.Module):
    """A factor on all speeds, which stay within OpenFWI's range.

    Attributes:
        range: Greatest departure of it from 1.
        share: How often.
    """

    range: float = eqx.field(static=True, default=0.1)
    share: float = eqx.field(static=True, default=0.2)

    def __call__(self, velocity: Map, key: Key[Array, ""]) -> Map:
        """Of one map.

        Args:
            velocity: [m/s].
            key: Of the factor.

        Returns:
            The scaled map.
        """
        factor = 1 + self.range * jax.random.uniform(key, (), velocity.dtype, -1, 1)
        return jnp.clip(factor * velocity, LOW, HIGH)


class Smoothing(eqx.Module):
    """Means over neighbouring nodes.

    Attributes:
        width: Range of the Gaussian's deviation [nodes]; boxes of 3 and of 5 nodes have 0.8 and 1.4.
        share: How often.
    """

    width: tuple[float, float] = eqx.field(static=True, default=(0.8, 1.4))
    share: float = eqx.field(static=True, default=0.2)

    def __call__(self, velocity: Map, key: Key[Array, ""]) -> Map:
        """Of one map.

        Args:
            velocity: [m/s].
            key: Of the width.

        Returns:
            The smoothed map.
        """
        return _smoothed(velocity, jax.random.uniform(key, (), velocity.dtype, *self.width))


class Resimulated(eqx.Module):
    """Deforms the first samples of each batch, and simulates their gathers again.

    Attributes:
        deformations: Each is done to as many samples as its `share` says.
        samples: How many of a batch; each costs a simulation, half a second of a core.
    """

    deformations: tuple[Elastic | Fault | Scaling | Smoothing, ...] = (Elastic(), Fault(), Scaling(), Smoothing())
    samples: int = eqx.field(static=True, default=1)

    def __call__(
        self,
        gathers: Float[Array, "sample shot time receiver"],
        velocity: Float[Array, "sample z x"],
        key: Key[Array, ""],
        strength: Float[Array, ""],
    ) -> tuple[Float[Array, "sample shot time receiver"], Float[Array, "sample z x"]]:
        """Of a batch.

        Args:
            gathers: Pressure.
            velocity: [m/s].
            key: Of what is drawn.
            strength: Factor on the shares.

        Returns:
            The batch with new samples in the first places.
        """
        chosen = velocity[: self.samples]
        for number, deform in enumerate(self.deformations):
            keys = jax.random.split(jax.random.fold_in(key, number), (2, len(chosen)))
            happens = jax.vmap(lambda k: jax.random.uniform(k, (), jnp.float32))(keys[0]) < deform.share * strength
            chosen = jnp.where(happens[:, None, None], jax.vmap(deform)(chosen, keys[1]), chosen)
        made = jax.lax.stop_gradient(jax.lax.map(simulate, chosen))
        made = (shrink(made) if gathers.shape[-3:] == SHRUNK else made).astype(gathers.dtype)
        return gathers.at[: self.samples].set(made), velocity.at[: self.samples].set(chosen)


def _smoothed(field: Map, width: Float[Array, ""]) -> Map:
    """By a Gaussian along both axes, normalised at the edges."""

    def weights(nodes: int) -> Array:
        away = jnp.arange(nodes, dtype=field.dtype)
        gauss = jnp.exp(-0.5 * ((away[:, None] - away[None, :]) / width) ** 2)
        return gauss / jnp.sum(gauss, 1, keepdims=True)

    return weights(field.shape[0]) @ field @ weights(field.shape[1]).T
