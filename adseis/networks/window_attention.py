"""Attention within the windows of a map: by cosines, and by how places lie to each other; linear layers of vectors on a map."""

import math
from collections.abc import Callable
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from adseis.networks.normalization import full


def rows(layer: Callable[[Array], Array], x: Float[Array, "*places channel"]) -> Float[Array, "*places _channel"]:
    """A layer of vectors at every place.

    Args:
        layer: Function of one vector.
        x: Vectors.

    Returns:
        What becomes of each.
    """
    y = jax.vmap(layer)(x.reshape(-1, x.shape[-1]))
    return y.reshape(*x.shape[:-1], y.shape[-1])


def unit(x: Float[Array, "... channel"]) -> Float[Array, "... channel"]:
    """Vectors of length one, of the same direction.

    Args:
        x: Vectors; those of zero stay so.

    Returns:
        The same shape.
    """
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(x * x, -1, keepdims=True), 1e-24))


@lru_cache
def offsets(window: int) -> tuple[np.ndarray, np.ndarray]:
    """Between places of a window: what offsets there are, and which of them lies between any two.

    Args:
        window: Places along a side, w.

    Returns:
        sign(d) log2(1 + |d|) / 3 of offsets d, scaled to within -8 and 8, ((2w - 1)^2, 2); and indices into it (w^2, w^2).
    """
    line = np.arange(1 - window, window) * (8 / max(window - 1, 1))
    line = np.sign(line) * np.log2(1 + np.abs(line)) / 3
    table = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    place = np.stack(np.divmod(np.arange(window**2), window), -1)
    apart = place[:, None] - place[None] + window - 1
    return table, (apart[..., 0] * (2 * window - 1) + apart[..., 1]).astype(np.int32)


@lru_cache
def apart(side: int, window: int, shift: int) -> np.ndarray:
    """-100 between places of one window that are neighbours only because the map was rolled around, else 0.

    Args:
        side: Of the map.
        window: Places along a side, w.
        shift: By how many places the map was rolled up and to the left.

    Returns:
        (window, w^2, w^2).
    """
    line = np.zeros(side, int)
    if shift:
        line[side - window :], line[side - shift :] = 1, 2
    region = 3 * line[:, None] + line[None]
    region = region.reshape(side // window, window, side // window, window).transpose(0, 2, 1, 3).reshape(-1, window**2)
    return np.where(region[:, :, None] != region[:, None, :], -100.0, 0.0)


def linear(before: int, after: int, key: Key[Array, ""], dtype: DTypeLike, use_bias: bool = True) -> eqx.nn.Linear:
    """A linear layer whose weights are small (standard deviation 0.02, none beyond two) and whose bias is zero.

    Args:
        before: Length of the vectors that come in.
        after: Of those that go out.
        key: Of the random numbers.
        dtype: Of the weights.
        use_bias: Whether it has one.

    Returns:
        The layer.
    """
    layer = eqx.nn.Linear(before, after, use_bias, dtype=dtype, key=key)
    layer = eqx.tree_at(lambda n: n.weight, layer, 0.02 * jax.random.truncated_normal(key, -2, 2, (after, before), dtype))
    return eqx.tree_at(lambda n: n.bias, layer, jnp.zeros(after, dtype)) if use_bias else layer


class Attention(eqx.Module):
    """Attention between the places of a window, by the cosine between query and key and by how places lie to each other.

        softmax(exp(min(scale, ln 100)) cos(q, k) + 16 sigmoid(MLP(offset))) v

    Attributes:
        qkv: Queries, keys and values, without bias.
        q_bias: Of queries.
        v_bias: Of values.
        logit_scale: Logarithm of the factor of each head.
        offset_mlp: Two layers, from offsets to a number for each head.
        projection: Of all heads together.
        window: Places along a side.
    """

    qkv: eqx.nn.Linear
    q_bias: Float[Array, " channel"]
    v_bias: Float[Array, " channel"]
    logit_scale: Float[Array, "head 1 1"]
    offset_mlp: tuple[eqx.nn.Linear, eqx.nn.Linear]
    projection: eqx.nn.Linear
    window: int = eqx.field(static=True)

    def __init__(self, channels: int, heads: int, window: int, *, key: Key[Array, ""], dtype: DTypeLike = jnp.float32):
        """Draw the weights.

        Args:
            channels: Length of the vectors, a multiple of the heads.
            heads: How many.
            window: Places along a side.
            key: Of the random numbers.
            dtype: Of the weights.
        """
        keys = jax.random.split(key, 4)
        self.window = window
        self.qkv = linear(channels, 3 * channels, keys[0], dtype, use_bias=False)
        self.q_bias, self.v_bias = jnp.zeros(channels, dtype), jnp.zeros(channels, dtype)
        self.logit_scale = jnp.full((heads, 1, 1), math.log(10), dtype)
        self.offset_mlp = (linear(2, 512, keys[1], dtype), linear(512, heads, keys[2], dtype, use_bias=False))
        self.projection = linear(channels, channels, keys[3], dtype)

    def __call__(
        self, x: Float[Array, "window place channel"], mask: Float[np.ndarray, "window place place"] | None = None
    ) -> Float[Array, "window place channel"]:
        """Attend.

        Args:
            x: Vectors at the places of every window.
            mask: To be added where places must not see each other.

        Returns:
            The same shape.
        """
        windows, places, channels = x.shape
        heads = self.logit_scale.shape[0]
        single = full(x.dtype)
        qkv = rows(self.qkv, x) + jnp.concatenate([self.q_bias, jnp.zeros_like(self.q_bias), self.v_bias])[None, None]
        q, k, v = qkv.reshape(windows, places, 3, heads, channels // heads).transpose(2, 0, 3, 1, 4)
        q, k = (unit(a.astype(single)).astype(x.dtype) for a in (q, k))
        scale = jnp.exp(jnp.minimum(self.logit_scale.astype(single), math.log(100)))
        cosine = jnp.einsum("whpc,whqc->whpq", q, k).astype(single)
        bias = self._by_offset(single)[None]
        bias = bias if mask is None else bias + jnp.asarray(mask, single)[:, None]
        weights = jax.nn.softmax(cosine * scale[None] + bias, -1)
        y = jnp.einsum("whpq,whqc->wphc", weights.astype(x.dtype), v)
        return rows(self.projection, y.reshape(windows, places, channels))

    def _by_offset(self, dtype: DTypeLike) -> Float[Array, "head place place"]:
        table, which = offsets(self.window)
        inner, outer = self.offset_mlp
        numbers = rows(outer, jax.nn.relu(rows(inner, jnp.asarray(table, self.q_bias.dtype))))
        return 16 * jax.nn.sigmoid(numbers.astype(dtype)[which].transpose(2, 0, 1))
