"""Gathers of several files as one."""

import dataclasses

import numpy as np
import pytest

from adseis.data.gathers import Gathers
from adseis.data.joined_gathers import join_gathers


def made(shots, traces, **changes):
    """Noise; the receivers of more traces begin like those of fewer."""
    sources = np.stack([np.full(shots, 20.0), 30.0 + 50 * np.arange(shots)], -1)[:, None]
    receivers = np.stack([np.full(traces, 10.0), 20.0 * np.arange(traces)], -1)
    data = np.random.default_rng(traces).standard_normal((shots, 30, traces)).astype("float32")
    return Gathers(**{"data": data, "dt": 2e-3, "source_positions": sources, "receiver_positions": receivers} | changes)


def test_receivers_that_all_share_stay_shared():
    """Shots, records and dead traces follow each other; record numbers may repeat."""
    live = np.array([[True] * 5, [True, False, True, True, True]])
    first, second = made(3, 5), made(2, 5, live=live, records=np.array([3, 9]))
    joined = join_gathers([first, second])
    assert joined.receiver_positions.shape == (5, 2)
    assert joined.records.tolist() == [1, 2, 3, 3, 9]
    np.testing.assert_array_equal(joined.data, np.concatenate([first.data, second.data]))
    np.testing.assert_array_equal(joined.source_positions, np.concatenate([first.source_positions, second.source_positions]))
    np.testing.assert_array_equal(joined.live, np.concatenate([first.live, live]))


def test_other_receivers_become_those_of_each_shot():
    """What lacks is not live, zero, and stands where the last receiver stands."""
    streamer = made(2, 3, receiver_positions=np.random.default_rng(0).uniform(0, 100, (2, 3, 2)))
    wide = made(1, 5)
    joined = join_gathers([streamer, wide])
    assert joined.data.shape == (3, 30, 5)
    assert joined.live.sum(1).tolist() == [3, 3, 5]
    np.testing.assert_array_equal(joined.receiver_positions[:2, :3], streamer.receiver_positions)
    np.testing.assert_array_equal(joined.receiver_positions[:2, 4], streamer.receiver_positions[:, 2])
    np.testing.assert_array_equal(joined.receiver_positions[2], wide.receiver_positions)
    np.testing.assert_array_equal(joined.data[:2, :, :3], streamer.data)
    assert not joined.data[:2, :, 3:].any()


UPRIGHT = {"source_positions": np.zeros((2, 1, 3)), "receiver_positions": np.zeros((5, 3))}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dt": 4e-3}, r"the sampling interval \[s\] .*; it is 0.002 in a.h5 and 0.004 in b.h5. Bring both onto one clock"),
        ({"start": 0.1}, r"time of the first sample \[s\] .*; it is 0.0 in a.h5 and 0.1 in b.h5. Bring both"),
        ({"data": np.ones((2, 31, 5))}, "number of samples .*; it is 30 in a.h5 and 31 in b.h5. Bring both"),
        ({"window": (0.0, 0.02)}, r"it is None in a.h5 and \(0.0, 0.02\) in b.h5. Bring both"),
        ({"field": "vz"}, "the field .*; it is p in a.h5 and vz in b.h5. Use them apart"),
        ({"unit": "bar"}, "the unit .*; it is Pa in a.h5 and bar in b.h5. Convert one"),
        (UPRIGHT, "axes .*; it is 2 in a.h5 and 3 in b.h5. Read both"),
        ({"source_positions": np.zeros((2, 4, 2))}, "sources in a shot .*; it is 1 in a.h5 and 4 in b.h5. Use them apart"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_what_cannot_be_joined(changes, said):
    """Both parts and both values are named, and what to do."""
    one = made(2, 5)
    with pytest.raises(ValueError, match=said):
        join_gathers([one, one, dataclasses.replace(one, **changes)], names=["a.h5", "c.h5", "b.h5"])
    with pytest.raises(ValueError, match="it is .* in part 0 and .* in part 1"):
        join_gathers([one, dataclasses.replace(one, **changes)])


def test_nothing_to_join():
    with pytest.raises(ValueError, match="`parts` is empty"):
        join_gathers([])
