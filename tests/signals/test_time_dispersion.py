"""Time dispersion of second-order steps, put into sources and taken out of records."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.experiment.sampling import fastest_speed
from adseis.signals import add_time_dispersion, remove_time_dispersion

DT = 2e-3


def stepped(s, dt, frequencies):
    """u'' = -(2 pi f)^2 u + s by second-order steps, summed over f: `(time,)`."""
    w = 2 * np.pi * np.asarray(frequencies)
    before, now, record = np.zeros_like(w), np.zeros_like(w), []
    for sample in np.asarray(s):
        record.append(now.sum())
        before, now = now, 2 * now - before + dt**2 * (sample - w**2 * now)
    return np.array(record)


def test_oscillators():
    """Steps with a tenth of the shortest period are 8 % off, and 1e-3 after the repair, of steps a twentieth as long: what is
    left is their own error (1.5e-4) and the end of the record, where the oscillators still ring."""
    f, nt = (3.0, 11.0, 25.0, 50.0), 500
    s = np.asarray(ads.wavelets.ricker(20.0, nt, DT))
    fine = stepped(ads.wavelets.ricker(20.0, 20 * nt, DT / 20), DT / 20, f)[::20]
    quiet = np.exp(-np.maximum(np.arange(nt) * DT - 0.5, 0) / 0.05)  # the ringing is faded out, before the transform too
    plain = stepped(s, DT, f)
    repaired = remove_time_dispersion(stepped(add_time_dispersion(s, DT), DT, f) * quiet, DT)
    early = slice(0, 225)
    error = lambda x: np.linalg.norm((x - fine)[early]) / np.linalg.norm(fine[early])  # noqa: E731
    assert error(plain) > 0.05
    assert error(np.asarray(repaired)) < 1e-3


def test_there_and_back():
    """One undoes the other, along any axis; both are linear, so their derivative is themselves, and keep float32."""
    s = ads.wavelets.ricker(10.0, 300, DT)
    again = remove_time_dispersion(add_time_dispersion(s, DT), DT)
    np.testing.assert_allclose(again, s, rtol=0, atol=1e-8)
    gather = jnp.stack([s, 2 * s], -1)[None].astype("float32")
    moved = add_time_dispersion(gather, DT, axis=1)
    assert moved.dtype == jnp.float32
    np.testing.assert_allclose(moved[0, :, 1], 2 * add_time_dispersion(s, DT), rtol=0, atol=1e-5)
    pushed = jax.jvp(lambda x: remove_time_dispersion(x, DT), (s,), (again,))[1]
    np.testing.assert_allclose(pushed, remove_time_dispersion(again, DT), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="`dt` = 0.0 s must be positive"):
        add_time_dispersion(s, 0.0)


@pytest.mark.slow
@pytest.mark.optimised
def test_a_trace_at_nine_tenths_of_the_cfl_limit():
    """Within 1e-3 of the one of steps a sixteenth as long; as it is, it is 9 % off."""
    h, speed, order = 10.0, 2000.0, 8
    dt = 0.9 * fastest_speed((h, h), 1.0, order) / speed
    nt = int(1.0 / dt)

    def trace(dt, nt, repaired):
        grid = ads.Grid((151, 151), h, dt, nt)
        s = jnp.asarray(ads.wavelets.ricker(12.0, nt, dt, delay=0.15))
        s = add_time_dispersion(s, dt) if repaired else s
        survey = ads.Survey(ads.Explosion([[[750.0, 300.0]]], s[None, None]), [[750.0, 1300.0]])
        u = ads.simulate_scalar(ads.ScalarMedium(np.full((151, 151), speed)), survey, grid, order=order)[0, :, 0]
        return remove_time_dispersion(u, dt) if repaired else u

    fine = trace(dt / 16, 16 * nt, False)[::16]
    errors = [float(np.linalg.norm(trace(dt, nt, repaired) - fine) / np.linalg.norm(fine)) for repaired in (False, True)]
    assert errors[0] > 0.05
    assert errors[1] < 1e-3
