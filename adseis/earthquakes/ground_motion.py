"""From counts to ground motion or pressure: seismograms without their instruments, checked, detrended and tapered."""

import copy
import warnings
from typing import Any

import numpy as np

from adseis.earthquakes.seismic_files import read_stations, read_waveforms
from adseis.earthquakes.traces import check_overlaps, check_samples, joined, without_text
from adseis.earthquakes.units import Unit, parse_unit

OUTPUTS: dict[str, tuple[str, str]] = {
    "displacement": ("DISP", "m"),
    "velocity": ("VEL", "m/s"),
    "acceleration": ("ACC", "m/s^2"),
    "pressure": ("DEF", "Pa"),
}
"""Quantity -> ObsPy's name of it ("as the instrument has it" for pressure), and its unit."""

CANONICAL: dict[str, str] = {"displacement": "M", "velocity": "M/S", "acceleration": "M/S**2", "pressure": "PA"}
"""Quantity -> the spelling of its unit that ObsPy knows."""


def read_ground_motion(
    waveforms: Any,
    stations: Any = None,
    *,
    quantity: str | None = "velocity",
    band: tuple[float, float] | None = None,
    water_level: float | None = 60.0,
    detrend: str | None = "linear",
    taper: float = 0.05,
) -> Any:
    """Seismograms in SI units: trend and ends removed, then the instrument's response deconvolved within a band.

    The spectrum is divided by the response, held up where it is `water_level` dB below its maximum, and multiplied by a cosine
    flank from half of the lower corner to it, and another from the upper corner to 1.25 times of it. Pieces of a trace that
    continue each other are joined; each piece is treated on its own. Channels of text (logs) are left out with a warning.

    Instruments may count in any unit of motion or pressure, prefixes included (`adseis.earthquakes.units`). Pressure is positive
    in compression, as "p" of a simulation: the sign is that of the response, whose gain is negative where an instrument or its
    cable turns it. The `dip` that a file may give for a hydrophone is not looked at, since its meaning is not settled.

    Args:
        waveforms: Of `adseis.earthquakes.seismic_files.read_waveforms`: paths or an `obspy.Stream`, which is left as it is.
        stations: Of `read_stations`: a path or an `obspy.Inventory` with responses; not needed where `quantity` is None.
        quantity: "velocity", "displacement" or "acceleration" of the ground, "pressure" of hydrophones; None leaves the
            response in.
        band: Corner frequencies (low, high) [Hz]; by default what a trace can hold: 4 over its length to 0.7 of its Nyquist
            frequency. With `quantity` None, no filter is applied unless a band is given.
        water_level: Largest amplification under the maximum [dB]; None for no limit.
        detrend: "linear" removes a straight line, "constant" the mean, None nothing.
        taper: Share of the trace that a cosine taper takes at each end, 0 to 0.5.

    Returns:
        A new `obspy.Stream`; `trace.stats.unit` is "m", "m/s", "m/s^2" or "Pa". A dead trace, of one value all along, is zero.

    Raises:
        ValueError: If a trace has gaps or overlaps itself, changes its sampling rate, holds NaN, has no response or one of
            another kind than `quantity`, or its Nyquist frequency lies below the band; the message names the trace.
        FileNotFoundError: If there is no such file.
        ImportError: If ObsPy is not installed.

    References:
        Havskov, J. & Alguacil, G. (2016), Instrumentation in Earthquake Seismology, Springer, doi:10.1007/978-3-319-21314-9
    """
    _check_options(quantity, stations, band, detrend, taper)
    stream = without_text(read_waveforms(waveforms)).copy()
    for trace in stream:
        check_samples(trace)
        trace.data = np.asarray(trace.data, "float64")
    stream = joined(stream)
    check_overlaps(stream)
    corners = [_corners(trace, band) for trace in stream]
    inventory = None if quantity is None else read_stations(stations)
    responses = [None if quantity is None else _response(trace, inventory, quantity) for trace in stream]
    for trace, four, response in zip(stream, corners, responses, strict=True):
        alive = np.ptp(trace.data) > 0
        if detrend:
            trace.detrend("linear" if detrend == "linear" else "demean")
        if taper:
            trace.taper(taper, type="cosine")
        if quantity is not None and response is not None:
            _remove_response(trace, response, quantity, four, water_level)
            trace.stats.unit = OUTPUTS[quantity][1]
        elif band is not None:
            trace.data = _filtered(trace.data, trace.stats.delta, four)
        if not alive:
            trace.data[:] = 0
    return stream


def _check_options(
    quantity: str | None, stations: Any, band: tuple[float, float] | None, detrend: str | None, taper: float
) -> None:
    if quantity is not None and quantity not in OUTPUTS:
        raise ValueError(f"`quantity` = {quantity!r} must be one of {', '.join(OUTPUTS)}, or None.")
    if quantity is not None and stations is None:
        raise ValueError(f'`stations` must give the responses for `quantity` = "{quantity}"; or set `quantity` to None.')
    if band is not None and not 0 < band[0] < band[1]:
        raise ValueError(f"`band` = {band} Hz must be two rising, positive corners.")
    if detrend not in ("linear", "constant", None):
        raise ValueError(f'`detrend` = {detrend!r} must be "linear", "constant" or None.')
    if not 0 <= taper <= 0.5:
        raise ValueError(f"`taper` = {taper} must lie between 0 and 0.5.")


def _corners(trace: Any, band: tuple[float, float] | None) -> tuple[float, float, float, float]:
    """The four corners of the filter: where it begins to pass, passes, ceases to pass, has stopped [Hz]."""
    nyquist = 0.5 * trace.stats.sampling_rate
    low, high = band or (4 / (trace.stats.npts * trace.stats.delta), 0.7 * nyquist)
    if 1.25 * high > nyquist:
        raise ValueError(
            f"{trace.id} is sampled at {trace.stats.sampling_rate:.6g} Hz: its Nyquist frequency {nyquist:.6g} Hz is below the "
            f"{1.25 * high:.6g} Hz at which `band` = {band} Hz ends. Lower the band, or remove the trace."
        )
    if low >= high:
        raise ValueError(f"{trace.id} has {trace.stats.npts} samples, too few to hold a band. Give `band`, or a longer record.")
    return 0.5 * low, low, high, 1.25 * high


def _response(trace: Any, inventory: Any, quantity: str) -> tuple[Any, float]:
    """How the instrument turned what it felt, in SI units, into counts, and how many SI units its own one is."""
    time = trace.stats.starttime
    try:
        response = inventory.get_response(trace.id, time)
    except Exception as error:  # ObsPy raises a bare Exception
        known = sorted({channel for channel in inventory.get_contents()["channels"]})
        raise ValueError(
            f"{trace.id} has no response in `stations` at {time} (it knows {', '.join(known[:6]) or 'no channel'}"
            f"{', ...' if len(known) > 6 else ''}). Get one with responses, or set `quantity` to None."
        ) from error
    if not response.response_stages:
        raise ValueError(f"{trace.id}: its response in `stations` has no stages. Get one with all of them, or remove the trace.")
    response = copy.deepcopy(response)
    unit = _input_unit(trace, response)
    if (unit.quantity == "pressure") != (quantity == "pressure"):
        fitting = "pressure" if unit.quantity == "pressure" else "velocity"
        raise ValueError(
            f'{trace.id}: its response is of {unit.quantity}, and `quantity` = "{quantity}" was asked for. Remove the trace, or '
            f'set `quantity` to "{fitting}".'
        )
    for part in (response.response_stages[0], response.instrument_sensitivity):
        if part is not None:
            part.input_units = CANONICAL[unit.quantity]
    return response, unit.scale


def _input_unit(trace: Any, response: Any) -> Unit:
    """What the instrument feels: the input of its first stage, which is what is removed, or that of the whole."""
    first, whole = (getattr(part, "input_units", None) for part in (response.response_stages[0], response.instrument_sensitivity))
    unit, other = parse_unit(first or whole), parse_unit(whole)
    if unit is None:
        raise ValueError(
            f"{trace.id}: its response is of {first or whole or 'no unit'}, not of ground motion or pressure. Correct it in "
            "`stations`, or remove the trace."
        )
    if other is not None and other != unit:
        raise ValueError(
            f"{trace.id}: the first stage of its response is of {first}, the sensitivity of the whole of {whole}. Correct one of "
            "them in `stations`."
        )
    return unit


def _remove_response(
    trace: Any,
    response: tuple[Any, float],
    quantity: str,
    corners: tuple[float, float, float, float],
    water_level: float | None,
) -> None:
    attached = trace.stats.pop("response", None)
    trace.stats.response, scale = response
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of units that are checked already
            trace.remove_response(
                None, OUTPUTS[quantity][0], water_level=water_level, pre_filt=corners, zero_mean=False, taper=False
            )
    except Exception as error:  # as many kinds as there are broken responses
        raise ValueError(f"{trace.id}: its response cannot be removed ({error}). Repair it in `stations`.") from error
    del trace.stats.response
    if attached is not None:
        trace.stats.response = attached
    trace.data *= scale
    if not np.isfinite(trace.data).all():
        raise ValueError(f"{trace.id}: removing its response gives NaN. Give a `water_level`, or a `band` above zero.")


def _filtered(data: np.ndarray, dt: float, corners: tuple[float, float, float, float]) -> np.ndarray:
    """The flanks that `remove_response` applies, without a response."""
    n = 2 * data.size
    frequency = np.fft.rfftfreq(n, dt)
    rise = np.clip((frequency - corners[0]) / (corners[1] - corners[0]), 0, 1)
    fall = np.clip((corners[3] - frequency) / (corners[3] - corners[2]), 0, 1)
    flank = 0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall))
    return np.fft.irfft(np.fft.rfft(data, n) * flank, n)[: data.size]
