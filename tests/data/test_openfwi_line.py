"""A user's line on OpenFWI's nodes and clock, and why others are refused; files are written by adseis itself."""

import dataclasses

import numpy as np
import pytest

from adseis import wavelets
from adseis.data import openfwi, read_gathers
from adseis.data.gather_files import write_gathers
from adseis.data.gathers import Gathers
from adseis.data.openfwi_line import as_openfwi_line
from adseis.resampling import sample_whole


def on_line(columns, depth=10.0):
    return np.stack([np.full(len(columns), float(depth)), np.asarray(columns, float)], -1)


SHOTS, SPREAD = on_line([0, 170, 340, 520, 690])[:, None], on_line(10 * np.arange(70))


def line(nt=1000, dt=1e-3, start=1e-3, shots=SHOTS, receivers=SPREAD):
    """Pulses, each trace at a time of its own."""
    at = 0.2 + 0.1 * np.arange(len(shots))[:, None, None] + 2e-3 * np.arange(receivers.shape[-2])
    return Gathers(pulse(start + dt * np.arange(nt)[:, None] - at), dt, shots, receivers, start=start)


def pulse(t):
    b = (np.pi * 15 * t) ** 2
    return ((1 - 2 * b) * np.exp(-b)).astype("float32")


def test_openfwi_itself_through_segy(tmp_path):
    """Its own survey, the first sample 1 ms after the shot: the same but for rounding in the resampling, 1e-6."""
    gathers = line()
    write_gathers(tmp_path / "line.segy", gathers)
    found = as_openfwi_line(read_gathers(tmp_path / "line.segy"))
    assert found.complete
    assert found.away == 0
    assert found.gathers.shape == (5, 1000, 70)
    assert found.gathers.dtype == np.float32
    np.testing.assert_array_equal(found.sources, openfwi.lines().sources)
    np.testing.assert_array_equal(found.receivers, openfwi.lines().receivers)
    np.testing.assert_allclose(found.gathers, gathers.data, rtol=0, atol=1e-6)


def test_other_shots_receivers_and_clock(tmp_path):
    """Two shots, thirty receivers not quite on nodes, 2 ms from the shot on, 2 s: pulses at the times of the operator.

    The trigonometric interpolant of a pulse that ends in silence is exact but for IBM floats, 1e-6 of the peak.
    """
    shots, receivers = on_line([43.0, 601.0])[:, None], on_line(20 * np.arange(30) + 3.0)
    gathers = line(1001, 2e-3, 0.0, shots, receivers)
    write_gathers(tmp_path / "line.segy", gathers)
    found = as_openfwi_line(read_gathers(tmp_path / "line.segy"))
    assert not found.complete
    assert found.away == 3
    assert found.sources.tolist() == [[1, 4], [1, 60]]
    assert found.receivers[[0, 1, -1]].tolist() == [[1, 0], [1, 2], [1, 58]]
    expected = line(1000, 1e-3, 1e-3, shots, receivers).data
    np.testing.assert_allclose(found.gathers, expected, rtol=0, atol=3e-6)


def test_a_record_that_ends_a_sample_early():
    """Keeps what there is, one sample less."""
    found = as_openfwi_line(line(1000, 1e-3, 0.0))
    assert found.gathers.shape == (5, 999, 70)
    assert not found.complete
    np.testing.assert_allclose(found.gathers, line().data[:, :999], rtol=0, atol=1e-6)
    assert sample_whole(line(1000, 1e-3, 0.0).data[0], 1e-3, 0.0, 1e-3, 1000).shape == (1000, 70)


def viking():
    """A marine spread of 120 channels 25 m apart that is towed behind the ship: 6 s of 4 ms."""
    ship = 3237.0 + 25.0 * np.arange(3)
    streamer = np.stack([on_line(x - 262.0 - 25.0 * np.arange(120)[::-1]) for x in ship])
    data = np.tile(wavelets.ricker(15.0, 1500, 4e-3)[None, :, None], (3, 1, 120)).astype("float32")
    return Gathers(data, 4e-3, on_line(ship)[:, None], streamer, records=np.array([1001, 1002, 1003]))


SHORT = line()


def changed(**parts):
    return dataclasses.replace(SHORT, **parts)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (viking, r"source 0 of shot 0 \(record 1001\) stands at x = 3237 m, off OpenFWI's line of x 0 to 690 m; the sources "
                 "cover 3237 to 3287 m, 50 m"),
        (lambda: viking().select(shots=[0]).moved((0.0, -3237.0)), r"receiver 0 of shot 0 \(record 1001\) stands at x = -3237 m.*"
                 "cover -3237 to -262 m, 2975 m"),
        (lambda: line(shots=on_line([340.0], 20)[:, None]), r"source 0 of shot 0 \(record 1\) is 20 m deep; .* 10 m deep"),
        (lambda: line(receivers=on_line(10 * np.arange(70), 0)), "receiver 0 is 0 m deep.*If depths are missing"),
        (lambda: line(receivers=on_line(4 * np.arange(100))), "receivers 0 and 1 are 4 m apart and share a node"),
        (lambda: line(nt=900), "the records run from 0.001 to 0.9 s after the shot, .* OpenFWI's run to 1 s"),
        (lambda: line(nt=1200, start=0.05), "the records run from 0.05 to 1.249 s"),
        (lambda: changed(field="vz", unit="m/s"), "the records are of `vz`; OpenFWI's are of pressure"),
        (lambda: changed(live=np.arange(350).reshape(5, 70) != 75), r"receiver 5 of shot 1 \(record 2\) recorded nothing"),
        (lambda: changed(data=np.where(np.arange(70) == 3, np.nan, SHORT.data)), "not finite, the first at sample 0"),
        (lambda: changed(source_positions=np.repeat(SHOTS, 2, 1)), r"shot 0 \(record 1\) has 2 sources at a time"),
        (lambda: changed(receiver_positions=np.stack([SPREAD[::(-1) ** n] for n in range(5)])),
         r"receiver 0 stands at x = 690 m in shot 1 \(record 2\), and at 0 m in shot 0 \(record 1\): the spread moves"),
        (lambda: Gathers(SHORT.data, 1e-3, np.pad(SHOTS, ((0, 0), (0, 0), (0, 1))), np.pad(SPREAD, ((0, 0), (0, 1)))),
         "Use `Gathers.projected`"),
    ],
)  # fmt: skip
def test_what_does_not_fit(made, said):
    """Named, with the number and the repair."""
    with pytest.raises(ValueError, match=said):
        as_openfwi_line(made())
