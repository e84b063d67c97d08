"""Segments that cover the steps, hold as little as they can, and keep to a budget."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from adseis.timeloop.schedule import Sizes, bytes_of, cut_time, unfold

SIZES = Sizes(state=400, trace=100, working=1000)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("nt", [1, 2, 17, 400, 4001])
def test_covers_all_steps_and_few_more(nt, levels):
    """Silent steps fill up the last segment: at most one body of two steps per segment."""
    plan = cut_time(nt, 1, SIZES, levels=levels, multiple=2)
    assert len(plan.segments) == levels
    assert plan.blocks % 2 == 0
    assert nt <= plan.total < nt + 2 * int(np.prod(plan.segments)) + 2


@pytest.mark.parametrize("levels", [1, 2])
def test_holds_nearly_the_least(levels):
    """Against all ways to cut 600 steps: within 15 %, which whole numbers cost."""
    best = min(
        SIZES.state * sum(cut) + SIZES.trace * -(-600 // int(np.prod(cut)))
        for cut in itertools.product(range(1, 80), repeat=levels)
    )
    assert cut_time(600, 1, SIZES, levels=levels).bytes(SIZES) - SIZES.working <= 1.15 * best


def test_budget_takes_as_few_levels_as_it_can():
    held = [float(cut_time(10_000, 1, SIZES, levels=n).bytes(SIZES)) for n in (1, 2, 3)]
    assert held[0] > held[1] > held[2]
    for n, bytes_held in enumerate(held, start=1):
        assert len(cut_time(10_000, 1, SIZES, memory=bytes_held).segments) == n
    assert len(cut_time(10_000, 1, SIZES, memory=10 * held[0]).segments) == 1


def test_budget_too_small():
    with pytest.raises(
        ValueError, match=r"`memory` = 2e-06 GB does not hold this gradient: the least is .* GB, of which 1e-06 GB"
    ):
        cut_time(1000, 1, SIZES, memory=2000.0)
    with pytest.raises(ValueError, match="leave out `segment`"):
        cut_time(1000, 1, SIZES, memory=5000.0, segment=500)


def test_folds_and_unfolds():
    """Folding fills up with zeros and unfolding drops them: equal bits."""
    plan = cut_time(17, 1, SIZES, segment=3, levels=2)
    x = {"a": jnp.arange(34.0).reshape(17, 2)}
    folded = plan.fold(x)
    assert folded["a"].shape == (*plan.segments, 3, 1, 2)
    np.testing.assert_array_equal(unfold(folded, 4, 17)["a"], x["a"])


@pytest.mark.parametrize(("text", "size"), [("2 GB", 2e9), ("1.5 GiB", 1.5 * 2**30), ("500MB", 5e8), (1e9, 1e9), ("100", 100)])
def test_sizes_as_text(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["two GB", "2 GX", "-1 GB", float("nan"), 0, "inf"])
def test_sizes_that_are_none(text):
    with pytest.raises(ValueError, match="`memory` = "):
        bytes_of(text)
