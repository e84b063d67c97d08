"""Which traces count, and which part of them."""

import dataclasses

import numpy as np
import pytest

from adseis.data.gathers import Gathers
from adseis.data.trace_weights import judge_traces, moveout_mute, without


@pytest.fixture
def gathers():
    """Noise that falls with the 3/2 power of the offset, in a spread on both sides of four shots."""
    sources = np.stack([np.full(4, 5.0), np.array([200.0, 400.0, 600.0, 800.0])], -1)[:, None]
    receivers = np.stack([np.full(50, 10.0), 20.0 * np.arange(50)], -1)
    distance = np.linalg.norm(receivers - sources, axis=-1)
    noise = np.random.default_rng(0).standard_normal((4, 200, 50))
    return Gathers((noise * (distance[:, None] / 100) ** -1.5).astype("float32"), 4e-3, sources, receivers)


def test_ordinary_traces_all_count(gathers):
    """Near offsets are two hundred times as large as far ones, which the power law takes off."""
    weights, faults = judge_traces(gathers)
    assert faults == []
    assert np.all(weights == 1)


@pytest.mark.parametrize("units", [1e-12, 1e9])
def test_what_is_wrong_is_said_of_each_trace(gathers, units):
    """Whatever the unit of the data; a trace that is not live is not judged."""
    data = units * gathers.data
    data[0, :, 3] = 0
    data[1, 7, 4] = np.inf
    data[2, :, 20] *= 10
    data[3, :, 40] *= 0.02
    live = np.ones((4, 50), bool)
    live[3, 1] = False
    weights, faults = judge_traces(dataclasses.replace(gathers, data=data, live=live))
    assert [(fault.shot, fault.trace) for fault in faults] == [(0, 3), (1, 4), (2, 20), (3, 40)]
    for fault, said in zip(faults, ("zero throughout", "not finite at sample 7", "noisy, ", "as good as dead"), strict=True):
        assert said in fault.why
        assert f"shot {fault.shot} (record {fault.shot + 1}) trace {fault.trace} (counted from 0)" in fault.why
        assert weights[fault.shot, fault.trace] == fault.weight
    assert 0.005 < weights[2, 20] < 0.02  # 1 / 10^2, and the neighbours scatter
    assert (weights[0, 3], weights[1, 4], weights[3, 40], weights[3, 1]) == (0, 0, 0, 0)
    assert np.sum(weights == 1) == 195


def test_too_few_to_compare(gathers):
    """Of five traces none is called noisy."""
    few = gathers.select(shots=[0], receivers=[0, 1, 2, 3, 4])
    loud = few.data.copy()
    loud[0, :, 2] *= 1e3
    assert np.all(judge_traces(dataclasses.replace(few, data=loud))[0] == 1)


def test_mutes_follow_moveout(gathers):
    """Zero before the line, one a taper after it; both sides of a line without taper are everything."""
    mute = moveout_mute(gathers, 1500.0, 0.1, taper=0.05)
    line = 0.1 + gathers.offsets[:, None] / 1500
    times = gathers.times[None, :, None]
    assert np.all(mute[np.broadcast_to(times <= line, mute.shape)] == 0)
    assert np.all(mute[np.broadcast_to(times >= line + 0.0501, mute.shape)] == 1)
    before = moveout_mute(gathers, 1500.0, 0.1, taper=0.0, keep="before")
    after = moveout_mute(gathers, 1500.0, 0.1, taper=0.0)
    off_the_line = np.abs(times - line) > 1e-9
    np.testing.assert_array_equal((before + after)[off_the_line], 1)
    with pytest.raises(ValueError, match="`speed` = 0.0 m/s must be positive"):
        moveout_mute(gathers, 0.0, 0.1, taper=0.0)
    with pytest.raises(ValueError, match='must be "after" or "before"'):
        moveout_mute(gathers, 1500.0, 0.1, taper=0.0, keep="both")


def test_without_what_counts_nothing(gathers):
    """Shots of which nothing is left go, receivers stay."""
    weights = np.ones((4, 50))
    weights[1] = 0
    weights[2, 7] = 0
    kept, left = without(gathers, weights)
    assert kept.records.tolist() == [1, 3, 4]
    assert kept.data.shape == (3, 200, 50)
    assert left.shape == (3, 50)
    assert not kept.data[1, :, 7].any()
    with pytest.raises(ValueError, match="no trace is left"):
        without(gathers, 0 * weights)
