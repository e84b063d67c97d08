"""The wave equation in the loss: predicted maps are simulated, and their gathers compared with those that the network was given.

With labels it keeps a network honest; without, the gathers are the only teacher (UPFWI).
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from adseis.data.openfwi import proxy, shrink, simulate
from adseis.data.openfwi_layout import SHRUNK
from adseis.training.losses import total
from adseis.training.samples import Batch
from adseis.training.state import Instant
from adseis.training.supervised import Supervised

SLOWEST, FASTEST = 1400.0, 4600.0
"""Within which predictions are simulated [m/s]: a young network says anything."""


def waveform_misfit(
    velocity: Float[Array, "sample z x"], gathers: Float[Array, "sample shot time receiver"], *, exact: bool = True
) -> Float[Array, " sample"]:
    r"""How far simulated gathers are from observed ones.

        sum (s - d)^2 / sum d^2    of each sample

    Traces of zeros, of dead receivers, do not count, nor does the last sample of whole gathers, which in some of the published
    families is of another time.

    Args:
        velocity: Maps [m/s].
        gathers: d, whole or small.
        exact: By OpenFWI's operator; else by its proxy within absorbing layers, in an eighth of the time, which lacks what wraps
            around.

    Returns:
        The misfit of each; 1 for a silent simulation.
    """
    operator = simulate if exact else proxy

    def one(pair: tuple[Array, Array]) -> Array:
        vp, observed = pair
        made = operator(vp)
        made, observed = (shrink(made), observed) if observed.shape == SHRUNK else (made[:, :-1], observed[:, :-1])
        alive = jnp.any(observed != 0, 1, keepdims=True)
        away = jnp.where(alive, made.astype(observed.dtype) - observed, jnp.zeros_like(observed))
        return jnp.sum(away**2) / jnp.maximum(jnp.sum(observed**2), 1e-30)

    return jax.lax.map(one, (velocity, gathers))


class WithPhysics(eqx.Module):
    """A loss of maps with the misfit of their gathers.

    Attributes:
        supervised: The loss of maps, and what stands before it.
        weight: Of the misfit.
        samples: How many of each batch, or of each part of it where it is passed in parts, are simulated, the first ones: each
            costs a simulation and its gradient, some two seconds of a core.
        labels: Whether the maps count; without, the gathers alone teach.
        exact: By the operator, or by its proxy.

    References:
        Jin, P. et al. (2022), Unsupervised learning of full-waveform inversion, ICLR, arXiv:2110.07584
    """

    supervised: Supervised
    weight: float = eqx.field(static=True, default=0.1)
    samples: int = eqx.field(static=True, default=1)
    labels: bool = eqx.field(static=True, default=True)
    exact: bool = eqx.field(static=True, default=False)

    def __call__(self, network: Any, batch: Batch, instant: Instant) -> tuple[Array, Mapping[str, Array]]:
        """The loss of a batch.

        Args:
            network: In training.
            batch: Samples.
            instant: Of the training.

        Returns:
            The loss, and its terms.
        """
        found = self.supervised.compared(network, batch, instant)
        terms = dict(self.supervised.loss(*found[1:])) if self.labels else {}
        few = slice(0, self.samples)
        speeds = jnp.clip(self.supervised.transforms.speeds.back(found.predicted[few]), SLOWEST, FASTEST)
        terms["waveform"] = self.weight * jnp.mean(waveform_misfit(speeds, found.gathers[few], exact=self.exact))
        return total(terms), terms
