"""Random source encoding: all shots in a few simulations, each a weighted sum of them.

Data are linear in the sources. With weights e of mean zero and unit variance the l2 misfit of encoded data has the expectation of
the sum over shots: the products of unlike shots cancel in the mean. All shots must share their receivers.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Key

from adseis.experiment.grid import Grid
from adseis.experiment.sources import Emission, Source
from adseis.experiment.survey import Survey
from adseis.signals.arithmetic import einsum


class Encoded(Source):
    """Sources of all shots acting at once, each times a weight.

    Attributes:
        source: A source, or a tuple of sources, of `shot` shots.
        weights: `(encoded shot, shot)`.
    """

    source: Source | tuple[Source, ...]
    weights: Float[Array, "encoded shot"]

    def emissions(self, grid: Grid) -> list[Emission]:
        """What each emits, every shot's points side by side."""
        encoded, shots = self.weights.shape
        emissions = []
        for kind, position, samples in Survey(self.source, np.zeros((0, len(grid.shape)))).emissions(grid):
            if position.shape[0] != shots:
                raise ValueError(
                    f"`weights` {self.weights.shape} are (encoded shot, shot), but the source has {position.shape[0]} shots."
                )
            points, axes = position.shape[0] * position.shape[1], position.shape[2]
            module = np if isinstance(position, np.ndarray) else jnp  # a known position takes the fast path
            places = module.broadcast_to(position.reshape(1, points, axes), (encoded, points, axes))
            weighted = self.weights[:, :, None, None] * jnp.asarray(samples)[None]
            emissions.append(Emission(kind, places, weighted.reshape(encoded, points, grid.nt)))
        return emissions


def random_signs(key: Key[Array, ""], encoded: int, shots: int) -> Float[Array, "encoded shot"]:
    """Weights of plus or minus one over sqrt(encoded): independent, of mean zero.

    Args:
        key: Of the random numbers.
        encoded: Simulations to be made.
        shots: Shots to be encoded.

    Returns:
        `(encoded shot, shot)`; with them the misfit of encoded data has the expectation of the misfit of all shots.

    References:
        Krebs, J. R. et al. (2009), Geophysics 74, WCC177-WCC188, doi:10.1190/1.3230502
    """
    return jax.random.rademacher(key, (encoded, shots), jnp.result_type(float)) / jnp.sqrt(1.0 * encoded)


def encode_survey(survey: Survey, weights: Float[ArrayLike, "encoded shot"]) -> Survey:
    """The survey of encoded shots.

    Args:
        survey: Whose receivers, `(receiver, axis)`, are those of every shot.
        weights: `(encoded shot, shot)`.

    Returns:
        A survey of as many shots as weights have rows.

    Raises:
        ValueError: If every shot has its own receivers.
    """
    if survey.receivers.ndim != 2:
        raise ValueError(
            f"`survey.receivers` {survey.receivers.shape} differ from shot to shot; encoded shots need common ones, "
            "(receiver, axis)."
        )
    return eqx.tree_at(lambda s: s.source, survey, Encoded(survey.source, jnp.asarray(weights)))


def encode_gathers(
    gathers: Float[ArrayLike, "shot time receiver"], weights: Float[ArrayLike, "encoded shot"]
) -> Float[Array, "encoded time receiver"]:
    """Gathers of encoded shots: sum_s e_s d_s.

    Args:
        gathers: Of all shots.
        weights: `(encoded shot, shot)`.

    Returns:
        As the encoded survey would have recorded them.
    """
    return einsum("es,str->etr", jnp.asarray(weights), jnp.asarray(gathers))


def shot_batches(key: Key[Array, ""], shots: int, size: int) -> Callable[[int], Int[Array, "size"]]:
    """Mini-batches of shots: each epoch runs through all of them in a new random order.

    Args:
        key: Of the random numbers.
        shots: Number of shots.
        size: Shots of a batch, a divisor of the number of shots, so that every batch has one shape.

    Returns:
        From the number of a step to indices of shots, `(size,)`.

    Raises:
        ValueError: If `size` does not divide `shots`.
    """
    if not 1 <= size <= shots or shots % size:
        raise ValueError(f"`size` = {size} must divide the {shots} shots: batches of one shape compile once.")
    each = shots // size

    def batch(step: int) -> Array:
        order = jax.random.permutation(jax.random.fold_in(key, step // each), shots)
        return order.reshape(each, size)[step % each]

    return batch


def select_shots(survey: Survey, shots: Int[Array, "size"]) -> Survey:
    """The survey of some shots.

    Every array of the source is (shot, ...), a length of 1 serving all; receivers are (shot, receiver, axis) or common. Where the
    indices are traced, chosen positions are too, and pass through the interpolation for points between nodes.

    Args:
        survey: All shots.
        shots: Indices, which may be traced.

    Returns:
        A survey of the chosen shots.
    """

    def pick(array: Any) -> Any:
        return array if array.shape[0] == 1 else jnp.asarray(array)[shots]

    arrays, rest = eqx.partition(survey.source, eqx.is_array)
    source = eqx.combine(jax.tree.map(pick, arrays), rest)
    receivers = survey.receivers if survey.receivers.ndim == 2 else pick(survey.receivers)
    return Survey(source, receivers, devices=survey.devices)
