"""Source time functions against their spectra, their areas and NumPy."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes

from adseis import wavelets

DT, NT, F = 1e-3, 2000, 25.0
T = np.arange(NT) * DT
SHAPES = ["ricker", "gaussian", "gaussian_derivative", "brune", "triangle"]


def amplitude(samples, dt=DT):
    """Amplitude spectrum and its frequencies, 1/16 Hz apart."""
    n = int(16 / dt)
    return np.fft.rfftfreq(n, dt), np.abs(np.fft.rfft(np.asarray(samples), n)) * dt


def test_ricker_against_numpy():
    """The formula of the docstring, written once more: rounding."""
    a = (np.pi * F * (T - 0.1)) ** 2
    np.testing.assert_allclose(wavelets.ricker(F, NT, DT, delay=0.1), (1 - 2 * a) * np.exp(-a), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["ricker", "gaussian_derivative"])
def test_spectrum_peaks_at_frequency(name):
    """Within the 1/16 Hz of the spectrum's sampling; unit peak within the 1 ms of the trace's, (2 pi f dt / 2)^2 / 2 = 0.3 %."""
    s = getattr(wavelets, name)(F, NT, DT)
    f, spectrum = amplitude(s)
    assert f[np.argmax(spectrum)] == pytest.approx(F, abs=1 / 16)
    assert np.max(s) == pytest.approx(1.0, abs=4e-3)
    assert abs(s[0]) < 1e-7  # starts from rest at the default delay


def test_gaussian_family():
    """exp(-1/2) at `frequency`; `gaussian_derivative` is its scaled slope (central differences, (2 pi f dt)^2 / 2 = 1.3 %)."""
    pulse = np.asarray(wavelets.gaussian(F, NT, DT))
    f, spectrum = amplitude(pulse)
    assert spectrum[f == F].item() / spectrum[0] == pytest.approx(np.exp(-0.5), rel=1e-10)
    slope = np.gradient(pulse, DT) * np.exp(0.5) / (2 * np.pi * F)
    np.testing.assert_allclose(wavelets.gaussian_derivative(F, NT, DT), slope, rtol=0, atol=0.015)


def test_ormsby_spectrum_is_a_trapezoid():
    """Flat, zero and half way up where it should be; 1 % for the side lobes, cut 1 s from the peak where they are near 1e-3."""
    f, spectrum = amplitude(wavelets.ormsby((5.0, 10.0, 40.0, 60.0), NT, DT, delay=1.0))
    at = [0.0, 2.0, 7.5, 20.0, 35.0, 50.0, 65.0, 100.0]
    found = np.interp(at, f, spectrum) / np.interp(25.0, f, spectrum)
    np.testing.assert_allclose(found, [0, 0, 0.5, 1, 1, 0.5, 0, 0], rtol=0, atol=0.01)
    assert np.max(wavelets.ormsby((5.0, 10.0, 40.0, 60.0), NT, DT)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("name", "value"), [("brune", 4.0), ("triangle", 0.3)])
def test_moment_rates_have_unit_area(name, value):
    """The rectangle rule leaves (2 pi fc dt)^2 / 12 = 5e-5 for the kink of `brune` at its origin."""
    r = getattr(wavelets, name)(value, NT, DT, delay=0.2)
    assert np.sum(r) * DT == pytest.approx(1.0, abs=1e-4)
    assert np.all(np.asarray(r)[:200] == 0)
    assert np.min(r) >= 0


def test_brune_is_omega_square():
    """1 / (1 + (f/fc)^2), but for the aliases of a spectrum that falls as f^-2: (pi fc dt)^2 / 3 = 5e-5 of the peak."""
    f, spectrum = amplitude(wavelets.brune(4.0, NT, DT))
    at = [0.0, 4.0, 12.0]
    np.testing.assert_allclose(np.interp(at, f, spectrum), [1.0, 0.5, 0.1], rtol=0, atol=1e-4)


def test_triangle_against_numpy():
    """Piecewise linear through (0.2, 0), (0.35, 2 / 0.3), (0.5, 0): rounding."""
    expected = np.interp(T, [0.2, 0.35, 0.5], [0.0, 2 / 0.3, 0.0])
    np.testing.assert_allclose(wavelets.triangle(0.3, NT, DT, delay=0.2), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["ricker", "gaussian", "gaussian_derivative", "brune"])
def test_differentiable_in_frequency_and_delay(name):
    """Taylor slopes 1 and 2 within 10 %, over steps of 2 % of an argument (`brune`, kinked at its delay, by frequency)."""
    weights = jnp.cos(7 * T) * jnp.exp(-T)

    def f(x):
        return jnp.sum(weights * getattr(wavelets, name)(x["frequency"], NT, DT, delay=x["delay"])) * DT

    x = {"frequency": jnp.array(6.0), "delay": jnp.array(0.2512)}
    direction = {"frequency": jnp.array(0.24), "delay": jnp.array(0.0 if name == "brune" else 0.004)}
    assert taylor_slopes(f, x, direction) == pytest.approx((1.0, 2.0), rel=0.1)


def test_brune_gradient_by_delay():
    """-dr/dt in closed form: rounding."""
    w, tau = 2 * np.pi * 4.0, T - 0.2512
    slope = np.where(tau > 0, w**2 * (1 - w * tau) * np.exp(-w * np.maximum(tau, 0)), 0.0)
    by_delay = jax.jacfwd(lambda t0: wavelets.brune(4.0, NT, DT, delay=t0))(0.2512)
    np.testing.assert_allclose(by_delay, -slope, rtol=0, atol=1e-10)


def test_triangle_gradient():
    """Kinked, so no Taylor slope: d/dt0 = -r' = -+4/T^2 and, by scaling, d/dT = -(r + (t - t0) r') / T; rounding."""
    duration, delay = 0.3, 0.2512
    tau = T - delay
    slope = np.where((tau < 0) | (tau > duration), 0.0, np.where(tau < duration / 2, 4.0, -4.0)) / duration**2
    by_duration, by_delay = jax.jacfwd(lambda d, t0: wavelets.triangle(d, NT, DT, delay=t0), argnums=(0, 1))(duration, delay)
    np.testing.assert_allclose(by_delay, -slope, rtol=0, atol=1e-10)
    expected = -(np.asarray(wavelets.triangle(duration, NT, DT, delay=delay)) + tau * slope) / duration
    np.testing.assert_allclose(by_duration, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SHAPES)
def test_jit_vmap_and_dtype(name):
    """Batched and compiled it is the same to rounding; dtype follows the arguments, or `dtype`; integers are numbers too."""
    wavelet = getattr(wavelets, name)
    values = jnp.array([3.0, 8.0])
    batched = jax.jit(jax.vmap(lambda v: wavelet(v, NT, DT, delay=0.1)))(values)
    np.testing.assert_allclose(batched, np.stack([wavelet(v, NT, DT, delay=0.1) for v in values]), rtol=0, atol=1e-12)
    assert batched.shape == (2, NT)
    assert wavelet(3, NT, DT).dtype == jnp.float64
    assert wavelet(jnp.float32(3), NT, DT).dtype == jnp.float32
    single = wavelet(3.0, NT, DT, dtype=jnp.float32)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, wavelet(3.0, NT, DT), rtol=0, atol=1e-5 * np.abs(single).max())


def test_errors():
    with pytest.raises(ValueError, match=r"`nt` = 0 and `dt` = 0\.001 s must both be positive"):
        wavelets.ricker(F, 0, DT)
    with pytest.raises(ValueError, match="`dt` = nan s"):
        wavelets.triangle(F, 10, float("nan"))
    with pytest.raises(ValueError, match="f1 < f2 < f3 < f4"):
        wavelets.ormsby((5.0, 4.0, 40.0, 60.0), NT, DT)
    with pytest.raises(RuntimeError, match="`frequency` must be positive"):
        wavelets.ricker(-1.0, NT, DT)
    with pytest.raises(RuntimeError, match="`corner` must be positive"):
        jax.jit(lambda f: wavelets.brune(f, NT, DT))(0.0).block_until_ready()


@pytest.mark.parametrize(
    ("name", "value", "nt", "text"),
    [
        ("ricker", 8.0, 100, "after `nt` = 100 samples, at 0.198 s, it is still at 80 % of its peak"),
        ("gaussian", 8.0, 100, "% of its peak"),
        ("gaussian_derivative", 8.0, 100, "% of its peak"),
        ("brune", 1.0, 100, "% of its peak"),
        ("triangle", 0.3, 100, "% of its peak"),
        ("ormsby", (5.0, 10.0, 20.0, 30.0), 200, "at 0.398 s, its delay is not reached"),
        ("ricker", 8.0, 20, "its delay is not reached"),
    ],
)
def test_a_record_that_cuts_the_wavelet_is_warned_of(name, value, nt, text):
    """More than 1 % of the peak at the end, or no peak at all; nothing where the record is long enough, or values are traced."""
    wavelet = getattr(wavelets, name)
    with pytest.warns(UserWarning, match=text):
        wavelet(value, nt, 2e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wavelet(value, 1000, 2e-3)
        jax.eval_shape(lambda delay: wavelet(value, nt, 2e-3, delay=delay), 0.1)
