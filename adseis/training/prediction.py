"""What a network says of many samples: mapped over a batch, in training or in use."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from adseis.networks.normalization import BATCH, BatchNorm

_Network = TypeVar("_Network")


def predict(
    network: PyTree, inputs: Float[Array | np.ndarray, "sample *input"], *, key: Key[Array, ""] | None = None
) -> Float[Array, "sample *output"]:
    """What the network makes of each sample.

    Args:
        network: Called with one sample and `key=`.
        inputs: Samples; in the precision of the network's weights they are passed on.
        key: Of what it draws in training, such as dropout; one for each sample is made of it.

    Returns:
        Its outputs, float32 at least.
    """
    inputs = jnp.asarray(inputs, _precision(network))
    if key is None:
        found = jax.vmap(lambda x: network(x), axis_name=BATCH)(inputs)
    else:
        found = jax.vmap(lambda x, k: network(x, key=k), axis_name=BATCH)(inputs, jax.random.split(key, len(inputs)))
    return found if found.dtype.itemsize >= 4 else found.astype(jnp.float32)


def in_training(network: _Network, trained: PyTree | None = None) -> _Network:
    """A network as it is trained: dropout drops, and batches are normalised by themselves.

    Args:
        network: Any network.
        trained: Which of its leaves are trained; a batch normalization whose statistics are not stays as it is in use.

    Returns:
        The network, with the same arrays.
    """
    switched = eqx.nn.inference_mode(network, value=False)
    if trained is None:
        return switched

    def as_in_use(node: PyTree, marks: PyTree) -> PyTree:
        frozen = isinstance(node, BatchNorm) and not marks.mean
        return eqx.nn.inference_mode(node) if frozen else node

    return jax.tree.map(as_in_use, switched, trained, is_leaf=_is_norm)


def _is_norm(node: PyTree) -> bool:
    return node is None or isinstance(node, BatchNorm)


def in_precision(network: _Network, dtype: jnp.dtype | None, kept: PyTree) -> _Network:
    """A network whose weights have another precision.

    Args:
        network: Any network.
        dtype: Of its floating-point arrays; None leaves them.
        kept: Which leaves stay as they are.

    Returns:
        The network.
    """
    if dtype is None:
        return network
    return jax.tree.map(lambda w, keep: w.astype(dtype) if eqx.is_inexact_array(w) and not keep else w, network, kept)


def _precision(network: PyTree) -> jnp.dtype:
    weights = [leaf for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]
    return min((leaf.dtype for leaf in weights), key=lambda dtype: dtype.itemsize)
