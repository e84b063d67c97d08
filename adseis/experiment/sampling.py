"""What a grid can carry: the fastest speed for its time step (CFL) and the shortest wavelength for its spacing."""

import math
import warnings
from collections.abc import Sequence

import numpy as np

POINTS_PER_WAVELENGTH = {2: 10.0, 4: 5.0, 6: 4.0, 8: 3.5}
"""Points per shortest wavelength below which numerical dispersion is worth a warning, by order."""

RICKER_BANDWIDTH = 2.5
"""Highest frequency of a Ricker wavelet over its peak frequency: there its spectrum has fallen to 3.3 % of the peak,
x^2 exp(1 - x^2) at x = 2.5."""


HIGHEST = 0.033
"""Share of the peak of their spectrum at which time functions end, as that of a Ricker wavelet at `RICKER_BANDWIDTH`."""

SLOW = 50.0
"""P waves run faster [m/s] in anything that seismology looks at; slower ones are most likely in km/s."""


def fastest_speed(spacing: Sequence[float], dt: float, order: int, *, staggered: bool = True) -> float:
    """The CFL limit [m/s]: the speed at which the shortest wave of the grid ceases to be stable.

    Leapfrog needs c dt sqrt(rho(L)) <= 2 with rho(L) the largest eigenvalue of the difference Laplacian, a sum over the axes:
    (2 sum_k abs(c_k) / h)^2 for staggered first differences c_k; else the second-difference stencil at the Nyquist wavenumber.

    Args:
        spacing: Distance of nodes per axis [m].
        dt: Time step [s].
        order: Spatial accuracy.
        staggered: Whether the scheme is staggered (velocity-stress) or a second-order one.

    Returns:
        Speed [m/s].

    Raises:
        ValueError: If `order` is not 2, 4, 6 or 8.
    """
    if staggered:
        symbol = (2 * np.abs(staggered_weights(order)).sum()) ** 2
    else:
        second = second_weights(order)
        alternating = (-1.0) ** np.arange(1, len(second) + 1)
        symbol = 2 * float(np.sum(second * (1 - alternating)))
    return 2 / (dt * math.sqrt(symbol * sum(1 / h**2 for h in spacing)))


def resolved_frequency(slowest: float, spacing: Sequence[float], order: int) -> float:
    """The peak frequency of a Ricker wavelet that a grid resolves up to `RICKER_BANDWIDTH` times the peak.

    Args:
        slowest: Least wave speed [m/s].
        spacing: Distance of nodes per axis [m].
        order: Spatial accuracy: 2, 4, 6 or 8.

    Returns:
        Frequency [Hz].
    """
    return slowest / max(spacing) / POINTS_PER_WAVELENGTH[check_order(order)] / RICKER_BANDWIDTH


def highest_frequency(time_functions: np.ndarray, dt: float, fraction: float = HIGHEST) -> float:
    """Highest frequency at which the spectra of time functions still exceed a fraction of their common peak.

    Args:
        time_functions: Samples, `(..., time)`.
        dt: Time step [s].
        fraction: Of the peak of the amplitude spectrum, maximal over the time functions.

    Returns:
        Frequency [Hz]; 0 if all samples are zero.
    """
    samples = time_functions.reshape(-1, time_functions.shape[-1])
    spectrum = np.abs(np.fft.rfft(samples, n=2 * samples.shape[-1], axis=-1)).max(axis=0)
    if not spectrum.size or spectrum.max() == 0:
        return 0.0
    return float(np.fft.rfftfreq(2 * samples.shape[-1], dt)[np.flatnonzero(spectrum > fraction * spectrum.max())[-1]])


def cut(time_functions: np.ndarray) -> float:
    """How large time functions still are when the record ends.

    Args:
        time_functions: Samples, `(..., time)`.

    Returns:
        The largest last sample over the peak of its time function; 0 of silence.
    """
    sizes = np.abs(time_functions.reshape(-1, time_functions.shape[-1]))
    peaks = sizes.max(axis=-1, initial=0.0)
    return float(np.max(np.where(peaks > 0, sizes[:, -1] / np.where(peaks > 0, peaks, 1), 0), initial=0.0))


def warn_of_kilometres(fastest: float, *, stacklevel: int = 2) -> bool:
    """Warn if no wave is faster than `SLOW`.

    Args:
        fastest: Speed [m/s].
        stacklevel: As of `warnings.warn`.

    Returns:
        Whether it warned.
    """
    if not 0 < fastest < SLOW:
        return False
    warnings.warn(
        f"The fastest wave runs {fastest:.3g} m/s: are the speeds in km/s? adseis takes m/s; multiply them by 1000.",
        stacklevel=stacklevel,
    )
    return True


ORDERS = (2, 4, 6, 8)


def check_order(order: int) -> int:
    """The order, if there is one like that.

    Args:
        order: Spatial accuracy.

    Returns:
        `order`.

    Raises:
        ValueError: If it is none of `ORDERS`.
    """
    if order not in ORDERS:
        raise ValueError(f"`order` = {order!r} is not available; use one of {ORDERS}.")
    return order


def staggered_weights(order: int) -> np.ndarray:
    """c with f'(x) = sum_k c[k-1] (f(x + k - 1/2) - f(x - k + 1/2)), by matching Taylor terms.

    Args:
        order: Spatial accuracy.

    Returns:
        Weights for a spacing of 1, `(order / 2,)`.

    Raises:
        ValueError: If `order` is none of `ORDERS`.

    References:
        Fornberg, B. (1988), Math. Comp. 51, 699-706, doi:10.1090/S0025-5718-1988-0935077-0
    """
    half = check_order(order) // 2
    k = np.arange(1, half + 1) - 0.5
    powers = 2 * np.arange(half) + 1
    return np.linalg.solve(2 * k[None, :] ** powers[:, None], (powers == 1).astype(float))


def second_weights(order: int) -> np.ndarray:
    """Second-derivative weights of f(x + k) + f(x - k), k = 1 ... order/2 (that of f(x): -2 sum).

    Args:
        order: Spatial accuracy.

    Returns:
        Weights for a spacing of 1, `(order / 2,)`.

    Raises:
        ValueError: If `order` is none of `ORDERS`.
    """
    half = check_order(order) // 2
    k = np.arange(1, half + 1.0)
    even = 2 * np.arange(half) + 2
    return np.linalg.solve(2 * k[None, :] ** even[:, None], 2.0 * (even == 2))
