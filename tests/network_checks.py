"""What every network must hold: counts without allocating, every weight trained, half precision, one sample at a time."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from drawn_weights import draw

from adseis.networks.weights import named, parameters

KEY = jax.random.key(0)


def count(make, **options):
    return parameters(eqx.filter_eval_shape(lambda key: make(key=key, **options), KEY))


def drawn(make, called=lambda name: name, **options):
    """A network of drawn weights, none of them zero, as scales of norms may be at first; `called` tells the names to draw by."""
    network = eqx.filter_eval_shape(lambda key: make(key=key, **options), KEY)

    def filled(path, leaf):
        if not hasattr(leaf, "shape"):
            return leaf
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        return jnp.asarray(draw(called(name), leaf.shape), leaf.dtype)

    return jax.tree_util.tree_map_with_path(filled, network)


def run(network, x):
    """The output, and by how much every weight moves it, as its largest number by name."""

    @eqx.filter_jit
    def both(network, x):
        def value(network):
            y = network(x)
            return jnp.sum(jnp.sin(3 * y) * jnp.arange(y.size, dtype=y.dtype).reshape(y.shape)), y

        (_, y), gradient = eqx.filter_value_and_grad(value, has_aux=True)(network)
        return y, jax.tree.map(lambda g: jnp.max(jnp.abs(g)), gradient)

    y, gradient = both(network, x)
    return np.asarray(y), {name: float(g) for name, g in named(gradient).items()}


def half(network):
    """Every number of it in bfloat16."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16) if eqx.is_inexact_array(leaf) else leaf, network)
