"""Counts to ground motion, against an instrument whose response is a formula."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from events import make_inventory, make_trace, pulse, sensitivity

from adseis.earthquakes.ground_motion import read_ground_motion

obspy = pytest.importorskip("obspy")

NAME, DT, NT = "XX.STA..EHZ", 0.01, 2048
T = DT * np.arange(NT)
STATIONS = make_inventory({NAME: {"azimuth": 0.0, "dip": -90.0}})


def shipped(name):
    """A file of ObsPy's own tests, which some installations leave out."""
    path = Path(obspy.__file__).parent / name
    if not path.is_file():
        pytest.skip(f"ObsPy comes without {name}")
    return path


def counts(motion):
    """What the seismometer makes of a velocity [m/s]; the record is followed by as many zeros."""
    n = 8 * NT
    return np.fft.irfft(np.fft.rfft(motion, n) * np.nan_to_num(sensitivity(np.fft.rfftfreq(n, DT))), n)[:NT]


def within(signal, low, high):
    """A signal between two frequencies."""
    spectrum, frequency = np.fft.rfft(signal), np.fft.rfftfreq(signal.size, DT)
    return np.fft.irfft(np.where((frequency >= low) & (frequency <= high), spectrum, 0), signal.size)


def moved(order):
    """The pulse as a velocity (0), displacement (-1) or acceleration (1), by its spectrum."""
    spectrum, omega = np.fft.rfft(pulse(T - 4)), 2 * np.pi * np.fft.rfftfreq(NT, DT)
    return np.fft.irfft(spectrum * np.where(omega > 0, (1j * np.where(omega > 0, omega, 1.0)) ** order, 0), NT)


@pytest.mark.parametrize(
    ("quantity", "order", "unit"), [("velocity", 0, "m/s"), ("displacement", -1, "m"), ("acceleration", 1, "m/s^2")]
)
def test_response_is_removed(quantity, order, unit):
    """A pulse through the seismometer and back, compared within the band.

    The tapers of 1 % take off what rings beyond the record: 2e-3 of the peak, at the lowest frequencies.
    """
    stream = obspy.Stream([make_trace(NAME, 1e-6 * counts(pulse(T - 4)))])
    found = read_ground_motion(stream, STATIONS, quantity=quantity, band=(0.3, 20.0), water_level=None, detrend=None, taper=0.01)
    assert found[0].stats.unit == unit
    exact = 1e-6 * within(moved(order), 0.3, 20.0)
    np.testing.assert_allclose(within(found[0].data, 0.3, 20.0), exact, rtol=0, atol=2e-3 * abs(exact).max())


@pytest.mark.parametrize(
    ("unit", "scale"), [("nm/s", 1e-9), ("NM/SEC", 1e-9), ("um/s", 1e-6), ("MM/S", 1e-3), ("cm/s", 1e-2), ("m/s", 1.0)]
)
def test_instruments_that_count_in_other_units(unit, scale):
    """The same counts of an instrument per nm/s are 1e9 times less motion: rounding."""
    trace = make_trace(NAME, counts(pulse(T - 4)))
    plain = read_ground_motion(trace, STATIONS)
    found = read_ground_motion(trace, make_inventory({NAME: {}}, units=unit))
    np.testing.assert_allclose(found[0].data, scale * plain[0].data, rtol=0, atol=1e-12 * scale * np.abs(plain[0].data).max())
    assert "response" not in found[0].stats


@pytest.mark.parametrize(("unit", "order"), [("nm", 1), ("um/s**2", -1), ("UM/(S**2)", -1)])
def test_instruments_of_another_kind(unit, order):
    """What counts displacement or acceleration gives velocity by a derivative or an integral: a sine of 5 Hz, in its middle.

    Its ends spread it: 2 % of the peak.
    """
    omega, scale = 10 * np.pi, {"nm": 1e-9}.get(unit, 1e-6)
    plain = read_ground_motion(make_trace(NAME, np.sin(omega * T)), STATIONS, band=(1.0, 20.0))[0].data
    found = read_ground_motion(make_trace(NAME, np.sin(omega * T)), make_inventory({NAME: {}}, units=unit), band=(1.0, 20.0))[
        0
    ].data
    inner = slice(500, -500)
    expected = scale * omega**order * np.abs(plain[inner]).max()
    assert np.abs(found[inner]).max() == pytest.approx(expected, rel=0.02)


def test_published_response_in_nanometres():
    """SL.BOJS..LHZ, nm/s: 1.1e-6 V per nm/s times 1677700 counts per V, flat at 0.05 Hz (a 120 s instrument; 3 %)."""
    stations = obspy.read_inventory(shipped("core/tests/data/SL_BOJS_LHZ.xml"))
    t = np.arange(4000.0)
    trace = make_trace("SL.BOJS..LHZ", 1.845 * np.sin(0.1 * np.pi * t), 1.0, "2021-01-01")
    found = read_ground_motion(trace, stations, band=(0.01, 0.2))[0]
    assert found.stats.unit == "m/s"
    assert np.abs(found.data[1000:3000]).max() == pytest.approx(1e-9, rel=0.03)


def test_pressure():
    """A hydrophone of a formula: counts of a pulse come back as that pulse in Pa, compression positive, whatever its `dip` says.

    As for velocity, 2e-3 of the peak within the band.
    """
    stream = obspy.Stream([make_trace("XX.STA..EDH", counts(pulse(T - 4)))])
    for units, scale, dip in (("PA", 1.0, -90.0), ("hPa", 100.0, 90.0), ("PASCAL", 1.0, 0.0)):
        stations = make_inventory({"XX.STA..EDH": {"azimuth": 0.0, "dip": dip}}, units=units)
        found = read_ground_motion(
            stream, stations, quantity="pressure", band=(0.3, 20.0), water_level=None, detrend=None, taper=0.01
        )
        assert found[0].stats.unit == "Pa"
        exact = scale * within(pulse(T - 4), 0.3, 20.0)
        np.testing.assert_allclose(within(found[0].data, 0.3, 20.0), exact, rtol=0, atol=2e-3 * abs(exact).max())


def test_published_hydrophone():
    """3F.MRO01..HDH: of 10 Pa at 10 Hz its own response makes counts; back come 10 Pa in phase, though its gain is negative.

    A minute of a sine, of which the middle is looked at: 1 %.
    """
    stations = obspy.read_inventory(shipped("core/tests/data/hydrophone_response_PA.xml"))
    response = stations[0][0][0].response
    gain = response.get_evalresp_response_for_frequencies([10.0], output="DEF")[0]
    t = 0.01 * np.arange(6000)
    trace = make_trace("3F.MRO01..HDH", 10 * np.imag(gain * np.exp(20j * np.pi * t)), 0.01, "2021-01-01")
    found = read_ground_motion(trace, stations, quantity="pressure", band=(1.0, 30.0))[0]
    inner = slice(2000, -2000)
    np.testing.assert_allclose(found.data[inner], 10 * np.sin(20 * np.pi * t)[inner], rtol=0, atol=0.1)


def test_text_is_left_out():
    """A log beside a seismogram is named and left out; the seismogram is treated as if it were alone."""
    with pytest.warns(UserWarning, match=r"XX\.STA\.\.LOG: text, no samples; left out"):
        found = read_ground_motion(obspy.Stream([log(), a_trace()]), STATIONS)
    assert [trace.id for trace in found] == [NAME]
    np.testing.assert_array_equal(found[0].data, read_ground_motion(a_trace(), STATIONS)[0].data)


def test_rates_that_differ_by_rounding():
    """40 and 40.000016 Hz are one rate: the pieces are joined, the rate is that of the longer one, and no sample is lost."""
    start = obspy.UTCDateTime(0)
    one, two = (make_trace(NAME, pulse(T)[part], 0.025, start + at) for part, at in ((slice(1200), 0), (slice(1200, None), 30)))
    two.stats.sampling_rate = 40.000016
    (found,) = read_ground_motion(obspy.Stream([two, one]), quantity=None, detrend=None, taper=0.0)
    assert found.stats.sampling_rate == 40.0
    np.testing.assert_array_equal(found.data, pulse(T))


def test_the_stream_is_left_as_it_is():
    stream = obspy.Stream([make_trace(NAME, counts(pulse(T - 4)))])
    before = stream[0].data.copy()
    read_ground_motion(stream, STATIONS)
    np.testing.assert_array_equal(stream[0].data, before)
    assert "unit" not in stream[0].stats


def test_example_of_obspy():
    """BW.RJOB's seismometer is flat in the band: the amplitudes of velocity are counts over the 2.55e9 that its file gives.

    Towards 8 Hz its response falls by 1.5 %, hence 2 %; its delay of some milliseconds leaves amplitudes alone.
    """
    stream, stations = obspy.read(), obspy.read_inventory()
    for found, raw in zip(
        *(read_ground_motion(stream, stations, quantity=q, band=(0.5, 8.0)) for q in ("velocity", None)), strict=True
    ):
        assert found.id == raw.id
        np.testing.assert_allclose(np.linalg.norm(found.data), np.linalg.norm(raw.data) / 2.55e9, rtol=0.02)


def test_trend_and_band_without_response():
    """A line is removed to rounding; of two sines that in the band is kept, within what the ends of a finite sine spread."""
    inner = slice(400, -400)
    line = read_ground_motion(make_trace(NAME, 5 + 3 * T), quantity=None)
    assert np.abs(line[0].data).max() < 1e-9
    sines = np.sin(2 * np.pi * 5 * T) + np.sin(2 * np.pi * 0.5 * T)
    kept = read_ground_motion(make_trace(NAME, sines), quantity=None, band=(3.0, 10.0))
    np.testing.assert_allclose(kept[0].data[inner], np.sin(2 * np.pi * 5 * T)[inner], rtol=0, atol=0.02)


def test_pieces():
    """Pieces that continue each other are joined; others stay apart, each tapered."""
    noise = np.random.default_rng(0).standard_normal(NT)
    start = obspy.UTCDateTime(0)
    one, two, far = (make_trace(NAME, x, DT, start + k) for x, k in ((noise[:1000], 0), (noise[1000:], 10), (noise, 60)))
    joined, alone = read_ground_motion(obspy.Stream([one, two, far]), quantity=None, detrend=None)
    assert (joined.stats.npts, alone.stats.npts) == (NT, NT)
    np.testing.assert_array_equal(joined.data[500:1500], noise[500:1500])
    assert joined.data[0] == joined.data[-1] == alone.data[0] == 0


def test_dead_trace_is_zero():
    """A constant is not made to noise by a deconvolution."""
    assert not np.any(read_ground_motion(make_trace(NAME, np.full(NT, 7.0)), STATIONS)[0].data)


def with_nan():
    trace = make_trace(NAME, pulse(T))
    trace.data[100] = np.nan
    return trace


def with_gap():
    return obspy.Stream([make_trace(NAME, pulse(T), DT, obspy.UTCDateTime(k)) for k in (0, 40)]).merge()


def with_overlap():
    return obspy.Stream([make_trace(NAME, pulse(T), DT, obspy.UTCDateTime(k)) for k in (0, 7.003)])


def a_trace(name=NAME, dt=DT, samples=NT):
    return make_trace(name, pulse(T)[:samples], dt)


def with_two_rates():
    return obspy.Stream(
        [make_trace(NAME, pulse(T)[:n], dt, obspy.UTCDateTime(k)) for n, dt, k in ((900, DT, 0), (1000, 2 * DT, 9))]
    )


def with_two_gains():
    stream = obspy.Stream([make_trace(NAME, pulse(T)[:n], DT, obspy.UTCDateTime(k)) for n, k in ((900, 0), (1000, 9))])
    stream[1].stats.calib = 2.0
    return stream


def disagreeing():
    """Stations whose first stage says another unit than the whole."""
    stations = make_inventory({NAME: {}})
    stations[0][0][0].response.response_stages[0].input_units = "NM/S"
    return stations


def log():
    """A channel of text, as miniSEED has it."""
    trace = make_trace("XX.STA..LOG", np.frombuffer(b"Extended response: locked", "|S1"), 1.0)
    trace.stats.sampling_rate = 0.0
    return trace


@pytest.mark.parametrize(
    ("waveforms", "stations", "options", "message"),
    [
        (with_nan, STATIONS, {}, r"XX\.STA\.\.EHZ: 1 of 2048 samples are NaN or infinite, the first at 2020-02-29T23:59:51\.12"),
        (with_gap, STATIONS, {}, r"XX\.STA\.\.EHZ has gaps: \d+ samples are masked"),
        (with_overlap, STATIONS, {}, r"XX\.STA\.\.EHZ: a piece until .* overlap"),
        (partial(a_trace, samples=1), STATIONS, {}, r"XX\.STA\.\.EHZ has 1 samples"),
        (partial(a_trace, "XX.OTHER..EHZ"), STATIONS, {}, r"XX\.OTHER\.\.EHZ has no response .* knows XX\.STA\.\.EHZ"),
        (a_trace, make_inventory({NAME: {}}, response=False), {}, r"XX\.STA\.\.EHZ has no response in `stations`"),
        (a_trace, make_inventory({NAME: {}}, units="COUNTS"), {}, r"XX\.STA\.\.EHZ: its response is of COUNTS, not of ground"),
        (a_trace, make_inventory({NAME: {}}, units="PA"), {}, r'XX\.STA\.\.EHZ: its response is of pressure, .* to "pressure"'),
        (
            a_trace,
            STATIONS,
            {"quantity": "pressure"},
            r"XX\.STA\.\.EHZ: its response is of velocity, and .* asked for",
        ),
        (a_trace, disagreeing(), {}, r"XX\.STA\.\.EHZ: the first stage .* is of NM/S, the sensitivity of the whole of M/S"),
        (with_two_rates, STATIONS, {}, r"XX\.STA\.\.EHZ: its piece from .* has a sampling rate of 100 Hz, that from .* on 50 Hz"),
        (with_two_gains, STATIONS, {}, r"XX\.STA\.\.EHZ: its piece from .* has a `calib` of 1, that from .* on 2"),
        (log, STATIONS, {}, "`waveforms` holds nothing but text, in XX.STA..LOG"),
        (partial(a_trace, dt=0.1), STATIONS, {"band": (1.0, 8.0)}, r"XX\.STA\.\.EHZ is sampled at 10 Hz: .* 5 Hz is below"),
        (a_trace, None, {}, "`stations` must give the responses"),
        (a_trace, STATIONS, {"band": (3.0, 2.0)}, r"`band` = \(3.0, 2.0\) Hz must be two rising"),
        (a_trace, STATIONS, {"taper": 0.7}, r"`taper` = 0.7"),
        (partial(a_trace, samples=4), STATIONS, {}, r"XX\.STA\.\.EHZ has 4 samples, too few"),
    ],
)
def test_faults(waveforms, stations, options, message):
    with pytest.raises(ValueError, match=message):
        read_ground_motion(waveforms(), stations, **options)


def test_quantity_must_be_known():
    with pytest.raises(ValueError, match="`quantity` = 'speed' must be one of displacement, velocity, acceleration"):
        read_ground_motion(a_trace(), STATIONS, quantity="speed")


def test_detrend_must_be_known():
    with pytest.raises(ValueError, match="`detrend` = 'spline' must be"):
        read_ground_motion(a_trace(), STATIONS, detrend="spline")
