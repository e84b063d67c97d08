"""One step of a training, compiled: gradient of the loss, move, average; over one device or several."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from adseis.networks.normalization import statistics
from adseis.parallel.shots import shard_shots
from adseis.training.averaging import moved_average
from adseis.training.prediction import in_precision, in_training
from adseis.training.state import Instant, State, first_state, optimizer_of

Loss = Callable[[Any, Any, Instant], tuple[Array, Mapping[str, Array]]]
"""`loss(network, batch, instant)`: what is minimized, and terms that are written down."""


class Steps:
    """The steps of one training.

    Args:
        network: Where its weights begin.
        loss: What is minimized.
        rule: Optimizer of the weights.
        trained: Which leaves are trained.
        seed: Of what is drawn.
        average: Decay of the average.
        accumulate: Parts of a batch, passed one after the other.
        precision: Of the weights within the loss; None for their own.
        devices: Over which samples are shared out; None for one.

    Attributes:
        start: The state before the first step.
    """

    def __init__(
        self,
        network: PyTree,
        loss: Loss,
        rule: optax.GradientTransformation,
        *,
        trained: PyTree,
        seed: int,
        average: float,
        accumulate: int,
        precision: str | None,
        devices: Mesh | None,
    ):
        weights, self._rest = eqx.partition(network, trained)
        if not jax.tree.leaves(weights):
            raise ValueError("`trained` marks no weights: there is nothing to train.")
        optimizer = optimizer_of(rule, network)
        self._devices = devices
        self.start = first_state(weights, optimizer)
        self._frozen, still = eqx.partition(in_training(self._rest, trained), eqx.is_array)
        running = statistics(network)
        dtype = None if precision is None else jnp.dtype(precision)

        def value(weights: PyTree, frozen: PyTree, batch: Any, instant: Instant) -> tuple[Array, Mapping[str, Array]]:
            whole = eqx.combine(weights, frozen, still)
            return loss(in_precision(whole, dtype, running), batch, instant)

        graded = _in_parts(jax.value_and_grad(value, has_aux=True), accumulate)

        def step(state: State, frozen: PyTree, batch: Any, strength: Array) -> tuple[State, dict[str, Array]]:
            instant = Instant(state.step, jax.random.fold_in(jax.random.key(seed), state.step), strength)
            (loss, terms), gradient = graded(state.weights, frozen, batch, instant)
            with jax.numpy_dtype_promotion("standard"):  # optax mixes counts and numbers
                updates, moved = optimizer.update(gradient, state.optimizer, state.weights)
                weights = optax.apply_updates(state.weights, updates)
            norm = optax.tree.norm(_without(gradient, running))
            broken = jnp.where((state.broken < 0) & ~(jnp.isfinite(loss) & jnp.isfinite(norm)), state.step, state.broken)
            averaged = moved_average(state.average, weights, state.step, average)
            return State(weights, averaged, moved, state.step + 1, broken), {"loss": loss, **terms, "gradient": norm}

        self._step = jax.jit(step, donate_argnums=0)

    def placed(self, tree: Any) -> Any:
        """Arrays that all devices hold.

        Args:
            tree: Such as a state.

        Returns:
            The same, on the devices.
        """
        return tree if self._devices is None else jax.device_put(tree, NamedSharding(self._devices, PartitionSpec()))

    def step(self, state: State, batch: Any, strength: float) -> tuple[State, dict[str, Array]]:
        """Make a step.

        Args:
            state: Before it; its arrays are used up.
            batch: Samples.
            strength: Of augmentations.

        Returns:
            The state after it; loss, terms and norm of the gradient before it.
        """
        if self._devices is not None:
            batch = shard_shots(batch, self._devices)
        return self._step(state, self._frozen, batch, np.float32(strength))

    def averaged(self, state: State) -> PyTree:
        """The network with averaged weights, as it is used.

        Args:
            state: Of the training.

        Returns:
            The network.
        """
        own = jax.tree.map(jnp.array, state.average)  # the next step uses up those of the state
        return eqx.nn.inference_mode(eqx.combine(own, self._rest))


def _in_parts(graded: Callable[..., Any], parts: int) -> Callable[..., Any]:
    """A gradient as the mean of those of parts of the batch, one after the other."""
    if parts == 1:
        return graded

    def summed(weights: PyTree, frozen: PyTree, batch: Any, instant: Instant) -> Any:
        count = next(leaf.shape[0] for leaf in jax.tree.leaves(batch) if leaf.ndim)
        if count % parts:
            raise ValueError(f"`accumulate` = {parts} must divide the batch of {count} samples.")
        whole, single = eqx.partition(batch, lambda leaf: leaf.ndim > 0)
        # Neighbours go to different parts, so that each part is spread over the devices.
        dealt = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(count // parts, parts, *x.shape[1:]), 1, 0), whole)

        def one(total: Any, item: tuple[Array, Any]) -> tuple[Any, None]:
            number, part = item
            at = Instant(instant.step, jax.random.fold_in(instant.key, number), instant.strength)
            found = graded(weights, frozen, eqx.combine(part, single), at)
            return jax.tree.map(lambda a, b: a + b / parts, total, found), None

        shapes = jax.eval_shape(
            lambda: graded(weights, frozen, eqx.combine(jax.tree.map(lambda x: x[0], dealt), single), instant)
        )
        zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        return jax.lax.scan(one, zero, (jnp.arange(parts), dealt))[0]

    return summed


def _without(gradient: PyTree, running: PyTree) -> PyTree:
    """Gradients of weights, not of running statistics."""
    return jax.tree.map(lambda g, mark: None if g is None or mark else g, gradient, running, is_leaf=lambda g: g is None)
