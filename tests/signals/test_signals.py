"""Signals against scipy.signal, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from jax.test_util import check_grads

from adseis.signals import amplitude_spectrum, bandpass, divide, envelope, flatten, keep_fast, lowpass, peak, resample, taper

DT = 0.004


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=(3, 250, 2))


@pytest.mark.parametrize("order", [1, 4, 8])
@pytest.mark.parametrize("kind", ["lowpass", "bandpass"])
def test_causal_filter_is_that_of_scipy(noise, kind, order):
    """The same digital filter, run by recursion there and by FFT here: rounding of the cascade, and no wrap-around."""
    if kind == "lowpass":
        ours = lowpass(noise, DT, 4.0, order=order, axis=1, zero_phase=False)
        sos = scipy.signal.butter(order, 4.0, fs=1 / DT, output="sos")
    else:
        ours = bandpass(noise, DT, 3.0, 20.0, order=order, axis=1, zero_phase=False)
        sos = scipy.signal.butter(order, [3.0, 20.0], "bandpass", fs=1 / DT, output="sos")
    np.testing.assert_allclose(ours, scipy.signal.sosfilt(sos, noise, axis=1), rtol=0, atol=1e-9)


def test_zero_phase_filter_is_forth_and_back_over_an_endless_rest(noise):
    """Recursion forth and back over 4,000 zeros on either side, where the 2 Hz response has died; rounding again."""
    sos = scipy.signal.butter(4, [2.0, 15.0], "bandpass", fs=1 / DT, output="sos")
    padded = np.pad(noise, [(0, 0), (4000, 4000), (0, 0)])
    there = scipy.signal.sosfilt(sos, padded, axis=1)
    oracle = scipy.signal.sosfilt(sos, there[:, ::-1], axis=1)[:, ::-1][:, 4000:-4000]
    np.testing.assert_allclose(bandpass(noise, DT, 2.0, 15.0, axis=1), oracle, rtol=0, atol=1e-9)


def test_magnitude_at_the_corner():
    """A long sine at the corner keeps half its amplitude (-6 dB), in phase, away from its ends: 1e-6 is what rings of them."""
    t = np.arange(20_000) * DT
    sine = np.sin(2 * np.pi * 5.0 * t)
    inner = slice(5000, -5000)
    np.testing.assert_allclose(lowpass(sine, DT, 5.0)[inner], 0.5 * sine[inner], rtol=0, atol=1e-6)


@pytest.mark.parametrize("nt", [64, 65])
def test_envelope(nt):
    x = np.random.default_rng(1).normal(size=(2, nt))
    np.testing.assert_allclose(envelope(x), np.abs(scipy.signal.hilbert(x)), rtol=1e-12)  # the same formula: rounding


def test_taper():
    np.testing.assert_allclose(taper(101, fraction=0.1), scipy.signal.windows.tukey(101, 0.2), rtol=0, atol=1e-15)
    left = np.asarray(taper(101, fraction=0.1, side="left"))
    assert left[0] == 0
    assert np.all(left[50:] == 1)
    np.testing.assert_allclose(taper(101, fraction=0.1, side="right"), left[::-1], rtol=0, atol=1e-15)  # rounding of the cosine


@pytest.mark.parametrize("dt_to", [0.002, 0.004, 0.0028, 0.006, 0.008])
def test_resample_of_a_band_limited_pulse(dt_to):
    """A 10 Hz Ricker pulse holds 1e-9 of its peak above 60 Hz, the lowest Nyquist frequency here: its values at the instants."""

    def ricker(t):
        a = (np.pi * 10.0 * (t - 0.5)) ** 2
        return (1 - 2 * a) * np.exp(-a)

    nt = 251
    ours = resample(ricker(np.arange(nt) * DT)[None, :, None], DT, dt_to, axis=1)[0, :, 0]
    instants = np.arange(ours.size) * dt_to
    assert (nt - 1) * DT - dt_to < instants[-1] <= (nt - 1) * DT + 1e-9
    np.testing.assert_allclose(ours, ricker(instants), rtol=0, atol=1e-8)


@pytest.mark.parametrize("nt", [50, 51])
def test_resample_keeps_the_samples(noise, nt):
    """Upsampled by two, every second sample is the old one, even of noise up to the Nyquist frequency: rounding."""
    x = noise[0, :nt, 0]
    np.testing.assert_allclose(resample(x, 1.0, 0.5)[::2], x, rtol=0, atol=1e-12)


def test_amplitude_spectrum_of_a_gaussian():
    """Its Fourier transform is known: width sqrt(pi) exp(-(pi f width)^2); sampled and cut at 1e-15 of the peak."""
    width, t = 0.05, np.arange(501) * DT
    frequencies, amplitude = amplitude_spectrum(np.exp(-(((t - 1.0) / width) ** 2)), DT)
    oracle = width * np.sqrt(np.pi) * np.exp(-((np.pi * np.asarray(frequencies) * width) ** 2))
    np.testing.assert_allclose(amplitude, oracle, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lowpass(x, DT, 20.0),
        lambda x: bandpass(x, DT, 5.0, 20.0, zero_phase=False),
        envelope,
        lambda x: resample(x, DT, 0.006),
        lambda x: amplitude_spectrum(x, DT)[1],
        peak,
    ],
    ids=["lowpass", "bandpass", "envelope", "resample", "spectrum", "peak"],
)
def test_derivatives_transforms_and_precision(function):
    """Finite differences (1e-6 relative in float64), jit, vmap and float32."""
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, 40)))
    check_grads(function, (x,), 1, ("fwd", "rev"), atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(function))(x), function(x), rtol=0, atol=1e-12)
    single = function(x.astype(jnp.float32))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, function(x), rtol=0, atol=1e-4)  # single precision of values of order ten


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_peak_is_the_largest_sample(noise, axis):
    np.testing.assert_array_equal(peak(noise, axis=axis), noise.max(axis, keepdims=True))


def test_gradients_of_silence_are_finite():
    for function in (envelope, peak, lambda x: amplitude_spectrum(x, DT)[1]):
        gradient = jax.grad(lambda x, f=function: jnp.sum(f(x)))(jnp.zeros(16))
        assert bool(np.all(np.isfinite(gradient)))


def test_errors():
    x = jnp.zeros(10)
    with pytest.raises(ValueError, match=r"`corner` = 200.0 Hz must lie.*Nyquist frequency 125 Hz"):
        lowpass(x, DT, 200.0)
    with pytest.raises(ValueError, match=r"`low` = 9.0 Hz, `high` = 3.0 Hz must lie, in rising order"):
        bandpass(x, DT, 9.0, 3.0)
    with pytest.raises(ValueError, match=r"no ratio of whole numbers.*such as 0.012568 s"):
        resample(x, DT, DT * np.pi)
    with pytest.raises(ValueError, match="must be positive"):
        resample(x, DT, 0.0)
    with pytest.raises(ValueError, match=r"`fraction` = 0.7"):
        taper(10, fraction=0.7)
    with pytest.raises(ValueError, match="`side` = 'up'"):
        taper(10, side="up")


@pytest.mark.parametrize("axis", [0, 1])
def test_flatten_makes_the_spectrum_of_the_wavelet_flat(axis):
    """A delayed wavelet ends with a spectrum that varies by 4 % where it had a tenth of its peak (the filter rings past the
    record), its phase unchanged; a corner keeps what is above away."""
    nt, frequency = 400, 10.0
    t = DT * np.arange(nt)
    wavelet = (1 - 2 * (np.pi * frequency * (t - 0.3)) ** 2) * np.exp(-((np.pi * frequency * (t - 0.3)) ** 2))
    data = np.stack([3 * wavelet, np.roll(wavelet, 120)], 1 - axis)
    flat = np.asarray(flatten(data, DT, wavelet, damping=1e-4, axis=axis))
    before, after = (np.fft.rfft(np.take(d, 0, 1 - axis), 2 * nt) for d in (data, flat))
    strong = np.abs(before) > 0.1 * np.abs(before).max()
    np.testing.assert_allclose(np.abs(after[strong]), np.abs(before).max(), rtol=0.05)
    np.testing.assert_allclose(np.angle(after[strong] / before[strong]), 0, atol=0.05)
    low = np.fft.rfft(np.take(np.asarray(flatten(data, DT, wavelet, corner=5.0, axis=axis)), 0, 1 - axis), 2 * nt)
    f = np.fft.rfftfreq(2 * nt, DT)
    assert np.abs(low[f > 15]).max() < 0.01 * np.abs(low).max()
    for bad in ({"damping": 0.0}, {"corner": -1.0}):
        with pytest.raises(ValueError, match="must be positive"):
            flatten(data, DT, wavelet, axis=axis, **bad)
    with pytest.raises(ValueError, match="`wavelet` is zero"):
        flatten(data, DT, 0 * wavelet, axis=axis)


def test_keep_fast_tells_waves_apart_by_apparent_speed():
    """Pulses that cross a line at 3000 m/s stay, of those at 600 m/s less than 2 % of the energy is left; what runs the other way
    goes the same way. The filter is its own adjoint."""
    nt, spacing = 400, 10.0
    t, x = DT * np.arange(nt)[:, None], spacing * np.arange(120)[None]
    squares = ((6 * np.pi * (t - 0.3 - x / speed)) ** 2 for speed in (3000.0, 600.0))
    fast, slow = (np.sin(np.pi * x / x.max()) * (1 - 2 * a) * np.exp(-a) for a in squares)
    for flip in (slice(None), slice(None, None, -1)):
        kept, left = (np.asarray(keep_fast(g[None, :, flip], DT, spacing, 1500.0))[0] for g in (fast, slow))
        assert np.sum((kept - fast[:, flip]) ** 2) < 0.01 * np.sum(fast**2)
        assert np.sum(left**2) < 0.02 * np.sum(slow**2)
    a, b = np.random.default_rng(1).normal(size=(2, 3, 50, 20))
    forth, back = (np.asarray(keep_fast(g, DT, spacing, 1500.0)) for g in (a, b))
    np.testing.assert_allclose(np.sum(forth * b), np.sum(a * back), rtol=1e-10)


@pytest.mark.parametrize("bad", [{"slowest": 0.0}, {"spacing": -1.0}, {"taper": 1.5}, {"dt": 0.0}])
def test_keep_fast_refuses_what_cannot_be(bad):
    with pytest.raises(ValueError, match="must be positive"):
        keep_fast(np.ones((5, 4)), **({"dt": DT, "spacing": 10.0, "slowest": 1500.0} | bad))
    with pytest.raises(ValueError, match="must end with the axes"):
        keep_fast(np.ones(5), DT, 10.0, 1500.0)


def test_divide():
    """The fallback where nothing can be divided by, and no NaN in any derivative there; the plain quotient elsewhere."""
    a, b = jnp.array([1.0, 2.0, 0.0]), jnp.array([4.0, 0.0, 0.0])
    np.testing.assert_array_equal(divide(a, b), [0.25, 0, 0])
    np.testing.assert_array_equal(divide(a, b, 7.0), [0.25, 7, 7])
    by_a, by_b = jax.jacobian(divide, argnums=(0, 1))(a, b)
    np.testing.assert_array_equal(np.diag(by_a), [0.25, 0, 0])
    np.testing.assert_array_equal(np.diag(by_b), [-1 / 16, 0, 0])
