"""What is done block by block is what is done of all elements at once."""

import jax.numpy as jnp
import numpy as np
import pytest

from adseis.sphere.ball_elements import ball_elements
from adseis.sphere.blocks import Blocks

ELEMENTS = ball_elements(1000.0, 2, 1, 2)
FIELD = jnp.asarray(np.random.default_rng(0).normal(size=(len(ELEMENTS.coordinates), 2, 3)))
LOCAL = ELEMENTS.local.reshape(len(ELEMENTS.local), -1)


def summed(each, work, onto):
    blocks = Blocks(ELEMENTS, each)
    ones = blocks.weighted(jnp.ones((len(FIELD), 1)))
    return np.asarray(blocks.summed(work, jnp.asarray(onto), ones))


def scattered(values):
    found = np.zeros_like(FIELD)
    np.add.at(found, LOCAL, values)
    return found


@pytest.mark.parametrize("each", [1, 3, 100], ids=lambda each: f"{each} at a time")
def test_derivatives(each):
    """There, weighted, and back, by s and by z and over s, which is dense on the axis; the last block is not full."""
    assert each == 1 or (len(ELEMENTS.points) - ELEMENTS.axial) % each

    def through(block, values, weights):
        (by_s, by_z), over = block.sloped(values), block.divided(values)
        return block.unsloped(weights * by_s, 2 * weights * by_z) + block.undivided(3 * weights * over)

    def work(block, onto, weights):
        return block.added(onto, [through(block, values, weights) for values in block.spread(FIELD)])

    operators = [*ELEMENTS.slopes, ELEMENTS.over_s]
    parts = [k * np.einsum("eqp,eq,eqr,er...->ep...", d, ELEMENTS.weights, d, FIELD[LOCAL]) for k, d in enumerate(operators, 1)]
    np.testing.assert_allclose(summed(each, work, FIELD), FIELD + scattered(sum(parts)), rtol=0, atol=1e-9 * np.abs(parts).max())


def test_weights():
    """Every element counts once, and what fills the last block not at all."""

    def work(block, onto, weights):
        return block.added(onto, 2 * [jnp.broadcast_to(weights, (*block.local.shape, 3))])

    found = summed(3, work, 0 * FIELD)
    np.testing.assert_allclose(found[:, 1, 0], ELEMENTS.mass, rtol=1e-13)
