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


def test_a_history_is_kept_where_it_fits():
    """Nothing is computed twice: one segment of all steps, whose histories wait for all turns."""
    plan = cut_time(601, 1, SIZES, levels=0, multiple=2, keep=True)
    assert (plan.segments, plan.blocks, plan.kept) == ((1,), 602, True)
    assert plan.bytes(SIZES) == SIZES.working + SIZES.state + 602 * SIZES.trace
    in_turn = SIZES._replace(turns=4)
    assert plan.bytes(in_turn) == SIZES.working + 5 * (SIZES.state + 602 * SIZES.trace)
    assert cut_time(601, 1, SIZES, memory=1.01 * plan.bytes(SIZES), keep=True).kept
    assert not cut_time(601, 1, SIZES, memory=0.9 * plan.bytes(SIZES), keep=True).kept
    with pytest.raises(ValueError, match="`levels` = 0 of ReverseSweep needs an equation with a reverse step, and no `probe`"):
        cut_time(601, 1, SIZES, levels=0)
    with pytest.raises(ValueError, match="`levels` = 0 of ReverseSweep has no `segment` = 30"):
        cut_time(601, 1, SIZES, levels=0, segment=30, keep=True)
